//! What goes wrong in a simulation, and when: decided by the seed alone.
//!
//! Invariant: the clocks of a majority of machines are always right, so that P5 can be judged.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rowlock_node::host::LogLength;
use rowlock_raft_store::engine::memory::Lie;

use super::network::Weather;
use super::world::Shape;

/// A kind of fault that a simulation can cause.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// The process of a node is killed; its disk keeps all that was written.
    Kill,
    /// A machine loses its power at one of its next writes or syncs, and what was not synced.
    PowerCut,
    /// All machines lose their power at once.
    PowerCutAll,
    /// A write or a sync fails, and the node has to stop.
    DiskError,
    /// Syncs take up to half a second.
    SlowDisk,
    /// The process of a node is stopped for a while, and goes on.
    Pause,
    /// The nodes fall into two parts.
    PartitionHalves,
    /// A node that leads is alone.
    IsolateLeader,
    /// What one node sends to another is lost; the way back is open.
    PartitionOneWay,
    /// Two nodes lose one another; the others reach both.
    PartitionBridge,
    /// Every node reaches its neighbours only.
    PartitionRing,
    /// Up to 30 % of all messages are lost.
    PacketLoss,
    /// Up to half of all messages come twice, or late, so that others overtake them.
    Reorder,
    /// All paths of a node are slow.
    SlowLink,
    /// A wall clock jumps by up to two minutes.
    ClockJump,
    /// A clock runs up to a tenth too fast or too slow.
    ClockRate,
    /// A leader hands over to another node.
    LeaderTransfer,
    /// A snapshot is made and the log cut, so that who is behind needs it.
    Snapshot,
    /// An API server dies at whatever step of a payment it is.
    KillApi,
    /// A machine is gone for good, with its disk; the spare one takes its place, under ids of its own.
    LostDisk,
    /// The spare machine gets a vote in every shard, and loses it again.
    MembershipChange,
}

impl Kind {
    pub const ALL: &[Self] = &[
        Self::Kill,
        Self::PowerCut,
        Self::PowerCutAll,
        Self::DiskError,
        Self::SlowDisk,
        Self::Pause,
        Self::PartitionHalves,
        Self::IsolateLeader,
        Self::PartitionOneWay,
        Self::PartitionBridge,
        Self::PartitionRing,
        Self::PacketLoss,
        Self::Reorder,
        Self::SlowLink,
        Self::ClockJump,
        Self::ClockRate,
        Self::LeaderTransfer,
        Self::Snapshot,
        Self::KillApi,
        Self::LostDisk,
        Self::MembershipChange,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::PowerCut => "power-cut",
            Self::PowerCutAll => "power-cut-all",
            Self::DiskError => "disk-error",
            Self::SlowDisk => "slow-disk",
            Self::Pause => "pause",
            Self::PartitionHalves => "partition-halves",
            Self::IsolateLeader => "isolate-leader",
            Self::PartitionOneWay => "partition-one-way",
            Self::PartitionBridge => "partition-bridge",
            Self::PartitionRing => "partition-ring",
            Self::PacketLoss => "packet-loss",
            Self::Reorder => "reorder",
            Self::SlowLink => "slow-link",
            Self::ClockJump => "clock-jump",
            Self::ClockRate => "clock-rate",
            Self::LeaderTransfer => "leader-transfer",
            Self::Snapshot => "snapshot",
            Self::KillApi => "kill-api",
            Self::LostDisk => "lost-disk",
            Self::MembershipChange => "membership-change",
        }
    }
}

/// One fault to come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    pub number: usize,
    pub kind: Kind,
    pub at: Duration,
    pub lasts: Duration,
    /// Decides the rest.
    pub pick: u64,
}

/// A whole simulation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    pub shape: Shape,
    pub weather: Weather,
    pub steps: Vec<Step>,
    /// The faults end here, and calm begins.
    pub length: Duration,
    pub workers: u32,
    /// Operations a second, all workers together.
    pub rate: u32,
    /// Shoppers, who pay through API servers.
    pub shoppers: u32,
    /// Planted by a test, which has to find it.
    pub sabotage: Option<Sabotage>,
}

