//! P4: a request and its repetitions have the effect of one, and one answer.

use std::collections::BTreeMap;

use super::{Violation, by_key, describe};
use crate::history::{Function, Operation, Outcome};

const CHECK: &str = "retry";

/// Keys with two answers, requests with two bookings, bookings of two requests.
pub fn check(operations: &[Operation]) -> Vec<Violation> {
    let mut found = Vec::new();
    for (_, operations) in by_key(operations) {
        let answered = || {
            operations
                .iter()
                .copied()
                .filter(|op| matches!(op.outcome, Outcome::Done | Outcome::Refused))
        };
        let mut requests: BTreeMap<(Function, &str), &Operation> = BTreeMap::new();
        for operation in answered() {
            let Some(request) = operation.value.request_id.as_deref() else { continue };
            let first = *requests.entry((operation.f, request)).or_insert(operation);
            if !agree(first, operation) {
                found.push(told("one key has two answers", first, operation));
            }
            if !same_origin(first, operation) {
                found.push(told("one key was applied first at two places", first, operation));
            }
        }
        let mut owners: BTreeMap<&str, &Operation> = BTreeMap::new();
        for operation in answered().filter(|op| op.outcome == Outcome::Done) {
            let Some(booking) = operation.value.booking.as_deref() else { continue };
            let first = *owners.entry(booking).or_insert(operation);
            if operation.f != Function::Hold || first.f != Function::Hold {
                continue;
            }
            if first.value.request_id != operation.value.request_id {
                found.push(told("one booking answers two requests", first, operation));
            }
        }
        found.extend(second_effects(&operations));
    }
    found
}

/// A hold's owner is made for its request, so two bookings of an owner are two effects of it.
fn second_effects(operations: &[&Operation]) -> Vec<Violation> {
    let mut requests: BTreeMap<&str, &str> = BTreeMap::new();
    let mut shared = Vec::new();
    for operation in operations.iter().filter(|op| op.f == Function::Hold) {
        let value = &operation.value;
        if let (Some(owner), Some(request)) = (&value.owner, &value.request_id)
            && *requests.entry(owner).or_insert(request) != request.as_str()
        {
            shared.push(owner.as_str());
        }
    }
    let mut bookings: BTreeMap<&str, &Operation> = BTreeMap::new();
    let mut found = Vec::new();
    for &operation in operations.iter().filter(|op| op.outcome == Outcome::Done) {
        let value = &operation.value;
        let (Some(owner), Some(booking)) = (&value.owner, &value.booking) else { continue };
        if shared.contains(&owner.as_str()) {
            continue;
        }
        let first = *bookings.entry(owner).or_insert(operation);
        if first.value.booking.as_ref() != Some(booking) {
            found.push(told("one request has two bookings", first, operation));
        }
    }
    found
}

/// Where a hold was applied first, by its own position or by that which its repetition names.
fn same_origin(first: &Operation, again: &Operation) -> bool {
    let origin = |op: &Operation| op.value.first_index.or(op.at.map(|at| at.index));
    let names = again.value.first_index.or(first.value.first_index).is_some();
    first.f != Function::Hold || !names || origin(first) == origin(again)
}

fn agree(first: &Operation, again: &Operation) -> bool {
    first.outcome == again.outcome
        && first.value.booking == again.value.booking
        && first.value.seats == again.value.seats
        && first.value.refused == again.value.refused
        && first.value.taken == again.value.taken
}

fn told(what: &str, first: &Operation, again: &Operation) -> Violation {
    Violation::new(CHECK, format!("{what}: {} and {}", describe(first), describe(again)))
}
