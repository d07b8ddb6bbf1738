//! One group's state: in memory, where it is applied, and on disk, where it follows.
//!
//! ```text
//!   apply --> Live (state, applied, feed tail)      a read lock for readers
//!               | dirty records, every so often
//!               v
//!   flush --> Behind (what is on disk)              one flush at a time, in order
//! ```
//!
//! Owns: both sides and the order of writes. Must not: decide what a command does.
//!
//! Invariants:
//! - A flush writes records, feed rows and the applied record that stands for them in one batch.
//! - The disk is behind memory, never ahead.
//! - `Behind` is locked before `Live`, never after it.
//! - A halted group writes nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rowlock_proto::ids::EventId;
use rowlock_proto::shard::ShardId;
use tokio::sync::watch;

use crate::applied::{self, Applied};
use crate::audit::{self, Chains, ChangeBytes};
use crate::codec;
use crate::engine::Batch;
use crate::failpoint::{self, Point};
use crate::fault::{Disk, Fault};
use crate::feed::{self, Retention, Rows, Tail};
use crate::inventory::change::About;
use crate::inventory::cold::Left;
use crate::inventory::record::EventNo;
use crate::inventory::{self, RecordKey, State};
use crate::keys::{self, Generation, Meta, Space};
use crate::log::GroupLog;
use crate::log_writer::Syncer;
use crate::residency::{self, Cache, load_state};
use crate::state_machine::{Halted, Progress};
use crate::teeth::{Tooth, planted};
use crate::types::{LogId, StoredMembership};
use crate::write_behind::Waker;

/// A group is flushed out of turn when its entries since the last flush weigh this much.
pub(crate) const DIRTY_BYTES_MAX: usize = 8 << 20;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Damage {
    #[error(transparent)]
    Applied(#[from] applied::Error),
    #[error("record under an unknown key")]
    Key,
    #[error("record {key:?}")]
    Record { key: RecordKey, source: codec::Error },
    #[error("state does not fit together")]
    State(#[source] codec::Error),
    #[error("state is of revision {found}, its applied record says {expected}")]
    Revision { expected: u64, found: u64 },
    #[error("log is purged up to {purged}, beyond the state, which stands for {applied}")]
    Purged { purged: u64, applied: u64 },
}

/// The state as it is now.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) state: State,
    pub(crate) applied: Option<LogId>,
    pub(crate) membership: StoredMembership,
    pub(crate) tail: Tail,
    pub(crate) feed: feed::Kept,
    pub(crate) generation: Generation,
    pub(crate) dirty_bytes: usize,
    pub(crate) cache: Cache,
    pub(crate) halted: Option<Halted>,
}

/// The state as it is on disk.
#[derive(Debug)]
pub(crate) struct Behind {
    pub(crate) applied: Applied,
    pub(crate) feed: Rows,
    pub(crate) chains: Chains,
    /// An install is under way: what is in memory must not be written any more.
    pub(crate) installing: bool,
    /// The log may begin after its first entry, so a snapshot must be on offer.
    pub(crate) has_snapshot: bool,
    /// Reused from flush to flush: fresh memory of this size is a page fault every 4 KiB.
    batch: Batch,
}

/// What a flush takes from memory.
struct Taken {
    applied: Applied,
    runs: Vec<Arc<[inventory::Change]>>,
    /// Numbers of the events of those changes that name no booking.
    numbers: BTreeMap<EventId, EventNo>,
    /// How far each named consumer is.
    positions: Vec<u64>,
}

/// All of one group that is not openraft's.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) id: ShardId,
    pub(crate) disk: Disk,
    pub(crate) syncer: Syncer,
    pub(crate) log: GroupLog,
    pub(crate) config: inventory::Config,
    pub(crate) retention: Retention,
    pub(crate) change_bytes: ChangeBytes,
    /// What the events in memory may take.
    pub(crate) event_cache_bytes: u64,
    pub(crate) waker: Waker,
    live: RwLock<Live>,
    behind: Mutex<Behind>,
    pub(crate) progress: watch::Sender<Progress>,
    /// One more than the index that the disk stands for; 0 for none.
    persisted_next: AtomicU64,
    /// The greatest generation that any row of this group had.
    generation_seen: AtomicU32,
}

