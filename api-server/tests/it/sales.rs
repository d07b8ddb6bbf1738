//! Sales reports.

use axum::http::header;
use serde_json::{Value, json};

use crate::harness::Server;

/// Alice bought two seats and a place to stand, and gave one seat back; bob got a seat for nothing, and
/// carol only holds one. The event.
async fn sold(server: &Server) -> String {
    let (event, floor) = server.event_with_floor().await;
    let seats = server.seats(&event).await;
    let body = json!({"eventId": event, "seatIds": seats[..2],
        "areas": [{"areaId": floor, "quantity": 1}]});
    let booked = server.post("/bookings", "alice", body).await;
    server.pay(&booked, "alice").await;
    let refund = format!("/bookings/{}/refund", booked.word("/bookingId"));
    let back = json!({"seatIds": [seats[1]], "reason": "ill"});
    let refunded = server.post(&refund, "organiser", back).await;
    assert_eq!(refunded.status, 200, "{}", refunded.text);
    let free =
        server.post("/bookings", "bob", json!({"eventId": event, "seatIds": [seats[2]]})).await;
    let path = format!("/bookings/{}/confirm-direct", free.word("/bookingId"));
    let gift = json!({"tender": "complimentary", "reason": "press"});
    let given = server.post(&path, "organiser", gift).await;
    assert_eq!(given.status, 200, "{}", given.text);
    let held = json!({"eventId": event, "seatIds": [seats[3]]});
    assert_eq!(server.post("/bookings", "carol", held).await.status, 201);
    event
}

#[tokio::test]
async fn what_was_sold_is_added_up_and_agrees_with_the_sums_of_the_event() {
    let server = Server::new();
    let event = sold(&server).await;
    let money = server.get(&format!("/events/{event}/money"), "organiser").await;
    let path = format!("/reports/sales?events={event}");
    let report = server.get(&path, "organiser").await;
    assert_eq!(report.status, 200, "{}", report.text);
    let total = report.at("/events/0/total").clone();
    assert_eq!((&total["bookings"], &total["complimentary"]), (&json!(2), &json!(1)));
    assert_eq!(total["tickets"], 3);
    let (gross, back) = (total["gross"].as_f64().unwrap(), total["refunded"].as_f64().unwrap());
    assert!((total["net"].as_f64().unwrap() - (gross - back)).abs() < 1e-9, "{total}");
    assert_eq!(back, money.at("/refunded").as_f64().unwrap());
    assert!(gross > back && back > 0.0, "{total}");

    let by_day = server.get(&format!("{path}&by=day"), "organiser").await;
    let rows = by_day.at("/events/0/rows").as_array().unwrap();
    assert_eq!(rows.len(), 1, "{}", by_day.text);
    assert_eq!((&rows[0]["gross"], &rows[0]["net"]), (&total["gross"], &total["net"]));

    let by_category = server.get(&format!("{path}&by=category"), "organiser").await;
    let rows = by_category.at("/events/0/rows").as_array().unwrap();
    let tickets: u64 = rows.iter().map(|row| row["tickets"].as_u64().unwrap()).sum();
    assert_eq!(tickets, 3, "{}", by_category.text);
    assert!(rows.iter().all(|row| row.get("refunded").is_none()), "{}", by_category.text);
}

#[tokio::test]
async fn a_spreadsheet_gets_a_table() {
    let server = Server::new();
    let event = sold(&server).await;
    let path = format!("/reports/sales?events={event}&format=csv");
    let report = server.get(&path, "organiser").await;
    assert_eq!(report.headers[header::CONTENT_TYPE], "text/csv; charset=utf-8; header=present");
    let lines: Vec<&str> = report.text.split("\r\n").collect();
    let names = "event,name,currency,bookings,complimentary,tickets,gross,refunded,net";
    assert_eq!((lines.len(), lines[0]), (3, names), "{}", report.text);
    assert!(lines[1].starts_with(&format!("{event},")), "{}", report.text);
    let by_day = server.get(&format!("{path}&by=day"), "organiser").await;
    assert!(by_day.text.starts_with("event,name,day,currency,bookings,"), "{}", by_day.text);
    let by_category = server.get(&format!("{path}&by=category"), "organiser").await;
    assert!(by_category.text.starts_with("event,name,category,currency,tickets,gross\r\n"));
}

#[tokio::test]
async fn a_report_is_of_events_that_there_are() {
    let server = Server::new();
    let event = server.event().await;
    let get = async |query: &str| server.get(&format!("/reports/sales{query}"), "organiser").await;
    for odd in ["", "?events=", "?events=,", &format!("?events={event}&by=hour")] {
        get(odd).await.problem(422, "invalid");
    }
    get(&format!("?events={event}&format=xml")).await.problem(422, "invalid");
    get("?events=evt-7").await.problem(404, "event-not-found");
    let both = get(&format!("?events={event},{event}")).await;
    assert_eq!(both.at("/events").as_array().map(Vec::len), Some(2));
    assert_eq!(both.at("/events/0/total/net"), &Value::from(0.0));
}
