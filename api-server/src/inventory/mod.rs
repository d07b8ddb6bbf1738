//! The seam to the cluster: what routes, saga and index ask of the inventory, and nothing more.
//!
//! `rowlock_client::Client` is the one implementation that ships; tests bring an inventory in memory.

mod accounts;
mod charges;
mod cluster;
mod desk;
mod doors;
mod life;
mod terms;
mod waitlist;

use futures_util::future::BoxFuture;
use rowlock_client::types::{
    Booking, BookingId, BookingLocator, Cart, Confirmed, Event, EventId, EventPatch, EventSpec,
    ExchangeOrder, Exchanged, Page, PaymentBegun, RefundDecided, RequestKey, SeatMapHash, Seats,
    ShardId, Slot, User, UserEntry, UserId, UserPatch, Venue, VenueEntry, VenueId, WatchBatch,
};
use rowlock_client::user_lists::{ListingAge, UserList};
use rowlock_client::{Answered, Error, WatchError};

pub use self::accounts::Accounts;
pub use self::charges::Charges;
pub use self::desk::Desk;
pub use self::doors::Doors;
pub use self::life::{LifeOrder, Lives};
pub use self::terms::{SaleTerms, TermsOrder};
pub use self::waitlist::Waitlists;

pub type Call<'a, T> = BoxFuture<'a, Result<Answered<T>, Error>>;

/// The cluster itself, which may act for anybody: its caller has seen who asks.
pub(crate) const CLUSTER: UserId = UserId(0);

/// Sold places that are to be taken back.
#[derive(Clone, Copy, Debug)]
pub struct RefundOrder<'a> {
    /// Numbers of places in the booking; none: all that are left.
    pub places: &'a [u32],
    pub reason: &'a str,
    /// The seats don't go back on sale.
    pub block: bool,
}

/// The commands and queries of a cluster. Queries are linearizable.
pub trait Inventory:
    Accounts + Charges + Desk + Doors + Lives + SaleTerms + Waitlists + Send + Sync + std::fmt::Debug
{
    fn shard_count(&self) -> u32;
    fn watch(&self, shard: ShardId, after: u64) -> Box<dyn Feed>;

    fn event(&self, event: EventId) -> Call<'_, Event>;
    /// Events of one shard by id, after `after`.
    fn events_of(
        &self,
        shard: ShardId,
        after: Option<EventId>,
        limit: u32,
    ) -> Call<'_, Page<Event>>;
    fn seats(&self, event: EventId) -> Call<'_, Seats>;
    fn seat_map(&self, slot: Slot, map: SeatMapHash) -> BoxFuture<'_, Result<Vec<u8>, Error>>;
    fn venue(&self, venue: VenueId) -> Call<'_, VenueEntry>;
    fn booking(&self, booking: BookingId) -> Call<'_, Booking>;
    fn booking_by_locator(&self, locator: BookingLocator) -> Call<'_, Booking>;
    /// Bookings of an event by number, after `after_seq`.
    fn bookings(&self, event: EventId, after_seq: u32, limit: u32) -> Call<'_, Page<Booking>>;
    fn user(&self, user: UserId) -> Call<'_, UserEntry>;
    /// What a user has over all events, the newest first, a moment behind.
    fn user_list(
        &self,
        user: UserId,
        after: Option<ListingAge>,
        skip: u32,
        limit: u32,
    ) -> Call<'_, UserList>;
    fn user_by_email<'a>(&'a self, email: &'a str) -> Call<'a, UserEntry>;

    fn put_seat_map<'a>(
        &'a self,
        slot: Slot,
        bytes: &'a [u8],
        principal: UserId,
    ) -> BoxFuture<'a, Result<SeatMapHash, Error>>;
    fn put_venue(
        &self,
        venue: VenueId,
        doc: Venue,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, ()>;
    fn create_event(
        &self,
        event: EventId,
        spec: EventSpec,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, ()>;
    fn update_event(
        &self,
        event: EventId,
        patch: EventPatch,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, ()>;
    fn publish_event(&self, event: EventId, principal: UserId, key: RequestKey) -> Call<'_, ()>;
    fn cancel_event(&self, event: EventId, principal: UserId, key: RequestKey) -> Call<'_, ()>;

    /// All of `seats` or none.
    fn hold<'a>(
        &'a self,
        event: EventId,
        seats: &'a [u32],
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking>;
    /// Everything in the cart or nothing.
    fn hold_cart(
        &self,
        event: EventId,
        cart: Cart,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Booking>;
    fn release(&self, booking: BookingId, principal: UserId, key: RequestKey) -> Call<'_, ()>;
    fn extend_hold(
        &self,
        booking: BookingId,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Booking>;
    /// By the numbers of the places in the booking; one at least stays.
    fn release_places<'a>(
        &'a self,
        booking: BookingId,
        places: &'a [u32],
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking>;
    fn transfer_ticket(
        &self,
        booking: BookingId,
        place: u32,
        version: u32,
        to: UserId,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Booking>;
    fn redeem_ticket<'a>(
        &'a self,
        booking: BookingId,
        place: u32,
        version: u32,
        door: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking>;
    fn unredeem_ticket(
        &self,
        booking: BookingId,
        place: u32,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Booking>;
    fn begin_payment(
        &self,
        booking: BookingId,
        amount: u64,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, PaymentBegun>;
    fn attach_intent<'a>(
        &'a self,
        booking: BookingId,
        attempt: u32,
        intent: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, ()>;
    fn confirm_payment<'a>(
        &'a self,
        booking: BookingId,
        attempt: u32,
        intent: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Confirmed>;
    fn fail_payment<'a>(
        &'a self,
        booking: BookingId,
        attempt: u32,
        reason: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking>;

    fn refund_places<'a>(
        &'a self,
        booking: BookingId,
        order: RefundOrder<'a>,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, RefundDecided>;
    /// Some places of a hold, or of a sold booking, for others: all or nothing.
    fn exchange_places(
        &self,
        booking: BookingId,
        event: EventId,
        order: ExchangeOrder,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Exchanged>;
    fn settle_refund<'a>(
        &'a self,
        booking: BookingId,
        refund: u32,
        reference: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking>;
    fn register_user(
        &self,
        user: UserId,
        doc: User,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, ()>;
    fn update_user(
        &self,
        user: UserId,
        patch: UserPatch,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, ()>;
}

/// The change feed of one shard: each change once, in order.
pub trait Feed: Send {
    /// The next changes. A batch without changes is a sign of life.
    fn next(&mut self) -> BoxFuture<'_, Result<WatchBatch, WatchError>>;
}
