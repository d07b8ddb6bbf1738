//! The terms of an event as an organiser sees them.

use rowlock_proto::ids::EventId;

use super::super::State;
use super::{AccessCode, Channel, Fee, Limits, Promotion};

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TermsView {
    pub limits: Limits,
    /// Those in force.
    pub fees: Vec<Fee>,
    pub promotions: Vec<PromotionView>,
    pub channels: Vec<ChannelView>,
    /// A page of them.
    pub codes: Vec<CodeView>,
    pub more_codes: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotionView {
    pub promotion: Promotion,
    /// Live bookings that have it.
    pub uses: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelView {
    pub channel: Channel,
    /// Places that are held or sold through it.
    pub places: u32,
    /// Seats that are kept for it by name.
    pub kept: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeView {
    pub code: AccessCode,
    pub channel: String,
    pub uses: u32,
}

/// Access codes of one page.
const PAGE_MAX: usize = 1_000;

impl State {
    /// Uses may include holds that are due and not retired yet. Codes come from number `after` on.
    pub fn terms_of(&self, id: EventId, after: u32, limit: usize) -> Option<TermsView> {
        let event = self.events.get(&id)?;
        event.assert_whole();
        let Some(terms) = event.terms.as_deref() else { return Some(TermsView::default()) };
        let promotion = |(no, promotion): (u16, &Promotion)| PromotionView {
            promotion: promotion.clone(),
            uses: terms.used.promotions.get(&no).copied().unwrap_or(0),
        };
        let channel = |(no, channel): (u8, &Channel)| {
            let kept = terms.kept.iter().filter(|&(_, &by)| by == no);
            ChannelView {
                channel: channel.clone(),
                places: terms.used.places.get(&no).copied().unwrap_or(0),
                kept: kept.map(|(&seat, _)| seat).collect(),
            }
        };
        let code = |(no, code): (u32, &AccessCode)| CodeView {
            code: code.clone(),
            channel: terms.channel(code.channel).map(|it| it.name.clone()).unwrap_or_default(),
            uses: terms.used.codes.get(&no).copied().unwrap_or(0),
        };
        let skip = usize::try_from(after).ok()?;
        let limit = limit.min(PAGE_MAX);
        let rest = (1..).zip(&terms.codes).skip(skip);
        Some(TermsView {
            limits: terms.limits,
            fees: terms.fees.last().cloned().unwrap_or_default(),
            promotions: (1..).zip(&terms.promotions).map(promotion).collect(),
            channels: (1..).zip(&terms.channels).map(channel).collect(),
            codes: rest.take(limit).map(code).collect(),
            more_codes: terms.codes.len() > skip.saturating_add(limit),
        })
    }
}
