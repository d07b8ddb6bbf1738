//! Sold places that are taken back, and the money that goes with them.

use axum::extract::{Path, State};
use axum::response::Response;
use rowlock_client::Answered;
use rowlock_client::types::{Booking, Refund};
use rowlock_proto::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::bookings::{BookingView, find_of_anyone, seats_of, shown};
use super::holds::named_places;
use super::venues::text;
use crate::app::App;
use crate::http::{Caller, IdempotencyKey, Json};
use crate::inventory::RefundOrder;
use crate::money::Amount;
use crate::payment::refunds::pay_owed;
use crate::places::{PlaceKind, places as booked};
use crate::problem::Problem;
use crate::time;

/// Bytes of a reason; the core has the same bound.
const REASON_BYTES_MAX: usize = 1_024;

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
    let places = places(&booking, &new)?;
    let order = RefundOrder { places: &places, reason: &new.reason, block: new.block };
    let decided =
        app.inventory.refund_places(booking.id, order, booking.user, request.key()).await?;
    // What can't be paid now stays owed, and is paid by whoever reconciles.
    let _work = app.running.enter(booking.id);
    let paid = pay_owed(&app, &decided.value.booking).await;
    let value = paid.unwrap_or(decided.value.booking);
    shown(&app, &caller, Answered { value, at: decided.at }).await
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
