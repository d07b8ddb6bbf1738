//! The state as records, and back.
//!
//! Encoding reads the state only, so records can be written at any time between two commands; a set of
//! them that was taken at one index is the state at that index.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::accounts::Account;
use super::booking::{BookingState, BookingTerms};
use super::consumers::Consumers;
use super::door::Book;
use super::event::{BOOKINGS_PER_BLOCK, Event, REFUSALS_PER_BLOCK, SEATS_PER_BLOCK};
use super::hold::event_no;
use super::money;
use super::queue::queue_keys;
use super::record::{EventNo, RecordKey};
use super::user_lists::UserList;
use super::waitlist::waitlist_keys;
use super::{Deadline, State};
use crate::codec::{
    AccountRecord, BlockOfBookings, BlockOfExtras, BlockOfNotes, BlockOfRefusals, BlockOfSeats,
    BlockOfTerms, BlockedSeats, ConsumersRecord, Error, EventRecord, LifeRecord, MapPartRecord,
    RetentionRecord, ShardRecord, TermsRecord, UserListRecord, UserRecord, UserRowRecord,
    VenueRecord,
};

/// The part of `items` that block number `block` of `size` covers.
fn block_of<T>(items: &[T], block: u32, size: u32) -> &[T] {
    let start = (block as usize).saturating_mul(size as usize).min(items.len());
    let end = start.saturating_add(size as usize).min(items.len());
    items.get(start..end).unwrap_or(&[])
}

impl State {
    pub(super) fn event_at(&self, no: EventNo) -> Option<&Event> {
        self.events.get(self.by_no.get(&no)?)
    }

    pub(super) fn whole_at(&self, no: EventNo) -> Option<&Event> {
        let event = self.event_at(no)?;
        event.assert_whole();
        Some(event)
    }

