//! Replies: JSON, and where in its shard's history the cluster made it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rowlock_client::Position;
use serde::Serialize;

use super::cache::{self, Keep};
use crate::problem::Problem;

/// `value` as JSON.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(text) => of_text(status, text),
        Err(error) => not_encoded(&error),
    }
}

fn of_text(status: StatusCode, text: Vec<u8>) -> Response {
    let mut response = (status, text).into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn not_encoded(error: &serde_json::Error) -> Response {
    tracing::error!(%error, "encode a reply");
    Problem::internal().into_response()
}

/// `value` as JSON that may be kept for a while; nothing but headers if the caller has it.
pub(crate) fn kept(request: &HeaderMap, value: &impl Serialize, keep: Keep) -> Response {
    match serde_json::to_vec(value) {
        Ok(text) => {
            let tag = cache::tag(&text);
            cache::keep(request, of_text(StatusCode::OK, text), &tag, keep)
        }
        Err(error) => not_encoded(&error),
    }
}

/// `value` as JSON, with the headers that say where it was true.
pub(crate) fn at(status: StatusCode, position: Position, value: &impl Serialize) -> Response {
    with_position(json(status, value), position)
}

pub(crate) fn with_position(mut response: Response, position: Position) -> Response {
    put(response.headers_mut(), position);
    response
}

fn put(headers: &mut HeaderMap, at: Position) {
    let mut set = |name, value: u64| {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    };
    set("rowlock-shard", u64::from(at.shard));
    set("rowlock-term", at.term);
    set("rowlock-index", at.index);
    set("rowlock-revision", at.revision);
    let time = HeaderValue::from_str(&crate::time::rfc3339(at.log_time_ms));
    if let Ok(time) = time {
        headers.insert(HeaderName::from_static("rowlock-log-time"), time);
    }
}
