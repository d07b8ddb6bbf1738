//! Events that are left on disk, beside a replica that keeps all in memory: no difference.

use std::sync::Arc;

use openraft::EntryPayload as Payload;
use openraft::RaftSnapshotBuilder;
use openraft::storage::RaftStateMachine;
use rowlock_raft_store::engine::memory::MemEngine;
use rowlock_raft_store::inventory::{
    ARCHIVE_AFTER_MS, Batch, COLLECT_MAX, Command, CommandKind, EventState, LifeCommand, State,
    Subject,
};
use rowlock_raft_store::residency::Residency;
use rowlock_raft_store::store::{Store, Tuning};
use rowlock_raft_store::types::Entry;

use super::replica::{
    EVENT, Replica, STORY, by_hand, entry, hold, identity, log_id, payload, run, system, term,
};

/// A replica that keeps nothing in memory that it may leave on disk.
fn forgetful(engine: &MemEngine) -> Replica {
    let tuning = Tuning { event_cache_bytes: 0, ..by_hand() };
    let store = Store::open_on(Arc::new(engine.clone()), identity(1), tuning).unwrap();
    Replica::of(store, 1).unwrap()
}

fn later(index: u64, stamp_ms: u64, commands: Vec<Command>) -> Entry {
    let payload = Payload::Normal(payload(&Batch { stamp_ms, commands }));
    Entry { log_id: log_id(term(STORY), index), payload }
}

/// The story, then its holds end, then some more are made: each entry, and whether its event is quiet
/// after it.
fn entries() -> Vec<(Entry, bool)> {
    let mut entries: Vec<_> = (0..STORY).map(|index| (entry(index), false)).collect();
    let sweep = || vec![system(CommandKind::ExpireDue { max: 1_000 })];
    entries.push((later(STORY, 50_000, sweep()), true));
    entries.push((later(STORY + 1, 51_000, vec![hold(900), hold(901)]), false));
    entries.push((later(STORY + 2, 51_100, vec![hold(900)]), false));
    entries.push((later(STORY + 3, 60_000, sweep()), true));
    entries
}

async fn live(replica: &mut Replica, entry: &Entry) {
    replica.append(vec![entry.clone()]).await.unwrap();
    replica.apply(vec![entry.clone()]).await.unwrap();
}

#[test]
fn p4_what_was_left_on_disk_answers_as_if_it_never_had_been() {
    run(async {
        let engine = MemEngine::new();
        let mut plain = Replica::open(Arc::new(MemEngine::new())).unwrap();
        let mut cold = forgetful(&engine);
        for (entry, quiet) in entries() {
            live(&mut plain, &entry).await;
            live(&mut cold, &entry).await;
            let digest = cold.state.digest().unwrap();
            assert_eq!(digest, plain.state.digest().unwrap());
            // Before the first command there is no row yet.
            if digest.revision > 0 {
                assert_eq!(digest.digest, plain.digest(), "rows hash as the state in memory does");
            }
            let residency = cold.state.residency();
            assert_eq!(residency.cold_events, u64::from(quiet), "after {:?}", entry.log_id);
            assert!(!quiet || residency.bytes == 0);
            assert_eq!(cold.state.audit().unwrap(), Vec::<String>::new());
            assert_eq!(cold.state.residency().cold_events, u64::from(quiet), "left again");
            // What is shown of an event without its seats needs no disk.
            let look = |replica: &Replica| replica.state.read(|state| state.event(EVENT)).unwrap();
            assert_eq!(look(&cold), look(&plain));
            assert_eq!(cold.state.residency().loads, residency.loads);
        }
        let seats = |state: &State| (state.seats(EVENT), state.bookings_of(EVENT, 0, 1_000));
        let subject = Some(Subject::Event(EVENT));
        let expected = plain.state.read(seats).unwrap();
        assert_eq!(cold.state.read_of(subject, seats).unwrap(), expected);
        let Residency { loads, evictions, .. } = cold.state.residency();
        assert!(loads >= 2 && evictions >= 2, "{loads} loads, {evictions} evictions");

        // A restart leaves on disk what it may, too.
        let digest = cold.state.digest().unwrap();
        drop(cold);
        let mut again = forgetful(&engine);
        assert_eq!(again.state.residency().cold_events, 1);
        assert_eq!(again.state.digest().unwrap(), digest);
        assert_eq!(again.state.read_of(subject, seats).unwrap(), expected);

        // And so does one that takes a snapshot from it.
        let mut builder = again.machine.get_snapshot_builder().await;
        let built = builder.build_snapshot().await.unwrap();
        let mut taker = forgetful(&MemEngine::new());
        let mut receiver = taker.state.receive_snapshot();
        let mut reader = built.snapshot.into_reader().unwrap();
        while let Some(chunk) = reader.next_chunk().unwrap() {
            receiver.push(&chunk).unwrap();
        }
        let (meta, data) = receiver.finish().unwrap();
        taker.machine.install_snapshot(&meta, data).await.unwrap();
        assert_eq!(taker.state.residency().cold_events, 1);
        assert_eq!(taker.state.digest().unwrap().digest, digest.digest);
        assert_eq!(taker.state.read_of(subject, seats).unwrap(), expected);
    });
}

