//! Named consumers of the feed: how far each is, and which of many processes works for it now.
//!
//! ```text
//!   registered --Lease--> leased --Acknowledge--> leased, further on
//!       ^                   |  ^--Lease by the same holder: renewed, same number
//!       '------Yield--------'  '--Lease by another, after its end: a new number, the old is fenced
//! ```
//!
//! A consumer that is registered pins the feed: what it has not acknowledged is kept, up to a bound
//! (`feed.rs`). What could go wrong, and what answers it:
//! - A holder is slow, its lease ends, another takes over, and the first acknowledges at last: each
//!   lease has a number of its own in the shard, and only the latest is obeyed.
//! - Nobody took over: the late acknowledgement is the truth, and is taken.
//! - A clock is ahead: a lease is given to another only twice the clock bound after its end, so that it
//!   has ended in real time too (P5 has the same rule for holds).
//! - A command arrives twice: to register, renew, acknowledge, yield or unregister again changes
//!   nothing but the end of one's own lease.
//! - A consumer is unregistered and registered anew: numbers of leases are never used again.
//!
//! Leases and acknowledgements leave no change: a consumer would be fed by its own progress.
//!
//! Invariants:
//! - A position never goes back, and is never after the shard's revision.
//! - No two leases of a shard have the same number.

mod command;

use std::collections::BTreeMap;

use rowlock_proto::error_code::ErrorCode;

pub use self::command::{
    CONSUMER_NAME_BYTES_MAX, ConsumerCommand, HOLDER_BYTES_MAX, LEASE_MS_MAX, LEASE_MS_MIN,
};
use super::change::{ChangeKind, ConsumerChange};
use super::planted::{Mistake, planted};
use super::record::RecordKey;
use super::reply::{Answer, Refusal, Reply};
use super::{State, refuse};

/// Consumers of one shard: each may keep the feed from being cut.
pub const CONSUMERS_MAX: usize = 64;

/// All consumers of a shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consumers {
    pub by_name: BTreeMap<String, Consumer>,
    /// Leases given so far: the number of the latest.
    pub leases: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// Everything up to this revision is done.
    pub position: u64,
    /// When the position last moved, by the replicated clock.
    pub moved_ms: u64,
    pub lease: Option<Lease>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub holder: String,
    pub number: u64,
    /// What the holder was told. The shard itself waits for twice the clock bound more.
    pub until_ms: u64,
}

/// A consumer as readers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerView {
    pub name: String,
    pub position: u64,
    pub moved_ms: u64,
    /// May have ended.
    pub lease: Option<Lease>,
}

impl State {
    pub(super) fn consumer_command(&mut self, command: &ConsumerCommand) -> Answer {
        match command {
            ConsumerCommand::Register { name, after } => self.register_consumer(name, *after),
            ConsumerCommand::Lease { name, holder, ttl_ms } => {
                self.lease_consumer(name, holder, *ttl_ms)
            }
            ConsumerCommand::Acknowledge { name, holder, lease, revision } => {
                self.acknowledge(name, holder, *lease, *revision)
            }
            ConsumerCommand::Yield { name, holder, lease } => {
                if let Ok(consumer) = self.leased_by(name, holder, *lease) {
                    consumer.lease = None;
                    self.log.touch(RecordKey::Consumers);
                }
                Ok(Reply::Done)
            }
            ConsumerCommand::Unregister { name } => {
                if self.consumers.by_name.remove(name).is_some() {
                    self.log.touch(RecordKey::Consumers);
                    let change = ConsumerChange::Unregistered { name: name.clone() };
                    self.log.note(ChangeKind::Consumer(change));
                }
                Ok(Reply::Done)
            }
        }
    }

    fn register_consumer(&mut self, name: &str, after: Option<u64>) -> Answer {
        if self.consumers.by_name.contains_key(name) {
            return self.consumer_answer(name);
        }
        let revision = self.log.revision;
        let position = after.unwrap_or(revision);
        if position > revision {
            return Err(ahead(revision));
        }
        if self.consumers.by_name.len() >= CONSUMERS_MAX {
            let refusal = Refusal::of(ErrorCode::ConsumerLimitReached);
            return Err(Refusal { limit: CONSUMERS_MAX as u64, ..refusal });
        }
        // What begins with the next change begins after the one that says so.
        let position = if after.is_none() { position.saturating_add(1) } else { position };
        let consumer = Consumer { position, moved_ms: self.log.clock_ms, lease: None };
        self.consumers.by_name.insert(name.to_owned(), consumer);
        self.log.touch(RecordKey::Consumers);
        let change = ConsumerChange::Registered { name: name.to_owned(), position };
        self.log.note(ChangeKind::Consumer(change));
        self.consumer_answer(name)
    }

