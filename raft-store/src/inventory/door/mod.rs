//! Doors: tickets that were voided, how many were let in, and scans that a door made on its own.
//!
//! A door without a network lets in what looks valid and sends its scans later. What could go wrong,
//! and what answers it:
//! - The batch arrives twice, or its scans in another batch: each scan has a key of its own, and one
//!   that is known is answered so and changes nothing (P4). A key from an online scan whose answer
//!   was lost is the same key, so that its visitor is no conflict.
//! - Two doors let the same ticket in: the first that arrives is the redemption (P7), the other is
//!   told which door and when, and a change says so. Asked again, it is told again, without a change.
//! - A redemption was undone since: its scan, sent again, does not bring it back.
//! - The door's clock is ahead: the time on the ticket is never after the log's.
//! - The scan is of another event, or of a place that was refunded: each scan is answered apart.
//!
//! A voided ticket is dead for good, and its place stays sold until it is refunded. A ticket that was
//! let in is not voided: the visitor is inside.

mod book;
mod command;

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, EventId, RequestKey};

pub use self::book::{Book, Merged, Note, Noted, Void};
pub use self::command::{DoorCommand, SCANS_MAX, Scan};
use super::booking::{BookingState, Redeemed};
use super::change::{ChangeKind, DoorChange};
use super::event::Event;
use super::hold::event_no;
use super::planted::{Mistake, planted};
use super::record::RecordKey;
use super::reply::{Answer, DoorCounts, EventState, Reply, ScanOutcome};
use super::{State, refuse};

/// Doors that one answer lists.
const DOORS_LISTED_MAX: usize = 1_000;

impl State {
    pub(super) fn at_door(&mut self, key: RequestKey, command: &DoorCommand) -> Answer {
        match command {
            DoorCommand::Void { booking, place, reason } => {
                self.void_ticket(key, *booking, *place, reason)
            }
            DoorCommand::Merge { event, scans } => {
                if !self.events.contains_key(event) {
                    return refuse(ErrorCode::EventNotFound);
                }
                let outcomes = scans.iter().map(|scan| self.merge(*event, scan)).collect();
                Ok(Reply::Scans(outcomes))
            }
        }
    }

    fn void_ticket(&mut self, key: RequestKey, id: BookingId, place: u32, reason: &str) -> Answer {
        let seq = id.locator().seq();
        if let Some((event, _)) = self.find_booking(id)
            && event.doors.void(seq, place).is_some_and(|void| void.key == key)
        {
            return self.booking_answer(id);
        }
        let event = self.unused_ticket(id, place)?;
        let void = Void { key, at_ms: self.log.clock_ms, reason: reason.to_owned() };
        self.note_at_door(event, seq, place, |note| note.void = Some(void));
        let reason = reason.to_owned();
        let change = DoorChange::TicketVoided { booking: id, place, reason };
        self.log.note(ChangeKind::Door(change));
        self.booking_answer(id)
    }

