//! Lists of users on the wire, both ways.

use bytes::Bytes;
use rowlock_proto::{BookingId, v1};
use rowlock_raft_store::inventory::user_lists::RowKey;
use rowlock_raft_store::inventory::{
    BookingState, Listing, Refusal, UserListCommand, UserListView,
};

use super::command::{booking, event, malformed, user};
use super::reply::booking_state;
use crate::group::Query;

/// Bookings that are asked for by one query.
const BOOKINGS_MAX: usize = 256;

fn raw(bytes: [u8; 16]) -> Bytes {
    Bytes::copy_from_slice(&bytes)
}

pub(super) fn command(wire: v1::UserListCommand) -> Result<UserListCommand, Refusal> {
    use v1::user_list_command::Kind;
    Ok(match wire.kind.ok_or_else(|| malformed("a command of no kind to lists of users"))? {
        Kind::Apply(v1::ApplyListings { source, listings }) => {
            let listings = listings.into_iter().map(listing).collect::<Result<_, _>>()?;
            UserListCommand::Apply { source, listings }
        }
        Kind::Forget(id) => UserListCommand::Forget { user: user(&id)? },
    })
}

fn listing(wire: v1::Listing) -> Result<Listing, Refusal> {
    let state = match wire.state() {
        v1::BookingState::Held => BookingState::Held,
        v1::BookingState::Paying => BookingState::Paying,
        v1::BookingState::Confirmed => BookingState::Confirmed,
        v1::BookingState::Released => BookingState::Released,
        v1::BookingState::Expired => BookingState::Expired,
        v1::BookingState::RefundDue => BookingState::RefundDue,
        v1::BookingState::Refunded => BookingState::Refunded,
        v1::BookingState::Capturing => BookingState::Capturing,
        v1::BookingState::Unspecified => return Err(malformed("a listing of no state")),
    };
    let currency = wire.currency.as_bytes();
    let currency = currency.try_into().map_err(|_| malformed("currency is not three letters"))?;
    Ok(Listing {
        user: user(&wire.user)?,
        booking: booking(&wire.booking)?,
        event: event(&wire.event)?,
        revision: wire.revision,
        created_ms: wire.created_ms,
        state,
        buyer: wire.buyer,
        places: wire.places,
        total: wire.total,
        currency,
        tickets: wire.tickets,
    })
}

fn listing_out(listing: Listing) -> v1::Listing {
    v1::Listing {
        user: raw(listing.user.to_bytes()),
        booking: raw(listing.booking.to_bytes()),
        event: raw(listing.event.to_bytes()),
        revision: listing.revision,
        created_ms: listing.created_ms,
        state: booking_state(listing.state),
        buyer: listing.buyer,
        places: listing.places,
        total: listing.total,
        currency: String::from_utf8_lossy(&listing.currency).into_owned(),
        tickets: listing.tickets,
    }
}

pub(super) fn list(view: UserListView) -> v1::UserList {
    let UserListView { listings, total, more } = view;
    v1::UserList { listings: listings.into_iter().map(listing_out).collect(), total, more }
}

fn key_out((user, booking): RowKey) -> v1::ListingKey {
    v1::ListingKey { user: raw(user.to_bytes()), booking: raw(booking.to_bytes()) }
}

pub(super) fn old((found, next): (Vec<RowKey>, Option<RowKey>)) -> v1::OldListings {
    let listings = found.into_iter().map(key_out).collect();
    v1::OldListings { listings, next: next.map(key_out) }
}

pub(super) fn get_list(wire: &v1::GetUserList, limit: usize) -> Result<Query, Refusal> {
    let after = wire.after.as_ref();
    let after = after.map(|it| Ok((it.created_ms, booking(&it.booking)?))).transpose()?;
    let skip = usize::try_from(wire.skip).unwrap_or(usize::MAX);
    Ok(Query::UserList { user: user(&wire.user)?, after, skip, limit })
}

pub(super) fn list_old(wire: &v1::ListOldListings, limit: usize) -> Result<Query, Refusal> {
    let after = wire.after.as_ref();
    let after = after.map(|it| Ok((user(&it.user)?, booking(&it.booking)?))).transpose()?;
    Ok(Query::OldListings { source: wire.source, revision: wire.revision, after, limit })
}

/// Of one event, which is read back as a whole if it has to be.
pub(super) fn get_bookings(wire: &v1::GetBookings) -> Result<Query, Refusal> {
    let ids = wire.bookings.iter().map(|id| booking(id)).collect::<Result<Vec<_>, _>>()?;
    if ids.is_empty() || ids.len() > BOOKINGS_MAX {
        return Err(malformed(format!("1 to {BOOKINGS_MAX} bookings are asked for at once")));
    }
    let event = |id: &BookingId| (id.slot(), id.locator().event_no());
    if ids.windows(2).any(|pair| matches!(pair, [a, b] if event(a) != event(b))) {
        return Err(malformed("the bookings are not of one event"));
    }
    Ok(Query::BookingsById(ids))
}
