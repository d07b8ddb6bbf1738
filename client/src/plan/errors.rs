//! Why a plan was refused: all of it at once, so that it is mended in one go.

use std::fmt;

/// Problems that are kept; the rest are counted.
pub(super) const PROBLEMS_MAX: usize = 100;
/// Problems that [`PlanErrors`] shows as text.
pub(super) const PROBLEMS_SHOWN_MAX: usize = 8;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `zones[2].rows[0].seats[14]`, `line 17`, or empty for the plan as a whole.
    pub place: String,
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            f.write_str(&self.what)
        } else {
            write!(f, "{}: {}", self.place, self.what)
        }
    }
}

/// Everything that is wrong with a plan. Never empty when it is returned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanErrors {
    problems: Vec<Problem>,
    total: usize,
}

impl PlanErrors {
    pub fn one(place: impl Into<String>, what: impl Into<String>) -> Self {
        let mut errors = Self::default();
        errors.push(place, what);
        errors
    }
    pub(super) fn push(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.total += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { place: place.into(), what: what.into() });
        }
    }
    /// `value` if nothing is wrong, else what is.
    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.total == 0 { Ok(value) } else { Err(self) }
    }
    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }
    /// The first problems, at most [`PROBLEMS_MAX`].
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
    /// How many there are, also those that were not kept.
    pub fn total(&self) -> usize {
        self.total
    }
}

impl fmt::Display for PlanErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().take(PROBLEMS_SHOWN_MAX).enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{problem}")?;
        }
        match self.total.saturating_sub(PROBLEMS_SHOWN_MAX) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl std::error::Error for PlanErrors {}
