//! The change feed against what clients were told: what was acknowledged is in it, once, where its
//! answer said; what was refused is not; and all who follow it are shown the same.
//!
//! Trusts revisions and request keys, and nothing that the client crate has put right.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rowlock_proto::RequestKey;
use serde::{Deserialize, Serialize};

use super::{Violation, describe};
use crate::history::{self, Function, Operation, Outcome};

const CHECK: &str = "feed";
/// One broken replica would fill pages otherwise.
const FINDINGS_MAX: usize = 50;
/// The step of a confirmation that sells, in its key.
pub const CONFIRM_STEP: u128 = 8;
/// The same of a release.
pub const RELEASE_STEP: u128 = 1;

/// One change as one follower was shown it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Line {
    pub watcher: u64,
    /// Each time that a watcher asks anew is a session.
    pub session: u64,
    pub shard: u32,
    /// What the session began behind.
    pub after: u64,
    pub revision: u64,
    /// Of the log entry that it came by.
    pub index: u64,
    /// Holds that were over, put away by whichever command met them.
    #[serde(default)]
    pub expired: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<String>,
    /// The beginning of the change's SHA-256.
    pub digest: String,
}

/// Where the record of a history's followers lies: beside it.
pub fn path_of(history: &Path) -> PathBuf {
    history.with_extension("feed.jsonl")
}

/// The record at `path`; `None` if nobody followed.
pub fn read(path: &Path) -> std::io::Result<Option<Vec<Line>>> {
    history::lines(path)
}

/// The key of the command that an operation's effect came by, as the feed names it.
fn key_of(operation: &Operation) -> Option<String> {
    let request = operation.value.request_id.as_deref()?;
    let step = match operation.f {
        Function::Hold => 0,
        Function::Release => RELEASE_STEP,
        Function::Confirm => CONFIRM_STEP,
        Function::Read | Function::Expire => return None,
    };
    let base = request.strip_suffix("-release").or_else(|| request.strip_suffix("-confirm"));
    let key: RequestKey = base.unwrap_or(request).parse().ok()?;
    Some(RequestKey(key.0 ^ step).to_string())
}

/// What is wrong with the feed. Of shards that nobody followed to `ends`, their last revisions, that
/// is said instead.
pub fn check(
    lines: &[Line],
    operations: &[Operation],
    ends: &BTreeMap<u32, u64>,
) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut tell = |what: String| {
        if found.len() < FINDINGS_MAX {
            found.push(Violation::new(CHECK, what));
        }
    };
    let mut seen: BTreeMap<(u32, u64), &Line> = BTreeMap::new();
    let mut last: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    for line in lines {
        let session = (line.watcher, line.session);
        let before = last.insert(session, line.revision).unwrap_or(line.after);
        if line.revision != before + 1 {
            tell(format!("after revision {before} came {line:?}"));
        }
        let first = seen.entry((line.shard, line.revision)).or_insert(line);
        if (&first.digest, &first.key) != (&line.digest, &line.key) {
            tell(format!("two changes of one revision: {first:?} and {line:?}"));
        }
    }
    let mut followed: BTreeMap<u32, u64> = BTreeMap::new();
    for &(shard, revision) in seen.keys() {
        followed.insert(shard, revision);
    }
    let mut by_key: BTreeMap<&str, Vec<(u32, u64)>> = BTreeMap::new();
    // What a shard does by itself has no key, or an empty one.
    let nobody = RequestKey(0).to_string();
    for (&place, line) in &seen {
        if let Some(key) = line.key.as_ref().filter(|key| !line.expired && **key != nobody) {
            by_key.entry(key).or_default().push(place);
        }
    }
    for (key, places) in &by_key {
        // One command may show as some changes.
        let entries: BTreeSet<(u32, u64)> = places
            .iter()
            .filter_map(|place| seen.get(place).map(|line| (line.shard, line.index)))
            .collect();
        if entries.len() > 1 {
            tell(format!(
                "request {key} changed something by {} entries: {entries:?}",
                entries.len()
            ));
        }
    }
    for (shard, end) in ends {
        let to = followed.get(shard).copied().unwrap_or(0);
        if to < *end {
            tell(format!("shard {shard} stands at revision {end}, and was followed to {to}"));
        }
    }
    compare(operations, &by_key, &mut tell);
    found
}

