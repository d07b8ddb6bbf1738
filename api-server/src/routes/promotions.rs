//! Promotions: made by organisers, put on holds by those who have them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rowlock_client::key;
use rowlock_client::terms::Promotion;
use rowlock_client::types::RequestKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bookings::{self, BookingView};
use super::events::moment;
use super::terms::{Subject, SumView, bound, nothing, shown_bound, sum};
use super::venues::text;
use crate::app::App;
use crate::http::{Caller, IdempotencyKey, Json, Path, reply};
use crate::inventory::TermsOrder;
use crate::money::Decimal;
use crate::problem::Problem;
use crate::time;

/// Bytes of a promotion's or an access code; the core has the same bound.
pub(super) const CODE_BYTES_MAX: usize = 64;

/// What a promotion takes off: exactly one of `perPlace`, `perBooking` and `percent`. It never changes.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewPromotion {
    code: String,
    #[schema(value_type = Option<f64>)]
    per_place: Option<Decimal>,
    #[schema(value_type = Option<f64>)]
    per_booking: Option<Decimal>,
    #[schema(value_type = Option<f64>)]
    percent: Option<Decimal>,
    /// Names of the categories that it is for; none: all.
    #[serde(default)]
    categories: Vec<String>,
    /// Live bookings that may have it; any number unless said otherwise.
    max_uses: Option<u32>,
    max_uses_per_user: Option<u32>,
    /// Places of those categories that a booking must have for it.
    min_places: Option<u32>,
    /// RFC 3339: from when it may be asked for.
    from: Option<String>,
    /// RFC 3339: up to when.
    until: Option<String>,
}

impl NewPromotion {
    fn read(self, subject: &Subject) -> Result<Promotion, Problem> {
        text("code", &self.code, CODE_BYTES_MAX)?;
        let time = |field: &str, given: &Option<String>| match given {
            Some(given) => moment(field, given),
            None => Ok(0),
        };
        let (from_ms, until_ms) = (time("from", &self.from)?, time("until", &self.until)?);
        if until_ms != 0 && until_ms <= from_ms {
            return Err(Problem::field("until", "must be after from"));
        }
        let discount = sum(
            "promotion",
            self.per_place.as_ref(),
            self.per_booking.as_ref(),
            self.percent.as_ref(),
            &subject.event.spec.currency,
        )?;
        Ok(Promotion {
            discount,
            categories: subject.categories("categories", &self.categories)?,
            uses_max: bound("maxUses", self.max_uses)?,
            uses_per_user_max: bound("maxUsesPerUser", self.max_uses_per_user)?,
            places_min: self.min_places.unwrap_or(0),
            from_ms,
            until_ms,
            closed: false,
            code: self.code,
        })
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PromotionView {
    code: String,
    #[serde(flatten)]
    discount: SumView,
    categories: Vec<String>,
    max_uses: Option<u32>,
    max_uses_per_user: Option<u32>,
    min_places: u32,
    from: Option<String>,
    until: Option<String>,
    closed: bool,
    /// Live bookings that have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    uses: Option<u32>,
}

impl PromotionView {
    pub(super) fn of(it: &Promotion, uses: Option<u32>, subject: &Subject) -> Self {
        let time = |ms: u64| (ms != 0).then(|| time::rfc3339(ms));
        Self {
            code: it.code.clone(),
            discount: SumView::of(it.discount, &subject.event.spec.currency),
            categories: subject.category_names(&it.categories),
            max_uses: shown_bound(it.uses_max),
            max_uses_per_user: shown_bound(it.uses_per_user_max),
            min_places: it.places_min,
            from: time(it.from_ms),
            until: time(it.until_ms),
            closed: it.closed,
            uses,
        }
    }
}

/// Add a promotion. The same again changes nothing; its code never stands for something else.
#[utoipa::path(post, path = "/events/{eventId}/promotions", tag = "terms",
    security(("bearer" = [])), request_body = NewPromotion,
    params(("eventId" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 201, description = "The promotion", body = PromotionView),
        (status = 403, description = "not-allowed: needs the role organiser"),
        (status = 404, description = "event-not-found"),
        (status = 409, description = "code-exists, event-state-conflict, terms-full"),
        (status = 422, description = "invalid, idempotency-key-reused")))]
