//! State records: many bookings, seats or refusals in one value.

use std::collections::BTreeMap;
use std::sync::Arc;

use bincode::{Decode, Encode};
use rowlock_proto::ids::{BookingId, EventId, RequestKey, UserId};

use super::text::{
    EventSpecV1, RefusalV1, UserV1, VenueV1, booking_state, booking_state_number, event_state,
    event_state_number,
};
use super::{Error, decode, encode};
use crate::inventory::event::Remembered;
use crate::inventory::{
    AreaLine, Booking, BookingTerms, EventSpec, EventState, Extras, Payment, Redeemed, Refund,
    Ticket, User, Venue,
};

/// Clock, revision, and how many events each slot has numbered.
#[derive(Debug)]
pub struct ShardRecord {
    pub clock_ms: u64,
    pub revision: u64,
    pub events_created: Vec<(u16, u32)>,
}

impl ShardRecord {
    pub fn encode(&self) -> Vec<u8> {
        encode((self.clock_ms, self.revision, &self.events_created), 64)
    }
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let (clock_ms, revision, events_created) = decode(bytes)?;
        Ok(Self { clock_ms, revision, events_created })
    }
}

/// One part of a seat map, and how many there are.
#[derive(Debug)]
pub struct MapPartRecord {
    pub parts: u32,
    pub data: Vec<u8>,
}

impl MapPartRecord {
    pub fn encode(parts: u32, data: &[u8]) -> Vec<u8> {
        encode((parts, data), data.len() + 16)
    }
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let (parts, data) = decode(bytes)?;
        Ok(Self { parts, data })
    }
}

#[derive(Debug)]
pub struct VenueRecord;

impl VenueRecord {
    pub fn encode(venue: &Venue) -> Vec<u8> {
        encode(VenueV1::from(venue), 256)
    }
    pub fn decode(bytes: &[u8]) -> Result<Venue, Error> {
        decode::<VenueV1>(bytes).map(Into::into)
    }
}

#[derive(Debug)]
pub struct UserRecord;

impl UserRecord {
    pub fn encode(user: &User) -> Vec<u8> {
        encode(UserV1::from(user), 256)
    }
    pub fn decode(bytes: &[u8]) -> Result<User, Error> {
        decode::<UserV1>(bytes).map(Into::into)
    }
}

/// An event without its seats and bookings.
#[derive(Debug)]
pub struct EventRecord {
    pub event: EventId,
    pub spec: EventSpec,
    pub state: EventState,
    pub created_ms: u64,
    pub revision: u64,
    pub refusals_from: u64,
}

#[derive(Encode, Decode)]
struct EventRecordV1 {
    event: [u8; 16],
    spec: EventSpecV1,
    state: u8,
    created_ms: u64,
    revision: u64,
    refusals_from: u64,
}

impl EventRecord {
    pub fn encode(&self) -> Vec<u8> {
        let stored = EventRecordV1 {
            event: self.event.to_bytes(),
            spec: (&self.spec).into(),
            state: event_state_number(self.state),
            created_ms: self.created_ms,
            revision: self.revision,
            refusals_from: self.refusals_from,
        };
        encode(stored, 512)
    }
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let stored: EventRecordV1 = decode(bytes)?;
        Ok(Self {
            event: EventId::from_bytes(stored.event),
            spec: stored.spec.into(),
            state: event_state(stored.state)?,
            created_ms: stored.created_ms,
            revision: stored.revision,
            refusals_from: stored.refusals_from,
        })
    }
}

/// Owners of neighbouring seats: booking numbers, 0 for available ones.
#[derive(Debug)]
pub struct BlockOfSeats;

impl BlockOfSeats {
    pub fn encode(owners: &[u32]) -> Vec<u8> {
        encode(owners, owners.len() * 3 + 8)
    }
    pub fn decode(bytes: &[u8]) -> Result<Vec<u32>, Error> {
        decode(bytes)
    }
}

#[derive(Encode, Decode)]
struct BookingV1 {
    id: [u8; 16],
    user: [u8; 16],
    state: u8,
    seats: Vec<u32>,
    prices: Vec<u64>,
    key: [u8; 16],
    fingerprint: u64,
    index: u64,
    created_ms: u64,
    expires_ms: u64,
    payment: Option<PaymentV1>,
}

#[derive(Encode, Decode)]
struct PaymentV1 {
    attempt: u32,
    begun_key: [u8; 16],
    begun_index: u64,
    deadline_ms: u64,
    intent: String,
    confirmed_ms: u64,
    decline_reason: String,
}

