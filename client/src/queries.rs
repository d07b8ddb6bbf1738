//! The typed queries. All are linearizable unless said otherwise; what is not there is refused
//! with a code that says so.

use bytes::Bytes;
use rowlock_proto::v1::query::Kind;
use rowlock_proto::v1::query_reply::Kind as Found;
use rowlock_proto::{BookingId, BookingLocator, EventId, SeatMapHash, Slot, UserId, VenueId, v1};

use crate::client::Client;
use crate::doors::DoorCounts;
use crate::error::Error;
use crate::key;
use crate::types::{
    Answered, Booking, Event, Page, Seats, ShardId, ShardStats, UserEntry, VenueEntry,
};
use crate::wire::{self, Unreadable};

/// Items of one page when a list is read to its end.
const PAGE_ITEMS: u32 = 500;

impl Client {
    pub async fn event(&self, event: EventId) -> Result<Answered<Event>, Error> {
        let kind = Kind::GetEvent(v1::GetEvent { event: wire::id(event.to_bytes()) });
        self.read(event.slot(), kind, |found| match found {
            Found::Event(event) => Some(wire::event(event)),
            _ => None,
        })
        .await
    }

    /// Events of one shard by id, after `after`.
    pub async fn events_of(
        &self,
        shard: ShardId,
        after: Option<EventId>,
        limit: u32,
    ) -> Result<Answered<Page<Event>>, Error> {
        let after = after.map_or_else(Bytes::new, |after| wire::id(after.to_bytes()));
        let kind = Kind::ListEvents(v1::ListEvents { after, limit });
        self.read(self.slot_of(shard)?, kind, |found| match found {
            Found::Events(list) => Some(wire::page(list.events, list.more, wire::event)),
            _ => None,
        })
        .await
    }

