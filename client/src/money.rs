//! Money besides payments through the fence: sales without a payment provider, payments that are captured
//! apart, chargebacks, and an event's sums.

use rowlock_proto::v1::command::Kind;
use rowlock_proto::v1::money_command::Kind as Deed;
use rowlock_proto::v1::query::Kind as Query;
use rowlock_proto::v1::query_reply::Kind as Found;
use rowlock_proto::{BookingId, EventId, RequestKey, UserId, v1};

use crate::calls::booking;
use crate::client::Client;
use crate::error::Error;
use crate::types::{Answered, Booking};
use crate::wire::{self, Unreadable};

/// How a booking was paid for without a payment provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tender {
    /// It costs nothing.
    Free,
    /// Given away, whatever the price.
    Complimentary,
    Cash,
    Card,
    Invoice,
}

/// How a hold is sold without a payment provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectSale {
    pub tender: Tender,
    /// The price; 0 for what is given away.
    pub amount: u64,
    /// What the seller's own books call it: needed for money.
    pub reference: String,
    /// Needed for what is given away.
    pub reason: String,
}

/// Money that was taken without a payment provider, or that none was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub tender: Tender,
    pub amount: u64,
    pub reference: String,
    pub reason: String,
    pub at_ms: u64,
}

/// Money that a bank took back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargebackOrder {
    /// The provider's name for it; the same again is the same chargeback.
    pub reference: String,
    pub amount: u64,
    pub reason: String,
    /// No ticket of the booking is valid while it stands.
    pub void: bool,
}

/// A chargeback, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chargeback {
    pub order: ChargebackOrder,
    pub at_ms: u64,
    /// When the money came again; `None`: it stands.
    pub reversed_ms: Option<u64>,
}

/// What happened to a booking's money besides its one payment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookingMoney {
    /// It was sold without a payment provider: the first receipt says how.
    pub direct: bool,
    pub receipts: Vec<Receipt>,
    /// Numbers of the refunds that are paid at the desk, not by a provider.
    pub desk_refunds: Vec<u32>,
    pub chargebacks: Vec<Chargeback>,
}

/// The sums of an event, in minor units of its currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventMoney {
    /// What payment providers charged.
    pub provider: u64,
    pub cash: u64,
    pub card: u64,
    pub invoice: u64,
    /// Refunds that were decided, paid or not.
    pub refunded: u64,
    /// Those that are not paid yet.
    pub owed: u64,
    /// Chargebacks that stand, and how many.
    pub charged_back: u64,
    pub chargebacks: u64,
    /// Bookings that were sold, whatever became of them, and those that were given away.
    pub sold: u64,
    pub complimentary: u64,
}

/// What happened to the money of a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoneyChange {
    SoldDirect(DirectSale),
    /// Money that was taken at the desk is owed there.
    DeskRefundOwed {
        refund: u32,
        amount: u64,
    },
    /// Authorised, and about to be captured.
    PaymentCommitted {
        attempt: u32,
        intent: String,
    },
    ChargedBack(ChargebackOrder),
    ChargebackReversed {
        reference: String,
    },
    /// A bank had paid a part of a refund that was still owed: only this is left of it.
    RefundCut {
        refund: u32,
        amount: u64,
    },
    /// Places went for others, by their numbers; `amount` was paid on top, at the desk.
    PlacesExchanged {
        gone: Vec<u32>,
        came: Vec<u32>,
        amount: u64,
    },
}

