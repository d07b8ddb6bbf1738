//! The storage of one node: opened once, it hands out the groups.
//!
//! Owns: the engine, the log writer's and the write-behind thread, and the row that says whose
//! store this is. Must not: know Raft's configuration or the network.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rowlock_proto::ids::{NodeId, ReplicaId};
use rowlock_proto::shard::ShardId;
use tokio::sync::watch;

use crate::audit::ChangeBytes;
use crate::engine::rocks::RocksEngine;
use crate::engine::{self, Batch, Engine};
use crate::fault::{Disk, Fault};
use crate::feed::Retention;
use crate::group;
use crate::inventory;
use crate::keys::{self, Space};
use crate::log::GroupLog;
use crate::log_writer::{LogWriter, Rounds, Totals};
use crate::seal;
use crate::state_machine::{StateHandle, StateMachine};
use crate::write_behind::WriteBehind;

const VERSION: u8 = 1;

/// Whose store it is: written at the first opening, compared at every later one. A replica that was
/// wiped or moved must not come back under its old id: it would vote with another log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    pub cluster: [u8; 16],
    pub node: NodeId,
    /// The replica of each shard that lives here.
    pub replicas: BTreeMap<ShardId, ReplicaId>,
}

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Config {
    pub dir: PathBuf,
    pub identity: Identity,
    pub tuning: Tuning,
}

/// What may differ from one opening to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tuning {
    /// How long a sync waits for company after its first waiter.
    pub sync_delay_us: u64,
    /// How long a change of the state may be in the log alone. `None`: flush by hand only.
    pub flush_interval_ms: Option<u64>,
    pub feed: Retention,
    /// What the audit chains are made of.
    pub change_bytes: ChangeBytes,
    /// What seats and bookings of one group may take in memory, as far as they can be left on disk:
    /// those of events with holds stay.
    pub event_cache_bytes: u64,
    pub inventory: inventory::Config,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            sync_delay_us: 0,
            flush_interval_ms: Some(200),
            feed: Retention::default(),
            change_bytes: ChangeBytes::default(),
            event_cache_bytes: 1 << 30,
            inventory: inventory::Config::default(),
        }
    }
}

