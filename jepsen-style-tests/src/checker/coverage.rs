//! Whether a run shows anything: a run without its faults, or without answers, proves nothing.
//!
//! Apart from safety: a run that is refused here may be right in all that it showed.

use super::Violation;
use crate::faults::FaultLog;
use crate::history::{Operation, Outcome};

const CHECK: &str = "coverage";
/// Share of operations that must be answered with done, in hundredths.
pub const DONE_PERCENT_MIN: usize = 30;
/// Share of operations whose outcome may be unknown, in hundredths.
pub const UNKNOWN_PERCENT_MAX: usize = 5;

/// Scheduled faults that never happened, and answers too few or too uncertain.
pub fn check(operations: &[Operation], faults: &FaultLog) -> Vec<Violation> {
    let mut found = Vec::new();
    for kind in faults.missing() {
        found.push(Violation::new(CHECK, format!("fault {kind} was scheduled and never happened")));
    }
    let total = operations.len();
    if total == 0 {
        found.push(Violation::new(CHECK, "no operations".to_owned()));
        return found;
    }
    let count = |outcome| operations.iter().filter(|op| op.outcome == outcome).count();
    found.extend(of_counts(total, count(Outcome::Done), count(Outcome::Unknown)));
    found
}

/// What is wrong with a run of `total` operations, if anything.
pub fn of_counts(total: usize, done: usize, unknown: usize) -> Option<Violation> {
    let what = if done * 100 < total * DONE_PERCENT_MIN {
        format!("{done} of {total} operations done, less than {DONE_PERCENT_MIN} %")
    } else if unknown * 100 > total * UNKNOWN_PERCENT_MAX {
        format!("{unknown} of {total} outcomes unknown, more than {UNKNOWN_PERCENT_MAX} %")
    } else {
        return None;
    };
    Some(Violation::new(CHECK, what))
}
