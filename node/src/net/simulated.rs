//! Raft's network traits over a simulated network, which may lose, delay, repeat and reorder.
//!
//! What travels are the frames of the real one, encoded and decoded by the same code; only the
//! streams are gone: each request is carried alone, and a run of appends is one request after the
//! other. A request that was carried twice is answered twice; the asker takes one answer.

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use openraft::OptionalSend;
use openraft::base::{BoxFuture, BoxStream};
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{Backoff, RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult,
    TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use rowlock_proto::v1::frame::Kind;
use rowlock_proto::{NodeId, ReplicaId, ShardId, v1};
use rowlock_raft_store::raft_bytes;
use rowlock_raft_store::snapshot::SnapshotData;
use rowlock_raft_store::types::{Place, Snapshot, TypeConfig, Vote};

use super::network::{RETRY_PAUSE, Route};
use super::serve::{Service, answer, decide};
use super::{snapshot, wire};
use crate::simulated::{Carrier, Reply, Request};

type Rpc = RPCError<TypeConfig>;

fn unreachable(why: impl ToString) -> Unreachable<TypeConfig> {
    Unreachable::from_string(why)
}

/// Makes the connections of one group.
#[derive(Clone, Debug)]
pub(crate) struct Simulated<C> {
    pub(crate) carrier: C,
    pub(crate) shard: ShardId,
    pub(crate) replica: ReplicaId,
}

impl<C: Carrier> RaftNetworkFactory<TypeConfig> for Simulated<C> {
    type Network = Link<C>;

    async fn new_client(&mut self, target: u64, place: &Place) -> Link<C> {
        let route = Route { group: self.shard.0, from: self.replica, to: ReplicaId(target) };
        Link { carrier: self.carrier.clone(), node: NodeId(place.node), route }
    }
}

/// One group's way to one other replica.
#[derive(Clone, Debug)]
pub(crate) struct Link<C> {
    carrier: C,
    node: NodeId,
    route: Route,
}

impl<C: Carrier> Link<C> {
    async fn ask<T>(
        &self,
        kind: Kind,
        body: Bytes,
        decode: fn(Bytes) -> Result<T, wire::Error>,
    ) -> Result<T, Rpc> {
        let request = Request::Frame(self.route.frame(kind, 0, body));
        match self.carrier.ask(self.node, request).await {
            Some(Reply::Frame(frame)) if frame.kind() == kind => {
                Ok(decode(frame.body).map_err(unreachable)?)
            }
            Some(_) => Err(unreachable("an answer of another kind").into()),
            None => Err(unreachable("no answer").into()),
        }
    }

    async fn carry(
        &self,
        vote: Vote,
        snapshot: Snapshot,
    ) -> Result<SnapshotResponse<TypeConfig>, Rpc> {
        let mut meta = Vec::new();
        raft_bytes::put_snapshot_meta(&snapshot.meta, &mut meta);
        let head = v1::SnapshotHead {
            hello: None,
            group: self.route.group,
            from_replica: self.route.from.0,
            to_replica: self.route.to.0,
            meta: meta.into(),
            vote: wire::encode_plain_vote(&vote),
        };
        let mut reader = snapshot.snapshot.into_reader().map_err(unreachable)?;
        let mut chunks = Vec::new();
        while let Some(chunk) = reader.next_chunk().map_err(unreachable)? {
            chunks.push(chunk);
        }
        match self.carrier.ask(self.node, Request::Snapshot { head, chunks }).await {
            Some(Reply::Installed(body)) => Ok(wire::decode_installed(body).map_err(unreachable)?),
            Some(_) | None => Err(unreachable("no answer to a snapshot").into()),
        }
    }
}

impl<C: Carrier> RaftNetworkV2<TypeConfig> for Link<C> {
    type SnapshotData = SnapshotData;

    async fn append_entries(
        &mut self,
        _request: AppendEntriesRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, Rpc> {
        // Only the default `stream_append`, which is replaced below, would come here.
        Err(unreachable("appends travel in runs").into())
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _option: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Result<StreamAppendResult<TypeConfig>, Rpc>>, Rpc>>
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + OptionalSend + Unpin + 'static,
    {
        let link = self.clone();
        let answers = stream::unfold(Some((link, input)), |run| async move {
            let (link, mut input) = run?;
            let request = input.next().await?;
            let body = wire::encode_append(&request);
            let result = link.ask(Kind::Append, body, wire::decode_appended).await;
            // A run ends with its first failure, as a stream does.
            let rest = result.is_ok().then_some((link, input));
            Some((result, rest))
        });
        Box::pin(async move { Ok(Box::pin(answers) as BoxStream<'s, _>) })
    }

    async fn vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, Rpc> {
        self.ask(Kind::Vote, wire::encode_vote(&request), wire::decode_voted).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, Rpc> {
        self.ask(Kind::PreVote, wire::encode_vote(&request), wire::decode_voted).await
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, Rpc> {
        let body = wire::encode_transfer(&request);
        self.ask(Kind::TransferLeader, body, wire::decode_transferred).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        _cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        self.carry(vote, snapshot).await.map_err(|error| unreachable(error).into())
    }

    fn backoff(&self) -> Option<Backoff> {
        Some(Backoff::new(std::iter::repeat(RETRY_PAUSE)))
    }
}

/// What this node answers to what another one's [`Link`] asks. `None`: nothing.
pub(crate) async fn carried(service: &Service, there: NodeId, request: Request) -> Option<Reply> {
    match request {
        Request::Frame(frame) => {
            let found = service.group(there, frame.group, frame.from_replica, frame.to_replica);
            let Some(group) = found.cloned() else {
                return Some(Reply::Frame(answer(&frame, Kind::Reject, Bytes::new())));
            };
            let (kind, body) = (frame.kind(), frame.body.clone());
            let body = if kind == Kind::Append {
                let request = wire::decode_append(body).ok()?;
                let one = stream::iter([request]);
                let mut results = std::pin::pin!(group.raft().stream_append(one));
                wire::encode_appended(&results.next().await?.ok()?)
            } else {
                decide(&group, kind, body).await.ok()??
            };
            Some(Reply::Frame(answer(&frame, kind, body)))
        }
        Request::Snapshot { head, chunks } => {
            let found = service.group(there, head.group, head.from_replica, head.to_replica);
            let group = found?.clone();
            let vote = wire::decode_plain_vote(head.vote).ok()?;
            let promised = raft_bytes::decode_snapshot_meta(&head.meta).ok()?;
            let mut receiver = group.state().receive_snapshot();
            for chunk in chunks {
                // Others get a turn, and the machine a chance to die, between two chunks.
                tokio::task::yield_now().await;
                if receiver.push(&chunk).ok()? {
                    break;
                }
            }
            let ack = snapshot::install(&group, receiver, &promised, vote).await.ok()?;
            Some(Reply::Installed(ack.body))
        }
        Request::WallTime | Request::Call(_) | Request::Map => None,
    }
}
