//! How far behind the shards searches are.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::time;

#[derive(Debug, Default)]
struct Inner {
    /// When the oldest change was made that searches don't show yet.
    oldest_ms: Option<u64>,
    /// Of what is being committed.
    committing_ms: Option<u64>,
    /// When each shard last gave a sign of life, by this machine's clock.
    heard_ms: Vec<u64>,
    /// Changes that became visible, and how long that took, since it was asked for last.
    took: Vec<Duration>,
}

/// What is kept for one scrape at the most.
const TOOK_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Lag(Mutex<Inner>);

/// How far behind searches are now.
#[derive(Debug, Default)]
pub(crate) struct LagNow {
    /// Age of the oldest change that searches don't show yet; nothing if they show all.
    pub(crate) behind: Duration,
    /// How long the most silent shard has given no sign of life.
    pub(crate) silent: Duration,
    /// From a change to the moment when searches showed it.
    pub(crate) took: Vec<Duration>,
    pub(crate) documents: u64,
}

impl Lag {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn heard(&self, shard: u32) {
        let Ok(shard) = usize::try_from(shard) else { return };
        let mut inner = self.inner();
        if inner.heard_ms.len() <= shard {
            inner.heard_ms.resize(shard + 1, time::now_ms());
        }
        if let Some(heard) = inner.heard_ms.get_mut(shard) {
            *heard = time::now_ms();
        }
    }

    /// A change made at `ms` waits to be shown.
    pub(super) fn waits(&self, ms: u64) {
        let mut inner = self.inner();
        inner.oldest_ms = Some(inner.oldest_ms.map_or(ms, |oldest| oldest.min(ms)));
    }

    /// What waits is being committed.
    pub(super) fn begins(&self) {
        let mut inner = self.inner();
        inner.committing_ms = inner.oldest_ms.take();
    }

    /// What was being committed is shown; these are when its changes were made.
    pub(super) fn shown(&self, made_ms: &[u64]) {
        let now_ms = time::now_ms();
        let mut inner = self.inner();
        inner.committing_ms = None;
        let room = TOOK_MAX.saturating_sub(inner.took.len());
        let took = made_ms.iter().map(|made| Duration::from_millis(now_ms.saturating_sub(*made)));
        inner.took.extend(took.take(room));
    }

    pub(super) fn now(&self, documents: u64) -> LagNow {
        let now_ms = time::now_ms();
        let mut inner = self.inner();
        let oldest = inner.oldest_ms.into_iter().chain(inner.committing_ms).min();
        let silent = inner.heard_ms.iter().min().copied();
        let age =
            |ms: Option<u64>| Duration::from_millis(ms.map_or(0, |ms| now_ms.saturating_sub(ms)));
        LagNow {
            behind: age(oldest),
            silent: age(silent),
            took: std::mem::take(&mut inner.took),
            documents,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_or_is_being_committed_counts_until_it_is_shown() {
        let lag = Lag::default();
        let made_ms = time::now_ms() - 5_000;
        lag.waits(made_ms + 1_000);
        lag.waits(made_ms);
        assert!(lag.now(0).behind.as_millis() >= 5_000);
        lag.begins();
        assert!(lag.now(0).behind.as_millis() >= 5_000);
        lag.shown(&[made_ms]);
        let now = lag.now(7);
        assert_eq!((now.behind, now.documents), (Duration::ZERO, 7));
        assert!(matches!(now.took[..], [took] if took.as_millis() >= 5_000));
        assert!(lag.now(0).took.is_empty());
    }
}
