//! The terms of events on the wire, both ways.

use bytes::Bytes;
use rowlock_proto::v1;
use rowlock_raft_store::inventory::terms::{
    Channel, ChannelView, CodeView, Discount, Fee, FeeKind, Limits, Promotion, PromotionView,
};
use rowlock_raft_store::inventory::{Refusal, TermsChange, TermsCommand, TermsView};

use super::command::{booking, cart, event, malformed};
use v1::terms_changed::Kind as Changed;
use v1::terms_command::Kind;

pub(super) fn command(wire: v1::TermsCommand) -> Result<TermsCommand, Refusal> {
    let kind = wire.kind.ok_or_else(|| malformed("a command about terms without one"))?;
    Ok(match kind {
        Kind::SetLimits(v1::SetLimits { event: id, limits: wire }) => {
            let limits = limits(wire.unwrap_or_default());
            TermsCommand::SetLimits { event: event(&id)?, limits }
        }
        Kind::SetFees(v1::SetFees { event: id, fees }) => {
            let fees = fees.into_iter().map(fee).collect::<Result<_, _>>()?;
            TermsCommand::SetFees { event: event(&id)?, fees }
        }
        Kind::Reprice(v1::Reprice { event: id, prices }) => {
            TermsCommand::Reprice { event: event(&id)?, prices }
        }
        Kind::PutChannel(v1::PutChannel { event: id, channel: wire }) => {
            let channel = Box::new(channel(wire.unwrap_or_default())?);
            TermsCommand::PutChannel { event: event(&id)?, channel }
        }
        Kind::KeepSeats(v1::KeepSeats { event: id, channel, seats }) => {
            TermsCommand::KeepSeats { event: event(&id)?, channel, seats }
        }
        Kind::FreeSeats(v1::FreeSeats { event: id, seats }) => {
            TermsCommand::FreeSeats { event: event(&id)?, seats }
        }
        Kind::ReleaseChannel(v1::ReleaseChannel { event: id, channel }) => {
            TermsCommand::ReleaseChannel { event: event(&id)?, channel }
        }
        Kind::AddCodes(v1::AddCodes { event: id, channel, uses_max, codes }) => {
            TermsCommand::AddCodes { event: event(&id)?, channel, uses_max, codes }
        }
        Kind::RevokeCodes(v1::RevokeCodes { event: id, codes }) => {
            TermsCommand::RevokeCodes { event: event(&id)?, codes }
        }
        Kind::AddPromotion(v1::AddPromotion { event: id, promotion: wire }) => {
            let promotion = Box::new(promotion(wire.unwrap_or_default())?);
            TermsCommand::AddPromotion { event: event(&id)?, promotion }
        }
        Kind::ClosePromotion(v1::ClosePromotion { event: id, code }) => {
            TermsCommand::ClosePromotion { event: event(&id)?, code }
        }
        Kind::ApplyPromotion(v1::ApplyPromotion { booking: id, code }) => {
            TermsCommand::ApplyPromotion { booking: booking(&id)?, code }
        }
        Kind::Hold(v1::HoldWithCode { cart: wire, code }) => {
            let wire = wire.ok_or_else(|| malformed("a hold without a cart"))?;
            let id = event(&wire.event)?;
            TermsCommand::Hold { event: id, cart: Box::new(cart(wire)?), code }
        }
    })
}

const fn limits(wire: v1::Limits) -> Limits {
    Limits {
        places_per_order_max: wire.places_per_order_max,
        held_places_max: wire.held_places_max,
        lapsed_holds_max: wire.lapsed_holds_max,
        no_single_seats: wire.no_single_seats,
    }
}

const fn limits_out(limits: Limits) -> v1::Limits {
    v1::Limits {
        places_per_order_max: limits.places_per_order_max,
        held_places_max: limits.held_places_max,
        lapsed_holds_max: limits.lapsed_holds_max,
        no_single_seats: limits.no_single_seats,
    }
}

fn category(number: u32) -> Result<u8, Refusal> {
    u8::try_from(number).map_err(|_| malformed("a category that is not there"))
}

fn categories(numbers: Vec<u32>) -> Result<Vec<u8>, Refusal> {
    numbers.into_iter().map(category).collect()
}

fn numbers(categories: Vec<u8>) -> Vec<u32> {
    categories.into_iter().map(u32::from).collect()
}

fn fee(wire: v1::Fee) -> Result<Fee, Refusal> {
    use v1::fee::Kind;
    let kind = match wire.kind.ok_or_else(|| malformed("a fee of no kind"))? {
        Kind::PerPlace(minor) => FeeKind::PerPlace(minor),
        Kind::PerBooking(minor) => FeeKind::PerBooking(minor),
        Kind::Share(hundredths) => FeeKind::Share(hundredths),
    };
    Ok(Fee { name: wire.name, kind, categories: categories(wire.categories)? })
}

