//! What the provider tells by itself: twice, late, in another order, forged, or not at all.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use rowlock_api_server::payment::guarded::Guarded;
use rowlock_client::types::{BookingId, BookingState};
use serde_json::{Value, json};

use crate::harness::{Reply, Server};
use crate::psp::{Account, Fault, OLD_WEBHOOK_SECRET, Psp, Status, WEBHOOK_SECRET, signature};

const PAID: Account = Account { charges: 1, charged: 16_000, refunded: 0, set_aside: 0 };

async fn booked() -> (Psp, Server, BookingId) {
    let psp = Psp::start().await;
    let server = Server::with_provider(Arc::new(psp.client(true)));
    let event = server.event().await;
    let booking = server.book(&event, "alice").await.word("/bookingId").parse().unwrap();
    (psp, server, booking)
}

async fn pay(server: &Server, booking: BookingId, method: &str) -> Reply {
    let body = json!({"paymentMethodId": method, "amount": 160.0});
    server.post(&format!("/bookings/{booking}/payment"), "alice", body).await
}

fn now_s() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).unwrap()
}

async fn deliver(server: &Server, body: &str, signature: &str) -> Reply {
    let request = Request::post("/api/v1/webhooks/stripe")
        .header(header::CONTENT_TYPE, "application/json")
        .header("stripe-signature", signature)
        .body(Body::from(body.to_owned()))
        .unwrap();
    server.raw(request).await
}

pub(crate) async fn tell(server: &Server, event: &Value) -> Reply {
    let body = event.to_string();
    deliver(server, &body, &signature(WEBHOOK_SECRET, now_s(), &body)).await
}

#[tokio::test]
async fn p6_events_twice_late_and_in_any_order_end_as_one_in_order() {
    for order in 0..3 {
        let (psp, server, booking) = booked().await;
        let asked = pay(&server, booking, "pm_card_threeDSecure2Required").await;
        assert_eq!(asked.status, 202, "{}", asked.text);
        psp.authenticate_all(true);
        let mut events = psp.events();
        match order {
            0 => events.extend(psp.events()),
            1 => events.reverse(),
            // Only what was long ago.
            _ => events.truncate(1),
        }
        for event in &events {
            let told = tell(&server, event).await;
            assert_eq!((told.status.as_u16(), &told.json), (200, &json!({"received": true})));
        }
        assert_eq!(server.fake.booking_now(booking).state, BookingState::Confirmed);
        assert_eq!(psp.account(&booking.to_string()), PAID);
        for event in psp.events() {
            assert_eq!(tell(&server, &event).await.status, 200);
        }
        assert_eq!(psp.account(&booking.to_string()), PAID);
    }
}

#[tokio::test]
async fn a_body_is_not_believed() {
    let (psp, server, booking) = booked().await;
    let asked = pay(&server, booking, "pm_card_threeDSecure2Required").await;
    let mut lie = psp.events()[0].clone();
    lie["type"] = json!("payment_intent.succeeded");
    lie["data"]["object"]["status"] = json!("succeeded");
    assert_eq!(lie["data"]["object"]["id"], asked.word("/paymentId"));
    assert_eq!(tell(&server, &lie).await.status, 200);
    assert_eq!(server.fake.booking_now(booking).state, BookingState::Paying);
    let foreign = json!({"type": "payment_intent.succeeded", "data": {"object": {"id": "pi_x"}}});
    assert_eq!(tell(&server, &foreign).await.status, 200);
    let other = json!({"type": "customer.created", "data": {"object": {"id": "cus_1"}}});
    assert_eq!(tell(&server, &other).await.status, 200);
}

