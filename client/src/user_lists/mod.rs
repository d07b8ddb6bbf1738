//! What a user has over all events: bookings, and tickets that came from others.
//!
//! Owns: the calls of the lists ([`Client::user_list`]), what a booking is to its users (`listing`, pure),
//! and the consumer that keeps the lists up to date ([`UserLists`]).

mod follow;
mod listing;

use rowlock_proto::v1::command::Kind;
use rowlock_proto::v1::query::Kind as Query;
use rowlock_proto::v1::query_reply::Kind as Found;
use rowlock_proto::v1::user_list_command::Kind as Ask;
use rowlock_proto::{BookingId, EventId, ShardId, UserId, v1};

pub use self::follow::{CONSUMER, UserLists};
pub use self::listing::{listings, touched};
use crate::calls::done;
use crate::client::Client;
use crate::error::Error;
use crate::types::{Answered, Booking, BookingState};
use crate::wire::{self, Unreadable};

/// The cluster itself: lists are kept for users, not by them.
const NOBODY: UserId = UserId(0);
/// Listings that one command takes, and bookings that one query gives.
pub const LISTINGS_MAX: usize = 256;

/// What a booking is to one of its users: the buyer, or somebody who has or had tickets of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    pub user: UserId,
    pub booking: BookingId,
    pub event: EventId,
    /// Of the booking's shard, when it was looked at.
    pub revision: u64,
    pub created_ms: u64,
    pub state: BookingState,
    pub buyer: bool,
    /// Places that it still has.
    pub places: u32,
    /// 0 to all but the buyer.
    pub total: u64,
    pub currency: String,
    /// Numbers of the places whose tickets the user has.
    pub tickets: Vec<u32>,
}

/// A page of a user's list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserList {
    /// The newest first.
    pub items: Vec<Listing>,
    /// All that there are.
    pub total: u64,
    pub more: bool,
}

/// Where in a user's list a page begins: behind this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListingAge {
    pub created_ms: u64,
    pub booking: BookingId,
}

impl Listing {
    pub const fn age(&self) -> ListingAge {
        ListingAge { created_ms: self.created_ms, booking: self.booking }
    }
}

/// A row of somebody's list.
pub type ListingKey = (UserId, BookingId);

impl Client {
    /// What a user has, the newest first: what is older than `after`, without the first `skip`. As far as it
    /// was brought to the user's shard: the consumer `user-lists` of each shard says how far that is.
    pub async fn user_list(
        &self,
        user: UserId,
        after: Option<ListingAge>,
        skip: u32,
        limit: u32,
    ) -> Result<Answered<UserList>, Error> {
        let after = after.map(|it| v1::ListingAge {
            created_ms: it.created_ms,
            booking: wire::id(it.booking.to_bytes()),
        });
        let user_bytes = wire::id(user.to_bytes());
        let kind = Query::GetUserList(v1::GetUserList { user: user_bytes, after, skip, limit });
        self.read(user.slot(), kind, |found| match found {
            Found::UserList(list) => Some(page(list)),
            _ => None,
        })
        .await
    }

    /// Bookings of one event by id; those that are not there are left out. At most [`LISTINGS_MAX`].
    pub async fn bookings_by_id(&self, ids: &[BookingId]) -> Result<Answered<Vec<Booking>>, Error> {
        let first = ids.first().ok_or_else(|| Error::unavailable("no bookings were named"))?;
        let bookings = ids.iter().map(|id| wire::id(id.to_bytes())).collect();
        let kind = Query::GetBookings(v1::GetBookings { bookings });
        self.read(first.slot(), kind, |found| match found {
            Found::Bookings(list) => {
                Some(list.bookings.into_iter().map(wire::booking).collect::<Result<_, _>>())
            }
            _ => None,
        })
        .await
    }

