//! The node processes of a run.
//!
//! Owns: their disks, clocks, ports, command lines and lives. Must not: decide when one dies.
//!
//! Invariants:
//! - Every path into a node goes through the proxies: a node is told the proxies' addresses for its
//!   peers, and the clients' proxy for itself, and tells clients just these. So a client stands on
//!   the side of the node that it learned the map from: it reaches that node directly, and the
//!   others over that node's paths.
//! - A process that ends without having been killed is a finding.
//! - Dropping the cluster kills what it started, and nothing else.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use crate::disk::{self, Disk};
use crate::proxy::{End, Network};
use crate::tools::{Tool, Tools};

/// Below the range that the system takes ports for outgoing connections from: a port there could be
/// taken while its node is down, even by a connection to itself.
const PORT_MIN: u16 = 18_000;
const PORT_MAX: u16 = 30_000;
/// Log lines that are shown of a node that ended by itself.
const TAIL_LINES: usize = 15;
/// A node that was asked to stop is gone by then.
const STOP_MAX: Duration = Duration::from_secs(20);
/// How libfaketime writes the true time.
const TRUE_TIME: &str = "+0";

/// What can go wrong with processes.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no {0} beside this program; build it first")]
    NoBinary(String),
    #[error("no free port between {PORT_MIN} and {PORT_MAX}")]
    NoPort,
    #[error("node {0} is not part of this cluster")]
    NoNode(u64),
    #[error("node {0} did not stop within {STOP_MAX:?}")]
    StillThere(u64),
    #[error("start, signal or prepare a node")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error("signal a node")]
    Signal(#[from] nix::Error),
}

/// How a cluster is laid out.
#[derive(Clone, Debug)]
pub struct Layout {
    pub binary: PathBuf,
    pub data: PathBuf,
    pub nodes: u64,
    pub shards: u32,
    pub replicas: u32,
    pub tools: Tools,
    /// Each node has a file system of its own. Needs [`Tool::Images`].
    pub images: bool,
    /// The last node's wall clock can be set. Needs [`Tool::Clocks`].
    pub clocks: bool,
}

#[derive(Debug)]
struct Node {
    listen: SocketAddr,
    peers: String,
    // Goes before the disk that it has files open on.
    child: Option<Child>,
    disk: Disk,
    /// What the node's wall clock is told by, if not by the machine's.
    clock: Option<PathBuf>,
}

/// Node processes, and the network between them.
#[derive(Debug)]
pub struct Cluster {
    layout: Layout,
    id: String,
    nodes: BTreeMap<u64, Node>,
    pub network: Network,
}

/// A program beside this one.
pub fn sibling(name: &str) -> Result<PathBuf, Error> {
    let here = std::env::current_exe()?;
    // Tests lie one folder below the programs.
    let found =
        here.ancestors().skip(1).take(2).map(|dir| dir.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| Error::NoBinary(name.to_owned()))
}

fn free_ports(count: u64, seed: u64) -> Result<Vec<SocketAddr>, Error> {
    let span = u64::from(PORT_MAX - PORT_MIN);
    let from = rowlock_proto::shard::mix64(seed ^ u64::from(std::process::id())) % span;
    let mut found = Vec::new();
    let ports = (0..span).map(|step| (from + step) % span);
    for port in
        ports.filter_map(|offset| u16::try_from(offset).ok()).map(|offset| PORT_MIN + offset)
    {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            found.push(address);
        }
        if found.len() as u64 == count {
            return Ok(found);
        }
    }
    Err(Error::NoPort)
}