    fn lease_consumer(&mut self, name: &str, holder: &str, ttl_ms: u64) -> Answer {
        let now_ms = self.log.clock_ms;
        let Some(consumer) = self.consumers.by_name.get(name) else {
            return refuse(ErrorCode::ConsumerNotFound);
        };
        let until_ms = now_ms.saturating_add(ttl_ms);
        let number = match &consumer.lease {
            Some(lease) if self.lease_ends_ms(lease) > now_ms => {
                if lease.holder != holder {
                    let limit = self.lease_ends_ms(lease);
                    return Err(Refusal { limit, ..Refusal::of(ErrorCode::ConsumerLeased) });
                }
                lease.number
            }
            Some(_) | None => self.consumers.leases.saturating_add(1),
        };
        self.consumers.leases = self.consumers.leases.max(number);
        if let Some(consumer) = self.consumers.by_name.get_mut(name) {
            // A renewal that was held up on its way does not shorten what a later one gave.
            let before_ms = match &consumer.lease {
                Some(lease) if lease.number == number => lease.until_ms,
                Some(_) | None => 0,
            };
            let until_ms = until_ms.max(before_ms);
            consumer.lease = Some(Lease { holder: holder.to_owned(), number, until_ms });
        }
        self.log.touch(RecordKey::Consumers);
        self.consumer_answer(name)
    }

    fn acknowledge(&mut self, name: &str, holder: &str, lease: u64, revision: u64) -> Answer {
        let (newest, now_ms) = (self.log.revision, self.log.clock_ms);
        let consumer = self.leased_by(name, holder, lease)?;
        if revision > newest {
            return Err(ahead(newest));
        }
        if revision > consumer.position
            || planted(Mistake::AcknowledgedBack) && revision < consumer.position
        {
            consumer.position = revision;
            consumer.moved_ms = now_ms;
            self.log.touch(RecordKey::Consumers);
        }
        self.consumer_answer(name)
    }

    /// The consumer, if this is its latest lease. It may have ended: nobody has worked since.
    fn leased_by(
        &mut self,
        name: &str,
        holder: &str,
        number: u64,
    ) -> Result<&mut Consumer, Refusal> {
        let consumer = self.consumers.by_name.get_mut(name);
        let consumer = consumer.ok_or_else(|| Refusal::of(ErrorCode::ConsumerNotFound))?;
        let is_its = |lease: &Lease| {
            lease.number == number && lease.holder == holder || planted(Mistake::FencedObeyed)
        };
        if consumer.lease.as_ref().is_some_and(is_its) {
            Ok(consumer)
        } else {
            Err(Refusal::of(ErrorCode::ConsumerFenced))
        }
    }

    /// From when on another may have it.
    fn lease_ends_ms(&self, lease: &Lease) -> u64 {
        if planted(Mistake::LeaseTakenEarly) {
            return lease.until_ms;
        }
        self.due_at(lease.until_ms)
    }

    fn consumer_answer(&self, name: &str) -> Answer {
        let view = self.consumers.by_name.get(name).map(|consumer| view(name, consumer));
        let view = view.ok_or_else(|| Refusal::of(ErrorCode::ConsumerNotFound))?;
        Ok(Reply::Consumer(Box::new(view)))
    }

    /// Every consumer, by name.
    pub fn consumers(&self) -> Vec<ConsumerView> {
        let all = self.consumers.by_name.iter();
        all.map(|(name, consumer)| view(name, consumer)).collect()
    }

    /// How far each consumer is.
    pub fn consumer_positions(&self) -> Vec<u64> {
        self.consumers.by_name.values().map(|consumer| consumer.position).collect()
    }

    pub(super) fn audit_consumers(&self, found: &mut Vec<String>) {
        for (name, consumer) in &self.consumers.by_name {
            if consumer.position > self.log.revision {
                found.push(format!("consumer {name}: is ahead of the revision"));
            }
            if consumer.lease.as_ref().is_some_and(|it| it.number > self.consumers.leases) {
                found.push(format!("consumer {name}: has a lease that was not given"));
            }
        }
        let leases = self.consumers.by_name.values().filter_map(|it| it.lease.as_ref());
        let mut numbers: Vec<u64> = leases.map(|lease| lease.number).collect();
        numbers.sort_unstable();
        if numbers.windows(2).any(|pair| pair.first() == pair.last()) {
            found.push("two leases have one number".to_owned());
        }
    }
}

fn ahead(revision: u64) -> Refusal {
    Refusal { limit: revision, ..Refusal::of(ErrorCode::ConsumerPositionAhead) }
}

fn view(name: &str, consumer: &Consumer) -> ConsumerView {
    let Consumer { position, moved_ms, lease } = consumer.clone();
    ConsumerView { name: name.to_owned(), position, moved_ms, lease }
}
