//! Which tools for faults are there: found out by using each once, before the run.
//!
//! Owns: probes, and which kind of fault needs which tool. Must not: install anything.
//!
//! Invariant: a tool counts only if it did its work here; one that is installed may still be
//! forbidden.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::disk::Disk;
use crate::faults::Kind;
use crate::spaces::command;

/// Where distributions put the library that shows processes another time.
const FAKETIME: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
];

/// What a kind of fault may need.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Tool {
    /// File systems of our own on images, and their power cuts.
    Images,
    /// Packets dropped by the kernel, in a network of our own.
    Packets,
    /// Calls of a running process that fail or take long, by strace.
    Calls,
    /// Wall clocks that are wrong, by libfaketime.
    Clocks,
}

impl Tool {
    pub const ALL: &[Self] = &[Self::Images, Self::Packets, Self::Calls, Self::Clocks];
}

impl std::fmt::Display for Tool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Images => "disks on images (root, mkfs.ext4, perl)",
            Self::Packets => "lost packets (root, nft)",
            Self::Calls => "system calls that fail (strace)",
            Self::Clocks => "wrong clocks (libfaketime)",
        })
    }
}

/// What is there, and why the rest is not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tools {
    missing: BTreeMap<Tool, String>,
    faketime: Option<PathBuf>,
}

impl Tools {
    /// Tries each tool, with files below `dir`. `spaces` is what came of asking for a network and
    /// mounts of our own: without them nothing is mounted or dropped.
    pub fn probe(dir: &Path, spaces: &Result<(), String>) -> Self {
        let mut tools = Self::default();
        let own = |tool: Result<(), String>| spaces.clone().and(tool);
        let mut tell = |tool, found: Result<(), String>| {
            if let Err(why) = found {
                tools.missing.insert(tool, why);
            }
        };
        tell(Tool::Images, own(images(dir)));
        tell(Tool::Packets, own(packets()));
        tell(Tool::Calls, calls());
        let faketime = FAKETIME.iter().map(PathBuf::from).find(|path| path.is_file());
        match faketime.ok_or_else(|| "libfaketime is not installed".to_owned()) {
            Ok(library) => {
                tell(Tool::Clocks, clocks(&library));
                tools.faketime = Some(library);
            }
            Err(why) => tell(Tool::Clocks, Err(why)),
        }
        tools
    }

    /// No tool at all: for clusters of which only processes and paths are broken.
    pub fn none() -> Self {
        let why = || "not asked for".to_owned();
        let all = Tool::ALL.iter().copied();
        Self { missing: all.map(|tool| (tool, why())).collect(), faketime: None }
    }

    pub fn has(&self, tool: Tool) -> bool {
        !self.missing.contains_key(&tool)
    }

    /// The library that fakes wall clocks.
    pub fn faketime(&self) -> Option<&Path> {
        self.faketime.as_deref().filter(|_| self.has(Tool::Clocks))
    }

    /// Why a kind of fault can't be caused here; `None` if it can.
    pub fn why_not(&self, kind: Kind) -> Option<&str> {
        needs(kind).iter().find_map(|tool| self.missing.get(tool)).map(String::as_str)
    }
}

/// The tools that a kind of fault can't do without.
pub const fn needs(kind: Kind) -> &'static [Tool] {
    match kind {
        Kind::PacketLoss => &[Tool::Packets],
        Kind::ClockJump | Kind::ClockRate => &[Tool::Clocks],
        Kind::SlowDisk => &[Tool::Calls],
        // What a failed sync left unwritten must be lost, or the fault would be a kind one.
        Kind::DiskError => &[Tool::Calls, Tool::Images],
        Kind::DiskFull | Kind::PowerCut | Kind::PowerCutAll => &[Tool::Images],
        Kind::KillLeader
        | Kind::KillRandom
        | Kind::KillMajority
        | Kind::KillAll
        | Kind::RollingRestart
        | Kind::LeaderTransfer
        | Kind::Pause
        | Kind::PauseLeader
        | Kind::IsolateLeader
        | Kind::PartitionHalves
        | Kind::PartitionOneWay
        | Kind::PartitionBridge
        | Kind::PartitionRing
        | Kind::Reorder
        | Kind::SlowLink
        | Kind::ResetLinks
        | Kind::BitFlipWal
        | Kind::BitFlipSst
        | Kind::BitFlipManifest
        | Kind::TruncateSst => &[],
    }
}

