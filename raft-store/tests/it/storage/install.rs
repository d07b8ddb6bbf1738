//! A snapshot's arrival, cut at every step: the old state or the new one, never a mix.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use openraft::RaftSnapshotBuilder;
use openraft::storage::{RaftLogReader, RaftLogStorage, RaftStateMachine};
use rowlock_raft_store::engine::Engine;
use rowlock_raft_store::engine::memory::{Kept, MemEngine, Trouble};
use rowlock_raft_store::engine::rocks::RocksEngine;
use rowlock_raft_store::failpoint::{self, Point};
use rowlock_raft_store::feed;
use rowlock_raft_store::keys::{KeyRange, Space};
use rowlock_raft_store::types::SnapshotMeta;
use tempfile::TempDir;

use super::replica::{Replica, SHARD, STORY, digests, entry, log_id, run, term};

/// Entries that the receiving replica has.
const OLD: u64 = 12;

/// The state after the whole story, as chunks.
async fn chunks() -> (SnapshotMeta, Vec<Bytes>) {
    let mut leader = Replica::open(Arc::new(MemEngine::new())).unwrap();
    for index in 0..STORY {
        leader.append(vec![entry(index)]).await.unwrap();
        leader.apply(vec![entry(index)]).await.unwrap();
    }
    let built = leader.machine.get_snapshot_builder().await.build_snapshot().await.unwrap();
    let mut reader = built.snapshot.into_reader().unwrap();
    assert_eq!(reader.meta(), built.meta);
    let mut chunks = Vec::new();
    while let Some(chunk) = reader.next_chunk().unwrap() {
        chunks.push(chunk);
    }
    (built.meta, chunks)
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

async fn live_to(replica: &mut Replica, to: u64) -> Result<(), Failed> {
    for index in 0..to {
        replica.append(vec![entry(index)]).await?;
        replica.apply(vec![entry(index)]).await?;
    }
    Ok(replica.state.flush()?)
}

async fn install(replica: &mut Replica, chunks: &[Bytes]) -> Result<(), Failed> {
    let mut receiver = replica.state.receive_snapshot();
    for chunk in chunks {
        receiver.push(chunk)?;
    }
    let (meta, data) = receiver.finish()?;
    replica.machine.install_snapshot(&meta, data).await?;
    Ok(())
}

/// Generations that have rows.
fn generations(engine: &dyn Engine, space: Space) -> Vec<u32> {
    let mut found = Vec::new();
    let range = KeyRange::prefix(&SHARD.0.to_be_bytes());
    engine
        .scan(space, &range, &mut |key, _| {
            let generation = u32::from_be_bytes(key[4..8].try_into().unwrap());
            if found.last() != Some(&generation) {
                found.push(generation);
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    found
}

async fn check(engine: MemEngine, digests: &[[u8; 32]], installed: bool, context: &str) {
    let mut replica = Replica::open(Arc::new(engine.clone()))
        .unwrap_or_else(|error| panic!("{context}: does not open: {error:?}"));
    let persisted = replica.state.persisted_index().unwrap();
    let at = usize::try_from(persisted).unwrap();
    assert_eq!(replica.digest(), digests[at], "{context}: state at {persisted}");
    let log = replica.log.get_log_state().await.unwrap();
    if persisted == STORY - 1 {
        let last = Some(log_id(term(STORY - 1), STORY - 1));
        assert_eq!(log.last_purged_log_id, last, "{context}: the log begins after the snapshot");
        assert_eq!(log.last_log_id, last, "{context}");
        assert!(replica.log.try_get_log_entries(..).await.unwrap().is_empty(), "{context}");
    } else {
        assert!(!installed, "{context}: an installed snapshot is gone");
        assert_eq!(persisted, OLD - 1, "{context}");
        assert_eq!(log.last_purged_log_id, None, "{context}");
        assert_eq!(log.last_log_id, Some(log_id(term(OLD - 1), OLD - 1)), "{context}");
    }
    // Orphans went at the opening.
    assert_eq!(generations(&engine, Space::State).len(), 1, "{context}");
    assert!(generations(&engine, Space::Feed).len() <= 1, "{context}");
    // And it goes on from there: wiped or not, a second restart finds the same.
    let next = persisted + 1;
    if next < STORY {
        replica.append(vec![entry(next)]).await.unwrap();
        replica.apply(vec![entry(next)]).await.unwrap();
        replica.store.close().unwrap();
        drop(replica);
        let again = Replica::open(Arc::new(engine)).unwrap();
        assert_eq!(again.state.persisted_index(), Some(next), "{context}");
        assert_eq!(again.digest(), digests[at + 1], "{context}: second restart");
    }
}

#[test]
fn an_install_cut_at_every_step_leaves_the_old_state_or_the_new() {
    run(async {
        let digests = digests(Arc::new(MemEngine::new())).await;
        let (_, chunks) = chunks().await;
        let (first, last) = {
            let engine = MemEngine::new();
            let mut replica = Replica::open(Arc::new(engine.clone())).unwrap();
            live_to(&mut replica, OLD).await.unwrap();
            let first = engine.step() + 1;
            install(&mut replica, &chunks).await.unwrap();
            (first, engine.step())
        };
        assert!(last - first >= 2, "rows, flip, sync: {first} to {last}");
        for step in first..=last {
            for trouble in [Trouble::PowerCut, Trouble::Failure] {
                let engine = MemEngine::new();
                let mut replica = Replica::open(Arc::new(engine.clone())).unwrap();
                live_to(&mut replica, OLD).await.unwrap();
                engine.order(step, trouble);
                install(&mut replica, &chunks).await.unwrap_err();
                drop(replica);
                for kept in Kept::ALL {
                    let context = format!("{trouble:?} at step {step}, kept {kept:?}");
                    check_some_state(engine.after_power_cut(kept), &digests, &context);
                }
            }
        }
    });
}

/// The state on disk is one that the replica had.
fn check_some_state(engine: MemEngine, digests: &[[u8; 32]], context: &str) {
    let replica = Replica::open(Arc::new(engine.clone()))
        .unwrap_or_else(|error| panic!("{context}: does not open: {error:?}"));
    match replica.state.persisted_index() {
        None => assert_eq!(replica.log.last().map(|last| last.index), Some(OLD - 1), "{context}"),
        Some(persisted) => {
            assert!(persisted == OLD - 1 || persisted == STORY - 1, "{context}: {persisted}");
            let at = usize::try_from(persisted).unwrap();
            assert_eq!(replica.digest(), digests[at], "{context}: state at {persisted}");
            assert_eq!(replica.log.last(), Some(log_id(term(persisted), persisted)), "{context}");
        }
    }
    assert!(generations(&engine, Space::State).len() <= 1, "{context}");
}

#[test]
fn an_install_cut_at_every_fail_point_leaves_the_old_state_or_the_new() {
    run(async {
        let digests = digests(Arc::new(MemEngine::new())).await;
        let (_, chunks) = chunks().await;
        for point in [
            Point::SnapshotReceived,
            Point::SnapshotLoaded,
            Point::SnapshotFlipped,
            Point::SnapshotSynced,
        ] {
            let engine = MemEngine::new();
            let mut replica = Replica::open(Arc::new(engine.clone())).unwrap();
            live_to(&mut replica, OLD).await.unwrap();
            let mut told = false;
            let victim = engine.clone();
            failpoint::arm(point, move || victim.kill());
            let result = install(&mut replica, &chunks).await;
            failpoint::disarm();
            told |= result.is_ok();
            assert_eq!(told, point == Point::SnapshotSynced, "{point:?}");
            drop(replica);
            for kept in [Kept::Everything, Kept::AllButTheLastByte] {
                let context = format!("killed at {point:?}, kept {kept:?}");
                check(engine.after_power_cut(kept), &digests, told, &context).await;
            }
            check_some_state(
                engine.after_power_cut(Kept::Nothing),
                &digests,
                &format!("{point:?}"),
            );
        }
    });
}

#[test]
fn an_installed_replica_goes_on_as_the_one_that_sent() {
    run(async {
        let digests = digests(Arc::new(MemEngine::new())).await;
        let (meta, chunks) = chunks().await;
        let dir = TempDir::new().unwrap();
        let engine = Arc::new(RocksEngine::open(dir.path()).unwrap());
        let mut replica = Replica::open(engine).unwrap();
        live_to(&mut replica, OLD).await.unwrap();
        install(&mut replica, &chunks).await.unwrap();
        assert_eq!(replica.digest(), digests[usize::try_from(STORY - 1).unwrap()]);
        assert_eq!(replica.state.applied_index(), Some(STORY - 1));
        let current = replica.machine.get_current_snapshot().await.unwrap().unwrap();
        assert_eq!(current.meta, meta);
        drop(current);
        // The feed of what was jumped over is not here, and says so.
        let revision = replica.state.progress().revision;
        let gone = replica.state.feed_after(0, 9).unwrap_err();
        assert!(
            matches!(gone, feed::Error::Compacted(feed::Compacted { oldest }) if oldest == revision)
        );
        assert!(replica.state.feed_after(revision, 9).unwrap().is_empty());
        drop(replica);
        let again = Replica::open_dir(dir.path()).unwrap();
        assert_eq!(again.digest(), digests[usize::try_from(STORY - 1).unwrap()]);
        assert_eq!(again.log.last(), meta.last_log_id);
    });
}

#[test]
fn a_damaged_snapshot_is_refused_and_its_rows_go() {
    run(async {
        let (_, chunks) = chunks().await;
        let engine = MemEngine::new();
        let mut replica = Replica::open(Arc::new(engine.clone())).unwrap();
        live_to(&mut replica, OLD).await.unwrap();
        let before = replica.digest();
        for lost in 0..chunks.len() {
            let mut incomplete = chunks.clone();
            incomplete.remove(lost);
            install(&mut replica, &incomplete).await.unwrap_err();
        }
        let mut flipped = chunks[1].to_vec();
        flipped[20] ^= 1;
        let mut damaged = chunks.clone();
        damaged[1] = flipped.into();
        install(&mut replica, &damaged).await.unwrap_err();
        let mut twice = chunks.clone();
        twice.insert(1, chunks[1].clone());
        install(&mut replica, &twice).await.unwrap_err();
        assert_eq!(replica.digest(), before);
        assert_eq!(generations(&engine, Space::State), [1]);
        // The sound one still goes in.
        install(&mut replica, &chunks).await.unwrap();
        assert_eq!(replica.state.applied_index(), Some(STORY - 1));
        assert_eq!(generations(&engine, Space::State).len(), 1);
    });
}
