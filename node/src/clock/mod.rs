//! The time that this node stamps commands with.
//!
//! Owns: the judgement of clock samples ([`judge`]) and the monotonic clock that is advanced from
//! the last judgement ([`Clock`]). Must not: do I/O; `checker.rs` takes the samples.
//!
//! Invariants:
//! - A stamp is never below an earlier one of this process.
//! - Between judgements time advances by the monotonic clock alone: a jump of the wall clock has
//!   no effect until a majority has been asked.
//! - P5: without a judgement younger than [`CHECK_AGE_MAX`] there is no stamp at all.

mod checker;
mod judge;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub(crate) use checker::{AskTime, Checker, Remote};
pub use judge::{Judgement, Sample, judge};
use rowlock_raft_store::teeth::{Tooth, planted};

/// How old a judgement may be before a leader stops proposing. Crystals drift by some 50 us a
/// second, so what may be lost in this time is far below the bound.
pub const CHECK_AGE_MAX: Duration = Duration::from_secs(10);

/// Where a node reads the time: a machine has a clock that only ever goes on, and one that is set.
pub trait Time: std::fmt::Debug + Send + Sync {
    fn now(&self) -> Instant;
    /// Microseconds since 1970 by the wall clock.
    fn wall_us(&self) -> u64;
}

/// The clocks of this machine.
#[derive(Clone, Copy, Debug)]
pub struct MachineTime;

impl Time for MachineTime {
    fn now(&self) -> Instant {
        Instant::now()
    }
    fn wall_us(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }
}

/// The clock of this node, as far as a majority of the cluster's clocks supports it.
#[derive(Debug)]
pub struct Clock {
    time: Arc<dyn Time>,
    anchor: Mutex<Option<Anchor>>,
    /// The greatest stamp given, in milliseconds.
    last_ms: AtomicU64,
}

/// A moment at which the right time was known.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    at: Instant,
    unix_us: u64,
    judgement: Judgement,
}

/// What is known of the clock, for status and metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reading {
    pub offset_us: i64,
    pub error_us: u64,
    pub checked: bool,
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(Arc::new(MachineTime))
    }
}

impl Clock {
    pub fn new(time: Arc<dyn Time>) -> Self {
        Self { time, anchor: Mutex::new(None), last_ms: AtomicU64::new(0) }
    }

    /// Now, by the clock that only ever goes on.
    pub fn now(&self) -> Instant {
        self.time.now()
    }

    /// Now, by the wall clock, as it is: checked or not.
    pub fn wall_us(&self) -> u64 {
        self.time.wall_us()
    }

    /// Takes a judgement that was made of samples taken around `at`, when the wall clock showed
    /// `wall_us`.
    pub fn adopt(&self, at: Instant, wall_us: u64, judgement: Judgement) {
        let unix_us = wall_us.saturating_add_signed(judgement.offset_us);
        *self.lock() = Some(Anchor { at, unix_us, judgement });
    }

    /// The stamp for a batch proposed at `now`, in milliseconds since 1970. `None`: this node does
    /// not know the time well enough to propose.
    pub fn stamp_ms(&self, now: Instant) -> Option<u64> {
        if planted(Tooth::ClockUnchecked) {
            return Some(self.time.wall_us() / 1000);
        }
        let anchor = self.fresh(now)?;
        let elapsed = now.saturating_duration_since(anchor.at);
        let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let ms = anchor.unix_us.saturating_add(elapsed_us) / 1000;
        Some(self.last_ms.fetch_max(ms, Ordering::Relaxed).max(ms))
    }

    pub fn reading(&self, now: Instant) -> Reading {
        let last = self.lock().map(|anchor| anchor.judgement);
        let checked = self.fresh(now).is_some();
        last.map_or_else(Reading::default, |judgement| Reading {
            offset_us: judgement.offset_us,
            error_us: judgement.error_us,
            checked,
        })
    }

    fn fresh(&self, now: Instant) -> Option<Anchor> {
        let anchor = *self.lock();
        anchor.filter(|anchor| now.saturating_duration_since(anchor.at) <= CHECK_AGE_MAX)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Anchor>> {
        // The lock guards a plain copy: a holder that panicked left nothing half done.
        self.anchor.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
