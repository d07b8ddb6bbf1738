//! One shard's replica on this node: Raft, its state, and the ways in.
//!
//! Owns: the queues in front of Raft, and what is answered when Raft does not. Must not: know wire
//! messages or connections to clients.
//!
//! ```text
//!   propose ──> queue ──> proposer.rs ──> one entry ──> Raft ──> answers, fanned out
//!   query   ──> queue ──> reads.rs ──> one read-index round ──> state
//!   sweeper.rs: proposes what is due on leaders       feed.rs: changes after a revision
//! ```
//!
//! Invariants:
//! - Nothing here waits on a full queue: past the bound the answer is `Overloaded`, at once.
//! - Every call gets exactly one answer.
//! - What was handed to Raft and has no answer is *unknown*, never *unavailable*.

mod call;
mod consumers;
mod feed;
mod leadership;
mod proposer;
mod query;
mod reads;
mod sweeper;

use std::sync::Arc;

use rowlock_proto::{NodeId, ReplicaId, ShardId};
use rowlock_raft_store::runtime::on_this_machine;
use rowlock_raft_store::state_machine::StateHandle;
use rowlock_raft_store::types::Raft;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) use call::{
    Answer, AnswerTo, Answers, Body, Call, Connection, Position, Retry, connection,
};
pub(crate) use consumers::ConsumerLag;
pub(crate) use feed::{Batch as FeedBatch, Feed};
pub(crate) use query::{Found, Query};
pub(crate) use sweeper::Sweeper;

use crate::clock::Clock;
use crate::meta::Shard;
use crate::metrics::GroupMetrics;
use leadership::Leadership;
use rowlock_raft_store::inventory::Command;

/// Commands of one group that wait to be proposed.
const QUEUE_MAX: usize = 16_384;
/// Queries of one group that wait for a round.
const QUERIES_MAX: usize = 16_384;
/// When to come back to a full queue.
const OVERLOADED_RETRY_MS: u32 = 20;
/// When to come back where no leader is known: an election takes about a second.
const NO_LEADER_RETRY_MS: u32 = 50;

/// What a group is made of.
pub(crate) struct Parts {
    pub(crate) shard: Shard,
    pub(crate) here: NodeId,
    pub(crate) replica: ReplicaId,
    pub(crate) raft: Raft,
    pub(crate) state: StateHandle,
    pub(crate) clock: Arc<Clock>,
    pub(crate) metrics: GroupMetrics,
}

/// A shard's replica on this node.
#[derive(Debug)]
pub(crate) struct Group {
    shard: Shard,
    replica: ReplicaId,
    raft: Raft,
    state: StateHandle,
    leadership: Arc<Leadership>,
    commands: mpsc::Sender<Call<Command>>,
    queries: mpsc::Sender<Call<Query>>,
    metrics: GroupMetrics,
}

impl Group {
    /// Starts the group's tasks on the runtime that this is called on. They end some time after
    /// `shutdown`, when their queues are empty.
    pub(crate) fn start(
        parts: Parts,
        tasks: &mut JoinSet<()>,
        shutdown: &CancellationToken,
    ) -> Arc<Self> {
        let Parts { shard, here, replica, raft, state, clock, metrics } = parts;
        let leadership = Arc::new(Leadership::new(here));
        tasks.spawn(on_this_machine(leadership::follow(
            Arc::clone(&leadership),
            raft.server_metrics(),
            shard.clone(),
            shutdown.clone(),
        )));
        let (commands, queue) = mpsc::channel(QUEUE_MAX);
        let proposer = proposer::Proposer {
            raft: raft.clone(),
            shard: shard.clone(),
            leadership: Arc::clone(&leadership),
            clock,
            metrics: metrics.clone(),
        };
        tasks.spawn(on_this_machine(proposer.run(queue, shutdown.clone())));
        let (queries, asked) = mpsc::channel(QUERIES_MAX);
        let reader = reads::Reader {
            raft: raft.clone(),
            state: state.clone(),
            shard: shard.clone(),
            leadership: Arc::clone(&leadership),
            metrics: metrics.clone(),
        };
        tasks.spawn(on_this_machine(reader.run(asked, shutdown.clone())));
        Arc::new(Self { shard, replica, raft, state, leadership, commands, queries, metrics })
    }

    pub(crate) fn shard(&self) -> &Shard {
        &self.shard
    }

    pub(crate) fn replica(&self) -> ReplicaId {
        self.replica
    }

    pub(crate) fn raft(&self) -> &Raft {
        &self.raft
    }

    pub(crate) fn state(&self) -> &StateHandle {
        &self.state
    }

    /// The node that leads the group, as far as is known here.
    pub(crate) fn leader(&self) -> Option<NodeId> {
        self.leadership.leader()
    }

    pub(crate) fn is_leader(&self) -> bool {
        self.leadership.is_here()
    }

    /// Commands that wait.
    pub(crate) fn queue_len(&self) -> usize {
        self.commands.max_capacity() - self.commands.capacity()
    }

    /// Hands a command on. Never waits.
    pub(crate) fn propose(&self, call: Call<Command>) {
        if let Some(retry) = self.leadership.elsewhere() {
            self.metrics.count(retry, 1);
            return call.retry(retry);
        }
        if let Err(error) = self.commands.try_send(call) {
            let (call, retry) = refused(error);
            self.metrics.count(retry, 1);
            call.retry(retry);
        }
    }

    /// Hands a query on; answers a stale one at once. Never waits.
    pub(crate) fn query(&self, call: Call<Query>, stale: bool) {
        if stale {
            self.metrics.queries.inc();
            return reads::answer(&self.state, &self.shard, call);
        }
        if let Some(retry) = self.leadership.elsewhere() {
            return call.retry(retry);
        }
        if let Err(error) = self.queries.try_send(call) {
            let (call, retry) = refused(error);
            call.retry(retry);
        }
    }
}

fn refused<T>(error: mpsc::error::TrySendError<Call<T>>) -> (Call<T>, Retry) {
    match error {
        mpsc::error::TrySendError::Full(call) => {
            (call, Retry::Overloaded { after_ms: OVERLOADED_RETRY_MS })
        }
        mpsc::error::TrySendError::Closed(call) => {
            (call, Retry::Unavailable { after_ms: NO_LEADER_RETRY_MS })
        }
    }
}

/// The groups of this node, by shard.
#[derive(Debug, Default)]
pub(crate) struct Groups(std::collections::BTreeMap<ShardId, Arc<Group>>);

impl Groups {
    pub(crate) fn new(groups: impl IntoIterator<Item = Arc<Group>>) -> Self {
        Self(groups.into_iter().map(|group| (group.shard.id, group)).collect())
    }

    pub(crate) fn get(&self, shard: ShardId) -> Option<&Arc<Group>> {
        self.0.get(&shard)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Group>> {
        self.0.values()
    }
}
