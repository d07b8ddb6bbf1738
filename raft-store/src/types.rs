//! The types that this project gives to openraft, and short names for what openraft makes of them.
//!
//! Only this crate and the node name openraft. Its own `serde` feature stays off: what goes to disk
//! or over the wire is written by [`crate::raft_bytes`], so that a change in openraft can never
//! become a change of format.

use std::fmt;

use bytes::Bytes;
use openraft::RaftTypeConfig;

use crate::inventory::Applied;

/// What an entry of the log carries: one batch of commands, encoded once by the leader's proposer
/// and never again. The bytes are shared by the log's tail cache, the write to disk and the
/// replication streams.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct EntryPayload {
    count: u32,
    bytes: Bytes,
}

impl EntryPayload {
    /// `bytes` are `codec::encode_batch` of a batch of `count` commands.
    pub const fn new(count: u32, bytes: Bytes) -> Self {
        Self { count, bytes }
    }
    /// Commands in the batch.
    pub const fn count(&self) -> u32 {
        self.count
    }
    /// The encoded batch.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl fmt::Debug for EntryPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batch of {} commands, {} bytes", self.count, self.bytes.len())
    }
}

impl fmt::Display for EntryPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What the application of one entry answers: an answer for each command of the batch, in its
/// order. Term, index and position name a reply for good.
#[derive(Clone, Debug, Default)]
pub struct BatchAnswers {
    /// Term of the entry.
    pub term: u64,
    /// Index of the entry.
    pub index: u64,
    /// The replicated clock after the entry.
    pub log_time_ms: u64,
    /// The shard's revision after the entry.
    pub revision: u64,
    /// One for each command; empty for blank and membership entries.
    pub answers: Vec<Applied>,
}

/// Where a replica lives: what openraft calls a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The node's id.
    pub node: u64,
    /// Its address, `host:port`.
    pub addr: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} at {}", self.node, self.addr)
    }
}

openraft::declare_raft_types!(
    /// openraft's view of this project. Its node id is a *replica* id: one placement of a group on
    /// a node, never used twice.
    pub TypeConfig:
        D = EntryPayload,
        R = BatchAnswers,
        NodeId = u64,
        Node = Place,
        AsyncRuntime = crate::runtime::Runtime,
);

pub type Entry = <TypeConfig as RaftTypeConfig>::Entry;
pub type Vote = <TypeConfig as RaftTypeConfig>::Vote;
/// Term and replica id of a leader. With openraft's default leader ids a term can have several
/// leaders, which the replica id tells apart.
pub type LeaderId = <TypeConfig as RaftTypeConfig>::LeaderId;
pub type LogId = openraft::alias::LogIdOf<TypeConfig>;
pub type Membership = openraft::Membership<u64, Place>;
pub type StoredMembership = openraft::alias::StoredMembershipOf<TypeConfig>;
pub type SnapshotMeta = openraft::alias::SnapshotMetaOf<TypeConfig>;
pub type Snapshot = openraft::alias::SnapshotOf<TypeConfig, crate::snapshot::SnapshotData>;
/// A running replica.
pub type Raft = openraft::Raft<TypeConfig, crate::state_machine::StateMachine>;
