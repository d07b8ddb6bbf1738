//! Paying over PayPal's Orders API, against a PayPal of our own, and P6 over all points at which a
//! server can die.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use rowlock_api_server::payment::Provider;
use rowlock_api_server::payment::paypal::{Config, PayPal};
use rowlock_api_server::payment::reconcile::run_round_ahead;
use rowlock_api_server::secret::Secret;
use rowlock_client::types::{BookingId, BookingState};
use serde_json::{Value, json};

use crate::harness::{Reply, Server};
use crate::psp::Account;
use crate::saga::{Bank, Story, over_all};

#[derive(Debug, Default)]
struct Books {
    orders: Vec<Order>,
    /// What was answered under each request id.
    keys: BTreeMap<String, (u16, Value)>,
    declines: bool,
    tokens: u32,
}

#[derive(Debug)]
struct Order {
    body: Value,
    approved: bool,
    authorization: Option<&'static str>,
    captured: bool,
    refunds: Vec<Value>,
}

/// A cheap handle.
#[derive(Clone, Debug)]
struct Fake {
    books: Arc<Mutex<Books>>,
    url: String,
}

fn minor(amount: &Value) -> u64 {
    let text = amount["value"].as_str().unwrap();
    let (whole, cents) = text.split_once('.').unwrap();
    whole.parse::<u64>().unwrap() * 100 + cents.parse::<u64>().unwrap()
}

impl Order {
    fn show(&self, number: usize) -> Value {
        let unit = &self.body["purchase_units"][0];
        let mut payments = json!({});
        if let Some(status) = self.authorization {
            payments["authorizations"] = json!([{"id": format!("A{number}"), "status": status}]);
        }
        if self.captured {
            payments["captures"] = json!([{"id": format!("C{number}"), "status": "COMPLETED"}]);
            payments["refunds"] = json!(self.refunds);
        }
        let status = match (self.authorization, self.approved) {
            (Some(_), _) => "COMPLETED",
            (None, true) => "APPROVED",
            (None, false) => "PAYER_ACTION_REQUIRED",
        };
        json!({
            "id": format!("O{number}"), "status": status,
            "purchase_units": [{
                "reference_id": unit["reference_id"], "custom_id": unit["custom_id"],
                "amount": unit["amount"], "payments": payments,
            }],
            "links": [{"rel": "payer-action", "href": format!("https://paypal.example/O{number}")}],
        })
    }
}

fn told((status, body): (u16, Value)) -> Response {
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

fn issue(issue: &str) -> (u16, Value) {
    (422, json!({"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": issue}]}))
}

fn number(id: &str) -> usize {
    id[1..].parse().unwrap()
}

impl Fake {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self { books: Arc::default(), url };
        let router = Router::new()
            .route("/v1/oauth2/token", post(token))
            .route("/v2/checkout/orders", post(create))
            .route("/v2/checkout/orders/{id}", get(read))
            .route("/v2/checkout/orders/{id}/authorize", post(authorize))
            .route("/v2/payments/authorizations/{id}/{deed}", post(end))
            .route("/v2/payments/captures/{id}/refund", post(refund))
            .with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        fake
    }

    /// The same request id has the same answer.
    fn keyed(&self, headers: &HeaderMap, act: impl FnOnce(&mut Books) -> (u16, Value)) -> Response {
        assert_eq!(headers["authorization"], "Bearer token");
        let key = headers["paypal-request-id"].to_str().unwrap().to_owned();
        let mut books = self.books.lock().unwrap();
        if let Some(known) = books.keys.get(&key) {
            return told(known.clone());
        }
        let answer = act(&mut books);
        books.keys.insert(key, answer.clone());
        told(answer)
    }

    fn approve_all(&self) {
        let mut books = self.books.lock().unwrap();
        books.orders.iter_mut().for_each(|order| order.approved = true);
    }
}

async fn token(State(fake): State<Fake>, headers: HeaderMap) -> Response {
    // client:secret
    assert_eq!(headers["authorization"], "Basic Y2xpZW50OnNlY3JldA==");
    fake.books.lock().unwrap().tokens += 1;
    told((200, json!({"access_token": "token", "token_type": "Bearer", "expires_in": 32_400})))
}

