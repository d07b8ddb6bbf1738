//! Many seeds on a few threads; and of a seed that fails, the fewest faults that still make it fail.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};

use super::{Outcome, Plan, simulate};
use crate::checker::{Violation, coverage};
use crate::faults::FaultLog;
use crate::history::Writer;
use crate::report::{Length, Verdict};

/// Runs that shrinking a failure may take.
const SHRINK_RUNS_MAX: u32 = 60;
/// Findings of one seed that are told.
const TOLD_MAX: usize = 8;

/// What to run.
#[derive(Clone, Debug)]
pub struct Sweep {
    pub first: u64,
    pub seeds: u64,
    pub jobs: usize,
    /// Only these faults of the plan.
    pub steps: Option<Vec<usize>>,
    /// Where histories of failures go.
    pub dir: PathBuf,
}

/// What came of it.
#[derive(Debug)]
pub struct Swept {
    pub verdict: Verdict,
    /// The hash of each seed's trace.
    pub traces: BTreeMap<u64, String>,
    /// What payment providers charged.
    pub charges: u64,
    /// Events that the blind search gave up.
    pub undecided: usize,
}

#[derive(Default)]
struct Sum {
    operations: usize,
    done: usize,
    unknown: usize,
    undecided: usize,
    charges: u64,
    seconds: f64,
    faults: BTreeMap<&'static str, u64>,
    failed: Vec<(u64, Vec<Violation>, Option<Vec<usize>>)>,
    traces: BTreeMap<u64, String>,
}

/// Runs all seeds and judges them together.
pub fn sweep(sweep: &Sweep) -> anyhow::Result<Swept> {
    std::fs::create_dir_all(&sweep.dir)?;
    let next = AtomicU64::new(0);
    let sum = Mutex::new(Sum::default());
    let style = "{bar:40} {pos}/{len} seeds, {elapsed} gone, {eta} left {msg}";
    let bar = ProgressBar::new(sweep.seeds).with_style(ProgressStyle::with_template(style)?);
    std::thread::scope(|scope| {
        for _ in 0..sweep.jobs {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= sweep.seeds {
                        return;
                    }
                    one(sweep, sweep.first.wrapping_add(number), &sum, &bar);
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    let sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    let verdict = verdict(sweep, &sum);
    Ok(Swept { verdict, traces: sum.traces, charges: sum.charges, undecided: sum.undecided })
}

fn plan(sweep: &Sweep, seed: u64) -> Plan {
    let plan = Plan::of(seed);
    match &sweep.steps {
        Some(steps) => plan.only(steps),
        None => plan,
    }
}

fn one(sweep: &Sweep, seed: u64, sum: &Mutex<Sum>, bar: &ProgressBar) {
    let plan = plan(sweep, seed);
    let outcome = simulate(seed, &plan);
    let mut shrunk = None;
    if !outcome.violations.is_empty() {
        bar.set_message(format!("(seed {seed} fails; looking for the faults that it takes)"));
        keep(&sweep.dir, seed, &outcome);
        shrunk = Some(shrink(seed, &plan));
        bar.set_message("");
    }
    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
    sum.operations += outcome.operations;
    sum.done += outcome.done;
    sum.unknown += outcome.unknown;
    sum.undecided += outcome.undecided;
    sum.charges += u64::from(outcome.charges);
    sum.seconds += outcome.virtual_time.as_secs_f64();
    for (kind, count) in &outcome.faults {
        *sum.faults.entry(kind.as_str()).or_insert(0) += count;
    }
    sum.traces.insert(seed, outcome.trace);
    if !outcome.violations.is_empty() {
        sum.failed.push((seed, outcome.violations, shrunk));
    }
}

/// Writes the history of a failure, and when it was not calm.
fn keep(dir: &Path, seed: u64, outcome: &Outcome) {
    let path = dir.join(format!("seed-{seed}.jsonl"));
    let write = || -> anyhow::Result<()> {
        let mut writer = Writer::create(&path)?;
        for entry in &outcome.entries {
            writer.append(entry)?;
        }
        writer.flush()?;
        Ok(outcome.log.write(&FaultLog::path_of(&path))?)
    };
    if let Err(error) = write() {
        tracing::error!(path = %path.display(), error = format!("{error:#}"), "history not kept");
    }
}

/// The fewest faults that still make the seed fail, found by leaving out ever smaller parts.
fn shrink(seed: u64, plan: &Plan) -> Vec<usize> {
    let mut kept: Vec<usize> = plan.steps.iter().map(|step| step.number).collect();
    let mut runs = 0;
    let mut part = kept.len().div_ceil(2);
    while part > 0 && runs < SHRINK_RUNS_MAX {
        let mut smaller = false;
        let mut from = 0;
        while from < kept.len() && runs < SHRINK_RUNS_MAX {
            let mut tried = kept.clone();
            tried.drain(from..(from + part).min(tried.len()));
            runs += 1;
            if simulate(seed, &plan.clone().only(&tried)).violations.is_empty() {
                from += part;
            } else {
                kept = tried;
                smaller = true;
            }
        }
        if !smaller {
            part /= 2;
        }
        part = part.min(kept.len());
    }
    kept
}

fn verdict(sweep: &Sweep, sum: &Sum) -> Verdict {
    let mut verdict = Verdict::new(sweep.dir.clone());
    verdict.length = Length::Virtual { virtual_hours: sum.seconds / 3_600.0 };
    verdict.operations = sum.operations;
    verdict.faults = sum.faults.iter().map(|(&kind, &count)| (kind.to_owned(), count)).collect();
    let missing = super::Kind::ALL.iter().filter(|kind| !sum.faults.contains_key(kind.as_str()));
    verdict.not_run = missing.map(|kind| kind.as_str().to_owned()).collect();
    verdict.not_run.extend(NOT_BUILT.iter().map(|&kind| kind.to_owned()));
    for (seed, violations, shrunk) in &sum.failed {
        let mut replay = format!("rowlock-jepsen sim --seed {seed} --seeds 1");
        if let Some(steps) = shrunk.as_ref().or(sweep.steps.as_ref()) {
            let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
            replay.push_str(&format!(" --steps {}", steps.join(",")));
        }
        for violation in violations.iter().take(TOLD_MAX) {
            verdict.fail(&format!("seed {seed}"), &replay, violation);
        }
    }
    // Of one seed, faults may leave little; of all together, enough must be decided to show anything.
    if let Some(what) = coverage::of_counts(sum.operations, sum.done, sum.unknown) {
        verdict.fail("all seeds", "rowlock-jepsen sim", &what);
    }
    verdict
}

/// Faults that a simulation is meant to cause and can't yet.
const NOT_BUILT: &[&str] = &["disk-full", "shard-move"];
