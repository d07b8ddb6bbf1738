//! Which faults there were, and when.
//!
//! Owns: the record that stands beside a history file (`*.faults.jsonl`), so that a checker that
//! comes later knows which times were calm. Must not: cause a fault.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A kind of fault. Its text is the key in a run's verdict.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// SIGKILL to the node that leads most shards, then a start on its data.
    KillLeader,
    /// The same to any node.
    KillRandom,
    /// The same to a majority at once.
    KillMajority,
    /// SIGKILL to all nodes, then all start again.
    KillAll,
    /// SIGTERM to one node after another; each is back before the next goes.
    RollingRestart,
    /// Each shard is led by another node than before, as an operator would have it.
    LeaderTransfer,
    /// SIGSTOP to a node, then SIGCONT.
    Pause,
    /// The same to the node that leads most shards: it wakes up as an old leader.
    PauseLeader,
    /// The leading node is cut off from its peers; the clients on its side still reach it.
    IsolateLeader,
    /// The nodes fall into two halves, with clients on both sides.
    PartitionHalves,
    /// What one node sends to another is lost; the way back is open.
    PartitionOneWay,
    /// Two nodes lose one another; a third reaches both.
    PartitionBridge,
    /// Each node has a majority, and no two have the same. Of three, each reaches the next alone.
    PartitionRing,
    /// Three of ten packets to and from a node are dropped by the kernel.
    PacketLoss,
    /// What goes over different connections overtakes: each chunk waits a time of its own.
    Reorder,
    /// All paths of a node are slow.
    SlowLink,
    /// Connections of a node are reset and refused.
    ResetLinks,
    /// The wall clock of one node jumps, by up to two minutes.
    ClockJump,
    /// The wall clock of one node runs too fast or too slow, by up to a tenth.
    ClockRate,
    /// A sync of one node fails, and it must stop; what was not synced is lost with it.
    DiskError,
    /// Each sync of a node takes long.
    SlowDisk,
    /// The disk of a node has no space left; it is killed and started on the full disk, too.
    DiskFull,
    /// A node and its disk lose power: what was not synced is gone.
    PowerCut,
    /// All nodes and disks lose power at once.
    PowerCutAll,
    /// One bit of the write-ahead log of a stopped node is wrong. The node must not start.
    BitFlipWal,
    /// One bit of a table file of a stopped node is wrong. The node must stop, or answer rightly.
    BitFlipSst,
    /// One bit of the list of table files is wrong. The node must not start.
    BitFlipManifest,
    /// A table file of a stopped node is cut short. The node must not start.
    TruncateSst,
}

