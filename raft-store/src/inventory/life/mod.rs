//! The life of an event once it is published: paused, resumed, ended, and what a cancelled one owes.
//!
//! ```text
//! Draft --publish--> Published <--pause, resume--> Paused
//!                        '--------end, or its time--------'--> Ended
//! any of them --cancel--> Cancelled
//! ```
//!
//! Owns the event's `Life` record. Invariants:
//! - An event whose set time has come reads as ended for every reader and every command, whether or
//!   not `Tend` has been there. What is over stays over: its time can't be moved any more.
//! - Of a cancelled event, every confirmed booking is still to be looked at, or was sold late and is
//!   listed: each comes to have its money owed on record. Its tickets are void from the start.
//! - `State::tending` names every event that has something to be done, and when.
//!
//! What could go wrong, and what answers it:
//! - The publisher's request comes again after a pause: it was done, and resumes nothing.
//! - Fifty thousand bookings are to be refunded: each `Tend` looks at a few, and the record says how
//!   far it came, so that a new leader goes on from there.
//! - A payment that was running at the cancellation succeeds after the list has passed it: it is
//!   listed on its own.

mod command;
mod refunds;

use std::collections::BTreeSet;

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::EventId;

pub use self::command::{LifeCommand, TEND_MAX};
pub use self::refunds::RefundLine;
use super::booking::BookingState;
use super::event::Event;
use super::hold::event_no;
use super::planted::{Mistake, planted};
use super::record::RecordKey;
use super::reply::{Answer, EventState, EventView, LifeView, Reply};
use super::{State, refuse};

/// What is kept of an event's life besides its state.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Life {
    /// Why nothing is sold; while it is paused.
    pub pause_reason: String,
    /// 0: no set time.
    pub sale_ends_ms: u64,
    /// Bookings of the cancelled event that were looked at.
    pub refunds_seen: u32,
    /// Derived: confirmed bookings among those, which were paid after.
    pub late: BTreeSet<u32>,
    /// Derived: where the event stands in `State::tending`.
    pub tended_at: Option<u64>,
}

impl Event {
    /// The state as every reader sees it at `clock_ms`.
    pub fn state_at(&self, clock_ms: u64) -> EventState {
        let ends_ms = self.life.sale_ends_ms;
        match self.state {
            EventState::Published | EventState::Paused if ends_ms != 0 && ends_ms <= clock_ms => {
                EventState::Ended
            }
            EventState::Draft
            | EventState::Published
            | EventState::Cancelled
            | EventState::Paused
            | EventState::Ended => self.state,
        }
    }

    /// Whether bookings of the cancelled event are still to be looked at.
    pub(super) fn refunds_left(&self) -> bool {
        self.state == EventState::Cancelled
            && (self.life.refunds_seen < self.booking_count() || !self.life.late.is_empty())
    }

    /// When there is something to be done.
    fn tend_at(&self) -> Option<u64> {
        match self.state {
            EventState::Published | EventState::Paused => {
                Some(self.life.sale_ends_ms).filter(|&ends_ms| ends_ms != 0)
            }
            EventState::Cancelled => self.refunds_left().then_some(0),
            EventState::Draft | EventState::Ended => None,
        }
    }

    /// Those that were paid after they were looked at.
    pub(super) fn late_sales(&self) -> BTreeSet<u32> {
        if self.state != EventState::Cancelled {
            return BTreeSet::new();
        }
        let seen = usize::try_from(self.life.refunds_seen).unwrap_or(usize::MAX);
        let passed = (1..).zip(&self.bookings).take(seen);
        passed.filter(|(_, it)| it.state == BookingState::Confirmed).map(|(seq, _)| seq).collect()
    }
}

impl State {
    pub(super) fn life(&mut self, command: &LifeCommand) -> Answer {
        match command {
            LifeCommand::Pause { event, reason } => self.pause(*event, reason),
            LifeCommand::Resume { event } => self.resume(*event),
            LifeCommand::End { event } => self.end(*event),
            LifeCommand::SetEnd { event, ends_ms } => self.set_end(*event, *ends_ms),
            LifeCommand::Tend { max } => self.tend(*max),
            LifeCommand::Collect { event, max } => self.collect(*event, *max),
        }
    }

    fn state_now(&self, id: EventId) -> Option<EventState> {
        self.events.get(&id).map(|event| event.state_at(self.log.clock_ms))
    }

    fn pause(&mut self, id: EventId, reason: &str) -> Answer {
        match self.state_now(id) {
            None => refuse(ErrorCode::EventNotFound),
            Some(EventState::Draft | EventState::Cancelled | EventState::Ended) => {
                refuse(ErrorCode::EventStateConflict)
            }
            Some(EventState::Published | EventState::Paused) => {
                let reason = reason.to_owned();
                self.enter(id, EventState::Paused, |life| life.pause_reason = reason);
                Ok(Reply::Done)
            }
        }
    }

    fn resume(&mut self, id: EventId) -> Answer {
        match self.state_now(id) {
            None => refuse(ErrorCode::EventNotFound),
            Some(EventState::Draft | EventState::Cancelled | EventState::Ended) => {
                refuse(ErrorCode::EventStateConflict)
            }
            Some(EventState::Published | EventState::Paused) => {
                self.enter(id, EventState::Published, |life| life.pause_reason.clear());
                Ok(Reply::Done)
            }
        }
    }

