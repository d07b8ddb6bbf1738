//! What is asked about money besides payments through the fence, and the checks that need no state.

use rowlock_proto::ids::BookingId;

use super::Tender;
use crate::inventory::command::{
    Cart, NAME_BYTES_MAX, PRICE_MAX, SEATS_PER_HOLD_MAX, TEXT_BYTES_MAX, check_cart, check_places,
    check_seats, invalid, required, text,
};
use crate::inventory::reply::Refusal;

/// The most that one booking costs.
const AMOUNT_MAX: u64 = PRICE_MAX * SEATS_PER_HOLD_MAX as u64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoneyCommand {
    /// Sells what is held without a payment provider.
    ConfirmDirect { booking: BookingId, sale: Box<DirectSale> },
    /// The provider has authorised the attempt, and is about to be asked to capture it.
    CommitAuthorized { booking: BookingId, attempt: u32, intent: String },
    /// Some places of a hold, or of a sold booking, for others: all or nothing.
    Exchange { booking: BookingId, order: Box<ExchangeOrder> },
    /// A bank took money back.
    MarkChargeback { booking: BookingId, order: Box<ChargebackOrder> },
    /// The money of a chargeback came again.
    ReverseChargeback { booking: BookingId, reference: String },
}

/// Money that a bank took back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargebackOrder {
    /// The provider's name for it.
    pub reference: String,
    pub amount: u64,
    pub reason: String,
    /// No ticket of the booking is valid while it stands.
    pub void: bool,
}

/// Places that go, and what comes for them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ExchangeOrder {
    /// Numbers of places in the booking, and seats of it; none of either: all that is left. Tickets
    /// that were passed on go over from the first of them to the first that comes, and so on.
    pub give: Vec<u32>,
    pub give_seats: Vec<u32>,
    pub take: Cart,
    /// What was paid at the desk for dearer places.
    pub paid: Option<Box<DirectSale>>,
}

/// How a hold is sold without a payment provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectSale {
    pub tender: Tender,
    /// What was taken: the price, or nothing.
    pub amount: u64,
    /// What the seller's own books call it.
    pub reference: String,
    pub reason: String,
}

impl MoneyCommand {
    /// The booking that the command is about.
    pub const fn booking(&self) -> BookingId {
        match self {
            Self::ConfirmDirect { booking, .. }
            | Self::CommitAuthorized { booking, .. }
            | Self::Exchange { booking, .. }
            | Self::MarkChargeback { booking, .. }
            | Self::ReverseChargeback { booking, .. } => *booking,
        }
    }

    pub(in crate::inventory) fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::ConfirmDirect { sale, .. } => sale.check(),
            Self::Exchange { order, .. } => order.check(),
            Self::CommitAuthorized { intent, .. } => text("intent", intent, TEXT_BYTES_MAX),
            Self::MarkChargeback { order, .. } => {
                required("reference", &order.reference)?;
                text("reason", &order.reason, NAME_BYTES_MAX)?;
                if order.amount == 0 {
                    return Err(invalid("nothing was charged back"));
                }
                Ok(())
            }
            Self::ReverseChargeback { reference, .. } => required("reference", reference),
        }
    }
}

impl ExchangeOrder {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if !self.give.is_empty() {
            check_places(&self.give)?;
        }
        if !self.give_seats.is_empty() {
            check_seats(&self.give_seats)?;
        }
        check_cart(&self.take)?;
        match &self.paid {
            None => Ok(()),
            Some(sale) => match sale.tender {
                Tender::Free | Tender::Complimentary => {
                    Err(invalid("a difference is paid in cash, by card or on invoice"))
                }
                Tender::Cash | Tender::Card | Tender::Invoice => sale.check(),
            },
        }
    }
}

impl DirectSale {
    fn check(&self) -> Result<(), Refusal> {
        text("reference", &self.reference, NAME_BYTES_MAX)?;
        text("reason", &self.reason, NAME_BYTES_MAX)?;
        if self.amount > AMOUNT_MAX {
            return Err(invalid(format!(
                "amount {} is over {AMOUNT_MAX} minor units",
                self.amount
            )));
        }
        match self.tender {
            Tender::Free | Tender::Complimentary if self.amount != 0 => {
                Err(invalid("nothing is paid for what is given away"))
            }
            Tender::Free => Ok(()),
            // Whoever gives tickets away says why.
            Tender::Complimentary => required("reason", &self.reason),
            // Money at the desk is found again in the desk's books.
            Tender::Cash | Tender::Card | Tender::Invoice => required("reference", &self.reference),
        }
    }
}
