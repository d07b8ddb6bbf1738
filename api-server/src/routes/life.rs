//! The life of an event on sale: paused, resumed, ended.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::events::{EventView, moment, parse, shown};
use super::refunds::REASON_BYTES_MAX;
use super::venues::text;
use crate::app::App;
use crate::http::{Caller, IdempotencyKey, Json, Path};
use crate::inventory::LifeOrder;
use crate::problem::Problem;

#[derive(Deserialize, ToSchema)]
pub(super) struct Pause {
    /// Shown to those who want to buy.
    reason: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SaleEnd {
    /// RFC 3339; null: the sale ends at no set time before the event.
    sale_end_date: Option<String>,
}

async fn live_on(
    app: &App,
    caller: &Caller,
    id: &str,
    key: &IdempotencyKey,
    what: &str,
    order: LifeOrder,
) -> Result<Response, Problem> {
    let event = parse(id)?;
    let request = key.request(&caller.subject, &format!("POST /events/{event}/{what}"));
    let done = app.inventory.live_on(event, order, caller.user, request.key()).await;
    done.map_err(|error| Problem::of_event(error, event))?;
    shown(app, event, StatusCode::OK).await
}

/// Stop selling for now. What is held may still be paid.
#[utoipa::path(post, path = "/events/{eventId}/pause", tag = "events", security(("bearer" = [])),
    request_body = Pause,
    params(("eventId" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "The event", body = EventView),
        (status = 404, description = "event-not-found"),
        (status = 409, description = "event-state-conflict"), (status = 422, description = "invalid")))]
pub(super) async fn pause(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    body: Json<Pause>,
) -> Result<Response, Problem> {
    caller.must_organise()?;
    text("reason", &body.value.reason, REASON_BYTES_MAX)?;
    let order = LifeOrder::Pause { reason: body.value.reason };
    live_on(&app, &caller, &id, &key, "pause", order).await
}

/// Sell again after a pause.
#[utoipa::path(post, path = "/events/{eventId}/resume", tag = "events", security(("bearer" = [])),
    params(("eventId" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "The event", body = EventView),
        (status = 404, description = "event-not-found"),
        (status = 409, description = "event-state-conflict")))]
pub(super) async fn resume(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.must_organise()?;
    live_on(&app, &caller, &id, &key, "resume", LifeOrder::Resume).await
}

/// End the sale for good. Payments that were begun may finish; tickets stay good.
#[utoipa::path(post, path = "/events/{eventId}/end", tag = "events", security(("bearer" = [])),
    params(("eventId" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "The event", body = EventView),
        (status = 404, description = "event-not-found"),
        (status = 409, description = "event-state-conflict")))]
pub(super) async fn end(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.must_organise()?;
    live_on(&app, &caller, &id, &key, "end", LifeOrder::End).await
}

/// Let the sale end by itself at a time before the event.
#[utoipa::path(put, path = "/events/{eventId}/sale-end", tag = "events", security(("bearer" = [])),
    request_body = SaleEnd, params(("eventId" = String, Path)),
    responses((status = 200, description = "The event", body = EventView),
        (status = 404, description = "event-not-found"),
        (status = 409, description = "event-state-conflict"), (status = 422, description = "invalid")))]
pub(super) async fn set_end(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Json<SaleEnd>,
) -> Result<Response, Problem> {
    caller.must_organise()?;
    let ends_ms = match body.value.sale_end_date.as_deref() {
        None => 0,
        Some(text) => moment("saleEndDate", text)?,
    };
    let order = LifeOrder::EndAt(ends_ms);
    live_on(&app, &caller, &id, &IdempotencyKey(None), "sale-end", order).await
}
