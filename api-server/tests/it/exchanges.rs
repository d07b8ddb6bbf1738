//! Seats of a booking for others.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Reply, Server};

async fn exchange(server: &Server, booking: &str, who: &str, key: &str, body: Value) -> Reply {
    let path = format!("/bookings/{booking}/exchange");
    server.call(Method::POST, &path, who, key, Some(body)).await
}

async fn pay(server: &Server, booking: &str, amount: f64) {
    let path = format!("/bookings/{booking}/payment");
    let body = json!({"paymentMethodId": "pm_card_visa", "amount": amount});
    assert_eq!(server.post(&path, "alice", body).await.status, 200);
}

fn places(reply: &Reply) -> Vec<(String, u64)> {
    let seats = reply.at("/seats").as_array().unwrap();
    let seat = |it: &Value| (it["id"].as_str().unwrap().to_owned(), it["place"].as_u64().unwrap());
    seats.iter().map(seat).collect()
}

#[tokio::test]
async fn a_hold_takes_other_seats() {
    let server = Server::new();
    let event = server.event().await;
    let seats = server.seats(&event).await;
    let booked = server.book(&event, "alice").await;
    let id = booked.word("/bookingId");
    let first = booked.word("/seats/0/id");
    let body = json!({"seatIds": [seats[3]], "give": [first]});
    let moved = exchange(&server, id, "alice", "k1", body.clone()).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    assert_eq!(moved.at("/expiresAt"), booked.at("/expiresAt"));
    let kept = booked.word("/seats/1/id").to_owned();
    assert_eq!(places(&moved), [(kept, 1), (seats[3].clone(), 2)]);
    // P4: the seat that went is asked for by its name, and is gone.
    let again = exchange(&server, id, "alice", "k1", body).await;
    assert_eq!((again.status, places(&again)), (moved.status, places(&moved)));
    let other = json!({"seatIds": [seats[4]], "give": [first]});
    exchange(&server, id, "alice", "k1", other).await.problem(422, "idempotency-key-reused");
    let book = json!({"eventId": event, "seatIds": [first]});
    assert_eq!(server.post("/bookings", "bob", book).await.status, 201);
    let taken = exchange(&server, id, "alice", "", json!({"seatIds": [first]})).await;
    taken.problem(409, "seat-taken");
    assert_eq!(taken.at("/seatIds"), &json!([first]));
}

#[tokio::test]
async fn what_is_paid_goes_for_less_and_never_for_more() {
    let server = Server::new();
    let event = server.event().await;
    let seats = server.seats(&event).await;
    let booked = server.book(&event, "alice").await;
    let id = booked.word("/bookingId");
    pay(&server, id, 160.0).await;
    let before = server.get(&format!("/bookings/{id}"), "alice").await;
    // Organisers move others, and nobody else does.
    let body = json!({"seatIds": [seats[2]], "givePlaces": [0]});
    exchange(&server, id, "bob", "", body.clone()).await.problem(404, "booking-not-found");
    let moved = exchange(&server, id, "organiser", "", body).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    assert_eq!(moved.at("/refunds"), &Value::Null);
    let old = before.word("/tickets/0/ticketId");
    assert_ne!(moved.word("/tickets/1/ticketId"), old);
    server.get(&format!("/tickets/{old}"), "alice").await.problem(404, "ticket-not-found");
    // Fewer seats: what is left over is paid back at once.
    let less = exchange(&server, id, "alice", "k", json!({"seatIds": [seats[2]]})).await;
    assert_eq!(less.status, 200, "{}", less.text);
    assert_eq!(
        (less.word("/refunds/0/status"), less.word("/refunds/0/reason")),
        ("PAID", "exchanged")
    );
    assert_eq!(server.ledger_lines("refund"), 1);
    let body = json!({"seatIds": [seats[2]]});
    let again = exchange(&server, id, "alice", "k", body).await;
    assert_eq!((again.at("/refunds"), server.ledger_lines("refund")), (less.at("/refunds"), 1));
    let more = exchange(&server, id, "alice", "", json!({"seatIds": [seats[3]]})).await;
    more.problem(409, "exchange-dearer");
    assert_eq!(more.at("/difference"), &json!(170.0));
}

#[tokio::test]
async fn wrong_exchanges_change_nothing() {
    let server = Server::new();
    let event = server.event().await;
    let seats = server.seats(&event).await;
    let booked = server.book(&event, "alice").await;
    let id = booked.word("/bookingId");
    exchange(&server, id, "", "", json!({})).await.problem(401, "not-signed-in");
    exchange(&server, "bkg-x", "alice", "", json!({"seatIds": [seats[4]]}))
        .await
        .problem(404, "booking-not-found");
    exchange(&server, id, "alice", "", json!({})).await.problem(400, "malformed");
    let wrong = [
        (json!({"seatIds": []}), "no-seats"),
        (json!({"seatIds": ["nope"]}), "seat-unknown"),
        (json!({"seatIds": [seats[3], seats[3]]}), "seat-repeated"),
        (json!({"seatIds": [seats[3]], "give": [seats[4]]}), "seat-unknown"),
        (json!({"seatIds": [seats[3]], "give": ["nope"]}), "seat-unknown"),
    ];
    for (body, code) in wrong {
        exchange(&server, id, "alice", "", body).await.problem(422, code);
    }
    let now = server.get(&format!("/bookings/{id}"), "alice").await;
    assert_eq!(places(&now), places(&booked));
}
