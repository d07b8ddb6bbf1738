//! The node processes of a run.
//!
//! Owns: their data directories, ports, command lines and lives. Must not: decide when one dies.
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
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use crate::proxy::{End, Network};

/// Below the range that the system takes ports for outgoing connections from: a port there could be
/// taken while its node is down, even by a connection to itself.
const PORT_MIN: u16 = 18_000;
const PORT_MAX: u16 = 30_000;
/// Log lines that are shown of a node that ended by itself.
const TAIL_LINES: usize = 15;

/// What can go wrong with processes.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no {0} beside this program; build it first")]
    NoBinary(String),
    #[error("no free port between {PORT_MIN} and {PORT_MAX}")]
    NoPort,
    #[error("node {0} is not part of this cluster")]
    NoNode(u64),
    #[error("start, signal or prepare a node")]
    Io(#[from] io::Error),
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
}

#[derive(Debug)]
struct Node {
    listen: SocketAddr,
    peers: String,
    child: Option<Child>,
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
        for (&node, &listen) in &listens {
            network.open(End::Clients, End::Node(node), listen).await?;
            for (&peer, &target) in listens.iter().filter(|&(&peer, _)| peer != node) {
                network.open(End::Node(node), End::Node(peer), target).await?;
            }
            nodes.insert(node, Node { listen, peers: String::new(), child: None });
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
        let child = Command::new(&layout.binary)
            .arg("--data")
            .arg(layout.data.join(format!("node-{node}")))
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
