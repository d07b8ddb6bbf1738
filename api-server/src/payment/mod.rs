//! Taking money, exactly once, for seats that are there (P6).
//!
//! Owns: what a provider is ([`Provider`]), the [`sandbox`], which step follows which ([`saga`], pure),
//! the loop that carries steps out (`drive`), what one request to pay does (`pay`), the paying back of
//! what bookings owe (`refunds`), and the finishing of what others left behind ([`reconcile`]). Must
//! not: see a card number, or decide anything from this machine's clock but when to look again.
//!
//! Invariants:
//! - An intent is confirmed at the provider only after it is attached to its attempt in the log.
//! - An attempt with an attached intent is failed only after the provider's final word that it will
//!   never be charged.
//! - Silence from the provider ends nothing: the booking stays in payment and keeps its seats.

mod drive;
pub(crate) mod pay;
pub mod reconcile;
pub(crate) mod refunds;
pub mod saga;
pub mod sandbox;
pub mod simulated;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use rowlock_client::types::BookingId;

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
    /// Charged. Final, but for a refund.
    Succeeded,
    /// Not charged and never will be, for this reason. Final.
    Declined(String),
    /// Not charged and never will be. Final.
    Canceled,
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

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It did not answer, or not so that it could be understood. What was asked may have been done.
    #[error("the payment provider does not answer: {0}")]
    Silent(String),
    #[error("the payment provider knows no intent {0}")]
    NoIntent(String),
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
    /// Ends an intent that is not confirmed. One that is confirmed stays so, and the answer says it.
    fn cancel<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent>;
    fn retrieve<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent>;
    /// The intents of a request, oldest first.
    fn find<'a>(&'a self, request: &'a str) -> Answer<'a, Vec<Intent>>;
    /// Gives money of a charge back; its name for the refund. Never more than was charged.
    fn refund(&self, new: NewRefund) -> Answer<'_, String>;
}

/// The bookings whose payment this server is working on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running(Arc<Mutex<BTreeSet<BookingId>>>);

impl Running {
    pub(crate) fn enter(&self, booking: BookingId) -> Work {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(booking);
        Work { running: self.clone(), booking }
    }
    pub(crate) fn has(&self, booking: BookingId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&booking)
    }
}

#[derive(Debug)]
pub(crate) struct Work {
    running: Running,
    booking: BookingId,
}

impl Drop for Work {
    fn drop(&mut self) {
        self.running.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.booking);
    }
}
