//! Who waits for places, and what comes of it.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Reply, Server};

/// An event without a free seat: carol has them all.
async fn sold_out(server: &Server) -> (String, String) {
    let event = server.event().await;
    let seats = server.seats(&event).await;
    let booked =
        server.post("/bookings", "carol", json!({"eventId": event, "seatIds": seats})).await;
    assert_eq!(booked.status, 201, "{}", booked.text);
    (event, booked.word("/bookingId").to_owned())
}

async fn join(server: &Server, event: &str, who: &str, body: Value) -> Reply {
    server.post(&format!("/events/{event}/waitlist"), who, body).await
}

async fn mine(server: &Server, event: &str, who: &str) -> Reply {
    server.get(&format!("/events/{event}/waitlist"), who).await
}

async fn leave(server: &Server, event: &str, who: &str) -> Reply {
    server.call(Method::DELETE, &format!("/events/{event}/waitlist"), who, "", None).await
}

async fn accept(server: &Server, event: &str, who: &str) -> Reply {
    let path = format!("/events/{event}/waitlist/accept");
    server.call(Method::POST, &path, who, "", None).await
}

async fn give_back(server: &Server, booking: &str, places: &[u32]) {
    let path = format!("/bookings/{booking}/release");
    let reply = server.post(&path, "carol", json!({"places": places})).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

#[tokio::test]
async fn places_that_come_back_are_offered_and_paid() {
    let server = Server::new();
    let (event, all) = sold_out(&server).await;
    mine(&server, &event, "alice").await.problem(404, "waitlist-not-joined");
    let wish = json!({"quantity": 2, "categories": ["Balcony"], "together": "adjacent"});
    let alice = join(&server, &event, "alice", wish).await;
    assert_eq!(alice.status, 201, "{}", alice.text);
    assert_eq!(alice.headers["location"], format!("/api/v1/events/{event}/waitlist"));
    assert_eq!((alice.word("/status"), alice.at("/position")), ("WAITING", &json!(1)));
    assert_eq!(
        (alice.at("/categories"), alice.word("/together")),
        (&json!(["Balcony"]), "adjacent")
    );
    assert_eq!((alice.at("/offer"), alice.at("/userId")), (&Value::Null, &Value::Null));
    let bob = join(&server, &event, "bob", json!({"quantity": 1})).await;
    assert_eq!((bob.at("/position"), bob.word("/together")), (&json!(2), "preferred"));
    accept(&server, &event, "alice").await.problem(409, "no-offer");
    // One seat is too little for alice, and does not stop bob.
    give_back(&server, &all, &[0]).await;
    let bob = mine(&server, &event, "bob").await;
    assert_eq!((bob.word("/status"), bob.at("/position")), ("OFFERED", &Value::Null));
    assert_eq!(mine(&server, &event, "alice").await.at("/position"), 1);
    let offered = bob.word("/offer/bookingId").to_owned();
    let path = format!("/bookings/{offered}");
    let booking = server.get(&path, "bob").await;
    assert_eq!(booking.at("/expiresAt"), bob.at("/offer/expiresAt"));
    // Nobody else sees or touches it.
    server.get(&path, "alice").await.problem(404, "booking-not-found");
    accept(&server, &event, "carol").await.problem(404, "waitlist-not-joined");
    leave(&server, &event, "carol").await.problem(404, "waitlist-not-joined");
    let accepted = accept(&server, &event, "bob").await;
    assert_eq!((accepted.status.as_u16(), accepted.word("/bookingId")), (200, &*offered));
    assert_eq!(accept(&server, &event, "bob").await.at("/expiresAt"), accepted.at("/expiresAt"));
    let pay = json!({"paymentMethodId": "pm_card_visa", "amount": 80.0});
    assert_eq!(server.post(&format!("{path}/payment"), "bob", pay).await.status, 200);
    let bob = mine(&server, &event, "bob").await;
    assert_eq!((bob.word("/status"), bob.word("/offer/bookingId")), ("BOUGHT", &*offered));
    leave(&server, &event, "bob").await.problem(409, "booking-state-conflict");
}

#[tokio::test]
async fn an_offer_that_is_declined_or_runs_out_goes_to_the_next() {
    let server = Server::new();
    let (event, all) = sold_out(&server).await;
    for who in ["alice", "bob", "dora"] {
        assert_eq!(join(&server, &event, who, json!({"quantity": 1})).await.status, 201);
    }
    // Who leaves while waiting is passed by; again changes nothing.
    for _ in 0..2 {
        assert_eq!(leave(&server, &event, "bob").await.status, 204);
    }
    let bob = mine(&server, &event, "bob").await;
    assert_eq!((bob.word("/status"), bob.at("/position")), ("LEFT", &Value::Null));
    assert_eq!(mine(&server, &event, "dora").await.at("/position"), 2);
    give_back(&server, &all, &[0]).await;
    assert_eq!(leave(&server, &event, "alice").await.status, 204);
    assert_eq!(mine(&server, &event, "alice").await.word("/status"), "DECLINED");
    assert_eq!(mine(&server, &event, "dora").await.word("/status"), "OFFERED");
    // Back again, at the end.
    let back = join(&server, &event, "alice", json!({"quantity": 1})).await;
    assert_eq!((back.at("/entry"), back.at("/position")), (&json!(3), &json!(1)));
    server.fake.advance(1_800_000);
    assert_eq!(mine(&server, &event, "dora").await.word("/status"), "EXPIRED");
    accept(&server, &event, "dora").await.problem(409, "no-offer");
}

#[tokio::test]
async fn p4_the_same_join_is_one_entry() {
    let server = Server::new();
    let (event, _) = sold_out(&server).await;
    let path = format!("/events/{event}/waitlist");
    let call =
        |key: &'static str, body: Value| server.call(Method::POST, &path, "alice", key, Some(body));
    let first = call("k", json!({"quantity": 2})).await;
    assert_eq!(call("k", json!({"quantity": 2})).await.json, first.json);
    call("k", json!({"quantity": 1})).await.problem(422, "idempotency-key-reused");
    assert_eq!(call("other", json!({"quantity": 2})).await.json, first.json);
    call("third", json!({"quantity": 1})).await.problem(409, "waitlist-joined");
}

#[tokio::test]
async fn wrong_wishes_are_told_what_is_wrong() {
    let server = Server::new();
    let event = server.event().await;
    let one = || json!({"quantity": 1});
    join(&server, &event, "", one()).await.problem(401, "not-signed-in");
    join(&server, "evt-nonsense", "alice", one()).await.problem(404, "event-not-found");
    join(&server, &event, "alice", one()).await.problem(409, "waitlist-not-needed");
    join(&server, &event, "alice", json!({})).await.problem(400, "malformed");
    for quantity in [0, 33] {
        let refused = join(&server, &event, "alice", json!({"quantity": quantity})).await;
        refused.problem(422, "invalid");
        assert_eq!(refused.word("/field"), "quantity");
    }
    let unknown = json!({"quantity": 1, "categories": ["Roof"]});
    let refused = join(&server, &event, "alice", unknown).await;
    refused.problem(422, "invalid");
    assert_eq!(refused.at("/allowed"), &json!(["Balcony", "Floor"]));
}

#[tokio::test]
async fn organisers_set_the_rules_and_see_who_waits() {
    let server = Server::new();
    let (event, all) = sold_out(&server).await;
    let path = format!("/events/{event}/waitlist");
    let set = |who: &'static str, body: Value| server.call(Method::PUT, &path, who, "", Some(body));
    let rules = |open: bool, seconds: u64| json!({"open": open, "offerSeconds": seconds});
    set("alice", rules(true, 60)).await.problem(403, "not-allowed");
    set("organiser", rules(true, 9)).await.problem(422, "invalid");
    for who in ["alice", "bob", "dora"] {
        assert_eq!(join(&server, &event, who, json!({"quantity": 1})).await.status, 201);
    }
    let closed = set("organiser", rules(false, 60)).await;
    assert_eq!(closed.status, 200, "{}", closed.text);
    assert_eq!((closed.at("/open"), closed.at("/waiting")), (&json!(false), &json!(3)));
    join(&server, &event, "emil", json!({"quantity": 1})).await.problem(409, "waitlist-closed");
    give_back(&server, &all, &[0]).await;
    assert_eq!(leave(&server, &event, "bob").await.status, 204);
    let entries = |query: &'static str, who: &'static str| {
        let path = format!("{path}/entries{query}");
        async { server.get(&{ path }, who).await }
    };
    entries("", "alice").await.problem(403, "not-allowed");
    entries("?limit=0", "organiser").await.problem(422, "invalid");
    entries("?cursor=x", "organiser").await.problem(422, "invalid");
    let numbers = |page: &Reply| -> Vec<u64> {
        let entries = page.at("/entries").as_array().unwrap().iter();
        entries.map(|it| it["entry"].as_u64().unwrap()).collect()
    };
    let first = entries("?limit=1", "organiser").await;
    assert_eq!((numbers(&first), first.word("/nextCursor")), (vec![0], "1"));
    assert_eq!(first.word("/entries/0/status"), "OFFERED");
    assert!(!first.word("/entries/0/userId").is_empty());
    assert_eq!(
        (first.at("/waitlist/offered"), first.at("/waitlist/offerSeconds")),
        (&json!(1), &json!(60))
    );
    let rest = entries("?cursor=1", "organiser").await;
    assert_eq!((numbers(&rest), rest.at("/nextCursor")), (vec![2], &Value::Null));
    assert_eq!(numbers(&entries("?all=true", "organiser").await), [0, 1, 2]);
}
