//! Tickets of confirmed bookings: looked at, downloaded, passed on.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rowlock_client::types::{Booking, BookingState, TicketId, UserId};
use rowlock_client::{Answered, Error, subject};
use rowlock_proto::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::bookings::{SeatLabel, layout_of};
use crate::app::App;
use crate::http::{Caller, IdempotencyKey, Json, Path, reply};
use crate::layout::Layout;
use crate::pages;
use crate::places::{BookedPlace, places};
use crate::problem::Problem;
use crate::tickets::Stub;

/// Bytes of the name of a user that a ticket goes to.
const USER_BYTES_MAX: usize = 255;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TicketView {
    pub(crate) ticket_id: String,
    /// Number of the place in the booking.
    place: u32,
    /// A place in an area has the area's name as its section, and neither row nor number.
    pub(crate) seat: SeatLabel,
    /// VALID, REDEEMED, VOID, or TRANSFERRED for those who passed it on.
    status: &'static str,
    /// What the QR code says. Not there for those who passed the ticket on, nor if it is void.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// The QR code: a PNG as a data URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) qr_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) download_url: Option<String>,
    /// Paid with play money: good for no door.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) test: bool,
}

/// One ticket a place, in the order of the booking, as its buyer may see them.
pub(crate) fn ticket_views(app: &App, booking: &Booking, layout: &Layout) -> Vec<TicketView> {
    places(booking).map(|place| ticket_view(app, booking, layout, place, booking.user)).collect()
}

/// The tickets of a booking that `viewer` has, who did not buy it.
pub(super) fn tickets_of(
    app: &App,
    booking: &Booking,
    layout: &Layout,
    viewer: UserId,
) -> Vec<TicketView> {
    let its = places(booking).filter(|place| place.holder(booking) == viewer);
    its.map(|place| ticket_view(app, booking, layout, place, viewer)).collect()
}

/// The number of a place in a ticket's id. A booking has at most 100 places.
pub(super) fn item(place: u32) -> u8 {
    u8::try_from(place).unwrap_or(u8::MAX)
}

fn ticket_view(
    app: &App,
    booking: &Booking,
    layout: &Layout,
    place: BookedPlace<'_>,
    viewer: UserId,
) -> TicketView {
    let ticket = booking.id.ticket(item(place.number));
    // The code is the ticket: whoever passed it on must not get the new one.
    let holds = place.holder(booking) == viewer;
    let void = is_void(booking, place.number);
    let shown = holds && !void;
    let stub = stub_of(app, booking, place);
    TicketView {
        ticket_id: ticket.to_string(),
        place: place.number,
        seat: SeatLabel::of_place(layout, place.kind),
        status: match place.ticket {
            _ if !holds => "TRANSFERRED",
            _ if void => "VOID",
            Some(ticket) if ticket.redeemed.is_some() => "REDEEMED",
            Some(_) | None => "VALID",
        },
        code: shown.then(|| app.tickets.code(&stub)),
        qr_code: shown.then(|| app.tickets.picture(&stub)),
        download_url: shown.then(|| format!("{}/tickets/{ticket}/download", super::BASE)),
        test: stub.test,
    }
}

/// What the ticket of a place says at the door.
pub(super) fn stub_of(app: &App, booking: &Booking, place: BookedPlace<'_>) -> Stub {
    Stub {
        ticket: booking.id.ticket(item(place.number)),
        event: booking.event,
        seat: place.kind.seat_in_code(),
        version: place.version(),
        test: app.provider.is_test(),
    }
}

pub(super) fn missing() -> Problem {
    Problem::new(ErrorCode::TicketNotFound, "there is no ticket of yours with this id")
}

/// The booking that the ticket is of, whoever holds it.
pub(super) async fn booking_of(app: &App, ticket: TicketId) -> Result<Answered<Booking>, Problem> {
    match app.inventory.booking_by_locator(ticket.locator()).await {
        // The id has a part that can't be guessed from another's.
        Ok(found) if found.value.id.ticket(ticket.item()) == ticket => Ok(found),
        Ok(_) | Err(Error::Refused(_)) => Err(missing()),
        Err(error) => Err(error.into()),
    }
}

/// The place of a valid ticket.
pub(super) fn place_of(booking: &Booking, ticket: TicketId) -> Option<BookedPlace<'_>> {
    let valid = booking.state == BookingState::Confirmed;
    places(booking).find(|place| valid && place.number == u32::from(ticket.item()))
}

pub(super) fn is_void(booking: &Booking, place: u32) -> bool {
    booking.extras.voids.iter().any(|void| void.place == place)
}

