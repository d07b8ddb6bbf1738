//! One event: its seats, its bookings, and the indexes that are derived from them.
//!
//! Invariants:
//! - `owners[seat]` is the number of the one booking that owns the seat, or 0 (P1).
//! - `held + sold` of `counts` are the seats that have an owner; `sold` those of confirmed ones.
//! - `by_key` has one entry for each booking; `per_user` sums the owned seats of each user.
//! - Bookings are numbered from 1 without gaps and never removed from their place.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use rowlock_proto::ids::{EventId, RequestKey, UserId};
use rowlock_proto::shard::Slot;

use super::booking::{Booking, BookingState};
use super::command::EventSpec;
use super::reply::{EventState, Refusal, SeatCounts};

/// Seats of one state record.
pub const SEATS_PER_BLOCK: u32 = 512;
/// Bookings of one state record.
pub const BOOKINGS_PER_BLOCK: u32 = 64;
/// How long a refusal is remembered.
pub const REFUSAL_MEMORY_MS: u64 = 10 * 60 * 1_000;
/// Refusals that are remembered of one user.
pub const REFUSALS_PER_USER_MAX: u32 = 32;
/// Refusals that are remembered of one event: past it the oldest go, whosever they are.
pub const REFUSALS_PER_EVENT_MAX: usize = 65_536;
/// Refusals of one state record.
pub const REFUSALS_PER_BLOCK: u64 = 64;

#[derive(Clone, Debug)]
pub struct Event {
    pub id: EventId,
    /// The id's slot, which is a hash: kept, since every command wants it.
    pub slot: Slot,
    pub event_no: u32,
    pub spec: EventSpec,
    pub state: EventState,
    pub created_ms: u64,
    pub revision: u64,
    /// Category of each seat; shared by all events of a map.
    pub categories: std::sync::Arc<[u8]>,
    /// Number of the booking that owns the seat; 0: available.
    pub owners: Vec<u32>,
    /// `bookings[n - 1]` is booking number n.
    pub bookings: Vec<Booking>,
    /// Remembered refusals, oldest first; `refusals_from` is the number of the first.
    pub refusals: VecDeque<Remembered>,
    pub refusals_from: u64,

    // Derived; rebuilt after a load.
    pub counts: SeatCounts,
    pub by_key: BTreeMap<(UserId, RequestKey), KeyOwner>,
    pub per_user: BTreeMap<UserId, UserCounts>,
}

/// What a key was used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    Booking(u32),
    Refusal(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct UserCounts {
    /// Seats that the user's live bookings own.
    pub seats: u32,
    pub refusals: u32,
}

/// A refusal that is kept for the repeats of its request (P4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub user: UserId,
    pub key: RequestKey,
    pub fingerprint: u64,
    pub index: u64,
    pub at_ms: u64,
    pub refusal: Refusal,
}

impl Event {
    pub fn booking(&self, seq: u32) -> Option<&Booking> {
        self.bookings.get(usize::try_from(seq.checked_sub(1)?).ok()?)
    }
    pub fn booking_mut(&mut self, seq: u32) -> Option<&mut Booking> {
        self.bookings.get_mut(usize::try_from(seq.checked_sub(1)?).ok()?)
    }
    /// The owner's number, 0 if available, `None` if there is no such seat.
    pub fn owner(&self, seat: u32) -> Option<u32> {
        self.owners.get(usize::try_from(seat).ok()?).copied()
    }
    fn set_owner(&mut self, seat: u32, owner: u32) {
        if let Some(slot) = usize::try_from(seat).ok().and_then(|seat| self.owners.get_mut(seat)) {
            *slot = owner;
        }
    }
    pub fn price(&self, seat: u32) -> Option<u64> {
        let category = *self.categories.get(usize::try_from(seat).ok()?)?;
        self.spec.prices.get(usize::from(category)).copied()
    }

    /// Gives `seats` to booking `seq` of `user`. P1: the caller has seen that each is available.
    pub fn take_seats(&mut self, seats: &[u32], seq: u32, user: UserId, sold: bool) {
        for &seat in seats {
            assert_eq!(self.owner(seat), Some(0), "a seat is given only while it is available");
            self.set_owner(seat, seq);
        }
        let count = seat_count(seats);
        self.counts.available -= count;
        if sold {
            self.counts.sold += count;
        } else {
            self.counts.held += count;
        }
        self.per_user.entry(user).or_default().seats += count;
    }

