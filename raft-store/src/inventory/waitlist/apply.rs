//! What the commands do.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{EventId, RequestKey, UserId};

use super::{
    ENTRIES_MAX, ENTRIES_PER_USER_MAX, Kept, WAITERS_PER_BLOCK, WISHES_MAX, WaitlistChange,
    WaitlistCommand, WaitlistRules, Wish,
};
use crate::inventory::booking::BookingState;
use crate::inventory::change::ChangeKind;
use crate::inventory::command::EXPIRE_MAX;
use crate::inventory::event::Event;
use crate::inventory::hold::{event_no, judge_limit, judge_sale, judge_window};
use crate::inventory::planted::{Mistake, planted};
use crate::inventory::record::{EventNo, RecordKey};
use crate::inventory::reply::{Answer, EventState, Refusal, Reply};
use crate::inventory::{Outbox, SYSTEM, State, refuse};

impl Outbox {
    pub(super) fn note_waitlist(&mut self, change: WaitlistChange) {
        self.note(ChangeKind::Waitlist(change));
    }
    pub(super) fn touch_waiter(&mut self, no: EventNo, entry: u32) {
        if !planted(Mistake::WaiterNotWritten) {
            self.touch(RecordKey::Waiters(no, entry / WAITERS_PER_BLOCK));
        }
    }
}

/// Whether the event takes entries: places may still come back to be sold.
fn judge_joining(event: &Event, now_ms: u64) -> Result<(), Refusal> {
    match event.state_at(now_ms) {
        EventState::Published | EventState::Paused => judge_window(event, now_ms, "").map(|_| ()),
        EventState::Draft | EventState::Cancelled | EventState::Ended => {
            judge_sale(event, now_ms, "").map(|_| ())
        }
    }
}

impl State {
    pub(in crate::inventory) fn waitlist_command(
        &mut self,
        principal: UserId,
        key: RequestKey,
        command: &WaitlistCommand,
    ) -> Answer {
        match command {
            WaitlistCommand::Set { event, rules } => self.set_waitlist(*event, *rules),
            WaitlistCommand::Join { event, wish } => {
                let entry = self.join_waitlist(principal, key, *event, wish)?;
                self.waiter_answer(*event, entry)
            }
            WaitlistCommand::Leave { event, entry } => {
                self.leave_waitlist(principal, *event, *entry)?;
                self.waiter_answer(*event, *entry)
            }
            WaitlistCommand::Accept { event, entry } => {
                self.accept_offer(principal, *event, *entry)
            }
        }
    }

    fn set_waitlist(&mut self, id: EventId, rules: WaitlistRules) -> Answer {
        let Some(event) = self.events.get_mut(&id) else {
            return refuse(ErrorCode::EventNotFound);
        };
        let before = event.waitlist.as_deref().map(|list| list.rules).unwrap_or_default();
        if before != rules {
            event.waitlist.get_or_insert_default().rules = rules;
            self.log.touch(RecordKey::Waitlist(event_no(event)));
            self.log.note_waitlist(WaitlistChange::RulesSet { event: id, rules });
        }
        Ok(Reply::Done)
    }

    /// The entry that `user` has now.
    fn join_waitlist(
        &mut self,
        user: UserId,
        key: RequestKey,
        id: EventId,
        wish: &Wish,
    ) -> Result<u32, Refusal> {
        let now_ms = self.log.clock_ms;
        let Some(event) = self.events.get(&id) else {
            return Err(Refusal::of(ErrorCode::EventNotFound));
        };
        wish.check()?;
        let wish = wish.plain(event.layout.category_count)?;
        if let Some(list) = event.waitlist.as_deref() {
            if let Some((entry, known)) = list.entries_of(user).find(|(_, it)| it.key == key) {
                let same = *known.wish == wish;
                return if same { Ok(entry) } else { reused() };
            }
            let latest = list.entries_of(user).next();
            if let Some((entry, known)) = latest.filter(|(_, it)| self.is_live(event, it)) {
                let same = *known.wish == wish;
                let other = || Err(Refusal::of(ErrorCode::WaitlistJoined));
                return if same { Ok(entry) } else { other() };
            }
        }
        judge_joining(event, now_ms)?;
        judge_room(event, user, &wish)?;
        self.retire_due_over_limit(id, user, wish.quantity);
        if let Some(event) = self.events.get(&id) {
            judge_limit(event, user, wish.quantity)?;
        }
        if self.could_have(id, &wish) {
            return Err(Refusal::of(ErrorCode::WaitlistNotNeeded));
        }
        let Some(event) = self.events.get_mut(&id) else {
            return Err(Refusal::of(ErrorCode::EventNotFound));
        };
        let no = event_no(event);
        let list = event.waitlist.get_or_insert_default();
        let entry = list.enter(user, key, wish.clone(), now_ms);
        self.log.touch(RecordKey::Waitlist(no));
        self.log.touch_waiter(no, entry);
        self.log.note_waitlist(WaitlistChange::Joined { event: id, user, entry, wish });
        self.stir(id);
        Ok(entry)
    }

