//! The log as a witness: answers replayed in the order that their positions claim.
//!
//! Every answer names the shard, term and index where it was made. So the order need not be
//! searched for, only compared: with the model, and with real time. Operations of unknown outcome
//! have no position; they may stand anywhere after their invocation.
//!
//! Invariants that are checked of a shard's positions:
//! - an operation that returned before another was called has the smaller index (a read may share
//!   it: it takes effect after the entry);
//! - term, revision and log time never fall as the index grows;
//! - no two commands share a place in the log.

use std::collections::BTreeMap;

use super::blind::judge;
use super::search::Order;
use super::{Violation, by_key, describe};
use crate::history::{Function, Operation, Outcome, Position};

const CHECK: &str = "witness";
/// Findings of one kind that are told in full.
const TOLD_MAX: usize = 5;

/// Whether positions agree with themselves, with real time, and with the model.
pub fn check(operations: &[Operation]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut shards: BTreeMap<u32, Vec<(&Operation, Position)>> = BTreeMap::new();
    for operation in operations {
        match (operation.outcome, operation.at) {
            (Outcome::Done | Outcome::Refused, Some(at)) => {
                shards.entry(at.shard).or_default().push((operation, at));
            }
            (Outcome::Done, None) => {
                let what = format!("an answer without a position: {}", describe(operation));
                found.push(Violation::new(CHECK, what));
            }
            (Outcome::Refused | Outcome::Undecided | Outcome::Unknown, _) => {}
        }
    }
    for (shard, placed) in &mut shards {
        found.extend(real_time(*shard, placed));
        found.extend(monotone(*shard, placed));
        found.extend(distinct(*shard, placed));
    }
    for (key, operations) in by_key(operations) {
        // Where refusals carry no position, there is nothing to replay them at.
        let placed: Vec<&Operation> = operations
            .into_iter()
            .filter(|op| op.outcome == Outcome::Unknown || op.at.is_some())
            .collect();
        found.extend(one_shard(key, &placed));
        found.extend(judge(CHECK, key, &placed, Order::Log));
    }
    found
}

fn looks(operation: &Operation) -> bool {
    matches!(operation.f, Function::Read | Function::Expire)
}

fn order(operation: &Operation, at: Position) -> (u64, bool, u32) {
    (at.index, looks(operation), operation.value.offset.unwrap_or(0))
}

/// Walks calls and returns in time, with the greatest index that had returned before each call.
fn real_time(shard: u32, placed: &mut [(&Operation, Position)]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut returns: Vec<(&Operation, Position)> = placed.to_vec();
    returns.sort_by_key(|(op, _)| op.return_ns);
    placed.sort_by_key(|(op, _)| op.invoke_ns);
    let mut returned = returns.into_iter().peekable();
    let mut latest: Option<(&Operation, Position)> = None;
    for &(operation, at) in placed.iter() {
        while let Some(earlier) =
            returned.next_if(|(op, _)| op.return_ns.is_some_and(|ns| ns < operation.invoke_ns))
        {
            let key = |pair: (&Operation, Position)| order(pair.0, pair.1);
            if latest.is_none_or(|latest| key(latest) < key(earlier)) {
                latest = Some(earlier);
            }
        }
        let Some((before, before_at)) = latest else { continue };
        let (index, before_index) = (at.index, before_at.index);
        let behind = if looks(operation) || looks(before) {
            // Looks at one state share its index; a command after a look comes after that state.
            index < before_index || (index == before_index && !looks(operation))
        } else {
            order(operation, at) <= order(before, before_at)
        };
        if behind && found.len() < TOLD_MAX {
            found.push(Violation::new(
                CHECK,
                format!(
                    "shard {shard}: out of real-time order: {} returned before {} was called",
                    describe(before),
                    describe(operation)
                ),
            ));
        }
    }
    found
}

fn monotone(shard: u32, placed: &mut [(&Operation, Position)]) -> Vec<Violation> {
    placed.sort_by_key(|&(op, at)| order(op, at));
    let mut found = Vec::new();
    for pair in placed.windows(2) {
        let [(before, earlier), (after, later)] = pair else { continue };
        let falls = later.term < earlier.term
            || later.revision < earlier.revision
            || later.log_time_ms < earlier.log_time_ms;
        if falls && found.len() < TOLD_MAX {
            found.push(Violation::new(
                CHECK,
                format!(
                    "shard {shard}: term, revision or log time falls from {earlier:?} to {later:?}: {} then {}",
                    describe(before),
                    describe(after)
                ),
            ));
        }
    }
    found
}

/// `placed` is in log order.
fn distinct(shard: u32, placed: &[(&Operation, Position)]) -> Vec<Violation> {
    let commands: Vec<_> = placed.iter().filter(|(op, _)| !looks(op)).collect();
    let mut found = Vec::new();
    for pair in commands.windows(2) {
        let &[&(one, at), &(other, other_at)] = pair else { continue };
        if order(one, at) == order(other, other_at) && found.len() < TOLD_MAX {
            let what = format!(
                "shard {shard}: one place in the log answers two commands: {} and {}",
                describe(one),
                describe(other)
            );
            found.push(Violation::new(CHECK, what));
        }
    }
    found
}

fn one_shard(key: &str, operations: &[&Operation]) -> Option<Violation> {
    let mut shards = operations.iter().filter_map(|op| op.at).map(|at| at.shard);
    let first = shards.next()?;
    let other = shards.find(|&shard| shard != first)?;
    let what = format!("event {key} was served by shards {first} and {other}");
    Some(Violation::new(CHECK, what))
}
