//! Which events are whole in memory, and which have left their seats and bookings on disk.
//!
//! ```text
//! whole --evicted: quiet, and all of it is on disk--> cold --wanted: its records are read--> whole
//! ```
//!
//! A cold event keeps what is shown of it without its seats: what it is, its state, its counts. Its
//! owner reads the rest back before a command or a reader that wants it comes by, so that being cold
//! never changes an answer. Nothing here is replicated: each replica has its own cold events.
//!
//! Invariants:
//! - An event with a place that is held or in payment is never cold: what ends by time is in memory.
//!   Nor is one with a waiting room that is open, one whose waitlist is to be served, or one that was
//!   cancelled and has refunds to decide.
//! - An event with a record that is not on disk is never cold.
//! - An event in the archive leaves nothing but its number: whatever is asked of it, it is read back first.
//! - A cold event is not touched: [`Event`]'s seats and bookings are asserted to be there.
//! - What is read back agrees with what was kept: counts, areas and takings.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::{size_of, size_of_val, take};

use rowlock_proto::ids::{BookingLocator, EventId};

use super::State;
use super::booking::Booking;
use super::command::{Command, Subject};
pub use super::event::Left;
use super::event::{Event, Remembered};
use super::hold::event_no;
use super::invariants::audit_event;
use super::planted::{Mistake, planted};
use super::queue::Phase;
use super::record::{EventNo, RecordKey};
use super::waitlist::Waiter;
use crate::codec::Error;

/// Events whose sale begins this soon stay in memory, and are read ahead.
pub const SALE_AHEAD_MS: u64 = 10 * 60 * 1_000;
/// What an index entry costs beside what it holds.
const ENTRY_BYTES: usize = 48;
/// Those who wait are in two indexes.
const WAITER_BYTES: usize = size_of::<Waiter>() + 2 * ENTRY_BYTES;

/// What is in memory of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Residency {
    /// Log index at which it last changed or was read back.
    used: u64,
    /// What its seats and bookings were last reckoned to take.
    bytes: u64,
    /// Bookings that were left on disk; `None`: it is whole.
    left: Option<u32>,
}

impl Residency {
    pub const fn is_cold(&self) -> bool {
        self.left.is_some()
    }
}

impl Event {
    /// How many bookings there are, here or on disk.
    pub fn booking_count(&self) -> u32 {
        let here = || u32::try_from(self.bookings.len()).unwrap_or(u32::MAX);
        self.residency.left.unwrap_or_else(here)
    }

    /// About what seats, bookings and indexes take: from counts, since it is asked often.
    fn body_bytes(&self) -> u64 {
        let owned = self.counts.held.saturating_add(self.counts.sold) as usize;
        let bookings = self.bookings.len();
        let sum = size_of_val(self.owners_in(0..usize::MAX))
            + bookings * (size_of::<Booking>() + 2 * ENTRY_BYTES)
            + owned * (size_of::<u32>() + size_of::<u64>())
            + self.refusals.len() * (size_of::<Remembered>() + ENTRY_BYTES)
            + self.blocked.len() * ENTRY_BYTES
            + self.waitlist.as_ref().map_or(0, |list| list.entries.len() * WAITER_BYTES)
            + self
                .terms
                .as_ref()
                .map_or(0, |it| (it.kept.len() + 2 * it.codes.len()) * ENTRY_BYTES);
        sum as u64
    }

    /// Whether nothing of it may end by time, or be asked for by those who wait.
    fn is_quiet(&self) -> bool {
        let held = self.counts.held > 0 && !planted(Mistake::EvictedWhileHeld);
        // A waiting room is gone through by steps, and asked after by thousands: it stays.
        let queued = self.queue.as_ref().is_some_and(|queue| queue.phase != Phase::Closed);
        let waited_for = self.waitlist.as_ref().is_some_and(|list| list.has_a_time());
        !held
            && !queued
            && !waited_for
            && !self.refunds_left()
            && self.areas.iter().all(|area| area.held == 0)
    }

    fn sale_is_near(&self, clock_ms: u64) -> bool {
        (clock_ms..clock_ms.saturating_add(SALE_AHEAD_MS)).contains(&self.spec.sale_start_ms)
    }
}

