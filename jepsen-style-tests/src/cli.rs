//! The commands of `rowlock-jepsen`.
//!
//! Exit code 0: nothing was found; 1: something was, or a run could not be carried out; 2: usage.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};

use crate::faults::Kind;
use crate::history;
use crate::report::{NOT_BUILT, Verdict};
use crate::run::{self, Options};
use crate::sim::{self, Sweep};
use crate::tools::{Tool, Tools};
use crate::{availability, spaces, supervisor};

/// One run is no longer than this; longer times are several runs, each with a cluster of its own.
const RUN_MAX: Duration = Duration::from_secs(300);
const MINUTES_DEFAULT: u64 = 20;
/// Less than one fault and its healing.
const RUN_MIN: Duration = Duration::from_secs(8);

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "rowlock-jepsen",
    version,
    about = "Breaks a Rowlock cluster and checks its answers"
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Faults on real processes, behind proxies, under a recorded workload.
    Run(RunArgs),
    /// Simulated clusters, a whole one for each seed, under virtual time.
    Sim(SimArgs),
    /// How long faults keep callers waiting: latencies, not answers.
    Availability(AvailabilityArgs),
    /// The checkers alone, on history files.
    Check(CheckArgs),
    /// A history in the EDN of Jepsen's tools, one operation a line.
    Edn(EdnArgs),
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// How long, in minutes.
    #[arg(long, default_value_t = MINUTES_DEFAULT)]
    minutes: u64,
    /// How long, in seconds: instead of minutes.
    #[arg(long)]
    seconds: Option<u64>,
    /// Decides the faults and what clients ask for. Random unless given.
    #[arg(long)]
    seed: Option<u64>,
    /// Three, and five for every fourth seed, unless given.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=7))]
    nodes: Option<u64>,
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    shards: u32,
    /// Clients that work at once.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=64))]
    clients: u16,
    /// Operations a second, all clients together.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    rate: u32,
    /// Only these kinds of fault. All unless given.
    #[arg(long, alias = "faults", value_delimiter = ',', value_parser = kind)]
    only: Vec<Kind>,
    /// Names the kinds of fault, and which of them can't be caused here; runs nothing.
    #[arg(long)]
    list: bool,
    /// Folder for node data, logs and histories. A fresh one below the system's temporary folder
    /// unless given.
    #[arg(long)]
    data: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Debug, clap::Args)]
struct SimArgs {
    /// How many seeds to run.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first seed: the others follow it. One seed gives the same run each time.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seeds that run at once.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=256))]
    jobs: u64,
    /// Only these faults of the plan, by number. All unless given.
    #[arg(long, value_delimiter = ',')]
    steps: Option<Vec<usize>>,
    /// Shows the plan of the first seed and runs nothing.
    #[arg(long)]
    plan: bool,
    /// Folder for the histories of failures. A fresh one below the system's temporary folder unless
    /// given.
    #[arg(long)]
    data: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Debug, clap::Args)]
