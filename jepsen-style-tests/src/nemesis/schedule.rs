//! Which fault comes when: decided by the seed alone.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::faults::Kind;

/// From one fault to the next.
const PERIOD: Duration = Duration::from_secs(5);
/// How long a fault lasts.
const LASTS_MS: std::ops::Range<u64> = 1_200..3_500;
/// After each of all kinds once, nothing for this long: so that what is promised of a healthy
/// cluster is met, too.
const CALM: Duration = Duration::from_secs(14);
/// The first faults wait until clients are at work.
const LEAD: Duration = Duration::from_secs(2);

/// One fault to come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    pub kind: Kind,
    /// Since the beginning of the run.
    pub at: Duration,
    pub lasts: Duration,
    /// Picks the target among what there is then.
    pub pick: u64,
}

/// The faults of a run of `length`, and the kinds that this run has no time or nodes for. Every kind
/// comes once before any comes twice.
pub fn schedule(seed: u64, length: Duration, nodes: u64, kinds: &[Kind]) -> (Vec<Step>, Vec<Kind>) {
    let mut random = StdRng::seed_from_u64(seed ^ 0x6e65_6d65_7369_7300);
    let possible: Vec<Kind> =
        kinds.iter().copied().filter(|kind| nodes >= 3 || *kind != Kind::PartitionBridge).collect();
    let mut steps = Vec::new();
    let mut at = LEAD;
    'rounds: while !possible.is_empty() {
        let mut round = possible.clone();
        round.shuffle(&mut random);
        for kind in round {
            let lasts = Duration::from_millis(random.random_range(LASTS_MS));
            if at + lasts + LEAD > length {
                break 'rounds;
            }
            steps.push(Step { kind, at, lasts, pick: random.random() });
            at += PERIOD;
        }
        at += CALM;
    }
    let left = kinds.iter().copied().filter(|kind| steps.iter().all(|step| step.kind != *kind));
    let left = left.collect();
    (steps, left)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(300);

    #[test]
    fn a_seed_gives_one_schedule() {
        let first = schedule(7, LONG, 3, Kind::ALL);
        assert_eq!(first, schedule(7, LONG, 3, Kind::ALL));
        assert_ne!(first.0, schedule(8, LONG, 3, Kind::ALL).0);
    }

    #[test]
    fn faults_never_overlap_and_end_within_the_run() {
        for seed in 0..50 {
            let (steps, left) = schedule(seed, LONG, 3, Kind::ALL);
            assert_eq!(left, []);
            for pair in steps.windows(2) {
                assert!(pair[0].at + pair[0].lasts < pair[1].at);
            }
            let last = steps.last().unwrap();
            assert!(last.at + last.lasts < LONG);
        }
    }

    #[test]
    fn each_kind_comes_once_before_any_comes_twice_and_then_there_is_calm() {
        let (steps, _) = schedule(3, LONG, 3, Kind::ALL);
        let mut first: Vec<Kind> = steps[..Kind::ALL.len()].iter().map(|step| step.kind).collect();
        first.sort_unstable();
        assert_eq!(first, Kind::ALL);
        let gap = steps[Kind::ALL.len()].at - steps[Kind::ALL.len() - 1].at;
        assert_eq!(gap, PERIOD + CALM);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let (steps, left) = schedule(1, Duration::from_secs(12), 3, Kind::ALL);
        assert_eq!(steps.len() + left.len(), Kind::ALL.len());
        let (_, left) = schedule(1, LONG, 2, Kind::ALL);
        assert_eq!(left, [Kind::PartitionBridge]);
    }
}
