//! How long a fault keeps callers waiting: one follower that is gone, asleep or slow, and leaders
//! that are killed.
//!
//! Owns: a steady stream of holds on every shard, and its latencies. Must not: check what was
//! answered; runs do that.
//!
//! Invariants:
//! - A call's latency counts from when it was due. Who had to wait for the call before is waiting too,
//!   and a stall is not told by one slow call alone.
//! - A follower leads nothing when its fault begins, and what comes of the beginning counts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rowlock_client::{Client, Config};
use rowlock_proto::{RequestKey, UserId};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::checker::deadline::CALL_TIMEOUT;
use crate::nemesis::disks::Tampering;
use crate::proxy::{End, Gate};
use crate::supervisor::{self, Cluster, Layout};
use crate::tools::{Tool, Tools};
use crate::workload::stage::{self, Bounds, Stage};
use crate::{admin, nemesis};

const NODES: u64 = 3;
const SHARDS: u32 = 4;
const PROBERS_PER_SHARD: usize = 4;
/// Each prober asks this often.
const PACE: Duration = Duration::from_millis(25);
const SETTLE_MAX: Duration = Duration::from_secs(30);
/// Between settled and what is measured.
const CALM: Duration = Duration::from_millis(1_500);
/// A killed leader's shards have answered by then, or count as this long.
const OUTAGE_MAX: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
/// Events that are made until every shard has one.
const EVENTS_MAX: usize = 200;
const SLOW_SYNC_US: u32 = 30_000;
const SLOW_LINK: Duration = Duration::from_millis(60);
/// What the numbers are held to.
const RATIO_MAX: f64 = 2.0;
const NEXT_WRITE_MAX_MS: f64 = 3_000.0;

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("processes")]
    Supervisor(#[from] supervisor::Error),
    #[error("fault")]
    Nemesis(#[from] nemesis::Error),
    #[error("ask nodes: {0}")]
    Admin(#[from] admin::Error),
    #[error("calls: {0}")]
    Client(#[from] rowlock_client::Error),
    #[error("{0}")]
    Start(String),
}

/// How to measure.
#[derive(Clone, Debug)]
pub struct Options {
    pub binary: PathBuf,
    pub dir: PathBuf,
    pub seed: u64,
    /// How long each state of the follower is watched.
    pub phase: Duration,
    pub kills: u32,
    pub tools: Tools,
}

/// Latencies of one time.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Latencies {
    pub holds: usize,
    pub failed: usize,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub longest_ms: f64,
}

/// What was measured.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    pub ok: bool,
    pub healthy: Latencies,
    /// By what the follower had.
    pub follower: BTreeMap<&'static str, Latencies>,
    pub kills: u32,
    /// From the kill to the first hold that began after it and was answered, on the shard of the dead
    /// leader that took longest.
    pub next_write: Latencies,
    pub calls_past_deadline: usize,
    pub not_run: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    shard: u32,
    due: Instant,
    start: Instant,
    end: Instant,
    ok: bool,
}

type Samples = Arc<Mutex<Vec<Sample>>>;

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e5).round() / 100.0
}

fn latencies(mut waits: Vec<Duration>, failed: usize) -> Latencies {
    waits.sort_unstable();
    let at = |thousandths: usize| {
        let rank = (waits.len() * thousandths).div_ceil(1_000).saturating_sub(1);
        waits.get(rank).copied().map_or(0.0, milliseconds)
    };
    Latencies {
        holds: waits.len(),
        failed,
        p50_ms: at(500),
        p99_ms: at(990),
        longest_ms: at(1_000),
    }
}

/// Asks for one seat after the other, and gives it back.
async fn probe(
    client: Client,
    stage: Arc<Stage>,
    shard: u32,
    seats: Vec<u32>,
    mut random: StdRng,
    into: Samples,
) {
    let mut due = Instant::now() + PACE.mul_f64(random.random_range(0.0..1.0));
    for &seat in seats.iter().cycle() {
        tokio::time::sleep_until(due).await;
        let (owner, key) = (UserId(random.random()), RequestKey(random.random()));
        let start = Instant::now();
        let held = client.hold(stage.event, &[seat], owner, key).await;
        let end = Instant::now();
        let sample = Sample { shard, due, start, end, ok: held.is_ok() };
        into.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
        if let Ok(held) = held {
            // What is not given back ends by itself.
            drop(client.release(held.value.id, owner, RequestKey(key.0 ^ 1)).await);
        }
        due += PACE;
    }
}

