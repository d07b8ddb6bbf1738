//! The `Inventory` service: the path of all traffic.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{Stream, stream};
use rowlock_proto::v1::inventory_server::Inventory;
use rowlock_proto::{NodeId, ShardId, Slot, v1};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::command::malformed;
use super::{command, query, reply};
use crate::group::{
    Answer, AnswerTo, Answers, Body, Call, Connection, Feed, Groups, Retry, connection,
};
use crate::meta::Map;
use rowlock_raft_store::inventory::Refusal;

/// Answers of one message.
const ANSWERS_PER_BATCH_MAX: usize = 1024;
/// Answers that a client may leave unread before its stream is ended.
const ANSWERS_WAITING_MAX: usize = 65_536;
/// How long a call without a timeout of its own is worked on, and the longest that one may ask for.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);
const TIMEOUT_MAX: Duration = Duration::from_secs(60);
/// When to come back to a node that is stopping.
const STOPPING_RETRY_MS: u32 = 50;

/// Takes clients' calls to the groups of this node.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) map: Arc<Map>,
    pub(crate) here: NodeId,
    pub(crate) groups: Arc<Groups>,
    pub(crate) metrics_addr: Arc<str>,
    /// Set: no new calls are taken.
    pub(crate) stopping: Arc<AtomicBool>,
    pub(crate) shutdown: CancellationToken,
}

impl Service {
    /// Hands one call on. Never waits; the answer comes by `answer_to`.
    fn take(&self, call: v1::Call, now: Instant, answer_to: AnswerTo) {
        let id = call.id;
        let timeout = match call.timeout_ms {
            0 => TIMEOUT_DEFAULT,
            ms => Duration::from_millis(ms.into()).min(TIMEOUT_MAX),
        };
        let deadline = now + timeout;
        let slot = u16::try_from(call.slot).ok().and_then(Slot::new);
        let Some(slot) = slot else {
            return refuse(id, answer_to, malformed("there is no such slot"));
        };
        if self.stopping.load(Ordering::Relaxed) {
            let retry = Retry::Unavailable { after_ms: STOPPING_RETRY_MS };
            return answer_to.send(Answer { id, at: None, body: Body::Retry(retry) });
        }
        let group = self.groups.get(self.map.shard_of(slot));
        let Some(group) = group else {
            let body = Body::Retry(Retry::WrongNode);
            return answer_to.send(Answer { id, at: None, body });
        };
        match call.body {
            Some(v1::call::Body::Command(command)) => match command::decode(command) {
                Ok(body) => group.propose(Call { id, body, deadline, answer_to }),
                Err(refusal) => refuse(id, answer_to, refusal),
            },
            Some(v1::call::Body::Query(query)) => {
                let stale = query.stale;
                match query::decode(query) {
                    Ok(body) => group.query(Call { id, body, deadline, answer_to }, stale),
                    Err(refusal) => refuse(id, answer_to, refusal),
                }
            }
            None => refuse(id, answer_to, malformed("a call is a command or a query")),
        }
    }

    fn map_reply(&self) -> v1::ClusterMap {
        let entry = |(&node, addr): (&NodeId, &String)| v1::NodeEntry {
            node: node.0,
            addr: addr.clone(),
            metrics_addr: if node == self.here {
                self.metrics_addr.to_string()
            } else {
                String::new()
            },
        };
        let shard = |shard: &crate::meta::Shard| v1::ShardEntry {
            shard: shard.id.0,
            replicas: shard
                .replicas
                .iter()
                .map(|replica| v1::ReplicaEntry { replica: replica.id.0, node: replica.node.0 })
                .collect(),
            leader_node: self
                .groups
                .get(shard.id)
                .and_then(|group| group.leader())
                .map_or(0, |node| node.0),
        };
        let slots = (0..rowlock_proto::shard::SLOTS).filter_map(Slot::new);
        let number = |slot| u16::try_from(self.map.shard_of(slot).0).unwrap_or(u16::MAX);
        v1::ClusterMap {
            cluster: bytes::Bytes::copy_from_slice(&self.map.layout.cluster.0),
            epoch: self.map.epoch,
            nodes: self.map.nodes.iter().map(entry).collect(),
            shards: self.map.shards.iter().map(shard).collect(),
            slots: slots.flat_map(|slot| number(slot).to_le_bytes()).collect::<Vec<_>>().into(),
        }
    }
}

