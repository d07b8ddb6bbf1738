//! Holding seats, all or nothing, and letting them go.
//!
//! What could go wrong, and what answers it:
//! - Two buyers, one seat: the second command finds an owner and is refused whole (P1, P2).
//! - The command arrives twice: its key names the booking or the refusal it led to (P4).
//! - A hold is due but nobody has swept: it is retired here, before its seats are judged.
//! - A refusal is repeated after ten minutes: it is judged afresh, which changes nothing until it is
//!   granted.

use std::collections::BTreeSet;
use std::ops::Range;

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, BookingLocator, EventId, UserId};
use rowlock_proto::shard::{hash64, mix64};

use super::booking::{AreaLine, Booking, BookingState, BookingTerms, Extras, Places};
use super::change::{ChangeKind, Returned};
use super::command::{Command, check_seats};
use super::event::{
    Event, KeyOwner, REFUSAL_MEMORY_MS, REFUSALS_PER_BLOCK, Remembered, Taker, seat_count,
};
use super::planted::{Mistake, planted};
use super::record::RecordKey;
use super::reply::{Answer, EventState, Refusal, Reply};
use super::terms::{Asked, is_lapsed};
use super::{Deadline, Outbox, State, fingerprint, query, refuse};

impl State {
    pub(super) fn hold(&mut self, command: &Command, id: EventId, seats: &[u32]) -> (Answer, u64) {
        let fingerprint = fingerprint(1, seats.iter().map(|&seat| u64::from(seat)));
        let clock_ms = self.log.clock_ms;
        let Some(event) = self.events.get(&id) else {
            return (refuse(ErrorCode::EventNotFound), 0);
        };
        if let Some(repeated) = self.repeated(event, command, fingerprint) {
            return repeated;
        }
        if let Err(refusal) = check_seats(seats) {
            return (Err(refusal), 0);
        }
        // Not remembered: the same request is good once there is a pass.
        if let Err(refusal) = self.judge_pass(event, command.principal) {
            return (Err(refusal), 0);
        }
        if let Err(refusal) = self.serve_before(id) {
            return (Err(refusal), 0);
        }
        self.retire_due_owners(id, seats);
        self.retire_due_over_limit(id, command.principal, seat_count(seats));
        self.retire_for_terms(id);
        let Some(event) = self.events.get(&id) else {
            return (refuse(ErrorCode::EventNotFound), 0);
        };
        match judge(event, clock_ms, command.principal, seats) {
            Ok(under) => (self.give(command, id, fingerprint, seats, &[], under), 0),
            Err(refusal) => (self.refuse_hold(command, id, fingerprint, refusal), 0),
        }
    }

    /// Gives free places to a new booking. The caller has seen that each of them is free.
    pub(super) fn give(
        &mut self,
        command: &Command,
        id: EventId,
        fingerprint: u64,
        seats: &[u32],
        areas: &[AreaLine],
        under: BookingTerms,
    ) -> Answer {
        let due_after_ms = 2 * self.config.clock_bound_ms;
        let Some(event) = self.events.get_mut(&id) else {
            return refuse(ErrorCode::EventNotFound);
        };
        match grant(event, &mut self.log, command, (seats, areas), fingerprint, under) {
            Some((seq, expires_ms)) => {
                let at_ms = expires_ms.saturating_add(due_after_ms);
                self.deadlines.insert(Deadline { at_ms, event: id, seq });
                let view = event.booking(seq).map(|booking| query::granted(event, booking));
                let view = view.expect("the booking was added just now");
                Ok(Reply::Booking(Box::new(view)))
            }
            None => refuse(ErrorCode::BookingLimitReached),
        }
    }

    /// Refuses a hold and remembers it for the repeats of its request (P4).
    pub(super) fn refuse_hold(
        &mut self,
        command: &Command,
        id: EventId,
        fingerprint: u64,
        refusal: Refusal,
    ) -> Answer {
        let at_ms = self.log.clock_ms;
        let Some(event) = self.events.get_mut(&id) else {
            return refuse(ErrorCode::EventNotFound);
        };
        let (gone, kept) = event.remember_refusal(Remembered {
            user: command.principal,
            key: command.key,
            fingerprint,
            index: self.log.index,
            at_ms,
            refusal: refusal.clone(),
        });
        self.touch_refusals(id, gone, kept);
        self.refusals_changed(id);
        Err(refusal)
    }

