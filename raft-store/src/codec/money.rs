//! Commands, changes and records of money.

use bincode::{Decode, Encode};
use rowlock_proto::ids::{BookingId, RequestKey};

use super::command::CartV1;
use super::{Error, decode, encode};
use crate::inventory::money::{
    Chargeback, ChargebackOrder, DirectSale, ExchangeOrder, Exchanged, Money, Receipt,
};
use crate::inventory::{MoneyChange, MoneyCommand, Place, Tender};

/// The order of the variants is the format.
#[derive(Encode, Decode)]
pub(super) enum TenderV1 {
    Free,
    Complimentary,
    Cash,
    Card,
    Invoice,
}

impl From<Tender> for TenderV1 {
    fn from(tender: Tender) -> Self {
        match tender {
            Tender::Free => Self::Free,
            Tender::Complimentary => Self::Complimentary,
            Tender::Cash => Self::Cash,
            Tender::Card => Self::Card,
            Tender::Invoice => Self::Invoice,
        }
    }
}

impl From<TenderV1> for Tender {
    fn from(stored: TenderV1) -> Self {
        match stored {
            TenderV1::Free => Self::Free,
            TenderV1::Complimentary => Self::Complimentary,
            TenderV1::Cash => Self::Cash,
            TenderV1::Card => Self::Card,
            TenderV1::Invoice => Self::Invoice,
        }
    }
}

/// The order of the variants is the format.
#[derive(Encode, Decode)]
pub(super) enum MoneyCommandV1 {
    ConfirmDirect {
        booking: [u8; 16],
        tender: TenderV1,
        amount: u64,
        reference: String,
        reason: String,
    },
    CommitAuthorized {
        booking: [u8; 16],
        attempt: u32,
        intent: String,
    },
    MarkChargeback {
        booking: [u8; 16],
        reference: String,
        amount: u64,
        reason: String,
        void: bool,
    },
    ReverseChargeback {
        booking: [u8; 16],
        reference: String,
    },
    Exchange {
        booking: [u8; 16],
        give: Vec<u32>,
        give_seats: Vec<u32>,
        take: CartV1,
        /// Tender, amount, reference, reason.
        paid: Option<(TenderV1, u64, String, String)>,
    },
}

impl From<&MoneyCommand> for MoneyCommandV1 {
    fn from(command: &MoneyCommand) -> Self {
        match command {
            MoneyCommand::ConfirmDirect { booking, sale } => {
                let DirectSale { tender, amount, reference, reason } = sale.as_ref().clone();
                let (booking, tender) = (booking.to_bytes(), tender.into());
                Self::ConfirmDirect { booking, tender, amount, reference, reason }
            }
            MoneyCommand::CommitAuthorized { booking, attempt, intent } => {
                let (booking, intent) = (booking.to_bytes(), intent.clone());
                Self::CommitAuthorized { booking, attempt: *attempt, intent }
            }
            MoneyCommand::MarkChargeback { booking, order } => {
                let ChargebackOrder { reference, amount, reason, void } = order.as_ref().clone();
                let booking = booking.to_bytes();
                Self::MarkChargeback { booking, reference, amount, reason, void }
            }
            MoneyCommand::ReverseChargeback { booking, reference } => {
                let (booking, reference) = (booking.to_bytes(), reference.clone());
                Self::ReverseChargeback { booking, reference }
            }
            MoneyCommand::Exchange { booking, order } => {
                let ExchangeOrder { give, give_seats, take, paid } = order.as_ref().clone();
                let paid = paid.map(|sale| {
                    let DirectSale { tender, amount, reference, reason } = *sale;
                    (tender.into(), amount, reference, reason)
                });
                let (booking, take) = (booking.to_bytes(), (&take).into());
                Self::Exchange { booking, give, give_seats, take, paid }
            }
        }
    }
}

