//! What is let go of in time: refusals nobody repeats any more, bookings that came to nothing, and in
//! the end whole events, which go into the archive.
//!
//! ```text
//! refusals            ten minutes old --> forgotten
//! Expired, Released   a day after their time, if no payment was ever begun --> collected
//! over (30 days)      nothing held, nothing owed --> archived: read by id, and in no list any more
//! ```
//!
//! `Collect` does it, an event a command; leaders propose it. Owns the event's [`Retention`] record.
//! Invariants:
//! - A booking that may still be paid is never collected: one for which a payment was begun stays, since
//!   a success that comes late must find it (P6). Nor is one that an entry of the waitlist names.
//! - What is left of a collected booking is its number, which is never given again. It is as if it were
//!   not there; so is its request, which is judged afresh (P4 lasts a day).
//! - `State::collecting` names every event that has something to be collected, and when.
//!
//! What could go wrong, and what answers it:
//! - The command comes twice, or late: it does what is due by the replicated clock, and no more.
//! - A million bookings: each command looks at a few thousand, and the record says how far it came.
//! - The event is on disk: the command is about the event, so that it is read back before.
//! - A refund is owed when the event's time comes: it is looked at again a day later.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, EventId, RequestKey};

use super::booking::{Booking, BookingState, BookingTerms};
use super::command::{EXPIRE_MAX, SYSTEM};
use super::event::{Event, KeyOwner};
use super::hold::event_no;
use super::planted::{Mistake, planted};
use super::record::RecordKey;
use super::reply::{Answer, EventState, Reply};
use super::{State, refuse};

/// How long a booking that came to nothing is kept, from the time that its customer was told; and the
/// time from one collection of an event to the next.
pub const KEPT_MS: u64 = 24 * 60 * 60 * 1_000;
/// From the date of an event to its archiving.
pub const ARCHIVE_AFTER_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// Bookings that one `Collect` looks at: bounds how long it keeps the shard.
pub const COLLECT_MAX: u32 = 4_096;

/// How far collecting an event has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Retention {
    /// Bookings that the collection which is going on has looked at; 0: none is going on.
    pub swept: u32,
    /// When the last one began; 0: there was none.
    pub swept_ms: u64,
    /// When the event went into the archive; 0: it did not.
    pub archived_ms: u64,
    /// Derived: bookings that will be collected in time.
    pub lapsed: u32,
    /// Derived: refusals that are remembered.
    pub refused: u32,
    /// Derived: where the event stands in `State::collecting`.
    pub due_ms: Option<u64>,
}

impl Retention {
    pub const fn is_archived(&self) -> bool {
        self.archived_ms != 0
    }
}

impl Booking {
    /// Nothing is left of it but its number.
    pub fn is_collected(&self) -> bool {
        self.seats.is_empty() && self.extras.is_none()
    }

    /// It came to nothing, and no provider was ever asked for its money.
    fn is_litter(&self) -> bool {
        let over = match self.state {
            BookingState::Released | BookingState::Expired => true,
            BookingState::Held
            | BookingState::Paying
            | BookingState::Confirmed
            | BookingState::RefundDue
            | BookingState::Refunded
            | BookingState::Capturing => false,
        };
        let unpaid = self.payment.is_none() || planted(Mistake::PaymentCollected);
        over && unpaid && self.money.is_none() && !self.is_collected()
    }

    fn collect(&mut self) {
        (self.id, self.user, self.key) = (BookingId(0), SYSTEM, RequestKey(0));
        (self.seats, self.prices) = (Box::default(), Box::default());
        (self.extras, self.payment, self.money) = (None, None, None);
        self.terms = BookingTerms::default();
        self.state = BookingState::Expired;
        (self.fingerprint, self.index, self.created_ms, self.expires_ms) = (0, 0, 0, 0);
    }
}

impl Event {
    /// Whether booking `seq` will be collected in time.
    fn is_litter(&self, seq: u32) -> bool {
        let offered = self.waitlist.as_ref().is_some_and(|list| list.offer(seq).is_some());
        !offered && self.booking_ever(seq).is_some_and(Booking::is_litter)
    }

