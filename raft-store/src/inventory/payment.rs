//! The payment fence (P6): the order of log entries around a charge.
//!
//! ```text
//! BeginPayment          Held -> Paying, attempt n, amount checked
//!   (the server creates an unconfirmed intent at the provider)
//! AttachIntent n        the intent is in the log, or is refused and was never charged
//!   (only now does the server confirm the intent at the provider)
//! ConfirmPayment n      Paying -> Confirmed        FailPayment n   Paying -> Held or Expired
//! ```
//!
//! What could go wrong, and what answers it:
//! - The server dies anywhere: the booking stays `Paying` and keeps its seats; whoever reconciles asks
//!   the provider about the intent in the log, and confirms or fails that attempt.
//! - Two payments at once: the second finds `Paying` and is told so; the same request again joins.
//! - A slow server comes back after its attempt was overtaken: its attempt number is refused.
//! - A success arrives after the booking is gone: it takes the seats again if all are free, else it is
//!   on record that the money must go back.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, EventId, RequestKey, UserId};

use super::booking::{Booking, BookingState, Payment, Places};
use super::change::ChangeKind;
use super::event::Taker;
use super::hold::event_no;
use super::planted::{Mistake, planted};
use super::reply::{Answer, EventState, Refusal, Reply};
use super::{Deadline, State, query, refuse};

/// How much longer than its hold a booking in payment keeps its seats before someone must ask the
/// provider.
pub(super) const PAYMENT_GRACE_MS: u64 = 5 * 60 * 1_000;

/// What an attempt is to its booking now.
enum Standing {
    /// `Paying` or `Capturing` at this attempt.
    Running,
    /// This attempt was the last, and the booking is no longer `Paying`.
    Over,
    /// Another attempt has begun, or none has.
    Fenced,
}

fn standing(booking: &Booking, attempt: u32) -> Standing {
    let overtaken = booking.attempt() != attempt && !planted(Mistake::AttemptUnchecked);
    if attempt == 0 || overtaken {
        Standing::Fenced
    } else if matches!(booking.state, BookingState::Paying | BookingState::Capturing) {
        Standing::Running
    } else {
        Standing::Over
    }
}

impl State {
    pub(super) fn begin_payment(
        &mut self,
        principal: UserId,
        key: RequestKey,
        id: BookingId,
        amount: u64,
    ) -> (Answer, u64) {
        let Some((event, booking)) = self.owned_booking(principal, id) else {
            return (refuse(ErrorCode::BookingNotFound), 0);
        };
        match booking.state {
            BookingState::Confirmed => {
                return (Ok(Reply::Booking(Box::new(self.view(event, booking)))), 0);
            }
            BookingState::Paying | BookingState::Capturing => {
                let payment = booking.payment.as_deref();
                return match payment.filter(|payment| payment.begun_key == key) {
                    Some(payment) => {
                        let (attempt, index) = (payment.attempt, payment.begun_index);
                        let booking = Box::new(self.view(event, booking));
                        (Ok(Reply::PaymentBegun { booking, attempt }), index)
                    }
                    None => (refuse(ErrorCode::PaymentInProgress), 0),
                };
            }
            BookingState::Held if self.is_due(booking) => {
                return (refuse(ErrorCode::BookingExpired), 0);
            }
            BookingState::Held => {}
            BookingState::Expired => return (refuse(ErrorCode::BookingExpired), 0),
            BookingState::Released | BookingState::RefundDue | BookingState::Refunded => {
                return (refuse(ErrorCode::BookingStateConflict), 0);
            }
        }
        match event.state_at(self.log.clock_ms) {
            EventState::Draft | EventState::Published | EventState::Paused => {}
            EventState::Cancelled | EventState::Ended => {
                return (refuse(ErrorCode::SaleClosed), 0);
            }
        }
        let total = event.total_of(booking);
        if amount != total {
            let refusal = Refusal { limit: total, ..Refusal::of(ErrorCode::AmountMismatch) };
            return (Err(refusal), 0);
        }
        let attempt = booking.attempt().saturating_add(1);
        let deadline_ms = booking.expires_ms.saturating_add(PAYMENT_GRACE_MS);
        let (event, seq) = (event.id, booking.id.locator().seq());
        let at_ms = self.due_at(booking.expires_ms);
        let payment = Payment {
            attempt,
            begun_key: key,
            begun_index: self.log.index,
            deadline_ms,
            intent: String::new(),
            confirmed_ms: 0,
            decline_reason: String::new(),
        };
        if !planted(Mistake::FenceIgnored) {
            self.deadlines.remove(&Deadline { at_ms, event, seq });
        }
        self.change_booking(event, seq, |booking| {
            booking.state = BookingState::Paying;
            booking.payment = Some(Box::new(payment));
        });
        self.log.note(ChangeKind::PaymentStarted { booking: id, attempt, amount });
        match self.view_of(id) {
            Some(booking) => (Ok(Reply::PaymentBegun { booking, attempt }), 0),
            None => (refuse(ErrorCode::BookingNotFound), 0),
        }
    }

