//! The simulated machines, and the node on each.
//!
//! Invariants:
//! - A machine whose power is cut runs nothing more and writes nothing more; what a later start finds
//!   is what its disk kept.
//! - Each start of a node is a machine of its own, so nothing of an earlier one can wake up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rowlock_node::config::{ClusterId, Config, Peers};
use rowlock_node::host::LogLength;
use rowlock_node::simulated::{Node, Standing, World as Given};
use rowlock_proto::{NodeId, ShardId};
use rowlock_raft_store::engine::memory::{Kept, MemEngine, Trouble};
use rowlock_raft_store::runtime::Machine;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::network::{NodeNet, Weather};
use super::plan::{Plan, Sabotage};
use super::time::SkewedTime;

/// A node that opens is done by then.
const OPEN_MAX: Duration = Duration::from_secs(20);
/// Greatest error of a clock that is right, in microseconds: well within the bound.
const CLOCK_ERROR_US: i64 = 100_000;
const CLOCK_BOUND: Duration = Duration::from_millis(250);
/// A sync takes a quarter of this to all of it, on a disk that is well.
pub const SYNC_US_MAX: u64 = 2_000;
/// State is written behind this often.
const FLUSH_MS: std::ops::Range<u64> = 20..400;

/// What a cluster is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    pub nodes: u64,
    pub shards: u32,
    pub log_length: LogLength,
}

#[derive(Debug)]
struct Running {
    machine: Machine,
    node: Arc<Node>,
}

#[derive(Debug)]
struct Site {
    time: Arc<SkewedTime>,
    engine: MemEngine,
    running: Option<Running>,
    /// How long a sync takes at most.
    sync_us_max: u64,
    /// Its disk was told to fail: a fault is no finding.
    trouble: bool,
    starts: u64,
    /// Gone for good.
    lost: bool,
}

/// See the module.
#[derive(Debug)]
pub struct World {
    shape: Shape,
    pub sabotage: Option<Sabotage>,
    sites: Mutex<BTreeMap<NodeId, Site>>,
    weather: Mutex<Weather>,
    random: Mutex<StdRng>,
    trace: Mutex<Sha256>,
    findings: Mutex<Vec<String>>,
    start: Instant,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub fn new(plan: &Plan, seed: u64, weather: Weather) -> Arc<Self> {
        let (shape, sabotage) = (plan.shape, plan.sabotage);
        let mut random = StdRng::seed_from_u64(seed ^ 0x776f_726c_6400);
        let start = Instant::now();
        let mut site = || Site {
            time: Arc::new(SkewedTime::new(start, off_us(&mut random))),
            engine: fresh_disk(sabotage),
            running: None,
            sync_us_max: SYNC_US_MAX,
            trouble: false,
            starts: 0,
            lost: false,
        };
        // The last is the spare one.
        let sites = (1..=shape.nodes + 1).map(|id| (NodeId(id), site())).collect();
        Arc::new(Self {
            shape,
            sabotage,
            sites: Mutex::new(sites),
            weather: Mutex::new(weather),
            random: Mutex::new(random),
            trace: Mutex::new(Sha256::new()),
            findings: Mutex::default(),
            start,
        })
    }

    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// All machines that there still are.
    pub fn nodes(&self) -> Vec<NodeId> {
        let sites = lock(&self.sites);
        sites.iter().filter(|(_, site)| !site.lost).map(|(&id, _)| id).collect()
    }

    /// The machine whose node has no vote at first.
    pub fn spare(&self) -> NodeId {
        NodeId(self.shape.nodes + 1)
    }

