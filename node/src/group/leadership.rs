//! Who leads a group, as an atomic that the hot path can look at.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use openraft::async_runtime::WatchReceiver as _;
use openraft::metrics::RaftServerMetrics;
use rowlock_proto::{NodeId, ReplicaId};
use rowlock_raft_store::types::TypeConfig;
use tokio_util::sync::CancellationToken;

use super::{NO_LEADER_RETRY_MS, Retry};
use crate::meta::Shard;

/// Node ids start at 1.
const UNKNOWN: u64 = 0;

/// The node that leads a group, as far as this replica knows.
#[derive(Debug)]
pub(super) struct Leadership {
    here: NodeId,
    leader: AtomicU64,
}

impl Leadership {
    pub(super) fn new(here: NodeId) -> Self {
        Self { here, leader: AtomicU64::new(UNKNOWN) }
    }

    pub(super) fn leader(&self) -> Option<NodeId> {
        match self.leader.load(Ordering::Relaxed) {
            UNKNOWN => None,
            node => Some(NodeId(node)),
        }
    }

    pub(super) fn is_here(&self) -> bool {
        self.leader() == Some(self.here)
    }

    /// Where a call has to go if not here.
    pub(super) fn elsewhere(&self) -> Option<Retry> {
        match self.leader() {
            Some(leader) if leader == self.here => None,
            Some(leader) => Some(Retry::NotLeader { leader }),
            None => Some(Retry::Unavailable { after_ms: NO_LEADER_RETRY_MS }),
        }
    }

    fn set(&self, leader: Option<NodeId>) {
        self.leader.store(leader.map_or(UNKNOWN, |node| node.0), Ordering::Relaxed);
    }
}

type Metrics = openraft::alias::WatchReceiverOf<TypeConfig, RaftServerMetrics<TypeConfig>>;

/// Keeps `leadership` at what Raft says, until `shutdown` or the end of Raft.
pub(super) async fn follow(
    leadership: Arc<Leadership>,
    mut metrics: Metrics,
    shard: Shard,
    shutdown: CancellationToken,
) {
    loop {
        let leader = {
            let now = metrics.borrow_watched();
            now.current_leader.and_then(|replica| shard.node_of(ReplicaId(replica)))
        };
        if leader != leadership.leader() {
            tracing::info!(
                shard = %shard.id,
                leader = leader.map_or(0, |node| node.0),
                "leader changed"
            );
            leadership.set(leader);
        }
        tokio::select! {
            biased;
            changed = metrics.changed() => if changed.is_err() { break },
            () = shutdown.cancelled() => break,
        }
    }
    leadership.set(None);
}
