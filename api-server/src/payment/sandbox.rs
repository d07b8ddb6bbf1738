//! Play money: an embedded provider that understands Stripe's published test payment methods.
//!
//! Its books are one file of JSON lines that every API server of a playground shares. A call locks
//! the file, reads what others wrote, decides, appends one line, and unlocks. A line that a dying
//! server tore is skipped: what it said was never answered.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Action, Answer, Error, Intent, IntentState, NewIntent, NewRefund, Provider};
use crate::secret::Secret;

#[derive(Clone, Debug)]
pub struct Sandbox(Arc<Mutex<Books>>);

#[derive(Debug)]
struct Books {
    file: File,
    /// How far the file was read.
    read: u64,
    intents: HashMap<String, Intent>,
    by_key: HashMap<String, String>,
    by_request: HashMap<String, Vec<String>>,
    /// What went back of each intent.
    refunded: HashMap<String, u64>,
    refund_by_key: HashMap<String, String>,
}

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Line {
    Create {
        intent: String,
        key: String,
        booking: String,
        amount: u64,
        currency: String,
        method: String,
        #[serde(default)]
        request: String,
        #[serde(default)]
        fingerprint: String,
        at: String,
    },
    /// The customer's bank wants to hear from the customer.
    Challenge {
        intent: String,
        secret: String,
        at: String,
    },
    Succeed {
        intent: String,
        amount: u64,
        at: String,
    },
    Decline {
        intent: String,
        reason: String,
        at: String,
    },
    Cancel {
        intent: String,
        at: String,
    },
    Refund {
        #[serde(default)]
        refund: String,
        #[serde(default)]
        key: String,
        intent: String,
        amount: u64,
        at: String,
    },
}

impl Sandbox {
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        Ok(Self(Arc::new(Mutex::new(Books {
            file,
            read: 0,
            intents: HashMap::new(),
            by_key: HashMap::new(),
            by_request: HashMap::new(),
            refunded: HashMap::new(),
            refund_by_key: HashMap::new(),
        }))))
    }

    fn with<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Books) -> Result<T, Error> + Send + 'static,
    ) -> Answer<'_, T> {
        let books = Arc::clone(&self.0);
        Box::pin(async move {
            let work = tokio::task::spawn_blocking(move || {
                let mut books = books.lock().unwrap_or_else(PoisonError::into_inner);
                books.locked(job)
            });
            work.await.map_err(|error| Error::Silent(error.to_string()))?
        })
    }
}

impl Books {
    fn locked<T>(&mut self, job: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let silent = |error: std::io::Error| Error::Silent(format!("sandbox ledger: {error}"));
        self.file.lock().map_err(silent)?;
        let done = self.catch_up().map_err(silent).and_then(|()| job(self));
        self.file.unlock().map_err(silent)?;
        done
    }

