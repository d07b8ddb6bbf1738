//! One event: its seats, its bookings, and the indexes that are derived from them.
//!
//! Invariants:
//! - `owners[seat]` is the number of the one booking that owns the seat, or 0 (P1).
//! - `held + sold` of `counts` are the seats that have an owner; `sold` those of confirmed ones.
//! - `held + sold` of an area are the places of its live bookings, at most its capacity.
//! - `by_key` has one entry for each booking; `per_user` sums the owned places of each user.
//! - Bookings are numbered from 1 without gaps and never removed from their place.
//! - `takings` are the sums of its bookings' money.
//! - All of this is of an event that is whole; of a cold one (`cold.rs`) counts, areas and takings are
//!   here.

use std::collections::{BTreeMap, VecDeque};
use std::mem::take;
use std::ops::Range;
use std::sync::Arc;

use rowlock_proto::ids::{EventId, RequestKey, UserId};
use rowlock_proto::shard::Slot;

use super::booking::{Booking, BookingState, BookingTerms, Places};
use super::cold::Residency;
use super::command::EventSpec;
use super::door::Book;
use super::free::Free;
use super::layout::Layout;
use super::life::Life;
use super::money::Takings;
use super::planted::{Mistake, planted};
use super::queue::Queue;
use super::reply::{AreaCounts, EventState, Refusal, SeatCounts};
use super::retention::Retention;
use super::terms::{Terms, is_lapsed};
use super::waitlist::Waitlist;

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
    /// What the map means; shared by all its events.
    pub layout: Arc<Layout>,
    /// Number of the booking that owns the seat; 0: nobody. Empty until a seat has its first owner.
    owners: Vec<u32>,
    /// Why a seat is not for sale. Only seats without an owner are.
    pub blocked: BTreeMap<u32, Arc<str>>,
    /// `bookings[n - 1]` is booking number n.
    pub bookings: Vec<Booking>,
    /// Remembered refusals, oldest first; `refusals_from` is the number of the first.
    pub refusals: VecDeque<Remembered>,
    pub refusals_from: u64,
    /// The waiting room, if there ever was one.
    pub queue: Option<Box<Queue>>,
    pub life: Life,
    pub retention: Retention,
    pub doors: Book,
    /// Those who wait for places, if anybody ever did.
    pub waitlist: Option<Box<Waitlist>>,
    /// On what terms it is sold, if anything was ever said of them.
    pub terms: Option<Box<Terms>>,

    // Derived; rebuilt after a load.
    pub counts: SeatCounts,
    pub areas: Vec<AreaCounts>,
    pub takings: Takings,
    pub by_key: BTreeMap<(UserId, RequestKey), KeyOwner>,
    pub per_user: BTreeMap<UserId, UserCounts>,
    /// By the channel that they are searched for; built by the first search for the best seats.
    pub free: BTreeMap<u8, Free>,

    /// Not replicated.
    pub residency: Residency,
}

/// What an event leaves on disk, as memory that is yet to be freed.
#[derive(Debug)]
pub struct Left {
    _owners: Vec<u32>,
    _blocked: BTreeMap<u32, Arc<str>>,
    _bookings: Vec<Booking>,
    _refusals: VecDeque<Remembered>,
    _by_key: BTreeMap<(UserId, RequestKey), KeyOwner>,
    _per_user: BTreeMap<UserId, UserCounts>,
    _doors: Book,
    _waitlist: Option<Box<Waitlist>>,
    _terms: Option<Box<Terms>>,
    _free: BTreeMap<u8, Free>,
}

/// Who takes places, and how.
#[derive(Clone, Copy, Debug)]
pub struct Taker {
    pub user: UserId,
    pub terms: BookingTerms,
    /// Bought, not only held.
    pub sold: bool,
}

impl Taker {
    pub const fn of(booking: &Booking, sold: bool) -> Self {
        Self { user: booking.user, terms: booking.terms, sold }
    }
}

