//! Tickets in other hands and at the door.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Reply, Server};

/// A paid booking of two seats and a place to stand by alice; its tickets.
async fn tickets(server: &Server) -> Vec<Value> {
    let (event, floor) = server.event_with_floor().await;
    let seats = server.seats(&event).await;
    let body = json!({"eventId": event, "seatIds": seats[..2],
        "areas": [{"areaId": floor, "quantity": 1}]});
    let booked = server.post("/bookings", "alice", body).await;
    let paid = server.pay(&booked, "alice").await;
    paid.at("/tickets").as_array().unwrap().clone()
}

fn word<'a>(ticket: &'a Value, name: &str) -> &'a str {
    ticket[name].as_str().unwrap()
}

async fn scan(server: &Server, who: &str, key: &str, ticket: &Value) -> Reply {
    let body = json!({"code": ticket["code"], "door": "North"});
    server.call(Method::POST, "/tickets/redeem", who, key, Some(body)).await
}

async fn pass_on(server: &Server, who: &str, key: &str, ticket: &Value, to: Value) -> Reply {
    let path = format!("/tickets/{}/transfer", word(ticket, "ticketId"));
    server.call(Method::POST, &path, who, key, Some(to)).await
}

#[tokio::test]
async fn p7_a_ticket_is_let_in_once() {
    let server = Server::new();
    let tickets = tickets(&server).await;
    assert_eq!(tickets.len(), 3);
    let welcome = scan(&server, "door", "scan-1", &tickets[0]).await;
    assert_eq!(welcome.status, 200, "{}", welcome.text);
    assert_eq!((welcome.word("/status"), welcome.word("/door")), ("REDEEMED", "North"));
    assert_eq!(welcome.word("/seat/section"), "BALCONY");
    // The same scan again is the same scan; another one is told when and where the first was.
    assert_eq!(scan(&server, "door", "scan-1", &tickets[0]).await.status, 200);
    let refused = scan(&server, "door", "scan-2", &tickets[0]).await;
    refused.problem(409, "ticket-redeemed");
    assert_eq!(refused.word("/door"), "North");
    assert_eq!(refused.at("/redeemedAt"), welcome.at("/redeemedAt"));
    let standing = scan(&server, "organiser", "", &tickets[2]).await;
    assert_eq!(standing.status, 200, "{}", standing.text);
    let label = json!({"section": "Pit", "row": "", "seatNumber": ""});
    assert_eq!(standing.at("/seat"), &label);
    let path = format!("/tickets/{}", word(&tickets[0], "ticketId"));
    assert_eq!(server.get(&path, "alice").await.word("/status"), "REDEEMED");
}

#[tokio::test]
async fn only_those_at_the_door_let_in_and_only_organisers_undo() {
    let server = Server::new();
    let tickets = tickets(&server).await;
    scan(&server, "alice", "", &tickets[0]).await.problem(403, "not-allowed");
    scan(&server, "", "", &tickets[0]).await.problem(401, "not-signed-in");
    assert_eq!(scan(&server, "door", "", &tickets[0]).await.status, 200);
    let undo = |who: &'static str, key: &'static str, ticket: &Value| {
        let path = format!("/tickets/{}/unredeem", word(ticket, "ticketId"));
        let server = &server;
        async move { server.call(Method::POST, &path, who, key, None).await }
    };
    for who in ["alice", "door"] {
        undo(who, "", &tickets[0]).await.problem(403, "not-allowed");
    }
    for _ in 0..2 {
        let undone = undo("admin", "k", &tickets[0]).await;
        assert_eq!((undone.status.as_u16(), undone.word("/status")), (200, "VALID"));
        assert!(undone.at("/redeemedAt").is_null());
    }
    undo("admin", "", &tickets[0]).await.problem(409, "ticket-not-redeemed");
    undo("admin", "", &json!({"ticketId": "tkt-0"})).await.problem(404, "ticket-not-found");
    assert_eq!(scan(&server, "admin", "", &tickets[0]).await.status, 200);
}

#[tokio::test]
async fn what_is_no_code_of_ours_is_not_let_in() {
    let server = Server::new();
    let tickets = tickets(&server).await;
    let code = word(&tickets[0], "code");
    let forged = code.replace("RWL1", "RWL2");
    for code in ["", "hello", &forged, &code[..code.len() - 4], &"x".repeat(10_000)] {
        let body = json!({"code": code, "door": "North"});
        server.post("/tickets/redeem", "door", body).await.problem(404, "ticket-not-found");
    }
    for door in ["", &"x".repeat(65)] {
        let body = json!({"code": code, "door": door});
        server.post("/tickets/redeem", "door", body).await.problem(422, "invalid");
    }
    assert_eq!(scan(&server, "door", "", &tickets[0]).await.status, 200);
}

