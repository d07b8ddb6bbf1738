//! Taking money, exactly once, for seats that are there (P6).
//!
//! Owns: what a provider is ([`Provider`]), the [`sandbox`], [`stripe`] and [`paypal`], which step follows which
//! ([`saga`], pure), the loop that carries steps out (`drive`), what one request to pay does (`pay`),
//! the paying back of what bookings owe (`refunds`), and the finishing of what others left behind
//! ([`reconcile`]), what a provider tells by itself (`notices`), and not asking one that is down
//! ([`guarded`]). Must not: see a card number, or decide anything from this machine's clock but when
//! to look again, and that a customer took too long to authenticate.
//!
//! Invariants:
//! - An intent is confirmed at the provider only after it is attached to its attempt in the log.
//! - What is authorised is captured only after the log has committed its seats.
//! - An attempt with an attached intent is failed only after the provider's final word that it will
//!   never be charged.
//! - Silence from the provider ends nothing: the booking stays in payment and keeps its seats.

pub mod breaker;
mod drive;
pub mod guarded;
pub(crate) mod notices;
pub(crate) mod pay;
pub mod paypal;
pub mod reconcile;
pub(crate) mod refunds;
pub mod saga;
pub mod sandbox;
pub mod simulated;
pub mod stripe;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use rowlock_client::types::BookingId;

use crate::secret::Secret;

/// A charge to be: created unconfirmed, confirmed once the log knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    pub id: String,
    pub state: IntentState,
    pub booking: String,
    /// Minor units.
    pub amount: u64,
    pub currency: String,
    pub method: String,
    /// Name of the caller's request, if it can be repeated; else empty.
    pub request: String,
    /// Name of that request's body.
    pub fingerprint: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntentState {
    RequiresConfirmation,
    /// The customer has to do something first, such as 3-D Secure.
    RequiresAction(Action),
    /// The customer has agreed: it can be confirmed.
    Approved,
    /// The bank has not answered yet.
    Processing,
    /// Not charged, for this reason. Not final: until it is cancelled, it could be confirmed again.
    Refused(String),
    /// The money is set aside: it can be captured, or let go by a cancellation.
    Authorized,
    /// Charged. Final, but for a refund.
    Succeeded,
    /// Not charged and never will be, for this reason. Final.
    Declined(String),
    /// Not charged and never will be. Final.
    Canceled,
}

/// What the customer has to do.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Action {
    /// Where to do it; empty: by the provider's own scripts, with the secret.
    pub redirect_url: String,
    /// With this the customer's browser speaks to the provider about this intent. For nobody else.
    pub client_secret: Secret,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewIntent {
    /// The same key creates the same intent.
    pub key: String,
    pub booking: String,
    pub amount: u64,
    pub currency: String,
    pub method: String,
    pub request: String,
    pub fingerprint: String,
    /// The intent of the booking's attempt before this one; empty: none.
    pub previous: String,
}

/// What a bank takes back of a charge, by the customer's objection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    pub id: String,
    pub intent: String,
    /// Minor units.
    pub amount: u64,
    pub reason: String,
    pub state: DisputeState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputeState {
    /// No money has moved.
    Inquiry,
    /// The money is gone, perhaps not for good.
    Taken,
    /// The money came again.
    Won,
}

/// What became of an intent's money after it was charged.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PaidBack {
    /// Minor units.
    pub amount: u64,
    /// Refunds that the provider could not carry out.
    pub failed: Vec<String>,
}

/// Money of a charge that goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRefund {
    /// The same key pays the same refund.
    pub key: String,
    pub intent: String,
    /// Minor units; none: all that is left of the charge.
    pub amount: Option<u64>,
}

/// Where a provider says that there is something to see. Nothing of it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// At an intent.
    Intent(String),
    /// At a dispute.
    Dispute(String),
    /// At the refunds of an intent.
    PaidBack(String),
    /// Nothing of ours.
    Other,
}

