//! Batches of commands, as log entries carry them.

use bincode::{Decode, Encode};
use bytes::Bytes;
use rowlock_proto::ids::{BookingId, EventId, RequestKey, SeatMapHash, UserId, VenueId};

use super::accounts::AccountCommandV1;
use super::consumers::ConsumerCommandV1;
use super::door::DoorCommandV1;
use super::life::LifeCommandV1;
use super::money::MoneyCommandV1;
use super::queue::QueueCommandV1;
use super::terms::TermsCommandV1;
use super::text::{EventPatchV1, EventSpecV1, UserPatchV1, UserV1, VenueV1};
use super::user_lists::UserListCommandV1;
use super::waitlist::WaitlistCommandV1;
use super::{Error, FORMAT_VERSION, body, decode_front, encode_onto};
use crate::inventory::{Batch, Cart, Command, CommandKind, RefundOrder, Together, Wanted};

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
    Queue(QueueCommandV1),
    Life(LifeCommandV1),
    Door(DoorCommandV1),
    Money(MoneyCommandV1),
    Consumer(ConsumerCommandV1),
    Waitlist(WaitlistCommandV1),
    Terms(TermsCommandV1),
    UserList(UserListCommandV1),
    Account(AccountCommandV1),
}

#[derive(Encode, Decode)]
pub(super) struct CartV1 {
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
            CommandKind::Queue(queue) => Self::Queue(queue.into()),
            CommandKind::Life(life) => Self::Life(life.into()),
            CommandKind::Door(command) => Self::Door(command.into()),
            CommandKind::Money(money) => Self::Money(money.into()),
            CommandKind::Consumer(command) => Self::Consumer(command.into()),
            CommandKind::Waitlist(command) => Self::Waitlist(command.into()),
            CommandKind::Terms(command) => Self::Terms(command.into()),
            CommandKind::UserList(command) => Self::UserList(command.into()),
            CommandKind::Account(command) => Self::Account(command.into()),
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
            KindV1::Queue(queue) => Self::Queue(queue.into()),
            KindV1::Life(life) => Self::Life(life.into()),
            KindV1::Door(command) => Self::Door(command.into()),
            KindV1::Money(money) => Self::Money(money.into()),
            KindV1::Consumer(command) => Self::Consumer(command.into()),
            KindV1::Waitlist(command) => Self::Waitlist(command.into()),
            KindV1::Terms(command) => Self::Terms(command.into()),
            KindV1::UserList(command) => Self::UserList(command.into()),
            KindV1::Account(command) => Self::Account(command.into()),
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
