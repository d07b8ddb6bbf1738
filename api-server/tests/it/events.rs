//! Venues, events and seats.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Server, event_body, venue_body};

#[tokio::test]
async fn a_venue_is_made_and_read() {
    let server = Server::new();
    let made = server.post("/venues", "organiser", venue_body()).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.at("/capacity"), 5);
    let read = server.get(&format!("/venues/{}", made.word("/id")), "").await;
    assert_eq!((read.status.as_u16(), &read.json), (200, &made.json));
    let map = server.get(&format!("/venues/{}/seat-map", made.word("/id")), "").await;
    assert_eq!(map.at("/sections/1/name"), "FLOOR");
    let url = made.word("/seatMapUrl").strip_prefix("/api/v1").unwrap().to_owned();
    let drawing = server.get(&url, "").await;
    assert_eq!(drawing.headers["content-type"], "image/svg+xml");
    assert!(drawing.text.starts_with("<svg"));
}

#[tokio::test]
async fn an_event_goes_from_draft_to_sale_to_cancelled() {
    let server = Server::new();
    let venue = server.venue().await;
    let made = server.post("/events", "organiser", event_body(&venue)).await;
    assert_eq!((made.status.as_u16(), made.word("/status")), (201, "DRAFT"));
    let path = format!("/events/{}", made.word("/id"));
    server.get(&path, "").await.problem(404, "event-not-found");
    server.get(&format!("{path}/seats"), "alice").await.problem(404, "event-not-found");
    assert_eq!(server.get(&path, "organiser").await.status, 200);
    let change = json!({"name": "Renamed", "prices": {"Balcony": 81.5, "Floor": 250}});
    let changed = server.call(Method::PATCH, &path, "organiser", "", Some(change)).await;
    assert_eq!(changed.word("/name"), "Renamed");
    assert_eq!(changed.at("/priceRange/min"), 81.5);
    let publish = format!("{path}/publish");
    let published = server.call(Method::POST, &publish, "organiser", "k", None).await;
    assert_eq!((published.status.as_u16(), published.word("/status")), (200, "ON_SALE"));
    let again = server.call(Method::POST, &publish, "organiser", "k", None).await;
    assert_eq!(again.status, 200);
    let read = server.get(&path, "").await;
    for (pointer, value) in [
        ("/venue/name", json!("Town Hall")),
        ("/venue/capacity", json!(5)),
        ("/date", json!("2099-12-15T19:00:00Z")),
        ("/saleStartDate", json!("2020-01-01T00:00:00Z")),
        ("/totalSeats", json!(5)),
        ("/availableSeats", json!(5)),
        ("/status", json!("ON_SALE")),
    ] {
        assert_eq!(read.at(pointer), &value, "{pointer}");
    }
    for name in ["shard", "term", "index", "revision", "log-time"] {
        assert!(read.headers.contains_key(format!("rowlock-{name}")), "{name}");
    }
    let cancel = format!("{path}/cancel");
    let cancelled = server.call(Method::POST, &cancel, "organiser", "", None).await;
    assert_eq!((cancelled.status.as_u16(), cancelled.word("/status")), (200, "CANCELLED"));
    let publish = server.call(Method::POST, &publish, "organiser", "", None).await;
    publish.problem(409, "event-state-conflict");
}

#[tokio::test]
async fn seats_are_listed_and_filtered() {
    let server = Server::new();
    let event = server.event().await;
    let all = server.get(&format!("/events/{event}/seats"), "").await;
    assert_eq!(all.at("/seats").as_array().unwrap().len(), 5);
    assert!(all.text.contains("\"price\":80.00"), "{}", all.text);
    let first = all.at("/seats/0").as_object().unwrap();
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    assert_eq!(names, ["id", "section", "row", "seatNumber", "price", "status"]);
    let floor = server.get(&format!("/events/{event}/seats?section=FLOOR"), "").await;
    let sections = floor.at("/seats").as_array().unwrap().iter().map(|seat| &seat["section"]);
    assert_eq!(sections.collect::<Vec<_>>(), ["FLOOR", "FLOOR"]);
    assert_eq!(server.book(&event, "alice").await.status, 201);
    let held = server.get(&format!("/events/{event}/seats?status=RESERVED"), "").await;
    assert_eq!(held.at("/seats").as_array().unwrap().len(), 2);
    server.get(&format!("/events/{event}/seats?status=X"), "").await.problem(422, "invalid");
}

