//! What users of other ticket shops asked for, or were let down by: each as they would meet it.

use std::sync::Arc;
use std::time::Duration;

use rowlock_api_server::payment::reconcile::run_round_ahead;
use rowlock_client::types::{BookingId, BookingState};
use serde_json::{Value, json};

use crate::harness::{Reply, Server};
use crate::psp::{Fault, Psp};

/// Past every hold and every payment's time.
const LATER_MS: u64 = 24 * 3_600_000;

async fn booked() -> (Psp, Server, String, BookingId) {
    let psp = Psp::start().await;
    let server = Server::with_provider(Arc::new(psp.client(false)));
    let event = server.event().await;
    let booking = server.book(&event, "alice").await.word("/bookingId").parse().unwrap();
    (psp, server, event, booking)
}

/// Waits until `done`, while whoever looks after payments that were left behind does so.
async fn looked_after(server: &Server, done: impl Fn() -> bool) {
    let looking = async {
        while !done() {
            run_round_ahead(&server.reconciler, &server.app, Duration::from_secs(86_400)).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), looking).await.expect("the payment's end");
}

#[tokio::test]
async fn p6_a_payment_that_is_heard_of_after_its_time_has_its_seats() {
    let (psp, server, event, booking) = booked().await;
    psp.fail_next("confirm", Fault::DoneUnanswered);
    let body = json!({"paymentMethodId": "pm_card_visa", "amount": 160.0});
    let path = format!("/bookings/{booking}/payment");
    server.post(&path, "alice", body).await.problem(503, "unknown-outcome");
    // The card was charged and nobody heard of it. While that is so, nobody else gets the seats.
    server.fake.advance(LATER_MS);
    server.book(&event, "bob").await.problem(409, "seat-taken");
    looked_after(&server, || server.fake.booking_now(booking).state == BookingState::Confirmed)
        .await;
    let read = server.get(&format!("/bookings/{booking}"), "alice").await;
    assert_eq!((read.word("/status"), read.word("/tickets/1/status")), ("CONFIRMED", "VALID"));
    let account = psp.account(&booking.to_string());
    assert_eq!((account.charged, account.refunded), (16_000, 0));
}

#[tokio::test]
async fn p6_money_that_comes_for_seats_of_somebody_else_goes_back_by_itself() {
    let (psp, server, event, booking) = booked().await;
    server.fake.advance(LATER_MS);
    let path = format!("/bookings/{booking}");
    assert_eq!(server.get(&path, "alice").await.word("/status"), "EXPIRED");
    let late = json!({"paymentMethodId": "pm_card_visa", "amount": 160.0});
    server.post(&format!("{path}/payment"), "alice", late).await.problem(409, "booking-expired");
    let other = server.book(&event, "bob").await;
    assert_eq!(server.pay(&other, "bob").await.word("/status"), "CONFIRMED");
    // However a charge came to be.
    psp.charge_by_hand(&booking.to_string(), 16_000);
    let told = crate::webhooks::tell(&server, &psp.events().pop().unwrap()).await;
    assert_eq!(told.status, 200, "{}", told.text);
    looked_after(&server, || psp.account(&booking.to_string()).refunded == 16_000).await;
    assert_eq!(server.get(&path, "alice").await.word("/status"), "EXPIRED");
    let bobs = server.get(&format!("/bookings/{}", other.word("/bookingId")), "bob").await;
    assert_eq!(bobs.word("/status"), "CONFIRMED");
}

#[tokio::test]
async fn a_cart_that_is_left_gives_everything_back() {
    let server = Server::new();
    let (event, floor) = server.event_with_floor().await;
    let seats = server.seats(&event).await;
    let cart = json!({"eventId": event, "seatIds": seats,
        "areas": [{"areaId": floor, "quantity": 4}]});
    assert_eq!(server.post("/bookings", "alice", cart.clone()).await.status, 201);
    let full = server.get(&format!("/events/{event}"), "").await;
    assert_eq!(full.word("/availability"), "SOLD_OUT", "{}", full.text);
    server.post("/bookings", "bob", cart.clone()).await.problem(409, "seat-taken");
    server.fake.advance(LATER_MS);
    let bobs = server.post("/bookings", "bob", cart).await;
    assert_eq!(bobs.status, 201, "{}", bobs.text);
}

#[tokio::test]
async fn one_full_category_blocks_no_other() {
    let server = Server::new();
    let event = server.event().await;
    let seats = server.seats(&event).await;
    // The floor is seats 3 and 4.
    let floor = json!({"eventId": event, "seatIds": seats[3..]});
    assert_eq!(server.post("/bookings", "alice", floor.clone()).await.status, 201);
    server.post("/bookings", "bob", floor).await.problem(409, "seat-taken");
    let balcony = json!({"eventId": event, "seatIds": seats[..3]});
    assert_eq!(server.post("/bookings", "bob", balcony).await.status, 201);
}

#[tokio::test]
async fn p1_many_at_once_for_the_same_seats_are_one_booking_and_all_others_are_told_which() {
    let server = Server::new();
    let event = server.event().await;
    let seats = server.seats(&event).await;
    let wanted = json!({"eventId": event, "seatIds": seats[..2]});
    let names: Vec<String> = (0..50).map(|number| format!("user-{number}")).collect();
    let asked = names.iter().map(|who| server.post("/bookings", who, wanted.clone()));
    let replies: Vec<Reply> = futures_util::future::join_all(asked).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    for reply in replies.iter().filter(|reply| reply.status != 201) {
        reply.problem(409, "seat-taken");
        assert_eq!(reply.at("/seatIds"), &json!(seats[..2]));
    }
}

#[tokio::test]
async fn no_route_says_whether_seats_could_be_booked_without_booking_them() {
    // Whoever asks first and books then loses between the two: a booking fails by itself, with what was
    // taken. States of seats are there to be looked at, and no route takes seats to check.
    let document = rowlock_api_server::openapi();
    for (path, item) in document["paths"].as_object().unwrap() {
        for word in ["check", "available", "validate", "reserve", "lock"] {
            assert!(!path.contains(word), "{path}");
        }
        let get: Option<&Value> = item.get("get");
        assert!(get.is_none_or(|get| get.get("requestBody").is_none()), "{path}");
    }
}