    fn end(&mut self, id: EventId) -> Answer {
        match self.state_now(id) {
            None => refuse(ErrorCode::EventNotFound),
            Some(EventState::Draft | EventState::Cancelled) => {
                refuse(ErrorCode::EventStateConflict)
            }
            Some(EventState::Published | EventState::Paused | EventState::Ended) => {
                self.enter(id, EventState::Ended, |life| life.pause_reason.clear());
                Ok(Reply::Done)
            }
        }
    }

    fn set_end(&mut self, id: EventId, ends_ms: u64) -> Answer {
        let same = self.events.get(&id).is_some_and(|it| it.life.sale_ends_ms == ends_ms);
        match self.state_now(id) {
            None => refuse(ErrorCode::EventNotFound),
            // The same request again may come after its time.
            Some(_) if same => Ok(Reply::Done),
            Some(EventState::Cancelled | EventState::Ended) => {
                refuse(ErrorCode::EventStateConflict)
            }
            Some(state @ (EventState::Draft | EventState::Published | EventState::Paused)) => {
                self.enter(id, state, |life| life.sale_ends_ms = ends_ms);
                Ok(Reply::Done)
            }
        }
    }

    /// Changes state and life of an event, and says so if that is another than before.
    pub(super) fn enter(&mut self, id: EventId, state: EventState, change: impl FnOnce(&mut Life)) {
        let Some(event) = self.events.get_mut(&id) else { return };
        let before = (event.state, event.life.clone());
        event.state = state;
        change(&mut event.life);
        if (event.state, &event.life) != (before.0, &before.1) {
            self.log.touch(RecordKey::Life(event_no(event)));
            self.event_changed(id);
            self.retend(id);
        }
    }

    /// Brings `tending` up to what the event is now.
    pub(super) fn retend(&mut self, id: EventId) {
        let Some(event) = self.events.get_mut(&id) else { return };
        let at = event.tend_at();
        let before = std::mem::replace(&mut event.life.tended_at, at);
        if before != at {
            before.map(|before| self.tending.remove(&(before, id)));
            self.tending.extend(at.map(|at| (at, id)));
        }
    }

    /// Rebuilds what is derived of an event's life, once its bookings are there.
    pub(super) fn finish_life(&mut self, id: EventId) {
        let Some(event) = self.events.get_mut(&id) else { return };
        event.life.late = event.late_sales();
        event.life.tended_at = event.tend_at();
        self.tending.extend(event.life.tended_at.map(|at| (at, id)));
    }

    /// When there is something to be done for an event: what `Tend` waits for. Those who wait for
    /// places are served by any command.
    pub fn next_tend_ms(&self) -> Option<u64> {
        let first = [self.tending.first(), self.offers_due.first()];
        first.into_iter().flatten().map(|&(at_ms, _)| at_ms).min()
    }

    fn tend(&mut self, max: u32) -> Answer {
        let due = |state: &Self| {
            let first = state.tending.first().copied();
            first.filter(|&(at_ms, _)| at_ms <= state.log.clock_ms).map(|(_, id)| id)
        };
        let max = max.min(TEND_MAX);
        let mut left = max;
        while let Some(id) = due(self).filter(|_| left > 0) {
            let cancelled =
                self.events.get(&id).is_some_and(|it| it.state == EventState::Cancelled);
            if cancelled {
                left -= self.refund_some(id, left);
            } else {
                self.enter(id, EventState::Ended, |life| life.pause_reason.clear());
                left -= 1;
            }
        }
        Ok(Reply::Tended { steps: max - left, more: due(self).is_some() })
    }

    /// A booking was sold: if its event was cancelled meanwhile and the list has passed it, it is
    /// listed on its own.
    pub(super) fn sold_late(&mut self, id: EventId, seq: u32) {
        let Some(event) = self.events.get_mut(&id) else { return };
        let passed = event.state == EventState::Cancelled && seq <= event.life.refunds_seen;
        if passed && !planted(Mistake::LateSaleKept) {
            event.life.late.insert(seq);
            self.retend(id);
        }
    }

    /// A late sale was refunded in full, by whomever.
    pub(super) fn no_longer_late(&mut self, id: EventId, seq: u32) {
        let Some(event) = self.events.get_mut(&id) else { return };
        if event.life.late.remove(&seq) {
            self.retend(id);
        }
    }

    /// The event as readers see it now, completed by what its life says.
    pub(super) fn with_life(&self, event: &Event, view: EventView) -> EventView {
        let state = event.state_at(self.log.clock_ms);
        let full = view.counts.available == 0 && view.areas.iter().all(|it| it.available() == 0);
        let life = LifeView {
            pause_reason: event.life.pause_reason.clone(),
            sale_ends_ms: event.life.sale_ends_ms,
            sold_out: state == EventState::Published && full,
            refunding: event.refunds_left(),
            archived_ms: event.retention.archived_ms,
        };
        EventView { state, life, ..view }
    }

    /// What is wrong with what is derived.
    pub(super) fn audit_lives(&self, found: &mut Vec<String>) {
        for (id, event) in &self.events {
            if event.life.late != event.late_sales() {
                found.push(format!("{id}: late sales are not those of its bookings"));
            }
            let at = event.tend_at();
            let named = at.is_none_or(|at| self.tending.contains(&(at, *id)));
            if event.life.tended_at != at || !named {
                found.push(format!("{id}: what is to be done for it is not noted"));
            }
        }
        let known = self.events.values().filter(|event| event.life.tended_at.is_some()).count();
        if known != self.tending.len() {
            found.push("something is to be done for an event that has nothing".to_owned());
        }
    }
}
