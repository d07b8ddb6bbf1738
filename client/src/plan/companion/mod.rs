//! What a pretix plan can't say, from a file beside it: areas with a capacity, seats for wheelchair
//! users and those who come along, restricted view, tables, what everybody looks at.
//!
//! A companion names seats by section, row and number, and positions in the units of its plan. It is
//! strict, since a misspelt key would otherwise sell a wheelchair place as any other: keys that are
//! not known are refused, and so is everything that the plan does not have. The format is described
//! in `docs/PLAN_COMPANION.md`.
//!
//! Invariant: what [`of_map`] writes and a plan of the same map make that map again.

mod file;

use std::collections::{BTreeMap, BTreeSet};

use rowlock_proto::seat_map::{Area, Seat, SeatMap, Shape, flag};

pub(super) use file::Units;
use file::{File, RowName, SeatNames, Spot};

use super::pretix::UNIT_MM;
use super::{PlanErrors, labels, to_mm};

/// The version that is read and written.
pub const VERSION: u64 = 1;
/// Bytes of one companion.
pub const JSON_BYTES_MAX: usize = 16 << 20;
/// Areas of one companion.
pub const AREAS_MAX: usize = 1_000;
/// Places of one area.
pub const CAPACITY_MAX: u32 = 1_000_000;

/// A companion that was read, and not yet held against its plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Companion(File);

impl Companion {
    pub fn parse(json: &str) -> Result<Self, PlanErrors> {
        if json.len() > JSON_BYTES_MAX {
            let what = format!("it takes {} bytes, and {JSON_BYTES_MAX} are allowed", json.len());
            return Err(PlanErrors::one("companion", what));
        }
        let json = json.trim_start_matches('\u{feff}');
        let wrong = |error: serde_json::Error| PlanErrors::one("companion", error.to_string());
        // The version comes first: another one may have keys that this one does not know.
        let head: file::Head = serde_json::from_str(json).map_err(wrong)?;
        match head.version {
            Some(VERSION) => Ok(Self(serde_json::from_str(json).map_err(wrong)?)),
            Some(other) => {
                let what = format!("version {other} is not known; {VERSION} is");
                Err(PlanErrors::one("companion", what))
            }
            None => Err(PlanErrors::one("companion", "version is missing")),
        }
    }

    /// Whether it has areas: then a plan need not have seats.
    pub(super) fn has_areas(&self) -> bool {
        !self.0.areas.is_empty()
    }

    /// Whether it says what everybody looks at, or that nothing is.
    pub(super) fn says_focus(&self) -> bool {
        self.0.focus.is_some()
    }

    /// Adds what it says to the plan's map, which is not framed yet.
    pub(super) fn apply(
        &self,
        map: &mut SeatMap,
        categories: &BTreeMap<String, u8>,
        errors: &mut PlanErrors,
    ) {
        let Self(file) = self;
        if let Some(focus) = file.focus {
            map.focus_mm = focus.and_then(|spot| {
                let at = mm_of(spot);
                if at.is_none() {
                    errors.push("companion.focus", "the position is too far out");
                }
                at
            });
        }
        self.areas(map, categories, errors);
        let found = Finder::of(map);
        for (list, names, bit) in [
            ("wheelchair", &file.wheelchair, flag::WHEELCHAIR),
            ("companions", &file.companions, flag::COMPANION),
            ("restrictedView", &file.restricted_view, flag::RESTRICTED_VIEW),
        ] {
            for at in found.seats(list, names, errors) {
                if let Some(seat) = at.seat(map) {
                    seat.flags |= bit;
                }
            }
        }
        for (section, row) in found.tables(&file.tables, errors) {
            if let Some(row) = map.sections.get_mut(section).and_then(|s| s.rows.get_mut(row)) {
                row.shape = Shape::Table;
            }
        }
    }

