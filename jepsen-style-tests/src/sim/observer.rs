//! Looks at all replicas from outside, and says what must not be.
//!
//! - *Log matching, leader completeness, committed for good*: an entry that any replica has applied is
//!   the same, byte by byte, on every replica that has applied it, and at every later time. Entries
//!   are read from the disks, not asked of the nodes.
//! - *Order*: of one replica, purged ≤ snapshot ≤ applied ≤ last, and within one life of its process
//!   term, applied, snapshot and purged never fall. Over lives, terms never fall either.
//! - *State machine safety*: replicas that have applied the same entry have the same digest.
//! - No replica halts, and what each has in memory fits together. In the end all of a shard have the
//!   same state and the same audit chains.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rowlock_node::simulated::{Node, Standing};
use rowlock_proto::{EventId, NodeId, ShardId};
use rowlock_raft_store::engine::Engine as _;
use rowlock_raft_store::engine::memory::MemEngine;
use rowlock_raft_store::inventory::State;
use rowlock_raft_store::keys::{self, Space};
use rowlock_raft_store::state_machine::StateHandle;
use sha2::{Digest as _, Sha256};

use super::world::World;

const INTERVAL: Duration = Duration::from_millis(250);
/// Looks from one comparison of digests to the next.
const DIGEST_TURNS: u64 = 4;
/// Far more events than a simulation makes.
const EVENTS_MAX: usize = 1_000;

#[derive(Debug, Default)]
struct Replica {
    /// Life of the process that `standing` is of.
    start: u64,
    standing: Option<Standing>,
    /// Entries below this were compared in this life.
    compared: u64,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Observer {
    replicas: BTreeMap<(ShardId, NodeId), Replica>,
    /// Applied entries, by shard and index: their bytes' checksum.
    committed: BTreeMap<(ShardId, u64), [u8; 32]>,
    /// Digests by shard and the index that they stand at.
    digests: BTreeMap<(ShardId, u64), [u8; 32]>,
    turns: u64,
}

/// Looks again and again.
pub async fn run(observer: Arc<Mutex<Observer>>, world: Arc<World>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        observer.lock().unwrap_or_else(PoisonError::into_inner).look(&world);
    }
}

impl Observer {
    /// Looks once.
    pub fn look(&mut self, world: &World) {
        self.turns += 1;
        for id in world.nodes() {
            let Some((machine, node)) = world.running(id) else { continue };
            if !machine.is_on() {
                continue;
            }
            let (engine, start) = (world.engine(id), world.starts(id));
            for standing in node.standings() {
                self.standing(world, id, start, &standing);
                self.entries(world, id, &engine, &standing);
                self.state(world, id, &node, standing.shard);
            }
        }
    }

    fn standing(&mut self, world: &World, id: NodeId, start: u64, now: &Standing) {
        if now.term == 0 && now.last.is_none() {
            // A process that was just started has not told anything yet.
            return;
        }
        let replica = self.replicas.entry((now.shard, id)).or_default();
        let same_life = replica.start == start;
        if let Some(before) = &replica.standing {
            let falls = before.term > now.term
                || same_life
                    && (before.applied > now.applied
                        || before.snapshot > now.snapshot
                        || before.purged > now.purged);
            if falls {
                world.find(format!("node {id}: a replica goes back: {before:?}, then {now:?}"));
            }
        }
        if now.purged > now.snapshot || now.snapshot > now.applied || now.applied > now.last {
            world.find(format!("node {id}: out of order: {now:?}"));
        }
        if !same_life {
            replica.compared = 0;
        }
        replica.start = start;
        replica.standing = Some(now.clone());
    }

    fn entries(&mut self, world: &World, id: NodeId, engine: &MemEngine, now: &Standing) {
        let Some(replica) = self.replicas.get_mut(&(now.shard, id)) else { return };
        let Some(applied) = now.applied else { return };
        let first = now.purged.map_or(0, |purged| purged + 1);
        for index in replica.compared.max(first)..=applied {
            // A row that is gone was purged since the replica told how far it is.
            let Ok(Some(row)) = engine.get(Space::Log, &keys::log(now.shard, index)) else {
                continue;
            };
            let sum: [u8; 32] = Sha256::digest(&row).into();
            let first_seen = *self.committed.entry((now.shard, index)).or_insert(sum);
            if first_seen != sum {
                let shard = now.shard;
                world.find(format!("node {id}: entry {index} of shard {shard} is another one"));
            }
        }
        replica.compared = applied + 1;
    }

    fn state(&mut self, world: &World, id: NodeId, node: &Node, shard: ShardId) {
        let Some(state) = node.state(shard) else { return };
        if let Some(halted) = state.halted() {
            world.find(format!("node {id}: shard {shard} halted: {halted}"));
            return;
        }
        if !self.turns.is_multiple_of(DIGEST_TURNS) {
            return;
        }
        // Nothing is applied in between: all of this runs on one thread.
        let (Some(index), Ok(digest)) = (state.applied_index(), state.read(State::digest)) else {
            return;
        };
        let first_seen = *self.digests.entry((shard, index)).or_insert(digest);
        if first_seen != digest {
            world.find(format!("node {id}: shard {shard} differs after entry {index}"));
        }
    }

    /// What each replica has in memory fits together, and all of a shard are in one state.
    pub fn last_look(&mut self, world: &World) {
        self.look(world);
        for shard in (0..world.shape().shards).map(ShardId) {
            let mut first: Option<(NodeId, End)> = None;
            for (id, _) in world.members(shard).1 {
                let Some(state) = world.running(id).and_then(|(_, node)| node.state(shard)) else {
                    continue;
                };
                let Ok(audit) = state.read(State::audit) else { continue };
                for what in &audit {
                    world.find(format!("node {id}: shard {shard}: {what}"));
                }
                if !audit.is_empty() {
                    // What does not fit together can't be looked at either.
                    continue;
                }
                let end = End::of(&state);
                let (other, expected) = first.get_or_insert_with(|| (id, end.clone()));
                if let Some(what) = expected.differs_in(&end) {
                    world.find(format!(
                        "shard {shard}: nodes {other} and {id} end with other {what}"
                    ));
                }
            }
        }
    }
}

/// The head of an event's audit chain, and how many changes are in it.
type Chain = ([u8; 32], u64);

/// What all replicas of a shard must have in common once nothing happens any more.
#[derive(Clone)]
struct End {
    revision: u64,
    digest: Option<[u8; 32]>,
    /// The audit chains, which are kept beside the state.
    chains: Vec<(EventId, Option<Chain>)>,
}

impl End {
    fn of(state: &StateHandle) -> Self {
        let events = state.read(|state| state.events_after(None, EVENTS_MAX).0).unwrap_or_default();
        let chain = |event| {
            let head = state.audit_head(event).ok().flatten();
            (event, head.map(|head| (head.head, head.changes)))
        };
        Self {
            revision: state.progress().revision,
            digest: state.read(State::digest).ok(),
            chains: events.into_iter().map(|view| chain(view.event)).collect(),
        }
    }

    fn differs_in(&self, other: &Self) -> Option<&'static str> {
        if self.revision != other.revision {
            Some("revisions")
        } else if self.digest != other.digest {
            Some("states")
        } else {
            (self.chains != other.chains).then_some("audit chains")
        }
    }
}
