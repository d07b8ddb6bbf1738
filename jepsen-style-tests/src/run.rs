//! One run: a cluster, its clients, its faults, and the verdict on what was recorded.
//!
//! Owns: the order of things. Must not: judge; that is the checkers'.
//!
//! Invariants:
//! - All faults are healed, all holds over, and the cluster settled before the last reads.
//! - The history file is what is judged, as anybody else would read it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rowlock_client::{Client, Config};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::checker::deadline::CALL_TIMEOUT;
use crate::checker::{self, Violation, coverage, crowd, deadline, feed, final_state};
use crate::faults::{FaultLog, Kind};
use crate::history::{self, Operation};
use crate::nemesis::{self, schedule};
use crate::recorder::{Clock, Recorder};
use crate::report::page;
use crate::supervisor::{Cluster, Layout};
use crate::tools::{self, Tool, Tools};
use crate::workload::crowd::{self as crowds, Crowd};
use crate::workload::stage::{Bounds, HOLD_TTL_MS, Stages};
use crate::workload::watch::Followers;
use crate::workload::{Shared, Worker, final_read};
use crate::{admin, supervisor};

/// Sets the draws for events apart from all others.
const STAGE_SEED: u64 = 0x7374_6167_6500_0000;
/// A cluster that starts, or is healed, has agreed on its leaders by then.
const SETTLE_MAX: Duration = Duration::from_secs(30);
/// Replicas have caught up with one another by then.
const COMPARE_MAX: Duration = Duration::from_secs(30);
/// Followers of the feed have been shown all of it by then.
const FOLLOWED_MAX: Duration = Duration::from_secs(30);
const FINAL_READS_MAX: Duration = Duration::from_secs(60);
/// Until every hold has ended: its time and what P5 allows beyond.
const HOLDS_END: Duration = Duration::from_millis(HOLD_TTL_MS + 3_500);

