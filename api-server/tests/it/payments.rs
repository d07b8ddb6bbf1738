//! Paying, and the tickets that come of it.

use std::sync::atomic::Ordering;

use axum::http::Method;
use base64::Engine;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use crate::harness::{Reply, Server, TICKET_SEED};

async fn booked(server: &Server) -> String {
    let event = server.event().await;
    let booked = server.book(&event, "alice").await;
    booked.word("/bookingId").to_owned()
}

async fn pay(server: &Server, booking: &str, method: &str, amount: f64, key: &str) -> Reply {
    let body = json!({"paymentMethodId": method, "amount": amount});
    let path = format!("/bookings/{booking}/payment");
    server.call(Method::POST, &path, "alice", key, Some(body)).await
}

#[tokio::test]
async fn a_payment_confirms_with_one_ticket_a_seat() {
    let server = Server::new();
    let booking = booked(&server).await;
    let paid = pay(&server, &booking, "pm_card_visa", 160.0, "").await;
    assert_eq!(paid.status, 200, "{}", paid.text);
    assert_eq!(paid.word("/status"), "CONFIRMED");
    assert_eq!(paid.word("/bookingId"), booking);
    assert!(paid.word("/paymentId").starts_with("pi_"));
    let tickets = paid.at("/tickets").as_array().unwrap();
    assert_eq!(tickets.len(), 2);
    assert_eq!(tickets[0]["seat"], json!({"section": "BALCONY", "row": "A", "seatNumber": "1"}));
    assert_eq!(tickets[0]["test"], true);
    let png = tickets[0]["qrCode"].as_str().unwrap().strip_prefix("data:image/png;base64,");
    let png = base64::engine::general_purpose::STANDARD.decode(png.unwrap()).unwrap();
    assert!(png.starts_with(b"\x89PNG"));
    let read = server.get(&format!("/bookings/{booking}"), "alice").await;
    assert_eq!((read.word("/status"), read.at("/tickets")), ("CONFIRMED", paid.at("/tickets")));
    // The same again is the same answer, and no other charge.
    let again = pay(&server, &booking, "pm_card_visa", 160.0, "").await;
    assert_eq!((again.status.as_u16(), &again.json), (200, &paid.json));
    assert_eq!(server.ledger_lines("succeed"), 1);
    let released =
        server.call(Method::DELETE, &format!("/bookings/{booking}"), "alice", "", None).await;
    released.problem(409, "booking-state-conflict");
}

#[tokio::test]
async fn tickets_are_downloaded_by_their_owner() {
    let server = Server::new();
    let booking = booked(&server).await;
    let paid = pay(&server, &booking, "pm_1234567890", 160.0, "").await;
    let url = paid.word("/tickets/1/downloadUrl").strip_prefix("/api/v1").unwrap().to_owned();
    let page = server.get(&url, "alice").await;
    assert_eq!(page.status, 200);
    assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    for word in ["TEST", "BALCONY", "data:image/png"] {
        assert!(page.text.contains(word), "{word}");
    }
    server.get(&url, "bob").await.problem(404, "ticket-not-found");
    server.get(&url, "").await.problem(401, "not-signed-in");
    server.get("/tickets/tkt-0/download", "alice").await.problem(404, "ticket-not-found");
}

#[test]
fn a_door_can_check_a_ticket_without_a_network() {
    use rowlock_api_server::tickets::{Signer, Stub, read};
    use rowlock_proto::{EventId, TicketId};
    let signer = Signer::new(SigningKey::from_bytes(&TICKET_SEED));
    let stub = Stub { ticket: TicketId(1), event: EventId(2), seat: 3, version: 0, test: true };
    assert_eq!(read(&signer.code(&stub), &signer.public()), Some(stub));
}

#[tokio::test]
async fn a_declined_card_leaves_the_hold_for_another() {
    let server = Server::new();
    let booking = booked(&server).await;
    for (method, code, reason) in [
        ("pm_card_visa_chargeDeclined", "card-declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card-declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedProcessingError", "card-declined", "processing_error"),
    ] {
        let declined = pay(&server, &booking, method, 160.0, "").await;
        declined.problem(402, code);
        assert_eq!(declined.word("/declineCode"), reason);
        let read = server.get(&format!("/bookings/{booking}"), "alice").await;
        assert_eq!(read.word("/status"), "PENDING");
    }
    assert_eq!(pay(&server, &booking, "pm_card_visa", 160.0, "").await.status, 200);
    assert_eq!(server.ledger_lines("succeed"), 1);
}

