//! What stands around every route: request ids, limits of time and number, headers, metrics.

use std::any::Any;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rowlock_proto::ErrorCode;
use tower_http::cors::{Any as AnyOrigin, CorsLayer};

use super::card_in_text;
use crate::app::App;
use crate::problem::Problem;

/// Longer than any route waits for the cluster or a provider: what is inside gives up first, and can
/// say what it knows.
const ROUTE_TIME_MAX: Duration = Duration::from_secs(30);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_CHARS_MAX: usize = 64;
/// Scripts and pictures come from here only; pages style single elements by attribute.
const POLICY: &str = "default-src 'self'; img-src 'self' https: data:; style-src 'self' \
                      'unsafe-inline'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'";

/// The outermost layer: request id, overload, time, headers, metrics, log.
pub(crate) async fn outer(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&request);
    let method = known(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let mut response = match app.in_flight.try_acquire() {
        Err(_) => Problem::new(ErrorCode::Overloaded, "this server is busy").into_response(),
        Ok(_permit) => match tokio::time::timeout(ROUTE_TIME_MAX, next.run(request)).await {
            Ok(response) => response,
            Err(_) => {
                let what = "the request took too long; its outcome is not known";
                Problem::new(ErrorCode::UnknownOutcome, what).into_response()
            }
        },
    };
    let took = started.elapsed();
    app.metrics.request(method, &route, response.status().as_u16(), took);
    // Never the path itself or a body: ids are not secret, but what people send may be.
    tracing::debug!(
        method,
        route,
        status = response.status().as_u16(),
        took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        id = id.to_str().unwrap_or(""),
        "request"
    );
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert_with(|| HeaderValue::from_static(POLICY));
    response
}

/// Only methods that a route can have: in a log or a label, what callers choose would be whatever they
/// like, and grow without end.
const fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// The caller's own id if it is harmless, else a fresh one. It is logged and sent back, so it must not
/// be a card's number.
fn request_id(request: &Request) -> HeaderValue {
    let given = request.headers().get(&REQUEST_ID).filter(|value| {
        let bytes = value.as_bytes();
        (1..=REQUEST_ID_CHARS_MAX).contains(&bytes.len())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
            && !value.to_str().is_ok_and(card_in_text)
    });
    given.cloned().unwrap_or_else(|| {
        let fresh = hex::encode(rand::random::<[u8; 8]>());
        HeaderValue::from_str(&fresh).unwrap_or(HeaderValue::from_static("none"))
    })
}

/// Any origin may call the API: it is called with a token, never with a cookie.
pub(crate) fn cors() -> CorsLayer {
    let exposed = [
        "rowlock-shard",
        "rowlock-term",
        "rowlock-index",
        "rowlock-revision",
        "rowlock-log-time",
        "x-request-id",
        "retry-after",
        "etag",
        "ratelimit",
        "ratelimit-policy",
    ];
    CorsLayer::new()
        .allow_origin(AnyOrigin)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_NONE_MATCH,
            HeaderName::from_static("idempotency-key"),
            REQUEST_ID,
        ])
        .expose_headers(exposed.map(HeaderName::from_static))
        .max_age(Duration::from_secs(3_600))
}

/// What a panic in a route is answered with.
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let words = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = words.unwrap_or("without words"), "a route panicked");
    Problem::internal().into_response()
}
