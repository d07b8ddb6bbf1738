//! The whole way of a booking over HTTP, through two API servers that take turns and three nodes:
//! found, chosen, held, paid at the third try, passed on, let in once, and refunded in two parts.

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::playground::{Running, free_ports, json as rowctl_json};
use crate::{has_node, rowctl};

/// How long a change may take to be found by a search.
const PATIENCE: Duration = Duration::from_secs(30);

/// A shop that knows two servers, and asks each in turn.
struct Shop {
    http: Client,
    servers: [String; 2],
    asked: Cell<usize>,
}

impl Shop {
    async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Value,
    ) -> (StatusCode, Value) {
        self.asked.set(self.asked.get() + 1);
        let server = &self.servers[self.asked.get() % 2];
        let mut request = self.http.request(method, format!("{server}/api/v1{path}"));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        let reply = request.send().await.unwrap();
        let (status, text) = (reply.status(), reply.text().await.unwrap());
        (status, serde_json::from_str(&text).unwrap_or(json!(text)))
    }

    async fn get(&self, path: &str, token: &str) -> Value {
        let (status, value) = self.call(Method::GET, path, token, Value::Null).await;
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    async fn post(&self, path: &str, token: &str, body: Value, status: u16) -> Value {
        let (got, value) = self.call(Method::POST, path, token, body).await;
        assert_eq!(got, status, "{path}: {value}");
        value
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} of {value}"))
}

