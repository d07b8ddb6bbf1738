//! The change feed of one group, as one watcher follows it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rowlock_raft_store::feed;
use rowlock_raft_store::inventory::Change;
use rowlock_raft_store::state_machine::Progress;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Group;

/// Changes of one message.
const CHANGES_PER_BATCH_MAX: usize = 1024;
/// Changes behind the newest from which on they may have to come from disk.
const IN_MEMORY_CHANGES: u64 = 8192;
/// A feed without changes says this often that it is alive.
const IDLE_INTERVAL: Duration = Duration::from_secs(5);

/// What a watcher gets in one message.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) changes: Vec<Change>,
    pub(crate) revision: u64,
    pub(crate) log_time_ms: u64,
}

/// One watcher's place in a group's feed.
#[derive(Debug)]
pub(crate) struct Feed {
    group: Arc<Group>,
    /// Everything up to this revision was handed out or is in `ready`.
    after: u64,
    /// Read, and not handed out yet.
    ready: VecDeque<Change>,
    progress: watch::Receiver<Progress>,
    shutdown: CancellationToken,
}

impl Feed {
    pub(crate) fn new(group: &Arc<Group>, after: u64, shutdown: CancellationToken) -> Self {
        let mut progress = group.state().watch();
        progress.mark_changed();
        let (group, ready) = (Arc::clone(group), VecDeque::new());
        Self { group, after, ready, progress, shutdown }
    }

    /// The next changes, or a sign of life if there are none for a while. `None`: the node stops.
    pub(crate) async fn next(&mut self) -> Result<Option<Batch>, feed::Error> {
        if self.ready.is_empty() {
            tokio::select! {
                biased;
                changed = self.progress.changed() => if changed.is_err() { return Ok(None) },
                () = tokio::time::sleep(IDLE_INTERVAL) => {}
                () = self.shutdown.cancelled() => return Ok(None),
            }
            self.read().await?;
        }
        let progress = *self.progress.borrow();
        let count = self.ready.len().min(CHANGES_PER_BATCH_MAX);
        Ok(Some(Batch {
            changes: self.ready.drain(..count).collect(),
            revision: progress.revision,
            log_time_ms: progress.clock_ms,
        }))
    }

    async fn read(&mut self) -> Result<(), feed::Error> {
        let newest = self.progress.borrow_and_update().revision;
        let (after, state) = (self.after, self.group.state());
        let changes = if newest.saturating_sub(after) > IN_MEMORY_CHANGES {
            // From disk: beside the thread that serves.
            let state = state.clone();
            let read = move || state.feed_after(after, feed::READ_CHANGES_MAX);
            match tokio::task::spawn_blocking(read).await {
                Ok(changes) => changes?,
                // The runtime is shutting down: there is nobody left to tell.
                Err(_) => return Ok(()),
            }
        } else {
            state.feed_after(after, feed::READ_CHANGES_MAX)?
        };
        if let Some(last) = changes.last() {
            self.after = last.revision;
            if last.revision < newest {
                // More is there already: come back without waiting.
                self.progress.mark_changed();
            }
        }
        self.ready = changes.into();
        Ok(())
    }
}
