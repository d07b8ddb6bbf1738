//! Which fault comes when: decided by the seed alone.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::faults::Kind;

/// From one fault to the next, at least.
const PERIOD: Duration = Duration::from_millis(4_500);
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

/// What a kind takes beyond [`PERIOD`]: nodes that start, or are watched while they refuse to.
const fn beyond(kind: Kind) -> Duration {
    match kind {
        Kind::KillAll | Kind::PowerCutAll | Kind::PauseLeader => Duration::from_secs(1),
        Kind::DiskError => Duration::from_secs(2),
        Kind::RollingRestart
        | Kind::DiskFull
        | Kind::BitFlipWal
        | Kind::BitFlipManifest
        | Kind::TruncateSst => Duration::from_secs(4),
        Kind::BitFlipSst => Duration::from_secs(7),
        Kind::KillLeader
        | Kind::KillRandom
        | Kind::KillMajority
        | Kind::LeaderTransfer
        | Kind::Pause
        | Kind::IsolateLeader
        | Kind::PartitionHalves
        | Kind::PartitionOneWay
        | Kind::PartitionBridge
        | Kind::PartitionRing
        | Kind::PacketLoss
        | Kind::Reorder
        | Kind::SlowLink
        | Kind::ResetLinks
        | Kind::ClockJump
        | Kind::ClockRate
        | Kind::SlowDisk
        | Kind::PowerCut => Duration::ZERO,
    }
}

/// The faults of a run of `length`, and the kinds that it has no time for. Every kind comes once
/// before any comes twice.
pub fn schedule(seed: u64, length: Duration, kinds: &[Kind]) -> (Vec<Step>, Vec<Kind>) {
    let mut random = StdRng::seed_from_u64(seed ^ 0x6e65_6d65_7369_7300);
    let mut steps = Vec::new();
    let mut at = LEAD;
    'rounds: while !kinds.is_empty() {
        let mut round = kinds.to_vec();
        round.shuffle(&mut random);
        for kind in round {
            let lasts = Duration::from_millis(random.random_range(LASTS_MS));
            if at + lasts + beyond(kind) + LEAD > length {
                break 'rounds;
            }
            steps.push(Step { kind, at, lasts, pick: random.random() });
            at += PERIOD + beyond(kind);
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
        let first = schedule(7, LONG, Kind::ALL);
        assert_eq!(first, schedule(7, LONG, Kind::ALL));
        assert_ne!(first.0, schedule(8, LONG, Kind::ALL).0);
    }

    #[test]
    fn faults_never_overlap_and_end_within_the_run() {
        for seed in 0..50 {
            let (steps, left) = schedule(seed, LONG, Kind::ALL);
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
        let (steps, _) = schedule(3, LONG, Kind::ALL);
        let mut first: Vec<Kind> = steps[..Kind::ALL.len()].iter().map(|step| step.kind).collect();
        first.sort_unstable();
        assert_eq!(first, Kind::ALL);
        let last = &steps[Kind::ALL.len() - 1];
        let gap = steps[Kind::ALL.len()].at - last.at;
        assert_eq!(gap, PERIOD + beyond(last.kind) + CALM);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let (steps, left) = schedule(1, Duration::from_secs(12), Kind::ALL);
        assert_eq!(steps.len() + left.len(), Kind::ALL.len());
    }

    #[test]
    fn three_minutes_have_room_for_all() {
        for seed in 0..50 {
            let (_, left) = schedule(seed, Duration::from_secs(180), Kind::ALL);
            assert_eq!(left, []);
        }
    }
}
