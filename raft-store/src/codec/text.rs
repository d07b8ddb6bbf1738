//! Documents that stand in commands and in records alike.

use bincode::{Decode, Encode};
use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{SeatMapHash, VenueId};

use super::Error;
use crate::inventory::{
    BookingState, EventPatch, EventSpec, EventState, Refusal, User, UserPatch, Venue,
};

#[derive(Encode, Decode)]
pub(super) struct VenueV1 {
    name: String,
    city: String,
    country: String,
    address: String,
    position_e6: Option<(i64, i64)>,
    map: [u8; 32],
    capacity: u32,
}

impl From<&Venue> for VenueV1 {
    fn from(venue: &Venue) -> Self {
        let Venue { name, city, country, address, position_e6, map, capacity } = venue.clone();
        Self { name, city, country, address, position_e6, map: map.0, capacity }
    }
}

impl From<VenueV1> for Venue {
    fn from(stored: VenueV1) -> Self {
        let VenueV1 { name, city, country, address, position_e6, map, capacity } = stored;
        Self { name, city, country, address, position_e6, map: SeatMapHash(map), capacity }
    }
}

#[derive(Encode, Decode)]
pub(super) struct EventSpecV1 {
    name: String,
    description: String,
    category: String,
    venue: [u8; 16],
    venue_name: String,
    city: String,
    country: String,
    position_e6: Option<(i64, i64)>,
    date_ms: u64,
    sale_start_ms: u64,
    currency: [u8; 3],
    prices: Vec<u64>,
    image_url: String,
    hold_ttl_ms: u64,
    max_seats_per_user: u32,
    map: [u8; 32],
}

impl From<&EventSpec> for EventSpecV1 {
    fn from(spec: &EventSpec) -> Self {
        let spec = spec.clone();
        Self {
            name: spec.name,
            description: spec.description,
            category: spec.category,
            venue: spec.venue.to_bytes(),
            venue_name: spec.venue_name,
            city: spec.city,
            country: spec.country,
            position_e6: spec.position_e6,
            date_ms: spec.date_ms,
            sale_start_ms: spec.sale_start_ms,
            currency: spec.currency,
            prices: spec.prices,
            image_url: spec.image_url,
            hold_ttl_ms: spec.hold_ttl_ms,
            max_seats_per_user: spec.max_seats_per_user,
            map: spec.map.0,
        }
    }
}

impl From<EventSpecV1> for EventSpec {
    fn from(stored: EventSpecV1) -> Self {
        Self {
            name: stored.name,
            description: stored.description,
            category: stored.category,
            venue: VenueId::from_bytes(stored.venue),
            venue_name: stored.venue_name,
            city: stored.city,
            country: stored.country,
            position_e6: stored.position_e6,
            date_ms: stored.date_ms,
            sale_start_ms: stored.sale_start_ms,
            currency: stored.currency,
            prices: stored.prices,
            image_url: stored.image_url,
            hold_ttl_ms: stored.hold_ttl_ms,
            max_seats_per_user: stored.max_seats_per_user,
            map: SeatMapHash(stored.map),
        }
    }
}

#[derive(Encode, Decode)]
pub(super) struct EventPatchV1 {
    name: Option<String>,
    description: Option<String>,
    category: Option<String>,
    date_ms: Option<u64>,
    sale_start_ms: Option<u64>,
    prices: Vec<u64>,
    image_url: Option<String>,
    hold_ttl_ms: Option<u64>,
    max_seats_per_user: Option<u32>,
}

impl From<&EventPatch> for EventPatchV1 {
    fn from(patch: &EventPatch) -> Self {
        let patch = patch.clone();
        Self {
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
}

impl From<EventPatchV1> for EventPatch {
    fn from(stored: EventPatchV1) -> Self {
        Self {
            name: stored.name,
            description: stored.description,
            category: stored.category,
            date_ms: stored.date_ms,
            sale_start_ms: stored.sale_start_ms,
            prices: stored.prices,
            image_url: stored.image_url,
            hold_ttl_ms: stored.hold_ttl_ms,
            max_seats_per_user: stored.max_seats_per_user,
        }
    }
}

#[derive(Encode, Decode)]
pub(super) struct UserV1 {
    email: String,
    password_hash: String,
    first_name: String,
    last_name: String,
    phone: String,
    created_ms: u64,
}

impl From<&User> for UserV1 {
    fn from(user: &User) -> Self {
        let User { email, password_hash, first_name, last_name, phone, created_ms } = user.clone();
        Self { email, password_hash, first_name, last_name, phone, created_ms }
    }
}

impl From<UserV1> for User {
    fn from(stored: UserV1) -> Self {
        let UserV1 { email, password_hash, first_name, last_name, phone, created_ms } = stored;
        Self { email, password_hash, first_name, last_name, phone, created_ms }
    }
}

#[derive(Encode, Decode)]
pub(super) struct UserPatchV1 {
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
    password_hash: Option<String>,
}

impl From<&UserPatch> for UserPatchV1 {
    fn from(patch: &UserPatch) -> Self {
        let UserPatch { first_name, last_name, phone, password_hash } = patch.clone();
        Self { first_name, last_name, phone, password_hash }
    }
}

impl From<UserPatchV1> for UserPatch {
    fn from(stored: UserPatchV1) -> Self {
        let UserPatchV1 { first_name, last_name, phone, password_hash } = stored;
        Self { first_name, last_name, phone, password_hash }
    }
}

#[derive(Encode, Decode)]
pub(super) struct RefusalV1 {
    code: u16,
    seats: Vec<u32>,
    limit: u64,
    detail: String,
}

impl From<&Refusal> for RefusalV1 {
    fn from(refusal: &Refusal) -> Self {
        let Refusal { code, seats, limit, detail } = refusal.clone();
        Self { code: code.number(), seats, limit, detail }
    }
}

impl TryFrom<RefusalV1> for Refusal {
    type Error = Error;
    fn try_from(stored: RefusalV1) -> Result<Self, Error> {
        let RefusalV1 { code, seats, limit, detail } = stored;
        let code = ErrorCode::from_number(code.into()).ok_or(Error::Meaning)?;
        Ok(Self { code, seats, limit, detail })
    }
}

pub(super) const fn booking_state_number(state: BookingState) -> u8 {
    match state {
        BookingState::Held => 1,
        BookingState::Paying => 2,
        BookingState::Confirmed => 3,
        BookingState::Released => 4,
        BookingState::Expired => 5,
        BookingState::RefundDue => 6,
        BookingState::Refunded => 7,
        BookingState::Capturing => 8,
    }
}

pub(super) const fn booking_state(number: u8) -> Result<BookingState, Error> {
    Ok(match number {
        1 => BookingState::Held,
        2 => BookingState::Paying,
        3 => BookingState::Confirmed,
        4 => BookingState::Released,
        5 => BookingState::Expired,
        6 => BookingState::RefundDue,
        7 => BookingState::Refunded,
        8 => BookingState::Capturing,
        _ => return Err(Error::Meaning),
    })
}

pub(super) const fn event_state_number(state: EventState) -> u8 {
    match state {
        EventState::Draft => 1,
        EventState::Published => 2,
        EventState::Cancelled => 3,
        EventState::Paused => 4,
        EventState::Ended => 5,
    }
}

pub(super) const fn event_state(number: u8) -> Result<EventState, Error> {
    Ok(match number {
        1 => EventState::Draft,
        2 => EventState::Published,
        3 => EventState::Cancelled,
        4 => EventState::Paused,
        5 => EventState::Ended,
        _ => return Err(Error::Meaning),
    })
}
