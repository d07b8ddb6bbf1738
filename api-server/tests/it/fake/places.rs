//! Carts, what is done to holds, and tickets.

use rowlock_client::Error;
use rowlock_client::types::{
    AreaLine, Booking, BookingId, BookingState, Cart, ErrorCode, EventId, RequestKey, Ticket,
    UserId,
};
use rowlock_client::{Refusal, types};

use super::{State, Stored, count, refuse, refuse_seats};

/// Places in areas with their prices, if there is room for all.
pub(super) fn judge_areas(stored: &Stored, areas: &[(u32, u32)]) -> Result<Vec<AreaLine>, Error> {
    let mut lines = Vec::new();
    for &(area, wanted) in areas {
        let Some(types::AreaCounts { capacity, held, sold }) =
            stored.event.areas.get(area as usize).copied()
        else {
            return refuse_seats(ErrorCode::AreaUnknown, Vec::new(), area.into());
        };
        let free = capacity - held - sold;
        if free < wanted {
            return refuse_seats(ErrorCode::NotEnoughSeats, Vec::new(), free.into());
        }
        let category = stored.area_categories[area as usize];
        let price = stored.event.spec.prices[usize::from(category)];
        lines.push(AreaLine { area, count: wanted, price });
    }
    Ok(lines)
}

pub(super) fn total(lines: &[AreaLine]) -> u64 {
    lines.iter().map(|line| u64::from(line.count) * line.price).sum()
}

/// Whether the hold is live.
fn judge_live(booking: &Booking) -> Result<(), Error> {
    match booking.state {
        BookingState::Held => Ok(()),
        BookingState::Expired => refuse(ErrorCode::BookingExpired),
        BookingState::Paying
        | BookingState::Capturing
        | BookingState::Confirmed
        | BookingState::Released
        | BookingState::RefundDue
        | BookingState::Refunded => refuse(ErrorCode::BookingStateConflict),
    }
}

impl State {
    /// The best seats are the first that are free and of a wanted category.
    pub(super) fn hold_cart(
        &mut self,
        now_ms: u64,
        id: EventId,
        cart: Cart,
        user: UserId,
        key: RequestKey,
    ) -> Result<Booking, Error> {
        // What was best then is not chosen anew for a repeat.
        let before = self.events.get(&id).and_then(|stored| stored.keys.get(&(user, key)));
        if let (Some(_), Some((_, booking))) = (&cart.best, before) {
            let mut granted = self.bookings[booking].clone();
            granted.state = BookingState::Held;
            return Ok(granted);
        }
        let mut seats = cart.seats;
        if let (Some(best), Some(stored)) = (cart.best, self.events.get(&id)) {
            let quantity = best.quantity as usize;
            let wanted = |seat: &usize| {
                let category = u32::from(stored.categories[*seat]);
                stored.owners[*seat].is_none()
                    && (best.categories.is_empty() || best.categories.contains(&category))
            };
            let free: Vec<u32> = (0..stored.owners.len())
                .filter(wanted)
                .map(|seat| u32::try_from(seat).unwrap())
                .collect();
            if free.len() < quantity {
                let free = free.len() as u64;
                return refuse_seats(ErrorCode::NotEnoughSeats, Vec::new(), free);
            }
            seats.extend(&free[..quantity]);
        }
        self.hold(now_ms, id, (&seats, &cart.areas), user, key)
    }

    pub(super) fn extend_hold(
        &mut self,
        now_ms: u64,
        id: BookingId,
        user: UserId,
    ) -> Result<Booking, Error> {
        let event = self.owned(id, user)?.event;
        let ttl_ms = self.events[&event].event.spec.hold_ttl_ms;
        let booking = self.owned(id, user)?;
        judge_live(booking)?;
        if booking.extras.extended {
            return refuse(ErrorCode::HoldAlreadyExtended);
        }
        booking.extras.extended = true;
        booking.expires_ms = now_ms + ttl_ms;
        Ok(booking.clone())
    }

