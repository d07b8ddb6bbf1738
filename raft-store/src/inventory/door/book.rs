//! What an event keeps about its doors.
//!
//! Invariants: a note is there only for a ticket that something happened to at a door; the counts are
//! derived from the tickets, are never 0, and are not stored.

use std::collections::BTreeMap;

use rowlock_proto::ids::RequestKey;

use crate::inventory::booking::Booking;
use crate::inventory::event::BOOKINGS_PER_BLOCK;

/// Conflicts that are remembered of one ticket; the oldest go.
const CONFLICTS_MAX: usize = 8;

/// What stands about one ticket, besides the ticket.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Note {
    pub void: Option<Void>,
    /// The last scan that came later and let it in.
    pub merged: Option<Merged>,
    /// Keys of scans that were told that it was in already.
    pub conflicts: Vec<RequestKey>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Void {
    /// The request that it came from, for its repeats (P4).
    pub key: RequestKey,
    pub at_ms: u64,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    pub key: RequestKey,
    /// By the door's own clock.
    pub seen_ms: u64,
}

impl Note {
    pub(super) fn add_conflict(&mut self, key: RequestKey) {
        if self.conflicts.len() >= CONFLICTS_MAX {
            self.conflicts.remove(0);
        }
        self.conflicts.push(key);
    }
}

/// A note, and the ticket that it is on: number of the booking, and place in it.
pub type Noted = ((u32, u32), Note);

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Book {
    /// By booking number and place.
    notes: BTreeMap<(u32, u32), Note>,
    total: u32,
    counts: BTreeMap<String, u32>,
}

impl Book {
    /// The record that notes on a booking are in.
    pub fn block(seq: u32) -> u32 {
        seq.saturating_sub(1) / BOOKINGS_PER_BLOCK
    }

    pub fn note(&self, seq: u32, place: u32) -> Option<&Note> {
        self.notes.get(&(seq, place))
    }

    pub fn void(&self, seq: u32, place: u32) -> Option<&Void> {
        self.note(seq, place)?.void.as_ref()
    }

    /// Tickets of a booking that are void.
    pub fn voids_of(&self, seq: u32) -> impl Iterator<Item = (u32, &Void)> {
        let notes = self.notes.range((seq, 0)..=(seq, u32::MAX));
        notes.filter_map(|(&(_, place), note)| Some((place, note.void.as_ref()?)))
    }

    pub(super) fn note_mut(&mut self, seq: u32, place: u32) -> &mut Note {
        self.notes.entry((seq, place)).or_default()
    }

    pub fn notes(&self) -> impl Iterator<Item = (&(u32, u32), &Note)> {
        self.notes.iter()
    }

    /// The notes of one record.
    pub fn notes_in(&self, block: u32) -> impl Iterator<Item = (&(u32, u32), &Note)> {
        let first = block.saturating_mul(BOOKINGS_PER_BLOCK).saturating_add(1);
        let last = first.saturating_add(BOOKINGS_PER_BLOCK - 1);
        self.notes.range((first, 0)..=(last, u32::MAX))
    }

    pub fn load(&mut self, notes: Vec<Noted>) {
        self.notes.extend(notes);
    }

    pub(super) fn count_in(&mut self, door: &str) {
        self.total = self.total.saturating_add(1);
        if let Some(count) = self.counts.get_mut(door) {
            *count = count.saturating_add(1);
        } else {
            self.counts.insert(door.to_owned(), 1);
        }
    }

    pub(super) fn count_out(&mut self, door: &str) {
        let Some(count) = self.counts.get_mut(door) else { return };
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.counts.remove(door);
        }
        self.total = self.total.saturating_sub(1);
    }

    pub fn total(&self) -> u32 {
        self.total
    }

    pub fn counts(&self) -> impl Iterator<Item = (&str, u32)> {
        self.counts.iter().map(|(door, &count)| (door.as_str(), count))
    }

    /// From the tickets alone.
    pub fn count_again(&mut self, bookings: &[Booking]) {
        self.total = 0;
        self.counts.clear();
        let tickets = bookings.iter().filter_map(|booking| booking.extras.as_ref());
        for ticket in tickets.flat_map(|extras| extras.tickets.values()) {
            if let Some(redeemed) = &ticket.redeemed {
                self.count_in(&redeemed.door);
            }
        }
    }
}
