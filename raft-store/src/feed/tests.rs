use std::sync::Arc;

use rowlock_proto::ids::{RequestKey, UserId, VenueId};

use super::*;
use crate::engine::memory::MemEngine;
use crate::inventory::{ChangeKind, CommandCode};

const GROUP: ShardId = ShardId(3);

fn changes(revisions: std::ops::RangeInclusive<u64>) -> Vec<Change> {
    revisions
        .map(|revision| Change {
            revision,
            index: revision,
            time_ms: revision,
            principal: UserId(1),
            command: CommandCode(9),
            key: RequestKey(u128::from(revision) << 70),
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
    fill(&disk, &mut rows, 0..count, &[]);
    (disk, rows)
}

fn fill(disk: &Disk, rows: &mut Rows, after: std::ops::Range<u64>, positions: &[u64]) {
    for first in after.step_by(10) {
        let mut batch = Batch::default();
        let run: Arc<[Change]> = changes(first + 1..=first + 10).into();
        rows.put(GROUP, Generation::FIRST, &[run], positions, &mut batch);
        disk.write("fill", &batch).unwrap();
    }
}

const fn newest(changes_max: u64) -> Retention {
    Retention { changes_max, bytes_max: u64::MAX, pinned_bytes_max: u64::MAX }
}

#[test]
fn rows_give_what_follows_a_revision_and_say_what_is_gone() {
    let (disk, rows) = filled(newest(30), 100);
    assert_eq!(rows.kept().floor, 70);
    let read = |revision, max| from_disk(&disk, GROUP, Generation::FIRST, revision, max);
    assert_eq!(revisions(&read(70, 3).unwrap()), [71, 72, 73]);
    assert_eq!(revisions(&read(88, 100).unwrap()), (89..=100).collect::<Vec<_>>());
    assert!(read(100, 9).unwrap().is_empty());
    assert!(matches!(read(12, 9), Err(Error::Compacted(Compacted { oldest: 70 }))));
    let tail = Tail::at(100);
    assert_eq!(from_tail(&tail, rows.kept().floor, 69, 9), Err(Compacted { oldest: 70 }));
    assert_eq!(from_tail(&tail, rows.kept().floor, 70, 9), Ok(None));
}

#[test]
fn retention_by_bytes_keeps_the_newest_row() {
    let (_, rows) = filled(Retention { bytes_max: 1, ..newest(u64::MAX) }, 100);
    assert_eq!(rows.kept().floor, 90);
    assert_eq!(rows.rows.len(), 1);
}

#[test]
fn an_opened_feed_counts_as_the_one_that_was_written() {
    let retention = newest(30);
    let (disk, rows) = filled(retention, 100);
    let opened = Rows::open(&disk, retention, GROUP, Generation::FIRST, rows.kept().floor).unwrap();
    assert_eq!(opened.rows.len(), rows.rows.len());
    assert_eq!(opened.kept().floor, rows.kept().floor);
}

#[test]
fn what_a_consumer_has_not_acknowledged_is_kept() {
    let disk = Disk::new(Arc::new(MemEngine::new()));
    let mut rows = Rows::at(newest(30), 0);
    fill(&disk, &mut rows, 0..100, &[45, 72]);
    // The row of 41 to 50 holds what follows 45.
    assert_eq!(rows.kept().floor, 40);
    let kept = rows.kept();
    assert!(kept.pinned_bytes > 0 && kept.pinned_bytes < kept.bytes);
    let read = from_disk(&disk, GROUP, Generation::FIRST, 45, 2).unwrap();
    assert_eq!(revisions(&read), [46, 47]);
    let mut opened = Rows::open(&disk, newest(30), GROUP, Generation::FIRST, 40).unwrap();
    // Without a change, and after a restart, the acknowledgement alone lets go of the rows.
    for rows in [&mut rows, &mut opened] {
        rows.put(GROUP, Generation::FIRST, &[], &[72, 72], &mut Batch::default());
        assert_eq!(rows.kept().floor, 70, "retention alone keeps as much");
        assert_eq!((rows.kept().pinned_bytes, rows.kept().pins_broken), (0, 0));
    }
}

#[test]
fn a_consumer_that_is_gone_does_not_fill_the_disk() {
    let disk = Disk::new(Arc::new(MemEngine::new()));
    let (_, one) = filled(newest(u64::MAX), 10);
    let retention = Retention { pinned_bytes_max: one.kept().bytes * 4, ..newest(20) };
    let mut rows = Rows::at(retention, 0);
    fill(&disk, &mut rows, 0..60, &[5, 31]);
    assert_eq!((rows.kept().floor, rows.kept().pins_broken), (0, 0), "four rows fit");
    fill(&disk, &mut rows, 60..80, &[5, 31]);
    assert_eq!(rows.kept().pins_broken, 1, "told once");
    let floor = rows.kept().floor;
    assert!((10..=30).contains(&floor), "{floor}: the other one keeps its own");
    let read = |revision| from_disk(&disk, GROUP, Generation::FIRST, revision, 1);
    assert!(matches!(read(5), Err(Error::Compacted(Compacted { oldest })) if oldest == floor));
    assert_eq!(revisions(&read(31).unwrap()), [32]);
    fill(&disk, &mut rows, 80..90, &[5, 75]);
    assert_eq!(rows.kept().floor, 70, "who is left behind keeps nothing");
    assert_eq!(rows.kept().pins_broken, 1);
}

#[test]
fn rows_keep_the_commands_and_rows_from_before_are_read() {
    let (disk, mut rows) = filled(newest(u64::MAX), 20);
    let mut batch = Batch::default();
    // As it was written before commands were kept.
    batch.put_with(Space::Feed, &keys::feed(GROUP, Generation::FIRST, 30), |out| {
        let old = changes(21..=30);
        seal::seal(1, out, |out| out.extend_from_slice(&codec::encode_changes(old.iter())));
    });
    disk.write("fill", &batch).unwrap();
    fill(&disk, &mut rows, 30..40, &[]);
    let read = from_disk(&disk, GROUP, Generation::FIRST, 0, 100).unwrap();
    let mut expected = changes(1..=40);
    for old in &mut expected[20..30] {
        (old.command, old.key) = (CommandCode(0), RequestKey(0));
    }
    assert_eq!(read, expected);
}
