//! The inventory of a real cluster.

use futures_util::future::BoxFuture;
use rowlock_client::types::{
    Booking, BookingId, BookingLocator, BookingState, Cart, Confirmed, Event, EventId, EventPatch,
    EventSpec, ExchangeOrder, Exchanged, Page, PaymentBegun, RefundDecided, RequestKey,
    SeatMapHash, Seats, ShardId, Slot, User, UserEntry, UserId, UserPatch, Venue, VenueEntry,
    VenueId, WatchBatch,
};
use rowlock_client::user_lists::{ListingAge, UserList};
use rowlock_client::{Answered, Client, Error, Watch, WatchError};

use super::{Call, Feed, Inventory, RefundOrder};

impl Feed for Watch {
    fn next(&mut self) -> BoxFuture<'_, Result<WatchBatch, WatchError>> {
        Box::pin(Watch::next(self))
    }
}

impl Inventory for Client {
    fn shard_count(&self) -> u32 {
        Client::shard_count(self)
    }
    fn watch(&self, shard: ShardId, after: u64) -> Box<dyn Feed> {
        Box::new(Client::watch(self, shard, after))
    }
    fn event(&self, event: EventId) -> Call<'_, Event> {
        Box::pin(Client::event(self, event))
    }
    fn events_of(
        &self,
        shard: ShardId,
        after: Option<EventId>,
        limit: u32,
    ) -> Call<'_, Page<Event>> {
        Box::pin(Client::events_of(self, shard, after, limit))
    }
    fn seats(&self, event: EventId) -> Call<'_, Seats> {
        Box::pin(Client::seats(self, event))
    }
    fn seat_map(&self, slot: Slot, map: SeatMapHash) -> BoxFuture<'_, Result<Vec<u8>, Error>> {
        Box::pin(Client::seat_map(self, slot, map))
    }
    fn venue(&self, venue: VenueId) -> Call<'_, VenueEntry> {
        Box::pin(Client::venue(self, venue))
    }
    fn booking(&self, booking: BookingId) -> Call<'_, Booking> {
        Box::pin(Client::booking(self, booking))
    }
    fn booking_by_locator(&self, locator: BookingLocator) -> Call<'_, Booking> {
        Box::pin(Client::booking_by_locator(self, locator))
    }
    fn bookings(&self, event: EventId, after_seq: u32, limit: u32) -> Call<'_, Page<Booking>> {
        Box::pin(Client::bookings(self, event, after_seq, limit))
    }
    fn user(&self, user: UserId) -> Call<'_, UserEntry> {
        Box::pin(Client::user(self, user))
    }
    fn user_list(
        &self,
        user: UserId,
        after: Option<ListingAge>,
        skip: u32,
        limit: u32,
    ) -> Call<'_, UserList> {
        Box::pin(Client::user_list(self, user, after, skip, limit))
    }
    fn user_by_email<'a>(&'a self, email: &'a str) -> Call<'a, UserEntry> {
        Box::pin(Client::user_by_email(self, email))
    }
    fn put_seat_map<'a>(
        &'a self,
        slot: Slot,
        bytes: &'a [u8],
        principal: UserId,
    ) -> BoxFuture<'a, Result<SeatMapHash, Error>> {
        Box::pin(Client::put_seat_map(self, slot, bytes, principal))
    }
    fn put_venue(
        &self,
        venue: VenueId,
        doc: Venue,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, ()> {
        Box::pin(Client::put_venue(self, venue, doc, principal, key))
    }
    fn create_event(
        &self,
        event: EventId,
        spec: EventSpec,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, ()> {
        Box::pin(Client::create_event(self, event, spec, principal, key))
    }
    fn update_event(
        &self,
        event: EventId,
        patch: EventPatch,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, ()> {
        Box::pin(Client::update_event(self, event, patch, principal, key))
    }
    fn publish_event(&self, event: EventId, principal: UserId, key: RequestKey) -> Call<'_, ()> {
        Box::pin(Client::publish_event(self, event, principal, key))
    }
    fn cancel_event(&self, event: EventId, principal: UserId, key: RequestKey) -> Call<'_, ()> {
        Box::pin(Client::cancel_event(self, event, principal, key))
    }
    fn hold<'a>(
        &'a self,
        event: EventId,
        seats: &'a [u32],
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking> {
        Box::pin(Client::hold(self, event, seats, principal, key))
    }
    fn hold_cart(
        &self,
        event: EventId,
        cart: Cart,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Booking> {
        Box::pin(Client::hold_cart(self, event, cart, principal, key))
    }
    /// A release whose reply was lost is looked up: a released booking says so itself.
    fn release(&self, booking: BookingId, principal: UserId, key: RequestKey) -> Call<'_, ()> {
        Box::pin(async move {
            match Client::release(self, booking, principal, key).await {
                Ok(answered) => Ok(answered),
                Err(Error::Unknown) => {
                    let found = Client::booking(self, booking).await.map_err(|_| Error::Unknown)?;
                    if found.value.state == BookingState::Released {
                        Ok(Answered { value: (), at: found.at })
                    } else {
                        Err(Error::Unknown)
                    }
                }
                Err(error) => Err(error),
            }
        })
    }
    fn extend_hold(
        &self,
        booking: BookingId,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Booking> {
        Box::pin(Client::extend_hold(self, booking, principal, key))
    }
    fn release_places<'a>(
        &'a self,
        booking: BookingId,
        places: &'a [u32],
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking> {
        Box::pin(Client::release_places(self, booking, places, principal, key))
    }
    fn transfer_ticket(
        &self,
        booking: BookingId,
        place: u32,
        version: u32,
        to: UserId,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Booking> {
        Box::pin(Client::transfer_ticket(self, booking, place, version, to, principal, key))
    }
    fn redeem_ticket<'a>(
        &'a self,
        booking: BookingId,
        place: u32,
        version: u32,
        door: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking> {
        Box::pin(Client::redeem_ticket(self, booking, place, version, door, principal, key))
    }
    fn unredeem_ticket(
        &self,
        booking: BookingId,
        place: u32,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Booking> {
        Box::pin(Client::unredeem_ticket(self, booking, place, principal, key))
    }
    fn begin_payment(
        &self,
        booking: BookingId,
        amount: u64,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, PaymentBegun> {
        Box::pin(Client::begin_payment(self, booking, amount, principal, key))
    }
    /// An attachment whose reply was lost is looked up: the log says which intent it has.
    fn attach_intent<'a>(
        &'a self,
        booking: BookingId,
        attempt: u32,
        intent: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, ()> {
        Box::pin(async move {
            match Client::attach_intent(self, booking, attempt, intent, principal, key).await {
                Ok(answered) => Ok(answered),
                Err(Error::Unknown) => {
                    let found = Client::booking(self, booking).await.map_err(|_| Error::Unknown)?;
                    let view = &found.value;
                    if view.state == BookingState::Paying
                        && view.attempt == attempt
                        && view.intent == intent
                    {
                        Ok(Answered { value: (), at: found.at })
                    } else {
                        Err(Error::Unknown)
                    }
                }
                Err(error) => Err(error),
            }
        })
    }
    fn confirm_payment<'a>(
        &'a self,
        booking: BookingId,
        attempt: u32,
        intent: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Confirmed> {
        Box::pin(Client::confirm_payment(self, booking, attempt, intent, principal, key))
    }
    fn fail_payment<'a>(
        &'a self,
        booking: BookingId,
        attempt: u32,
        reason: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking> {
        Box::pin(Client::fail_payment(self, booking, attempt, reason, principal, key))
    }
    fn refund_places<'a>(
        &'a self,
        booking: BookingId,
        order: RefundOrder<'a>,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, RefundDecided> {
        let RefundOrder { places, reason, block } = order;
        Box::pin(Client::refund_places(self, booking, places, reason, block, principal, key))
    }
    fn exchange_places(
        &self,
        booking: BookingId,
        event: EventId,
        order: ExchangeOrder,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Exchanged> {
        Box::pin(Client::exchange_places(self, booking, event, order, principal, key))
    }
    fn settle_refund<'a>(
        &'a self,
        booking: BookingId,
        refund: u32,
        reference: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking> {
        Box::pin(Client::settle_refund(self, booking, refund, reference, principal, key))
    }
    fn register_user(
        &self,
        user: UserId,
        doc: User,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, ()> {
        Box::pin(Client::register_user(self, user, doc, principal, key))
    }
    fn update_user(
        &self,
        user: UserId,
        patch: UserPatch,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, ()> {
        Box::pin(Client::update_user(self, user, patch, principal, key))
    }
}
