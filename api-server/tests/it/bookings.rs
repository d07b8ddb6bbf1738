//! Holding seats, looking at bookings, giving seats back.

use axum::http::Method;
use serde_json::json;

use crate::harness::Server;

#[tokio::test]
async fn a_booking_is_pending_with_its_seats_and_time() {
    let server = Server::new();
    let event = server.event().await;
    let booked = server.book(&event, "alice").await;
    assert_eq!(booked.status, 201, "{}", booked.text);
    assert_eq!(booked.word("/status"), "PENDING");
    assert_eq!(booked.at("/timeRemaining"), 600);
    assert!(booked.text.contains("\"totalAmount\":160.00"), "{}", booked.text);
    assert!(booked.word("/bookingReference").starts_with("BKG-"));
    let seat = booked.at("/seats/0");
    assert_eq!(
        (&seat["section"], &seat["row"], &seat["seatNumber"]),
        (&json!("BALCONY"), &json!("A"), &json!("1"))
    );
    for name in ["shard", "term", "index", "revision", "log-time"] {
        assert!(booked.headers.contains_key(format!("rowlock-{name}")), "{name}");
    }
    for id in [booked.word("/bookingId"), booked.word("/bookingReference")] {
        let read = server.get(&format!("/bookings/{id}"), "alice").await;
        assert_eq!(read.status, 200);
        assert_eq!(read.word("/bookingId"), booked.word("/bookingId"));
        assert!(read.at("/timeRemaining").as_u64().unwrap() <= 600);
        assert!(read.at("/tickets").is_null());
    }
}

#[tokio::test]
async fn bookings_of_others_look_like_none() {
    let server = Server::new();
    let event = server.event().await;
    let booked = server.book(&event, "alice").await;
    let path = format!("/bookings/{}", booked.word("/bookingId"));
    for who in ["bob", "admin"] {
        server.get(&path, who).await.problem(404, "booking-not-found");
        let deleted = server.call(Method::DELETE, &path, who, "", None).await;
        deleted.problem(404, "booking-not-found");
    }
    server.get(&path, "").await.problem(401, "not-signed-in");
    server.get("/bookings/nonsense", "alice").await.problem(404, "booking-not-found");
}

