//! The `Cluster` service: what administrators, and other nodes' clocks, ask.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use openraft::ServerState;
use openraft::async_runtime::WatchReceiver as _;
use rowlock_proto::v1::cluster_server::Cluster;
use rowlock_proto::{NodeId, ShardId, v1};
use rowlock_raft_store::inventory::State;
use rowlock_raft_store::residency::{self, StateDigest};
use rowlock_raft_store::state_machine::StateHandle;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::clock::Clock;
use crate::group::{Group, Groups};
use crate::meta::Map;

/// How long a digest waits for its replica, unless the request says, and at most.
const DIGEST_WAIT_DEFAULT: Duration = Duration::from_secs(5);
const DIGEST_WAIT_MAX: Duration = Duration::from_secs(60);
/// Events that an audit looks at together.
const AUDIT_PAGE: usize = 500;
const TRANSFER_WAIT_MAX: Duration = Duration::from_secs(5);

/// Answers about this node and its replicas.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) map: Arc<Map>,
    pub(crate) here: NodeId,
    pub(crate) groups: Arc<Groups>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) started: Instant,
    /// Cancelled: the process is to stop as after a signal.
    pub(crate) stop: CancellationToken,
}

impl Service {
    fn group(&self, shard: u32) -> Result<&Arc<Group>, Status> {
        let group = self.groups.get(ShardId(shard));
        group.ok_or_else(|| Status::not_found("no replica of the shard is here"))
    }
}

#[tonic::async_trait]
impl Cluster for Service {
    async fn status(
        &self,
        _request: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusReply>, Status> {
        let reading = self.clock.reading(self.clock.now());
        Ok(Response::new(v1::StatusReply {
            node: self.here.0,
            cluster: Bytes::copy_from_slice(&self.map.layout.cluster.0),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            clock_offset_us: reading.offset_us,
            clock_error_us: reading.error_us,
            clock_checked: reading.checked,
            replicas: self.groups.iter().map(|group| replica_status(group)).collect(),
        }))
    }

    async fn replica_digest(
        &self,
        request: Request<v1::DigestRequest>,
    ) -> Result<Response<v1::DigestReply>, Status> {
        let v1::DigestRequest { shard, min_index, timeout_ms } = request.into_inner();
        let group = self.group(shard)?;
        let wait = match timeout_ms {
            0 => DIGEST_WAIT_DEFAULT,
            ms => Duration::from_millis(ms.into()).min(DIGEST_WAIT_MAX),
        };
        let mut revisions = group.state().watch();
        let reached = async {
            while group.state().applied_index().unwrap_or(0) < min_index {
                if revisions.changed().await.is_err() {
                    return false;
                }
            }
            true
        };
        if !tokio::time::timeout(wait, reached).await.unwrap_or(false) {
            let applied = group.state().applied_index().unwrap_or(0);
            return Err(Status::deadline_exceeded(format!("applied up to {applied}")));
        }
        let state = group.state().clone();
        let reply = blocking(move || digest(&state)).await?.map_err(|error| unreadable(&error))?;
        Ok(Response::new(reply))
    }

    async fn audit(
        &self,
        request: Request<v1::AuditRequest>,
    ) -> Result<Response<v1::AuditReply>, Status> {
        let state = self.group(request.into_inner().shard)?.state().clone();
        let reply = blocking(move || audit(&state)).await?.map_err(|error| unreadable(&error))?;
        Ok(Response::new(reply))
    }

    async fn transfer_leader(
        &self,
        request: Request<v1::TransferLeaderRequest>,
    ) -> Result<Response<v1::TransferLeaderReply>, Status> {
        let v1::TransferLeaderRequest { shard, to_node } = request.into_inner();
        let group = self.group(shard)?;
        let to = group
            .shard()
            .replica_on(NodeId(to_node))
            .ok_or_else(|| Status::invalid_argument("that node has no replica of the shard"))?;
        if !group.is_leader() {
            return Err(Status::failed_precondition("this node does not lead the shard"));
        }
        let sent = group.raft().trigger().transfer_leader(to.id.0).await;
        sent.map_err(|error| Status::unavailable(error.to_string()))?;
        let wait = group.raft().wait(Some(TRANSFER_WAIT_MAX));
        let done = wait.current_leader(to.id.0, "transfer of leadership").await;
        done.map_err(|error| Status::deadline_exceeded(error.to_string()))?;
        Ok(Response::new(v1::TransferLeaderReply { leader_node: to_node }))
    }

    async fn clock(
        &self,
        _request: Request<v1::ClockRequest>,
    ) -> Result<Response<v1::ClockReply>, Status> {
        Ok(Response::new(v1::ClockReply { unix_us: self.clock.wall_us() }))
    }

    async fn stop(
        &self,
        _request: Request<v1::StopRequest>,
    ) -> Result<Response<v1::StopReply>, Status> {
        self.stop.cancel();
        Ok(Response::new(v1::StopReply {}))
    }
}

/// Long computations run beside the thread that serves.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Status> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Status::internal(error.to_string()))
}

