//! Ids, their bits and their text.
//!
//! An id that belongs to an event carries the event's slot, so that it routes without a look-up and
//! survives any later change of the slot table:
//!
//! ```text
//! event, venue   128 random bits; slot = hash64(bytes) mod 4096
//! user           slot:12 rest:116            slot = that of the hash of what it was made from
//! booking        slot:12 event_no:20 seq:28 tag:68
//! ticket         slot:12 event_no:20 seq:28 item:8 tag:60
//! seat           event tag:64 index:32       the tag names the event, so a foreign seat shows
//! reference      BKG- and twelve digits: the first 60 bits of the booking's id, scrambled
//! ```
//!
//! `event_no` numbers the events of a slot, `seq` the bookings of an event. The tags make ids hard
//! to guess; that a caller owns what they name is checked all the same.
//!
//! The text of an id is a prefix, a hyphen and Crockford's base 32 in lower case: URL-safe, without
//! letters that look alike. Reading accepts both cases.

use std::fmt;
use std::str::FromStr;

use crate::shard::{Slot, hash64, mix64};

/// The text is not an id of the kind that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind}")]
pub struct ParseIdError {
    /// What was expected, such as "booking id".
    pub kind: &'static str,
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The low `digits * 5` bits of `bits` as base 32, most significant digit first.
fn encode32(bits: u128, digits: u32, out: &mut String) {
    for place in (0..digits).rev() {
        let digit = (bits >> (place * 5)) as usize & 31;
        out.push(char::from(ALPHABET[digit]));
    }
}

/// The number that `text` writes in base 32, if it is that and fits 128 bits.
fn decode32(text: &str) -> Option<u128> {
    let mut bits = 0_u128;
    for byte in text.bytes() {
        let byte = byte.to_ascii_lowercase();
        let digit = ALPHABET.iter().position(|&letter| letter == byte)?;
        if bits >> 123 != 0 {
            return None;
        }
        bits = (bits << 5) | digit as u128;
    }
    Some(bits)
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    let rest = text.get(prefix.len()..)?.strip_prefix('-')?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

macro_rules! id128 {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl $name {
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }
            /// From the wire, where ids are sixteen raw bytes.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                Some(Self::from_bytes(bytes.try_into().ok()?))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = String::with_capacity($prefix.len() + 27);
                text.push_str($prefix);
                text.push('-');
                encode32(self.0, 26, &mut text);
                f.write_str(&text)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                strip_prefix(text, $prefix)
                    .filter(|digits| digits.len() == 26)
                    .and_then(decode32)
                    .map(Self)
                    .ok_or(ParseIdError { kind: $kind })
            }
        }
    };
}

id128! {
    /// An event: what seats are sold for.
    EventId, "evt", "event id"
}
id128! {
    /// A venue.
    VenueId, "ven", "venue id"
}
id128! {
    /// A person or program that acts. Never personal data: it may stand in the change feed.
    UserId, "usr", "user id"
}
id128! {
    /// A booking, from hold to end.
    BookingId, "bkg", "booking id"
}
id128! {
    /// A ticket: one seat of one confirmed booking.
    TicketId, "tkt", "ticket id"
}
id128! {
    /// An idempotency key: names a request, so that its retries have the effect of one.
    RequestKey, "req", "request key"
}

impl EventId {
    pub const fn slot(self) -> Slot {
        Slot::of(&self.to_bytes())
    }
    /// What stands for the event in its seats' ids.
    pub const fn tag(self) -> u64 {
        mix64(hash64(&self.to_bytes()))
    }
}

impl VenueId {
    pub const fn slot(self) -> Slot {
        Slot::of(&self.to_bytes())
    }
}

impl UserId {
    /// A user id in `slot`; the other bits come from `rest`.
    pub const fn new(slot: Slot, rest: u128) -> Self {
        Self(((slot.number() as u128) << 116) | (rest & (u128::MAX >> 12)))
    }
    pub const fn slot(self) -> Slot {
        Slot::from_low_bits((self.0 >> 116) as u64)
    }
    /// The user id that stands for a subject that is not one of ours: an outside issuer's user, or
    /// a name given on a command line. `digest` is a cryptographic hash of the subject.
    pub const fn of_subject_digest(digest: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(digest))
    }
}

/// Where a booking is: the first 60 bits of its id and of its tickets' ids.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BookingLocator {
    slot: Slot,
    event_no: u32,
    seq: u32,
}

/// Events that a slot can number.
pub const EVENTS_PER_SLOT_MAX: u32 = 1 << 20;
/// Bookings that an event can number.
pub const BOOKINGS_PER_EVENT_MAX: u32 = 1 << 28;
const MASK_60: u64 = (1 << 60) - 1;

impl BookingLocator {
    /// `None` if a number is past its bound.
    pub const fn new(slot: Slot, event_no: u32, seq: u32) -> Option<Self> {
        if event_no < EVENTS_PER_SLOT_MAX && seq < BOOKINGS_PER_EVENT_MAX {
            Some(Self { slot, event_no, seq })
        } else {
            None
        }
    }
    pub const fn slot(self) -> Slot {
        self.slot
    }
    pub const fn event_no(self) -> u32 {
        self.event_no
    }
    pub const fn seq(self) -> u32 {
        self.seq
    }
    /// 60 bits.
    pub const fn to_bits(self) -> u64 {
        ((self.slot.number() as u64) << 48) | ((self.event_no as u64) << 28) | self.seq as u64
    }
    #[expect(clippy::cast_possible_truncation, reason = "each part is masked to its width")]
    pub const fn from_bits(bits: u64) -> Self {
        Self {
            slot: Slot::from_low_bits(bits >> 48),
            event_no: (bits >> 28) as u32 & (EVENTS_PER_SLOT_MAX - 1),
            seq: bits as u32 & (BOOKINGS_PER_EVENT_MAX - 1),
        }
    }
}

