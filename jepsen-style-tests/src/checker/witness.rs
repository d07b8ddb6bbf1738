//! The log as a witness: answers replayed in the order that their positions claim.
//!
//! Every answer names the shard, term and index where it was made. So the order need not be
//! searched for, only compared: with the model, and with real time. Operations of unknown outcome
//! have no position; they may stand anywhere after their invocation.
//!
//! Invariants that are checked of a shard's positions:
//! - an operation that returned before another was called has the smaller index (a read may share
//!   it: it takes effect after the entry), and no greater revision;
//! - term, revision and log time never fall as the index grows;
//! - no two commands share a place in the log.

use std::collections::BTreeMap;

use super::blind::judge;
use super::search::Order;
use super::{Violation, by_key, describe};
use crate::history::{Operation, Outcome, Position};

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

/// Walks calls and returns in time, with what had returned before each call.
fn real_time(shard: u32, placed: &mut [(&Operation, Position)]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut returns: Vec<(&Operation, Position)> = placed.to_vec();
    returns.sort_by_key(|(op, _)| op.return_ns);
    placed.sort_by_key(|(op, _)| op.invoke_ns);
    let mut returned = returns.into_iter().peekable();
    let mut by_index: Option<(&Operation, Position)> = None;
    let mut by_revision: Option<(&Operation, Position)> = None;
    for &(operation, at) in placed.iter() {
        while let Some(earlier) =
            returned.next_if(|(op, _)| op.return_ns.is_some_and(|ns| ns < operation.invoke_ns))
        {
            let place = |(op, at): (&Operation, Position)| (at.index, op.value.offset.unwrap_or(0));
            if by_index.is_none_or(|latest| place(latest) < place(earlier)) {
                by_index = Some(earlier);
            }
            if by_revision.is_none_or(|(_, latest)| latest.revision < earlier.1.revision) {
                by_revision = Some(earlier);
            }
        }
        let index_behind = by_index.filter(|(before, before_at)| {
            let same = !operation.looks()
                && !before.looks()
                && at.index == before_at.index
                && operation.value.offset <= before.value.offset;
            // What a read saw was committed, so a command that came later has a greater index.
            let after_look = before.looks() && !operation.looks() && at.index <= before_at.index;
            at.index < before_at.index || same || after_look
        });
        let behind = index_behind
            .or_else(|| by_revision.filter(|(_, before_at)| at.revision < before_at.revision));
        if let Some((before, _)) = behind.filter(|_| found.len() < TOLD_MAX) {
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

/// Along the commands' indexes nothing falls; along everybody's revisions log time does not.
fn monotone(shard: u32, placed: &[(&Operation, Position)]) -> Vec<Violation> {
    let mut commands: Vec<_> = placed.iter().filter(|(op, _)| !op.looks()).collect();
    commands.sort_by_key(|(op, at)| (at.index, op.value.offset));
    let falls = commands.windows(2).filter(|pair| match pair {
        [(_, earlier), (_, later)] => {
            later.term < earlier.term
                || later.revision < earlier.revision
                || later.log_time_ms < earlier.log_time_ms
        }
        _ => false,
    });
    let mut all: Vec<_> = placed.iter().collect();
    all.sort_by_key(|(op, _)| op.place());
    let time_falls = all.windows(2).filter(|pair| match pair {
        [(_, earlier), (_, later)] => later.log_time_ms < earlier.log_time_ms,
        _ => false,
    });
    let tell = |pair: &[&(&Operation, Position)]| {
        let ends: Vec<String> =
            pair.iter().map(|(op, at)| format!("{at:?} of {}", describe(op))).collect();
        let what =
            format!("shard {shard}: term, revision or log time falls: {}", ends.join(", then "));
        Violation::new(CHECK, what)
    };
    falls.chain(time_falls).take(TOLD_MAX).map(tell).collect()
}

fn distinct(shard: u32, placed: &[(&Operation, Position)]) -> Vec<Violation> {
    let mut places: BTreeMap<(u64, u32), &Operation> = BTreeMap::new();
    let mut found = Vec::new();
    for (operation, at) in placed.iter().filter(|(op, _)| !op.looks()) {
        let place = (at.index, operation.value.offset.unwrap_or(0));
        if let Some(other) = places.insert(place, operation)
            && found.len() < TOLD_MAX
        {
            let what = format!(
                "shard {shard}: one place in the log answers two commands: {} and {}",
                describe(other),
                describe(operation)
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