fn replica_status(group: &Group) -> v1::ReplicaStatus {
    let watch = group.raft().metrics();
    let metrics = watch.borrow_watched();
    let role = match (&metrics.running_state, metrics.state) {
        (Err(_), _) | (Ok(()), ServerState::Shutdown) => "halted",
        (Ok(()), ServerState::Leader) => "leader",
        (Ok(()), ServerState::Follower) => "follower",
        (Ok(()), ServerState::Candidate) => "candidate",
        (Ok(()), ServerState::Learner) => "learner",
    };
    let state = group.state();
    let fault = match (state.halted(), &metrics.running_state) {
        (Some(halted), _) => halted.to_string(),
        (None, Err(fatal)) => fatal.to_string(),
        (None, Ok(())) => String::new(),
    };
    let progress = state.progress();
    v1::ReplicaStatus {
        shard: group.shard().id.0,
        replica: group.replica().0,
        role: role.to_owned(),
        term: metrics.current_term,
        leader_node: group.leader().map_or(0, |node| node.0),
        last_log_index: metrics.last_log_index.unwrap_or(0),
        applied_index: state.applied_index().unwrap_or(0),
        persisted_index: state.persisted_index().unwrap_or(0),
        revision: progress.revision,
        log_time_ms: progress.clock_ms,
        queue_len: group.queue_len() as u64,
        fault,
    }
}

fn unreadable(error: &residency::Error) -> Status {
    Status::failed_precondition(error.to_string())
}

/// What replicas are compared by, state and audit chains: equal indexes mean equal digests.
fn digest(handle: &StateHandle) -> Result<v1::DigestReply, residency::Error> {
    let found = handle.digest()?;
    let StateDigest { applied_index, revision, clock_ms, .. } = found;
    Ok(v1::DigestReply {
        revision,
        applied_index: applied_index.unwrap_or(0),
        digest: Bytes::copy_from_slice(&found.of_all()),
        log_time_ms: clock_ms,
    })
}

fn audit(handle: &StateHandle) -> Result<v1::AuditReply, residency::Error> {
    let violations = handle.audit()?;
    handle.read_of(None, |state| {
        let stats = state.stats();
        let (seats_held, seats_sold) = seat_totals(state);
        v1::AuditReply {
            revision: state.revision(),
            violations,
            events: stats.events,
            bookings: stats.bookings,
            seats_held,
            seats_sold,
        }
    })
}

/// Held and sold seats of all events, due holds left out.
fn seat_totals(state: &State) -> (u64, u64) {
    let (mut held, mut sold, mut after) = (0, 0, None);
    loop {
        let (page, more) = state.events_after(after, AUDIT_PAGE);
        for event in &page {
            held += u64::from(event.counts.held);
            sold += u64::from(event.counts.sold);
        }
        after = page.last().map(|event| event.event);
        if !more {
            return (held, sold);
        }
    }
}
