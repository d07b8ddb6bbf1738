//! Changes, as the feed keeps them.

use bincode::{Decode, Encode};
use rowlock_proto::ids::{BookingId, EventId, RequestKey, SeatMapHash, UserId, VenueId};

use super::consumers::ConsumerChangeV1;
use super::door::DoorChangeV1;
use super::money::MoneyChangeV1;
use super::queue::QueueChangeV1;
use super::terms::TermsChangeV1;
use super::text::{booking_state, booking_state_number, event_state, event_state_number};
use super::waitlist::WaitlistChangeV1;
use super::{Error, FORMAT_VERSION, body, decode_front, encode_onto};
use crate::inventory::{Change, ChangeKind, CommandCode, Returned};

/// Bytes of an average change.
const CHANGE_BYTES: usize = 128;

#[derive(Encode, Decode)]
struct ChangeV1 {
    revision: u64,
    index: u64,
    time_ms: u64,
    principal: [u8; 16],
    kind: ChangeKindV1,
}

type ReturnedV1 = ([u8; 16], [u8; 16], Vec<u32>, u8);

/// The order of the variants is the format.
#[derive(Encode, Decode)]
enum ChangeKindV1 {
    EventChanged([u8; 16], u8),
    SeatsHeld([u8; 16], [u8; 16], [u8; 16], Vec<u32>, u64),
    SeatsReturned(ReturnedV1),
    HoldsExpired(Vec<ReturnedV1>),
    PaymentStarted([u8; 16], u32, u64),
    IntentAttached([u8; 16], u32, String),
    PaymentFailed([u8; 16], u32, String),
    SeatsSold([u8; 16], [u8; 16], [u8; 16], Vec<u32>, u64, String),
    RefundOwed([u8; 16], String, u64),
    VenuePut([u8; 16]),
    UserChanged([u8; 16]),
    SeatMapSealed([u8; 32], u32),
    PlacesChanged([u8; 16], [u8; 16], Vec<(u16, u32)>, u8),
    HoldExtended([u8; 16], u64),
    SeatsBlocked([u8; 16], Vec<u32>, String),
    SeatsUnblocked([u8; 16], Vec<u32>),
    PlacesRefunded([u8; 16], u32, Vec<u32>, u64),
    RefundSettled([u8; 16], u32, String),
    TicketTransferred([u8; 16], u32, [u8; 16], u32),
    TicketRedeemed([u8; 16], u32, String),
    TicketUnredeemed([u8; 16], u32),
    Queue([u8; 16], QueueChangeV1),
    Door(DoorChangeV1),
    Money(MoneyChangeV1),
    Consumer(ConsumerChangeV1),
    Waitlist(WaitlistChangeV1),
    Terms([u8; 16], TermsChangeV1),
}

fn store_returned(returned: &Returned) -> ReturnedV1 {
    let Returned { event, booking, seats, state } = returned;
    (event.to_bytes(), booking.to_bytes(), seats.clone(), booking_state_number(*state))
}

fn read_returned((event, booking, seats, state): ReturnedV1) -> Result<Returned, Error> {
    Ok(Returned {
        event: EventId::from_bytes(event),
        booking: BookingId::from_bytes(booking),
        seats,
        state: booking_state(state)?,
    })
}

