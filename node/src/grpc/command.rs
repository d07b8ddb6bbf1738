//! Commands off the wire, checked: what leaves here may enter the log.

use rowlock_proto::{BookingId, ErrorCode, EventId, RequestKey, SeatMapHash, UserId, VenueId, v1};
use rowlock_raft_store::inventory::{
    Cart, Command, CommandKind, EventPatch, EventSpec, RefundOrder, Refusal, Together, User,
    UserPatch, Venue, Wanted,
    door::{DoorCommand, Scan},
};

use super::{money, queue, waitlist};
use v1::command::Kind;

/// The message lacks something or holds what can't be read.
pub(super) fn malformed(detail: impl Into<String>) -> Refusal {
    Refusal { detail: detail.into(), ..Refusal::of(ErrorCode::Malformed) }
}

fn invalid(detail: impl Into<String>) -> Refusal {
    Refusal { detail: detail.into(), ..Refusal::of(ErrorCode::Invalid) }
}

/// An id from its raw bytes.
pub(super) fn id<T>(
    what: &str,
    bytes: &[u8],
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<T, Refusal> {
    read(bytes).ok_or_else(|| malformed(format!("{what}: {} bytes are no id", bytes.len())))
}

pub(super) fn event(bytes: &[u8]) -> Result<EventId, Refusal> {
    id("event", bytes, EventId::from_slice)
}

pub(super) fn booking(bytes: &[u8]) -> Result<BookingId, Refusal> {
    id("booking", bytes, BookingId::from_slice)
}

pub(super) fn venue(bytes: &[u8]) -> Result<VenueId, Refusal> {
    id("venue", bytes, VenueId::from_slice)
}

pub(super) fn user(bytes: &[u8]) -> Result<UserId, Refusal> {
    id("user", bytes, UserId::from_slice)
}

pub(super) fn map_hash(bytes: &[u8]) -> Result<SeatMapHash, Refusal> {
    id("seat map", bytes, SeatMapHash::from_slice)
}

/// The command of a call, or why it can never be done.
pub(super) fn decode(wire: v1::Command) -> Result<Command, Refusal> {
    let principal = id("principal", &wire.principal, UserId::from_slice)?;
    let key = id("key", &wire.key, RequestKey::from_slice)?;
    let kind = kind(wire.kind.ok_or_else(|| malformed("a command of no kind"))?)?;
    kind.check()?;
    Ok(Command { principal, key, kind })
}

fn kind(kind: Kind) -> Result<CommandKind, Refusal> {
    Ok(match kind {
        Kind::PutSeatMapPart(v1::PutSeatMapPart { map, part, parts, data }) => {
            CommandKind::PutSeatMapPart { map: map_hash(&map)?, part, parts, data: data.into() }
        }
        Kind::PutVenue(v1::PutVenue { venue: id, doc }) => {
            let doc = doc.ok_or_else(|| malformed("a venue without its document"))?;
            CommandKind::PutVenue { venue: venue(&id)?, doc: Box::new(venue_doc(doc)?) }
        }
        Kind::CreateEvent(v1::CreateEvent { event: id, spec }) => {
            let spec = spec.ok_or_else(|| malformed("an event without its specification"))?;
            CommandKind::CreateEvent { event: event(&id)?, spec: Box::new(event_spec(spec)?) }
        }
        Kind::UpdateEvent(wire) => {
            CommandKind::UpdateEvent { event: event(&wire.event)?, patch: Box::new(patch(wire)) }
        }
        Kind::PublishEvent(wire) => CommandKind::PublishEvent { event: event(&wire.event)? },
        Kind::CancelEvent(wire) => CommandKind::CancelEvent { event: event(&wire.event)? },
        Kind::HoldSeats(v1::HoldSeats { event: id, seats }) => {
            CommandKind::HoldSeats { event: event(&id)?, seats }
        }
        Kind::ReleaseHold(wire) => CommandKind::ReleaseHold { booking: booking(&wire.booking)? },
        Kind::BeginPayment(v1::BeginPayment { booking: id, amount }) => {
            CommandKind::BeginPayment { booking: booking(&id)?, amount }
        }
        Kind::AttachIntent(v1::AttachIntent { booking: id, attempt, intent }) => {
            CommandKind::AttachIntent { booking: booking(&id)?, attempt, intent }
        }
        Kind::ConfirmPayment(v1::ConfirmPayment { booking: id, attempt, intent }) => {
            CommandKind::ConfirmPayment { booking: booking(&id)?, attempt, intent }
        }
        Kind::FailPayment(v1::FailPayment { booking: id, attempt, reason }) => {
            CommandKind::FailPayment { booking: booking(&id)?, attempt, reason }
        }
        Kind::RegisterUser(v1::RegisterUser { user: id, doc }) => {
            let doc = doc.ok_or_else(|| malformed("a user without its document"))?;
            CommandKind::RegisterUser { user: user(&id)?, doc: Box::new(user_doc(doc)) }
        }
        Kind::UpdateUser(wire) => {
            let id = user(&wire.user)?;
            let patch = UserPatch {
                first_name: wire.first_name,
                last_name: wire.last_name,
                phone: wire.phone,
                password_hash: wire.password_hash,
            };
            CommandKind::UpdateUser { user: id, patch: Box::new(patch) }
        }
        Kind::HoldCart(wire) => {
            CommandKind::HoldCart { event: event(&wire.event)?, cart: Box::new(cart(wire)?) }
        }
        Kind::ExtendHold(wire) => CommandKind::ExtendHold { booking: booking(&wire.booking)? },
        Kind::ReleasePlaces(v1::ReleasePlaces { booking: id, places }) => {
            CommandKind::ReleasePlaces { booking: booking(&id)?, places }
        }
        Kind::RefundPlaces(v1::RefundPlaces { booking: id, places, reason, block }) => {
            let refund = Box::new(RefundOrder { places, reason, block });
            CommandKind::RefundPlaces { booking: booking(&id)?, refund }
        }
        Kind::SettleRefund(v1::SettleRefund { booking: id, refund, reference }) => {
            CommandKind::SettleRefund { booking: booking(&id)?, refund, reference }
        }
        Kind::TransferTicket(v1::TransferTicket { booking: id, place, version, to }) => {
            let to = user(&to)?;
            CommandKind::TransferTicket { booking: booking(&id)?, place, version, to }
        }
        Kind::RedeemTicket(v1::RedeemTicket { booking: id, place, version, door }) => {
            CommandKind::RedeemTicket { booking: booking(&id)?, place, version, door }
        }
        Kind::UnredeemTicket(v1::UnredeemTicket { booking: id, place }) => {
            CommandKind::UnredeemTicket { booking: booking(&id)?, place }
        }
        Kind::VoidTicket(v1::VoidTicket { booking: id, place, reason }) => {
            CommandKind::Door(DoorCommand::Void { booking: booking(&id)?, place, reason })
        }
        Kind::MergeScans(v1::MergeScans { event: id, scans }) => {
            let scans = scans.into_iter().map(scan).collect::<Result<_, _>>()?;
            CommandKind::Door(DoorCommand::Merge { event: event(&id)?, scans })
        }
        Kind::BlockSeats(v1::BlockSeats { event: id, seats, reason }) => {
            CommandKind::BlockSeats { event: event(&id)?, seats, reason }
        }
        Kind::UnblockSeats(v1::UnblockSeats { event: id, seats }) => {
            CommandKind::UnblockSeats { event: event(&id)?, seats }
        }
        Kind::Consumer(wire) => CommandKind::Consumer(super::consumers::command(wire)?),
        Kind::Account(wire) => CommandKind::Account(super::accounts::command(&wire)?),
        Kind::UserList(wire) => CommandKind::UserList(super::user_lists::command(wire)?),
        Kind::Queue(wire) => CommandKind::Queue(queue::command(wire)?),
        Kind::Money(wire) => CommandKind::Money(money::command(wire)?),
        Kind::Terms(wire) => CommandKind::Terms(super::terms::command(wire)?),
        Kind::Waitlist(wire) => CommandKind::Waitlist(waitlist::command(wire)?),
        kind @ (Kind::PauseSales(_)
        | Kind::ResumeSales(_)
        | Kind::EndSales(_)
        | Kind::SetSaleEnd(_)) => CommandKind::Life(super::life::command(kind)?),
        Kind::ExpireDue(_) | Kind::Checksum(_) | Kind::TendEvents(_) => {
            let detail = "only a shard's leader proposes this".to_owned();
            return Err(Refusal { detail, ..Refusal::of(ErrorCode::NotAllowed) });
        }
    })
}

fn scan(wire: v1::Scan) -> Result<Scan, Refusal> {
    Ok(Scan {
        key: id("key", &wire.key, RequestKey::from_slice)?,
        booking: booking(&wire.booking)?,
        place: wire.place,
        version: wire.version,
        door: wire.door,
        seen_ms: wire.seen_ms,
    })
}

pub(super) fn cart(wire: v1::HoldCart) -> Result<Cart, Refusal> {
    let small = |what: &str, number: u32| {
        u16::try_from(number).map_err(|_| invalid(format!("{what} {number} is not there")))
    };
    let best = |best: v1::BestAvailable| {
        let category = |&number: &u32| {
            u8::try_from(number).map_err(|_| invalid(format!("category {number} is not there")))
        };
        let together = match best.together() {
            v1::Together::Preferred => Together::Preferred,
            v1::Together::SameRow => Together::SameRow,
            v1::Together::Adjacent => Together::Adjacent,
        };
        let section = |&number: &u32| small("section", number);
        Ok(Wanted {
            quantity: best.quantity,
            categories: best.categories.iter().map(category).collect::<Result<_, _>>()?,
            sections: best.sections.iter().map(section).collect::<Result<_, _>>()?,
            price_max: best.price_max,
            together,
            accessible: best.accessible,
        })
    };
    let area = |places: &v1::AreaPlaces| Ok((small("area", places.area)?, places.count));
    Ok(Cart {
        best: wire.best.map(best).transpose()?,
        areas: wire.areas.iter().map(area).collect::<Result<_, _>>()?,
        seats: wire.seats,
    })
}

fn position(latitude: Option<i64>, longitude: Option<i64>) -> Result<Option<(i64, i64)>, Refusal> {
    const LATITUDE_E6_MAX: u64 = 90_000_000;
    const LONGITUDE_E6_MAX: u64 = 180_000_000;
    match (latitude, longitude) {
        (None, None) => Ok(None),
        (Some(latitude), Some(longitude)) => {
            if latitude.unsigned_abs() > LATITUDE_E6_MAX
                || longitude.unsigned_abs() > LONGITUDE_E6_MAX
            {
                return Err(invalid("latitude or longitude is not on earth"));
            }
            Ok(Some((latitude, longitude)))
        }
        (Some(_), None) | (None, Some(_)) => {
            Err(invalid("latitude and longitude are given both or not at all"))
        }
    }
}

fn venue_doc(doc: v1::Venue) -> Result<Venue, Refusal> {
    Ok(Venue {
        position_e6: position(doc.latitude_e6, doc.longitude_e6)?,
        map: map_hash(&doc.map)?,
        name: doc.name,
        city: doc.city,
        country: doc.country,
        address: doc.address,
        capacity: doc.capacity,
    })
}

fn event_spec(spec: v1::EventSpec) -> Result<EventSpec, Refusal> {
    let currency = spec.currency.as_bytes().try_into();
    Ok(EventSpec {
        venue: venue(&spec.venue)?,
        map: map_hash(&spec.map)?,
        position_e6: position(spec.latitude_e6, spec.longitude_e6)?,
        currency: currency.map_err(|_| invalid("currency is not three capital letters"))?,
        name: spec.name,
        description: spec.description,
        category: spec.category,
        venue_name: spec.venue_name,
        city: spec.city,
        country: spec.country,
        date_ms: spec.date_ms,
        sale_start_ms: spec.sale_start_ms,
        prices: spec.prices,
        image_url: spec.image_url,
        hold_ttl_ms: spec.hold_ttl_ms,
        max_seats_per_user: spec.max_seats_per_user,
    })
}

fn patch(wire: v1::UpdateEvent) -> EventPatch {
    EventPatch {
        name: wire.name,
        description: wire.description,
        category: wire.category,
        date_ms: wire.date_ms,
        sale_start_ms: wire.sale_start_ms,
        prices: wire.prices,
        image_url: wire.image_url,
        hold_ttl_ms: wire.hold_ttl_ms,
        max_seats_per_user: wire.max_seats_per_user,
    }
}

fn user_doc(doc: v1::User) -> User {
    User {
        email: doc.email,
        password_hash: doc.password_hash,
        first_name: doc.first_name,
        last_name: doc.last_name,
        phone: doc.phone,
        // Apply sets it.
        created_ms: 0,
    }
}
