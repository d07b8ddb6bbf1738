//! Builds a node from its parts, and stops them in order.
//!
//! Two threads beside the caller's: *raft* runs every Raft core, proposer, connection and stream;
//! *admin* runs the metrics port. The order of a stop: new calls are refused, leaders move to other
//! nodes, queues run dry, Raft ends, connections end, the store closes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use openraft::async_runtime::WatchReceiver as _;
use rowlock_proto::v1::cluster_client::ClusterClient;
use rowlock_proto::v1::cluster_server::ClusterServer;
use rowlock_proto::v1::inventory_server::InventoryServer;
use rowlock_proto::v1::raft_server::RaftServer;
use rowlock_proto::{NodeId, ReplicaId, ShardId};
use rowlock_raft_store::store::{self, Store};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};

use crate::clock::{Checker, Clock, Remote};
use crate::config::Config;
use crate::group::{Groups, Sweeper};
use crate::host::{self, LogLength, Networks, Opening};
use crate::meta::{Map, claim};
use crate::metrics::Metrics;
use crate::net::{self, Ends, Factory, Peer};
use crate::{grpc, http};

/// How long a stop waits for each of its steps.
const HANDOVER_WAIT_MAX: Duration = Duration::from_secs(3);
const DRAIN_WAIT_MAX: Duration = Duration::from_secs(3);
const CONNECTIONS_WAIT_MAX: Duration = Duration::from_secs(2);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A node that runs.
#[derive(Debug)]
pub struct Node {
    grpc_addr: SocketAddr,
    metrics_addr: SocketAddr,
    stop: CancellationToken,
    ended: oneshot::Receiver<()>,
    raft: JoinHandle<anyhow::Result<()>>,
    admin: JoinHandle<anyhow::Result<()>>,
}

/// Runs a node until a signal, a Stop call, or a fault.
pub fn run(config: Config) -> anyhow::Result<()> {
    let signals = runtime::Builder::new_current_thread().enable_all().build()?;
    let mut node = Node::start(config)?;
    signals.block_on(async {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
                .context("listen for SIGTERM")?;
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.context("listen for SIGINT")?;
                tracing::info!("SIGINT: stopping");
            }
            _ = &mut node.ended => {}
        }
        anyhow::Ok(())
    })?;
    node.stop()
}

impl Node {
    /// Starts a node on the addresses that its configuration names.
    pub fn start(config: Config) -> anyhow::Result<Self> {
        let grpc = TcpListener::bind(config.listen)
            .with_context(|| format!("listen on {}", config.listen))?;
        Self::start_on(config, grpc)
    }

    /// Starts a node on a socket that is bound already.
    pub fn start_on(config: Config, grpc: TcpListener) -> anyhow::Result<Self> {
        claim(&config).context("claim the data directory")?;
        let metrics_port = TcpListener::bind(config.metrics_listen)
            .with_context(|| format!("listen on {}", config.metrics_listen))?;
        let (grpc_addr, metrics_addr) = (grpc.local_addr()?, metrics_port.local_addr()?);
        grpc.set_nonblocking(true)?;
        metrics_port.set_nonblocking(true)?;
        tracing::info!(node = %config.node, cluster = %config.cluster, grpc = %grpc_addr, metrics = %metrics_addr, "starting");

        let stop = CancellationToken::new();
        let (ended_sender, ended) = oneshot::channel();
        let (port_sender, port) = oneshot::channel();
        let core = Core { config, grpc, metrics_addr, stop: stop.clone() };
        let raft = thread("raft", move |runtime| {
            let result = runtime.block_on(core.run(port_sender));
            // Whoever started the node may not be waiting for its end.
            ended_sender.send(()).ok();
            result
        })?;
        let shutdown = stop.clone();
        let admin = thread("admin", move |runtime| {
            runtime.block_on(async move {
                // A node that fails to start tells why on the other thread.
                let Ok(port) = port.await else { return Ok(()) };
                let listener = tokio::net::TcpListener::from_std(metrics_port)?;
                http::serve(port, listener, shutdown).await.context("serve the metrics port")
            })
        })?;
        Ok(Self { grpc_addr, metrics_addr, stop, ended, raft, admin })
    }