    /// Reads what was written since, by whoever.
    fn catch_up(&mut self) -> std::io::Result<()> {
        self.file.seek(SeekFrom::Start(self.read))?;
        let mut text = Vec::new();
        self.file.read_to_end(&mut text)?;
        if text.last().is_some_and(|&byte| byte != b'\n') {
            // Someone died while writing: what comes next starts on a line of its own.
            self.file.write_all(b"\n")?;
            text.push(b'\n');
        }
        self.read += text.len() as u64;
        for line in text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line) {
                Ok(line) => self.take(line),
                Err(error) => tracing::warn!(%error, "skips a line of the sandbox ledger"),
            }
        }
        Ok(())
    }

    fn write(&mut self, line: Line) -> Result<(), Error> {
        let silent = |error: String| Error::Silent(format!("sandbox ledger: {error}"));
        let mut text = serde_json::to_vec(&line).map_err(|error| silent(error.to_string()))?;
        text.push(b'\n');
        self.file.write_all(&text).map_err(|error| silent(error.to_string()))?;
        self.read += text.len() as u64;
        self.take(line);
        Ok(())
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Create {
                intent,
                key,
                booking,
                amount,
                currency,
                method,
                request,
                fingerprint,
                at: _,
            } => {
                self.by_key.insert(key, intent.clone());
                if !request.is_empty() {
                    self.by_request.entry(request.clone()).or_default().push(intent.clone());
                }
                let made = Intent {
                    id: intent.clone(),
                    state: IntentState::RequiresConfirmation,
                    booking,
                    amount,
                    currency,
                    method,
                    request,
                    fingerprint,
                };
                self.intents.insert(intent, made);
            }
            Line::Challenge { intent, secret, at: _ } => {
                let redirect_url = format!("/sandbox/challenges/{intent}?secret={secret}");
                let action = Action { redirect_url, client_secret: Secret::new(secret) };
                self.set(&intent, IntentState::RequiresAction(action));
            }
            Line::Succeed { intent, .. } => self.set(&intent, IntentState::Succeeded),
            Line::Decline { intent, reason, .. } => {
                self.set(&intent, IntentState::Declined(reason));
            }
            Line::Cancel { intent, .. } => self.set(&intent, IntentState::Canceled),
            Line::Refund { refund, key, intent, amount, at: _ } => {
                *self.refunded.entry(intent).or_default() += amount;
                self.refund_by_key.insert(key, refund);
            }
        }
    }

    fn set(&mut self, intent: &str, state: IntentState) {
        if let Some(known) = self.intents.get_mut(intent) {
            known.state = state;
        }
    }

    fn get(&self, intent: &str) -> Result<Intent, Error> {
        self.intents.get(intent).cloned().ok_or_else(|| Error::NoIntent(intent.to_owned()))
    }

    fn create(&mut self, new: NewIntent) -> Result<Intent, Error> {
        if let Some(known) = self.by_key.get(&new.key) {
            return self.get(known);
        }
        let intent = format!("pi_{}", hex::encode(rand::random::<[u8; 12]>()));
        let NewIntent { key, booking, amount, currency, method, request, fingerprint, previous: _ } =
            new;
        self.write(Line::Create {
            intent: intent.clone(),
            key,
            booking,
            amount,
            currency,
            method,
            request,
            fingerprint,
            at: now(),
        })?;
        self.get(&intent)
    }

    fn confirm(&mut self, id: &str) -> Result<Intent, Error> {
        let known = self.get(id)?;
        if known.state != IntentState::RequiresConfirmation {
            return Ok(known);
        }
        if wants_customer(&known.method) {
            let secret = hex::encode(rand::random::<[u8; 16]>());
            self.write(Line::Challenge { intent: known.id, secret, at: now() })?;
        } else {
            self.charge(&known)?;
        }
        self.get(id)
    }

    fn charge(&mut self, known: &Intent) -> Result<(), Error> {
        let intent = known.id.clone();
        self.write(match decline_reason(&known.method) {
            Some(reason) => Line::Decline { intent, reason: reason.to_owned(), at: now() },
            None => Line::Succeed { intent, amount: known.amount, at: now() },
        })
    }

    /// The customer has answered the bank.
    fn authenticate(&mut self, id: &str, secret: &str, done: bool) -> Result<Intent, Error> {
        let known = self.get(id)?;
        match &known.state {
            IntentState::RequiresAction(action) if action.client_secret.reveal() == secret => {}
            IntentState::RequiresAction(_) => return Err(Error::NoIntent(id.to_owned())),
            // The same again, or too late: what is, is told.
            IntentState::RequiresConfirmation
            | IntentState::Approved
            | IntentState::Processing
            | IntentState::Refused(_)
            | IntentState::Authorized
            | IntentState::Succeeded
            | IntentState::Declined(_)
            | IntentState::Canceled => return Ok(known),
        }
        if done {
            self.charge(&known)?;
        } else {
            let (intent, reason) = (known.id, "authentication_failed".to_owned());
            self.write(Line::Decline { intent, reason, at: now() })?;
        }
        self.get(id)
    }

    fn cancel(&mut self, id: &str) -> Result<Intent, Error> {
        let known = self.get(id)?;
        match known.state {
            IntentState::RequiresConfirmation
            | IntentState::RequiresAction(_)
            | IntentState::Approved
            | IntentState::Processing
            | IntentState::Refused(_)
            | IntentState::Authorized => {
                self.write(Line::Cancel { intent: known.id, at: now() })?;
            }
            IntentState::Succeeded | IntentState::Declined(_) | IntentState::Canceled => {}
        }
        self.get(id)
    }

    fn refund(&mut self, new: NewRefund) -> Result<String, Error> {
        if let Some(known) = self.refund_by_key.get(&new.key) {
            return Ok(known.clone());
        }
        let charge = self.get(&new.intent)?;
        if charge.state != IntentState::Succeeded {
            return Err(Error::Refused(format!("{} was not charged", charge.id)));
        }
        let left = charge.amount - self.refunded.get(&charge.id).copied().unwrap_or(0);
        let amount = new.amount.unwrap_or(left);
        if amount > left {
            return Err(Error::Refused(format!("{left} are left of {}, not {amount}", charge.id)));
        }
        let refund = format!("re_{}", hex::encode(rand::random::<[u8; 12]>()));
        let (key, intent) = (new.key, charge.id);
        self.write(Line::Refund { refund: refund.clone(), key, intent, amount, at: now() })?;
        Ok(refund)
    }
}

fn now() -> String {
    crate::time::rfc3339(crate::time::now_ms())
}

