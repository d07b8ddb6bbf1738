//! Money besides payments through the fence, off the wire and onto it.

use bytes::Bytes;
use rowlock_proto::{BookingId, v1};
use rowlock_raft_store::inventory::money::{
    Chargeback, ChargebackOrder, DirectSale, ExchangeOrder, Receipt,
};
use rowlock_raft_store::inventory::reply::MoneyView;
use rowlock_raft_store::inventory::{MoneyChange, MoneyCommand, Refusal, Takings, Tender};

use super::command::{booking as booking_id, cart, malformed};

pub(super) fn command(wire: v1::MoneyCommand) -> Result<MoneyCommand, Refusal> {
    use v1::money_command::Kind;
    let booking = booking_id(&wire.booking)?;
    match wire.kind.ok_or_else(|| malformed("a command of no kind"))? {
        Kind::ConfirmDirect(wire) => {
            Ok(MoneyCommand::ConfirmDirect { booking, sale: Box::new(sale(wire)?) })
        }
        Kind::Exchange(v1::ExchangePlaces { give, give_seats, take, paid }) => {
            let take = cart(take.unwrap_or_default())?;
            let paid = paid.map(sale).transpose()?.map(Box::new);
            let order = Box::new(ExchangeOrder { give, give_seats, take, paid });
            Ok(MoneyCommand::Exchange { booking, order })
        }
        Kind::CommitAuthorized(v1::CommitAuthorized { attempt, intent }) => {
            Ok(MoneyCommand::CommitAuthorized { booking, attempt, intent })
        }
        Kind::MarkChargeback(v1::Chargeback { reference, amount, reason, void, .. }) => {
            let order = Box::new(ChargebackOrder { reference, amount, reason, void });
            Ok(MoneyCommand::MarkChargeback { booking, order })
        }
        Kind::ReverseChargeback(reference) => {
            Ok(MoneyCommand::ReverseChargeback { booking, reference })
        }
    }
}

fn sale(wire: v1::DirectSale) -> Result<DirectSale, Refusal> {
    let tender = tender(wire.tender())?;
    let v1::DirectSale { amount, reference, reason, .. } = wire;
    Ok(DirectSale { tender, amount, reference, reason })
}

fn tender(wire: v1::Tender) -> Result<Tender, Refusal> {
    match wire {
        v1::Tender::Unspecified => Err(malformed("no tender")),
        v1::Tender::Free => Ok(Tender::Free),
        v1::Tender::Complimentary => Ok(Tender::Complimentary),
        v1::Tender::Cash => Ok(Tender::Cash),
        v1::Tender::Card => Ok(Tender::Card),
        v1::Tender::Invoice => Ok(Tender::Invoice),
    }
}

fn tender_out(tender: Tender) -> i32 {
    let wire = match tender {
        Tender::Free => v1::Tender::Free,
        Tender::Complimentary => v1::Tender::Complimentary,
        Tender::Cash => v1::Tender::Cash,
        Tender::Card => v1::Tender::Card,
        Tender::Invoice => v1::Tender::Invoice,
    };
    wire.into()
}

pub(super) fn booking(view: MoneyView) -> v1::BookingMoney {
    let receipt = |receipt: Receipt| {
        let Receipt { key: _, tender, amount, reference, reason, at_ms } = receipt;
        v1::Receipt { tender: tender_out(tender), amount, reference, reason, at_ms }
    };
    v1::BookingMoney {
        direct: view.direct,
        receipts: view.receipts.into_iter().map(receipt).collect(),
        desk_refunds: view.desk_refunds,
        chargebacks: view.chargebacks.into_iter().map(chargeback).collect(),
    }
}

fn chargeback(chargeback: Chargeback) -> v1::Chargeback {
    let Chargeback { reference, amount, reason, void, at_ms, reversed_ms } = chargeback;
    v1::Chargeback { reference, amount, reason, void, at_ms, reversed_ms }
}

pub(super) fn changed(change: MoneyChange) -> v1::MoneyChanged {
    use v1::money_changed::Kind;
    let of = |booking: BookingId, kind: Kind| v1::MoneyChanged {
        booking: Bytes::copy_from_slice(&booking.to_bytes()),
        kind: Some(kind),
    };
    match change {
        MoneyChange::SoldDirect { booking, tender, amount, reference, reason } => {
            let tender = tender_out(tender);
            let sale = v1::DirectSale { tender, amount, reference, reason };
            of(booking, Kind::SoldDirect(sale))
        }
        MoneyChange::DeskRefundOwed { booking, refund, amount } => {
            of(booking, Kind::DeskRefundOwed(v1::RefundPart { refund, amount }))
        }
        MoneyChange::PaymentCommitted { booking, attempt, intent } => {
            of(booking, Kind::PaymentCommitted(v1::CommitAuthorized { attempt, intent }))
        }
        MoneyChange::ChargedBack { booking, reference, amount, reason, void } => {
            let rest = v1::Chargeback::default();
            let chargeback = v1::Chargeback { reference, amount, reason, void, ..rest };
            of(booking, Kind::ChargedBack(chargeback))
        }
        MoneyChange::ChargebackReversed { booking, reference } => {
            of(booking, Kind::ChargebackReversed(reference))
        }
        MoneyChange::RefundCut { booking, refund, amount } => {
            of(booking, Kind::RefundCut(v1::RefundPart { refund, amount }))
        }
        MoneyChange::PlacesExchanged { booking, gone, came, amount } => {
            of(booking, Kind::PlacesExchanged(v1::PlacesExchanged { gone, came, amount }))
        }
    }
}

pub(super) fn takings(sums: &Takings) -> v1::EventMoney {
    // More than fits is more money than there is.
    let minor = |sum: u128| u64::try_from(sum).unwrap_or(u64::MAX);
    v1::EventMoney {
        provider: minor(sums.provider),
        cash: minor(sums.cash),
        card: minor(sums.card),
        invoice: minor(sums.invoice),
        refunded: minor(sums.refunded),
        owed: minor(sums.owed),
        charged_back: minor(sums.charged_back),
        chargebacks: sums.chargebacks,
        sold: sums.sold,
        complimentary: sums.complimentary,
    }
}
