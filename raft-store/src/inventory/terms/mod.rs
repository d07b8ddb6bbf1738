//! On what terms an event is sold: limits, fees, promotion codes, and channels with what is kept for them.
//!
//! All of it is data of the event. What a booking was made under never changes for it: fees and
//! promotions are only ever added, under numbers that bookings name.
//!
//! Invariants (checked by [`audit`]):
//! - A promotion, an access code or a channel has no more live bookings or places than it allows.
//! - What is derived (uses, places taken, free seats by category) follows from the bookings alone.
//! - A place that is kept for a channel is sold through no other: seats by name, places by number.
//!
//! What could go wrong, and what answers it:
//! - Two buyers, one use left of a code: uses are counted where seats are given, so the second is refused.
//! - A hold that is due still counts as a use: of an event with terms, due holds are retired first.
//! - Prices or fees change under a cart: a booking keeps its prices and the fees it was made under.
//! - A late success comes back when its promotion is used up: the money goes back instead.

mod apply;
mod channel;
mod command;
mod judge;
mod price;
mod strand;
mod used;
mod view;

use std::collections::BTreeMap;

pub use self::command::TermsCommand;
pub(super) use self::judge::{Asked, Stays};
pub use self::price::Price;
pub use self::used::Used;
pub(super) use self::used::{audit, is_lapsed};
pub use self::view::{ChannelView, CodeView, PromotionView, TermsView};

/// Fees that were ever set, promotions that ever were.
pub const FEES_MAX: usize = 1_000;
pub const PROMOTIONS_MAX: usize = 10_000;
pub const CHANNELS_MAX: usize = 100;
pub const CODES_MAX: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Terms {
    pub limits: Limits,
    /// Versions, the last one in force; bookings name theirs, counted from 1.
    pub fees: Vec<Vec<Fee>>,
    pub promotions: Vec<Promotion>,
    pub channels: Vec<Channel>,
    pub codes: Vec<AccessCode>,
    /// Number of the channel that a seat is kept for.
    pub kept: BTreeMap<u32, u8>,

    /// Derived.
    pub used: Used,
    pub numbers: Numbers,
}

/// Numbers of codes, by the code.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Numbers {
    promotions: BTreeMap<String, u16>,
    codes: BTreeMap<String, u32>,
}

/// 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Limits {
    /// Places of one hold.
    pub places_per_order_max: u32,
    /// Places that one user may have on hold at one time, in payment included.
    pub held_places_max: u32,
    /// Holds of one user that may end unpaid; after that there are no more.
    pub lapsed_holds_max: u32,
    /// A hold by name may not leave a single seat over, where it could do without.
    pub no_single_seats: bool,
}

/// What is paid besides the places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fee {
    pub name: String,
    pub kind: FeeKind,
    /// Categories of places that it is for; none: all.
    pub categories: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeeKind {
    /// Minor units for each place.
    PerPlace(u64),
    /// Minor units, once, if there is any such place.
    PerBooking(u64),
    /// Hundredths of a percent of what the places cost after the discount, rounded half up.
    Share(u32),
}

/// What a promotion takes off. Never changes: bookings name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    pub code: String,
    pub discount: Discount,
    /// Categories of places that it is for; none: all.
    pub categories: Vec<u8>,
    /// Live bookings that may have it; 0: any number.
    pub uses_max: u32,
    /// Live bookings of one user that may have it; 0: any number.
    pub uses_per_user_max: u32,
    /// Places that a booking must have for it.
    pub places_min: u32,
    /// From when, and up to when it may be asked for; 0: always.
    pub from_ms: u64,
    pub until_ms: u64,
    pub closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discount {
    /// Hundredths of a percent of the places that it is for, rounded down.
    Share(u32),
    /// Minor units off each place, down to nothing.
    PerPlace(u64),
    /// Minor units off all of them together, down to nothing.
    PerBooking(u64),
}

/// A way to buy: a presale, a sponsor, the box office.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Channel {
    pub name: String,
    /// When it is sold through it; 0: when the event is.
    pub opens_ms: u64,
    pub closes_ms: u64,
    /// Places that may go through it at one time; 0: any number.
    pub places_max: u32,
    /// Places that are kept for it: category and count.
    pub quotas: Vec<(u8, u32)>,
    /// What was kept for it went back to all, and it is closed.
    pub released: bool,
}

/// What lets a buyer into a channel.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AccessCode {
    pub code: String,
    /// Counted from 1.
    pub channel: u8,
    /// Live bookings that may have it; 0: any number.
    pub uses_max: u32,
    pub revoked: bool,
}

impl Terms {
    pub fn has_quotas(&self) -> bool {
        self.channels.iter().any(|channel| !channel.quotas.is_empty())
    }

    /// The version of fees that a booking made now is under.
    pub fn fees_now(&self) -> u16 {
        u16::try_from(self.fees.len()).unwrap_or(u16::MAX)
    }

    /// Number of the channel with this name, from 1.
    pub fn channel_no(&self, name: &str) -> Option<u8> {
        let place = self.channels.iter().position(|channel| channel.name == name)?;
        u8::try_from(place + 1).ok()
    }

    pub fn channel(&self, no: u8) -> Option<&Channel> {
        self.channels.get(usize::from(no).checked_sub(1)?)
    }

    pub fn promotion(&self, no: u16) -> Option<&Promotion> {
        self.promotions.get(usize::from(no).checked_sub(1)?)
    }

    pub fn code(&self, no: u32) -> Option<&AccessCode> {
        self.codes.get(usize::try_from(no.checked_sub(1)?).ok()?)
    }

    /// Number of the promotion with this code, from 1.
    pub fn promotion_no(&self, code: &str) -> Option<u16> {
        self.numbers.promotions.get(code).copied()
    }

    /// Number of the access code, from 1.
    pub fn code_no(&self, code: &str) -> Option<u32> {
        self.numbers.codes.get(code).copied()
    }

    fn number_codes(&mut self) {
        let promotions = (1..).zip(&self.promotions);
        let codes = (1..).zip(&self.codes);
        self.numbers = Numbers {
            promotions: promotions.map(|(no, it)| (it.code.clone(), no)).collect(),
            codes: codes.map(|(no, it)| (it.code.clone(), no)).collect(),
        };
    }
}
