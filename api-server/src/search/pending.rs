//! Which events of a shard have to be read again, and how far what is on disk can be trusted.
//!
//! Counts are kept in memory and change with every hold; the document on disk has those of the moment when it
//! was written. So the position that is kept beside the documents is one before the oldest change of seats
//! that no document has: from there on the feed brings all that is missing, and what it brings twice is seen
//! by its revision. Events whose seats changed are written again by and by, so that the position goes on.

use std::collections::{BTreeMap, BTreeSet};

use rowlock_client::types::EventId;

#[derive(Debug, Default)]
pub(super) struct Pending {
    /// What can't be counted from the feed alone.
    stale: BTreeSet<EventId>,
    /// Revision of the first change that no document has; not used by an index that is in memory.
    unwritten: BTreeMap<EventId, u64>,
    is_kept: bool,
}

impl Pending {
    pub(super) fn new(is_kept: bool) -> Self {
        Self { is_kept, ..Self::default() }
    }

    /// The seats of an event changed.
    pub(super) fn changed(&mut self, event: EventId, revision: u64) {
        if self.is_kept {
            self.unwritten.entry(event).or_insert(revision);
        }
    }

    /// The event has to be read again.
    pub(super) fn stale(&mut self, event: EventId) {
        self.stale.insert(event);
    }

    /// What to read next, `most` at the most: what may be wrong before what is not written.
    pub(super) fn next(&self, most: usize) -> Vec<EventId> {
        let mut next: Vec<EventId> = self.stale.iter().copied().take(most).collect();
        let mut oldest: Vec<_> =
            self.unwritten.iter().filter(|(event, _)| !self.stale.contains(event)).collect();
        oldest.sort_unstable_by_key(|(_, revision)| **revision);
        next.extend(oldest.into_iter().map(|(event, _)| *event).take(most - next.len()));
        next
    }

    /// The event was read after every change so far, and its document is on its way.
    pub(super) fn written(&mut self, event: EventId) {
        self.stale.remove(&event);
        self.unwritten.remove(&event);
    }

    /// Up to where documents have every change, if all up to `revision` were seen.
    pub(super) fn position(&self, revision: u64) -> u64 {
        self.unwritten.values().min().map_or(revision, |oldest| oldest.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: EventId = EventId(1);
    const TWO: EventId = EventId(2);

    #[test]
    fn the_position_waits_for_the_oldest_change_that_is_not_written() {
        let mut pending = Pending::new(true);
        assert_eq!(pending.position(9), 9);
        pending.changed(TWO, 10);
        pending.changed(ONE, 11);
        pending.changed(TWO, 12);
        assert_eq!(pending.position(12), 9);
        // The oldest first, unless one may be wrong.
        assert_eq!(pending.next(1), [TWO]);
        pending.stale(ONE);
        assert_eq!(pending.next(5), [ONE, TWO]);
        pending.written(TWO);
        assert_eq!(pending.position(12), 10);
        pending.written(ONE);
        assert_eq!((pending.position(13), pending.next(5)), (13, vec![]));
    }

    #[test]
    fn an_index_in_memory_writes_nothing_for_its_position() {
        let mut pending = Pending::new(false);
        pending.changed(ONE, 3);
        assert_eq!((pending.position(3), pending.next(5)), (3, vec![]));
    }
}
