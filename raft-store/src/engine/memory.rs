//! The engine's twin in memory, on a disk that can lose power and fail.
//!
//! The disk is the bytes of one write-ahead log and a mark up to which they are synced. A power cut
//! keeps the synced bytes and any part of the others, cut anywhere, also within a record: opening
//! reads records for as long as they are whole, as RocksDB does. Every write and every sync is a
//! *step*; a test orders the machine to die at step k, or the sync of step k to fail.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Batch, Engine, Error, Op, Rows, View};
use crate::keys::{KeyRange, Space};

type Spaces = [Arc<BTreeMap<Vec<u8>, Vec<u8>>>; 4];

/// What happens at a step, on a test's order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The machine dies; a write of this step may be torn.
    PowerCut,
    /// The step fails and the machine lives on: a failed write or sync.
    Failure,
}

/// How much of what was not synced a power cut leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    Nothing,
    /// A part, cut anywhere: this many thousandths of the bytes.
    Part(u16),
    /// All but the last byte: the last write is torn.
    AllButTheLastByte,
    Everything,
}

impl Kept {
    /// The cuts that tests try at every step.
    pub const ALL: [Self; 4] =
        [Self::Nothing, Self::Part(500), Self::AllButTheLastByte, Self::Everything];
}

#[derive(Debug, Default)]
struct Disk {
    log: Vec<u8>,
    /// Bytes of the log that survive a power cut.
    synced: usize,
    rows: Spaces,
    step: u64,
    trouble: Option<(u64, Trouble)>,
    lie: Option<Lie>,
    dead: bool,
}

/// What a disk or a store that can't be trusted does without saying so: planted by tests, which have to
/// find it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lie {
    /// A sync is answered and not done.
    SyncSkipped,
    /// The rows of this key's end are not kept.
    Forgotten { space: Space, end: u8 },
    /// The rows of this key's end are kept before the others of their batch, not with them.
    Apart { space: Space, end: u8 },
}

impl Lie {
    fn is_about(space: Space, end: u8, op: &Op<'_>) -> bool {
        match op {
            Op::Put { space: found, key, .. } | Op::Delete { space: found, key } => {
                *found == space && key.last() == Some(&end)
            }
            Op::DeleteRange { .. } => false,
        }
    }
}

/// See the module. Clones share the disk.
#[derive(Clone, Debug, Default)]
pub struct MemEngine {
    disk: Arc<Mutex<Disk>>,
}

impl Disk {
    fn apply(&mut self, op: Op<'_>) {
        match op {
            Op::Put { space, key, value } => {
                self.space(space).insert(key.to_vec(), value.to_vec());
            }
            Op::Delete { space, key } => {
                self.space(space).remove(key);
            }
            Op::DeleteRange { space, from, to } => {
                self.space(space).retain(|key, _| key.as_slice() < from || key.as_slice() >= to);
            }
        }
    }

    fn space(&mut self, space: Space) -> &mut BTreeMap<Vec<u8>, Vec<u8>> {
        Arc::make_mut(&mut self.rows[usize::from(space.number())])
    }

    /// Counts a step; what it was told to suffer there.
    fn begin_step(&mut self) -> Result<Option<Trouble>, Error> {
        if self.dead {
            return Err(Error::Simulated("machine is down"));
        }
        self.step += 1;
        Ok(self.trouble.filter(|(step, _)| *step == self.step).map(|(_, trouble)| trouble))
    }
}

fn put_part(part: &[u8], out: &mut Vec<u8>) {
    let len = u32::try_from(part.len()).expect("a key or value is under 4 GiB");
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(part);
}

/// `len:4 crc:4 ops`, each op `kind:1 space:1 len:4 bytes len:4 bytes`.
fn put_record<'a>(ops: impl Iterator<Item = Op<'a>>, log: &mut Vec<u8>) {
    let mut body = Vec::new();
    for op in ops {
        let (kind, space, first, second) = match op {
            Op::Put { space, key, value } => (0, space, key, value),
            Op::Delete { space, key } => (1, space, key, &[][..]),
            Op::DeleteRange { space, from, to } => (2, space, from, to),
        };
        body.extend_from_slice(&[kind, space.number()]);
        put_part(first, &mut body);
        put_part(second, &mut body);
    }
    let len = u32::try_from(body.len()).expect("a batch is under 4 GiB");
    log.extend_from_slice(&len.to_be_bytes());
    log.extend_from_slice(&crc32fast::hash(&body).to_be_bytes());
    log.extend_from_slice(&body);
}

/// Appends what the disk makes of the batch.
fn put_batch(batch: &Batch, lie: Option<Lie>, log: &mut Vec<u8>) {
    match lie {
        None | Some(Lie::SyncSkipped) => put_record(batch.ops(), log),
        Some(Lie::Forgotten { space, end }) => {
            put_record(batch.ops().filter(|op| !Lie::is_about(space, end, op)), log);
        }
        Some(Lie::Apart { space, end }) => {
            put_record(batch.ops().filter(|op| Lie::is_about(space, end, op)), log);
            put_record(batch.ops().filter(|op| !Lie::is_about(space, end, op)), log);
        }
    }
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(head)
}

fn take_len(bytes: &mut &[u8]) -> Option<usize> {
    let len = take(bytes, 4)?;
    usize::try_from(u32::from_be_bytes(len.try_into().ok()?)).ok()
}