#[tokio::test]
async fn a_ticket_that_is_passed_on_has_a_new_code_for_its_new_holder_only() {
    let server = Server::new();
    let tickets = tickets(&server).await;
    let path = format!("/tickets/{}", word(&tickets[0], "ticketId"));
    let to_bob = json!({"userId": "bob"});
    pass_on(&server, "bob", "", &tickets[0], to_bob.clone()).await.problem(404, "ticket-not-found");
    for _ in 0..2 {
        let passed = pass_on(&server, "alice", "k", &tickets[0], to_bob.clone()).await;
        assert_eq!((passed.status.as_u16(), passed.word("/status")), (200, "TRANSFERRED"));
    }
    server.get(&path, "alice").await.problem(404, "ticket-not-found");
    server.get(&format!("{path}/download"), "alice").await.problem(404, "ticket-not-found");
    let bobs = server.get(&path, "bob").await;
    assert_eq!((bobs.status.as_u16(), bobs.word("/status")), (200, "VALID"));
    assert!(bobs.word("/code").starts_with("RWL2."), "{}", bobs.text);
    let page = server.get(&format!("{path}/download"), "bob").await;
    assert!(page.text.contains("data:image/png"));
    scan(&server, "door", "", &tickets[0]).await.problem(409, "ticket-replaced");
    assert_eq!(scan(&server, "door", "", &bobs.json).await.status, 200);
    // Used is used.
    let late = pass_on(&server, "bob", "", &tickets[0], json!({"userId": "carol"})).await;
    late.problem(409, "ticket-redeemed");
}

#[tokio::test]
async fn the_buyer_sees_that_a_ticket_is_passed_on_and_not_its_code() {
    let server = Server::new();
    let (event, _) = server.event_with_floor().await;
    let booked = server.book(&event, "alice").await;
    let tickets = server.pay(&booked, "alice").await;
    let passed =
        pass_on(&server, "alice", "", tickets.at("/tickets/1"), json!({"userId": "bob"})).await;
    assert_eq!(passed.status, 200, "{}", passed.text);
    let path = format!("/bookings/{}", booked.word("/bookingId"));
    let seen = server.get(&path, "alice").await;
    assert_eq!(seen.word("/tickets/0/status"), "VALID");
    assert_eq!(seen.word("/tickets/1/status"), "TRANSFERRED");
    for hidden in ["code", "qrCode", "downloadUrl"] {
        assert!(seen.at(&format!("/tickets/1/{hidden}")).is_null(), "{hidden}");
    }
}

#[tokio::test]
async fn a_ticket_goes_to_somebody() {
    let server = Server::new();
    let tickets = tickets(&server).await;
    let nobody = json!({"email": "nobody@example.com"});
    let refused = pass_on(&server, "alice", "", &tickets[0], nobody).await;
    refused.problem(404, "user-not-found");
    for odd in [
        json!({}),
        json!({"userId": ""}),
        json!({"userId": "bob", "email": "b@example.com"}),
        json!({"userId": "alice"}),
    ] {
        pass_on(&server, "alice", "", &tickets[0], odd).await.problem(422, "invalid");
    }
    let account = json!({"email": "bob@example.com", "password": "correct horse battery",
        "firstName": "Bob", "lastName": "B"});
    assert_eq!(server.post("/auth/register", "", account).await.status, 201);
    let passed = pass_on(&server, "alice", "", &tickets[0], json!({"email": "Bob@example.com"}));
    assert_eq!(passed.await.status, 200);
}

/// What a door without a network kept of one ticket.
fn kept(id: &str, ticket: &Value) -> Value {
    json!({"scanId": id, "code": ticket["code"], "door": "Cellar",
        "scannedAt": "2026-11-01T18:00:00Z"})
}

async fn send_in(server: &Server, event: &str, scans: &[Value]) -> Reply {
    server.post(&format!("/events/{event}/scans"), "door", json!({"scans": scans})).await
}

fn statuses(merged: &Reply) -> Vec<&str> {
    let results = merged.at("/results").as_array().unwrap();
    results.iter().map(|it| word(it, "status")).collect()
}

