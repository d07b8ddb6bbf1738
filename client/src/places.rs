//! The typed commands about places that are more than named seats: carts, what can be done to a hold,
//! blocked seats, refunds, tickets.

use rowlock_proto::v1::command::Kind;
use rowlock_proto::v1::reply::Kind as Reply;
use rowlock_proto::{BookingId, EventId, RequestKey, UserId, v1};

use crate::calls::{booking, done};
use crate::client::Client;
use crate::error::Error;
use crate::types::{Answered, Booking, Cart, RefundDecided};
use crate::wire::{self, Unreadable};

impl Client {
    /// Holds everything in the cart or nothing.
    pub async fn hold_cart(
        &self,
        event: EventId,
        cart: Cart,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Booking>, Error> {
        let kind = Kind::HoldCart(wire::cart_out(event, cart));
        self.write(event.slot(), principal, key, kind, booking).await
    }

    /// Gives the hold its whole time again, once.
    pub async fn extend_hold(
        &self,
        id: BookingId,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Booking>, Error> {
        let kind = Kind::ExtendHold(v1::ExtendHold { booking: wire::id(id.to_bytes()) });
        self.write(id.slot(), principal, key, kind, booking).await
    }

    /// Gives some places of a hold back, by their numbers in the booking; one at least must stay.
    pub async fn release_places(
        &self,
        id: BookingId,
        places: &[u32],
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Booking>, Error> {
        let (id_bytes, places) = (wire::id(id.to_bytes()), places.to_vec());
        let kind = Kind::ReleasePlaces(v1::ReleasePlaces { booking: id_bytes, places });
        self.write(id.slot(), principal, key, kind, booking).await
    }

    /// Takes free seats out of sale, all or none.
    pub async fn block_seats(
        &self,
        event: EventId,
        seats: &[u32],
        reason: &str,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let (seats, reason) = (seats.to_vec(), reason.to_owned());
        let event_bytes = wire::id(event.to_bytes());
        let kind = Kind::BlockSeats(v1::BlockSeats { event: event_bytes, seats, reason });
        self.write(event.slot(), principal, key, kind, done).await
    }

    pub async fn unblock_seats(
        &self,
        event: EventId,
        seats: &[u32],
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let (event_bytes, seats) = (wire::id(event.to_bytes()), seats.to_vec());
        let kind = Kind::UnblockSeats(v1::UnblockSeats { event: event_bytes, seats });
        self.write(event.slot(), principal, key, kind, done).await
    }

    /// Takes sold places back, all that are left if none is named, and owes their price. With
    /// `block` the seats don't go back on sale.
    pub async fn refund_places(
        &self,
        id: BookingId,
        places: &[u32],
        reason: &str,
        block: bool,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<RefundDecided>, Error> {
        let (places, reason) = (places.to_vec(), reason.to_owned());
        let id_bytes = wire::id(id.to_bytes());
        let kind =
            Kind::RefundPlaces(v1::RefundPlaces { booking: id_bytes, places, reason, block });
        self.write(id.slot(), principal, key, kind, decided).await
    }

    /// Puts on record that the provider has paid a refund, under its name for it.
    pub async fn settle_refund(
        &self,
        id: BookingId,
        refund: u32,
        reference: &str,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Booking>, Error> {
        let (id_bytes, reference) = (wire::id(id.to_bytes()), reference.to_owned());
        let kind = Kind::SettleRefund(v1::SettleRefund { booking: id_bytes, refund, reference });
        self.write(id.slot(), principal, key, kind, booking).await
    }

    /// Passes the ticket of a place on. `version` is the one that the holder has.
    pub async fn transfer_ticket(
        &self,
        id: BookingId,
        place: u32,
        version: u32,
        to: UserId,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Booking>, Error> {
        let (id_bytes, to) = (wire::id(id.to_bytes()), wire::id(to.to_bytes()));
        let ticket = v1::TransferTicket { booking: id_bytes, place, version, to };
        self.write(id.slot(), principal, key, Kind::TransferTicket(ticket), booking).await
    }

    /// Lets a ticket in. The same key again is the same scan.
    pub async fn redeem_ticket(
        &self,
        id: BookingId,
        place: u32,
        version: u32,
        door: &str,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Booking>, Error> {
        let (id_bytes, door) = (wire::id(id.to_bytes()), door.to_owned());
        let ticket = v1::RedeemTicket { booking: id_bytes, place, version, door };
        self.write(id.slot(), principal, key, Kind::RedeemTicket(ticket), booking).await
    }

    /// Undoes a redemption that was a mistake.
    pub async fn unredeem_ticket(
        &self,
        id: BookingId,
        place: u32,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Booking>, Error> {
        let ticket = v1::UnredeemTicket { booking: wire::id(id.to_bytes()), place };
        self.write(id.slot(), principal, key, Kind::UnredeemTicket(ticket), booking).await
    }
}

fn decided(reply: Reply) -> Result<RefundDecided, Unreadable> {
    match reply {
        Reply::Refund(v1::RefundDecided { booking: Some(view), refund }) => {
            Ok(RefundDecided { booking: wire::booking(view)?, refund })
        }
        Reply::Refund(_)
        | Reply::Booking(_)
        | Reply::RefundDue(_)
        | Reply::PaymentBegun(_)
        | Reply::Done(_)
        | Reply::QueuePlace(_)
        | Reply::Tended(_)
        | Reply::Waiter(_)
        | Reply::Session(_)
        | Reply::Scans(_)
        | Reply::Consumer(_)
        | Reply::Expired(_) => Err(Unreadable("reply to a refund")),
    }
}
