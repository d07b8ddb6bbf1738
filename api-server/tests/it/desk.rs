//! Sales without a payment provider.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Reply, Server};

async fn confirm(server: &Server, booking: &str, who: &str, key: &str, body: Value) -> Reply {
    let path = format!("/bookings/{booking}/confirm-direct");
    server.call(Method::POST, &path, who, key, Some(body)).await
}

async fn book(server: &Server, event: &str, who: &str, seat: usize) -> String {
    let seats = server.seats(event).await;
    let body = json!({"eventId": event, "seatIds": [seats[seat]]});
    let booked = server.post("/bookings", who, body).await;
    assert_eq!(booked.status, 201, "{}", booked.text);
    booked.word("/bookingId").to_owned()
}

#[tokio::test]
async fn the_desk_sells_for_money_and_gives_away() {
    let server = Server::new();
    let event = server.event().await;
    let id = book(&server, &event, "alice", 0).await;
    let cash = json!({"tender": "cash", "amount": 80, "reference": "till-7"});
    let sold = confirm(&server, &id, "organiser", "k", cash.clone()).await;
    assert_eq!(sold.status, 200, "{}", sold.text);
    assert_eq!((sold.word("/status"), sold.at("/paymentId")), ("CONFIRMED", &Value::Null));
    assert_eq!(sold.at("/tickets").as_array().unwrap().len(), 1);
    assert_eq!(
        (sold.word("/receipts/0/tender"), sold.word("/receipts/0/reference")),
        ("cash", "till-7")
    );
    assert_eq!(confirm(&server, &id, "organiser", "k", cash.clone()).await.json, sold.json);
    let other = json!({"tender": "cash", "amount": 80, "reference": "till-8"});
    confirm(&server, &id, "organiser", "k", other).await.problem(422, "idempotency-key-reused");
    confirm(&server, &id, "organiser", "", cash).await.problem(409, "booking-state-conflict");

    let id = book(&server, &event, "bob", 3).await;
    let gift = json!({"tender": "complimentary", "reason": "press"});
    let given = confirm(&server, &id, "organiser", "", gift).await;
    assert_eq!((given.status.as_u16(), given.word("/receipts/0/reason")), (200, "press"));
    // Why is the seller's own business.
    let seen = server.get(&format!("/bookings/{id}"), "bob").await;
    assert_eq!(
        (seen.word("/receipts/0/tender"), seen.at("/receipts/0/reason")),
        ("complimentary", &Value::Null)
    );
    assert_eq!(server.ledger_lines("charge"), 0);

    let paid = book(&server, &event, "carol", 1).await;
    let body = json!({"paymentMethodId": "pm_card_visa", "amount": 80.0});
    let paid = server.post(&format!("/bookings/{paid}/payment"), "carol", body).await;
    assert_eq!(paid.status, 200, "{}", paid.text);
    let path = format!("/events/{event}/money");
    for (who, status, code) in [("", 401, "not-signed-in"), ("alice", 403, "not-allowed")] {
        server.get(&path, who).await.problem(status, code);
    }
    server.get("/events/evt-x/money", "organiser").await.problem(404, "event-not-found");
    let sums = server.get(&path, "organiser").await;
    assert_eq!(sums.status, 200, "{}", sums.text);
    assert_eq!((sums.at("/cash"), sums.at("/provider")), (&json!(80.0), &json!(80.0)));
    assert_eq!((sums.at("/bookingsSold"), sums.at("/complimentary")), (&json!(3), &json!(1)));
    assert_eq!((sums.word("/currency"), sums.at("/owed")), ("USD", &json!(0.0)));
}

#[tokio::test]
async fn who_holds_it_takes_only_what_costs_nothing() {
    let server = Server::new();
    let event = server.event().await;
    let id = book(&server, &event, "alice", 0).await;
    let free = || json!({"tender": "free"});
    confirm(&server, &id, "", "", free()).await.problem(401, "not-signed-in");
    confirm(&server, &id, "bob", "", free()).await.problem(404, "booking-not-found");
    for tender in [
        json!({"tender": "complimentary", "reason": "me"}),
        json!({"tender": "cash", "amount": 80, "reference": "r"}),
    ] {
        confirm(&server, &id, "bob", "", tender.clone()).await.problem(404, "booking-not-found");
        confirm(&server, &id, "alice", "", tender).await.problem(403, "not-allowed");
    }
    let dear = confirm(&server, &id, "alice", "", free()).await;
    dear.problem(422, "amount-mismatch");
    assert_eq!(dear.at("/totalAmount"), &json!(80.0));
    let promotion = json!({"code": "GUEST", "percent": 100});
    let added = server.post(&format!("/events/{event}/promotions"), "organiser", promotion).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let path = format!("/bookings/{id}/promotion");
    assert_eq!(server.post(&path, "alice", json!({"code": "GUEST"})).await.status, 200);
    let taken = confirm(&server, &id, "alice", "", free()).await;
    assert_eq!((taken.status.as_u16(), taken.word("/status")), (200, "CONFIRMED"));
}

#[tokio::test]
async fn a_wrong_sale_changes_nothing() {
    let server = Server::new();
    let event = server.event().await;
    let id = book(&server, &event, "alice", 0).await;
    let wrong = [
        (json!({"tender": "cash", "amount": 80}), "reference"),
        (json!({"tender": "card", "reference": "r"}), "amount"),
        (json!({"tender": "invoice", "reference": "r", "amount": 80.001}), "amount"),
        (json!({"tender": "complimentary"}), "reason"),
        (json!({"tender": "complimentary", "reason": "x", "amount": 80}), "amount"),
        (json!({"tender": "free", "reference": "r"}), "reference"),
        (json!({"tender": "cash", "amount": 80, "reference": "r", "reason": "x"}), "reason"),
    ];
    for (body, field) in wrong {
        let refused = confirm(&server, &id, "organiser", "", body).await;
        refused.problem(422, "invalid");
        assert_eq!(refused.word("/field"), field, "{}", refused.text);
    }
    let less = json!({"tender": "cash", "amount": 79, "reference": "r"});
    confirm(&server, &id, "organiser", "", less.clone()).await.problem(422, "amount-mismatch");
    let unknown = json!({"tender": "gold"});
    confirm(&server, &id, "organiser", "", unknown).await.problem(400, "malformed");
    confirm(&server, "bkg-x", "organiser", "", less).await.problem(404, "booking-not-found");
    let read = server.get(&format!("/bookings/{id}"), "alice").await;
    assert_eq!((read.word("/status"), read.at("/receipts")), ("PENDING", &Value::Null));
    server.fake.advance(600_000);
    let late = json!({"tender": "cash", "amount": 80, "reference": "r"});
    confirm(&server, &id, "organiser", "", late).await.problem(409, "booking-expired");
}