    /// Who leads `shard`, as it believes itself, and the standings of all its voters that run.
    pub fn members(&self, shard: ShardId) -> (Vec<NodeId>, Vec<(NodeId, Standing)>) {
        let running = self.nodes().into_iter().filter_map(|id| Some((id, self.running(id)?.1)));
        let all: Vec<(NodeId, Standing)> = running
            .flat_map(|(id, node)| node.standings().into_iter().map(move |it| (id, it)))
            .filter(|(_, standing)| standing.shard == shard)
            .collect();
        let leaders: Vec<NodeId> =
            all.iter().filter(|(_, it)| it.leads).map(|&(id, _)| id).collect();
        // Who was removed last may not know it: the newest leader's word counts.
        let newest = all.iter().filter(|(_, it)| it.leads).max_by_key(|(_, it)| it.term);
        let voters = newest.map(|(_, it)| it.voters.clone()).unwrap_or_default();
        let members = all.into_iter().filter(|(_, it)| voters.contains(&it.replica)).collect();
        (leaders, members)
    }

    /// The machine that is gone for good, if one is.
    pub fn lost(&self) -> Option<NodeId> {
        lock(&self.sites).iter().find(|(_, site)| site.lost).map(|(&id, _)| id)
    }

    /// The machine is gone for good, and its disk.
    pub fn lose(&self, id: NodeId) {
        self.cut_power(id);
        self.site(id, |site| site.lost = true);
    }

