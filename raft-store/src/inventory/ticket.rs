//! Tickets: one for each place of a confirmed booking, from the moment that it is confirmed.
//!
//! A ticket is written down only once something happened to it. What could go wrong, and what answers
//! it:
//! - A code is shown twice at two doors: the second scan finds the first (P7).
//! - The same scan arrives twice: its key says that it was this one (P4).
//! - A code was copied before the ticket was passed on: its version is refused.
//! - The place was refunded, its ticket voided, or the event cancelled: there is no ticket any more.
//! - The payment is not captured yet, or was charged back: it waits.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, EventId, RequestKey, UserId};

use super::booking::{Booking, BookingState, Redeemed, Ticket};
use super::change::ChangeKind;
use super::planted::{Mistake, planted};
use super::reply::{Answer, EventState, Refusal};
use super::{SYSTEM, State, refuse};

/// A valid ticket, as it is now.
struct Valid {
    event: EventId,
    seq: u32,
    buyer: UserId,
    ticket: Ticket,
}

impl State {
    fn valid_ticket(&self, id: BookingId, place: u32) -> Result<Valid, Refusal> {
        let Some((event, booking)) = self.find_booking(id) else {
            return Err(Refusal::of(ErrorCode::BookingNotFound));
        };
        if place >= booking.place_count() {
            return Err(Refusal::of(ErrorCode::TicketNotFound));
        }
        let off = event.state == EventState::Cancelled;
        let waits = booking.state == BookingState::Capturing
            && !booking.is_gone(place)
            && !planted(Mistake::CaptureNotAwaited);
        if waits && !off {
            return Err(Refusal::of(ErrorCode::PaymentNotCaptured));
        }
        if off || booking.state != BookingState::Confirmed || booking.is_gone(place) {
            return Err(Refusal::of(ErrorCode::TicketVoid));
        }
        if booking.is_voided() {
            return Err(Refusal::of(ErrorCode::TicketVoid));
        }
        let seq = booking.id.locator().seq();
        if event.doors.void(seq, place).is_some() && !planted(Mistake::VoidLetIn) {
            return Err(Refusal::of(ErrorCode::TicketVoid));
        }
        let ticket = ticket_of(booking, place);
        Ok(Valid { event: event.id, seq, buyer: booking.user, ticket })
    }

    /// The event of a ticket that is valid, and was not let in.
    pub(super) fn unused_ticket(&self, id: BookingId, place: u32) -> Result<EventId, Refusal> {
        let Valid { event, ticket, .. } = self.valid_ticket(id, place)?;
        used(&ticket)?;
        Ok(event)
    }

    pub(super) fn transfer_ticket(
        &mut self,
        principal: UserId,
        id: BookingId,
        place: u32,
        version: u32,
        to: UserId,
    ) -> Answer {
        let Valid { event, seq, buyer, ticket } = self.valid_ticket(id, place)?;
        let holder = ticket.holder.unwrap_or(buyer);
        if holder == to && ticket.version == version.saturating_add(1) {
            // The same request again: it was done.
            return self.booking_answer(id);
        }
        if principal != holder && principal != SYSTEM {
            return refuse(ErrorCode::TicketNotFound);
        }
        if ticket.version != version {
            return refuse(ErrorCode::TicketReplaced);
        }
        used(&ticket)?;
        let version = version.saturating_add(1);
        self.change_extras(event, seq, |extras| {
            let ticket = extras.tickets.entry(place).or_default();
            ticket.holder = Some(to);
            ticket.version = version;
        });
        self.log.note(ChangeKind::TicketTransferred { booking: id, place, to, version });
        self.booking_answer(id)
    }

    pub(super) fn redeem_ticket(
        &mut self,
        key: RequestKey,
        id: BookingId,
        place: u32,
        version: u32,
        door: &str,
    ) -> Answer {
        let Valid { event, seq, ticket, .. } = self.valid_ticket(id, place)?;
        if ticket.redeemed.as_ref().is_some_and(|redeemed| redeemed.key == key) {
            return self.booking_answer(id);
        }
        used(&ticket)?;
        if ticket.version != version && !planted(Mistake::OldCodeGood) {
            return refuse(ErrorCode::TicketReplaced);
        }
        let at_ms = self.log.clock_ms;
        let redeemed = Redeemed { door: door.to_owned(), at_ms, key };
        self.change_extras(event, seq, |extras| {
            extras.tickets.entry(place).or_default().redeemed = Some(redeemed);
        });
        self.let_in(event, door);
        self.log.note(ChangeKind::TicketRedeemed { booking: id, place, door: door.to_owned() });
        self.booking_answer(id)
    }

    pub(super) fn unredeem_ticket(&mut self, id: BookingId, place: u32) -> Answer {
        let Valid { event, seq, ticket, .. } = self.valid_ticket(id, place)?;
        let Some(redeemed) = &ticket.redeemed else {
            return refuse(ErrorCode::TicketNotRedeemed);
        };
        self.let_out(event, &redeemed.door);
        self.change_extras(event, seq, |extras| {
            extras.tickets.entry(place).or_default().redeemed = None;
        });
        self.log.note(ChangeKind::TicketUnredeemed { booking: id, place });
        self.booking_answer(id)
    }
}

fn ticket_of(booking: &Booking, place: u32) -> Ticket {
    let tickets = booking.extras.as_ref().map(|extras| &extras.tickets);
    tickets.and_then(|tickets| tickets.get(&place)).cloned().unwrap_or_default()
}

/// Refuses a ticket that was let in.
fn used(ticket: &Ticket) -> Result<(), Refusal> {
    match &ticket.redeemed {
        None => Ok(()),
        Some(_) if planted(Mistake::RedeemedAgain) => Ok(()),
        Some(Redeemed { door, at_ms, .. }) => Err(Refusal {
            limit: *at_ms,
            detail: door.clone(),
            ..Refusal::of(ErrorCode::TicketRedeemed)
        }),
    }
}