    /// Takes `seats` back from booking `seq`, which holds or has bought them.
    pub fn return_seats(&mut self, seats: &[u32], seq: u32, user: UserId) {
        for &seat in seats {
            assert_eq!(self.owner(seat), Some(seq), "only its owner gives a seat back");
            self.set_owner(seat, 0);
        }
        let count = seat_count(seats);
        self.counts.held -= count;
        self.counts.available += count;
        self.forget_seats_of(user, count);
    }

    /// The held seats of a booking are sold to it.
    pub fn sell_seats(&mut self, count: u32) {
        self.counts.held -= count;
        self.counts.sold += count;
    }

    fn forget_seats_of(&mut self, user: UserId, count: u32) {
        if let Some(counts) = self.per_user.get_mut(&user) {
            counts.seats -= count;
            if *counts == UserCounts::default() {
                self.per_user.remove(&user);
            }
        }
    }

    /// Keeps a refusal, and lets go of what is too old or too many. Returns the numbers of those
    /// that went, and of the one that was kept, for the records to be written.
    pub fn remember_refusal(&mut self, remembered: Remembered) -> (Range<u64>, Option<u64>) {
        let first = self.refusals_from;
        let now = remembered.at_ms;
        while self.refusals.front().is_some_and(|oldest| {
            oldest.at_ms.saturating_add(REFUSAL_MEMORY_MS) < now
                || self.refusals.len() >= REFUSALS_PER_EVENT_MAX
        }) {
            self.forget_oldest_refusal();
        }
        let gone = first..self.refusals_from;
        let number = self.refusals_from + self.refusals.len() as u64;
        let counts = self.per_user.entry(remembered.user).or_default();
        // Past the bound a repeat is judged afresh. It changes nothing unless seats came back
        // meanwhile, and then it is granted once, since a grant is remembered.
        if counts.refusals >= REFUSALS_PER_USER_MAX {
            return (gone, None);
        }
        counts.refusals += 1;
        self.by_key.insert((remembered.user, remembered.key), KeyOwner::Refusal(number));
        self.refusals.push_back(remembered);
        (gone, Some(number))
    }

    fn forget_oldest_refusal(&mut self) {
        let Some(oldest) = self.refusals.pop_front() else { return };
        let key = (oldest.user, oldest.key);
        if self.by_key.get(&key) == Some(&KeyOwner::Refusal(self.refusals_from)) {
            self.by_key.remove(&key);
        }
        self.refusals_from += 1;
        if let Some(counts) = self.per_user.get_mut(&oldest.user) {
            counts.refusals -= 1;
            if *counts == UserCounts::default() {
                self.per_user.remove(&oldest.user);
            }
        }
    }

    /// Rebuilds what is derived, after the records were loaded.
    pub fn rebuild(&mut self) {
        self.by_key.clear();
        self.per_user.clear();
        let total = u32::try_from(self.owners.len()).unwrap_or(u32::MAX);
        let mut counts = SeatCounts { total, available: total, ..SeatCounts::default() };
        // Refusals first: a key that was refused, forgotten and then granted belongs to its booking.
        for (number, remembered) in (self.refusals_from..).zip(&self.refusals) {
            let key = (remembered.user, remembered.key);
            self.by_key.insert(key, KeyOwner::Refusal(number));
            self.per_user.entry(remembered.user).or_default().refusals += 1;
        }
        for (seq, booking) in (1..).zip(&self.bookings) {
            self.by_key.insert((booking.user, booking.key), KeyOwner::Booking(seq));
            let seats = seat_count(&booking.seats);
            if booking.state.owns_seats() {
                counts.available -= seats;
                if booking.state == BookingState::Confirmed {
                    counts.sold += seats;
                } else {
                    counts.held += seats;
                }
                self.per_user.entry(booking.user).or_default().seats += seats;
            }
        }
        self.counts = counts;
    }
}

/// Seats of a booking are at most `SEATS_PER_HOLD_MAX`.
pub fn seat_count(seats: &[u32]) -> u32 {
    u32::try_from(seats.len()).unwrap_or(u32::MAX)
}
