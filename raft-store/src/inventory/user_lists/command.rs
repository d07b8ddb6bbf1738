//! What is told to the lists of users, and the checks that need no state.

use rowlock_proto::ids::{BookingId, EventId, UserId};

use crate::inventory::booking::BookingState;
use crate::inventory::command::invalid;
use crate::inventory::reply::Refusal;

/// Listings of one command: bounds how long it keeps the shard.
pub const LISTINGS_MAX: usize = 256;
/// Tickets of one listing: more than a booking can have.
pub const LISTED_TICKETS_MAX: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserListCommand {
    /// What bookings of the shard `source` are to users of this shard.
    Apply { source: u32, listings: Vec<Listing> },
    /// The user's list goes, and never comes back.
    Forget { user: UserId },
}

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
    /// Minor units; the buyer's business, and 0 to others.
    pub total: u64,
    pub currency: [u8; 3],
    /// Numbers of the places whose tickets the user has; in order.
    pub tickets: Vec<u32>,
}

fn check_listing(listing: &Listing) -> Result<(), Refusal> {
    let booking = listing.booking;
    if listing.tickets.len() > LISTED_TICKETS_MAX {
        return Err(invalid(format!("{booking} lists more than {LISTED_TICKETS_MAX} tickets")));
    }
    if !listing.tickets.is_sorted_by(|a, b| a < b) {
        return Err(invalid(format!("the tickets of {booking} are out of order")));
    }
    if !listing.currency.iter().all(u8::is_ascii_uppercase) {
        return Err(invalid(format!("the currency of {booking} is not three capital letters")));
    }
    Ok(())
}

impl UserListCommand {
    pub(in crate::inventory) fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::Apply { listings, .. } => {
                if listings.is_empty() || listings.len() > LISTINGS_MAX {
                    return Err(invalid(format!("1 to {LISTINGS_MAX} listings are taken at once")));
                }
                listings.iter().try_for_each(check_listing)
            }
            Self::Forget { .. } => Ok(()),
        }
    }
}