impl Kind {
    pub const ALL: &[Self] = &[
        Self::KillLeader,
        Self::KillRandom,
        Self::KillMajority,
        Self::KillAll,
        Self::RollingRestart,
        Self::LeaderTransfer,
        Self::Pause,
        Self::PauseLeader,
        Self::IsolateLeader,
        Self::PartitionHalves,
        Self::PartitionOneWay,
        Self::PartitionBridge,
        Self::PartitionRing,
        Self::PacketLoss,
        Self::Reorder,
        Self::SlowLink,
        Self::ResetLinks,
        Self::ClockJump,
        Self::ClockRate,
        Self::DiskError,
        Self::SlowDisk,
        Self::DiskFull,
        Self::PowerCut,
        Self::PowerCutAll,
        Self::BitFlipWal,
        Self::BitFlipSst,
        Self::BitFlipManifest,
        Self::TruncateSst,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KillLeader => "kill-leader",
            Self::KillRandom => "kill-random",
            Self::KillMajority => "kill-majority",
            Self::KillAll => "kill-all",
            Self::RollingRestart => "rolling-restart",
            Self::LeaderTransfer => "leader-transfer",
            Self::Pause => "pause",
            Self::PauseLeader => "pause-leader",
            Self::IsolateLeader => "isolate-leader",
            Self::PartitionHalves => "partition-halves",
            Self::PartitionOneWay => "partition-one-way",
            Self::PartitionBridge => "partition-bridge",
            Self::PartitionRing => "partition-ring",
            Self::PacketLoss => "packet-loss",
            Self::Reorder => "reorder",
            Self::SlowLink => "slow-link",
            Self::ResetLinks => "reset-links",
            Self::ClockJump => "clock-jump",
            Self::ClockRate => "clock-rate",
            Self::DiskError => "disk-error",
            Self::SlowDisk => "slow-disk",
            Self::DiskFull => "disk-full",
            Self::PowerCut => "power-cut",
            Self::PowerCutAll => "power-cut-all",
            Self::BitFlipWal => "bit-flip-wal",
            Self::BitFlipSst => "bit-flip-sst",
            Self::BitFlipManifest => "bit-flip-manifest",
            Self::TruncateSst => "truncate-sst",
        }
    }

    /// Of how many nodes on it can be told from other kinds.
    pub const fn nodes_min(self) -> u64 {
        match self {
            Self::PartitionBridge | Self::PartitionRing | Self::KillMajority => 3,
            Self::LeaderTransfer
            | Self::IsolateLeader
            | Self::PartitionHalves
            | Self::PartitionOneWay => 2,
            Self::KillLeader
            | Self::KillRandom
            | Self::KillAll
            | Self::RollingRestart
            | Self::Pause
            | Self::PauseLeader
            | Self::PacketLoss
            | Self::Reorder
            | Self::SlowLink
            | Self::ResetLinks
            | Self::ClockJump
            | Self::ClockRate
            | Self::DiskError
            | Self::SlowDisk
            | Self::DiskFull
            | Self::PowerCut
            | Self::PowerCutAll
            | Self::BitFlipWal
            | Self::BitFlipSst
            | Self::BitFlipManifest
            | Self::TruncateSst => 1,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One fault, from its beginning to the end of its healing, in the time of the history.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fault {
    pub kind: Kind,
    pub target: String,
    pub start_ns: u64,
    pub end_ns: u64,
}

/// The faults of a run, and the kinds that were meant to happen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FaultLog {
    pub scheduled: Vec<Kind>,
    pub faults: Vec<Fault>,
    /// Without a record nothing is known to have been calm.
    pub recorded: bool,
    /// Times, from and to in the time of the history, of what else went on: a simulation's faults.
    pub unrest: Vec<(u64, u64)>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Scheduled { scheduled: Vec<Kind> },
    Fault(Fault),
}

impl FaultLog {
    /// Where the record of a history lies: beside it.
    pub fn path_of(history: &Path) -> PathBuf {
        history.with_extension("faults.jsonl")
    }

    /// True if no fault overlaps the time between `from_ns` and `to_ns`.
    pub fn quiet(&self, from_ns: u64, to_ns: u64) -> bool {
        self.recorded
            && self.faults.iter().all(|fault| fault.end_ns < from_ns || fault.start_ns > to_ns)
            && self.unrest.iter().all(|&(start_ns, end_ns)| end_ns < from_ns || start_ns > to_ns)
    }

    /// How often each kind happened.
    pub fn counts(&self) -> BTreeMap<Kind, u64> {
        let mut counts = BTreeMap::new();
        for fault in &self.faults {
            *counts.entry(fault.kind).or_insert(0) += 1;
        }
        counts
    }

    /// Kinds that were scheduled and never happened.
    pub fn missing(&self) -> Vec<Kind> {
        let counts = self.counts();
        let mut missing: Vec<Kind> =
            self.scheduled.iter().copied().filter(|kind| !counts.contains_key(kind)).collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
        let head = Line::Scheduled { scheduled: self.scheduled.clone() };
        serde_json::to_writer(&mut out, &head)?;
        out.write_all(b"\n")?;
        for fault in &self.faults {
            serde_json::to_writer(&mut out, fault)?;
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// The record at `path`; an empty one if there is none.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(error),
        };
        let mut log = Self { recorded: true, ..Self::default() };
        for line in text.lines() {
            match serde_json::from_str(line)? {
                Line::Scheduled { scheduled } => log.scheduled = scheduled,
                Line::Fault(fault) => log.faults.push(fault),
            }
        }
        Ok(log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_survives_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = FaultLog::path_of(&dir.path().join("run-1.jsonl"));
        assert!(path.ends_with("run-1.faults.jsonl"));
        assert!(!FaultLog::read(&path).unwrap().recorded);
        let fault =
            Fault { kind: Kind::KillAll, target: "1,2,3".to_owned(), start_ns: 5, end_ns: 9 };
        let log = FaultLog {
            scheduled: vec![Kind::KillAll, Kind::Pause],
            faults: vec![fault],
            recorded: true,
            unrest: Vec::new(),
        };
        log.write(&path).unwrap();
        let read = FaultLog::read(&path).unwrap();
        assert_eq!(read, log);
        assert_eq!(read.missing(), [Kind::Pause]);
        assert!(read.quiet(0, 4) && read.quiet(10, 20) && !read.quiet(6, 7) && !read.quiet(0, 5));
    }

    #[test]
    fn a_kind_is_written_as_it_is_read() {
        for &kind in Kind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
    }
}