    pub(super) fn attach_intent(
        &mut self,
        principal: UserId,
        id: BookingId,
        attempt: u32,
        intent: &str,
    ) -> Answer {
        let Some((event, booking)) = self.owned_booking(principal, id) else {
            return refuse(ErrorCode::BookingNotFound);
        };
        let (event, seq) = (event.id, booking.id.locator().seq());
        match standing(booking, attempt) {
            Standing::Running => {}
            Standing::Over | Standing::Fenced => return refuse(ErrorCode::PaymentFenced),
        }
        let attached = booking.payment.as_ref().map_or("", |payment| payment.intent.as_str());
        if attached == intent {
            return Ok(Reply::Done);
        }
        if !attached.is_empty() {
            return refuse(ErrorCode::PaymentFenced);
        }
        self.change_booking(event, seq, |booking| {
            if let Some(payment) = &mut booking.payment {
                intent.clone_into(&mut payment.intent);
            }
        });
        let intent = intent.to_owned();
        self.log.note(ChangeKind::IntentAttached { booking: id, attempt, intent });
        Ok(Reply::Done)
    }

    pub(super) fn confirm_payment(
        &mut self,
        principal: UserId,
        id: BookingId,
        attempt: u32,
        intent: &str,
    ) -> Answer {
        let Some((event, booking)) = self.owned_booking(principal, id) else {
            return refuse(ErrorCode::BookingNotFound);
        };
        let (event, seq) = (event.id, booking.id.locator().seq());
        // P6: an intent that is not in the log was never charged, and none at all is none.
        let known = booking
            .payment
            .as_ref()
            .is_some_and(|payment| !intent.is_empty() && payment.intent == intent);
        match standing(booking, attempt) {
            Standing::Running | Standing::Over if known => {}
            Standing::Running | Standing::Over | Standing::Fenced => {
                return refuse(ErrorCode::PaymentFenced);
            }
        }
        match booking.state {
            BookingState::Confirmed | BookingState::Refunded => {}
            BookingState::Paying | BookingState::Capturing => self.sell(event, seq, intent),
            BookingState::Held => {
                // The provider's last word is a success after all: the seats are still here.
                let at_ms = self.due_at(booking.expires_ms);
                self.deadlines.remove(&Deadline { at_ms, event, seq });
                self.sell(event, seq, intent);
            }
            BookingState::Released | BookingState::Expired => {
                if !self.retake(event, seq, intent) {
                    return self.owe_refund(id, event, seq, intent);
                }
            }
            BookingState::RefundDue => {
                return match self.view_of(id) {
                    Some(view) => Ok(Reply::RefundDue(view)),
                    None => refuse(ErrorCode::BookingNotFound),
                };
            }
        }
        match self.view_of(id) {
            Some(view) => Ok(Reply::Booking(view)),
            None => refuse(ErrorCode::BookingNotFound),
        }
    }

    pub(super) fn fail_payment(
        &mut self,
        principal: UserId,
        id: BookingId,
        attempt: u32,
        reason: &str,
    ) -> Answer {
        let Some((event, booking)) = self.owned_booking(principal, id) else {
            return refuse(ErrorCode::BookingNotFound);
        };
        let cancelled = event.state == EventState::Cancelled;
        let (event, seq) = (event.id, booking.id.locator().seq());
        match standing(booking, attempt) {
            Standing::Running => {
                let at_ms = self.due_at(booking.expires_ms);
                self.change_booking(event, seq, |booking| {
                    // A declined card leaves the hold to its remaining time, no more and no less.
                    booking.state = BookingState::Held;
                    if let Some(payment) = &mut booking.payment {
                        reason.clone_into(&mut payment.decline_reason);
                    }
                });
                self.deadlines.insert(Deadline { at_ms, event, seq });
                let reason = reason.to_owned();
                self.log.note(ChangeKind::PaymentFailed { booking: id, attempt, reason });
                let end = if at_ms <= self.log.clock_ms {
                    Some(BookingState::Expired)
                } else {
                    // A cancelled event has no holds.
                    cancelled.then_some(BookingState::Released)
                };
                if let Some(into) = end {
                    self.end_hold_alone(event, seq, into);
                }
            }
            Standing::Over if !booking.state.is_paid() => {}
            Standing::Over | Standing::Fenced => return refuse(ErrorCode::PaymentFenced),
        }
        match self.view_of(id) {
            Some(view) => Ok(Reply::Booking(view)),
            None => refuse(ErrorCode::BookingNotFound),
        }
    }

