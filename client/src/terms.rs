//! On what terms an event is sold: limits, fees, promotions, and channels with what is kept for them.

use rowlock_proto::v1::command::Kind;
use rowlock_proto::v1::query::Kind as Query;
use rowlock_proto::v1::query_reply::Kind as Found;
use rowlock_proto::v1::terms_command::Kind as Ask;
use rowlock_proto::{BookingId, EventId, RequestKey, UserId, v1};

use crate::calls::{booking, done};
use crate::client::Client;
use crate::error::Error;
use crate::types::{Answered, Booking, Cart};
use crate::wire::{self, Unreadable};

/// 0 means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// A sum of money, in minor units or as a part of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    PerPlace(u64),
    PerBooking(u64),
    /// Hundredths of a percent.
    Share(u32),
}

/// What is paid besides the places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fee {
    pub name: String,
    pub sum: Sum,
    /// Indexes into the map's categories; none: all.
    pub categories: Vec<u32>,
}

/// What a promotion takes off. It never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    pub code: String,
    pub discount: Sum,
    pub categories: Vec<u32>,
    /// Live bookings that may have it, of all and of one user; 0: any number.
    pub uses_max: u32,
    pub uses_per_user_max: u32,
    /// Places that a booking must have for it.
    pub places_min: u32,
    /// From when, and up to when it may be asked for; 0: always.
    pub from_ms: u64,
    pub until_ms: u64,
    pub closed: bool,
}

/// A way to buy: a presale, a sponsor, the box office.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    pub name: String,
    /// When it is sold through it; 0: when the event is.
    pub opens_ms: u64,
    pub closes_ms: u64,
    /// Places that may go through it at one time; 0: any number.
    pub places_max: u32,
    /// Places that are kept for it: category and count.
    pub quotas: Vec<(u32, u32)>,
    /// What was kept for it went back to all, and it is closed.
    pub released: bool,
}

/// An access code, and the live bookings that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessCode {
    pub code: String,
    pub channel: String,
    /// 0: any number.
    pub uses_max: u32,
    pub uses: u32,
    pub revoked: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTerms {
    pub limits: Limits,
    /// Those in force.
    pub fees: Vec<Fee>,
    /// With the live bookings that have them.
    pub promotions: Vec<(Promotion, u32)>,
    /// With the places that are held or sold through them, and the seats that are kept by name.
    pub channels: Vec<(Channel, u32, Vec<u32>)>,
    /// A page of them, and whether there are more.
    pub codes: Vec<AccessCode>,
    pub more_codes: bool,
}

/// What happened to the terms of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TermsChange {
    LimitsSet(Limits),
    /// The version of fees that is in force.
    FeesSet(u32),
    ChannelPut(String),
    SeatsKept {
        channel: String,
        seats: Vec<u32>,
    },
    SeatsFreed(Vec<u32>),
    ChannelReleased(String),
    CodesAdded {
        channel: String,
        count: u32,
    },
    CodesRevoked(u32),
    PromotionAdded(String),
    PromotionClosed(String),
    /// Without a code: it was taken off.
    PromotionApplied {
        booking: BookingId,
        code: String,
    },
}

impl Client {
    async fn set_terms(
        &self,
        event: EventId,
        ask: Ask,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let kind = Kind::Terms(v1::TermsCommand { kind: Some(ask) });
        self.write(event.slot(), principal, key, kind, done).await
    }

    pub async fn set_limits(
        &self,
        event: EventId,
        limits: Limits,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let Limits { places_per_order_max, held_places_max, lapsed_holds_max, no_single_seats } =
            limits;
        let limits =
            v1::Limits { places_per_order_max, held_places_max, lapsed_holds_max, no_single_seats };
        let ask = v1::SetLimits { event: wire::id(event.to_bytes()), limits: Some(limits) };
        self.set_terms(event, Ask::SetLimits(ask), principal, key).await
    }

    /// From now on; bookings keep the fees that they were made under.
    pub async fn set_fees(
        &self,
        event: EventId,
        fees: Vec<Fee>,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let fees = fees.into_iter().map(fee_out).collect();
        let ask = v1::SetFees { event: wire::id(event.to_bytes()), fees };
        self.set_terms(event, Ask::SetFees(ask), principal, key).await
    }

    /// A price for each category of the map. What is held or sold keeps its price.
    pub async fn reprice(
        &self,
        event: EventId,
        prices: Vec<u64>,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let ask = v1::Reprice { event: wire::id(event.to_bytes()), prices };
        self.set_terms(event, Ask::Reprice(ask), principal, key).await
    }

    /// Adds a channel, or moves the times of one.
    pub async fn put_channel(
        &self,
        event: EventId,
        channel: Channel,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let channel = Some(channel_out(channel));
        let ask = v1::PutChannel { event: wire::id(event.to_bytes()), channel };
        self.set_terms(event, Ask::PutChannel(ask), principal, key).await
    }

