//! The `Raft` service: frames and snapshots from other nodes.

use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use openraft::raft::AppendEntriesRequest;
use rowlock_proto::v1::frame::Kind;
use rowlock_proto::v1::raft_server::Raft;
use rowlock_proto::{NodeId, ReplicaId, ShardId, v1};
use rowlock_raft_store::types::TypeConfig;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::peer::Ends;
use super::{QUEUE_MAX, next_batch, snapshot, wire};
use crate::group::{Group, Groups};
use crate::meta::Map;

/// Requests of one exchange that wait for their group.
const EXCHANGE_QUEUE_MAX: usize = 1024;
/// Exchanges open on one connection: some for every group of the two nodes.
const EXCHANGES_MAX: usize = 65_536;
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// Takes frames from other nodes to the groups of this one.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) map: Arc<Map>,
    pub(crate) here: NodeId,
    pub(crate) groups: Arc<Groups>,
    pub(crate) shutdown: CancellationToken,
}

impl Service {
    /// The ends of a connection that `hello` opens, if it is meant for this node.
    pub(super) fn greet(&self, hello: Option<&v1::Hello>) -> Result<Ends, Status> {
        let hello = hello.ok_or_else(|| Status::failed_precondition("no hello"))?;
        let there = NodeId(hello.from_node);
        let ends = Ends { layout: self.map.layout, here: self.here, there };
        ends.accepts(hello).map_err(Status::failed_precondition)?;
        if there == self.here || !self.map.nodes.contains_key(&there) {
            return Err(Status::failed_precondition(format!(
                "node {there} is not of this cluster"
            )));
        }
        Ok(ends)
    }

    /// The group that a frame is for, if the replica it names lives here and the one it comes
    /// from lives there.
    pub(super) fn group(
        &self,
        there: NodeId,
        group: u32,
        from: u64,
        to: u64,
    ) -> Option<&Arc<Group>> {
        let group = self.groups.get(ShardId(group))?;
        let known = group.shard().node_of(ReplicaId(from)) == Some(there);
        (known && group.replica() == ReplicaId(to)).then_some(group)
    }
}

#[tonic::async_trait]
impl Raft for Service {
    type FramesStream = Pin<Box<dyn Stream<Item = Result<v1::FrameBatch, Status>> + Send>>;

    async fn frames(
        &self,
        request: Request<Streaming<v1::FrameBatch>>,
    ) -> Result<Response<Self::FramesStream>, Status> {
        let mut frames = request.into_inner();
        let first = tokio::time::timeout(HELLO_TIMEOUT, frames.message()).await;
        let first = first.map_err(|_| Status::deadline_exceeded("no hello"))??;
        let first = first.ok_or_else(|| Status::failed_precondition("no hello"))?;
        let ends = self.greet(first.hello.as_ref())?;
        let (out, queue) = mpsc::channel(QUEUE_MAX);
        let connection =
            Connection { service: self.clone(), there: ends.there, out, exchanges: HashMap::new() };
        tokio::spawn(connection.run(first.frames, frames));
        let hello = v1::FrameBatch { hello: Some(ends.hello()), frames: Vec::new() };
        let answers = stream::unfold(queue, |mut queue| async move {
            next_batch(&mut queue).await.map(|batch| (Ok(batch), queue))
        });
        Ok(Response::new(Box::pin(stream::iter([Ok(hello)]).chain(answers))))
    }

    async fn snapshot(
        &self,
        request: Request<Streaming<v1::SnapshotChunk>>,
    ) -> Result<Response<v1::SnapshotAck>, Status> {
        snapshot::receive(self, request.into_inner()).await.map(Response::new)
    }
}

/// One connection from another node.
struct Connection {
    service: Service,
    there: NodeId,
    out: mpsc::Sender<v1::Frame>,
    /// Runs of appends until their END comes. `None`: the run is over here, and what still comes
    /// for it is dropped. Dropping a sender ends its run.
    exchanges: HashMap<u64, Option<Requests>>,
}

type Requests = mpsc::Sender<AppendEntriesRequest<TypeConfig>>;

