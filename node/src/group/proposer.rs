//! Takes whatever commands wait, makes one log entry of them, and fans the answers out.
//!
//! One entry is in flight at a time: while it is replicated and synced, the next batch forms. The
//! cost of consensus is paid by the entry, so that load makes bigger batches instead of queues.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use openraft::errors::{ClientWriteError, ForwardReason, RaftError};
use rowlock_proto::ReplicaId;
use rowlock_raft_store::codec;
use rowlock_raft_store::inventory::{Batch, Command, CommandKind};
use rowlock_raft_store::types::{BatchAnswers, EntryPayload, Raft};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::leadership::Leadership;
use super::{Answer, AnswerTo, Body, Call, NO_LEADER_RETRY_MS, Position, Retry};
use crate::clock::Clock;
use crate::meta::Shard;
use crate::metrics::GroupMetrics;

/// Commands of one entry.
const BATCH_COMMANDS_MAX: usize = 2048;
/// Bytes of one entry, counted by the parts that can be large. One command may be over it alone.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// What a command without large parts counts.
const COMMAND_BYTES: usize = 128;
/// Clients that are ready to run get this many turns to add to a batch before it closes.
const YIELDS: u32 = 2;
/// A leader that was just elected, or lost touch with its followers for a moment, refuses writes.
/// It is tried again for this long, since nobody else leads.
const LEASE_WAIT_MAX: Duration = Duration::from_millis(400);
const LEASE_RETRY_PAUSE: Duration = Duration::from_millis(3);
/// When an entry has no answer by then, its outcome is called unknown and the next is tried.
const ENTRY_WAIT_MAX: Duration = Duration::from_secs(5);
/// When to come back to a leader that does not know the time.
const CLOCK_RETRY_MS: u32 = 200;

/// The proposer of one group.
pub(super) struct Proposer {
    pub(super) raft: Raft,
    pub(super) shard: Shard,
    pub(super) leadership: Arc<Leadership>,
    pub(super) clock: Arc<Clock>,
    pub(super) metrics: GroupMetrics,
}

type Calls = VecDeque<Call<Command>>;

impl Proposer {
    /// Runs until `shutdown` and the queue is empty.
    pub(super) async fn run(
        self,
        mut queue: mpsc::Receiver<Call<Command>>,
        shutdown: CancellationToken,
    ) {
        let mut fresh = Vec::with_capacity(BATCH_COMMANDS_MAX);
        let mut waiting = Calls::new();
        loop {
            if waiting.is_empty() {
                let count = tokio::select! {
                    biased;
                    count = queue.recv_many(&mut fresh, BATCH_COMMANDS_MAX) => count,
                    () = shutdown.cancelled(), if !queue.is_closed() => {
                        // What is queued is still proposed; what comes later is not taken.
                        queue.close();
                        continue;
                    }
                };
                if count == 0 {
                    return;
                }
                for _ in 0..YIELDS {
                    tokio::task::yield_now().await;
                }
            }
            while fresh.len() + waiting.len() < BATCH_COMMANDS_MAX
                && let Ok(call) = queue.try_recv()
            {
                fresh.push(call);
            }
            waiting.extend(fresh.drain(..));
            self.round(&mut waiting).await;
        }
    }

    /// Answers at least the first of the calls.
    async fn round(&self, waiting: &mut Calls) {
        let mut entry = Entry::take(waiting);
        let began = Instant::now();
        loop {
            let now = Instant::now();
            self.drop_late(&mut entry, now);
            if entry.callers.is_empty() {
                return;
            }
            if let Some(retry) = self.leadership.elsewhere() {
                return self.retry_all(entry, retry);
            }
            let Some(stamp_ms) = self.clock.stamp_ms(self.clock.now()) else {
                let retry = Retry::Unavailable { after_ms: CLOCK_RETRY_MS };
                return self.retry_all(entry, retry);
            };
            entry.batch.stamp_ms = stamp_ms;
            match self.propose(&entry.batch).await {
                Proposed::Answers(answers) => {
                    self.metrics.entry_seconds.observe(now.elapsed().as_secs_f64());
                    return self.fan_out(entry.callers, answers);
                }
                Proposed::Nothing(retry) => return self.retry_all(entry, retry),
                Proposed::NotYet if began.elapsed() < LEASE_WAIT_MAX => {
                    tokio::time::sleep(LEASE_RETRY_PAUSE).await;
                }
                Proposed::NotYet => {
                    let retry = Retry::Unavailable { after_ms: NO_LEADER_RETRY_MS };
                    return self.retry_all(entry, retry);
                }
                Proposed::Unknown => return self.retry_all(entry, Retry::UnknownOutcome),
            }
        }
    }