/// A file that was synced must survive a power cut, and one that was not must not.
fn images(dir: &Path) -> Result<(), String> {
    let folder = dir.join("probe-disk");
    let tried = try_image(&folder).map_err(|error| error.to_string());
    std::fs::remove_file(folder.with_extension("img")).ok();
    std::fs::remove_dir(folder).ok();
    tried
}

fn try_image(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut disk = Disk::image(folder.to_owned())?;
    let (kept, lost) = (folder.join("kept"), folder.join("lost"));
    std::fs::write(&kept, b"synced")?;
    std::fs::File::open(&kept)?.sync_all()?;
    std::fs::File::open(folder)?.sync_all()?;
    std::fs::write(&lost, b"not synced")?;
    disk.power_off()?;
    disk.power_on()?;
    if std::fs::read(&kept)? != b"synced" || lost.exists() {
        return Err("a power cut kept what was not synced, or lost what was".into());
    }
    Ok(())
}

fn packets() -> Result<(), String> {
    drop_packets(&[9])?;
    pass_packets()
}

/// Drops three of ten packets to and from these ports of this network.
pub fn drop_packets(ports: &[u16]) -> Result<(), String> {
    command("nft", &["add", "table", "inet", "rowlock"])?;
    let chain = "{ type filter hook input priority 0 ; }";
    command("nft", &["add", "chain", "inet", "rowlock", "lossy", chain])?;
    for port in ports {
        for side in ["dport", "sport"] {
            let rule = format!(
                "add rule inet rowlock lossy tcp {side} {port} numgen random mod 10 < 3 drop"
            );
            command("nft", &rule.split(' ').collect::<Vec<_>>())?;
        }
    }
    Ok(())
}

/// Drops none any more.
pub fn pass_packets() -> Result<(), String> {
    command("nft", &["delete", "table", "inet", "rowlock"])
}

fn calls() -> Result<(), String> {
    let inject = ["-qq", "-o", "/dev/null", "-f", "-e", "trace=fdatasync,fsync", "-e"];
    let tried = Command::new("strace")
        .args(inject)
        .args(["inject=fdatasync,fsync:error=EIO", "sync", "-d", "/"])
        .output()
        .map_err(|error| format!("strace: {error}"))?;
    // The tool that syncs must have been told of an error.
    if tried.status.success() {
        return Err("strace could not make a sync fail".to_owned());
    }
    let said = String::from_utf8_lossy(&tried.stderr);
    if said.contains("Input/output error") {
        return Ok(());
    }
    Err(format!("strace: {}", said.trim()))
}

fn clocks(library: &Path) -> Result<(), String> {
    let told = Command::new("date")
        .arg("+%Y")
        .env("LD_PRELOAD", library)
        .env("FAKETIME", "+4000d")
        .output()
        .map_err(|error| format!("date: {error}"))?;
    let there = Command::new("date").arg("+%Y").output().map_err(|error| error.to_string())?;
    if told.status.success() && told.stdout != there.stdout {
        return Ok(());
    }
    Err(format!("libfaketime: {}", String::from_utf8_lossy(&told.stderr).trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_is_told_with_its_reason() {
        let tools = Tools::none();
        assert_eq!(tools.why_not(Kind::PowerCut), Some("not asked for"));
        assert_eq!(tools.why_not(Kind::KillLeader), None);
        assert_eq!(tools.faketime(), None);
    }
}
