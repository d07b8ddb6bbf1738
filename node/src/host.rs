//! Opens the groups of a node on a store, over any network.
//!
//! Owns: how Raft is configured, and what a group is started with. Must not: open sockets; what a
//! process does is `run.rs`'s, what a simulation does `simulated.rs`'s.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use openraft::SnapshotPolicy;
use openraft::network::{NetSnapshot, RaftNetworkFactory};
use rowlock_proto::{NodeId, ReplicaId, ShardId};
use rowlock_raft_store::audit::ChangeBytes;
use rowlock_raft_store::snapshot::SnapshotData;
use rowlock_raft_store::store::{self, Store};
use rowlock_raft_store::types::{Place, Raft, TypeConfig};
use rowlock_raft_store::{feed, inventory};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Config;
use crate::group::{Group, Groups, Parts};
use crate::grpc;
use crate::meta::{Map, Shard};
use crate::metrics::Metrics;

const HEARTBEAT_MS: u64 = 100;
const ELECTION_MS_MIN: u64 = 300;
const ELECTION_MS_MAX: u64 = 600;
/// Entries of one message to a follower.
const APPEND_ENTRIES_MAX: u64 = 64;

/// How long a group's log grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogLength {
    /// Entries between snapshots of a group: the log that a restart replays and a follower may lack.
    pub snapshot_entries: u64,
    /// Entries kept behind a snapshot, so that a follower that was away briefly needs no snapshot.
    pub keep_entries: u64,
    /// Entries that are dropped together.
    pub purge_entries: u64,
}

impl Default for LogLength {
    fn default() -> Self {
        Self { snapshot_entries: 20_000, keep_entries: 10_000, purge_entries: 1_024 }
    }
}

/// How a group reaches its other replicas.
pub(crate) trait Networks {
    type Factory: RaftNetworkFactory<
            TypeConfig,
            Network: NetSnapshot<TypeConfig, SnapshotData = SnapshotData>,
        >;

    fn of(&self, shard: ShardId, replica: ReplicaId) -> Self::Factory;
}

/// What the groups of a node are opened with.
pub(crate) struct Opening<'a, N> {
    pub(crate) config: &'a Config,
    pub(crate) store: &'a Store,
    pub(crate) networks: N,
    pub(crate) log_length: LogLength,
    pub(crate) clock: &'a Arc<Clock>,
    pub(crate) metrics: &'a Metrics,
    pub(crate) tasks: &'a mut JoinSet<()>,
    pub(crate) shutdown: &'a CancellationToken,
}

impl<N: Networks> Opening<'_, N> {
    pub(crate) async fn groups(&mut self, map: &Map) -> anyhow::Result<Groups> {
        let raft_config = raft_config(self.log_length)?;
        let mut groups = Vec::new();
        for shard in &map.shards {
            if let Some(replica) = shard.replica_on(self.config.node) {
                let group = self.group(shard, replica.id, &raft_config).await;
                groups.push(group.with_context(|| format!("open shard {}", shard.id))?);
            }
        }
        if self.config.bootstrap {
            for group in &groups {
                if group.shard().first_node() == Some(self.config.node) {
                    begin(group, map).await?;
                }
            }
        }
        Ok(Groups::new(groups))
    }

    async fn group(
        &mut self,
        shard: &Shard,
        replica: ReplicaId,
        raft_config: &Arc<openraft::Config>,
    ) -> anyhow::Result<Arc<Group>> {
        let store::Group { log, machine, state } = self.store.group(shard.id, replica)?;
        let factory = self.networks.of(shard.id, replica);
        // Raft spawns its tasks on this runtime, since it is made here.
        let raft = Raft::new(replica.0, Arc::clone(raft_config), factory, log, machine).await?;
        let parts = Parts {
            shard: shard.clone(),
            here: self.config.node,
            replica,
            raft,
            state,
            clock: Arc::clone(self.clock),
            metrics: self.metrics.for_group(shard.id.0),
        };
        Ok(Group::start(parts, self.tasks, self.shutdown))
    }
}

/// Whose store it is.
pub(crate) fn identity(config: &Config, map: &Map) -> store::Identity {
    let replicas: BTreeMap<_, _> = map
        .shards
        .iter()
        .filter_map(|shard| Some((shard.id, shard.replica_on(config.node)?.id)))
        .collect();
    store::Identity { cluster: config.cluster.0, node: config.node, replicas }
}

/// How the store is opened: what the node may take is shared out among its groups.
pub(crate) fn tuning(config: &Config, groups: usize) -> store::Tuning {
    let clock_bound_ms = config.clock_bound_ms();
    let groups = groups.max(1) as u64;
    let feed = feed::Retention {
        pinned_bytes_max: config.feed_pinned_mib << 20,
        ..feed::Retention::default()
    };
    store::Tuning {
        feed,
        change_bytes: ChangeBytes(grpc::change_bytes),
        event_cache_bytes: (config.event_cache_mib << 20) / groups,
        inventory: inventory::Config { clock_bound_ms },
        ..store::Tuning::default()
    }
}

fn raft_config(log_length: LogLength) -> anyhow::Result<Arc<openraft::Config>> {
    let config = openraft::Config {
        heartbeat_interval: HEARTBEAT_MS,
        heartbeat_min_interval: Some(HEARTBEAT_MS * 3 / 4),
        election_timeout_min: ELECTION_MS_MIN,
        election_timeout_max: ELECTION_MS_MAX,
        enable_pre_vote: Some(true),
        // A leader that comes back has state that is not synced: it must be elected again.
        enable_leader_restore: Some(false),
        snapshot_policy: SnapshotPolicy::LogsSinceLast(log_length.snapshot_entries),
        max_in_snapshot_log_to_keep: log_length.keep_entries,
        purge_batch_size: log_length.purge_entries,
        max_payload_entries: APPEND_ENTRIES_MAX,
        ..openraft::Config::default()
    };
    Ok(Arc::new(config.validate().context("configure raft")?))
}

/// Begins a group that has never been: its members are those that the map names.
async fn begin(group: &Group, map: &Map) -> anyhow::Result<()> {
    if group.raft().is_initialized().await? {
        return Ok(());
    }
    let place =
        |node: NodeId| Place { node: node.0, addr: map.addr(node).unwrap_or_default().to_owned() };
    let founders = group.shard().replicas.iter().take(group.shard().founders);
    let members: BTreeMap<u64, Place> =
        founders.map(|replica| (replica.id.0, place(replica.node))).collect();
    let begun = group.raft().initialize(members).await;
    begun.with_context(|| format!("begin shard {}", group.shard().id))
}
