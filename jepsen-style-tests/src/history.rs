//! The history of a run: what clients asked, what they were told, and when.
//!
//! Owns: the lines of a history file, their writer and reader, and the pairing of an invocation
//! with its completion. Must not: judge whether a history is correct.
//!
//! ```text
//! {"process":3,"type":"invoke","f":"hold","key":"evt-…","value":{…},"time_ns":120}
//! {"process":3,"type":"ok","f":"hold","key":"evt-…","value":{…},"time_ns":450,"shard":1,"term":2,…}
//! ```
//!
//! Invariants:
//! - A process does one thing at a time. After an outcome that is unknown (`info`) it does nothing
//!   more: that operation stays concurrent with everything later.
//! - `fail` without a `refused` code: nothing was decided, the operation never happened.
//! - `fail` with one: the command was applied and changed nothing, which is an observation too.

pub mod edn;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Why a file is not a history.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("read or write the history")]
    Io(#[from] std::io::Error),
    #[error("line {line} is no history line")]
    Line {
        line: usize,
        #[source]
        source: serde_json::Error,
    },
    #[error("line {line}: process {process} {what}")]
    Order { line: usize, process: u64, what: &'static str },
}

/// Which end of an operation a line tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Invoke,
    Ok,
    Fail,
    Info,
}

/// What was asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Function {
    /// Seats for an owner, all or none.
    Hold,
    /// The payment fence from begin to confirm, as one operation.
    Confirm,
    Release,
    /// The state of each seat of an event, or of one booking.
    Read,
    /// A look at one booking around its deadline.
    Expire,
}

/// State of a booking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BookingState {
    Held,
    Paying,
    Confirmed,
    Released,
    Expired,
    RefundDue,
    Refunded,
    Capturing,
}

/// State of a seat.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SeatState {
    Available,
    Held,
    Sold,
    Blocked,
}

/// What a line says about state: of one booking, or of each seat that the line names.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Observed {
    Booking(BookingState),
    Seats(Vec<SeatState>),
}

/// What is known of an operation's subject and answer.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Value {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Observed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booking: Option<String>,
    /// How long a hold was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
    /// Until when the seats were promised, in the shard's log time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// Code of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The seats that a refusal names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<u32>,
    /// Place of the command in its log entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
    /// Set when the answer repeats an earlier one: where that was applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_index: Option<u64>,
    /// Set on the reads that end a run: nothing changes after them.
    #[serde(rename = "final", skip_serializing_if = "std::ops::Not::not")]
    pub last: bool,
}

/// Where in a shard's history an answer was made. A read has no term of its own (0), and its index is
/// the least that it can have seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Position {
    pub shard: u32,
    pub term: u64,
    pub index: u64,
    pub revision: u64,
    pub log_time_ms: u64,
}

/// Where the log puts an operation. The order of the fields is the order of effects: a read shows
/// its revision exactly, its index only at least, and follows the commands that made what it shows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Place {
    pub revision: u64,
    pub log_time_ms: u64,
    pub looks: bool,
    pub index: u64,
    pub offset: u32,
}

/// One line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    pub process: u64,
    #[serde(rename = "type")]
    pub kind: Kind,
    pub f: Function,
    /// The event.
    pub key: String,
    #[serde(default)]
    pub value: Value,
    pub time_ns: u64,
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Position>,
}

/// How an operation ended, as far as its caller knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Done,
    Refused,
    /// Nothing was proposed.
    Undecided,
    /// May have happened, may still happen, may never happen.
    Unknown,
}

/// An invocation with its completion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operation {
    pub process: u64,
    pub f: Function,
    pub key: String,
    pub invoke_ns: u64,
    /// `None` while the outcome is unknown.
    pub return_ns: Option<u64>,
    pub outcome: Outcome,
    pub value: Value,
    pub at: Option<Position>,
}

impl Operation {
    /// True for what changes nothing.
    pub const fn looks(&self) -> bool {
        matches!(self.f, Function::Read | Function::Expire)
    }

    /// Where the log puts the operation, if its answer said so.
    pub fn place(&self) -> Option<Place> {
        self.at.map(|at| Place {
            revision: at.revision,
            log_time_ms: at.log_time_ms,
            looks: self.looks(),
            index: at.index,
            offset: self.value.offset.unwrap_or(0),
        })
    }
}

