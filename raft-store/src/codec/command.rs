//! Batches of commands, as log entries carry them, and changes, as the feed keeps them.

use bincode::{Decode, Encode};
use bytes::Bytes;
use rowlock_proto::ids::{BookingId, EventId, RequestKey, SeatMapHash, UserId, VenueId};

use super::text::{
    EventPatchV1, EventSpecV1, UserPatchV1, UserV1, VenueV1, booking_state, booking_state_number,
    event_state, event_state_number,
};
use super::{Error, FORMAT_VERSION, body, decode_front, encode_onto};
use crate::inventory::{
    Batch, Cart, Change, ChangeKind, Command, CommandKind, RefundOrder, Returned, Together, Wanted,
};

/// Bytes of an average command: a two-seat hold.
const COMMAND_BYTES: usize = 64;

#[derive(Encode, Decode)]
struct CommandV1 {
    principal: [u8; 16],
    key: [u8; 16],
    kind: KindV1,
}

/// The order of the variants is the format.
#[derive(Encode, Decode)]
enum KindV1 {
    HoldSeats { event: [u8; 16], seats: Vec<u32> },
    ReleaseHold { booking: [u8; 16] },
    BeginPayment { booking: [u8; 16], amount: u64 },
    AttachIntent { booking: [u8; 16], attempt: u32, intent: String },
    ConfirmPayment { booking: [u8; 16], attempt: u32, intent: String },
    FailPayment { booking: [u8; 16], attempt: u32, reason: String },
    ExpireDue { max: u32 },
    PutSeatMapPart { map: [u8; 32], part: u32, parts: u32, data: Vec<u8> },
    PutVenue { venue: [u8; 16], doc: VenueV1 },
    CreateEvent { event: [u8; 16], spec: EventSpecV1 },
    UpdateEvent { event: [u8; 16], patch: EventPatchV1 },
    PublishEvent { event: [u8; 16] },
    CancelEvent { event: [u8; 16] },
    RegisterUser { user: [u8; 16], doc: UserV1 },
    UpdateUser { user: [u8; 16], patch: UserPatchV1 },
    Checksum { nonce: u64 },
    HoldCart { event: [u8; 16], cart: CartV1 },
    ExtendHold { booking: [u8; 16] },
    ReleasePlaces { booking: [u8; 16], places: Vec<u32> },
    BlockSeats { event: [u8; 16], seats: Vec<u32>, reason: String },
    UnblockSeats { event: [u8; 16], seats: Vec<u32> },
    RefundPlaces { booking: [u8; 16], places: Vec<u32>, reason: String, block: bool },
    SettleRefund { booking: [u8; 16], refund: u32, reference: String },
    TransferTicket { booking: [u8; 16], place: u32, version: u32, to: [u8; 16] },
    RedeemTicket { booking: [u8; 16], place: u32, version: u32, door: String },
    UnredeemTicket { booking: [u8; 16], place: u32 },
}

#[derive(Encode, Decode)]
struct CartV1 {
    seats: Vec<u32>,
    best: Option<WantedV1>,
    areas: Vec<(u16, u32)>,
}

#[derive(Encode, Decode)]
struct WantedV1 {
    quantity: u32,
    categories: Vec<u8>,
    sections: Vec<u16>,
    price_max: Option<u64>,
    together: TogetherV1,
    accessible: bool,
}

/// The order of the variants is the format.
#[derive(Encode, Decode)]
enum TogetherV1 {
    Preferred,
    SameRow,
    Adjacent,
}

impl From<&Cart> for CartV1 {
    fn from(cart: &Cart) -> Self {
        let wanted = |wanted: &Wanted| WantedV1 {
            quantity: wanted.quantity,
            categories: wanted.categories.clone(),
            sections: wanted.sections.clone(),
            price_max: wanted.price_max,
            together: match wanted.together {
                Together::Preferred => TogetherV1::Preferred,
                Together::SameRow => TogetherV1::SameRow,
                Together::Adjacent => TogetherV1::Adjacent,
            },
            accessible: wanted.accessible,
        };
        Self {
            seats: cart.seats.clone(),
            best: cart.best.as_ref().map(wanted),
            areas: cart.areas.clone(),
        }
    }
}

impl From<CartV1> for Cart {
    fn from(stored: CartV1) -> Self {
        let wanted = |wanted: WantedV1| Wanted {
            quantity: wanted.quantity,
            categories: wanted.categories,
            sections: wanted.sections,
            price_max: wanted.price_max,
            together: match wanted.together {
                TogetherV1::Preferred => Together::Preferred,
                TogetherV1::SameRow => Together::SameRow,
                TogetherV1::Adjacent => Together::Adjacent,
            },
            accessible: wanted.accessible,
        };
        Self { seats: stored.seats, best: stored.best.map(wanted), areas: stored.areas }
    }
}