#[tokio::test]
async fn only_what_is_signed_about_now_is_taken() {
    let (_, server, _) = booked().await;
    let body = json!({"type": "x", "data": {"object": {}}}).to_string();
    let now = now_s();
    for (header, status, code) in [
        (String::new(), 400, "malformed"),
        ("t=1,v1=zz".to_owned(), 400, "malformed"),
        (signature("guess", now, &body), 403, "not-allowed"),
        (signature(WEBHOOK_SECRET, now, "another body"), 403, "not-allowed"),
        (signature(WEBHOOK_SECRET, now - 400, &body), 403, "not-allowed"),
        (signature(WEBHOOK_SECRET, now + 400, &body), 403, "not-allowed"),
    ] {
        deliver(&server, &body, &header).await.problem(status, code);
    }
    for secret in [WEBHOOK_SECRET, OLD_WEBHOOK_SECRET] {
        assert_eq!(deliver(&server, &body, &signature(secret, now, &body)).await.status, 200);
    }
    let nonsense = signature(WEBHOOK_SECRET, now, "[]");
    deliver(&server, "[]", &nonsense).await.problem(400, "malformed");
    let sandbox = Server::new();
    deliver(&sandbox, &body, &signature(WEBHOOK_SECRET, now, &body))
        .await
        .problem(404, "not-found");
}

#[tokio::test]
async fn what_can_not_be_looked_at_now_is_asked_for_again() {
    let (psp, server, booking) = booked().await;
    assert_eq!(pay(&server, booking, "pm_card_visa").await.status, 200);
    psp.dispute("dp_1", "pi_0", 16_000, "needs_response");
    let event = psp.events().pop().unwrap();
    psp.set_down(true);
    tell(&server, &event).await.problem(503, "payment-provider-down");
    psp.set_down(false);
    server.fake.down.store(true, std::sync::atomic::Ordering::SeqCst);
    tell(&server, &event).await.problem(503, "unavailable");
    server.fake.down.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(tell(&server, &event).await.status, 200);
    let money = server.fake.booking_now(booking).extras.money.unwrap();
    assert_eq!(money.chargebacks.len(), 1);
}

#[tokio::test]
async fn a_chargeback_is_on_record_once_and_comes_again_when_it_is_won() {
    let (psp, server, booking) = booked().await;
    assert_eq!(pay(&server, booking, "pm_card_visa").await.status, 200);
    psp.dispute("dp_0", "pi_0", 16_000, "warning_needs_response");
    psp.dispute("dp_1", "pi_0", 16_000, "needs_response");
    psp.dispute("dp_1", "pi_0", 16_000, "under_review");
    let disputes = |psp: &Psp| {
        let mut events = psp.events();
        events.retain(|event| event["type"].as_str().unwrap().starts_with("charge.dispute."));
        events
    };
    for event in disputes(&psp) {
        assert_eq!(tell(&server, &event).await.status, 200);
    }
    let money = server.fake.booking_now(booking).extras.money.unwrap();
    assert_eq!(money.chargebacks.len(), 1);
    assert_eq!(money.chargebacks[0].order.reference, "dp_1");
    assert_eq!(money.chargebacks[0].reversed_ms, None);
    psp.dispute("dp_1", "pi_0", 16_000, "won");
    // The news of its end first, and then all of the old.
    for event in disputes(&psp).iter().rev() {
        assert_eq!(tell(&server, event).await.status, 200);
    }
    let money = server.fake.booking_now(booking).extras.money.unwrap();
    assert_eq!(money.chargebacks.len(), 1);
    assert!(money.chargebacks[0].reversed_ms.is_some());
}

#[tokio::test]
async fn refunds_by_hand_are_noticed_and_change_nothing() {
    let (psp, server, booking) = booked().await;
    assert_eq!(pay(&server, booking, "pm_card_visa").await.status, 200);
    psp.refund_by_hand("pi_0", 5_000);
    assert_eq!(tell(&server, &psp.events().pop().unwrap()).await.status, 200);
    assert_eq!(server.fake.booking_now(booking).state, BookingState::Confirmed);
    let scrape = Request::get("/metrics").body(Body::empty()).unwrap();
    let text = server.raw(scrape).await.text;
    assert!(text.contains("payments_total{outcome=\"refunded_elsewhere\"} 1"), "{text}");
}