    pub fn grpc_addr(&self) -> SocketAddr {
        self.grpc_addr
    }

    pub fn metrics_addr(&self) -> SocketAddr {
        self.metrics_addr
    }

    /// Stops in order and waits for the end. An error is the fault that ended the node.
    pub fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        let raft = self.raft.join().map_err(|_| anyhow!("the raft thread panicked"))?;
        let admin = self.admin.join().map_err(|_| anyhow!("the admin thread panicked"))?;
        raft.and(admin)
    }
}

/// A thread with a runtime of its own.
fn thread<T: Send + 'static>(
    name: &str,
    body: impl FnOnce(runtime::Runtime) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<JoinHandle<anyhow::Result<T>>> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || body(runtime))
        .with_context(|| format!("start the {name} thread"))
}

/// What the raft thread runs.
struct Core {
    config: Config,
    grpc: TcpListener,
    metrics_addr: SocketAddr,
    stop: CancellationToken,
}

impl Core {
    async fn run(self, port: oneshot::Sender<http::Port>) -> anyhow::Result<()> {
        let Self { config, grpc, metrics_addr, stop } = self;
        let started = Instant::now();
        let map = Arc::new(Map::at_bootstrap(&config));
        let clock = Arc::new(Clock::default());
        let metrics = Arc::new(Metrics::new());
        let mut tasks = JoinSet::new();
        // Ends the parts that groups need until their queues are empty.
        let shutdown = CancellationToken::new();

        let channels = connect(&config, &map)?;
        let store = Arc::new(open_store(&config, &map)?);
        let peers: BTreeMap<NodeId, Arc<Peer>> = channels
            .iter()
            .map(|(&there, channel)| {
                let ends = Ends { layout: map.layout, here: config.node, there };
                (there, Peer::new(ends, channel.clone()))
            })
            .collect();
        for peer in peers.values() {
            tasks.spawn(Arc::clone(peer).run(shutdown.clone()));
        }
        let mut opening = Opening {
            config: &config,
            store: &store,
            networks: Peers(Arc::new(peers)),
            log_length: LogLength::default(),
            clock: &clock,
            metrics: &metrics,
            tasks: &mut tasks,
            shutdown: &shutdown,
        };
        let groups = Arc::new(opening.groups(&map).await?);
        let others =
            channels.into_values().map(|channel| Remote(ClusterClient::new(channel))).collect();
        let checker = Checker { clock: Arc::clone(&clock), others, bound: config.clock_bound };
        tasks.spawn(checker.run(shutdown.clone()));
        let sweeper = Sweeper { groups: Arc::clone(&groups), clock: Arc::clone(&clock) };
        tasks.spawn(sweeper.run(shutdown.clone()));
        // The admin thread is gone only if the node is.
        drop(port.send(http::Port {
            groups: Arc::clone(&groups),
            clock: Arc::clone(&clock),
            metrics,
            store: Arc::clone(&store),
        }));

        let stopping = Arc::new(AtomicBool::new(false));
        let inventory = InventoryServer::new(grpc::Inventory {
            map: Arc::clone(&map),
            here: config.node,
            groups: Arc::clone(&groups),
            metrics_addr: metrics_addr.to_string().into(),
            stopping: Arc::clone(&stopping),
            shutdown: shutdown.clone(),
        })
        .max_decoding_message_size(net::MESSAGE_BYTES_MAX)
        .max_encoding_message_size(net::MESSAGE_BYTES_MAX);
        let cluster = ClusterServer::new(grpc::Cluster {
            map: Arc::clone(&map),
            here: config.node,
            groups: Arc::clone(&groups),
            clock,
            started,
            stop: stop.clone(),
        })
        .max_decoding_message_size(net::MESSAGE_BYTES_MAX)
        .max_encoding_message_size(net::MESSAGE_BYTES_MAX);
        let raft = RaftServer::new(net::Service {
            map,
            here: config.node,
            groups: Arc::clone(&groups),
            shutdown: shutdown.clone(),
        })
        .max_decoding_message_size(net::MESSAGE_BYTES_MAX)
        .max_encoding_message_size(net::MESSAGE_BYTES_MAX);
        let incoming =
            TcpIncoming::from(tokio::net::TcpListener::from_std(grpc)?).with_nodelay(Some(true));
        let serving = tokio::spawn(
            Server::builder()
                .tcp_nodelay(true)
                .initial_stream_window_size(net::WINDOW_BYTES)
                .initial_connection_window_size(net::WINDOW_BYTES)
                .add_service(inventory)
                .add_service(cluster)
                .add_service(raft)
                .serve_with_incoming_shutdown(incoming, shutdown.clone().cancelled_owned()),
        );
        tracing::info!(groups = groups.iter().count(), "serving");

        let mut faults = store.faults();
        let fault = tokio::select! {
            () = stop.cancelled() => None,
            fault = faults.wait_for(Option::is_some) => fault.ok().and_then(|fault| fault.clone()),
        };
        if let Some(fault) = fault {
            // Nothing that needs the disk can be done any more: not even a stop in order.
            return Err(anyhow::Error::new(fault).context("storage fault"));
        }
        stopping.store(true, Ordering::Relaxed);
        hand_over(&groups).await;
        shutdown.cancel();
        let drained = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_WAIT_MAX, drained).await.is_err() {
            tracing::warn!("queues did not run dry in time");
        }
        for group in groups.iter() {
            if let Err(error) = group.raft().shutdown().await {
                tracing::warn!(shard = %group.shard().id, %error, "raft ended badly");
            }
        }
        let ended = tokio::time::timeout(CONNECTIONS_WAIT_MAX, serving).await;
        if ended.is_err() {
            tracing::info!("connections still open at the end");
        }
        store.close().context("close the store")?;
        tracing::info!("stopped");
        Ok(())
    }
}

