//! What openraft applies entries to, and the only caller of the inventory's `apply`.
//!
//! Invariants:
//! - Entries are applied in the order of the log, each once; an answer is given after its entry was
//!   applied.
//! - Nothing is written here: the state is written behind (`group.rs`). What waits for a disk is a
//!   command on an event that was left there (`residency.rs`).
//! - A panic in apply halts this group alone. Nothing of it is written any more, its text is kept,
//!   its readers are refused, and the other groups go on.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use openraft::storage::{ApplyResponder, EntryResponder, RaftStateMachine};
use openraft::{EntryPayload as Payload, OptionalSend};
use rowlock_proto::ids::EventId;
use tokio::sync::watch;

use crate::audit;
use crate::codec;
use crate::failpoint::{self, Point};
use crate::fault::Fault;
use crate::feed;
use crate::group::{DIRTY_BYTES_MAX, Group, Live};
use crate::inventory::{Change, State, Subject};
use crate::raft_bytes;
use crate::residency::{self, Residency, StateDigest};
use crate::snapshot::{self, SnapshotBuilder, SnapshotData, SnapshotReceiver};
use crate::types::{
    BatchAnswers, Entry, LogId, Snapshot, SnapshotMeta, StoredMembership, TypeConfig,
};

/// Entries that are applied under one lock weigh no more than this, and one more entry.
const APPLY_BYTES_MAX: usize = 1 << 20;

/// This group stopped at an entry that it could not apply. Its log is whole; `dump-log` shows the
/// entry.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("group is halted at entry {index}: {text}")]
pub struct Halted {
    /// The entry that could not be applied.
    pub index: u64,
    /// What the assertion said.
    pub text: Arc<str>,
}

/// Why an entry is not applied here and now.
#[derive(Debug, thiserror::Error)]
enum Inapplicable {
    #[error("entry can't be decoded: {0}")]
    Decode(#[from] codec::Error),
    /// The node stops for it.
    #[error("an event can't be read back: {0}")]
    Fault(#[from] Fault),
}

/// How far a group's state is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    pub applied: Option<LogId>,
    pub revision: u64,
    /// The replicated clock, milliseconds since 1970.
    pub clock_ms: u64,
    pub halted: bool,
}

/// openraft's side of one group's state.
#[derive(Debug)]
pub struct StateMachine {
    group: Arc<Group>,
}

/// The way to a group's state for everybody else. Clones are cheap.
#[derive(Clone, Debug)]
pub struct StateHandle {
    group: Arc<Group>,
}

impl StateHandle {
    pub(crate) const fn new(group: Arc<Group>) -> Self {
        Self { group }
    }

    /// Shows the state to `look`, between two entries. Keep it short: apply waits meanwhile.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> Result<T, Halted> {
        let live = self.group.read();
        match &live.halted {
            Some(halted) => Err(halted.clone()),
            None => Ok(look(&live.state)),
        }
    }

    /// Shows the state to `look` with the event of `subject` read back from disk, if it was left there:
    /// what is asked of an event's seats or bookings is asked here.
    pub fn read_of<T>(
        &self,
        subject: Option<Subject>,
        look: impl FnOnce(&State) -> T,
    ) -> Result<T, residency::Error> {
        self.group.read_of(subject, look)
    }

    /// Checks every invariant in full. Empty: all hold.
    pub fn audit(&self) -> Result<Vec<String>, residency::Error> {
        self.group.audit()
    }

    /// What replicas are compared by. Flushes, and reads the whole state from disk.
    pub fn digest(&self) -> Result<StateDigest, residency::Error> {
        self.group.digest()
    }

    /// Reads the events ahead whose sale begins soon.
    pub fn read_ahead(&self) -> Result<(), Fault> {
        self.group.read_ahead()
    }

    pub fn residency(&self) -> Residency {
        self.group.residency()
    }

    /// What was applied last; the state that [`Self::read`] shows may already be later.
    pub fn progress(&self) -> Progress {
        *self.group.progress.borrow()
    }

    /// Changes whenever entries were applied.
    pub fn watch(&self) -> watch::Receiver<Progress> {
        self.group.progress.subscribe()
    }

    pub fn applied_index(&self) -> Option<u64> {
        self.progress().applied.map(|applied| applied.index)
    }

    /// The index that the state on disk stands for.
    pub fn persisted_index(&self) -> Option<u64> {
        self.group.persisted()
    }

    /// Why the group is halted, if it is.
    pub fn halted(&self) -> Option<Halted> {
        self.group.read().halted.clone()
    }

    /// Up to `max` changes after `revision`, oldest first. Fewer do not mean that there are no
    /// more: none do. A revision that is not there yet has nothing after it.
    pub fn feed_after(&self, revision: u64, max: usize) -> Result<Vec<Change>, feed::Error> {
        self.group.feed_after(revision, max)
    }

    /// Where the audit chain of an event stands now; `None`: there is no such event. Flushes.
    pub fn audit_head(&self, event: EventId) -> Result<Option<audit::Head>, residency::Error> {
        let no = self.read(|state| state.event_number(event))?;
        no.map(|no| self.group.audit_head(no)).transpose()
    }

    /// How much of the feed is kept, as of the last flush.
    pub fn feed_kept(&self) -> feed::Kept {
        self.group.read().feed
    }