struct AvailabilityArgs {
    /// How often a leader is killed.
    #[arg(long, default_value_t = 100)]
    kills: u32,
    /// How long each state of a follower is watched, in seconds.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for node data and logs. A fresh one below the system's temporary folder unless given.
    #[arg(long)]
    data: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct CheckArgs {
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Debug, clap::Args)]
struct EdnArgs {
    file: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Output {
    Json,
    Table,
}

fn kind(text: &str) -> Result<Kind, String> {
    let found = Kind::ALL.iter().copied().find(|kind| kind.as_str() == text);
    found.ok_or_else(|| {
        let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("one of {}", names.join(", "))
    })
}

/// Carries out the command line.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        // What simulated nodes say of their faults is of use for one seed at most.
        let quiet = matches!(args.command, Command::Sim(_));
        let level = if quiet { "off,rowlock_jepsen::cli=info" } else { "info" };
        tracing_subscriber::EnvFilter::new(level)
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let (output, verdict) = match args.command {
        Command::Run(args) if args.list => return show_kinds(&args),
        Command::Run(args) => (args.output, run(&args)),
        Command::Availability(args) => return availability(&args),
        Command::Check(args) => (args.output, check(&args.files)),
        Command::Edn(args) => return show_edn(&args.file),
        Command::Sim(args) if args.plan => return show_plan(args.seed),
        Command::Sim(args) => (args.output, simulated(&args)),
    };
    match verdict {
        Ok(verdict) => {
            print(output, &verdict);
            if verdict.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "nothing can be said");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the verdict is what the program is for")]
fn print(output: Output, verdict: &Verdict) {
    match output {
        Output::Table => print!("{}", verdict.table()),
        Output::Json => match serde_json::to_string(verdict) {
            Ok(line) => println!("{line}"),
            Err(error) => tracing::error!(%error, "the verdict can't be written"),
        },
    }
}

/// Lengths of the runs that make up `total`.
fn lengths(total: Duration) -> Vec<Duration> {
    let runs = total.as_secs().div_ceil(RUN_MAX.as_secs()).max(1);
    let each = total / u32::try_from(runs).unwrap_or(u32::MAX);
    (0..runs).map(|_| each.max(RUN_MIN)).collect()
}

/// How many nodes the run of a seed has. Rings and bridges of five are others than of three.
fn nodes(args: &RunArgs, seed: u64) -> u64 {
    args.nodes.unwrap_or(if seed.is_multiple_of(4) { 5 } else { 3 })
}

fn run(args: &RunArgs) -> anyhow::Result<Verdict> {
    let total = Duration::from_secs(args.seconds.unwrap_or(args.minutes.saturating_mul(60)));
    let seed = args.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let data = folder(args.data.as_deref());
    let binary = supervisor::sibling("rowlock-node").context("find the node")?;
    // Before any thread starts: those that exist would stay behind.
    let spaces = spaces::enter();
    let tools = probe(&data, &spaces)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start")?;
    let mut verdict = Verdict::new(data.clone());
    for (number, length) in (0..).zip(lengths(total)) {
        let seed = seed.wrapping_add(number);
        let dir = fresh(&data, seed)?;
        tracing::info!(seed, ?length, dir = %dir.display(), "run begins");
        let options = Options {
            binary: binary.clone(),
            dir,
            seed,
            length,
            nodes: nodes(args, seed),
            shards: args.shards,
            workers: usize::from(args.clients),
            rate: args.rate,
            kinds: if args.only.is_empty() { Kind::ALL.to_vec() } else { args.only.clone() },
            tools: tools.clone(),
            replay: replay(args, seed, length),
        };
        let replay = replay(args, seed, length);
        // Ended from outside, the run is dropped here, and its nodes with it.
        let ended = runtime.block_on(async {
            tokio::select! {
                outcome = run::run(options) => Some(outcome),
                () = interrupted() => None,
            }
        });
        let Some(outcome) = ended else { anyhow::bail!("interrupted; {replay}") };
        let outcome = outcome.with_context(|| replay.clone())?;
        tracing::info!(page = %outcome.page.display(), "the run as a page");
        for (kind, why) in &outcome.not_run {
            tracing::warn!(%kind, why, "not run");
        }
        verdict.add(&format!("seed {seed}"), &replay, &outcome);
    }
    verdict.close();
    Ok(verdict)
}

/// Tries the tools for faults, and says which are missing.
fn probe(data: &Path, spaces: &Result<(), String>) -> anyhow::Result<Tools> {
    std::fs::create_dir_all(data).with_context(|| format!("create {}", data.display()))?;
    if let Err(why) = spaces {
        tracing::warn!(why, "no network and mounts of our own; root has them");
    }
    let tools = Tools::probe(data, spaces);
    let missing = Tool::ALL.iter().filter(|tool| !tools.has(**tool));
    for tool in missing {
        tracing::warn!(%tool, "missing: `scripts/jepsen-tools` installs what the suite needs");
    }
    Ok(tools)
}

fn simulated(args: &SimArgs) -> anyhow::Result<Verdict> {
    let dir = args.data.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("rowlock-sim-{}", std::process::id()))
    });
    let sweep = Sweep {
        first: args.seed,
        seeds: args.seeds,
        jobs: usize::try_from(args.jobs).unwrap_or(1),
        steps: args.steps.clone(),
        dir,
    };
    let swept = sim::sweep(&sweep)?;
    if let (1, Some(trace)) = (args.seeds, swept.traces.values().next()) {
        tracing::info!(seed = args.seed, trace, "the same seed gives the same trace");
    }
    tracing::info!(
        charges = swept.charges,
        undecided = swept.undecided,
        "payments; blind searches given up"
    );
    Ok(swept.verdict)
}

