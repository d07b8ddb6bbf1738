//! Places of a booking for other ones.

use axum::extract::State;
use axum::response::Response;
use rowlock_client::Answered;
use rowlock_client::types::{Cart, ExchangeOrder};
use rowlock_proto::ErrorCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::areas::AreaWish;
use super::best_available::BestAvailable;
use super::bookings::{BookingView, cart_of, find, find_of_anyone, seats_of, shown};
use crate::app::App;
use crate::http::body::BOOKING_BYTES_MAX;
use crate::http::{Caller, IdempotencyKey, Json, Path};
use crate::inventory::CLUSTER;
use crate::payment::refunds::pay_owed;
use crate::problem::Problem;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewExchange {
    /// Seats that come, by id. They may be among those that go.
    seat_ids: Option<Vec<String>>,
    /// Instead of seats by id, or besides them.
    best_available: Option<BestAvailable>,
    /// Places in areas without seats, alone or besides seats.
    areas: Option<Vec<AreaWish>>,
    /// Seats of the booking that go, by id. All that is left of it if neither `give` nor `givePlaces`
    /// is there.
    give: Option<Vec<String>>,
    /// Numbers of places in the booking that go, as its tickets name them.
    give_places: Option<Vec<u32>>,
}

/// Some places of a booking for others, all of it or nothing. Of a booking that is paid, what is left
/// over is paid back; dearer places are refused, and `difference` says by how much. A hold ends when it
/// did. The tickets of what goes are void, what comes has tickets of its own; who was passed a ticket has
/// that of the place that comes for it. Organisers may exchange for others, and, what is paid, also when
/// nothing is on sale. The same key again is the same exchange.
#[utoipa::path(post, path = "/bookings/{bookingId}/exchange", tag = "bookings",
    security(("bearer" = [])), request_body = NewExchange,
    params(("bookingId" = String, Path, description = "An id or a booking reference"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "The booking as it is now", body = BookingView),
        (status = 403, description = "queue-pass-needed: more places than go, of a guarded event"),
        (status = 404, description = "booking-not-found"),
        (status = 409, description = "seat-taken, not-enough-seats, not-together, limit-exceeded, \
            exchange-dearer, exchange-limit-reached, booking-expired, booking-state-conflict, \
            booking-disputed, payment-in-progress, ticket-redeemed, ticket-void, ticket-passed-on, \
            sale-paused, sale-closed"),
        (status = 422, description = "seat-unknown, seat-of-another-event, seat-repeated, no-seats, \
            area-unknown, place-unknown, too-many-seats, idempotency-key-reused")))]
pub(super) async fn exchange(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    body: Json<NewExchange, BOOKING_BYTES_MAX>,
) -> Result<Response, Problem> {
    let organises = caller.may_organise();
    let found =
        if organises { find_of_anyone(&app, &id).await } else { find(&app, &id, &caller).await };
    let booking = found?.value;
    let (id, event) = (booking.id, booking.event);
    let request = key.request(&caller.subject, &format!("POST /bookings/{id}/exchange"));
    app.recent.check(&request, body.fingerprint)?;
    let new = body.value;
    let take: Cart =
        cart_of(&app, event, new.seat_ids.as_deref(), new.best_available, new.areas.as_deref())
            .await?;
    // By name, as they are asked for: a repeat finds other numbers, or none.
    let give_seats = new.give.map(|ids| seats_of(event, &ids)).transpose()?.unwrap_or_default();
    let give = new.give_places.unwrap_or_default();
    let principal = if organises { CLUSTER } else { caller.user };
    let order = ExchangeOrder { give, give_seats, take, paid: None };
    let done = app.inventory.exchange_places(id, event, order, principal, request.key()).await;
    let done = done.map_err(|error| match error.code() {
        Some(ErrorCode::BookingNotFound) => Problem::booking_not_found(),
        Some(_) | None => Problem::of_booking(error, &booking),
    })?;
    if done.value.refund.is_none() {
        return shown(&app, &caller, done.map(|done| done.booking)).await;
    }
    // What can't be paid now stays owed, and is paid by whoever reconciles.
    let _work = app.running.enter(id);
    let paid = pay_owed(&app, &done.value.booking).await;
    let value = paid.unwrap_or(done.value.booking);
    shown(&app, &caller, Answered { value, at: done.at }).await
}
