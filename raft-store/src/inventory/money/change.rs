//! What happened to money besides payments through the fence.

use rowlock_proto::ids::BookingId;

use super::Tender;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoneyChange {
    /// A hold was sold without a payment provider.
    SoldDirect {
        booking: BookingId,
        tender: Tender,
        amount: u64,
        reference: String,
        reason: String,
    },
    /// Money that was taken at the desk is owed there, under refund number `refund`.
    DeskRefundOwed {
        booking: BookingId,
        refund: u32,
        amount: u64,
    },
    /// Authorised, and about to be captured: its seats are its own.
    PaymentCommitted {
        booking: BookingId,
        attempt: u32,
        intent: String,
    },
    ChargedBack {
        booking: BookingId,
        reference: String,
        amount: u64,
        reason: String,
        void: bool,
    },
    ChargebackReversed {
        booking: BookingId,
        reference: String,
    },
    /// Places of a booking went for others, all by their numbers in it. The seats are told before, and
    /// so is whatever is owed after.
    PlacesExchanged {
        booking: BookingId,
        gone: Vec<u32>,
        came: Vec<u32>,
        /// What was paid on top, at the desk.
        amount: u64,
    },
    /// A bank had paid a part of a refund that was still owed: only this amount is left of it.
    RefundCut {
        booking: BookingId,
        refund: u32,
        amount: u64,
    },
}