    /// The record's bytes now; `None` if there is nothing to keep, and the row should go.
    pub fn encode_record(&self, key: RecordKey) -> Option<Vec<u8>> {
        Some(match key {
            RecordKey::Shard => ShardRecord {
                clock_ms: self.log.clock_ms,
                revision: self.log.revision,
                events_created: self.events_created.iter().map(|(&s, &n)| (s, n)).collect(),
            }
            .encode(),
            // It is no part of the state: whoever writes the changes writes it.
            RecordKey::Chain(_) => return None,
            RecordKey::Consumers => {
                if self.consumers == Consumers::default() {
                    return None;
                }
                ConsumersRecord::encode(&self.consumers)
            }
            RecordKey::MapPart(map, part) => {
                let map = self.maps.get(&map)?;
                MapPartRecord::encode(map.parts, map.data.get(&part)?)
            }
            RecordKey::Venue(venue) => VenueRecord::encode(self.venues.get(&venue)?),
            RecordKey::User(user) => UserRecord::encode(self.users.get(&user)?),
            RecordKey::Account(user) => {
                let account = self.accounts.get(&user)?;
                if *account == Account::default() {
                    return None;
                }
                AccountRecord::encode(account)
            }
            RecordKey::UserList(user, None) => {
                let &UserList { dropped, forgotten, .. } = self.user_lists.get(&user)?;
                if dropped.is_none() && !forgotten {
                    return None;
                }
                UserListRecord { dropped, forgotten }.encode()
            }
            RecordKey::UserList(user, Some(booking)) => {
                UserRowRecord::encode(self.user_lists.get(&user)?.rows.get(&booking)?)
            }
            RecordKey::Event(no) => {
                let event = self.event_at(no)?;
                EventRecord {
                    event: event.id,
                    spec: event.spec.clone(),
                    state: event.state,
                    created_ms: event.created_ms,
                    revision: event.revision,
                    refusals_from: event.refusals_from,
                }
                .encode()
            }
            RecordKey::Seats(no, block) => {
                let start = (block as usize).saturating_mul(SEATS_PER_BLOCK as usize);
                let end = start.saturating_add(SEATS_PER_BLOCK as usize);
                let owners = self.event_at(no)?.owners_in(start..end);
                if owners.iter().all(|&owner| owner == 0) {
                    return None;
                }
                BlockOfSeats::encode(owners)
            }
            RecordKey::Bookings(no, block) => {
                let bookings = block_of(&self.whole_at(no)?.bookings, block, BOOKINGS_PER_BLOCK);
                if bookings.is_empty() {
                    return None;
                }
                BlockOfBookings::encode(bookings)
            }
            RecordKey::Blocked(no) => {
                let blocked = &self.whole_at(no)?.blocked;
                if blocked.is_empty() {
                    return None;
                }
                BlockedSeats::encode(blocked)
            }
            RecordKey::Life(no) => LifeRecord::encode(&self.event_at(no)?.life)?,
            RecordKey::Retention(no) => RetentionRecord::encode(&self.event_at(no)?.retention)?,
            RecordKey::Terms(no) => TermsRecord::encode(self.whole_at(no)?.terms.as_deref()?),
            RecordKey::BookingTerms(no, block) => {
                let bookings = block_of(&self.whole_at(no)?.bookings, block, BOOKINGS_PER_BLOCK);
                let terms = bookings.iter().map(|booking| booking.terms);
                if terms.clone().all(|terms| terms == BookingTerms::default()) {
                    return None;
                }
                BlockOfTerms::encode(terms)
            }
            RecordKey::Extras(no, block) => {
                let bookings = block_of(&self.whole_at(no)?.bookings, block, BOOKINGS_PER_BLOCK);
                let extras = bookings.iter().map(|booking| booking.extras.as_deref());
                if extras.clone().all(|extras| extras.is_none()) {
                    return None;
                }
                BlockOfExtras::encode(extras)
            }
            RecordKey::Doors(no, block) => {
                let mut notes = self.whole_at(no)?.doors.notes_in(block).peekable();
                notes.peek()?;
                BlockOfNotes::encode(notes)
            }
            RecordKey::Money(no, block) => {
                let bookings = block_of(&self.whole_at(no)?.bookings, block, BOOKINGS_PER_BLOCK);
                money::encode(bookings)?
            }
            RecordKey::Queue(_)
            | RecordKey::QueueEntries(..)
            | RecordKey::QueueLeft(..)
            | RecordKey::QueuePasses(..) => return self.encode_queue(key),
            RecordKey::Waitlist(_) | RecordKey::Waiters(..) => return self.encode_waitlist(key),
            RecordKey::Refusals(no, block) => {
                let event = self.whole_at(no)?;
                let start = (block * REFUSALS_PER_BLOCK).max(event.refusals_from);
                let end = (block + 1) * REFUSALS_PER_BLOCK;
                let skip = usize::try_from(start - event.refusals_from).ok()?;
                let take = usize::try_from(end.checked_sub(start)?).ok()?;
                let mut refusals = event.refusals.iter().skip(skip).take(take).peekable();
                refusals.peek()?;
                BlockOfRefusals::encode(start, refusals)
            }
        })
    }