impl State {
    /// The event that `command` is about, if it must be read back first.
    pub fn cold_for(&self, command: &Command) -> Option<EventNo> {
        self.cold(command.kind.subject()?)
    }

    /// The event that `subject` is or belongs to, if it must be read back first.
    pub fn cold(&self, subject: Subject) -> Option<EventNo> {
        let id = match subject {
            Subject::EventAlone(id) => return self.archived.get(&id).copied(),
            Subject::Event(id) => id,
            Subject::Booking(locator) => *self.by_no.get(&event_no_of(locator))?,
        };
        let Some(event) = self.events.get(&id) else { return self.archived.get(&id).copied() };
        event.residency.is_cold().then(|| event_no(event))
    }

    /// What all seats and bookings in memory are reckoned to take.
    pub const fn resident_bytes(&self) -> u64 {
        self.resident_bytes
    }

    pub fn event_number(&self, event: EventId) -> Option<EventNo> {
        let here = self.events.get(&event).map(event_no);
        here.or_else(|| self.archived.get(&event).copied())
    }

    /// Those of all events that are not in the archive.
    pub fn event_numbers(&self) -> Vec<EventNo> {
        let here = self.by_no.iter().filter(|(_, id)| !self.archived.contains_key(id));
        here.map(|(&no, _)| no).collect()
    }

    pub fn is_cold(&self, no: EventNo) -> bool {
        let Some(id) = self.by_no.get(&no) else { return false };
        let event = self.events.get(id);
        event.map_or_else(|| self.archived.contains_key(id), |event| event.residency.is_cold())
    }

    pub fn cold_events(&self) -> Vec<EventNo> {
        let cold = self.events.values().filter(|event| event.residency.is_cold());
        cold.map(event_no).chain(self.archived.values().copied()).collect()
    }

    /// Cold events whose sale begins soon.
    pub fn cold_before_sale(&self) -> Vec<EventNo> {
        let near = self.events.values().filter(|event| event.sale_is_near(self.log.clock_ms));
        near.filter(|event| event.residency.is_cold()).map(event_no).collect()
    }

    /// Reckons anew what the events of `keys` take.
    pub(super) fn reckon(&mut self, keys: &BTreeSet<RecordKey>) {
        let events: BTreeSet<EventNo> = keys.iter().filter_map(|key| key.event()).collect();
        for no in events {
            self.reckon_event(no);
        }
    }

    fn reckon_event(&mut self, no: EventNo) {
        let used = self.log.index;
        let Some(event) = self.by_no.get(&no).and_then(|id| self.events.get_mut(id)) else {
            return;
        };
        if event.residency.is_cold() {
            // Time did something to it, which needed no more than is here.
            return;
        }
        let bytes = event.body_bytes();
        self.resident_bytes = self.resident_bytes - event.residency.bytes + bytes;
        event.residency = Residency { used, bytes, ..event.residency };
    }

    /// Lets go of the events that were not used for longest, until the rest takes no more than
    /// nine tenths of `bytes_max`. The caller has written every record that was dirty before, and
    /// those that are dirty now are still to be written. What is returned is memory to be freed.
    pub fn evict_over(&mut self, bytes_max: u64) -> Vec<Left> {
        if self.resident_bytes <= bytes_max && self.archived_here.is_empty() {
            return Vec::new();
        }
        let aim = bytes_max - bytes_max / 10;
        let dirty: BTreeSet<EventNo> =
            self.log.dirty.iter().filter_map(|key| key.event()).collect();
        let may_go = |event: &Event| {
            let written = !dirty.contains(&event_no(event)) || planted(Mistake::EvictedUnwritten);
            event.is_quiet() && written
        };
        let archived = self.archived_here.iter().filter_map(|id| self.events.get(id));
        let archived: Vec<_> = archived.filter(|it| may_go(it)).map(|it| it.id).collect();
        let mut gone: Vec<Left> = archived.into_iter().filter_map(|id| self.evict(id)).collect();
        if self.resident_bytes <= bytes_max {
            return gone;
        }
        let clock_ms = self.log.clock_ms;
        let idle = self.events.values().filter(|event| event.residency.bytes > 0 && may_go(event));
        let by_use: BTreeMap<(bool, u64, EventNo), EventId> = idle
            .map(|event| {
                let order = (event.sale_is_near(clock_ms), event.residency.used, event_no(event));
                (order, event.id)
            })
            .collect();
        for id in by_use.into_values() {
            if self.resident_bytes <= aim {
                break;
            }
            gone.extend(self.evict(id));
        }
        gone
    }

