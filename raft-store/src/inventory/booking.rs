//! A booking: a hold and what becomes of it.
//!
//! ```text
//! Held --begin payment--> Paying --confirm--> Confirmed
//!  |  <--declined, time left--'  |    (or by Capturing: `money/capture.rs`)
//!  |--due--> Expired             '--declined or cancelled, no time left--> Expired
//!  '--release--> Released
//!
//! Expired, Released --a success that comes late--> Confirmed, if all its seats are free,
//!                                                 else RefundDue
//!
//! Confirmed --all of it refunded--> Refunded
//! ```
//!
//! Only `Held`, `Paying`, `Capturing` and `Confirmed` bookings own seats.
//!
//! The *places* of a booking are numbered from 0: its seats in order, then its places in areas without
//! seats, then those that came by exchange. A place that was given back, alone, or exchanged is *gone*;
//! its number is not used again.

use std::collections::BTreeMap;

use rowlock_proto::ids::{BookingId, RequestKey, UserId};

use super::money::Money;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BookingState {
    Held,
    Paying,
    Confirmed,
    Released,
    Expired,
    RefundDue,
    Refunded,
    /// Authorised, and not captured yet: the seats are its own, and no ticket is valid.
    Capturing,
}

impl BookingState {
    /// Whether its seats were sold, whatever became of them since.
    pub const fn is_paid(self) -> bool {
        match self {
            Self::Confirmed | Self::Refunded => true,
            Self::Held
            | Self::Paying
            | Self::Capturing
            | Self::Released
            | Self::Expired
            | Self::RefundDue => false,
        }
    }

    /// Whether a booking in this state owns its seats.
    pub const fn owns_seats(self) -> bool {
        match self {
            Self::Held | Self::Paying | Self::Capturing | Self::Confirmed => true,
            Self::Released | Self::Expired | Self::RefundDue | Self::Refunded => false,
        }
    }
}

/// A booking as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    pub id: BookingId,
    pub user: UserId,
    pub state: BookingState,
    /// Never changes after the hold: what was granted stays on record.
    pub seats: Box<[u32]>,
    /// Price of each seat, as it was when held.
    pub prices: Box<[u64]>,
    /// The request that made it, for its repeats (P4).
    pub key: RequestKey,
    pub fingerprint: u64,
    /// Log index and clock of the grant.
    pub index: u64,
    pub created_ms: u64,
    /// What the customer was told; the hold is due `2 * bound` later.
    pub expires_ms: u64,
    /// Present once a payment was begun.
    pub payment: Option<Box<Payment>>,
    /// What it was made under.
    pub terms: BookingTerms,
    /// What most bookings never have.
    pub extras: Option<Box<Extras>>,
    /// What was paid without a provider, charged back, or exchanged.
    pub money: Option<Box<Money>>,
}

/// The terms of its event that a booking was made under, by their numbers; 0: none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct BookingTerms {
    /// Version of the fees.
    pub fees: u16,
    pub channel: u8,
    /// The access code that let it into the channel.
    pub code: u32,
    pub promotion: u16,
}

/// What becomes of some bookings only.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Extras {
    /// Places in areas, as they were granted.
    pub areas: Vec<AreaLine>,
    /// Numbers of the places that were given back while the rest stayed; in order.
    pub gone: Vec<u32>,
    /// What the customer was told before the hold was extended; 0: it was not.
    pub extended_from_ms: u64,
    /// What was paid; known once a refund is decided.
    pub charged: u64,
    /// Money that goes back, in the order in which it was decided.
    pub refunds: Vec<Refund>,
    /// Tickets that something happened to, by the number of their place.
    pub tickets: BTreeMap<u32, Ticket>,
}

impl Extras {
    /// These places go, while the others stay.
    pub fn lose(&mut self, numbers: &[u32]) {
        self.gone.extend_from_slice(numbers);
        self.gone.sort_unstable();
    }
}

/// Places in one area without seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AreaLine {
    pub area: u16,
    pub count: u32,
    /// Of one place, as it was when held.
    pub price: u64,
}

/// Money that is owed to the customer until the provider has paid it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The request that it came from, for its repeats (P4).
    pub key: RequestKey,
    pub amount: u64,
    pub decided_ms: u64,
    pub reason: String,
    /// The provider's name for it; empty: still owed.
    pub reference: String,
}

