//! Writes the history while clients run.
//!
//! Invariants:
//! - An invocation is on record before it is sent, and an answer after it came.
//! - Times in the file never fall: they are taken under the lock that orders the lines.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::history::{Entry, Error, Function, Kind, Position, Value, Writer};

/// The time of a run: virtual where the runtime's is.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    pub fn now_ns(self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub fn elapsed(self) -> Duration {
        self.start.elapsed()
    }

    pub fn at(self, since: Duration) -> Instant {
        self.start + since
    }
}

#[derive(Debug)]
enum Out {
    File(Writer),
    Memory(Vec<Entry>),
}

/// One history that is being written.
#[derive(Debug)]
pub struct Recorder {
    clock: Clock,
    out: Mutex<(Out, Option<Error>)>,
}

impl Recorder {
    pub fn create(path: &Path, clock: Clock) -> Result<Self, Error> {
        Ok(Self { clock, out: Mutex::new((Out::File(Writer::create(path)?), None)) })
    }

    /// Keeps the history in memory.
    pub fn in_memory(clock: Clock) -> Self {
        Self { clock, out: Mutex::new((Out::Memory(Vec::new()), None)) }
    }

    pub fn clock(&self) -> Clock {
        self.clock
    }

    pub fn record(
        &self,
        process: u64,
        kind: Kind,
        f: Function,
        key: &str,
        value: Value,
        at: Option<Position>,
    ) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let time_ns = self.clock.now_ns();
        let entry = Entry { process, kind, f, key: key.to_owned(), value, time_ns, at };
        let written = match &mut out.0 {
            Out::File(writer) => writer.append(&entry),
            Out::Memory(entries) => {
                entries.push(entry);
                Ok(())
            }
        };
        if let Err(error) = written {
            out.1.get_or_insert(error);
        }
    }

    /// Flushes, and says whether any line failed to be written.
    pub fn finish(self) -> Result<(), Error> {
        match self.out.into_inner().unwrap_or_else(PoisonError::into_inner) {
            (_, Some(error)) => Err(error),
            (Out::File(mut writer), None) => writer.flush(),
            (Out::Memory(_), None) => Ok(()),
        }
    }

    /// What was kept in memory so far.
    pub fn entries(&self) -> Vec<Entry> {
        match &self.out.lock().unwrap_or_else(PoisonError::into_inner).0 {
            Out::File(_) => Vec::new(),
            Out::Memory(entries) => entries.clone(),
        }
    }
}
