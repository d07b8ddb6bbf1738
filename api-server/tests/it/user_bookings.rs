//! What the caller has over all events.

use serde_json::json;

use crate::harness::Server;

#[tokio::test]
async fn one_sees_ones_own_bookings_by_pages_and_nobody_elses() {
    let server = Server::new();
    let (one, two) = (server.event().await, server.event().await);
    let mut made = Vec::new();
    for event in [&one, &two] {
        for seat in [0, 1] {
            let seats = server.seats(event).await;
            let body = json!({"eventId": event, "seatIds": [seats[seat]]});
            made.push(server.post("/bookings", "alice", body).await);
        }
    }
    let paid = &made[0];
    server.pay(paid, "alice").await;
    server.get("/users/me/bookings", "").await.problem(401, "not-signed-in");
    let nothing = server.get("/users/me/bookings", "bob").await;
    assert_eq!((nothing.at("/bookings"), nothing.at("/pagination/total")), (&json!([]), &json!(0)));

    let all = server.get("/users/me/bookings", "alice").await;
    assert_eq!(all.status, 200, "{}", all.text);
    assert!(all.headers.contains_key("rowlock-revision"));
    assert_eq!(all.at("/pagination"), &json!({"total": 4, "page": 1, "pages": 1}));
    let listed = all.at("/bookings").as_array().unwrap();
    let ids: Vec<&str> = listed.iter().map(|it| it["bookingId"].as_str().unwrap()).collect();
    let its = listed.iter().find(|it| it["bookingId"] == *paid.at("/bookingId")).unwrap();
    let (status, role) = (its["status"].as_str(), its["role"].as_str());
    assert_eq!((status, role), (Some("CONFIRMED"), Some("BUYER")));
    assert_eq!(its["totalAmount"], json!(80.00));
    assert_eq!(its["ticketIds"].as_array().unwrap().len(), 1);

    // By cursor, and by number.
    let mut paged = Vec::new();
    let mut path = "/users/me/bookings?limit=3".to_owned();
    loop {
        let page = server.get(&path, "alice").await;
        let items = page.at("/bookings").as_array().unwrap();
        paged.extend(items.iter().map(|it| it["bookingId"].as_str().unwrap().to_owned()));
        assert_eq!(page.at("/pagination/pages"), 2);
        let Some(next) = page.at("/pagination/nextCursor").as_str() else { break };
        path = format!("/users/me/bookings?limit=3&cursor={next}");
    }
    assert_eq!(paged, ids);
    let second = server.get("/users/me/bookings?limit=3&page=2", "alice").await;
    assert_eq!(second.word("/bookings/0/bookingId"), ids[3]);
    assert_eq!(second.at("/pagination/page"), 2);
    for bad in ["page=0", "limit=0", "limit=101", "cursor=x", "page=2&cursor=1.x", "details=1"] {
        let reply = server.get(&format!("/users/me/bookings?{bad}"), "alice").await;
        reply.problem(422, "invalid");
    }
    server.get("/users/me/bookings?page=x", "alice").await.problem(400, "malformed");
}

#[tokio::test]
async fn a_ticket_that_was_passed_on_is_in_the_list_of_whoever_has_it() {
    let server = Server::new();
    let event = server.event().await;
    let booked = server.book(&event, "alice").await;
    let paid = server.pay(&booked, "alice").await;
    let ticket = paid.word("/tickets/0/ticketId").to_owned();
    let to = json!({"userId": "bob"});
    let passed = server.post(&format!("/tickets/{ticket}/transfer"), "alice", to).await;
    assert_eq!(passed.status, 200, "{}", passed.text);

    let bobs = server.get("/users/me/bookings?details=true", "bob").await;
    assert_eq!(bobs.word("/bookings/0/role"), "HOLDER");
    assert_eq!(bobs.at("/bookings/0/ticketIds"), &json!([ticket]));
    assert_eq!(bobs.word("/bookings/0/tickets/0/ticketId"), ticket);
    assert!(!bobs.word("/bookings/0/tickets/0/code").is_empty());
    // What it cost, and who bought it, is not his business.
    for hidden in ["totalAmount", "details", "alice"] {
        assert!(!bobs.text.contains(hidden), "{}", bobs.text);
    }
    assert_eq!(bobs.at("/bookings/0/tickets").as_array().unwrap().len(), 1);

    let alices = server.get("/users/me/bookings?details=true", "alice").await;
    assert_eq!(alices.at("/bookings/0/ticketIds").as_array().unwrap().len(), 1);
    assert_eq!(alices.word("/bookings/0/details/bookingId"), booked.word("/bookingId"));
    assert_eq!(alices.word("/bookings/0/details/tickets/0/status"), "TRANSFERRED");
}
