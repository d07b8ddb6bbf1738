//! PayPal over its Orders API (v2): the customer agrees at PayPal, then the money is set aside, and
//! captured once the seats are committed.
//!
//! Owns: the calls, and what their answers mean (`wire`). Must not: decide which call follows which
//! (the saga does), or log a secret or a body.
//!
//! What differs from what [`Provider`] asks, and what is done about it:
//! - An order that is not authorised can't be cancelled. It need not be: setting aside is not taking,
//!   and money is only taken after the log has committed the seats. A server that comes late and
//!   authorises a given-up attempt finds it fenced, and voids what it has set aside; if it dies right
//!   there, the authorisation lapses by itself.
//! - A refund is looked for by its own name before it is asked for, since PayPal's memory of request
//!   ids ends.

mod event;
mod wire;

use std::time::Duration;

use axum::http::{Method, Request, header};
use base64::Engine;
use bytes::Bytes;
use http_body_util::Full;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use self::wire::{Order, Part, Token};
use super::{
    Answer, Error, Intent, IntentState, NewIntent, NewRefund, Notice, NoticeRefused, Provider,
};
use crate::outbound::Outbound;
use crate::secret::Secret;

/// Where PayPal lives.
pub const PAYPAL_URL: &str = "https://api-m.paypal.com";
/// Shorter than what the saga gives a provider.
pub const CALL_TIME_MAX: Duration = Duration::from_secs(7);
/// A token is not used so shortly before its end.
const TOKEN_SPARE: Duration = Duration::from_secs(60);
/// Attempts of one booking that `find` looks at.
const ATTEMPTS_MAX: usize = 10;
const ID_CHARS_MAX: usize = 64;

#[derive(Clone, Debug)]
pub struct Config {
    pub url: String,
    pub client_id: String,
    pub secret: Secret,
    /// Where PayPal sends the customer back to.
    pub return_url: String,
    pub call_time_max: Duration,
}

#[derive(Debug)]
pub struct PayPal {
    http: Outbound,
    config: Config,
    /// Until when it is good.
    token: Mutex<Option<(Secret, Instant)>>,
}

impl PayPal {
    pub fn new(config: Config) -> std::io::Result<Self> {
        let http = Outbound::new(config.url.starts_with("https:"))?;
        Ok(Self { http, config, token: Mutex::default() })
    }

    async fn send(&self, request: Request<Full<Bytes>>, what: &str) -> Result<Bytes, Error> {
        let answer = self.http.send(request, self.config.call_time_max).await;
        let (status, body) = answer.map_err(|error| Error::Silent(error.to_string()))?;
        if status.is_success() {
            Ok(body)
        } else {
            Err(wire::refused(status.as_u16(), &body, what))
        }
    }

    fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let url = format!("{}{path}", self.config.url.trim_end_matches('/'));
        Request::builder().method(method).uri(url)
    }

    async fn token(&self) -> Result<Secret, Error> {
        let mut kept = self.token.lock().await;
        if let Some((token, until)) = &*kept
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let who = format!("{}:{}", self.config.client_id, self.config.secret.reveal());
        let who = base64::engine::general_purpose::STANDARD.encode(who);
        let request = self
            .request(Method::POST, "/v1/oauth2/token")
            .header(header::AUTHORIZATION, format!("Basic {who}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from_static(b"grant_type=client_credentials")));
        let request = request.map_err(|error| Error::Silent(error.to_string()))?;
        // Whatever is wrong with it, nothing was done that was asked for.
        let body =
            self.send(request, "").await.map_err(|error| Error::Silent(error.to_string()))?;
        let token: Token =
            serde_json::from_slice(&body).map_err(|error| Error::Silent(error.to_string()))?;
        let good_for = Duration::from_secs(token.expires_in).saturating_sub(TOKEN_SPARE);
        *kept = Some((token.access_token.clone(), Instant::now() + good_for));
        Ok(token.access_token)
    }

    /// One call. `what` is the order that it is about, or empty.
    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        key: Option<&str>,
        what: &str,
    ) -> Result<T, Error> {
        let token = self.token().await?;
        let mut request = self
            .request(method, path)
            .header(header::AUTHORIZATION, format!("Bearer {}", token.reveal()))
            .header("prefer", "return=representation")
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("paypal-request-id", key);
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(body)));
        let request = request.map_err(|error| Error::Silent(error.to_string()))?;
        let body = self.send(request, what).await?;
        // Nothing at all is an answer too.
        let body: &[u8] = if body.is_empty() { b"null" } else { &body };
        serde_json::from_slice(body).map_err(|error| Error::Silent(error.to_string()))
    }

    async fn order(&self, id: &str) -> Result<Order, Error> {
        let path = format!("/v2/checkout/orders/{}", checked(id)?);
        self.call(Method::GET, &path, None, None, id).await
    }

    async fn authorize(&self, id: &str) -> Result<Intent, Error> {
        let before = self.order(id).await?.read()?;
        if before.state != IntentState::Approved {
            return Ok(before);
        }
        let path = format!("/v2/checkout/orders/{}/authorize", checked(id)?);
        let key = format!("{id}:authorize");
        let done = self.call::<IgnoredAny>(Method::POST, &path, None, Some(&key), id).await;
        match done {
            Ok(_) => self.order(id).await?.read(),
            Err(Error::Refused(reason)) => {
                let after = self.order(id).await?.read()?;
                let state = match after.state {
                    IntentState::Approved | IntentState::RequiresAction(_) => {
                        IntentState::Refused(reason)
                    }
                    state => state,
                };
                Ok(Intent { state, ..after })
            }
            Err(error) => Err(error),
        }
    }

    /// Captures or voids what is set aside.
    async fn end(&self, id: &str, deed: &str) -> Result<Intent, Error> {
        let order = self.order(id).await?;
        let authorization = order.authorization().map(|part| part.id.clone());
        let before = order.read()?;
        let authorization = match (&before.state, authorization) {
            (IntentState::Authorized, Some(authorization)) => authorization,
            _ => return Ok(before),
        };
        let path = format!("/v2/payments/authorizations/{}/{deed}", checked(&authorization)?);
        let key = format!("{authorization}:{deed}");
        let body = json!({});
        let done = self.call::<IgnoredAny>(Method::POST, &path, Some(body), Some(&key), id).await;
        match done {
            // What it is now, whatever was answered.
            Ok(_) | Err(Error::Refused(_) | Error::NoIntent(_)) => self.order(id).await?.read(),
            Err(error) => Err(error),
        }
    }

    async fn pay_back(&self, new: NewRefund) -> Result<String, Error> {
        let order = self.order(&new.intent).await?;
        if let Some(paid) = order.refund(&new.key) {
            return Ok(paid.id.clone());
        }
        let capture = order.capture().map(|part| part.id.clone());
        let capture = capture.ok_or_else(|| Error::Refused("not_captured".to_owned()))?;
        let charge = order.read()?;
        let mut body = json!({"custom_id": new.key});
        if let Some(minor) = new.amount {
            body["amount"] = wire::amount(minor, &charge.currency)?;
        }
        let path = format!("/v2/payments/captures/{}/refund", checked(&capture)?);
        let made: Part =
            self.call(Method::POST, &path, Some(body), Some(&new.key), &new.intent).await?;
        if made.stands() { Ok(made.id) } else { Err(Error::Refused(format!("{} failed", made.id))) }
    }
}

