//! One replica driven by hand, and a story for it to live through.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use openraft::EntryPayload as Payload;
use openraft::storage::{IOFlushed, RaftLogStorage, RaftStateMachine};
use openraft::type_config::TypeConfigExt;
use rowlock_proto::ids::{EventId, NodeId, ReplicaId, RequestKey, UserId};
use rowlock_proto::shard::ShardId;
use rowlock_raft_store::codec;
use rowlock_raft_store::engine::Engine;
use rowlock_raft_store::inventory::{Batch, Command, CommandKind, SYSTEM};
use rowlock_raft_store::log::GroupLog;
use rowlock_raft_store::state_machine::{StateHandle, StateMachine};
use rowlock_raft_store::store::{self, Config, Identity, Store, Tuning};
use rowlock_raft_store::types::{
    Entry, EntryPayload, LeaderId, LogId, Membership, Place, TypeConfig,
};

use crate::fixture;

pub(crate) const SHARD: ShardId = ShardId(3);
pub(crate) const EVENT: EventId = EventId(77);
pub(crate) const SEATS: u32 = 512;
/// Entries of a story.
pub(crate) const STORY: u64 = 40;

pub(crate) const fn replica_id(node: u64) -> ReplicaId {
    ReplicaId(3_000 + node)
}

pub(crate) fn identity(node: u64) -> Identity {
    Identity {
        cluster: [9; 16],
        node: NodeId(node),
        replicas: BTreeMap::from([(SHARD, replica_id(node))]),
    }
}

/// Flushes happen when a test says so.
pub(crate) fn by_hand() -> Tuning {
    Tuning { flush_interval_ms: None, ..Tuning::default() }
}

#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) log: GroupLog,
    pub(crate) machine: StateMachine,
    pub(crate) state: StateHandle,
    pub(crate) store: Store,
}

impl Replica {
    pub(crate) fn open(engine: Arc<dyn Engine>) -> Result<Self, store::Error> {
        Self::of(Store::open_on(engine, identity(1), by_hand())?, 1)
    }

    pub(crate) fn open_dir(dir: &Path) -> Result<Self, store::Error> {
        let config = Config { dir: dir.to_owned(), identity: identity(1), tuning: by_hand() };
        Self::of(Store::open(config)?, 1)
    }

    pub(crate) fn of(store: Store, node: u64) -> Result<Self, store::Error> {
        let store::Group { log, machine, state } = store.group(SHARD, replica_id(node))?;
        Ok(Self { log, machine, state, store })
    }

    /// Appends and waits until it is durable.
    pub(crate) async fn append(&mut self, entries: Vec<Entry>) -> io::Result<()> {
        let (done, is_done) = TypeConfig::oneshot();
        self.log.append(entries, IOFlushed::signal(done)).await?;
        is_done.await.map_err(io::Error::other)?
    }

    pub(crate) async fn apply(&mut self, entries: Vec<Entry>) -> io::Result<()> {
        let entries = entries.into_iter().map(|entry| Ok((entry, None)));
        self.machine.apply(futures_util::stream::iter(entries)).await
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        self.state.read(rowlock_raft_store::inventory::State::digest).unwrap()
    }
}

pub(crate) fn log_id(term: u64, index: u64) -> LogId {
    LogId { leader_id: LeaderId { term, node_id: replica_id(1).0 }, index }
}

pub(crate) fn payload(batch: &Batch) -> EntryPayload {
    let count = u32::try_from(batch.commands.len()).unwrap();
    EntryPayload::new(count, codec::encode_batch(batch.stamp_ms, batch.commands.iter()))
}

pub(crate) fn system(kind: CommandKind) -> Command {
    Command { principal: SYSTEM, key: RequestKey(0), kind }
}

/// The commands that put an event on sale.
pub(crate) fn opening() -> Vec<Command> {
    let data = fixture::map_bytes(SEATS);
    let map = fixture::map_hash(&data);
    let mut spec = fixture::spec(map);
    spec.hold_ttl_ms = 1_000;
    vec![
        system(CommandKind::PutSeatMapPart { map, part: 0, parts: 1, data }),
        system(CommandKind::CreateEvent { event: EVENT, spec: Box::new(spec) }),
        system(CommandKind::PublishEvent { event: EVENT }),
    ]
}

/// A hold that depends on its number alone. Some meet others' seats and are refused.
pub(crate) fn hold(number: u64) -> Command {
    let seat = u32::try_from(number * 7 % u64::from(SEATS - 1)).unwrap();
    Command {
        principal: UserId(1 + u128::from(number)),
        key: RequestKey(1 + u128::from(number)),
        kind: CommandKind::HoldSeats { event: EVENT, seats: vec![seat, seat + 1] },
    }
}

pub(crate) fn members() -> Membership {
    let places =
        (1..=3).map(|node| (replica_id(node).0, Place { node, addr: format!("127.0.0.1:{node}") }));
    let voters: BTreeSet<u64> = (1..=3).map(|node| replica_id(node).0).collect();
    Membership::new(vec![voters], places.collect::<BTreeMap<_, _>>()).unwrap()
}

/// The term of the story's entry at `index`: a new leader comes where `crash` truncates.
pub(crate) const fn term(index: u64) -> u64 {
    1 + (index + 5) / 8
}

/// The story's entry at `index`: members, the opening, then holds, with an expiry now and then.
pub(crate) fn entry(index: u64) -> Entry {
    let payload = match index {
        0 => Payload::Membership(members()),
        2 => Payload::Blank,
        _ => {
            let commands = if index == 1 {
                opening()
            } else if index.is_multiple_of(9) {
                vec![system(CommandKind::ExpireDue { max: 100 })]
            } else {
                (0..3).map(|place| hold(index * 3 + place)).collect()
            };
            Payload::Normal(payload(&Batch { stamp_ms: index * 100, commands }))
        }
    };
    Entry { log_id: log_id(term(index), index), payload }
}

/// What a replica that never fails makes of the story: its digest after each entry.
pub(crate) async fn digests(engine: Arc<dyn Engine>) -> Vec<[u8; 32]> {
    let mut replica = Replica::open(engine).unwrap();
    let mut digests = Vec::new();
    for index in 0..STORY {
        replica.append(vec![entry(index)]).await.unwrap();
        replica.apply(vec![entry(index)]).await.unwrap();
        digests.push(replica.digest());
    }
    digests
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