/// Appends lines to a file.
#[derive(Debug)]
pub struct Writer {
    out: BufWriter<File>,
}

impl Writer {
    pub fn create(path: &Path) -> Result<Self, Error> {
        Ok(Self { out: BufWriter::new(File::create(path)?) })
    }

    pub fn append(&mut self, entry: &Entry) -> Result<(), Error> {
        serde_json::to_writer(&mut self.out, entry).map_err(std::io::Error::from)?;
        self.out.write_all(b"\n")?;
        Ok(())
    }

    pub fn flush(&mut self) -> Result<(), Error> {
        Ok(self.out.flush()?)
    }
}

/// The lines of a file.
pub fn read(path: &Path) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    for (index, line) in BufReader::new(File::open(path)?).lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let entry = serde_json::from_str(&line)
            .map_err(|source| Error::Line { line: index + 1, source })?;
        entries.push(entry);
    }
    Ok(entries)
}

/// A record that lies beside a history, one JSON object a line; `None` if there is none.
pub fn lines<T: DeserializeOwned>(path: &Path) -> std::io::Result<Option<Vec<T>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut lines = Vec::new();
    for line in BufReader::new(file).lines() {
        lines.push(serde_json::from_str(&line?)?);
    }
    Ok(Some(lines))
}

/// The operations of a history, in the order of their invocation. One without a completion is
/// unknown.
pub fn operations(entries: &[Entry]) -> Result<Vec<Operation>, Error> {
    let mut done: Vec<Operation> = Vec::new();
    let mut open: BTreeMap<u64, usize> = BTreeMap::new();
    let mut ended: BTreeSet<u64> = BTreeSet::new();
    for (line, entry) in (1..).zip(entries) {
        let process = entry.process;
        let wrong = |what| Error::Order { line, process, what };
        if entry.kind == Kind::Invoke {
            if ended.contains(&process) {
                return Err(wrong("goes on after an unknown outcome"));
            }
            if open.insert(process, done.len()).is_some() {
                return Err(wrong("asks twice at once"));
            }
            done.push(Operation {
                process,
                f: entry.f,
                key: entry.key.clone(),
                invoke_ns: entry.time_ns,
                return_ns: None,
                outcome: Outcome::Unknown,
                value: entry.value.clone(),
                at: None,
            });
            continue;
        }
        let Some(operation) = open.remove(&process).and_then(|index| done.get_mut(index)) else {
            return Err(wrong("completes what it never asked"));
        };
        if operation.f != entry.f || operation.key != entry.key {
            return Err(wrong("completes something else than it asked"));
        }
        if entry.time_ns < operation.invoke_ns {
            return Err(wrong("is answered before it asked"));
        }
        operation.value.complete(&entry.value);
        match entry.kind {
            Kind::Ok => operation.outcome = Outcome::Done,
            Kind::Fail if entry.value.refused.is_some() => operation.outcome = Outcome::Refused,
            Kind::Fail => operation.outcome = Outcome::Undecided,
            Kind::Info | Kind::Invoke => {
                ended.insert(process);
                continue;
            }
        }
        operation.return_ns = Some(entry.time_ns);
        operation.at = entry.at;
    }
    Ok(done)
}

impl Value {
    /// Takes over what a completion adds.
    fn complete(&mut self, answer: &Self) {
        fn set<T: Clone>(into: &mut Option<T>, from: Option<&T>) {
            if let Some(value) = from {
                *into = Some(value.clone());
            }
        }
        if !answer.seats.is_empty() {
            self.seats.clone_from(&answer.seats);
        }
        if !answer.taken.is_empty() {
            self.taken.clone_from(&answer.taken);
        }
        self.last |= answer.last;
        set(&mut self.owner, answer.owner.as_ref());
        set(&mut self.state, answer.state.as_ref());
        set(&mut self.request_id, answer.request_id.as_ref());
        set(&mut self.booking, answer.booking.as_ref());
        set(&mut self.ttl_ms, answer.ttl_ms.as_ref());
        set(&mut self.expires_ms, answer.expires_ms.as_ref());
        set(&mut self.refused, answer.refused.as_ref());
        set(&mut self.offset, answer.offset.as_ref());
        set(&mut self.first_index, answer.first_index.as_ref());
    }
}

#[cfg(test)]
mod tests;
