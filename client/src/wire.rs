//! Between the wire's messages and [`crate::types`]. Nothing else names both.
//!
//! What a node sends and this client can't read is an [`Unreadable`]: the node speaks another
//! version, and guessing could show a sold seat as free.

use bytes::Bytes;
use rowlock_proto::{BookingId, ErrorCode, EventId, RequestKey, SeatMapHash, UserId, VenueId, v1};

use crate::error::Refusal;
use crate::types::{
    AreaCounts, AreaLine, Best, Booking, BookingExtras, BookingState, Cart, Event, EventPatch,
    EventSpec, EventState, Page, Position, Refund, SeatCounts, SeatState, Seats, ShardStats,
    Ticket, Together, User, UserEntry, UserPatch, Venue, VenueEntry, VoidedTicket,
};

/// A message that lacks something or holds what this client does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a node's answer can't be read: {0}")]
pub(crate) struct Unreadable(pub(crate) &'static str);

pub(crate) fn id(bytes: [u8; 16]) -> Bytes {
    Bytes::copy_from_slice(&bytes)
}

pub(crate) fn booking_id(bytes: &[u8]) -> Result<BookingId, Unreadable> {
    BookingId::from_slice(bytes).ok_or(Unreadable("booking id"))
}

pub(crate) fn event_id(bytes: &[u8]) -> Result<EventId, Unreadable> {
    EventId::from_slice(bytes).ok_or(Unreadable("event id"))
}

pub(crate) fn user_id(bytes: &[u8]) -> Result<UserId, Unreadable> {
    UserId::from_slice(bytes).ok_or(Unreadable("user id"))
}

pub(crate) fn venue_id(bytes: &[u8]) -> Result<VenueId, Unreadable> {
    VenueId::from_slice(bytes).ok_or(Unreadable("venue id"))
}

pub(crate) fn map_hash(bytes: &[u8]) -> Result<SeatMapHash, Unreadable> {
    SeatMapHash::from_slice(bytes).ok_or(Unreadable("seat map hash"))
}

pub(crate) fn command(
    principal: UserId,
    key: RequestKey,
    kind: v1::command::Kind,
) -> v1::call::Body {
    v1::call::Body::Command(v1::Command {
        principal: id(principal.to_bytes()),
        key: id(key.to_bytes()),
        kind: Some(kind),
    })
}

pub(crate) fn position(at: Option<v1::Position>) -> Position {
    let at = at.unwrap_or_default();
    Position {
        shard: at.shard,
        term: at.term,
        index: at.index,
        offset: at.offset,
        revision: at.revision,
        log_time_ms: at.log_time_ms,
        first_index: at.first_index,
    }
}

pub(crate) fn refusal(wire: v1::Refusal) -> Refusal {
    match ErrorCode::from_number(wire.code) {
        Some(code) => Refusal { code, seats: wire.seats, limit: wire.limit, detail: wire.detail },
        // A newer node's reason: still a refusal, and never to be taken for another one.
        None => Refusal {
            code: ErrorCode::Internal,
            seats: wire.seats,
            limit: wire.limit,
            detail: format!("code {}: {}", wire.code, wire.detail),
        },
    }
}

pub(crate) fn booking_state(number: i32) -> Result<BookingState, Unreadable> {
    match v1::BookingState::try_from(number) {
        Ok(v1::BookingState::Held) => Ok(BookingState::Held),
        Ok(v1::BookingState::Paying) => Ok(BookingState::Paying),
        Ok(v1::BookingState::Confirmed) => Ok(BookingState::Confirmed),
        Ok(v1::BookingState::Released) => Ok(BookingState::Released),
        Ok(v1::BookingState::Expired) => Ok(BookingState::Expired),
        Ok(v1::BookingState::RefundDue) => Ok(BookingState::RefundDue),
        Ok(v1::BookingState::Refunded) => Ok(BookingState::Refunded),
        Ok(v1::BookingState::Capturing) => Ok(BookingState::Capturing),
        Ok(v1::BookingState::Unspecified) | Err(_) => Err(Unreadable("booking state")),
    }
}

pub(crate) fn event_state(number: i32) -> Result<EventState, Unreadable> {
    match v1::EventState::try_from(number) {
        Ok(v1::EventState::Draft) => Ok(EventState::Draft),
        Ok(v1::EventState::Published) => Ok(EventState::Published),
        Ok(v1::EventState::Cancelled) => Ok(EventState::Cancelled),
        Ok(v1::EventState::Paused) => Ok(EventState::Paused),
        Ok(v1::EventState::Ended) => Ok(EventState::Ended),
        Ok(v1::EventState::Unspecified) | Err(_) => Err(Unreadable("event state")),
    }
}

pub(crate) fn booking(wire: v1::Booking) -> Result<Booking, Unreadable> {
    Ok(Booking {
        id: booking_id(&wire.booking)?,
        event: event_id(&wire.event)?,
        user: user_id(&wire.user)?,
        state: booking_state(wire.state)?,
        seats: wire.seats,
        prices: wire.prices,
        total: wire.total,
        currency: wire.currency,
        created_ms: wire.created_ms,
        expires_ms: wire.expires_ms,
        payment_deadline_ms: wire.payment_deadline_ms,
        attempt: wire.attempt,
        intent: wire.intent,
        confirmed_ms: wire.confirmed_ms,
        decline_reason: wire.decline_reason,
        extras: BookingExtras {
            areas: wire.areas.into_iter().map(area_line).collect(),
            gone: wire.gone,
            numbers: wire.numbers,
            extended: wire.extended,
            refunds: wire.refunds.into_iter().map(refund).collect(),
            tickets: wire.tickets.into_iter().map(ticket).collect::<Result<_, _>>()?,
            voids: wire.voids.into_iter().map(voided).collect(),
            money: wire.money.map(crate::money::booking_money).transpose()?.map(Box::new),
            waiter: wire.waiter,
            discount: wire.discount,
            fees: wire.fees,
            promotion: wire.promotion,
            channel: wire.channel,
        },
    })
}

fn voided(v1::VoidedTicket { place, at_ms, reason }: v1::VoidedTicket) -> VoidedTicket {
    VoidedTicket { place, at_ms, reason }
}

fn area_line(v1::AreaLine { area, count, price }: v1::AreaLine) -> AreaLine {
    AreaLine { area, count, price }
}

fn refund(wire: v1::Refund) -> Refund {
    let v1::Refund { amount, decided_ms, reason, reference } = wire;
    Refund { amount, decided_ms, reason, reference }
}

fn ticket(wire: v1::Ticket) -> Result<Ticket, Unreadable> {
    Ok(Ticket {
        place: wire.place,
        holder: if wire.holder.is_empty() { None } else { Some(user_id(&wire.holder)?) },
        version: wire.version,
        redeemed: (wire.redeemed_ms != 0).then_some((wire.redeemed_ms, wire.door)),
    })
}

pub(crate) fn cart_out(event: EventId, cart: Cart) -> v1::HoldCart {
    let best = |best: Best| v1::BestAvailable {
        quantity: best.quantity,
        categories: best.categories,
        sections: best.sections,
        price_max: best.price_max,
        together: match best.together {
            Together::Preferred => v1::Together::Preferred,
            Together::SameRow => v1::Together::SameRow,
            Together::Adjacent => v1::Together::Adjacent,
        }
        .into(),
        accessible: best.accessible,
    };
    let area = |(area, count): (u32, u32)| v1::AreaPlaces { area, count };
    v1::HoldCart {
        event: id(event.to_bytes()),
        seats: cart.seats,
        best: cart.best.map(best),
        areas: cart.areas.into_iter().map(area).collect(),
    }
}

pub(crate) fn venue_out(venue: Venue) -> v1::Venue {
    v1::Venue {
        name: venue.name,
        city: venue.city,
        country: venue.country,
        address: venue.address,
        latitude_e6: venue.position_e6.map(|position| position.0),
        longitude_e6: venue.position_e6.map(|position| position.1),
        map: Bytes::copy_from_slice(&venue.map.0),
        capacity: venue.capacity,
    }
}

pub(crate) fn venue_entry(wire: v1::VenueEntry) -> Result<VenueEntry, Unreadable> {
    let doc = wire.doc.ok_or(Unreadable("venue without its document"))?;
    Ok(VenueEntry {
        id: venue_id(&wire.venue)?,
        venue: Venue {
            name: doc.name,
            city: doc.city,
            country: doc.country,
            address: doc.address,
            position_e6: doc.latitude_e6.zip(doc.longitude_e6),
            map: map_hash(&doc.map)?,
            capacity: doc.capacity,
        },
    })
}

pub(crate) fn spec_out(spec: EventSpec) -> v1::EventSpec {
    v1::EventSpec {
        name: spec.name,
        description: spec.description,
        category: spec.category,
        venue: id(spec.venue.to_bytes()),
        venue_name: spec.venue_name,
        city: spec.city,
        country: spec.country,
        date_ms: spec.date_ms,
        sale_start_ms: spec.sale_start_ms,
        currency: spec.currency,
        prices: spec.prices,
        image_url: spec.image_url,
        hold_ttl_ms: spec.hold_ttl_ms,
        max_seats_per_user: spec.max_seats_per_user,
        map: Bytes::copy_from_slice(&spec.map.0),
        latitude_e6: spec.position_e6.map(|position| position.0),
        longitude_e6: spec.position_e6.map(|position| position.1),
    }
}

fn spec(wire: v1::EventSpec) -> Result<EventSpec, Unreadable> {
    Ok(EventSpec {
        name: wire.name,
        description: wire.description,
        category: wire.category,
        venue: venue_id(&wire.venue)?,
        venue_name: wire.venue_name,
        city: wire.city,
        country: wire.country,
        date_ms: wire.date_ms,
        sale_start_ms: wire.sale_start_ms,
        currency: wire.currency,
        prices: wire.prices,
        image_url: wire.image_url,
        hold_ttl_ms: wire.hold_ttl_ms,
        max_seats_per_user: wire.max_seats_per_user,
        map: map_hash(&wire.map)?,
        position_e6: wire.latitude_e6.zip(wire.longitude_e6),
    })
}

pub(crate) fn patch_out(event: EventId, patch: EventPatch) -> v1::UpdateEvent {
    v1::UpdateEvent {
        event: id(event.to_bytes()),
        name: patch.name,
        description: patch.description,
        category: patch.category,
        date_ms: patch.date_ms,
        sale_start_ms: patch.sale_start_ms,
        prices: patch.prices,
        image_url: patch.image_url,
        hold_ttl_ms: patch.hold_ttl_ms,
        max_seats_per_user: patch.max_seats_per_user,
    }
}

pub(crate) fn event(wire: v1::Event) -> Result<Event, Unreadable> {
    let counts = wire.counts.unwrap_or_default();
    Ok(Event {
        id: event_id(&wire.event)?,
        spec: spec(wire.spec.ok_or(Unreadable("event without its specification"))?)?,
        state: event_state(wire.state)?,
        counts: SeatCounts {
            total: counts.total,
            available: counts.available,
            held: counts.held,
            sold: counts.sold,
            blocked: counts.blocked,
        },
        event_no: wire.event_no,
        created_ms: wire.created_ms,
        revision: wire.revision,
        areas: wire.areas.into_iter().map(area_counts).collect(),
        life: crate::life::event_life(wire.life.unwrap_or_default()),
    })
}

fn area_counts(v1::AreaCounts { capacity, held, sold }: v1::AreaCounts) -> AreaCounts {
    AreaCounts { capacity, held, sold }
}

pub(crate) fn seats(wire: v1::Seats) -> Result<Seats, Unreadable> {
    let state = |byte: &u8| match byte {
        0 => Ok(SeatState::Available),
        1 => Ok(SeatState::Held),
        2 => Ok(SeatState::Sold),
        // What is kept for others is not for sale, either.
        3 | 4 => Ok(SeatState::Blocked),
        _ => Err(Unreadable("seat state")),
    };
    Ok(Seats {
        states: wire.states.iter().map(state).collect::<Result<_, _>>()?,
        event: event(wire.event.ok_or(Unreadable("seats without their event"))?)?,
    })
}

pub(crate) fn user_out(user: User) -> v1::User {
    v1::User {
        email: user.email,
        password_hash: user.password_hash,
        first_name: user.first_name,
        last_name: user.last_name,
        phone: user.phone,
        created_ms: user.created_ms,
    }
}

pub(crate) fn user_patch_out(user: UserId, patch: UserPatch) -> v1::UpdateUser {
    v1::UpdateUser {
        user: id(user.to_bytes()),
        first_name: patch.first_name,
        last_name: patch.last_name,
        phone: patch.phone,
        password_hash: patch.password_hash,
    }
}

pub(crate) fn user_entry(wire: v1::UserEntry) -> Result<UserEntry, Unreadable> {
    let doc = wire.doc.ok_or(Unreadable("user without its document"))?;
    Ok(UserEntry {
        id: user_id(&wire.user)?,
        user: User {
            email: doc.email,
            password_hash: doc.password_hash,
            first_name: doc.first_name,
            last_name: doc.last_name,
            phone: doc.phone,
            created_ms: doc.created_ms,
        },
    })
}

pub(crate) fn page<W, T>(
    items: Vec<W>,
    more: bool,
    read: impl Fn(W) -> Result<T, Unreadable>,
) -> Result<Page<T>, Unreadable> {
    Ok(Page { items: items.into_iter().map(read).collect::<Result<_, _>>()?, more })
}

pub(crate) fn stats(wire: v1::ShardStatsReply) -> ShardStats {
    ShardStats {
        events: wire.events,
        bookings: wire.bookings,
        holds_live: wire.holds_live,
        holds_due: wire.holds_due,
        next_deadline_ms: wire.next_deadline_ms,
        users: wire.users,
        venues: wire.venues,
        archived: wire.archived,
    }
}
