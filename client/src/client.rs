//! The client itself: the map it goes by, and the loop that carries out what [`route`] says.
//!
//! [`route`]: crate::route

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rowlock_proto::v1::inventory_client::InventoryClient;
use rowlock_proto::{NodeId, Slot, v1};
use tokio::time::Instant;

use crate::connection::{Connection, endpoint};
use crate::error::Error;
use crate::route::{Outcome, Route, Step};
use crate::shard_map::ShardMap;
use crate::transport::{Broken, Link, Transport};
use crate::types::{ClusterMap, NodeEntry, Position, ReplicaId, ShardEntry, ShardId};
use crate::wire;

/// An attempt without an answer for so long is repeated elsewhere.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long one node may take to give the map.
const MAP_TIMEOUT: Duration = Duration::from_secs(2);
const CONNECT_PAUSE: Duration = Duration::from_millis(50);

/// How to reach a cluster.
#[derive(Clone, Debug)]
pub struct Config {
    /// `host:port` of some nodes; the others are learned.
    pub endpoints: Vec<String>,
    /// Each call ends by then.
    pub call_timeout: Duration,
    /// How long [`Client::connect`] looks for a node that answers.
    pub connect_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            endpoints: Vec::new(),
            call_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
        }
    }
}

#[derive(Debug)]
struct Inner {
    endpoints: Vec<String>,
    /// Instead of streams of its own.
    transport: Option<Arc<dyn Transport>>,
    /// Pauses between attempts: callers that were refused together come back apart.
    jitter: AtomicU32,
    map: RwLock<Arc<ShardMap>>,
    /// One caller fetches the map; those who come meanwhile use what it got.
    fetching: tokio::sync::Mutex<()>,
}

/// A connected client. Cloning is cheap; all clones share their streams.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
    call_timeout: Duration,
}

impl Client {
    /// Fetches the map from any endpoint and opens the streams. Must be called within a tokio
    /// runtime, which then carries the streams.
    pub async fn connect(config: Config) -> Result<Self, Error> {
        Self::reach(config, None, rand::random()).await
    }

    /// Reaches nodes by `transport`. What is random about a client comes from `seed`.
    pub async fn over(
        transport: Arc<dyn Transport>,
        config: Config,
        seed: u32,
    ) -> Result<Self, Error> {
        Self::reach(config, Some(transport), seed).await
    }

    async fn reach(
        config: Config,
        transport: Option<Arc<dyn Transport>>,
        seed: u32,
    ) -> Result<Self, Error> {
        if config.endpoints.is_empty() {
            return Err(Error::unavailable("no endpoints were given"));
        }
        let deadline = Instant::now() + config.connect_timeout;
        let map = loop {
            match fetch(&config.endpoints, transport.as_ref(), None).await {
                Ok(map) => break map,
                Err(error) if Instant::now() + CONNECT_PAUSE >= deadline => return Err(error),
                Err(_) => tokio::time::sleep(CONNECT_PAUSE).await,
            }
        };
        let inner = Inner {
            endpoints: config.endpoints,
            transport,
            jitter: AtomicU32::new(seed),
            map: RwLock::new(Arc::new(map)),
            fetching: tokio::sync::Mutex::new(()),
        };
        Ok(Self { inner: Arc::new(inner), call_timeout: config.call_timeout })
    }

    /// The same client with another limit on the length of its calls.
    #[must_use]
    pub fn with_call_timeout(&self, call_timeout: Duration) -> Self {
        Self { inner: Arc::clone(&self.inner), call_timeout }
    }

