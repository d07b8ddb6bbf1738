//! A cluster of nodes in this process, and a client that goes where it is sent.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rowlock_node::config::{ClusterId, Config, Peers};
use rowlock_node::run::Node;
use rowlock_proto::seat_map::{Category, Row, Seat, SeatMap, Section, Shape};
use rowlock_proto::v1::cluster_client::ClusterClient;
use rowlock_proto::v1::inventory_client::InventoryClient;
use rowlock_proto::v1::{answer, call, command, query, query_reply, reply, retry};
use rowlock_proto::{EventId, NodeId, Slot, v1};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tonic::transport::Channel;

pub(crate) const CLUSTER: ClusterId = ClusterId([0xc1; 16]);
pub(crate) const SHARDS: u32 = 4;
/// Nothing that is waited for takes longer, unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Nodes that run, and what is needed to start them again.
pub(crate) struct Cluster {
    nodes: BTreeMap<u64, Node>,
    addrs: BTreeMap<u64, SocketAddr>,
    dir: TempDir,
}

impl Cluster {
    pub(crate) fn start(nodes: u64) -> Self {
        let listeners: BTreeMap<u64, TcpListener> =
            (1..=nodes).map(|id| (id, TcpListener::bind("127.0.0.1:0").unwrap())).collect();
        let addrs =
            listeners.iter().map(|(&id, listener)| (id, listener.local_addr().unwrap())).collect();
        let mut cluster = Self { nodes: BTreeMap::new(), addrs, dir: TempDir::new().unwrap() };
        for (id, listener) in listeners {
            let node = Node::start_on(cluster.config(id), listener).unwrap();
            cluster.nodes.insert(id, node);
        }
        cluster
    }

    pub(crate) fn config(&self, id: u64) -> Config {
        let peers = self.addrs.iter().map(|(&id, addr)| (NodeId(id), addr.to_string()));
        Config {
            data: self.data(id),
            node: NodeId(id),
            cluster: CLUSTER,
            listen: self.addrs[&id],
            metrics_listen: ([127, 0, 0, 1], 0).into(),
            peers: Peers(peers.collect()),
            shards: SHARDS,
            replicas: u32::try_from(self.addrs.len().min(3)).unwrap(),
            bootstrap: true,
            clock_bound: Duration::from_millis(250),
            event_cache_mib: 64,
            feed_pinned_mib: 64,
        }
    }

    fn data(&self, id: u64) -> PathBuf {
        self.dir.path().join(format!("node-{id}"))
    }

    pub(crate) fn stop(&mut self, id: u64) {
        self.nodes.remove(&id).unwrap().stop().unwrap();
    }

    pub(crate) fn start_again(&mut self, id: u64) {
        let node = Node::start(self.config(id)).unwrap();
        self.nodes.insert(id, node);
    }

    pub(crate) fn running(&self) -> Vec<u64> {
        self.nodes.keys().copied().collect()
    }

    pub(crate) fn addr(&self, id: u64) -> SocketAddr {
        self.addrs[&id]
    }

    pub(crate) fn client(&self) -> Client {
        let channels =
            self.nodes.keys().map(|&id| (id, channel(self.addrs[&id]))).collect::<BTreeMap<_, _>>();
        Client { channels, next_key: 0 }
    }

    pub(crate) async fn status(&self, id: u64) -> v1::StatusReply {
        let mut admin = ClusterClient::new(channel(self.addrs[&id]));
        admin.status(v1::StatusRequest {}).await.unwrap().into_inner()
    }

    /// The node that leads a shard, once one does.
    pub(crate) async fn leader(&self, shard: u32) -> u64 {
        let mut found = None;
        until("a leader", async || {
            for id in self.running() {
                let status = self.status(id).await;
                let leads = |r: &&v1::ReplicaStatus| r.shard == shard && r.role == "leader";
                if status.replicas.iter().find(leads).is_some() {
                    found = Some(id);
                    return true;
                }
            }
            false
        })
        .await;
        found.unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Together: a node that stops alone would wait for others to take its leaders.
        let nodes = std::mem::take(&mut self.nodes);
        let stops: Vec<_> =
            nodes.into_values().map(|node| std::thread::spawn(move || node.stop())).collect();
        for stop in stops {
            drop(stop.join());
        }
    }
}

pub(crate) fn channel(addr: SocketAddr) -> Channel {
    Channel::from_shared(format!("http://{addr}")).unwrap().connect_lazy()
}

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Calls that go from node to node until something was decided.
pub(crate) struct Client {
    channels: BTreeMap<u64, Channel>,
    next_key: u64,
}

/// What was decided.
#[derive(Debug)]
pub(crate) enum Decided {
    Reply(reply::Kind),
    Found(query_reply::Kind),
    Refusal(v1::Refusal),
}

impl Client {
    pub(crate) fn key(&mut self) -> Bytes {
        self.next_key += 1;
        Bytes::copy_from_slice(&u128::from(self.next_key).to_be_bytes())
    }