impl Connection {
    async fn run(mut self, first: Vec<v1::Frame>, mut frames: Streaming<v1::FrameBatch>) {
        let mut shutdown = pin!(self.service.shutdown.clone().cancelled_owned());
        let mut batch = first;
        loop {
            for frame in batch.drain(..) {
                if self.take(frame).is_err() {
                    // The other side does not read its answers: it has to begin afresh.
                    tracing::warn!(node = %self.there, "answers pile up; connection ended");
                    return;
                }
            }
            let next = tokio::select! {
                next = frames.message() => next,
                () = &mut shutdown => return,
            };
            match next {
                Ok(Some(next)) => batch = next.frames,
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Hands a frame to its group; never waits.
    fn take(&mut self, frame: v1::Frame) -> Result<(), Full> {
        let kind = frame.kind();
        if kind == Kind::End {
            self.exchanges.remove(&frame.exchange);
            return Ok(());
        }
        let found =
            self.service.group(self.there, frame.group, frame.from_replica, frame.to_replica);
        let Some(group) = found.cloned() else {
            tracing::warn!(
                node = %self.there, group = frame.group, replica = frame.to_replica,
                "frame for a replica that is not here"
            );
            return self.reply(&frame, Kind::Reject);
        };
        match kind {
            Kind::Append => self.append(&group, frame),
            Kind::Vote | Kind::PreVote | Kind::TransferLeader => {
                tokio::spawn(voting(group, kind, frame, self.out.clone()));
                Ok(())
            }
            // `End` is dealt with above.
            Kind::Unspecified | Kind::End | Kind::Reject => self.reply(&frame, Kind::Reject),
        }
    }

    fn append(&mut self, group: &Arc<Group>, mut frame: v1::Frame) -> Result<(), Full> {
        let request = match wire::decode_append(std::mem::take(&mut frame.body)) {
            Ok(request) => request,
            Err(error) => {
                tracing::error!(node = %self.there, group = frame.group, %error, "append not understood");
                self.exchanges.insert(frame.exchange, None);
                return self.reply(&frame, Kind::Reject);
            }
        };
        if !self.exchanges.contains_key(&frame.exchange) {
            if self.exchanges.len() >= EXCHANGES_MAX {
                return self.reply(&frame, Kind::Reject);
            }
            let (sender, requests) = mpsc::channel(EXCHANGE_QUEUE_MAX);
            tokio::spawn(appends(Arc::clone(group), requests, frame.clone(), self.out.clone()));
            self.exchanges.insert(frame.exchange, Some(sender));
        }
        // A run that is over or too far behind takes no more: Raft goes on from what it has heard.
        if let Some(requests) = self.exchanges.get_mut(&frame.exchange)
            && let Some(sender) = requests
            && sender.try_send(request).is_err()
        {
            *requests = None;
        }
        Ok(())
    }

    fn reply(&self, to: &v1::Frame, kind: Kind) -> Result<(), Full> {
        self.out.try_send(answer(to, kind, Bytes::new())).map_err(|_| Full)
    }
}

/// The queue of answers is full, or nobody reads it.
struct Full;

pub(super) fn answer(to: &v1::Frame, kind: Kind, body: Bytes) -> v1::Frame {
    v1::Frame {
        kind: kind.into(),
        exchange: to.exchange,
        group: to.group,
        from_replica: to.to_replica,
        to_replica: to.from_replica,
        body,
    }
}

/// One run of appends, until its requests end.
async fn appends(
    group: Arc<Group>,
    requests: mpsc::Receiver<AppendEntriesRequest<TypeConfig>>,
    to: v1::Frame,
    out: mpsc::Sender<v1::Frame>,
) {
    let mut results = pin!(group.raft().stream_append(ReceiverStream::new(requests)));
    while let Some(Ok(result)) = results.next().await {
        if out.send(answer(&to, Kind::Append, wire::encode_appended(&result))).await.is_err() {
            return;
        }
    }
    // The connection may be gone by now, and the exchange with it.
    drop(out.send(answer(&to, Kind::End, Bytes::new())).await);
}

/// A vote, a pre-vote, or a transfer of leadership. A group that stops gives no answer: the
/// asker's time runs out, as if this node were gone.
async fn voting(group: Arc<Group>, kind: Kind, mut frame: v1::Frame, out: mpsc::Sender<v1::Frame>) {
    let body = std::mem::take(&mut frame.body);
    match decide(&group, kind, body).await {
        Ok(Some(body)) => drop(out.send(answer(&frame, kind, body)).await),
        Ok(None) => {}
        Err(error) => tracing::warn!(group = frame.group, %error, "no answer to a vote"),
    }
}

/// What the group says to a vote, a pre-vote or a transfer. `None`: it is none of these.
pub(super) async fn decide(
    group: &Group,
    kind: Kind,
    body: Bytes,
) -> Result<Option<Bytes>, String> {
    let raft = group.raft();
    let body = match kind {
        Kind::TransferLeader => {
            let request = wire::decode_transfer(body).map_err(|error| error.to_string())?;
            let answer = raft.handle_transfer_leader(request).await;
            wire::encode_transferred(&answer.map_err(|error| error.to_string())?)
        }
        Kind::Vote | Kind::PreVote => {
            let request = wire::decode_vote(body).map_err(|error| error.to_string())?;
            let answer = if kind == Kind::Vote {
                raft.vote(request).await
            } else {
                raft.pre_vote(request).await
            };
            wire::encode_voted(&answer.map_err(|error| error.to_string())?)
        }
        Kind::Unspecified | Kind::Append | Kind::End | Kind::Reject => return Ok(None),
    };
    Ok(Some(body))
}
