//! One thread a node that writes the state of all groups behind.
//!
//! A flush encodes under the group's lock and writes outside it; groups are flushed one after the
//! other, each at most once an interval unless it has much to write.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::group::Group;

/// Rounds from one look at the sales that begin soon to the next.
const AHEAD_ROUNDS: u32 = 64;

#[derive(Debug, Default)]
struct Shared {
    signal: Mutex<Signal>,
    wake: Condvar,
    groups: Mutex<Vec<Weak<Group>>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Signal {
    #[default]
    None,
    /// A group has much to write.
    Flush,
    Stop,
}

/// Wakes the thread out of turn.
#[derive(Clone, Debug)]
pub(crate) struct Waker {
    shared: Arc<Shared>,
}

impl Waker {
    pub(crate) fn wake(&self) {
        let mut signal = self.shared.signal.lock().unwrap_or_else(PoisonError::into_inner);
        if *signal == Signal::None {
            *signal = Signal::Flush;
            self.shared.wake.notify_one();
        }
    }
}

/// The thread. Dropping it ends it; what is dirty then stays in the log.
#[derive(Debug)]
pub(crate) struct WriteBehind {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl WriteBehind {
    /// Without an interval there is no thread: who opened the store flushes by hand.
    pub(crate) fn start(interval: Option<Duration>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let run = Arc::clone(&shared);
        let thread = match interval {
            None => None,
            Some(interval) => Some(
                std::thread::Builder::new()
                    .name("write-behind".to_owned())
                    .spawn(move || run.rounds(interval))?,
            ),
        };
        Ok(Self { shared, thread })
    }

    pub(crate) fn waker(&self) -> Waker {
        Waker { shared: Arc::clone(&self.shared) }
    }

    pub(crate) fn add(&self, group: &Arc<Group>) {
        let mut groups = self.shared.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|group| group.strong_count() > 0);
        groups.push(Arc::downgrade(group));
    }

    /// The groups that are open.
    pub(crate) fn groups(&self) -> Vec<Arc<Group>> {
        self.shared.groups()
    }

    /// Ends the thread.
    pub(crate) fn stop(&mut self) {
        *self.shared.signal.lock().unwrap_or_else(PoisonError::into_inner) = Signal::Stop;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Drop for WriteBehind {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn groups(&self) -> Vec<Arc<Group>> {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.iter().filter_map(Weak::upgrade).collect()
    }

    fn rounds(&self, interval: Duration) {
        let mut round = 0_u32;
        while self.wait(interval) {
            round = round.wrapping_add(1);
            for group in self.groups() {
                // The fault is kept and seen by the node; after it nothing is written.
                if group.flush().is_err() {
                    return;
                }
                if round.is_multiple_of(AHEAD_ROUNDS) && group.read_ahead().is_err() {
                    return;
                }
            }
        }
    }

    /// False: stop.
    fn wait(&self, interval: Duration) -> bool {
        let signal = self.signal.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut signal, _) = self
            .wake
            .wait_timeout_while(signal, interval, |signal| *signal == Signal::None)
            .unwrap_or_else(PoisonError::into_inner);
        let go_on = *signal != Signal::Stop;
        if go_on {
            *signal = Signal::None;
        }
        go_on
    }
}