fn compare(
    operations: &[Operation],
    by_key: &BTreeMap<&str, Vec<(u32, u64)>>,
    tell: &mut impl FnMut(String),
) {
    // Keys of which some call may have had an effect.
    let mut possible: BTreeSet<String> = BTreeSet::new();
    for operation in operations {
        let Some(key) = key_of(operation) else { continue };
        if matches!(operation.outcome, Outcome::Done | Outcome::Unknown) {
            possible.insert(key);
        }
    }
    for operation in operations {
        let Some(key) = key_of(operation) else { continue };
        let places = by_key.get(key.as_str()).map_or(&[][..], Vec::as_slice);
        match operation.outcome {
            Outcome::Done => {
                // A repetition is told where it stands now, not where it was first.
                let (Some(at), None) = (operation.at, operation.value.first_index) else {
                    continue;
                };
                // Of holds the answer says whether it repeats one that was lost on its way. What else
                // is sent again is answered where it stands then.
                let there = |&(shard, revision): &(u32, u64)| {
                    let exact = operation.f == Function::Hold;
                    shard == at.shard
                        && if exact { revision == at.revision } else { revision <= at.revision }
                };
                if !places.iter().any(there) {
                    tell(format!("not in the feed, which has {places:?}: {}", describe(operation)));
                }
            }
            Outcome::Refused | Outcome::Undecided => {
                if !possible.contains(&key) && !places.is_empty() {
                    tell(format!(
                        "refused, and in the feed at {places:?}: {}",
                        describe(operation)
                    ));
                }
            }
            Outcome::Unknown => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Position, Value};

    fn key(number: u128) -> String {
        RequestKey(number).to_string()
    }

    fn line(watcher: u64, revision: u64, number: u128) -> Line {
        let (session, shard, after) = (watcher, 0, 0);
        let digest = format!("{number:016x}");
        let (index, key) = (revision, Some(key(number)));
        let expired = false;
        Line { watcher, session, shard, after, revision, index, expired, key, digest }
    }

    fn hold(number: u128, outcome: Outcome, revision: u64) -> Operation {
        let (term, log_time_ms) = (1, 1);
        let at = Position { shard: 0, term, index: revision, revision, log_time_ms };
        Operation {
            process: 1,
            f: Function::Hold,
            key: "evt".to_owned(),
            invoke_ns: 0,
            return_ns: Some(1),
            outcome,
            value: Value { request_id: Some(key(number)), ..Value::default() },
            at: (outcome == Outcome::Done).then_some(at),
        }
    }

    fn wrong(lines: &[Line], operations: &[Operation]) -> Vec<String> {
        let ends = BTreeMap::from([(0, 3)]);
        check(lines, operations, &ends).into_iter().map(|found| found.what).collect()
    }

    fn good() -> (Vec<Line>, Vec<Operation>) {
        let lines =
            vec![line(1, 1, 70), line(1, 2, 80), line(2, 1, 70), line(2, 2, 80), line(1, 3, 90)];
        let done = [hold(70, Outcome::Done, 1), hold(80, Outcome::Done, 2)];
        let others = [hold(90, Outcome::Unknown, 0), hold(60, Outcome::Refused, 0)];
        (lines, done.into_iter().chain(others).collect())
    }

    #[track_caller]
    fn refused(lines: &[Line], operations: &[Operation], what: &str) {
        let found = wrong(lines, operations);
        assert!(found.iter().any(|found| found.contains(what)), "{found:?}");
    }

    #[test]
    fn a_right_feed_passes() {
        let (lines, operations) = good();
        assert_eq!(wrong(&lines, &operations), Vec::<String>::new());
    }

    #[test]
    fn wrong_feeds_are_refused() {
        let (lines, operations) = good();
        let mut gap = lines.clone();
        gap.retain(|line| line.revision != 2);
        refused(&gap, &operations, "after revision 1 came");
        refused(&gap, &operations, "not in the feed");
        let mut twice = lines.clone();
        twice.insert(1, line(1, 1, 70));
        refused(&twice, &operations, "after revision 1 came");
        let mut turned = lines.clone();
        turned.swap(0, 1);
        refused(&turned, &operations, "after revision 0 came");
        let mut differs = lines.clone();
        differs[3].digest = "else".to_owned();
        refused(&differs, &operations, "two changes of one revision");
        let mut again = lines.clone();
        again.push(line(1, 4, 80));
        let mut at_once = again.clone();
        at_once[5].index = 2;
        assert_eq!(wrong(&at_once, &operations), Vec::<String>::new());
        refused(&again, &operations, "changed something by 2 entries");
        refused(&lines[..4], &operations, "was followed to 2");
        let mut elsewhere = operations.clone();
        elsewhere[1] = hold(80, Outcome::Done, 1);
        refused(&lines, &elsewhere, "not in the feed");
        elsewhere[1] = Operation { f: Function::Release, ..hold(81, Outcome::Done, 1) };
        refused(&lines, &elsewhere, "not in the feed");
        elsewhere[1] = Operation { f: Function::Release, ..hold(81, Outcome::Done, 3) };
        assert_eq!(wrong(&lines, &elsewhere), Vec::<String>::new());
        let mut said_no = operations;
        said_no[1] = hold(80, Outcome::Refused, 0);
        refused(&lines, &said_no, "refused, and in the feed");
        said_no[1] = hold(80, Outcome::Undecided, 0);
        refused(&lines, &said_no, "refused, and in the feed");
        let mut swept = lines;
        swept[1].expired = true;
        swept[3].expired = true;
        assert_eq!(wrong(&swept, &said_no), Vec::<String>::new());
    }
}