#[tokio::test]
async fn p7_scans_of_a_door_without_a_network_come_in_later_with_every_conflict() {
    let server = Server::new();
    let (event, _) = server.event_with_floor().await;
    let booked = server.book(&event, "alice").await;
    let paid = server.pay(&booked, "alice").await;
    let ticket = |number: usize| paid.at(&format!("/tickets/{number}")).clone();
    // One was let in online, and its answer was lost on the way; the door noted the scan.
    assert_eq!(scan(&server, "door", "lost", &ticket(0)).await.status, 200);
    let scans = [kept("lost", &ticket(0)), kept("b", &ticket(1)), kept("c", &ticket(1))];
    let merged = send_in(&server, &event, &scans).await;
    assert_eq!(merged.status, 200, "{}", merged.text);
    assert_eq!(statuses(&merged), ["REPEATED", "ADMITTED", "CONFLICT"]);
    assert_eq!((merged.at("/admitted"), merged.at("/conflicts")), (&json!(1), &json!(1)));
    assert_eq!(merged.word("/results/2/door"), "Cellar");
    assert_eq!(merged.word("/results/2/redeemedAt"), "2026-11-01T18:00:00Z");
    // Sent again it changes nothing.
    let again = send_in(&server, &event, &scans).await;
    assert_eq!(statuses(&again), ["REPEATED", "REPEATED", "CONFLICT"]);
    let counts = server.get(&format!("/events/{event}/admissions"), "door").await;
    assert_eq!((counts.at("/sold"), counts.at("/admitted")), (&json!(2), &json!(2)));
    let doors = json!([{"door": "Cellar", "admitted": 1}, {"door": "North", "admitted": 1}]);
    assert_eq!(counts.at("/doors"), &doors);
}

#[tokio::test]
async fn p7_a_ticket_that_was_voided_meanwhile_is_told_when_its_scan_comes_in() {
    let server = Server::new();
    let (event, _) = server.event_with_floor().await;
    let booked = server.book(&event, "alice").await;
    let paid = server.pay(&booked, "alice").await;
    let (stolen, passed) = (paid.at("/tickets/0").clone(), paid.at("/tickets/1").clone());
    let path = format!("/tickets/{}", word(&stolen, "ticketId"));
    let why = json!({"reason": "stolen"});
    for who in ["alice", "door"] {
        server.post(&format!("{path}/void"), who, why.clone()).await.problem(403, "not-allowed");
    }
    let voided = server.post(&format!("{path}/void"), "organiser", why).await;
    assert_eq!((voided.status.as_u16(), voided.word("/status")), (200, "VOID"));
    let seen = server.get(&path, "alice").await;
    assert_eq!(seen.word("/status"), "VOID");
    assert!(seen.at("/code").is_null() && seen.at("/qrCode").is_null(), "{}", seen.text);
    server.get(&format!("{path}/download"), "alice").await.problem(409, "ticket-void");
    scan(&server, "door", "", &stolen).await.problem(409, "ticket-void");
    assert_eq!(pass_on(&server, "alice", "", &passed, json!({"userId": "bob"})).await.status, 200);
    let foreign = json!({"scanId": "d", "code": "RWL1.AAAA.AAAA", "door": "Cellar",
        "scannedAt": "2026-11-01T18:00:00Z"});
    let scans = [kept("a", &stolen), kept("b", &passed), foreign];
    let merged = send_in(&server, &event, &scans).await;
    assert_eq!(statuses(&merged), ["VOID", "REPLACED", "UNKNOWN"]);
    assert_eq!(merged.at("/conflicts"), 3);
    let counts = server.get(&format!("/events/{event}/admissions"), "organiser").await;
    assert_eq!(counts.at("/admitted"), 0);
}

#[tokio::test]
async fn a_batch_is_right_in_all_its_scans_or_changes_nothing() {
    let server = Server::new();
    let (event, _) = server.event_with_floor().await;
    let booked = server.book(&event, "alice").await;
    let paid = server.pay(&booked, "alice").await;
    let good = kept("a", paid.at("/tickets/0"));
    let with = |name: &str, value: Value| {
        let mut scan = kept("b", paid.at("/tickets/1"));
        scan[name] = value;
        scan
    };
    let many: Vec<Value> = (0..1_001).map(|it| with("scanId", json!(it.to_string()))).collect();
    for (scans, status) in [
        (vec![], 422),
        (vec![good.clone(), good.clone()], 422),
        (vec![good.clone(), with("door", json!(""))], 422),
        (vec![good.clone(), with("scanId", json!("x".repeat(129)))], 422),
        (vec![good.clone(), with("scannedAt", json!("yesterday"))], 422),
        (vec![good.clone(), with("scannedAt", json!("1970-01-01T00:00:00Z"))], 422),
        (many, 422),
    ] {
        send_in(&server, &event, &scans).await.problem(status, "invalid");
    }
    let counts = server.get(&format!("/events/{event}/admissions"), "door").await;
    assert_eq!(counts.at("/admitted"), 0);
    let path = format!("/events/{event}/scans");
    let body = json!({"scans": [good]});
    server.post(&path, "alice", body.clone()).await.problem(403, "not-allowed");
    server.post("/events/evt-0/scans", "door", body).await.problem(404, "event-not-found");
}