impl From<&CommandKind> for KindV1 {
    fn from(kind: &CommandKind) -> Self {
        match kind {
            CommandKind::HoldSeats { event, seats } => {
                Self::HoldSeats { event: event.to_bytes(), seats: seats.clone() }
            }
            CommandKind::ReleaseHold { booking } => {
                Self::ReleaseHold { booking: booking.to_bytes() }
            }
            CommandKind::BeginPayment { booking, amount } => {
                Self::BeginPayment { booking: booking.to_bytes(), amount: *amount }
            }
            CommandKind::AttachIntent { booking, attempt, intent } => Self::AttachIntent {
                booking: booking.to_bytes(),
                attempt: *attempt,
                intent: intent.clone(),
            },
            CommandKind::ConfirmPayment { booking, attempt, intent } => Self::ConfirmPayment {
                booking: booking.to_bytes(),
                attempt: *attempt,
                intent: intent.clone(),
            },
            CommandKind::FailPayment { booking, attempt, reason } => Self::FailPayment {
                booking: booking.to_bytes(),
                attempt: *attempt,
                reason: reason.clone(),
            },
            CommandKind::ExpireDue { max } => Self::ExpireDue { max: *max },
            CommandKind::PutSeatMapPart { map, part, parts, data } => {
                Self::PutSeatMapPart { map: map.0, part: *part, parts: *parts, data: data.clone() }
            }
            CommandKind::PutVenue { venue, doc } => {
                Self::PutVenue { venue: venue.to_bytes(), doc: doc.as_ref().into() }
            }
            CommandKind::CreateEvent { event, spec } => {
                Self::CreateEvent { event: event.to_bytes(), spec: spec.as_ref().into() }
            }
            CommandKind::UpdateEvent { event, patch } => {
                Self::UpdateEvent { event: event.to_bytes(), patch: patch.as_ref().into() }
            }
            CommandKind::PublishEvent { event } => Self::PublishEvent { event: event.to_bytes() },
            CommandKind::CancelEvent { event } => Self::CancelEvent { event: event.to_bytes() },
            CommandKind::RegisterUser { user, doc } => {
                Self::RegisterUser { user: user.to_bytes(), doc: doc.as_ref().into() }
            }
            CommandKind::UpdateUser { user, patch } => {
                Self::UpdateUser { user: user.to_bytes(), patch: patch.as_ref().into() }
            }
            CommandKind::Checksum { nonce } => Self::Checksum { nonce: *nonce },
            CommandKind::HoldCart { event, cart } => {
                Self::HoldCart { event: event.to_bytes(), cart: cart.as_ref().into() }
            }
            CommandKind::ExtendHold { booking } => Self::ExtendHold { booking: booking.to_bytes() },
            CommandKind::ReleasePlaces { booking, places } => {
                Self::ReleasePlaces { booking: booking.to_bytes(), places: places.clone() }
            }
            CommandKind::BlockSeats { event, seats, reason } => Self::BlockSeats {
                event: event.to_bytes(),
                seats: seats.clone(),
                reason: reason.clone(),
            },
            CommandKind::UnblockSeats { event, seats } => {
                Self::UnblockSeats { event: event.to_bytes(), seats: seats.clone() }
            }
            CommandKind::RefundPlaces { booking, refund } => Self::RefundPlaces {
                booking: booking.to_bytes(),
                places: refund.places.clone(),
                reason: refund.reason.clone(),
                block: refund.block,
            },
            CommandKind::SettleRefund { booking, refund, reference } => Self::SettleRefund {
                booking: booking.to_bytes(),
                refund: *refund,
                reference: reference.clone(),
            },
            CommandKind::TransferTicket { booking, place, version, to } => Self::TransferTicket {
                booking: booking.to_bytes(),
                place: *place,
                version: *version,
                to: to.to_bytes(),
            },
            CommandKind::RedeemTicket { booking, place, version, door } => Self::RedeemTicket {
                booking: booking.to_bytes(),
                place: *place,
                version: *version,
                door: door.clone(),
            },
            CommandKind::UnredeemTicket { booking, place } => {
                Self::UnredeemTicket { booking: booking.to_bytes(), place: *place }
            }
        }
    }
}