#[tokio::test]
async fn p6_a_charge_out_of_turn_goes_back() {
    let (psp, server, booking) = booked().await;
    let declined = pay(&server, booking, "pm_card_visa_chargeDeclined").await;
    declined.problem(402, "card-declined");
    // Somebody with the provider's own tools charges it for the booking, past all of this.
    let stray = psp.charge_by_hand(&booking.to_string(), 16_000);
    assert_eq!(tell(&server, &psp.events().pop().unwrap()).await.status, 200);
    let account = psp.account(&booking.to_string());
    assert_eq!((account.charged, account.refunded), (16_000, 16_000), "{stray}");
    assert_eq!(server.fake.booking_now(booking).state, BookingState::Held);
    assert_eq!(psp.intents()[0].status, Status::Canceled);
}

#[tokio::test]
async fn a_provider_that_is_down_is_not_asked_for_a_while_and_that_is_told_at_once() {
    let psp = Psp::start().await;
    let guarded = Guarded::new(Arc::new(psp.client(true)));
    let server = Server::with_provider(Arc::new(guarded));
    let event = server.event().await;
    let booking = server.book(&event, "alice").await.word("/bookingId").parse().unwrap();
    psp.set_down(true);
    for _ in 0..5 {
        let down = pay(&server, booking, "pm_card_visa").await;
        down.problem(503, "payment-provider-down");
    }
    let (asked, attempts) = (psp.calls(), server.fake.booking_now(booking).attempt);
    let down = pay(&server, booking, "pm_card_visa").await;
    down.problem(503, "payment-provider-down");
    let wait: u64 = down.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=6).contains(&wait), "{wait}");
    // Neither the provider nor the booking was touched.
    assert_eq!((psp.calls(), server.fake.booking_now(booking).attempt), (asked, attempts));
    let scrape = Request::get("/metrics").body(Body::empty()).unwrap();
    let text = server.raw(scrape).await.text;
    assert!(text.contains("payment_provider_up{provider=\"stripe\"} 0"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn one_probe_finds_out_that_a_provider_answers_again() {
    use crate::gate::{Gate, Gated, Mood};
    use futures_util::future::join_all;
    use rowlock_api_server::payment::sandbox::Sandbox;
    use rowlock_api_server::payment::{Error, Provider};
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Arc::new(Sandbox::open(&dir.path().join("ledger.jsonl")).unwrap());
    let silent = Gated { inner: sandbox, gate: Gate::new(u32::MAX), mood: Mood::Silent };
    let guarded = Guarded::new(Arc::new(silent));
    for _ in 0..5 {
        assert!(matches!(guarded.cancel("pi_1").await, Err(Error::Silent(_))));
    }
    assert!(matches!(guarded.retrieve("pi_1").await, Err(Error::Down(_))));
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(guarded.down_for(), None);
    let all = join_all((0..4).map(|_| guarded.retrieve("pi_1"))).await;
    let asked = all.iter().filter(|answer| matches!(answer, Err(Error::NoIntent(_)))).count();
    assert_eq!(asked, 1, "{all:?}");
    // It has answered: all may ask again.
    assert!(matches!(guarded.retrieve("pi_1").await, Err(Error::NoIntent(_))));
}

#[tokio::test]
async fn p6_a_charge_that_times_out_is_found_by_its_event() {
    let (psp, server, booking) = booked().await;
    psp.fail_next("confirm", Fault::DoneUnanswered);
    pay(&server, booking, "pm_card_visa").await.problem(503, "unknown-outcome");
    let event = psp.events().pop().unwrap();
    assert_eq!(tell(&server, &event).await.status, 200);
    assert_eq!(server.fake.booking_now(booking).state, BookingState::Confirmed);
    assert_eq!(psp.account(&booking.to_string()), PAID);
}
