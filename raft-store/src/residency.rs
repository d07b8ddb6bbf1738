//! Events that leave memory and come back: the reading and writing side of `inventory/cold.rs`.
//!
//! ```text
//! flush: records written ──> evict what is quiet, until the group's memory fits its bound
//! apply, read, audit: the event is cold ──> read its rows, make it whole, go on
//! now and then: its sale begins soon ──> read it ahead
//! ```
//!
//! Invariants:
//! - Events are evicted at the end of a flush only, under the locks of both sides: what is not dirty
//!   then is on disk. A crash at any time finds the same rows as if nothing had ever been cold.
//! - Nobody but apply reads an event back while a snapshot is being installed: its rows may be gone
//!   before the state that they belong to is. Apply does not run then.
//! - The digest of a replica is that of its rows, so it does not depend on what is in memory.

use std::ops::ControlFlow;

use rowlock_proto::shard::ShardId;
use sha2::{Digest as _, Sha256};

use crate::applied::{self, Applied};
use crate::codec::{self, ShardRecord};
use crate::engine;
use crate::fault::{Disk, Fault};
use crate::group::{Damage, Group, Live};
use crate::inventory::cold::Left;
use crate::inventory::record::{BODY_TAGS, EventNo, event_prefixes};
use crate::inventory::{self, RecordKey, State, Subject};
use crate::keys::{self, Generation, KeyRange, Meta, Space};
use crate::state_machine::Halted;

/// Rows that a digest reads at a time.
const DIGEST_BYTES: usize = 1 << 20;
/// Events that are read ahead in one go.
const AHEAD_MAX: usize = 64;

/// Why a state can't be read now.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Halted(#[from] Halted),
    /// This node must stop.
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("a snapshot is being installed")]
    Installing,
    #[error("read a view")]
    Engine(#[from] engine::Error),
    #[error("applied record")]
    Applied(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("shard record")]
    Shard(#[source] codec::Error),
}

impl From<applied::Error> for Error {
    fn from(error: applied::Error) -> Self {
        Self::Applied(Box::new(error))
    }
}

/// What a group keeps in memory, and how often that was not enough.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Residency {
    /// What seats and bookings in memory are reckoned to take.
    pub bytes: u64,
    pub cold_events: u64,
    /// Commands and readers that found their event in memory, and those that did not.
    pub hits: u64,
    pub loads: u64,
    pub evictions: u64,
}

/// What replicas are compared by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StateDigest {
    pub digest: [u8; 32],
    /// Over the audit chains, which stand beside the state.
    pub chains: [u8; 32],
    pub applied_index: Option<u64>,
    pub revision: u64,
    /// The replicated clock, milliseconds since 1970.
    pub clock_ms: u64,
}

impl StateDigest {
    /// One hash of the state and its audit chains.
    pub fn of_all(&self) -> [u8; 32] {
        Sha256::new().chain_update(self.digest).chain_update(self.chains).finalize().into()
    }
}

/// How much a group may keep in memory, and what it counts.
#[derive(Debug)]
pub(crate) struct Cache {
    pub(crate) bytes_max: u64,
    pub(crate) hits: u64,
    pub(crate) loads: u64,
    pub(crate) evictions: u64,
}

impl Cache {
    pub(crate) const fn new(bytes_max: u64) -> Self {
        Self { bytes_max, hits: 0, loads: 0, evictions: 0 }
    }
}

