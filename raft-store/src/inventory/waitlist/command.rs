//! What can be asked of a waitlist, and the checks that need no state.

use rowlock_proto::ids::EventId;

use super::wish::Wish;
use crate::inventory::command::invalid;
use crate::inventory::reply::Refusal;

/// Entries of one event, those that are over too.
pub const ENTRIES_MAX: u32 = 1_000_000;
/// Entries of one user: who leaves and comes back more often is told so, or the list could be grown
/// without end.
pub const ENTRIES_PER_USER_MAX: usize = 32;
/// Different wishes of those who wait: each is looked at when places come back.
pub const WISHES_MAX: usize = 512;
/// Offers that are made at one time: bounds how long a command keeps the shard.
pub const OFFERS_MAX: u32 = 64;
pub const OFFER_MS_MIN: u64 = 10_000;
pub const OFFER_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1_000;
const OFFER_MS: u64 = 30 * 60 * 1_000;

/// What the organiser says of it. Every event has a waitlist, with these unless it was told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitlistRules {
    /// How long an offer lasts.
    pub offer_ms: u64,
    /// Takes no entries; those that are there stay.
    pub closed: bool,
}

impl Default for WaitlistRules {
    fn default() -> Self {
        Self { offer_ms: OFFER_MS, closed: false }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitlistCommand {
    /// For offers that are made from now on.
    Set { event: EventId, rules: WaitlistRules },
    /// Who asks waits for places of which there are not enough.
    Join { event: EventId, wish: Wish },
    /// Gives up an entry, or declines what it was offered.
    Leave { event: EventId, entry: u32 },
    /// Gives an offer the time that a hold has, counted from now; once.
    Accept { event: EventId, entry: u32 },
}

impl WaitlistCommand {
    pub const fn event(&self) -> EventId {
        match self {
            Self::Set { event, .. }
            | Self::Join { event, .. }
            | Self::Leave { event, .. }
            | Self::Accept { event, .. } => *event,
        }
    }

    /// What can be wrong whatever the state is.
    pub fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::Set { rules, .. } => {
                if !(OFFER_MS_MIN..=OFFER_MS_MAX).contains(&rules.offer_ms) {
                    let (least, most) = (OFFER_MS_MIN / 1_000, OFFER_MS_MAX / 1_000);
                    return Err(invalid(format!("an offer lasts {least} to {most} seconds")));
                }
                Ok(())
            }
            Self::Join { wish, .. } => wish.check(),
            Self::Leave { .. } | Self::Accept { .. } => Ok(()),
        }
    }
}