fn refuse(id: u64, answer_to: AnswerTo, refusal: Refusal) {
    answer_to.send(Answer { id, at: None, body: Body::Refusal(refusal) });
}

type BoxStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Inventory for Service {
    type ExchangeStream = BoxStream<v1::AnswerBatch>;
    type WatchStream = BoxStream<v1::WatchBatch>;

    async fn exchange(
        &self,
        request: Request<Streaming<v1::CallBatch>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let (connection, answers) = connection();
        tokio::spawn(calls(self.clone(), request.into_inner(), connection));
        let map = Arc::clone(&self.map);
        let buffer = Vec::with_capacity(ANSWERS_PER_BATCH_MAX);
        let batches =
            stream::unfold((answers, map, buffer), |(mut answers, map, mut buffer)| async move {
                let batch = next_answers(&mut answers, &map, &mut buffer).await?;
                Some((Ok(batch), (answers, map, buffer)))
            });
        Ok(Response::new(Box::pin(batches)))
    }

    async fn execute(&self, request: Request<v1::Call>) -> Result<Response<v1::Answer>, Status> {
        let (sender, answer) = oneshot::channel();
        self.take(request.into_inner(), Instant::now(), AnswerTo::One(sender));
        // Whoever drops a call without an answer has failed, and its fate is unknown.
        let answer = answer.await.map_err(|_| Status::internal("the call was dropped"))?;
        Ok(Response::new(reply::answer(answer, &self.map)))
    }

    async fn watch(
        &self,
        request: Request<v1::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let v1::WatchRequest { shard, after } = request.into_inner();
        let group = self
            .groups
            .get(ShardId(shard))
            .ok_or_else(|| Status::not_found("no replica of the shard is here"))?;
        let feed = Feed::new(group, after, self.shutdown.clone());
        let batches = stream::unfold(Some(feed), |feed| async move {
            let mut feed = feed?;
            match feed.next().await {
                Ok(Some(batch)) => Some((Ok(reply::watch_batch(batch)), Some(feed))),
                Ok(None) => None,
                Err(error) => Some((Err(reply::feed_error(&error)), None)),
            }
        });
        Ok(Response::new(Box::pin(batches)))
    }

    async fn get_map(
        &self,
        _request: Request<v1::GetMapRequest>,
    ) -> Result<Response<v1::ClusterMap>, Status> {
        Ok(Response::new(self.map_reply()))
    }
}

/// Reads a client's calls until its stream ends.
async fn calls(service: Service, mut batches: Streaming<v1::CallBatch>, connection: Connection) {
    let mut shutdown = pin!(service.shutdown.clone().cancelled_owned());
    loop {
        let next = tokio::select! {
            next = batches.message() => next,
            () = &mut shutdown => return,
        };
        let Ok(Some(batch)) = next else { return };
        if connection.waiting() > ANSWERS_WAITING_MAX {
            tracing::warn!("a client does not read its answers; stream ended");
            return;
        }
        let now = Instant::now();
        for call in batch.calls {
            service.take(call, now, AnswerTo::Connection(connection.clone()));
        }
    }
}

/// Every answer that is ready, in one message.
async fn next_answers(
    answers: &mut Answers,
    map: &Map,
    buffer: &mut Vec<Answer>,
) -> Option<v1::AnswerBatch> {
    let count = answers.take(buffer, ANSWERS_PER_BATCH_MAX).await;
    let answers = buffer.drain(..).map(|answer| reply::answer(answer, map)).collect();
    (count > 0).then_some(v1::AnswerBatch { answers })
}
