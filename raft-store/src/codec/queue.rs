//! Waiting rooms: commands, changes and records.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};
use rowlock_proto::ids::{EventId, UserId};

use super::{Error, decode, encode};
use crate::inventory::queue::{
    Admission, Counters, Drawn, Pass, PassEnd, Phase, Queue, QueueChange, QueueCommand, QueueRules,
};

#[derive(Encode, Decode)]
pub(super) struct AdmissionV1 {
    rate_per_minute: u32,
    shopping_max: u32,
    pass_ms: u64,
    paused: bool,
}

impl From<Admission> for AdmissionV1 {
    fn from(admission: Admission) -> Self {
        let Admission { rate_per_minute, shopping_max, pass_ms, paused } = admission;
        Self { rate_per_minute, shopping_max, pass_ms, paused }
    }
}

impl From<AdmissionV1> for Admission {
    fn from(stored: AdmissionV1) -> Self {
        let AdmissionV1 { rate_per_minute, shopping_max, pass_ms, paused } = stored;
        Self { rate_per_minute, shopping_max, pass_ms, paused }
    }
}

#[derive(Encode, Decode)]
pub(super) struct RulesV1 {
    draw_opens_ms: u64,
    opens_ms: u64,
    reveal_by_ms: u64,
    commitment: [u8; 32],
    public_source: String,
    token_ms: u64,
    admission: AdmissionV1,
}

impl From<&QueueRules> for RulesV1 {
    fn from(rules: &QueueRules) -> Self {
        Self {
            draw_opens_ms: rules.draw_opens_ms,
            opens_ms: rules.opens_ms,
            reveal_by_ms: rules.reveal_by_ms,
            commitment: rules.commitment,
            public_source: rules.public_source.clone(),
            token_ms: rules.token_ms,
            admission: rules.admission.into(),
        }
    }
}

impl From<RulesV1> for QueueRules {
    fn from(stored: RulesV1) -> Self {
        Self {
            draw_opens_ms: stored.draw_opens_ms,
            opens_ms: stored.opens_ms,
            reveal_by_ms: stored.reveal_by_ms,
            commitment: stored.commitment,
            public_source: stored.public_source,
            token_ms: stored.token_ms,
            admission: stored.admission.into(),
        }
    }
}

/// The order of the variants is the format.
#[derive(Encode, Decode)]
pub(super) enum QueueCommandV1 {
    Open([u8; 16], RulesV1),
    SetAdmission([u8; 16], AdmissionV1),
    Join([u8; 16]),
    Leave([u8; 16]),
    FixPublicValue([u8; 16], Vec<u8>),
    Reveal([u8; 16], [u8; 32]),
    Step([u8; 16]),
    Close([u8; 16]),
}

impl From<&QueueCommand> for QueueCommandV1 {
    fn from(command: &QueueCommand) -> Self {
        match command {
            QueueCommand::Open { event, rules } => {
                Self::Open(event.to_bytes(), rules.as_ref().into())
            }
            QueueCommand::SetAdmission { event, admission } => {
                Self::SetAdmission(event.to_bytes(), (*admission).into())
            }
            QueueCommand::Join { event } => Self::Join(event.to_bytes()),
            QueueCommand::Leave { event } => Self::Leave(event.to_bytes()),
            QueueCommand::FixPublicValue { event, value } => {
                Self::FixPublicValue(event.to_bytes(), value.clone())
            }
            QueueCommand::Reveal { event, secret } => Self::Reveal(event.to_bytes(), *secret),
            QueueCommand::Step { event } => Self::Step(event.to_bytes()),
            QueueCommand::Close { event } => Self::Close(event.to_bytes()),
        }
    }
}

