//! Payments whose customers have to authenticate them first.

use std::time::Duration;

use axum::http::Method;
use rowlock_api_server::payment::reconcile::run_round_ahead;
use rowlock_client::types::{BookingId, BookingState};
use serde_json::json;

use crate::harness::{Reply, Server};

const CHALLENGED: &str = "pm_card_threeDSecure2Required";

async fn pay(server: &Server, booking: &str, method: &str, key: &str) -> Reply {
    let body = json!({"paymentMethodId": method, "amount": 160.0});
    let path = format!("/bookings/{booking}/payment");
    server.call(Method::POST, &path, "alice", key, Some(body)).await
}

/// A booking of alice whose payment waits for her.
async fn waiting(server: &Server, key: &str) -> (String, Reply) {
    let event = server.event().await;
    let booking = server.book(&event, "alice").await.word("/bookingId").to_owned();
    let asked = pay(server, &booking, CHALLENGED, key).await;
    assert_eq!(asked.status, 202, "{}", asked.text);
    (booking, asked)
}

async fn answer(server: &Server, asked: &Reply, success: bool) -> Reply {
    let path = format!("/payments/{}/authenticate", asked.word("/paymentId"));
    let body = json!({"clientSecret": asked.word("/action/clientSecret"), "success": success});
    server.post(&path, "alice", body).await
}

#[tokio::test]
async fn a_payment_that_was_authenticated_is_done() {
    let server = Server::new();
    let (booking, asked) = waiting(&server, "k").await;
    assert_eq!((asked.word("/status"), asked.word("/action/type")), ("PENDING", "redirect"));
    assert!(asked.word("/action/redirectUrl").starts_with("/sandbox/challenges/"));
    assert_eq!(server.ledger_lines("succeed"), 0);
    // Sent again, it is the same question.
    let again = pay(&server, &booking, CHALLENGED, "k").await;
    assert_eq!((again.status, &again.json), (asked.status, &asked.json));
    let told = answer(&server, &asked, true).await;
    assert_eq!((told.status.as_u16(), told.word("/status")), (200, "SUCCEEDED"));
    // The booking needs no one to ask.
    let read = server.get(&format!("/bookings/{booking}"), "alice").await;
    assert_eq!(read.word("/status"), "CONFIRMED");
    let paid = pay(&server, &booking, CHALLENGED, "k").await;
    assert_eq!(paid.status, 200, "{}", paid.text);
    assert_eq!(paid.at("/tickets").as_array().unwrap().len(), 2);
    assert_eq!((server.ledger_lines("create"), server.ledger_lines("succeed")), (1, 1));
}

#[tokio::test]
async fn a_payment_whose_customer_refuses_is_declined() {
    let server = Server::new();
    let (booking, asked) = waiting(&server, "k").await;
    let told = answer(&server, &asked, false).await;
    assert_eq!(told.word("/status"), "DECLINED");
    let declined = pay(&server, &booking, CHALLENGED, "k").await;
    declined.problem(402, "card-declined");
    assert_eq!(declined.word("/declineCode"), "authentication_failed");
    assert_eq!(pay(&server, &booking, "pm_card_visa", "k2").await.status, 200);
    assert_eq!(server.ledger_lines("succeed"), 1);
}

#[tokio::test]
async fn another_card_gives_the_one_that_waits_up() {
    let server = Server::new();
    let (booking, asked) = waiting(&server, "k").await;
    assert_eq!(pay(&server, &booking, "pm_card_visa", "k2").await.status, 200);
    assert_eq!((server.ledger_lines("cancel"), server.ledger_lines("succeed")), (1, 1));
    // What the customer says now comes too late.
    assert_eq!(answer(&server, &asked, true).await.word("/status"), "CANCELED");
    assert_eq!(server.ledger_lines("succeed"), 1);
}

#[tokio::test]
async fn only_who_has_the_secret_answers_for_the_bank() {
    let server = Server::new();
    let (_, asked) = waiting(&server, "").await;
    let path = format!("/payments/{}/authenticate", asked.word("/paymentId"));
    let guess = json!({"clientSecret": "guess", "success": true});
    server.post(&path, "alice", guess.clone()).await.problem(404, "not-found");
    server.post(&path, "", guess.clone()).await.problem(401, "not-signed-in");
    server.post("/payments/pi_none/authenticate", "bob", guess).await.problem(404, "not-found");
    assert_eq!(server.ledger_lines("succeed"), 0);
}

#[tokio::test]
async fn p6_a_payment_that_is_never_authenticated_is_cancelled_before_its_seats_go() {
    let server = Server::new();
    let (booking, _) = waiting(&server, "k").await;
    let id: BookingId = booking.parse().unwrap();
    let round = async |ahead: u64| {
        run_round_ahead(&server.reconciler, &server.app, Duration::from_secs(ahead)).await;
        tokio::task::yield_now().await;
    };
    // The customer has the time of the hold, and five minutes.
    for _ in 0..50 {
        round(600).await;
        assert_eq!(server.fake.booking_now(id).state, BookingState::Paying);
    }
    let ended = async {
        while server.fake.booking_now(id).state == BookingState::Paying {
            round(1_600).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("the payment's end");
    assert_eq!((server.ledger_lines("cancel"), server.ledger_lines("succeed")), (1, 0));
    pay(&server, &booking, CHALLENGED, "k").await;
    let read = server.fake.booking_now(id);
    assert!(matches!(read.state, BookingState::Held | BookingState::Paying));
}
