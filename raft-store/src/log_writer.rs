//! One thread a node that makes the logs of all groups durable.
//!
//! Owns: the queue of those who wait for a sync. Must not: write rows.
//!
//! ```text
//! group 1 --append--> write unsynced --.
//! group 2 --append--> write unsynced --+--> queue --> take all, sync ONCE, complete in order
//! group 3 --vote----> write unsynced --'
//! ```
//!
//! Invariants:
//! - Who is in the queue has written before: the queue is taken before the sync begins, so the sync
//!   covers each of them.
//! - Completion is in the order of the queue, and a group queues in the order of its writes.
//! - While one sync runs the next queue forms. That is the whole of group commit.
//! - After a failed sync nobody is ever told that something is durable.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use openraft::storage::IOFlushed;
use tokio::sync::oneshot;

use crate::fault::{Disk, Fault};
use crate::types::TypeConfig;

enum Waiter {
    Append(IOFlushed<TypeConfig>),
    Barrier(oneshot::Sender<Result<(), Fault>>),
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiter>,
    /// The thread sleeps. Waking costs a system call even if nobody does.
    parked: bool,
    stop: bool,
}

struct Shared {
    disk: Disk,
    queue: Mutex<Queue>,
    wake: Condvar,
    delay: Duration,
    syncs: AtomicU64,
    waiters: AtomicU64,
}

/// What the log writer has done so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    pub syncs: u64,
    /// Appends and votes that those syncs made durable.
    pub waiters: u64,
}

/// The queue's front, for the groups. Clones share the thread.
#[derive(Clone)]
pub(crate) struct Syncer {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Syncer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Syncer").field("totals", &self.totals()).finish_non_exhaustive()
    }
}

/// The thread. Dropping it completes whatever is queued, and ends it.
#[derive(Debug)]
pub(crate) struct LogWriter {
    syncer: Syncer,
    thread: Option<JoinHandle<()>>,
}

impl LogWriter {
    /// `delay` is how long a round waits for company after its first waiter.
    pub(crate) fn start(disk: Disk, delay: Duration) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            disk,
            queue: Mutex::default(),
            wake: Condvar::new(),
            delay,
            syncs: AtomicU64::new(0),
            waiters: AtomicU64::new(0),
        });
        let run = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || run.rounds())?;
        Ok(Self { syncer: Syncer { shared }, thread: Some(thread) })
    }

    pub(crate) fn syncer(&self) -> Syncer {
        self.syncer.clone()
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        let shared = &self.syncer.shared;
        shared.queue.lock().expect("nothing panics while it holds the queue").stop = true;
        shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Syncer {
    /// Completes `done` when all that was written so far is durable.
    pub(crate) fn append_done(&self, done: IOFlushed<TypeConfig>) {
        self.queue(Waiter::Append(done));
    }

    /// Returns when all that was written before the call is durable.
    pub(crate) async fn barrier(&self) -> Result<(), Fault> {
        let (done, is_done) = oneshot::channel();
        self.queue(Waiter::Barrier(done));
        match is_done.await {
            Ok(result) => result,
            Err(gone) => Err(self.shared.disk.raise("wait for a sync", gone)),
        }
    }

    fn queue(&self, waiter: Waiter) {
        let mut queue = self.shared.queue.lock().expect("nothing panics while it holds the queue");
        if queue.stop {
            drop(queue);
            complete(waiter, Err(self.shared.disk.raise("append to a closed store", Closed)));
            return;
        }
        queue.waiting.push(waiter);
        if std::mem::take(&mut queue.parked) {
            self.shared.wake.notify_one();
        }
    }

    pub(crate) fn totals(&self) -> Totals {
        Totals {
            syncs: self.shared.syncs.load(Ordering::Relaxed),
            waiters: self.shared.waiters.load(Ordering::Relaxed),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the store is closed")]
struct Closed;

fn complete(waiter: Waiter, result: Result<(), Fault>) {
    match waiter {
        Waiter::Append(done) => done.io_completed(result.map_err(std::io::Error::from)),
        // Who no longer waits needs no answer.
        Waiter::Barrier(done) => drop(done.send(result)),
    }
}

impl Shared {
    fn rounds(&self) {
        let mut round = Vec::new();
        while self.take_queue(&mut round) {
            let result = self.disk.sync();
            self.syncs.fetch_add(1, Ordering::Relaxed);
            self.waiters.fetch_add(round.len() as u64, Ordering::Relaxed);
            for waiter in round.drain(..) {
                complete(waiter, result.clone());
            }
        }
    }

    /// Waits for waiters and takes them all. False: the writer is to stop, and nobody waits.
    fn take_queue(&self, round: &mut Vec<Waiter>) -> bool {
        let mut queue = self.queue.lock().expect("nothing panics while it holds the queue");
        while queue.waiting.is_empty() {
            if queue.stop {
                return false;
            }
            queue.parked = true;
            queue = self.wake.wait(queue).expect("nothing panics while it holds the queue");
        }
        queue.parked = false;
        if !self.delay.is_zero() && !queue.stop {
            drop(queue);
            std::thread::sleep(self.delay);
            queue = self.queue.lock().expect("nothing panics while it holds the queue");
        }
        std::mem::swap(&mut queue.waiting, round);
        true
    }
}