    /// Refusals with these numbers were forgotten, and one was kept.
    pub(super) fn touch_refusals(&mut self, id: EventId, gone: Range<u64>, kept: Option<u64>) {
        let Some(no) = self.events.get(&id).map(event_no) else { return };
        if !gone.is_empty() {
            // The event's record says where the remembered ones begin.
            self.log.touch(RecordKey::Event(no));
        }
        let last = gone.end.saturating_sub(1);
        let dropped = gone.start / REFUSALS_PER_BLOCK..=last / REFUSALS_PER_BLOCK;
        let dropped = dropped.filter(|_| !gone.is_empty());
        for block in dropped.chain(kept.map(|number| number / REFUSALS_PER_BLOCK)) {
            self.log.touch(RecordKey::Refusals(no, block));
        }
    }

    /// The first answer to this key, if it was used and is remembered (P4).
    pub(super) fn repeated(
        &self,
        event: &Event,
        command: &Command,
        print: u64,
    ) -> Option<(Answer, u64)> {
        let owner = event.by_key.get(&(command.principal, command.key))?;
        let reused = || Some((refuse(ErrorCode::IdempotencyKeyReused), 0));
        match *owner {
            KeyOwner::Booking(_) if planted(Mistake::KeyForgotten) => None,
            KeyOwner::Booking(seq) => {
                let booking = event.booking(seq)?;
                if booking.fingerprint != print {
                    return reused();
                }
                let view = query::granted(event, booking);
                Some((Ok(Reply::Booking(Box::new(view))), booking.index))
            }
            KeyOwner::Refusal(number) => {
                let place = usize::try_from(number.checked_sub(event.refusals_from)?).ok()?;
                let remembered = event.refusals.get(place)?;
                if remembered.at_ms.saturating_add(REFUSAL_MEMORY_MS) < self.log.clock_ms {
                    return None;
                }
                if remembered.fingerprint != print {
                    return reused();
                }
                Some((Err(remembered.refusal.clone()), remembered.index))
            }
        }
    }

    pub(super) fn release(&mut self, principal: UserId, id: BookingId) -> Answer {
        let Some((event, booking)) = self.owned_booking(principal, id) else {
            return refuse(ErrorCode::BookingNotFound);
        };
        let (event, seq) = (event.id, booking.id.locator().seq());
        match booking.state {
            BookingState::Released => Ok(Reply::Done),
            BookingState::Expired => refuse(ErrorCode::BookingExpired),
            BookingState::Paying
            | BookingState::Capturing
            | BookingState::Confirmed
            | BookingState::RefundDue
            | BookingState::Refunded => refuse(ErrorCode::BookingStateConflict),
            BookingState::Held if self.is_due(booking) => {
                self.end_hold_alone(event, seq, BookingState::Expired);
                refuse(ErrorCode::BookingExpired)
            }
            BookingState::Held => {
                self.end_hold_alone(event, seq, BookingState::Released);
                Ok(Reply::Done)
            }
        }
    }

    /// The booking, if `principal` may act on it. Someone else's looks like none at all.
    pub(super) fn owned_booking(
        &self,
        principal: UserId,
        id: BookingId,
    ) -> Option<(&Event, &Booking)> {
        self.find_booking(id).filter(|(_, booking)| {
            principal == booking.user
                || principal == super::SYSTEM
                || planted(Mistake::OwnerUnchecked)
        })
    }

    /// Ends a `Held` booking and gives its seats back.
    pub(super) fn end_hold(
        &mut self,
        id: EventId,
        seq: u32,
        into: BookingState,
    ) -> Option<Returned> {
        let due_after_ms = 2 * self.config.clock_bound_ms;
        let event = self.events.get_mut(&id)?;
        let booking = event.booking_mut(seq)?;
        if booking.state != BookingState::Held {
            return None;
        }
        booking.state = into;
        let (by, places) = (Taker::of(booking, false), booking.places());
        let (booking, at_ms) = (booking.id, booking.expires_ms.saturating_add(due_after_ms));
        self.deadlines.remove(&Deadline { at_ms, event: id, seq });
        if is_lapsed(into) {
            event.count_lapsed(by.user, true);
        }
        event.give_back(&places, seq, by);
        event.count_booking(by.terms, by.user, false);
        let no = event_no(event);
        self.log.touch_seats(no, &places.seats);
        self.log.touch_booking(no, seq);
        if !places.areas.is_empty() {
            let areas = places.areas;
            self.log.note(ChangeKind::PlacesChanged { event: id, booking, areas, state: into });
        }
        self.offer_closed(id, seq);
        self.littered(id, seq);
        self.stir(id);
        Some(Returned { event: id, booking, seats: places.seats, state: into })
    }