impl Provider for Sandbox {
    fn name(&self) -> &'static str {
        "sandbox"
    }
    fn is_test(&self) -> bool {
        true
    }
    fn knows_method(&self, method: &str) -> bool {
        knows(method)
    }
    fn offered(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("pm_card_visa", "Test Visa card: succeeds"),
            ("pm_card_mastercard", "Test Mastercard: succeeds"),
            ("pm_card_visa_chargeDeclined", "Test card: declined"),
            ("pm_card_visa_chargeDeclinedInsufficientFunds", "Test card: insufficient funds"),
            ("pm_card_visa_chargeDeclinedProcessingError", "Test card: processing error"),
            ("pm_card_threeDSecure2Required", "Test card: needs 3-D Secure"),
        ]
    }
    fn create(&self, new: NewIntent) -> Answer<'_, Intent> {
        self.with(move |books| books.create(new))
    }
    fn confirm<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        let intent = intent.to_owned();
        self.with(move |books| books.confirm(&intent))
    }
    fn cancel<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        let intent = intent.to_owned();
        self.with(move |books| books.cancel(&intent))
    }
    fn retrieve<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        let intent = intent.to_owned();
        self.with(move |books| books.get(&intent))
    }
    fn find<'a>(&'a self, request: &'a str, _last: &'a str) -> Answer<'a, Vec<Intent>> {
        let request = request.to_owned();
        self.with(move |books| {
            let ids = books.by_request.get(&request).cloned().unwrap_or_default();
            ids.iter().map(|id| books.get(id)).collect()
        })
    }
    fn refund(&self, new: NewRefund) -> Answer<'_, String> {
        self.with(move |books| books.refund(new))
    }
    fn authenticate<'a>(
        &'a self,
        intent: &'a str,
        client_secret: &'a str,
        done: bool,
    ) -> Answer<'a, Intent> {
        let (intent, secret) = (intent.to_owned(), client_secret.to_owned());
        self.with(move |books| books.authenticate(&intent, &secret, done))
    }
}

/// Cards of the published list that are charged without more ado.
const GOOD: &[&str] = &[
    "visa",
    "visa_debit",
    "mastercard",
    "mastercard_debit",
    "mastercard_prepaid",
    "amex",
    "discover",
    "diners",
    "jcb",
    "unionpay",
    "us",
    "gb",
    "de",
    "fr",
    "nl",
    "es",
    "it",
    "at",
    "be",
    "ch",
    "se",
    "dk",
    "no",
    "fi",
    "ie",
    "pl",
    "pt",
    "ca",
    "mx",
    "br",
    "au",
    "nz",
    "jp",
    "cn",
    "hk",
    "sg",
    "in",
    "createDispute",
    "createDisputeInquiry",
    "createDisputeProductNotReceived",
    "threeDSecureOptional",
    "avsFail",
    "avsZipFail",
    "avsLine1Fail",
    "avsUnchecked",
    "cvcCheckFail",
    "bypassPending",
    "pendingRefund",
    "refundFail",
    "riskLevelElevated",
];

/// A method of ours is `pm_card_…` of the published list, or `pm_` and letters and digits only.
fn knows(method: &str) -> bool {
    match method.strip_prefix("pm_card_") {
        Some(card) => {
            GOOD.contains(&card) || reason_of(card).is_some() || CHALLENGED.contains(&bare(card))
        }
        None => method.strip_prefix("pm_").is_some_and(|rest| {
            !rest.is_empty()
                && rest.len() <= 64
                && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        }),
    }
}

fn decline_reason(method: &str) -> Option<&'static str> {
    reason_of(method.strip_prefix("pm_card_")?)
}

/// Cards whose customers are asked by their bank first.
const CHALLENGED: &[&str] = &[
    "authenticationRequired",
    "authenticationRequiredOnSetup",
    "authenticationRequiredSetupForOffSession",
    "authenticationRequiredChargeDeclinedInsufficientFunds",
    "threeDSecureRequired",
    "threeDSecure2Required",
    "threeDSecureRequiredChargeDeclined",
];

fn wants_customer(method: &str) -> bool {
    method.strip_prefix("pm_card_").is_some_and(|card| CHALLENGED.contains(&bare(card)))
}

fn bare(card: &str) -> &str {
    card.strip_prefix("visa_").unwrap_or(card)
}

fn reason_of(card: &str) -> Option<&'static str> {
    Some(match bare(card) {
        "chargeDeclined" | "chargeCustomerFail" | "threeDSecureRequiredChargeDeclined" => {
            "generic_decline"
        }
        "chargeDeclinedInsufficientFunds" => "insufficient_funds",
        "chargeDeclinedLostCard" => "lost_card",
        "chargeDeclinedStolenCard" => "stolen_card",
        "chargeDeclinedExpiredCard" => "expired_card",
        "chargeDeclinedIncorrectCvc" => "incorrect_cvc",
        "chargeDeclinedProcessingError" => "processing_error",
        "chargeDeclinedVelocityLimitExceeded" => "card_velocity_exceeded",
        "chargeDeclinedFraudulent" | "radarBlock" | "riskLevelHighest" => "fraudulent",
        "authenticationRequiredChargeDeclinedInsufficientFunds" => "insufficient_funds",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
