//! Waitlists, naively: who came first and fits is served first, and wishes know categories only.

use std::collections::BTreeMap;

use rowlock_api_server::inventory::{Call, Waitlists};
use rowlock_client::Error;
use rowlock_client::types::{
    Best, Booking, BookingId, BookingState, Cart, ErrorCode, EventId, EventState, RequestKey,
    UserId,
};
use rowlock_client::waitlist::{WaitStanding, Waiter, WaiterPage, Waitlist, WaitlistRules, Wish};

use super::{Fake, State, refuse};

#[derive(Clone, Debug)]
pub(super) struct List {
    rules: WaitlistRules,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    user: UserId,
    key: RequestKey,
    wish: Wish,
    joined_ms: u64,
    left: bool,
    booking: Option<BookingId>,
}

impl Default for List {
    fn default() -> Self {
        let rules = WaitlistRules { offer_ms: 1_800_000, closed: false };
        Self { rules, entries: Vec::new() }
    }
}

impl State {
    /// Free seats for everybody whom they fit.
    pub(super) fn serve(&mut self, now_ms: u64) {
        let mut waiting = Vec::new();
        for (&event, list) in &self.waitlists {
            let entries = list.entries.iter().enumerate();
            let entries = entries.filter(|(_, entry)| !entry.left && entry.booking.is_none());
            waiting.extend(entries.map(|(at, it)| (event, at, it.clone(), list.rules.offer_ms)));
        }
        for (event, at, Entry { user, key, wish, .. }, offer_ms) in waiting {
            if let Ok(booking) = self.hold_cart(now_ms, event, cart(&wish), user, key) {
                let booking = self.bookings.get_mut(&booking.id).unwrap();
                booking.expires_ms = now_ms + offer_ms;
                let entry = &mut self.waitlists.get_mut(&event).unwrap().entries[at];
                entry.booking = Some(booking.id);
            }
        }
    }

    fn standing(&self, entry: &Entry) -> WaitStanding {
        let Some(booking) = entry.booking else {
            return if entry.left { WaitStanding::Left } else { WaitStanding::Waiting };
        };
        match self.bookings[&booking].state {
            BookingState::Held | BookingState::Paying | BookingState::Capturing => {
                WaitStanding::Offered
            }
            BookingState::Confirmed | BookingState::Refunded => WaitStanding::Bought,
            BookingState::Released => WaitStanding::Declined,
            BookingState::Expired | BookingState::RefundDue => WaitStanding::RanOut,
        }
    }

    fn view(&self, event: EventId, at: usize) -> Waiter {
        let entries = &self.waitlists[&event].entries;
        let entry = &entries[at];
        let standing = self.standing(entry);
        let waits = |it: &&Entry| self.standing(it) == WaitStanding::Waiting;
        let ahead = entries[..at].iter().filter(waits).count();
        let waiting = standing == WaitStanding::Waiting;
        Waiter {
            event,
            user: entry.user,
            entry: u32::try_from(at).unwrap(),
            wish: entry.wish.clone(),
            joined_ms: entry.joined_ms,
            standing,
            position: if waiting { u32::try_from(ahead).unwrap() + 1 } else { 0 },
            booking: entry.booking,
            until_ms: entry.booking.map_or(0, |booking| self.bookings[&booking].expires_ms),
        }
    }

    fn join(
        &mut self,
        now_ms: u64,
        event: EventId,
        wish: Wish,
        user: UserId,
        key: RequestKey,
    ) -> Result<Waiter, Error> {
        let Some(stored) = self.events.get(&event) else {
            return refuse(ErrorCode::EventNotFound);
        };
        match stored.event.state {
            EventState::Draft => return refuse(ErrorCode::EventStateConflict),
            EventState::Cancelled | EventState::Ended => return refuse(ErrorCode::SaleClosed),
            EventState::Published | EventState::Paused => {}
        }
        let free = (0..stored.owners.len()).filter(|&seat| {
            let category = u32::from(stored.categories[seat]);
            let fits = wish.categories.is_empty() || wish.categories.contains(&category);
            fits && stored.owners[seat].is_none()
        });
        let enough = free.count() >= wish.quantity as usize;
        let list = self.waitlists.get(&event).cloned().unwrap_or_default();
        let (rules, entries) = (list.rules, list.entries);
        if let Some(at) = entries.iter().position(|it| it.key == key && it.user == user) {
            let same = entries[at].wish == wish;
            return if same {
                Ok(self.view(event, at))
            } else {
                refuse(ErrorCode::IdempotencyKeyReused)
            };
        }
        if let Some(at) = entries.iter().rposition(|it| it.user == user) {
            let standing = self.standing(&entries[at]);
            if matches!(standing, WaitStanding::Waiting | WaitStanding::Offered) {
                let same = entries[at].wish == wish;
                return if same {
                    Ok(self.view(event, at))
                } else {
                    refuse(ErrorCode::WaitlistJoined)
                };
            }
        }
        if rules.closed {
            return refuse(ErrorCode::WaitlistClosed);
        }
        if enough {
            return refuse(ErrorCode::WaitlistNotNeeded);
        }
        let entry = Entry { user, key, wish, joined_ms: now_ms, left: false, booking: None };
        self.waitlists.entry(event).or_default().entries.push(entry);
        Ok(self.view(event, entries.len()))
    }

