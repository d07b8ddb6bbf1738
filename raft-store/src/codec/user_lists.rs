//! Commands to the lists of users, and their records.

use bincode::{Decode, Encode};
use rowlock_proto::ids::{BookingId, EventId, UserId};

use super::{Error, decode, encode};
use crate::inventory::BookingState;
use crate::inventory::user_lists::{Age, Listing, Row, UserListCommand};

/// The order of the variants is the format.
#[derive(Encode, Decode)]
pub(super) enum UserListCommandV1 {
    Apply { source: u32, listings: Vec<ListingV1> },
    Forget { user: [u8; 16] },
}

#[derive(Encode, Decode)]
pub(super) struct ListingV1 {
    user: [u8; 16],
    booking: [u8; 16],
    event: [u8; 16],
    revision: u64,
    created_ms: u64,
    state: StateV1,
    buyer: bool,
    places: u32,
    total: u64,
    currency: [u8; 3],
    tickets: Vec<u32>,
}

/// The order of the variants is the format.
#[derive(Encode, Decode)]
enum StateV1 {
    Held,
    Paying,
    Confirmed,
    Released,
    Expired,
    RefundDue,
    Refunded,
    Capturing,
}

impl From<BookingState> for StateV1 {
    fn from(state: BookingState) -> Self {
        match state {
            BookingState::Held => Self::Held,
            BookingState::Paying => Self::Paying,
            BookingState::Confirmed => Self::Confirmed,
            BookingState::Released => Self::Released,
            BookingState::Expired => Self::Expired,
            BookingState::RefundDue => Self::RefundDue,
            BookingState::Refunded => Self::Refunded,
            BookingState::Capturing => Self::Capturing,
        }
    }
}

impl From<StateV1> for BookingState {
    fn from(stored: StateV1) -> Self {
        match stored {
            StateV1::Held => Self::Held,
            StateV1::Paying => Self::Paying,
            StateV1::Confirmed => Self::Confirmed,
            StateV1::Released => Self::Released,
            StateV1::Expired => Self::Expired,
            StateV1::RefundDue => Self::RefundDue,
            StateV1::Refunded => Self::Refunded,
            StateV1::Capturing => Self::Capturing,
        }
    }
}

impl From<&Listing> for ListingV1 {
    fn from(listing: &Listing) -> Self {
        Self {
            user: listing.user.to_bytes(),
            booking: listing.booking.to_bytes(),
            event: listing.event.to_bytes(),
            revision: listing.revision,
            created_ms: listing.created_ms,
            state: listing.state.into(),
            buyer: listing.buyer,
            places: listing.places,
            total: listing.total,
            currency: listing.currency,
            tickets: listing.tickets.clone(),
        }
    }
}

impl From<ListingV1> for Listing {
    fn from(stored: ListingV1) -> Self {
        Self {
            user: UserId::from_bytes(stored.user),
            booking: BookingId::from_bytes(stored.booking),
            event: EventId::from_bytes(stored.event),
            revision: stored.revision,
            created_ms: stored.created_ms,
            state: stored.state.into(),
            buyer: stored.buyer,
            places: stored.places,
            total: stored.total,
            currency: stored.currency,
            tickets: stored.tickets,
        }
    }
}

impl From<&UserListCommand> for UserListCommandV1 {
    fn from(command: &UserListCommand) -> Self {
        match command {
            UserListCommand::Apply { source, listings } => {
                Self::Apply { source: *source, listings: listings.iter().map(Into::into).collect() }
            }
            UserListCommand::Forget { user } => Self::Forget { user: user.to_bytes() },
        }
    }
}

impl From<UserListCommandV1> for UserListCommand {
    fn from(stored: UserListCommandV1) -> Self {
        match stored {
            UserListCommandV1::Apply { source, listings } => {
                Self::Apply { source, listings: listings.into_iter().map(Into::into).collect() }
            }
            UserListCommandV1::Forget { user } => Self::Forget { user: UserId::from_bytes(user) },
        }
    }
}

#[derive(Encode, Decode)]
struct RowV1 {
    source: u32,
    revision: u64,
    event: [u8; 16],
    created_ms: u64,
    state: StateV1,
    buyer: bool,
    places: u32,
    total: u64,
    currency: [u8; 3],
    tickets: Vec<u32>,
}

/// One row of a user's list.
#[derive(Debug)]
pub struct UserRowRecord;

impl UserRowRecord {
    pub fn encode(row: &Row) -> Vec<u8> {
        let stored = RowV1 {
            source: row.source,
            revision: row.revision,
            event: row.event.to_bytes(),
            created_ms: row.created_ms,
            state: row.state.into(),
            buyer: row.buyer,
            places: row.places,
            total: row.total,
            currency: row.currency,
            tickets: row.tickets.to_vec(),
        };
        encode(stored, 64)
    }

    pub fn decode(bytes: &[u8]) -> Result<Row, Error> {
        let stored: RowV1 = decode(bytes)?;
        Ok(Row {
            source: stored.source,
            revision: stored.revision,
            event: EventId::from_bytes(stored.event),
            created_ms: stored.created_ms,
            state: stored.state.into(),
            buyer: stored.buyer,
            places: stored.places,
            total: stored.total,
            currency: stored.currency,
            tickets: stored.tickets.into(),
        })
    }
}

/// What is kept of a user's list besides its rows.
#[derive(Debug)]
pub struct UserListRecord {
    pub dropped: Option<Age>,
    pub forgotten: bool,
}

impl UserListRecord {
    pub fn encode(&self) -> Vec<u8> {
        let dropped = self.dropped.map(|(at_ms, booking)| (at_ms, booking.to_bytes()));
        encode((dropped, self.forgotten), 32)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let (dropped, forgotten): (Option<(u64, [u8; 16])>, bool) = decode(bytes)?;
        let dropped = dropped.map(|(at_ms, booking)| (at_ms, BookingId::from_bytes(booking)));
        Ok(Self { dropped, forgotten })
    }
}