impl From<&ChangeKind> for ChangeKindV1 {
    fn from(kind: &ChangeKind) -> Self {
        match kind {
            ChangeKind::EventChanged { event, state } => {
                Self::EventChanged(event.to_bytes(), event_state_number(*state))
            }
            ChangeKind::SeatsHeld { event, booking, user, seats, expires_ms } => Self::SeatsHeld(
                event.to_bytes(),
                booking.to_bytes(),
                user.to_bytes(),
                seats.clone(),
                *expires_ms,
            ),
            ChangeKind::SeatsReturned(returned) => Self::SeatsReturned(store_returned(returned)),
            ChangeKind::HoldsExpired { holds } => {
                Self::HoldsExpired(holds.iter().map(store_returned).collect())
            }
            ChangeKind::PaymentStarted { booking, attempt, amount } => {
                Self::PaymentStarted(booking.to_bytes(), *attempt, *amount)
            }
            ChangeKind::IntentAttached { booking, attempt, intent } => {
                Self::IntentAttached(booking.to_bytes(), *attempt, intent.clone())
            }
            ChangeKind::PaymentFailed { booking, attempt, reason } => {
                Self::PaymentFailed(booking.to_bytes(), *attempt, reason.clone())
            }
            ChangeKind::SeatsSold { event, booking, user, seats, amount, intent } => {
                Self::SeatsSold(
                    event.to_bytes(),
                    booking.to_bytes(),
                    user.to_bytes(),
                    seats.clone(),
                    *amount,
                    intent.clone(),
                )
            }
            ChangeKind::RefundOwed { booking, intent, amount } => {
                Self::RefundOwed(booking.to_bytes(), intent.clone(), *amount)
            }
            ChangeKind::VenuePut { venue } => Self::VenuePut(venue.to_bytes()),
            ChangeKind::UserChanged { user } => Self::UserChanged(user.to_bytes()),
            ChangeKind::SeatMapSealed { map, seats } => Self::SeatMapSealed(map.0, *seats),
            ChangeKind::PlacesChanged { event, booking, areas, state } => Self::PlacesChanged(
                event.to_bytes(),
                booking.to_bytes(),
                areas.clone(),
                booking_state_number(*state),
            ),
            ChangeKind::HoldExtended { booking, expires_ms } => {
                Self::HoldExtended(booking.to_bytes(), *expires_ms)
            }
            ChangeKind::SeatsBlocked { event, seats, reason } => {
                Self::SeatsBlocked(event.to_bytes(), seats.clone(), reason.clone())
            }
            ChangeKind::SeatsUnblocked { event, seats } => {
                Self::SeatsUnblocked(event.to_bytes(), seats.clone())
            }
            ChangeKind::PlacesRefunded { booking, refund, places, amount } => {
                Self::PlacesRefunded(booking.to_bytes(), *refund, places.clone(), *amount)
            }
            ChangeKind::RefundSettled { booking, refund, reference } => {
                Self::RefundSettled(booking.to_bytes(), *refund, reference.clone())
            }
            ChangeKind::TicketTransferred { booking, place, to, version } => {
                Self::TicketTransferred(booking.to_bytes(), *place, to.to_bytes(), *version)
            }
            ChangeKind::TicketRedeemed { booking, place, door } => {
                Self::TicketRedeemed(booking.to_bytes(), *place, door.clone())
            }
            ChangeKind::TicketUnredeemed { booking, place } => {
                Self::TicketUnredeemed(booking.to_bytes(), *place)
            }
            ChangeKind::Queue { event, change } => Self::Queue(event.to_bytes(), change.into()),
            ChangeKind::Door(change) => Self::Door(change.into()),
            ChangeKind::Money(change) => Self::Money(change.into()),
            ChangeKind::Consumer(change) => Self::Consumer(change.into()),
            ChangeKind::Waitlist(change) => Self::Waitlist(change.into()),
            ChangeKind::Terms { event, change } => Self::Terms(event.to_bytes(), change.into()),
        }
    }
}

