//! Money that goes back: the places first, then the payment.
//!
//! What could go wrong, and what answers it:
//! - The server dies between the decision and the provider: the refund stands in the booking as owed,
//!   and whoever reconciles pays it, under an idempotency key that is made of booking and number.
//! - The command arrives twice: its key names the refund it led to (P4).
//! - Two refunds of one seat: the second finds the place gone.
//! - A refunded seat was let in: it is refused, since who sat there has had the evening.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, EventId, RequestKey, UserId};

use super::booking::{BookingState, Places};
use super::change::{ChangeKind, Returned};
use super::command::RefundOrder;
use super::event::Taker;
use super::hold::event_no;
use super::money::Back;
use super::planted::{Mistake, planted};
use super::reply::{Answer, Refusal, Reply};
use super::{State, refuse};

impl State {
    pub(super) fn refund_places(
        &mut self,
        principal: UserId,
        key: RequestKey,
        id: BookingId,
        order: &RefundOrder,
    ) -> Answer {
        let Some((event, booking)) = self.owned_booking(principal, id) else {
            return refuse(ErrorCode::BookingNotFound);
        };
        let refunds = booking.extras.as_ref().map_or(&[][..], |extras| &extras.refunds);
        if let Some(refund) = refunds.iter().position(|refund| refund.key == key)
            && !planted(Mistake::RefundRepeated)
        {
            return self.refund_answer(id, u32::try_from(refund).unwrap_or(u32::MAX));
        }
        if booking.state != BookingState::Confirmed {
            return refuse(ErrorCode::BookingStateConflict);
        }
        let numbers = booking.all_places().map(|(place, ..)| place);
        let here: Vec<u32> = numbers.filter(|&place| !booking.is_gone(place)).collect();
        let wanted = if order.places.is_empty() { here.clone() } else { order.places.clone() };
        if let Some(&place) = wanted.iter().find(|place| !here.contains(place)) {
            let limit = place.into();
            return Err(Refusal { limit, ..Refusal::of(ErrorCode::PlaceUnknown) });
        }
        let tickets = booking.extras.as_ref().map(|extras| &extras.tickets);
        let used = |place: &&u32| {
            let ticket = tickets.and_then(|tickets| tickets.get(place));
            ticket.is_some_and(|ticket| ticket.redeemed.is_some())
        };
        if let Some(&place) = wanted.iter().find(used) {
            let limit = place.into();
            return Err(Refusal { limit, ..Refusal::of(ErrorCode::TicketRedeemed) });
        }
        let whole = wanted.len() == here.len();
        // What the rest still costs is not paid back: discounts and fees go with their places.
        let rest = if whole { 0 } else { event.price_without(booking, &wanted).total() };
        let price = event.total_of(booking).saturating_sub(rest);
        let (event, seq) = (event.id, booking.id.locator().seq());
        let reason = order.reason.clone();
        let back = Back { key, reason, price, final_if_nothing: false };
        let (returned, refund, amount) = self.owe(event, seq, &wanted, whole, back);
        let seats = returned.seats.clone();
        self.note_back(event, id, returned, BookingState::Refunded);
        if order.block && !seats.is_empty() {
            // The seats are free now, and known.
            self.block_seats(event, &seats, &order.reason).ok();
        }
        self.log.note(ChangeKind::PlacesRefunded { booking: id, refund, places: wanted, amount });
        self.refund_answer(id, refund)
    }

    /// Takes sold places back, all that are left if `whole`, and owes for them: the places, the number
    /// of the refund, and its amount.
    pub(super) fn owe(
        &mut self,
        id: EventId,
        seq: u32,
        numbers: &[u32],
        whole: bool,
        back: Back,
    ) -> (Places, u32, u64) {
        let before = self.tally(id, seq);
        let found = self.events.get(&id).and_then(|event| Some((event, event.booking(seq)?)));
        let charged = found.map_or(0, |(event, booking)| event.total_of(booking));
        let left_at_provider = found.map_or(0, |(_, booking)| booking.left_at_provider(charged));
        if whole {
            self.no_longer_late(id, seq);
        }
        let returned =
            if whole { self.return_whole(id, seq) } else { self.take_back(id, seq, numbers, true) };
        self.change_extras(id, seq, |extras| {
            if extras.refunds.is_empty() {
                extras.charged = charged;
            }
        });
        let (refund, amount) = self.owe_money(id, seq, left_at_provider, back);
        self.rebook(id, seq, &before);
        (returned, refund, amount)
    }