impl From<KindV1> for CommandKind {
    fn from(kind: KindV1) -> Self {
        match kind {
            KindV1::HoldSeats { event, seats } => {
                Self::HoldSeats { event: EventId::from_bytes(event), seats }
            }
            KindV1::ReleaseHold { booking } => {
                Self::ReleaseHold { booking: BookingId::from_bytes(booking) }
            }
            KindV1::BeginPayment { booking, amount } => {
                Self::BeginPayment { booking: BookingId::from_bytes(booking), amount }
            }
            KindV1::AttachIntent { booking, attempt, intent } => {
                Self::AttachIntent { booking: BookingId::from_bytes(booking), attempt, intent }
            }
            KindV1::ConfirmPayment { booking, attempt, intent } => {
                Self::ConfirmPayment { booking: BookingId::from_bytes(booking), attempt, intent }
            }
            KindV1::FailPayment { booking, attempt, reason } => {
                Self::FailPayment { booking: BookingId::from_bytes(booking), attempt, reason }
            }
            KindV1::ExpireDue { max } => Self::ExpireDue { max },
            KindV1::PutSeatMapPart { map, part, parts, data } => {
                Self::PutSeatMapPart { map: SeatMapHash(map), part, parts, data }
            }
            KindV1::PutVenue { venue, doc } => {
                Self::PutVenue { venue: VenueId::from_bytes(venue), doc: Box::new(doc.into()) }
            }
            KindV1::CreateEvent { event, spec } => {
                Self::CreateEvent { event: EventId::from_bytes(event), spec: Box::new(spec.into()) }
            }
            KindV1::UpdateEvent { event, patch } => Self::UpdateEvent {
                event: EventId::from_bytes(event),
                patch: Box::new(patch.into()),
            },
            KindV1::PublishEvent { event } => {
                Self::PublishEvent { event: EventId::from_bytes(event) }
            }
            KindV1::CancelEvent { event } => {
                Self::CancelEvent { event: EventId::from_bytes(event) }
            }
            KindV1::RegisterUser { user, doc } => {
                Self::RegisterUser { user: UserId::from_bytes(user), doc: Box::new(doc.into()) }
            }
            KindV1::UpdateUser { user, patch } => {
                Self::UpdateUser { user: UserId::from_bytes(user), patch: Box::new(patch.into()) }
            }
            KindV1::Checksum { nonce } => Self::Checksum { nonce },
            KindV1::HoldCart { event, cart } => {
                Self::HoldCart { event: EventId::from_bytes(event), cart: Box::new(cart.into()) }
            }
            KindV1::ExtendHold { booking } => {
                Self::ExtendHold { booking: BookingId::from_bytes(booking) }
            }
            KindV1::ReleasePlaces { booking, places } => {
                Self::ReleasePlaces { booking: BookingId::from_bytes(booking), places }
            }
            KindV1::BlockSeats { event, seats, reason } => {
                Self::BlockSeats { event: EventId::from_bytes(event), seats, reason }
            }
            KindV1::UnblockSeats { event, seats } => {
                Self::UnblockSeats { event: EventId::from_bytes(event), seats }
            }
            KindV1::RefundPlaces { booking, places, reason, block } => Self::RefundPlaces {
                booking: BookingId::from_bytes(booking),
                refund: Box::new(RefundOrder { places, reason, block }),
            },
            KindV1::SettleRefund { booking, refund, reference } => {
                Self::SettleRefund { booking: BookingId::from_bytes(booking), refund, reference }
            }
            KindV1::TransferTicket { booking, place, version, to } => Self::TransferTicket {
                booking: BookingId::from_bytes(booking),
                place,
                version,
                to: UserId::from_bytes(to),
            },
            KindV1::RedeemTicket { booking, place, version, door } => {
                Self::RedeemTicket { booking: BookingId::from_bytes(booking), place, version, door }
            }
            KindV1::UnredeemTicket { booking, place } => {
                Self::UnredeemTicket { booking: BookingId::from_bytes(booking), place }
            }
        }
    }
}

/// `version:u8 stamp_ms count`, then the commands.
pub fn encode_batch<'a>(
    stamp_ms: u64,
    commands: impl ExactSizeIterator<Item = &'a Command>,
) -> Bytes {
    let mut out = Vec::with_capacity(16 + commands.len() * COMMAND_BYTES);
    out.push(FORMAT_VERSION);
    encode_onto(&mut out, stamp_ms);
    encode_onto(&mut out, commands.len() as u64);
    for command in commands {
        let stored = CommandV1 {
            principal: command.principal.to_bytes(),
            key: command.key.to_bytes(),
            kind: (&command.kind).into(),
        };
        encode_onto(&mut out, stored);
    }
    out.into()
}

/// The batch that `bytes` are. No bytes at all are an empty batch.
pub fn decode_batch(bytes: &[u8]) -> Result<Batch, Error> {
    if bytes.is_empty() {
        return Ok(Batch::default());
    }
    let mut rest = body(bytes)?;
    let stamp_ms = decode_front(&mut rest)?;
    let count: u64 = decode_front(&mut rest)?;
    // A count past the bytes is a lie and must not allocate.
    let count = usize::try_from(count).ok().filter(|&count| count <= rest.len());
    let mut commands = Vec::with_capacity(count.ok_or(Error::Meaning)?);
    while commands.len() < commands.capacity() && !rest.is_empty() {
        let stored: CommandV1 = decode_front(&mut rest)?;
        commands.push(Command {
            principal: UserId::from_bytes(stored.principal),
            key: RequestKey::from_bytes(stored.key),
            kind: stored.kind.into(),
        });
    }
    if !rest.is_empty() || count != Some(commands.len()) {
        return Err(Error::TrailingBytes);
    }
    Ok(Batch { stamp_ms, commands })
}

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
        })
    }
}

/// `version:u8 count`, then the changes.
pub fn encode_changes<'a>(changes: impl ExactSizeIterator<Item = &'a Change>) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + changes.len() * 2 * COMMAND_BYTES);
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
            kind: stored.kind.try_into()?,
        });
    }
    if changes.len() as u64 == count { Ok(changes) } else { Err(Error::TrailingBytes) }
}
