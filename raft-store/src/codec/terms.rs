//! Commands, changes and records of the terms of events.

use bincode::{Decode, Encode};
use rowlock_proto::ids::{BookingId, EventId};

use super::command::CartV1;
use super::{Error, decode, encode};
use crate::inventory::terms::{
    AccessCode, Channel, Discount, Fee, FeeKind, Limits, Promotion, Terms,
};
use crate::inventory::{BookingTerms, TermsChange, TermsCommand};

/// The order of the variants is the format.
#[derive(Encode, Decode)]
pub(super) enum TermsCommandV1 {
    SetLimits([u8; 16], LimitsV1),
    SetFees([u8; 16], Vec<FeeV1>),
    Reprice([u8; 16], Vec<u64>),
    PutChannel([u8; 16], ChannelV1),
    KeepSeats([u8; 16], String, Vec<u32>),
    FreeSeats([u8; 16], Vec<u32>),
    ReleaseChannel([u8; 16], String),
    AddCodes { event: [u8; 16], channel: String, uses_max: u32, codes: Vec<String> },
    RevokeCodes([u8; 16], Vec<String>),
    AddPromotion([u8; 16], PromotionV1),
    ClosePromotion([u8; 16], String),
    ApplyPromotion { booking: [u8; 16], code: String },
    Hold { event: [u8; 16], cart: CartV1, code: String },
}

/// Places of an order, places on hold, lapsed holds, and whether single seats may be left over.
type LimitsV1 = (u32, u32, u32, bool);

#[derive(Encode, Decode)]
pub(super) struct FeeV1 {
    name: String,
    kind: FeeKindV1,
    categories: Vec<u8>,
}

/// The order of the variants is the format.
#[derive(Encode, Decode)]
enum FeeKindV1 {
    PerPlace(u64),
    PerBooking(u64),
    Share(u32),
}

#[derive(Encode, Decode)]
pub(super) struct PromotionV1 {
    code: String,
    discount: DiscountV1,
    categories: Vec<u8>,
    uses_max: u32,
    uses_per_user_max: u32,
    places_min: u32,
    from_ms: u64,
    until_ms: u64,
    closed: bool,
}

/// The order of the variants is the format.
#[derive(Encode, Decode)]
enum DiscountV1 {
    Share(u32),
    PerPlace(u64),
    PerBooking(u64),
}

#[derive(Encode, Decode)]
pub(super) struct ChannelV1 {
    name: String,
    opens_ms: u64,
    closes_ms: u64,
    places_max: u32,
    quotas: Vec<(u8, u32)>,
    released: bool,
}

const fn limits_v1(limits: Limits) -> LimitsV1 {
    let Limits { places_per_order_max, held_places_max, lapsed_holds_max, no_single_seats } =
        limits;
    (places_per_order_max, held_places_max, lapsed_holds_max, no_single_seats)
}

const fn limits(stored: LimitsV1) -> Limits {
    let (places_per_order_max, held_places_max, lapsed_holds_max, no_single_seats) = stored;
    Limits { places_per_order_max, held_places_max, lapsed_holds_max, no_single_seats }
}

impl From<&Fee> for FeeV1 {
    fn from(fee: &Fee) -> Self {
        let kind = match fee.kind {
            FeeKind::PerPlace(minor) => FeeKindV1::PerPlace(minor),
            FeeKind::PerBooking(minor) => FeeKindV1::PerBooking(minor),
            FeeKind::Share(hundredths) => FeeKindV1::Share(hundredths),
        };
        Self { name: fee.name.clone(), kind, categories: fee.categories.clone() }
    }
}

impl From<FeeV1> for Fee {
    fn from(stored: FeeV1) -> Self {
        let kind = match stored.kind {
            FeeKindV1::PerPlace(minor) => FeeKind::PerPlace(minor),
            FeeKindV1::PerBooking(minor) => FeeKind::PerBooking(minor),
            FeeKindV1::Share(hundredths) => FeeKind::Share(hundredths),
        };
        Self { name: stored.name, kind, categories: stored.categories }
    }
}

