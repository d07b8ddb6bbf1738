//! What can be asked of a waiting room, and the rules that it is opened with.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::EventId;

use crate::inventory::reply::Refusal;

/// Entries of one event's queue.
pub const ENTRIES_MAX: u32 = 10_000_000;
/// Entries of one user: who leaves and comes back more often is told so, or the queue could be grown
/// without end.
pub const ENTRIES_PER_USER_MAX: u8 = 16;
/// Users that one command admits, and passes that one command ends: bounds how long it keeps the shard.
pub const ADMIT_MAX: u32 = 1_000;
/// Entries that left before the draw, whose places one command looks up.
pub const PLACE_MAX: u32 = 2_000;
/// Admissions that were not used are kept for so long: a leader may be replaced meanwhile.
pub const BURST_MS: u64 = 5_000;
/// Bytes of a public value, and of the text that says where it comes from.
pub(super) const PUBLIC_VALUE_BYTES_MAX: usize = 256;
pub(super) const RATE_PER_MINUTE_MAX: u32 = 1_000_000;
pub(super) const SHOPPING_MAX: u32 = 1_000_000;
pub(super) const PASS_MS_MIN: u64 = 10_000;
pub(super) const PASS_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

/// What is fixed when the queue is opened: nobody may change it once entries can count on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueRules {
    /// From then on users may enter.
    pub draw_opens_ms: u64,
    /// Who entered before then is drawn, who enters later is served first in, first out. Equal to
    /// `draw_opens_ms`: there is no draw.
    pub opens_ms: u64,
    /// Until then the secret must be revealed; later the draw is made without it.
    pub reveal_by_ms: u64,
    /// SHA-256 of the secret, which has 32 bytes.
    pub commitment: [u8; 32],
    /// Where the public value will come from, such as a round of a public randomness beacon: named
    /// beforehand, so that it can't be picked afterwards.
    pub public_source: String,
    /// How long the token is good that a server gives to a waiting user.
    pub token_ms: u64,
    pub admission: Admission,
}

/// How users are let in. May change at any time, for those who are not let in yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// 0: as many as there is room for.
    pub rate_per_minute: u32,
    /// How many may be shopping at once; 0: any number.
    pub shopping_max: u32,
    pub pass_ms: u64,
    pub paused: bool,
}

impl Default for Admission {
    fn default() -> Self {
        Self { rate_per_minute: 1_000, shopping_max: 0, pass_ms: 15 * 60 * 1_000, paused: false }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueCommand {
    /// Guards the event: from now on holds need a pass.
    Open {
        event: EventId,
        rules: Box<QueueRules>,
    },
    SetAdmission {
        event: EventId,
        admission: Admission,
    },
    /// Who asks enters. One place a user; again: the same place.
    Join {
        event: EventId,
    },
    /// Who asks gives up the place, or the pass.
    Leave {
        event: EventId,
    },
    /// After entries for the draw have closed.
    FixPublicValue {
        event: EventId,
        value: Vec<u8>,
    },
    /// After the public value was fixed.
    Reveal {
        event: EventId,
        secret: [u8; 32],
    },
    /// Does what is due: closes the draw, ends passes, admits. Proposed by a leader.
    Step {
        event: EventId,
    },
    /// Guards the event no more. Entries are dropped.
    Close {
        event: EventId,
    },
}

fn invalid(detail: impl Into<String>) -> Refusal {
    Refusal { detail: detail.into(), ..Refusal::of(ErrorCode::Invalid) }
}

impl Admission {
    fn check(&self) -> Result<(), Refusal> {
        if self.rate_per_minute == 0 && self.shopping_max == 0 {
            return Err(invalid("neither a rate nor a number of shoppers bounds the admission"));
        }
        if self.rate_per_minute > RATE_PER_MINUTE_MAX || self.shopping_max > SHOPPING_MAX {
            return Err(invalid(format!("more than {RATE_PER_MINUTE_MAX} users at once")));
        }
        if !(PASS_MS_MIN..=PASS_MS_MAX).contains(&self.pass_ms) {
            let (least, most) = (PASS_MS_MIN / 1_000, PASS_MS_MAX / 1_000);
            return Err(invalid(format!("a pass lasts {least} to {most} seconds")));
        }
        Ok(())
    }
}

impl QueueRules {
    fn check(&self) -> Result<(), Refusal> {
        if self.draw_opens_ms > self.opens_ms {
            return Err(invalid("the draw opens after the sale"));
        }
        if self.reveal_by_ms < self.opens_ms {
            return Err(invalid("the secret is to be revealed before entries close"));
        }
        if self.public_source.len() > PUBLIC_VALUE_BYTES_MAX {
            return Err(invalid(format!("the source is over {PUBLIC_VALUE_BYTES_MAX} bytes long")));
        }
        if !(PASS_MS_MIN..=PASS_MS_MAX).contains(&self.token_ms) {
            let (least, most) = (PASS_MS_MIN / 1_000, PASS_MS_MAX / 1_000);
            return Err(invalid(format!("a token lasts {least} to {most} seconds")));
        }
        self.admission.check()
    }
}

impl QueueCommand {
    pub const fn event(&self) -> EventId {
        match self {
            Self::Open { event, .. }
            | Self::SetAdmission { event, .. }
            | Self::Join { event }
            | Self::Leave { event }
            | Self::FixPublicValue { event, .. }
            | Self::Reveal { event, .. }
            | Self::Step { event }
            | Self::Close { event } => *event,
        }
    }

    /// What can be wrong whatever the state is.
    pub fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::Open { rules, .. } => rules.check(),
            Self::SetAdmission { admission, .. } => admission.check(),
            Self::FixPublicValue { value, .. } => {
                if value.is_empty() || value.len() > PUBLIC_VALUE_BYTES_MAX {
                    let most = PUBLIC_VALUE_BYTES_MAX;
                    return Err(invalid(format!("a public value has 1 to {most} bytes")));
                }
                Ok(())
            }
            Self::Join { .. }
            | Self::Leave { .. }
            | Self::Reveal { .. }
            | Self::Step { .. }
            | Self::Close { .. } => Ok(()),
        }
    }
}