    /// Ends a hold and says so on its own.
    pub(super) fn end_hold_alone(&mut self, id: EventId, seq: u32, into: BookingState) {
        if let Some(returned) = self.end_hold(id, seq, into) {
            self.log.note(ChangeKind::SeatsReturned(returned));
        }
    }

    /// Retires the due holds that own any of `seats`.
    pub(super) fn retire_due_owners(&mut self, id: EventId, seats: &[u32]) {
        let Some(event) = self.events.get(&id) else { return };
        let due: BTreeSet<u32> = seats
            .iter()
            .filter_map(|&seat| event.owner(seat).filter(|&owner| owner != 0))
            .filter(|&owner| event.booking(owner).is_some_and(|booking| self.is_due(booking)))
            .collect();
        for seq in due {
            self.end_hold_alone(id, seq, BookingState::Expired);
        }
    }

    /// Retires the due holds of one user in one event, if they are what puts it over its limit.
    pub(super) fn retire_due_over_limit(&mut self, id: EventId, user: UserId, more: u32) {
        let Some(event) = self.events.get(&id) else { return };
        if !over_limit(event, user, more) {
            return;
        }
        let due: Vec<u32> = self
            .due_of(id)
            .filter(|deadline| event.booking(deadline.seq).is_some_and(|held| held.user == user))
            .map(|deadline| deadline.seq)
            .collect();
        for seq in due {
            self.end_hold_alone(id, seq, BookingState::Expired);
        }
    }
}

pub(super) const fn event_no(event: &Event) -> (u16, u32) {
    (event.slot.number(), event.event_no)
}

fn over_limit(event: &Event, user: UserId, more: u32) -> bool {
    let limit = event.spec.max_seats_per_user;
    if limit == 0 {
        return false;
    }
    let owned = event.per_user.get(&user).map_or(0, |counts| counts.seats);
    owned.saturating_add(more) > limit
}

/// Whether `user` may have all of `seats` now.
fn judge(
    event: &Event,
    clock_ms: u64,
    user: UserId,
    seats: &[u32],
) -> Result<BookingTerms, Refusal> {
    let under = judge_sale(event, clock_ms, "")?;
    judge_seats(event, seats)?;
    let count = seat_count(seats);
    judge_limit(event, user, count)?;
    event.judge_terms(&Asked { user, under, seats, areas: &[], count, stays: None })?;
    Ok(under)
}

/// Whether anything is sold now to somebody with this access code, or with none; and on what terms.
pub(super) fn judge_sale(
    event: &Event,
    clock_ms: u64,
    code: &str,
) -> Result<BookingTerms, Refusal> {
    judge_state(event, clock_ms)?;
    judge_window(event, clock_ms, code)
}

/// Whether the event is in a state in which anything is sold.
pub(super) fn judge_state(event: &Event, clock_ms: u64) -> Result<(), Refusal> {
    match event.state_at(clock_ms) {
        EventState::Published => Ok(()),
        EventState::Paused if planted(Mistake::PauseIgnored) => Ok(()),
        EventState::Paused => {
            let detail = event.life.pause_reason.clone();
            Err(Refusal { detail, ..Refusal::of(ErrorCode::SalePaused) })
        }
        EventState::Draft => Err(Refusal::of(ErrorCode::EventStateConflict)),
        EventState::Cancelled | EventState::Ended => Err(Refusal::of(ErrorCode::SaleClosed)),
    }
}

/// Whether it is the time to sell to somebody with this access code, whatever state the event is in.
pub(super) fn judge_window(
    event: &Event,
    clock_ms: u64,
    code: &str,
) -> Result<BookingTerms, Refusal> {
    judge_times(event, clock_ms, event.terms_for(code)?)
}