/// What a simulated world does wrong without saying so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sabotage {
    /// All disks lie.
    Disk(Lie),
    /// Reads are answered by whatever replica is asked, as it stands.
    StaleReads,
    /// A machine that lost its power comes back under its old id with an empty disk.
    EmptyDisk,
    /// A client is told of a request without an answer that it was never sent.
    LostCalledUnsent,
}

/// Of a seed, how long faults go on.
const LENGTH_S: std::ops::Range<u64> = 14..30;
/// From the beginning of one fault to that of the next.
const GAP_MS: std::ops::Range<u64> = 300..2_500;
const LASTS_MS: std::ops::Range<u64> = 200..5_000;
/// The first fault waits until there is something to break.
const LEAD: Duration = Duration::from_millis(1_500);
/// Kinds that one seed is about: few, so that they meet often.
const KINDS_OF_ONE: std::ops::RangeInclusive<usize> = 2..=6;

impl Plan {
    pub fn of(seed: u64) -> Self {
        Self::with(seed, None)
    }

    /// The plan of a seed with faults of these kinds alone.
    pub fn about(seed: u64, kinds: &[Kind]) -> Self {
        Self::with(seed, Some(kinds))
    }

    fn with(seed: u64, kinds: Option<&[Kind]>) -> Self {
        let mut random = StdRng::seed_from_u64(seed ^ 0x706c_616e_0000);
        let of = |random: &mut StdRng, choices: &[u64]| *choices.choose(random).unwrap_or(&0);
        let shape = Shape {
            nodes: of(&mut random, &[3, 3, 3, 5]),
            shards: u32::try_from(of(&mut random, &[1, 2, 2, 3])).unwrap_or(1),
            log_length: LogLength {
                snapshot_entries: of(&mut random, &[8, 40, 200, 20_000]),
                keep_entries: of(&mut random, &[0, 2, 20]),
                purge_entries: 1,
            },
        };
        let small = |random: &mut StdRng, choices: &[u64]| {
            u32::try_from(*choices.choose(random).unwrap_or(&0)).unwrap_or(0)
        };
        let weather = Weather {
            lost: small(&mut random, &[0, 0, 2, 20]),
            twice: small(&mut random, &[0, 10, 100]),
            late: small(&mut random, &[0, 10, 100]),
            delay_us_max: of(&mut random, &[300, 1_000, 5_000, 20_000]),
            late_us_max: 100_000,
            ..Weather::default()
        };
        let length = Duration::from_secs(random.random_range(LENGTH_S));
        let count = random.random_range(KINDS_OF_ONE);
        let drawn: Vec<Kind> = Kind::ALL.sample(&mut random, count).copied().collect();
        let kinds = kinds.unwrap_or(&drawn);
        let mut steps = Vec::new();
        let mut at = LEAD;
        while at < length {
            let kind = *kinds.choose(&mut random).unwrap_or(&Kind::Kill);
            let lasts = Duration::from_millis(random.random_range(LASTS_MS));
            let step = Step { number: steps.len(), kind, at, lasts, pick: random.random() };
            steps.push(step);
            at += Duration::from_millis(random.random_range(GAP_MS));
        }
        // Payments take longest to settle: they are in some seeds only.
        let pays = kinds.contains(&Kind::KillApi) || random.random_range(0..4) == 0;
        let shoppers = if pays { 4 } else { 0 };
        let sabotage = None;
        Self { shape, weather, steps, length, workers: 6, rate: 150, shoppers, sabotage }
    }

    /// The same with those faults alone whose numbers are given.
    #[must_use]
    pub fn only(mut self, numbers: &[usize]) -> Self {
        self.steps.retain(|step| numbers.contains(&step.number));
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_decides_the_plan() {
        assert_eq!(Plan::of(7), Plan::of(7));
        assert_ne!(Plan::of(7), Plan::of(8));
    }

    #[test]
    fn a_hundred_seeds_have_every_kind() {
        let kinds: BTreeSet<Kind> =
            (0..100).flat_map(|seed| Plan::of(seed).steps).map(|step| step.kind).collect();
        assert_eq!(kinds, Kind::ALL.iter().copied().collect());
    }

    #[test]
    fn faults_can_be_left_out() {
        let plan = Plan::of(3);
        let kept = plan.clone().only(&[0, 2]);
        assert_eq!(kept.steps, [plan.steps[0], plan.steps[2]]);
    }
}