    /// Everything that is left of a sold booking goes back; it stays on record as it was.
    fn return_whole(&mut self, id: EventId, seq: u32) -> Places {
        let Some(event) = self.events.get_mut(&id) else { return Places::default() };
        let Some(booking) = event.booking_mut(seq) else { return Places::default() };
        booking.state = BookingState::Refunded;
        let (by, places) = (Taker::of(booking, true), booking.places());
        event.give_back(&places, seq, by);
        event.count_booking(by.terms, by.user, false);
        let no = event_no(event);
        self.log.touch_seats(no, &places.seats);
        self.log.touch_booking(no, seq);
        self.stir(id);
        places
    }

    /// Some places of a booking go back while others stay.
    pub(super) fn take_back(
        &mut self,
        id: EventId,
        seq: u32,
        numbers: &[u32],
        sold: bool,
    ) -> Places {
        let Some(event) = self.events.get_mut(&id) else { return Places::default() };
        let Some(booking) = event.booking_mut(seq) else { return Places::default() };
        let going = booking.all_places().filter(|(number, ..)| numbers.contains(number));
        let places = Places::of(going.map(|(_, place, _)| place));
        booking.extras_mut().lose(numbers);
        let by = Taker::of(booking, sold);
        event.give_back(&places, seq, by);
        let no = event_no(event);
        self.log.touch_seats(no, &places.seats);
        self.log.touch_extras(no, seq);
        self.stir(id);
        places
    }

    /// Says that places of a booking went back.
    pub(super) fn note_back(
        &mut self,
        event: EventId,
        booking: BookingId,
        Places { seats, areas }: Places,
        state: BookingState,
    ) {
        if !areas.is_empty() {
            self.log.note(ChangeKind::PlacesChanged { event, booking, areas, state });
        }
        if !seats.is_empty() {
            let returned = Returned { event, booking, seats, state };
            self.log.note(ChangeKind::SeatsReturned(returned));
        }
    }

    pub(super) fn refund_answer(&self, id: BookingId, refund: u32) -> Answer {
        match self.view_of(id) {
            Some(booking) => Ok(Reply::Refund { booking, refund }),
            None => refuse(ErrorCode::BookingNotFound),
        }
    }

    pub(super) fn settle_refund(
        &mut self,
        principal: UserId,
        id: BookingId,
        refund: u32,
        reference: &str,
    ) -> Answer {
        let Some((event, booking)) = self.owned_booking(principal, id) else {
            return refuse(ErrorCode::BookingNotFound);
        };
        let (event, seq) = (event.id, booking.id.locator().seq());
        let place = usize::try_from(refund).unwrap_or(usize::MAX);
        let known = booking.extras.as_ref().and_then(|extras| extras.refunds.get(place));
        match known {
            None => return refuse(ErrorCode::RefundNotFound),
            Some(known) if known.reference.is_empty() => {}
            // Paid under another name: the provider was asked twice, which must be looked at.
            Some(known) if known.reference != reference => {
                return refuse(ErrorCode::BookingStateConflict);
            }
            Some(_) => return self.booking_answer(id),
        }
        let before = self.tally(event, seq);
        self.change_extras(event, seq, |extras| {
            if let Some(refund) = extras.refunds.get_mut(place) {
                reference.clone_into(&mut refund.reference);
            }
        });
        self.rebook(event, seq, &before);
        let reference = reference.to_owned();
        self.log.note(ChangeKind::RefundSettled { booking: id, refund, reference });
        self.booking_answer(id)
    }

    pub(super) fn change_extras(
        &mut self,
        id: EventId,
        seq: u32,
        change: impl FnOnce(&mut super::booking::Extras),
    ) {
        let Some(event) = self.events.get_mut(&id) else { return };
        let no = event_no(event);
        if let Some(booking) = event.booking_mut(seq) {
            change(booking.extras_mut());
            self.log.touch_extras(no, seq);
        }
    }
}