struct Bench {
    cluster: Cluster,
    samples: Samples,
    // Dropping it ends the probers.
    _probers: JoinSet<()>,
}

impl Bench {
    async fn start(options: &Options) -> Result<Self, Error> {
        let layout = Layout {
            binary: options.binary.clone(),
            data: options.dir.clone(),
            nodes: NODES,
            shards: SHARDS,
            replicas: 3,
            tools: options.tools.clone(),
            images: false,
            clocks: false,
        };
        let cluster = Cluster::start(layout, options.seed).await?;
        admin::settled(&cluster.direct_addresses(), SHARDS, SETTLE_MAX).await?;
        let endpoints: Vec<String> =
            cluster.client_addresses().values().map(ToString::to_string).collect();
        let config = Config { endpoints, call_timeout: CALL_TIMEOUT, ..Config::default() };
        let client = Client::connect(config).await?;
        let mut random = StdRng::seed_from_u64(options.seed);
        let mut stages: BTreeMap<u32, Arc<Stage>> = BTreeMap::new();
        for _ in 0..EVENTS_MAX {
            let stage = stage::make(&client, Bounds::default(), random.random()).await?;
            let seats = client.seats(stage.event).await?;
            stages.entry(seats.at.shard).or_insert(Arc::new(stage));
            if stages.len() as u64 == u64::from(SHARDS) {
                break;
            }
        }
        let samples = Samples::default();
        let mut probers = JoinSet::new();
        for (&shard, stage) in &stages {
            for number in 0..PROBERS_PER_SHARD {
                let seats = (0..Stage::seats()).skip(number).step_by(PROBERS_PER_SHARD).collect();
                let (client, stage, into) =
                    (client.clone(), Arc::clone(stage), Arc::clone(&samples));
                let random = StdRng::seed_from_u64(random.random());
                probers.spawn(probe(client, stage, shard, seats, random, into));
            }
        }
        Ok(Self { cluster, samples, _probers: probers })
    }

