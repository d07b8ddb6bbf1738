//! Linearizability from outside: real time and answers, nothing that the servers say of their log.
//!
//! Events are independent of one another, so each is searched alone; within an event holds of
//! several seats are atomic, so seats are not.

use super::event_model::EventModel;
use super::search::{Order, Verdict, search};
use super::{Violation, by_key, describe};
use crate::history::Operation;

const CHECK: &str = "blind";
/// States visited for one event before the search gives up.
pub const STATES_MAX: usize = 3_000_000;
/// Operations named in a finding.
const NAMED_MAX: usize = 6;

/// Every event whose answers no order explains.
pub fn check(operations: &[Operation]) -> Vec<Violation> {
    by_key(operations)
        .into_iter()
        .filter_map(|(key, operations)| judge(CHECK, key, &operations, Order::RealTime))
        .collect()
}

/// The finding about one event, if there is one.
pub(crate) fn judge(
    check: &'static str,
    key: &str,
    operations: &[&Operation],
    order: Order,
) -> Option<Violation> {
    let (model, kept) = EventModel::new(operations);
    let what = match search(&model, order, STATES_MAX) {
        Verdict::Explained => return None,
        Verdict::Undecided => {
            let what =
                format!("event {key}: not decided within {STATES_MAX} states; use shorter events");
            return Some(Violation { undecided: true, ..Violation::new(check, what) });
        }
        Verdict::Impossible { placed, stuck } => {
            let named: Vec<String> =
                stuck.iter().take(NAMED_MAX).map(|&op| describe(operations[kept[op]])).collect();
            format!(
                "event {key}: no order explains the answers; {placed} of {} operations fit, then none of: {}",
                kept.len(),
                named.join("; ")
            )
        }
    };
    Some(Violation::new(check, what))
}
