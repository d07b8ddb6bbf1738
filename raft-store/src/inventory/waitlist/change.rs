//! What happened to a waitlist. What became of an offer is told by its booking.

use rowlock_proto::ids::{BookingId, EventId, UserId};

use super::command::WaitlistRules;
use super::wish::Wish;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitlistChange {
    RulesSet {
        event: EventId,
        rules: WaitlistRules,
    },
    Joined {
        event: EventId,
        user: UserId,
        entry: u32,
        wish: Wish,
    },
    /// Gave up while waiting.
    Left {
        event: EventId,
        user: UserId,
        entry: u32,
    },
    /// The booking is held for the user until then.
    Offered {
        event: EventId,
        user: UserId,
        entry: u32,
        booking: BookingId,
        until_ms: u64,
    },
    /// Its turn came, and its user may have no more places.
    PassedOver {
        event: EventId,
        user: UserId,
        entry: u32,
    },
}

impl WaitlistChange {
    pub const fn event(&self) -> EventId {
        match self {
            Self::RulesSet { event, .. }
            | Self::Joined { event, .. }
            | Self::Left { event, .. }
            | Self::Offered { event, .. }
            | Self::PassedOver { event, .. } => *event,
        }
    }
}
