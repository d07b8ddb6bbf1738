//! The newest entries, kept in memory: each is read once by every follower and once by apply.

use std::collections::VecDeque;

use crate::raft_bytes;
use crate::types::Entry;

/// Older entries are read from disk. At least one entry stays whatever it weighs.
const TAIL_BYTES_MAX: usize = 4 << 20;
/// What an entry weighs besides its commands.
const ENTRY_BYTES: usize = 128;

fn weight(entry: &Entry) -> usize {
    ENTRY_BYTES + raft_bytes::payload_bytes(entry)
}

/// A run of entries without a hole.
#[derive(Debug, Default)]
pub(super) struct Tail {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Tail {
    pub(super) fn first(&self) -> Option<u64> {
        self.entries.front().map(|entry| entry.log_id.index)
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.bytes += weight(&entry);
        self.entries.push_back(entry);
        while self.bytes > TAIL_BYTES_MAX && self.entries.len() > 1 {
            self.pop_front();
        }
    }

    fn pop_front(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= weight(&entry);
        }
    }

    /// Drops entries before `index`.
    pub(super) fn drop_until(&mut self, index: u64) {
        while self.first().is_some_and(|first| first < index) {
            self.pop_front();
        }
    }

    /// Drops `index` and what follows it.
    pub(super) fn drop_from(&mut self, index: u64) {
        while self.entries.back().is_some_and(|entry| entry.log_id.index >= index) {
            if let Some(entry) = self.entries.pop_back() {
                self.bytes -= weight(&entry);
            }
        }
    }

    /// Appends entries from `from` up to, not including, `to`, no more than `bytes_max` and one
    /// entry. False: the range begins before the tail does.
    pub(super) fn read(
        &self,
        from: u64,
        to: u64,
        bytes_max: usize,
        found: &mut Vec<Entry>,
    ) -> bool {
        let Some(skip) = self.first().and_then(|first| from.checked_sub(first)) else {
            return false;
        };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let mut bytes = 0;
        for entry in self.entries.iter().skip(skip) {
            if entry.log_id.index >= to || bytes >= bytes_max {
                break;
            }
            bytes += weight(entry);
            found.push(entry.clone());
        }
        true
    }
}