impl BookingId {
    /// The tag is cut to 68 bits.
    pub const fn new(locator: BookingLocator, tag: u128) -> Self {
        Self(((locator.to_bits() as u128) << 68) | (tag & ((1 << 68) - 1)))
    }
    pub const fn locator(self) -> BookingLocator {
        BookingLocator::from_bits((self.0 >> 68) as u64)
    }
    pub const fn slot(self) -> Slot {
        self.locator().slot()
    }
    pub const fn reference(self) -> BookingReference {
        BookingReference(self.locator())
    }
    /// The id of the ticket for the `item`-th seat of this booking.
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is mixed")]
    pub const fn ticket(self, item: u8) -> TicketId {
        let tag = mix64(self.0 as u64 ^ ((item as u64) << 56)) & MASK_60;
        TicketId(((self.locator().to_bits() as u128) << 68) | ((item as u128) << 60) | tag as u128)
    }
}

impl TicketId {
    pub const fn locator(self) -> BookingLocator {
        BookingLocator::from_bits((self.0 >> 68) as u64)
    }
    pub const fn slot(self) -> Slot {
        self.locator().slot()
    }
    /// Place of the ticket's seat in its booking.
    #[expect(clippy::cast_possible_truncation, reason = "eight bits are wanted")]
    pub const fn item(self) -> u8 {
        (self.0 >> 60) as u8
    }
}

/// A booking's name for people: `BKG-` and twelve digits, the locator behind a bijection of 60
/// bits so that neighbours look unlike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BookingReference(pub BookingLocator);

const SCRAMBLE: u64 = 0x0cca_45b7_3d91_e6f5;
/// Inverse of `SCRAMBLE` modulo 2^60, by Newton's iteration (each step doubles the valid bits).
const UNSCRAMBLE: u64 = {
    let mut inverse = SCRAMBLE;
    let mut step = 0;
    while step < 6 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(SCRAMBLE.wrapping_mul(inverse)));
        step += 1;
    }
    inverse & MASK_60
};

const fn scramble(bits: u64) -> u64 {
    let bits = bits.wrapping_mul(SCRAMBLE) & MASK_60;
    let bits = bits ^ (bits >> 31);
    bits.wrapping_mul(SCRAMBLE) & MASK_60
}

const fn unscramble(bits: u64) -> u64 {
    let bits = bits.wrapping_mul(UNSCRAMBLE) & MASK_60;
    let bits = bits ^ (bits >> 31);
    bits.wrapping_mul(UNSCRAMBLE) & MASK_60
}

impl fmt::Display for BookingReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(12);
        encode32(u128::from(scramble(self.0.to_bits())), 12, &mut text);
        write!(f, "BKG-{}", text.to_ascii_uppercase())
    }
}

impl FromStr for BookingReference {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        strip_prefix(text, "BKG")
            .filter(|digits| digits.len() == 12)
            .and_then(decode32)
            .and_then(|bits| u64::try_from(bits).ok())
            .map(|bits| Self(BookingLocator::from_bits(unscramble(bits))))
            .ok_or(ParseIdError { kind: "booking reference" })
    }
}

/// A seat of an event, as the HTTP API names it: it says which event it is of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SeatId {
    event_tag: u64,
    index: u32,
}

impl SeatId {
    pub const fn new(event: EventId, index: u32) -> Self {
        Self { event_tag: event.tag(), index }
    }
    /// The seat's index in the event's map, if it is a seat of `event`.
    pub const fn index_in(self, event: EventId) -> Option<u32> {
        if self.event_tag == event.tag() { Some(self.index) } else { None }
    }
}

impl fmt::Display for SeatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(25);
        text.push_str("seat-");
        encode32(u128::from(self.event_tag) << 32 | u128::from(self.index), 20, &mut text);
        f.write_str(&text)
    }
}

impl FromStr for SeatId {
    type Err = ParseIdError;
    #[expect(clippy::cast_possible_truncation, reason = "the bits are cut into their parts")]
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        strip_prefix(text, "seat")
            .filter(|digits| digits.len() == 20)
            .and_then(decode32)
            .filter(|bits| bits >> 96 == 0)
            .map(|bits| Self { event_tag: (bits >> 32) as u64, index: bits as u32 })
            .ok_or(ParseIdError { kind: "seat id" })
    }
}

/// SHA-256 of a seat map's bytes: its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeatMapHash(pub [u8; 32]);

impl SeatMapHash {
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }
}

impl fmt::Display for SeatMapHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SeatMapHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A node of the cluster. Never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub u64);

/// One placement of a group on a node: what Raft calls a node id. Never used twice: a replica that
/// lost its disk would vote with an empty log under its old id and split its group.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ReplicaId(pub u64);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
