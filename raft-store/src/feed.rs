//! The change feed of one group: the newest changes in memory, older ones in rows on disk, the
//! oldest gone.
//!
//! ```text
//!    compacted     |        rows on disk        |
//! -----------------+-----------------------------+----------------> revision
//!                floor              |    tail in memory   |
//!                                  base        flushed   now
//! ```
//!
//! Invariants:
//! - Revisions are dense, so a gap is seen at once.
//! - What is not on disk yet is in the tail: `base <= flushed`.
//! - The feed is this replica's own: an installed snapshot brings none, and the floor moves up to
//!   its revision.
//! - What a named consumer has not acknowledged is kept beyond retention, up to a bound of its own.
//!   Past that bound its pin is broken: the feed goes on without it, and it is told `Compacted`. One
//!   consumer that is gone must not fill the disk of all.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use rowlock_proto::shard::ShardId;

use crate::codec;
use crate::engine::Batch;
use crate::fault::{Disk, Fault};
use crate::inventory::Change;
use crate::keys::{self, Generation, KeyRange, Space};
use crate::seal;

/// Rows of the first version have no commands.
const VERSION_1: u8 = 1;
const VERSION: u8 = 2;
/// Flushed changes that stay in memory.
const TAIL_CHANGES_MAX: u64 = 16_384;
/// Changes of one row on disk.
const ROW_CHANGES_MAX: usize = 1_024;
/// Changes that one call returns.
pub const READ_CHANGES_MAX: usize = 4_096;

/// How much of the feed is kept on disk: whichever bound is met first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    pub changes_max: u64,
    pub bytes_max: u64,
    /// What may be kept besides, for named consumers that are behind.
    pub pinned_bytes_max: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { changes_max: 500_000, bytes_max: 64 << 20, pinned_bytes_max: 1 << 30 }
    }
}

/// What was asked for is gone: read the state at a revision not before `oldest` and go on there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("changes are kept from after revision {oldest} on")]
pub struct Compacted {
    /// The earliest revision that can be asked after.
    pub oldest: u64,
}

/// How much of a feed is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Kept {
    /// The feed on disk has every change after this revision.
    pub floor: u64,
    pub bytes: u64,
    /// What of it retention alone would not have kept.
    pub pinned_bytes: u64,
    /// How often a consumer was left behind since this replica was opened: a reason to look.
    pub pins_broken: u64,
}

/// Why no changes were returned.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Compacted(#[from] Compacted),
    #[error(transparent)]
    Fault(#[from] Fault),
}

#[derive(Debug, thiserror::Error)]
enum Damage {
    #[error("feed row")]
    Sealed(#[from] seal::Error),
    #[error("feed row")]
    Codec(#[from] codec::Error),
    #[error("feed row has a key of the wrong length")]
    Key,
}

/// The newest changes.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    runs: VecDeque<Arc<[Change]>>,
    /// Revision before the first change in the tail.
    base: u64,
    revision: u64,
    flushed: u64,
}

impl Tail {
    /// A tail without changes, at `revision`, all of it flushed.
    pub(crate) fn at(revision: u64) -> Self {
        Self { runs: VecDeque::new(), base: revision, revision, flushed: revision }
    }

    /// Takes the changes of one entry.
    pub(crate) fn push(&mut self, changes: Vec<Change>) {
        let Some(last) = changes.last() else { return };
        assert_eq!(last.revision, self.revision + changes.len() as u64, "revisions are dense");
        self.revision = last.revision;
        self.runs.push_back(changes.into());
        while let Some(first) = self.runs.front() {
            let end = self.base + first.len() as u64;
            if end > self.flushed || self.revision - self.base <= TAIL_CHANGES_MAX {
                break;
            }
            self.base = end;
            self.runs.pop_front();
        }
    }

    /// The runs that are not on disk.
    pub(crate) fn unflushed(&self) -> Vec<Arc<[Change]>> {
        let newest = self.runs.iter().rev();
        let mut unflushed: Vec<_> = newest
            .take_while(|run| run.last().is_some_and(|last| last.revision > self.flushed))
            .cloned()
            .collect();
        unflushed.reverse();
        unflushed
    }

    pub(crate) fn flushed(&mut self, revision: u64) {
        self.flushed = revision;
    }

    /// Up to `max` changes after `revision`; `None` if the tail begins later.
    fn after(&self, revision: u64, max: usize) -> Option<Vec<Change>> {
        if revision < self.base {
            return None;
        }
        // Runs are in order, so the first that matters is found by halving.
        let start = self
            .runs
            .partition_point(|run| run.last().is_some_and(|last| last.revision <= revision));
        let changes = self.runs.iter().skip(start).flat_map(|run| run.iter());
        Some(changes.filter(|change| change.revision > revision).take(max).cloned().collect())
    }
}

/// What is on disk, and how much of it.
#[derive(Debug)]
pub(crate) struct Rows {
    retention: Retention,
    /// Last revision and bytes of each row.
    rows: VecDeque<(u64, u64)>,
    bytes: u64,
    floor: u64,
    /// The first rows, which retention no longer covers, and their bytes.
    pinned_rows: usize,
    pinned_bytes: u64,
    pins_broken: u64,
}

impl Rows {
    /// A feed on disk without rows.
    pub(crate) fn at(retention: Retention, revision: u64) -> Self {
        let (rows, floor) = (VecDeque::new(), revision);
        Self { retention, rows, bytes: 0, floor, pinned_rows: 0, pinned_bytes: 0, pins_broken: 0 }
    }

