//! Seat maps as this server keeps them: decoded once, named by hash, so never stale.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rowlock_client::Error;
use rowlock_client::types::{SeatMapHash, Slot};
use rowlock_proto::seat_map::{Row, Seat, SeatMap, Section};

use crate::inventory::Inventory;

/// Layouts that are kept; past it all are let go, and come back as they are needed.
const LAYOUTS_MAX: usize = 256;

/// A seat map in which a seat is found by its index.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) map: SeatMap,
    /// Section, row, place in the row of each seat.
    places: Vec<(u32, u32, u32)>,
}

/// One seat with what it stands in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) section: &'a Section,
    pub(crate) row: &'a Row,
    pub(crate) seat: &'a Seat,
}

impl Layout {
    pub(crate) fn new(map: SeatMap) -> Self {
        let mut places = Vec::with_capacity(map.seat_count());
        for (s, section) in (0..).zip(&map.sections) {
            for (r, row) in (0..).zip(&section.rows) {
                places.extend((0..).zip(&row.seats).map(|(seat, _)| (s, r, seat)));
            }
        }
        Self { map, places }
    }

    pub(crate) fn place(&self, index: u32) -> Option<Place<'_>> {
        let &(s, r, seat) = self.places.get(usize::try_from(index).ok()?)?;
        let section = self.map.sections.get(usize::try_from(s).ok()?)?;
        let row = section.rows.get(usize::try_from(r).ok()?)?;
        Some(Place { section, row, seat: row.seats.get(usize::try_from(seat).ok()?)? })
    }

    /// What an area is called; empty if there is none.
    pub(crate) fn area_name(&self, index: u32) -> &str {
        let area = usize::try_from(index).ok().and_then(|index| self.map.areas.get(index));
        area.map_or("", |area| area.name.as_str())
    }

    /// What a category is called; empty if there is none.
    pub(crate) fn category_name(&self, index: u32) -> &str {
        let category = usize::try_from(index).ok().and_then(|it| self.map.categories.get(it));
        category.map_or("", |category| category.name.as_str())
    }

    /// Every seat with its index.
    pub(crate) fn seats(&self) -> impl Iterator<Item = (u32, Place<'_>)> {
        let seats = self.map.seats();
        seats.map(|(index, section, row, seat)| (index, Place { section, row, seat }))
    }
}

#[derive(Debug, Default)]
pub(crate) struct Layouts(RwLock<HashMap<SeatMapHash, Arc<Layout>>>);

impl Layouts {
    /// The layout named `map`, from here or from the shard of `slot`.
    pub(crate) async fn get(
        &self,
        inventory: &dyn Inventory,
        slot: Slot,
        map: SeatMapHash,
    ) -> Result<Arc<Layout>, Error> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&map).cloned();
        if let Some(layout) = known {
            return Ok(layout);
        }
        let bytes = inventory.seat_map(slot, map).await?;
        let decoded = SeatMap::decode(&bytes)
            .map_err(|error| Error::Unavailable { reason: format!("seat map {map}: {error}") })?;
        let layout = Arc::new(Layout::new(decoded));
        self.keep(map, &layout);
        Ok(layout)
    }

    pub(crate) fn keep(&self, map: SeatMapHash, layout: &Arc<Layout>) {
        let mut layouts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if layouts.len() >= LAYOUTS_MAX {
            layouts.clear();
        }
        layouts.insert(map, Arc::clone(layout));
    }
}
