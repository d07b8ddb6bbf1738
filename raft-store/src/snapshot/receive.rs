//! The receiving side: chunks in, rows of a fresh generation out.

use std::sync::Arc;

use super::{END, Error, HEAD, ROWS, SnapshotData, VERSION, state_prefix};
use crate::engine::Batch;
use crate::group::Group;
use crate::keys::{Generation, KeyRange, Space};
use crate::raft_bytes;
use crate::seal;
use crate::teeth::{Tooth, planted};
use crate::types::SnapshotMeta;

/// Writes a snapshot's rows as they arrive. Dropped before its end, it deletes them again.
#[derive(Debug)]
pub struct SnapshotReceiver {
    rows: Received,
    head: Option<(u64, SnapshotMeta)>,
    count: u64,
    crc: crc32fast::Hasher,
    ended: bool,
}

/// Rows under a generation that is not current. Dropped before they are installed, they go.
#[derive(Debug)]
pub struct Received {
    pub(super) group: Arc<Group>,
    pub(super) generation: Generation,
    pub(super) revision: u64,
    pub(super) meta: SnapshotMeta,
    pub(super) installed: bool,
}

impl Drop for Received {
    fn drop(&mut self) {
        if !self.installed {
            let mut batch = Batch::default();
            let prefix = state_prefix(self.group.id, self.generation);
            batch.delete_range(Space::State, &KeyRange::prefix(&prefix));
            // If it fails the node stops, and the next opening deletes them.
            self.group.disk.write("delete a snapshot's rows", &batch).ok();
        }
    }
}

fn split<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), Error> {
    let (head, rest) = bytes.split_first_chunk().ok_or(Error::Chunk("ends early"))?;
    Ok((*head, rest))
}

impl SnapshotReceiver {
    pub(crate) fn new(group: Arc<Group>) -> Self {
        let generation = group.fresh_generation();
        Self {
            rows: Received {
                group,
                generation,
                revision: 0,
                meta: SnapshotMeta::default(),
                installed: false,
            },
            head: None,
            count: 0,
            crc: crc32fast::Hasher::new(),
            ended: false,
        }
    }

    /// Takes the next chunk. True: it was the last.
    pub fn push(&mut self, chunk: &[u8]) -> Result<bool, Error> {
        let ([kind], body) = split::<1>(seal::open(VERSION, chunk)?)?;
        if self.ended {
            return Err(Error::Chunk("comes after the end"));
        }
        match (kind, self.head.is_some()) {
            (HEAD, false) => {
                let (revision, meta) = split(body)?;
                let meta = raft_bytes::decode_snapshot_meta(meta)?;
                self.head = Some((u64::from_be_bytes(revision), meta));
            }
            (ROWS, true) => self.rows(body)?,
            (END, true) => self.end(body)?,
            _ => return Err(Error::Chunk("is out of order")),
        }
        Ok(self.ended)
    }

    fn rows(&mut self, mut body: &[u8]) -> Result<(), Error> {
        self.crc.update(body);
        let prefix = state_prefix(self.rows.group.id, self.rows.generation);
        let mut row = prefix.to_vec();
        let mut batch = Batch::default();
        while !body.is_empty() {
            let (key_len, rest) = split::<4>(body)?;
            let (value_len, rest) = split::<4>(rest)?;
            let too_long = || Error::Chunk("has a row longer than itself");
            let len = |len| usize::try_from(u32::from_be_bytes(len)).map_err(|_| too_long());
            let (key, rest) = rest.split_at_checked(len(key_len)?).ok_or_else(too_long)?;
            let (value, rest) = rest.split_at_checked(len(value_len)?).ok_or_else(too_long)?;
            body = rest;
            row.truncate(prefix.len());
            row.extend_from_slice(key);
            if !planted(Tooth::SnapshotRowLost) || !body.is_empty() {
                batch.put(Space::State, &row, value);
            }
            self.count += 1;
        }
        Ok(self.rows.group.disk.write("write a snapshot's rows", &batch)?)
    }

    fn end(&mut self, body: &[u8]) -> Result<(), Error> {
        let (rows, rest) = split(body)?;
        let (crc, rest) = split(rest)?;
        let whole = u64::from_be_bytes(rows) == self.count
            && u32::from_be_bytes(crc) == self.crc.clone().finalize()
            && rest.is_empty();
        if !whole {
            return Err(Error::Chunk("ends another snapshot than the one that came"));
        }
        self.ended = true;
        Ok(())
    }

    /// What to give to openraft, once the last chunk is here.
    pub fn finish(self) -> Result<(SnapshotMeta, SnapshotData), Error> {
        let Self { mut rows, head, ended, .. } = self;
        match head {
            Some((revision, meta)) if ended => {
                rows.revision = revision;
                rows.meta = meta.clone();
                Ok((meta, SnapshotData::Received(rows)))
            }
            Some(_) | None => Err(Error::Chunk("is missing")),
        }
    }
}