/// Power goes between any two steps: what is cold was on disk before it was evicted.
#[test]
fn p3_a_crash_after_an_eviction_loses_nothing() {
    run(async {
        let entries = entries();
        for cut in 1..entries.len() {
            let engine = MemEngine::new();
            let mut plain = Replica::open(Arc::new(MemEngine::new())).unwrap();
            let mut cold = forgetful(&engine);
            for (index, (entry, _)) in entries[..cut].iter().enumerate() {
                live(&mut plain, entry).await;
                live(&mut cold, entry).await;
                if index % 3 == 0 {
                    cold.state.flush().unwrap();
                }
            }
            let persisted = cold.state.persisted_index();
            drop(cold);
            let mut again = forgetful(&engine);
            assert_eq!(again.state.persisted_index(), persisted);
            for (entry, _) in &entries[..cut] {
                if persisted.is_none_or(|persisted| entry.log_id.index > persisted) {
                    again.apply(vec![entry.clone()]).await.unwrap();
                }
            }
            assert_eq!(again.state.digest().unwrap(), plain.state.digest().unwrap(), "cut {cut}");
            assert_eq!(again.state.audit().unwrap(), Vec::<String>::new());
        }
    });
}

/// Also of a replica that has room for everything: what is archived leaves memory, but for its number.
#[test]
fn p4_an_event_in_the_archive_is_read_back_when_it_is_asked_for() {
    run(async {
        let engine = MemEngine::new();
        let mut replica = Replica::open(Arc::new(engine.clone())).unwrap();
        for (entry, _) in entries() {
            live(&mut replica, &entry).await;
        }
        let date_ms = replica.state.read(|state| state.event(EVENT)).unwrap().unwrap().spec.date_ms;
        let stamp_ms = date_ms + ARCHIVE_AFTER_MS;
        let collect = LifeCommand::Collect { event: EVENT, max: COLLECT_MAX };
        let collect = later(STORY + 4, stamp_ms, vec![system(CommandKind::Life(collect))]);
        live(&mut replica, &collect).await;

        let alone = Some(Subject::EventAlone(EVENT));
        let look = |replica: &Replica| {
            let seen = replica.state.read_of(alone, |state| state.event(EVENT));
            let listed = replica.state.read(|state| state.events_after(None, 10)).unwrap();
            assert_eq!(listed, (Vec::new(), false), "it is in no list");
            let stats = replica.state.read(State::stats).unwrap();
            assert_eq!((stats.events, stats.archived, stats.bookings), (0, 1, 0));
            seen.unwrap().unwrap()
        };
        let is_here =
            |replica: &Replica| replica.state.read(|state| state.event(EVENT)).unwrap().is_some();
        assert!(is_here(&replica), "until it is written");
        let seen = look(&replica);
        assert_eq!((seen.state, seen.life.archived_ms), (EventState::Ended, stamp_ms));
        let digest = replica.state.digest().unwrap();
        assert!(!is_here(&replica));
        let loads = replica.state.residency().loads;
        assert_eq!(look(&replica), seen);
        assert!(is_here(&replica) && replica.state.residency().loads == loads + 1);
        assert_eq!(replica.state.digest().unwrap(), digest);
        assert!(!is_here(&replica), "and leaves again");
        assert_eq!(replica.state.audit().unwrap(), Vec::<String>::new());

        // A restart reads nothing of it but what it is.
        drop(replica);
        let mut again = Replica::open(Arc::new(engine)).unwrap();
        assert!(!is_here(&again));
        assert_eq!(again.state.digest().unwrap(), digest);
        assert_eq!(look(&again), seen);
        // What is asked of it is answered: it is over.
        let cancel =
            later(STORY + 5, stamp_ms, vec![system(CommandKind::CancelEvent { event: EVENT })]);
        live(&mut again, &cancel).await;
        let seen = again.state.read(|state| state.event(EVENT)).unwrap().unwrap();
        assert_eq!((seen.state, seen.life.archived_ms), (EventState::Cancelled, 0));
    });
}
