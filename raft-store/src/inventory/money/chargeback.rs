//! Money that a bank takes back from the seller, and what of it comes again.
//!
//! What could go wrong, and what answers it:
//! - A refund is decided after the bank has paid the customer: only what was not charged back is owed.
//! - A refund was decided before, and is not paid yet: it is cut by what the bank has taken.
//! - The chargeback is won after its places were given up: what was held against them is owed after all.
//! - The provider tells twice: its own name for the chargeback says that it is the same.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, EventId, RequestKey, UserId};

use super::{Back, Chargeback, ChargebackOrder, MoneyChange, NOTHING_TO_PAY};
use crate::inventory::booking::Booking;
use crate::inventory::change::ChangeKind;
use crate::inventory::planted::{Mistake, planted};
use crate::inventory::reply::{Answer, Refusal};
use crate::inventory::{State, refuse};

/// Chargebacks of one booking.
pub const CHARGEBACKS_MAX: usize = 8;
/// Why money is owed that was held against a chargeback.
const WON_REASON: &str = "chargeback won";

impl State {
    pub(super) fn mark_chargeback(
        &mut self,
        principal: UserId,
        id: BookingId,
        order: &ChargebackOrder,
    ) -> Answer {
        let Some((event, booking)) = self.owned_booking(principal, id) else {
            return refuse(ErrorCode::BookingNotFound);
        };
        Self::judge_seller(principal)?;
        let known = booking.money.as_ref().map_or(&[][..], |money| &money.chargebacks);
        if let Some(known) = known.iter().find(|known| known.reference == order.reference) {
            if !is_same(known, order) {
                return refuse(ErrorCode::IdempotencyKeyReused);
            }
            return self.booking_answer(id);
        }
        judge_paid(booking)?;
        if known.len() >= CHARGEBACKS_MAX {
            let limit = CHARGEBACKS_MAX as u64;
            return Err(Refusal { limit, ..Refusal::of(ErrorCode::ChargebackLimitReached) });
        }
        let limit = booking.kept(event.total_of(booking));
        if order.amount > limit {
            return Err(Refusal { limit, ..Refusal::of(ErrorCode::ChargebackTooMuch) });
        }
        let (event, seq) = (event.id, booking.id.locator().seq());
        let ChargebackOrder { reference, amount, reason, void } = order.clone();
        let chargeback = Chargeback {
            reference: reference.clone(),
            amount,
            reason: reason.clone(),
            void,
            at_ms: self.log.clock_ms,
            reversed_ms: None,
        };
        let before = self.tally(event, seq);
        self.change_money(event, seq, |money| money.chargebacks.push(chargeback));
        let change = MoneyChange::ChargedBack { booking: id, reference, amount, reason, void };
        self.log.note(ChangeKind::Money(change));
        self.cut_refunds(event, seq);
        self.rebook(event, seq, &before);
        self.booking_answer(id)
    }

    /// Takes what was charged back off the refunds that are not paid yet.
    fn cut_refunds(&mut self, id: EventId, seq: u32) {
        let Some(booking) = self.events.get(&id).and_then(|event| event.booking(seq)) else {
            return;
        };
        let (of, mut left) = (booking.id, booking.absorbable());
        if planted(Mistake::PaidTwice) {
            return;
        }
        let mut cuts = Vec::new();
        for (number, refund) in (0_u32..).zip(booking.refunds()) {
            let cut = refund.amount.min(left);
            if refund.reference.is_empty() && cut > 0 {
                left -= cut;
                cuts.push((number, cut, refund.amount - cut));
            }
        }
        if cuts.is_empty() {
            return;
        }
        self.change_extras(id, seq, |extras| {
            for &(number, _, amount) in &cuts {
                let at = usize::try_from(number).unwrap_or(usize::MAX);
                let Some(refund) = extras.refunds.get_mut(at) else { continue };
                refund.amount = amount;
                if amount == 0 {
                    NOTHING_TO_PAY.clone_into(&mut refund.reference);
                }
            }
        });
        let sum = cuts.iter().fold(0, |sum: u64, (_, cut, _)| sum.saturating_add(*cut));
        self.change_money(id, seq, |money| money.absorbed = money.absorbed.saturating_add(sum));
        for (refund, _, amount) in cuts {
            let change = MoneyChange::RefundCut { booking: of, refund, amount };
            self.log.note(ChangeKind::Money(change));
        }
    }

    /// The money of a chargeback came again.
    pub(super) fn reverse_chargeback(
        &mut self,
        principal: UserId,
        key: RequestKey,
        id: BookingId,
        reference: &str,
    ) -> Answer {
        let Some((event, booking)) = self.owned_booking(principal, id) else {
            return refuse(ErrorCode::BookingNotFound);
        };
        Self::judge_seller(principal)?;
        let known = booking.money.iter().flat_map(|money| &money.chargebacks);
        match known.into_iter().find(|known| known.reference == reference) {
            None => return refuse(ErrorCode::ChargebackNotFound),
            Some(known) if known.reversed_ms.is_some() => return self.booking_answer(id),
            Some(_) => {}
        }
        let (event, seq) = (event.id, booking.id.locator().seq());
        let (before, now) = (self.tally(event, seq), self.log.clock_ms);
        let mut price = 0;
        self.change_money(event, seq, |money| {
            let mut all = money.chargebacks.iter_mut();
            if let Some(known) = all.find(|known| known.reference == reference) {
                known.reversed_ms = Some(now);
            }
            let standing = money.standing();
            price = money.absorbed.saturating_sub(standing);
            money.absorbed = money.absorbed.min(standing);
        });
        let reference = reference.to_owned();
        let change = MoneyChange::ChargebackReversed { booking: id, reference };
        self.log.note(ChangeKind::Money(change));
        if price > 0 {
            let found = self.events.get(&event).and_then(|of| Some((of, of.booking(seq)?)));
            let left =
                found.map_or(0, |(of, booking)| booking.left_at_provider(of.total_of(booking)));
            let back = Back { key, reason: WON_REASON.to_owned(), price, final_if_nothing: false };
            let (refund, amount) = self.owe_money(event, seq, left, back);
            let places = Vec::new();
            self.log.note(ChangeKind::PlacesRefunded { booking: id, refund, places, amount });
        }
        self.rebook(event, seq, &before);
        self.booking_answer(id)
    }
}

fn is_same(known: &Chargeback, order: &ChargebackOrder) -> bool {
    (known.amount, known.reason.as_str(), known.void)
        == (order.amount, order.reason.as_str(), order.void)
}

/// Whether there is money that a bank could take back.
fn judge_paid(booking: &Booking) -> Result<(), Refusal> {
    if booking.state.is_paid() {
        return Ok(());
    }
    Err(Refusal::of(ErrorCode::BookingStateConflict))
}
