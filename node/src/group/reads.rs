//! Answers queries: one read-index round for all that wait.
//!
//! P9: a round begins after its queries came in, and ends when this replica has applied what was
//! committed at its beginning and a majority has confirmed the leader. Leases are not used: they
//! are forgotten over a restart.

use std::sync::Arc;
use std::time::Duration;

use openraft::ReadPolicy;
use openraft::errors::{LinearizableReadError, RaftError};
use rowlock_proto::{ErrorCode, EventId, ReplicaId};
use rowlock_raft_store::inventory::{Refusal, State};
use rowlock_raft_store::residency;
use rowlock_raft_store::state_machine::StateHandle;
use rowlock_raft_store::teeth::{Tooth, planted};
use rowlock_raft_store::types::Raft;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::leadership::Leadership;
use super::{Answer, Body, Call, Found, NO_LEADER_RETRY_MS, Position, Query, Retry};
use crate::meta::Shard;
use crate::metrics::GroupMetrics;

/// Queries of one round.
const ROUND_QUERIES_MAX: usize = 1024;
/// A leader that hears nothing from its followers for this long does not know whether it leads.
const ROUND_WAIT_MAX: Duration = Duration::from_secs(1);

/// The reader of one group.
pub(super) struct Reader {
    pub(super) raft: Raft,
    pub(super) state: StateHandle,
    pub(super) shard: Shard,
    pub(super) leadership: Arc<Leadership>,
    pub(super) metrics: GroupMetrics,
}

impl Reader {
    /// Runs until `shutdown` and the queue is empty.
    pub(super) async fn run(
        self,
        mut queue: mpsc::Receiver<Call<Query>>,
        shutdown: CancellationToken,
    ) {
        let mut waiting = Vec::new();
        loop {
            let count = tokio::select! {
                biased;
                count = queue.recv_many(&mut waiting, ROUND_QUERIES_MAX) => count,
                () = shutdown.cancelled(), if !queue.is_closed() => {
                    queue.close();
                    continue;
                }
            };
            if count == 0 {
                return;
            }
            self.round(&mut waiting).await;
        }
    }

    async fn round(&self, waiting: &mut Vec<Call<Query>>) {
        let now = Instant::now();
        let late = Retry::Unavailable { after_ms: NO_LEADER_RETRY_MS };
        for call in waiting.extract_if(.., |call| call.deadline <= now) {
            call.retry(late);
        }
        if waiting.is_empty() {
            return;
        }
        match self.confirm().await {
            Ok(()) => {
                self.metrics.queries.inc_by(waiting.len() as u64);
                for call in waiting.drain(..) {
                    answer(&self.state, &self.shard, call);
                }
            }
            Err(retry) => {
                for call in waiting.drain(..) {
                    call.retry(retry);
                }
            }
        }
    }

    /// That this replica leads, and has applied all that was committed when this began.
    async fn confirm(&self) -> Result<(), Retry> {
        if let Some(retry) = self.leadership.elsewhere() {
            return Err(retry);
        }
        if planted(Tooth::ReadUnconfirmed) {
            return Ok(());
        }
        let unavailable = Retry::Unavailable { after_ms: NO_LEADER_RETRY_MS };
        let round = self.raft.ensure_linearizable(ReadPolicy::ReadIndex);
        match tokio::time::timeout(ROUND_WAIT_MAX, round).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward)))) => {
                let leader = forward.leader_id.and_then(|id| self.shard.node_of(ReplicaId(id)));
                Err(leader.map_or(unavailable, |leader| Retry::NotLeader { leader }))
            }
            // A query decides nothing: it can always be asked again.
            Ok(Err(_)) | Err(_) => Err(unavailable),
        }
    }
}

/// Where an event's audit chain stands: not before what this replica had applied when it was asked.
fn audit_head(
    handle: &StateHandle,
    event: EventId,
) -> Result<(u64, u64, Result<Found, ErrorCode>), residency::Error> {
    let look = |state: &State| (state.clock_ms(), state.event_number(event));
    let (clock_ms, no) = handle.read(look)?;
    let found = match (no, handle.audit_head(event)?) {
        (Some((_, no)), Some(head)) => Ok(Found::AuditHead(head, no)),
        _ => Err(ErrorCode::EventNotFound),
    };
    let revision = match &found {
        Ok(Found::AuditHead(head, _)) => head.revision,
        _ => handle.progress().revision,
    };
    Ok((revision, clock_ms, found))
}

/// Answers a query from what this replica has applied.
pub(super) fn answer(handle: &StateHandle, shard: &Shard, call: Call<Query>) {
    let Call { id, body: query, answer_to, .. } = call;
    // Taken before the state is looked at: what is read may be newer than its position says, and
    // never older.
    let index = handle.applied_index().unwrap_or(0);
    let read = match query {
        Query::AuditHead(event) => audit_head(handle, event),
        query => handle.read_of(query.subject(), |state| {
            (state.revision(), state.clock_ms(), query.find(state))
        }),
    };
    // A group that has halted is not coming back by itself, but others may serve the shard.
    let Ok((revision, log_time_ms, found)) = read else {
        let body = Body::Retry(Retry::Unavailable { after_ms: NO_LEADER_RETRY_MS });
        return answer_to.send(Answer { id, at: None, body });
    };
    let at = Position {
        shard: shard.id,
        term: 0,
        index,
        offset: 0,
        revision,
        log_time_ms,
        first_index: 0,
    };
    let body = match found {
        Ok(found) => Body::Found(found),
        Err(code) => Body::Refusal(Refusal::of(code)),
    };
    answer_to.send(Answer { id, at: Some(at), body });
}
