//! The end of holds.
//!
//! P5: expiry reads the replicated clock, never a node's. The sweeper that proposes `ExpireDue` only
//! bounds how long dead holds stay in the records; a command that touches their seats does not wait
//! for it. A bound on each command keeps ten thousand holds that end together from stalling a shard.

use rowlock_proto::ids::EventId;

use super::booking::BookingState;
use super::change::ChangeKind;
use super::command::EXPIRE_MAX;
use super::reply::{Answer, Reply};
use super::{Deadline, State};

impl State {
    /// The holds that are due, oldest deadline first.
    pub(super) fn due(&self) -> impl Iterator<Item = Deadline> {
        self.deadlines.iter().take_while(|deadline| deadline.at_ms <= self.log.clock_ms)
    }

    /// Those of one event: what is due elsewhere costs nothing here.
    pub(super) fn due_of(&self, event: EventId) -> impl Iterator<Item = Deadline> {
        self.deadlines.of(event).take_while(|deadline| deadline.at_ms <= self.log.clock_ms)
    }

    pub(super) fn expire_due(&mut self, max: u32) -> Answer {
        let retired = self.retire_due(max.min(EXPIRE_MAX));
        let more = self.due().next().is_some();
        Ok(Reply::Expired { retired, more })
    }

    /// Retires the oldest due holds, `max` at most; how many.
    pub(super) fn retire_due(&mut self, max: u32) -> u32 {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let due: Vec<Deadline> = self.due().take(max).collect();
        self.retire(due)
    }

    /// The oldest due holds of one event, `max` at most; how many.
    pub(super) fn retire_due_of(&mut self, event: EventId, max: u32) -> u32 {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let due: Vec<Deadline> = self.due_of(event).take(max).collect();
        self.retire(due)
    }

    fn retire(&mut self, due: Vec<Deadline>) -> u32 {
        let holds: Vec<_> = due
            .into_iter()
            .filter_map(|Deadline { event, seq, .. }| {
                self.end_hold(event, seq, BookingState::Expired)
            })
            .collect();
        let retired = u32::try_from(holds.len()).unwrap_or(u32::MAX);
        if retired > 0 {
            self.log.note(ChangeKind::HoldsExpired { holds });
        }
        retired
    }
}