    /// The map as it is cached here.
    pub fn map(&self) -> ClusterMap {
        let map = self.shard_map();
        let mut cluster = [0; 16];
        if map.wire.cluster.len() == cluster.len() {
            cluster.copy_from_slice(&map.wire.cluster);
        }
        let nodes = map.wire.nodes.iter().map(|node| NodeEntry {
            id: NodeId(node.node),
            addr: node.addr.clone(),
            metrics_addr: node.metrics_addr.clone(),
        });
        let shards = map.wire.shards.iter().map(|shard| ShardEntry {
            id: ShardId(shard.shard),
            replicas: shard
                .replicas
                .iter()
                .map(|replica| (ReplicaId(replica.replica), NodeId(replica.node)))
                .collect(),
        });
        ClusterMap {
            cluster,
            epoch: map.wire.epoch,
            nodes: nodes.collect(),
            shards: shards.collect(),
        }
    }

    /// Number of shards: they are 0 to this.
    pub fn shard_count(&self) -> u32 {
        self.shard_map().shard_count()
    }

    /// The shard that `slot` belongs to.
    pub fn shard_of(&self, slot: Slot) -> ShardId {
        ShardId(u32::try_from(self.shard_map().shard_of(slot)).unwrap_or(u32::MAX))
    }

    pub(crate) fn shard_map(&self) -> Arc<ShardMap> {
        Arc::clone(&self.inner.map.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces `stale` by what a node says now. Without an answer the old map stays.
    pub(crate) async fn refetch(&self, stale: &Arc<ShardMap>) {
        let _one = self.inner.fetching.lock().await;
        if !Arc::ptr_eq(stale, &self.shard_map()) {
            return;
        }
        let known = stale.nodes.iter().map(|node| node.addr.clone());
        let endpoints: Vec<String> = known.chain(self.inner.endpoints.iter().cloned()).collect();
        match fetch(&endpoints, self.inner.transport.as_ref(), Some(stale)).await {
            Ok(map) => {
                *self.inner.map.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(map);
            }
            Err(error) => tracing::debug!(%error, "the map can't be fetched"),
        }
    }

    /// Repeats a call until it is decided or its time is up.
    pub(crate) async fn call(
        &self,
        slot: Slot,
        body: v1::call::Body,
    ) -> Result<(v1::answer::Body, Position), Error> {
        let mut route = match body {
            v1::call::Body::Command(_) => Route::of_command(),
            v1::call::Body::Query(_) => Route::of_query(),
        };
        let deadline = Instant::now() + self.call_timeout;
        loop {
            let now = Instant::now();
            if now >= deadline {
                return Err(route.end(false));
            }
            let until = deadline.min(now + ATTEMPT_TIMEOUT);
            let timeout_ms = u32::try_from((until - now).as_millis()).unwrap_or(u32::MAX).max(1);
            let map = self.shard_map();
            let shard = map.shard_of(slot);
            let node = map.guess(shard);
            let call = v1::Call {
                id: 0,
                slot: u32::from(slot.number()),
                timeout_ms,
                body: Some(body.clone()),
            };
            let outcome = match node.connection.call(call, until).await {
                Ok(v1::Answer { body: Some(v1::answer::Body::Retry(retry)), .. }) => {
                    outcome(&retry)
                }
                Ok(v1::Answer { body: Some(v1::answer::Body::Refusal(refusal)), .. }) => {
                    return Err(Error::Refused(wire::refusal(refusal)));
                }
                Ok(v1::Answer { body: Some(body), at, .. }) => {
                    return Ok((body, wire::position(at)));
                }
                // An answer of a kind we don't know decides nothing that we could tell.
                Ok(v1::Answer { body: None, .. }) => Outcome::FateUnknown,
                Err(broken) => Outcome::Lost { sent: broken == Broken::Sent },
            };
            let pause = match route.next(&outcome, self.jitter()) {
                Step::Leader { node: leader, pause } => {
                    if !map.learn(shard, leader) {
                        self.refetch_by(&map, deadline).await;
                    }
                    pause
                }
                Step::NextReplica { pause } => {
                    map.pass_on(shard, node.id);
                    pause
                }
                Step::Same { pause } => pause,
                Step::Refetch { pause } => {
                    self.refetch_by(&map, deadline).await;
                    pause
                }
            };
            if Instant::now() + pause >= deadline {
                return Err(route.end(false));
            }
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// Different at each call: the steps of a multiplicative generator.
    fn jitter(&self) -> u8 {
        let turn = self.inner.jitter.fetch_add(1, Ordering::Relaxed);
        turn.wrapping_mul(0x9e37_79b9).to_be_bytes()[0]
    }

    async fn refetch_by(&self, stale: &Arc<ShardMap>, deadline: Instant) {
        if tokio::time::timeout_at(deadline, self.refetch(stale)).await.is_err() {
            tracing::debug!("no time left to fetch the map");
        }
    }
}

fn outcome(retry: &v1::Retry) -> Outcome {
    use v1::retry::Kind;
    let after = Duration::from_millis(u64::from(retry.retry_after_ms));
    match retry.kind() {
        Kind::NotLeader => Outcome::NotLeader {
            leader: (retry.leader_node != 0).then_some(NodeId(retry.leader_node)),
        },
        Kind::WrongNode => Outcome::WrongNode,
        Kind::Overloaded => Outcome::Overloaded { after },
        Kind::Unavailable => Outcome::Unavailable { after },
        // A kind that we don't know promises nothing about the command's fate.
        Kind::UnknownOutcome | Kind::Unspecified => Outcome::FateUnknown,
    }
}

/// The map, from the first endpoint that gives one. Connections of `old` are kept where the
/// address is still in use.
async fn fetch(
    endpoints: &[String],
    transport: Option<&Arc<dyn Transport>>,
    old: Option<&ShardMap>,
) -> Result<ShardMap, Error> {
    let mut last = Error::unavailable("no endpoints were given");
    for addr in endpoints {
        let map = async {
            match transport {
                None => fetch_one(addr).await,
                Some(transport) => {
                    transport.map(addr).await.ok_or_else(|| Error::unavailable("no answer"))
                }
            }
        };
        let map = tokio::time::timeout(MAP_TIMEOUT, map).await;
        match map.unwrap_or_else(|_| Err(Error::unavailable("no answer in time"))) {
            Ok(map) => return build(map, transport, old),
            Err(Error::Unavailable { reason }) => {
                last = Error::unavailable(format!("{addr}: {reason}"));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn fetch_one(addr: &str) -> Result<v1::ClusterMap, Error> {
    let channel = endpoint(addr).map_err(|_| Error::unavailable("not an address"))?.connect().await;
    let channel = channel.map_err(|error| Error::unavailable(cause(&error)))?;
    let reply = InventoryClient::new(channel).get_map(v1::GetMapRequest {}).await;
    Ok(reply.map_err(|status| Error::unavailable(status.message()))?.into_inner())
}

/// The innermost cause: "connection refused" says more than "transport error".
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn build(
    wire: v1::ClusterMap,
    transport: Option<&Arc<dyn Transport>>,
    old: Option<&ShardMap>,
) -> Result<ShardMap, Error> {
    let kept = |addr: &str| {
        let node = old?.nodes.iter().find(|node| node.addr == addr)?;
        Some(Arc::clone(&node.connection))
    };
    // Opened first, so that a wrong address is an error and not a hole in the map.
    let mut connections = Vec::with_capacity(wire.nodes.len());
    for node in &wire.nodes {
        let connection =
            match kept(&node.addr) {
                Some(connection) => connection,
                None => Arc::new(match transport {
                    Some(transport) => Link::Carried(Arc::clone(transport), node.addr.clone()),
                    None => Link::Stream(Connection::open(&node.addr).map_err(|_| {
                        Error::unavailable(format!("{}: not an address", node.addr))
                    })?),
                }),
            };
        connections.push(connection);
    }
    ShardMap::new(wire, connections).map_err(|error| Error::unavailable(error.to_string()))
}
