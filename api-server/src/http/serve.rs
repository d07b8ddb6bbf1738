//! Connections: how many, how long they may take to say what they want, and how they end. HTTP/1.1 alone:
//! who wants more has a proxy in front, for TLS.
//!
//! What could go wrong, and what answers it:
//! - Somebody opens connections and says nothing, or a letter a minute: a request's head has to be there
//!   in time, and an idle connection ends.
//! - More come than the process has descriptors for: they wait in the kernel's queue.
//! - The server is told to stop: no more connections; those that are idle end at once, those with a
//!   request after its answer, and what is left when the time is over is cut off.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Bounds of connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections: u32,
    /// From the first byte of a request, or from the end of the one before, to the end of its head.
    pub head_time: Duration,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    pub headers: usize,
    /// Requests that are being worked on may take so long to end once the server is told to stop.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            head_time: Duration::from_secs(20),
            head_bytes: 32 << 10,
            headers: 100,
            drain_time: Duration::from_secs(20),
        }
    }
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.head_time);
    builder.max_buf_size(limits.head_bytes).max_headers(limits.headers);
    builder
}

/// Serves until `stop`, then drains.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let builder = Arc::new(builder(&limits));
    let places = usize::try_from(limits.connections).unwrap_or(usize::MAX);
    let room = Arc::new(Semaphore::new(places));
    loop {
        let permit = tokio::select! {
            permit = Arc::clone(&room).acquire_owned() => permit,
            () = stop.cancelled() => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, say: the next try may do better, but not at once.
                tracing::warn!(%error, "take a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (router, builder, stop) = (router.clone(), Arc::clone(&builder), stop.clone());
        tokio::spawn(async move {
            talk(stream, peer, router, &builder, &stop).await;
            drop(permit);
        });
    }
    // The socket closes, so that whoever connects is sent to another server.
    drop(listener);
    // All places are free once the last connection has ended.
    let empty = room.acquire_many(limits.connections);
    if tokio::time::timeout(limits.drain_time, empty).await.is_err() {
        tracing::warn!("requests that did not end in time are cut off");
    }
}

async fn talk(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    builder: &http1::Builder,
    stop: &CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "set up a connection");
    }
    let service = tower::service_fn(move |mut request: Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let router = router.clone();
        async move {
            let request = request.map(axum::body::Body::new);
            let answered: Result<_, Infallible> = router.oneshot(request).await;
            answered
        }
    });
    let service = hyper_util::service::TowerToHyperService::new(service);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
