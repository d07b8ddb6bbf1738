//! What banks do with money besides charging it at once.

use rowlock_client::Client;
use rowlock_client::types::{Booking, BookingId, ChargebackOrder, RequestKey, UserId};

use super::Call;

pub trait Charges {
    /// The attempt's money is set aside: its seats stay from here on, and it may be captured.
    fn commit_authorized<'a>(
        &'a self,
        booking: BookingId,
        attempt: u32,
        intent: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking>;
    /// A bank took money back. Needs the cluster's own principal, as does the next.
    fn mark_chargeback(
        &self,
        booking: BookingId,
        order: ChargebackOrder,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Booking>;
    /// The money of a chargeback came again.
    fn reverse_chargeback<'a>(
        &'a self,
        booking: BookingId,
        reference: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking>;
}

impl Charges for Client {
    fn commit_authorized<'a>(
        &'a self,
        booking: BookingId,
        attempt: u32,
        intent: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking> {
        Box::pin(Self::commit_authorized(self, booking, attempt, intent, principal, key))
    }
    fn mark_chargeback(
        &self,
        booking: BookingId,
        order: ChargebackOrder,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Booking> {
        Box::pin(Self::mark_chargeback(self, booking, order, principal, key))
    }
    fn reverse_chargeback<'a>(
        &'a self,
        booking: BookingId,
        reference: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking> {
        Box::pin(Self::reverse_chargeback(self, booking, reference, principal, key))
    }
}
