//! Queries off the wire.

use rowlock_proto::{BookingLocator, v1};
use rowlock_raft_store::inventory::Refusal;

use super::command::{booking, event, malformed, map_hash, user, venue};
use super::user_lists;
use crate::group::Query;
use v1::query::Kind;

/// Things of one page.
const PAGE_MAX: u32 = 1000;
/// Bytes of an address that can be asked for.
const EMAIL_BYTES_MAX: usize = 320;

/// How many things a page has: 0 leaves it to us.
fn limit(asked: u32) -> usize {
    let limit = if asked == 0 { PAGE_MAX } else { asked.min(PAGE_MAX) };
    limit as usize
}

/// The question of a call, or why it makes no sense.
pub(super) fn decode(wire: v1::Query) -> Result<Query, Refusal> {
    let kind = wire.kind.ok_or_else(|| malformed("a query of no kind"))?;
    Ok(match kind {
        Kind::GetEvent(wire) => Query::Event(event(&wire.event)?),
        Kind::ListEvents(wire) => {
            let after = after(&wire.after, event)?;
            Query::Events { after, limit: limit(wire.limit) }
        }
        Kind::GetSeats(wire) => Query::Seats(event(&wire.event)?),
        Kind::GetSeatMap(wire) => Query::SeatMap { map: map_hash(&wire.map)?, part: wire.part },
        Kind::HasSeatMap(wire) => Query::HasSeatMap(map_hash(&wire.map)?),
        Kind::GetBooking(wire) if wire.booking.is_empty() => {
            Query::BookingByLocator(BookingLocator::from_bits(wire.locator))
        }
        Kind::GetBooking(wire) => Query::Booking(booking(&wire.booking)?),
        Kind::GetVenue(wire) => Query::Venue(venue(&wire.venue)?),
        Kind::ListVenues(wire) => {
            let after = after(&wire.after, venue)?;
            Query::Venues { after, limit: limit(wire.limit) }
        }
        Kind::GetUser(wire) => Query::User(user(&wire.user)?),
        Kind::FindUser(wire) => {
            if wire.email.len() > EMAIL_BYTES_MAX {
                return Err(malformed("no e-mail address is that long"));
            }
            Query::UserByEmail(wire.email)
        }
        Kind::ListBookings(wire) => Query::Bookings {
            event: event(&wire.event)?,
            after_seq: wire.after_seq,
            limit: limit(wire.limit),
        },
        Kind::GetDoors(wire) => Query::Doors(event(&wire.event)?),
        Kind::GetEventMoney(wire) => Query::Takings(event(&wire.event)?),
        Kind::GetAuditHead(wire) => Query::AuditHead(event(&wire.event)?),
        Kind::ListConsumers(_) => Query::Consumers,
        Kind::ShardStats(_) => Query::Stats,
        Kind::GetQueue(wire) => Query::Queue(event(&wire.event)?),
        Kind::GetQueuePlace(wire) => {
            Query::QueuePlace { event: event(&wire.event)?, user: user(&wire.user)? }
        }
        Kind::GetTerms(v1::GetTerms { event: id, after_code, limit }) => {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            Query::Terms { event: event(&id)?, after_code, limit }
        }
        Kind::GetWaitlist(wire) => Query::Waitlist(event(&wire.event)?),
        Kind::GetWaiter(wire) => {
            Query::Waiter { event: event(&wire.event)?, user: user(&wire.user)? }
        }
        Kind::GetBookings(wire) => user_lists::get_bookings(&wire)?,
        Kind::GetAccount(wire) => Query::Account(user(&wire.user)?),
        Kind::GetUserList(wire) => user_lists::get_list(&wire, limit(wire.limit))?,
        Kind::ListOldListings(wire) => user_lists::list_old(&wire, limit(wire.limit))?,
        Kind::ListWaiters(wire) => Query::Waiters {
            event: event(&wire.event)?,
            from: wire.from,
            limit: limit(wire.limit),
            live_only: wire.live_only,
        },
        Kind::ListRefunds(wire) => Query::Refunds {
            event: event(&wire.event)?,
            after_seq: wire.after_seq,
            limit: limit(wire.limit),
            owed_only: wire.owed_only,
        },
    })
}

/// A page's beginning: empty bytes are the first page.
fn after<T>(
    bytes: &[u8],
    read: impl FnOnce(&[u8]) -> Result<T, Refusal>,
) -> Result<Option<T>, Refusal> {
    if bytes.is_empty() { Ok(None) } else { read(bytes).map(Some) }
}