    /// Whether anybody might hold it now: then there is nothing to wait for. Due holds hide free
    /// places. Those who wait already come first.
    fn could_have(&mut self, id: EventId, wish: &Wish) -> bool {
        if self.serve_before(id).is_err() {
            return false;
        }
        loop {
            let Some(event) = self.events.get_mut(&id) else { return false };
            if wish.fit(event).is_some() {
                return true;
            }
            if self.retire_due_of(id, EXPIRE_MAX) == 0 {
                return false;
            }
        }
    }

    fn leave_waitlist(&mut self, by: UserId, id: EventId, entry: u32) -> Result<(), Refusal> {
        let (user, kept) = self.own_waiter(by, id, entry)?;
        match kept {
            Kept::Waiting => {
                self.end_waiting(id, entry, Kept::Left);
                self.log.note_waitlist(WaitlistChange::Left { event: id, user, entry });
            }
            Kept::Offered(seq) => {
                let booking = self.events.get(&id).and_then(|event| event.booking(seq));
                let pays = |state| matches!(state, BookingState::Paying | BookingState::Capturing);
                let paying = booking.is_some_and(|it| pays(it.state));
                if paying {
                    return Err(Refusal::of(ErrorCode::BookingStateConflict));
                }
                let held = booking.filter(|it| it.state == BookingState::Held);
                if held.is_some_and(|it| !self.is_due(it)) && !planted(Mistake::DeclinedKept) {
                    self.end_hold_alone(id, seq, BookingState::Released);
                }
            }
            Kept::Left | Kept::PassedOver => {}
        }
        Ok(())
    }

    fn accept_offer(&mut self, by: UserId, id: EventId, entry: u32) -> Answer {
        let (_, kept) = self.own_waiter(by, id, entry)?;
        let no_offer = refuse(ErrorCode::NoOffer);
        let Kept::Offered(seq) = kept else { return no_offer };
        let booking = self.events.get(&id).and_then(|event| event.booking(seq));
        let Some(booking) = booking else { return no_offer };
        let extended = booking.extras.as_ref().is_some_and(|it| it.extended_from_ms != 0);
        let of = booking.id;
        match booking.state {
            BookingState::Held if self.is_due(booking) => no_offer,
            BookingState::Held if !extended => self.extend_hold(SYSTEM, of),
            BookingState::Held
            | BookingState::Paying
            | BookingState::Capturing
            | BookingState::Confirmed => self.booking_answer(of),
            BookingState::Released
            | BookingState::Expired
            | BookingState::RefundDue
            | BookingState::Refunded => no_offer,
        }
    }

    /// An entry that `by` may act on: whose it is, and where it stands.
    fn own_waiter(&self, by: UserId, id: EventId, entry: u32) -> Result<(UserId, Kept), Refusal> {
        let Some(event) = self.events.get(&id) else {
            return Err(Refusal::of(ErrorCode::EventNotFound));
        };
        let waiter = event.waitlist.as_deref().and_then(|list| list.entry(entry));
        match waiter.filter(|waiter| by == waiter.user || by == SYSTEM) {
            Some(waiter) => Ok((waiter.user, waiter.kept)),
            None => Err(Refusal::of(ErrorCode::WaitlistNotJoined)),
        }
    }

    /// An entry waits no more.
    pub(super) fn end_waiting(&mut self, id: EventId, entry: u32, kept: Kept) {
        let Some(event) = self.events.get_mut(&id) else { return };
        let no = event_no(event);
        if let Some(list) = event.waitlist.as_deref_mut() {
            list.end(entry, kept);
            self.log.touch_waiter(no, entry);
        }
        self.retime(id);
    }

    fn waiter_answer(&self, id: EventId, entry: u32) -> Answer {
        match self.waiter(id, entry) {
            Some(view) => Ok(Reply::Waiter(Box::new(view))),
            None => refuse(ErrorCode::WaitlistNotJoined),
        }
    }
}

fn reused() -> Result<u32, Refusal> {
    Err(Refusal::of(ErrorCode::IdempotencyKeyReused))
}

/// Whether one more entry of `user` fits the list.
fn judge_room(event: &Event, user: UserId, wish: &Wish) -> Result<(), Refusal> {
    let Some(list) = event.waitlist.as_deref() else { return Ok(()) };
    if list.rules.closed {
        return Err(Refusal::of(ErrorCode::WaitlistClosed));
    }
    let of_user = list.entries_of(user).count();
    if of_user >= ENTRIES_PER_USER_MAX {
        let limit = ENTRIES_PER_USER_MAX as u64;
        return Err(Refusal { limit, ..Refusal::of(ErrorCode::LimitExceeded) });
    }
    if list.total() >= ENTRIES_MAX {
        let limit = ENTRIES_MAX.into();
        return Err(Refusal { limit, ..Refusal::of(ErrorCode::WaitlistFull) });
    }
    if list.lines.len() >= WISHES_MAX && !list.lines.contains_key(wish) {
        let detail = "too many different wishes are waited for".to_owned();
        let limit = WISHES_MAX as u64;
        return Err(Refusal { limit, detail, ..Refusal::of(ErrorCode::WaitlistFull) });
    }
    Ok(())
}
