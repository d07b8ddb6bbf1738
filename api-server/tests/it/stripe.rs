//! Paying over Stripe's HTTP API, against a provider of our own.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use rowlock_api_server::payment::reconcile::run_round_ahead;
use rowlock_client::types::{BookingId, BookingState};
use serde_json::json;

use crate::harness::{Reply, Server};
use crate::psp::{Account, Fault, Psp, Status};

const PAID: Account = Account { charges: 1, charged: 16_000, refunded: 0, set_aside: 0 };

async fn booked(apart: bool) -> (Psp, Server, String) {
    let psp = Psp::start().await;
    let server = Server::with_provider(Arc::new(psp.client(apart)));
    let event = server.event().await;
    let booking = server.book(&event, "alice").await.word("/bookingId").to_owned();
    (psp, server, booking)
}

async fn pay(server: &Server, booking: &str, method: &str, key: &str) -> Reply {
    let body = json!({"paymentMethodId": method, "amount": 160.0});
    let path = format!("/bookings/{booking}/payment");
    server.call(Method::POST, &path, "alice", key, Some(body)).await
}

async fn reconciled(server: &Server, booking: &str, wanted: BookingState) {
    let id: BookingId = booking.parse().unwrap();
    let working = async {
        while server.fake.booking_now(id).state != wanted {
            run_round_ahead(&server.reconciler, &server.app, Duration::from_secs(60)).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), working).await.expect("the payment's end");
}

#[tokio::test]
async fn p6_money_is_set_aside_then_seats_are_committed_then_it_is_taken() {
    for apart in [true, false] {
        let (psp, server, booking) = booked(apart).await;
        let paid = pay(&server, &booking, "pm_card_visa", "k").await;
        assert_eq!(paid.status, 200, "{}", paid.text);
        assert_eq!((paid.word("/status"), paid.word("/paymentId")), ("CONFIRMED", "pi_0"));
        assert_eq!(paid.at("/tickets/0/test"), true);
        assert_eq!(psp.account(&booking), PAID);
        let told: Vec<_> = psp.events().iter().map(|event| event["type"].clone()).collect();
        let aside = json!("payment_intent.amount_capturable_updated");
        assert_eq!(told.contains(&aside), apart, "{told:?}");
        assert_eq!(pay(&server, &booking, "pm_card_visa", "k").await.json, paid.json);
        assert_eq!(psp.account(&booking), PAID);
    }
}

#[tokio::test]
async fn a_declined_card_is_told_and_never_charged_again() {
    let (psp, server, booking) = booked(true).await;
    for (method, reason) in [
        ("pm_card_visa_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ] {
        let declined = pay(&server, &booking, method, method).await;
        declined.problem(402, "card-declined");
        assert_eq!(declined.word("/declineCode"), reason);
    }
    assert!(psp.intents().iter().all(|intent| intent.status == Status::Canceled));
    // Both requests again, the older one as well: found by the way back, and not tried again.
    for method in ["pm_card_visa_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds"] {
        pay(&server, &booking, method, method).await.problem(402, "card-declined");
    }
    assert_eq!(psp.intents().len(), 2);
    let other = server
        .call(
            Method::POST,
            &format!("/bookings/{booking}/payment"),
            "alice",
            "pm_card_visa_chargeDeclined",
            Some(json!({"paymentMethodId": "pm_card_visa", "amount": 160.0})),
        )
        .await;
    other.problem(422, "idempotency-key-reused");
    assert_eq!(pay(&server, &booking, "pm_card_visa", "k").await.status, 200);
    assert_eq!(psp.account(&booking), PAID);
}

#[tokio::test]
async fn methods_that_stripe_does_not_know_are_named() {
    let (psp, server, booking) = booked(true).await;
    let unknown = pay(&server, &booking, "pm_Unknown", "").await;
    unknown.problem(422, "payment-method-unknown");
    pay(&server, &booking, "4242424242424242", "").await.problem(422, "card-number-refused");
    pay(&server, &booking, "pm_../v1/refunds", "").await.problem(422, "payment-method-unknown");
    assert_eq!(psp.intents().len(), 0);
    assert_eq!(pay(&server, &booking, "pm_card_visa", "").await.status, 200);
}

#[tokio::test]
async fn three_d_secure_goes_on_once_the_customer_has_answered() {
    for (done, status) in [(true, 200), (false, 402)] {
        let (psp, server, booking) = booked(true).await;
        let asked = pay(&server, &booking, "pm_card_threeDSecure2Required", "k").await;
        assert_eq!(asked.status, 202, "{}", asked.text);
        assert_eq!(asked.word("/action/type"), "client");
        assert_eq!(asked.word("/action/clientSecret"), "pi_0_secret");
        psp.authenticate_all(done);
        let after = pay(&server, &booking, "pm_card_threeDSecure2Required", "k").await;
        assert_eq!(after.status, status, "{}", after.text);
        let wanted = if done { PAID } else { Account::default() };
        assert_eq!(psp.account(&booking), wanted);
    }
}

#[tokio::test]
async fn p6_a_charge_that_nobody_heard_of_is_found() {
    for (deed, fault) in [
        ("confirm", Fault::DoneHung),
        ("confirm", Fault::DoneUnanswered),
        ("capture", Fault::DoneHung),
        ("capture", Fault::Broken),
        ("capture", Fault::Lost),
    ] {
        let (psp, server, booking) = booked(true).await;
        psp.fail_next(deed, fault);
        pay(&server, &booking, "pm_card_visa", "k").await.problem(503, "unknown-outcome");
        reconciled(&server, &booking, BookingState::Confirmed).await;
        assert_eq!(psp.account(&booking), PAID, "{deed} {fault:?}");
        assert_eq!(pay(&server, &booking, "pm_card_visa", "k").await.status, 200);
    }
}

#[tokio::test]
async fn p6_a_confirmation_that_never_came_is_cancelled() {
    let (psp, server, booking) = booked(true).await;
    psp.fail_next("confirm", Fault::Lost);
    pay(&server, &booking, "pm_card_visa", "k").await.problem(503, "unknown-outcome");
    reconciled(&server, &booking, BookingState::Held).await;
    assert_eq!(psp.intents()[0].status, Status::Canceled);
    assert_eq!(pay(&server, &booking, "pm_card_visa", "k").await.status, 200);
    assert_eq!(psp.account(&booking), PAID);
}

#[tokio::test]
async fn p6_a_refund_is_paid_once_whoever_hears_of_it() {
    let (psp, server, booking) = booked(true).await;
    assert_eq!(pay(&server, &booking, "pm_card_visa", "").await.status, 200);
    psp.fail_next("refund", Fault::DoneUnanswered);
    let body = json!({"places": [0], "reason": "ill"});
    let path = format!("/bookings/{booking}/refund");
    let owed = server.call(Method::POST, &path, "organiser", "r", Some(body.clone())).await;
    assert_eq!(owed.word("/refunds/0/status"), "OWED", "{}", owed.text);
    assert_eq!(psp.account(&booking).refunded, 8_000);
    let paid = server.call(Method::POST, &path, "organiser", "r", Some(body)).await;
    assert_eq!(
        (paid.word("/refunds/0/status"), paid.word("/refunds/0/refundId")),
        ("PAID", "re_0")
    );
    assert_eq!(psp.account(&booking).refunded, 8_000);
}
