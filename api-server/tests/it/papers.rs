//! Tickets as documents.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::json;

use crate::harness::{Reply, Server};

async fn paid(server: &Server) -> Reply {
    let (event, _) = server.event_with_floor().await;
    let booked = server.book(&event, "alice").await;
    server.pay(&booked, "alice").await
}

fn kind(reply: &Reply) -> &str {
    reply.headers[header::CONTENT_TYPE].to_str().unwrap()
}

#[tokio::test]
async fn a_ticket_is_had_in_every_format() {
    let server = Server::new();
    let paid = paid(&server).await;
    let base = format!("/tickets/{}/download", paid.word("/tickets/0/ticketId"));
    for (query, of, begins) in [
        ("", "text/html; charset=utf-8", "<!DOCTYPE html>"),
        ("?format=html", "text/html; charset=utf-8", "<!DOCTYPE html>"),
        ("?format=pdf", "application/pdf", "%PDF-1.7"),
        ("?format=pdf&paper=phone", "application/pdf", "%PDF-1.7"),
        ("?format=svg", "image/svg+xml", "<svg "),
        ("?format=png", "image/png", "\u{fffd}PNG"),
        ("?format=ics", "text/calendar; charset=utf-8", "BEGIN:VCALENDAR\r\n"),
    ] {
        let reply = server.get(&format!("{base}{query}"), "alice").await;
        assert_eq!((reply.status.as_u16(), kind(&reply)), (200, of), "{query}: {}", reply.text);
        assert!(reply.text.starts_with(begins), "{query}: {:.40}", reply.text);
        if !of.starts_with("text/html") {
            let kept_as = reply.headers[header::CONTENT_DISPOSITION].to_str().unwrap();
            assert!(kept_as.starts_with("attachment; filename=\"tkt-"), "{kept_as}");
        }
        server.get(&format!("{base}{query}"), "bob").await.problem(404, "ticket-not-found");
    }
    for odd in ["?format=docx", "?format=google-wallet", "?format=pdf&paper=letter", "?format=PDF"]
    {
        server.get(&format!("{base}{odd}"), "alice").await.problem(422, "invalid");
    }
}

#[tokio::test]
async fn a_booking_is_one_document_of_all_tickets_that_one_has() {
    let server = Server::new();
    let paid = paid(&server).await;
    let path = format!("/bookings/{}/download", paid.word("/bookingId"));
    let pages = |reply: &Reply| reply.text.matches("/Type /Page\n").count();
    let both = server.get(&path, "alice").await;
    assert_eq!((both.status.as_u16(), pages(&both)), (200, 2), "{}", both.text);
    let to = json!({"userId": "bob"});
    let transfer = format!("/tickets/{}/transfer", paid.word("/tickets/1/ticketId"));
    assert_eq!(server.post(&transfer, "alice", to).await.status, 200);
    for who in ["alice", "bob"] {
        assert_eq!(pages(&server.get(&path, who).await), 1, "{who}");
    }
    let entry = server.get(&format!("{path}?format=ics"), "bob").await;
    assert!(entry.text.contains(paid.word("/bookingReference")), "{}", entry.text);
    server.get(&path, "carol").await.problem(404, "booking-not-found");
    server.get(&format!("{path}?format=svg"), "alice").await.problem(422, "invalid");
}

#[tokio::test]
async fn what_is_not_paid_has_no_document() {
    let server = Server::new();
    let (event, _) = server.event_with_floor().await;
    let booked = server.book(&event, "alice").await;
    let path = format!("/bookings/{}/download", booked.word("/bookingId"));
    server.get(&path, "alice").await.problem(409, "booking-state-conflict");
    server.get(&path, "bob").await.problem(404, "booking-not-found");
}

#[tokio::test]
async fn doors_get_the_keys_that_they_check_tickets_with() {
    let server = Server::new();
    let request = Request::builder().uri("/.well-known/ticket-keys.json").body(Body::empty());
    let keys = server.raw(request.unwrap()).await;
    assert_eq!(keys.status, 200);
    let only = keys.at("/keys/0");
    assert_eq!((&only["kty"], &only["crv"]), (&json!("OKP"), &json!("Ed25519")));
    assert!(only.get("d").is_none());
    assert_eq!(keys.headers[header::CACHE_CONTROL], "public, max-age=300");
}