impl From<&Promotion> for PromotionV1 {
    fn from(promotion: &Promotion) -> Self {
        let discount = match promotion.discount {
            Discount::Share(hundredths) => DiscountV1::Share(hundredths),
            Discount::PerPlace(minor) => DiscountV1::PerPlace(minor),
            Discount::PerBooking(minor) => DiscountV1::PerBooking(minor),
        };
        Self {
            code: promotion.code.clone(),
            discount,
            categories: promotion.categories.clone(),
            uses_max: promotion.uses_max,
            uses_per_user_max: promotion.uses_per_user_max,
            places_min: promotion.places_min,
            from_ms: promotion.from_ms,
            until_ms: promotion.until_ms,
            closed: promotion.closed,
        }
    }
}

impl From<PromotionV1> for Promotion {
    fn from(stored: PromotionV1) -> Self {
        let discount = match stored.discount {
            DiscountV1::Share(hundredths) => Discount::Share(hundredths),
            DiscountV1::PerPlace(minor) => Discount::PerPlace(minor),
            DiscountV1::PerBooking(minor) => Discount::PerBooking(minor),
        };
        Self {
            code: stored.code,
            discount,
            categories: stored.categories,
            uses_max: stored.uses_max,
            uses_per_user_max: stored.uses_per_user_max,
            places_min: stored.places_min,
            from_ms: stored.from_ms,
            until_ms: stored.until_ms,
            closed: stored.closed,
        }
    }
}

impl From<&Channel> for ChannelV1 {
    fn from(channel: &Channel) -> Self {
        let Channel { name, opens_ms, closes_ms, places_max, quotas, released } = channel.clone();
        Self { name, opens_ms, closes_ms, places_max, quotas, released }
    }
}

impl From<ChannelV1> for Channel {
    fn from(stored: ChannelV1) -> Self {
        let ChannelV1 { name, opens_ms, closes_ms, places_max, quotas, released } = stored;
        Self { name, opens_ms, closes_ms, places_max, quotas, released }
    }
}

fn all<'a, A: 'a, B: From<&'a A>>(items: &'a [A]) -> Vec<B> {
    items.iter().map(B::from).collect()
}

fn back<A, B: From<A>>(items: Vec<A>) -> Vec<B> {
    items.into_iter().map(B::from).collect()
}

impl From<&TermsCommand> for TermsCommandV1 {
    fn from(command: &TermsCommand) -> Self {
        match command.clone() {
            TermsCommand::SetLimits { event, limits } => {
                Self::SetLimits(event.to_bytes(), limits_v1(limits))
            }
            TermsCommand::SetFees { event, fees } => Self::SetFees(event.to_bytes(), all(&fees)),
            TermsCommand::Reprice { event, prices } => Self::Reprice(event.to_bytes(), prices),
            TermsCommand::PutChannel { event, channel } => {
                Self::PutChannel(event.to_bytes(), channel.as_ref().into())
            }
            TermsCommand::KeepSeats { event, channel, seats } => {
                Self::KeepSeats(event.to_bytes(), channel, seats)
            }
            TermsCommand::FreeSeats { event, seats } => Self::FreeSeats(event.to_bytes(), seats),
            TermsCommand::ReleaseChannel { event, channel } => {
                Self::ReleaseChannel(event.to_bytes(), channel)
            }
            TermsCommand::AddCodes { event, channel, uses_max, codes } => {
                Self::AddCodes { event: event.to_bytes(), channel, uses_max, codes }
            }
            TermsCommand::RevokeCodes { event, codes } => {
                Self::RevokeCodes(event.to_bytes(), codes)
            }
            TermsCommand::AddPromotion { event, promotion } => {
                Self::AddPromotion(event.to_bytes(), promotion.as_ref().into())
            }
            TermsCommand::ClosePromotion { event, code } => {
                Self::ClosePromotion(event.to_bytes(), code)
            }
            TermsCommand::ApplyPromotion { booking, code } => {
                Self::ApplyPromotion { booking: booking.to_bytes(), code }
            }
            TermsCommand::Hold { event, cart, code } => {
                Self::Hold { event: event.to_bytes(), cart: cart.as_ref().into(), code }
            }
        }
    }
}