/// A ticket that was passed on, or used at the door.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Ticket {
    /// Whose it is, if not the buyer's any more.
    pub holder: Option<UserId>,
    /// Counts how often it changed hands: codes printed before are dead.
    pub version: u32,
    pub redeemed: Option<Redeemed>,
}

/// P7: written once; only an administrator takes it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeemed {
    pub door: String,
    pub at_ms: u64,
    /// The scan that did it, for its repeats (P4).
    pub key: RequestKey,
}

/// What a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Seat(u32),
    Area(u16),
}

/// Seats, and places in areas, that go somewhere together.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Places {
    pub seats: Vec<u32>,
    /// Area and count.
    pub areas: Vec<(u16, u32)>,
}

impl Places {
    pub fn of(places: impl Iterator<Item = Place>) -> Self {
        let mut all = Self::default();
        for place in places {
            match place {
                Place::Seat(seat) => all.seats.push(seat),
                Place::Area(area) => match all.areas.iter_mut().find(|(of, _)| *of == area) {
                    Some((_, count)) => *count += 1,
                    None => all.areas.push((area, 1)),
                },
            }
        }
        all
    }

    pub fn count(&self) -> u32 {
        let seats = u32::try_from(self.seats.len()).unwrap_or(u32::MAX);
        self.areas.iter().fold(seats, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// The fence: what the log knows of a booking's payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Number of the last attempt, from 1.
    pub attempt: u32,
    /// The request that began it and where, for its repeats (P4).
    pub begun_key: RequestKey,
    pub begun_index: u64,
    pub deadline_ms: u64,
    /// The intent attached at this attempt; empty until then.
    pub intent: String,
    /// 0: not confirmed.
    pub confirmed_ms: u64,
    pub decline_reason: String,
}

impl Booking {
    /// From now on it costs another price, or is sold otherwise: an attempt to pay it that was over, and
    /// succeeds after all, can't be what pays it. Without its intent it is refused, and given back.
    pub fn fence_off(&mut self) {
        if let Some(payment) = &mut self.payment {
            payment.intent.clear();
        }
    }

    /// Every place that it ever had: its number, what it is, its price.
    pub fn all_places(&self) -> impl Iterator<Item = (u32, Place, u64)> {
        let added = self.money.iter().flat_map(|money| money.added.iter().copied());
        let all = self.granted_places().chain(added);
        (0..).zip(all).map(|(number, (place, price))| (number, place, price))
    }

    /// Whether it has, or had, places that came by exchange: then seats may stand after places in areas.
    pub fn is_exchanged(&self) -> bool {
        self.money.as_ref().is_some_and(|money| !money.added.is_empty())
    }

    /// Those that were granted, with their prices; the others came by exchange.
    pub fn granted_places(&self) -> impl Iterator<Item = (Place, u64)> {
        let seats = self.seats.iter().zip(&self.prices);
        let seats = seats.map(|(&seat, &price)| (Place::Seat(seat), price));
        let areas = self.extras.iter().flat_map(|extras| &extras.areas).flat_map(|line| {
            let count = usize::try_from(line.count).unwrap_or(usize::MAX);
            std::iter::repeat_n((Place::Area(line.area), line.price), count)
        });
        seats.chain(areas)
    }

    pub fn place_count(&self) -> u32 {
        u32::try_from(self.all_places().count()).unwrap_or(u32::MAX)
    }

    pub fn is_gone(&self, number: u32) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.gone.binary_search(&number).is_ok())
    }

    /// The places that are not gone.
    pub fn places(&self) -> Places {
        if self.extras.is_none() {
            return Places { seats: self.seats.to_vec(), areas: Vec::new() };
        }
        let here = self.all_places().filter(|(number, ..)| !self.is_gone(*number));
        Places::of(here.map(|(_, place, _)| place))
    }

    /// The seats that are not gone, in the order in which they were granted.
    pub fn seats_here(&self) -> impl Iterator<Item = u32> {
        let here = self.all_places().filter(|(number, ..)| !self.is_gone(*number));
        here.filter_map(|(_, place, _)| match place {
            Place::Seat(seat) => Some(seat),
            Place::Area(_) => None,
        })
    }

    pub fn seats_here_count(&self) -> u32 {
        match &self.extras {
            None => u32::try_from(self.seats.len()).unwrap_or(u32::MAX),
            Some(_) => u32::try_from(self.seats_here().count()).unwrap_or(u32::MAX),
        }
    }

    pub fn extras_mut(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }
    pub fn attempt(&self) -> u32 {
        self.payment.as_ref().map_or(0, |payment| payment.attempt)
    }
}