/// Why a store or a group does not open.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("create the data directory")]
    Dir(#[source] std::io::Error),
    #[error("open the storage engine")]
    Engine(#[from] engine::Error),
    #[error("start a thread")]
    Thread(#[source] std::io::Error),
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("identity of the store")]
    Seal(#[from] seal::Error),
    #[error("identity of the store ends early")]
    Short,
    /// The data is another's, or another placement's: nothing was touched.
    #[error("the data directory is that of {found:?}, not of {expected:?}")]
    Foreign { expected: Box<Identity>, found: Box<Identity> },
    #[error("shard {0} has no replica {1} here")]
    NoReplica(ShardId, ReplicaId),
    #[error("shard {0} is open already")]
    AlreadyOpen(ShardId),
}

/// One group, opened: what `Raft::new` and the node's services take.
#[derive(Debug)]
pub struct Group {
    pub log: GroupLog,
    pub machine: StateMachine,
    pub state: StateHandle,
}

/// An open store.
#[derive(Debug)]
pub struct Store {
    identity: Identity,
    tuning: Tuning,
    disk: Disk,
    // Stopped and dropped in this order: state is flushed, then the last sync covers it.
    write_behind: Mutex<WriteBehind>,
    log_writer: LogWriter,
    opened: Mutex<BTreeMap<ShardId, ()>>,
}

fn encode(identity: &Identity, out: &mut Vec<u8>) {
    out.extend_from_slice(&identity.cluster);
    out.extend_from_slice(&identity.node.0.to_be_bytes());
    for (shard, replica) in &identity.replicas {
        out.extend_from_slice(&shard.0.to_be_bytes());
        out.extend_from_slice(&replica.0.to_be_bytes());
    }
}

fn decode(body: &[u8]) -> Result<Identity, Error> {
    let (cluster, rest) = body.split_first_chunk::<16>().ok_or(Error::Short)?;
    let (node, mut rest) = rest.split_first_chunk::<8>().ok_or(Error::Short)?;
    let mut replicas = BTreeMap::new();
    while !rest.is_empty() {
        let (shard, tail) = rest.split_first_chunk::<4>().ok_or(Error::Short)?;
        let (replica, tail) = tail.split_first_chunk::<8>().ok_or(Error::Short)?;
        replicas
            .insert(ShardId(u32::from_be_bytes(*shard)), ReplicaId(u64::from_be_bytes(*replica)));
        rest = tail;
    }
    Ok(Identity { cluster: *cluster, node: NodeId(u64::from_be_bytes(*node)), replicas })
}

/// Writes the identity if there is none, and compares it if there is.
fn identify(disk: &Disk, expected: &Identity) -> Result<(), Error> {
    let Some(sealed) = disk.get(Space::Meta, &keys::identity())? else {
        let mut batch = Batch::default();
        batch.put_with(Space::Meta, &keys::identity(), |out| {
            seal::seal(VERSION, out, |out| encode(expected, out));
        });
        disk.write("write the identity", &batch)?;
        return Ok(disk.sync()?);
    };
    let found = decode(seal::open(VERSION, &sealed)?)?;
    if found == *expected {
        return Ok(());
    }
    Err(Error::Foreign { expected: Box::new(expected.clone()), found: Box::new(found) })
}

impl Store {
    /// Opens the store in `config.dir`, or creates it.
    pub fn open(config: Config) -> Result<Self, Error> {
        std::fs::create_dir_all(&config.dir).map_err(Error::Dir)?;
        let engine = RocksEngine::open(&config.dir)?;
        Self::open_on(Arc::new(engine), config.identity, config.tuning)
    }

    /// Opens the store on any engine.
    pub fn open_on(
        engine: Arc<dyn Engine>,
        identity: Identity,
        tuning: Tuning,
    ) -> Result<Self, Error> {
        let delay = Duration::from_micros(tuning.sync_delay_us);
        Self::with(engine, identity, tuning, |disk| {
            LogWriter::start(disk, delay).map_err(Error::Thread)
        })
    }

    /// Opens the store without a thread of its own: whoever opens it makes the rounds of the log
    /// writer and flushes.
    pub fn open_by_hand(
        engine: Arc<dyn Engine>,
        identity: Identity,
        tuning: Tuning,
    ) -> Result<(Self, Rounds), Error> {
        let tuning = Tuning { flush_interval_ms: None, ..tuning };
        let store = Self::with(engine, identity, tuning, |disk| Ok(LogWriter::by_hand(disk)))?;
        let rounds = store.log_writer.rounds();
        Ok((store, rounds))
    }

    fn with(
        engine: Arc<dyn Engine>,
        identity: Identity,
        tuning: Tuning,
        log_writer: impl FnOnce(Disk) -> Result<LogWriter, Error>,
    ) -> Result<Self, Error> {
        let disk = Disk::new(engine);
        identify(&disk, &identity)?;
        let log_writer = log_writer(disk.clone())?;
        let interval = tuning.flush_interval_ms.map(Duration::from_millis);
        let write_behind = WriteBehind::start(interval).map_err(Error::Thread)?;
        Ok(Self {
            identity,
            tuning,
            disk,
            write_behind: Mutex::new(write_behind),
            log_writer,
            opened: Mutex::default(),
        })
    }

    /// Opens a group: reads its log and its state. Once for each shard.
    pub fn group(&self, shard: ShardId, replica: ReplicaId) -> Result<Group, Error> {
        if self.identity.replicas.get(&shard) != Some(&replica) {
            return Err(Error::NoReplica(shard, replica));
        }
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.contains_key(&shard) {
            return Err(Error::AlreadyOpen(shard));
        }
        let write_behind = self.write_behind.lock().unwrap_or_else(PoisonError::into_inner);
        let group = group::Group::open(group::Parts {
            id: shard,
            disk: self.disk.clone(),
            syncer: self.log_writer.syncer(),
            config: self.tuning.inventory,
            retention: self.tuning.feed,
            change_bytes: self.tuning.change_bytes,
            event_cache_bytes: self.tuning.event_cache_bytes,
            waker: write_behind.waker(),
        })?;
        write_behind.add(&group);
        opened.insert(shard, ());
        Ok(Group {
            log: group.log.clone(),
            machine: StateMachine::new(Arc::clone(&group)),
            state: StateHandle::new(group),
        })
    }

    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Holds a fault once this node must stop: end the process, answer nobody.
    pub fn faults(&self) -> watch::Receiver<Option<Fault>> {
        self.disk.faults()
    }

    pub fn sync_totals(&self) -> Totals {
        self.log_writer.syncer().totals()
    }

    pub fn engine(&self) -> &dyn Engine {
        self.disk.engine()
    }

    /// Writes all state and syncs it, so that the next opening has nothing to replay. Stop the
    /// groups first. The engine closes when the last group's handle is gone.
    pub fn close(&self) -> Result<(), Fault> {
        let mut write_behind = self.write_behind.lock().unwrap_or_else(PoisonError::into_inner);
        write_behind.stop();
        for group in write_behind.groups() {
            group.flush()?;
        }
        self.disk.sync()
    }
}
