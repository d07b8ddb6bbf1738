//! Places of a booking for other ones, in one command.

use rowlock_proto::v1::money_command::Kind as Deed;
use rowlock_proto::v1::reply::Kind as Reply;
use rowlock_proto::{BookingId, EventId, RequestKey, UserId, v1};

use crate::client::Client;
use crate::error::Error;
use crate::money::{DirectSale, money, sale_out};
use crate::types::{Answered, Booking, Cart};
use crate::wire::{self, Unreadable};

/// Places that go, and what comes for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExchangeOrder {
    /// Numbers of the places that go, and seats that go; none of either: all that is left.
    pub give: Vec<u32>,
    pub give_seats: Vec<u32>,
    pub take: Cart,
    /// How the difference was paid at the desk. Needs the cluster's own principal.
    pub paid: Option<DirectSale>,
}

/// The outcome of [`Client::exchange_places`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    pub booking: Booking,
    /// What was left over is owed under this number: its place in `booking.extras.refunds`.
    pub refund: Option<u32>,
}

impl Client {
    /// Some places of a live hold, or of a sold booking, for others: all of it or nothing. Of a sold one,
    /// what is left over is owed; dearer places are refused with `exchange-dearer` and the difference,
    /// unless that was paid at the desk.
    pub async fn exchange_places(
        &self,
        id: BookingId,
        event: EventId,
        order: ExchangeOrder,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Exchanged>, Error> {
        let take = Some(wire::cart_out(event, order.take));
        let paid = order.paid.map(sale_out);
        let ExchangeOrder { give, give_seats, .. } = order;
        let exchange = v1::ExchangePlaces { give, give_seats, take, paid };
        let kind = money(id, Deed::Exchange(exchange));
        self.write(id.slot(), principal, key, kind, exchanged).await
    }
}

fn exchanged(reply: Reply) -> Result<Exchanged, Unreadable> {
    match reply {
        Reply::Booking(view) => Ok(Exchanged { booking: wire::booking(view)?, refund: None }),
        Reply::Refund(v1::RefundDecided { booking: Some(view), refund }) => {
            Ok(Exchanged { booking: wire::booking(view)?, refund: Some(refund) })
        }
        Reply::Refund(_)
        | Reply::RefundDue(_)
        | Reply::PaymentBegun(_)
        | Reply::Done(_)
        | Reply::QueuePlace(_)
        | Reply::Tended(_)
        | Reply::Waiter(_)
        | Reply::Session(_)
        | Reply::Scans(_)
        | Reply::Consumer(_)
        | Reply::Expired(_) => Err(Unreadable("reply to an exchange")),
    }
}
