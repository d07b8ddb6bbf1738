//! Judges what a run's clients were told.
//!
//! Owns: the checks of a history, one property a file. Must not: talk to a cluster, or trust what
//! one says about itself more than a check states.
//!
//! - [`blind`]: linearizability by real time alone, which a server that lies about its log can't fool.
//! - [`witness`]: the same against the log positions of the answers, and those against real time.
//! - [`expiry`]: P5, no hold ends early, none outlasts its bound while all is well.
//! - [`retry`]: P4, a request and its repetitions have one effect and one answer.
//! - [`final_state`]: what was acknowledged is there at the end, and each seat is somebody's once.
//! - [`coverage`]: whether the run was worth judging; apart, since it is no matter of safety.

pub mod blind;
pub mod coverage;
pub mod crowd;
pub mod deadline;
pub mod event_model;
pub mod expiry;
pub mod feed;
pub mod final_state;
pub mod retry;
pub mod search;
pub mod witness;

use std::collections::BTreeMap;

use crate::faults::FaultLog;
use crate::history::{Function, Operation};

/// Every check of a real run by its name, and what it holds to.
pub const CHECKS: &[(&str, &str)] = &[
    ("blind", "each event is linearizable, by real time alone"),
    ("witness", "each event is linearizable, in the order of the log positions"),
    ("retry", "a request and its repetitions have one effect and one answer"),
    ("expiry", "no hold ends early, and none outlasts its bound in calm times"),
    ("final", "what was acknowledged is there, and each seat has one owner"),
    ("crowd", "no best seat is two callers', no area too full, no ticket let in twice"),
    ("feed", "what was acknowledged is in the change feed once, and all are shown the same"),
    ("deadline", "every call ends by its deadline"),
    ("cluster", "replicas are equal, invariants hold, nodes stop only where they must"),
    ("coverage", "faults happened, and enough was answered"),
];

/// A property that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which check found it.
    pub check: &'static str,
    pub what: String,
    /// The check gave up: it found neither that all is well nor that something is wrong.
    pub undecided: bool,
}

impl Violation {
    pub(crate) fn new(check: &'static str, what: String) -> Self {
        Self { check, what, undecided: false }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.check, self.what)
    }
}

/// Every safety check, in the order from cheap to dear.
pub fn check(operations: &[Operation], faults: &FaultLog) -> Vec<Violation> {
    let mut found = check_without_search(operations, faults);
    found.extend(blind::check(operations));
    found
}

/// Every safety check but the blind one, whose search may be long where something is wrong.
pub fn check_without_search(operations: &[Operation], faults: &FaultLog) -> Vec<Violation> {
    let mut found = Vec::new();
    found.extend(retry::check(operations));
    found.extend(expiry::check(operations, faults));
    found.extend(final_state::check(operations));
    found.extend(witness::check(operations));
    found
}

/// Operations by event, each in the order of invocation.
pub(crate) fn by_key(operations: &[Operation]) -> BTreeMap<&str, Vec<&Operation>> {
    let mut keys: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in operations {
        keys.entry(&operation.key).or_default().push(operation);
    }
    keys
}

/// One line about an operation, for people.
pub(crate) fn describe(operation: &Operation) -> String {
    let value = &operation.value;
    let f = match operation.f {
        Function::Hold => "hold",
        Function::Confirm => "confirm",
        Function::Release => "release",
        Function::Read => "read",
        Function::Expire => "expire",
    };
    let mut text = format!("process {} {f} [{} ns", operation.process, operation.invoke_ns);
    match operation.return_ns {
        Some(return_ns) => text.push_str(&format!("..{return_ns} ns]")),
        None => text.push_str("..]"),
    }
    text.push_str(&format!(" {:?}", operation.outcome));
    if let Some(at) = operation.at {
        text.push_str(&format!(
            " at shard {} index {}.{}",
            at.shard,
            at.index,
            value.offset.unwrap_or(0)
        ));
    }
    if let Ok(value) = serde_json::to_string(value) {
        text.push(' ');
        text.push_str(&value);
    }
    text
}
