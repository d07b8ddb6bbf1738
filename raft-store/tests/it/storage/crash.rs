//! A replica's life, cut at every write and every sync it makes.
//!
//! At each cut the machine loses what was not synced, in part or whole, and starts again. Whatever
//! was acknowledged before must be there: votes, entries, and the state that they make.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use openraft::storage::{RaftLogReader, RaftLogStorage, RaftStateMachine};
use openraft::{EntryPayload as Payload, RaftSnapshotBuilder};
use rowlock_raft_store::engine::memory::{Kept, MemEngine, Trouble};
use rowlock_raft_store::failpoint::{self, Point};
use rowlock_raft_store::types::{Entry, Vote};

use super::replica::{Replica, STORY, digests, entry, log_id, run, term};

/// What the replica told others, and what it was about to tell.
#[derive(Debug, Default)]
struct Told {
    vote: Option<Vote>,
    votes_tried: Vec<Vote>,
    /// Entries that are durable and neither truncated nor purged.
    entries: BTreeMap<u64, Entry>,
    applied: Option<u64>,
    purge_tried: Option<u64>,
}

fn stray(index: u64) -> Entry {
    Entry { log_id: log_id(term(index - 1), index), payload: Payload::Blank }
}

async fn append(replica: &mut Replica, told: &mut Told, entries: Vec<Entry>) -> io::Result<()> {
    replica.append(entries.clone()).await?;
    told.entries.extend(entries.into_iter().map(|entry| (entry.log_id.index, entry)));
    Ok(())
}

/// One entry of the story and what goes on around it.
async fn chapter(replica: &mut Replica, told: &mut Told, index: u64) -> io::Result<()> {
    if index % 8 == 3 {
        // A leader that lost its office left two entries; the next one's are put in their place.
        let first = Entry { log_id: log_id(term(index - 1), index), payload: Payload::Blank };
        let second = Entry { log_id: log_id(term(index - 1), index + 1), ..stray(index + 1) };
        append(replica, told, vec![first, second]).await?;
        let vote = Vote::new_committed(term(index), 1);
        told.votes_tried.push(vote);
        replica.log.save_vote(&vote).await?;
        told.vote = Some(vote);
        let kept = told.entries.split_off(&index);
        drop(kept);
        replica.log.truncate_after(Some(log_id(term(index - 1), index - 1))).await?;
    }
    append(replica, told, vec![entry(index)]).await?;
    replica.apply(vec![entry(index)]).await?;
    told.applied = Some(index);
    if index.is_multiple_of(3) {
        replica.state.flush()?;
    }
    if index % 7 == 6 {
        let mut builder = replica.machine.get_snapshot_builder().await;
        let built = builder.build_snapshot().await?;
        let upto = index - 2;
        assert!(built.meta.last_log_id.unwrap().index >= upto);
        told.purge_tried = Some(upto);
        told.entries = told.entries.split_off(&(upto + 1));
        replica.log.purge(log_id(term(upto), upto)).await?;
    }
    Ok(())
}

async fn live(engine: &MemEngine, told: &mut Told) -> io::Result<()> {
    let mut replica = Replica::open(Arc::new(engine.clone())).map_err(io::Error::other)?;
    for index in 0..STORY {
        chapter(&mut replica, told, index).await?;
    }
    Ok(())
}

