//! Sold places that are taken back, and the money that goes with them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rowlock_client::life::RefundLine;
use rowlock_client::types::{Booking, Refund};
use rowlock_client::{Answered, Error};
use rowlock_proto::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::bookings::{BookingView, find_of_anyone, seats_of, shown};
use super::events;
use super::holds::named_places;
use super::venues::text;
use crate::app::App;
use crate::http::{Caller, IdempotencyKey, Json, Path, Query, reply};
use crate::inventory::RefundOrder;
use crate::money::Amount;
use crate::payment::refunds::pay_owed;
use crate::places::{PlaceKind, places as booked};
use crate::problem::Problem;
use crate::time;

/// Bytes of a reason; the core has the same bound.
pub(super) const REASON_BYTES_MAX: usize = 1_024;
/// A place that no booking has.
const NO_PLACE: u32 = u32::MAX;
/// Refunds of a page, unless it is said how many, and at most.
const LISTED: u32 = 100;
const LISTED_MAX: u32 = 500;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewRefund {
    /// Seats of the booking that are taken back. All that is left of it if neither `seatIds` nor
    /// `places` is there.
    seat_ids: Option<Vec<String>>,
    /// Numbers of places in the booking, as its tickets name them.
    places: Option<Vec<u32>>,
    reason: String,
    /// The seats don't go back on sale.
    #[serde(default)]
    block: bool,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefundView {
    #[schema(value_type = f64)]
    amount: Amount,
    /// OWED until the payment provider has paid it, then PAID.
    status: &'static str,
    reason: String,
    decided_at: String,
    /// The provider's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_id: Option<String>,
}

impl RefundView {
    pub(super) fn of(refund: &Refund, currency: &str) -> Self {
        let paid = !refund.reference.is_empty();
        Self {
            amount: Amount::new(refund.amount, currency),
            status: if paid { "PAID" } else { "OWED" },
            reason: refund.reason.clone(),
            decided_at: time::rfc3339(refund.decided_ms),
            refund_id: paid.then(|| refund.reference.clone()),
        }
    }
}

/// Take sold seats back, all of a booking's or some, and pay what they cost back. The money is on
/// record as owed before the provider is asked, and is paid in any case. The same key again is the
/// same refund.
#[utoipa::path(post, path = "/bookings/{bookingId}/refund", tag = "bookings",
    security(("bearer" = [])), request_body = NewRefund,
    params(("bookingId" = String, Path, description = "An id or a booking reference"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "The booking as it is now", body = BookingView),
        (status = 403, description = "not-allowed: needs the role organiser"),
        (status = 404, description = "booking-not-found"),
        (status = 409, description = "booking-state-conflict, ticket-redeemed"),
        (status = 422, description = "seat-unknown, place-unknown, idempotency-key-reused")))]
pub(super) async fn refund(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    body: Json<NewRefund>,
) -> Result<Response, Problem> {
    caller.must_organise()?;
    let booking = find_of_anyone(&app, &id).await?.value;
    let request = key.request(&caller.subject, &format!("POST /bookings/{}/refund", booking.id));
    app.recent.check(&request, body.fingerprint)?;
    let new = body.value;
    text("reason", &new.reason, REASON_BYTES_MAX)?;
    let (places, unknown) = match places(&booking, &new) {
        Ok(places) => (places, None),
        // Gone by this same request, perhaps: the cluster knows its key, or no such place.
        Err(problem) if request.repeatable => (vec![NO_PLACE], Some(problem)),
        Err(problem) => return Err(problem),
    };
    let order = RefundOrder { places: &places, reason: &new.reason, block: new.block };
    let decided = app.inventory.refund_places(booking.id, order, booking.user, request.key()).await;
    let decided = match (decided, unknown) {
        (Ok(decided), _) => decided,
        (Err(Error::Refused(_)), Some(problem)) => return Err(problem),
        (Err(error), _) => return Err(error.into()),
    };
    // What can't be paid now stays owed, and is paid by whoever reconciles.
    let _work = app.running.enter(booking.id);
    let paid = pay_owed(&app, &decided.value.booking).await;
    let value = paid.unwrap_or(decided.value.booking);
    shown(&app, &caller, Answered { value, at: decided.at }).await
}

/// A refund, as an organiser's books have it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RefundLineView {
    booking_id: String,
    booking_reference: String,
    /// Its number in the booking; not there if a payment came too late and all of it goes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u32>,
    #[schema(value_type = f64)]
    amount: Amount,
    currency: String,
    /// OWED, then PAID.
    status: &'static str,
    /// PROVIDER, or DESK: paid there by hand.
    paid_by: &'static str,
    reason: String,
    decided_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RefundsView {
    /// By booking; a page may have none and not be the last.
    refunds: Vec<RefundLineView>,
    /// Send it as `after` for the next page; not there: this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u32>,
}

