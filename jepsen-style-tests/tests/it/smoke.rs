//! A short run against real nodes: it must find nothing, and must have broken something.

use std::collections::BTreeMap;
use std::time::Duration;

use rowlock_jepsen::faults::Kind;
use rowlock_jepsen::run::{Options, run};
use rowlock_jepsen::supervisor::sibling;
use rowlock_jepsen::tools::Tools;

const FIRST_SEED: u64 = 20_261;
const RUNS_MAX: u64 = 4;
const OPERATIONS_MIN: usize = 500;

#[tokio::test(flavor = "multi_thread")]
async fn p3_a_cluster_that_is_killed_and_cut_off_answers_rightly() {
    let binary = sibling("rowlock-node").expect("`cargo build` of the whole workspace comes first");
    let dir = tempfile::tempdir().unwrap();
    let options = |seed: u64| Options {
        binary: binary.clone(),
        dir: dir.path().join(seed.to_string()),
        seed,
        length: Duration::from_secs(18),
        nodes: 3,
        shards: 2,
        workers: 8,
        rate: 150,
        kinds: vec![Kind::KillLeader, Kind::IsolateLeader],
        tools: Tools::none(),
        replay: "this test".to_owned(),
    };
    for seed in FIRST_SEED..FIRST_SEED + RUNS_MAX {
        std::fs::create_dir(dir.path().join(seed.to_string())).unwrap();
    }
    let mut outcome = run(options(FIRST_SEED)).await.unwrap();
    for seed in FIRST_SEED + 1..FIRST_SEED + RUNS_MAX {
        // A machine that is busy with other tests may have answered too little to be judged by, or
        // woken callers too late. Such a run is not passed: there is another.
        let starves = |check| matches!(check, "coverage" | "deadline");
        let starved = outcome.violations.iter().any(|violation| starves(violation.check));
        let is_too_little = outcome.operations <= OPERATIONS_MIN || starved;
        let is_found = outcome.violations.iter().any(|violation| !starves(violation.check));
        if is_found || !is_too_little {
            break;
        }
        outcome = run(options(seed)).await.unwrap();
    }
    assert_eq!(outcome.violations, [], "history in {}", dir.keep().display());
    assert_eq!(outcome.not_run, BTreeMap::new());
    assert!(outcome.operations > OPERATIONS_MIN, "{} operations", outcome.operations);
}
