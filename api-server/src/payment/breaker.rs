//! When a provider is not asked any more for a while. Pure: time is an argument.
//!
//! ```text
//! Closed --n silent answers in a row--> Open --its time is over--> one probe --answer--> Closed
//!                                         ^--------silence, for twice as long------'
//! ```

use std::time::Duration;

/// Silent answers in a row after which nobody is asked.
pub const SILENT_MAX: u32 = 5;
pub const OPEN_TIME_MIN: Duration = Duration::from_secs(5);
pub const OPEN_TIME_MAX: Duration = Duration::from_secs(60);
/// A probe that was not heard of for so long is taken as silent.
pub const PROBE_TIME_MAX: Duration = Duration::from_secs(15);

/// Times are since any one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed {
        silent: u32,
    },
    Open {
        until: Duration,
        /// How long it is open for.
        time: Duration,
    },
    /// One is asked; all others wait for its answer.
    Probing {
        since: Duration,
        time: Duration,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker(State);

impl Default for Breaker {
    fn default() -> Self {
        Self(State::Closed { silent: 0 })
    }
}

impl Breaker {
    /// For how long nobody is to ask; `None`: ask. Changes nothing.
    pub fn wait(&self, now: Duration) -> Option<Duration> {
        match self.0 {
            State::Closed { .. } => None,
            State::Open { until, .. } => left(until, now),
            State::Probing { since, .. } => left(since + PROBE_TIME_MAX, now),
        }
    }

    /// Whether this call may be made. Where only one may, this is the one.
    pub fn admit(&mut self, now: Duration) -> Result<(), Duration> {
        if let Some(wait) = self.wait(now) {
            return Err(wait);
        }
        match self.0 {
            State::Closed { .. } => {}
            State::Open { time, .. } | State::Probing { time, .. } => {
                self.0 = State::Probing { since: now, time };
            }
        }
        Ok(())
    }

    /// A call was answered, whatever the answer was.
    pub fn answered(&mut self) {
        self.0 = State::Closed { silent: 0 };
    }

    /// A call was not. Whether the provider is not asked from now on.
    pub fn silent(&mut self, now: Duration) -> bool {
        match self.0 {
            State::Closed { silent } if silent + 1 < SILENT_MAX => {
                self.0 = State::Closed { silent: silent + 1 };
                false
            }
            State::Closed { .. } => {
                self.0 = State::Open { until: now + OPEN_TIME_MIN, time: OPEN_TIME_MIN };
                true
            }
            State::Probing { time, .. } => {
                let time = (time * 2).min(OPEN_TIME_MAX);
                self.0 = State::Open { until: now + time, time };
                true
            }
            // One that was asked before.
            State::Open { .. } => false,
        }
    }

    pub fn is_closed(&self) -> bool {
        matches!(self.0, State::Closed { .. })
    }
}

fn left(until: Duration, now: Duration) -> Option<Duration> {
    until.checked_sub(now).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for number in 1..=SILENT_MAX {
            assert_eq!(breaker.admit(at(100)), Ok(()));
            assert_eq!(breaker.silent(at(100)), number == SILENT_MAX);
        }
        breaker
    }

    #[test]
    fn silence_in_a_row_opens_it_and_one_answer_between_does_not() {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            for _ in 1..SILENT_MAX {
                assert!(!breaker.silent(at(1)));
            }
            breaker.answered();
        }
        assert_eq!(breaker.admit(at(1)), Ok(()));
        assert_eq!(opened().wait(at(101)), Some(at(4)));
        assert_eq!(opened().admit(at(104)), Err(at(1)));
    }

    #[test]
    fn one_probe_decides() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(at(105)), Ok(()));
        assert!(breaker.admit(at(105)).is_err(), "a second probe");
        assert!(breaker.silent(at(107)));
        // Twice as long as before.
        assert_eq!(breaker.wait(at(107)), Some(at(10)));
        assert_eq!(breaker.admit(at(117)), Ok(()));
        breaker.answered();
        assert!(breaker.is_closed());
        assert_eq!(breaker.admit(at(117)), Ok(()));
        assert_eq!(breaker.admit(at(117)), Ok(()));
    }

    #[test]
    fn a_probe_that_is_never_heard_of_does_not_close_it_for_ever() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(at(105)), Ok(()));
        assert_eq!(breaker.admit(at(120)), Ok(()));
    }

    #[test]
    fn it_is_never_open_for_longer_than_its_limit() {
        let mut breaker = opened();
        let mut now = at(105);
        for _ in 0..10 {
            assert_eq!(breaker.admit(now), Ok(()));
            breaker.silent(now);
            let wait = breaker.wait(now).unwrap();
            assert!(wait <= OPEN_TIME_MAX);
            now += wait;
        }
    }
}