/// A lazily connected channel to each other node.
fn connect(config: &Config, map: &Map) -> anyhow::Result<BTreeMap<NodeId, Channel>> {
    let others = map.nodes.iter().filter(|&(&node, _)| node != config.node);
    others
        .map(|(&node, addr)| {
            let channel = net::channel(addr).with_context(|| format!("address of node {node}"))?;
            Ok((node, channel))
        })
        .collect()
}

fn open_store(config: &Config, map: &Map) -> anyhow::Result<Store> {
    let identity = host::identity(config, map);
    let tuning = host::tuning(config, identity.replicas.len());
    let config = store::Config { dir: config.data.join("store"), identity, tuning };
    Store::open(config).context("open the store")
}

/// The connections to all other nodes.
struct Peers(Arc<BTreeMap<NodeId, Arc<Peer>>>);

impl Networks for Peers {
    type Factory = Factory;

    fn of(&self, shard: ShardId, replica: ReplicaId) -> Factory {
        Factory { peers: Arc::clone(&self.0), shard, replica }
    }
}

/// Moves the leaders that are here to the nodes that are furthest along, as far as time allows.
async fn hand_over(groups: &Groups) {
    for group in groups.iter().filter(|group| group.is_leader()) {
        let to = {
            let watch = group.raft().metrics();
            let metrics = watch.borrow_watched();
            let voters: BTreeSet<u64> = metrics.membership_config.voter_ids().collect();
            let replication = metrics.replication.as_ref();
            replication.and_then(|matched| {
                matched
                    .iter()
                    .filter(|&(&id, _)| id != group.replica().0 && voters.contains(&id))
                    .max_by_key(|(_, matched)| matched.as_ref().map(|id| id.index))
                    .map(|(&id, _)| id)
            })
        };
        if let Some(to) = to
            && let Err(error) = group.raft().trigger().transfer_leader(to).await
        {
            tracing::warn!(shard = %group.shard().id, %error, "no transfer of leadership");
        }
    }
    let all_moved = async {
        while groups.iter().any(|group| group.is_leader() && group.shard().replicas.len() > 1) {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    if tokio::time::timeout(HANDOVER_WAIT_MAX, all_moved).await.is_err() {
        tracing::warn!("some leaders stayed: their shards elect new ones");
    }
}
