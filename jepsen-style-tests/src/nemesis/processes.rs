//! Faults of processes: killed, paused, stopped in order, and leadership handed over.

use std::time::Duration;

use super::{Aim, Error};
use crate::admin;
use crate::supervisor::Cluster;

/// After a node was restarted in order, every shard has a leader that all name by then.
const SETTLE_MAX: Duration = Duration::from_secs(20);

/// SIGKILL to all of them; they stay away for a while.
pub(super) async fn kill(
    cluster: &mut Cluster,
    aim: &Aim,
    nodes: Vec<u64>,
) -> Result<Vec<u64>, Error> {
    for &node in &nodes {
        cluster.kill(node).await?;
    }
    aim.wait().await;
    Ok(nodes)
}

/// SIGSTOP; the node is woken when the fault is mended.
pub(super) async fn pause(cluster: &Cluster, aim: &Aim, node: u64) -> Result<Vec<u64>, Error> {
    cluster.pause(node, true)?;
    aim.wait().await;
    Ok(vec![node])
}

/// Each node is stopped as an operator stops it, and started once it is gone. The next one follows
/// when all serve again.
pub(super) async fn restart_in_turn(cluster: &mut Cluster, aim: &Aim) -> Result<Vec<u64>, Error> {
    let nodes = aim.some(aim.ids.len() as u64);
    for &node in &nodes {
        cluster.stop(node).await?;
        cluster.restart(node)?;
        let settled =
            admin::settled(&cluster.direct_addresses(), cluster.shards(), SETTLE_MAX).await;
        settled.map_err(|error| Error::Found(format!("node {node} was restarted: {error}")))?;
    }
    Ok(nodes)
}

/// Each shard that has a leader is handed to another of its replicas.
pub(super) async fn transfer_leaders(cluster: &Cluster, aim: &Aim) -> Result<Vec<u64>, Error> {
    let addresses = cluster.direct_addresses();
    let mut places = Vec::new();
    for (&node, &address) in &addresses {
        let Ok(status) = admin::status(address).await else { continue };
        let leads = status.replicas.iter().filter(|replica| replica.role == "leader");
        places.extend(leads.map(|replica| (replica.shard, node, address)));
    }
    let mut nodes = Vec::new();
    let mut refused = Vec::new();
    for (shard, from, address) in places {
        // The one that the schedule picked takes over, or the next if it leads already.
        let Some(to) = aim.some(aim.ids.len() as u64).into_iter().find(|&node| node != from) else {
            continue;
        };
        match admin::transfer(address, shard, to).await {
            Ok(()) => nodes.push(from),
            Err(error) => refused.push(format!("shard {shard} from {from} to {to}: {error}")),
        }
    }
    if nodes.is_empty() {
        return Err(Error::Found(format!("no leadership could be handed over: {refused:?}")));
    }
    nodes.sort_unstable();
    nodes.dedup();
    aim.wait().await;
    Ok(nodes)
}
