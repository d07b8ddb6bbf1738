//! What is asked about money besides payments through the fence, and the checks that need no state.

use rowlock_proto::ids::BookingId;

use super::Tender;
use crate::inventory::command::{NAME_BYTES_MAX, PRICE_MAX, SEATS_PER_HOLD_MAX};
use crate::inventory::command::{invalid, required, text};
use crate::inventory::reply::Refusal;

/// The most that one booking costs.
const AMOUNT_MAX: u64 = PRICE_MAX * SEATS_PER_HOLD_MAX as u64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoneyCommand {
    /// Sells what is held without a payment provider.
    ConfirmDirect { booking: BookingId, sale: Box<DirectSale> },
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
            Self::ConfirmDirect { booking, .. } => *booking,
        }
    }

    pub(in crate::inventory) fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::ConfirmDirect { sale, .. } => sale.check(),
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