    fn merge(&mut self, event: EventId, scan: &Scan) -> ScanOutcome {
        let &Scan { key, booking: id, place, version, seen_ms, .. } = scan;
        // Only this event is known to be in memory: a booking of another one is not looked for.
        let locator = id.locator();
        let its_event = (locator.slot().number(), locator.event_no());
        if self.events.get(&event).map(event_no) != Some(its_event) {
            return ScanOutcome::Unknown;
        }
        let Some((of, booking)) = self.find_booking(id) else { return ScanOutcome::Unknown };
        if place >= booking.place_count() {
            return ScanOutcome::Unknown;
        }
        let seq = id.locator().seq();
        let note = of.doors.note(seq, place);
        let ticket = booking.extras.as_ref().and_then(|extras| extras.tickets.get(&place));
        let redeemed = ticket.and_then(|ticket| ticket.redeemed.as_ref());
        let merged = note.and_then(|note| note.merged.as_ref());
        if merged.is_some_and(|merged| merged.key == key)
            || redeemed.is_some_and(|redeemed| redeemed.key == key)
        {
            return ScanOutcome::Repeat;
        }
        if booking.state != BookingState::Confirmed
            || of.state == EventState::Cancelled
            || booking.is_gone(place)
            || booking.is_voided()
            || note.is_some_and(|note| note.void.is_some())
        {
            return ScanOutcome::Void;
        }
        if let Some(redeemed) = redeemed
            && !planted(Mistake::MergedOver)
        {
            let (door, at_ms) = (redeemed.door.clone(), redeemed.at_ms);
            let told = note.is_some_and(|note| note.conflicts.contains(&key));
            if !told {
                self.note_at_door(event, seq, place, |note| note.add_conflict(key));
                self.log.note(ChangeKind::Door(DoorChange::ScanConflict {
                    booking: id,
                    place,
                    door: scan.door.clone(),
                    seen_ms,
                    first_door: door.clone(),
                    first_ms: at_ms,
                }));
            }
            return ScanOutcome::Conflict { door, at_ms };
        }
        if ticket.map_or(0, |ticket| ticket.version) != version {
            return ScanOutcome::Replaced;
        }
        let at_ms = seen_ms.min(self.log.clock_ms);
        let redeemed = Redeemed { door: scan.door.clone(), at_ms, key };
        self.change_extras(event, seq, |extras| {
            extras.tickets.entry(place).or_default().redeemed = Some(redeemed);
        });
        let merged = Merged { key, seen_ms };
        self.note_at_door(event, seq, place, |note| note.merged = Some(merged));
        self.let_in(event, &scan.door);
        let door = scan.door.clone();
        self.log.note(ChangeKind::TicketRedeemed { booking: id, place, door });
        ScanOutcome::Taken
    }

    fn note_at_door(&mut self, id: EventId, seq: u32, place: u32, change: impl FnOnce(&mut Note)) {
        let Some(event) = self.events.get_mut(&id) else { return };
        change(event.doors.note_mut(seq, place));
        let no = event_no(event);
        self.log.touch(RecordKey::Doors(no, Book::block(seq)));
    }

    /// Counts one more at a door.
    pub(super) fn let_in(&mut self, id: EventId, door: &str) {
        if let Some(event) = self.events.get_mut(&id) {
            event.doors.count_in(door);
        }
    }

    /// Counts one less: it was let in by mistake.
    pub(super) fn let_out(&mut self, id: EventId, door: &str) {
        if let Some(event) = self.events.get_mut(&id)
            && !planted(Mistake::DoorCountKept)
        {
            event.doors.count_out(door);
        }
    }

    /// How many tickets were let in, in all and at each door.
    pub fn doors(&self, id: EventId) -> Option<DoorCounts> {
        let event = self.events.get(&id)?;
        let listed = event.doors.counts().take(DOORS_LISTED_MAX);
        Some(DoorCounts {
            total: event.doors.total(),
            doors: listed.map(|(door, count)| (door.to_owned(), count)).collect(),
        })
    }
}

/// The counts and notes agree with the tickets.
pub(super) fn audit(event: &Event, found: &mut Vec<String>) {
    let mut counted = event.doors.clone();
    counted.count_again(&event.bookings);
    if counted != event.doors {
        found.push(format!("{}: the counts at its doors are not those of its tickets", event.id));
    }
    for (&(seq, place), note) in event.doors.notes() {
        let booking = event.booking(seq).filter(|booking| place < booking.place_count());
        let Some(booking) = booking else {
            found.push(format!("{}: a note on place {place} of booking {seq}", event.id));
            continue;
        };
        let tickets = booking.extras.as_ref().map(|extras| &extras.tickets);
        let ticket = tickets.and_then(|tickets| tickets.get(&place));
        if note.void.is_some() && ticket.is_some_and(|ticket| ticket.redeemed.is_some()) {
            found.push(format!("booking {}: ticket {place} is void, and in", booking.id));
        }
    }
}