fn token(data: &Path, role: &str, subject: &str) -> String {
    let data = data.to_str().unwrap();
    let made = rowctl(&["token", "--role", role, "--subject", subject, "--data", data]);
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

/// One section of four seats.
fn hall() -> Value {
    let seat = |number: u32| {
        json!({"seat_number": number.to_string(), "seat_guid": format!("s{number}"),
            "position": {"x": number * 40, "y": 0}, "category": "Stalls"})
    };
    json!({
        "name": "Small hall", "categories": [{"name": "Stalls", "color": "#2196F3"}],
        "zones": [{"name": "STALLS", "position": {"x": 0, "y": 0}, "rows": [{
            "position": {"x": 0, "y": 0}, "row_number": "A", "row_number_position": "start",
            "seats": [seat(1), seat(2), seat(3), seat(4)]}]}],
        "size": {"width": 200, "height": 100},
    })
}

/// A published event; its id.
async fn event(shop: &Shop, organiser: &str) -> String {
    let venue =
        json!({"name": "Town Hall", "city": "New York", "country": "US", "seatMap": hall()});
    let venue = shop.post("/venues", organiser, venue, 201).await;
    let event = json!({
        "name": "Ariadne auf Naxos", "description": "An opera", "category": "opera",
        "venueId": text(&venue, "/id"), "date": "2099-12-15T19:00:00Z",
        "saleStartDate": "2020-01-01T00:00:00Z", "currency": "USD", "prices": {"Stalls": 80},
    });
    let event = shop.post("/events", organiser, event, 201).await;
    let id = text(&event, "/id").to_owned();
    shop.post(&format!("/events/{id}/publish"), organiser, Value::Null, 200).await;
    id
}

async fn signed_in(shop: &Shop, email: &str) -> String {
    let account = json!({"email": email, "password": "correct horse battery", "firstName": "A",
        "lastName": "B"});
    shop.post("/auth/register", "", account.clone(), 201).await;
    let session = shop.post("/auth/login", "", account, 200).await;
    text(&session, "/accessToken").to_owned()
}

/// Found by its misspelt name, whichever server is asked.
async fn found(shop: &Shop, event: &str) {
    let began = Instant::now();
    let mut in_a_row = 0;
    while in_a_row < 2 {
        assert!(began.elapsed() < PATIENCE, "the event is not found");
        let path = "/events/search?q=ariadnne&city=new-york";
        let results = shop.get(path, "").await;
        let hits = results["events"].as_array().unwrap();
        in_a_row = if hits.iter().any(|hit| hit["id"] == event) { in_a_row + 1 } else { 0 };
        tokio::task::yield_now().await;
    }
}

/// Two seats by anna, paid with the third card; the booking with its tickets.
async fn bought(shop: &Shop, event: &str, seats: &[String], anna: &str) -> Value {
    let wanted = json!({"eventId": event, "seatIds": &seats[..2]});
    let booked = shop.post("/bookings", anna, wanted.clone(), 201).await;
    let taken = shop.post("/bookings", anna, wanted, 409).await;
    assert_eq!((text(&taken, "/code"), &taken["seatIds"]), ("seat-taken", &json!(&seats[..2])));
    let id = text(&booked, "/bookingId").to_owned();
    let pay = format!("/bookings/{id}/payment");
    let with = |card: &str| json!({"paymentMethodId": card, "amount": 160});
    let declined = shop.post(&pay, anna, with("pm_card_visa_chargeDeclined"), 402).await;
    assert_eq!(text(&declined, "/code"), "card-declined");
    let still = shop.get(&format!("/bookings/{id}"), anna).await;
    assert_eq!(text(&still, "/status"), "PENDING");
    let secure = with("pm_card_threeDSecure2Required");
    let asked = shop.post(&pay, anna, secure.clone(), 202).await;
    let bank = format!("/payments/{}/authenticate", text(&asked, "/paymentId"));
    let yes = json!({"clientSecret": text(&asked, "/action/clientSecret"), "success": true});
    assert_eq!(text(&shop.post(&bank, anna, yes, 200).await, "/status"), "SUCCEEDED");
    let paid = shop.post(&pay, anna, secure, 200).await;
    assert_eq!(
        (text(&paid, "/status"), paid["tickets"].as_array().unwrap().len()),
        ("CONFIRMED", 2)
    );
    paid
}

#[tokio::test]
async fn p6_a_booking_goes_its_whole_way_over_two_servers_and_three_nodes() {
    if !has_node() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let _running = Running(data);
    let (grpc, http) = (free_ports().to_string(), free_ports());
    let ports = ["--grpc-port", &grpc, "--http-port", &http.to_string(), "--detach"];
    let start = ["playground", "--nodes", "3", "--apis", "2", "--shards", "2"];
    rowctl_json(&[&start[..], &ports].concat(), data);
    let servers = [http, http + 1].map(|port| format!("http://127.0.0.1:{port}"));
    let shop = Shop { http: Client::new(), servers, asked: Cell::new(0) };
    let [organiser, door] = ["organiser", "door"].map(|role| token(data, role, role));

    let event = event(&shop, &organiser).await;
    found(&shop, &event).await;
    let plan = shop.get(&format!("/events/{event}/seats"), "").await;
    let seats = plan["seats"].as_array().unwrap().iter();
    let seats: Vec<String> = seats.map(|seat| text(seat, "/id").to_owned()).collect();
    assert_eq!(seats.len(), 4);
    let (anna, ben) =
        (signed_in(&shop, "anna@example.org").await, signed_in(&shop, "ben@example.org").await);
    let paid = bought(&shop, &event, &seats, &anna).await;
    let booking = text(&paid, "/bookingId").to_owned();

    // Ben gets the second ticket; what Anna had of it is good no more.
    let second = format!("/tickets/{}", text(&paid, "/tickets/1/ticketId"));
    let old = text(&paid, "/tickets/1/code").to_owned();
    let to = json!({"email": "ben@example.org"});
    shop.post(&format!("{second}/transfer"), &anna, to, 200).await;
    let code = text(&shop.get(&second, &ben).await, "/code").to_owned();
    let scan = |code: String| json!({"code": code, "door": "North"});
    let replaced = shop.post("/tickets/redeem", &door, scan(old), 409).await;
    assert_eq!(text(&replaced, "/code"), "ticket-replaced");
    shop.post("/tickets/redeem", &door, scan(code.clone()), 200).await;
    let again = shop.post("/tickets/redeem", &door, scan(code), 409).await;
    assert_eq!((text(&again, "/code"), text(&again, "/door")), ("ticket-redeemed", "North"));

    // The first seat goes back; the second was used, and goes once that is undone.
    let refund = format!("/bookings/{booking}/refund");
    let one = json!({"seatIds": [seats[0]], "reason": "ill"});
    let part = shop.post(&refund, &organiser, one, 200).await;
    assert_eq!(
        (text(&part, "/status"), &part["refunds"][0]["amount"]),
        ("CONFIRMED", &json!(80.0))
    );
    let rest = json!({"reason": "the singer too"});
    let used = shop.post(&refund, &organiser, rest.clone(), 409).await;
    assert_eq!(text(&used, "/code"), "ticket-redeemed");
    shop.post(&format!("{second}/unredeem"), &organiser, Value::Null, 200).await;
    let whole = shop.post(&refund, &organiser, rest, 200).await;
    assert_eq!(
        (text(&whole, "/status"), &whole["refunds"][1]["status"]),
        ("REFUNDED", &json!("PAID"))
    );
    let state = shop.get(&format!("/events/{event}/seats/state"), "").await;
    assert_eq!((text(&state, "/seats"), text(&state, "/status")), ("AAAA", "ON_SALE"));
    let money = shop.get(&format!("/events/{event}/money"), &organiser).await;
    let sums = [&money["provider"], &money["refunded"], &money["owed"]];
    assert_eq!(sums, [&json!(160.0), &json!(160.0), &json!(0.0)]);
    assert_eq!(rowctl_json(&["verify"], data)["ok"], true);
}