    /// Writes what changed since the last flush. Durable with the next sync.
    pub fn flush(&self) -> Result<(), Fault> {
        self.group.flush()
    }

    /// Where the chunks of a snapshot from the leader go.
    pub fn receive_snapshot(&self) -> SnapshotReceiver {
        SnapshotReceiver::new(Arc::clone(&self.group))
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panic without a text")
}

impl Live {
    /// The answers are collected only if somebody waits for them.
    fn apply(
        &mut self,
        group: &Group,
        entry: &Entry,
        wanted: bool,
    ) -> Result<BatchAnswers, Inapplicable> {
        let log_id = entry.log_id;
        if let Some(applied) = self.applied {
            assert!(log_id.index > applied.index, "entries are applied in order");
        }
        let mut answers = Vec::new();
        match &entry.payload {
            Payload::Blank => {}
            Payload::Membership(membership) => {
                self.membership = StoredMembership::new(Some(log_id), membership.clone());
            }
            Payload::Normal(payload) => {
                let batch = codec::decode_batch(payload.bytes())?;
                if wanted {
                    answers.reserve_exact(batch.commands.len());
                }
                for command in &batch.commands {
                    // Only now: an earlier command of the batch may be what made it an event.
                    let cold = self.state.cold_for(command);
                    self.make_whole(&group.disk, group.id, cold)?;
                    let applied = self.state.apply(batch.stamp_ms, log_id.index, command);
                    if wanted {
                        answers.push(applied);
                    }
                }
                self.tail.push(self.state.take_changes());
                self.dirty_bytes += payload.bytes().len();
            }
        }
        self.applied = Some(log_id);
        Ok(BatchAnswers {
            term: log_id.leader_id.term,
            index: log_id.index,
            log_time_ms: self.state.clock_ms(),
            revision: self.state.revision(),
            answers,
        })
    }

    /// The one place where a panic is caught: what it interrupted is never read or written again.
    fn apply_or_halt(
        &mut self,
        group: &Group,
        entry: &Entry,
        wanted: bool,
    ) -> Result<BatchAnswers, Halted> {
        let apply = AssertUnwindSafe(|| self.apply(group, entry, wanted));
        let text: Arc<str> = match catch_unwind(apply) {
            Ok(Ok(answers)) => return Ok(answers),
            Ok(Err(error)) => error.to_string().into(),
            Err(panic) => panic_text(&*panic).into(),
        };
        let halted = Halted { index: entry.log_id.index, text };
        self.halted = Some(halted.clone());
        Err(halted)
    }
}

type Answer = (ApplyResponder<TypeConfig>, BatchAnswers);

impl StateMachine {
    pub(crate) const fn new(group: Arc<Group>) -> Self {
        Self { group }
    }

    /// Applies and empties `entries` under one lock, then answers.
    fn apply_some(&self, entries: &mut Vec<EntryResponder<TypeConfig>>) -> Result<(), Halted> {
        let mut answers: Vec<Answer> = Vec::with_capacity(entries.len());
        let (progress, much, result) = {
            let mut live = self.group.write();
            let result = apply_all(&self.group, &mut live, entries, &mut answers);
            let progress = Progress {
                applied: live.applied,
                revision: live.state.revision(),
                clock_ms: live.state.clock_ms(),
                halted: live.halted.is_some(),
            };
            (progress, live.dirty_bytes > DIRTY_BYTES_MAX, result)
        };
        if let Err(halted) = &result {
            let shard = self.group.id.0;
            tracing::error!(shard, index = halted.index, text = &*halted.text, "group halted");
        }
        self.group.progress.send_replace(progress);
        failpoint::pass(Point::Applied);
        // What was applied before a halt is applied for good, and so is its answer.
        for (responder, answer) in answers {
            responder.send(answer);
        }
        if much {
            self.group.waker.wake();
        }
        result
    }
}

fn apply_all(
    group: &Group,
    live: &mut Live,
    entries: &mut Vec<EntryResponder<TypeConfig>>,
    answers: &mut Vec<Answer>,
) -> Result<(), Halted> {
    if let Some(halted) = &live.halted {
        return Err(halted.clone());
    }
    for (entry, responder) in entries.drain(..) {
        let answer = live.apply_or_halt(group, &entry, responder.is_some())?;
        if let Some(responder) = responder {
            answers.push((responder, answer));
        }
    }
    Ok(())
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        let live = self.group.read();
        Ok((live.applied, live.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        let mut some = Vec::new();
        let mut bytes = 0;
        while let Some(entry) = entries.next().await {
            let entry = entry?;
            bytes += raft_bytes::payload_bytes(&entry.0);
            some.push(entry);
            if bytes >= APPLY_BYTES_MAX {
                self.apply_some(&mut some).map_err(io::Error::other)?;
                bytes = 0;
            }
        }
        self.apply_some(&mut some).map_err(io::Error::other)
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        SnapshotBuilder::new(Arc::clone(&self.group))
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: SnapshotData,
    ) -> Result<(), io::Error> {
        snapshot::install(&self.group, meta, snapshot).await.map_err(io::Error::other)
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        if !self.group.behind().has_snapshot {
            return Ok(None);
        }
        // The state on disk stands for more than any snapshot that was built before.
        snapshot::current(&self.group).map(Some).map_err(io::Error::other)
    }
}
