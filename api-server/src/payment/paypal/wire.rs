//! What PayPal's JSON says, and what it means here. Pure.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::money;
use crate::payment::saga::NOT_CHARGEABLE;
use crate::payment::{Action, Error, Intent, IntentState, NewIntent};
use crate::secret::Secret;

/// Currencies of hundredths that PayPal only takes whole units of.
const WHOLE_ONLY: &[&str] = &["HUF", "TWD"];
/// The one method.
pub(super) const METHOD: &str = "paypal";

#[derive(Debug, Deserialize)]
pub(super) struct Token {
    pub(super) access_token: Secret,
    pub(super) expires_in: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Order {
    pub(super) id: String,
    status: String,
    #[serde(default)]
    purchase_units: Vec<Unit>,
    #[serde(default)]
    links: Vec<Link>,
}

#[derive(Debug, Default, Deserialize)]
struct Unit {
    #[serde(default)]
    reference_id: String,
    #[serde(default)]
    custom_id: String,
    #[serde(default)]
    amount: Amount,
    #[serde(default)]
    payments: Payments,
}

#[derive(Debug, Default, Deserialize)]
struct Amount {
    currency_code: String,
    value: String,
}

#[derive(Debug, Default, Deserialize)]
struct Payments {
    #[serde(default)]
    authorizations: Vec<Part>,
    #[serde(default)]
    captures: Vec<Part>,
    #[serde(default)]
    refunds: Vec<Part>,
}

/// An authorisation, a capture or a refund.
#[derive(Debug, Deserialize)]
pub(super) struct Part {
    pub(super) id: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    custom_id: String,
}

#[derive(Debug, Deserialize)]
struct Link {
    href: String,
    rel: String,
}

#[derive(Debug, Default, Deserialize)]
struct Problem {
    #[serde(default)]
    name: String,
    #[serde(default)]
    details: Vec<Detail>,
}

#[derive(Debug, Deserialize)]
struct Detail {
    #[serde(default)]
    issue: String,
}

/// What an order is asked for with.
pub(super) fn order(new: &NewIntent, return_url: &str) -> Result<Value, Error> {
    Ok(json!({
        "intent": "AUTHORIZE",
        "purchase_units": [{
            "reference_id": new.booking,
            "custom_id": format!("{}:{}:{}", new.request, new.fingerprint, new.previous),
            "amount": amount(new.amount, &new.currency)?,
        }],
        "payment_source": {"paypal": {"experience_context": {
            "return_url": return_url, "cancel_url": return_url,
            "user_action": "PAY_NOW", "shipping_preference": "NO_SHIPPING",
        }}},
    }))
}

/// Refused if PayPal can't charge just that.
pub(super) fn amount(minor: u64, currency: &str) -> Result<Value, Error> {
    let value = if !WHOLE_ONLY.contains(&currency) {
        money::decimal(minor, currency)
    } else if minor.is_multiple_of(100) {
        (minor / 100).to_string()
    } else {
        return Err(Error::Refused(NOT_CHARGEABLE.to_owned()));
    };
    Ok(json!({"currency_code": currency, "value": value}))
}

impl Order {
    fn unit(&self) -> Option<&Unit> {
        self.purchase_units.first()
    }

    /// The authorisation that counts: the last one.
    pub(super) fn authorization(&self) -> Option<&Part> {
        self.unit()?.payments.authorizations.last()
    }

    pub(super) fn capture(&self) -> Option<&Part> {
        self.unit()?.payments.captures.last()
    }

    /// The refund of this name, unless it failed.
    pub(super) fn refund(&self, name: &str) -> Option<&Part> {
        let mut refunds = self.unit()?.payments.refunds.iter();
        refunds.find(|refund| refund.custom_id == name && refund.stands())
    }

    fn custom(&self, place: usize) -> &str {
        let custom = self.unit().map_or("", |unit| unit.custom_id.as_str());
        custom.split(':').nth(place).unwrap_or("")
    }

    pub(super) fn previous(&self) -> &str {
        self.custom(2)
    }

    fn state(&self) -> Option<IntentState> {
        if let Some(capture) = self.capture() {
            return Some(match capture.status.as_str() {
                "COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED" => IntentState::Succeeded,
                "DECLINED" | "FAILED" => IntentState::Refused("capture_declined".to_owned()),
                _ => IntentState::Processing,
            });
        }
        if let Some(authorization) = self.authorization() {
            return Some(match authorization.status.as_str() {
                "CREATED" => IntentState::Authorized,
                "DENIED" => IntentState::Declined("authorization_denied".to_owned()),
                "VOIDED" | "EXPIRED" => IntentState::Canceled,
                _ => IntentState::Processing,
            });
        }
        match self.status.as_str() {
            "CREATED" | "SAVED" | "PAYER_ACTION_REQUIRED" => {
                let rels = ["payer-action", "approve"];
                let link = self.links.iter().find(|link| rels.contains(&link.rel.as_str()));
                let redirect_url = link.map(|link| link.href.clone()).unwrap_or_default();
                let client_secret = Secret::default();
                Some(IntentState::RequiresAction(Action { redirect_url, client_secret }))
            }
            "APPROVED" => Some(IntentState::Approved),
            "VOIDED" => Some(IntentState::Canceled),
            "COMPLETED" => Some(IntentState::Processing),
            _ => None,
        }
    }