    /// Keeps free seats for a channel, all or none.
    pub async fn keep_seats(
        &self,
        event: EventId,
        channel: &str,
        seats: &[u32],
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let (channel, seats) = (channel.to_owned(), seats.to_vec());
        let ask = v1::KeepSeats { event: wire::id(event.to_bytes()), channel, seats };
        self.set_terms(event, Ask::KeepSeats(ask), principal, key).await
    }

    /// Kept seats go back to all.
    pub async fn free_seats(
        &self,
        event: EventId,
        seats: &[u32],
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let ask = v1::FreeSeats { event: wire::id(event.to_bytes()), seats: seats.to_vec() };
        self.set_terms(event, Ask::FreeSeats(ask), principal, key).await
    }

    /// All that is kept for a channel goes back, and it is closed for good.
    pub async fn release_channel(
        &self,
        event: EventId,
        channel: &str,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let channel = channel.to_owned();
        let ask = v1::ReleaseChannel { event: wire::id(event.to_bytes()), channel };
        self.set_terms(event, Ask::ReleaseChannel(ask), principal, key).await
    }

    /// Codes that let into a channel, each for so many live bookings; 0: any number.
    pub async fn add_codes(
        &self,
        event: EventId,
        channel: &str,
        uses_max: u32,
        codes: Vec<String>,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let (id, channel) = (wire::id(event.to_bytes()), channel.to_owned());
        let ask = v1::AddCodes { event: id, channel, uses_max, codes };
        self.set_terms(event, Ask::AddCodes(ask), principal, key).await
    }

    /// Nothing more is held with these codes; what is held or sold stays.
    pub async fn revoke_codes(
        &self,
        event: EventId,
        codes: Vec<String>,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let ask = v1::RevokeCodes { event: wire::id(event.to_bytes()), codes };
        self.set_terms(event, Ask::RevokeCodes(ask), principal, key).await
    }

    pub async fn add_promotion(
        &self,
        event: EventId,
        promotion: Promotion,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let promotion = Some(promotion_out(promotion));
        let ask = v1::AddPromotion { event: wire::id(event.to_bytes()), promotion };
        self.set_terms(event, Ask::AddPromotion(ask), principal, key).await
    }

    /// No more bookings get it; those that have it keep it.
    pub async fn close_promotion(
        &self,
        event: EventId,
        code: &str,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let ask = v1::ClosePromotion { event: wire::id(event.to_bytes()), code: code.to_owned() };
        self.set_terms(event, Ask::ClosePromotion(ask), principal, key).await
    }