async fn create(State(fake): State<Fake>, headers: HeaderMap, body: Json<Value>) -> Response {
    fake.keyed(&headers, |books| {
        let order = Order {
            body: body.0,
            approved: false,
            authorization: None,
            captured: false,
            refunds: Vec::new(),
        };
        assert_eq!(order.body["intent"], "AUTHORIZE");
        books.orders.push(order);
        let number = books.orders.len() - 1;
        (200, books.orders[number].show(number))
    })
}

async fn read(State(fake): State<Fake>, Path(id): Path<String>) -> Response {
    let books = fake.books.lock().unwrap();
    let number = number(&id);
    told(match books.orders.get(number) {
        Some(order) => (200, order.show(number)),
        None => (404, json!({"name": "RESOURCE_NOT_FOUND"})),
    })
}

async fn authorize(
    State(fake): State<Fake>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    fake.keyed(&headers, |books| {
        let (number, declines) = (number(&id), books.declines);
        let order = &mut books.orders[number];
        match (order.approved, order.authorization, declines) {
            (false, _, _) => issue("ORDER_NOT_APPROVED"),
            (true, Some(_), _) => issue("ORDER_ALREADY_AUTHORIZED"),
            (true, None, true) => issue("INSTRUMENT_DECLINED"),
            (true, None, false) => {
                order.authorization = Some("CREATED");
                (201, order.show(number))
            }
        }
    })
}

async fn end(
    State(fake): State<Fake>,
    headers: HeaderMap,
    Path((id, deed)): Path<(String, String)>,
) -> Response {
    fake.keyed(&headers, |books| {
        let order = &mut books.orders[number(&id)];
        match (order.authorization, deed.as_str()) {
            (Some("CREATED"), "capture") => {
                (order.authorization, order.captured) = (Some("CAPTURED"), true);
                (201, json!({"id": id.replace('A', "C"), "status": "COMPLETED"}))
            }
            (Some("CREATED"), "void") => {
                order.authorization = Some("VOIDED");
                (204, Value::Null)
            }
            _ => issue("AUTHORIZATION_ALREADY_ENDED"),
        }
    })
}

async fn refund(
    State(fake): State<Fake>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Json<Value>,
) -> Response {
    fake.keyed(&headers, |books| {
        let order = &mut books.orders[number(&id)];
        let made = json!({"id": format!("R{}", order.refunds.len()), "status": "COMPLETED",
            "custom_id": body.0["custom_id"], "amount": body.0["amount"]});
        order.refunds.push(made.clone());
        (201, made)
    })
}

impl Bank for Fake {
    async fn fresh(&self) {}

    async fn client(&self, _apart: bool) -> Arc<dyn Provider> {
        let config = Config {
            url: self.url.clone(),
            client_id: "client".to_owned(),
            secret: Secret::new("secret"),
            return_url: "https://shop.example/paid".to_owned(),
            call_time_max: Duration::from_secs(2),
        };
        Arc::new(PayPal::new(config).unwrap())
    }

    async fn method(&self, _story: Story) -> String {
        "paypal".to_owned()
    }

    async fn account(&self, booking: &str) -> Account {
        let books = self.books.lock().unwrap();
        let mut account = Account::default();
        for order in &books.orders {
            let unit = &order.body["purchase_units"][0];
            if unit["reference_id"] != booking {
                continue;
            }
            let amount = minor(&unit["amount"]);
            if order.captured {
                account.charges += 1;
                account.charged += amount;
            } else if order.authorization == Some("CREATED") {
                account.set_aside += amount;
            }
            account.refunded +=
                order.refunds.iter().map(|refund| minor(&refund["amount"])).sum::<u64>();
        }
        account
    }

    async fn answer(&self, done: bool) {
        // Whoever does not agree says nothing.
        if done {
            self.approve_all();
        }
    }
}

async fn pay(server: &Server, booking: &str, key: &str) -> Reply {
    let body = json!({"paymentMethodId": "paypal", "amount": 160.0});
    let path = format!("/bookings/{booking}/payment");
    server.call(Method::POST, &path, "alice", key, Some(body)).await
}

async fn booked(fake: &Fake) -> (Server, String) {
    let server = Server::with_provider(fake.client(true).await);
    let event = server.event().await;
    let booking = server.book(&event, "alice").await.word("/bookingId").to_owned();
    (server, booking)
}

