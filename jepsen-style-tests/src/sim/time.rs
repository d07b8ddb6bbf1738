//! The clocks of a simulated machine: as wrong as a fault makes them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rowlock_node::clock::Time;

/// True time at the beginning of every simulation: the first second of 2030.
pub const EPOCH_US: u64 = 1_893_456_000_000_000;
const RIGHT_PPM: u64 = 1_000_000;

#[derive(Debug)]
struct State {
    /// The virtual time up to which `passed` counts.
    at: tokio::time::Instant,
    /// What this machine's clock counted so far.
    passed_us: u64,
    /// How fast it runs, in millionths of true time.
    rate_ppm: u64,
    /// How far the wall clock was set wrong, or right again.
    set_us: i64,
}

/// One oscillator that drives two clocks: one that only goes on, and one that can be set.
#[derive(Debug)]
pub struct SkewedTime {
    base: Instant,
    start: tokio::time::Instant,
    state: Mutex<State>,
}

impl SkewedTime {
    /// `off_us`: how wrong the wall clock is set.
    pub fn new(start: tokio::time::Instant, off_us: i64) -> Self {
        let state = State { at: start, passed_us: 0, rate_ppm: RIGHT_PPM, set_us: off_us };
        Self { base: start.into_std(), start, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn passed_us(state: &State) -> u64 {
        let since = micros(tokio::time::Instant::now().saturating_duration_since(state.at));
        state.passed_us + since * state.rate_ppm / RIGHT_PPM
    }

    /// The wall clock jumps.
    pub fn jump(&self, by_us: i64) {
        self.state().set_us += by_us;
    }

    /// The oscillator runs at `ppm` millionths of its speed from now on.
    pub fn run_at(&self, ppm: u64) {
        let mut state = self.state();
        state.passed_us = Self::passed_us(&state);
        state.at = tokio::time::Instant::now();
        state.rate_ppm = ppm;
    }

    /// The oscillator is right again, and the wall clock wrong by `off_us`.
    pub fn repair(&self, off_us: i64) {
        self.run_at(RIGHT_PPM);
        let mut state = self.state();
        let truth = i64::try_from(micros(self.start.elapsed())).unwrap_or(i64::MAX);
        state.set_us = truth - i64::try_from(state.passed_us).unwrap_or(i64::MAX) + off_us;
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Time for SkewedTime {
    fn now(&self) -> Instant {
        self.base + Duration::from_micros(Self::passed_us(&self.state()))
    }

    fn wall_us(&self) -> u64 {
        let state = self.state();
        (EPOCH_US + Self::passed_us(&state)).saturating_add_signed(state.set_us)
    }
}