/// The body of the next record, if it is whole.
fn take_record<'a>(log: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = take_len(log)?;
    let crc = take(log, 4)?;
    let body = take(log, len)?;
    (crc32fast::hash(body).to_be_bytes() == crc).then_some(body)
}

fn take_op<'a>(body: &mut &'a [u8]) -> Option<Op<'a>> {
    let head = take(body, 2)?;
    let space = *Space::ALL.get(usize::from(head[1]))?;
    let len = take_len(body)?;
    let first = take(body, len)?;
    let len = take_len(body)?;
    let second = take(body, len)?;
    Some(match head[0] {
        0 => Op::Put { space, key: first, value: second },
        1 => Op::Delete { space, key: first },
        _ => Op::DeleteRange { space, from: first, to: second },
    })
}

impl MemEngine {
    pub fn new() -> Self {
        Self::default()
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Steps taken so far.
    pub fn step(&self) -> u64 {
        self.disk().step
    }

    /// Orders `trouble` at the step with this number (the first is 1).
    pub fn order(&self, step: u64, trouble: Trouble) {
        self.disk().trouble = Some((step, trouble));
    }

    /// From now on the disk lies.
    pub fn lie(&self, lie: Option<Lie>) {
        self.disk().lie = lie;
    }

    /// The machine dies now.
    pub fn kill(&self) {
        self.disk().dead = true;
    }

    /// The order was carried out.
    pub fn is_dead(&self) -> bool {
        self.disk().dead
    }

    /// What a restart finds on the disk of a machine that lost power now.
    pub fn after_power_cut(&self, kept: Kept) -> Self {
        let old = self.disk();
        let unsynced = old.log.len() - old.synced;
        let keep = old.synced
            + match kept {
                Kept::Nothing => 0,
                Kept::Part(thousandths) => unsynced * usize::from(thousandths) / 1000,
                Kept::AllButTheLastByte => unsynced.saturating_sub(1),
                Kept::Everything => unsynced,
            };
        let mut new = Disk::default();
        let mut rest = &old.log[..keep];
        while let Some(mut body) = take_record(&mut rest) {
            while let Some(op) = take_op(&mut body) {
                new.apply(op);
            }
            new.log = old.log[..keep - rest.len()].to_vec();
        }
        new.synced = new.log.len();
        new.lie = old.lie;
        Self { disk: Arc::new(Mutex::new(new)) }
    }

    /// Overwrites a value where it lies, as a fault of the disk or of our own code would.
    pub fn damage(&self, space: Space, key: &[u8], damage: impl FnOnce(&mut Vec<u8>)) {
        if let Some(value) = self.disk().space(space).get_mut(key) {
            damage(value);
        }
    }
}

fn range_of<'a>(
    rows: &'a BTreeMap<Vec<u8>, Vec<u8>>,
    range: &KeyRange,
) -> impl Iterator<Item = (&'a Vec<u8>, &'a Vec<u8>)> {
    // An empty or inverted range has no rows; the map would panic on it.
    let to = range.to.clone().max(range.from.clone());
    rows.range::<Vec<u8>, _>((Bound::Included(range.from.clone()), Bound::Excluded(to)))
}

impl Engine for MemEngine {
    fn write(&self, batch: &Batch) -> Result<(), Error> {
        let mut disk = self.disk();
        match disk.begin_step()? {
            None => {}
            Some(Trouble::Failure) => return Err(Error::Simulated("write failure")),
            Some(Trouble::PowerCut) => {
                let lie = disk.lie;
                put_batch(batch, lie, &mut disk.log);
                disk.dead = true;
                return Err(Error::Simulated("power cut"));
            }
        }
        let lie = disk.lie;
        put_batch(batch, lie, &mut disk.log);
        for op in batch.ops() {
            disk.apply(op);
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), Error> {
        let mut disk = self.disk();
        match disk.begin_step()? {
            None if disk.lie == Some(Lie::SyncSkipped) => {}
            None => disk.synced = disk.log.len(),
            Some(Trouble::Failure) => return Err(Error::Simulated("sync failure")),
            Some(Trouble::PowerCut) => {
                disk.dead = true;
                return Err(Error::Simulated("power cut"));
            }
        }
        Ok(())
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.disk().rows[usize::from(space.number())].get(key).cloned())
    }

    fn scan(
        &self,
        space: Space,
        range: &KeyRange,
        visit: &mut super::Visit<'_>,
    ) -> Result<(), Error> {
        let rows = Arc::clone(&self.disk().rows[usize::from(space.number())]);
        for (key, value) in range_of(&rows, range) {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn view(&self) -> Result<Box<dyn View>, Error> {
        Ok(Box::new(MemView { rows: self.disk().rows.clone() }))
    }

    fn checkpoint(&self, _: &Path) -> Result<(), Error> {
        Err(Error::Simulated("disk has no directories"))
    }
}

#[derive(Debug)]
struct MemView {
    rows: Spaces,
}

impl View for MemView {
    fn get(&mut self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.rows[usize::from(space.number())].get(key).cloned())
    }

    fn rows(&mut self, space: Space, range: &KeyRange, bytes_max: usize) -> Result<Rows, Error> {
        let mut found = Rows::default();
        let mut bytes = 0;
        for (key, value) in range_of(&self.rows[usize::from(space.number())], range) {
            if bytes >= bytes_max && !found.rows.is_empty() {
                found.next = Some(key.clone());
                break;
            }
            bytes += key.len() + value.len();
            found.rows.push((key.clone(), value.clone()));
        }
        Ok(found)
    }
}