    /// Knows bookings of seats and one area each, from which nothing was given back before.
    pub(super) fn release_places(
        &mut self,
        id: BookingId,
        places: &[u32],
        user: UserId,
    ) -> Result<Booking, Error> {
        let booking = self.owned(id, user)?;
        judge_live(booking)?;
        let seats = count(&booking.seats);
        let all = seats + booking.extras.areas.iter().map(|line| line.count).sum::<u32>();
        if let Some(place) = places.iter().find(|place| **place >= all) {
            return refuse_seats(ErrorCode::PlaceUnknown, Vec::new(), (*place).into());
        }
        if count(places) == all {
            return refuse(ErrorCode::BookingStateConflict);
        }
        let (event, mut freed) = (booking.event, Vec::new());
        for &place in places.iter().rev() {
            if place < seats {
                freed.push(booking.seats.remove(place as usize));
                booking.total -= booking.prices.remove(place as usize);
            } else {
                booking.extras.areas[0].count -= 1;
                booking.total -= booking.extras.areas[0].price;
            }
        }
        booking.extras.gone = places.to_vec();
        let booking = booking.clone();
        let stored = self.events.get_mut(&event).unwrap();
        for seat in &freed {
            stored.owners[*seat as usize] = None;
        }
        stored.event.counts.held -= count(&freed);
        stored.event.counts.available += count(&freed);
        if let Some(area) = stored.event.areas.first_mut() {
            area.held -= count(places) - count(&freed);
        }
        Ok(booking)
    }

    pub(super) fn ticket(
        &mut self,
        id: BookingId,
        place: u32,
    ) -> Result<(UserId, &mut Ticket), Error> {
        let Some(booking) = self.bookings.get_mut(&id) else {
            return refuse(ErrorCode::BookingNotFound);
        };
        if booking.state != BookingState::Confirmed {
            return refuse(ErrorCode::TicketVoid);
        }
        if booking.extras.voids.iter().any(|void| void.place == place) {
            return refuse(ErrorCode::TicketVoid);
        }
        let user = booking.user;
        let tickets = &mut booking.extras.tickets;
        if !tickets.iter().any(|ticket| ticket.place == place) {
            tickets.push(Ticket { place, holder: None, version: 0, redeemed: None });
        }
        Ok((user, tickets.iter_mut().find(|ticket| ticket.place == place).unwrap()))
    }

    pub(super) fn transfer_ticket(
        &mut self,
        id: BookingId,
        (place, version): (u32, u32),
        to: UserId,
        user: UserId,
    ) -> Result<Booking, Error> {
        let (buyer, ticket) = self.ticket(id, place)?;
        let holder = ticket.holder.unwrap_or(buyer);
        if holder != to || ticket.version != version + 1 {
            if holder != user {
                return refuse(ErrorCode::TicketNotFound);
            }
            if ticket.version != version {
                return refuse(ErrorCode::TicketReplaced);
            }
            judge_unused(ticket)?;
            ticket.holder = Some(to);
            ticket.version += 1;
        }
        Ok(self.bookings[&id].clone())
    }

    pub(super) fn redeem_ticket(
        &mut self,
        now_ms: u64,
        id: BookingId,
        (place, version): (u32, u32),
        door: &str,
        key: RequestKey,
    ) -> Result<Booking, Error> {
        let same = self.scans.get(&(id, place)) == Some(&key);
        let (_, ticket) = self.ticket(id, place)?;
        if !same {
            judge_unused(ticket)?;
            if ticket.version != version {
                return refuse(ErrorCode::TicketReplaced);
            }
            ticket.redeemed = Some((now_ms, door.to_owned()));
            self.scans.insert((id, place), key);
        }
        Ok(self.bookings[&id].clone())
    }

    pub(super) fn unredeem_ticket(&mut self, id: BookingId, place: u32) -> Result<Booking, Error> {
        let known = self.bookings.get(&id).map(|booking| &booking.extras.tickets);
        let was_used = |ticket: &Ticket| ticket.place == place && ticket.redeemed.is_some();
        if !known.is_some_and(|tickets| tickets.iter().any(was_used)) {
            return refuse(ErrorCode::TicketNotRedeemed);
        }
        let (_, ticket) = self.ticket(id, place)?;
        if ticket.redeemed.take().is_none() {
            return refuse(ErrorCode::TicketNotRedeemed);
        }
        self.scans.remove(&(id, place));
        Ok(self.bookings[&id].clone())
    }
}

pub(super) fn judge_unused(ticket: &Ticket) -> Result<(), Error> {
    match &ticket.redeemed {
        None => Ok(()),
        Some((at_ms, door)) => Err(Error::Refused(Refusal {
            code: ErrorCode::TicketRedeemed,
            seats: Vec::new(),
            limit: *at_ms,
            detail: door.clone(),
        })),
    }
}
