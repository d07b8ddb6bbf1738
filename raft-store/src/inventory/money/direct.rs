//! Sales without a payment provider: what costs nothing, what is given away, and money at the desk.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, EventId, RequestKey, UserId};

use super::{DirectSale, MoneyChange, Receipt, Tender};
use crate::inventory::booking::{Booking, BookingState};
use crate::inventory::change::ChangeKind;
use crate::inventory::planted::{Mistake, planted};
use crate::inventory::reply::{Answer, EventState, Refusal};
use crate::inventory::{Deadline, State, refuse};

impl State {
    /// Sells a live hold. Who has it takes what costs nothing; all else is the seller's to decide.
    pub(super) fn confirm_direct(
        &mut self,
        principal: UserId,
        key: RequestKey,
        id: BookingId,
        sale: &DirectSale,
    ) -> Answer {
        let Some((event, booking)) = self.owned_booking(principal, id) else {
            return refuse(ErrorCode::BookingNotFound);
        };
        if let Some(before) = booking.direct_sale().filter(|before| before.key == key) {
            return if *before == receipt(sale, key, before.at_ms) {
                self.booking_answer(id)
            } else {
                refuse(ErrorCode::IdempotencyKeyReused)
            };
        }
        if sale.tender != Tender::Free {
            Self::judge_seller(principal)?;
        }
        self.judge_unsold(booking)?;
        match event.state_at(self.log.clock_ms) {
            EventState::Draft | EventState::Published | EventState::Paused => {}
            EventState::Cancelled | EventState::Ended => return refuse(ErrorCode::SaleClosed),
        }
        let given_away = sale.tender == Tender::Complimentary;
        let limit = if given_away { 0 } else { event.total_of(booking) };
        if sale.amount != limit {
            return Err(Refusal { limit, ..Refusal::of(ErrorCode::AmountMismatch) });
        }
        let (event, seq) = (event.id, booking.id.locator().seq());
        let at_ms = self.due_at(booking.expires_ms);
        self.deadlines.remove(&Deadline { at_ms, event, seq });
        self.take_directly(event, seq, receipt(sale, key, self.log.clock_ms));
        let DirectSale { tender, amount, reference, reason } = sale.clone();
        let change = MoneyChange::SoldDirect { booking: id, tender, amount, reference, reason };
        self.log.note(ChangeKind::Money(change));
        self.booking_answer(id)
    }

    /// Whether the booking is a hold that lasts, and nobody is paying for it.
    fn judge_unsold(&self, booking: &Booking) -> Result<(), Refusal> {
        let code = match booking.state {
            BookingState::Held if !self.is_due(booking) => return Ok(()),
            BookingState::Held | BookingState::Expired => ErrorCode::BookingExpired,
            BookingState::Paying | BookingState::Capturing => ErrorCode::PaymentInProgress,
            BookingState::Confirmed
            | BookingState::Released
            | BookingState::RefundDue
            | BookingState::Refunded => ErrorCode::BookingStateConflict,
        };
        Err(Refusal::of(code))
    }

    fn take_directly(&mut self, event: EventId, seq: u32, receipt: Receipt) {
        self.change_money(event, seq, |money| {
            money.direct = true;
            money.receipts.push(receipt);
        });
        self.change_booking(event, seq, |booking| {
            // It is paid: an earlier attempt that succeeds after all must not pay it again.
            if !planted(Mistake::LateChargeKept) {
                booking.fence_off();
            }
        });
        self.sell(event, seq, "");
    }
}

fn receipt(sale: &DirectSale, key: RequestKey, at_ms: u64) -> Receipt {
    let DirectSale { tender, amount, reference, reason } = sale.clone();
    Receipt { key, tender, amount, reference, reason, at_ms }
}