/// What goes back, or has gone, of an event's bookings.
#[utoipa::path(get, path = "/events/{eventId}/refunds", tag = "events",
    security(("bearer" = [])),
    params(("eventId" = String, Path),
        ("owed" = Option<bool>, Query, description = "true: only what is still to be paid"),
        ("after" = Option<u32>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 500; 100 unless said otherwise")),
    responses((status = 200, description = "A page of refunds", body = RefundsView),
        (status = 400, description = "malformed"), (status = 403, description = "not-allowed"),
        (status = 404, description = "event-not-found"), (status = 422, description = "invalid")))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Problem> {
    caller.must_organise()?;
    let event = events::find(&app, &id, Some(&caller)).await?.value;
    let limit = query.number::<u32>("limit")?.unwrap_or(LISTED);
    if !(1..=LISTED_MAX).contains(&limit) {
        return Err(Problem::field("limit", format!("must be 1 to {LISTED_MAX}")));
    }
    let after = query.number::<u32>("after")?.unwrap_or(0);
    let found = app.inventory.refunds(event.id, after, limit, query.flag("owed")?).await?;
    let currency = &event.spec.currency;
    let line = |line: RefundLine| RefundLineView {
        booking_id: line.booking.to_string(),
        booking_reference: line.booking.reference().to_string(),
        number: line.refund,
        amount: Amount::new(line.amount, currency),
        currency: currency.clone(),
        status: if line.reference.is_empty() { "OWED" } else { "PAID" },
        paid_by: if line.intent.is_empty() { "DESK" } else { "PROVIDER" },
        reason: line.reason,
        decided_at: time::rfc3339(line.decided_ms),
        refund_id: Some(line.reference).filter(|reference| !reference.is_empty()),
    };
    let refunds = found.value.lines.into_iter().map(line).collect();
    let view = RefundsView { refunds, next: found.value.next_seq };
    Ok(reply::at(StatusCode::OK, found.at, &view))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Settlement {
    /// What the seller's own books call the payment.
    reference: String,
}

/// Say that a refund was paid at the desk. What a provider owes is paid by the provider alone.
#[utoipa::path(post, path = "/bookings/{bookingId}/refunds/{number}/settle", tag = "bookings",
    security(("bearer" = [])), request_body = Settlement,
    params(("bookingId" = String, Path, description = "An id or a booking reference"),
        ("number" = u32, Path, description = "As the list of refunds names it"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "The booking as it is now", body = BookingView),
        (status = 403, description = "not-allowed: needs the role organiser"),
        (status = 404, description = "booking-not-found, refund-not-found"),
        (status = 409, description = "booking-state-conflict: it is not paid at the desk, or is paid"),
        (status = 422, description = "invalid, idempotency-key-reused")))]
pub(super) async fn settle(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path((id, number)): Path<(String, String)>,
    body: Json<Settlement>,
) -> Result<Response, Problem> {
    caller.must_organise()?;
    let booking = find_of_anyone(&app, &id).await?.value;
    let missing = || Problem::new(ErrorCode::RefundNotFound, "the booking has no such refund");
    let number: u32 = number.parse().map_err(|_| missing())?;
    let route = format!("POST /bookings/{}/refunds/{number}/settle", booking.id);
    let request = key.request(&caller.subject, &route);
    app.recent.check(&request, body.fingerprint)?;
    let reference = body.value.reference;
    text("reference", &reference, REASON_BYTES_MAX)?;
    let index = usize::try_from(number).map_err(|_| missing())?;
    let refund = booking.extras.refunds.get(index).ok_or_else(missing)?;
    let money = booking.extras.money.as_deref();
    if !money.is_some_and(|money| money.desk_refunds.contains(&number)) {
        let what = "the payment provider pays this refund, not the desk";
        return Err(Problem::new(ErrorCode::BookingStateConflict, what));
    }
    if !refund.reference.is_empty() && refund.reference != reference {
        let what = "the refund was paid already";
        let problem = Problem::new(ErrorCode::BookingStateConflict, what);
        return Err(problem.with("refundId", json!(refund.reference)));
    }
    let settled =
        app.inventory.settle_refund(booking.id, number, &reference, booking.user, request.key());
    shown(&app, &caller, settled.await?).await
}

/// The numbers of the places that are meant; none: all.
fn places(booking: &Booking, new: &NewRefund) -> Result<Vec<u32>, Problem> {
    if new.places.is_none() && new.seat_ids.is_none() {
        return Ok(Vec::new());
    }
    let mut places = new.places.clone().unwrap_or_default();
    if let Some(ids) = &new.seat_ids {
        for (id, seat) in ids.iter().zip(seats_of(booking.event, ids)?) {
            match booked(booking).find(|place| place.kind == PlaceKind::Seat(seat)) {
                Some(place) => places.push(place.number),
                None => {
                    let what = "the booking has no such seat";
                    let problem = Problem::new(ErrorCode::SeatUnknown, what);
                    return Err(problem.with("seatIds", json!([id])));
                }
            }
        }
    }
    named_places(places)
}
