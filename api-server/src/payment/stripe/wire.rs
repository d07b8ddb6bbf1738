//! What Stripe's JSON says, and what it means here. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::units;
use crate::payment::saga::METHOD_UNKNOWN;
use crate::payment::{Action, Dispute, DisputeState, Error, Intent, IntentState};
use crate::secret::Secret;

/// Names in an intent's metadata.
pub(super) const BOOKING: &str = "rowlock_booking";
pub(super) const METHOD: &str = "rowlock_method";
pub(super) const REQUEST: &str = "rowlock_request";
pub(super) const FINGERPRINT: &str = "rowlock_fingerprint";
pub(super) const PREVIOUS: &str = "rowlock_previous";
/// In a refund's.
pub(super) const REFUND: &str = "rowlock_refund";

#[derive(Debug, Deserialize)]
pub(super) struct PaymentIntent {
    pub(super) id: String,
    status: String,
    amount: u64,
    currency: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    client_secret: Option<Secret>,
    #[serde(default)]
    next_action: Option<NextAction>,
    #[serde(default)]
    last_payment_error: Option<Failure>,
}

#[derive(Debug, Deserialize)]
struct NextAction {
    #[serde(default)]
    redirect_to_url: Option<Redirect>,
}

#[derive(Debug, Deserialize)]
struct Redirect {
    url: String,
}

/// Why something was not done.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Failure {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    decline_code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    param: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Problem {
    error: Failure,
}

#[derive(Debug, Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    amount: u64,
    #[serde(default)]
    currency: String,
    #[serde(default)]
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct List<T> {
    pub(super) data: Vec<T>,
    #[serde(default)]
    pub(super) has_more: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireDispute {
    id: String,
    amount: u64,
    #[serde(default)]
    currency: String,
    #[serde(default)]
    reason: String,
    status: String,
    #[serde(default)]
    payment_intent: Option<String>,
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self::new)
    }
}

impl Failure {
    /// Names why, as a program reads it: never Stripe's sentence.
    fn reason(&self) -> String {
        let code = self.decline_code.as_ref().or(self.code.as_ref());
        match code.map(String::as_str) {
            Some("card_declined") | None => "generic_decline".to_owned(),
            Some("payment_intent_authentication_failure") => "authentication_failed".to_owned(),
            Some(code) => code.chars().take(64).collect(),
        }
    }
}

impl PaymentIntent {
    pub(super) fn meta(&self, name: &str) -> &str {
        self.metadata.get(name).map_or("", String::as_str)
    }

    /// `Err` if the status is none that is known: then nothing may be concluded.
    pub(super) fn read(self) -> Result<Intent, Error> {
        let refused = self.last_payment_error.as_ref().map(Failure::reason);
        let state = match (self.status.as_str(), refused) {
            ("requires_payment_method", Some(reason)) => IntentState::Refused(reason),
            ("requires_payment_method" | "requires_confirmation", _) => {
                IntentState::RequiresConfirmation
            }
            ("requires_action", _) => {
                let redirect = self.next_action.as_ref().and_then(|it| it.redirect_to_url.as_ref());
                IntentState::RequiresAction(Action {
                    redirect_url: redirect.map(|it| it.url.clone()).unwrap_or_default(),
                    client_secret: self.client_secret.clone().unwrap_or_default(),
                })
            }
            ("processing", _) => IntentState::Processing,
            ("requires_capture", _) => IntentState::Authorized,
            ("succeeded", _) => IntentState::Succeeded,
            ("canceled", Some(reason)) => IntentState::Declined(reason),
            ("canceled", None) => IntentState::Canceled,
            (other, _) => return Err(Error::Silent(format!("unknown status {other:?}"))),
        };
        let meta = |name| self.meta(name).to_owned();
        let currency = self.currency.to_ascii_uppercase();
        Ok(Intent {
            state,
            booking: meta(BOOKING),
            method: meta(METHOD),
            request: meta(REQUEST),
            fingerprint: meta(FINGERPRINT),
            id: self.id,
            amount: units::minor(self.amount, &currency),
            currency,
        })
    }
}

impl Refund {
    pub(super) fn minor(&self) -> u64 {
        units::minor(self.amount, &self.currency.to_ascii_uppercase())
    }
}