impl From<MoneyCommandV1> for MoneyCommand {
    fn from(stored: MoneyCommandV1) -> Self {
        match stored {
            MoneyCommandV1::ConfirmDirect { booking, tender, amount, reference, reason } => {
                let sale = DirectSale { tender: tender.into(), amount, reference, reason };
                Self::ConfirmDirect {
                    booking: BookingId::from_bytes(booking),
                    sale: Box::new(sale),
                }
            }
            MoneyCommandV1::CommitAuthorized { booking, attempt, intent } => {
                Self::CommitAuthorized { booking: BookingId::from_bytes(booking), attempt, intent }
            }
            MoneyCommandV1::MarkChargeback { booking, reference, amount, reason, void } => {
                let order = Box::new(ChargebackOrder { reference, amount, reason, void });
                Self::MarkChargeback { booking: BookingId::from_bytes(booking), order }
            }
            MoneyCommandV1::ReverseChargeback { booking, reference } => {
                Self::ReverseChargeback { booking: BookingId::from_bytes(booking), reference }
            }
            MoneyCommandV1::Exchange { booking, give, give_seats, take, paid } => {
                let paid = paid.map(|(tender, amount, reference, reason)| {
                    Box::new(DirectSale { tender: tender.into(), amount, reference, reason })
                });
                let order = ExchangeOrder { give, give_seats, take: take.into(), paid };
                Self::Exchange { booking: BookingId::from_bytes(booking), order: Box::new(order) }
            }
        }
    }
}

/// The order of the variants is the format.
#[derive(Encode, Decode)]
pub(super) enum MoneyChangeV1 {
    SoldDirect([u8; 16], TenderV1, u64, String, String),
    DeskRefundOwed([u8; 16], u32, u64),
    PaymentCommitted([u8; 16], u32, String),
    ChargedBack([u8; 16], String, u64, String, bool),
    ChargebackReversed([u8; 16], String),
    RefundCut([u8; 16], u32, u64),
    /// Booking, places that went and that came, what was paid.
    PlacesExchanged([u8; 16], Vec<u32>, Vec<u32>, u64),
}

impl From<&MoneyChange> for MoneyChangeV1 {
    fn from(change: &MoneyChange) -> Self {
        match change.clone() {
            MoneyChange::SoldDirect { booking, tender, amount, reference, reason } => {
                Self::SoldDirect(booking.to_bytes(), tender.into(), amount, reference, reason)
            }
            MoneyChange::DeskRefundOwed { booking, refund, amount } => {
                Self::DeskRefundOwed(booking.to_bytes(), refund, amount)
            }
            MoneyChange::PaymentCommitted { booking, attempt, intent } => {
                Self::PaymentCommitted(booking.to_bytes(), attempt, intent)
            }
            MoneyChange::ChargedBack { booking, reference, amount, reason, void } => {
                Self::ChargedBack(booking.to_bytes(), reference, amount, reason, void)
            }
            MoneyChange::ChargebackReversed { booking, reference } => {
                Self::ChargebackReversed(booking.to_bytes(), reference)
            }
            MoneyChange::RefundCut { booking, refund, amount } => {
                Self::RefundCut(booking.to_bytes(), refund, amount)
            }
            MoneyChange::PlacesExchanged { booking, gone, came, amount } => {
                Self::PlacesExchanged(booking.to_bytes(), gone, came, amount)
            }
        }
    }
}

impl From<MoneyChangeV1> for MoneyChange {
    fn from(stored: MoneyChangeV1) -> Self {
        match stored {
            MoneyChangeV1::SoldDirect(booking, tender, amount, reference, reason) => {
                let (booking, tender) = (BookingId::from_bytes(booking), tender.into());
                Self::SoldDirect { booking, tender, amount, reference, reason }
            }
            MoneyChangeV1::DeskRefundOwed(booking, refund, amount) => {
                Self::DeskRefundOwed { booking: BookingId::from_bytes(booking), refund, amount }
            }
            MoneyChangeV1::PaymentCommitted(booking, attempt, intent) => {
                Self::PaymentCommitted { booking: BookingId::from_bytes(booking), attempt, intent }
            }
            MoneyChangeV1::ChargedBack(booking, reference, amount, reason, void) => {
                let booking = BookingId::from_bytes(booking);
                Self::ChargedBack { booking, reference, amount, reason, void }
            }
            MoneyChangeV1::ChargebackReversed(booking, reference) => {
                Self::ChargebackReversed { booking: BookingId::from_bytes(booking), reference }
            }
            MoneyChangeV1::RefundCut(booking, refund, amount) => {
                Self::RefundCut { booking: BookingId::from_bytes(booking), refund, amount }
            }
            MoneyChangeV1::PlacesExchanged(booking, gone, came, amount) => {
                let booking = BookingId::from_bytes(booking);
                Self::PlacesExchanged { booking, gone, came, amount }
            }
        }
    }
}

#[derive(Encode, Decode)]
struct ReceiptV1 {
    key: [u8; 16],
    tender: TenderV1,
    amount: u64,
    reference: String,
    reason: String,
    at_ms: u64,
}

