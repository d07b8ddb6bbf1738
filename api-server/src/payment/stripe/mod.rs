//! Stripe over its HTTP API: PaymentIntents that are created unconfirmed, confirmed by this server,
//! and by default captured apart.
//!
//! Owns: the calls, what their answers mean (`wire`), and its webhooks ([`signature`], `event`). Must not: decide which call follows which
//! (the saga does), or log a key or a body.
//!
//! What differs from what [`Provider`] asks, and what is done about it:
//! - A declined intent goes back to `requires_payment_method` and could be confirmed again by a call
//!   that comes late: it reads as `Refused`, and the saga cancels it. Cancelled, it is `Declined`.
//! - Keys of requests are kept for a day or so only, and not by every double of Stripe: a refund is
//!   looked for by its own name before it is asked for.
//! - Searching is eventually consistent: an intent names the one before it, and `find` walks back from
//!   the last one that the log knows.
//! - Some currencies are counted in another unit (`units`).
//! - Cancelling or confirming what is over is an error: then the intent is read.

mod event;
pub mod signature;
mod units;
mod wire;

use std::time::Duration;

use axum::http::{Method, Request, header};
use bytes::Bytes;
use form_urlencoded::Serializer;
use http_body_util::Full;
use serde::de::DeserializeOwned;

use self::wire::{List, PaymentIntent, Refund, WireDispute};
use super::{
    Answer, Dispute, Error, Intent, NewIntent, NewRefund, Notice, NoticeRefused, PaidBack, Provider,
};
use crate::outbound::Outbound;
use crate::secret::Secret;

/// Where Stripe lives.
pub const STRIPE_URL: &str = "https://api.stripe.com";
/// Shorter than what the saga gives a provider, which is shorter than a route's time.
pub const CALL_TIME_MAX: Duration = Duration::from_secs(7);
/// The version whose fields `wire` reads.
const VERSION: &str = "2025-03-31.basil";
/// Attempts of one booking that `find` looks at.
const ATTEMPTS_MAX: usize = 10;
/// Refunds of one intent that are looked at, in pages of Stripe's greatest size.
const PAGES_MAX: usize = 5;
const PAGE: u32 = 100;
const METHOD_CHARS_MAX: usize = 255;

#[derive(Clone, Debug)]
pub struct Config {
    /// Without a path.
    pub url: String,
    pub key: Secret,
    /// Authorise, commit the seats, capture; else charge at once.
    pub capture_apart: bool,
    /// Where the customer's bank sends the customer; empty: Stripe's own scripts bring the customer to
    /// the bank and back.
    pub return_url: String,
    pub call_time_max: Duration,
    /// What its webhooks are signed with: the new one beside the old while they are changed.
    pub webhook_secrets: Vec<Secret>,
}

#[derive(Clone, Debug)]
pub struct Stripe {
    http: Outbound,
    config: Config,
}

/// Fields of a form, in order.
#[derive(Debug, Default)]
struct Form(Vec<(String, String)>);

