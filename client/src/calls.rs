//! The typed commands. Each takes the user who asks and the key that makes its repetition safe.

use bytes::Bytes;
use rowlock_proto::v1::command::Kind;
use rowlock_proto::v1::reply::Kind as Reply;
use rowlock_proto::{BookingId, EventId, RequestKey, SeatMapHash, Slot, UserId, VenueId, v1};
use sha2::{Digest, Sha256};

use crate::client::Client;
use crate::error::Error;
use crate::types::{
    Answered, Booking, Confirmed, EventPatch, EventSpec, PaymentBegun, User, UserPatch, Venue,
};
use crate::wire::{self, Unreadable};

/// Bytes of one part of a seat map.
const PART_BYTES_MAX: usize = 1 << 20;

impl Client {
    /// Brings a seat map's bytes to the shard of `slot`, unless it has them: the slot of the venue
    /// or event that is going to refer to it.
    pub async fn put_seat_map(
        &self,
        slot: Slot,
        bytes: &[u8],
        principal: UserId,
    ) -> Result<SeatMapHash, Error> {
        let map = SeatMapHash(Sha256::digest(bytes).into());
        if self.has_seat_map(slot, map).await?.value {
            return Ok(map);
        }
        let chunks = bytes.chunks(PART_BYTES_MAX);
        let parts = u32::try_from(chunks.len()).map_err(|_| too_long())?;
        for (part, data) in (0..parts).zip(chunks) {
            let kind = Kind::PutSeatMapPart(v1::PutSeatMapPart {
                map: Bytes::copy_from_slice(&map.0),
                part,
                parts,
                data: Bytes::copy_from_slice(data),
            });
            self.write(slot, principal, crate::key::request_key(), kind, done).await?;
        }
        Ok(map)
    }

    /// The map must be in the venue's slot ([`Client::put_seat_map`]).
    pub async fn put_venue(
        &self,
        venue: VenueId,
        doc: Venue,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let doc = Some(wire::venue_out(doc));
        let kind = Kind::PutVenue(v1::PutVenue { venue: wire::id(venue.to_bytes()), doc });
        self.write(venue.slot(), principal, key, kind, done).await
    }

    /// The map must be in the event's slot ([`Client::put_seat_map`]).
    pub async fn create_event(
        &self,
        event: EventId,
        spec: EventSpec,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let spec = Some(wire::spec_out(spec));
        let kind = Kind::CreateEvent(v1::CreateEvent { event: wire::id(event.to_bytes()), spec });
        self.write(event.slot(), principal, key, kind, done).await
    }

    pub async fn update_event(
        &self,
        event: EventId,
        patch: EventPatch,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let kind = Kind::UpdateEvent(wire::patch_out(event, patch));
        self.write(event.slot(), principal, key, kind, done).await
    }

    pub async fn publish_event(
        &self,
        event: EventId,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let kind = Kind::PublishEvent(v1::PublishEvent { event: wire::id(event.to_bytes()) });
        self.write(event.slot(), principal, key, kind, done).await
    }

    pub async fn cancel_event(
        &self,
        event: EventId,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let kind = Kind::CancelEvent(v1::CancelEvent { event: wire::id(event.to_bytes()) });
        self.write(event.slot(), principal, key, kind, done).await
    }

