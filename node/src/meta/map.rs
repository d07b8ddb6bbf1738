//! The cluster map: slots to shards, shards to replicas, nodes to addresses.

use std::collections::BTreeMap;

use rowlock_proto::{NodeId, ReplicaId, ShardId, Slot};

use crate::config::{ClusterId, Config};

/// One placement of a shard's group on a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Replica {
    pub(crate) id: ReplicaId,
    pub(crate) node: NodeId,
}

/// A shard and its replicas. The first replica begins the group, and so leads it first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Shard {
    pub(crate) id: ShardId,
    pub(crate) replicas: Vec<Replica>,
    /// So many of them, the first, begin the group; the others may join it later.
    pub(crate) founders: usize,
}

impl Shard {
    pub(crate) fn replica_on(&self, node: NodeId) -> Option<Replica> {
        self.replicas.iter().copied().find(|replica| replica.node == node)
    }

    pub(crate) fn node_of(&self, replica: ReplicaId) -> Option<NodeId> {
        self.replicas.iter().find(|entry| entry.id == replica).map(|entry| entry.node)
    }

    /// The node that begins the group.
    pub(crate) fn first_node(&self) -> Option<NodeId> {
        self.replicas.first().map(|replica| replica.node)
    }
}

/// What every node of a cluster must have been started with alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Layout {
    pub(crate) cluster: ClusterId,
    pub(crate) shards: u32,
    pub(crate) replicas: u32,
    pub(crate) clock_bound_ms: u64,
}

impl Layout {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            cluster: config.cluster,
            shards: config.shards,
            replicas: config.replicas,
            clock_bound_ms: config.clock_bound_ms(),
        }
    }
}

/// Nodes, shards and placements.
#[derive(Clone, Debug)]
pub(crate) struct Map {
    pub(crate) layout: Layout,
    pub(crate) epoch: u64,
    pub(crate) nodes: BTreeMap<NodeId, String>,
    /// By number: shard `i` stands at `i`.
    pub(crate) shards: Vec<Shard>,
}

impl Map {
    /// The map that every node of the cluster computes from the same settings: replica `i` of
    /// shard `s` lives on the node at place `(s + i) mod N`, so that leaders and load spread.
    pub(crate) fn at_bootstrap(config: &Config) -> Self {
        Self::with_spares(config, 0)
    }

    /// The same where the last `spares` nodes have a replica of every shard that may join it later.
    pub(crate) fn with_spares(config: &Config, spares: usize) -> Self {
        let mut nodes: Vec<NodeId> = config.peers.0.keys().copied().collect();
        let spares = nodes.split_off(nodes.len().saturating_sub(spares));
        let on = |shard: u32, node: NodeId| Replica {
            id: ReplicaId(u64::from(shard) * 1000 + node.0),
            node,
        };
        let place =
            |shard: u32, i: u32| on(shard, nodes[(shard as usize + i as usize) % nodes.len()]);
        let shards = (0..config.shards)
            .map(|shard| {
                let founders = (0..config.replicas).map(|i| place(shard, i));
                let replicas: Vec<Replica> =
                    founders.chain(spares.iter().map(|&node| on(shard, node))).collect();
                let founders = replicas.len() - spares.len();
                Shard { id: ShardId(shard), replicas, founders }
            })
            .collect();
        Self { layout: Layout::of(config), epoch: 1, nodes: config.peers.0.clone(), shards }
    }

    pub(crate) fn shard_of(&self, slot: Slot) -> ShardId {
        // At most 4096 shards: the remainder fits.
        ShardId(u32::from(slot.number()) % self.shard_count())
    }

    pub(crate) fn addr(&self, node: NodeId) -> Option<&str> {
        self.nodes.get(&node).map(String::as_str)
    }

    fn shard_count(&self) -> u32 {
        u32::try_from(self.shards.len()).expect("a map has at most as many shards as slots")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn map(nodes: u64, shards: u32, replicas: u32) -> Map {
        Map::at_bootstrap(&Config {
            data: "d".into(),
            node: NodeId(1),
            cluster: ClusterId([0; 16]),
            listen: ([127, 0, 0, 1], 0).into(),
            metrics_listen: ([127, 0, 0, 1], 0).into(),
            peers: crate::config::Peers(
                (1..=nodes).map(|node| (NodeId(node), format!("h:{node}"))).collect(),
            ),
            shards,
            replicas,
            bootstrap: true,
            clock_bound: std::time::Duration::from_millis(250),
            event_cache_mib: 64,
            feed_pinned_mib: 64,
        })
    }

    #[test]
    fn replicas_live_on_different_nodes_under_ids_of_their_own() {
        let map = map(5, 16, 3);
        let mut ids = BTreeSet::new();
        for shard in &map.shards {
            let nodes: BTreeSet<_> = shard.replicas.iter().map(|replica| replica.node).collect();
            assert_eq!(nodes.len(), 3);
            for replica in &shard.replicas {
                assert!(ids.insert(replica.id));
                assert_eq!(shard.node_of(replica.id), Some(replica.node));
            }
        }
    }

    #[test]
    fn first_leaders_spread_over_the_nodes() {
        let map = map(3, 16, 3);
        for node in 1..=3 {
            let first = map.shards.iter().filter(|s| s.first_node() == Some(NodeId(node))).count();
            assert!((5..=6).contains(&first), "{first}");
        }
    }

    #[test]
    fn every_slot_has_a_shard() {
        let map = map(3, 7, 3);
        let slots = (0..4096).filter_map(Slot::new);
        let used: BTreeSet<_> = slots.map(|slot| map.shard_of(slot)).collect();
        assert_eq!(used.len(), 7);
        assert!(used.iter().all(|shard| map.shards.iter().any(|entry| entry.id == *shard)));
    }
}
