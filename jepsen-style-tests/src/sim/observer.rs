//! Looks at all replicas from outside, and says what must not be.
//!
//! - *Log matching, leader completeness, committed for good*: an entry that any replica has applied is
//!   the same, byte by byte, on every replica that has applied it, and at every later time. Entries
//!   are read from the disks, not asked of the nodes.
//! - *Order*: of one replica, purged ≤ snapshot ≤ applied ≤ last, and within one life of its process
//!   term, applied, snapshot and purged never fall. Over lives, terms never fall either.
//! - *State machine safety*: replicas that have applied the same entry have the same digest.
//! - No replica halts, and what each has in memory fits together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rowlock_node::simulated::{Node, Standing};
use rowlock_proto::{NodeId, ShardId};
use rowlock_raft_store::engine::Engine as _;
use rowlock_raft_store::engine::memory::MemEngine;
use rowlock_raft_store::inventory::State;
use rowlock_raft_store::keys::{self, Space};
use sha2::{Digest as _, Sha256};

use super::world::World;

const INTERVAL: Duration = Duration::from_millis(250);
/// Looks from one comparison of digests to the next.
const DIGEST_TURNS: u64 = 4;

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
            let mut first: Option<(NodeId, u64, [u8; 32])> = None;
            for (id, _) in world.members(shard).1 {
                let Some(state) = world.running(id).and_then(|(_, node)| node.state(shard)) else {
                    continue;
                };
                let seen = state.read(|state| (state.audit(), state.revision(), state.digest()));
                let Ok((audit, revision, digest)) = seen else { continue };
                for what in audit {
                    world.find(format!("node {id}: shard {shard}: {what}"));
                }
                let (other, at, end) = *first.get_or_insert((id, revision, digest));
                if (at, end) != (revision, digest) {
                    world.find(format!(
                        "shard {shard}: nodes {other} and {id} end apart, at revisions {at} and {revision}"
                    ));
                }
            }
        }
    }
}
