//! Audit chains: the same on every replica, over restarts and snapshots, and computable from the feed.

use std::sync::Arc;

use openraft::storage::{RaftSnapshotBuilder as _, RaftStateMachine as _};
use rowlock_raft_store::audit::{ChangeBytes, fold};
use rowlock_raft_store::engine::memory::MemEngine;
use rowlock_raft_store::inventory::Change;
use rowlock_raft_store::inventory::change::About;
use sha2::{Digest as _, Sha256};

use super::replica::{EVENT, Replica, STORY, entry, run};

/// The head of the story's only event, from its changes.
fn recomputed(changes: &[Change]) -> ([u8; 32], u64) {
    changes.iter().filter(|change| change.kind.about() != About::Nothing).fold(
        ([0; 32], 0),
        |(head, count), change| {
            let digest: [u8; 32] = Sha256::digest((ChangeBytes::default().0)(change)).into();
            (fold(&head, &digest), count + 1)
        },
    )
}

async fn live(replica: &mut Replica, index: u64) {
    replica.append(vec![entry(index)]).await.unwrap();
    replica.apply(vec![entry(index)]).await.unwrap();
}

#[test]
fn the_chain_of_an_event_is_the_same_everywhere_and_follows_from_the_feed() {
    run(async {
        let engine = MemEngine::new();
        let mut steady = Replica::open(Arc::new(MemEngine::new())).unwrap();
        let mut restless = Replica::open(Arc::new(engine.clone())).unwrap();
        for index in 0..STORY {
            live(&mut steady, index).await;
            live(&mut restless, index).await;
            if index % 3 == 0 {
                restless.state.flush().unwrap();
            }
            if index % 11 == 10 {
                drop(restless);
                restless = Replica::open(Arc::new(engine.clone())).unwrap();
                let from = restless.state.applied_index().map_or(0, |index| index + 1);
                for again in from..=index {
                    restless.apply(vec![entry(again)]).await.unwrap();
                }
            }
        }
        let head = steady.state.audit_head(EVENT).unwrap().unwrap();
        assert_eq!(restless.state.audit_head(EVENT).unwrap().unwrap(), head);
        assert_eq!(steady.state.digest().unwrap(), restless.state.digest().unwrap());
        let changes = steady.state.feed_after(0, 4_096).unwrap();
        assert_eq!(recomputed(&changes), (head.head, head.changes));
        assert_eq!(head.revision, changes.last().unwrap().revision);
        assert!(head.changes > 20);

        // One that takes a snapshot has no feed, and goes on from the head.
        let mut builder = steady.machine.get_snapshot_builder().await;
        let built = builder.build_snapshot().await.unwrap();
        let mut taker = Replica::open(Arc::new(MemEngine::new())).unwrap();
        let mut receiver = taker.state.receive_snapshot();
        let mut reader = built.snapshot.into_reader().unwrap();
        while let Some(chunk) = reader.next_chunk().unwrap() {
            receiver.push(&chunk).unwrap();
        }
        let (meta, data) = receiver.finish().unwrap();
        taker.machine.install_snapshot(&meta, data).await.unwrap();
        assert_eq!(taker.state.audit_head(EVENT).unwrap().unwrap(), head);
        assert_eq!(taker.state.digest().unwrap(), steady.state.digest().unwrap());
    });
}