    pub fn weather(&self) -> MutexGuard<'_, Weather> {
        lock(&self.weather)
    }

    pub fn random(&self) -> MutexGuard<'_, StdRng> {
        lock(&self.random)
    }

    fn site<T>(&self, id: NodeId, look: impl FnOnce(&mut Site) -> T) -> T {
        look(lock(&self.sites).get_mut(&id).expect("a node of this cluster"))
    }

    /// Adds to the trace, which two runs of a seed must have in common.
    pub fn trace(&self, what: &[u64]) {
        let now = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut trace = lock(&self.trace);
        trace.update(now.to_le_bytes());
        what.iter().for_each(|part| trace.update(part.to_le_bytes()));
    }

    pub fn trace_text(&self, text: &str) {
        lock(&self.trace).update(text.as_bytes());
    }

    pub fn trace_hash(&self) -> String {
        hex::encode(lock(&self.trace).clone().finalize())
    }

    /// Something that must not be.
    pub fn find(&self, what: String) {
        let mut findings = lock(&self.findings);
        if !findings.contains(&what) {
            findings.push(what);
        }
    }

    pub fn findings(&self) -> Vec<String> {
        lock(&self.findings).clone()
    }

    /// The node that runs there and is not paused, with its machine.
    pub fn running(&self, id: NodeId) -> Option<(Machine, Arc<Node>)> {
        self.site(id, |site| {
            let running = site.running.as_ref()?;
            Some((running.machine.clone(), Arc::clone(&running.node)))
        })
    }

    pub fn engine(&self, id: NodeId) -> MemEngine {
        self.site(id, |site| site.engine.clone())
    }

    /// How often the node was started so far.
    pub fn starts(&self, id: NodeId) -> u64 {
        self.site(id, |site| site.starts)
    }

    pub fn time(&self, id: NodeId) -> Arc<SkewedTime> {
        self.site(id, |site| Arc::clone(&site.time))
    }

    pub fn repair_clock(&self, id: NodeId) {
        let off = off_us(&mut self.random());
        self.time(id).repair(off);
    }

    pub fn set_sync_us_max(&self, id: NodeId, us: u64) {
        self.site(id, |site| site.sync_us_max = us);
    }

    /// The power of the machine is cut: nothing runs, nothing is written.
    pub fn cut_power(&self, id: NodeId) {
        self.site(id, |site| {
            if let Some(running) = site.running.take() {
                running.machine.cut_power();
            }
            site.engine.kill();
        });
    }

    /// The disk fails, or the power is cut, at a write or sync that is soon to come.
    pub fn order(&self, id: NodeId, steps: u64, trouble: Trouble) {
        self.site(id, |site| {
            site.trouble = true;
            site.engine.order(site.engine.step() + steps, trouble);
        });
    }

    /// Starts the node on what a power cut left of its disk, unless it runs.
    pub async fn start(self: &Arc<Self>, id: NodeId, kept: Kept) {
        if self.running(id).is_some() || self.site(id, |site| site.lost) {
            return;
        }
        let (engine, time) = self.site(id, |site| {
            site.engine = if self.sabotage == Some(Sabotage::EmptyDisk) && site.starts > 0 {
                MemEngine::new()
            } else {
                site.engine.after_power_cut(kept)
            };
            site.trouble = false;
            site.starts += 1;
            (site.engine.clone(), Arc::clone(&site.time))
        });
        let machine = Machine::default();
        let carrier = NodeNet { world: Arc::downgrade(self), here: id };
        let log_length = self.shape.log_length;
        let given = Given { engine: Arc::new(engine), time, carrier, log_length, spares: 1 };
        let config = self.config(id);
        let opening = machine.clone().run(Node::open(&config, given));
        let node = match tokio::time::timeout(OPEN_MAX, opening).await {
            Ok(Ok(node)) => Arc::new(node),
            Ok(Err(error)) => return self.find(format!("node {id} does not open: {error:#}")),
            Err(_) => return self.find(format!("node {id} does not open in {OPEN_MAX:?}")),
        };
        self.drive(&machine, &node);
        let watched = Arc::clone(self);
        drop(tokio::spawn(watch_faults(watched, machine.clone(), Arc::clone(&node))));
        self.site(id, |site| site.running = Some(Running { machine, node }));
    }

    /// What threads do in a process: syncs, each taking its time, and writing behind.
    fn drive(self: &Arc<Self>, machine: &Machine, node: &Arc<Node>) {
        let (world, rounds, id) = (Arc::downgrade(self), node.rounds(), node.id());
        drop(tokio::spawn(machine.clone().run(async move {
            loop {
                let round = rounds.next().await;
                let Some(world) = world.upgrade() else { return };
                let max = world.site(id, |site| site.sync_us_max);
                let takes = Duration::from_micros(world.random().random_range(max / 4..=max));
                tokio::time::sleep(takes).await;
                round.sync();
            }
        })));
        let (world, node) = (Arc::downgrade(self), Arc::clone(node));
        drop(tokio::spawn(machine.clone().run(async move {
            loop {
                let Some(world) = world.upgrade() else { return };
                let pause = Duration::from_millis(world.random().random_range(FLUSH_MS));
                drop(world);
                tokio::time::sleep(pause).await;
                if node.flush().is_err() {
                    return;
                }
            }
        })));
    }

    fn config(&self, id: NodeId) -> Config {
        let nodes = (1..=self.shape.nodes + 1).map(NodeId);
        let nodes = nodes.map(|node| (node, format!("node-{node}:1")));
        Config {
            data: "simulated".into(),
            node: id,
            cluster: ClusterId([7; 16]),
            listen: ([127, 0, 0, 1], 1).into(),
            metrics_listen: ([127, 0, 0, 1], 2).into(),
            peers: Peers(nodes.collect()),
            shards: self.shape.shards,
            replicas: 3,
            bootstrap: true,
            clock_bound: CLOCK_BOUND,
            event_cache_mib: 64,
            feed_pinned_mib: 64,
        }
    }
}

/// A node whose disk failed stops at once, as its process would.
async fn watch_faults(world: Arc<World>, machine: Machine, node: Arc<Node>) {
    let mut faults = node.faults();
    let fault = match faults.wait_for(Option::is_some).await {
        Ok(fault) => fault.clone(),
        Err(_) => return,
    };
    if !machine.is_on() {
        return;
    }
    let id = node.id();
    if !world.site(id, |site| site.trouble) {
        let what = fault.map_or_else(String::new, |fault| format!("{fault}"));
        world.find(format!("node {id} stopped of itself: {what}"));
    }
    world.cut_power(id);
}

fn fresh_disk(sabotage: Option<Sabotage>) -> MemEngine {
    let engine = MemEngine::new();
    if let Some(Sabotage::Disk(lie)) = sabotage {
        engine.lie(Some(lie));
    }
    engine
}

fn off_us(random: &mut StdRng) -> i64 {
    random.random_range(-CLOCK_ERROR_US..=CLOCK_ERROR_US)
}
