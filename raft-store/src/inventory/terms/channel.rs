//! What a buyer may take who comes through a channel, or through none (number 0).

use super::super::booking::Places;
use super::super::event::Event;
use super::super::planted::{Mistake, planted};
use super::Terms;

impl Terms {
    /// Whether a seat is kept for another channel.
    pub fn is_kept_from(&self, seat: u32, channel: u8) -> bool {
        self.kept.get(&seat).is_some_and(|&by| by != channel)
    }

    /// Places of a category that other channels may still fill.
    fn promised(&self, category: u8, channel: u8) -> u32 {
        let others = (1_u8..).zip(&self.channels).filter(|&(no, _)| no != channel);
        let left = |(no, it): (u8, &super::Channel)| {
            let quotas = it.quotas.iter().filter(|&&(of, _)| of == category);
            let quota: u32 = quotas.map(|&(_, count)| count).sum();
            quota.saturating_sub(self.used.quotas.get(&(no, category)).copied().unwrap_or(0))
        };
        others.map(left).fold(0, u32::saturating_add)
    }
}

impl Event {
    pub(in crate::inventory) fn is_kept_from(&self, seat: u32, channel: u8) -> bool {
        let terms = self.terms.as_deref();
        terms.is_some_and(|terms| terms.is_kept_from(seat, channel)) && !planted(Mistake::KeptSold)
    }

    /// Whether a buyer through `channel` may have the seat now.
    pub(in crate::inventory) fn is_free_for(&self, seat: u32, channel: u8) -> bool {
        self.is_free(seat) && !self.is_kept_from(seat, channel)
    }

    /// Places of a category that a buyer through `channel` may have, besides the seats that are kept for
    /// that channel by name; `None`: as many as are free.
    pub(super) fn headroom(&self, category: u8, channel: u8) -> Option<u32> {
        let terms = self.terms.as_deref().filter(|terms| terms.has_quotas())?;
        let promised = terms.promised(category, channel);
        if promised == 0 || planted(Mistake::QuotaSold) {
            return None;
        }
        let seats = terms.used.free.get(usize::from(category)).copied().unwrap_or(0);
        let areas = self.layout.areas.iter().zip(&self.areas);
        let areas = areas.filter(|((of, _), _)| *of == category);
        let free = areas.fold(seats, |sum, (_, counts)| sum.saturating_add(counts.available()));
        Some(free.saturating_sub(promised))
    }

    /// Whether a search for so many seats may look into a category at all.
    pub(in crate::inventory) fn may_search(&self, category: u8, channel: u8, count: u32) -> bool {
        let Some(headroom) = self.headroom(category, channel) else { return true };
        let kept = self.terms.iter().flat_map(|terms| &terms.kept);
        let own = kept.filter(|&(&seat, &by)| {
            by == channel
                && self.category(super::super::booking::Place::Seat(seat)) == Some(category)
                && self.is_free(seat)
        });
        headroom >= count || (channel != 0 && own.count() > 0)
    }

    /// The first category of which `places` are more than `channel` may have, and how many it may.
    pub(super) fn over_quota(&self, places: &Places, channel: u8) -> Option<(u8, u32)> {
        let terms = self.terms.as_deref().filter(|terms| terms.has_quotas())?;
        let wanted = super::used::unnamed(&self.layout, &terms.kept, places);
        wanted.into_iter().find_map(|(category, count)| {
            let headroom = self.headroom(category, channel)?;
            (count > headroom).then_some((category, headroom))
        })
    }
}