#[tokio::test]
async fn wrong_payments_begin_nothing() {
    let server = Server::new();
    let booking = booked(&server).await;
    let wrong = pay(&server, &booking, "pm_card_visa", 159.99, "").await;
    wrong.problem(422, "amount-mismatch");
    assert_eq!(wrong.at("/totalAmount"), 160.0);
    pay(&server, &booking, "pm_card_nonsense", 160.0, "")
        .await
        .problem(422, "payment-method-unknown");
    pay(&server, &booking, "4242 4242 4242 4242", 160.0, "")
        .await
        .problem(422, "card-number-refused");
    let path = format!("/bookings/{booking}/payment");
    let body = json!({"paymentMethodId": "pm_card_visa", "amount": "160.00"});
    let typed = server.post(&path, "alice", body).await;
    typed.problem(400, "malformed");
    assert_eq!(typed.word("/field"), "amount");
    let body = json!({"paymentMethodId": "pm_card_visa", "amount": 160.00});
    server.post(&path, "bob", body).await.problem(404, "booking-not-found");
    assert_eq!(server.ledger_lines("create"), 0);
    assert_eq!(
        server.get(&format!("/bookings/{booking}"), "alice").await.word("/status"),
        "PENDING"
    );
}

#[tokio::test]
async fn an_expired_booking_is_not_charged() {
    let server = Server::new();
    let booking = booked(&server).await;
    server.fake.advance(601_000);
    pay(&server, &booking, "pm_card_visa", 160.0, "").await.problem(409, "booking-expired");
    assert_eq!(server.ledger_lines("create"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p6_eight_payments_at_once_charge_once() {
    let server = Server::new();
    let booking = booked(&server).await;
    let all = (0..8).map(|_| pay(&server, &booking, "pm_card_visa", 160.0, ""));
    let replies = futures_util::future::join_all(all).await;
    let first = &replies[0];
    assert_eq!(first.status, 200, "{}", first.text);
    for reply in &replies {
        assert_eq!((reply.status, &reply.json), (first.status, &first.json));
    }
    assert_eq!(server.ledger_lines("succeed"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_declined_at_once_are_all_told() {
    let server = Server::new();
    let booking = booked(&server).await;
    let all = (0..8).map(|_| pay(&server, &booking, "pm_card_visa_chargeDeclined", 160.0, ""));
    for reply in futures_util::future::join_all(all).await {
        reply.problem(402, "card-declined");
    }
    assert_eq!(server.ledger_lines("succeed"), 0);
}

#[tokio::test]
async fn a_payments_key_names_its_body() {
    let server = Server::new();
    let booking = booked(&server).await;
    let declined = pay(&server, &booking, "pm_card_visa_chargeDeclined", 160.0, "k").await;
    declined.problem(402, "card-declined");
    let again = pay(&server, &booking, "pm_card_visa_chargeDeclined", 160.0, "k").await;
    assert_eq!((again.status, &again.json), (declined.status, &declined.json));
    assert_eq!(server.ledger_lines("create"), 1);
    let other = pay(&server, &booking, "pm_card_visa", 160.0, "k").await;
    other.problem(422, "idempotency-key-reused");
    assert_eq!(pay(&server, &booking, "pm_card_visa", 160.0, "k2").await.status, 200);
}

#[tokio::test]
async fn p6_a_lost_attachment_is_unknown_and_never_charged() {
    let server = Server::new();
    let booking = booked(&server).await;
    server.fake.lose_attach.store(true, Ordering::SeqCst);
    let unknown = pay(&server, &booking, "pm_card_visa", 160.0, "").await;
    unknown.problem(503, "unknown-outcome");
    assert_eq!(server.ledger_lines("succeed"), 0);
    let intent = server.fake.booking_now(booking.parse().unwrap()).intent;
    let known = server.provider().retrieve(&intent).await.unwrap();
    assert_eq!(known.state, rowlock_api_server::payment::IntentState::RequiresConfirmation);
    let lines = std::fs::read_to_string(server.ledger()).unwrap();
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["amount"], 16_000);
}