impl From<&Booking> for BookingV1 {
    fn from(booking: &Booking) -> Self {
        Self {
            id: booking.id.to_bytes(),
            user: booking.user.to_bytes(),
            state: booking_state_number(booking.state),
            seats: booking.seats.to_vec(),
            prices: booking.prices.to_vec(),
            key: booking.key.to_bytes(),
            fingerprint: booking.fingerprint,
            index: booking.index,
            created_ms: booking.created_ms,
            expires_ms: booking.expires_ms,
            payment: booking.payment.as_deref().map(|payment| PaymentV1 {
                attempt: payment.attempt,
                begun_key: payment.begun_key.to_bytes(),
                begun_index: payment.begun_index,
                deadline_ms: payment.deadline_ms,
                intent: payment.intent.clone(),
                confirmed_ms: payment.confirmed_ms,
                decline_reason: payment.decline_reason.clone(),
            }),
        }
    }
}

impl TryFrom<BookingV1> for Booking {
    type Error = Error;
    fn try_from(stored: BookingV1) -> Result<Self, Error> {
        Ok(Self {
            id: BookingId::from_bytes(stored.id),
            user: UserId::from_bytes(stored.user),
            state: booking_state(stored.state)?,
            seats: stored.seats.into(),
            prices: stored.prices.into(),
            key: RequestKey::from_bytes(stored.key),
            fingerprint: stored.fingerprint,
            index: stored.index,
            created_ms: stored.created_ms,
            expires_ms: stored.expires_ms,
            terms: BookingTerms::default(),
            payment: stored.payment.map(|payment| {
                Box::new(Payment {
                    attempt: payment.attempt,
                    begun_key: RequestKey::from_bytes(payment.begun_key),
                    begun_index: payment.begun_index,
                    deadline_ms: payment.deadline_ms,
                    intent: payment.intent,
                    confirmed_ms: payment.confirmed_ms,
                    decline_reason: payment.decline_reason,
                })
            }),
            extras: None,
            money: None,
        })
    }
}

/// Bookings with neighbouring numbers.
#[derive(Debug)]
pub struct BlockOfBookings;

impl BlockOfBookings {
    pub fn encode(bookings: &[Booking]) -> Vec<u8> {
        let stored: Vec<BookingV1> = bookings.iter().map(Into::into).collect();
        encode(stored, bookings.len() * 96 + 8)
    }
    pub fn decode(bytes: &[u8]) -> Result<Vec<Booking>, Error> {
        decode::<Vec<BookingV1>>(bytes)?.into_iter().map(TryInto::try_into).collect()
    }
}

/// Seats that are not for sale, gathered by reason.
#[derive(Debug)]
pub struct BlockedSeats;

impl BlockedSeats {
    pub fn encode(blocked: &BTreeMap<u32, Arc<str>>) -> Vec<u8> {
        let mut by_reason: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for (&seat, reason) in blocked {
            by_reason.entry(reason).or_default().push(seat);
        }
        encode(by_reason.into_iter().collect::<Vec<_>>(), blocked.len() * 4 + 64)
    }
    pub fn decode(bytes: &[u8]) -> Result<BTreeMap<u32, Arc<str>>, Error> {
        let by_reason: Vec<(String, Vec<u32>)> = decode(bytes)?;
        let seats = by_reason.into_iter().flat_map(|(reason, seats)| {
            let reason: Arc<str> = reason.into();
            seats.into_iter().map(move |seat| (seat, Arc::clone(&reason)))
        });
        Ok(seats.collect())
    }
}

#[derive(Encode, Decode)]
struct ExtrasV1 {
    areas: Vec<(u16, u32, u64)>,
    gone: Vec<u32>,
    extended_from_ms: u64,
    charged: u64,
    refunds: Vec<RefundV1>,
    tickets: Vec<(u32, TicketV1)>,
}

#[derive(Encode, Decode)]
struct RefundV1 {
    key: [u8; 16],
    amount: u64,
    decided_ms: u64,
    reason: String,
    reference: String,
}

#[derive(Encode, Decode)]
struct TicketV1 {
    holder: Option<[u8; 16]>,
    version: u32,
    /// Door, time, and the key of the scan.
    redeemed: Option<(String, u64, [u8; 16])>,
}

