//! Money besides payments through the fence: sales at the desk and without money, payments that are
//! captured apart, chargebacks, exchanges, and the sums of an event.
//!
//! Owns [`Money`], a booking's part of it, kept in records of its own; and [`Takings`], the sums of an
//! event, which follow from its bookings alone. Every place that changes what was charged, refunded or
//! charged back does so between `tally` and `rebook`.
//!
//! What could go wrong, and what answers it:
//! - A hold is sold at the desk while its customer pays at home: whoever comes first wins, the other is
//!   told. A payment that was over and succeeds after all finds its intent forgotten, and is given back.
//! - The price of a hold changes after a payment of it failed: the same.
//! - A booking is exchanged for places at other prices: what is left over is owed, what is missing is
//!   paid at the desk or there is no exchange.
//! - More is to go back than the provider charged: the rest is paid where it was taken.

mod books;
mod capture;
mod change;
mod chargeback;
mod command;
mod direct;
mod exchange;
mod stored;

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{EventId, RequestKey, UserId};

pub use self::books::{Chargeback, Exchanged, Money, Receipt, Takings, Tender};
pub use self::change::MoneyChange;
pub use self::chargeback::CHARGEBACKS_MAX;
pub use self::command::{ChargebackOrder, DirectSale, ExchangeOrder, MoneyCommand};
pub use self::exchange::{EXCHANGES_MAX, PLACES_EVER_MAX};
pub(super) use self::stored::encode;
use super::booking::{Booking, Refund};
use super::change::ChangeKind;
use super::event::Event;
use super::hold::event_no;
use super::planted::{Mistake, planted};
use super::reply::{Answer, MoneyView};
use super::{Command, State};

/// Reference of a refund that nobody has to pay.
pub(super) const NOTHING_TO_PAY: &str = "nothing to pay";

/// Money that is to go back.
#[derive(Clone, Debug)]
pub(super) struct Back {
    pub key: RequestKey,
    pub reason: String,
    /// The price of what is given up.
    pub price: u64,
    /// A refund of nothing is settled as it is decided.
    pub final_if_nothing: bool,
}

impl State {
    pub(super) fn money(&mut self, command: &Command, money: &MoneyCommand) -> Answer {
        let (principal, key) = (command.principal, command.key);
        match money {
            MoneyCommand::ConfirmDirect { booking, sale } => {
                self.confirm_direct(principal, key, *booking, sale)
            }
            MoneyCommand::Exchange { booking, order } => {
                self.exchange(principal, key, *booking, order)
            }
            MoneyCommand::CommitAuthorized { booking, attempt, intent } => {
                self.commit_authorized(principal, *booking, *attempt, intent)
            }
            MoneyCommand::MarkChargeback { booking, order } => {
                self.mark_chargeback(principal, *booking, order)
            }
            MoneyCommand::ReverseChargeback { booking, reference } => {
                self.reverse_chargeback(principal, key, *booking, reference)
            }
        }
    }

    /// Refuses what only the cluster may do for the organiser, who is known outside.
    fn judge_seller(principal: UserId) -> Result<(), super::Refusal> {
        if principal == super::SYSTEM || planted(Mistake::SellerUnchecked) {
            return Ok(());
        }
        Err(super::Refusal::of(ErrorCode::NotAllowed))
    }

    /// What the booking counts for in the sums of its event.
    pub(super) fn tally(&self, id: EventId, seq: u32) -> Takings {
        let found = self.events.get(&id).and_then(|event| Some((event, event.booking(seq)?)));
        let takings = |(event, booking): (&Event, _)| Takings::of(booking, event.total_of(booking));
        found.map(takings).unwrap_or_default()
    }

    /// Brings the sums of the event up to what the booking counts for now.
    pub(super) fn rebook(&mut self, id: EventId, seq: u32, before: &Takings) {
        let after = self.tally(id, seq);
        let Some(event) = self.events.get_mut(&id) else { return };
        event.takings.remove(before);
        event.takings.add(&after);
    }

