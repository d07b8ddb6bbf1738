//! What an organiser asks of the life of an event, and the checks that need no state.

use rowlock_proto::ids::EventId;

use crate::inventory::command::{NAME_BYTES_MAX, invalid, text};
use crate::inventory::reply::Refusal;
use crate::inventory::retention::COLLECT_MAX;

/// Steps of one `Tend`: bounds how long it keeps the shard. A step is an event that ends, or a booking
/// of a cancelled one that is looked at.
pub const TEND_MAX: u32 = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LifeCommand {
    /// No more holds until it is resumed; whoever has one may pay.
    Pause {
        event: EventId,
        reason: String,
    },
    Resume {
        event: EventId,
    },
    /// The sale is over for good; payments that were begun may finish.
    End {
        event: EventId,
    },
    /// The sale is over from then on; 0: at no set time.
    SetEnd {
        event: EventId,
        ends_ms: u64,
    },
    /// Does what time and cancellations left to be done, `max` steps at most.
    Tend {
        max: u32,
    },
    /// Lets go of what the event needs no more, looking at `max` of its bookings at most.
    Collect {
        event: EventId,
        max: u32,
    },
}

impl LifeCommand {
    pub(in crate::inventory) fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::Pause { reason, .. } => text("reason", reason, NAME_BYTES_MAX),
            Self::Tend { max } if *max == 0 || *max > TEND_MAX => {
                Err(invalid(format!("1 to {TEND_MAX} steps are done at once")))
            }
            Self::Collect { max, .. } if *max == 0 || *max > COLLECT_MAX => {
                Err(invalid(format!("1 to {COLLECT_MAX} bookings are looked at")))
            }
            Self::Resume { .. }
            | Self::End { .. }
            | Self::SetEnd { .. }
            | Self::Tend { .. }
            | Self::Collect { .. } => Ok(()),
        }
    }
}