/// All rows of one event, in the order of their keys.
fn rows_of(
    disk: &Disk,
    group: ShardId,
    generation: Generation,
    no: EventNo,
) -> Result<Vec<(RecordKey, Vec<u8>)>, Fault> {
    let prefix = keys::generation(group, generation);
    let mut rows = Vec::new();
    let mut damaged = false;
    for of_event in event_prefixes(no) {
        let range = KeyRange::prefix(&[&prefix[..], &of_event[..]].concat());
        disk.scan(Space::State, &range, &mut |key, bytes| {
            let key = key.strip_prefix(&prefix[..]).and_then(RecordKey::from_bytes);
            match key {
                Some(key) => rows.push((key, bytes.to_vec())),
                None => damaged = true,
            }
            if damaged { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
    }
    if damaged { Err(disk.raise("read an event back", Damage::Key)) } else { Ok(rows) }
}

fn read_back(
    state: &mut State,
    disk: &Disk,
    group: ShardId,
    generation: Generation,
    no: EventNo,
) -> Result<(), Fault> {
    let rows = rows_of(disk, group, generation, no)?;
    state.wake(no, &rows).map_err(|error| disk.raise("read an event back", Damage::State(error)))
}

/// Takes in the rows of one range as they come.
fn load_rows(state: &mut State, disk: &Disk, prefix: &[u8], range: &KeyRange) -> Result<(), Fault> {
    let mut damage = None;
    disk.scan(Space::State, range, &mut |key, bytes| {
        let loaded =
            key.strip_prefix(prefix).and_then(RecordKey::from_bytes).ok_or(Damage::Key).and_then(
                |key| {
                    state.load_record(key, bytes).map_err(|source| Damage::Record { key, source })
                },
            );
        match loaded {
            Ok(()) => ControlFlow::Continue(()),
            Err(found) => {
                damage = Some(found);
                ControlFlow::Break(())
            }
        }
    })?;
    damage.map_or(Ok(()), |damage| Err(disk.raise("load a state", damage)))
}

/// Reads the whole state of a generation, as much of it as fits into memory: event by event, so that
/// there is never more of it at a time.
pub(crate) fn load_state(
    disk: &Disk,
    config: inventory::Config,
    group: ShardId,
    generation: Generation,
    revision: u64,
    bytes_max: u64,
) -> Result<State, Fault> {
    let mut state = State::new(config);
    let raise = |damage: Damage| disk.raise("load a state", damage);
    let prefix = keys::generation(group, generation);
    let mut from = prefix.to_vec();
    for tag in BODY_TAGS {
        let to = [&prefix[..], &[*tag]].concat();
        load_rows(&mut state, disk, &prefix, &KeyRange { from, to })?;
        from = [&prefix[..], &[*tag + 1]].concat();
    }
    let KeyRange { to, .. } = KeyRange::prefix(&prefix);
    load_rows(&mut state, disk, &prefix, &KeyRange { from, to })?;
    state.put_away_archived();
    for no in state.event_numbers() {
        read_back(&mut state, disk, group, generation, no)?;
        drop(state.evict_over(bytes_max));
    }
    state.finish_load().map_err(|error| raise(Damage::State(error)))?;
    let found = state.revision();
    if found == revision {
        Ok(state)
    } else {
        Err(raise(Damage::Revision { expected: revision, found }))
    }
}

impl Live {
    /// Makes an event whole, if it is cold.
    pub(crate) fn make_whole(
        &mut self,
        disk: &Disk,
        group: ShardId,
        cold: Option<EventNo>,
    ) -> Result<(), Fault> {
        match cold {
            None => self.cache.hits += 1,
            Some(no) => {
                self.cache.loads += 1;
                read_back(&mut self.state, disk, group, self.generation, no)?;
            }
        }
        Ok(())
    }

    /// Lets go of what does not fit. To be dropped after the lock: it takes its time.
    pub(crate) fn evict(&mut self) -> Vec<Left> {
        let evicted = self.state.evict_over(self.cache.bytes_max);
        self.cache.evictions += evicted.len() as u64;
        evicted
    }
}

impl Group {
    /// Shows the state to `look` with the event of `subject` whole.
    pub(crate) fn read_of<T>(
        &self,
        subject: Option<Subject>,
        look: impl FnOnce(&State) -> T,
    ) -> Result<T, Error> {
        {
            let live = self.read();
            if let Some(halted) = &live.halted {
                return Err(halted.clone().into());
            }
            if subject.and_then(|subject| live.state.cold(subject)).is_none() {
                return Ok(look(&live.state));
            }
        }
        self.with_rows(|live| {
            let cold = subject.and_then(|subject| live.state.cold(subject));
            live.make_whole(&self.disk, self.id, cold)?;
            Ok(look(&live.state))
        })
    }

    /// The rows on disk stay those of the state in memory while `work` is at it.
    fn with_rows<T>(&self, work: impl FnOnce(&mut Live) -> Result<T, Fault>) -> Result<T, Error> {
        let behind = self.behind();
        if behind.installing {
            return Err(Error::Installing);
        }
        let mut live = self.write();
        if let Some(halted) = &live.halted {
            return Err(halted.clone().into());
        }
        Ok(work(&mut live)?)
    }

    /// Checks every invariant, of cold events too: each is read back and left again.
    pub(crate) fn audit(&self) -> Result<Vec<String>, Error> {
        let (mut found, cold) = self.read_of(None, |state| (state.audit(), state.cold_events()))?;
        for no in cold {
            let more = self.with_rows(|live| {
                let rows = rows_of(&self.disk, self.id, live.generation, no)?;
                let audited = live.state.audit_cold(no, &rows);
                audited.map_err(|error| self.disk.raise("audit an event", Damage::State(error)))
            })?;
            found.extend(more);
        }
        Ok(found)
    }

    /// Reads the cold events whose sale begins soon, as long as there is room.
    pub(crate) fn read_ahead(&self) -> Result<(), Fault> {
        let Ok(soon) = self.read_of(None, State::cold_before_sale) else { return Ok(()) };
        for no in soon.into_iter().take(AHEAD_MAX) {
            let done = self.with_rows(|live| {
                let room = live.state.resident_bytes() < live.cache.bytes_max / 10 * 9;
                if room && live.state.is_cold(no) {
                    live.cache.loads += 1;
                    read_back(&mut live.state, &self.disk, self.id, live.generation, no)?;
                }
                Ok(room)
            });
            match done {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(Error::Fault(fault)) => return Err(fault),
                // Halted or installing: there is nothing to read ahead for.
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// A hash of all records: what [`State::digest`] is of a state that is whole.
    pub(crate) fn digest(&self) -> Result<StateDigest, Error> {
        self.read_of(None, |_| ())?;
        self.flush()?;
        let mut view = self.disk.view()?;
        let applied = match view.get(Space::Meta, &keys::meta(self.id, Meta::Applied))? {
            Some(sealed) => Applied::decode(&sealed)?,
            None => Applied::default(),
        };
        let prefix = keys::generation(self.id, applied.generation);
        let mut rest = KeyRange::prefix(&prefix);
        let (mut hash, mut chains, mut clock_ms) = (Sha256::new(), Sha256::new(), 0);
        loop {
            let found = view.rows(Space::State, &rest, DIGEST_BYTES)?;
            for (key, bytes) in &found.rows {
                let key = key.strip_prefix(&prefix[..]).unwrap_or(key);
                let record = RecordKey::from_bytes(key);
                if record == Some(RecordKey::Shard) {
                    clock_ms = ShardRecord::decode(bytes).map_err(Error::Shard)?.clock_ms;
                }
                let is_chain = matches!(record, Some(RecordKey::Chain(_)));
                let hash = if is_chain { &mut chains } else { &mut hash };
                hash.update((key.len() as u64).to_le_bytes());
                hash.update(key);
                hash.update((bytes.len() as u64).to_le_bytes());
                hash.update(bytes);
            }
            match found.next {
                Some(next) if !found.rows.is_empty() => rest.from = next,
                Some(_) | None => break,
            }
        }
        Ok(StateDigest {
            digest: hash.finalize().into(),
            chains: chains.finalize().into(),
            applied_index: applied.log_id.map(|applied| applied.index),
            revision: applied.revision,
            clock_ms,
        })
    }

    pub(crate) fn residency(&self) -> Residency {
        let live = self.read();
        Residency {
            bytes: live.state.resident_bytes(),
            cold_events: live.state.cold_events().len() as u64,
            hits: live.cache.hits,
            loads: live.cache.loads,
            evictions: live.cache.evictions,
        }
    }
}