impl TryFrom<ChangeKindV1> for ChangeKind {
    type Error = Error;
    fn try_from(stored: ChangeKindV1) -> Result<Self, Error> {
        Ok(match stored {
            ChangeKindV1::EventChanged(event, state) => {
                Self::EventChanged { event: EventId::from_bytes(event), state: event_state(state)? }
            }
            ChangeKindV1::SeatsHeld(event, booking, user, seats, expires_ms) => Self::SeatsHeld {
                event: EventId::from_bytes(event),
                booking: BookingId::from_bytes(booking),
                user: UserId::from_bytes(user),
                seats,
                expires_ms,
            },
            ChangeKindV1::SeatsReturned(returned) => Self::SeatsReturned(read_returned(returned)?),
            ChangeKindV1::HoldsExpired(holds) => Self::HoldsExpired {
                holds: holds.into_iter().map(read_returned).collect::<Result<_, _>>()?,
            },
            ChangeKindV1::PaymentStarted(booking, attempt, amount) => {
                Self::PaymentStarted { booking: BookingId::from_bytes(booking), attempt, amount }
            }
            ChangeKindV1::IntentAttached(booking, attempt, intent) => {
                Self::IntentAttached { booking: BookingId::from_bytes(booking), attempt, intent }
            }
            ChangeKindV1::PaymentFailed(booking, attempt, reason) => {
                Self::PaymentFailed { booking: BookingId::from_bytes(booking), attempt, reason }
            }
            ChangeKindV1::SeatsSold(event, booking, user, seats, amount, intent) => {
                Self::SeatsSold {
                    event: EventId::from_bytes(event),
                    booking: BookingId::from_bytes(booking),
                    user: UserId::from_bytes(user),
                    seats,
                    amount,
                    intent,
                }
            }
            ChangeKindV1::RefundOwed(booking, intent, amount) => {
                Self::RefundOwed { booking: BookingId::from_bytes(booking), intent, amount }
            }
            ChangeKindV1::VenuePut(venue) => Self::VenuePut { venue: VenueId::from_bytes(venue) },
            ChangeKindV1::UserChanged(user) => Self::UserChanged { user: UserId::from_bytes(user) },
            ChangeKindV1::SeatMapSealed(map, seats) => {
                Self::SeatMapSealed { map: SeatMapHash(map), seats }
            }
            ChangeKindV1::PlacesChanged(event, booking, areas, state) => Self::PlacesChanged {
                event: EventId::from_bytes(event),
                booking: BookingId::from_bytes(booking),
                areas,
                state: booking_state(state)?,
            },
            ChangeKindV1::HoldExtended(booking, expires_ms) => {
                Self::HoldExtended { booking: BookingId::from_bytes(booking), expires_ms }
            }
            ChangeKindV1::SeatsBlocked(event, seats, reason) => {
                Self::SeatsBlocked { event: EventId::from_bytes(event), seats, reason }
            }
            ChangeKindV1::SeatsUnblocked(event, seats) => {
                Self::SeatsUnblocked { event: EventId::from_bytes(event), seats }
            }
            ChangeKindV1::PlacesRefunded(booking, refund, places, amount) => Self::PlacesRefunded {
                booking: BookingId::from_bytes(booking),
                refund,
                places,
                amount,
            },
            ChangeKindV1::RefundSettled(booking, refund, reference) => {
                Self::RefundSettled { booking: BookingId::from_bytes(booking), refund, reference }
            }
            ChangeKindV1::TicketTransferred(booking, place, to, version) => {
                Self::TicketTransferred {
                    booking: BookingId::from_bytes(booking),
                    place,
                    to: UserId::from_bytes(to),
                    version,
                }
            }
            ChangeKindV1::TicketRedeemed(booking, place, door) => {
                Self::TicketRedeemed { booking: BookingId::from_bytes(booking), place, door }
            }
            ChangeKindV1::TicketUnredeemed(booking, place) => {
                Self::TicketUnredeemed { booking: BookingId::from_bytes(booking), place }
            }
            ChangeKindV1::Queue(event, change) => {
                let event = EventId::from_bytes(event);
                Self::Queue { event, change: change.try_into()? }
            }
            ChangeKindV1::Door(change) => Self::Door(change.into()),
            ChangeKindV1::Money(change) => Self::Money(change.into()),
            ChangeKindV1::Consumer(change) => Self::Consumer(change.into()),
            ChangeKindV1::Waitlist(change) => Self::Waitlist(change.into()),
            ChangeKindV1::Terms(event, change) => {
                Self::Terms { event: EventId::from_bytes(event), change: change.into() }
            }
        })
    }
}

/// `version:u8 count`, then the changes, without their commands: see `row.rs`.
pub fn encode_changes<'a>(changes: impl ExactSizeIterator<Item = &'a Change>) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + changes.len() * CHANGE_BYTES);
    out.push(FORMAT_VERSION);
    encode_onto(&mut out, changes.len() as u64);
    for change in changes {
        let stored = ChangeV1 {
            revision: change.revision,
            index: change.index,
            time_ms: change.time_ms,
            principal: change.principal.to_bytes(),
            kind: (&change.kind).into(),
        };
        encode_onto(&mut out, stored);
    }
    out
}

pub fn decode_changes(bytes: &[u8]) -> Result<Vec<Change>, Error> {
    let mut rest = body(bytes)?;
    let count: u64 = decode_front(&mut rest)?;
    let mut changes = Vec::new();
    while !rest.is_empty() {
        let stored: ChangeV1 = decode_front(&mut rest)?;
        changes.push(Change {
            revision: stored.revision,
            index: stored.index,
            time_ms: stored.time_ms,
            principal: UserId::from_bytes(stored.principal),
            command: CommandCode::default(),
            key: RequestKey(0),
            kind: stored.kind.try_into()?,
        });
    }
    if changes.len() as u64 == count { Ok(changes) } else { Err(Error::TrailingBytes) }
}