    fn take(&self) -> Vec<Sample> {
        std::mem::take(&mut *self.samples.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn settle(&self) -> Result<(), Error> {
        admin::settled(&self.cluster.direct_addresses(), SHARDS, SETTLE_MAX).await?;
        tokio::time::sleep(CALM).await;
        // Who had to wait before is late for a while: that is not what comes next.
        let deadline = Instant::now() + SETTLE_MAX;
        loop {
            self.take();
            tokio::time::sleep(CALM).await;
            let mut asked = self.take();
            asked.sort_by_key(|sample| sample.start);
            let last: BTreeMap<u32, Sample> =
                asked.into_iter().map(|sample| (sample.shard, sample)).collect();
            let in_time = |sample: &Sample| sample.start - sample.due < PACE;
            if last.len() as u64 == u64::from(SHARDS) && last.values().all(in_time) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(Error::Start("callers are late, and stay so".to_owned()));
            }
        }
    }

    /// Shards by the node that leads them.
    async fn leaders(&self) -> BTreeMap<u64, BTreeSet<u32>> {
        let mut found: BTreeMap<u64, BTreeSet<u32>> = BTreeMap::new();
        for (node, address) in self.cluster.direct_addresses() {
            let Ok(status) = admin::status(address).await else { continue };
            let leads = status.replicas.iter().filter(|replica| replica.role == "leader");
            found.entry(node).or_default().extend(leads.map(|replica| replica.shard));
        }
        found
    }

    /// Hands over what a node leads.
    async fn relieve(&self, node: u64) -> Result<(), Error> {
        let addresses = self.cluster.direct_addresses();
        let others: Vec<u64> = addresses.keys().copied().filter(|&other| other != node).collect();
        let led = self.leaders().await.remove(&node).unwrap_or_default();
        for (&to, shard) in others.iter().cycle().zip(led) {
            if let Some(&address) = addresses.get(&node) {
                admin::transfer(address, shard, to).await?;
            }
        }
        self.settle().await
    }

    /// Watches holds for a while.
    async fn watch(&self, phase: Duration) -> Vec<Sample> {
        tokio::time::sleep(phase).await;
        self.take()
    }

    /// One kill of a node that leads: how long until all its shards have answered a hold.
    async fn kill(&mut self) -> Result<Duration, Error> {
        let leaders = self.leaders().await;
        let most = leaders.into_iter().max_by_key(|(_, shards)| shards.len());
        let (node, mut shards) = most.ok_or_else(|| Error::Start("nobody leads".to_owned()))?;
        self.take();
        let killed = Instant::now();
        self.cluster.kill(node).await?;
        let mut outage = Duration::ZERO;
        while !shards.is_empty() && killed.elapsed() < OUTAGE_MAX {
            tokio::time::sleep(POLL).await;
            let mut fresh = self.take();
            fresh.retain(|sample| sample.ok && sample.start >= killed);
            fresh.sort_by_key(|sample| sample.end);
            for sample in fresh {
                if shards.remove(&sample.shard) {
                    outage = outage.max(sample.end - killed);
                }
            }
        }
        self.cluster.restart(node)?;
        self.settle().await?;
        Ok(if shards.is_empty() { outage } else { OUTAGE_MAX })
    }
}

fn of(samples: &[Sample]) -> Latencies {
    let waits = samples.iter().filter(|sample| sample.ok);
    let waits: Vec<Duration> = waits.map(|sample| sample.end - sample.due).collect();
    let failed = samples.len() - waits.len();
    latencies(waits, failed)
}

/// Measures all.
pub async fn measure(options: &Options) -> Result<Report, Error> {
    let mut bench = Bench::start(options).await?;
    let node = NODES;
    let mut late = 0;
    let mut count = |samples: &[Sample]| {
        let over = |sample: &&Sample| sample.end - sample.start > CALL_TIMEOUT + CALM;
        late += samples.iter().filter(over).count();
    };
    let mut not_run = Vec::new();
    let mut follower = BTreeMap::new();
    bench.relieve(node).await?;
    bench.take();
    let healthy = bench.watch(options.phase).await;
    count(&healthy);
    for state in ["dead", "paused", "slow-link", "slow-disk"] {
        bench.relieve(node).await?;
        let mut tampering = None;
        bench.take();
        match state {
            "dead" => bench.cluster.kill(node).await?,
            "paused" => bench.cluster.pause(node, true)?,
            "slow-link" => {
                let network = &bench.cluster.network;
                for peer in bench.cluster.ids().into_iter().filter(|&peer| peer != node) {
                    network.set_both(End::Node(node), End::Node(peer), Gate::Slow(SLOW_LINK));
                }
            }
            _ => {
                let Some(pid) = bench.cluster.pid(node).filter(|_| options.tools.has(Tool::Calls))
                else {
                    not_run.push(state);
                    continue;
                };
                let with = format!("delay_enter={SLOW_SYNC_US}");
                tampering = Some(Tampering::begin(pid, &with).await?);
            }
        }
        let samples = bench.watch(options.phase).await;
        count(&samples);
        follower.insert(state, of(&samples));
        if let Some(tampering) = tampering {
            tampering.end().await?;
        }
        bench.cluster.network.heal();
        bench.cluster.pause(node, false)?;
        bench.cluster.restart(node)?;
        bench.settle().await?;
    }
    let mut outages = Vec::new();
    for number in 0..options.kills {
        let outage = bench.kill().await?;
        tracing::info!(number, ?outage, "a leader was killed");
        outages.push(outage);
    }
    let healthy = of(&healthy);
    let next_write = latencies(outages, 0);
    let ok = follower.values().all(|with| with.p99_ms <= healthy.p99_ms * RATIO_MAX)
        && next_write.p99_ms <= NEXT_WRITE_MAX_MS
        && late == 0;
    let kills = options.kills;
    Ok(Report { ok, healthy, follower, kills, next_write, calls_past_deadline: late, not_run })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_there_is() {
        let waits = (1..=200).map(Duration::from_millis).collect();
        let found = latencies(waits, 3);
        assert_eq!((found.p50_ms, found.p99_ms, found.longest_ms), (100.0, 198.0, 200.0));
        assert_eq!((found.holds, found.failed), (200, 3));
        assert_eq!(latencies(Vec::new(), 0).p99_ms, 0.0);
    }
}
