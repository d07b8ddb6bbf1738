//! What a waiting user wants, and whether it can be had.

use crate::inventory::best::{Together, Wanted, search};
use crate::inventory::booking::AreaLine;
use crate::inventory::cart::judge_areas;
use crate::inventory::command::invalid;
use crate::inventory::event::Event;
use crate::inventory::reply::Refusal;

/// Places of one entry: as many as are searched for side by side.
pub const QUANTITY_MAX: u32 = 32;

/// So many places together, of any or of some categories. All entries with equal wishes are one line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wish {
    pub quantity: u32,
    /// Indexes into the map's categories, in order; none: any.
    pub categories: Vec<u8>,
    /// Side by side, or in one area; otherwise as near as can be had.
    pub adjacent: bool,
    /// At least one wheelchair place, and companion seats for the others.
    pub accessible: bool,
}

/// Free places that fit a wish.
pub(super) struct Fit {
    pub(super) seats: Vec<u32>,
    pub(super) areas: Vec<AreaLine>,
}

impl Wish {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.quantity == 0 || self.quantity > QUANTITY_MAX {
            return Err(invalid(format!("1 to {QUANTITY_MAX} places are waited for together")));
        }
        Ok(())
    }

    /// The same wish in the one way in which it is kept, of a map with so many categories.
    pub(super) fn plain(&self, categories: usize) -> Result<Self, Refusal> {
        let mut wish = self.clone();
        wish.categories.sort_unstable();
        wish.categories.dedup();
        if let Some(odd) = wish.categories.iter().find(|&&it| usize::from(it) >= categories) {
            return Err(invalid(format!("the map has no category {odd}")));
        }
        if wish.categories.len() == categories {
            wish.categories.clear();
        }
        Ok(wish)
    }

    fn may_be_of(&self, category: u8) -> bool {
        self.categories.is_empty() || self.categories.binary_search(&category).is_ok()
    }

    /// Free places for it: the best seats, or else room in one area without seats.
    pub(super) fn fit(&self, event: &mut Event) -> Option<Fit> {
        // Without a search when there are not that many at all, as mostly in a sold-out event.
        if event.counts.available >= self.quantity {
            let together = if self.adjacent { Together::Adjacent } else { Together::Preferred };
            let wanted = Wanted {
                quantity: self.quantity,
                categories: self.categories.clone(),
                together,
                accessible: self.accessible,
                ..Wanted::default()
            };
            let found = search(event, &wanted, &[], 0);
            // What is kept for others by number is not for those who wait.
            let found = found.ok().filter(|seats| event.judge_quotas(seats, &[], 0).is_ok());
            if let Some(seats) = found {
                return Some(Fit { seats, areas: Vec::new() });
            }
        }
        self.fitting_area(event).map(|areas| Fit { seats: Vec::new(), areas })
    }

    fn fitting_area(&self, event: &Event) -> Option<Vec<AreaLine>> {
        if self.accessible {
            return None;
        }
        let areas = (0_u16..).zip(&event.layout.areas);
        let mut areas = areas.filter(|(_, (category, _))| self.may_be_of(*category));
        areas.find_map(|(area, _)| {
            let wanted = [(area, self.quantity)];
            event.judge_quotas(&[], &wanted, 0).ok()?;
            judge_areas(event, &wanted).ok()
        })
    }

    /// The same by looking at every seat, for the audit. Accessible places, and what is kept by number,
    /// are left to the search.
    pub(super) fn fits_plainly(&self, event: &Event) -> bool {
        use crate::inventory::free::runs;
        use crate::inventory::layout::SeatKind;
        if self.accessible || event.terms.as_ref().is_some_and(|terms| terms.has_quotas()) {
            return false;
        }
        let layout = &event.layout;
        let zone = |zone: u32| layout.zones.get(zone as usize);
        let stretches = layout.stretches.iter().filter(|stretch| {
            zone(stretch.zone).is_some_and(|zone| {
                zone.kind != SeatKind::Accessible && self.may_be_of(zone.category)
            })
        });
        let is_free = |seat| event.is_free_for(seat, 0);
        let free = stretches.flat_map(|&stretch| {
            runs(stretch, &is_free).map(|run| run.end - run.start).collect::<Vec<u32>>()
        });
        let seats = if self.adjacent { free.max() } else { Some(free.sum()) };
        seats.unwrap_or(0) >= self.quantity || self.fitting_area(event).is_some()
    }
}
