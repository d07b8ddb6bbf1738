//! A group's whole state, from one replica to another.
//!
//! To build one costs a flush and a view of the engine: the rows are read when they are sent. They
//! travel as chunks, and are written under a fresh generation while they arrive; installing flips
//! the generation.
//!
//! ```text
//! chunk    sealed: crc:4 version:1 kind:1 body
//!   0 head   revision:8, snapshot meta (raft_bytes)          exactly one, first
//!   1 rows   (key length:4, value length:4, key, value)*     at most 1 MiB and one row
//!   2 end    rows:8, crc:4 over the bodies of all rows       exactly one, last
//! ```
//!
//! Invariants:
//! - A snapshot's rows and its meta come from one view, so they are of one index.
//! - Memory is bounded by a chunk on either side.
//! - Install is atomic: one synced batch flips generation, applied record and the log's start. A
//!   crash before it leaves the old state, after it the new one, and orphans go at the next opening.

mod install;
mod receive;

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use openraft::RaftSnapshotBuilder;
use rowlock_proto::shard::ShardId;

use crate::applied::{self, Applied};
use crate::engine::{self, View};
use crate::fault::Fault;
use crate::group::Group;
use crate::keys::{self, Generation, KeyRange, Meta, Space};
use crate::raft_bytes;
use crate::seal;
use crate::types::{Snapshot, SnapshotMeta, TypeConfig};

pub(crate) use install::install;
pub use receive::{Received, SnapshotReceiver};

/// Rows of one chunk weigh no more than this, and one more row.
pub const CHUNK_BYTES_MAX: usize = 1 << 20;

const VERSION: u8 = 1;
const HEAD: u8 = 0;
const ROWS: u8 = 1;
const END: u8 = 2;

