//! Waitlists: who gets places that come back.

use rowlock_client::Client;
use rowlock_client::types::{Booking, EventId, RequestKey, UserId};
use rowlock_client::waitlist::{Waiter, WaiterPage, Waitlist, WaitlistRules, Wish};

use super::Call;

pub trait Waitlists {
    fn set_waitlist(
        &self,
        event: EventId,
        rules: WaitlistRules,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, ()>;
    fn join_waitlist(
        &self,
        event: EventId,
        wish: Wish,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Waiter>;
    /// Gives an entry of `principal` up, or declines what it was offered.
    fn leave_waitlist(
        &self,
        event: EventId,
        entry: u32,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Waiter>;
    /// Gives an offer the time that a hold has, once.
    fn accept_offer(
        &self,
        event: EventId,
        entry: u32,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Booking>;
    fn waitlist(&self, event: EventId) -> Call<'_, Waitlist>;
    /// A user's latest entry.
    fn waiter(&self, event: EventId, user: UserId) -> Call<'_, Waiter>;
    /// Entries from number `from` on: those that wait or have an offer, or all.
    fn waiters(
        &self,
        event: EventId,
        from: u32,
        limit: u32,
        live_only: bool,
    ) -> Call<'_, WaiterPage>;
}

impl Waitlists for Client {
    fn set_waitlist(
        &self,
        event: EventId,
        rules: WaitlistRules,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, ()> {
        Box::pin(Self::set_waitlist(self, event, rules, principal, key))
    }
    fn join_waitlist(
        &self,
        event: EventId,
        wish: Wish,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Waiter> {
        Box::pin(Self::join_waitlist(self, event, wish, principal, key))
    }
    fn leave_waitlist(
        &self,
        event: EventId,
        entry: u32,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Waiter> {
        Box::pin(Self::leave_waitlist(self, event, entry, principal, key))
    }
    fn accept_offer(
        &self,
        event: EventId,
        entry: u32,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Booking> {
        Box::pin(Self::accept_offer(self, event, entry, principal, key))
    }
    fn waitlist(&self, event: EventId) -> Call<'_, Waitlist> {
        Box::pin(Self::waitlist(self, event))
    }
    fn waiter(&self, event: EventId, user: UserId) -> Call<'_, Waiter> {
        Box::pin(Self::waiter(self, event, user))
    }
    fn waiters(
        &self,
        event: EventId,
        from: u32,
        limit: u32,
        live_only: bool,
    ) -> Call<'_, WaiterPage> {
        Box::pin(Self::waiters(self, event, from, limit, live_only))
    }
}
