//! What readers see of a waitlist.

use rowlock_proto::ids::{BookingId, EventId, UserId};

use super::{Kept, Waiter, WaitlistRules, Wish};
use crate::inventory::State;
use crate::inventory::booking::BookingState;
use crate::inventory::event::Event;
use crate::inventory::query::PAGE_MAX;

/// Entries that one page looks through.
const SCAN_MAX: usize = 10_000;

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitStanding {
    Waiting,
    /// Its places are held, and may be paid.
    Offered,
    Bought,
    /// The offer was given back.
    Declined,
    /// The offer was not taken in time.
    RanOut,
    /// Its turn came, and its user may have no more places.
    PassedOver,
    Left,
    /// The event was over before its turn came.
    Closed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaiterView {
    pub event: EventId,
    pub user: UserId,
    pub entry: u32,
    pub wish: Wish,
    pub joined_ms: u64,
    pub standing: WaitStanding,
    /// From 1, among all that wait; 0: does not wait.
    pub position: u32,
    /// What it was offered.
    pub booking: Option<BookingId>,
    /// Until when the offer is held, as the customer was told; 0: there is none.
    pub until_ms: u64,
}

/// A waitlist as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitlistView {
    pub event: EventId,
    pub rules: WaitlistRules,
    /// Entries that were ever made.
    pub entries: u32,
    pub waiting: u32,
    /// Offers that are neither paid nor over.
    pub offered: u32,
}

impl State {
    pub(super) fn is_live(&self, event: &Event, waiter: &Waiter) -> bool {
        match self.standing(event, waiter) {
            WaitStanding::Waiting | WaitStanding::Offered => true,
            WaitStanding::Bought
            | WaitStanding::Declined
            | WaitStanding::RanOut
            | WaitStanding::PassedOver
            | WaitStanding::Left
            | WaitStanding::Closed => false,
        }
    }

    fn standing(&self, event: &Event, waiter: &Waiter) -> WaitStanding {
        let seq = match waiter.kept {
            Kept::Waiting if self.is_over(event) => return WaitStanding::Closed,
            Kept::Waiting => return WaitStanding::Waiting,
            Kept::Left => return WaitStanding::Left,
            Kept::PassedOver => return WaitStanding::PassedOver,
            Kept::Offered(seq) => seq,
        };
        let Some(booking) = event.booking(seq) else { return WaitStanding::RanOut };
        match booking.state {
            BookingState::Held if self.is_due(booking) => WaitStanding::RanOut,
            BookingState::Held | BookingState::Paying | BookingState::Capturing => {
                WaitStanding::Offered
            }
            BookingState::Confirmed | BookingState::Refunded => WaitStanding::Bought,
            BookingState::Released => WaitStanding::Declined,
            BookingState::Expired | BookingState::RefundDue => WaitStanding::RanOut,
        }
    }

    fn waiter_view(&self, event: &Event, entry: u32) -> Option<WaiterView> {
        let list = event.waitlist.as_deref()?;
        let waiter = list.entry(entry)?;
        let standing = self.standing(event, waiter);
        let booking = match waiter.kept {
            Kept::Offered(seq) => event.booking(seq),
            Kept::Waiting | Kept::Left | Kept::PassedOver => None,
        };
        let waits = standing == WaitStanding::Waiting;
        Some(WaiterView {
            event: event.id,
            user: waiter.user,
            entry,
            wish: waiter.wish.as_ref().clone(),
            joined_ms: waiter.joined_ms,
            standing,
            position: if waits { list.ahead(entry) + 1 } else { 0 },
            booking: booking.map(|booking| booking.id),
            until_ms: booking.map_or(0, |booking| booking.expires_ms),
        })
    }

    pub(super) fn waiter(&self, id: EventId, entry: u32) -> Option<WaiterView> {
        self.waiter_view(self.events.get(&id)?, entry)
    }

    /// A user's latest entry.
    pub fn waiter_of(&self, id: EventId, user: UserId) -> Option<WaiterView> {
        let event = self.events.get(&id)?;
        event.assert_whole();
        let (entry, _) = event.waitlist.as_deref()?.entries_of(user).next()?;
        self.waiter_view(event, entry)
    }

    /// The waitlist of an event; every event has one.
    pub fn waitlist(&self, id: EventId) -> Option<WaitlistView> {
        let event = self.events.get(&id)?;
        event.assert_whole();
        let rules = WaitlistRules::default();
        let empty = WaitlistView { event: id, rules, entries: 0, waiting: 0, offered: 0 };
        let Some(list) = event.waitlist.as_deref() else { return Some(empty) };
        let due = |seq: &&u32| event.booking(**seq).is_none_or(|booking| self.is_due(booking));
        let offered = list.open.iter().filter(|seq| !due(seq)).count();
        Some(WaitlistView {
            event: id,
            rules: list.rules,
            entries: list.total(),
            waiting: if self.is_over(event) { 0 } else { list.waiting },
            offered: super::count(offered),
        })
    }

    /// Entries of an event from number `from` on: those that wait or have an offer, or all. With the
    /// page comes the number to go on from; `None`: that was the last.
    pub fn waiters_of(
        &self,
        id: EventId,
        from: u32,
        limit: usize,
        live_only: bool,
    ) -> Option<(Vec<WaiterView>, Option<u32>)> {
        let event = self.events.get(&id)?;
        event.assert_whole();
        let total = event.waitlist.as_deref().map_or(0, |list| list.total());
        let mut page = Vec::new();
        let mut next = from;
        while next < total && page.len() < limit.min(PAGE_MAX) {
            let looked = usize::try_from(next - from).unwrap_or(usize::MAX);
            if looked >= SCAN_MAX {
                break;
            }
            let view = self.waiter_view(event, next);
            next += 1;
            let live = |view: &WaiterView| {
                matches!(view.standing, WaitStanding::Waiting | WaitStanding::Offered)
            };
            page.extend(view.filter(|view| !live_only || live(view)));
        }
        Some((page, (next < total).then_some(next)))
    }
}