impl From<TermsCommandV1> for TermsCommand {
    fn from(stored: TermsCommandV1) -> Self {
        let id = EventId::from_bytes;
        match stored {
            TermsCommandV1::SetLimits(event, stored) => {
                Self::SetLimits { event: id(event), limits: limits(stored) }
            }
            TermsCommandV1::SetFees(event, fees) => {
                Self::SetFees { event: id(event), fees: back(fees) }
            }
            TermsCommandV1::Reprice(event, prices) => Self::Reprice { event: id(event), prices },
            TermsCommandV1::PutChannel(event, channel) => {
                Self::PutChannel { event: id(event), channel: Box::new(channel.into()) }
            }
            TermsCommandV1::KeepSeats(event, channel, seats) => {
                Self::KeepSeats { event: id(event), channel, seats }
            }
            TermsCommandV1::FreeSeats(event, seats) => Self::FreeSeats { event: id(event), seats },
            TermsCommandV1::ReleaseChannel(event, channel) => {
                Self::ReleaseChannel { event: id(event), channel }
            }
            TermsCommandV1::AddCodes { event, channel, uses_max, codes } => {
                Self::AddCodes { event: id(event), channel, uses_max, codes }
            }
            TermsCommandV1::RevokeCodes(event, codes) => {
                Self::RevokeCodes { event: id(event), codes }
            }
            TermsCommandV1::AddPromotion(event, promotion) => {
                Self::AddPromotion { event: id(event), promotion: Box::new(promotion.into()) }
            }
            TermsCommandV1::ClosePromotion(event, code) => {
                Self::ClosePromotion { event: id(event), code }
            }
            TermsCommandV1::ApplyPromotion { booking, code } => {
                Self::ApplyPromotion { booking: BookingId::from_bytes(booking), code }
            }
            TermsCommandV1::Hold { event, cart, code } => {
                Self::Hold { event: id(event), cart: Box::new(cart.into()), code }
            }
        }
    }
}

/// The order of the variants is the format.
#[derive(Encode, Decode)]
pub(super) enum TermsChangeV1 {
    LimitsSet(LimitsV1),
    FeesSet(u16),
    ChannelPut(String),
    SeatsKept(String, Vec<u32>),
    SeatsFreed(Vec<u32>),
    ChannelReleased(String),
    CodesAdded(String, u32),
    CodesRevoked(u32),
    PromotionAdded(String),
    PromotionClosed(String),
    PromotionApplied([u8; 16], String),
}

impl From<&TermsChange> for TermsChangeV1 {
    fn from(change: &TermsChange) -> Self {
        match change.clone() {
            TermsChange::LimitsSet { limits } => Self::LimitsSet(limits_v1(limits)),
            TermsChange::FeesSet { version } => Self::FeesSet(version),
            TermsChange::ChannelPut { channel } => Self::ChannelPut(channel),
            TermsChange::SeatsKept { channel, seats } => Self::SeatsKept(channel, seats),
            TermsChange::SeatsFreed { seats } => Self::SeatsFreed(seats),
            TermsChange::ChannelReleased { channel } => Self::ChannelReleased(channel),
            TermsChange::CodesAdded { channel, count } => Self::CodesAdded(channel, count),
            TermsChange::CodesRevoked { count } => Self::CodesRevoked(count),
            TermsChange::PromotionAdded { code } => Self::PromotionAdded(code),
            TermsChange::PromotionClosed { code } => Self::PromotionClosed(code),
            TermsChange::PromotionApplied { booking, code } => {
                Self::PromotionApplied(booking.to_bytes(), code)
            }
        }
    }
}

