//! On what terms an event is sold.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Reply, Server};

async fn put(server: &Server, path: &str, body: Value) -> Reply {
    server.call(Method::PUT, path, "organiser", "", Some(body)).await
}

async fn done(server: &Server, method: Method, path: &str, body: Option<Value>) {
    let reply = server.call(method, path, "organiser", "", body).await;
    assert_eq!(reply.status, 204, "{}", reply.text);
}

#[tokio::test]
async fn fees_and_promotions_change_what_is_paid() {
    let server = Server::new();
    let event = server.event().await;
    let base = format!("/events/{event}");
    let fees = json!({"fees": [
        {"name": "Service", "perPlace": 2.5, "categories": ["Balcony"]},
        {"name": "Card", "percent": 1.25},
    ]});
    let set = put(&server, &format!("{base}/fees"), fees).await;
    assert_eq!(set.status, 200, "{}", set.text);
    assert_eq!(set.at("/fees/0/perPlace"), &json!(2.5));
    assert_eq!(
        (set.at("/fees/1/percent"), set.at("/fees/1/perPlace")),
        (&json!(1.25), &Value::Null)
    );
    let promotion = json!({"code": "HALF", "percent": 50, "minPlaces": 2, "maxUses": 3,
        "until": "2099-01-01T00:00:00Z"});
    let path = format!("{base}/promotions");
    let added = server.post(&path, "organiser", promotion.clone()).await;
    assert_eq!(added.status, 201, "{}", added.text);
    assert_eq!((added.at("/percent"), added.at("/maxUses")), (&json!(50.0), &json!(3)));
    assert_eq!(server.post(&path, "organiser", promotion).await.json, added.json);
    let other = json!({"code": "HALF", "perPlace": 1});
    let other = server.post(&path, "organiser", other).await;
    other.problem(409, "code-exists");
    assert_eq!(other.word("/name"), "HALF");

    let booked = server.book(&event, "alice").await;
    // 160.00, 5.00 for the places and 1.25 % of 160.00.
    assert_eq!((booked.at("/fees"), booked.at("/totalAmount")), (&json!(7.0), &json!(167.0)));
    assert_eq!((booked.at("/discount"), booked.at("/promotion")), (&Value::Null, &Value::Null));
    let booking = format!("/bookings/{}", booked.word("/bookingId"));
    let apply = |who: &'static str, code: &'static str| {
        let path = format!("{booking}/promotion");
        let server = &server;
        async move { server.post(&path, who, json!({"code": code})).await }
    };
    apply("bob", "HALF").await.problem(404, "booking-not-found");
    apply("organiser", "HALF").await.problem(404, "booking-not-found");
    apply("alice", "").await.problem(422, "invalid");
    let unknown = apply("alice", "NONE").await;
    unknown.problem(422, "promotion-unknown");
    assert_eq!(unknown.word("/name"), "NONE");
    let applied = apply("alice", "HALF").await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    assert_eq!(
        (applied.at("/discount"), applied.at("/fees"), applied.at("/totalAmount")),
        (&json!(80.0), &json!(6.0), &json!(86.0))
    );
    assert_eq!(applied.word("/promotion"), "HALF");
    let read = server.get(&booking, "alice").await;
    assert_eq!(read.at("/totalAmount"), &json!(86.0));
    let terms = server.get(&format!("{base}/terms"), "organiser").await;
    assert_eq!(terms.at("/promotions/0/uses"), 1);
    // The old price is no more the price.
    let pay = |amount: f64| json!({"paymentMethodId": "pm_card_visa", "amount": amount});
    let payment = format!("{booking}/payment");
    server.post(&payment, "alice", pay(167.0)).await.problem(422, "amount-mismatch");
    let off = server.call(Method::DELETE, &format!("{booking}/promotion"), "alice", "", None).await;
    assert_eq!((off.at("/totalAmount"), off.at("/promotion")), (&json!(167.0), &Value::Null));
    assert_eq!(server.post(&payment, "alice", pay(167.0)).await.status, 200);

    done(&server, Method::DELETE, &format!("{base}/promotions/HALF"), None).await;
    let seats = server.seats(&event).await;
    let one = json!({"eventId": event, "seatIds": [seats[3]]});
    let one = server.post("/bookings", "bob", one).await;
    let path = format!("/bookings/{}/promotion", one.word("/bookingId"));
    let closed = server.post(&path, "bob", json!({"code": "HALF"})).await;
    closed.problem(409, "promotion-not-now");
    let path = format!("{base}/promotions/X");
    let gone = server.call(Method::DELETE, &path, "organiser", "", None).await;
    gone.problem(422, "promotion-unknown");
}

