//! Seats of a booking for others, naively: knows seats by name only.

use rowlock_client::Error;
use rowlock_client::types::{
    BookingId, BookingState, ErrorCode, ExchangeOrder, Exchanged, Refund, RequestKey, UserId,
};

use super::{State, count, refuse, refuse_seats};

impl State {
    pub(super) fn exchange(
        &mut self,
        now_ms: u64,
        id: BookingId,
        order: &ExchangeOrder,
        user: UserId,
        key: RequestKey,
    ) -> Result<Exchanged, Error> {
        let done = self.exchange_keys.get(&key).copied();
        let Some(booking) = self.bookings.get_mut(&id) else {
            return refuse(ErrorCode::BookingNotFound);
        };
        if user != booking.user && user != UserId(0) {
            return refuse(ErrorCode::BookingNotFound);
        }
        if let Some(refund) = done {
            return Ok(Exchanged { booking: booking.clone(), refund });
        }
        let sold = match booking.state {
            BookingState::Held => false,
            BookingState::Confirmed => true,
            BookingState::Paying | BookingState::Capturing => {
                return refuse(ErrorCode::PaymentInProgress);
            }
            BookingState::Expired => return refuse(ErrorCode::BookingExpired),
            BookingState::Released | BookingState::RefundDue | BookingState::Refunded => {
                return refuse(ErrorCode::BookingStateConflict);
            }
        };
        let numbers = if booking.extras.numbers.is_empty() {
            (0..count(&booking.seats)).collect()
        } else {
            booking.extras.numbers.clone()
        };
        let mut here: Vec<(u32, u32, u64)> = Vec::new();
        for (at, number) in numbers.into_iter().enumerate() {
            here.push((number, booking.seats[at], booking.prices[at]));
        }
        let missing = |seat: &u32| !here.iter().any(|(_, its, _)| its == seat);
        let unknown: Vec<u32> = order.give_seats.iter().copied().filter(missing).collect();
        if !unknown.is_empty() {
            return refuse_seats(ErrorCode::SeatUnknown, unknown, 0);
        }
        let all = order.give.is_empty() && order.give_seats.is_empty();
        let goes = |it: &(u32, u32, u64)| {
            all || order.give.contains(&it.0) || order.give_seats.contains(&it.1)
        };
        let (going, mut stays): (Vec<_>, Vec<_>) = here.into_iter().partition(goes);
        if let Some((place, ..)) = going.iter().find(|it| {
            booking.extras.tickets.iter().any(|t| t.place == it.0 && t.redeemed.is_some())
        }) {
            return refuse_seats(ErrorCode::TicketRedeemed, Vec::new(), (*place).into());
        }
        let stored = self.events.get_mut(&booking.event).unwrap();
        let is_ours = |seat: &u32| going.iter().any(|(_, its, _)| its == seat);
        let taken = |seat: &u32| stored.owners[*seat as usize].is_some() && !is_ours(seat);
        let taken: Vec<u32> = order.take.seats.iter().copied().filter(taken).collect();
        if !taken.is_empty() {
            return refuse_seats(ErrorCode::SeatTaken, taken, 0);
        }
        let next = count(&booking.extras.gone) + count(&booking.seats);
        for (number, &seat) in (next..).zip(&order.take.seats) {
            let category = usize::from(stored.categories[seat as usize]);
            stays.push((number, seat, stored.event.spec.prices[category]));
        }
        let total: u64 = stays.iter().map(|it| it.2).sum();
        if sold && total > booking.total {
            let more = total - booking.total;
            return refuse_seats(ErrorCode::ExchangeDearer, Vec::new(), more);
        }
        for (_, seat, _) in &going {
            stored.owners[*seat as usize] = None;
        }
        for seat in &order.take.seats {
            stored.owners[*seat as usize] = Some(id);
        }
        let mut refund = None;
        if sold && total < booking.total {
            refund = u32::try_from(booking.extras.refunds.len()).ok();
            booking.extras.refunds.push(Refund {
                amount: booking.total - total,
                decided_ms: now_ms,
                reason: "exchanged".to_owned(),
                reference: String::new(),
            });
        }
        booking.total = total;
        booking.extras.gone.extend(going.iter().map(|it| it.0));
        booking.extras.numbers = stays.iter().map(|it| it.0).collect();
        (booking.seats, booking.prices) = stays.iter().map(|it| (it.1, it.2)).unzip();
        let booking = booking.clone();
        self.exchange_keys.insert(key, refund);
        Ok(Exchanged { booking, refund })
    }
}
