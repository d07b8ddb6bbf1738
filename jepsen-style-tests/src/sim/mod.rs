//! Whole clusters in one thread under virtual time, broken by a plan that a seed decides.
//!
//! What runs is what serves customers: the client with its routing and retries, the nodes with their
//! proposers, reads, sweepers and clock checks, Raft, and the storage down to the engine's seam.
//! Simulated are the disk (`raft_store::engine::memory`: it loses what was not synced, and tears
//! the last write), the network, the clocks, and the power of each machine.
//!
//! ```text
//! plan (of a seed) --> nemesis --> world: machines, disks, clocks, network
//!                                    |  nodes  <--network--> clients <-- workers --> history
//!                                    '--observer: logs and states of all replicas      |
//!                                                              checkers <--------------'
//! ```
//!
//! A run has two phases. *Safety*: faults as the plan says, and nothing that is promised may break.
//! *Liveness*: no faults; within [`SETTLE_MAX`] each shard has one leader and serves, and at the
//! end all replicas of a shard are in one state.
//!
//! Invariant: one seed, one run: nothing here reads a clock, a thread or a random number of the
//! machine that simulates. The hash of the run's trace shows it.

pub mod money;
pub mod nemesis;
pub mod network;
pub mod observer;
pub mod plan;
pub mod provider;
pub mod sweep;
pub mod time;
pub mod world;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rowlock_client::{Client, Config, key};
use rowlock_proto::{NodeId, ShardId};
use rowlock_raft_store::engine::memory::Kept;
use rowlock_raft_store::runtime;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::checker::{self, Violation};
use crate::faults::FaultLog;
use crate::history::{self, Entry, Outcome as Ended};
use crate::recorder::{Clock, Recorder};
use crate::workload::stage::{Bounds, HOLD_TTL_MS, Stages, make};
use crate::workload::{Shared, Worker, final_read};
use money::Desk;
use network::{ClientNet, Weather};
use observer::Observer;
pub use plan::{Kind, Plan, Sabotage};
pub use sweep::{Sweep, Swept, sweep};
use world::World;

/// From the end of all faults until each shard has one leader that serves.
pub const SETTLE_MAX: Duration = Duration::from_secs(10);
/// Faults leave more outcomes unknown here than elsewhere.
const BOUNDS: Bounds = Bounds { operations: 300, unknowns: 8, open: 6 };
const SHOP_EVENTS: usize = 2;
const CALL_TIMEOUT: Duration = Duration::from_millis(2_500);
const FINAL_READS_MAX: Duration = Duration::from_secs(60);
/// Until every hold has ended: its time and what P5 allows beyond.
const HOLDS_END: Duration = Duration::from_millis(HOLD_TTL_MS + 3_500);
/// A healed cluster has caught up by then, after the last command.
const CATCH_UP_MAX: Duration = Duration::from_secs(10);

/// What came of a simulation.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub operations: usize,
    pub done: usize,
    pub unknown: usize,
    /// Events of which the blind search could not say within its bounds that all is well.
    pub undecided: usize,
    /// What the payment provider charged, over all shoppers.
    pub charges: u32,
    pub faults: BTreeMap<Kind, u64>,
    pub violations: Vec<Violation>,
    /// Of all that was sent, answered, broken and recorded.
    pub trace: String,
    pub virtual_time: Duration,
    pub entries: Vec<Entry>,
    pub log: FaultLog,
}

thread_local! {
    static SIMULATING: Cell<bool> = const { Cell::new(false) };
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A panic in any task of a simulation is a finding of it, wherever the task's handle is.
fn note_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if SIMULATING.get() {
                PANICS.with_borrow_mut(|panics| panics.push(info.to_string()));
            } else {
                before(info);
            }
        }));
    });
}

/// Carries out a plan on this thread. What is random about it comes from `seed`.
pub fn simulate(seed: u64, plan: &Plan) -> Outcome {
    note_panics();
    SIMULATING.set(true);
    PANICS.take();
    runtime::seed(Some(seed));
    key::seed(Some(seed));
    let built =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = built.expect("a runtime without I/O needs nothing of the machine");
    let mut outcome = runtime.block_on(run(seed, plan));
    drop(runtime);
    runtime::seed(None);
    key::seed(None);
    SIMULATING.set(false);
    let panics = PANICS.take().into_iter();
    outcome.violations.extend(panics.map(|what| Violation::new("panic", what)));
    outcome
}

