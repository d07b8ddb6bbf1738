//! Carries out the schedule: breaks what a step says, and mends it.
//!
//! Owns: what each fault does to processes, paths, clocks and disks. Must not: break anything that
//! is not the run's own, or leave anything broken when it ends.
//!
//! Invariants:
//! - A fault is one function that breaks, waits, and puts right what only it can. After it, whatever
//!   came of it, paths are open, clocks right and all nodes started.
//! - A node may end by itself only where the fault says that it has to, or may.

mod clocks;
mod damage;
pub(crate) mod disks;
mod paths;
mod processes;
pub mod schedule;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::faults::{Fault, Kind};
use crate::recorder::Clock;
use crate::supervisor::{self, Cluster};
use crate::{admin, disk, tools};
use schedule::Step;

/// Why a fault could not be caused, or was not met as it must be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Cluster(#[from] supervisor::Error),
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error("files of a node")]
    Io(#[from] std::io::Error),
    #[error("signal a tool")]
    Signal(#[from] nix::Error),
    #[error("{0}")]
    Tool(String),
    /// A finding, not a failure of this program.
    #[error("{0}")]
    Found(String),
}

/// What a fault is aimed at.
struct Aim {
    ids: Vec<u64>,
    pick: u64,
    lasts: Duration,
}

impl Aim {
    /// A node by its place after the one that the schedule picked.
    fn at(&self, offset: u64) -> u64 {
        let place = self.pick.wrapping_add(offset) % self.ids.len() as u64;
        self.ids[usize::try_from(place).unwrap_or(0)]
    }

    fn some(&self, count: u64) -> Vec<u64> {
        (0..count).map(|offset| self.at(offset)).collect()
    }

    async fn wait(&self) {
        tokio::time::sleep(self.lasts).await;
    }
}

/// Plays the steps, one after the other. Returns what happened, and what was found.
pub async fn play(
    cluster: &mut Cluster,
    steps: &[Step],
    clock: Clock,
) -> (Vec<Fault>, Vec<String>) {
    let mut faults = Vec::new();
    let mut findings = Vec::new();
    for step in steps {
        tokio::time::sleep_until(clock.at(step.at)).await;
        findings.extend(cluster.fallen());
        let aim = Aim { ids: cluster.ids(), pick: step.pick, lasts: step.lasts };
        let start_ns = clock.now_ns();
        let acted = act(cluster, step.kind, &aim).await;
        findings.extend(cluster.fallen());
        if let Err(error) = mend(cluster, step.kind) {
            findings.push(format!("mending {}: {error}", step.kind));
        }
        let end_ns = clock.now_ns();
        let target = match acted {
            Ok(nodes) => nodes.iter().map(u64::to_string).collect::<Vec<_>>().join(","),
            Err(error) => {
                findings.push(format!("fault {} at {start_ns} ns: {error}", step.kind));
                // What was found was found by the fault.
                if !matches!(error, Error::Found(_)) {
                    continue;
                }
                String::new()
            }
        };
        tracing::info!(kind = %step.kind, target, start_ns, end_ns, "fault over");
        faults.push(Fault { kind: step.kind, target, start_ns, end_ns });
    }
    (faults, findings)
}

/// Carries out one fault. Returns the nodes that it was aimed at.
async fn act(cluster: &mut Cluster, kind: Kind, aim: &Aim) -> Result<Vec<u64>, Error> {
    match kind {
        Kind::KillLeader => {
            let nodes = vec![leader(cluster, aim.at(0)).await];
            processes::kill(cluster, aim, nodes).await
        }
        Kind::KillRandom => processes::kill(cluster, aim, aim.some(1)).await,
        Kind::KillMajority => {
            processes::kill(cluster, aim, aim.some(aim.ids.len() as u64 / 2 + 1)).await
        }
        Kind::KillAll => processes::kill(cluster, aim, aim.ids.clone()).await,
        Kind::RollingRestart => processes::restart_in_turn(cluster, aim).await,
        Kind::LeaderTransfer => processes::transfer_leaders(cluster, aim).await,
        Kind::Pause => processes::pause(cluster, aim, aim.at(0)).await,
        Kind::PauseLeader => {
            let node = leader(cluster, aim.at(0)).await;
            processes::pause(cluster, aim, node).await
        }
        Kind::IsolateLeader => {
            let node = leader(cluster, aim.at(0)).await;
            paths::isolate(cluster, aim, node).await
        }
        Kind::PartitionHalves => paths::halves(cluster, aim).await,
        Kind::PartitionOneWay => paths::one_way(cluster, aim).await,
        Kind::PartitionBridge => paths::bridge(cluster, aim).await,
        Kind::PartitionRing => paths::ring(cluster, aim).await,
        Kind::PacketLoss => paths::lose_packets(cluster, aim).await,
        Kind::Reorder => paths::reorder(cluster, aim).await,
        Kind::SlowLink => paths::slow(cluster, aim).await,
        Kind::ResetLinks => paths::reset(cluster, aim).await,
        Kind::ClockJump => clocks::jump(cluster, aim).await,
        Kind::ClockRate => clocks::drift(cluster, aim).await,
        Kind::DiskError => disks::fail(cluster, aim).await,
        Kind::SlowDisk => disks::slow(cluster, aim).await,
        Kind::DiskFull => disks::fill(cluster, aim).await,
        Kind::PowerCut => disks::cut_power(cluster, aim, aim.some(1)).await,
        Kind::PowerCutAll => disks::cut_power(cluster, aim, aim.ids.clone()).await,
        Kind::BitFlipWal | Kind::BitFlipSst | Kind::BitFlipManifest | Kind::TruncateSst => {
            damage::damage(cluster, aim, kind).await
        }
    }
}

/// Opens paths, sets clocks right, and starts what does not run.
fn mend(cluster: &mut Cluster, kind: Kind) -> Result<(), Error> {
    cluster.network.heal();
    if kind == Kind::PacketLoss {
        tools::pass_packets().map_err(Error::Tool)?;
    }
    cluster.set_clock(0.0)?;
    for node in cluster.ids() {
        cluster.pause(node, false)?;
        cluster.restart(node)?;
    }
    Ok(())
}

/// The node that leads most shards, or `otherwise` if none says that it leads any.
async fn leader(cluster: &Cluster, otherwise: u64) -> u64 {
    let addresses: BTreeMap<u64, SocketAddr> = cluster.direct_addresses();
    let mut most = (0, otherwise);
    for (node, address) in addresses {
        let Ok(status) = admin::status(address).await else { continue };
        let leads = status.replicas.iter().filter(|replica| replica.role == "leader").count();
        if leads > most.0 {
            most = (leads, node);
        }
    }
    most.1
}