/// Why a run could not be carried out. What it finds is no error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("processes")]
    Supervisor(#[from] supervisor::Error),
    #[error("history")]
    History(#[from] history::Error),
    #[error("files of the run")]
    Io(#[from] std::io::Error),
    #[error("the cluster did not come up: {0}")]
    Start(String),
    #[error(transparent)]
    Crowd(#[from] crowds::Failed),
    #[error("a worker panicked")]
    Worker(#[from] tokio::task::JoinError),
}

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    pub binary: PathBuf,
    /// Folder of this run's node data, logs and history.
    pub dir: PathBuf,
    pub seed: u64,
    pub length: Duration,
    pub nodes: u64,
    pub shards: u32,
    pub workers: usize,
    /// Operations a second, all workers together.
    pub rate: u32,
    pub kinds: Vec<Kind>,
    pub tools: Tools,
    /// The command that does this again: told on the page of the run.
    pub replay: String,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    pub operations: usize,
    pub faults: BTreeMap<Kind, u64>,
    /// Kinds that did not happen, and why.
    pub not_run: BTreeMap<Kind, String>,
    pub violations: Vec<Violation>,
    pub history: PathBuf,
    /// The run as a page for people.
    pub page: PathBuf,
    pub length: Duration,
}

/// Carries out one run and judges it.
pub async fn run(options: Options) -> Result<Outcome, Error> {
    let replicas = u32::try_from(options.nodes).unwrap_or(u32::MAX).min(3);
    let mut not_run = BTreeMap::new();
    let mut kinds = Vec::new();
    for &kind in &options.kinds {
        let why = options.tools.why_not(kind).map(str::to_owned);
        let few = format!("needs {} nodes", kind.nodes_min());
        match why.or_else(|| (options.nodes < kind.nodes_min()).then_some(few)) {
            Some(why) => drop(not_run.insert(kind, why)),
            None => kinds.push(kind),
        }
    }
    let needed = |tool: Tool| kinds.iter().any(|&kind| tools::needs(kind).contains(&tool));
    let layout = Layout {
        binary: options.binary.clone(),
        data: options.dir.clone(),
        nodes: options.nodes,
        shards: options.shards,
        replicas,
        tools: options.tools.clone(),
        images: needed(Tool::Images),
        clocks: needed(Tool::Clocks),
    };
    let mut cluster = Cluster::start(layout, options.seed).await?;
    let direct = cluster.direct_addresses();
    admin::settled(&direct, cluster.shards(), SETTLE_MAX)
        .await
        .map_err(|error| Error::Start(format!("{error}; {:?}", cluster.fallen())))?;
    let clients = connect(&cluster).await?;

    // Not the numbers that the first worker draws: its requests would have the names of these.
    let mut random = StdRng::seed_from_u64(options.seed ^ STAGE_SEED);
    let stages = Stages::prepare(&clients[0], Bounds::default(), &mut || random.random())
        .await
        .map_err(|error| Error::Start(format!("no event could be made: {error}")))?;
    let history = options.dir.join("history.jsonl");
    let clock = Clock::start();
    let length = options.length;
    let (steps, left) = schedule::schedule(options.seed, options.length, &kinds);
    not_run.extend(left.into_iter().map(|kind| (kind, "no time".to_owned())));
    let shared = Arc::new(Shared {
        recorder: Recorder::create(&history, clock)?,
        stages,
        processes: AtomicU64::new(0),
        pace: Duration::from_secs(1) * u32::try_from(options.workers).unwrap_or(1)
            / options.rate.max(1),
        until: options.length,
    });
    let followers =
        Followers::start(&clients, options.shards, options.seed, &feed::path_of(&history))?;
    let mut crowd =
        Crowd::start(&clients, options.seed, &crowd::path_of(&history), clock, options.length)
            .await?;
    let mut workers = JoinSet::new();
    for number in 0..options.workers {
        let client = clients[number % clients.len()].clone();
        workers.spawn(Worker::new(Arc::clone(&shared), client, options.seed).run());
    }
    let (faults, mut findings) = nemesis::play(&mut cluster, &steps, clock).await;
    while let Some(ended) = workers.join_next().await {
        ended?;
    }
    crowd.leave().await?;
    let log = FaultLog {
        scheduled: steps.iter().map(|step| step.kind).collect(),
        faults,
        recorded: true,
        unrest: Vec::new(),
    };
    log.write(&FaultLog::path_of(&history))?;

    findings.extend(end(&mut cluster, &clients[0], &shared).await);
    if let Err(error) = crowd.finish(&clients[0], Instant::now() + FINAL_READS_MAX).await {
        findings.push(error.to_string());
    }
    let ends = admin::revisions(&cluster.direct_addresses()).await;
    followers.finish(ends.clone().into_iter().collect(), FOLLOWED_MAX).await?;
    findings.extend(cluster.panics());
    let shared =
        Arc::try_unwrap(shared).map_err(|_| Error::Start("a worker is left".to_owned()))?;
    shared.recorder.finish()?;
    drop(cluster);

    let judged = history.clone();
    let (operations, mut violations) =
        tokio::task::spawn_blocking(move || judge(&judged, &ends)).await??;
    let mut all: Vec<Violation> =
        findings.into_iter().map(|what| Violation::new("cluster", what)).collect();
    all.append(&mut violations);
    all.extend(unread(&operations));
    if all.is_empty()
        && let Err(error) = forget(&options)
    {
        tracing::warn!(%error, "what nodes stored stays");
    }
    let shown = options.dir.join("report.html");
    let (read_from, text) = (history.clone(), describe(&options));
    let page = shown.clone();
    let (all, not_run, log) = tokio::task::spawn_blocking(move || {
        let about = page::About {
            text: &text,
            replay: &options.replay,
            length: options.length,
            faults: &log.faults,
            not_run: &not_run,
            violations: &all,
        };
        page::write(&page, &history::read(&read_from)?, &about)?;
        Ok::<_, Error>((all, not_run, log))
    })
    .await??;
    Ok(Outcome {
        operations: operations.len(),
        faults: log.counts(),
        not_run,
        violations: all,
        history,
        page: shown,
        length,
    })
}

/// Reads a history and what stands beside it, and runs every check on them. `ends` are the last
/// revisions of the shards, as far as they are known.
pub fn judge(
    path: &std::path::Path,
    ends: &BTreeMap<u32, u64>,
) -> Result<(Vec<Operation>, Vec<Violation>), Error> {
    let entries = history::read(path)?;
    let operations = history::operations(&entries)?;
    let faults = FaultLog::read(&FaultLog::path_of(path))?;
    let mut violations = checker::check(&operations, &faults);
    violations.extend(deadline::check(&entries));
    if let Some(lines) = feed::read(&feed::path_of(path))? {
        violations.extend(feed::check(&lines, &operations, ends));
    }
    if let Some(lines) = crowd::read(&crowd::path_of(path))? {
        violations.extend(crowd::check(&lines));
    }
    if faults.recorded {
        violations.extend(coverage::check(&operations, &faults));
    }
    Ok((operations, violations))
}

/// Removes the nodes' data: nobody will ask for it.
fn forget(options: &Options) -> std::io::Result<()> {
    for node in 1..=options.nodes {
        let folder = options.dir.join(format!("node-{node}"));
        std::fs::remove_dir_all(&folder)?;
        let image = folder.with_extension("img");
        if image.is_file() {
            std::fs::remove_file(image)?;
        }
    }
    Ok(())
}

/// One sentence about a run, for people.
fn describe(options: &Options) -> String {
    format!(
        "Seed {}: {} nodes, {} shards, {} clients, {} seconds.",
        options.seed,
        options.nodes,
        options.shards,
        options.workers,
        options.length.as_secs()
    )
}

fn unread(operations: &[Operation]) -> Vec<Violation> {
    let tell =
        |key: String| Violation::new("coverage", format!("event {key} was not read at the end"));
    final_state::unread(operations).into_iter().map(tell).collect()
}

async fn connect(cluster: &Cluster) -> Result<Vec<Client>, Error> {
    let addresses: Vec<String> =
        cluster.client_addresses().values().map(ToString::to_string).collect();
    let mut clients = Vec::new();
    for turn in 0..addresses.len() {
        // One on the side of each node.
        let mut endpoints = addresses.clone();
        endpoints.rotate_left(turn);
        let config = Config { endpoints, call_timeout: CALL_TIMEOUT, ..Config::default() };
        let client = Client::connect(config).await;
        clients.push(client.map_err(|error| Error::Start(error.to_string()))?);
    }
    Ok(clients)
}

/// Waits for calm, reads everything, and compares the replicas.
async fn end(cluster: &mut Cluster, client: &Client, shared: &Shared) -> Vec<String> {
    let mut findings = Vec::new();
    let direct = cluster.direct_addresses();
    let holds_end = Instant::now() + HOLDS_END;
    if let Err(error) = admin::settled(&direct, cluster.shards(), SETTLE_MAX).await {
        findings.push(format!("not settled after the last fault: {error}"));
    }
    tokio::time::sleep_until(holds_end).await;
    let deadline = Instant::now() + FINAL_READS_MAX;
    for stage in shared.stages.all() {
        let process = shared.processes.fetch_add(1, Ordering::Relaxed);
        let read = final_read::read(client, &shared.recorder, process, &stage, deadline).await;
        if let Err(error) = read {
            findings.push(format!("last read of event {}: {error}", stage.key));
        }
    }
    findings.extend(admin::compare(&direct, cluster.shards(), COMPARE_MAX).await);
    findings.extend(cluster.fallen());
    findings
}
