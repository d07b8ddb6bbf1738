//! The same against a provider that others wrote: localstripe, as a process of its own. It keeps real
//! state, but ignores idempotency keys, tells little by itself, and knows no `return_url`: what we rely
//! on must not be of our own making.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rowlock_api_server::payment::{NewRefund, Provider};
use rowlock_client::types::{BookingId, BookingState};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::harness::Server;
use crate::psp::{API_KEY, Account, WEBHOOK_SECRET, stripe_at};
use crate::saga::{Bank, Story, over_all};

/// With the time it takes to be installed.
const START_TIME_MAX: Duration = Duration::from_secs(240);
const PATIENCE: Duration = Duration::from_secs(20);

/// Ends with its owner.
struct Local {
    url: String,
    http: reqwest::Client,
    _process: Child,
    _input: ChildStdin,
}

impl Local {
    async fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../.ci/localstripe");
        let mut process = Command::new(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("start .ci/localstripe");
        let input = process.stdin.take().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = tokio::time::timeout(START_TIME_MAX, lines.next_line()).await;
        let port = port.expect("localstripe in time").unwrap();
        let port = port.expect("localstripe could not be installed; is PyPI reachable?");
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        let url = format!("http://127.0.0.1:{port}");
        Self { url, http, _process: process, _input: input }
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let url = format!("{}{path}", self.url);
        let answer = self.http.post(url).bearer_auth(API_KEY).form(form).send().await.unwrap();
        answer.json().await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.url);
        let answer = self.http.get(url).bearer_auth(API_KEY).send().await.unwrap();
        answer.json().await.unwrap()
    }

    async fn card(&self, number: &str) -> String {
        let form = [
            ("type", "card"),
            ("card[number]", number),
            ("card[exp_month]", "12"),
            ("card[exp_year]", "2040"),
            ("card[cvc]", "123"),
        ];
        let made = self.post("/v1/payment_methods", &form).await;
        made["id"].as_str().unwrap().to_owned()
    }

    async fn intents(&self) -> Vec<Value> {
        let list = self.get("/v1/payment_intents?limit=100").await;
        assert_eq!(list["has_more"], false, "more than a page");
        list["data"].as_array().unwrap().clone()
    }

    async fn register(&self, url: &str) {
        let body = json!({"url": url, "secret": WEBHOOK_SECRET});
        let path = format!("{}/_config/webhooks/rowlock", self.url);
        let answer = self.http.post(path).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

impl Bank for Local {
    async fn fresh(&self) {
        let path = format!("{}/_config/data", self.url);
        assert_eq!(self.http.delete(path).send().await.unwrap().status(), 200);
    }

    async fn client(&self, apart: bool) -> Arc<dyn Provider> {
        Arc::new(stripe_at(&self.url, apart))
    }

    async fn method(&self, story: Story) -> String {
        match story {
            Story::Pays => "pm_card_visa".to_owned(),
            Story::Declines => self.card("4000000000000341").await,
            Story::Asks(_) | Story::AsksInVain => self.card("4000002760003184").await,
        }
    }

    async fn account(&self, booking: &str) -> Account {
        let mut account = Account::default();
        for intent in self.intents().await {
            if intent["metadata"]["rowlock_booking"] != booking {
                continue;
            }
            let amount = intent["amount"].as_u64().unwrap();
            match intent["status"].as_str().unwrap() {
                "succeeded" => {
                    account.charges += 1;
                    account.charged += amount;
                    let id = intent["id"].as_str().unwrap();
                    let refunds = self.get(&format!("/v1/refunds?payment_intent={id}")).await;
                    let refunds = refunds["data"].as_array().unwrap().iter();
                    account.refunded +=
                        refunds.map(|refund| refund["amount"].as_u64().unwrap()).sum::<u64>();
                }
                "requires_capture" => account.set_aside += amount,
                _ => {}
            }
        }
        account
    }

    async fn answer(&self, done: bool) {
        for intent in self.intents().await {
            if intent["status"] == "requires_action" {
                let path =
                    format!("/v1/payment_intents/{}/_authenticate", intent["id"].as_str().unwrap());
                let secret = intent["client_secret"].as_str().unwrap();
                let success = if done { "true" } else { "false" };
                self.post(&path, &[("client_secret", secret), ("success", success)]).await;
            }
        }
    }
}

#[tokio::test]
async fn p6_wherever_a_server_dies_also_a_foreign_provider_s_books_are_right() {
    let local = Local::start().await;
    let all =
        [Story::Pays, Story::Declines, Story::Asks(true), Story::Asks(false), Story::AsksInVain];
    let combinations = over_all(&local, &all).await;
    assert!(combinations > 250, "only {combinations} combinations");
}

#[tokio::test]
async fn a_foreign_provider_tells_of_what_it_did_and_its_signature_is_ours() {
    let local = Local::start().await;
    let server = Server::with_provider(local.client(false).await);
    let url = server.serve().await;
    local.register(&format!("{url}/api/v1/webhooks/stripe")).await;
    let event = server.event().await;
    let booking = server.book(&event, "alice").await.word("/bookingId").to_owned();
    let method = local.method(Story::Asks(true)).await;
    let body = json!({"paymentMethodId": method, "amount": 160.0});
    let asked = server.post(&format!("/bookings/{booking}/payment"), "alice", body).await;
    assert_eq!(asked.status, 202, "{}", asked.text);
    local.answer(true).await;
    // Nobody asks: the event alone brings it to its end.
    let id: BookingId = booking.parse().unwrap();
    let told = async {
        while server.fake.booking_now(id).state != BookingState::Confirmed {
            server.fake.changed().await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("the event");
}

/// It ignores idempotency keys: what is asked for twice must not be paid twice all the same.
#[tokio::test]
async fn p6_a_refund_is_paid_once_also_where_keys_mean_nothing() {
    let local = Local::start().await;
    let server = Server::with_provider(local.client(true).await);
    let event = server.event().await;
    let booked = server.book(&event, "alice").await;
    let paid = server.pay(&booked, "alice").await;
    let booking = booked.word("/bookingId");
    let new = NewRefund {
        key: format!("{booking}:refund:0"),
        intent: paid.word("/paymentId").to_owned(),
        amount: Some(8_000),
    };
    let first = server.provider().refund(new.clone()).await.unwrap();
    assert_eq!(server.provider().refund(new).await.unwrap(), first);
    assert_eq!(local.account(booking).await.refunded, 8_000);
    let unknown = json!({"paymentMethodId": "pm_unknown", "amount": 160.0});
    let other = server.book(&server.event().await, "alice").await;
    let path = format!("/bookings/{}/payment", other.word("/bookingId"));
    server.post(&path, "alice", unknown).await.problem(422, "payment-method-unknown");
}
