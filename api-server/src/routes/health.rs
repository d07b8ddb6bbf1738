//! For machines that look after this server.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use rowlock_proto::ErrorCode;

use crate::app::App;
use crate::problem::Problem;

/// The process runs.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// It has read every shard once and is not about to stop.
pub(super) async fn readyz(State(app): State<App>) -> Result<&'static str, Problem> {
    if app.is_stopping() {
        return Err(Problem::new(ErrorCode::Unavailable, "this server is stopping"));
    }
    if !app.index.is_whole() {
        return Err(Problem::new(ErrorCode::Unavailable, "this server is still reading events"));
    }
    Ok("ready\n")
}

pub(super) async fn metrics(State(app): State<App>) -> Response {
    app.metrics.provider(app.provider.name(), app.provider.down_for().is_none());
    let mut response = app.metrics.text(&app.index.hot(), &app.index.lag()).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8"),
    );
    response
}