impl Client {
    /// Sells a live hold without a payment provider. Who holds it may take what costs nothing; all else
    /// needs the cluster's own principal, and the caller has seen that it is a seller who asks.
    pub async fn confirm_direct(
        &self,
        id: BookingId,
        sale: DirectSale,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Booking>, Error> {
        let kind = money(id, Deed::ConfirmDirect(sale_out(sale)));
        self.write(id.slot(), principal, key, kind, booking).await
    }

    /// The provider has authorised an attempt: its seats stay from here on, and it may be captured. Then
    /// `confirm_payment` says that it was, or `fail_payment` that it can't be.
    pub async fn commit_authorized(
        &self,
        id: BookingId,
        attempt: u32,
        intent: &str,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Booking>, Error> {
        let commit = v1::CommitAuthorized { attempt, intent: intent.to_owned() };
        let kind = money(id, Deed::CommitAuthorized(commit));
        self.write(id.slot(), principal, key, kind, booking).await
    }

    /// A bank took money back. Needs the cluster's own principal.
    pub async fn mark_chargeback(
        &self,
        id: BookingId,
        order: ChargebackOrder,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Booking>, Error> {
        let ChargebackOrder { reference, amount, reason, void } = order;
        let rest = v1::Chargeback::default();
        let chargeback = v1::Chargeback { reference, amount, reason, void, ..rest };
        let kind = money(id, Deed::MarkChargeback(chargeback));
        self.write(id.slot(), principal, key, kind, booking).await
    }

    /// The money of a chargeback came again; what was held against it is owed. Needs the cluster's own
    /// principal.
    pub async fn reverse_chargeback(
        &self,
        id: BookingId,
        reference: &str,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Booking>, Error> {
        let kind = money(id, Deed::ReverseChargeback(reference.to_owned()));
        self.write(id.slot(), principal, key, kind, booking).await
    }

    /// What came in, and what went back.
    pub async fn event_money(&self, event: EventId) -> Result<Answered<EventMoney>, Error> {
        let query = v1::GetEventMoney { event: wire::id(event.to_bytes()) };
        self.read(event.slot(), Query::GetEventMoney(query), |found| match found {
            Found::EventMoney(sums) => Some(Ok(event_money(&sums))),
            _ => None,
        })
        .await
    }
}

pub(crate) fn sale_out(sale: DirectSale) -> v1::DirectSale {
    let DirectSale { tender, amount, reference, reason } = sale;
    v1::DirectSale { tender: tender_out(tender), amount, reference, reason }
}

pub(crate) fn money(booking: BookingId, kind: Deed) -> Kind {
    Kind::Money(v1::MoneyCommand { booking: wire::id(booking.to_bytes()), kind: Some(kind) })
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

fn tender(wire: v1::Tender) -> Result<Tender, Unreadable> {
    match wire {
        v1::Tender::Free => Ok(Tender::Free),
        v1::Tender::Complimentary => Ok(Tender::Complimentary),
        v1::Tender::Cash => Ok(Tender::Cash),
        v1::Tender::Card => Ok(Tender::Card),
        v1::Tender::Invoice => Ok(Tender::Invoice),
        v1::Tender::Unspecified => Err(Unreadable("tender")),
    }
}

pub(crate) fn booking_money(wire: v1::BookingMoney) -> Result<BookingMoney, Unreadable> {
    let receipt = |wire: v1::Receipt| {
        Ok(Receipt {
            tender: tender(wire.tender())?,
            amount: wire.amount,
            reference: wire.reference,
            reason: wire.reason,
            at_ms: wire.at_ms,
        })
    };
    Ok(BookingMoney {
        direct: wire.direct,
        receipts: wire.receipts.into_iter().map(receipt).collect::<Result<_, Unreadable>>()?,
        desk_refunds: wire.desk_refunds,
        chargebacks: wire.chargebacks.into_iter().map(chargeback).collect(),
    })
}

fn order(wire: v1::Chargeback) -> ChargebackOrder {
    let v1::Chargeback { reference, amount, reason, void, at_ms: _, reversed_ms: _ } = wire;
    ChargebackOrder { reference, amount, reason, void }
}

fn chargeback(wire: v1::Chargeback) -> Chargeback {
    Chargeback { at_ms: wire.at_ms, reversed_ms: wire.reversed_ms, order: order(wire) }
}

fn event_money(wire: &v1::EventMoney) -> EventMoney {
    EventMoney {
        provider: wire.provider,
        cash: wire.cash,
        card: wire.card,
        invoice: wire.invoice,
        refunded: wire.refunded,
        owed: wire.owed,
        charged_back: wire.charged_back,
        chargebacks: wire.chargebacks,
        sold: wire.sold,
        complimentary: wire.complimentary,
    }
}

/// The change, or `None` if it is of a kind that this client is too old to know.
pub(crate) fn change(
    wire: v1::MoneyChanged,
) -> Result<Option<(BookingId, MoneyChange)>, Unreadable> {
    use v1::money_changed::Kind;
    let booking = wire::booking_id(&wire.booking)?;
    let Some(kind) = wire.kind else { return Ok(None) };
    let change = match kind {
        Kind::SoldDirect(wire) => MoneyChange::SoldDirect(DirectSale {
            tender: tender(wire.tender())?,
            amount: wire.amount,
            reference: wire.reference,
            reason: wire.reason,
        }),
        Kind::DeskRefundOwed(v1::RefundPart { refund, amount }) => {
            MoneyChange::DeskRefundOwed { refund, amount }
        }
        Kind::PaymentCommitted(v1::CommitAuthorized { attempt, intent }) => {
            MoneyChange::PaymentCommitted { attempt, intent }
        }
        Kind::ChargedBack(wire) => MoneyChange::ChargedBack(order(wire)),
        Kind::ChargebackReversed(reference) => MoneyChange::ChargebackReversed { reference },
        Kind::RefundCut(v1::RefundPart { refund, amount }) => {
            MoneyChange::RefundCut { refund, amount }
        }
        Kind::PlacesExchanged(v1::PlacesExchanged { gone, came, amount }) => {
            MoneyChange::PlacesExchanged { gone, came, amount }
        }
    };
    Ok(Some((booking, change)))
}