impl Cluster {
    /// Opens the proxies and starts every node for the first time.
    pub async fn start(layout: Layout, seed: u64) -> Result<Self, Error> {
        fs::create_dir_all(&layout.data)?;
        let listens: BTreeMap<u64, SocketAddr> =
            (1..).zip(free_ports(layout.nodes, seed)?).collect();
        let mut network = Network::new();
        let mut nodes = BTreeMap::new();
        let wrong = listens.keys().last().copied().filter(|_| layout.clocks);
        for (&node, &listen) in &listens {
            network.open(End::Clients, End::Node(node), listen).await?;
            for (&peer, &target) in listens.iter().filter(|&(&peer, _)| peer != node) {
                network.open(End::Node(node), End::Node(peer), target).await?;
            }
            let folder = layout.data.join(format!("node-{node}"));
            let images = layout.images && layout.tools.has(Tool::Images);
            let disk = if images { Disk::image(folder)? } else { Disk::folder(folder) };
            let clock =
                (wrong == Some(node)).then(|| layout.data.join(format!("node-{node}.clock")));
            if let Some(clock) = &clock {
                fs::write(clock, TRUE_TIME)?;
            }
            nodes.insert(node, Node { listen, peers: String::new(), child: None, disk, clock });
        }
        for (&node, entry) in &mut nodes {
            let peers: Vec<String> = listens
                .keys()
                .filter_map(|&peer| {
                    let from = if peer == node { End::Clients } else { End::Node(node) };
                    network
                        .address(from, End::Node(peer))
                        .map(|address| format!("{peer}={address}"))
                })
                .collect();
            entry.peers = peers.join(",");
        }
        let mixed = rowlock_proto::shard::mix64(seed);
        let id = format!("{mixed:016x}{seed:016x}");
        let mut cluster = Self { layout, id, nodes, network };
        for node in cluster.ids() {
            cluster.restart(node)?;
        }
        Ok(cluster)
    }

    pub fn ids(&self) -> Vec<u64> {
        self.nodes.keys().copied().collect()
    }

    pub fn shards(&self) -> u32 {
        self.layout.shards
    }

    /// Where clients dial each node: its proxy.
    pub fn client_addresses(&self) -> BTreeMap<u64, SocketAddr> {
        let address = |&node| Some((node, self.network.address(End::Clients, End::Node(node))?));
        self.nodes.keys().filter_map(address).collect()
    }

    /// Where each node listens: for looking at it past all proxies.
    pub fn direct_addresses(&self) -> BTreeMap<u64, SocketAddr> {
        self.nodes.iter().map(|(&node, entry)| (node, entry.listen)).collect()
    }