impl WireDispute {
    pub(super) fn read(self) -> Dispute {
        let state = match self.status.as_str() {
            "won" => DisputeState::Won,
            status if status.starts_with("warning_") || status == "prevented" => {
                DisputeState::Inquiry
            }
            _ => DisputeState::Taken,
        };
        Dispute {
            id: self.id,
            intent: self.payment_intent.unwrap_or_default(),
            amount: units::minor(self.amount, &self.currency.to_ascii_uppercase()),
            reason: self.reason,
            state,
        }
    }
}

/// What an answer that is no success means for what was asked of `what`.
pub(super) fn refused(status: u16, body: &[u8], what: &str) -> Error {
    let failure = serde_json::from_slice::<Problem>(body).map(|it| it.error).unwrap_or_default();
    match status {
        // Which intent: only where the intent itself is not there.
        404 if what.starts_with("pi_") => Error::NoIntent(what.to_owned()),
        400 | 402 | 404
            if failure.param.as_deref() == Some("payment_method")
                || (status == 404 && what.is_empty()) =>
        {
            Error::Refused(METHOD_UNKNOWN.to_owned())
        }
        400 | 402 | 404 | 405 | 410 | 413 | 422 => Error::Refused(failure.reason()),
        // Another call under the same key runs, the key is wrong, too many calls, or it is broken.
        status => {
            let kind = failure.kind.or(failure.code).unwrap_or_default();
            // What is said of a key is not for the log.
            let words = failure.message.filter(|_| ![401, 403].contains(&status));
            let words: String = words.unwrap_or_default().chars().take(200).collect();
            Error::Silent(format!("{status} {kind} {words}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(status: &str, more: serde_json::Value) -> Result<IntentState, Error> {
        let mut body = json!({"id": "pi_1", "status": status, "amount": 500, "currency": "usd"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let read: PaymentIntent = serde_json::from_value(body).unwrap();
        read.read().map(|intent| intent.state)
    }

    #[test]
    fn every_status_is_read() {
        let funds = json!({"last_payment_error":
            {"code": "card_declined", "decline_code": "insufficient_funds", "message": "no"}});
        for (status, more, wanted) in [
            ("requires_confirmation", json!({}), IntentState::RequiresConfirmation),
            ("requires_payment_method", json!({}), IntentState::RequiresConfirmation),
            (
                "requires_payment_method",
                funds.clone(),
                IntentState::Refused("insufficient_funds".to_owned()),
            ),
            ("processing", json!({}), IntentState::Processing),
            ("requires_capture", json!({"last_payment_error": null}), IntentState::Authorized),
            ("succeeded", json!({}), IntentState::Succeeded),
            ("canceled", json!({}), IntentState::Canceled),
            ("canceled", funds, IntentState::Declined("insufficient_funds".to_owned())),
        ] {
            assert_eq!(state(status, more).unwrap(), wanted, "{status}");
        }
        assert!(matches!(state("requires_magic", json!({})), Err(Error::Silent(_))));
        let action = json!({"client_secret": "s", "next_action":
            {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example/1"}}});
        let IntentState::RequiresAction(action) = state("requires_action", action).unwrap() else {
            panic!("another state")
        };
        assert_eq!(action.redirect_url, "https://bank.example/1");
        assert_eq!(action.client_secret.reveal(), "s");
    }

    #[test]
    fn refusals_and_silence_are_told_apart() {
        let body = |error: serde_json::Value| json!({ "error": error }).to_string().into_bytes();
        let declined = body(json!({"type": "card_error", "code": "expired_card"}));
        assert!(
            matches!(refused(402, &declined, "pi_1"), Error::Refused(why) if why == "expired_card")
        );
        assert!(matches!(refused(404, &declined, "pi_1"), Error::NoIntent(_)));
        let method = body(json!({"code": "resource_missing", "param": "payment_method"}));
        assert!(matches!(refused(400, &method, ""), Error::Refused(why) if why == METHOD_UNKNOWN));
        for status in [401, 403, 409, 429, 500, 502, 503, 529] {
            assert!(matches!(refused(status, b"", ""), Error::Silent(_)), "{status}");
        }
    }
}