/// An id that may stand in a path.
fn checked(text: &str) -> Result<&str, Error> {
    let fits = (1..=ID_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fits { Ok(text) } else { Err(Error::NoIntent(text.to_owned())) }
}

impl Provider for PayPal {
    fn name(&self) -> &'static str {
        "paypal"
    }
    fn is_test(&self) -> bool {
        self.config.url != PAYPAL_URL
    }
    fn knows_method(&self, method: &str) -> bool {
        method == wire::METHOD
    }
    fn offered(&self) -> &'static [(&'static str, &'static str)] {
        &[(wire::METHOD, "PayPal")]
    }
    fn create(&self, new: NewIntent) -> Answer<'_, Intent> {
        Box::pin(async move {
            let body = wire::order(&new, &self.config.return_url)?;
            let path = "/v2/checkout/orders";
            let made: Order = self.call(Method::POST, path, Some(body), Some(&new.key), "").await?;
            made.read()
        })
    }
    fn confirm<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        Box::pin(self.authorize(intent))
    }
    fn capture<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        Box::pin(self.end(intent, "capture"))
    }
    /// Not signed by anything that could be checked without asking PayPal; so it is only a hint to ask.
    fn notice(&self, of: &str, _: &str, body: &[u8], _: u64) -> Result<Notice, NoticeRefused> {
        if of != self.name() {
            return Err(NoticeRefused::NotTaken);
        }
        event::read(body).ok_or(NoticeRefused::Unreadable("the body is no event"))
    }
    fn cancel<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        Box::pin(async move {
            let after = self.end(intent, "void").await?;
            // Nothing is set aside: see the module.
            let state = match after.state {
                IntentState::Approved
                | IntentState::RequiresAction(_)
                | IntentState::RequiresConfirmation
                | IntentState::Refused(_) => IntentState::Canceled,
                state @ (IntentState::Processing
                | IntentState::Authorized
                | IntentState::Succeeded
                | IntentState::Declined(_)
                | IntentState::Canceled) => state,
            };
            Ok(Intent { state, ..after })
        })
    }
    fn retrieve<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        Box::pin(async move { self.order(intent).await?.read() })
    }
    fn find<'a>(&'a self, request: &'a str, last: &'a str) -> Answer<'a, Vec<Intent>> {
        Box::pin(async move {
            let mut found = Vec::new();
            let mut next = last.to_owned();
            for _ in 0..ATTEMPTS_MAX {
                if next.is_empty() {
                    break;
                }
                let order = match self.order(&next).await {
                    Ok(order) => order,
                    Err(Error::NoIntent(_)) => break,
                    Err(error) => return Err(error),
                };
                order.previous().clone_into(&mut next);
                let intent = order.read()?;
                if intent.request == request {
                    found.push(intent);
                }
            }
            found.reverse();
            Ok(found)
        })
    }
    fn refund(&self, new: NewRefund) -> Answer<'_, String> {
        Box::pin(self.pay_back(new))
    }
}
