//! Asks the other nodes for their time once a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rowlock_proto::v1;
use rowlock_proto::v1::cluster_client::ClusterClient;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use super::{Clock, Sample, judge, wall_us};

const INTERVAL: Duration = Duration::from_secs(1);
/// Before the first judgement nothing can be proposed: ask more often.
const FIRST_INTERVAL: Duration = Duration::from_millis(50);
/// A slower answer says little about the time.
const ANSWER_MAX: Duration = Duration::from_millis(400);

/// The loop that keeps a [`Clock`] checked.
pub(crate) struct Checker {
    pub(crate) clock: Arc<Clock>,
    pub(crate) others: Vec<ClusterClient<Channel>>,
    pub(crate) bound: Duration,
}

impl Checker {
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut was_checked = true;
        loop {
            let (at, wall) = (Instant::now(), wall_us());
            let samples: Vec<Sample> = join_all(self.others.iter().cloned().map(ask))
                .await
                .into_iter()
                .flatten()
                .collect();
            let judgement = judge(&samples, self.others.len() + 1, self.bound);
            if let Some(judgement) = judgement {
                self.clock.adopt(at, wall, judgement);
            }
            let reading = self.clock.reading(Instant::now());
            if was_checked && judgement.is_none() {
                tracing::warn!(
                    answers = samples.len(),
                    "clock not confirmed by a majority within the bound"
                );
            }
            was_checked = judgement.is_some();
            let pause = if reading.checked { INTERVAL } else { FIRST_INTERVAL };
            tokio::select! {
                _ = tokio::time::sleep(pause) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }
}

async fn ask(mut node: ClusterClient<Channel>) -> Option<Sample> {
    let (asked, asked_us) = (Instant::now(), wall_us());
    let answer = tokio::time::timeout(ANSWER_MAX, node.clock(v1::ClockRequest {})).await;
    let theirs_us = answer.ok()?.ok()?.into_inner().unix_us;
    Some(Sample::of_round_trip(asked_us, theirs_us, asked.elapsed()))
}
