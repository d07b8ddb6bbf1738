//! What can be done to a hold: more time, once, and some of its places given back.

use axum::extract::State;
use axum::response::Response;
use rowlock_client::key;
use rowlock_proto::ErrorCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::bookings::{self, BookingView, SEATS_MAX};
use crate::app::App;
use crate::http::{Caller, IdempotencyKey, Json, Path};
use crate::problem::Problem;

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
    bookings::shown(&app, &caller, extended).await
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
    let places = named_places(body.value.places)?;
    let left = app.inventory.release_places(id, &places, caller.user, key::request_key()).await?;
    bookings::shown(&app, &caller, left).await
}

/// The numbers of places that a request names, in order.
pub(super) fn named_places(mut places: Vec<u32>) -> Result<Vec<u32>, Problem> {
    places.sort_unstable();
    let each_once = places.is_sorted_by(|one, next| one < next);
    if places.is_empty() || !each_once || places.len() > SEATS_MAX {
        let what = format!("must name 1 to {SEATS_MAX} places, each once");
        return Err(Problem::field("places", what));
    }
    Ok(places)
}
