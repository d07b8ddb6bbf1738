//! What can be done to a hold: more time, once, and some of its places given back.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use rowlock_client::types::Booking;
use rowlock_client::{Answered, key};
use rowlock_proto::ErrorCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::bookings::{self, BookingView, SEATS_MAX, layout_of};
use crate::app::App;
use crate::http::{Caller, IdempotencyKey, Json, reply};
use crate::problem::Problem;
use crate::time;

/// A request without a body is the same request whenever its key is the same.
pub(super) const NO_BODY: [u8; 32] = [0; 32];

/// Give a hold its whole time again, once.
#[utoipa::path(post, path = "/bookings/{bookingId}/extend", tag = "bookings",
    security(("bearer" = [])),
    params(("bookingId" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "The hold with its new end", body = BookingView),
        (status = 404, description = "booking-not-found"),
        (status = 409, description = "hold-already-extended, booking-expired, \
            booking-state-conflict")))]
pub(super) async fn extend(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let found = bookings::find(&app, &id, &caller).await?;
    let id = found.value.id;
    let request = key.request(&caller.subject, &format!("POST /bookings/{id}/extend"));
    let repeated = request.repeatable && app.recent.knows(&request);
    app.recent.check(&request, NO_BODY)?;
    let extended = match app.inventory.extend_hold(id, caller.user, request.key()).await {
        // A hold is extended once, and this request was seen here before: it was this one.
        Err(error) if repeated && error.code() == Some(ErrorCode::HoldAlreadyExtended) => found,
        other => other?,
    };
    answer(&app, &caller, extended).await
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Release {
    /// Numbers of the places, as `place` of a seat and `places` of an area say.
    places: Vec<u32>,
}

/// Give some places of a hold back; one at least must stay. All of them: delete the booking.
#[utoipa::path(post, path = "/bookings/{bookingId}/release", tag = "bookings",
    security(("bearer" = [])), request_body = Release,
    params(("bookingId" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "What is left of the hold", body = BookingView),
        (status = 404, description = "booking-not-found"),
        (status = 409, description = "booking-expired, booking-state-conflict: also if no place \
            would stay"),
        (status = 422, description = "place-unknown, invalid, idempotency-key-reused")))]
pub(super) async fn release(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    body: Json<Release>,
) -> Result<Response, Problem> {
    let id = bookings::find(&app, &id, &caller).await?.value.id;
    let request = key.request(&caller.subject, &format!("POST /bookings/{id}/release"));
    app.recent.check(&request, body.fingerprint)?;
    let mut places = body.value.places;
    let named = places.len();
    places.sort_unstable();
    places.dedup();
    if places.is_empty() || places.len() != named || places.len() > SEATS_MAX {
        let what = format!("must name 1 to {SEATS_MAX} places, each once");
        return Err(Problem::field("places", what));
    }
    let left = app.inventory.release_places(id, &places, caller.user, key::request_key()).await?;
    answer(&app, &caller, left).await
}

async fn answer(
    app: &App,
    caller: &Caller,
    booking: Answered<Booking>,
) -> Result<Response, Problem> {
    let layout = layout_of(app, booking.value.event).await?;
    let now_ms = booking.at.log_time_ms.max(time::now_ms());
    let view = BookingView::of(app, caller, &booking.value, &layout, now_ms);
    Ok(reply::at(StatusCode::OK, booking.at, &view))
}