    /// Takes stock of the rows that are there.
    pub(crate) fn open(
        disk: &Disk,
        retention: Retention,
        group: ShardId,
        generation: Generation,
        floor: u64,
    ) -> Result<Self, Fault> {
        let mut found = Self::at(retention, floor);
        let mut damaged = false;
        let range = KeyRange::prefix(&keys::generation(group, generation));
        disk.scan(Space::Feed, &range, &mut |key, value| match keys::feed_revision(key) {
            Some(last) => {
                found.rows.push_back((last, value.len() as u64));
                found.bytes += value.len() as u64;
                ControlFlow::Continue(())
            }
            None => {
                damaged = true;
                ControlFlow::Break(())
            }
        })?;
        if damaged { Err(disk.raise("open a feed", Damage::Key)) } else { Ok(found) }
    }

    /// Adds the rows of `runs` to the batch, and deletes those that retention no longer covers and
    /// no consumer needs, at its position. What is deleted all the same leaves a consumer behind.
    pub(crate) fn put(
        &mut self,
        group: ShardId,
        generation: Generation,
        runs: &[Arc<[Change]>],
        positions: &[u64],
        batch: &mut Batch,
    ) {
        let changes: Vec<&Change> = runs.iter().flat_map(|run| run.iter()).collect();
        for row in changes.chunks(ROW_CHANGES_MAX) {
            let Some(last) = row.last() else { continue };
            let before = batch.size();
            let key = keys::feed(group, generation, last.revision);
            batch.put_with(Space::Feed, &key, |out| {
                seal::seal(VERSION, out, |out| {
                    codec::encode_row(row.iter().copied(), out);
                });
            });
            let bytes = (batch.size() - before) as u64;
            self.rows.push_back((last.revision, bytes));
            self.bytes += bytes;
        }
        self.age();
        // One that is behind already has to read the state anew, and needs no rows.
        let floor = self.floor;
        let pin = positions.iter().copied().filter(|&position| position >= floor).min();
        while let Some(&(last, bytes)) = self.rows.front().filter(|_| self.pinned_rows > 0) {
            let is_needed = pin.is_some_and(|pin| last > pin);
            if is_needed && self.pinned_bytes <= self.retention.pinned_bytes_max {
                break;
            }
            batch.delete(Space::Feed, &keys::feed(group, generation, last));
            self.rows.pop_front();
            self.bytes -= bytes;
            self.pinned_rows -= 1;
            self.pinned_bytes -= bytes;
            self.floor = last;
        }
        let left_behind = |&&position: &&u64| position >= floor && position < self.floor;
        self.pins_broken += positions.iter().filter(left_behind).count() as u64;
    }

    /// Counts the rows that retention does not cover any more: all but the newest may be among them.
    fn age(&mut self) {
        let newest = self.rows.back().map_or(self.floor, |(last, _)| *last);
        let before = self.pinned_rows.checked_sub(1).and_then(|row| self.rows.get(row));
        let mut covered_after = before.map_or(self.floor, |(last, _)| *last);
        while let Some(&(last, bytes)) = self.rows.get(self.pinned_rows) {
            let over = self.bytes - self.pinned_bytes > self.retention.bytes_max
                || newest - covered_after > self.retention.changes_max;
            if !over || last == newest {
                break;
            }
            self.pinned_rows += 1;
            self.pinned_bytes += bytes;
            covered_after = last;
        }
    }

    pub(crate) const fn kept(&self) -> Kept {
        let (floor, bytes, pinned_bytes) = (self.floor, self.bytes, self.pinned_bytes);
        Kept { floor, bytes, pinned_bytes, pins_broken: self.pins_broken }
    }
}

/// Up to `max` changes after `revision` that a look at the tail finds.
pub(crate) fn from_tail(
    tail: &Tail,
    floor: u64,
    revision: u64,
    max: usize,
) -> Result<Option<Vec<Change>>, Compacted> {
    if let Some(changes) = tail.after(revision, max.min(READ_CHANGES_MAX)) {
        return Ok(Some(changes));
    }
    if revision < floor { Err(Compacted { oldest: floor }) } else { Ok(None) }
}

fn open_row(sealed: &[u8]) -> Result<Vec<Change>, Damage> {
    match seal::open(VERSION, sealed) {
        Ok(body) => Ok(codec::decode_row(body)?),
        Err(seal::Error::Version(VERSION_1)) => {
            Ok(codec::decode_changes(seal::open(VERSION_1, sealed)?)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Up to `max` changes after `revision` from disk. Fewer do not mean that there are no more.
pub(crate) fn from_disk(
    disk: &Disk,
    group: ShardId,
    generation: Generation,
    revision: u64,
    max: usize,
) -> Result<Vec<Change>, Error> {
    let max = max.min(READ_CHANGES_MAX);
    let range = KeyRange {
        from: keys::feed(group, generation, revision.saturating_add(1)).to_vec(),
        to: KeyRange::prefix(&keys::generation(group, generation)).to,
    };
    let mut found: Vec<Change> = Vec::new();
    let mut damage = None;
    disk.scan(Space::Feed, &range, &mut |_, sealed| {
        let row = open_row(sealed);
        match row {
            Ok(row) => found.extend(row.into_iter().filter(|change| change.revision > revision)),
            Err(error) => {
                damage = Some(error);
                return ControlFlow::Break(());
            }
        }
        if found.len() >= max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if let Some(damage) = damage {
        return Err(disk.raise("read a feed", damage).into());
    }
    found.truncate(max);
    match found.first() {
        // Rows went away between the look at the floor and the scan.
        Some(first) if first.revision != revision + 1 => {
            Err(Compacted { oldest: first.revision - 1 }.into())
        }
        Some(_) | None => Ok(found),
    }
}

#[cfg(test)]
mod tests;
