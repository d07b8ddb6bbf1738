//! What happened: the change feed. Changes carry user ids, never personal data.

use rowlock_proto::ids::{BookingId, EventId, SeatMapHash, UserId, VenueId};

use super::booking::BookingState;
use super::reply::EventState;

/// One change. Revisions of a shard are dense: every change has the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub revision: u64,
    /// Log index of the entry that made it.
    pub index: u64,
    /// The replicated clock.
    pub time_ms: u64,
    pub principal: UserId,
    pub kind: ChangeKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    EventChanged {
        event: EventId,
        state: EventState,
    },
    SeatsHeld {
        event: EventId,
        booking: BookingId,
        user: UserId,
        seats: Vec<u32>,
        expires_ms: u64,
    },
    SeatsReturned(Returned),
    /// Several holds that fell due together.
    HoldsExpired {
        holds: Vec<Returned>,
    },
    PaymentStarted {
        booking: BookingId,
        attempt: u32,
        amount: u64,
    },
    IntentAttached {
        booking: BookingId,
        attempt: u32,
        intent: String,
    },
    PaymentFailed {
        booking: BookingId,
        attempt: u32,
        reason: String,
    },
    SeatsSold {
        event: EventId,
        booking: BookingId,
        user: UserId,
        seats: Vec<u32>,
        amount: u64,
        intent: String,
    },
    RefundOwed {
        booking: BookingId,
        intent: String,
        amount: u64,
    },
    VenuePut {
        venue: VenueId,
    },
    UserChanged {
        user: UserId,
    },
    SeatMapSealed {
        map: SeatMapHash,
        seats: u32,
    },
}

/// Seats that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    pub event: EventId,
    pub booking: BookingId,
    pub seats: Vec<u32>,
    /// What the booking became.
    pub state: BookingState,
}
