//! What holds for every path: problems, limits, headers, machines' pages.

use axum::body::Body;
use axum::http::{Method, Request, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};
use rowlock_api_server::auth::Role;
use serde_json::Value;

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
async fn the_keys_that_tokens_are_checked_with_are_published() {
    let server = Server::new();
    let jwks = plain(&server, Method::GET, "/.well-known/jwks.json").await;
    assert_eq!(jwks.status, 200);
    assert!(jwks.headers[header::CACHE_CONTROL].to_str().unwrap().contains("public"));
    let key = jwks.at("/keys/0");
    let token = server.token("alice", Role::Customer);
    let head = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let head: Value = serde_json::from_slice(&head).unwrap();
    assert_eq!((&key["kid"], &key["alg"]), (&head["kid"], &head["alg"]));
    assert_eq!((&key["kty"], &key["crv"]), (&"OKP".into(), &"Ed25519".into()));
    assert!(key.get("d").is_none());
    // Whoever has it can check a token without asking.
    let public = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
    let public = VerifyingKey::from_bytes(&public.try_into().unwrap()).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let signature = Signature::from_slice(&signature).unwrap();
    assert!(public.verify_strict(signed.as_bytes(), &signature).is_ok());
}