#[tokio::test]
async fn a_promotion_says_how_many_places_it_needs() {
    let server = Server::new();
    let event = server.event().await;
    let promotion = json!({"code": "GROUP", "perBooking": 10, "minPlaces": 3});
    let added = server.post(&format!("/events/{event}/promotions"), "organiser", promotion).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let booked = server.book(&event, "alice").await;
    let path = format!("/bookings/{}/promotion", booked.word("/bookingId"));
    let refused = server.post(&path, "alice", json!({"code": "GROUP"})).await;
    refused.problem(409, "promotion-does-not-fit");
    assert_eq!((refused.at("/minPlaces"), refused.word("/name")), (&json!(3), "GROUP"));
}

#[tokio::test]
async fn an_access_code_lets_into_a_channel() {
    let server = Server::new();
    let event = server.event().await;
    let seats = server.seats(&event).await;
    let path = format!("/events/{event}/channels/Fan%20club");
    let channel = json!({"opensAt": "2020-01-01T00:00:00Z", "quotas": {"Floor": 1}});
    let made = put(&server, &path, channel.clone()).await;
    assert_eq!(made.status, 200, "{}", made.text);
    assert_eq!((made.word("/name"), made.at("/quotas")), ("Fan club", &json!({"Floor": 1})));
    let other = put(&server, &path, json!({"quotas": {"Floor": 2}})).await;
    other.problem(409, "channel-exists");
    let keep = json!({"seatIds": [seats[0]]});
    done(&server, Method::POST, &format!("{path}/seats"), Some(keep.clone())).await;
    let codes = json!({"codes": ["a-1", "a-2"], "maxUses": 1});
    done(&server, Method::POST, &format!("{path}/codes"), Some(codes)).await;

    let book = |who: &'static str, seat: usize, code: Option<&'static str>, key: &'static str| {
        let mut body = json!({"eventId": event, "seatIds": [seats[seat]]});
        if let Some(code) = code {
            body["accessCode"] = json!(code);
        }
        let server = &server;
        async move { server.call(Method::POST, "/bookings", who, key, Some(body)).await }
    };
    let kept = book("alice", 0, None, "").await;
    kept.problem(409, "seat-kept");
    assert_eq!(kept.at("/seatIds"), &json!([seats[0]]));
    book("alice", 0, Some("nope"), "").await.problem(403, "access-code-unknown");
    book("alice", 0, Some(" "), "").await.problem(422, "invalid");
    let held = book("alice", 0, Some("a-1"), "k").await;
    assert_eq!((held.status.as_u16(), held.word("/channel")), (201, "Fan club"));
    assert_eq!(book("alice", 0, Some("a-1"), "k").await.json, held.json);
    book("alice", 0, Some("a-2"), "k").await.problem(422, "idempotency-key-reused");
    let used = book("bob", 1, Some("a-1"), "").await;
    used.problem(409, "access-code-used-up");
    assert_eq!(used.at("/maxUses"), 1);

    let revoke = format!("/events/{event}/revoke-codes");
    done(&server, Method::POST, &revoke, Some(json!({"codes": ["a-2"]}))).await;
    book("bob", 1, Some("a-2"), "").await.problem(403, "access-code-unknown");
    let terms = server.get(&format!("/events/{event}/terms?limit=1"), "organiser").await;
    assert_eq!((terms.word("/codes/0/code"), terms.at("/codes/0/uses")), ("a-1", &json!(1)));
    assert_eq!(
        (terms.at("/channels/0/places"), terms.at("/channels/0/keptSeatIds")),
        (&json!(1), &json!([seats[0]]))
    );
    let cursor = terms.word("/nextCursor");
    let rest = server.get(&format!("/events/{event}/terms?cursor={cursor}"), "organiser").await;
    assert_eq!((rest.word("/codes/0/code"), rest.at("/nextCursor")), ("a-2", &Value::Null));
    assert_eq!(rest.at("/codes/0/revoked"), true);

    done(&server, Method::POST, &format!("/events/{event}/free-seats"), Some(keep)).await;
    done(&server, Method::DELETE, &path, None).await;
    let closed = json!({"codes": ["b"]});
    let closed = server.post(&format!("{path}/codes"), "organiser", closed).await;
    closed.problem(409, "channel-closed");
    let nowhere = format!("/events/{event}/channels/x");
    let nowhere = server.call(Method::DELETE, &nowhere, "organiser", "", None).await;
    nowhere.problem(404, "channel-not-found");
}