/// Opens what is left and compares it with what was told.
async fn check(engine: MemEngine, told: &Told, digests: &[[u8; 32]], context: &str) {
    let mut replica = Replica::open(Arc::new(engine)).unwrap_or_else(|error| {
        panic!("{context}: does not open: {error:?}");
    });
    let vote = replica.log.read_vote().await.unwrap();
    assert!(vote >= told.vote, "{context}: vote {vote:?}, told {:?}", told.vote);
    assert!(vote.is_none_or(|vote| told.votes_tried.contains(&vote)), "{context}: {vote:?}");

    let state = replica.log.get_log_state().await.unwrap();
    let purged = state.last_purged_log_id.map(|id| id.index);
    assert!(purged <= told.purge_tried, "{context}: purged {purged:?}");
    let entries = replica.log.try_get_log_entries(..).await.unwrap();
    for (index, want) in &told.entries {
        let found = entries.iter().find(|entry| entry.log_id.index == *index);
        assert_eq!(found, Some(want), "{context}: acknowledged entry {index}");
    }

    // The state on disk is that of some entry that was applied; the log leads on from there.
    let persisted = replica.state.persisted_index();
    assert!(persisted >= purged, "{context}: {persisted:?} {purged:?}");
    if let Some(persisted) = persisted {
        let at = usize::try_from(persisted).unwrap();
        assert_eq!(replica.digest(), digests[at], "{context}: state at {persisted}");
    }
    let from = persisted.map_or(0, |persisted| persisted + 1);
    if let Some(applied) = told.applied {
        let replay: Vec<Entry> = entries
            .into_iter()
            .filter(|entry| (from..=applied).contains(&entry.log_id.index))
            .collect();
        replica.apply(replay).await.unwrap();
        let applied = applied.max(persisted.unwrap_or(0));
        assert_eq!(replica.state.applied_index(), Some(applied), "{context}: replay");
        assert_eq!(
            replica.digest(),
            digests[usize::try_from(applied).unwrap()],
            "{context}: replayed to {applied}"
        );
        let audit = replica.state.read(rowlock_raft_store::inventory::State::audit).unwrap();
        assert_eq!(audit, Vec::<String>::new(), "{context}");
        check_feed(&replica, context);
    }
}

/// The feed has no gap from its oldest revision to the state's.
fn check_feed(replica: &Replica, context: &str) {
    let last = replica.state.read(rowlock_raft_store::inventory::State::revision).unwrap();
    let mut revision = 0;
    while revision < last {
        let changes = replica.state.feed_after(revision, 7).unwrap();
        assert!(!changes.is_empty(), "{context}: nothing after {revision}, last is {last}");
        for change in changes {
            assert_eq!(change.revision, revision + 1, "{context}");
            revision += 1;
        }
    }
}

/// Steps of a life that nothing interrupts.
async fn steps_of_a_life() -> u64 {
    let engine = MemEngine::new();
    live(&engine, &mut Told::default()).await.unwrap();
    engine.step()
}

#[test]
fn p3_what_was_acknowledged_survives_a_power_cut_at_every_step() {
    run(async {
        let digests = digests(Arc::new(MemEngine::new())).await;
        let steps = steps_of_a_life().await;
        assert!(steps > 120, "the story is worth its name: {steps} steps");
        for step in 1..=steps {
            let engine = MemEngine::new();
            engine.order(step, Trouble::PowerCut);
            let mut told = Told::default();
            live(&engine, &mut told).await.unwrap_err();
            for kept in Kept::ALL {
                let context = format!("cut at step {step}, kept {kept:?}");
                check(engine.after_power_cut(kept), &told, &digests, &context).await;
            }
        }
    });
}

#[test]
fn p3_what_was_acknowledged_survives_a_failure_at_every_step() {
    run(async {
        let digests = digests(Arc::new(MemEngine::new())).await;
        for step in 1..=steps_of_a_life().await {
            let engine = MemEngine::new();
            engine.order(step, Trouble::Failure);
            let mut told = Told::default();
            live(&engine, &mut told).await.unwrap_err();
            let context = format!("failure at step {step}");
            check(engine.after_power_cut(Kept::Nothing), &told, &digests, &context).await;
        }
    });
}

/// The machine stops at a fail point, between two steps.
#[test]
fn p3_what_was_acknowledged_survives_a_power_cut_at_every_fail_point() {
    run(async {
        let digests = digests(Arc::new(MemEngine::new())).await;
        for point in [Point::LogWritten, Point::Applied, Point::FlushEncoded, Point::FlushWritten] {
            for nth in [1, 2, 9] {
                let engine = MemEngine::new();
                let victim = engine.clone();
                let mut passed = 0;
                failpoint::arm(point, move || {
                    passed += 1;
                    if passed == nth {
                        victim.kill();
                    }
                });
                let mut told = Told::default();
                live(&engine, &mut told).await.unwrap_err();
                failpoint::disarm();
                for kept in Kept::ALL {
                    let context = format!("killed at {point:?} {nth}, kept {kept:?}");
                    check(engine.after_power_cut(kept), &told, &digests, &context).await;
                }
            }
        }
    });
}
