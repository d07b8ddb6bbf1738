//! A node without sockets, threads or clocks of its own, for simulations.
//!
//! It is the node that serves customers: its groups, proposers, reads, sweeper, clock judgement,
//! wire codecs and storage. The simulation brings the engine, the time and the network, and decides
//! when a sync is done and when state is flushed.
//!
//! Owns: the assembly of such a node. Must not: decide what goes wrong.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use openraft::async_runtime::WatchReceiver as _;
use rowlock_proto::v1::inventory_server::Inventory as _;
use rowlock_proto::{NodeId, ReplicaId, ShardId, v1};
use rowlock_raft_store::engine::Engine;
use rowlock_raft_store::fault::Fault;
use rowlock_raft_store::log_writer::Rounds;
use rowlock_raft_store::runtime::on_this_machine;
use rowlock_raft_store::state_machine::StateHandle;
use rowlock_raft_store::store::Store;
use rowlock_raft_store::types::Place;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::{AskTime, Checker, Clock, Time};
use crate::config::Config;
use crate::group::{Groups, Sweeper};
use crate::grpc;
use crate::host::{self, LogLength, Networks, Opening};
use crate::meta::Map;
use crate::metrics::Metrics;
use crate::net::{self, Simulated, carried};

/// What one machine asks of a node.
#[derive(Clone, Debug)]
pub enum Request {
    /// From another node: Raft.
    Frame(v1::Frame),
    Snapshot {
        head: v1::SnapshotHead,
        chunks: Vec<Bytes>,
    },
    /// From another node's clock.
    WallTime,
    /// From a client.
    Call(Box<v1::Call>),
    Map,
}

/// What the node says.
#[derive(Clone, Debug)]
pub enum Reply {
    Frame(v1::Frame),
    Installed(Bytes),
    /// Microseconds since 1970.
    WallTime(u64),
    Answer(Box<v1::Answer>),
    Map(v1::ClusterMap),
}

/// The simulated network, as one node sees it.
pub trait Carrier: Clone + std::fmt::Debug + Send + Sync + 'static {
    /// `None`: no answer came in time.
    fn ask(&self, to: NodeId, request: Request) -> impl Future<Output = Option<Reply>> + Send;
}

#[derive(Clone, Debug)]
struct Other<C> {
    carrier: C,
    node: NodeId,
}

