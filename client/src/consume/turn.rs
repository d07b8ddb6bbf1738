//! What a holder of a named consumer does next. Pure: times and outcomes in, one step out.
//!
//! ```text
//!   waiting --leased--> working --the lease is lost or over--> waiting
//! ```
//!
//! Invariants:
//! - A holder counts its lease from before it asked for it, so it stops before the cluster gives the
//!   lease to another.
//! - What was not handled is never acknowledged.

use std::time::Duration;

use tokio::time::Instant;

/// How a consumer is worked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) lease: Duration,
    /// Acknowledgements are log entries: many changes share one.
    pub(super) acknowledge_every: Duration,
    /// The first pause after a failure; each further one is twice as long.
    pub(super) pause_min: Duration,
    pub(super) pause_max: Duration,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing, until then.
    Wait(Instant),
    /// Ask for the lease, or for more of it.
    Lease,
    /// Tell that everything up to here is done.
    Acknowledge(u64),
    /// Read and handle changes, until then at most.
    Work(Instant),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Work {
    lease: u64,
    until: Instant,
    renew_at: Instant,
    done: u64,
    acknowledged: u64,
    acknowledge_at: Instant,
    /// Not before then: handling failed.
    rest_until: Instant,
    failures: u32,
}

/// Where one holder stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pace: Pace,
    ask_at: Instant,
    work: Option<Work>,
}

impl Turn {
    pub(super) const fn new(pace: Pace, now: Instant) -> Self {
        Self { pace, ask_at: now, work: None }
    }

    /// Everything up to this revision was handled, by this holder or another.
    pub(super) fn done(&self) -> Option<u64> {
        self.work.map(|work| work.done)
    }

    /// The number of the lease, while there is one.
    pub(super) fn lease(&self) -> Option<u64> {
        self.work.map(|work| work.lease)
    }

    pub(super) fn next(&mut self, now: Instant) -> Step {
        let Some(work) = self.work.filter(|work| now < work.until) else {
            if self.work.take().is_some() {
                self.ask_at = now;
            }
            return if now < self.ask_at { Step::Wait(self.ask_at) } else { Step::Lease };
        };
        if now >= work.renew_at {
            return Step::Lease;
        }
        let mut until = work.renew_at.min(work.until);
        if work.done > work.acknowledged {
            if now >= work.acknowledge_at {
                return Step::Acknowledge(work.done);
            }
            until = until.min(work.acknowledge_at);
        }
        if now < work.rest_until {
            return Step::Wait(until.min(work.rest_until));
        }
        Step::Work(until)
    }

    /// The lease was given, or renewed, to one who asked at `asked`.
    pub(super) fn leased(&mut self, asked: Instant, lease: u64, position: u64) {
        let (until, renew_at) = (asked + self.pace.lease, asked + self.pace.lease / 3);
        match &mut self.work {
            Some(work) if work.lease == lease => {
                work.until = work.until.max(until);
                work.renew_at = renew_at;
            }
            Some(_) | None => {
                self.work = Some(Work {
                    lease,
                    until,
                    renew_at,
                    done: position,
                    acknowledged: position,
                    acknowledge_at: asked + self.pace.acknowledge_every,
                    rest_until: asked,
                    failures: 0,
                });
            }
        }
    }

    /// Another has the lease: ask again in a while.
    pub(super) fn lost(&mut self, now: Instant) {
        self.work = None;
        self.ask_at = now + self.pace.lease / 4;
    }

    /// The cluster did not answer a request for the lease or an acknowledgement. What is left of the
    /// lease is still ours.
    pub(super) fn unanswered(&mut self, now: Instant) {
        let again = now + self.pace.pause_min;
        match &mut self.work {
            Some(work) => {
                work.renew_at = work.renew_at.max(again);
                work.acknowledge_at = work.acknowledge_at.max(again);
            }
            None => self.ask_at = again,
        }
    }

    /// Everything up to `revision` was handled, or found in the state when it was read anew.
    pub(super) fn handled(&mut self, revision: u64) {
        if let Some(work) = &mut self.work {
            work.done = work.done.max(revision);
            work.failures = 0;
        }
    }

    /// Handling failed: rest, then read again from what is done.
    pub(super) fn failed(&mut self, now: Instant) {
        if let Some(work) = &mut self.work {
            let doubled = self.pace.pause_min.saturating_mul(1 << work.failures.min(16));
            work.rest_until = now + doubled.min(self.pace.pause_max);
            work.failures = work.failures.saturating_add(1);
        }
    }

    pub(super) fn acknowledged(&mut self, revision: u64, now: Instant) {
        if let Some(work) = &mut self.work {
            work.acknowledged = work.acknowledged.max(revision);
            work.acknowledge_at = now + self.pace.acknowledge_every;
        }
    }
}

#[cfg(test)]
mod tests;