    fn areas(&self, map: &mut SeatMap, categories: &BTreeMap<String, u8>, errors: &mut PlanErrors) {
        let areas = &self.0.areas;
        if areas.len() > AREAS_MAX {
            let what = format!("there are {} areas, and {AREAS_MAX} are allowed", areas.len());
            errors.push("companion.areas", what);
            return;
        }
        let mut names = BTreeSet::new();
        for (index, area) in areas.iter().enumerate() {
            let place = format!("companion.areas[{index}]");
            if area.name.trim().is_empty() {
                errors.push(place.as_str(), "the area has no name");
            }
            labels::check_text(&area.name, "the area's name", &place, errors);
            if !names.insert(area.name.as_str()) {
                errors.push(place.as_str(), format!("the area '{}' stands twice", area.name));
            }
            if area.capacity == 0 || area.capacity > CAPACITY_MAX {
                let what =
                    format!("the capacity is {}; 1 to {CAPACITY_MAX} are allowed", area.capacity);
                errors.push(place.as_str(), what);
            }
            let category = categories.get(&area.category).copied();
            if category.is_none() {
                let what =
                    format!("the category '{}' is not among the plan's categories", area.category);
                errors.push(place.as_str(), what);
            }
            let at = mm_of(Spot { x: area.x, y: area.y });
            let side = |units: f64| to_mm(units * UNIT_MM).and_then(|mm| u32::try_from(mm).ok());
            let size = side(area.width).zip(side(area.height));
            if at.is_none() || size.is_none() {
                errors.push(place.as_str(), "the area is too far out, or has a negative size");
            }
            if let (Some(category), Some((x_mm, y_mm)), Some((width_mm, height_mm))) =
                (category, at, size)
            {
                let (name, capacity) = (area.name.clone(), area.capacity);
                map.areas.push(Area { name, category, capacity, x_mm, y_mm, width_mm, height_mm });
            }
        }
    }
}

fn mm_of(spot: Spot) -> Option<(i32, i32)> {
    to_mm(spot.x * UNIT_MM).zip(to_mm(spot.y * UNIT_MM))
}

/// Where a seat is in its map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct At {
    section: usize,
    row: usize,
    seat: usize,
}

impl At {
    fn seat(self, map: &mut SeatMap) -> Option<&mut Seat> {
        let section = map.sections.get_mut(self.section)?;
        section.rows.get_mut(self.row)?.seats.get_mut(self.seat)
    }
}

/// Seats by number, of the rows that share a label.
#[derive(Default)]
struct RowFound {
    rows: Vec<usize>,
    seats: BTreeMap<String, At>,
}

/// The seats of a plan by what they are called.
struct Finder(BTreeMap<String, (usize, BTreeMap<String, RowFound>)>);

impl Finder {
    fn of(map: &SeatMap) -> Self {
        let mut sections = BTreeMap::new();
        for (s, section) in map.sections.iter().enumerate() {
            let mut rows = BTreeMap::<String, RowFound>::new();
            for (r, row) in section.rows.iter().enumerate() {
                let found = rows.entry(row.label.clone()).or_default();
                found.rows.push(r);
                for (seat, it) in row.seats.iter().enumerate() {
                    found.seats.insert(it.label.clone(), At { section: s, row: r, seat });
                }
            }
            sections.insert(section.name.clone(), (s, rows));
        }
        Self(sections)
    }

    fn row(
        &self,
        name: &RowName,
        place: &str,
        errors: &mut PlanErrors,
    ) -> Option<(usize, &RowFound)> {
        let Some((section, rows)) = self.0.get(&name.section) else {
            errors.push(place, format!("the plan has no section '{}'", name.section));
            return None;
        };
        let row = rows.get(&name.row);
        if row.is_none() {
            let what = format!("the plan has no row '{}' in '{}'", name.row, name.section);
            errors.push(place, what);
        }
        Some((*section, row?))
    }

