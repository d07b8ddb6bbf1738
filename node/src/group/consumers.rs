//! How far behind the named consumers of a group are.

use super::Group;

/// How far behind a consumer is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ConsumerLag {
    pub(crate) name: String,
    /// Changes that it has not acknowledged.
    pub(crate) changes: u64,
    /// Age of the oldest of them by the replicated clock.
    pub(crate) ms: u64,
}

impl Group {
    /// Of every consumer, where this node leads; else of none: one replica tells it.
    pub(crate) fn consumer_lags(&self) -> Vec<ConsumerLag> {
        if !self.is_leader() {
            return Vec::new();
        }
        let found =
            self.state().read(|state| (state.consumers(), state.revision(), state.clock_ms()));
        let Ok((consumers, revision, clock_ms)) = found else { return Vec::new() };
        let lag = |name: String, position: u64| {
            let changes = revision.saturating_sub(position);
            // What is compacted is at least as old as what is left; it has its own alarm.
            let oldest = (changes > 0).then(|| self.state().feed_after(position, 1).ok()).flatten();
            let oldest = oldest.and_then(|changes| Some(changes.first()?.time_ms));
            let ms = oldest.map_or(0, |at_ms| clock_ms.saturating_sub(at_ms));
            ConsumerLag { name, changes, ms }
        };
        consumers.into_iter().map(|consumer| lag(consumer.name, consumer.position)).collect()
    }
}