    /// Puts a promotion on a live hold, in place of the one that it had; empty: takes it off.
    pub async fn apply_promotion(
        &self,
        id: BookingId,
        code: &str,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Booking>, Error> {
        let ask = v1::ApplyPromotion { booking: wire::id(id.to_bytes()), code: code.to_owned() };
        let kind = Kind::Terms(v1::TermsCommand { kind: Some(Ask::ApplyPromotion(ask)) });
        self.write(id.slot(), principal, key, kind, booking).await
    }

    /// Holds several kinds of places, all or none, for somebody with an access code.
    pub async fn hold_with_code(
        &self,
        event: EventId,
        cart: Cart,
        code: &str,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Booking>, Error> {
        let cart = Some(wire::cart_out(event, cart));
        let ask = Ask::Hold(v1::HoldWithCode { cart, code: code.to_owned() });
        let kind = Kind::Terms(v1::TermsCommand { kind: Some(ask) });
        self.write(event.slot(), principal, key, kind, booking).await
    }

    /// The terms of an event, with access codes from number `after_code` on.
    pub async fn terms(
        &self,
        event: EventId,
        after_code: u32,
        limit: u32,
    ) -> Result<Answered<EventTerms>, Error> {
        let query = v1::GetTerms { event: wire::id(event.to_bytes()), after_code, limit };
        self.read(event.slot(), Query::GetTerms(query), |found| match found {
            Found::EventTerms(terms) => Some(event_terms(terms)),
            _ => None,
        })
        .await
    }
}

const fn limits(wire: v1::Limits) -> Limits {
    let v1::Limits { places_per_order_max, held_places_max, lapsed_holds_max, no_single_seats } =
        wire;
    Limits { places_per_order_max, held_places_max, lapsed_holds_max, no_single_seats }
}

/// `None`: a kind that this client is too old to know.
pub(crate) fn change(wire: v1::TermsChanged) -> Result<Option<(EventId, TermsChange)>, Unreadable> {
    use v1::terms_changed::Kind;
    let event = wire::event_id(&wire.event)?;
    let Some(kind) = wire.kind else { return Ok(None) };
    let change = match kind {
        Kind::LimitsSet(wire) => TermsChange::LimitsSet(limits(wire)),
        Kind::FeesSet(version) => TermsChange::FeesSet(version),
        Kind::ChannelPut(channel) => TermsChange::ChannelPut(channel),
        Kind::SeatsKept(v1::KeptSeats { channel, seats }) => {
            TermsChange::SeatsKept { channel, seats }
        }
        Kind::SeatsFreed(v1::KeptSeats { channel: _, seats }) => TermsChange::SeatsFreed(seats),
        Kind::ChannelReleased(channel) => TermsChange::ChannelReleased(channel),
        Kind::CodesAdded(v1::CodesChanged { channel, count }) => {
            TermsChange::CodesAdded { channel, count }
        }
        Kind::CodesRevoked(count) => TermsChange::CodesRevoked(count),
        Kind::PromotionAdded(code) => TermsChange::PromotionAdded(code),
        Kind::PromotionClosed(code) => TermsChange::PromotionClosed(code),
        Kind::PromotionApplied(v1::ApplyPromotion { booking, code }) => {
            TermsChange::PromotionApplied { booking: wire::booking_id(&booking)?, code }
        }
    };
    Ok(Some((event, change)))
}

fn fee_out(fee: Fee) -> v1::Fee {
    use v1::fee::Kind;
    let kind = match fee.sum {
        Sum::PerPlace(minor) => Kind::PerPlace(minor),
        Sum::PerBooking(minor) => Kind::PerBooking(minor),
        Sum::Share(hundredths) => Kind::Share(hundredths),
    };
    v1::Fee { name: fee.name, kind: Some(kind), categories: fee.categories }
}

fn fee(wire: v1::Fee) -> Result<Fee, Unreadable> {
    use v1::fee::Kind;
    let sum = match wire.kind.ok_or(Unreadable("fee"))? {
        Kind::PerPlace(minor) => Sum::PerPlace(minor),
        Kind::PerBooking(minor) => Sum::PerBooking(minor),
        Kind::Share(hundredths) => Sum::Share(hundredths),
    };
    Ok(Fee { name: wire.name, sum, categories: wire.categories })
}

fn promotion_out(it: Promotion) -> v1::Promotion {
    use v1::promotion::Discount;
    let discount = match it.discount {
        Sum::Share(hundredths) => Discount::Share(hundredths),
        Sum::PerPlace(minor) => Discount::PerPlace(minor),
        Sum::PerBooking(minor) => Discount::PerBooking(minor),
    };
    v1::Promotion {
        code: it.code,
        discount: Some(discount),
        categories: it.categories,
        uses_max: it.uses_max,
        uses_per_user_max: it.uses_per_user_max,
        places_min: it.places_min,
        from_ms: it.from_ms,
        until_ms: it.until_ms,
        closed: it.closed,
    }
}

fn promotion(wire: v1::Promotion) -> Result<Promotion, Unreadable> {
    use v1::promotion::Discount;
    let discount = match wire.discount.ok_or(Unreadable("promotion"))? {
        Discount::Share(hundredths) => Sum::Share(hundredths),
        Discount::PerPlace(minor) => Sum::PerPlace(minor),
        Discount::PerBooking(minor) => Sum::PerBooking(minor),
    };
    Ok(Promotion {
        code: wire.code,
        discount,
        categories: wire.categories,
        uses_max: wire.uses_max,
        uses_per_user_max: wire.uses_per_user_max,
        places_min: wire.places_min,
        from_ms: wire.from_ms,
        until_ms: wire.until_ms,
        closed: wire.closed,
    })
}

fn channel_out(it: Channel) -> v1::Channel {
    let quota = |(category, count)| v1::Quota { category, count };
    v1::Channel {
        name: it.name,
        opens_ms: it.opens_ms,
        closes_ms: it.closes_ms,
        places_max: it.places_max,
        quotas: it.quotas.into_iter().map(quota).collect(),
        released: it.released,
    }
}

fn channel(wire: v1::Channel) -> Channel {
    Channel {
        name: wire.name,
        opens_ms: wire.opens_ms,
        closes_ms: wire.closes_ms,
        places_max: wire.places_max,
        quotas: wire.quotas.into_iter().map(|quota| (quota.category, quota.count)).collect(),
        released: wire.released,
    }
}

fn event_terms(wire: v1::EventTerms) -> Result<EventTerms, Unreadable> {
    let with_uses = |it: v1::PromotionUse| {
        Ok((promotion(it.promotion.ok_or(Unreadable("promotion"))?)?, it.uses))
    };
    let with_places = |it: v1::ChannelUse| {
        Ok((channel(it.channel.ok_or(Unreadable("channel"))?), it.places, it.kept))
    };
    let code = |it: v1::CodeUse| {
        let v1::CodeUse { code, channel, uses_max, uses, revoked } = it;
        AccessCode { code, channel, uses_max, uses, revoked }
    };
    Ok(EventTerms {
        limits: limits(wire.limits.unwrap_or_default()),
        fees: wire.fees.into_iter().map(fee).collect::<Result<_, _>>()?,
        promotions: wire.promotions.into_iter().map(with_uses).collect::<Result<_, _>>()?,
        channels: wire.channels.into_iter().map(with_places).collect::<Result<_, _>>()?,
        codes: wire.codes.into_iter().map(code).collect(),
        more_codes: wire.more_codes,
    })
}