impl From<&Extras> for ExtrasV1 {
    fn from(extras: &Extras) -> Self {
        let refund = |refund: &Refund| RefundV1 {
            key: refund.key.to_bytes(),
            amount: refund.amount,
            decided_ms: refund.decided_ms,
            reason: refund.reason.clone(),
            reference: refund.reference.clone(),
        };
        let ticket = |ticket: &Ticket| TicketV1 {
            holder: ticket.holder.map(UserId::to_bytes),
            version: ticket.version,
            redeemed: ticket
                .redeemed
                .as_ref()
                .map(|Redeemed { door, at_ms, key }| (door.clone(), *at_ms, key.to_bytes())),
        };
        Self {
            areas: extras.areas.iter().map(|line| (line.area, line.count, line.price)).collect(),
            gone: extras.gone.clone(),
            extended_from_ms: extras.extended_from_ms,
            charged: extras.charged,
            refunds: extras.refunds.iter().map(refund).collect(),
            tickets: extras.tickets.iter().map(|(&place, it)| (place, ticket(it))).collect(),
        }
    }
}

impl From<ExtrasV1> for Extras {
    fn from(stored: ExtrasV1) -> Self {
        let refund = |refund: RefundV1| Refund {
            key: RequestKey::from_bytes(refund.key),
            amount: refund.amount,
            decided_ms: refund.decided_ms,
            reason: refund.reason,
            reference: refund.reference,
        };
        let ticket = |ticket: TicketV1| Ticket {
            holder: ticket.holder.map(UserId::from_bytes),
            version: ticket.version,
            redeemed: ticket.redeemed.map(|(door, at_ms, key)| Redeemed {
                door,
                at_ms,
                key: RequestKey::from_bytes(key),
            }),
        };
        let line = |(area, count, price)| AreaLine { area, count, price };
        Self {
            areas: stored.areas.into_iter().map(line).collect(),
            gone: stored.gone,
            extended_from_ms: stored.extended_from_ms,
            charged: stored.charged,
            refunds: stored.refunds.into_iter().map(refund).collect(),
            tickets: stored.tickets.into_iter().map(|(place, it)| (place, ticket(it))).collect(),
        }
    }
}

/// What some of the bookings of one block have besides, by their place in the block.
#[derive(Debug)]
pub struct BlockOfExtras;

impl BlockOfExtras {
    pub fn encode<'a>(extras: impl Iterator<Item = Option<&'a Extras>>) -> Vec<u8> {
        let some =
            (0_u16..).zip(extras).filter_map(|(place, it)| Some((place, ExtrasV1::from(it?))));
        encode(some.collect::<Vec<_>>(), 256)
    }
    pub fn decode(bytes: &[u8]) -> Result<Vec<(u16, Extras)>, Error> {
        let stored: Vec<(u16, ExtrasV1)> = decode(bytes)?;
        Ok(stored.into_iter().map(|(place, extras)| (place, extras.into())).collect())
    }
}

#[derive(Encode, Decode)]
struct RememberedV1 {
    user: [u8; 16],
    key: [u8; 16],
    fingerprint: u64,
    index: u64,
    at_ms: u64,
    refusal: RefusalV1,
}

/// Remembered refusals with neighbouring numbers, and the number of the first.
#[derive(Debug)]
pub struct BlockOfRefusals;

impl BlockOfRefusals {
    pub fn encode<'a>(first: u64, refusals: impl Iterator<Item = &'a Remembered>) -> Vec<u8> {
        let stored: Vec<RememberedV1> = refusals
            .map(|remembered| RememberedV1 {
                user: remembered.user.to_bytes(),
                key: remembered.key.to_bytes(),
                fingerprint: remembered.fingerprint,
                index: remembered.index,
                at_ms: remembered.at_ms,
                refusal: (&remembered.refusal).into(),
            })
            .collect();
        encode((first, stored), 4096)
    }
    pub fn decode(bytes: &[u8]) -> Result<(u64, Vec<Remembered>), Error> {
        let (first, stored): (u64, Vec<RememberedV1>) = decode(bytes)?;
        let refusals = stored.into_iter().map(|stored| {
            Ok(Remembered {
                user: UserId::from_bytes(stored.user),
                key: RequestKey::from_bytes(stored.key),
                fingerprint: stored.fingerprint,
                index: stored.index,
                at_ms: stored.at_ms,
                refusal: stored.refusal.try_into()?,
            })
        });
        Ok((first, refusals.collect::<Result<_, Error>>()?))
    }
}