/// The place of a ticket that `user` has and that is good.
pub(super) fn usable(
    booking: &Booking,
    ticket: TicketId,
    user: UserId,
) -> Result<BookedPlace<'_>, Problem> {
    let place = place_of(booking, ticket).filter(|place| place.holder(booking) == user);
    let place = place.ok_or_else(missing)?;
    if is_void(booking, place.number) {
        return Err(Problem::new(ErrorCode::TicketVoid, "the ticket is void"));
    }
    Ok(place)
}

/// A ticket of one's own.
#[utoipa::path(get, path = "/tickets/{ticketId}", tag = "tickets", security(("bearer" = [])),
    params(("ticketId" = String, Path)),
    responses((status = 200, description = "The ticket", body = TicketView),
        (status = 404, description = "ticket-not-found")))]
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let ticket: TicketId = id.parse().map_err(|_| missing())?;
    let found = booking_of(&app, ticket).await?;
    let layout = layout_of(&app, found.value.event).await?;
    let place = place_of(&found.value, ticket);
    let place = place.filter(|place| place.holder(&found.value) == caller.user);
    let view = ticket_view(&app, &found.value, &layout, place.ok_or_else(missing)?, caller.user);
    Ok(reply::at(StatusCode::OK, found.at, &view))
}

/// The ticket's page, for its holder.
pub(crate) async fn page(app: &App, caller: &Caller, id: &str) -> Result<Response, Problem> {
    let ticket: TicketId = id.parse().map_err(|_| missing())?;
    let booking = booking_of(app, ticket).await?.value;
    let place = usable(&booking, ticket, caller.user)?;
    let event = app.inventory.event(booking.event).await?.value;
    let layout = layout_of(app, booking.event).await?;
    let view = ticket_view(app, &booking, &layout, place, caller.user);
    Ok(pages::ticket(&event, &booking, &view).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Transfer {
    /// Who gets the ticket, as their token names them. This or `email`.
    user_id: Option<String>,
    /// The address of the account that gets the ticket.
    email: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TransferView {
    ticket_id: String,
    status: &'static str,
}

/// Pass a ticket on to another user: its code from before is good no more.
#[utoipa::path(post, path = "/tickets/{ticketId}/transfer", tag = "tickets",
    security(("bearer" = [])), request_body = Transfer,
    params(("ticketId" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "It was passed on", body = TransferView),
        (status = 404, description = "ticket-not-found, user-not-found"),
        (status = 409, description = "ticket-redeemed, ticket-void, ticket-replaced"),
        (status = 422, description = "invalid, idempotency-key-reused")))]
pub(super) async fn transfer(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    body: Json<Transfer>,
) -> Result<Response, Problem> {
    let ticket: TicketId = id.parse().map_err(|_| missing())?;
    let request = key.request(&caller.subject, &format!("POST /tickets/{ticket}/transfer"));
    app.recent.check(&request, body.fingerprint)?;
    let to = receiver(&app, &body.value).await?;
    let booking = booking_of(&app, ticket).await?.value;
    let place = place_of(&booking, ticket).ok_or_else(missing)?;
    let (holder, version) = (place.holder(&booking), place.version());
    let version = if holder == caller.user {
        if to == caller.user {
            return Err(Problem::invalid("the ticket is yours already"));
        }
        version
    } else if holder == to && version > 0 && request.repeatable {
        // Passed on to the same user: this request again, as far as the cluster can tell.
        version - 1
    } else {
        return Err(missing());
    };
    let place = place.number;
    let key = request.key();
    let done = app.inventory.transfer_ticket(booking.id, place, version, to, caller.user, key);
    let at = done.await?.at;
    let view = TransferView { ticket_id: ticket.to_string(), status: "TRANSFERRED" };
    Ok(reply::at(StatusCode::OK, at, &view))
}

async fn receiver(app: &App, to: &Transfer) -> Result<UserId, Problem> {
    match (&to.user_id, &to.email) {
        (Some(user), None) if !user.trim().is_empty() && user.len() <= USER_BYTES_MAX => {
            Ok(subject::user_id(user))
        }
        (Some(_), None) => {
            Err(Problem::field("userId", format!("must have 1 to {USER_BYTES_MAX} bytes")))
        }
        (None, Some(email)) => match app.inventory.user_by_email(email).await {
            Ok(found) => Ok(found.value.id),
            Err(Error::Refused(_)) => {
                let what = "there is no account with this address";
                Err(Problem::new(ErrorCode::UserNotFound, what).with("field", json!("email")))
            }
            Err(error) => Err(error.into()),
        },
        (Some(_), Some(_)) | (None, None) => {
            Err(Problem::invalid("one of userId and email is needed"))
        }
    }
}