#[expect(clippy::print_stdout, reason = "the history is what was asked for")]
fn show_edn(file: &Path) -> ExitCode {
    match history::read(file) {
        Ok(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                println!("{}", history::edn::line(index, entry));
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(file = %file.display(), %error, "no history");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the numbers are what was asked for")]
fn availability(args: &AvailabilityArgs) -> ExitCode {
    let measured = measured(args).and_then(|report| {
        println!("{}", serde_json::to_string(&report).context("write the numbers")?);
        Ok(report.ok)
    });
    match measured {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "nothing could be measured");
            ExitCode::FAILURE
        }
    }
}

fn measured(args: &AvailabilityArgs) -> anyhow::Result<availability::Report> {
    let data = folder(args.data.as_deref());
    let binary = supervisor::sibling("rowlock-node").context("find the node")?;
    let tools = probe(&data, &spaces::enter())?;
    let options = availability::Options {
        binary,
        dir: fresh(&data, args.seed)?,
        seed: args.seed,
        phase: Duration::from_secs(args.seconds),
        kills: args.kills,
        tools,
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start")?;
    runtime.block_on(async {
        tokio::select! {
            report = availability::measure(&options) => Ok(report?),
            () = interrupted() => anyhow::bail!("interrupted"),
        }
    })
}

#[expect(clippy::print_stdout, reason = "the list is what was asked for")]
fn show_kinds(args: &RunArgs) -> ExitCode {
    let spaces = spaces::enter();
    let tools = match probe(&folder(args.data.as_deref()), &spaces) {
        Ok(tools) => tools,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "no tool could be tried");
            return ExitCode::FAILURE;
        }
    };
    for &kind in Kind::ALL {
        match tools.why_not(kind) {
            None => println!("{kind}"),
            Some(why) => println!("{kind:<18} can't be caused here: {why}"),
        }
    }
    for kind in NOT_BUILT {
        println!("{kind:<18} not built yet");
    }
    ExitCode::SUCCESS
}

fn folder(given: Option<&Path>) -> PathBuf {
    given.map(Path::to_owned).unwrap_or_else(|| {
        std::env::temp_dir().join(format!("rowlock-jepsen-{}", std::process::id()))
    })
}

#[expect(clippy::print_stdout, reason = "the plan is what was asked for")]
fn show_plan(seed: u64) -> ExitCode {
    let plan = sim::Plan::of(seed);
    println!("{:?}\n{:?}", plan.shape, plan.weather);
    println!("{:?} of faults, {} operations a second", plan.length, plan.rate);
    for step in &plan.steps {
        let (at, lasts) = (step.at.as_secs_f64(), step.lasts.as_secs_f64());
        println!("{:>3}  {at:>7.3} s  {:<18} for {lasts:.3} s", step.number, step.kind.as_str());
    }
    ExitCode::SUCCESS
}

/// Waits for SIGINT or SIGTERM.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        interrupt = tokio::signal::ctrl_c() => drop(interrupt),
    }
}

fn replay(args: &RunArgs, seed: u64, length: Duration) -> String {
    let mut line = format!(
        "rowlock-jepsen run --seed {seed} --seconds {} --nodes {} --shards {} --clients {} --rate {}",
        length.as_secs(),
        nodes(args, seed),
        args.shards,
        args.clients,
        args.rate
    );
    if !args.only.is_empty() {
        let names: Vec<&str> = args.only.iter().map(|kind| kind.as_str()).collect();
        line.push_str(&format!(" --only {}", names.join(",")));
    }
    line
}

/// A folder that nothing is in: a cluster never starts on another run's data.
fn fresh(data: &Path, seed: u64) -> anyhow::Result<PathBuf> {
    let names =
        std::iter::once(format!("run-{seed}")).chain((2..).map(|n| format!("run-{seed}-{n}")));
    for name in names {
        let dir = data.join(name);
        if !dir.exists() {
            std::fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
            return Ok(dir);
        }
    }
    anyhow::bail!("no name is left in {}", data.display())
}

fn check(files: &[PathBuf]) -> anyhow::Result<Verdict> {
    let dir = files.first().and_then(|file| file.parent()).map(Path::to_owned).unwrap_or_default();
    let mut verdict = Verdict::new(dir);
    for file in files {
        let name = file.display().to_string();
        let (operations, violations) =
            run::judge(file, &BTreeMap::new()).with_context(|| format!("check {name}"))?;
        verdict.operations += operations.len();
        for violation in &violations {
            verdict.fail(&name, &format!("rowlock-jepsen check {name}"), violation);
        }
    }
    verdict.close();
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn long_times_are_several_runs() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        assert_eq!(lengths(minutes(5)), [minutes(5)]);
        assert_eq!(lengths(minutes(10)), [minutes(5); 2]);
        assert_eq!(lengths(minutes(13)), vec![Duration::from_secs(260); 3]);
        assert_eq!(lengths(Duration::from_secs(1)), [RUN_MIN]);
    }

    #[test]
    fn arguments_are_well_formed() {
        Args::command().debug_assert();
        assert_eq!(kind("kill-all"), Ok(Kind::KillAll));
        assert!(kind("kill").unwrap_err().contains("kill-leader"));
    }
}
