//! Captures apart, and chargebacks.

use rowlock_api_server::inventory::{Call, Charges};
use rowlock_client::types::{
    Booking, BookingId, BookingMoney, BookingState, Chargeback, ChargebackOrder, ErrorCode,
    RequestKey, UserId,
};

use super::{Fake, State, refuse};

impl State {
    fn money(&mut self, id: BookingId) -> &mut BookingMoney {
        let booking = self.bookings.get_mut(&id).unwrap();
        booking.extras.money.get_or_insert_with(Default::default)
    }
}

impl Charges for Fake {
    fn commit_authorized<'a>(
        &'a self,
        id: BookingId,
        attempt: u32,
        intent: &'a str,
        principal: UserId,
        _: RequestKey,
    ) -> Call<'a, Booking> {
        self.step(move |state, _| {
            let booking = state.owned(id, principal)?;
            if booking.attempt != attempt || booking.intent != intent || intent.is_empty() {
                return refuse(ErrorCode::PaymentFenced);
            }
            match booking.state {
                BookingState::Paying => booking.state = BookingState::Capturing,
                BookingState::Capturing | BookingState::Confirmed | BookingState::Refunded => {}
                BookingState::Held
                | BookingState::Released
                | BookingState::Expired
                | BookingState::RefundDue => return refuse(ErrorCode::PaymentFenced),
            }
            Ok(booking.clone())
        })
    }

    fn mark_chargeback(
        &self,
        id: BookingId,
        order: ChargebackOrder,
        principal: UserId,
        _: RequestKey,
    ) -> Call<'_, Booking> {
        assert_eq!(principal, UserId(0), "only the cluster marks a chargeback");
        self.with(|state, now_ms| {
            if !state.bookings.contains_key(&id) {
                return refuse(ErrorCode::BookingNotFound);
            }
            let money = state.money(id);
            if !money.chargebacks.iter().any(|known| known.order.reference == order.reference) {
                money.chargebacks.push(Chargeback { order, at_ms: now_ms, reversed_ms: None });
            }
            Ok(state.bookings[&id].clone())
        })
    }

    fn reverse_chargeback<'a>(
        &'a self,
        id: BookingId,
        reference: &'a str,
        principal: UserId,
        _: RequestKey,
    ) -> Call<'a, Booking> {
        assert_eq!(principal, UserId(0), "only the cluster reverses a chargeback");
        self.with(|state, now_ms| {
            let mut all = state.money(id).chargebacks.iter_mut();
            match all.find(|known| known.order.reference == reference) {
                Some(known) => known.reversed_ms = Some(known.reversed_ms.unwrap_or(now_ms)),
                None => return refuse(ErrorCode::ChargebackNotFound),
            }
            Ok(state.bookings[&id].clone())
        })
    }
}