    /// Brings what bookings of the shard `source` are to users of the shard `to`: at most
    /// [`LISTINGS_MAX`]. Safe to repeat, in any order.
    pub async fn apply_listings(
        &self,
        to: ShardId,
        source: ShardId,
        listings: &[Listing],
    ) -> Result<Answered<()>, Error> {
        let listings = listings.iter().map(listing_out).collect();
        let apply = v1::ApplyListings { source: source.0, listings };
        let command = v1::UserListCommand { kind: Some(Ask::Apply(apply)) };
        let (slot, key) = (self.slot_of(to)?, crate::key::request_key());
        self.write(slot, NOBODY, key, Kind::UserList(command), done).await
    }

    /// A user's list goes, and never comes back.
    pub async fn forget_user_list(&self, user: UserId) -> Result<Answered<()>, Error> {
        let command = v1::UserListCommand { kind: Some(Ask::Forget(wire::id(user.to_bytes()))) };
        let key = crate::key::request_key();
        self.write(user.slot(), NOBODY, key, Kind::UserList(command), done).await
    }

    /// Rows in the shard `of` about bookings of `source` that were last looked at before `revision`; and
    /// from where to go on, if there may be more.
    pub async fn old_listings(
        &self,
        of: ShardId,
        source: ShardId,
        revision: u64,
        after: Option<ListingKey>,
    ) -> Result<Answered<(Vec<ListingKey>, Option<ListingKey>)>, Error> {
        let after = after.map(|(user, booking)| v1::ListingKey {
            user: wire::id(user.to_bytes()),
            booking: wire::id(booking.to_bytes()),
        });
        let limit = u32::try_from(LISTINGS_MAX).unwrap_or(u32::MAX);
        let kind = v1::ListOldListings { source: source.0, revision, after, limit };
        self.read(self.slot_of(of)?, Query::ListOldListings(kind), |found| match found {
            Found::OldListings(page) => Some(old(page)),
            _ => None,
        })
        .await
    }
}

fn page(list: v1::UserList) -> Result<UserList, Unreadable> {
    let v1::UserList { listings, total, more } = list;
    let items = listings.into_iter().map(listing).collect::<Result<_, _>>()?;
    Ok(UserList { items, total, more })
}

fn listing(wire: v1::Listing) -> Result<Listing, Unreadable> {
    Ok(Listing {
        user: wire::user_id(&wire.user)?,
        booking: wire::booking_id(&wire.booking)?,
        event: wire::event_id(&wire.event)?,
        revision: wire.revision,
        created_ms: wire.created_ms,
        state: wire::booking_state(wire.state)?,
        buyer: wire.buyer,
        places: wire.places,
        total: wire.total,
        currency: wire.currency,
        tickets: wire.tickets,
    })
}

fn listing_out(listing: &Listing) -> v1::Listing {
    let state = match listing.state {
        BookingState::Held => v1::BookingState::Held,
        BookingState::Paying => v1::BookingState::Paying,
        BookingState::Confirmed => v1::BookingState::Confirmed,
        BookingState::Released => v1::BookingState::Released,
        BookingState::Expired => v1::BookingState::Expired,
        BookingState::RefundDue => v1::BookingState::RefundDue,
        BookingState::Refunded => v1::BookingState::Refunded,
        BookingState::Capturing => v1::BookingState::Capturing,
    };
    v1::Listing {
        user: wire::id(listing.user.to_bytes()),
        booking: wire::id(listing.booking.to_bytes()),
        event: wire::id(listing.event.to_bytes()),
        revision: listing.revision,
        created_ms: listing.created_ms,
        state: state.into(),
        buyer: listing.buyer,
        places: listing.places,
        total: listing.total,
        currency: listing.currency.clone(),
        tickets: listing.tickets.clone(),
    }
}

fn old(page: v1::OldListings) -> Result<(Vec<ListingKey>, Option<ListingKey>), Unreadable> {
    let key = |it: v1::ListingKey| Ok((wire::user_id(&it.user)?, wire::booking_id(&it.booking)?));
    let found = page.listings.into_iter().map(key).collect::<Result<_, _>>()?;
    Ok((found, page.next.map(key).transpose()?))
}