/// Why a snapshot can't be sent, received or installed. The state that is there stays.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This node must stop.
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("read a snapshot")]
    Engine(#[from] engine::Error),
    #[error("snapshot chunk")]
    Sealed(#[from] seal::Error),
    #[error("snapshot chunk")]
    Bytes(#[from] raft_bytes::Error),
    #[error("snapshot chunk {0}")]
    Chunk(&'static str),
    #[error("applied record")]
    Applied(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the snapshot is of {found}, not of {expected}")]
    Meta { expected: Box<SnapshotMeta>, found: Box<SnapshotMeta> },
    #[error("a received snapshot can't be sent on")]
    NotBuilt,
    #[error("start a thread to load a snapshot")]
    Thread(#[source] io::Error),
    #[error("the thread that loads a snapshot is gone")]
    ThreadGone,
}

impl From<applied::Error> for Error {
    fn from(error: applied::Error) -> Self {
        Self::Applied(Box::new(error))
    }
}

/// What stands for a snapshot's data in openraft: never the data.
#[derive(Debug)]
pub enum SnapshotData {
    /// A view of this replica's state, to be sent.
    Built(BuiltSnapshot),
    /// Rows that arrived here and wait to be installed.
    Received(Received),
}

impl SnapshotData {
    /// The chunks to send.
    pub fn into_reader(self) -> Result<SnapshotReader, Error> {
        match self {
            Self::Built(built) => Ok(SnapshotReader::new(built)),
            Self::Received(_) => Err(Error::NotBuilt),
        }
    }
}

/// A consistent view of a group's state on disk.
pub struct BuiltSnapshot {
    view: Box<dyn View>,
    group: ShardId,
    applied: Applied,
}

impl fmt::Debug for BuiltSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuiltSnapshot")
            .field("group", &self.group)
            .field("applied", &self.applied.log_id)
            .finish_non_exhaustive()
    }
}

/// The state on disk, as it is now.
pub(crate) fn current(group: &Group) -> Result<Snapshot, Error> {
    let mut view = group.disk.view()?;
    let applied = match view.get(Space::Meta, &keys::meta(group.id, Meta::Applied))? {
        Some(sealed) => Applied::decode(&sealed)?,
        None => Applied::default(),
    };
    let meta = applied.meta();
    let built = BuiltSnapshot { view, group: group.id, applied };
    Ok(Snapshot { meta, snapshot: SnapshotData::Built(built) })
}

/// Builds a snapshot: flushes, then takes a view.
#[derive(Debug)]
pub struct SnapshotBuilder {
    group: Arc<Group>,
}

impl SnapshotBuilder {
    pub(crate) const fn new(group: Arc<Group>) -> Self {
        Self { group }
    }

    fn build(&self) -> Result<Snapshot, Error> {
        if let Some(halted) = self.group.read().halted.clone() {
            // Its state on disk is sound, but its log must stay for the way out.
            return Err(Error::Applied(Box::new(halted)));
        }
        self.group.flush()?;
        let snapshot = current(&self.group)?;
        self.group.behind().has_snapshot = true;
        Ok(snapshot)
    }
}

impl RaftSnapshotBuilder<TypeConfig> for SnapshotBuilder {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        self.build().map_err(io::Error::other)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Head,
    Rows,
    Done,
}

/// Reads a snapshot chunk by chunk.
#[derive(Debug)]
pub struct SnapshotReader {
    built: BuiltSnapshot,
    rest: KeyRange,
    prefix_len: usize,
    phase: Phase,
    rows: u64,
    crc: crc32fast::Hasher,
}

fn chunk(kind: u8, body: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut out = Vec::new();
    seal::seal(VERSION, &mut out, |out| {
        out.push(kind);
        body(out);
    });
    out.into()
}

fn put_len(part: &[u8], out: &mut Vec<u8>) {
    let len = u32::try_from(part.len()).expect("a row is under 4 GiB");
    out.extend_from_slice(&len.to_be_bytes());
}

impl SnapshotReader {
    fn new(built: BuiltSnapshot) -> Self {
        let prefix = state_prefix(built.group, built.applied.generation);
        Self {
            rest: KeyRange::prefix(&prefix),
            prefix_len: prefix.len(),
            built,
            phase: Phase::Head,
            rows: 0,
            crc: crc32fast::Hasher::new(),
        }
    }

    pub fn meta(&self) -> SnapshotMeta {
        self.built.applied.meta()
    }

    /// The next chunk; `None` after the last. Reads at most one chunk from disk.
    pub fn next_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match self.phase {
            Phase::Head => {
                self.phase = Phase::Rows;
                Ok(Some(chunk(HEAD, |out| {
                    out.extend_from_slice(&self.built.applied.revision.to_be_bytes());
                    raft_bytes::put_snapshot_meta(&self.meta(), out);
                })))
            }
            Phase::Rows => self.rows_or_end().map(Some),
            Phase::Done => Ok(None),
        }
    }

    fn rows_or_end(&mut self) -> Result<Bytes, Error> {
        let found = self.built.view.rows(Space::State, &self.rest, CHUNK_BYTES_MAX)?;
        if found.rows.is_empty() {
            self.phase = Phase::Done;
            let crc = self.crc.clone().finalize();
            return Ok(chunk(END, |out| {
                out.extend_from_slice(&self.rows.to_be_bytes());
                out.extend_from_slice(&crc.to_be_bytes());
            }));
        }
        self.rows += found.rows.len() as u64;
        self.rest.from = found.next.unwrap_or_else(|| self.rest.to.clone());
        Ok(chunk(ROWS, |out| {
            let start = out.len();
            for (key, value) in &found.rows {
                let key = &key[self.prefix_len..];
                put_len(key, out);
                put_len(value, out);
                out.extend_from_slice(key);
                out.extend_from_slice(value);
            }
            self.crc.update(&out[start..]);
        }))
    }
}

fn state_prefix(group: ShardId, generation: Generation) -> [u8; 8] {
    keys::generation(group, generation)
}