fn fee_out(fee: Fee) -> v1::Fee {
    use v1::fee::Kind;
    let kind = match fee.kind {
        FeeKind::PerPlace(minor) => Kind::PerPlace(minor),
        FeeKind::PerBooking(minor) => Kind::PerBooking(minor),
        FeeKind::Share(hundredths) => Kind::Share(hundredths),
    };
    v1::Fee { name: fee.name, kind: Some(kind), categories: numbers(fee.categories) }
}

fn channel(wire: v1::Channel) -> Result<Channel, Refusal> {
    let quota = |quota: v1::Quota| Ok((category(quota.category)?, quota.count));
    Ok(Channel {
        name: wire.name,
        opens_ms: wire.opens_ms,
        closes_ms: wire.closes_ms,
        places_max: wire.places_max,
        quotas: wire.quotas.into_iter().map(quota).collect::<Result<_, Refusal>>()?,
        released: false,
    })
}

fn channel_out(channel: Channel) -> v1::Channel {
    let quota = |(category, count): (u8, u32)| v1::Quota { category: category.into(), count };
    v1::Channel {
        name: channel.name,
        opens_ms: channel.opens_ms,
        closes_ms: channel.closes_ms,
        places_max: channel.places_max,
        quotas: channel.quotas.into_iter().map(quota).collect(),
        released: channel.released,
    }
}

fn promotion(wire: v1::Promotion) -> Result<Promotion, Refusal> {
    use v1::promotion::Discount as Wire;
    let discount = match wire.discount.ok_or_else(|| malformed("a promotion without a discount"))? {
        Wire::Share(hundredths) => Discount::Share(hundredths),
        Wire::PerPlace(minor) => Discount::PerPlace(minor),
        Wire::PerBooking(minor) => Discount::PerBooking(minor),
    };
    Ok(Promotion {
        code: wire.code,
        discount,
        categories: categories(wire.categories)?,
        uses_max: wire.uses_max,
        uses_per_user_max: wire.uses_per_user_max,
        places_min: wire.places_min,
        from_ms: wire.from_ms,
        until_ms: wire.until_ms,
        closed: false,
    })
}

fn promotion_out(promotion: Promotion) -> v1::Promotion {
    use v1::promotion::Discount as Wire;
    let discount = match promotion.discount {
        Discount::Share(hundredths) => Wire::Share(hundredths),
        Discount::PerPlace(minor) => Wire::PerPlace(minor),
        Discount::PerBooking(minor) => Wire::PerBooking(minor),
    };
    v1::Promotion {
        code: promotion.code,
        discount: Some(discount),
        categories: numbers(promotion.categories),
        uses_max: promotion.uses_max,
        uses_per_user_max: promotion.uses_per_user_max,
        places_min: promotion.places_min,
        from_ms: promotion.from_ms,
        until_ms: promotion.until_ms,
        closed: promotion.closed,
    }
}

pub(super) fn view(view: TermsView) -> v1::EventTerms {
    let promotion = |it: PromotionView| v1::PromotionUse {
        promotion: Some(promotion_out(it.promotion)),
        uses: it.uses,
    };
    let channel = |it: ChannelView| v1::ChannelUse {
        channel: Some(channel_out(it.channel)),
        places: it.places,
        kept: it.kept,
    };
    let code = |it: CodeView| v1::CodeUse {
        code: it.code.code,
        channel: it.channel,
        uses_max: it.code.uses_max,
        uses: it.uses,
        revoked: it.code.revoked,
    };
    v1::EventTerms {
        limits: Some(limits_out(view.limits)),
        fees: view.fees.into_iter().map(fee_out).collect(),
        promotions: view.promotions.into_iter().map(promotion).collect(),
        channels: view.channels.into_iter().map(channel).collect(),
        codes: view.codes.into_iter().map(code).collect(),
        more_codes: view.more_codes,
    }
}

pub(super) fn changed(event: Bytes, change: TermsChange) -> v1::TermsChanged {
    let kind = match change {
        TermsChange::LimitsSet { limits } => Changed::LimitsSet(limits_out(limits)),
        TermsChange::FeesSet { version } => Changed::FeesSet(version.into()),
        TermsChange::ChannelPut { channel } => Changed::ChannelPut(channel),
        TermsChange::SeatsKept { channel, seats } => {
            Changed::SeatsKept(v1::KeptSeats { channel, seats })
        }
        TermsChange::SeatsFreed { seats } => {
            Changed::SeatsFreed(v1::KeptSeats { channel: String::new(), seats })
        }
        TermsChange::ChannelReleased { channel } => Changed::ChannelReleased(channel),
        TermsChange::CodesAdded { channel, count } => {
            Changed::CodesAdded(v1::CodesChanged { channel, count })
        }
        TermsChange::CodesRevoked { count } => Changed::CodesRevoked(count),
        TermsChange::PromotionAdded { code } => Changed::PromotionAdded(code),
        TermsChange::PromotionClosed { code } => Changed::PromotionClosed(code),
        TermsChange::PromotionApplied { booking, code } => {
            let booking = Bytes::copy_from_slice(&booking.to_bytes());
            Changed::PromotionApplied(v1::ApplyPromotion { booking, code })
        }
    };
    v1::TermsChanged { event, kind: Some(kind) }
}