impl From<QueueCommandV1> for QueueCommand {
    fn from(stored: QueueCommandV1) -> Self {
        let id = EventId::from_bytes;
        match stored {
            QueueCommandV1::Open(event, rules) => {
                Self::Open { event: id(event), rules: Box::new(rules.into()) }
            }
            QueueCommandV1::SetAdmission(event, admission) => {
                Self::SetAdmission { event: id(event), admission: admission.into() }
            }
            QueueCommandV1::Join(event) => Self::Join { event: id(event) },
            QueueCommandV1::Leave(event) => Self::Leave { event: id(event) },
            QueueCommandV1::FixPublicValue(event, value) => {
                Self::FixPublicValue { event: id(event), value }
            }
            QueueCommandV1::Reveal(event, secret) => Self::Reveal { event: id(event), secret },
            QueueCommandV1::Step(event) => Self::Step { event: id(event) },
            QueueCommandV1::Close(event) => Self::Close { event: id(event) },
        }
    }
}

/// Users with their entries.
type UsersV1 = Vec<([u8; 16], u32)>;

/// The order of the variants is the format.
#[derive(Encode, Decode)]
pub(super) enum QueueChangeV1 {
    Opened(RulesV1),
    AdmissionSet(AdmissionV1),
    Joined([u8; 16], u32),
    Left([u8; 16], u32),
    EntriesClosed(u32),
    PublicValueFixed(Vec<u8>),
    Drawn(Option<[u8; 32]>, Vec<u8>, [u8; 32]),
    Admitted(UsersV1, u64),
    PassesEnded(UsersV1, u8),
    Closed,
}

fn store_users(users: &[(UserId, u32)]) -> UsersV1 {
    users.iter().map(|&(user, entry)| (user.to_bytes(), entry)).collect()
}

fn read_users(users: UsersV1) -> Vec<(UserId, u32)> {
    users.into_iter().map(|(user, entry)| (UserId::from_bytes(user), entry)).collect()
}

impl From<&QueueChange> for QueueChangeV1 {
    fn from(change: &QueueChange) -> Self {
        match change {
            QueueChange::Opened { rules } => Self::Opened(rules.as_ref().into()),
            QueueChange::AdmissionSet { admission } => Self::AdmissionSet((*admission).into()),
            QueueChange::Joined { user, entry } => Self::Joined(user.to_bytes(), *entry),
            QueueChange::Left { user, entry } => Self::Left(user.to_bytes(), *entry),
            QueueChange::EntriesClosed { entries } => Self::EntriesClosed(*entries),
            QueueChange::PublicValueFixed { value } => Self::PublicValueFixed(value.clone()),
            QueueChange::Drawn { secret, public_value, seed } => {
                Self::Drawn(*secret, public_value.clone(), *seed)
            }
            QueueChange::Admitted { users, until_ms } => {
                Self::Admitted(store_users(users), *until_ms)
            }
            QueueChange::PassesEnded { users, why } => {
                let why = match why {
                    PassEnd::Over => 1,
                    PassEnd::Left => 2,
                    PassEnd::Bought => 3,
                };
                Self::PassesEnded(store_users(users), why)
            }
            QueueChange::Closed => Self::Closed,
        }
    }
}

impl TryFrom<QueueChangeV1> for QueueChange {
    type Error = Error;
    fn try_from(stored: QueueChangeV1) -> Result<Self, Error> {
        let user = UserId::from_bytes;
        Ok(match stored {
            QueueChangeV1::Opened(rules) => Self::Opened { rules: Box::new(rules.into()) },
            QueueChangeV1::AdmissionSet(admission) => {
                Self::AdmissionSet { admission: admission.into() }
            }
            QueueChangeV1::Joined(by, entry) => Self::Joined { user: user(by), entry },
            QueueChangeV1::Left(by, entry) => Self::Left { user: user(by), entry },
            QueueChangeV1::EntriesClosed(entries) => Self::EntriesClosed { entries },
            QueueChangeV1::PublicValueFixed(value) => Self::PublicValueFixed { value },
            QueueChangeV1::Drawn(secret, public_value, seed) => {
                Self::Drawn { secret, public_value, seed }
            }
            QueueChangeV1::Admitted(users, until_ms) => {
                Self::Admitted { users: read_users(users), until_ms }
            }
            QueueChangeV1::PassesEnded(users, why) => {
                let why = match why {
                    1 => PassEnd::Over,
                    2 => PassEnd::Left,
                    3 => PassEnd::Bought,
                    _ => return Err(Error::Meaning),
                };
                Self::PassesEnded { users: read_users(users), why }
            }
            QueueChangeV1::Closed => Self::Closed,
        })
    }
}