#[tokio::test]
async fn a_customer_agrees_at_paypal_and_comes_back_to_tickets() {
    let fake = Fake::start().await;
    let (server, booking) = booked(&fake).await;
    let asked = pay(&server, &booking, "k").await;
    assert_eq!(asked.status, 202, "{}", asked.text);
    assert_eq!(asked.word("/action/redirectUrl"), "https://paypal.example/O0");
    assert_eq!(pay(&server, &booking, "k").await.json, asked.json);
    fake.approve_all();
    let paid = pay(&server, &booking, "k").await;
    assert_eq!((paid.status.as_u16(), paid.word("/status")), (200, "CONFIRMED"), "{}", paid.text);
    let body = json!({"places": [0], "reason": "ill"});
    let path = format!("/bookings/{booking}/refund");
    let back = server.call(Method::POST, &path, "organiser", "r", Some(body)).await;
    assert_eq!(back.word("/refunds/0/refundId"), "R0", "{}", back.text);
    let wanted = Account { charges: 1, charged: 16_000, refunded: 8_000, set_aside: 0 };
    assert_eq!(fake.account(&booking).await, wanted);
    assert_eq!(fake.books.lock().unwrap().tokens, 1);
}

#[tokio::test]
async fn who_does_not_come_back_is_paid_for_all_the_same() {
    let fake = Fake::start().await;
    let (server, booking) = booked(&fake).await;
    assert_eq!(pay(&server, &booking, "k").await.status, 202);
    fake.approve_all();
    let id: BookingId = booking.parse().unwrap();
    let working = async {
        while server.fake.booking_now(id).state != BookingState::Confirmed {
            run_round_ahead(&server.reconciler, &server.app, Duration::from_secs(60)).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), working).await.expect("the payment's end");
    assert_eq!(fake.account(&booking).await.charged, 16_000);
}

#[tokio::test]
async fn p6_paypal_may_tell_that_a_customer_agreed_and_nothing_else_is_believed_of_it() {
    let fake = Fake::start().await;
    let (server, booking) = booked(&fake).await;
    assert_eq!(pay(&server, &booking, "k").await.status, 202);
    let tell = async |order: &str| {
        let event = json!({"event_type": "CHECKOUT.ORDER.APPROVED", "resource": {"id": order}});
        server.post("/webhooks/paypal", "", event).await
    };
    let id: BookingId = booking.parse().unwrap();
    // It is said, and is not so; or it is of an order that nobody knows.
    for order in ["O0", "O99", "../../v1/oauth2/token"] {
        assert_eq!(tell(order).await.status, 200, "{order}");
    }
    assert_eq!(server.fake.booking_now(id).state, BookingState::Paying);
    fake.approve_all();
    assert_eq!(tell("O0").await.status, 200);
    assert_eq!(server.fake.booking_now(id).state, BookingState::Confirmed);
    assert_eq!(fake.account(&booking).await.charged, 16_000);
    assert_eq!(tell("O0").await.status, 200);
    assert_eq!(fake.account(&booking).await.charges, 1);
    server.post("/webhooks/paypal", "", json!({"type": "x"})).await.problem(400, "malformed");
    let signed = server.post("/webhooks/stripe", "", json!({})).await;
    signed.problem(400, "malformed");
}

#[tokio::test]
async fn an_instrument_that_is_declined_stays_declined() {
    let fake = Fake::start().await;
    fake.books.lock().unwrap().declines = true;
    let (server, booking) = booked(&fake).await;
    assert_eq!(pay(&server, &booking, "k").await.status, 202);
    fake.approve_all();
    for _ in 0..2 {
        let declined = pay(&server, &booking, "k").await;
        declined.problem(402, "card-declined");
        assert_eq!(declined.word("/declineCode"), "instrument_declined");
    }
    assert_eq!(fake.books.lock().unwrap().orders.len(), 1);
}

#[tokio::test]
async fn p6_wherever_a_server_dies_paypal_s_books_are_right() {
    for declines in [false, true] {
        let fake = Fake::start().await;
        fake.books.lock().unwrap().declines = declines;
        let stories = [Story::Asks(true), Story::AsksInVain];
        let combinations = over_all(&fake, &stories).await;
        assert!(combinations > 60, "only {combinations} combinations");
    }
}