/// Why what came as a notice is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeRefused {
    /// This provider tells nothing by that way.
    NotTaken,
    Unreadable(&'static str),
    NotSigned(&'static str),
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It did not answer, or not so that it could be understood. What was asked may have been done.
    #[error("the payment provider does not answer: {0}")]
    Silent(String),
    #[error("the payment provider knows no intent {0}")]
    NoIntent(String),
    /// It was silent too often, and is not asked for a while.
    #[error("the payment provider is not asked for another {0:?}")]
    Down(Duration),
    /// It will never do what it was asked.
    #[error("the payment provider refuses: {0}")]
    Refused(String),
}

pub type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// Who moves the money. Every call can be repeated.
pub trait Provider: Send + Sync + std::fmt::Debug {
    fn name(&self) -> &'static str;
    /// Whether its money is play money: tickets say so.
    fn is_test(&self) -> bool;
    fn knows_method(&self, method: &str) -> bool;
    /// Methods that a page may offer, with their names; empty where cards are entered elsewhere.
    fn offered(&self) -> &'static [(&'static str, &'static str)];
    fn create(&self, new: NewIntent) -> Answer<'_, Intent>;
    fn confirm<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent>;
    /// Takes the money that was set aside. Only for providers whose intents become `Authorized`.
    fn capture<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        Box::pin(async move { Err(Error::Refused(format!("{intent} is not captured apart"))) })
    }
    /// Ends an intent that is not charged. One that is charged stays so, and the answer says it.
    fn cancel<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent>;
    fn retrieve<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent>;
    /// The intents of a request, oldest first. `last` is the last one of the request's booking that
    /// the log knows, or empty: where a provider can't be asked by request, the way goes back from it.
    fn find<'a>(&'a self, request: &'a str, last: &'a str) -> Answer<'a, Vec<Intent>>;
    /// Gives money of a charge back; its name for the refund. Never more than was charged.
    fn refund(&self, new: NewRefund) -> Answer<'_, String>;

    /// For how long it is not worth to ask; `None`: it is.
    fn down_for(&self) -> Option<Duration> {
        None
    }
    /// Says for the customer that an action was done, or refused. Only where no bank does.
    fn authenticate<'a>(
        &'a self,
        intent: &'a str,
        _client_secret: &'a str,
        _done: bool,
    ) -> Answer<'a, Intent> {
        Box::pin(async move { Err(Error::NoIntent(intent.to_owned())) })
    }
    /// Reads what came as a notice of the provider `of`, if it is signed, as of `now_s`.
    fn notice(
        &self,
        _of: &str,
        _signature: &str,
        _body: &[u8],
        _now_s: u64,
    ) -> Result<Notice, NoticeRefused> {
        Err(NoticeRefused::NotTaken)
    }
    fn dispute<'a>(&'a self, dispute: &'a str) -> Answer<'a, Dispute> {
        Box::pin(async move { Err(Error::Refused(format!("there is no dispute {dispute}"))) })
    }
    /// What went back of an intent by the provider's own books.
    fn paid_back<'a>(&'a self, intent: &'a str) -> Answer<'a, PaidBack> {
        Box::pin(async move { Err(Error::NoIntent(intent.to_owned())) })
    }
}

/// The bookings whose payment this server is working on, and how often at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running(Arc<Mutex<BTreeMap<BookingId, u32>>>);

impl Running {
    pub(crate) fn enter(&self, booking: BookingId) -> Work {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(booking).or_default() += 1;
        Work { running: self.clone(), booking }
    }
    pub(crate) fn has(&self, booking: BookingId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&booking)
    }
}

#[derive(Debug)]
pub(crate) struct Work {
    running: Running,
    booking: BookingId,
}

impl Drop for Work {
    fn drop(&mut self) {
        let mut running = self.running.0.lock().unwrap_or_else(PoisonError::into_inner);
        match running.get_mut(&self.booking) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => {
                running.remove(&self.booking);
            }
        }
    }
}