    fn own_entry(&mut self, event: EventId, at: u32, by: UserId) -> Result<&mut Entry, Error> {
        let list = self.waitlists.get_mut(&event);
        let entry = list.and_then(|list| list.entries.get_mut(at as usize));
        match entry.filter(|entry| entry.user == by) {
            Some(entry) => Ok(entry),
            None => refuse(ErrorCode::WaitlistNotJoined),
        }
    }

    fn leave(&mut self, now_ms: u64, event: EventId, at: u32, by: UserId) -> Result<Waiter, Error> {
        let entry = self.own_entry(event, at, by)?;
        match entry.booking {
            None => entry.left = true,
            Some(booking) => match self.bookings[&booking].state {
                BookingState::Held => self.let_go(now_ms, booking, BookingState::Released),
                BookingState::Paying | BookingState::Capturing => {
                    return refuse(ErrorCode::BookingStateConflict);
                }
                BookingState::Confirmed
                | BookingState::Released
                | BookingState::Expired
                | BookingState::RefundDue
                | BookingState::Refunded => {}
            },
        }
        Ok(self.view(event, at as usize))
    }

    fn accept(
        &mut self,
        now_ms: u64,
        event: EventId,
        at: u32,
        by: UserId,
    ) -> Result<Booking, Error> {
        let booking = self.own_entry(event, at, by)?.booking;
        let Some(booking) = booking.filter(|id| self.bookings[id].state == BookingState::Held)
        else {
            return refuse(ErrorCode::NoOffer);
        };
        if self.bookings[&booking].extras.extended {
            return Ok(self.bookings[&booking].clone());
        }
        self.extend_hold(now_ms, booking, by)
    }
}

fn cart(wish: &Wish) -> Cart {
    let best =
        Best { quantity: wish.quantity, categories: wish.categories.clone(), ..Best::default() };
    Cart { best: Some(best), ..Cart::default() }
}

impl Waitlists for Fake {
    fn set_waitlist(
        &self,
        event: EventId,
        rules: WaitlistRules,
        _: UserId,
        _: RequestKey,
    ) -> Call<'_, ()> {
        self.with(|state, _| {
            if !state.events.contains_key(&event) {
                return refuse(ErrorCode::EventNotFound);
            }
            state.waitlists.entry(event).or_default().rules = rules;
            Ok(())
        })
    }
    fn join_waitlist(
        &self,
        event: EventId,
        wish: Wish,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Waiter> {
        self.with(|state, now_ms| state.join(now_ms, event, wish, principal, key))
    }
    fn leave_waitlist(
        &self,
        event: EventId,
        entry: u32,
        principal: UserId,
        _: RequestKey,
    ) -> Call<'_, Waiter> {
        self.with(|state, now_ms| state.leave(now_ms, event, entry, principal))
    }
    fn accept_offer(
        &self,
        event: EventId,
        entry: u32,
        principal: UserId,
        _: RequestKey,
    ) -> Call<'_, Booking> {
        self.with(|state, now_ms| state.accept(now_ms, event, entry, principal))
    }
    fn waitlist(&self, event: EventId) -> Call<'_, Waitlist> {
        self.with(|state, _| {
            if !state.events.contains_key(&event) {
                return refuse(ErrorCode::EventNotFound);
            }
            let empty = List::default();
            let list = state.waitlists.get(&event).unwrap_or(&empty);
            let mut standings: BTreeMap<bool, u32> = BTreeMap::new();
            for entry in &list.entries {
                match state.standing(entry) {
                    WaitStanding::Waiting => *standings.entry(false).or_default() += 1,
                    WaitStanding::Offered => *standings.entry(true).or_default() += 1,
                    _ => {}
                }
            }
            Ok(Waitlist {
                event,
                rules: list.rules,
                entries: u32::try_from(list.entries.len()).unwrap(),
                waiting: standings.get(&false).copied().unwrap_or(0),
                offered: standings.get(&true).copied().unwrap_or(0),
            })
        })
    }
    fn waiter(&self, event: EventId, user: UserId) -> Call<'_, Waiter> {
        self.with(|state, _| {
            let list = state.waitlists.get(&event);
            match list.and_then(|list| list.entries.iter().rposition(|it| it.user == user)) {
                Some(at) => Ok(state.view(event, at)),
                None => refuse(ErrorCode::WaitlistNotJoined),
            }
        })
    }
    fn waiters(
        &self,
        event: EventId,
        from: u32,
        limit: u32,
        live_only: bool,
    ) -> Call<'_, WaiterPage> {
        self.with(move |state, _| {
            let all = state.waitlists.get(&event).map_or(0, |list| list.entries.len());
            let (mut items, mut next) = (Vec::new(), from as usize);
            while next < all && items.len() < limit as usize {
                let waiter = state.view(event, next);
                let live = matches!(waiter.standing, WaitStanding::Waiting | WaitStanding::Offered);
                if live || !live_only {
                    items.push(waiter);
                }
                next += 1;
            }
            let next = (next < all).then(|| u32::try_from(next).unwrap());
            Ok(WaiterPage { items, next })
        })
    }
}