#[tokio::test]
async fn limits_and_prices_hold_from_then_on() {
    let server = Server::new();
    let event = server.event().await;
    let base = format!("/events/{event}");
    let limits = put(&server, &format!("{base}/limits"), json!({"maxPlacesPerOrder": 1})).await;
    assert_eq!(limits.status, 200, "{}", limits.text);
    assert_eq!(
        (limits.at("/maxPlacesPerOrder"), limits.at("/maxHeldPlaces"), limits.at("/noSingleSeats")),
        (&json!(1), &Value::Null, &json!(false))
    );
    let refused = server.book(&event, "alice").await;
    refused.problem(409, "order-limit-exceeded");
    assert_eq!(refused.at("/maxPlacesPerOrder"), 1);
    assert_eq!(put(&server, &format!("{base}/limits"), json!({})).await.status, 200);
    let before = server.book(&event, "alice").await;
    let prices = json!({"prices": {"Balcony": 90, "Floor": 300}});
    let repriced = put(&server, &format!("{base}/prices"), prices).await;
    assert_eq!(repriced.at("/prices"), &json!({"Balcony": 90.0, "Floor": 300.0}));
    let kept = server.get(&format!("/bookings/{}", before.word("/bookingId")), "alice").await;
    assert_eq!(kept.at("/totalAmount"), &json!(160.0));
}

#[tokio::test]
async fn terms_are_the_organisers_business_and_wrong_ones_are_told() {
    let server = Server::new();
    let event = server.event().await;
    let base = format!("/events/{event}");
    let seat = server.seats(&event).await[0].clone();
    let bodies = [
        (Method::PUT, "/limits", json!({})),
        (Method::PUT, "/fees", json!({"fees": []})),
        (Method::PUT, "/prices", json!({"prices": {}})),
        (Method::POST, "/promotions", json!({"code": "A", "percent": 1})),
        (Method::DELETE, "/promotions/A", Value::Null),
        (Method::PUT, "/channels/A", json!({})),
        (Method::DELETE, "/channels/A", Value::Null),
        (Method::POST, "/channels/A/seats", json!({"seatIds": [seat]})),
        (Method::POST, "/channels/A/codes", json!({"codes": ["a"]})),
        (Method::POST, "/free-seats", json!({"seatIds": [seat]})),
        (Method::POST, "/revoke-codes", json!({"codes": ["a"]})),
        (Method::GET, "/terms", Value::Null),
    ];
    for (method, path, body) in bodies {
        let path = format!("{base}{path}");
        let body = || Some(body.clone()).filter(|body| !body.is_null());
        for (who, status, code) in [
            ("", 401, "not-signed-in"),
            ("alice", 403, "not-allowed"),
            ("door", 403, "not-allowed"),
        ] {
            server.call(method.clone(), &path, who, "", body()).await.problem(status, code);
        }
        let nowhere = path.replace(&event, "evt-x");
        let nowhere = server.call(method, &nowhere, "organiser", "", body()).await;
        nowhere.problem(404, "event-not-found");
    }
    let wrong = [
        (Method::PUT, "/limits", json!({"maxHeldPlaces": 0}), "maxHeldPlaces"),
        (Method::PUT, "/fees", json!({"fees": [{"name": "A"}]}), "fees[0]"),
        (Method::PUT, "/fees", json!({"fees": [{"name": "", "percent": 1}]}), "fees[0].name"),
        (
            Method::PUT,
            "/fees",
            json!({"fees": [{"name": "A", "percent": 1, "perPlace": 1}]}),
            "fees[0]",
        ),
        (
            Method::PUT,
            "/fees",
            json!({"fees": [{"name": "A", "perPlace": 1.001}]}),
            "fees[0].perPlace",
        ),
        (
            Method::PUT,
            "/fees",
            json!({"fees": [{"name": "A", "percent": 1, "categories": ["Roof"]}]}),
            "fees[0].categories",
        ),
        (Method::PUT, "/prices", json!({"prices": {"Floor": 1}}), "prices.Balcony"),
        (Method::POST, "/promotions", json!({"code": "A", "percent": 101}), "promotion.percent"),
        (Method::POST, "/promotions", json!({"code": "A"}), "promotion"),
        (Method::POST, "/promotions", json!({"code": "A", "percent": 1, "from": "x"}), "from"),
        (Method::PUT, "/channels/A", json!({"quotas": {"Roof": 1}}), "quotas"),
        (Method::PUT, "/channels/A", json!({"maxPlaces": 0}), "maxPlaces"),
        (Method::POST, "/channels/A/codes", json!({"codes": []}), "codes"),
    ];
    for (method, path, body, field) in wrong {
        let path = format!("{base}{path}");
        let reply = server.call(method, &path, "organiser", "", Some(body)).await;
        reply.problem(422, "invalid");
        assert_eq!(reply.word("/field"), field, "{}", reply.text);
    }
}
