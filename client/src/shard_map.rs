//! The cluster's map as this client knows it: slots to shards, shards to replicas, nodes to
//! connections, and a guess at each shard's leader.
//!
//! The map is a cache. It is never trusted beyond "ask there": nodes correct it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rowlock_proto::shard::SLOTS;
use rowlock_proto::{NodeId, Slot, v1};

use crate::transport::Link;
use crate::wire::Unreadable;

/// A node, and the stream to it.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) addr: String,
    pub(crate) connection: Arc<Link>,
}

#[derive(Debug)]
struct Shard {
    /// Indexes into `ShardMap::nodes`; never empty.
    replicas: Vec<usize>,
    /// Index into `replicas`: whom to ask first.
    guess: AtomicUsize,
}

#[derive(Debug)]
pub(crate) struct ShardMap {
    pub(crate) wire: v1::ClusterMap,
    pub(crate) nodes: Vec<Node>,
    shards: Vec<Shard>,
    /// Index into `shards`, by slot.
    slots: Vec<u16>,
}

impl ShardMap {
    /// Builds the map; `connections` are those to its nodes, in their order.
    pub(crate) fn new(
        wire: v1::ClusterMap,
        connections: Vec<Arc<Link>>,
    ) -> Result<Self, Unreadable> {
        let nodes: Vec<Node> = wire
            .nodes
            .iter()
            .zip(connections)
            .map(|(node, connection)| Node {
                id: NodeId(node.node),
                addr: node.addr.clone(),
                connection,
            })
            .collect();
        let index = |id: u64| nodes.iter().position(|node| node.id.0 == id);
        let mut shards = Vec::with_capacity(wire.shards.len());
        for (number, shard) in wire.shards.iter().enumerate() {
            if usize::try_from(shard.shard) != Ok(number) {
                return Err(Unreadable("map with a gap in its shards"));
            }
            let replicas: Vec<usize> =
                shard.replicas.iter().filter_map(|replica| index(replica.node)).collect();
            if replicas.is_empty() {
                return Err(Unreadable("map with a shard of no replicas"));
            }
            let leader = index(shard.leader_node);
            let guess = replicas.iter().position(|&node| Some(node) == leader).unwrap_or(0);
            shards.push(Shard { replicas, guess: AtomicUsize::new(guess) });
        }
        let slots: Vec<u16> =
            wire.slots.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        if slots.len() != usize::from(SLOTS)
            || slots.iter().any(|&shard| usize::from(shard) >= shards.len())
        {
            return Err(Unreadable("map with a wrong slot table"));
        }
        Ok(Self { wire, nodes, shards, slots })
    }

    pub(crate) fn shard_count(&self) -> u32 {
        u32::try_from(self.shards.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn shard_of(&self, slot: Slot) -> usize {
        usize::from(self.slots[usize::from(slot.number())])
    }

    /// Any slot of the shard: what a query about a whole shard is addressed to.
    pub(crate) fn slot_of(&self, shard: u32) -> Option<Slot> {
        let slot = self.slots.iter().position(|&owner| u32::from(owner) == shard)?;
        Slot::new(u16::try_from(slot).ok()?)
    }

    /// The nodes that have a replica of the shard.
    pub(crate) fn replicas(&self, shard: u32) -> Option<Vec<&Node>> {
        let shard = self.shards.get(usize::try_from(shard).ok()?)?;
        Some(shard.replicas.iter().map(|&node| &self.nodes[node]).collect())
    }

    pub(crate) fn guess(&self, shard: usize) -> &Node {
        let shard = &self.shards[shard];
        let guess = shard.guess.load(Ordering::Relaxed) % shard.replicas.len();
        &self.nodes[shard.replicas[guess]]
    }

    /// Remembers `leader`; `false` if it has no replica of the shard in this map.
    pub(crate) fn learn(&self, shard: usize, leader: NodeId) -> bool {
        let shard = &self.shards[shard];
        let found = shard.replicas.iter().position(|&node| self.nodes[node].id == leader);
        if let Some(found) = found {
            shard.guess.store(found, Ordering::Relaxed);
        }
        found.is_some()
    }

    /// Guesses the replica after `tried`. A guess that another call has already moved stays.
    pub(crate) fn pass_on(&self, shard: usize, tried: NodeId) {
        let shard = &self.shards[shard];
        let guess = shard.guess.load(Ordering::Relaxed);
        if self.nodes[shard.replicas[guess % shard.replicas.len()]].id == tried {
            let next = (guess + 1) % shard.replicas.len();
            shard.guess.store(next, Ordering::Relaxed);
        }
    }
}
