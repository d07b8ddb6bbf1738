//! Sold places that go back, naively: the seats are free again, and the money is owed.

use rowlock_api_server::inventory::RefundOrder;
use rowlock_client::Error;
use rowlock_client::types::{
    Booking, BookingId, BookingState, ChangeKind, ErrorCode, Refund, RefundDecided, RequestKey,
    UserId,
};

use super::{State, refuse};

impl State {
    pub(super) fn refund(
        &mut self,
        now_ms: u64,
        id: BookingId,
        order: RefundOrder<'_>,
        user: UserId,
        key: RequestKey,
    ) -> Result<RefundDecided, Error> {
        let before = self.refund_keys.get(&key).copied();
        let booking = self.owned(id, user)?;
        if let Some(refund) = before {
            return Ok(RefundDecided { booking: booking.clone(), refund });
        }
        if booking.state != BookingState::Confirmed {
            return refuse(ErrorCode::BookingStateConflict);
        }
        // Seats that are here keep the numbers that they had.
        let gone = booking.extras.gone.clone();
        let all: Vec<u32> =
            (0..).filter(|place| !gone.contains(place)).take(booking.seats.len()).collect();
        let places = if order.places.is_empty() { all.clone() } else { order.places.to_vec() };
        if places.iter().any(|place| !all.contains(place)) {
            return refuse(ErrorCode::PlaceUnknown);
        }
        let mut back = Vec::new();
        let mut left = Vec::new();
        for (place, sold) in
            all.iter().zip(booking.seats.iter().copied().zip(booking.prices.clone()))
        {
            if places.contains(place) { back.push(sold) } else { left.push(sold) }
        }
        let amount: u64 = back.iter().map(|(_, price)| price).sum();
        if places.len() == all.len() {
            booking.state = BookingState::Refunded;
        } else {
            booking.extras.gone.extend(&places);
            booking.total -= amount;
            (booking.seats, booking.prices) = left.into_iter().unzip();
        }
        booking.extras.refunds.push(Refund {
            amount,
            decided_ms: now_ms,
            reason: order.reason.to_owned(),
            reference: String::new(),
        });
        let refund = u32::try_from(booking.extras.refunds.len() - 1).unwrap();
        let booking = booking.clone();
        let owners = &mut self.events.get_mut(&booking.event).unwrap().owners;
        for (seat, _) in back {
            owners[seat as usize] = None;
        }
        self.refund_keys.insert(key, refund);
        self.note(now_ms, ChangeKind::PlacesRefunded { booking: id, refund, places, amount });
        Ok(RefundDecided { booking, refund })
    }

    pub(super) fn settle(
        &mut self,
        id: BookingId,
        refund: u32,
        reference: &str,
        user: UserId,
    ) -> Result<Booking, Error> {
        let booking = self.owned(id, user)?;
        let Some(known) = booking.extras.refunds.get_mut(refund as usize) else {
            return refuse(ErrorCode::RefundNotFound);
        };
        if !known.reference.is_empty() && known.reference != reference {
            return refuse(ErrorCode::BookingStateConflict);
        }
        reference.clone_into(&mut known.reference);
        Ok(booking.clone())
    }
}