    /// Starts a node that is not running, on the data it has.
    pub fn restart(&mut self, node: u64) -> Result<(), Error> {
        let log_path = self.log_path(node);
        let entry = self.nodes.get_mut(&node).ok_or(Error::NoNode(node))?;
        if entry.child.is_some() {
            return Ok(());
        }
        let log = OpenOptions::new().create(true).append(true).open(log_path)?;
        let layout = &self.layout;
        let mut command = Command::new(&layout.binary);
        if let (Some(clock), Some(library)) = (&entry.clock, layout.tools.faketime()) {
            command
                .env("LD_PRELOAD", library)
                .env("FAKETIME_TIMESTAMP_FILE", clock)
                .env("FAKETIME_NO_CACHE", "1")
                // Wall clocks are wrong in this world; timers are not.
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let child = command
            .arg("--data")
            .arg(entry.disk.data())
            .arg(format!("--node={node}"))
            .arg(format!("--cluster={}", self.id))
            .arg(format!("--listen={}", entry.listen))
            .arg("--metrics-listen=127.0.0.1:0")
            .arg(format!("--peers={}", entry.peers))
            .arg(format!("--shards={}", layout.shards))
            .arg(format!("--replicas={}", layout.replicas))
            .arg("--bootstrap")
            // What is asked of this program's log is not meant for the nodes': theirs grow with
            // every fault.
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        entry.child = Some(child);
        Ok(())
    }

    /// SIGKILL, and waits until the process is gone.
    pub async fn kill(&mut self, node: u64) -> Result<(), Error> {
        let entry = self.nodes.get_mut(&node).ok_or(Error::NoNode(node))?;
        if let Some(mut child) = entry.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// SIGTERM, and waits until the process has stopped in order.
    pub async fn stop(&mut self, node: u64) -> Result<(), Error> {
        let entry = self.nodes.get_mut(&node).ok_or(Error::NoNode(node))?;
        let Some(child) = &mut entry.child else { return Ok(()) };
        if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
            kill(Pid::from_raw(pid), Signal::SIGTERM)?;
        }
        let ended = tokio::time::timeout(STOP_MAX, child.wait()).await;
        ended.map_err(|_| Error::StillThere(node))??;
        entry.child = None;
        Ok(())
    }

    /// Waits until a node has ended by itself, for `limit` at most. After that it counts as killed.
    pub async fn ends(&mut self, node: u64, limit: Duration) -> Result<Option<ExitStatus>, Error> {
        let entry = self.nodes.get_mut(&node).ok_or(Error::NoNode(node))?;
        let Some(child) = &mut entry.child else { return Ok(None) };
        match tokio::time::timeout(limit, child.wait()).await {
            Ok(status) => {
                entry.child = None;
                Ok(Some(status?))
            }
            Err(_) => Ok(None),
        }
    }

    /// The process of a node, if it runs.
    pub fn pid(&self, node: u64) -> Option<u32> {
        self.nodes.get(&node)?.child.as_ref()?.id()
    }

    pub fn disk(&mut self, node: u64) -> Result<&mut Disk, Error> {
        self.nodes.get_mut(&node).map(|entry| &mut entry.disk).ok_or(Error::NoNode(node))
    }

    /// The node whose wall clock can be set.
    pub fn wrong_clock(&self) -> Option<u64> {
        self.nodes.iter().find(|(_, entry)| entry.clock.is_some()).map(|(&node, _)| node)
    }

    /// Sets that clock apart from the machine's, by this much.
    pub fn set_clock(&self, apart: f64) -> Result<(), Error> {
        let Some(clock) = self.nodes.values().find_map(|entry| entry.clock.as_ref()) else {
            return Ok(());
        };
        // Read with each look at the clock: it is exchanged as a whole.
        let fresh = clock.with_extension("clock-new");
        fs::write(
            &fresh,
            if apart == 0.0 { TRUE_TIME.to_owned() } else { format!("{apart:+.6}") },
        )?;
        fs::rename(fresh, clock)?;
        Ok(())
    }

    /// SIGSTOP or SIGCONT.
    pub fn pause(&self, node: u64, stop: bool) -> Result<(), Error> {
        let entry = self.nodes.get(&node).ok_or(Error::NoNode(node))?;
        let pid = entry.child.as_ref().and_then(Child::id);
        if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) {
            let signal = if stop { Signal::SIGSTOP } else { Signal::SIGCONT };
            kill(Pid::from_raw(pid), signal)?;
        }
        Ok(())
    }

    /// Nodes that ended although nobody killed them, with the end of what they logged.
    pub fn fallen(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        for (&node, entry) in &mut self.nodes {
            let Some(child) = &mut entry.child else { continue };
            if let Ok(Some(status)) = child.try_wait() {
                entry.child = None;
                let tail = tail(&self.layout.data.join(format!("node-{node}.log")));
                found.push(format!("node {node} ended by itself ({status}): {tail}"));
            }
        }
        found
    }

    /// The end of what a node logged.
    pub fn last_words(&self, node: u64) -> String {
        tail(&self.log_path(node))
    }

    /// Lines of the nodes' logs that say that a thread panicked.
    pub fn panics(&self) -> Vec<String> {
        let mut found = Vec::new();
        for node in self.nodes.keys() {
            let text = fs::read_to_string(self.log_path(*node)).unwrap_or_default();
            let lines = text.lines().filter(|line| line.contains("panicked at"));
            found.extend(lines.map(|line| format!("node {node}: {line}")));
        }
        found
    }

    fn log_path(&self, node: u64) -> PathBuf {
        self.layout.data.join(format!("node-{node}.log"))
    }
}

fn tail(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join(" | ")
}