/// What a key was used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    Booking(u32),
    Refusal(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct UserCounts {
    /// Places that the user's live bookings own.
    pub seats: u32,
    /// Those of them that are not paid.
    pub held: u32,
    /// Bookings that ended unpaid.
    pub lapsed: u32,
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
    /// A draft.
    pub fn new(id: EventId, event_no: u32, spec: EventSpec, layout: Arc<Layout>) -> Self {
        let mut event = Self {
            id,
            slot: id.slot(),
            event_no,
            spec,
            state: EventState::Draft,
            created_ms: 0,
            revision: 0,
            layout,
            owners: Vec::new(),
            blocked: BTreeMap::new(),
            bookings: Vec::new(),
            refusals: VecDeque::new(),
            refusals_from: 0,
            queue: None,
            life: Life::default(),
            retention: Retention::default(),
            doors: Book::default(),
            waitlist: None,
            terms: None,
            counts: SeatCounts::default(),
            areas: Vec::new(),
            takings: Takings::default(),
            by_key: BTreeMap::new(),
            per_user: BTreeMap::new(),
            free: BTreeMap::new(),
            residency: Residency::default(),
        };
        event.counts = event.all_available();
        event.areas = event.layout.no_places_taken();
        event
    }

    /// Seats and bookings of a cold event are on disk: who looks at them here has forgotten to read
    /// them back, and would take sold seats for free ones.
    pub fn assert_whole(&self) {
        assert!(!self.residency.is_cold(), "a cold event is read back before it is looked into");
    }

    /// Gives up the memory of what is on disk, and of what follows from it.
    pub fn leave(&mut self) -> Left {
        Left {
            _owners: take(&mut self.owners),
            _blocked: take(&mut self.blocked),
            _bookings: take(&mut self.bookings),
            _refusals: take(&mut self.refusals),
            _doors: take(&mut self.doors),
            _waitlist: self.waitlist.take(),
            _terms: self.terms.take(),
            _by_key: take(&mut self.by_key),
            _per_user: take(&mut self.per_user),
            _free: take(&mut self.free),
        }
    }

    pub fn booking(&self, seq: u32) -> Option<&Booking> {
        self.booking_ever(seq).filter(|booking| !booking.is_collected())
    }
    pub fn booking_mut(&mut self, seq: u32) -> Option<&mut Booking> {
        self.booking_ever_mut(seq).filter(|booking| !booking.is_collected())
    }
    /// Also if it is collected.
    pub fn booking_ever(&self, seq: u32) -> Option<&Booking> {
        self.assert_whole();
        self.bookings.get(usize::try_from(seq.checked_sub(1)?).ok()?)
    }
    pub fn booking_ever_mut(&mut self, seq: u32) -> Option<&mut Booking> {
        self.assert_whole();
        self.bookings.get_mut(usize::try_from(seq.checked_sub(1)?).ok()?)
    }
    pub fn seat_total(&self) -> u32 {
        u32::try_from(self.layout.categories.len()).unwrap_or(u32::MAX)
    }
    /// The owner's number, 0 if there is none, `None` if there is no such seat.
    pub fn owner(&self, seat: u32) -> Option<u32> {
        self.assert_whole();
        let owner = self.owners.get(usize::try_from(seat).ok()?).copied();
        owner.or_else(|| (seat < self.seat_total()).then_some(0))
    }
    /// The owner of each seat, in order.
    pub fn owners(&self) -> impl Iterator<Item = u32> {
        self.assert_whole();
        let total = usize::try_from(self.seat_total()).unwrap_or(usize::MAX);
        self.owners.iter().copied().chain(std::iter::repeat(0)).take(total)
    }
    /// The owners of a range of seats; nothing if nobody has ever owned one.
    pub fn owners_in(&self, seats: Range<usize>) -> &[u32] {
        self.assert_whole();
        let end = seats.end.min(self.owners.len());
        self.owners.get(seats.start.min(end)..end).unwrap_or(&[])
    }
    /// Whether anybody may have the seat now.
    pub fn is_free(&self, seat: u32) -> bool {
        self.owner(seat) == Some(0)
            && (self.blocked.is_empty()
                || !self.blocked.contains_key(&seat)
                || planted(Mistake::BlockedIsFree))
    }
    /// Writes owners as they were stored. False: there are no such seats.
    pub fn load_owners(&mut self, first: usize, owners: &[u32]) -> bool {
        self.allocate();
        let end = first.saturating_add(owners.len());
        let place = self.owners.get_mut(first..end);
        place.map(|place| place.copy_from_slice(owners)).is_some()
    }
    fn allocate(&mut self) {
        if self.owners.is_empty() {
            self.owners = vec![0; self.layout.categories.len()];
        }
    }
    fn set_owner(&mut self, seat: u32, owner: u32) {
        self.allocate();
        if let Some(slot) = usize::try_from(seat).ok().and_then(|seat| self.owners.get_mut(seat)) {
            *slot = owner;
        }
        self.seat_changed(seat);
    }
    /// Free or not: a search must look again.
    pub fn seat_changed(&mut self, seat: u32) {
        for free in self.free.values_mut() {
            free.touch(&self.layout, seat);
        }
    }
    pub fn price(&self, seat: u32) -> Option<u64> {
        let category = *self.layout.categories.get(usize::try_from(seat).ok()?)?;
        self.spec.prices.get(usize::from(category)).copied()
    }

    /// Gives `seats` to booking `seq` of `user`. P1: the caller has seen that each is available.
    fn take_seats(&mut self, seats: &[u32], seq: u32, sold: bool) {
        for &seat in seats {
            assert!(self.is_free(seat), "a seat is given only while it is available");
            self.set_owner(seat, seq);
        }
        let count = seat_count(seats);
        self.counts.available -= count;
        if sold {
            self.counts.sold += count;
        } else {
            self.counts.held += count;
        }
    }

    /// Takes `seats` back from booking `seq`, which holds them, or has bought them.
    fn return_seats(&mut self, seats: &[u32], seq: u32, sold: bool) {
        for &seat in seats {
            assert_eq!(self.owner(seat), Some(seq), "only its owner gives a seat back");
            self.set_owner(seat, 0);
        }
        let count = seat_count(seats);
        *(if sold { &mut self.counts.sold } else { &mut self.counts.held }) -= count;
        self.counts.available += count;
    }

    /// Takes a seat without an owner out of sale.
    pub fn block(&mut self, seat: u32, reason: Arc<str>) {
        if self.blocked.insert(seat, reason).is_none() {
            self.counts.available -= 1;
            self.counts.blocked += 1;
            self.count_free(seat, false);
        }
        self.seat_changed(seat);
    }

    /// False: it was not blocked.
    pub fn unblock(&mut self, seat: u32) -> bool {
        let was = self.blocked.remove(&seat).is_some();
        if was {
            self.counts.blocked -= 1;
            self.counts.available += 1;
            self.count_free(seat, true);
            self.seat_changed(seat);
        }
        was
    }

    pub fn has_room(&self, area: u16, count: u32) -> bool {
        self.areas.get(usize::from(area)).is_some_and(|area| area.available() >= count)
    }

    /// Gives places in areas to a booking of `user`. The caller has seen that there is room.
    fn take_areas(&mut self, areas: &[(u16, u32)], sold: bool) {
        self.assert_whole();
        for &(area, count) in areas {
            let Some(area) = self.areas.get_mut(usize::from(area)) else { continue };
            assert!(count <= area.available(), "places are given only while there is room");
            *(if sold { &mut area.sold } else { &mut area.held }) += count;
        }
    }

    /// Takes places back from a booking that holds them, or has bought them.
    fn return_areas(&mut self, areas: &[(u16, u32)], sold: bool) {
        for &(area, count) in areas {
            let Some(area) = self.areas.get_mut(usize::from(area)) else { continue };
            *(if sold { &mut area.sold } else { &mut area.held }) -= count;
        }
    }

    /// What a booking of `user` holds is sold to it.
    pub fn sell(&mut self, places: &Places, user: UserId) {
        if let Some(counts) = self.per_user.get_mut(&user) {
            counts.held -= places.count();
        }
        let seats = seat_count(&places.seats);
        self.counts.held -= seats;
        self.counts.sold += seats;
        for &(area, count) in &places.areas {
            if let Some(area) = self.areas.get_mut(usize::from(area)) {
                area.held -= count;
                area.sold += count;
            }
        }
    }

    /// Gives free places to booking `seq`. P1: the caller has seen that each of them is free.
    pub fn take(&mut self, places: &Places, seq: u32, by: Taker) {
        self.take_seats(&places.seats, seq, by.sold);
        self.take_areas(&places.areas, by.sold);
        self.count_places(places, by.terms, true);
        let counts = self.per_user.entry(by.user).or_default();
        counts.seats += places.count();
        counts.held += if by.sold { 0 } else { places.count() };
    }

    /// Takes places back from booking `seq`, which holds them, or has bought them.
    pub fn give_back(&mut self, places: &Places, seq: u32, by: Taker) {
        self.return_seats(&places.seats, seq, by.sold);
        self.return_areas(&places.areas, by.sold);
        self.count_places(places, by.terms, false);
        if let Some(counts) = self.per_user.get_mut(&by.user) {
            counts.seats -= places.count();
            counts.held -= if by.sold { 0 } else { places.count() };
            if *counts == UserCounts::default() {
                self.per_user.remove(&by.user);
            }
        }
    }

    /// A booking of `user` ended unpaid, or came back to life after it had.
    pub fn count_lapsed(&mut self, user: UserId, more: bool) {
        let counts = self.per_user.entry(user).or_default();
        counts.lapsed = if more { counts.lapsed + 1 } else { counts.lapsed - 1 };
        if *counts == UserCounts::default() {
            self.per_user.remove(&user);
        }
    }

    /// Keeps a refusal, and lets go of what is too old or too many. Returns the numbers of those
    /// that went, and of the one that was kept, for the records to be written.
    pub fn remember_refusal(&mut self, remembered: Remembered) -> (Range<u64>, Option<u64>) {
        self.assert_whole();
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

    /// Lets go of the refusals that are too old to be repeated; the numbers of those that went.
    pub fn forget_refusals(&mut self, now_ms: u64) -> Range<u64> {
        self.assert_whole();
        let first = self.refusals_from;
        let is_old = |oldest: &Remembered| oldest.at_ms.saturating_add(REFUSAL_MEMORY_MS) < now_ms;
        while self.refusals.front().is_some_and(is_old) {
            self.forget_oldest_refusal();
        }
        first..self.refusals_from
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

    /// Counts of an event of which nothing is held or sold.
    fn all_available(&self) -> SeatCounts {
        let total = self.seat_total();
        let blocked = u32::try_from(self.blocked.len()).unwrap_or(u32::MAX);
        SeatCounts { total, available: total - blocked, blocked, ..SeatCounts::default() }
    }

    /// Rebuilds what is derived, after the records were loaded.
    pub fn rebuild(&mut self) {
        self.by_key.clear();
        self.per_user.clear();
        self.free.clear();
        let mut counts = self.all_available();
        // Refusals first: a key that was refused, forgotten and then granted belongs to its booking.
        for (number, remembered) in (self.refusals_from..).zip(&self.refusals) {
            let key = (remembered.user, remembered.key);
            self.by_key.insert(key, KeyOwner::Refusal(number));
            self.per_user.entry(remembered.user).or_default().refusals += 1;
        }
        let mut areas = self.layout.no_places_taken();
        let numbered = (1..).zip(&self.bookings);
        for (seq, booking) in numbered.filter(|(_, booking)| !booking.is_collected()) {
            self.by_key.insert((booking.user, booking.key), KeyOwner::Booking(seq));
            if is_lapsed(booking.state) {
                self.per_user.entry(booking.user).or_default().lapsed += 1;
            }
            if !booking.state.owns_seats() {
                continue;
            }
            let places = booking.places();
            let seats = seat_count(&places.seats);
            let sold = booking.state == BookingState::Confirmed;
            counts.available -= seats;
            *(if sold { &mut counts.sold } else { &mut counts.held }) += seats;
            for (area, count) in &places.areas {
                if let Some(area) = areas.get_mut(usize::from(*area)) {
                    *(if sold { &mut area.sold } else { &mut area.held }) += count;
                }
            }
            let counts = self.per_user.entry(booking.user).or_default();
            counts.seats += places.count();
            counts.held += if sold { 0 } else { places.count() };
        }
        self.counts = counts;
        self.areas = areas;
        let mut takings = Takings::default();
        for booking in &self.bookings {
            takings.add(&Takings::of(booking, self.total_of(booking)));
        }
        self.takings = takings;
        self.count_terms_again();
        self.doors.count_again(&self.bookings);
    }
}

/// Seats of a booking are at most `SEATS_PER_HOLD_MAX`.
pub fn seat_count(seats: &[u32]) -> u32 {
    u32::try_from(seats.len()).unwrap_or(u32::MAX)
}
