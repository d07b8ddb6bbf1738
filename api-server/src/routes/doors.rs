//! The door: tickets are let in once, and a mistake is undone by those who run the event.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rowlock_client::types::{Booking, TicketId};
use rowlock_client::{Answered, key};
use rowlock_proto::ErrorCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bookings::{SeatLabel, layout_of};
use super::holds::NO_BODY;
use super::tickets::{booking_of, place_of};
use super::venues::text;
use crate::app::App;
use crate::http::{Caller, IdempotencyKey, Json, Path, reply};
use crate::problem::Problem;
use crate::time;

pub(super) const DOOR_BYTES_MAX: usize = 64;
pub(super) const CODE_BYTES_MAX: usize = 512;
/// What scans are named after, online and later.
pub(super) const REDEEM: &str = "POST /tickets/redeem";

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scan {
    /// What the ticket's QR code says.
    code: String,
    /// Which door.
    door: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AdmissionView {
    ticket_id: String,
    event_id: String,
    booking_reference: String,
    seat: SeatLabel,
    /// REDEEMED, or VALID after it was undone.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    redeemed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    door: Option<String>,
}

/// Let a ticket in. The same Idempotency-Key again is the same scan.
#[utoipa::path(post, path = "/tickets/redeem", tag = "tickets", security(("bearer" = [])),
    request_body = Scan,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "Welcome", body = AdmissionView),
        (status = 403, description = "not-allowed: this needs the role door"),
        (status = 404, description = "ticket-not-found"),
        (status = 409, description = "ticket-redeemed (with door and redeemedAt), ticket-replaced, \
            ticket-void"),
        (status = 422, description = "invalid, idempotency-key-reused")))]
pub(super) async fn redeem(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    body: Json<Scan>,
) -> Result<Response, Problem> {
    caller.must_keep_doors()?;
    let request = key.request(&caller.subject, REDEEM);
    app.recent.check(&request, body.fingerprint)?;
    let Scan { code, door } = body.value;
    text("door", &door, DOOR_BYTES_MAX)?;
    let foreign = || Problem::new(ErrorCode::TicketNotFound, "this is no code of a ticket of ours");
    if code.len() > CODE_BYTES_MAX {
        return Err(foreign());
    }
    let stub = app.tickets.read(code.trim()).ok_or_else(foreign)?;
    if stub.test && !app.provider.is_test() {
        let what = "the ticket was paid with play money";
        return Err(Problem::new(ErrorCode::TicketVoid, what));
    }
    let booking = booking_of(&app, stub.ticket).await?.value;
    // A place that changed its seat has a code of its own.
    let seat = place_of(&booking, stub.ticket).map(|place| place.kind.seat_in_code());
    if seat.is_some_and(|seat| seat != stub.seat) || booking.event != stub.event {
        return Err(Problem::new(ErrorCode::TicketReplaced, "the ticket is for another seat now"));
    }
    let place = u32::from(stub.ticket.item());
    let let_in = app
        .inventory
        .redeem_ticket(booking.id, place, stub.version, &door, caller.user, request.key())
        .await?;
    answer(&app, stub.ticket, let_in).await
}

/// Undo a redemption that was a mistake.
#[utoipa::path(post, path = "/tickets/{ticketId}/unredeem", tag = "tickets",
    security(("bearer" = [])),
    params(("ticketId" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "The ticket is good again", body = AdmissionView),
        (status = 403, description = "not-allowed: this needs the role organiser or admin"),
        (status = 404, description = "ticket-not-found"),
        (status = 409, description = "ticket-not-redeemed, ticket-void")))]
pub(super) async fn unredeem(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.must_organise()?;
    let missing = || Problem::new(ErrorCode::TicketNotFound, "there is no ticket with this id");
    let ticket: TicketId = id.parse().map_err(|_| missing())?;
    let request = key.request(&caller.subject, &format!("POST /tickets/{ticket}/unredeem"));
    let repeated = request.repeatable && app.recent.knows(&request);
    app.recent.check(&request, NO_BODY)?;
    let found = booking_of(&app, ticket).await?;
    let (booking, place) = (found.value.id, u32::from(ticket.item()));
    let undone = app.inventory.unredeem_ticket(booking, place, caller.user, key::request_key());
    let undone = match undone.await {
        // Nothing is left to undo, and this request was seen here before: it was this one.
        Err(error) if repeated && error.code() == Some(ErrorCode::TicketNotRedeemed) => found,
        other => other?,
    };
    answer(&app, ticket, undone).await
}

async fn answer(
    app: &App,
    ticket: TicketId,
    booking: Answered<Booking>,
) -> Result<Response, Problem> {
    let Answered { value: booking, at } = booking;
    let layout = layout_of(app, booking.event).await?;
    let place = place_of(&booking, ticket);
    let place = place.ok_or_else(|| Problem::new(ErrorCode::TicketVoid, "the ticket is void"))?;
    let redeemed = place.ticket.and_then(|ticket| ticket.redeemed.clone());
    let view = AdmissionView {
        ticket_id: ticket.to_string(),
        event_id: booking.event.to_string(),
        booking_reference: booking.id.reference().to_string(),
        seat: SeatLabel::of_place(&layout, place.kind),
        status: if redeemed.is_some() { "REDEEMED" } else { "VALID" },
        redeemed_at: redeemed.as_ref().map(|(at_ms, _)| time::rfc3339(*at_ms)),
        door: redeemed.map(|(_, door)| door),
    };
    Ok(reply::at(StatusCode::OK, at, &view))
}
