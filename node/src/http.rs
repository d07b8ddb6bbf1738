//! The metrics port: /metrics, /healthz, /readyz.
//!
//! Runs on a thread of its own, so that a scrape never holds up a command, and a busy or stuck
//! Raft thread can still be seen from outside.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use rowlock_raft_store::store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::group::Groups;
use crate::metrics::Metrics;

/// What the port tells about.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    pub(crate) groups: Arc<Groups>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) store: Arc<Store>,
}

/// Serves until `shutdown`.
pub(crate) async fn serve(
    port: Port,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(port);
    axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

/// Ready: every group here knows its leader, and the clock is checked.
async fn ready(State(port): State<Port>) -> impl IntoResponse {
    let mut missing: Vec<String> = port
        .groups
        .iter()
        .filter(|group| group.leader().is_none())
        .map(|group| format!("shard {} has no known leader", group.shard().id))
        .collect();
    if !port.clock.reading(port.clock.now()).checked {
        missing.push("the clock is not confirmed by a majority".to_owned());
    }
    if missing.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, missing.join("\n") + "\n")
    }
}

async fn metrics(State(port): State<Port>) -> impl IntoResponse {
    let text = port.metrics.render(
        &port.groups,
        port.clock.reading(port.clock.now()),
        port.store.sync_totals(),
    );
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text)
}
