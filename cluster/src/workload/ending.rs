//! Holds that all end in one moment of the measured time: does the load stall?

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use rowlock_client::types::EventId;
use serde::Serialize;

use super::path::{Caller, Held};

/// Holds that are made at once.
const IN_FLIGHT_MAX: usize = 256;
/// Time for making them, before the measured time begins.
pub const MAKING_MS: u64 = 4_000;
/// From the end that customers were told to the last that is retired, with room for the sweeper.
const WINDOW: Duration = Duration::from_secs(3);

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Ending {
    /// Holds that ended.
    pub ending: u64,
    /// How far apart their ends were.
    pub ending_within_ms: u64,
    /// The longest time without any answer to a hold: while they ended, and at any other time.
    pub longest_gap_ending_ms: f64,
    pub longest_gap_else_ms: f64,
}

/// When they end.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    pub count: u64,
    pub first: Instant,
    pub last: Instant,
}

/// Holds `count` pairs of `event`, each for `ttl`.
pub async fn hold(
    callers: &[Caller],
    event: EventId,
    count: u32,
    ttl: Duration,
) -> anyhow::Result<Ends> {
    let began = Instant::now();
    let held = (0..count).zip(callers.iter().cycle()).map(|(pair, caller)| async move {
        match caller.hold(event, [pair * 2, pair * 2 + 1]).await {
            Held::Yes(_) => Ok(()),
            other => Err(anyhow::anyhow!("a hold that is to end was not made: {other:?}")),
        }
    });
    let mut held = stream::iter(held).buffer_unordered(IN_FLIGHT_MAX);
    while let Some(held) = held.next().await {
        held?;
    }
    Ok(Ends { count: count.into(), first: began + ttl, last: Instant::now() + ttl })
}

impl Ends {
    /// Looks at when answers came.
    pub fn look(&self, mut answers: Vec<Instant>) -> Ending {
        answers.sort_unstable();
        let (mut ending, mut other) = (Duration::ZERO, Duration::ZERO);
        for pair in answers.windows(2) {
            let &[before, after] = pair else { continue };
            let meanwhile = after >= self.first && before <= self.last + WINDOW;
            let longest = if meanwhile { &mut ending } else { &mut other };
            *longest = (*longest).max(after - before);
        }
        let ms = |gap: Duration| (gap.as_secs_f64() * 1e5).round() / 1e2;
        let within = self.last.saturating_duration_since(self.first).as_millis();
        Ending {
            ending: self.count,
            ending_within_ms: u64::try_from(within).unwrap_or(u64::MAX),
            longest_gap_ending_ms: ms(ending),
            longest_gap_else_ms: ms(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_told_apart_by_when_they_were() {
        let began = Instant::now();
        let at = |ms: u64| began + Duration::from_millis(ms);
        let ends = Ends { count: 9, first: at(1_000), last: at(1_400) };
        // Out of order, as clients bring them.
        let found = ends.look([0, 700, 20_030, 1_100, 20_000, 1_020, 4_300].map(at).to_vec());
        assert_eq!((found.longest_gap_ending_ms, found.ending_within_ms), (15_700.0, 400));
        assert_eq!(found.longest_gap_else_ms, 700.0);
    }
}