    /// Puts money that goes back on record, as much as was not charged back. `left_at_provider` is as
    /// it was before the places went. Returns the number of the first refund, and the amount.
    pub(super) fn owe_money(
        &mut self,
        id: EventId,
        seq: u32,
        left_at_provider: u64,
        back: Back,
    ) -> (u32, u64) {
        let Some(booking) = self.events.get(&id).and_then(|event| event.booking(seq)) else {
            return (0, 0);
        };
        let of = booking.id;
        let money = booking.money.as_deref();
        let absorbed = back.price.min(booking.absorbable());
        let amount = back.price - absorbed;
        let direct = money.is_some_and(|money| money.direct);
        let by_provider =
            if planted(Mistake::DeskRefundSent) { amount } else { amount.min(left_at_provider) };
        let by_desk = amount - by_provider;
        let first = booking.extras.as_ref().map_or(0, |extras| extras.refunds.len());
        let first = u32::try_from(first).unwrap_or(u32::MAX);
        let decided_ms = self.log.clock_ms;
        let Back { key, reason, final_if_nothing, .. } = back;
        let refund = |amount: u64| {
            let settled = amount == 0 && (final_if_nothing || direct);
            let reference = if settled { NOTHING_TO_PAY } else { "" }.to_owned();
            Refund { key, amount, decided_ms, reason: reason.clone(), reference }
        };
        // All of it from one place, unless it has to come from two.
        let (one, two) = match (by_provider, by_desk) {
            (0, 0) => ((0, direct), None),
            (0, desk) => ((desk, true), None),
            (provider, 0) => ((provider, false), None),
            (provider, desk) => ((provider, false), Some((desk, true))),
        };
        let parts: Vec<(u64, bool)> = std::iter::once(one).chain(two).collect();
        let at_desk: Vec<(u32, u64)> = (first..)
            .zip(&parts)
            .filter(|(_, (_, desk))| *desk)
            .map(|(number, (amount, _))| (number, *amount))
            .collect();
        self.change_extras(id, seq, |extras| {
            extras.refunds.extend(parts.iter().map(|&(amount, _)| refund(amount)));
        });
        if absorbed > 0 || !at_desk.is_empty() {
            self.change_money(id, seq, |money| {
                money.absorbed = money.absorbed.saturating_add(absorbed);
                money.desk_refunds.extend(at_desk.iter().map(|&(number, _)| number));
            });
        }
        for (refund, amount) in at_desk.into_iter().filter(|&(_, amount)| amount > 0) {
            let owed = MoneyChange::DeskRefundOwed { booking: of, refund, amount };
            self.log.note(ChangeKind::Money(owed));
        }
        (first, amount)
    }

    fn change_money(&mut self, id: EventId, seq: u32, change: impl FnOnce(&mut Money)) {
        let Some(event) = self.events.get_mut(&id) else { return };
        let no = event_no(event);
        if let Some(booking) = event.booking_mut(seq) {
            change(booking.money_mut());
            if !planted(Mistake::MoneyNotWritten) {
                self.log.touch(super::RecordKey::Money(no, Money::block(seq)));
            }
        }
    }

    /// The sums of an event.
    pub fn takings(&self, id: EventId) -> Option<Takings> {
        self.events.get(&id).map(|event| event.takings)
    }
}

/// What readers see of a booking's money; `None`: nothing but its payment.
pub(super) fn view(booking: &Booking) -> Option<Box<MoneyView>> {
    let money = booking.money.as_deref()?;
    Some(Box::new(MoneyView {
        direct: money.direct,
        receipts: money.receipts.clone(),
        desk_refunds: money.desk_refunds.clone(),
        chargebacks: money.chargebacks.clone(),
    }))
}

/// Every booking balances, and the sums are those of the bookings.
pub(super) fn audit(event: &Event, found: &mut Vec<String>) {
    let mut sums = Takings::default();
    for booking in &event.bookings {
        let total = event.total_of(booking);
        sums.add(&Takings::of(booking, total));
        if !booking.is_balanced(total) {
            found.push(format!("booking {}: its money is not conserved", booking.id));
        }
        if !exchange::is_sound(booking) {
            found.push(format!("booking {}: its exchanges and its places disagree", booking.id));
        }
    }
    if sums != event.takings {
        found.push(format!("{}: takings {:?}, bookings say {sums:?}", event.id, event.takings));
    }
}
