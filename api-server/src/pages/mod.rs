//! The shop: pages that need no script. Scripts only make them livelier: seats that change while one
//! looks, a clock that counts down.
//!
//! Owns: what is shown and the forms. Must not: do anything that the API can't; both call the same
//! functions. Sessions are the API's own tokens in a cookie that scripts can't read; every form
//! carries a token of ours, so that no other site can send it.

mod account;
mod booking;
mod challenge;
mod event;
mod events;
mod frame;
mod letters;
mod picker;
mod reference;
mod visitor;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;

use crate::app::App;
use crate::http::rate_limit;
use crate::problem::MEDIA_TYPE;

pub(crate) use booking::ticket;

const PROBLEM_BYTES_MAX: usize = 256 << 10;

/// Pages count as what else a user or an address asks for; the files that they are made of don't.
pub(crate) fn router(app: &App) -> Router<App> {
    let limited = Router::new()
        .route("/", get(events::list))
        .route("/events/{eventId}", get(event::show))
        .route("/events/{eventId}/hold", post(event::hold))
        .route("/bookings/{bookingId}", get(booking::show))
        .route("/bookings/{bookingId}/tickets.pdf", get(booking::paper))
        .route("/bookings/{bookingId}/visit.ics", get(booking::visit))
        .route("/bookings/{bookingId}/pay", post(booking::pay))
        .route("/bookings/{bookingId}/release", post(booking::release))
        .route("/tickets/{ticketId}", get(booking::show_ticket))
        .route("/sandbox/challenges/{paymentId}", get(challenge::show).post(challenge::answer))
        .route("/reference", get(reference::show))
        .route("/sign-in", get(account::sign_in_form).post(account::sign_in))
        .route("/register", get(account::register_form).post(account::register))
        .route("/sign-out", post(account::sign_out))
        .route("/verify-email", get(letters::verify_form).post(letters::verify))
        .route("/forgotten-password", get(letters::forgotten_form).post(letters::forgotten))
        .route("/reset-password", get(letters::reset_form).post(letters::reset))
        .layer(from_fn_with_state(app.clone(), rate_limit::layer))
        .layer(from_fn_with_state(app.clone(), visitor::present));
    Router::new()
        .merge(limited)
        .route("/assets/shop.css", get(style))
        .route("/assets/shop.js", get(script))
}

async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("shop.css"))
}

async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("shop.js"))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

/// Shows a problem outside the API as a page, to those who want pages.
pub(crate) async fn problem_as_page(request: Request, next: Next) -> Response {
    let wants_page = !request.uri().path().starts_with(crate::routes::BASE)
        && request
            .headers()
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"));
    let response = next.run(request).await;
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes() == MEDIA_TYPE.as_bytes());
    if !wants_page || !is_problem {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let read = axum::body::to_bytes(body, PROBLEM_BYTES_MAX).await.unwrap_or_default();
    let problem: Value = serde_json::from_slice(&read).unwrap_or_default();
    let word = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
    let page = frame::problem(&word("title"), &word("detail"));
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    parts.headers.insert(header::CONTENT_TYPE, kind);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(page.into_string()))
}

/// Sends the visitor on to `path` by GET.
fn go_to(path: &str) -> Response {
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(header::LOCATION, location);
    response
}
