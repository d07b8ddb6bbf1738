//! Asks the other nodes for their time once a second.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rowlock_proto::v1;
use rowlock_proto::v1::cluster_client::ClusterClient;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use super::{Clock, Sample, judge};

const INTERVAL: Duration = Duration::from_secs(1);
/// Before the first judgement nothing can be proposed: ask more often.
const FIRST_INTERVAL: Duration = Duration::from_millis(50);
/// A slower answer says little about the time.
const ANSWER_MAX: Duration = Duration::from_millis(400);

/// Another node, which can be asked for its time.
pub(crate) trait AskTime: Clone + Send {
    /// What its wall clock shows, in microseconds since 1970.
    fn wall_us(self) -> impl Future<Output = Option<u64>> + Send;
}

/// A node at the other end of a channel.
#[derive(Clone, Debug)]
pub(crate) struct Remote(pub(crate) ClusterClient<Channel>);

impl AskTime for Remote {
    async fn wall_us(mut self) -> Option<u64> {
        Some(self.0.clock(v1::ClockRequest {}).await.ok()?.into_inner().unix_us)
    }
}

/// The loop that keeps a [`Clock`] checked.
pub(crate) struct Checker<A> {
    pub(crate) clock: Arc<Clock>,
    pub(crate) others: Vec<A>,
    pub(crate) bound: Duration,
}

impl<A: AskTime> Checker<A> {
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut was_checked = true;
        loop {
            let (at, wall) = (self.clock.now(), self.clock.wall_us());
            let samples: Vec<Sample> =
                join_all(self.others.iter().cloned().map(|node| self.ask(node)))
                    .await
                    .into_iter()
                    .flatten()
                    .collect();
            let judgement = judge(&samples, self.others.len() + 1, self.bound);
            if let Some(judgement) = judgement {
                self.clock.adopt(at, wall, judgement);
            }
            let reading = self.clock.reading(self.clock.now());
            if was_checked && judgement.is_none() {
                tracing::warn!(
                    answers = samples.len(),
                    "clock not confirmed by a majority within the bound"
                );
            }
            was_checked = judgement.is_some();
            let pause = if reading.checked { INTERVAL } else { FIRST_INTERVAL };
            tokio::select! {
                biased;
                () = tokio::time::sleep(pause) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    async fn ask(&self, node: A) -> Option<Sample> {
        let (asked, asked_us) = (self.clock.now(), self.clock.wall_us());
        let theirs_us = tokio::time::timeout(ANSWER_MAX, node.wall_us()).await.ok()??;
        let round_trip = self.clock.now().saturating_duration_since(asked);
        Some(Sample::of_round_trip(asked_us, theirs_us, round_trip))
    }
}
