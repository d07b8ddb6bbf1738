//! A booking: a hold and what becomes of it.
//!
//! ```text
//! Held --begin payment--> Paying --confirm--> Confirmed
//!  |  <--declined, time left--'  |
//!  |--due--> Expired             '--declined or cancelled, no time left--> Expired
//!  '--release--> Released
//!
//! Expired, Released --a success that comes late--> Confirmed, if all its seats are free,
//!                                                 else RefundDue
//! ```
//!
//! Only `Held`, `Paying` and `Confirmed` bookings own seats.

use rowlock_proto::ids::{BookingId, RequestKey, UserId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BookingState {
    Held,
    Paying,
    Confirmed,
    Released,
    Expired,
    RefundDue,
}

impl BookingState {
    /// Whether a booking in this state owns its seats.
    pub const fn owns_seats(self) -> bool {
        match self {
            Self::Held | Self::Paying | Self::Confirmed => true,
            Self::Released | Self::Expired | Self::RefundDue => false,
        }
    }
}

/// A booking as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    pub id: BookingId,
    pub user: UserId,
    pub state: BookingState,
    /// Never changes after the hold: what was granted stays on record.
    pub seats: Box<[u32]>,
    /// Price of each seat, as it was when held.
    pub prices: Box<[u64]>,
    /// The request that made it, for its repeats (P4).
    pub key: RequestKey,
    pub fingerprint: u64,
    /// Log index and clock of the grant.
    pub index: u64,
    pub created_ms: u64,
    /// What the customer was told; the hold is due `2 * bound` later.
    pub expires_ms: u64,
    /// Present once a payment was begun.
    pub payment: Option<Box<Payment>>,
}

/// The fence: what the log knows of a booking's payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Number of the last attempt, from 1.
    pub attempt: u32,
    /// The request that began it and where, for its repeats (P4).
    pub begun_key: RequestKey,
    pub begun_index: u64,
    pub deadline_ms: u64,
    /// The intent attached at this attempt; empty until then.
    pub intent: String,
    /// 0: not confirmed.
    pub confirmed_ms: u64,
    pub decline_reason: String,
}

impl Booking {
    pub fn total(&self) -> u64 {
        // PRICE_MAX times SEATS_PER_HOLD_MAX fits, and prices are checked on their way in; what a
        // log holds all the same may not stop a shard.
        self.prices.iter().fold(0, |sum, price| sum.saturating_add(*price))
    }
    pub fn attempt(&self) -> u32 {
        self.payment.as_ref().map_or(0, |payment| payment.attempt)
    }
}
