//! Simulated clusters: the same run from the same seed, and promises that hold over many seeds.

use rowlock_jepsen::sim::{Plan, Sweep, simulate, sweep};

/// Seeds of every test run. Longer sweeps start elsewhere.
const SEEDS: u64 = 200;

#[test]
fn a_seed_gives_the_same_run_twice() {
    let seed = 11;
    let plan = Plan::of(seed);
    let (first, second) = (simulate(seed, &plan), simulate(seed, &plan));
    assert_eq!(first.violations, []);
    assert!(first.operations > 500, "{} operations", first.operations);
    assert_eq!(first.entries, second.entries);
    assert_eq!(first.trace, second.trace);
    assert_ne!(first.trace, simulate(seed + 1, &Plan::of(seed + 1)).trace);
}

#[test]
fn p1_p2_p3_p4_p5_p6_hold_over_simulated_faults() {
    let dir = tempfile::tempdir().unwrap();
    let seeds = Sweep { first: 1, seeds: SEEDS, jobs: 2, steps: None, dir: dir.path().to_owned() };
    let swept = sweep(&seeds).unwrap();
    assert_eq!(swept.verdict.failures, []);
    assert_eq!(swept.traces.len(), usize::try_from(SEEDS).unwrap());
    let operations = swept.verdict.operations;
    assert!(operations > 100_000, "{operations} operations");
    assert!(swept.charges > 500, "{} charges", swept.charges);
    assert!(swept.undecided < 20, "{} events not decided", swept.undecided);
}
