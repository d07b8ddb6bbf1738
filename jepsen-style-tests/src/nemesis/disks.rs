//! Faults of disks: syncs that fail or take long, no space, and no power.

use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::{Aim, Error};
use crate::supervisor::Cluster;

/// A node whose sync failed has stopped by then.
const STOP_MAX: Duration = Duration::from_secs(10);
/// How long a node is given to start on a full disk, or to give up.
const START_MAX: Duration = Duration::from_secs(3);
const ATTACH_MAX: Duration = Duration::from_secs(5);
/// Each sync waits this long: a disk that is about to die.
const SLOW_SYNC_US: u32 = 30_000;

/// Calls of a running node that are tampered with, until this is ended.
pub(crate) struct Tampering(Child);

impl Tampering {
    pub(crate) async fn begin(pid: u32, with: &str) -> Result<Self, Error> {
        let mut child = Command::new("strace")
            .args(["-f", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e"])
            .arg(format!("inject=fdatasync,fsync:{with}"))
            .args(["-p", &pid.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let said = child.stderr.take();
        let said = said.ok_or_else(|| Error::Tool("strace has no voice".to_owned()))?;
        let mut said = BufReader::new(said);
        let mut line = String::new();
        let attached = tokio::time::timeout(ATTACH_MAX, said.read_line(&mut line)).await;
        if !matches!(attached, Ok(Ok(_))) || !line.contains("attached") {
            return Err(Error::Tool(format!("strace: {}", line.trim())));
        }
        // It says more later, and must find somebody who listens.
        tokio::spawn(async move { while matches!(said.read_line(&mut line).await, Ok(1..)) {} });
        Ok(Self(child))
    }

    /// Lets the node go. Killed outright, the tool could leave a thread stopped.
    pub(crate) async fn end(mut self) -> Result<(), Error> {
        if let Some(pid) = self.0.id().and_then(|pid| i32::try_from(pid).ok()) {
            kill(Pid::from_raw(pid), Signal::SIGINT)?;
        }
        self.0.wait().await?;
        Ok(())
    }
}

fn pid(cluster: &Cluster, node: u64) -> Result<u32, Error> {
    cluster.pid(node).ok_or_else(|| Error::Found(format!("node {node} does not run")))
}

pub(super) async fn slow(cluster: &Cluster, aim: &Aim) -> Result<Vec<u64>, Error> {
    let node = aim.at(0);
    let with = format!("delay_enter={SLOW_SYNC_US}");
    let tampering = Tampering::begin(pid(cluster, node)?, &with).await?;
    aim.wait().await;
    tampering.end().await?;
    Ok(vec![node])
}

/// Whoever goes on after a failed sync may have acknowledged what the kernel has thrown away. So the
/// node must stop, and starts on what a power cut leaves it.
pub(super) async fn fail(cluster: &mut Cluster, aim: &Aim) -> Result<Vec<u64>, Error> {
    let node = aim.at(0);
    let tampering = Tampering::begin(pid(cluster, node)?, "error=EIO").await?;
    let ended = cluster.ends(node, STOP_MAX).await?;
    if ended.is_none() {
        tampering.end().await?;
        return Err(Error::Found(format!("node {node} went on after failed syncs")));
    }
    drop(tampering);
    let disk = cluster.disk(node)?;
    disk.power_off()?;
    disk.power_on()?;
    aim.wait().await;
    Ok(vec![node])
}

/// The node may stop, or go on with the space that it has set aside. Started again while there is
/// none, it may refuse.
pub(super) async fn fill(cluster: &mut Cluster, aim: &Aim) -> Result<Vec<u64>, Error> {
    let node = aim.at(0);
    cluster.disk(node)?.fill()?;
    let ended = cluster.ends(node, aim.lasts).await?;
    cluster.kill(node).await?;
    cluster.restart(node)?;
    let refused = cluster.ends(node, START_MAX).await?;
    cluster.kill(node).await?;
    tracing::info!(node, ?ended, ?refused, "no space was left");
    cluster.disk(node)?.free()?;
    Ok(vec![node])
}

/// Disks first: a process that ends in peace could still write.
pub(super) async fn cut_power(
    cluster: &mut Cluster,
    aim: &Aim,
    nodes: Vec<u64>,
) -> Result<Vec<u64>, Error> {
    for &node in &nodes {
        cluster.disk(node)?.power_off()?;
    }
    for &node in &nodes {
        cluster.kill(node).await?;
    }
    aim.wait().await;
    for &node in &nodes {
        cluster.disk(node)?.power_on()?;
    }
    Ok(nodes)
}