async fn run(seed: u64, plan: &Plan) -> Outcome {
    let start = Instant::now();
    let clear = Weather { delay_us_max: 1_000, ..Weather::default() };
    let world = World::new(plan, seed, clear);
    for id in world.nodes() {
        world.start(id, Kept::Everything).await;
    }
    let ran = match prepare(seed, plan, &world).await {
        Ok((clients, shared)) => play(seed, plan, &world, clients, shared).await,
        Err(what) => {
            world.find(format!("no start: {what}"));
            Ran::default()
        }
    };
    let mut violations: Vec<Violation> =
        world.findings().into_iter().map(|what| Violation::new("cluster", what)).collect();
    let (mut counts, mut undecided) = ((0, 0, 0), 0);
    match history::operations(&ran.entries) {
        Ok(operations) => {
            violations.extend(checker::check_without_search(&operations, &ran.log));
            // A seed that fails already is run again many times: it needs no long search.
            if violations.is_empty() {
                // Where the blind search gives up the witness has decided all the same.
                let found = checker::blind::check(&operations).into_iter();
                let (gave_up, found): (Vec<_>, Vec<_>) = found.partition(|what| what.undecided);
                undecided = gave_up.len();
                violations.extend(found);
            }
            let of = |end| operations.iter().filter(|operation| operation.outcome == end).count();
            counts = (operations.len(), of(Ended::Done), of(Ended::Unknown));
        }
        Err(error) => violations.push(Violation::new("history", error.to_string())),
    }
    for entry in &ran.entries {
        world.trace_text(&serde_json::to_string(entry).unwrap_or_default());
    }
    let mut faults = BTreeMap::new();
    for done in &ran.faults {
        *faults.entry(done.kind).or_insert(0) += 1;
    }
    Outcome {
        operations: counts.0,
        done: counts.1,
        unknown: counts.2,
        undecided,
        charges: ran.charges,
        faults,
        violations,
        trace: world.trace_hash(),
        virtual_time: start.elapsed(),
        entries: ran.entries,
        log: ran.log,
    }
}

#[derive(Default)]
struct Ran {
    entries: Vec<Entry>,
    faults: Vec<nemesis::Done>,
    log: FaultLog,
    charges: u32,
}

/// Clients beside every node, and the first events.
async fn prepare(
    seed: u64,
    plan: &Plan,
    world: &Arc<World>,
) -> Result<(Vec<Client>, Arc<Shared>), String> {
    let mut clients = Vec::new();
    for beside in world.nodes() {
        clients.push(client(world, beside, seed).await.map_err(|error| error.to_string())?);
    }
    let mut random = StdRng::seed_from_u64(seed);
    let stages = Stages::prepare(&clients[0], BOUNDS, &mut || random.random()).await;
    let stages = stages.map_err(|error| error.to_string())?;
    let shared = Shared {
        recorder: Recorder::in_memory(Clock::start()),
        stages,
        processes: AtomicU64::new(0),
        pace: Duration::from_secs(1) * plan.workers / plan.rate.max(1),
        until: plan.length,
    };
    Ok((clients, Arc::new(shared)))
}

async fn client(
    world: &Arc<World>,
    beside: NodeId,
    seed: u64,
) -> Result<Client, rowlock_client::Error> {
    let mut endpoints: Vec<String> =
        world.nodes().iter().map(|node| format!("node-{node}:1")).collect();
    endpoints.rotate_left(usize::try_from(beside.0 - 1).unwrap_or(0));
    let config = Config { endpoints, call_timeout: CALL_TIMEOUT, ..Config::default() };
    let net = Arc::new(ClientNet { world: Arc::clone(world), beside });
    let seed = u32::try_from((seed ^ beside.0) & 0xffff_ffff).unwrap_or(0);
    Client::over(net, config, seed).await
}

