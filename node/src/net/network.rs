//! Raft's network traits on top of [`Peer`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
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
use rowlock_raft_store::snapshot::SnapshotData;
use rowlock_raft_store::types::{Place, Snapshot, TypeConfig, Vote};

use super::exchange::Appends;
use super::peer::Peer;
use super::{snapshot, wire};

type Rpc = RPCError<TypeConfig>;

/// A node that can't be reached is tried again this often: short, since a restarted follower
/// should catch up at once, and a failed try costs little.
pub(super) const RETRY_PAUSE: Duration = Duration::from_millis(100);

fn unreachable(why: impl ToString) -> Unreachable<TypeConfig> {
    Unreachable::from_string(why)
}

/// From which replica to which.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) group: u32,
    pub(super) from: ReplicaId,
    pub(super) to: ReplicaId,
}

impl Route {
    pub(super) fn frame(&self, kind: Kind, exchange: u64, body: Bytes) -> v1::Frame {
        v1::Frame {
            kind: kind.into(),
            exchange,
            group: self.group,
            from_replica: self.from.0,
            to_replica: self.to.0,
            body,
        }
    }
}

/// Makes the connections of one group.
#[derive(Clone, Debug)]
pub(crate) struct Factory {
    pub(crate) peers: Arc<BTreeMap<NodeId, Arc<Peer>>>,
    pub(crate) shard: ShardId,
    pub(crate) replica: ReplicaId,
}

impl RaftNetworkFactory<TypeConfig> for Factory {
    type Network = Network;

    async fn new_client(&mut self, target: u64, place: &Place) -> Network {
        let peer = self.peers.get(&NodeId(place.node)).cloned();
        let route = Route { group: self.shard.0, from: self.replica, to: ReplicaId(target) };
        Network { peer, route }
    }
}

/// One group's way to one other replica.
#[derive(Debug)]
pub(crate) struct Network {
    /// `None`: no node is known for the replica.
    peer: Option<Arc<Peer>>,
    route: Route,
}

impl Network {
    fn peer(&self) -> Result<&Arc<Peer>, Unreachable<TypeConfig>> {
        self.peer.as_ref().ok_or_else(|| unreachable("no node has this replica"))
    }

    async fn ask<T>(
        &self,
        kind: Kind,
        body: Bytes,
        option: &RPCOption,
        decode: fn(Bytes) -> Result<T, wire::Error>,
    ) -> Result<T, Rpc> {
        let frame = self.route.frame(kind, 0, body);
        let answer = self.peer()?.ask(frame, option.soft_ttl()).await.map_err(unreachable)?;
        Ok(decode(answer.body).map_err(unreachable)?)
    }
}

impl RaftNetworkV2<TypeConfig> for Network {
    type SnapshotData = SnapshotData;

    async fn append_entries(
        &mut self,
        _request: AppendEntriesRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, Rpc> {
        // Only the default `stream_append`, which is replaced below, would come here.
        Err(unreachable("appends travel in streams").into())
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _option: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Result<StreamAppendResult<TypeConfig>, Rpc>>, Rpc>>
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + OptionalSend + Unpin + 'static,
    {
        // A run may last for hours: pings, not a deadline, tell whether the node is there.
        Box::pin(async move {
            let peer = Arc::clone(self.peer()?);
            match Appends::open(peer, self.route, input) {
                Ok(appends) => Ok(Box::pin(appends) as BoxStream<'s, _>),
                Err(error) => {
                    // The pause of `backoff` lies in the requests, which nobody has asked for yet:
                    // without this one a leader would retry as fast as it can.
                    tokio::time::sleep(RETRY_PAUSE).await;
                    Err(unreachable(error).into())
                }
            }
        })
    }

    async fn vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, Rpc> {
        self.ask(Kind::Vote, wire::encode_vote(&request), &option, wire::decode_voted).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, Rpc> {
        self.ask(Kind::PreVote, wire::encode_vote(&request), &option, wire::decode_voted).await
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, Rpc> {
        let body = wire::encode_transfer(&request);
        self.ask(Kind::TransferLeader, body, &option, wire::decode_transferred).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let peer = self.peer()?;
        tokio::select! {
            sent = snapshot::send(peer, self.route, vote, snapshot) => {
                sent.map_err(|error| unreachable(error).into())
            }
            closed = cancel => Err(StreamingError::Closed(closed)),
        }
    }

    fn backoff(&self) -> Option<Backoff> {
        Some(Backoff::new(std::iter::repeat(RETRY_PAUSE)))
    }
}
