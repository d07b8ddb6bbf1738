//! A short run against real nodes: it must find nothing, and must have broken something.

use std::time::Duration;

use rowlock_jepsen::faults::Kind;
use rowlock_jepsen::run::{Options, run};
use rowlock_jepsen::supervisor::sibling;

#[tokio::test(flavor = "multi_thread")]
async fn p3_a_cluster_that_is_killed_and_cut_off_answers_rightly() {
    let binary = sibling("rowlock-node").expect("`cargo build` of the whole workspace comes first");
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        binary,
        dir: dir.path().to_owned(),
        seed: 20_261,
        length: Duration::from_secs(18),
        nodes: 3,
        shards: 2,
        workers: 8,
        rate: 150,
        kinds: vec![Kind::KillLeader, Kind::IsolateLeader],
    };
    let outcome = run(options).await.unwrap();
    assert_eq!(outcome.violations, [], "history in {}", dir.keep().display());
    assert_eq!(outcome.not_run, []);
    assert!(outcome.operations > 500, "{} operations", outcome.operations);
}