#[derive(Encode, Decode)]
struct ChargebackV1 {
    reference: String,
    amount: u64,
    reason: String,
    void: bool,
    at_ms: u64,
    reversed_ms: Option<u64>,
}

/// The order of the variants is the format.
#[derive(Encode, Decode)]
enum PlaceV1 {
    Seat(u32),
    Area(u16),
}

#[derive(Encode, Decode)]
struct MoneyV1 {
    receipts: Vec<ReceiptV1>,
    direct: bool,
    charged: Option<u64>,
    desk_refunds: Vec<u32>,
    chargebacks: Vec<ChargebackV1>,
    absorbed: u64,
    added: Vec<(PlaceV1, u64)>,
    /// Key, fingerprint, refund.
    exchanges: Vec<([u8; 16], u64, Option<u32>)>,
}

impl From<&Money> for MoneyV1 {
    fn from(money: &Money) -> Self {
        let receipt = |receipt: &Receipt| {
            let Receipt { key, tender, amount, reference, reason, at_ms } = receipt.clone();
            let (key, tender) = (key.to_bytes(), tender.into());
            ReceiptV1 { key, tender, amount, reference, reason, at_ms }
        };
        let chargeback = |chargeback: &Chargeback| {
            let Chargeback { reference, amount, reason, void, at_ms, reversed_ms } =
                chargeback.clone();
            ChargebackV1 { reference, amount, reason, void, at_ms, reversed_ms }
        };
        let added = |&(place, price): &(Place, u64)| match place {
            Place::Seat(seat) => (PlaceV1::Seat(seat), price),
            Place::Area(area) => (PlaceV1::Area(area), price),
        };
        let exchange = |it: &Exchanged| (it.key.to_bytes(), it.fingerprint, it.refund);
        Self {
            receipts: money.receipts.iter().map(receipt).collect(),
            direct: money.direct,
            charged: money.charged,
            desk_refunds: money.desk_refunds.clone(),
            chargebacks: money.chargebacks.iter().map(chargeback).collect(),
            absorbed: money.absorbed,
            added: money.added.iter().map(added).collect(),
            exchanges: money.exchanges.iter().map(exchange).collect(),
        }
    }
}

impl From<MoneyV1> for Money {
    fn from(stored: MoneyV1) -> Self {
        let receipt = |receipt: ReceiptV1| {
            let ReceiptV1 { key, tender, amount, reference, reason, at_ms } = receipt;
            let (key, tender) = (RequestKey::from_bytes(key), tender.into());
            Receipt { key, tender, amount, reference, reason, at_ms }
        };
        let chargeback = |chargeback: ChargebackV1| {
            let ChargebackV1 { reference, amount, reason, void, at_ms, reversed_ms } = chargeback;
            Chargeback { reference, amount, reason, void, at_ms, reversed_ms }
        };
        let added = |(place, price): (PlaceV1, u64)| match place {
            PlaceV1::Seat(seat) => (Place::Seat(seat), price),
            PlaceV1::Area(area) => (Place::Area(area), price),
        };
        let exchange = |(key, fingerprint, refund)| Exchanged {
            key: RequestKey::from_bytes(key),
            fingerprint,
            refund,
        };
        Self {
            receipts: stored.receipts.into_iter().map(receipt).collect(),
            direct: stored.direct,
            charged: stored.charged,
            desk_refunds: stored.desk_refunds,
            chargebacks: stored.chargebacks.into_iter().map(chargeback).collect(),
            absorbed: stored.absorbed,
            added: stored.added.into_iter().map(added).collect(),
            exchanges: stored.exchanges.into_iter().map(exchange).collect(),
        }
    }
}

/// The money of those bookings of one block that have any, by their place in the block.
#[derive(Debug)]
pub struct BlockOfMoney;

impl BlockOfMoney {
    pub fn encode<'a>(money: impl Iterator<Item = Option<&'a Money>>) -> Vec<u8> {
        let some = (0_u16..).zip(money).filter_map(|(place, it)| Some((place, MoneyV1::from(it?))));
        encode(some.collect::<Vec<_>>(), 256)
    }
    pub fn decode(bytes: &[u8]) -> Result<Vec<(u16, Money)>, Error> {
        let stored: Vec<(u16, MoneyV1)> = decode(bytes)?;
        Ok(stored.into_iter().map(|(place, money)| (place, money.into())).collect())
    }
}