impl<C: Carrier> AskTime for Other<C> {
    async fn wall_us(self) -> Option<u64> {
        match self.carrier.ask(self.node, Request::WallTime).await? {
            Reply::WallTime(wall_us) => Some(wall_us),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct Carriers<C>(C);

impl<C: Carrier> Networks for Carriers<C> {
    type Factory = Simulated<C>;

    fn of(&self, shard: ShardId, replica: ReplicaId) -> Simulated<C> {
        Simulated { carrier: self.0.clone(), shard, replica }
    }
}

/// What a simulation brings.
#[derive(Debug)]
pub struct World<C> {
    pub engine: Arc<dyn Engine>,
    pub time: Arc<dyn Time>,
    pub carrier: C,
    pub log_length: LogLength,
    /// So many nodes, the last ones, have no vote at first: see [`Node::change_members`].
    pub spares: usize,
}

/// How far a replica is, as it says itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    pub shard: ShardId,
    pub replica: ReplicaId,
    pub term: u64,
    /// It believes that it leads.
    pub leads: bool,
    /// Who has a vote, as far as it knows.
    pub voters: Vec<ReplicaId>,
    pub last: Option<u64>,
    pub applied: Option<u64>,
    pub snapshot: Option<u64>,
    pub purged: Option<u64>,
}

/// See the module.
#[derive(Debug)]
pub struct Node {
    here: NodeId,
    groups: Arc<Groups>,
    clock: Arc<Clock>,
    inventory: grpc::Inventory,
    raft: net::Service,
    store: Arc<Store>,
    rounds: Rounds,
    // Its tasks end with it.
    _tasks: JoinSet<()>,
}

impl Node {
    /// Opens the node on what its engine holds. Its tasks belong to the machine that this is called
    /// on.
    pub async fn open<C: Carrier>(config: &Config, world: World<C>) -> anyhow::Result<Self> {
        let map = Arc::new(Map::with_spares(config, world.spares));
        let clock = Arc::new(Clock::new(world.time));
        let metrics = Metrics::new();
        let shutdown = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let identity = host::identity(config, &map);
        let tuning = host::tuning(config, identity.replicas.len());
        let (store, rounds) = Store::open_by_hand(world.engine, identity, tuning)?;
        let mut opening = Opening {
            config,
            store: &store,
            networks: Carriers(world.carrier.clone()),
            log_length: world.log_length,
            clock: &clock,
            metrics: &metrics,
            tasks: &mut tasks,
            shutdown: &shutdown,
        };
        let groups = Arc::new(opening.groups(&map).await?);
        let others = map.nodes.keys().filter(|&&node| node != config.node);
        let others = others.map(|&node| Other { carrier: world.carrier.clone(), node }).collect();
        let checker = Checker { clock: Arc::clone(&clock), others, bound: config.clock_bound };
        tasks.spawn(on_this_machine(checker.run(shutdown.clone())));
        let sweeper = Sweeper { groups: Arc::clone(&groups), clock: Arc::clone(&clock) };
        tasks.spawn(on_this_machine(sweeper.run(shutdown.clone())));
        let inventory = grpc::Inventory {
            map: Arc::clone(&map),
            here: config.node,
            groups: Arc::clone(&groups),
            metrics_addr: "".into(),
            stopping: Arc::new(AtomicBool::new(false)),
            shutdown: shutdown.clone(),
        };
        let raft = net::Service { map, here: config.node, groups: Arc::clone(&groups), shutdown };
        let store = Arc::new(store);
        Ok(Self { here: config.node, groups, clock, inventory, raft, store, rounds, _tasks: tasks })
    }

    pub fn id(&self) -> NodeId {
        self.here
    }

    /// Answers what came over the network, from a node or (`None`) from a client.
    pub async fn serve(&self, from: Option<NodeId>, request: Request) -> Option<Reply> {
        match (request, from) {
            (Request::WallTime, _) => Some(Reply::WallTime(self.clock.wall_us())),
            (Request::Call(call), _) => {
                let answer = self.inventory.execute(tonic::Request::new(*call)).await;
                Some(Reply::Answer(Box::new(answer.ok()?.into_inner())))
            }
            (Request::Map, _) => {
                let map = self.inventory.get_map(tonic::Request::new(v1::GetMapRequest {})).await;
                Some(Reply::Map(map.ok()?.into_inner()))
            }
            (request @ (Request::Frame(_) | Request::Snapshot { .. }), Some(there)) => {
                carried(&self.raft, there, request).await
            }
            (Request::Frame(_) | Request::Snapshot { .. }, None) => None,
        }
    }

    /// The rounds of the log writer, which the simulation makes.
    pub fn rounds(&self) -> Rounds {
        self.rounds.clone()
    }

    /// Holds a fault once this node must stop.
    pub fn faults(&self) -> watch::Receiver<Option<Fault>> {
        self.store.faults()
    }

    /// Writes the state of all groups behind.
    pub fn flush(&self) -> Result<(), Fault> {
        self.groups.iter().try_for_each(|group| group.state().flush())
    }

    /// How far its replicas are.
    pub fn standings(&self) -> Vec<Standing> {
        let standing = |group: &Arc<crate::group::Group>| {
            let watch = group.raft().metrics();
            let metrics = watch.borrow_watched();
            Standing {
                shard: group.shard().id,
                replica: group.replica(),
                term: metrics.current_term,
                leads: metrics.state == openraft::ServerState::Leader,
                voters: metrics.membership_config.voter_ids().map(ReplicaId).collect(),
                last: metrics.last_log_index,
                applied: metrics.last_applied.as_ref().map(|id| id.index),
                snapshot: metrics.snapshot.as_ref().map(|id| id.index),
                purged: metrics.purged.as_ref().map(|id| id.index),
            }
        };
        self.groups.iter().map(standing).collect()
    }

    /// The state of its replica of `shard`.
    pub fn state(&self, shard: ShardId) -> Option<StateHandle> {
        Some(self.groups.get(shard)?.state().clone())
    }

    /// The shard's leader here is asked to hand over to `to`. Whether it began to.
    pub async fn hand_over(&self, shard: ShardId, to: NodeId) -> bool {
        let Some(group) = self.groups.get(shard) else { return false };
        let Some(replica) = group.shard().replica_on(to) else { return false };
        group.is_leader() && group.raft().trigger().transfer_leader(replica.id.0).await.is_ok()
    }

    /// Where it leads, the shard gets a voter on `join`, which has caught up by then, and none on
    /// `leave`. Whether both were done; each may be asked for again.
    pub async fn change_members(
        &self,
        shard: ShardId,
        join: Option<NodeId>,
        leave: Option<NodeId>,
    ) -> bool {
        let Some(group) = self.groups.get(shard).filter(|group| group.is_leader()) else {
            return false;
        };
        let on = |node: NodeId| group.shard().replica_on(node).map(|replica| replica.id.0);
        let (raft, addr) = (group.raft(), String::new());
        if let Some(node) = join {
            let Some(id) = on(node) else { return false };
            if raft.add_learner(id, Place { node: node.0, addr }, true).await.is_err() {
                return false;
            }
        }
        let mut voters: BTreeSet<u64> = {
            let watch = raft.metrics();
            watch.borrow_watched().membership_config.voter_ids().collect()
        };
        voters.extend(join.and_then(on));
        if let Some(id) = leave.and_then(on) {
            voters.remove(&id);
        }
        raft.change_membership(voters, false).await.is_ok()
    }

    /// Builds a snapshot of `shard`, and drops the log before it. Whether it began to.
    pub async fn compact(&self, shard: ShardId) -> bool {
        let Some(group) = self.groups.get(shard) else { return false };
        group.raft().trigger().snapshot().await.is_ok()
    }
}
