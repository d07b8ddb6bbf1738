//! Which clocks agree: pure judgement of samples.

use std::time::Duration;

/// What another node's clock showed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sample {
    /// Its clock minus ours, in microseconds, taken at the middle of the round trip.
    pub offset_us: i64,
    /// Half the round trip: how far off the offset may be.
    pub error_us: u64,
}

impl Sample {
    /// From the moments of asking and hearing, by our clock, and what the other clock showed.
    pub fn of_round_trip(asked_us: u64, theirs_us: u64, round_trip: Duration) -> Self {
        let half = u64::try_from(round_trip.as_micros() / 2).unwrap_or(u64::MAX);
        let middle = i128::from(asked_us) + i128::from(half);
        let offset = i128::from(theirs_us) - middle;
        let offset_us =
            i64::try_from(offset).unwrap_or(if offset < 0 { i64::MIN } else { i64::MAX });
        Self { offset_us, error_us: half }
    }
}

/// What a majority says about our clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// To be added to our wall clock.
    pub offset_us: i64,
    /// How far apart the agreeing clocks are, at most.
    pub error_us: u64,
}

/// Judges our clock by the samples of the `nodes - 1` others that answered.
///
/// Clocks within `bound` of true time are within twice the bound of one another. So a majority
/// (of all nodes, ours counted in) must fit in that span; then our clock is right if it is among
/// them, and else is moved to the nearest of them. `None`: no majority agrees.
pub fn judge(samples: &[Sample], nodes: usize, bound: Duration) -> Option<Judgement> {
    let majority = nodes / 2 + 1;
    let mut clocks: Vec<(i64, u64)> = samples.iter().map(|s| (s.offset_us, s.error_us)).collect();
    clocks.push((0, 0));
    clocks.sort_unstable();
    let span_max = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX).saturating_mul(2);
    clocks
        .windows(majority.max(1))
        .filter_map(|window| {
            let (low, high) = (window.first()?.0, window.last()?.0);
            let slack = window.iter().map(|&(_, error)| error).max()?;
            let spread = high.abs_diff(low);
            let offset_us = 0_i64.clamp(low, high);
            (spread <= span_max.saturating_add(slack))
                .then_some(Judgement { offset_us, error_us: spread.saturating_add(slack) })
        })
        // Where several majorities agree, the one that moves our clock least.
        .min_by_key(|judgement| (judgement.offset_us.unsigned_abs(), judgement.error_us))
}
