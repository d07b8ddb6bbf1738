//! A run as a page: when what was asked, answered and broken, and what the checks say.
//!
//! Owns: the data of the page, and putting it into the template. Must not: judge.
//!
//! Invariant: the page is one file and asks nobody for anything.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::NOT_BUILT;
use crate::checker::{CHECKS, Violation};
use crate::faults::{Fault, Kind};
use crate::history::{Entry, Kind as Line};

const TEMPLATE: &str = include_str!("page.html");
const DATA: &str = "/*DATA*/";
const NANOS_PER_TICK: u64 = 100_000;
const NANOS_PER_SECOND: f64 = 1e9;

/// What a page shows beside its history.
#[derive(Debug)]
pub struct About<'a> {
    pub text: &'a str,
    pub replay: &'a str,
    pub length: Duration,
    pub faults: &'a [Fault],
    pub not_run: &'a BTreeMap<Kind, String>,
    pub violations: &'a [Violation],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    about: &'a str,
    replay: &'a str,
    seconds: f64,
    /// Start after the one before and duration, in tenths of a millisecond; outcome.
    operations: Vec<(u64, u64, u8)>,
    faults: Vec<Shown<'a>>,
    failures: Vec<String>,
    /// Name, findings, what it checks.
    checks: Vec<(&'a str, usize, &'a str)>,
    not_run: Vec<(&'a str, &'a str)>,
}

#[derive(Serialize)]
struct Shown<'a> {
    kind: &'static str,
    target: &'a str,
    start: f64,
    end: f64,
}

#[expect(clippy::cast_precision_loss, reason = "a page shows seconds to three digits")]
fn seconds(ns: u64) -> f64 {
    ns as f64 / NANOS_PER_SECOND
}

/// Start, end and outcome of each operation, by start. The reads that end a run are not shown.
fn operations(entries: &[Entry], until_ns: u64) -> Vec<(u64, u64, u8)> {
    let mut open: BTreeMap<u64, u64> = BTreeMap::new();
    let mut found = Vec::new();
    for entry in entries {
        let outcome = match entry.kind {
            Line::Invoke => {
                open.insert(entry.process, entry.time_ns);
                continue;
            }
            Line::Ok => 0,
            Line::Fail if entry.value.refused.is_some() => 1,
            Line::Fail => 2,
            Line::Info => 3,
        };
        let start_ns = open.remove(&entry.process);
        if let Some(start_ns) = start_ns.filter(|&start_ns| start_ns < until_ns) {
            let start = start_ns / NANOS_PER_TICK;
            found.push((start, (entry.time_ns / NANOS_PER_TICK) - start, outcome));
        }
    }
    found.sort_unstable();
    let mut last = 0;
    for (start, _, _) in &mut found {
        let later = *start - last;
        last = *start;
        *start = later;
    }
    found
}

/// The page of a history.
pub fn page(entries: &[Entry], about: &About<'_>) -> serde_json::Result<String> {
    let until_ns = u64::try_from(about.length.as_nanos()).unwrap_or(u64::MAX);
    let count = |name: &str| about.violations.iter().filter(|found| found.check == name).count();
    let never = "not built yet";
    let data = Data {
        about: about.text,
        replay: about.replay,
        seconds: about.length.as_secs_f64(),
        operations: operations(entries, until_ns),
        faults: about
            .faults
            .iter()
            .map(|fault| Shown {
                kind: fault.kind.as_str(),
                target: &fault.target,
                start: seconds(fault.start_ns),
                end: seconds(fault.end_ns),
            })
            .collect(),
        failures: about.violations.iter().map(ToString::to_string).collect(),
        checks: CHECKS.iter().map(|&(name, what)| (name, count(name), what)).collect(),
        not_run: about
            .not_run
            .iter()
            .map(|(kind, why)| (kind.as_str(), why.as_str()))
            .chain(NOT_BUILT.iter().map(|&kind| (kind, never)))
            .collect(),
    };
    // Text of a node's log may hold what would end the script.
    let data = serde_json::to_string(&data)?.replace('<', "\\u003c");
    Ok(TEMPLATE.replacen(DATA, &data, 1))
}

/// Writes the page of a history beside it.
pub fn write(path: &Path, entries: &[Entry], about: &About<'_>) -> std::io::Result<()> {
    std::fs::write(path, page(entries, about)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Function, Value};

    #[test]
    fn a_page_needs_nobody_and_holds_what_happened() {
        let line = |process, kind, time_ns| Entry {
            process,
            kind,
            f: Function::Hold,
            key: "evt".to_owned(),
            value: Value::default(),
            time_ns,
            at: None,
        };
        let entries = [
            line(1, Line::Invoke, 1_000_000),
            line(2, Line::Invoke, 1_500_000),
            line(1, Line::Info, 4_000_000),
            line(2, Line::Ok, 2_000_000),
            line(3, Line::Invoke, 9_000_000_000),
            line(3, Line::Ok, 9_000_000_100),
        ];
        let length = Duration::from_secs(2);
        assert_eq!(operations(&entries, 2_000_000_000), [(10, 30, 3), (5, 5, 0)]);
        let violations = [Violation::new("cluster", "said </script>".to_owned())];
        let about = About {
            text: "Seed 1.",
            replay: "rowlock-jepsen run --seed 1",
            length,
            faults: &[],
            not_run: &BTreeMap::from([(Kind::PowerCut, "no root".to_owned())]),
            violations: &violations,
        };
        let page = page(&entries, &about).unwrap();
        assert!(
            page.contains("said \\u003c/script>") && page.contains("[\"power-cut\",\"no root\"]")
        );
        assert!(!page.contains(DATA));
        for outside in ["http:", "https:", "src=", "href=", "url(", "@import"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