    async fn propose(&self, batch: &Batch) -> Proposed {
        let bytes = codec::encode_batch(batch.stamp_ms, batch.commands.iter());
        let count = u32::try_from(batch.commands.len()).expect("a batch is bounded");
        self.metrics.batch_commands.observe(f64::from(count));
        let write = self.raft.client_write(EntryPayload::new(count, bytes));
        match tokio::time::timeout(ENTRY_WAIT_MAX, write).await {
            Ok(Ok(written)) => Proposed::Answers(written.data),
            Ok(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward)))) => {
                let leader = forward.leader_id.and_then(|id| self.shard.node_of(ReplicaId(id)));
                match (forward.reason, leader) {
                    (
                        ForwardReason::NotLeader | ForwardReason::LeadershipTransfer,
                        Some(leader),
                    ) => Proposed::Nothing(Retry::NotLeader { leader }),
                    (ForwardReason::NotLeader, None) => {
                        Proposed::Nothing(Retry::Unavailable { after_ms: NO_LEADER_RETRY_MS })
                    }
                    (ForwardReason::LeaseExpired, _)
                    | (ForwardReason::LeadershipTransfer, None) => Proposed::NotYet,
                }
            }
            // Whatever else went wrong, the entry may be in the log.
            Ok(Err(error)) => {
                tracing::warn!(shard = %self.shard.id, %error, commands = count, "outcome unknown");
                Proposed::Unknown
            }
            Err(_) => {
                tracing::warn!(
                    shard = %self.shard.id,
                    commands = count,
                    "no quorum in time; outcome unknown"
                );
                Proposed::Unknown
            }
        }
    }

    /// Answers calls whose time has passed: they were not proposed.
    fn drop_late(&self, entry: &mut Entry, now: Instant) {
        if entry.callers.iter().all(|caller| caller.deadline > now) {
            return;
        }
        let late: Vec<bool> = entry.callers.iter().map(|caller| caller.deadline <= now).collect();
        let mut flags = late.iter();
        entry.batch.commands.retain(|_| flags.next() == Some(&false));
        let retry = Retry::Unavailable { after_ms: NO_LEADER_RETRY_MS };
        for caller in entry.callers.extract_if(.., |caller| caller.deadline <= now) {
            self.metrics.count(retry, 1);
            caller.answer(None, Body::Retry(retry));
        }
    }

    fn retry_all(&self, entry: Entry, retry: Retry) {
        self.metrics.count(retry, entry.callers.len() as u64);
        for caller in entry.callers {
            caller.answer(None, Body::Retry(retry));
        }
    }

    fn fan_out(&self, callers: Vec<Caller>, answers: BatchAnswers) {
        // A state machine that answers fewer or more commands than it was given is another program.
        assert_eq!(callers.len(), answers.answers.len(), "one answer a command");
        let BatchAnswers { term, index, log_time_ms, .. } = answers;
        let mut refused = 0;
        let total = callers.len() as u64;
        for ((caller, applied), offset) in callers.into_iter().zip(answers.answers).zip(0_u32..) {
            let at = Position {
                shard: self.shard.id,
                term,
                index,
                offset,
                revision: applied.revision,
                log_time_ms,
                first_index: applied.first_index,
            };
            let body = match applied.answer {
                Ok(reply) => Body::Reply(reply),
                Err(refusal) => {
                    refused += 1;
                    Body::Refusal(refusal)
                }
            };
            caller.answer(Some(at), body);
        }
        self.metrics.refused.inc_by(refused);
        self.metrics.done.inc_by(total - refused);
    }
}

/// What goes into the log together, and who waits for it: a caller for each command, in order.
struct Entry {
    batch: Batch,
    callers: Vec<Caller>,
}

struct Caller {
    id: u64,
    deadline: Instant,
    answer_to: AnswerTo,
}

impl Caller {
    fn answer(self, at: Option<Position>, body: Body) {
        self.answer_to.send(Answer { id: self.id, at, body });
    }
}

impl Entry {
    /// The first calls that fit one entry together.
    fn take(waiting: &mut Calls) -> Self {
        let mut bytes = 0;
        let fits = |call: &&Call<Command>| {
            bytes += weight(&call.body.kind);
            bytes <= BATCH_BYTES_MAX
        };
        let count = waiting.iter().take(BATCH_COMMANDS_MAX).take_while(fits).count().max(1);
        let (commands, callers) = waiting
            .drain(..count.min(waiting.len()))
            .map(|Call { id, body, deadline, answer_to }| {
                (body, Caller { id, deadline, answer_to })
            })
            .unzip();
        Self { batch: Batch { stamp_ms: 0, commands }, callers }
    }
}

fn weight(kind: &CommandKind) -> usize {
    if let CommandKind::PutSeatMapPart { data, .. } = kind {
        COMMAND_BYTES + data.len()
    } else {
        COMMAND_BYTES
    }
}

enum Proposed {
    Answers(BatchAnswers),
    /// Nothing was proposed; go there, or come back.
    Nothing(Retry),
    /// Nothing was proposed; it may work here in a moment.
    NotYet,
    Unknown,
}
