//! The verdict of a command, for programs and for people.
//!
//! The last line of the JSON output is the whole verdict, with the keys that scripts rely on.

pub mod page;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::checker::Violation;
use crate::run::Outcome;

/// Faults that this suite is meant to cause and can't yet: told in every verdict. Nodes are not
/// replaced or moved yet, and there is one version of them.
pub const NOT_BUILT: &[&str] =
    &["lost-disk", "membership-change", "shard-move", "rolling-upgrade", "lying-disk"];

/// One finding, and how to see it again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Failure {
    pub run: String,
    pub what: String,
    pub replay: String,
}

/// How long it all took, in the time of what was run.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(untagged)]
pub enum Length {
    Real { minutes: f64 },
    Virtual { virtual_hours: f64 },
}

impl std::fmt::Display for Length {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Real { minutes } => write!(f, "{minutes:.1} minutes"),
            Self::Virtual { virtual_hours } => write!(f, "{virtual_hours:.2} virtual hours"),
        }
    }
}

/// What a command ends with.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Verdict {
    pub ok: bool,
    pub operations: usize,
    pub faults: BTreeMap<String, u64>,
    pub not_run: Vec<String>,
    #[serde(flatten)]
    pub length: Length,
    pub failures: Vec<Failure>,
    pub histories: PathBuf,
}

impl Verdict {
    pub fn new(histories: PathBuf) -> Self {
        Self {
            ok: true,
            operations: 0,
            faults: BTreeMap::new(),
            not_run: Vec::new(),
            length: Length::Real { minutes: 0.0 },
            failures: Vec::new(),
            histories,
        }
    }

    /// Adds one run.
    pub fn add(&mut self, run: &str, replay: &str, outcome: &Outcome) {
        self.operations += outcome.operations;
        if let Length::Real { minutes } = &mut self.length {
            *minutes += outcome.length.as_secs_f64() / 60.0;
        }
        for (kind, count) in &outcome.faults {
            *self.faults.entry(kind.to_string()).or_insert(0) += count;
        }
        self.not_run.extend(outcome.not_run.keys().map(ToString::to_string));
        for violation in &outcome.violations {
            self.fail(run, replay, violation);
        }
    }

    pub fn fail(&mut self, run: &str, replay: &str, violation: &Violation) {
        self.ok = false;
        self.failures.push(Failure {
            run: run.to_owned(),
            what: violation.to_string(),
            replay: replay.to_owned(),
        });
    }

    /// Names once what no run had, and what is not there to be run.
    pub fn close(&mut self) {
        let happened = |kind: &String| self.faults.contains_key(kind);
        self.not_run.retain(|kind| !happened(kind));
        self.not_run.extend(NOT_BUILT.iter().map(|&kind| kind.to_owned()));
        self.not_run.sort();
        self.not_run.dedup();
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{}: {} operations in {}\n",
            if self.ok { "ok" } else { "FAILED" },
            self.operations,
            self.length
        );
        for (kind, count) in &self.faults {
            text.push_str(&format!("  {kind:<20} {count:>5}\n"));
        }
        text.push_str(&format!("  not run: {}\n", self.not_run.join(", ")));
        for failure in &self.failures {
            text.push_str(&format!(
                "run {}: {}\n  again: {}\n",
                failure.run, failure.what, failure.replay
            ));
        }
        text.push_str(&format!("histories: {}\n", self.histories.display()));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_has_the_keys_that_scripts_rely_on() {
        let mut verdict = Verdict::new("h".into());
        verdict.faults.insert("pause".to_owned(), 2);
        verdict.not_run = vec!["pause".to_owned(), "kill-all".to_owned()];
        let violation = Violation::new("blind", "no order".to_owned());
        verdict.fail("1", "rowlock-jepsen run --seed 1", &violation);
        verdict.close();
        let json = serde_json::to_value(&verdict).unwrap();
        let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
        let expected =
            ["ok", "operations", "faults", "not_run", "minutes", "failures", "histories"];
        assert_eq!(keys, expected);
        assert_eq!(json["ok"], false);
        assert_eq!(json["failures"][0]["what"], "blind: no order");
        assert!(!verdict.not_run.contains(&"pause".to_owned()));
        assert!(verdict.not_run.contains(&"kill-all".to_owned()));
        assert!(verdict.not_run.contains(&"shard-move".to_owned()));
    }
}
