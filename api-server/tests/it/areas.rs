//! Places in areas without seats, mixed carts, and what is done to a hold.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Reply, Server, venue_with_floor};

async fn area(server: &Server, event: &str) -> Value {
    server.get(&format!("/events/{event}/seats"), "").await.at("/areas/0").clone()
}

fn path(booked: &Reply, rest: &str) -> String {
    format!("/bookings/{}{rest}", booked.word("/bookingId"))
}

#[tokio::test]
async fn a_venue_has_what_its_companion_says() {
    let server = Server::new();
    let made = server.post("/venues", "organiser", venue_with_floor()).await;
    assert_eq!((made.status.as_u16(), made.at("/capacity")), (201, &json!(9)));
    let url = format!("/venues/{}/seat-map", made.word("/id"));
    let map = server.get(&url, "").await;
    assert_eq!(map.at("/focus"), &json!({"x": 1500, "y": 2000}));
    assert_eq!(map.at("/areas/0/capacity"), 4);
    assert_eq!(map.at("/sections/0/rows/0/seats/0/wheelchair"), true);
    assert!(map.at("/sections/0/rows/0/seats/1/wheelchair").is_null());
    let drawing = server.get(&format!("{url}?format=svg"), "").await;
    assert!(drawing.text.contains("<rect x=\"0\" y=\"1200\""), "{}", drawing.text);
}

#[tokio::test]
async fn a_companion_that_does_not_fit_its_plan_is_refused() {
    let server = Server::new();
    for (companion, field, words) in [
        (json!({"version": 1, "aisles": []}), "seatMapCompanion", "unknown field `aisles`"),
        (json!({"version": 7}), "seatMapCompanion", "version 7 is not known"),
        (
            json!({"version": 1, "tables": [{"section": "CELLAR", "row": "A"}]}),
            "seatMap",
            "the plan has no section 'CELLAR'",
        ),
    ] {
        let mut body = venue_with_floor();
        body["seatMapCompanion"] = companion;
        let refused = server.post("/venues", "organiser", body).await;
        refused.problem(422, "seat-map-invalid");
        assert_eq!(refused.word("/field"), field);
        assert!(refused.word("/detail").contains(words), "{}", refused.text);
    }
    assert_eq!(server.fake.sizes()[0], 0);
}

#[tokio::test]
async fn places_in_an_area_are_held_alone_and_with_seats() {
    let server = Server::new();
    let (event, floor) = server.event_with_floor().await;
    let seats = server.seats(&event).await;
    let now = area(&server, &event).await;
    for (name, value) in [
        ("name", json!("Pit")),
        ("category", json!("Floor")),
        ("price", json!(250.0)),
        ("capacity", json!(4)),
        ("available", json!(4)),
    ] {
        assert_eq!(now[name], value, "{name}");
    }
    let wish = |quantity: u32| json!([{"areaId": floor, "quantity": quantity}]);
    let body = json!({"eventId": event, "areas": wish(2)});
    let standing = server.post("/bookings", "alice", body).await;
    assert_eq!(standing.status, 201, "{}", standing.text);
    assert_eq!(standing.at("/totalAmount"), 500.0);
    assert_eq!(standing.at("/seats"), &json!([]));
    assert_eq!(standing.at("/areas/0/places"), &json!([0, 1]));
    assert_eq!(area(&server, &event).await["held"], 2);
    // All or nothing: a seat and an area, of which the area has too few.
    let body = json!({"eventId": event, "seatIds": [seats[0]], "areas": wish(3)});
    let refused = server.post("/bookings", "bob", body).await;
    refused.problem(409, "not-enough-seats");
    assert_eq!(refused.at("/available"), 2);
    let body = json!({"eventId": event, "seatIds": [seats[0]], "areas": wish(1),
        "bestAvailable": {"quantity": 1, "categories": ["Floor"]}});
    let mixed = server.call(Method::POST, "/bookings", "bob", "k", Some(body.clone())).await;
    assert_eq!(mixed.status, 201, "{}", mixed.text);
    assert_eq!(mixed.at("/totalAmount"), 580.0);
    assert_eq!((mixed.at("/seats/1/place"), mixed.at("/areas/0/places")), (&json!(1), &json!([2])));
    let again = server.call(Method::POST, "/bookings", "bob", "k", Some(body)).await;
    assert_eq!((again.status.as_u16(), &again.text), (201, &mixed.text));
    let filtered = server.get(&format!("/events/{event}/seats?status=AVAILABLE"), "").await;
    assert_eq!(filtered.at("/areas"), &json!([]));
}