    /// Holds all of `seats` or none.
    pub async fn hold(
        &self,
        event: EventId,
        seats: &[u32],
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Booking>, Error> {
        let hold = v1::HoldSeats { event: wire::id(event.to_bytes()), seats: seats.to_vec() };
        self.write(event.slot(), principal, key, Kind::HoldSeats(hold), booking).await
    }

    pub async fn release(
        &self,
        id: BookingId,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let kind = Kind::ReleaseHold(v1::ReleaseHold { booking: wire::id(id.to_bytes()) });
        self.write(id.slot(), principal, key, kind, done).await
    }

    pub async fn begin_payment(
        &self,
        id: BookingId,
        amount: u64,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<PaymentBegun>, Error> {
        let kind =
            Kind::BeginPayment(v1::BeginPayment { booking: wire::id(id.to_bytes()), amount });
        self.write(id.slot(), principal, key, kind, begun).await
    }

    pub async fn attach_intent(
        &self,
        id: BookingId,
        attempt: u32,
        intent: &str,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let (id_bytes, intent) = (wire::id(id.to_bytes()), intent.to_owned());
        let kind = Kind::AttachIntent(v1::AttachIntent { booking: id_bytes, attempt, intent });
        self.write(id.slot(), principal, key, kind, done).await
    }

    pub async fn confirm_payment(
        &self,
        id: BookingId,
        attempt: u32,
        intent: &str,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Confirmed>, Error> {
        let (id_bytes, intent) = (wire::id(id.to_bytes()), intent.to_owned());
        let kind = Kind::ConfirmPayment(v1::ConfirmPayment { booking: id_bytes, attempt, intent });
        self.write(id.slot(), principal, key, kind, confirmed).await
    }

    pub async fn fail_payment(
        &self,
        id: BookingId,
        attempt: u32,
        reason: &str,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Booking>, Error> {
        let (id_bytes, reason) = (wire::id(id.to_bytes()), reason.to_owned());
        let kind = Kind::FailPayment(v1::FailPayment { booking: id_bytes, attempt, reason });
        self.write(id.slot(), principal, key, kind, booking).await
    }

    /// `user` is made by [`crate::key::user_id_for_email`], so that one shard decides who has an address.
    pub async fn register_user(
        &self,
        user: UserId,
        doc: User,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let doc = User { email: crate::key::normal_email(&doc.email), ..doc };
        let doc = Some(wire::user_out(doc));
        let kind = Kind::RegisterUser(v1::RegisterUser { user: wire::id(user.to_bytes()), doc });
        self.write(user.slot(), principal, key, kind, done).await
    }

    pub async fn update_user(
        &self,
        user: UserId,
        patch: UserPatch,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let kind = Kind::UpdateUser(wire::user_patch_out(user, patch));
        self.write(user.slot(), principal, key, kind, done).await
    }

    pub(crate) async fn write<T>(
        &self,
        slot: Slot,
        principal: UserId,
        key: RequestKey,
        kind: Kind,
        read: fn(Reply) -> Result<T, Unreadable>,
    ) -> Result<Answered<T>, Error> {
        let (body, at) = self.call(slot, wire::command(principal, key, kind)).await?;
        let reply = match body {
            v1::answer::Body::Reply(v1::Reply { kind: Some(reply) }) => read(reply),
            v1::answer::Body::Reply(v1::Reply { kind: None })
            | v1::answer::Body::Result(_)
            | v1::answer::Body::Refusal(_)
            | v1::answer::Body::Retry(_) => Err(Unreadable("reply")),
        };
        match reply {
            Ok(value) => Ok(Answered { value, at }),
            Err(error) => {
                // The command was sent, and what became of it can't be told.
                tracing::error!(%error, "reply to a command");
                Err(Error::Unknown)
            }
        }
    }
}

fn too_long() -> Error {
    Error::unavailable("a seat map of more parts than can be counted")
}

#[expect(clippy::unnecessary_wraps, reason = "one of the ways to read a reply")]
pub(crate) fn done(_reply: Reply) -> Result<(), Unreadable> {
    Ok(())
}

pub(crate) fn booking(reply: Reply) -> Result<Booking, Unreadable> {
    match reply {
        Reply::Booking(view) => wire::booking(view),
        Reply::PaymentBegun(v1::PaymentBegun { booking: Some(view), .. })
        | Reply::RefundDue(v1::RefundDue { booking: Some(view) })
        | Reply::Refund(v1::RefundDecided { booking: Some(view), .. }) => wire::booking(view),
        Reply::PaymentBegun(_)
        | Reply::RefundDue(_)
        | Reply::Refund(_)
        | Reply::Done(_)
        | Reply::QueuePlace(_)
        | Reply::Tended(_)
        | Reply::Waiter(_)
        | Reply::Session(_)
        | Reply::Scans(_)
        | Reply::Consumer(_)
        | Reply::Expired(_) => Err(Unreadable("reply without its booking")),
    }
}

fn begun(reply: Reply) -> Result<PaymentBegun, Unreadable> {
    match reply {
        Reply::PaymentBegun(v1::PaymentBegun { booking: Some(view), attempt }) => {
            Ok(PaymentBegun { booking: wire::booking(view)?, attempt })
        }
        // Paid for already.
        Reply::Booking(view) => {
            let booking = wire::booking(view)?;
            Ok(PaymentBegun { attempt: booking.attempt, booking })
        }
        Reply::PaymentBegun(_)
        | Reply::RefundDue(_)
        | Reply::Refund(_)
        | Reply::Done(_)
        | Reply::QueuePlace(_)
        | Reply::Tended(_)
        | Reply::Waiter(_)
        | Reply::Session(_)
        | Reply::Scans(_)
        | Reply::Consumer(_)
        | Reply::Expired(_) => Err(Unreadable("reply to the begin of a payment")),
    }
}

fn confirmed(reply: Reply) -> Result<Confirmed, Unreadable> {
    match reply {
        Reply::Booking(view) => Ok(Confirmed::Sold(wire::booking(view)?)),
        Reply::RefundDue(v1::RefundDue { booking: Some(view) }) => {
            Ok(Confirmed::RefundDue(wire::booking(view)?))
        }
        Reply::RefundDue(_)
        | Reply::PaymentBegun(_)
        | Reply::Refund(_)
        | Reply::Done(_)
        | Reply::QueuePlace(_)
        | Reply::Tended(_)
        | Reply::Waiter(_)
        | Reply::Session(_)
        | Reply::Scans(_)
        | Reply::Consumer(_)
        | Reply::Expired(_) => Err(Unreadable("reply to a payment's confirmation")),
    }
}
