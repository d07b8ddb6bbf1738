//! What holds for every path: problems, limits, headers, machines' pages.

use axum::body::Body;
use axum::http::{Method, Request, header};
use rowlock_api_server::auth::Role;

use crate::harness::{Reply, Server};

async fn plain(server: &Server, method: Method, path: &str) -> Reply {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    server.raw(request).await
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let server = Server::new();
    for path in ["/api/v1/nowhere", "/api/v1", "/api/v2/events", "/nowhere", "/api/v1/events"] {
        let reply = plain(&server, Method::GET, path).await;
        let expected = if path == "/api/v1/events" { 405 } else { 404 };
        assert_eq!(reply.status, expected, "{path}: {}", reply.text);
        assert_eq!(reply.headers[header::CONTENT_TYPE], "application/problem+json", "{path}");
    }
    let put = plain(&server, Method::PUT, "/api/v1/bookings").await;
    put.problem(405, "method-not-allowed");
    assert_eq!(put.headers[header::ALLOW], "POST");
}

#[tokio::test]
async fn every_reply_has_its_headers() {
    let server = Server::new();
    let reply = plain(&server, Method::GET, "/api/v1/events/search").await;
    assert_eq!(reply.headers["x-content-type-options"], "nosniff");
    assert!(reply.headers.contains_key("content-security-policy"));
    assert!(reply.headers.contains_key("x-request-id"));
    let named = Request::builder()
        .uri("/healthz")
        .header("x-request-id", "mine-1")
        .body(Body::empty())
        .unwrap();
    assert_eq!(server.raw(named).await.headers["x-request-id"], "mine-1");
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri("/api/v1/bookings")
        .header(header::ORIGIN, "https://shop.example")
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,idempotency-key")
        .body(Body::empty())
        .unwrap();
    assert_eq!(server.raw(preflight).await.headers["access-control-allow-origin"], "*");
}

#[tokio::test]
async fn machines_find_what_they_look_for() {
    let server = Server::new();
    assert_eq!(plain(&server, Method::GET, "/healthz").await.status, 200);
    let event = server.event().await;
    assert_eq!(server.book(&event, "alice").await.status, 201);
    server.until("/events/search", |reply| reply.at("/pagination/total") == 1).await;
    // Ready once the events of every shard were read, not only of the one that was asked for.
    server.until_ready().await;
    let metrics = plain(&server, Method::GET, "/metrics").await.text;
    for line in [
        "bookings_total{status=\"success\"} 1",
        "booking_duration_seconds_count 1",
        "http_requests_total{method=\"POST\",route=\"/api/v1/bookings\",status=\"201\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    let document = server.get("/openapi.json", "").await;
    assert!(document.at("/openapi").as_str().unwrap().starts_with("3.1"));
    server.app.stop();
    plain(&server, Method::GET, "/readyz").await.problem(503, "unavailable");
}

#[tokio::test]
async fn rates_are_limited_where_asked_for() {
    let server = Server::rate_limited();
    let token = server.token("alice", Role::Customer);
    let mut taken = 0;
    // A slow machine leaves the bucket time to fill again, but never as fast as it is emptied.
    let refused = loop {
        let request = Request::builder()
            .uri("/api/v1/events/search")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap();
        let reply = server.raw(request).await;
        if reply.status != 200 {
            break reply;
        }
        taken += 1;
        assert!(taken < 2_000, "nothing is limited");
    };
    assert!(taken >= 100, "only {taken} were taken");
    refused.problem(429, "rate-limited");
    assert!(refused.headers.contains_key("retry-after"));
    // Someone else has a bucket of their own.
    assert_eq!(server.get("/events/search", "bob").await.status, 200);
}