impl Form {
    fn with(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    fn encoded(&self) -> String {
        Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

impl Stripe {
    pub fn new(config: Config) -> std::io::Result<Self> {
        let http = Outbound::new(config.url.starts_with("https:"))?;
        Ok(Self { http, config })
    }

    /// One call. `what` is the object that it is about, or empty.
    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        form: Option<Form>,
        key: Option<&str>,
        what: &str,
    ) -> Result<T, Error> {
        let url = format!("{}{path}", self.config.url.trim_end_matches('/'));
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.config.key.reveal()))
            .header("stripe-version", VERSION);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = match form {
            Some(form) => {
                let kind = "application/x-www-form-urlencoded";
                request = request.header(header::CONTENT_TYPE, kind);
                Bytes::from(form.encoded())
            }
            None => Bytes::new(),
        };
        let silent = |error: String| Error::Silent(error);
        let request = request.body(Full::new(body)).map_err(|error| silent(error.to_string()))?;
        let answer = self.http.send(request, self.config.call_time_max).await;
        let (status, body) = answer.map_err(|error| silent(error.to_string()))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| silent(error.to_string()));
        }
        Err(wire::refused(status.as_u16(), &body, what))
    }

    async fn read(&self, intent: &str) -> Result<PaymentIntent, Error> {
        self.call(Method::GET, &format!("/v1/payment_intents/{}", id(intent)?), None, None, intent)
            .await
    }

    /// Does something to an intent. A refusal says no more than that the intent is not where it was:
    /// where it is, is read.
    async fn act(&self, intent: &str, deed: &str, form: Form) -> Result<Intent, Error> {
        let path = format!("/v1/payment_intents/{}/{deed}", id(intent)?);
        let done = self.call::<PaymentIntent>(Method::POST, &path, Some(form), None, intent).await;
        match done {
            Ok(intent) => intent.read(),
            Err(Error::Refused(_)) => self.read(intent).await?.read(),
            Err(error) => Err(error),
        }
    }

    async fn create_intent(&self, new: NewIntent) -> Result<Intent, Error> {
        let capture = if self.config.capture_apart { "manual" } else { "automatic" };
        let mut form = Form::default()
            .with("amount", &units::counted(new.amount, &new.currency)?.to_string())
            .with("currency", &new.currency.to_ascii_lowercase())
            .with("payment_method", &new.method)
            .with("payment_method_types[]", "card")
            .with("capture_method", capture);
        for (name, value) in [
            (wire::BOOKING, &new.booking),
            (wire::METHOD, &new.method),
            (wire::REQUEST, &new.request),
            (wire::FINGERPRINT, &new.fingerprint),
            (wire::PREVIOUS, &new.previous),
        ] {
            // An empty value would mean to delete it.
            if !value.is_empty() {
                form = form.with(&format!("metadata[{name}]"), value);
            }
        }
        let made: PaymentIntent =
            self.call(Method::POST, "/v1/payment_intents", Some(form), Some(&new.key), "").await?;
        made.read()
    }

    async fn walk_back(&self, request: &str, last: &str) -> Result<Vec<Intent>, Error> {
        let mut found = Vec::new();
        let mut next = last.to_owned();
        for _ in 0..ATTEMPTS_MAX {
            if next.is_empty() {
                break;
            }
            let intent = match self.read(&next).await {
                Ok(intent) => intent,
                Err(Error::NoIntent(_)) => break,
                Err(error) => return Err(error),
            };
            intent.meta(wire::PREVIOUS).clone_into(&mut next);
            let intent = intent.read()?;
            if intent.request == request {
                found.push(intent);
            }
        }
        found.reverse();
        Ok(found)
    }

    async fn refunds_of(&self, intent: &str) -> Result<Vec<Refund>, Error> {
        let mut all: Vec<Refund> = Vec::new();
        for _ in 0..PAGES_MAX {
            let mut query =
                Form::default().with("payment_intent", intent).with("limit", &PAGE.to_string());
            if let Some(last) = all.last() {
                query = query.with("starting_after", &last.id);
            }
            let path = format!("/v1/refunds?{}", query.encoded());
            let page: List<Refund> = self.call(Method::GET, &path, None, None, intent).await?;
            let more = page.has_more && !page.data.is_empty();
            all.extend(page.data);
            if !more {
                break;
            }
        }
        Ok(all)
    }

    async fn pay_back(&self, new: NewRefund) -> Result<String, Error> {
        let known = self.refunds_of(&new.intent).await?;
        let named = |refund: &&Refund| {
            refund.metadata.get(wire::REFUND).is_some_and(|name| *name == new.key) && stands(refund)
        };
        if let Some(paid) = known.iter().find(named) {
            return Ok(paid.id.clone());
        }
        let failed = known.len();
        let mut form = Form::default()
            .with("payment_intent", &new.intent)
            .with(&format!("metadata[{}]", wire::REFUND), &new.key);
        if let Some(amount) = new.amount {
            let charge = self.read(&new.intent).await?.read()?;
            let amount = units::counted(amount, &charge.currency)?;
            form = form.with("amount", &amount.to_string());
        }
        // A refund that failed is asked for again, as another request.
        let key = match known.iter().filter(|refund| !stands(refund)).count() {
            0 => new.key.clone(),
            _ => format!("{}:{failed}", new.key),
        };
        let made: Refund =
            self.call(Method::POST, "/v1/refunds", Some(form), Some(&key), &new.intent).await?;
        if stands(&made) { Ok(made.id) } else { Err(Error::Refused(format!("{} failed", made.id))) }
    }
}