/// Whether it is the time to sell on these terms.
pub(super) fn judge_times(
    event: &Event,
    clock_ms: u64,
    under: BookingTerms,
) -> Result<BookingTerms, Refusal> {
    let (opens_ms, closes_ms) = event.window_for(under);
    if clock_ms < opens_ms {
        return Err(Refusal { limit: opens_ms, ..Refusal::of(ErrorCode::SaleNotOpen) });
    }
    if clock_ms >= closes_ms {
        return Err(Refusal { limit: closes_ms, ..Refusal::of(ErrorCode::SaleClosed) });
    }
    Ok(under)
}

/// Whether all of `seats` are there and free.
pub(super) fn judge_seats(event: &Event, seats: &[u32]) -> Result<(), Refusal> {
    let with = |code, seats: Vec<u32>| Err(Refusal { seats, ..Refusal::of(code) });
    let unknown: Vec<u32> =
        seats.iter().copied().filter(|&seat| event.owner(seat).is_none()).collect();
    if !unknown.is_empty() {
        return with(ErrorCode::SeatUnknown, unknown);
    }
    let taken: Vec<u32> = seats.iter().copied().filter(|&seat| !event.is_free(seat)).collect();
    if !taken.is_empty() && !planted(Mistake::TakenIsFree) {
        return with(ErrorCode::SeatTaken, taken);
    }
    Ok(())
}

/// Whether `user` may have so many places more.
pub(super) fn judge_limit(event: &Event, user: UserId, more: u32) -> Result<(), Refusal> {
    if over_limit(event, user, more) {
        let limit = u64::from(event.spec.max_seats_per_user);
        return Err(Refusal { limit, ..Refusal::of(ErrorCode::LimitExceeded) });
    }
    Ok(())
}

/// Adds the booking. `None` when the event can number no more.
fn grant(
    event: &mut Event,
    log: &mut Outbox,
    command: &Command,
    (seats, areas): (&[u32], &[AreaLine]),
    fingerprint: u64,
    terms: BookingTerms,
) -> Option<(u32, u64)> {
    let seq = u32::try_from(event.bookings.len()).ok()?.checked_add(1)?;
    let locator = BookingLocator::new(event.slot, event.event_no, seq)?;
    let user = command.principal;
    let expires_ms = log.clock_ms.saturating_add(event.hold_ms(&command.kind));
    // The key is the caller's own random number: without it the tag can't be guessed.
    let low = hash64(&command.key.to_bytes()) ^ mix64(hash64(&user.to_bytes()));
    let tag = u128::from(mix64(low)) | (u128::from(mix64(low ^ u64::from(seq))) << 64);
    let prices = seats.iter().map(|&seat| event.price(seat).unwrap_or(0)).collect();
    let id = BookingId::new(locator, tag);
    let counts: Vec<(u16, u32)> = areas.iter().map(|line| (line.area, line.count)).collect();
    let extras = (!areas.is_empty()).then(|| Extras { areas: areas.to_vec(), ..Extras::default() });
    let places = Places { seats: seats.to_vec(), areas: counts };
    event.take(&places, seq, Taker { user, terms, sold: false });
    event.count_booking(terms, user, true);
    let Places { seats: taken, areas: counts } = places;
    event.by_key.insert((user, command.key), KeyOwner::Booking(seq));
    event.bookings.push(Booking {
        id,
        user,
        state: BookingState::Held,
        seats: taken.into_boxed_slice(),
        prices,
        key: command.key,
        fingerprint,
        index: log.index,
        created_ms: log.clock_ms,
        expires_ms,
        payment: None,
        terms,
        extras: extras.map(Box::new),
        money: None,
    });
    let no = event_no(event);
    log.touch_seats(no, seats);
    log.touch_booking(no, seq);
    if terms != BookingTerms::default() {
        log.touch_terms(no, seq);
    }
    if !counts.is_empty() {
        log.touch_extras(no, seq);
        let (event, state) = (event.id, BookingState::Held);
        log.note(ChangeKind::PlacesChanged { event, booking: id, areas: counts, state });
    }
    log.note(ChangeKind::SeatsHeld {
        event: event.id,
        booking: id,
        user,
        seats: seats.to_vec(),
        expires_ms,
    });
    Some((seq, expires_ms))
}