    /// Counts what will be collected in time.
    pub(super) fn count_litter(&self) -> (u32, u32) {
        let numbers = 1..=self.booking_count();
        let lapsed = numbers.filter(|&seq| self.is_litter(seq)).count();
        let refused = self.refusals.len();
        (u32::try_from(lapsed).unwrap_or(u32::MAX), u32::try_from(refused).unwrap_or(u32::MAX))
    }

    /// When the event is over for good, and may go into the archive.
    fn over_at(&self) -> u64 {
        self.spec.date_ms.max(self.created_ms).saturating_add(ARCHIVE_AFTER_MS)
    }

    /// When there is something to be collected.
    fn collect_at(&self) -> Option<u64> {
        let of = &self.retention;
        if of.is_archived() {
            return None;
        }
        if of.swept != 0 {
            return Some(0);
        }
        let next_ms = of.swept_ms.max(self.created_ms).saturating_add(KEPT_MS);
        let litter = (of.lapsed > 0 || of.refused > 0).then_some(next_ms);
        let over_ms = self.over_at();
        let archive = match self.state {
            EventState::Draft => None,
            EventState::Published
            | EventState::Paused
            | EventState::Ended
            | EventState::Cancelled => Some(if of.swept_ms >= over_ms { next_ms } else { over_ms }),
        };
        litter.into_iter().chain(archive).min()
    }

    /// Whether nothing can happen to it any more by itself, and nobody is owed anything.
    fn is_settled(&self) -> bool {
        let owed = self.takings.owed > 0
            || self.bookings.iter().any(|booking| booking.state == BookingState::RefundDue);
        let owed = owed && !planted(Mistake::ArchivedOwing);
        let held = self.counts.held > 0 || self.areas.iter().any(|area| area.held > 0);
        !held && !owed && !self.refunds_left() && self.retention.lapsed == 0
    }
}

impl State {
    /// The event for which something is to be collected first, and when.
    pub fn next_collect(&self) -> Option<(u64, EventId)> {
        self.collecting.first().copied()
    }

    /// A booking ended unpaid.
    pub(super) fn littered(&mut self, id: EventId, seq: u32) {
        let Some(event) = self.events.get_mut(&id) else { return };
        if event.is_litter(seq) {
            event.retention.lapsed += 1;
            if event.retention.lapsed == 1 {
                self.recollect(id);
            }
        }
    }

    /// A refusal was remembered, or some were forgotten.
    pub(super) fn refusals_changed(&mut self, id: EventId) {
        let Some(event) = self.events.get_mut(&id) else { return };
        let before = event.retention.refused;
        event.retention.refused = u32::try_from(event.refusals.len()).unwrap_or(u32::MAX);
        if (before == 0) != (event.retention.refused == 0) {
            self.recollect(id);
        }
    }

    /// Brings `collecting` up to what the event is now.
    pub(super) fn recollect(&mut self, id: EventId) {
        let Some(event) = self.events.get_mut(&id) else { return };
        let at = event.collect_at();
        let before = std::mem::replace(&mut event.retention.due_ms, at);
        if before != at {
            before.map(|before| self.collecting.remove(&(before, id)));
            self.collecting.extend(at.map(|at| (at, id)));
        }
    }

    /// Rebuilds what is derived, once the event's bookings are there.
    pub(super) fn finish_retention(&mut self, id: EventId) {
        let Some(event) = self.events.get_mut(&id) else { return };
        (event.retention.lapsed, event.retention.refused) = event.count_litter();
        if event.retention.is_archived() {
            self.archived_here.insert(id);
        }
        self.recollect(id);
    }

