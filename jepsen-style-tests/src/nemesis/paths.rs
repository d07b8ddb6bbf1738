//! Faults of paths: cut, slow, uneven, reset, and packets that are lost.

use std::time::Duration;

use super::{Aim, Error};
use crate::proxy::{End, Gate};
use crate::supervisor::Cluster;
use crate::tools;

/// Delay of a slow path, each way and each chunk.
const SLOW: Duration = Duration::from_millis(60);
/// The longest delay of an uneven path.
const UNEVEN: Duration = Duration::from_millis(40);

fn cut(cluster: &Cluster, side: &[u64], ids: &[u64]) {
    for &near in side {
        for &far in ids.iter().filter(|id| !side.contains(id)) {
            cluster.network.set_both(End::Node(near), End::Node(far), Gate::Cut);
        }
    }
}

/// All paths of a node, to its peers and to clients.
fn around(cluster: &Cluster, node: u64, ids: &[u64], gate: Gate) {
    let others = ids.iter().copied().filter(|&id| id != node).map(End::Node);
    for other in others.chain([End::Clients]) {
        cluster.network.set_both(End::Node(node), other, gate);
    }
}

pub(super) async fn isolate(cluster: &Cluster, aim: &Aim, node: u64) -> Result<Vec<u64>, Error> {
    cut(cluster, &[node], &aim.ids);
    aim.wait().await;
    Ok(vec![node])
}

pub(super) async fn halves(cluster: &Cluster, aim: &Aim) -> Result<Vec<u64>, Error> {
    let half = aim.some(aim.ids.len() as u64 / 2);
    cut(cluster, &half, &aim.ids);
    aim.wait().await;
    Ok(half)
}

pub(super) async fn one_way(cluster: &Cluster, aim: &Aim) -> Result<Vec<u64>, Error> {
    let (from, to) = (aim.at(0), aim.at(1));
    cluster.network.set(End::Node(from), End::Node(to), Gate::Cut);
    aim.wait().await;
    Ok(vec![from, to])
}

/// Two halves that only one node still reaches.
pub(super) async fn bridge(cluster: &Cluster, aim: &Aim) -> Result<Vec<u64>, Error> {
    let sides = aim.some(aim.ids.len() as u64 - 1);
    let (one, other) = sides.split_at(sides.len() / 2);
    for &near in one {
        for &far in other {
            cluster.network.set_both(End::Node(near), End::Node(far), Gate::Cut);
        }
    }
    aim.wait().await;
    Ok(sides)
}

/// Each node reaches its two neighbours on a ring; of three, where all are neighbours, each is
/// heard by the next alone.
pub(super) async fn ring(cluster: &Cluster, aim: &Aim) -> Result<Vec<u64>, Error> {
    let ring = aim.some(aim.ids.len() as u64);
    let count = ring.len();
    for (place, &one) in ring.iter().enumerate() {
        for (other_place, &other) in ring.iter().enumerate() {
            let apart = place.abs_diff(other_place);
            let across = count > 3 && apart > 1 && apart < count - 1;
            if across || (count == 3 && (place + 2) % count == other_place) {
                cluster.network.set(End::Node(one), End::Node(other), Gate::Cut);
            }
        }
    }
    aim.wait().await;
    Ok(ring)
}

pub(super) async fn slow(cluster: &Cluster, aim: &Aim) -> Result<Vec<u64>, Error> {
    around(cluster, aim.at(0), &aim.ids, Gate::Slow(SLOW));
    aim.wait().await;
    Ok(aim.some(1))
}

pub(super) async fn reset(cluster: &Cluster, aim: &Aim) -> Result<Vec<u64>, Error> {
    around(cluster, aim.at(0), &aim.ids, Gate::Refuse);
    aim.wait().await;
    Ok(aim.some(1))
}

pub(super) async fn reorder(cluster: &Cluster, aim: &Aim) -> Result<Vec<u64>, Error> {
    for &node in &aim.ids {
        around(cluster, node, &aim.ids, Gate::Uneven(UNEVEN));
    }
    aim.wait().await;
    Ok(aim.ids.clone())
}

/// The kernel drops packets to and from a node, and TCP sends them again: much later each time.
pub(super) async fn lose_packets(cluster: &Cluster, aim: &Aim) -> Result<Vec<u64>, Error> {
    let node = aim.at(0);
    let address = cluster.direct_addresses().get(&node).copied();
    let address = address.ok_or_else(|| Error::Tool(format!("node {node} has no address")))?;
    tools::drop_packets(&[address.port()]).map_err(Error::Tool)?;
    aim.wait().await;
    Ok(vec![node])
}
