//! Faults of clocks. One node has all the wrong ones, so that a majority is right and P5 can be
//! judged.

use std::time::Duration;

use super::{Aim, Error};
use crate::supervisor::Cluster;

const JUMP_MAX_MS: u64 = 120_000;
/// Clocks run too fast or too slow by between these, in parts of a thousand.
const DRIFT_MIN: u64 = 20;
const DRIFT_MAX: u64 = 100;
/// Steps of a clock that drifts: much less than its bound.
const TICK: Duration = Duration::from_millis(50);

fn node(cluster: &Cluster) -> Result<Vec<u64>, Error> {
    let node = cluster.wrong_clock();
    node.map(|node| vec![node]).ok_or_else(|| Error::Tool("no clock can be set".to_owned()))
}

fn sign(aim: &Aim) -> f64 {
    if aim.pick.is_multiple_of(2) { 1.0 } else { -1.0 }
}

pub(super) async fn jump(cluster: &Cluster, aim: &Aim) -> Result<Vec<u64>, Error> {
    let nodes = node(cluster)?;
    let apart = Duration::from_millis(1_000 + aim.pick / 2 % (JUMP_MAX_MS - 1_000));
    cluster.set_clock(sign(aim) * apart.as_secs_f64())?;
    aim.wait().await;
    Ok(nodes)
}

/// Many small steps: the library's own rates count from the start of the process.
pub(super) async fn drift(cluster: &Cluster, aim: &Aim) -> Result<Vec<u64>, Error> {
    let nodes = node(cluster)?;
    let thousandths = u32::try_from(DRIFT_MIN + aim.pick / 2 % (DRIFT_MAX - DRIFT_MIN));
    let rate = sign(aim) * f64::from(thousandths.unwrap_or(0)) / 1_000.0;
    let start = tokio::time::Instant::now();
    while start.elapsed() < aim.lasts {
        cluster.set_clock(rate * start.elapsed().as_secs_f64())?;
        tokio::time::sleep(TICK).await;
    }
    Ok(nodes)
}