fn stands(refund: &Refund) -> bool {
    !matches!(refund.status.as_deref(), Some("failed" | "canceled"))
}

/// An id that may stand in a path.
fn id(text: &str) -> Result<&str, Error> {
    let fits = !text.is_empty()
        && text.len() <= METHOD_CHARS_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if fits { Ok(text) } else { Err(Error::NoIntent(text.to_owned())) }
}

impl Provider for Stripe {
    fn name(&self) -> &'static str {
        "stripe"
    }
    fn is_test(&self) -> bool {
        let key = self.config.key.reveal();
        key.starts_with("sk_test_") || key.starts_with("rk_test_")
    }
    fn knows_method(&self, method: &str) -> bool {
        method.starts_with("pm_") && id(method).is_ok()
    }
    fn offered(&self) -> &'static [(&'static str, &'static str)] {
        if self.is_test() {
            &[
                ("pm_card_visa", "Test Visa card: succeeds"),
                ("pm_card_visa_chargeDeclined", "Test card: declined"),
                ("pm_card_threeDSecure2Required", "Test card: needs 3-D Secure"),
            ]
        } else {
            &[]
        }
    }
    fn create(&self, new: NewIntent) -> Answer<'_, Intent> {
        Box::pin(self.create_intent(new))
    }
    fn confirm<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        let mut form = Form::default();
        if !self.config.return_url.is_empty() {
            form = form.with("return_url", &self.config.return_url);
        }
        Box::pin(self.act(intent, "confirm", form))
    }
    fn capture<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        Box::pin(self.act(intent, "capture", Form::default()))
    }
    fn cancel<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        Box::pin(self.act(intent, "cancel", Form::default()))
    }
    fn retrieve<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        Box::pin(async move { self.read(intent).await?.read() })
    }
    fn find<'a>(&'a self, request: &'a str, last: &'a str) -> Answer<'a, Vec<Intent>> {
        Box::pin(self.walk_back(request, last))
    }
    fn refund(&self, new: NewRefund) -> Answer<'_, String> {
        Box::pin(self.pay_back(new))
    }
    fn notice(
        &self,
        of: &str,
        signature: &str,
        body: &[u8],
        now_s: u64,
    ) -> Result<Notice, NoticeRefused> {
        if of != self.name() || self.config.webhook_secrets.is_empty() {
            return Err(NoticeRefused::NotTaken);
        }
        let secrets = &self.config.webhook_secrets;
        signature::check(secrets, signature, body, now_s).map_err(|refused| match refused {
            signature::Refused::Unreadable => {
                NoticeRefused::Unreadable("Stripe-Signature can't be read")
            }
            signature::Refused::Wrong => NoticeRefused::NotSigned("it is not signed by Stripe"),
            signature::Refused::NotNow => {
                NoticeRefused::NotSigned("its signature is too old, or from the future")
            }
        })?;
        event::read(body).ok_or(NoticeRefused::Unreadable("the body is no event"))
    }
    fn dispute<'a>(&'a self, dispute: &'a str) -> Answer<'a, Dispute> {
        Box::pin(async move {
            let path = format!("/v1/disputes/{}", id(dispute)?);
            let found: WireDispute = self.call(Method::GET, &path, None, None, dispute).await?;
            Ok(found.read())
        })
    }
    fn paid_back<'a>(&'a self, intent: &'a str) -> Answer<'a, PaidBack> {
        Box::pin(async move {
            let refunds = self.refunds_of(id(intent)?).await?;
            let (stand, fail): (Vec<_>, Vec<_>) = refunds.into_iter().partition(stands);
            Ok(PaidBack {
                amount: stand.iter().map(Refund::minor).sum(),
                failed: fail.into_iter().map(|refund| refund.id).collect(),
            })
        })
    }
}
