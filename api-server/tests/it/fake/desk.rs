//! Sales without a payment provider, and the sums of an event, by adding up its bookings.

use rowlock_api_server::inventory::{Call, Desk};
use rowlock_client::Error;
use rowlock_client::types::{
    Booking, BookingId, BookingState, DirectSale, ErrorCode, EventId, EventMoney, Receipt,
    RequestKey, Tender, UserId,
};

use super::{Fake, State, count, refuse, refuse_seats};

impl State {
    fn sell_directly(
        &mut self,
        now_ms: u64,
        id: BookingId,
        sale: DirectSale,
        by: UserId,
        key: RequestKey,
    ) -> Result<Booking, Error> {
        let again = self.sale_keys.contains_key(&key);
        let Some(booking) = self.bookings.get_mut(&id) else {
            return refuse(ErrorCode::BookingNotFound);
        };
        if by != booking.user && by != UserId(0) {
            return refuse(ErrorCode::BookingNotFound);
        }
        if again {
            return Ok(booking.clone());
        }
        if sale.tender != Tender::Free && by != UserId(0) {
            return refuse(ErrorCode::NotAllowed);
        }
        match booking.state {
            BookingState::Held => {}
            BookingState::Paying | BookingState::Capturing => {
                return refuse(ErrorCode::PaymentInProgress);
            }
            BookingState::Expired => return refuse(ErrorCode::BookingExpired),
            BookingState::Confirmed
            | BookingState::Released
            | BookingState::RefundDue
            | BookingState::Refunded => return refuse(ErrorCode::BookingStateConflict),
        }
        let total = if sale.tender == Tender::Complimentary { 0 } else { booking.total };
        if sale.amount != total {
            return refuse_seats(ErrorCode::AmountMismatch, Vec::new(), total);
        }
        booking.state = BookingState::Confirmed;
        booking.confirmed_ms = now_ms;
        let money = booking.extras.money.get_or_insert_default();
        money.direct = true;
        let DirectSale { tender, amount, reference, reason } = sale;
        money.receipts.push(Receipt { tender, amount, reference, reason, at_ms: now_ms });
        let booking = booking.clone();
        let counts = &mut self.events.get_mut(&booking.event).unwrap().event.counts;
        counts.held -= count(&booking.seats);
        counts.sold += count(&booking.seats);
        self.sale_keys.insert(key, id);
        Ok(booking)
    }

    fn sums(&self, event: EventId) -> EventMoney {
        let mut sums = EventMoney::default();
        for booking in self.bookings.values().filter(|it| it.event == event) {
            if booking.confirmed_ms == 0 {
                continue;
            }
            sums.sold += 1;
            for refund in &booking.extras.refunds {
                sums.refunded += refund.amount;
                sums.owed += if refund.reference.is_empty() { refund.amount } else { 0 };
            }
            let Some(money) = booking.extras.money.as_deref().filter(|money| money.direct) else {
                sums.provider += booking.total;
                continue;
            };
            for receipt in &money.receipts {
                match receipt.tender {
                    Tender::Free => {}
                    Tender::Complimentary => sums.complimentary += 1,
                    Tender::Cash => sums.cash += receipt.amount,
                    Tender::Card => sums.card += receipt.amount,
                    Tender::Invoice => sums.invoice += receipt.amount,
                }
            }
        }
        sums
    }
}

impl Desk for Fake {
    fn confirm_direct(
        &self,
        id: BookingId,
        sale: DirectSale,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Booking> {
        self.with(|state, now_ms| state.sell_directly(now_ms, id, sale, principal, key))
    }
    fn event_money(&self, event: EventId) -> Call<'_, EventMoney> {
        self.with(|state, _| Ok(state.sums(event)))
    }
}
