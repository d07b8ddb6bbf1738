//! What a node is told when it starts: who it is, where it listens, and who its peers are.
//!
//! Owns: the command line and its checks. Must not: open, bind or connect anything.
//!
//! Invariant: a [`Config`] that exists is consistent: the node is among the peers, and no shard
//! wants more replicas than there are nodes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use rowlock_proto::NodeId;
use rowlock_proto::shard::SLOTS;

/// Nodes of one cluster. Replica ids leave three digits for the node.
pub const NODES_MAX: u64 = 999;
/// Shards of one cluster: one a slot.
pub const SHARDS_MAX: u32 = SLOTS as u32;
/// Memory for seats and bookings: 16 TiB.
pub const EVENT_CACHE_MIB_MAX: u64 = 16 << 20;
/// Disk for the part of a feed that consumers are behind with: 16 TiB.
pub const FEED_PINNED_MIB_MAX: u64 = 16 << 20;
/// Replicas of one shard.
pub const REPLICAS_MAX: u32 = 7;

/// The command line of `rowlock-node`.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "rowlock-node", version, about = "One server process of a Rowlock cluster")]
pub struct Args {
    /// Directory of everything this node stores.
    #[arg(long)]
    pub data: PathBuf,
    /// This node's id: 1 to 999, never used twice in a cluster.
    #[arg(long)]
    pub node: u64,
    /// The cluster's id: 32 hexadecimal digits, the same on every node.
    #[arg(long)]
    pub cluster: ClusterId,
    /// Address for clients and other nodes (gRPC).
    #[arg(long)]
    pub listen: SocketAddr,
    /// Address for /metrics, /healthz and /readyz.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub metrics_listen: SocketAddr,
    /// Every node of the cluster with its gRPC address: "1=10.0.0.1:7001,2=10.0.0.2:7001".
    #[arg(long)]
    pub peers: Peers,
    /// Number of shards, fixed when the cluster begins.
    #[arg(long, default_value_t = 16)]
    pub shards: u32,
    /// Replicas of each shard.
    #[arg(long, default_value_t = 3)]
    pub replicas: u32,
    /// Begin the groups that this node is first in. Safe to give at every start.
    #[arg(long)]
    pub bootstrap: bool,
    /// Greatest error of a node's clock against true time that is put up with.
    #[arg(long, default_value_t = 250)]
    pub clock_bound_ms: u64,
    /// MiB that seats and bookings of quiet events may take in memory; the others are read from disk
    /// when they are wanted. Events with holds are always in memory.
    #[arg(long, default_value_t = 2_048)]
    pub event_cache_mib: u64,
    /// MiB a shard that its change feed may take beyond its retention while a named consumer is behind.
    /// Past that the consumer has to read the state anew.
    #[arg(long, default_value_t = 1_024)]
    pub feed_pinned_mib: u64,
}

/// A cluster's id, as given when the cluster began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClusterId(pub [u8; 16]);

impl FromStr for ClusterId {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::ClusterId);
        }
        u128::from_str_radix(text, 16)
            .map(|bits| Self(bits.to_be_bytes()))
            .map_err(|_| Error::ClusterId)
    }
}

impl std::fmt::Display for ClusterId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// Every node of the cluster with its address, in the order of ids.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peers(pub BTreeMap<NodeId, String>);

impl FromStr for Peers {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut peers = BTreeMap::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (node, addr) = part.split_once('=').ok_or_else(|| Error::Peer(part.to_owned()))?;
            let node = node.parse().map_err(|_| Error::Peer(part.to_owned()))?;
            if !addr.contains(':') {
                return Err(Error::Peer(part.to_owned()));
            }
            if peers.insert(NodeId(node), addr.to_owned()).is_some() {
                return Err(Error::PeerRepeated(node));
            }
        }
        Ok(Self(peers))
    }
}

/// Why a command line makes no node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("a cluster id is 32 hexadecimal digits")]
    ClusterId,
    #[error("{0:?} is not ID=HOST:PORT")]
    Peer(String),
    #[error("node {0} stands twice among the peers")]
    PeerRepeated(u64),
    #[error("node ids go from 1 to {NODES_MAX}, and {0} is not one")]
    NodeId(u64),
    #[error("node {0} is not among the peers")]
    NotAPeer(u64),
    #[error("{0} shards: 1 to {SHARDS_MAX} are possible")]
    Shards(u32),
    #[error("{replicas} replicas on {nodes} nodes: 1 to {REPLICAS_MAX}, and no more than nodes")]
    Replicas { replicas: u32, nodes: usize },
    #[error("an event cache of {0} MiB: 1 to {EVENT_CACHE_MIB_MAX} are possible")]
    EventCache(u64),
    #[error("{0} MiB of a feed for consumers: {FEED_PINNED_MIB_MAX} at most")]
    FeedPinned(u64),
    #[error("a clock bound of {0} ms: 1 to 10000 are possible")]
    ClockBound(u64),
}

/// A checked command line.
#[derive(Clone, Debug)]
pub struct Config {
    pub data: PathBuf,
    pub node: NodeId,
    pub cluster: ClusterId,
    pub listen: SocketAddr,
    pub metrics_listen: SocketAddr,
    pub peers: Peers,
    pub shards: u32,
    pub replicas: u32,
    pub bootstrap: bool,
    pub clock_bound: Duration,
    pub event_cache_mib: u64,
    pub feed_pinned_mib: u64,
}

impl Config {
    pub(crate) fn clock_bound_ms(&self) -> u64 {
        u64::try_from(self.clock_bound.as_millis()).unwrap_or(u64::MAX)
    }
}

impl TryFrom<Args> for Config {
    type Error = Error;
    fn try_from(args: Args) -> Result<Self, Error> {
        let nodes = &args.peers.0;
        if let Some(node) = nodes.keys().find(|node| node.0 == 0 || node.0 > NODES_MAX) {
            return Err(Error::NodeId(node.0));
        }
        if !nodes.contains_key(&NodeId(args.node)) {
            return Err(Error::NotAPeer(args.node));
        }
        if args.shards == 0 || args.shards > SHARDS_MAX {
            return Err(Error::Shards(args.shards));
        }
        let replicas = args.replicas;
        if replicas == 0 || replicas > REPLICAS_MAX || replicas as usize > nodes.len() {
            return Err(Error::Replicas { replicas, nodes: nodes.len() });
        }
        if args.clock_bound_ms == 0 || args.clock_bound_ms > 10_000 {
            return Err(Error::ClockBound(args.clock_bound_ms));
        }
        if args.event_cache_mib == 0 || args.event_cache_mib > EVENT_CACHE_MIB_MAX {
            return Err(Error::EventCache(args.event_cache_mib));
        }
        if args.feed_pinned_mib > FEED_PINNED_MIB_MAX {
            return Err(Error::FeedPinned(args.feed_pinned_mib));
        }
        Ok(Self {
            data: args.data,
            node: NodeId(args.node),
            cluster: args.cluster,
            listen: args.listen,
            metrics_listen: args.metrics_listen,
            peers: args.peers,
            shards: args.shards,
            replicas,
            bootstrap: args.bootstrap,
            clock_bound: Duration::from_millis(args.clock_bound_ms),
            event_cache_mib: args.event_cache_mib,
            feed_pinned_mib: args.feed_pinned_mib,
        })
    }
}

#[cfg(test)]
mod tests;