#[derive(Encode, Decode)]
struct QueueV1 {
    rules: RulesV1,
    phase: u8,
    entries_drawn: u32,
    public_value: Vec<u8>,
    secret: Option<[u8; 32]>,
    seed: Option<[u8; 32]>,
    placed: u32,
    head: u32,
    credit: u64,
    credited_ms: u64,
    admitted: u64,
}

/// A queue without its entries and passes.
#[derive(Debug)]
pub struct QueueRecord;

impl QueueRecord {
    pub fn encode(queue: &Queue) -> Vec<u8> {
        let (drawn, counters) = (&queue.drawn, &queue.counters);
        let stored = QueueV1 {
            rules: (&queue.rules).into(),
            phase: match queue.phase {
                Phase::Entering => 1,
                Phase::Drawing => 2,
                Phase::Admitting => 3,
                Phase::Closed => 4,
            },
            entries_drawn: drawn.entries,
            public_value: drawn.public_value.clone(),
            secret: drawn.secret,
            seed: drawn.seed,
            placed: counters.placed,
            head: counters.head,
            credit: counters.credit,
            credited_ms: counters.credited_ms,
            admitted: counters.admitted,
        };
        encode(stored, 256)
    }
    pub fn decode(bytes: &[u8]) -> Result<Queue, Error> {
        let stored: QueueV1 = decode(bytes)?;
        let mut queue = Queue::new(stored.rules.into());
        queue.phase = match stored.phase {
            1 => Phase::Entering,
            2 => Phase::Drawing,
            3 => Phase::Admitting,
            4 => Phase::Closed,
            _ => return Err(Error::Meaning),
        };
        let (public_value, secret, seed) = (stored.public_value, stored.secret, stored.seed);
        queue.drawn = Drawn { entries: stored.entries_drawn, public_value, secret, seed };
        queue.counters = Counters {
            placed: stored.placed,
            head: stored.head,
            credit: stored.credit,
            credited_ms: stored.credited_ms,
            admitted: stored.admitted,
        };
        Ok(queue)
    }
}

/// Entries with neighbouring numbers: their users.
#[derive(Debug)]
pub struct BlockOfEntries;

impl BlockOfEntries {
    pub fn encode(users: &[UserId]) -> Vec<u8> {
        let stored: Vec<[u8; 16]> = users.iter().map(|user| user.to_bytes()).collect();
        encode(stored, users.len() * 16 + 8)
    }
    pub fn decode(bytes: &[u8]) -> Result<Vec<UserId>, Error> {
        Ok(decode::<Vec<[u8; 16]>>(bytes)?.into_iter().map(UserId::from_bytes).collect())
    }
}

/// Which of neighbouring entries left, a bit each.
#[derive(Debug)]
pub struct BlockOfLeft;

impl BlockOfLeft {
    pub fn encode(words: &[u64]) -> Vec<u8> {
        // All eight bytes of each: most are full, or the record would not be there.
        let stored: Vec<[u8; 8]> = words.iter().map(|word| word.to_le_bytes()).collect();
        encode(stored, words.len() * 8 + 8)
    }
    pub fn decode(bytes: &[u8]) -> Result<Vec<u64>, Error> {
        Ok(decode::<Vec<[u8; 8]>>(bytes)?.into_iter().map(u64::from_le_bytes).collect())
    }
}

/// Passes of neighbouring places.
#[derive(Debug)]
pub struct BlockOfPasses;

impl BlockOfPasses {
    pub fn encode<'a>(passes: impl Iterator<Item = (&'a u32, &'a Pass)>) -> Vec<u8> {
        let stored = passes.map(|(&place, pass)| (place, pass.entry, pass.until_ms));
        encode(stored.collect::<Vec<(u32, u32, u64)>>(), 1_024)
    }
    pub fn decode(bytes: &[u8]) -> Result<BTreeMap<u32, Pass>, Error> {
        let stored: Vec<(u32, u32, u64)> = decode(bytes)?;
        let pass = |(place, entry, until_ms)| (place, Pass { entry, until_ms });
        Ok(stored.into_iter().map(pass).collect())
    }
}
