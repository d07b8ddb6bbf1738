//! A network of direct calls between the replicas of one process. A replica that is not in it is
//! unreachable.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::{Stream, StreamExt};
use openraft::OptionalSend;
use openraft::base::{BoxFuture, BoxStream};
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult, VoteRequest,
    VoteResponse,
};
use rowlock_raft_store::snapshot::SnapshotData;
use rowlock_raft_store::state_machine::StateHandle;
use rowlock_raft_store::types::{Place, Raft, Snapshot, TypeConfig, Vote};

type Peer = (Raft, StateHandle);

/// Who can be reached.
#[derive(Clone, Default)]
pub(crate) struct Net {
    peers: Arc<Mutex<BTreeMap<u64, Peer>>>,
    /// Snapshots that were carried to their end.
    pub(crate) snapshots: Arc<std::sync::atomic::AtomicU64>,
}

impl Net {
    pub(crate) fn join(&self, replica: u64, raft: Raft, state: StateHandle) {
        self.peers.lock().unwrap().insert(replica, (raft, state));
    }
    pub(crate) fn leave(&self, replica: u64) {
        self.peers.lock().unwrap().remove(&replica);
    }
    fn peer(&self, replica: u64) -> Option<Peer> {
        self.peers.lock().unwrap().get(&replica).cloned()
    }
}

impl RaftNetworkFactory<TypeConfig> for Net {
    type Network = Link;

    async fn new_client(&mut self, target: u64, _: &Place) -> Link {
        Link { net: self.clone(), target }
    }
}

pub(crate) struct Link {
    net: Net,
    target: u64,
}

type Rpc = RPCError<TypeConfig>;

fn unreachable(why: impl std::fmt::Display) -> Unreachable<TypeConfig> {
    Unreachable::from_string(why)
}

impl Link {
    fn raft(&self) -> Result<Raft, Rpc> {
        Ok(self.net.peer(self.target).ok_or_else(|| unreachable("it is down"))?.0)
    }

    async fn carry(
        &self,
        vote: Vote,
        snapshot: Snapshot,
    ) -> Result<SnapshotResponse<TypeConfig>, Unreachable<TypeConfig>> {
        let (raft, state) = self.net.peer(self.target).ok_or_else(|| unreachable("it is down"))?;
        let mut reader = snapshot.snapshot.into_reader().map_err(unreachable)?;
        let mut receiver = state.receive_snapshot();
        while let Some(chunk) = reader.next_chunk().map_err(unreachable)? {
            receiver.push(&chunk).map_err(unreachable)?;
            tokio::task::yield_now().await;
        }
        let (meta, data) = receiver.finish().map_err(unreachable)?;
        let snapshot = Snapshot { meta, snapshot: data };
        let answer = raft.install_full_snapshot(vote, snapshot).await.map_err(unreachable)?;
        self.net.snapshots.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(answer)
    }
}

impl RaftNetworkV2<TypeConfig> for Link {
    type SnapshotData = SnapshotData;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, Rpc> {
        Ok(self.raft()?.append_entries(rpc).await.map_err(unreachable)?)
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Result<StreamAppendResult<TypeConfig>, Rpc>>, Rpc>>
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + OptionalSend + Unpin + 'static,
    {
        Box::pin(async move {
            let answers = self.raft()?.stream_append(input);
            let answers = answers.map(|answer| answer.map_err(|gone| unreachable(gone).into()));
            Ok(Box::pin(answers) as BoxStream<'s, _>)
        })
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        _: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, Rpc> {
        Ok(self.raft()?.vote(rpc).await.map_err(unreachable)?)
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        _: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, Rpc> {
        Ok(self.raft()?.pre_vote(rpc).await.map_err(unreachable)?)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        _: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        Ok(self.carry(vote, snapshot).await?)
    }
}