pub(super) async fn add(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    body: Json<NewPromotion>,
) -> Result<Response, Problem> {
    let subject = Subject::find(&app, &id, &caller).await?;
    let route = format!("POST /events/{}/promotions", subject.event.id);
    let request = key.request(&caller.subject, &route);
    app.recent.check(&request, body.fingerprint)?;
    let promotion = body.value.read(&subject)?;
    let view = PromotionView::of(&promotion, None, &subject);
    let order = TermsOrder::AddPromotion(promotion);
    let at = subject.change(&app, order, &caller, request.key()).await?;
    Ok(reply::at(StatusCode::CREATED, at, &view))
}

/// Close a promotion: no more bookings get it, and those that have it keep it.
#[utoipa::path(delete, path = "/events/{eventId}/promotions/{code}", tag = "terms",
    security(("bearer" = [])), params(("eventId" = String, Path), ("code" = String, Path)),
    responses((status = 204, description = "It is closed"),
        (status = 403, description = "not-allowed: needs the role organiser"),
        (status = 404, description = "event-not-found"),
        (status = 409, description = "event-state-conflict"),
        (status = 422, description = "promotion-unknown")))]
pub(super) async fn close(
    State(app): State<App>,
    caller: Caller,
    Path((id, code)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let subject = Subject::find(&app, &id, &caller).await?;
    let order = TermsOrder::ClosePromotion(code);
    Ok(nothing(subject.change(&app, order, &caller, key::request_key()).await?))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Wanted {
    code: String,
}

/// Put a promotion on a hold, in place of the one that it had. What is to be paid changes with it.
#[utoipa::path(post, path = "/bookings/{bookingId}/promotion", tag = "bookings",
    security(("bearer" = [])), request_body = Wanted,
    params(("bookingId" = String, Path, description = "An id or a booking reference"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "The booking with its new total", body = BookingView),
        (status = 404, description = "booking-not-found"),
        (status = 409, description = "promotion-used-up, promotion-not-now, \
            promotion-does-not-fit, booking-expired, booking-state-conflict"),
        (status = 422, description = "promotion-unknown, invalid, idempotency-key-reused")))]
pub(super) async fn apply(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    body: Json<Wanted>,
) -> Result<Response, Problem> {
    let booking = bookings::find(&app, &id, &caller).await?.value.id;
    let request = key.request(&caller.subject, &format!("POST /bookings/{booking}/promotion"));
    app.recent.check(&request, body.fingerprint)?;
    text("code", &body.value.code, CODE_BYTES_MAX)?;
    put(&app, &caller, &id, &body.value.code, request.key()).await
}

/// Take the promotion off a hold.
#[utoipa::path(delete, path = "/bookings/{bookingId}/promotion", tag = "bookings",
    security(("bearer" = [])),
    params(("bookingId" = String, Path, description = "An id or a booking reference")),
    responses((status = 200, description = "The booking with its new total", body = BookingView),
        (status = 404, description = "booking-not-found"),
        (status = 409, description = "booking-expired, booking-state-conflict")))]
pub(super) async fn take_off(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    put(&app, &caller, &id, "", key::request_key()).await
}

async fn put(
    app: &App,
    caller: &Caller,
    id: &str,
    code: &str,
    key: RequestKey,
) -> Result<Response, Problem> {
    let booking = bookings::find(app, id, caller).await?.value;
    let changed = app.inventory.apply_promotion(booking.id, code, caller.user, key).await;
    let changed = changed.map_err(|error| Problem::of_booking(error, &booking))?;
    bookings::shown(app, caller, changed).await
}
