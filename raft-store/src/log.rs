//! One group's log: what openraft writes and reads of it.
//!
//! Owns: the group's rows of `log`, its vote and its purge mark, and a cache of the newest entries.
//! Must not: sync (that is the log writer's) or know what a command is.
//!
//! Invariants:
//! - Indexes have no hole and leaders never go back, in memory, on disk, and at every opening.
//! - An entry is readable when `append` returns, and durable when its callback says so.
//! - No operation leaves the group's key range.

mod tail;

use std::collections::VecDeque;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, ControlFlow, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use futures_util::Stream;
use openraft::OptionalSend;
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use rowlock_proto::shard::ShardId;

use crate::engine::Batch;
use crate::failpoint::{self, Point};
use crate::fault::{Disk, Fault};
use crate::keys::{self, Meta, Space};
use crate::log_writer::Syncer;
use crate::raft_bytes;
use crate::seal;
use crate::teeth::{Tooth, planted};
use crate::types::{Entry, LogId, TypeConfig, Vote};
use tail::Tail;

/// Version of an entry, a vote and a purge mark on disk.
const VERSION: u8 = 1;
/// Entries that are read from disk at once weigh no more than this, and one more entry.
const READ_BYTES_MAX: usize = 2 << 20;

/// The log on disk is not one that this code wrote.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    #[error("entry {index}")]
    Sealed { index: u64, source: seal::Error },
    #[error("entry {index}")]
    Bytes { index: u64, source: raft_bytes::Error },
    #[error("entry {index} is where entry {expected} should be")]
    Hole { expected: u64, index: u64 },
    #[error("entry {index} is of an older leader than the one before it")]
    Leader { index: u64 },
    #[error("a key that is no log index")]
    Key,
    #[error("{0}")]
    Meta(&'static str, #[source] MetaDamage),
}

