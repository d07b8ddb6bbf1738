//! Who is served, and when.
//!
//! `settle` runs at the beginning and the end of every command. With nothing to do it is two looks at
//! the first of an ordered set.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{EventId, RequestKey, UserId};
use rowlock_proto::shard::{hash64, mix64};

use super::wish::Fit;
use super::{Kept, OFFERS_MAX, WaitlistChange, WaitlistCommand};
use crate::inventory::command::{Command, CommandKind, EXPIRE_MAX};
use crate::inventory::event::{Event, KeyOwner};
use crate::inventory::hold::{event_no, judge_limit, judge_sale};
use crate::inventory::planted::{Mistake, planted};
use crate::inventory::record::RecordKey;
use crate::inventory::reply::{EventState, Refusal, Reply};
use crate::inventory::{State, fingerprint};

impl Event {
    /// Whether nothing of it is going to be sold any more.
    fn is_over(&self, now_ms: u64) -> bool {
        match self.state_at(now_ms) {
            EventState::Cancelled | EventState::Ended => true,
            EventState::Draft | EventState::Published | EventState::Paused => {
                self.spec.date_ms <= now_ms
            }
        }
    }

    /// When those who wait are to be served: free places may fit them, and are on sale from then on.
    fn serve_at(&self, now_ms: u64) -> Option<u64> {
        let pending = self.waitlist.as_deref().is_some_and(|list| list.waits() && list.pending);
        let on_sale = self.state_at(now_ms) == EventState::Published && !self.is_over(now_ms);
        (pending && on_sale).then_some(self.spec.sale_start_ms)
    }

    /// Whether what comes back is for those who wait.
    pub(in crate::inventory) fn keeps_for_waitlist(&self, now_ms: u64) -> bool {
        let waits = self.waitlist.as_deref().is_some_and(|list| list.waits());
        waits && judge_sale(self, now_ms, "").is_ok()
    }

    /// Whether no free place may be sold before those who wait were looked at.
    pub(in crate::inventory) fn is_pending(&self, now_ms: u64) -> bool {
        self.serve_at(now_ms).is_some_and(|at_ms| at_ms <= now_ms)
    }

    /// How long a hold lasts that comes of `kind`.
    pub(in crate::inventory) fn hold_ms(&self, kind: &CommandKind) -> u64 {
        let list = self.waitlist.as_deref().filter(|_| matches!(kind, CommandKind::Waitlist(_)));
        list.map_or(self.spec.hold_ttl_ms, |list| list.rules.offer_ms)
    }
}

impl State {
    pub(super) fn is_over(&self, event: &Event) -> bool {
        event.is_over(self.log.clock_ms)
    }

    /// Places came back, or the event is another than before: somebody who waits may be served.
    pub(in crate::inventory) fn stir(&mut self, id: EventId) {
        let now_ms = self.log.clock_ms;
        let Some(event) = self.events.get_mut(&id) else { return };
        let (no, over) = (event_no(event), event.is_over(now_ms));
        let Some(list) = event.waitlist.as_deref_mut() else { return };
        if list.waits() && !list.pending && !over {
            list.pending = true;
            self.log.touch(RecordKey::Waitlist(no));
        }
        self.retime(id);
    }

    /// Brings up to what the event is now when it is looked after.
    pub(super) fn retime(&mut self, id: EventId) {
        let now_ms = self.log.clock_ms;
        let Some(event) = self.events.get_mut(&id) else { return };
        let at = event.serve_at(now_ms);
        let Some(list) = event.waitlist.as_deref_mut() else { return };
        self.deadlines.watch(id, list.waits());
        let before = std::mem::replace(&mut list.due_at, at);
        if before != at {
            before.map(|before| self.offers_due.remove(&(before, id)));
            self.offers_due.extend(at.map(|at| (at, id)));
        }
    }

    /// The event that is to be served next.
    fn next_to_serve(&self) -> Option<EventId> {
        let first = self.offers_due.first().copied();
        first.filter(|&(at_ms, _)| at_ms <= self.log.clock_ms).map(|(_, id)| id)
    }

    /// Serves those who wait, in every event in which something came back: a bounded number.
    pub(in crate::inventory) fn settle(&mut self) {
        let mut holds = EXPIRE_MAX;
        while holds > 0
            && let Some(id) = self.deadlines.first_watched(self.log.clock_ms)
        {
            holds -= self.retire_due_of(id, holds);
        }
        let mut offers = OFFERS_MAX;
        while offers > 0
            && let Some(id) = self.next_to_serve()
        {
            self.serve(id, &mut offers);
        }
    }

