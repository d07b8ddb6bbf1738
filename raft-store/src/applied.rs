//! The record that says what a group's state on disk stands for. It is written in one batch with
//! the state it speaks of, so the two can't differ.
//!
//! ```text
//! generation:4  revision:8  feed floor:8  snapshot meta (raft_bytes)
//! ```

use rowlock_proto::shard::ShardId;

use crate::engine::Batch;
use crate::keys::{self, Generation, Meta, Space};
use crate::raft_bytes;
use crate::seal;
use crate::types::{LogId, SnapshotMeta, StoredMembership};

const VERSION: u8 = 1;

/// What the state on disk stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Applied {
    pub(crate) generation: Generation,
    pub(crate) log_id: Option<LogId>,
    pub(crate) membership: StoredMembership,
    pub(crate) revision: u64,
    /// The feed on disk has every change after this revision.
    pub(crate) feed_floor: u64,
}

impl Default for Applied {
    fn default() -> Self {
        Self {
            generation: Generation::FIRST,
            log_id: None,
            membership: StoredMembership::default(),
            revision: 0,
            feed_floor: 0,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("applied record")]
    Sealed(#[from] seal::Error),
    #[error("applied record ends early")]
    Short,
    #[error("applied record")]
    Meta(#[from] raft_bytes::Error),
}

fn u64_at(bytes: &[u8], at: usize) -> Result<u64, Error> {
    let bytes = bytes.get(at..at + 8).ok_or(Error::Short)?;
    Ok(u64::from_be_bytes(bytes.try_into().map_err(|_| Error::Short)?))
}

impl Applied {
    pub(crate) fn meta(&self) -> SnapshotMeta {
        SnapshotMeta { last_log_id: self.log_id, last_membership: self.membership.clone() }
    }

    pub(crate) fn put(&self, group: ShardId, batch: &mut Batch) {
        batch.put_with(Space::Meta, &keys::meta(group, Meta::Applied), |out| {
            seal::seal(VERSION, out, |out| {
                out.extend_from_slice(&self.generation.0.to_be_bytes());
                out.extend_from_slice(&self.revision.to_be_bytes());
                out.extend_from_slice(&self.feed_floor.to_be_bytes());
                raft_bytes::put_snapshot_meta(&self.meta(), out);
            });
        });
    }

    pub(crate) fn decode(sealed: &[u8]) -> Result<Self, Error> {
        let body = seal::open(VERSION, sealed)?;
        let (generation, rest) = body.split_first_chunk::<4>().ok_or(Error::Short)?;
        let meta = raft_bytes::decode_snapshot_meta(rest.get(16..).ok_or(Error::Short)?)?;
        Ok(Self {
            generation: Generation(u32::from_be_bytes(*generation)),
            log_id: meta.last_log_id,
            membership: meta.last_membership,
            revision: u64_at(rest, 0)?,
            feed_floor: u64_at(rest, 8)?,
        })
    }
}
