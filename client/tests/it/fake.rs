//! A node that hands every call to a script and sends what the script answers.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::Stream;
use rowlock_client::types::BookingId;
use rowlock_client::{Client, Config};
use rowlock_proto::v1;
use rowlock_proto::v1::inventory_server::{Inventory, InventoryServer};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming};

/// What a script does with the calls that came together.
pub(crate) enum Do {
    Answer(Vec<v1::Answer>),
    /// Ends the stream without answering.
    Drop,
}

type Script = Box<dyn FnMut(Vec<v1::Call>) -> Do + Send>;
type Feed = Box<dyn FnMut(v1::WatchRequest) -> Result<Vec<v1::WatchBatch>, Status> + Send>;

pub(crate) struct Scripts {
    pub(crate) calls: Script,
    pub(crate) feed: Feed,
}

impl Scripts {
    pub(crate) fn calls(script: impl FnMut(Vec<v1::Call>) -> Do + Send + 'static) -> Self {
        Self { calls: Box::new(script), feed: Box::new(|_| Err(Status::unimplemented("no feed"))) }
    }
}

#[derive(Clone)]
struct Node {
    map: Arc<Mutex<v1::ClusterMap>>,
    scripts: Arc<Mutex<Scripts>>,
}

/// Starts a node for each of the scripts, all replicas of the one shard, and a client. The first
/// is what the map calls the leader.
pub(crate) async fn cluster(scripts: Vec<Scripts>) -> Client {
    let map = Arc::new(Mutex::new(v1::ClusterMap::default()));
    let mut nodes = Vec::new();
    for (id, scripts) in (1..).zip(scripts) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        nodes.push(v1::NodeEntry { node: id, addr, metrics_addr: String::new() });
        let node = Node { map: Arc::clone(&map), scripts: Arc::new(Mutex::new(scripts)) };
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(InventoryServer::new(node))
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
    }
    let endpoints = vec![nodes[0].addr.clone()];
    let replicas =
        nodes.iter().map(|node| v1::ReplicaEntry { replica: node.node, node: node.node }).collect();
    *map.lock().unwrap() = v1::ClusterMap {
        cluster: Bytes::from_static(&[1; 16]),
        epoch: 1,
        nodes,
        shards: vec![v1::ShardEntry { shard: 0, replicas, leader_node: 1 }],
        slots: Bytes::from(vec![0; 2 * 4096]),
    };
    Client::connect(Config { endpoints, ..Config::default() }).await.unwrap()
}

#[tonic::async_trait]
impl Inventory for Node {
    type ExchangeStream = Pin<Box<dyn Stream<Item = Result<v1::AnswerBatch, Status>> + Send>>;
    type WatchStream = Pin<Box<dyn Stream<Item = Result<v1::WatchBatch, Status>> + Send>>;

    async fn exchange(
        &self,
        request: Request<Streaming<v1::CallBatch>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let mut calls = request.into_inner();
        let (sender, receiver) = mpsc::channel(64);
        let scripts = Arc::clone(&self.scripts);
        tokio::spawn(async move {
            while let Ok(Some(batch)) = calls.message().await {
                let done = (scripts.lock().unwrap().calls)(batch.calls);
                let Do::Answer(answers) = done else { return };
                if sender.send(Ok(v1::AnswerBatch { answers })).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn execute(&self, _call: Request<v1::Call>) -> Result<Response<v1::Answer>, Status> {
        Err(Status::unimplemented("not used by the client"))
    }

    async fn watch(
        &self,
        request: Request<v1::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let batches = (self.scripts.lock().unwrap().feed)(request.into_inner())?;
        Ok(Response::new(Box::pin(tokio_stream::iter(batches.into_iter().map(Ok)))))
    }

    async fn get_map(
        &self,
        _request: Request<v1::GetMapRequest>,
    ) -> Result<Response<v1::ClusterMap>, Status> {
        Ok(Response::new(self.map.lock().unwrap().clone()))
    }
}

/// The key of a command.
pub(crate) fn key(call: &v1::Call) -> Bytes {
    match &call.body {
        Some(v1::call::Body::Command(command)) => command.key.clone(),
        other => panic!("not a command: {other:?}"),
    }
}

/// Grants a hold of the seats that were asked for.
pub(crate) fn grant(call: &v1::Call) -> v1::Answer {
    let Some(v1::call::Body::Command(command)) = &call.body else { panic!("not a command") };
    let Some(v1::command::Kind::HoldSeats(hold)) = &command.kind else { panic!("not a hold") };
    let booking = v1::Booking {
        booking: Bytes::copy_from_slice(&BookingId(7).to_bytes()),
        event: hold.event.clone(),
        user: command.principal.clone(),
        state: v1::BookingState::Held.into(),
        seats: hold.seats.clone(),
        ..v1::Booking::default()
    };
    let reply = v1::Reply { kind: Some(v1::reply::Kind::Booking(booking)) };
    v1::Answer { id: call.id, at: None, body: Some(v1::answer::Body::Reply(reply)) }
}

pub(crate) fn retry(call: &v1::Call, kind: v1::retry::Kind, leader_node: u64) -> v1::Answer {
    let retry = v1::Retry { kind: kind.into(), leader_node, ..v1::Retry::default() };
    v1::Answer { id: call.id, at: None, body: Some(v1::answer::Body::Retry(retry)) }
}