    /// `Err` if its status is none that is known: then nothing may be concluded.
    pub(super) fn read(self) -> Result<Intent, Error> {
        let unknown = || Error::Silent(format!("unknown status {:?}", self.status));
        let state = self.state().ok_or_else(unknown)?;
        let unit = self.unit();
        let currency = unit.map(|unit| unit.amount.currency_code.clone()).unwrap_or_default();
        let value = unit.map_or("", |unit| unit.amount.value.as_str());
        let amount = money::Decimal::from_text(value);
        Ok(Intent {
            state,
            booking: unit.map(|unit| unit.reference_id.clone()).unwrap_or_default(),
            amount: amount.minor(&currency).unwrap_or_default(),
            currency,
            method: METHOD.to_owned(),
            request: self.custom(0).to_owned(),
            fingerprint: self.custom(1).to_owned(),
            id: self.id,
        })
    }
}

impl Part {
    pub(super) fn stands(&self) -> bool {
        !matches!(self.status.as_str(), "FAILED" | "CANCELLED")
    }
}

/// What an answer that is no success means for what was asked of `what`.
pub(super) fn refused(status: u16, body: &[u8], what: &str) -> Error {
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    let issue = problem.details.first().map_or(problem.name, |detail| detail.issue.clone());
    match status {
        404 => Error::NoIntent(what.to_owned()),
        400 | 422 => {
            let reason: String = issue.to_ascii_lowercase().chars().take(64).collect();
            Error::Refused(if reason.is_empty() { "generic_decline".to_owned() } else { reason })
        }
        status => Error::Silent(format!("{status} {issue}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(status: &str, payments: &Value) -> Result<IntentState, Error> {
        let order = json!({"id": "O1", "status": status, "purchase_units": [{
            "reference_id": "bkg", "custom_id": "r:f:p",
            "amount": {"currency_code": "USD", "value": "160.00"}, "payments": payments,
        }], "links": [{"rel": "payer-action", "href": "https://paypal.example/O1"}]});
        let order: Order = serde_json::from_value(order).unwrap();
        assert_eq!(order.previous(), "p");
        let intent = order.read()?;
        assert_eq!((intent.amount, intent.currency.as_str()), (16_000, "USD"));
        assert_eq!((intent.request.as_str(), intent.fingerprint.as_str()), ("r", "f"));
        Ok(intent.state)
    }

    #[test]
    fn every_status_is_read() {
        let none = json!({});
        let part = |kind: &str, status: &str| json!({kind: [{"id": "1", "status": status}]});
        for (status, payments, wanted) in [
            ("APPROVED", none.clone(), IntentState::Approved),
            ("VOIDED", none.clone(), IntentState::Canceled),
            ("COMPLETED", none.clone(), IntentState::Processing),
            ("COMPLETED", part("authorizations", "CREATED"), IntentState::Authorized),
            ("COMPLETED", part("authorizations", "PENDING"), IntentState::Processing),
            ("COMPLETED", part("authorizations", "VOIDED"), IntentState::Canceled),
            ("COMPLETED", part("captures", "COMPLETED"), IntentState::Succeeded),
            ("COMPLETED", part("captures", "REFUNDED"), IntentState::Succeeded),
            ("COMPLETED", part("captures", "PENDING"), IntentState::Processing),
        ] {
            assert_eq!(state(status, &payments).unwrap(), wanted, "{status} {payments}");
        }
        let IntentState::RequiresAction(action) = state("PAYER_ACTION_REQUIRED", &none).unwrap()
        else {
            panic!("another state")
        };
        assert_eq!(action.redirect_url, "https://paypal.example/O1");
        assert!(matches!(state("MAGIC", &none), Err(Error::Silent(_))));
    }

    #[test]
    fn some_currencies_are_taken_whole_only() {
        let value = |minor, currency| amount(minor, currency).map(|it| it["value"].clone());
        assert_eq!(value(16_000, "EUR").unwrap(), "160.00");
        assert_eq!(value(16_000, "HUF").unwrap(), "160");
        assert_eq!(value(500, "JPY").unwrap(), "500");
        assert!(matches!(value(16_050, "HUF"), Err(Error::Refused(_))));
    }

    #[test]
    fn refusals_and_silence_are_told_apart() {
        let body =
            json!({"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": "INSTRUMENT_DECLINED"}]});
        let body = body.to_string();
        let why = refused(422, body.as_bytes(), "O1");
        assert!(matches!(why, Error::Refused(why) if why == "instrument_declined"));
        assert!(matches!(refused(404, b"", "O1"), Error::NoIntent(_)));
        for status in [401, 403, 409, 429, 500, 503] {
            assert!(matches!(refused(status, b"", ""), Error::Silent(_)), "{status}");
        }
    }
}