#[derive(Debug, thiserror::Error)]
pub enum MetaDamage {
    #[error(transparent)]
    Sealed(#[from] seal::Error),
    #[error(transparent)]
    Bytes(#[from] raft_bytes::Error),
}

#[derive(Debug, Default)]
struct Memory {
    vote: Option<Vote>,
    purged: Option<LogId>,
    last: Option<LogId>,
    tail: Tail,
}

#[derive(Debug)]
struct Shared {
    group: ShardId,
    disk: Disk,
    syncer: Syncer,
    memory: Mutex<Memory>,
}

/// The log of one group. Clones are the same log; each may read while the one writes.
#[derive(Clone, Debug)]
pub struct GroupLog {
    shared: Arc<Shared>,
}

fn next_index(last: Option<&LogId>) -> u64 {
    last.map_or(0, |last| last.index + 1)
}

/// The entry under `expected`'s key, if it is what its checksum and its neighbour say.
fn check(expected: u64, sealed: &[u8]) -> Result<&[u8], Damage> {
    let body =
        seal::open(VERSION, sealed).map_err(|source| Damage::Sealed { index: expected, source })?;
    let id = raft_bytes::entry_log_id(body)
        .map_err(|source| Damage::Bytes { index: expected, source })?;
    if id.index != expected {
        return Err(Damage::Hole { expected, index: id.index });
    }
    Ok(body)
}

fn read_meta<T>(
    disk: &Disk,
    group: ShardId,
    what: Meta,
    name: &'static str,
    decode: impl FnOnce(&[u8]) -> Result<T, raft_bytes::Error>,
) -> Result<Option<T>, Fault> {
    let Some(sealed) = disk.get(Space::Meta, &keys::meta(group, what))? else { return Ok(None) };
    seal::open(VERSION, &sealed)
        .map_err(MetaDamage::from)
        .and_then(|body| Ok(decode(body)?))
        .map(Some)
        .map_err(|source| disk.raise("open a log", Damage::Meta(name, source)))
}

impl GroupLog {
    /// Reads the whole log once, to know that it is whole.
    pub(crate) fn open(group: ShardId, disk: Disk, syncer: Syncer) -> Result<Self, Fault> {
        let vote = read_meta(&disk, group, Meta::Vote, "vote", raft_bytes::decode_vote)?;
        let purged =
            read_meta(&disk, group, Meta::Purged, "purge mark", raft_bytes::decode_log_id)?;
        let mut last = purged;
        let mut damage = None;
        let start = next_index(purged.as_ref());
        disk.scan(Space::Log, &keys::log_range(group, 0, u64::MAX), &mut |key, sealed| {
            let checked = check_next(group, start, last, key, sealed);
            match checked {
                Ok(id) => last = Some(id),
                Err(found) => {
                    damage = Some(found);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        if let Some(damage) = damage {
            return Err(disk.raise("open a log", damage));
        }
        let memory = Memory { vote, purged, last, tail: Tail::default() };
        Ok(Self { shared: Arc::new(Shared { group, disk, syncer, memory: Mutex::new(memory) }) })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.shared.memory.lock().expect("nothing panics while it holds the log's memory")
    }

    pub(crate) fn purged(&self) -> Option<LogId> {
        self.memory().purged
    }

    /// The last entry, or what was purged if there is none.
    pub fn last(&self) -> Option<LogId> {
        self.memory().last
    }

    /// Adds to `batch` what makes the log begin after `upto`. Once the batch is durable,
    /// [`Self::purged_in_batch`] makes it true in memory.
    pub(crate) fn purge_in_batch(&self, upto: &LogId, batch: &mut Batch) {
        let group = self.shared.group;
        batch.put_with(Space::Meta, &keys::meta(group, Meta::Purged), |out| {
            seal::seal(VERSION, out, |out| raft_bytes::put_log_id(upto, out));
        });
        batch.delete_range(Space::Log, &keys::log_range(group, 0, upto.index + 1));
    }

    pub(crate) fn purged_in_batch(&self, upto: LogId) {
        let mut memory = self.memory();
        memory.tail.drop_until(upto.index + 1);
        memory.purged = Some(upto);
        memory.last = memory.last.max(Some(upto));
    }

    /// Entries from `from` up to, not including, `to`, no more than `bytes_max` and one entry, and
    /// only as many as there are.
    fn read(&self, from: u64, to: u64, bytes_max: usize) -> Result<Vec<Entry>, Fault> {
        let mut found = Vec::new();
        if from >= to {
            return Ok(found);
        }
        let cached_from = {
            let memory = self.memory();
            if memory.tail.read(from, to, bytes_max, &mut found) {
                return Ok(found);
            }
            memory.tail.first().unwrap_or(u64::MAX)
        };
        let group = self.shared.group;
        let mut bytes = 0;
        // A range may begin before the log does; from its first entry on there is no hole.
        let mut expected = None;
        let mut damage = None;
        let range = keys::log_range(group, from, to.min(cached_from));
        self.shared.disk.scan(Space::Log, &range, &mut |key, sealed| {
            let Some(expected_index) = expected.or_else(|| keys::log_index(group, key)) else {
                damage = Some(Damage::Key);
                return ControlFlow::Break(());
            };
            let entry = check(expected_index, sealed).and_then(|body| {
                raft_bytes::decode_entry(&Bytes::copy_from_slice(body))
                    .map_err(|source| Damage::Bytes { index: expected_index, source })
            });
            match entry {
                Ok(entry) => found.push(entry),
                Err(error) => {
                    damage = Some(error);
                    return ControlFlow::Break(());
                }
            }
            expected = Some(expected_index + 1);
            bytes += sealed.len();
            if bytes >= bytes_max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if let Some(damage) = damage {
            return Err(self.shared.disk.raise("read a log", damage));
        }
        let next = expected.unwrap_or(cached_from);
        if next == cached_from && bytes < bytes_max {
            // The cache may have moved on meanwhile; then the caller asks again.
            self.memory().tail.read(next, to, bytes_max - bytes, &mut found);
        }
        Ok(found)
    }

    /// A piece of a range that must be there: what is applied may not skip an entry.
    fn read_whole(&self, from: u64, to: u64) -> Result<Vec<Entry>, Fault> {
        let piece = self.read(from, to, READ_BYTES_MAX)?;
        match piece.first() {
            Some(first) if first.log_id.index != from => {
                let damage = Damage::Hole { expected: from, index: first.log_id.index };
                Err(self.shared.disk.raise("read a log", damage))
            }
            Some(_) | None => Ok(piece),
        }
    }
}

fn check_next(
    group: ShardId,
    start: u64,
    last: Option<LogId>,
    key: &[u8],
    sealed: &[u8],
) -> Result<LogId, Damage> {
    let index = keys::log_index(group, key).ok_or(Damage::Key)?;
    let expected = next_index(last.as_ref()).max(start);
    if index != expected {
        return Err(Damage::Hole { expected, index });
    }
    let body = check(index, sealed)?;
    let id = raft_bytes::entry_log_id(body).map_err(|source| Damage::Bytes { index, source })?;
    if last.is_some_and(|last| id.leader_id < last.leader_id) {
        return Err(Damage::Leader { index });
    }
    Ok(id)
}

fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(&from) => from,
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let to = match range.end_bound() {
        Bound::Included(&last) => last.saturating_add(1),
        Bound::Excluded(&to) => to,
        Bound::Unbounded => u64::MAX,
    };
    (from, to)
}

impl RaftLogReader<TypeConfig> for GroupLog {
    /// Pieces of bounded size, so that a long replay needs no more memory than a short one.
    async fn entries_stream<R>(
        &mut self,
        range: R,
    ) -> impl Stream<Item = Result<Entry, io::Error>> + OptionalSend
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (next, to) = bounds(&range);
        futures_util::stream::iter(Pieces { log: self.clone(), next, to, read: VecDeque::new() })
    }

    async fn try_get_log_entries<R>(&mut self, range: R) -> Result<Vec<Entry>, io::Error>
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (mut from, to) = bounds(&range);
        let mut found = Vec::new();
        loop {
            let mut piece = self.read(from, to, READ_BYTES_MAX)?;
            let Some(last) = piece.last() else { return Ok(found) };
            from = last.log_id.index + 1;
            found.append(&mut piece);
        }
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.memory().vote)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, io::Error> {
        Ok(self.read(start, end, READ_BYTES_MAX)?)
    }
}

/// Reads a range piece by piece.
struct Pieces {
    log: GroupLog,
    next: u64,
    to: u64,
    read: VecDeque<Entry>,
}

impl Iterator for Pieces {
    type Item = Result<Entry, io::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.read.is_empty() && self.next < self.to {
            match self.log.read_whole(self.next, self.to) {
                Ok(piece) => self.read.extend(piece),
                Err(fault) => {
                    self.to = self.next;
                    return Some(Err(fault.into()));
                }
            }
            self.next = self.read.back().map_or(self.to, |last| last.log_id.index + 1);
        }
        self.read.pop_front().map(Ok)
    }
}

impl RaftLogStorage<TypeConfig> for GroupLog {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let memory = self.memory();
        Ok(LogState { last_purged_log_id: memory.purged, last_log_id: memory.last })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        let mut batch = Batch::default();
        batch.put_with(Space::Meta, &keys::meta(self.shared.group, Meta::Vote), |out| {
            seal::seal(VERSION, out, |out| raft_bytes::put_vote(vote, out));
        });
        self.shared.disk.write("write a vote", &batch)?;
        // A vote counts when it is durable: P3 dies with a voter that forgot.
        if !planted(Tooth::VoteNotAwaited) {
            self.shared.syncer.barrier().await?;
        }
        self.memory().vote = Some(*vote);
        Ok(())
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: IOFlushed<TypeConfig>,
    ) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let group = self.shared.group;
        let mut batch = Batch::default();
        let mut fresh = Vec::new();
        // A log that is empty to the bottom may begin anywhere; every other goes on.
        let mut last = self.last();
        for entry in entries {
            let index = entry.log_id.index;
            if last.is_some_and(|last| index != last.index + 1) {
                let expected = next_index(last.as_ref());
                let damage = Damage::Hole { expected, index };
                return Err(self.shared.disk.raise("append to a log", damage).into());
            }
            last = Some(entry.log_id);
            batch.put_with(Space::Log, &keys::log(group, index), |out| {
                seal::seal(VERSION, out, |out| raft_bytes::put_entry(&entry, out));
            });
            fresh.push(entry);
        }
        self.shared.disk.write("append to a log", &batch)?;
        failpoint::pass(Point::LogWritten);
        {
            let mut memory = self.memory();
            memory.last = last;
            for entry in fresh {
                memory.tail.push(entry);
            }
        }
        if planted(Tooth::AppendNotAwaited) {
            callback.io_completed(Ok(()));
        } else {
            self.shared.syncer.append_done(callback);
        }
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        let from = next_index(last.as_ref());
        let mut batch = Batch::default();
        batch.delete_range(Space::Log, &keys::log_range(self.shared.group, from, u64::MAX));
        // Unsynced: whatever is appended next comes later in the same write-ahead log.
        self.shared.disk.write("truncate a log", &batch)?;
        let mut memory = self.memory();
        memory.tail.drop_from(from);
        memory.last = memory.last.min(last).max(memory.purged);
        Ok(())
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), io::Error> {
        if self.purged().is_some_and(|purged| purged >= upto) {
            return Ok(());
        }
        let mut batch = Batch::default();
        self.purge_in_batch(&upto, &mut batch);
        // Unsynced: the state that stands for these entries lies before it in the write-ahead log.
        self.shared.disk.write("purge a log", &batch)?;
        self.purged_in_batch(upto);
        Ok(())
    }
}