    /// Takes in one record. Records must come in the order of their keys, each once, into a new state;
    /// [`State::finish_load`] makes it whole.
    pub fn load_record(&mut self, key: RecordKey, bytes: &[u8]) -> Result<(), Error> {
        match key {
            RecordKey::Shard => {
                let record = ShardRecord::decode(bytes)?;
                self.log.clock_ms = record.clock_ms;
                self.log.revision = record.revision;
                self.events_created = record.events_created.into_iter().collect();
            }
            RecordKey::Chain(_) => {}
            RecordKey::Consumers => self.consumers = ConsumersRecord::decode(bytes)?,
            RecordKey::MapPart(hash, part) => {
                let record = MapPartRecord::decode(bytes)?;
                let map = self.maps.entry(hash).or_default();
                map.parts = record.parts;
                map.data.insert(part, record.data);
                if map.data.len() == map.parts as usize {
                    map.seal(hash).map_err(Error::SeatMap)?;
                }
            }
            RecordKey::Venue(venue) => {
                self.venues.insert(venue, VenueRecord::decode(bytes)?);
            }
            RecordKey::User(user) => {
                let doc = UserRecord::decode(bytes)?;
                self.by_email.insert(doc.email.clone(), user);
                self.users.insert(user, doc);
            }
            RecordKey::Account(user) => {
                self.accounts.insert(user, AccountRecord::decode(bytes)?);
            }
            RecordKey::UserList(user, None) => {
                let record = UserListRecord::decode(bytes)?;
                let list = self.user_lists.entry(user).or_default();
                (list.dropped, list.forgotten) = (record.dropped, record.forgotten);
            }
            RecordKey::UserList(user, Some(booking)) => {
                let row = UserRowRecord::decode(bytes)?;
                self.user_lists.entry(user).or_default().put(booking, row);
            }
            RecordKey::Event(no) => self.load_event(no, bytes)?,
            RecordKey::Seats(no, block) => {
                let event = self.loading(no)?;
                let start = block as usize * SEATS_PER_BLOCK as usize;
                let owners = BlockOfSeats::decode(bytes)?;
                if !event.load_owners(start, &owners) {
                    return Err(Error::Meaning);
                }
            }
            RecordKey::Bookings(no, block) => {
                let event = self.loading(no)?;
                if event.bookings.len() != block as usize * BOOKINGS_PER_BLOCK as usize {
                    return Err(Error::Orphan);
                }
                event.bookings.extend(BlockOfBookings::decode(bytes)?);
            }
            RecordKey::Refusals(no, _) => {
                let event = self.loading(no)?;
                let (first, refusals) = BlockOfRefusals::decode(bytes)?;
                if event.refusals_from + event.refusals.len() as u64 != first {
                    return Err(Error::Orphan);
                }
                event.refusals.extend(refusals);
            }
            RecordKey::Queue(_)
            | RecordKey::QueueEntries(..)
            | RecordKey::QueueLeft(..)
            | RecordKey::QueuePasses(..) => self.load_queue(key, bytes)?,
            RecordKey::Waitlist(_) | RecordKey::Waiters(..) => self.load_waitlist(key, bytes)?,
            RecordKey::Blocked(no) => self.loading(no)?.blocked = BlockedSeats::decode(bytes)?,
            RecordKey::Life(no) => self.loading(no)?.life = LifeRecord::decode(bytes)?,
            RecordKey::Retention(no) => {
                self.loading(no)?.retention = RetentionRecord::decode(bytes)?;
            }
            RecordKey::Terms(no) => {
                self.loading(no)?.terms = Some(Box::new(TermsRecord::decode(bytes)?));
            }
            RecordKey::BookingTerms(no, block) => {
                let event = self.loading(no)?;
                let first = block as usize * BOOKINGS_PER_BLOCK as usize;
                for (place, terms) in BlockOfTerms::decode(bytes)? {
                    let at = first.checked_add(usize::from(place)).ok_or(Error::Meaning)?;
                    event.bookings.get_mut(at).ok_or(Error::Orphan)?.terms = terms;
                }
            }
            RecordKey::Extras(no, block) => {
                let event = self.loading(no)?;
                let first = block as usize * BOOKINGS_PER_BLOCK as usize;
                for (place, extras) in BlockOfExtras::decode(bytes)? {
                    let at = first.checked_add(usize::from(place)).ok_or(Error::Meaning)?;
                    let booking = event.bookings.get_mut(at).ok_or(Error::Orphan)?;
                    booking.extras = Some(Box::new(extras));
                }
            }
            RecordKey::Money(no, block) => self.load_money(no, block, bytes)?,
            RecordKey::Doors(no, _) => {
                self.loading(no)?.doors.load(BlockOfNotes::decode(bytes)?);
            }
        }
        Ok(())
    }

    pub(super) fn loading(&mut self, no: EventNo) -> Result<&mut Event, Error> {
        let id = self.by_no.get(&no).ok_or(Error::Orphan)?;
        self.events.get_mut(id).ok_or(Error::Orphan)
    }

    fn load_event(&mut self, no: EventNo, bytes: &[u8]) -> Result<(), Error> {
        let record = EventRecord::decode(bytes)?;
        let map = self.maps.get(&record.spec.map).and_then(|map| map.sealed.as_ref());
        let layout = map.ok_or(Error::Orphan)?.layout.clone();
        let mut event = Event::new(record.event, no.1, record.spec, layout);
        event.state = record.state;
        event.created_ms = record.created_ms;
        event.revision = record.revision;
        event.refusals_from = record.refusals_from;
        self.by_no.insert(no, event.id);
        self.events.insert(event.id, event);
        Ok(())
    }