async fn play(
    seed: u64,
    plan: &Plan,
    world: &Arc<World>,
    clients: Vec<Client>,
    shared: Arc<Shared>,
) -> Ran {
    let clock = shared.recorder.clock();
    *world.weather() = plan.weather.clone();
    let observer = Arc::new(Mutex::new(Observer::default()));
    let observing = tokio::spawn(observer::run(Arc::clone(&observer), Arc::clone(world)));
    let mut workers = JoinSet::new();
    for number in 0..plan.workers {
        let client = &clients[usize::try_from(number).unwrap_or(0) % clients.len()];
        workers.spawn(Worker::new(Arc::clone(&shared), client.clone(), seed).run());
    }
    let desk = match desk(seed, plan, &clients).await {
        Ok(desk) => desk,
        Err(error) => {
            world.find(format!("no event for shoppers: {error}"));
            None
        }
    };
    for number in 0..plan.shoppers {
        let Some(desk) = desk.clone() else { break };
        let client = clients[usize::try_from(number).unwrap_or(0) % clients.len()].clone();
        let until = clock.at(plan.length);
        workers.spawn(money::shop(desk, client, number.into(), seed, until));
    }
    let faults = nemesis::play(world, desk.as_deref(), plan, clock.at(Duration::ZERO)).await;
    let healed = Instant::now();
    if let Err(what) = settled(world, &clients[0], &shared).await {
        world.find(format!("not settled {SETTLE_MAX:?} after the last fault: {what}"));
    }
    while workers.join_next().await.is_some() {}
    tokio::time::sleep_until(healed + HOLDS_END).await;
    let deadline = Instant::now() + FINAL_READS_MAX;
    for stage in shared.stages.all() {
        let process = shared.processes.fetch_add(1, Ordering::Relaxed);
        let read = final_read::read(&clients[0], &shared.recorder, process, &stage, deadline).await;
        if let Err(error) = read {
            world.find(format!("last read of event {}: {error}", stage.key));
        }
    }
    if let Some(desk) = &desk {
        money::judge(world, desk, &clients[0]).await;
    }
    caught_up(world).await;
    observing.abort();
    observer.lock().unwrap_or_else(PoisonError::into_inner).last_look(world);
    let nanos = |at: Duration| u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
    let unrest = faults.iter().map(|done| (nanos(done.from), nanos(done.to))).collect();
    let log = FaultLog { recorded: true, unrest, ..FaultLog::default() };
    let charges = desk.map_or(0, |desk| desk.charges());
    Ran { entries: shared.recorder.entries(), faults, log, charges }
}

/// API servers beside the clients, if anybody shops, and events to shop at.
async fn desk(
    seed: u64,
    plan: &Plan,
    clients: &[Client],
) -> Result<Option<Arc<Desk>>, rowlock_client::Error> {
    if plan.shoppers == 0 {
        return Ok(None);
    }
    let mut random = StdRng::seed_from_u64(seed ^ 0x6465_736b);
    let mut events = Vec::new();
    for _ in 0..SHOP_EVENTS {
        events.push(make(&clients[0], BOUNDS, random.random()).await?.event);
    }
    Ok(Some(Desk::open(clients, events, seed)))
}

/// Waits until each shard has one leader, whom all its replicas follow, and serves reads.
async fn settled(world: &World, client: &Client, shared: &Shared) -> Result<(), String> {
    let deadline = Instant::now() + SETTLE_MAX;
    loop {
        let missing = match one_leader_each(world) {
            Some(missing) => Some(missing),
            None => unserved(client, shared).await,
        };
        match missing {
            None => return Ok(()),
            Some(what) if Instant::now() >= deadline => return Err(what),
            Some(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

fn one_leader_each(world: &World) -> Option<String> {
    if let Some(id) = world.nodes().into_iter().find(|&id| world.running(id).is_none()) {
        return Some(format!("node {id} does not run"));
    }
    for shard in (0..world.shape().shards).map(ShardId) {
        let (leaders, members) = world.members(shard);
        let mut terms: Vec<u64> = members.iter().map(|(_, standing)| standing.term).collect();
        terms.dedup();
        if leaders.len() != 1 || terms.len() != 1 {
            return Some(format!("shard {shard} is led by {leaders:?}, its terms are {terms:?}"));
        }
    }
    None
}

async fn unserved(client: &Client, shared: &Shared) -> Option<String> {
    for stage in shared.stages.all() {
        if let Err(error) = client.seats(stage.event).await {
            return Some(format!("event {} is not served: {error}", stage.key));
        }
    }
    None
}

/// Waits until all replicas of each shard have applied the same entries.
async fn caught_up(world: &World) {
    let deadline = Instant::now() + CATCH_UP_MAX;
    let apart = |shard| {
        let (_, members) = world.members(ShardId(shard));
        let mut applied: Vec<_> = members.iter().map(|(_, standing)| standing.applied).collect();
        applied.dedup();
        applied.len() != 1
    };
    while (0..world.shape().shards).any(apart) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
