//! No call outlives its deadline: whoever asked is told something by then, if only that nothing is
//! known.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Violation;
use crate::history::{Entry, Function, Kind};

const CHECK: &str = "deadline";
/// Every call of a client ends by then.
pub const CALL_TIMEOUT: Duration = Duration::from_millis(2_500);
/// Beginning a payment, attaching an intent, confirming it.
const CALLS_OF_A_CONFIRM: u32 = 3;
/// A machine that is busy wakes a caller late.
const WAKING: Duration = Duration::from_secs(1);

fn budget_ns(f: Function) -> u64 {
    let calls = match f {
        Function::Confirm => CALLS_OF_A_CONFIRM,
        Function::Hold | Function::Release | Function::Read | Function::Expire => 1,
    };
    u64::try_from((CALL_TIMEOUT * calls + WAKING).as_nanos()).unwrap_or(u64::MAX)
}

/// Calls that took longer than they may. The reads that end a run have all the time they need.
pub fn check(entries: &[Entry]) -> Vec<Violation> {
    let patient: BTreeSet<u64> =
        entries.iter().filter(|entry| entry.value.last).map(|entry| entry.process).collect();
    let mut open: BTreeMap<u64, u64> = BTreeMap::new();
    let mut found = Vec::new();
    for entry in entries.iter().filter(|entry| !patient.contains(&entry.process)) {
        if entry.kind == Kind::Invoke {
            open.insert(entry.process, entry.time_ns);
            continue;
        }
        let Some(start_ns) = open.remove(&entry.process) else { continue };
        let took_ns = entry.time_ns.saturating_sub(start_ns);
        if took_ns > budget_ns(entry.f) {
            let (process, f) = (entry.process, entry.f);
            let what = format!("process {process} {f:?} at {start_ns} ns took {took_ns} ns");
            found.push(Violation::new(CHECK, what));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Value;

    #[test]
    fn an_answer_that_comes_too_late_is_found_whatever_it_says() {
        let line = |process, kind, f, time_ns, last| Entry {
            process,
            kind,
            f,
            key: "evt".to_owned(),
            value: Value { last, ..Value::default() },
            time_ns,
            at: None,
        };
        const LATE_NS: u64 = 4_000_000_000;
        let (hold, confirm, read) = (Function::Hold, Function::Confirm, Function::Read);
        let entries = [
            line(1, Kind::Invoke, hold, 0, false),
            line(2, Kind::Invoke, confirm, 0, false),
            line(3, Kind::Invoke, read, 0, false),
            line(1, Kind::Info, hold, LATE_NS, false),
            line(2, Kind::Ok, confirm, LATE_NS, false),
            line(3, Kind::Ok, read, LATE_NS, true),
        ];
        let found = check(&entries);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].what.contains("process 1 Hold"));
    }
}
