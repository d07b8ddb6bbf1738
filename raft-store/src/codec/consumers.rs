//! Commands, changes and the record of named consumers.

use bincode::{Decode, Encode};

use super::{Error, decode, encode};
use crate::inventory::ConsumerChange;
use crate::inventory::consumers::{Consumer, ConsumerCommand, Consumers, Lease};

/// The order of the variants is the format.
#[derive(Encode, Decode)]
pub(super) enum ConsumerCommandV1 {
    Register { name: String, after: Option<u64> },
    Lease { name: String, holder: String, ttl_ms: u64 },
    Acknowledge { name: String, holder: String, lease: u64, revision: u64 },
    Yield { name: String, holder: String, lease: u64 },
    Unregister { name: String },
}

impl From<&ConsumerCommand> for ConsumerCommandV1 {
    fn from(command: &ConsumerCommand) -> Self {
        match command.clone() {
            ConsumerCommand::Register { name, after } => Self::Register { name, after },
            ConsumerCommand::Lease { name, holder, ttl_ms } => Self::Lease { name, holder, ttl_ms },
            ConsumerCommand::Acknowledge { name, holder, lease, revision } => {
                Self::Acknowledge { name, holder, lease, revision }
            }
            ConsumerCommand::Yield { name, holder, lease } => Self::Yield { name, holder, lease },
            ConsumerCommand::Unregister { name } => Self::Unregister { name },
        }
    }
}

impl From<ConsumerCommandV1> for ConsumerCommand {
    fn from(stored: ConsumerCommandV1) -> Self {
        match stored {
            ConsumerCommandV1::Register { name, after } => Self::Register { name, after },
            ConsumerCommandV1::Lease { name, holder, ttl_ms } => {
                Self::Lease { name, holder, ttl_ms }
            }
            ConsumerCommandV1::Acknowledge { name, holder, lease, revision } => {
                Self::Acknowledge { name, holder, lease, revision }
            }
            ConsumerCommandV1::Yield { name, holder, lease } => Self::Yield { name, holder, lease },
            ConsumerCommandV1::Unregister { name } => Self::Unregister { name },
        }
    }
}

/// The order of the variants is the format.
#[derive(Encode, Decode)]
pub(super) enum ConsumerChangeV1 {
    Registered { name: String, position: u64 },
    Unregistered { name: String },
}

impl From<&ConsumerChange> for ConsumerChangeV1 {
    fn from(change: &ConsumerChange) -> Self {
        match change.clone() {
            ConsumerChange::Registered { name, position } => Self::Registered { name, position },
            ConsumerChange::Unregistered { name } => Self::Unregistered { name },
        }
    }
}

impl From<ConsumerChangeV1> for ConsumerChange {
    fn from(stored: ConsumerChangeV1) -> Self {
        match stored {
            ConsumerChangeV1::Registered { name, position } => Self::Registered { name, position },
            ConsumerChangeV1::Unregistered { name } => Self::Unregistered { name },
        }
    }
}

#[derive(Encode, Decode)]
struct ConsumersV1 {
    leases: u64,
    consumers: Vec<ConsumerV1>,
}

#[derive(Encode, Decode)]
struct ConsumerV1 {
    name: String,
    position: u64,
    moved_ms: u64,
    /// Holder, number, end.
    lease: Option<(String, u64, u64)>,
}

/// All consumers of a shard.
#[derive(Debug)]
pub struct ConsumersRecord;

impl ConsumersRecord {
    pub fn encode(consumers: &Consumers) -> Vec<u8> {
        let stored = |(name, consumer): (&String, &Consumer)| ConsumerV1 {
            name: name.clone(),
            position: consumer.position,
            moved_ms: consumer.moved_ms,
            lease: consumer
                .lease
                .as_ref()
                .map(|lease| (lease.holder.clone(), lease.number, lease.until_ms)),
        };
        let (leases, all) = (consumers.leases, consumers.by_name.iter());
        encode(ConsumersV1 { leases, consumers: all.map(stored).collect() }, 256)
    }

    pub fn decode(bytes: &[u8]) -> Result<Consumers, Error> {
        let stored: ConsumersV1 = decode(bytes)?;
        let read = |stored: ConsumerV1| {
            let lease = |(holder, number, until_ms)| Lease { holder, number, until_ms };
            let ConsumerV1 { name, position, moved_ms, lease: its } = stored;
            (name, Consumer { position, moved_ms, lease: its.map(lease) })
        };
        let by_name = stored.consumers.into_iter().map(read).collect();
        Ok(Consumers { by_name, leases: stored.leases })
    }
}
