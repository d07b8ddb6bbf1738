//! Carries out the schedule: breaks what a step says, and heals it.
//!
//! Owns: what each fault does to processes and paths. Must not: break anything that is not the run's
//! own, or leave anything broken when it ends.

pub mod schedule;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::admin;
use crate::faults::{Fault, Kind};
use crate::proxy::{End, Gate};
use crate::recorder::Clock;
use crate::supervisor::{Cluster, Error};
use schedule::Step;

/// Delay of a slow path, each way and each chunk.
const SLOW: Duration = Duration::from_millis(60);

/// Plays the steps, one after the other. Returns what happened.
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
        let start_ns = clock.now_ns();
        let broken = match begin(cluster, step).await {
            Ok(broken) => broken,
            Err(error) => {
                findings.push(format!("fault {}: {error}", step.kind));
                continue;
            }
        };
        tokio::time::sleep(step.lasts).await;
        findings.extend(cluster.fallen());
        if let Err(error) = heal(cluster, &broken) {
            findings.push(format!("healing {}: {error}", step.kind));
        }
        let target: Vec<String> = broken.nodes.iter().map(u64::to_string).collect();
        let (target, end_ns) = (target.join(","), clock.now_ns());
        tracing::info!(kind = %step.kind, target, start_ns, end_ns, "fault healed");
        faults.push(Fault { kind: step.kind, target, start_ns, end_ns });
    }
    (faults, findings)
}

struct Broken {
    /// Nodes that the fault was aimed at.
    nodes: Vec<u64>,
    killed: bool,
    paused: bool,
}

async fn begin(cluster: &mut Cluster, step: &Step) -> Result<Broken, Error> {
    let ids = cluster.ids();
    let at = |offset: u64| {
        let place = step.pick.wrapping_add(offset) % ids.len() as u64;
        ids[usize::try_from(place).unwrap_or(0)]
    };
    let mut broken = Broken { nodes: vec![at(0)], killed: false, paused: false };
    match step.kind {
        Kind::KillLeader | Kind::KillRandom => {
            if step.kind == Kind::KillLeader {
                broken.nodes = vec![leader(cluster, at(0)).await];
            }
            broken.killed = true;
            for &node in &broken.nodes {
                cluster.kill(node).await?;
            }
        }
        Kind::KillAll => {
            broken.nodes.clone_from(&ids);
            broken.killed = true;
            for &node in &ids {
                cluster.kill(node).await?;
            }
        }
        Kind::Pause => {
            broken.paused = true;
            cluster.pause(at(0), true)?;
        }
        Kind::IsolateLeader => {
            let alone = leader(cluster, at(0)).await;
            broken.nodes = vec![alone];
            cut(cluster, &[alone], &ids);
        }
        Kind::PartitionHalves => {
            let half: Vec<u64> = (0..ids.len() as u64 / 2).map(at).collect();
            cut(cluster, &half, &ids);
            broken.nodes = half;
        }
        Kind::PartitionOneWay => {
            let (from, to) = (at(0), at(1));
            cluster.network.set(End::Node(from), End::Node(to), Gate::Cut);
            broken.nodes = vec![from, to];
        }
        Kind::PartitionBridge => {
            // Two halves that only the last node still reaches.
            let sides: Vec<u64> = (0..ids.len() as u64 - 1).map(at).collect();
            let (one, other) = sides.split_at(sides.len() / 2);
            for &near in one {
                for &far in other {
                    cluster.network.set_both(End::Node(near), End::Node(far), Gate::Cut);
                }
            }
            broken.nodes = sides;
        }
        Kind::SlowLink => {
            let node = at(0);
            let others = ids.iter().copied().filter(|&id| id != node).map(End::Node);
            for other in others.chain([End::Clients]) {
                cluster.network.set_both(End::Node(node), other, Gate::Slow(SLOW));
            }
        }
        Kind::ResetLinks => {
            let node = at(0);
            let others = ids.iter().copied().filter(|&id| id != node).map(End::Node);
            for other in others.chain([End::Clients]) {
                cluster.network.set_both(End::Node(node), other, Gate::Refuse);
            }
        }
    }
    Ok(broken)
}

fn cut(cluster: &Cluster, side: &[u64], ids: &[u64]) {
    for &near in side {
        for &far in ids.iter().filter(|id| !side.contains(id)) {
            cluster.network.set_both(End::Node(near), End::Node(far), Gate::Cut);
        }
    }
}

fn heal(cluster: &mut Cluster, broken: &Broken) -> Result<(), Error> {
    cluster.network.heal();
    for &node in &broken.nodes {
        if broken.paused {
            cluster.pause(node, false)?;
        }
        if broken.killed {
            cluster.restart(node)?;
        }
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
