//! A list of writes that take effect together.

use crate::keys::{KeyRange, Space};

/// Memory that an emptied batch keeps.
const KEPT_BYTES_MAX: usize = 4 << 20;

/// One write of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op<'a> {
    Put { space: Space, key: &'a [u8], value: &'a [u8] },
    Delete { space: Space, key: &'a [u8] },
    DeleteRange { space: Space, from: &'a [u8], to: &'a [u8] },
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Put,
    Delete,
    DeleteRange,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    kind: Kind,
    space: Space,
    /// Where the first part ends in `bytes`, and where the second.
    first_end: usize,
    second_end: usize,
}

/// Writes that take effect together. All keys and values lie in one buffer, so that filling a
/// batch allocates next to nothing.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    records: Vec<Record>,
}

impl Batch {
    pub fn put(&mut self, space: Space, key: &[u8], value: &[u8]) {
        self.put_with(space, key, |out| out.extend_from_slice(value));
    }

    /// A put whose value `write` appends to the buffer in place.
    pub fn put_with(&mut self, space: Space, key: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.extend_from_slice(key);
        let first_end = self.bytes.len();
        write(&mut self.bytes);
        self.push(Kind::Put, space, first_end);
    }

    pub fn delete(&mut self, space: Space, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.push(Kind::Delete, space, self.bytes.len());
    }

    pub fn delete_range(&mut self, space: Space, range: &KeyRange) {
        self.bytes.extend_from_slice(&range.from);
        let first_end = self.bytes.len();
        self.bytes.extend_from_slice(&range.to);
        self.push(Kind::DeleteRange, space, first_end);
    }

    fn push(&mut self, kind: Kind, space: Space, first_end: usize) {
        self.records.push(Record { kind, space, first_end, second_end: self.bytes.len() });
    }

    /// Empties the batch and keeps its memory, unless a rare big one left too much of it.
    pub fn clear(&mut self) {
        self.records.clear();
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES_MAX);
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of all keys and values.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    pub fn ops(&self) -> impl Iterator<Item = Op<'_>> {
        let mut start = 0;
        self.records.iter().map(move |record| {
            let first = &self.bytes[start..record.first_end];
            let second = &self.bytes[record.first_end..record.second_end];
            start = record.second_end;
            let space = record.space;
            match record.kind {
                Kind::Put => Op::Put { space, key: first, value: second },
                Kind::Delete => Op::Delete { space, key: first },
                Kind::DeleteRange => Op::DeleteRange { space, from: first, to: second },
            }
        })
    }
}
