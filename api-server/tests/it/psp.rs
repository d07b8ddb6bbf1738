//! A payment service provider of our own: an HTTP server that speaks as Stripe does, keeps books, and
//! behaves as badly as a test wants it to.
//!
//! It honours idempotency keys, declines, asks for 3-D Secure, sets money aside, charges and says
//! nothing, and tells of everything by signed events, which a test delivers as it likes.

mod answers;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use rowlock_api_server::payment::stripe::{self, Stripe};
use rowlock_api_server::secret::Secret;
use serde_json::{Value, json};
use sha2::Sha256;

/// How its webhooks are signed.
pub(crate) const WEBHOOK_SECRET: &str = "whsec_of_the_fake";
pub(crate) const OLD_WEBHOOK_SECRET: &str = "whsec_of_yesterday";
pub(crate) const API_KEY: &str = "sk_test_of_the_fake";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    RequiresCapture,
    Succeeded,
    Canceled,
}

#[derive(Clone, Debug)]
pub(crate) struct PspIntent {
    pub(crate) id: String,
    pub(crate) status: Status,
    pub(crate) amount: u64,
    currency: String,
    method: String,
    manual: bool,
    pub(crate) metadata: BTreeMap<String, String>,
    return_url: Option<String>,
    error: Option<&'static str>,
}

#[derive(Clone, Debug)]
struct PspRefund {
    id: String,
    intent: String,
    amount: u64,
    status: &'static str,
    metadata: BTreeMap<String, String>,
}

/// What goes wrong with one call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// It is not done, and the connection breaks.
    Lost,
    /// It is done, and the connection breaks.
    DoneUnanswered,
    /// It is done, and no answer ever comes.
    DoneHung,
    /// It answers that it is broken.
    Broken,
}

#[derive(Debug, Default)]
struct Books {
    intents: Vec<PspIntent>,
    refunds: Vec<PspRefund>,
    disputes: BTreeMap<String, Value>,
    /// What was answered under each key, and to which request.
    keys: BTreeMap<String, (String, u16, Value)>,
    faults: VecDeque<(&'static str, Fault)>,
    down: bool,
    calls: u32,
    events: Vec<Value>,
}

/// What a booking came to by these books.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Account {
    pub(crate) charges: u32,
    pub(crate) charged: u64,
    pub(crate) refunded: u64,
    /// Set aside, and neither taken nor let go.
    pub(crate) set_aside: u64,
}

/// A cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct Psp {
    books: Arc<Mutex<Books>>,
    pub(crate) url: String,
}

impl Psp {
    /// Serves on a free port until the test ends.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let psp = Self { books: Arc::default(), url };
        let router = answers::router(psp.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        psp
    }

    /// A client of it, as a server has one.
    pub(crate) fn client(&self, capture_apart: bool) -> Stripe {
        stripe_at(&self.url, capture_apart)
    }

    fn books<T>(&self, look: impl FnOnce(&mut Books) -> T) -> T {
        look(&mut self.books.lock().unwrap())
    }

    /// The next call of this kind goes wrong.
    pub(crate) fn fail_next(&self, deed: &'static str, fault: Fault) {
        self.books(|books| books.faults.push_back((deed, fault)));
    }

    /// Nothing is answered but that it is broken.
    pub(crate) fn set_down(&self, down: bool) {
        self.books(|books| books.down = down);
    }

    pub(crate) fn calls(&self) -> u32 {
        self.books(|books| books.calls)
    }

    pub(crate) fn intents(&self) -> Vec<PspIntent> {
        self.books(|books| books.intents.clone())
    }

    pub(crate) fn account(&self, booking: &str) -> Account {
        self.books(|books| {
            let mut account = Account::default();
            for intent in &books.intents {
                if intent.metadata.get("rowlock_booking").map(String::as_str) != Some(booking) {
                    continue;
                }
                match intent.status {
                    Status::Succeeded => {
                        account.charges += 1;
                        account.charged += intent.amount;
                    }
                    Status::RequiresCapture => account.set_aside += intent.amount,
                    Status::RequiresPaymentMethod
                    | Status::RequiresConfirmation
                    | Status::RequiresAction
                    | Status::Canceled => {}
                }
                account.refunded += books.refunded(&intent.id);
            }
            account
        })
    }

    /// The customers of all intents that wait for theirs answer their bank.
    pub(crate) fn authenticate_all(&self, done: bool) {
        self.books(|books| {
            for number in 0..books.intents.len() {
                if books.intents[number].status == Status::RequiresAction {
                    books.authenticated(number, done);
                }
            }
        });
    }

    /// A charge for `booking` that was made by hand. Its id.
    pub(crate) fn charge_by_hand(&self, booking: &str, amount: u64) -> String {
        self.books(|books| books.by_hand(booking, amount))
    }

    /// A refund that was made by hand, in the provider's own pages.
    pub(crate) fn refund_by_hand(&self, intent: &str, amount: u64) {
        self.books(|books| {
            let metadata = BTreeMap::new();
            books.pay_back(intent, amount, metadata);
        });
    }

    /// A customer's bank takes money back, or gives it again.
    pub(crate) fn dispute(&self, id: &str, intent: &str, amount: u64, status: &str) {
        let dispute = json!({"id": id, "object": "dispute", "payment_intent": intent,
            "amount": amount, "reason": "fraudulent", "status": status, "charge": "ch_1"});
        self.books(|books| {
            let kind = match books.disputes.contains_key(id) {
                false => "charge.dispute.created",
                true => "charge.dispute.closed",
            };
            books.disputes.insert(id.to_owned(), dispute.clone());
            books.event(kind, dispute);
        });
    }

    /// The events so far, oldest first.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.books(|books| books.events.clone())
    }
}

pub(crate) fn stripe_at(url: &str, capture_apart: bool) -> Stripe {
    Stripe::new(stripe::Config {
        url: url.to_owned(),
        key: Secret::new(API_KEY),
        capture_apart,
        return_url: String::new(),
        call_time_max: Duration::from_secs(2),
        webhook_secrets: vec![Secret::new(WEBHOOK_SECRET), Secret::new(OLD_WEBHOOK_SECRET)],
    })
    .unwrap()
}

/// The header that signs `body` as of `at_s`.
pub(crate) fn signature(secret: &str, at_s: u64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at_s}.{body}").as_bytes());
    format!("t={at_s},v1={}", hex::encode(mac.finalize().into_bytes()))
}