    /// Before anybody else has places of the event: those who wait. Refused if there are more of them
    /// than one command serves.
    pub(in crate::inventory) fn serve_before(&mut self, id: EventId) -> Result<(), Refusal> {
        let now_ms = self.log.clock_ms;
        let is_behind = |state: &Self| {
            state.events.get(&id).is_some_and(|event| {
                let due = event.keeps_for_waitlist(now_ms) && state.due_of(id).next().is_some();
                due || event.is_pending(now_ms)
            })
        };
        if !is_behind(self) || planted(Mistake::BuyerFirst) {
            return Ok(());
        }
        self.retire_due_of(id, EXPIRE_MAX);
        self.serve(id, &mut { OFFERS_MAX });
        if is_behind(self) { Err(Refusal::of(ErrorCode::WaitlistFirst)) } else { Ok(()) }
    }

    /// Offers what is free to those whom it fits, in their order, `offers` at most.
    fn serve(&mut self, id: EventId, offers: &mut u32) {
        let now_ms = self.log.clock_ms;
        // Places only become fewer on the way: who did not fit does not fit later.
        let mut from = 0;
        while let Some(event) = self.events.get_mut(&id) {
            if judge_sale(event, now_ms, "").is_err() {
                break;
            }
            let Some(list) = event.waitlist.as_deref() else { break };
            let next = if planted(Mistake::LastFirst) {
                list.heads.range(from..).next_back()
            } else {
                list.heads.range(from..).next()
            };
            let Some((&entry, wish)) = next else {
                self.through(id);
                break;
            };
            let wish = wish.clone();
            if *offers == 0 {
                break;
            }
            from = entry;
            match wish.fit(event) {
                None => from += 1,
                Some(fit) => {
                    *offers -= 1;
                    self.offer(id, entry, &fit);
                }
            }
        }
        self.retime(id);
    }

    /// Nobody who waits fits what is free.
    fn through(&mut self, id: EventId) {
        let Some(event) = self.events.get_mut(&id) else { return };
        let no = event_no(event);
        if let Some(list) = event.waitlist.as_deref_mut().filter(|list| list.pending) {
            list.pending = false;
            self.log.touch(RecordKey::Waitlist(no));
        }
    }

    /// Holds free places for an entry whose turn it is.
    fn offer(&mut self, id: EventId, entry: u32, fit: &Fit) {
        let Some(event) = self.events.get(&id) else { return };
        let Some(waiter) = event.waitlist.as_deref().and_then(|list| list.entry(entry)) else {
            return;
        };
        let (user, wish) = (waiter.user, waiter.wish.as_ref().clone());
        let key = offer_key(event, user, waiter.key);
        let under = judge_limit(event, user, wish.quantity).and_then(|()| event.terms_for(""));
        let granted = under.and_then(|under| {
            // The hold is what the join came to.
            let kind = CommandKind::Waitlist(WaitlistCommand::Join { event: id, wish });
            let command = Command { principal: user, key, kind };
            let print = fingerprint(3, std::iter::once(entry.into()));
            self.give(&command, id, print, &fit.seats, &fit.areas, under)
        });
        let Ok(Reply::Booking(view)) = granted else {
            self.end_waiting(id, entry, Kept::PassedOver);
            self.log.note_waitlist(WaitlistChange::PassedOver { event: id, user, entry });
            return;
        };
        let booking = view.booking;
        self.end_waiting(id, entry, Kept::Offered(booking.locator().seq()));
        let until_ms = view.expires_ms;
        self.log.note_waitlist(WaitlistChange::Offered {
            event: id,
            user,
            entry,
            booking,
            until_ms,
        });
    }

    /// A booking is paid, or over.
    pub(in crate::inventory) fn offer_closed(&mut self, id: EventId, seq: u32) {
        let event = self.events.get_mut(&id);
        if let Some(list) = event.and_then(|event| event.waitlist.as_deref_mut()) {
            list.offer_closed(seq);
        }
    }
}

/// The key of an offer's booking: made from the caller's own random number, so that it can be guessed
/// no better, and another than the user's bookings have.
fn offer_key(event: &Event, user: UserId, joined: RequestKey) -> RequestKey {
    let low = hash64(&joined.to_bytes()) ^ mix64(hash64(&user.to_bytes()));
    let key = |salt: u64| {
        let high = mix64(low.rotate_left(17) ^ salt);
        RequestKey(u128::from(mix64(high)) << 64 | u128::from(mix64(low ^ !salt)))
    };
    let is_used =
        |key: &RequestKey| matches!(event.by_key.get(&(user, *key)), Some(KeyOwner::Booking(_)));
    (0..).map(key).find(|key| !is_used(key)).unwrap_or(joined)
}