#[tokio::test]
async fn wishes_that_can_never_be_granted_are_refused_precisely() {
    let server = Server::new();
    let (event, floor) = server.event_with_floor().await;
    let (other, foreign) = server.event_with_floor().await;
    assert_ne!(event, other);
    let one = |area: &str, quantity: u32| json!([{"areaId": area, "quantity": quantity}]);
    let twice = json!([{"areaId": floor, "quantity": 1}, {"areaId": floor, "quantity": 1}]);
    let seat = &server.seats(&event).await[0];
    for (areas, code) in [
        (one(&foreign, 1), "area-unknown"),
        (one("area-nonsense", 1), "area-unknown"),
        (one(seat, 1), "area-unknown"),
        (one(&floor, 0), "invalid"),
        (one(&floor, 101), "invalid"),
        (twice, "invalid"),
        (json!([]), "no-seats"),
    ] {
        let body = json!({"eventId": event, "areas": areas});
        server.post("/bookings", "alice", body).await.problem(422, code);
    }
    let body = json!({"eventId": event, "areas": one(&floor, 100), "seatIds": [seat]});
    server.post("/bookings", "alice", body).await.problem(422, "too-many-seats");
    server.post("/bookings", "alice", json!({"eventId": event})).await.problem(400, "malformed");
    let body = json!({"eventId": event, "areas": [{"areaId": floor}]});
    server.post("/bookings", "alice", body).await.problem(400, "malformed");
    assert_eq!(server.fake.sizes()[3], 0);
}

#[tokio::test]
async fn a_hold_is_extended_once() {
    let server = Server::new();
    let event = server.event().await;
    let booked = server.book(&event, "alice").await;
    server.fake.advance(100_000);
    let extend = |who: &'static str, key: &'static str| {
        let path = path(&booked, "/extend");
        let server = &server;
        async move { server.call(Method::POST, &path, who, key, None).await }
    };
    extend("bob", "").await.problem(404, "booking-not-found");
    let extended = extend("alice", "k").await;
    assert_eq!(extended.status, 200, "{}", extended.text);
    assert!(extended.word("/expiresAt") > booked.word("/expiresAt"));
    // The same request again, and another one.
    let again = extend("alice", "k").await;
    assert_eq!(
        (again.status.as_u16(), again.word("/expiresAt")),
        (200, extended.word("/expiresAt"))
    );
    extend("alice", "").await.problem(409, "hold-already-extended");
    server.fake.advance(700_000);
    extend("alice", "").await.problem(409, "booking-expired");
}

#[tokio::test]
async fn places_of_a_hold_are_given_back() {
    let server = Server::new();
    let (event, floor) = server.event_with_floor().await;
    let seats = server.seats(&event).await;
    let body = json!({"eventId": event, "seatIds": seats[..2],
        "areas": [{"areaId": floor, "quantity": 2}]});
    let booked = server.post("/bookings", "alice", body).await;
    let give = |who: &'static str, places: Value| {
        let path = path(&booked, "/release");
        let server = &server;
        async move { server.post(&path, who, json!({"places": places})).await }
    };
    give("bob", json!([0])).await.problem(404, "booking-not-found");
    for odd in [json!([]), json!([1, 1])] {
        give("alice", odd).await.problem(422, "invalid");
    }
    let unknown = give("alice", json!([4])).await;
    unknown.problem(422, "place-unknown");
    assert_eq!(unknown.at("/place"), 4);
    give("alice", json!([0, 1, 2, 3])).await.problem(409, "booking-state-conflict");
    let left = give("alice", json!([3, 0])).await;
    assert_eq!(left.status, 200, "{}", left.text);
    assert_eq!(left.at("/totalAmount"), 330.0);
    // What stays keeps its number.
    assert_eq!(left.at("/seats/0/id"), seats[1].as_str());
    assert_eq!((left.at("/seats/0/place"), left.at("/areas/0/places")), (&json!(1), &json!([2])));
    assert_eq!(area(&server, &event).await["available"], 3);
    let free = server.get(&format!("/events/{event}/seats?status=AVAILABLE"), "").await;
    assert_eq!(free.at("/seats").as_array().unwrap().len(), 4);
}
