use std::sync::Arc;

use rowlock_proto::ids::{BookingId, BookingLocator, RequestKey, UserId};
use rowlock_proto::shard::Slot;

use super::*;
use crate::engine::memory::MemEngine;
use crate::inventory::{BookingState, ChangeKind, CommandCode, EventState, Returned};

const GROUP: ShardId = ShardId(3);

fn booking(event_no: u32, seq: u32) -> BookingId {
    BookingId::new(BookingLocator::new(Slot::new(5).unwrap(), event_no, seq).unwrap(), 9)
}

/// Changes of events 0 to 2; every fifth is about two of them, and every seventh about none.
fn changes(count: u64) -> Vec<Change> {
    let kind = |revision: u64| {
        let event = u32::try_from(revision % 3).unwrap();
        let returned = |event_no: u32| Returned {
            event: EventId(event_no.into()),
            booking: booking(event_no, 1),
            seats: vec![1],
            state: BookingState::Expired,
        };
        match revision {
            it if it % 5 == 0 => {
                let holds = vec![returned(event), returned((event + 1) % 3), returned(event)];
                ChangeKind::HoldsExpired { holds }
            }
            it if it % 7 == 0 => ChangeKind::UserChanged { user: UserId(1) },
            it if it % 2 == 0 => ChangeKind::EventChanged {
                event: EventId(event.into()),
                state: EventState::Published,
            },
            _ => ChangeKind::HoldExtended { booking: booking(event, 2), expires_ms: revision },
        }
    };
    (1..=count)
        .map(|revision| Change {
            revision,
            index: revision,
            time_ms: revision,
            principal: UserId(1),
            command: CommandCode(1),
            key: RequestKey(revision.into()),
            kind: kind(revision),
        })
        .collect()
}

fn numbers() -> BTreeMap<EventId, EventNo> {
    (0..3).map(|no| (EventId(no.into()), (5, no))).collect()
}

/// Writes the changes in runs of these lengths, over and over, and opens anew after each if told so.
fn heads(changes: &[Change], runs: &[usize], reopen: bool) -> Vec<ChainRecord> {
    let disk = Disk::new(Arc::new(MemEngine::new()));
    let mut chains = Chains::default();
    let (mut rest, mut lengths) = (changes, runs.iter().cycle());
    while !rest.is_empty() {
        let (run, more) = rest.split_at((*lengths.next().unwrap()).min(rest.len()));
        rest = more;
        let mut batch = Batch::default();
        let into = (ChangeBytes::default(), &mut batch);
        let numbers = numbers();
        chains.add(&disk, GROUP, Generation::FIRST, (run.iter(), &numbers), into).unwrap();
        disk.write("heads", &batch).unwrap();
        if reopen {
            chains = Chains::default();
        }
    }
    (0..3).map(|no| on_disk(&disk, GROUP, Generation::FIRST, (5, no)).unwrap()).collect()
}

#[test]
fn a_head_is_what_its_changes_make_it_however_they_were_flushed() {
    let changes = changes(60);
    let all = heads(&changes, &[60], false);
    for runs in [&[1][..], &[7, 1, 13], &[30, 29]] {
        assert_eq!(heads(&changes, runs, false), all);
        assert_eq!(heads(&changes, runs, true), all);
    }
    // By hand, of the event with number 1.
    let mut head = [0; 32];
    let mut count = 0;
    for change in &changes {
        let about_it = match &change.kind {
            ChangeKind::HoldsExpired { holds } => holds.iter().any(|it| it.event == EventId(1)),
            ChangeKind::UserChanged { .. } => false,
            _ => change.revision % 3 == 1,
        };
        if about_it {
            head = fold(&head, &Sha256::digest((ChangeBytes::default().0)(change)).into());
            count += 1;
        }
    }
    assert_eq!((all[1].head, all[1].changes), (head, count));
    assert_eq!(ChainRecord::decode(&all[1].encode()).unwrap(), all[1]);
}

#[test]
fn a_cut_an_edit_and_a_swap_show() {
    let honest = changes(60);
    let all = heads(&honest, &[60], false);
    let mut cut = honest.clone();
    cut.remove(16);
    let mut edited = honest.clone();
    edited[16].principal = UserId(2);
    let mut swapped = honest;
    swapped.swap(15, 18);
    for changes in [cut, edited, swapped] {
        assert_ne!(heads(&changes, &[60], false), all);
    }
}
