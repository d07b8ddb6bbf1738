//! The audit chain of each event: a hash over all its changes, so that a cut or an edit shows.
//!
//! ```text
//! head 0     = 32 zero bytes
//! head n + 1 = SHA-256(head n || SHA-256(bytes of the change))
//! ```
//!
//! A change is in the chain of every event that it is about. Its bytes are those of the wire (decision
//! 0010), so that whoever has the feed from one head to another can compute the second from the first.
//!
//! Heads are folded while the state is written behind, from the changes that the flush writes: what a
//! head is depends on the changes before it alone, not on when they were flushed. They are rows of the
//! state, in the same batch: a snapshot carries them, and a restart goes on from them.

use std::collections::BTreeMap;
use std::fmt;

use rowlock_proto::ids::EventId;
use rowlock_proto::shard::ShardId;
use sha2::{Digest as _, Sha256};

use crate::codec::{self, ChainRecord};
use crate::engine::Batch;
use crate::fault::{Disk, Fault};
use crate::inventory::change::About;
use crate::inventory::record::EventNo;
use crate::inventory::{Change, RecordKey};
use crate::keys::{self, Generation, Space};

/// Heads that are kept in memory between two flushes.
const HEADS_MAX: usize = 4_096;

/// What is hashed of a change.
#[derive(Clone, Copy)]
pub struct ChangeBytes(pub fn(&Change) -> Vec<u8>);

impl Default for ChangeBytes {
    /// As the feed keeps it: for tests that have no wire.
    fn default() -> Self {
        Self(|change| {
            let mut out = Vec::new();
            codec::encode_row(std::iter::once(change), &mut out);
            out
        })
    }
}

impl fmt::Debug for ChangeBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChangeBytes")
    }
}

impl PartialEq for ChangeBytes {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl Eq for ChangeBytes {}

/// Where an event's chain stands, as of a revision of its shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    pub head: [u8; 32],
    /// Changes that are in it.
    pub changes: u64,
    /// Everything up to this revision of the shard is, as far as it is about the event.
    pub revision: u64,
}

/// One more change.
pub fn fold(head: &[u8; 32], change: &[u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update(head).chain_update(change).finalize().into()
}

/// The heads of events that changed lately.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    heads: BTreeMap<EventNo, ChainRecord>,
}

#[derive(Debug, thiserror::Error)]
#[error("audit chain of event {1} of slot {0}")]
struct Damage(u16, u32, #[source] codec::Error);

/// The head of one event on disk; that of an event without changes if there is none.
pub(crate) fn on_disk(
    disk: &Disk,
    group: ShardId,
    generation: Generation,
    no: EventNo,
) -> Result<ChainRecord, Fault> {
    let prefix = keys::generation(group, generation);
    let row = [&prefix[..], &RecordKey::Chain(no).to_bytes()[..]].concat();
    match disk.get(Space::State, &row)? {
        None => Ok(ChainRecord::default()),
        Some(bytes) => ChainRecord::decode(&bytes)
            .map_err(|error| disk.raise("read an audit chain", Damage(no.0, no.1, error))),
    }
}

impl Chains {
    /// Adds `changes`, which follow those that were added before, and puts the new heads into the
    /// batch. `numbers` names the events of those changes that name no booking.
    pub(crate) fn add<'a>(
        &mut self,
        disk: &Disk,
        group: ShardId,
        generation: Generation,
        (changes, numbers): (impl Iterator<Item = &'a Change>, &BTreeMap<EventId, EventNo>),
        (bytes_of, batch): (ChangeBytes, &mut Batch),
    ) -> Result<(), Fault> {
        let mut moved: BTreeMap<EventNo, ChainRecord> = BTreeMap::new();
        for change in changes {
            let events = events_of(change, numbers);
            if events.is_empty() {
                continue;
            }
            let digest: [u8; 32] = Sha256::digest((bytes_of.0)(change)).into();
            for no in events {
                let record = match (moved.get(&no), self.heads.get(&no)) {
                    (Some(record), _) | (None, Some(record)) => *record,
                    (None, None) => on_disk(disk, group, generation, no)?,
                };
                let head = fold(&record.head, &digest);
                let (changes, revision) = (record.changes + 1, change.revision);
                moved.insert(no, ChainRecord { head, changes, revision });
            }
        }
        let prefix = keys::generation(group, generation);
        for (no, record) in &moved {
            let row = [&prefix[..], &RecordKey::Chain(*no).to_bytes()[..]].concat();
            batch.put(Space::State, &row, &record.encode());
        }
        if self.heads.len() + moved.len() > HEADS_MAX {
            self.heads.clear();
        }
        self.heads.append(&mut moved);
        Ok(())
    }
}

/// The events that a change is about, each once.
fn events_of(change: &Change, numbers: &BTreeMap<EventId, EventNo>) -> Vec<EventNo> {
    match change.kind.about() {
        About::Nothing => Vec::new(),
        About::Event(event) => numbers.get(&event).copied().into_iter().collect(),
        About::Booking(booking) => vec![booking_no(booking)],
        About::Holds(holds) => {
            let mut events: Vec<EventNo> =
                holds.iter().map(|hold| booking_no(hold.booking)).collect();
            events.sort_unstable();
            events.dedup();
            events
        }
    }
}

fn booking_no(booking: rowlock_proto::ids::BookingId) -> EventNo {
    let locator = booking.locator();
    (locator.slot().number(), locator.event_no())
}

#[cfg(test)]
mod tests;
