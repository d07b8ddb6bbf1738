//! Three replicas under openraft that lose power, one after the other and all at once, while holds
//! go on. Every acknowledged hold must be there at the end, on all three, in one and the same state.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use openraft::{Config, SnapshotPolicy};
use rowlock_proto::ids::BookingId;
use rowlock_raft_store::engine::memory::{Kept, MemEngine, Trouble};
use rowlock_raft_store::inventory::{Batch, Reply, State};
use rowlock_raft_store::store::Store;
use rowlock_raft_store::types::{BatchAnswers, EntryPayload, Place, Raft};
use tokio::time::timeout;

use super::net::Net;
use super::replica::{Replica, by_hand, hold, identity, opening, payload, replica_id, run};

/// Long enough for any machine; a test that is right never waits for it.
const DEADLINE: Duration = Duration::from_secs(60);
/// When a client gives up on one attempt and tries again elsewhere.
const ATTEMPT: Duration = Duration::from_millis(1_500);

struct Node {
    number: u64,
    engine: MemEngine,
    raft: Raft,
    replica: Kit,
}

/// A replica whose log and machine are openraft's.
struct Kit {
    state: rowlock_raft_store::state_machine::StateHandle,
    store: Store,
}

fn config() -> Arc<Config> {
    let config = Config {
        heartbeat_interval: 50,
        election_timeout_min: 150,
        election_timeout_max: 300,
        enable_pre_vote: Some(true),
        enable_leader_restore: Some(false),
        // So low that whoever was down needs a snapshot.
        snapshot_policy: SnapshotPolicy::LogsSinceLast(8),
        max_in_snapshot_log_to_keep: 2,
        purge_batch_size: 4,
        replication_lag_threshold: 4,
        ..Config::default()
    };
    Arc::new(config.validate().unwrap())
}

async fn start(number: u64, engine: MemEngine, net: &Net) -> Node {
    let tuning = rowlock_raft_store::store::Tuning { flush_interval_ms: Some(5), ..by_hand() };
    let store = Store::open_on(Arc::new(engine.clone()), identity(number), tuning).unwrap();
    let Replica { log, machine, state, store } = Replica::of(store, number).unwrap();
    let id = replica_id(number).0;
    let raft = Raft::new(id, config(), net.clone(), log, machine).await.unwrap();
    net.join(id, raft.clone(), state.clone());
    Node { number, engine, raft, replica: Kit { state, store } }
}

impl Node {
    /// Waits for the trouble that was ordered, and starts again from what it left.
    async fn restart_after_fault(self, kept: Kept, net: &Net) -> Self {
        let mut faults = self.replica.store.faults();
        timeout(DEADLINE, faults.wait_for(Option::is_some)).await.unwrap().unwrap();
        self.restart(kept, net).await
    }

    async fn restart(self, kept: Kept, net: &Net) -> Self {
        let Self { number, engine, raft, replica } = self;
        engine.kill();
        net.leave(replica_id(number).0);
        raft.shutdown().await.ok();
        drop((raft, replica));
        start(number, engine.after_power_cut(kept), net).await
    }
}

/// A client that tries every replica until one answers for the cluster.
async fn write(nodes: &[Node], payload: EntryPayload) -> BatchAnswers {
    let attempts = async {
        loop {
            for node in nodes {
                if let Ok(Ok(done)) =
                    timeout(ATTEMPT, node.raft.client_write(payload.clone())).await
                {
                    return done.data;
                }
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, attempts).await.expect("the cluster takes writes again")
}

fn batch(number: u64) -> EntryPayload {
    payload(&Batch {
        stamp_ms: 1_000 + number,
        commands: (0..3).map(|place| hold(number * 3 + place)).collect(),
    })
}

/// Bookings that were acknowledged, by the number of their hold.
type Acknowledged = BTreeMap<u64, BookingId>;

async fn hold_some(nodes: &[Node], numbers: std::ops::Range<u64>, told: &mut Acknowledged) {
    for number in numbers {
        let answers = write(nodes, batch(number)).await;
        assert_eq!(answers.answers.len(), 3);
        for (place, applied) in (0..).zip(answers.answers) {
            if let Ok(Reply::Booking(booking)) = applied.answer {
                told.insert(number * 3 + place, booking.booking);
            }
        }
    }
}

/// All replicas have applied the last write, and are in one state that has every booking.
async fn check(nodes: &[Node], told: &Acknowledged) {
    let last = write(nodes, batch(9_999)).await.index;
    let mut digests = Vec::new();
    for node in nodes {
        let mut progress = node.replica.state.watch();
        let there = progress.wait_for(|now| now.applied.is_some_and(|id| id.index >= last));
        timeout(DEADLINE, there).await.expect("the replica catches up").unwrap();
        let (digest, audit) =
            node.replica.state.read(|state| (state.digest(), state.audit())).unwrap();
        assert_eq!(audit, Vec::<String>::new());
        digests.push(digest);
        for (number, booking) in told {
            let seen = node.replica.state.read(|state| has(state, *booking)).unwrap();
            assert!(seen, "node {}: hold {number} is gone", node.number);
        }
    }
    // A write of a retrying client may have been applied later than the one that was waited for.
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "replicas differ");
}

fn has(state: &State, booking: BookingId) -> bool {
    state.booking(booking).is_some()
}

#[test]
fn p3_holds_survive_power_cuts_in_turn_and_all_at_once() {
    run(async {
        let net = Net::default();
        let mut nodes = Vec::new();
        for number in 1..=3 {
            nodes.push(start(number, MemEngine::new(), &net).await);
        }
        let places: BTreeMap<u64, Place> = (1..=3)
            .map(|node| (replica_id(node).0, Place { node, addr: format!("node-{node}") }))
            .collect();
        nodes[0].raft.initialize(places).await.unwrap();
        let answers = write(&nodes, payload(&Batch { stamp_ms: 1_000, commands: opening() })).await;
        assert!(answers.answers.iter().all(|applied| applied.answer.is_ok()));

        let mut told = Acknowledged::new();
        let mut number = 1;
        for round in 0..12_usize {
            let victim = round % 3;
            let kept = Kept::ALL[round % 4];
            let engine = nodes[victim].engine.clone();
            engine.order(engine.step() + 3 + round as u64, Trouble::PowerCut);
            // Writes go on while it goes down, and long enough after that it needs a snapshot.
            hold_some(&nodes, number..number + 14, &mut told).await;
            number += 14;
            let node = nodes.remove(victim).restart_after_fault(kept, &net).await;
            nodes.insert(victim, node);
        }
        check(&nodes, &told).await;
        assert!(net.snapshots.load(Ordering::Relaxed) > 0, "somebody needed a snapshot");

        for kept in Kept::ALL {
            hold_some(&nodes, number..number + 5, &mut told).await;
            number += 5;
            for node in &nodes {
                node.engine.kill();
            }
            let mut again = Vec::new();
            for node in nodes {
                again.push(node.restart(kept, &net).await);
            }
            nodes = again;
            check(&nodes, &told).await;
        }
        for node in nodes {
            node.raft.shutdown().await.unwrap();
        }
    });
}
