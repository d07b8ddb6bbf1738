//! Sold seats that go back, and their money.

use std::time::Duration;

use axum::http::Method;
use rowlock_api_server::inventory::{Inventory, RefundOrder};
use rowlock_api_server::payment::NewRefund;
use rowlock_api_server::payment::reconcile::run_round_ahead;
use rowlock_client::key::request_key;
use rowlock_client::subject::user_id;
use rowlock_client::types::BookingId;
use serde_json::{Value, json};

use crate::harness::{Reply, Server};

async fn paid(server: &Server) -> Reply {
    let event = server.event().await;
    let booked = server.book(&event, "alice").await;
    let path = format!("/bookings/{}/payment", booked.word("/bookingId"));
    let body = json!({"paymentMethodId": "pm_card_visa", "amount": 160.0});
    assert_eq!(server.post(&path, "alice", body).await.status, 200);
    booked
}

async fn refund(server: &Server, booking: &str, who: &str, key: &str, body: Value) -> Reply {
    let path = format!("/bookings/{booking}/refund");
    server.call(Method::POST, &path, who, key, Some(body)).await
}

#[tokio::test]
async fn p4_a_refund_by_seat_is_repeated_after_its_seat_went() {
    let server = Server::new();
    let booked = paid(&server).await;
    let id = booked.word("/bookingId");
    let body = json!({"seatIds": [booked.word("/seats/0/id")], "reason": "ill"});
    let first = refund(&server, id, "organiser", "k1", body.clone()).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let again = refund(&server, id, "organiser", "k1", body.clone()).await;
    assert_eq!((again.status.as_u16(), again.at("/refunds")), (200, first.at("/refunds")));
    // Under another name it is another refund, of a seat that is gone.
    for key in ["k2", ""] {
        refund(&server, id, "organiser", key, body.clone()).await.problem(422, "seat-unknown");
    }
    assert_eq!(server.ledger_lines("refund"), 1);
}

#[tokio::test]
async fn one_seat_goes_back_and_then_the_rest() {
    let server = Server::new();
    let booked = paid(&server).await;
    let id = booked.word("/bookingId");
    let body = json!({"places": [0], "reason": "ill"});
    let first = refund(&server, id, "organiser", "k1", body.clone()).await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!((first.word("/status"), first.at("/totalAmount")), ("CONFIRMED", &json!(80.0)));
    assert_eq!(first.at("/tickets").as_array().unwrap().len(), 1);
    assert_eq!(first.at("/tickets/0/seat/seatNumber"), "2");
    assert_eq!(
        (first.word("/refunds/0/status"), first.at("/refunds/0/amount")),
        ("PAID", &json!(80.0))
    );
    // The same again, and by another server that forgot.
    let again = refund(&server, id, "organiser", "k1", body).await;
    assert_eq!(again.at("/refunds"), first.at("/refunds"));
    let rest = refund(&server, id, "organiser", "", json!({"reason": "house closed"})).await;
    assert_eq!((rest.word("/status"), rest.at("/tickets")), ("REFUNDED", &Value::Null));
    assert_eq!(server.ledger_lines("refund"), 2);
    refund(&server, id, "organiser", "", json!({"reason": "x"}))
        .await
        .problem(409, "booking-state-conflict");
    // The seats sell again.
    let ids = [booked.word("/seats/0/id"), booked.word("/seats/1/id")];
    let body = json!({"eventId": booked.word("/eventId"), "seatIds": ids});
    assert_eq!(server.post("/bookings", "bob", body).await.status, 201);
}

#[tokio::test]
async fn wrong_refunds_change_nothing() {
    let server = Server::new();
    let booked = paid(&server).await;
    let id = booked.word("/bookingId");
    let all = || json!({"reason": "x"});
    refund(&server, id, "alice", "", all()).await.problem(403, "not-allowed");
    refund(&server, id, "", "", all()).await.problem(401, "not-signed-in");
    refund(&server, "bkg-nonsense", "organiser", "", all()).await.problem(404, "booking-not-found");
    refund(&server, id, "organiser", "", json!({})).await.problem(400, "malformed");
    let wrong = [
        (json!({"reason": " "}), "invalid"),
        (json!({"reason": "x", "places": []}), "invalid"),
        (json!({"reason": "x", "places": [1, 1]}), "invalid"),
        (json!({"reason": "x", "places": [7]}), "place-unknown"),
        (json!({"reason": "x", "seatIds": ["nope"]}), "seat-unknown"),
    ];
    for (body, code) in wrong {
        refund(&server, id, "organiser", "", body).await.problem(422, code);
    }
    let other = server.seats(booked.word("/eventId")).await[4].clone();
    let body = json!({"reason": "x", "seatIds": [other]});
    refund(&server, id, "organiser", "", body).await.problem(422, "seat-unknown");
    assert_eq!(server.ledger_lines("refund"), 0);
    let read = server.get(&format!("/bookings/{id}"), "alice").await;
    assert_eq!((read.word("/status"), read.at("/refunds")), ("CONFIRMED", &Value::Null));
}

/// The server dies after the decision; with `asked`, after the provider has paid as well.
async fn left_owed(asked: bool) {
    let server = Server::new();
    let booked = paid(&server).await;
    let id: BookingId = booked.word("/bookingId").parse().unwrap();
    let order = RefundOrder { places: &[], reason: "ill", block: false };
    let decided = server.fake.refund_places(id, order, user_id("alice"), request_key()).await;
    let intent = decided.unwrap().value.booking.intent;
    if asked {
        let new = NewRefund { key: format!("{id}:refund:0"), intent, amount: Some(16_000) };
        server.provider().refund(new).await.unwrap();
    }
    let working = async {
        while server.fake.booking_now(id).extras.refunds[0].reference.is_empty() {
            run_round_ahead(&server.reconciler, &server.app, Duration::from_secs(60)).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), working).await.expect("the money back");
    assert_eq!(server.ledger_lines("refund"), 1);
}

#[tokio::test]
async fn p6_a_refund_that_was_decided_is_paid_whoever_dies() {
    left_owed(false).await;
}

#[tokio::test]
async fn p6_a_refund_that_was_paid_is_settled_and_not_paid_twice() {
    left_owed(true).await;
}