#[tokio::test]
async fn taken_seats_are_named_and_nothing_is_held() {
    let server = Server::new();
    let event = server.event().await;
    let seats = server.seats(&event).await;
    assert_eq!(server.book(&event, "alice").await.status, 201);
    let body = json!({"eventId": event, "seatIds": [seats[1], seats[2]]});
    let refused = server.post("/bookings", "bob", body).await;
    refused.problem(409, "seat-taken");
    assert_eq!(refused.at("/seatIds"), &json!([seats[1]]));
    let free = server.get(&format!("/events/{event}/seats?status=AVAILABLE"), "").await;
    assert_eq!(free.at("/seats").as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn p4_the_same_key_and_body_is_one_booking() {
    let server = Server::new();
    let event = server.event().await;
    let seats = server.seats(&event).await;
    let book = |seats: &[String], who: &'static str| {
        let body = json!({"eventId": event, "seatIds": seats});
        server.call(Method::POST, "/bookings", who, "k", Some(body))
    };
    let one = book(&seats[..2], "alice").await;
    server.fake.advance(5_000);
    let two = book(&seats[..2], "alice").await;
    assert_eq!((two.status.as_u16(), &two.text), (201, &one.text));
    assert_eq!(server.fake.sizes()[3], 1);
    book(&seats[2..3], "alice").await.problem(422, "idempotency-key-reused");
    // The key of one user is nothing to another.
    assert_eq!(book(&seats[2..3], "bob").await.status, 201);
}

#[tokio::test]
async fn a_body_may_name_its_caller_only() {
    let server = Server::new();
    let event = server.event().await;
    let seats = server.seats(&event).await;
    let body = |user: &str| json!({"eventId": event, "seatIds": [seats[0]], "userId": user});
    server.post("/bookings", "alice", body("bob")).await.problem(403, "not-allowed");
    assert_eq!(server.post("/bookings", "alice", body("alice")).await.status, 201);
}

#[tokio::test]
async fn released_seats_are_free_again() {
    let server = Server::new();
    let event = server.event().await;
    let booked = server.book(&event, "alice").await;
    let path = format!("/bookings/{}", booked.word("/bookingId"));
    for _ in 0..2 {
        let released = server.call(Method::DELETE, &path, "alice", "", None).await;
        assert_eq!((released.status.as_u16(), released.text.as_str()), (204, ""));
    }
    assert_eq!(server.get(&path, "alice").await.word("/status"), "CANCELLED");
    assert_eq!(server.book(&event, "bob").await.status, 201);
}

#[tokio::test]
async fn a_hold_ends_with_its_time() {
    let server = Server::new();
    let event = server.event().await;
    let booked = server.book(&event, "alice").await;
    server.fake.advance(601_000);
    let path = format!("/bookings/{}", booked.word("/bookingId"));
    let read = server.get(&path, "alice").await;
    assert_eq!((read.word("/status"), read.at("/timeRemaining")), ("EXPIRED", &json!(0)));
    let deleted = server.call(Method::DELETE, &path, "alice", "", None).await;
    deleted.problem(409, "booking-expired");
    assert_eq!(server.book(&event, "bob").await.status, 201);
}

#[tokio::test]
async fn sales_and_limits_are_kept() {
    let server = Server::new();
    let venue = server.venue().await;
    let early = server.event_with(&venue, json!({"saleStartDate": "2098-01-01T00:00:00Z"})).await;
    assert_eq!(server.get(&format!("/events/{early}"), "").await.word("/status"), "UPCOMING");
    let refused = server.book(&early, "alice").await;
    refused.problem(409, "sale-not-open");
    assert_eq!(refused.word("/opensAt"), "2098-01-01T00:00:00Z");
    let over = json!({"date": "2021-01-01T00:00:00Z"});
    let over = server.event_with(&venue, over).await;
    server.book(&over, "alice").await.problem(409, "sale-closed");
    let limited = server.event_with(&venue, json!({"maxSeatsPerUser": 1})).await;
    let refused = server.book(&limited, "alice").await;
    refused.problem(409, "limit-exceeded");
    assert_eq!(refused.at("/maxSeatsPerUser"), 1);
}

#[tokio::test]
async fn drafts_are_not_sold_and_not_told_of() {
    let server = Server::new();
    let venue = server.venue().await;
    let draft = server.post("/events", "organiser", crate::harness::event_body(&venue)).await;
    let id = draft.word("/id").to_owned();
    let seats = server.get(&format!("/events/{id}/seats"), "organiser").await;
    let body = json!({"eventId": id, "seatIds": [seats.at("/seats/0")["id"]]});
    server.post("/bookings", "alice", body).await.problem(404, "event-not-found");
}

#[tokio::test]
async fn a_cluster_that_is_away_is_a_503_that_says_when_to_come_back() {
    let server = Server::new();
    let event = server.event().await;
    let seats = server.seats(&event).await;
    server.fake.down.store(true, std::sync::atomic::Ordering::SeqCst);
    let body = json!({"eventId": event, "seatIds": [seats[0]]});
    let refused = server.post("/bookings", "alice", body).await;
    refused.problem(503, "unavailable");
    assert!(refused.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn best_available_seats_are_chosen_by_the_cluster() {
    let server = Server::new();
    let event = server.event().await;
    let best = |best: serde_json::Value| json!({ "eventId": event, "bestAvailable": best });
    let booked = server.post("/bookings", "alice", best(json!({ "quantity": 2 }))).await;
    assert_eq!(booked.status, 201, "{}", booked.text);
    assert_eq!(booked.at("/seats").as_array().unwrap().len(), 2);
    let odd = [
        (best(json!({ "quantity": 0 })), "invalid"),
        (best(json!({ "quantity": 101 })), "invalid"),
        (best(json!({ "quantity": 2, "categories": ["Nowhere"] })), "invalid"),
        (best(json!({ "quantity": 2, "sections": ["Nowhere"] })), "invalid"),
        (best(json!({ "quantity": 2, "maxPrice": -1 })), "invalid"),
    ];
    for (body, code) in odd {
        server.post("/bookings", "alice", body).await.problem(422, code);
    }
    let many = server.post("/bookings", "alice", best(json!({ "quantity": 100 }))).await;
    many.problem(409, "not-enough-seats");
    assert!(many.at("/available").as_u64().is_some_and(|free| free < 100), "{}", many.text);
}