    pub(super) fn collect(&mut self, id: EventId, max: u32) -> Answer {
        let clock_ms = self.log.clock_ms;
        self.retire_due_of(id, EXPIRE_MAX);
        let Some(event) = self.events.get_mut(&id) else {
            return refuse(ErrorCode::EventNotFound);
        };
        if event.collect_at().is_none_or(|at_ms| at_ms > clock_ms) {
            return Ok(Reply::Tended { steps: 0, more: false });
        }
        event.assert_whole();
        if event.retention.swept == 0 {
            event.retention.swept_ms = clock_ms;
            let gone = event.forget_refusals(clock_ms);
            self.touch_refusals(id, gone, None);
            self.refusals_changed(id);
        }
        let Some(event) = self.events.get_mut(&id) else {
            return refuse(ErrorCode::EventNotFound);
        };
        let (from, end) = (event.retention.swept, event.booking_count());
        let to = from.saturating_add(max.min(COLLECT_MAX)).min(end);
        let old_ms = if planted(Mistake::CollectedEarly) { 0 } else { KEPT_MS };
        for seq in from + 1..=to {
            let is_old = event
                .booking_ever(seq)
                .is_some_and(|booking| booking.expires_ms.saturating_add(old_ms) <= clock_ms);
            if is_old && event.is_litter(seq) {
                event.collect_booking(seq);
                let no = event_no(event);
                self.log.touch_booking(no, seq);
                self.log.touch_extras(no, seq);
                self.log.touch_terms(no, seq);
            }
        }
        let more = to < end;
        event.retention.swept = if more { to } else { 0 };
        let over = !more && event.over_at() <= clock_ms && event.state != EventState::Draft;
        if over && event.is_settled() {
            self.archive(id);
        }
        if let Some(event) = self.events.get(&id) {
            self.log.touch(RecordKey::Retention(event_no(event)));
        }
        self.recollect(id);
        Ok(Reply::Tended { steps: to - from, more })
    }

    fn archive(&mut self, id: EventId) {
        let clock_ms = self.log.clock_ms;
        let Some(event) = self.events.get_mut(&id) else { return };
        event.retention.archived_ms = clock_ms;
        let state = match event.state {
            EventState::Published | EventState::Paused | EventState::Ended => EventState::Ended,
            EventState::Draft | EventState::Cancelled => event.state,
        };
        self.archived_here.insert(id);
        let before = self.log.revision;
        self.enter(id, state, |life| life.pause_reason.clear());
        if self.log.revision == before {
            self.event_changed(id);
        }
        if self.events.get(&id).is_some_and(|event| event.queue.is_some()) {
            let closed = self.close_queue(id);
            assert_eq!(closed, Ok(Reply::Done), "its queue can be closed");
        }
    }

    /// Something is to happen to the event after all.
    pub(super) fn leave_archive(&mut self, id: EventId) {
        let Some(event) = self.events.get_mut(&id) else { return };
        if event.retention.is_archived() {
            event.retention.archived_ms = 0;
            self.archived_here.remove(&id);
            self.log.touch(RecordKey::Retention(event_no(event)));
        }
    }

    /// What is wrong with what is derived.
    pub(super) fn audit_retention(&self, found: &mut Vec<String>) {
        for (id, event) in &self.events {
            let of = &event.retention;
            let is_counted =
                event.residency.is_cold() || event.count_litter() == (of.lapsed, of.refused);
            if !is_counted {
                found.push(format!("{id}: what is to be collected is counted wrong"));
            }
            let at = event.collect_at();
            if of.due_ms != at || !at.is_none_or(|at| self.collecting.contains(&(at, *id))) {
                found.push(format!("{id}: when it is to be collected is not noted"));
            }
            if of.is_archived() && !self.archived_here.contains(id) {
                found.push(format!("{id}: is in the archive, and not noted to be here"));
            }
        }
        let known = self.events.values().filter(|event| event.retention.due_ms.is_some()).count();
        if known != self.collecting.len() {
            found.push("something is to be collected of an event that has nothing".to_owned());
        }
    }
}

impl Event {
    /// Booking `seq` is as if it had not been.
    fn collect_booking(&mut self, seq: u32) {
        let Some(booking) = self.booking_ever(seq) else { return };
        let (user, key) = (booking.user, booking.key);
        if self.by_key.get(&(user, key)) == Some(&KeyOwner::Booking(seq))
            && !planted(Mistake::CollectedKeyKept)
        {
            self.by_key.remove(&(user, key));
        }
        self.count_lapsed(user, false);
        self.retention.lapsed -= 1;
        if let Some(booking) = self.booking_ever_mut(seq) {
            booking.collect();
        }
    }
}
