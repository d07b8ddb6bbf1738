//! Payments that their server left behind.

use std::time::Duration;

use rowlock_api_server::inventory::Inventory;
use rowlock_api_server::payment::NewIntent;
use rowlock_api_server::payment::reconcile::run_round_ahead;
use rowlock_client::key::request_key;
use rowlock_client::subject::user_id;
use rowlock_client::types::{BookingId, BookingState};

use crate::harness::Server;

/// Longer than a payment may be silent.
const LATER: Duration = Duration::from_secs(60);

/// A booking of alice in payment; the server died after `steps` more steps.
async fn left_behind(server: &Server, steps: u32) -> (BookingId, String) {
    let event = server.event().await;
    let booked = server.book(&event, "alice").await;
    let id: BookingId = booked.word("/bookingId").parse().unwrap();
    let alice = user_id("alice");
    let begun = server.fake.begin_payment(id, 16_000, alice, request_key()).await.unwrap().value;
    let new = NewIntent {
        key: format!("{id}:{}", begun.attempt),
        booking: id.to_string(),
        amount: 16_000,
        currency: "USD".to_owned(),
        method: "pm_card_visa".to_owned(),
        request: String::new(),
        fingerprint: String::new(),
        previous: String::new(),
    };
    let intent = server.provider().create(new).await.unwrap().id;
    if steps > 0 {
        let attached = server.fake.attach_intent(id, begun.attempt, &intent, alice, request_key());
        attached.await.unwrap();
    }
    if steps > 1 {
        server.provider().confirm(&intent).await.unwrap();
    }
    (id, intent)
}

/// Lets the reconciler see the feed, then look as of later.
async fn reconcile(server: &Server, id: BookingId, wanted: BookingState) {
    let working = async {
        while server.fake.booking_now(id).state != wanted {
            run_round_ahead(&server.reconciler, &server.app, LATER).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), working).await.expect("the payment's end");
}

#[tokio::test]
async fn p6_nothing_attached_is_let_go_uncharged() {
    let server = Server::new();
    let (id, _) = left_behind(&server, 0).await;
    reconcile(&server, id, BookingState::Held).await;
    assert_eq!(server.ledger_lines("succeed"), 0);
}

#[tokio::test]
async fn p6_an_unconfirmed_charge_is_cancelled_before_its_seats_go() {
    let server = Server::new();
    let (id, intent) = left_behind(&server, 1).await;
    reconcile(&server, id, BookingState::Held).await;
    assert_eq!(server.ledger_lines("cancel"), 1);
    // A server that wakes up now can't charge any more.
    server.provider().confirm(&intent).await.unwrap();
    assert_eq!(server.ledger_lines("succeed"), 0);
}

#[tokio::test]
async fn p6_a_charge_that_stands_is_confirmed() {
    let server = Server::new();
    let (id, intent) = left_behind(&server, 2).await;
    reconcile(&server, id, BookingState::Confirmed).await;
    assert_eq!(server.fake.booking_now(id).intent, intent);
    assert_eq!(server.ledger_lines("refund"), 0);
}

#[tokio::test]
async fn who_waits_for_a_payment_left_behind_pays_in_its_place() {
    let server = Server::new();
    let (id, _) = left_behind(&server, 1).await;
    let body = serde_json::json!({"paymentMethodId": "pm_card_visa", "amount": 160});
    let path = format!("/bookings/{id}/payment");
    let waiting = server.post(&path, "alice", body);
    let (paid, ()) = tokio::join!(waiting, reconcile(&server, id, BookingState::Confirmed));
    assert_eq!(paid.status, 200, "{}", paid.text);
    assert_eq!((server.ledger_lines("cancel"), server.ledger_lines("succeed")), (1, 1));
}

#[tokio::test]
async fn a_payment_that_runs_is_left_alone() {
    let server = Server::new();
    let (id, _) = left_behind(&server, 1).await;
    run_round_ahead(&server.reconciler, &server.app, Duration::ZERO).await;
    assert_eq!(server.fake.booking_now(id).state, BookingState::Paying);
}