    /// Leaves the event's seats and bookings on disk. The caller has seen that they are there.
    fn evict(&mut self, id: EventId) -> Option<Left> {
        let event = self.events.get_mut(&id).filter(|event| !event.residency.is_cold())?;
        assert!(self.deadlines.of(id).next().is_none(), "what ends by time stays in memory");
        let left = event.booking_count();
        self.resident_bytes -= event.residency.bytes;
        let evicted = event.leave();
        event.residency = Residency { bytes: 0, left: Some(left), ..event.residency };
        if event.retention.is_archived() {
            self.put_away(id);
        }
        Some(evicted)
    }

    /// Leaves all of an event in the archive on disk.
    fn put_away(&mut self, id: EventId) {
        let Some(event) = self.events.remove(&id) else { return };
        let to_do = (event.life.tended_at, event.retention.due_ms);
        assert_eq!(to_do, (None, None), "of an event in the archive nothing is to be done");
        self.archived_here.remove(&id);
        self.archived.insert(id, event_no(&event));
    }

    /// While a state is loaded: what is in the archive stays there.
    pub fn put_away_archived(&mut self) {
        let archived = self.events.values().filter(|event| event.retention.is_archived());
        for id in archived.map(|event| event.id).collect::<Vec<_>>() {
            self.put_away(id);
        }
    }

    /// Checks every invariant of a cold event, whose records `rows` are.
    pub fn audit_cold(
        &mut self,
        no: EventNo,
        rows: &[(RecordKey, Vec<u8>)],
    ) -> Result<Vec<String>, Error> {
        if !self.is_cold(no) {
            return Ok(Vec::new());
        }
        self.wake(no, rows)?;
        let id = *self.by_no.get(&no).ok_or(Error::Orphan)?;
        let found = self.events.get(&id).map(audit_event).unwrap_or_default();
        drop(self.evict(id));
        Ok(found)
    }

    /// Reads an event back: `rows` are all its records, in the order of their keys.
    pub fn wake(&mut self, no: EventNo, rows: &[(RecordKey, Vec<u8>)]) -> Result<(), Error> {
        let id = *self.by_no.get(&no).ok_or(Error::Orphan)?;
        let kept = self.events.remove(&id);
        if kept.is_none() && self.archived.remove(&id).is_none() {
            return Err(Error::Orphan);
        }
        for (key, bytes) in rows {
            if key.event() != Some(no) {
                return Err(Error::Meaning);
            }
            self.load_record(*key, bytes)?;
        }
        // Before the first look at its bookings nothing was known of them.
        let is_first = |it: &Event| it.residency == Residency::default() && it.bookings.is_empty();
        let Some(mut kept) = kept.filter(|kept| !is_first(kept)) else {
            self.finish_event(no)?;
            self.reckon_event(no);
            return Ok(());
        };
        // What is in memory of a cold event is newer than its records: its time may have come.
        let event = self.events.get_mut(&id).ok_or(Error::Orphan)?;
        event.state = kept.state;
        event.revision = kept.revision;
        event.life = take(&mut kept.life);
        event.retention.due_ms = kept.retention.due_ms;
        self.finish_event(no)?;
        let event = self.events.get(&id).ok_or(Error::Orphan)?;
        let same = (&event.counts, &event.areas, &event.takings)
            == (&kept.counts, &kept.areas, &kept.takings);
        if !same {
            return Err(Error::Meaning);
        }
        self.resident_bytes -= kept.residency.bytes;
        self.reckon_event(no);
        Ok(())
    }
}

const fn event_no_of(locator: BookingLocator) -> EventNo {
    (locator.slot().number(), locator.event_no())
}