#[tokio::test]
async fn created_things_are_the_same_for_the_same_key() {
    let server = Server::new();
    let create = |path: &'static str, key: &'static str, body: Value| {
        server.call(Method::POST, path, "organiser", key, Some(body))
    };
    let one = create("/venues", "k", venue_body()).await;
    let two = create("/venues", "k", venue_body()).await;
    assert_eq!((two.status.as_u16(), &two.json), (201, &one.json));
    let mut other = venue_body();
    other["name"] = json!("Elsewhere");
    create("/venues", "k", other).await.problem(422, "idempotency-key-reused");
    let venue = one.word("/id");
    let one = create("/events", "k", event_body(venue)).await;
    let two = create("/events", "k", event_body(venue)).await;
    assert_eq!((two.status.as_u16(), &two.json), (201, &one.json));
    let mut other = event_body(venue);
    other["name"] = json!("Another");
    create("/events", "k", other).await.problem(422, "idempotency-key-reused");
    assert_eq!(server.fake.sizes()[..2], [1, 1]);
}

#[tokio::test]
async fn only_organisers_make_things() {
    let server = Server::new();
    let venue = server.venue().await;
    server.post("/venues", "alice", venue_body()).await.problem(403, "not-allowed");
    server.post("/venues", "", venue_body()).await.problem(401, "not-signed-in");
    server.post("/events", "alice", event_body(&venue)).await.problem(403, "not-allowed");
    assert_eq!(server.post("/events", "admin", event_body(&venue)).await.status, 201);
}

#[tokio::test]
async fn bad_plans_and_events_are_named_precisely() {
    let server = Server::new();
    let mut body = venue_body();
    body["seatMap"]["zones"][0]["rows"][0]["seats"][1]["seat_number"] = json!("1");
    let twice = server.post("/venues", "organiser", body).await;
    twice.problem(422, "seat-map-invalid");
    assert!(twice.word("/problems/0/what").contains("BALCONY"), "{}", twice.text);
    let mut body = venue_body();
    body["seatMap"] = json!("no plan");
    server.post("/venues", "organiser", body).await.problem(400, "malformed");
    let venue = server.venue().await;
    let sizes = server.fake.sizes();
    for (change, field) in [
        (json!({"prices": {"Balcony": -1, "Floor": 1}}), "prices.Balcony"),
        (json!({"prices": {"Balcony": 1.005, "Floor": 1}}), "prices.Balcony"),
        (json!({"prices": {"Balcony": 1}}), "prices.Floor"),
        (json!({"prices": {"Balcony": 1, "Floor": 1, "Moon": 1}}), "prices"),
        (json!({"currency": "usd"}), "currency"),
        (json!({"date": "tomorrow"}), "date"),
        (json!({"saleStartDate": "2199-01-01T00:00:00Z"}), "saleStartDate"),
        (json!({"holdSeconds": 0}), "holdSeconds"),
        (json!({"name": " "}), "name"),
        (json!({"imageUrl": "javascript:alert(1)"}), "imageUrl"),
    ] {
        let mut body = event_body(&venue);
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let reply = server.post("/events", "organiser", body).await;
        reply.problem(422, "invalid");
        assert_eq!(reply.word("/field"), field);
    }
    let mut body = event_body(&venue);
    body["venueId"] = json!("ven-nowhere");
    server.post("/events", "organiser", body).await.problem(404, "venue-not-found");
    assert_eq!(server.fake.sizes(), sizes);
}

#[tokio::test]
async fn p4_a_season_comes_in_at_once_and_each_event_on_its_own() {
    let server = Server::new();
    let venue = server.venue().await;
    let named = |name: &str| {
        let mut event = event_body(&venue);
        event["name"] = json!(name);
        event
    };
    let mut wrong = named("No such currency");
    wrong["currency"] = json!("ABC");
    let season = json!({"events": [named("First"), wrong, named("Last")], "publish": true});
    let send = async || {
        server
            .call(Method::POST, "/events/import", "organiser", "season", Some(season.clone()))
            .await
    };
    let made = send().await;
    assert_eq!(made.status, 200, "{}", made.text);
    assert_eq!((made.at("/created"), made.at("/failed")), (&json!(2), &json!(1)));
    assert!(made.at("/results/1/id").is_null());
    assert_eq!(made.word("/results/1/problem/field"), "currency");
    let last = format!("/events/{}", made.word("/results/2/id"));
    let shown = server.get(&last, "").await;
    assert_eq!((shown.word("/name"), shown.word("/status")), ("Last", "ON_SALE"));
    // Sent again it makes nothing twice.
    let sizes = server.fake.sizes();
    assert_eq!(send().await.at("/results/0/id"), made.at("/results/0/id"));
    assert_eq!(server.fake.sizes(), sizes);
    for events in [json!([]), json!(vec![named("One"); 501])] {
        let body = json!({"events": events});
        server.post("/events/import", "organiser", body).await.problem(422, "invalid");
    }
    server.post("/events/import", "alice", season.clone()).await.problem(403, "not-allowed");
}
