use std::sync::Arc;

use rowlock_proto::ids::{UserId, VenueId};

use super::*;
use crate::engine::memory::MemEngine;
use crate::inventory::ChangeKind;

const GROUP: ShardId = ShardId(3);

fn changes(revisions: std::ops::RangeInclusive<u64>) -> Vec<Change> {
    revisions
        .map(|revision| Change {
            revision,
            index: revision,
            time_ms: revision,
            principal: UserId(1),
            kind: ChangeKind::VenuePut { venue: VenueId(u128::from(revision)) },
        })
        .collect()
}

fn revisions(changes: &[Change]) -> Vec<u64> {
    changes.iter().map(|change| change.revision).collect()
}

#[test]
fn the_tail_gives_what_follows_a_revision() {
    let mut tail = Tail::at(10);
    tail.push(changes(11..=13));
    tail.push(Vec::new());
    tail.push(changes(14..=15));
    assert_eq!(revisions(&tail.after(10, 100).unwrap()), [11, 12, 13, 14, 15]);
    assert_eq!(revisions(&tail.after(12, 2).unwrap()), [13, 14]);
    assert_eq!(tail.after(15, 100), Some(Vec::new()));
    assert_eq!(tail.after(99, 100), Some(Vec::new()));
    assert_eq!(tail.after(9, 100), None, "the tail begins after 10");
}

#[test]
fn the_tail_drops_only_what_is_flushed() {
    let mut tail = Tail::at(0);
    for first in (0..3 * TAIL_CHANGES_MAX).step_by(64) {
        tail.push(changes(first + 1..=first + 64));
    }
    assert!(tail.after(0, 1).is_some(), "nothing is flushed, so all is there");
    let last = 3 * TAIL_CHANGES_MAX;
    tail.flushed(last);
    assert!(tail.unflushed().is_empty());
    tail.push(changes(last + 1..=last + 1));
    assert!(tail.after(0, 1).is_none());
    assert_eq!(revisions(&tail.after(last, 9).unwrap()), [last + 1]);
    assert_eq!(tail.unflushed().len(), 1);
}

#[test]
#[should_panic(expected = "revisions are dense")]
fn a_gap_in_the_revisions_is_a_fault() {
    Tail::at(5).push(changes(7..=8));
}

/// Puts `count` changes to disk in rows of ten, under `retention`.
fn filled(retention: Retention, count: u64) -> (Disk, Rows) {
    let disk = Disk::new(Arc::new(MemEngine::new()));
    let mut rows = Rows::at(retention, 0);
    for first in (0..count).step_by(10) {
        let mut batch = Batch::default();
        let run: Arc<[Change]> = changes(first + 1..=first + 10).into();
        rows.put(GROUP, Generation::FIRST, &[run], &mut batch);
        disk.write("fill", &batch).unwrap();
    }
    (disk, rows)
}

#[test]
fn rows_give_what_follows_a_revision_and_say_what_is_gone() {
    let (disk, rows) = filled(Retention { changes_max: 30, bytes_max: u64::MAX }, 100);
    assert_eq!(rows.floor(), 70);
    let read = |revision, max| from_disk(&disk, GROUP, Generation::FIRST, revision, max);
    assert_eq!(revisions(&read(70, 3).unwrap()), [71, 72, 73]);
    assert_eq!(revisions(&read(88, 100).unwrap()), (89..=100).collect::<Vec<_>>());
    assert!(read(100, 9).unwrap().is_empty());
    assert!(matches!(read(12, 9), Err(Error::Compacted(Compacted { oldest: 70 }))));
    let tail = Tail::at(100);
    assert_eq!(from_tail(&tail, rows.floor(), 69, 9), Err(Compacted { oldest: 70 }));
    assert_eq!(from_tail(&tail, rows.floor(), 70, 9), Ok(None));
}

#[test]
fn retention_by_bytes_keeps_the_newest_row() {
    let (_, rows) = filled(Retention { changes_max: u64::MAX, bytes_max: 1 }, 100);
    assert_eq!(rows.floor(), 90);
    assert_eq!(rows.rows.len(), 1);
}

#[test]
fn an_opened_feed_counts_as_the_one_that_was_written() {
    let retention = Retention { changes_max: 30, bytes_max: u64::MAX };
    let (disk, rows) = filled(retention, 100);
    let opened = Rows::open(&disk, retention, GROUP, Generation::FIRST, rows.floor()).unwrap();
    assert_eq!(opened.rows.len(), rows.rows.len());
    assert_eq!(opened.floor(), rows.floor());
}