/// What a group is opened with.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) id: ShardId,
    pub(crate) disk: Disk,
    pub(crate) syncer: Syncer,
    pub(crate) config: inventory::Config,
    pub(crate) retention: Retention,
    pub(crate) change_bytes: ChangeBytes,
    pub(crate) event_cache_bytes: u64,
    pub(crate) waker: Waker,
}

/// Deletes the rows of every generation but the current one: of an install that did not end, or
/// that ended.
fn delete_orphans(disk: &Disk, group: ShardId, current: Generation) -> Result<(), Fault> {
    let mut batch = Batch::default();
    for space in [Space::State, Space::Feed] {
        for range in
            [keys::generations_before(group, current), keys::generations_after(group, current)]
        {
            if !disk.is_empty(space, &range)? {
                batch.delete_range(space, &range);
            }
        }
    }
    if batch.is_empty() { Ok(()) } else { disk.write("delete orphans", &batch) }
}

impl Group {
    pub(crate) fn open(parts: Parts) -> Result<Arc<Self>, Fault> {
        let Parts { id, disk, syncer, config, retention, change_bytes, event_cache_bytes, waker } =
            parts;
        let log = GroupLog::open(id, disk.clone(), syncer.clone())?;
        let applied = match disk.get(Space::Meta, &keys::meta(id, Meta::Applied))? {
            Some(sealed) => Applied::decode(&sealed)
                .map_err(|error| disk.raise("open a state", Damage::from(error)))?,
            None => Applied::default(),
        };
        let purged_next = log.purged().map_or(0, |purged| purged.index + 1);
        let applied_next = applied.log_id.map_or(0, |applied| applied.index + 1);
        if purged_next > applied_next {
            let damage = Damage::Purged { purged: purged_next, applied: applied_next };
            return Err(disk.raise("open a state", damage));
        }
        delete_orphans(&disk, id, applied.generation)?;
        let Applied { generation, revision, .. } = applied;
        let state = load_state(&disk, config, id, generation, revision, event_cache_bytes)?;
        let feed = Rows::open(&disk, retention, id, applied.generation, applied.feed_floor)?;
        let progress = Progress {
            applied: applied.log_id,
            revision: applied.revision,
            clock_ms: state.clock_ms(),
            halted: false,
        };
        Ok(Arc::new(Self {
            id,
            disk,
            syncer,
            config,
            retention,
            change_bytes,
            event_cache_bytes,
            waker,
            live: RwLock::new(Live {
                tail: Tail::at(applied.revision),
                feed: feed.kept(),
                generation: applied.generation,
                state,
                applied: applied.log_id,
                membership: applied.membership.clone(),
                dirty_bytes: 0,
                cache: Cache::new(event_cache_bytes),
                halted: None,
            }),
            progress: watch::Sender::new(progress),
            persisted_next: AtomicU64::new(applied_next),
            generation_seen: AtomicU32::new(applied.generation.0),
            behind: Mutex::new(Behind {
                applied,
                feed,
                chains: Chains::default(),
                installing: false,
                has_snapshot: log.purged().is_some(),
                batch: Batch::default(),
            }),
            log,
        }))
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Live> {
        self.live.read().expect("a panic in apply is caught before it can poison the state")
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Live> {
        self.live.write().expect("a panic in apply is caught before it can poison the state")
    }

    pub(crate) fn behind(&self) -> MutexGuard<'_, Behind> {
        self.behind.lock().expect("nothing panics while it holds what is on disk")
    }

    pub(crate) fn persisted(&self) -> Option<u64> {
        self.persisted_next.load(Ordering::Acquire).checked_sub(1)
    }

    pub(crate) fn set_persisted(&self, applied: Option<LogId>) {
        let next = applied.map_or(0, |applied| applied.index + 1);
        self.persisted_next.store(next, Ordering::Release);
    }

    /// A generation that no row of this group has.
    pub(crate) fn fresh_generation(&self) -> Generation {
        Generation(self.generation_seen.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Writes what changed since the last flush, unsynced. Nothing to do is fine, and so is a halt.
    pub(crate) fn flush(&self) -> Result<(), Fault> {
        let mut behind = self.behind();
        if behind.installing {
            return Ok(());
        }
        let Behind { applied: on_disk, feed, chains, batch, .. } = &mut *behind;
        batch.clear();
        let Some(taken) = self.take_dirty(on_disk, batch) else {
            // Readers may have brought events back.
            drop(self.evict());
            return Ok(());
        };
        let Taken { mut applied, runs, numbers, positions } = taken;
        failpoint::pass(Point::FlushEncoded);
        let changes = (runs.iter().flat_map(|run| run.iter()), &numbers);
        let into = (self.change_bytes, &mut *batch);
        chains.add(&self.disk, self.id, applied.generation, changes, into)?;
        let pins_broken = feed.kept().pins_broken;
        feed.put(self.id, applied.generation, &runs, &positions, batch);
        let kept = feed.kept();
        applied.feed_floor = kept.floor;
        if kept.pins_broken > pins_broken {
            let (shard, oldest) = (self.id.0, kept.floor);
            tracing::error!(
                shard,
                oldest,
                "a consumer is too far behind: the feed goes on without it"
            );
        }
        applied.put(self.id, batch);
        self.disk.write("write state behind", batch)?;
        failpoint::pass(Point::FlushWritten);
        self.set_persisted(applied.log_id);
        let evicted = {
            let mut live = self.write();
            live.tail.flushed(applied.revision);
            live.feed = kept;
            live.evict()
        };
        drop(evicted);
        behind.applied = applied;
        Ok(())
    }

    fn evict(&self) -> Vec<Left> {
        let mut live = self.write();
        if live.halted.is_some() { Vec::new() } else { live.evict() }
    }

    /// Encodes the dirty records into `batch`: the only part of a flush that holds up apply.
    fn take_dirty(&self, on_disk: &Applied, batch: &mut Batch) -> Option<Taken> {
        let mut live = self.write();
        if live.halted.is_some() || live.applied == on_disk.log_id {
            return None;
        }
        let prefix = keys::generation(self.id, on_disk.generation);
        let mut row = prefix.to_vec();
        for key in live.state.take_dirty() {
            row.truncate(prefix.len());
            row.extend_from_slice(&key.to_bytes());
            match live.state.encode_record(key) {
                Some(bytes) => batch.put(Space::State, &row, &bytes),
                None => batch.delete(Space::State, &row),
            }
        }
        live.dirty_bytes = 0;
        let applied = Applied {
            generation: on_disk.generation,
            log_id: if planted(Tooth::AppliedBehind) { on_disk.log_id } else { live.applied },
            membership: live.membership.clone(),
            revision: live.state.revision(),
            feed_floor: on_disk.feed_floor,
        };
        let (runs, positions) = (live.tail.unflushed(), live.state.consumer_positions());
        let mut numbers = BTreeMap::new();
        for change in runs.iter().flat_map(|run| run.iter()) {
            if let About::Event(event) = change.kind.about()
                && !numbers.contains_key(&event)
                && let Some(no) = live.state.event_number(event)
            {
                numbers.insert(event, no);
            }
        }
        Some(Taken { applied, runs, numbers, positions })
    }

    /// Where the audit chain of an event stands now. Flushes first.
    pub(crate) fn audit_head(&self, no: EventNo) -> Result<audit::Head, residency::Error> {
        self.flush()?;
        let behind = self.behind();
        if behind.installing {
            return Err(residency::Error::Installing);
        }
        let Applied { generation, revision, .. } = behind.applied;
        let codec::ChainRecord { head, changes, .. } =
            audit::on_disk(&self.disk, self.id, generation, no)?;
        Ok(audit::Head { head, changes, revision })
    }

    /// Up to `max` changes after `revision`.
    pub(crate) fn feed_after(
        &self,
        revision: u64,
        max: usize,
    ) -> Result<Vec<inventory::Change>, feed::Error> {
        let generation = {
            let live = self.read();
            if let Some(changes) = feed::from_tail(&live.tail, live.feed.floor, revision, max)? {
                return Ok(changes);
            }
            live.generation
        };
        feed::from_disk(&self.disk, self.id, generation, revision, max)
    }
}
