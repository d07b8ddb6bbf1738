//! What happened to a queue: enough to compute the order of its draw from the feed alone.

use rowlock_proto::ids::UserId;

use super::{Admission, QueueRules};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueChange {
    Opened {
        rules: Box<QueueRules>,
    },
    AdmissionSet {
        admission: Admission,
    },
    /// A new entry, or one that left before the draw and is back.
    Joined {
        user: UserId,
        entry: u32,
    },
    /// Gave up while waiting.
    Left {
        user: UserId,
        entry: u32,
    },
    /// Entries 0 to `entries` are drawn; later ones come behind them.
    EntriesClosed {
        entries: u32,
    },
    PublicValueFixed {
        value: Vec<u8>,
    },
    /// The order stands. Without a secret, it was not revealed in time.
    Drawn {
        secret: Option<[u8; 32]>,
        public_value: Vec<u8>,
        seed: [u8; 32],
    },
    /// These users, in this order, with their entries.
    Admitted {
        users: Vec<(UserId, u32)>,
        until_ms: u64,
    },
    PassesEnded {
        users: Vec<(UserId, u32)>,
        why: PassEnd,
    },
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassEnd {
    /// Its time is over.
    Over,
    Left,
    /// A booking was paid.
    Bought,
}
