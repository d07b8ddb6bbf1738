//! Input that is wrong: a precise answer, and nothing changes.

use axum::body::Body;
use axum::http::{Method, Request, header};
use rowlock_api_server::auth::Role;
use serde_json::json;

use crate::harness::{Reply, Server};

#[tokio::test]
async fn seats_that_can_not_be_booked_are_told_apart() {
    let server = Server::new();
    let venue = server.venue().await;
    let event = server.event_with(&venue, json!({})).await;
    let other = server.event_with(&venue, json!({"name": "Other"})).await;
    let (seats, foreign) = (server.seats(&event).await, server.seats(&other).await);
    let unknown = rowlock_proto::SeatId::new(event.parse().unwrap(), 99).to_string();
    let many: Vec<String> = (0..10_000)
        .map(|index| rowlock_proto::SeatId::new(event.parse().unwrap(), index).to_string())
        .collect();
    let sizes = server.fake.sizes();
    for (ids, status, code) in [
        (json!(["seat-nonsense"]), 422, "seat-unknown"),
        (json!([unknown]), 422, "seat-unknown"),
        (json!([seats[0], seats[0]]), 422, "seat-repeated"),
        (json!([seats[0], foreign[0]]), 422, "seat-of-another-event"),
        (json!([]), 422, "no-seats"),
        (json!(many), 422, "too-many-seats"),
        (json!("seat"), 400, "malformed"),
        (json!([1]), 400, "malformed"),
        (json!(null), 400, "malformed"),
    ] {
        let shown: String = ids.to_string().chars().take(60).collect();
        let reply =
            server.post("/bookings", "alice", json!({"eventId": event, "seatIds": ids})).await;
        assert_eq!((reply.status.as_u16(), reply.word("/code")), (status, code), "{shown}");
        reply.problem(status, code);
    }
    let body = json!({"eventId": "evt-nowhere", "seatIds": [seats[0]]});
    server.post("/bookings", "alice", body).await.problem(404, "event-not-found");
    let missing = server.post("/bookings", "alice", json!({"eventId": event})).await;
    missing.problem(400, "malformed");
    assert!(missing.word("/detail").contains("seatIds"), "{}", missing.text);
    assert_eq!(server.fake.sizes(), sizes);
}

async fn send(server: &Server, path: &str, kind: &str, body: impl Into<Body>) -> Reply {
    let token = server.token("organiser", Role::Organiser);
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/api/v1{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, kind)
        .body(body.into())
        .unwrap();
    server.raw(request).await
}

#[tokio::test]
async fn bodies_that_can_not_be_read_are_told_apart() {
    let server = Server::new();
    let json = "application/json";
    for (body, code, status) in [
        ("", "malformed", 400),
        ("{", "malformed", 400),
        ("[]", "malformed", 400),
        ("{\"eventId\": 5, \"seatIds\": []}", "malformed", 400),
        ("{\"eventId\": \"x\", \"seatIds\": []} {}", "malformed", 400),
        (&format!("{}{}", "[".repeat(5_000), "]".repeat(5_000)), "malformed", 400),
        ("{\"note\": \"4242 4242 4242 4242\"}", "card-number-refused", 422),
        ("{\"note\": 4242424242424242}", "card-number-refused", 422),
    ] {
        send(&server, "/bookings", json, body.to_owned()).await.problem(status, code);
    }
    let typed = send(&server, "/bookings", json, "{\"eventId\":\"x\",\"seatIds\":[\"a\",7]}").await;
    typed.problem(400, "malformed");
    assert_eq!(typed.word("/field"), "seatIds[1]");
    let binary = send(&server, "/bookings", json, vec![b'{', 0xff, b'}']).await;
    binary.problem(400, "malformed");
    send(&server, "/bookings", "text/plain", "{}").await.problem(415, "unsupported-media-type");
    let form = "application/x-www-form-urlencoded";
    send(&server, "/auth/login", form, "a=b").await.problem(415, "unsupported-media-type");
    let spaces = |count: usize| " ".repeat(count);
    send(&server, "/bookings", json, spaces(600 << 10)).await.problem(413, "too-large");
    send(&server, "/bookings", json, spaces(500 << 10)).await.problem(400, "malformed");
    send(&server, "/events", json, spaces(70 << 10)).await.problem(413, "too-large");
    send(&server, "/venues", json, spaces(33 << 20)).await.problem(413, "too-large");
    assert_eq!(server.fake.sizes(), [0; 4]);
}

#[tokio::test]
async fn tokens_that_do_not_hold_are_refused() {
    let server = Server::new();
    let good = server.token("alice", Role::Customer);
    let (head, rest) = good.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let ask = |authorization: String| {
        let request = Request::builder()
            .uri("/api/v1/users/me")
            .header(header::AUTHORIZATION, authorization)
            .body(Body::empty())
            .unwrap();
        server.raw(request)
    };
    assert_eq!(ask(format!("Bearer {good}")).await.status, 200);
    assert_eq!(ask(format!("bearer {good}")).await.status, 200);
    for bad in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer x".to_owned(),
        format!("Basic {good}"),
        format!("Bearer {head}.{claims}."),
        format!("Bearer {head}.{claims}.{}", signature.to_ascii_uppercase()),
        format!("Bearer eyJhbGciOiJub25lIn0.{claims}."),
        format!("Bearer {}", "a".repeat(10_000)),
    ] {
        let reply = ask(bad.clone()).await;
        reply.problem(401, "not-signed-in");
        assert!(reply.headers.contains_key("www-authenticate"), "{bad}");
    }
}