    /// Every event of every shard. Each shard's part is of one moment, the whole is not.
    pub async fn events(&self) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        for shard in (0..self.shard_count()).map(ShardId) {
            let mut after = None;
            loop {
                let page = self.events_of(shard, after, PAGE_ITEMS).await?.value;
                after = page.items.last().map(|event| event.id);
                events.extend(page.items);
                if !page.more || after.is_none() {
                    break;
                }
            }
        }
        Ok(events)
    }

    pub async fn seats(&self, event: EventId) -> Result<Answered<Seats>, Error> {
        self.seats_with(event, false).await
    }

    /// From any replica, perhaps old: `at` says how old.
    pub async fn seats_stale(&self, event: EventId) -> Result<Answered<Seats>, Error> {
        self.seats_with(event, true).await
    }

    async fn seats_with(&self, event: EventId, stale: bool) -> Result<Answered<Seats>, Error> {
        let kind = Kind::GetSeats(v1::GetSeats { event: wire::id(event.to_bytes()) });
        self.query(event.slot(), stale, kind, |found| match found {
            Found::Seats(seats) => Some(wire::seats(seats)),
            _ => None,
        })
        .await
    }

    pub async fn has_seat_map(
        &self,
        slot: Slot,
        map: SeatMapHash,
    ) -> Result<Answered<bool>, Error> {
        let kind = Kind::HasSeatMap(v1::HasSeatMap { map: Bytes::copy_from_slice(&map.0) });
        self.read(slot, kind, |found| match found {
            Found::Flag(flag) => Some(Ok(flag.value)),
            _ => None,
        })
        .await
    }

    /// A seat map's bytes, from the shard of `slot`: that of a venue or event which refers to it.
    pub async fn seat_map(&self, slot: Slot, map: SeatMapHash) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let mut next = 0;
        loop {
            let kind = Kind::GetSeatMap(v1::GetSeatMap {
                map: Bytes::copy_from_slice(&map.0),
                part: next,
            });
            let part = self
                .read(slot, kind, |found| match found {
                    Found::SeatMap(part) => Some(Ok(part)),
                    _ => None,
                })
                .await?
                .value;
            bytes.extend_from_slice(&part.data);
            next += 1;
            if next >= part.parts {
                return Ok(bytes);
            }
        }
    }

    pub async fn booking(&self, id: BookingId) -> Result<Answered<Booking>, Error> {
        let query = v1::GetBooking { booking: wire::id(id.to_bytes()), locator: 0 };
        self.read(id.slot(), Kind::GetBooking(query), found_booking).await
    }

    /// The booking that a reference names.
    pub async fn booking_by_locator(
        &self,
        locator: BookingLocator,
    ) -> Result<Answered<Booking>, Error> {
        let query = v1::GetBooking { booking: Bytes::new(), locator: locator.to_bits() };
        self.read(locator.slot(), Kind::GetBooking(query), found_booking).await
    }

    /// Bookings of an event by sequence number, after `after_seq` (0: from the first).
    pub async fn bookings(
        &self,
        event: EventId,
        after_seq: u32,
        limit: u32,
    ) -> Result<Answered<Page<Booking>>, Error> {
        let event_bytes = wire::id(event.to_bytes());
        let kind = Kind::ListBookings(v1::ListBookings { event: event_bytes, after_seq, limit });
        self.read(event.slot(), kind, |found| match found {
            Found::Bookings(list) => Some(wire::page(list.bookings, list.more, wire::booking)),
            _ => None,
        })
        .await
    }

    /// Every booking of an event.
    pub async fn all_bookings(&self, event: EventId) -> Result<Vec<Booking>, Error> {
        let mut bookings = Vec::new();
        let mut after_seq = 0;
        loop {
            let page = self.bookings(event, after_seq, PAGE_ITEMS).await?.value;
            let last = page.items.last().map(|booking| booking.id.locator().seq());
            bookings.extend(page.items);
            match last {
                Some(seq) if page.more => after_seq = seq,
                Some(_) | None => return Ok(bookings),
            }
        }
    }

    pub async fn venue(&self, venue: VenueId) -> Result<Answered<VenueEntry>, Error> {
        let kind = Kind::GetVenue(v1::GetVenue { venue: wire::id(venue.to_bytes()) });
        self.read(venue.slot(), kind, |found| match found {
            Found::Venue(entry) => Some(wire::venue_entry(entry)),
            _ => None,
        })
        .await
    }

    /// Venues of one shard by id, after `after`.
    pub async fn venues_of(
        &self,
        shard: ShardId,
        after: Option<VenueId>,
        limit: u32,
    ) -> Result<Answered<Page<VenueEntry>>, Error> {
        let after = after.map_or_else(Bytes::new, |after| wire::id(after.to_bytes()));
        let kind = Kind::ListVenues(v1::ListVenues { after, limit });
        self.read(self.slot_of(shard)?, kind, |found| match found {
            Found::Venues(list) => Some(wire::page(list.venues, list.more, wire::venue_entry)),
            _ => None,
        })
        .await
    }

    /// Every venue of every shard.
    pub async fn venues(&self) -> Result<Vec<VenueEntry>, Error> {
        let mut venues = Vec::new();
        for shard in (0..self.shard_count()).map(ShardId) {
            let mut after = None;
            loop {
                let page = self.venues_of(shard, after, PAGE_ITEMS).await?.value;
                after = page.items.last().map(|entry| entry.id);
                venues.extend(page.items);
                if !page.more || after.is_none() {
                    break;
                }
            }
        }
        Ok(venues)
    }

    pub async fn user(&self, user: UserId) -> Result<Answered<UserEntry>, Error> {
        let kind = Kind::GetUser(v1::GetUser { user: wire::id(user.to_bytes()) });
        self.read(user.slot(), kind, found_user).await
    }

    pub async fn user_by_email(&self, email: &str) -> Result<Answered<UserEntry>, Error> {
        let kind = Kind::FindUser(v1::FindUser { email: key::normal_email(email) });
        self.read(key::email_slot(email), kind, found_user).await
    }

    pub async fn stats(&self, shard: ShardId) -> Result<Answered<ShardStats>, Error> {
        let kind = Kind::ShardStats(v1::ShardStats {});
        self.read(self.slot_of(shard)?, kind, |found| match found {
            Found::Stats(stats) => Some(Ok(wire::stats(stats))),
            _ => None,
        })
        .await
    }

    /// How many tickets were let in, in all and at each door.
    pub async fn doors(&self, event: EventId) -> Result<Answered<DoorCounts>, Error> {
        let kind = Kind::GetDoors(v1::GetDoors { event: wire::id(event.to_bytes()) });
        self.read(event.slot(), kind, |found| match found {
            Found::Doors(counts) => Some(Ok(DoorCounts {
                total: counts.total,
                doors: counts.doors.into_iter().map(|it| (it.door, it.count)).collect(),
            })),
            _ => None,
        })
        .await
    }

    pub(crate) fn slot_of(&self, shard: ShardId) -> Result<Slot, Error> {
        let slot = self.shard_map().slot_of(shard.0);
        slot.ok_or_else(|| Error::unavailable(format!("there is no shard {shard}")))
    }

    pub(crate) async fn read<T>(
        &self,
        slot: Slot,
        kind: Kind,
        read: fn(Found) -> Option<Result<T, Unreadable>>,
    ) -> Result<Answered<T>, Error> {
        self.query(slot, false, kind, read).await
    }

    /// `read` gives `None` for what does not answer the query.
    pub(crate) async fn query<T>(
        &self,
        slot: Slot,
        stale: bool,
        kind: Kind,
        read: fn(Found) -> Option<Result<T, Unreadable>>,
    ) -> Result<Answered<T>, Error> {
        let query = v1::Query { stale, kind: Some(kind) };
        let (body, at) = self.call(slot, v1::call::Body::Query(query)).await?;
        let value = match body {
            v1::answer::Body::Result(v1::QueryReply { kind: Some(found) }) => read(found),
            v1::answer::Body::Result(v1::QueryReply { kind: None })
            | v1::answer::Body::Reply(_)
            | v1::answer::Body::Refusal(_)
            | v1::answer::Body::Retry(_) => None,
        };
        match value.unwrap_or(Err(Unreadable("answer to another question"))) {
            Ok(value) => Ok(Answered { value, at }),
            Err(error) => Err(Error::unavailable(error.to_string())),
        }
    }
}

fn found_booking(found: Found) -> Option<Result<Booking, Unreadable>> {
    match found {
        Found::Booking(view) => Some(wire::booking(view)),
        _ => None,
    }
}

fn found_user(found: Found) -> Option<Result<UserEntry, Unreadable>> {
    match found {
        Found::User(entry) => Some(wire::user_entry(entry)),
        _ => None,
    }
}