    /// The booking's held seats become its own.
    pub(super) fn sell(&mut self, id: EventId, seq: u32, intent: &str) {
        let now = self.log.clock_ms;
        let before = self.tally(id, seq);
        let Some(event) = self.events.get_mut(&id) else { return };
        let Some(booking) = event.booking_mut(seq) else { return };
        booking.state = BookingState::Confirmed;
        if let Some(payment) = &mut booking.payment {
            payment.confirmed_ms = now;
        }
        let (places, user) = (booking.places(), booking.user);
        event.sell(&places, user);
        self.rebook(id, seq, &before);
        self.note_sold(id, seq, intent);
        self.sold_late(id, seq);
    }

    /// A success that came late takes the seats again, if every one of them is free.
    fn retake(&mut self, id: EventId, seq: u32, intent: &str) -> bool {
        let places = match self.events.get(&id).and_then(|event| event.booking(seq)) {
            Some(booking) => booking.places(),
            None => return false,
        };
        if self.serve_before(id).is_err() {
            return false;
        }
        self.retire_due_owners(id, &places.seats);
        self.retire_for_terms(id);
        self.make_room(id, &places.areas);
        let now = self.log.clock_ms;
        let before = self.tally(id, seq);
        let Some(event) = self.events.get_mut(&id) else { return false };
        let free = places.seats.iter().all(|&seat| event.is_free(seat))
            && places.areas.iter().all(|&(area, count)| event.has_room(area, count));
        let may = event.booking(seq).is_some_and(|booking| event.may_retake(booking, &places));
        if event.state == EventState::Cancelled || !free || !may {
            return false;
        }
        let Some(booking) = event.booking_mut(seq) else { return false };
        booking.state = BookingState::Confirmed;
        if let Some(payment) = &mut booking.payment {
            payment.confirmed_ms = now;
        }
        let by = Taker::of(booking, true);
        event.count_lapsed(by.user, false);
        event.take(&places, seq, by);
        event.count_booking(by.terms, by.user, true);
        self.rebook(id, seq, &before);
        self.note_sold(id, seq, intent);
        true
    }

    fn owe_refund(&mut self, id: BookingId, event: EventId, seq: u32, intent: &str) -> Answer {
        let before = self.tally(event, seq);
        if let Some(of) = self.events.get_mut(&event)
            && let Some(user) = of.booking(seq).map(|booking| booking.user)
        {
            of.count_lapsed(user, false);
        }
        self.change_booking(event, seq, |booking| booking.state = BookingState::RefundDue);
        self.rebook(event, seq, &before);
        match self.view_of(id) {
            Some(view) => {
                let (intent, amount) = (intent.to_owned(), view.total);
                self.log.note(ChangeKind::RefundOwed { booking: id, intent, amount });
                Ok(Reply::RefundDue(view))
            }
            None => refuse(ErrorCode::BookingNotFound),
        }
    }

    fn note_sold(&mut self, id: EventId, seq: u32, intent: &str) {
        let found = self.events.get(&id).and_then(|event| Some((event, event.booking(seq)?)));
        let Some((event, booking)) = found else { return };
        let no = event_no(event);
        let Places { seats, areas } = booking.places();
        let (of, state) = (booking.id, BookingState::Confirmed);
        self.log.touch_seats(no, &seats);
        self.log.touch_booking(no, seq);
        if !areas.is_empty() {
            self.log.note(ChangeKind::PlacesChanged { event: id, booking: of, areas, state });
        }
        let change = ChangeKind::SeatsSold {
            event: id,
            booking: booking.id,
            user: booking.user,
            seats,
            amount: event.total_of(booking),
            intent: intent.to_owned(),
        };
        let user = booking.user;
        self.log.note(change);
        self.shopping_done(id, user);
        self.offer_closed(id, seq);
    }

    pub(super) fn change_booking(
        &mut self,
        id: EventId,
        seq: u32,
        change: impl FnOnce(&mut Booking),
    ) {
        let Some(event) = self.events.get_mut(&id) else { return };
        let no = event_no(event);
        if let Some(booking) = event.booking_mut(seq) {
            change(booking);
            self.log.touch_booking(no, seq);
        }
    }

    pub(super) fn view_of(&self, id: BookingId) -> Option<Box<query::BookingView>> {
        let (event, booking) = self.find_booking(id)?;
        Some(Box::new(self.view(event, booking)))
    }
}
