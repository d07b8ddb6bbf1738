//! Sales without a payment provider, and the sums of an event.

use rowlock_client::Client;
use rowlock_client::types::{
    Booking, BookingId, DirectSale, EventId, EventMoney, RequestKey, UserId,
};

use super::Call;

pub trait Desk {
    /// Sells a live hold. Who holds it may take what costs nothing; all else needs the cluster's own
    /// principal, and the caller has seen that it is a seller who asks.
    fn confirm_direct(
        &self,
        booking: BookingId,
        sale: DirectSale,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Booking>;
    fn event_money(&self, event: EventId) -> Call<'_, EventMoney>;
}

impl Desk for Client {
    fn confirm_direct(
        &self,
        booking: BookingId,
        sale: DirectSale,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Booking> {
        Box::pin(Self::confirm_direct(self, booking, sale, principal, key))
    }
    fn event_money(&self, event: EventId) -> Call<'_, EventMoney> {
        Box::pin(Self::event_money(self, event))
    }
}
