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
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use openraft::storage::IOFlushed;
use tokio::sync::{Notify, oneshot};

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
    /// Wakes whoever makes the rounds by hand.
    by_hand: Option<Notify>,
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
        let shared = Shared::new(disk, None, delay);
        let run = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || run.rounds())?;
        Ok(Self { syncer: Syncer { shared }, thread: Some(thread) })
    }

    /// Without a thread: see [`Rounds`].
    pub(crate) fn by_hand(disk: Disk) -> Self {
        let shared = Shared::new(disk, Some(Notify::new()), Duration::ZERO);
        Self { syncer: Syncer { shared }, thread: None }
    }

    pub(crate) fn syncer(&self) -> Syncer {
        self.syncer.clone()
    }

    pub(crate) fn rounds(&self) -> Rounds {
        Rounds { shared: Arc::clone(&self.syncer.shared) }
    }
}

/// The rounds of a log writer without a thread, made by hand: what a simulation does, which decides
/// how long a sync takes and what comes in between.
#[derive(Clone)]
pub struct Rounds {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Rounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rounds").finish_non_exhaustive()
    }
}

/// Those who wait for one sync.
pub struct Round {
    shared: Arc<Shared>,
    waiting: Vec<Waiter>,
}

impl std::fmt::Debug for Round {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Round").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

impl Rounds {
    /// Waits for waiters and takes them all.
    pub async fn next(&self) -> Round {
        loop {
            let waiting = std::mem::take(&mut self.shared.lock().waiting);
            if !waiting.is_empty() {
                return Round { shared: Arc::clone(&self.shared), waiting };
            }
            match &self.shared.by_hand {
                Some(queued) => queued.notified().await,
                // The thread makes the rounds: there never is one here.
                None => std::future::pending().await,
            }
        }
    }
}

impl Round {
    /// Syncs, and tells them.
    pub fn sync(mut self) {
        self.shared.round(&mut self.waiting);
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        let shared = &self.syncer.shared;
        shared.lock().stop = true;
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

    /// There is no thread: whoever opened the store has to be in charge of all that happens.
    pub(crate) fn is_by_hand(&self) -> bool {
        self.shared.by_hand.is_some()
    }

    fn queue(&self, waiter: Waiter) {
        let mut queue = self.shared.lock();
        if queue.stop {
            drop(queue);
            complete(waiter, Err(self.shared.disk.raise("append to a closed store", Closed)));
            return;
        }
        queue.waiting.push(waiter);
        if let Some(queued) = &self.shared.by_hand {
            queued.notify_one();
        }
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
    fn new(disk: Disk, by_hand: Option<Notify>, delay: Duration) -> Arc<Self> {
        Arc::new(Self {
            disk,
            queue: Mutex::default(),
            wake: Condvar::new(),
            by_hand,
            delay,
            syncs: AtomicU64::new(0),
            waiters: AtomicU64::new(0),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("nothing panics while it holds the queue")
    }

    fn rounds(&self) {
        let mut round = Vec::new();
        while self.take_queue(&mut round) {
            self.round(&mut round);
        }
    }

    fn round(&self, round: &mut Vec<Waiter>) {
        let result = self.disk.sync();
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.waiters.fetch_add(round.len() as u64, Ordering::Relaxed);
        for waiter in round.drain(..) {
            complete(waiter, result.clone());
        }
    }

    /// Waits for waiters and takes them all. False: the writer is to stop, and nobody waits.
    fn take_queue(&self, round: &mut Vec<Waiter>) -> bool {
        let mut queue = self.lock();
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
            queue = self.lock();
        }
        std::mem::swap(&mut queue.waiting, round);
        true
    }
}