impl From<TermsChangeV1> for TermsChange {
    fn from(stored: TermsChangeV1) -> Self {
        match stored {
            TermsChangeV1::LimitsSet(stored) => Self::LimitsSet { limits: limits(stored) },
            TermsChangeV1::FeesSet(version) => Self::FeesSet { version },
            TermsChangeV1::ChannelPut(channel) => Self::ChannelPut { channel },
            TermsChangeV1::SeatsKept(channel, seats) => Self::SeatsKept { channel, seats },
            TermsChangeV1::SeatsFreed(seats) => Self::SeatsFreed { seats },
            TermsChangeV1::ChannelReleased(channel) => Self::ChannelReleased { channel },
            TermsChangeV1::CodesAdded(channel, count) => Self::CodesAdded { channel, count },
            TermsChangeV1::CodesRevoked(count) => Self::CodesRevoked { count },
            TermsChangeV1::PromotionAdded(code) => Self::PromotionAdded { code },
            TermsChangeV1::PromotionClosed(code) => Self::PromotionClosed { code },
            TermsChangeV1::PromotionApplied(booking, code) => {
                Self::PromotionApplied { booking: BookingId::from_bytes(booking), code }
            }
        }
    }
}

#[derive(Encode, Decode)]
struct TermsV1 {
    limits: LimitsV1,
    fees: Vec<Vec<FeeV1>>,
    promotions: Vec<PromotionV1>,
    channels: Vec<ChannelV1>,
    /// Code, channel, uses, and whether it was revoked.
    codes: Vec<(String, u8, u32, bool)>,
    /// Runs of kept seats: first, count, channel.
    kept: Vec<(u32, u32, u8)>,
}

/// The terms of one event; what is derived is not in it.
#[derive(Debug)]
pub struct TermsRecord;

impl TermsRecord {
    pub fn encode(terms: &Terms) -> Vec<u8> {
        let mut kept: Vec<(u32, u32, u8)> = Vec::new();
        for (&seat, &channel) in &terms.kept {
            match kept.last_mut() {
                Some((first, count, by)) if *by == channel && *first + *count == seat => {
                    *count += 1
                }
                _ => kept.push((seat, 1, channel)),
            }
        }
        let code = |it: &AccessCode| (it.code.clone(), it.channel, it.uses_max, it.revoked);
        let stored = TermsV1 {
            limits: limits_v1(terms.limits),
            fees: terms.fees.iter().map(|fees| all(fees)).collect(),
            promotions: all(&terms.promotions),
            channels: all(&terms.channels),
            codes: terms.codes.iter().map(code).collect(),
            kept,
        };
        encode(stored, 256)
    }

    pub fn decode(bytes: &[u8]) -> Result<Terms, Error> {
        let stored: TermsV1 = decode(bytes)?;
        let code =
            |(code, channel, uses_max, revoked)| AccessCode { code, channel, uses_max, revoked };
        let run = |(first, count, channel): (u32, u32, u8)| {
            (first..first.saturating_add(count)).map(move |seat| (seat, channel))
        };
        Ok(Terms {
            limits: limits(stored.limits),
            fees: stored.fees.into_iter().map(back).collect(),
            promotions: back(stored.promotions),
            channels: back(stored.channels),
            codes: stored.codes.into_iter().map(code).collect(),
            kept: stored.kept.into_iter().flat_map(run).collect(),
            ..Terms::default()
        })
    }
}

/// The terms that some of a block of bookings are under.
#[derive(Debug)]
pub struct BlockOfTerms;

/// Place in the block, fees, channel, code, promotion.
type UnderV1 = (u8, u16, u8, u32, u16);

impl BlockOfTerms {
    pub fn encode(terms: impl Iterator<Item = BookingTerms>) -> Vec<u8> {
        let under = (0_u8..).zip(terms).filter(|(_, it)| *it != BookingTerms::default());
        let stored: Vec<UnderV1> =
            under.map(|(at, it)| (at, it.fees, it.channel, it.code, it.promotion)).collect();
        encode(stored, 512)
    }

    pub fn decode(bytes: &[u8]) -> Result<Vec<(u8, BookingTerms)>, Error> {
        let stored: Vec<UnderV1> = decode(bytes)?;
        let under = |(at, fees, channel, code, promotion)| {
            (at, BookingTerms { fees, channel, code, promotion })
        };
        Ok(stored.into_iter().map(under).collect())
    }
}
