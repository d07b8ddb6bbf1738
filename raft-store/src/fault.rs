//! What this node can't survive: a write, a sync or a read that failed.
//!
//! After a failed sync the kernel may have dropped the dirty pages and call the next one a success,
//! and RocksDB may or may not have kept the record. So the first fault is final: it is kept, every
//! later write fails with it, and whoever runs the process must stop it without another answer.

use std::sync::Arc;

use tokio::sync::watch;

use crate::engine::{Batch, Engine, Error, View};
use crate::keys::{KeyRange, Space};

/// Why this node must stop. Clones share the cause.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}")]
pub struct Fault {
    /// What was being done.
    pub what: &'static str,
    #[source]
    cause: Arc<dyn std::error::Error + Send + Sync>,
}

impl From<Fault> for std::io::Error {
    fn from(fault: Fault) -> Self {
        Self::other(fault)
    }
}

/// The engine, and the first thing that went wrong with it. Clones share both.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    engine: Arc<dyn Engine>,
    first: watch::Sender<Option<Fault>>,
}

impl Disk {
    pub(crate) fn new(engine: Arc<dyn Engine>) -> Self {
        Self { engine, first: watch::Sender::new(None) }
    }

    /// Turns true, so to speak, once: with the fault that stops this node.
    pub(crate) fn faults(&self) -> watch::Receiver<Option<Fault>> {
        self.first.subscribe()
    }

    pub(crate) fn check(&self) -> Result<(), Fault> {
        match &*self.first.borrow() {
            Some(fault) => Err(fault.clone()),
            None => Ok(()),
        }
    }

    /// Keeps the fault unless there is an earlier one; returns the one that was kept.
    pub(crate) fn raise(
        &self,
        what: &'static str,
        cause: impl std::error::Error + Send + Sync + 'static,
    ) -> Fault {
        let fault = Fault { what, cause: Arc::new(cause) };
        let mut kept = fault.clone();
        self.first.send_if_modified(|first| match first {
            Some(earlier) => {
                kept = earlier.clone();
                false
            }
            None => {
                tracing::error!(what, error = %fault.cause, "storage fault: this node must stop");
                *first = Some(fault.clone());
                true
            }
        });
        kept
    }

    fn or_raise<T>(&self, what: &'static str, result: Result<T, Error>) -> Result<T, Fault> {
        result.map_err(|error| self.raise(what, error))
    }

    pub(crate) fn write(&self, what: &'static str, batch: &Batch) -> Result<(), Fault> {
        self.check()?;
        self.or_raise(what, self.engine.write(batch))
    }

    pub(crate) fn sync(&self) -> Result<(), Fault> {
        self.check()?;
        self.or_raise("sync the write-ahead log", self.engine.sync())
    }

    pub(crate) fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        self.or_raise("read a row", self.engine.get(space, key))
    }

    pub(crate) fn scan(
        &self,
        space: Space,
        range: &KeyRange,
        visit: &mut crate::engine::Visit<'_>,
    ) -> Result<(), Fault> {
        self.or_raise("read rows", self.engine.scan(space, range, visit))
    }

    pub(crate) fn is_empty(&self, space: Space, range: &KeyRange) -> Result<bool, Fault> {
        let mut empty = true;
        self.scan(space, range, &mut |_, _| {
            empty = false;
            std::ops::ControlFlow::Break(())
        })?;
        Ok(empty)
    }

    pub(crate) fn view(&self) -> Result<Box<dyn View>, Fault> {
        self.or_raise("open a view", self.engine.view())
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        &*self.engine
    }
}