    fn seats(&self, list: &str, names: &[SeatNames], errors: &mut PlanErrors) -> BTreeSet<At> {
        let mut all = BTreeSet::new();
        for (index, names) in names.iter().enumerate() {
            let place = format!("companion.{list}[{index}]");
            let name = RowName { section: names.section.clone(), row: names.row.clone() };
            let Some((_, row)) = self.row(&name, &place, errors) else { continue };
            if names.seats.is_empty() {
                errors.push(place.as_str(), "seats is empty");
            }
            for seat in &names.seats {
                match row.seats.get(seat) {
                    None => errors.push(
                        place.as_str(),
                        format!(
                            "the plan has no seat '{seat}' in row '{}' of '{}'",
                            name.row, name.section
                        ),
                    ),
                    Some(&at) if !all.insert(at) => errors.push(
                        place.as_str(),
                        format!(
                            "seat '{seat}' in row '{}' of '{}' stands twice",
                            name.row, name.section
                        ),
                    ),
                    Some(_) => {}
                }
            }
        }
        all
    }

    /// Section and row of each table.
    fn tables(&self, names: &[RowName], errors: &mut PlanErrors) -> BTreeSet<(usize, usize)> {
        let mut all = BTreeSet::new();
        for (index, name) in names.iter().enumerate() {
            let place = format!("companion.tables[{index}]");
            let Some((section, found)) = self.row(name, &place, errors) else { continue };
            for &row in &found.rows {
                if !all.insert((section, row)) {
                    let what = format!("row '{}' of '{}' stands twice", name.row, name.section);
                    errors.push(place.as_str(), what);
                    break;
                }
            }
        }
        all
    }
}

/// The companion of a map: everything that a plan of it does not say.
pub(super) fn of_map(map: &SeatMap) -> Result<String, serde_json::Error> {
    let category = |index: u8| {
        map.categories.get(usize::from(index)).map(|it| it.name.clone()).unwrap_or_default()
    };
    let flagged = |bit: u8| {
        let mut names: Vec<SeatNames> = Vec::new();
        for (section, row) in rows(map) {
            let seats = row.seats.iter().filter(|seat| seat.flags & bit != 0);
            let seats: Vec<_> = seats.map(|seat| seat.label.clone()).collect();
            if !seats.is_empty() {
                let (section, row) = (section.to_owned(), row.label.clone());
                names.push(SeatNames { section, row, seats });
            }
        }
        names
    };
    // A label may stand on several rows; naming it once means all of them.
    let mut named = BTreeSet::new();
    let tables = rows(map).filter(|(_, row)| row.shape == Shape::Table);
    let tables = tables.filter(|(section, row)| named.insert((*section, row.label.as_str())));
    let tables = tables.map(|(section, row)| {
        let (section, row) = (section.to_owned(), row.label.clone());
        RowName { section, row }
    });
    let file = File {
        version: VERSION,
        focus: Some(map.focus_mm.map(|(x, y)| Spot { x: Units(x).number(), y: Units(y).number() })),
        areas: map
            .areas
            .iter()
            .map(|area| file::Area {
                name: area.name.clone(),
                category: category(area.category),
                capacity: area.capacity,
                x: Units(area.x_mm).number(),
                y: Units(area.y_mm).number(),
                width: f64::from(area.width_mm) / UNIT_MM,
                height: f64::from(area.height_mm) / UNIT_MM,
            })
            .collect(),
        wheelchair: flagged(flag::WHEELCHAIR),
        companions: flagged(flag::COMPANION),
        restricted_view: flagged(flag::RESTRICTED_VIEW),
        tables: tables.collect(),
    };
    serde_json::to_string_pretty(&file)
}

/// Every row with its section's name.
fn rows(map: &SeatMap) -> impl Iterator<Item = (&str, &rowlock_proto::seat_map::Row)> {
    map.sections.iter().flat_map(|it| it.rows.iter().map(|row| (it.name.as_str(), row)))
}

#[cfg(test)]
mod tests;