    pub(crate) async fn execute(
        &mut self,
        slot: Slot,
        body: call::Body,
    ) -> (v1::Position, Decided) {
        let began = Instant::now();
        loop {
            for channel in self.channels.values() {
                let call = v1::Call {
                    id: 7,
                    slot: slot.number().into(),
                    timeout_ms: 2000,
                    body: Some(body.clone()),
                };
                let Ok(answer) = InventoryClient::new(channel.clone()).execute(call).await else {
                    continue;
                };
                let answer = answer.into_inner();
                assert_eq!(answer.id, 7);
                let at = answer.at.unwrap_or_default();
                match answer.body.unwrap() {
                    answer::Body::Reply(reply) => return (at, Decided::Reply(reply.kind.unwrap())),
                    answer::Body::Result(found) => {
                        return (at, Decided::Found(found.kind.unwrap()));
                    }
                    answer::Body::Refusal(refusal) => return (at, Decided::Refusal(refusal)),
                    answer::Body::Retry(retry) => {
                        assert_ne!(retry.kind(), retry::Kind::Unspecified);
                        assert_ne!(retry.kind(), retry::Kind::WrongNode);
                    }
                }
            }
            assert!(began.elapsed() < PATIENCE, "nothing was decided in time");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn command(
        &mut self,
        slot: Slot,
        key: Bytes,
        kind: command::Kind,
    ) -> (v1::Position, Decided) {
        let command = v1::Command { principal: user(1), key, kind: Some(kind) };
        self.execute(slot, call::Body::Command(command)).await
    }

    /// A command that is done.
    pub(crate) async fn done(&mut self, slot: Slot, kind: command::Kind) -> reply::Kind {
        let key = self.key();
        match self.command(slot, key, kind).await.1 {
            Decided::Reply(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn query(&mut self, slot: Slot, kind: query::Kind) -> query_reply::Kind {
        let query = v1::Query { stale: false, kind: Some(kind) };
        match self.execute(slot, call::Body::Query(query)).await.1 {
            Decided::Found(found) => found,
            other => panic!("{other:?}"),
        }
    }

    /// An event with a hundred seats that is on sale.
    pub(crate) async fn event_on_sale(&mut self, number: u128, hold_ttl_ms: u64) -> EventId {
        let event = EventId(number);
        let bytes = hall();
        let map = Bytes::copy_from_slice(&Sha256::digest(&bytes));
        let part = v1::PutSeatMapPart { map: map.clone(), part: 0, parts: 1, data: bytes.into() };
        self.done(event.slot(), command::Kind::PutSeatMapPart(part)).await;
        let spec = v1::EventSpec {
            name: "An evening".into(),
            venue: Bytes::copy_from_slice(&[9; 16]),
            venue_name: "The hall".into(),
            date_ms: 4_000_000_000_000,
            sale_start_ms: 1,
            currency: "EUR".into(),
            prices: vec![4000],
            hold_ttl_ms,
            map,
            ..v1::EventSpec::default()
        };
        let id = Bytes::copy_from_slice(&event.to_bytes());
        let create = v1::CreateEvent { event: id.clone(), spec: Some(spec) };
        self.done(event.slot(), command::Kind::CreateEvent(create)).await;
        let publish = v1::PublishEvent { event: id };
        self.done(event.slot(), command::Kind::PublishEvent(publish)).await;
        event
    }

    pub(crate) async fn hold(&mut self, event: EventId, seats: &[u32]) -> v1::Booking {
        match self.done(event.slot(), hold(event, seats)).await {
            reply::Kind::Booking(booking) => booking,
            other => panic!("{other:?}"),
        }
    }

    /// The states of the event's seats, one byte a seat.
    pub(crate) async fn seats(&mut self, event: EventId) -> Bytes {
        let event_id = Bytes::copy_from_slice(&event.to_bytes());
        let get = query::Kind::GetSeats(v1::GetSeats { event: event_id });
        match self.query(event.slot(), get).await {
            query_reply::Kind::Seats(seats) => seats.states,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn user(number: u128) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

pub(crate) fn hold(event: EventId, seats: &[u32]) -> command::Kind {
    let event = Bytes::copy_from_slice(&event.to_bytes());
    command::Kind::HoldSeats(v1::HoldSeats { event, seats: seats.to_vec() })
}

fn hall() -> Vec<u8> {
    let seat = |number: i32| Seat {
        label: number.to_string(),
        x_mm: number * 500,
        y_mm: 0,
        category: 0,
        flags: 0,
    };
    let row = Row { label: "A".into(), shape: Shape::Line, seats: (0..100).map(seat).collect() };
    let map = SeatMap {
        width_mm: 50_000,
        height_mm: 1_000,
        focus_mm: None,
        categories: vec![Category { name: "All".into(), colour: 0 }],
        sections: vec![Section { name: "Stalls".into(), rows: vec![row] }],
        areas: Vec::new(),
    };
    map.encode().unwrap()
}