    /// Rebuilds what is derived from the records of one event. Refuses records that do not belong
    /// together: seats and bookings of different moments, of which no good can come.
    pub(super) fn finish_event(&mut self, no: EventNo) -> Result<(), Error> {
        let event = self.loading(no)?;
        let id = event.id;
        event.rebuild();
        let owned = event.owners().filter(|&owner| owner != 0).count();
        let live = (1..).zip(&event.bookings).filter(|(_, it)| it.state.owns_seats());
        let agree = live
            .flat_map(|(seq, it)| it.seats_here().map(move |seat| (seq, seat)))
            .all(|(seq, seat)| event.owner(seat) == Some(seq));
        if !agree || owned != (event.counts.held + event.counts.sold) as usize {
            return Err(Error::Meaning);
        }
        self.finish_life(id);
        self.finish_queue(no)?;
        self.finish_waitlist(no)?;
        self.finish_retention(id);
        Ok(())
    }

    /// Makes whole what was loaded. What is cold already, is.
    pub fn finish_load(&mut self) -> Result<(), Error> {
        let deadlines = self
            .events
            .values()
            .flat_map(|event| (1..).zip(&event.bookings).map(move |(seq, held)| (event, seq, held)))
            .filter(|(_, _, booking)| booking.state == BookingState::Held)
            .map(|(event, seq, booking)| Deadline {
                at_ms: self.due_at(booking.expires_ms),
                event: event.id,
                seq,
            })
            .collect();
        self.deadlines = deadlines;
        let whole = self.events.values().filter(|event| !event.residency.is_cold());
        for no in whole.map(event_no).collect::<Vec<_>>() {
            self.finish_event(no)?;
        }
        self.log.dirty.clear();
        self.log.changes.clear();
        Ok(())
    }

    /// Every record's key, in order. All events must be whole.
    pub fn record_keys(&self) -> BTreeSet<RecordKey> {
        self.events.values().for_each(Event::assert_whole);
        assert!(self.archived.is_empty(), "an event in the archive is read back before");
        let mut keys = BTreeSet::from([RecordKey::Shard, RecordKey::Consumers]);
        for (&hash, map) in &self.maps {
            keys.extend(map.data.keys().map(|&part| RecordKey::MapPart(hash, part)));
        }
        keys.extend(self.venues.keys().map(|&venue| RecordKey::Venue(venue)));
        keys.extend(self.users.keys().map(|&user| RecordKey::User(user)));
        keys.extend(self.accounts.keys().map(|&user| RecordKey::Account(user)));
        keys.extend(self.user_list_keys());
        let blocks = |items: usize, size: u32| {
            u32::try_from(items.div_ceil(size as usize)).unwrap_or(u32::MAX)
        };
        for event in self.events.values() {
            let no = event_no(event);
            keys.insert(RecordKey::Event(no));
            let seats = blocks(event.owners_in(0..usize::MAX).len(), SEATS_PER_BLOCK);
            keys.extend((0..seats).map(|block| RecordKey::Seats(no, block)));
            let bookings = blocks(event.bookings.len(), BOOKINGS_PER_BLOCK);
            keys.extend((0..bookings).map(|block| RecordKey::Bookings(no, block)));
            keys.extend((0..bookings).map(|block| RecordKey::Extras(no, block)));
            keys.extend((0..bookings).map(|block| RecordKey::Money(no, block)));
            keys.insert(RecordKey::Blocked(no));
            keys.extend(event.queue.iter().flat_map(|queue| queue_keys(no, queue)));
            keys.insert(RecordKey::Life(no));
            keys.insert(RecordKey::Retention(no));
            keys.extend(waitlist_keys(event));
            keys.insert(RecordKey::Terms(no));
            keys.extend((0..bookings).map(|block| RecordKey::BookingTerms(no, block)));
            let noted = event.doors.notes().map(|(&(seq, _), _)| Book::block(seq));
            keys.extend(noted.map(|block| RecordKey::Doors(no, block)));
            if !event.refusals.is_empty() {
                let first = event.refusals_from / REFUSALS_PER_BLOCK;
                let last = event.refusals_from + event.refusals.len() as u64 - 1;
                let refusals = first..=last / REFUSALS_PER_BLOCK;
                keys.extend(refusals.map(|block| RecordKey::Refusals(no, block)));
            }
        }
        keys
    }

    /// A hash of all records: equal on replicas that applied the same log, and on one that loaded. All
    /// events must be whole; where they are not, the rows on disk have the same hash.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for key in self.record_keys() {
            if let Some(bytes) = self.encode_record(key) {
                let key = key.to_bytes();
                hash.update((key.len() as u64).to_le_bytes());
                hash.update(&key);
                hash.update((bytes.len() as u64).to_le_bytes());
                hash.update(&bytes);
            }
        }
        hash.finalize().into()
    }
}
