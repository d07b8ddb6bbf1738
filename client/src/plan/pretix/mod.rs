//! Plans in pretix's seating-plan JSON.
//!
//! Takes both generations of the format: whole and fractional positions, and every key that one of
//! them leaves out. A seat's section is its zone's name (else the zone's id), its row the
//! `row_number`, its number the `seat_number`. A position is relative to the row's, which is
//! relative to the zone's.
//!
//! What the format's own schema can't say is checked here: that guids and labels are unique, that
//! categories exist, that there is a seat. Zones that share a name become one section, if their
//! labels don't collide. Areas are drawings without a capacity: they are left out, and said to be; only
//! one that is called a stage or the like says what everybody looks at. What else the format can't say
//! comes from a [`Companion`].

pub(super) mod colour;
mod export;
mod file;
mod focus;

pub use export::{Export, export};

use std::collections::BTreeMap;

use rowlock_proto::seat_map::{
    CATEGORIES_MAX, Category, Row, SEATS_MAX, Seat, SeatMap, Section, Shape,
};

use super::companion::Companion;
use super::{Plan, PlanErrors, StatedSize, frame, labels, to_mm};

/// Bytes of one plan.
pub const JSON_BYTES_MAX: usize = 32 << 20;

/// Millimetres of one unit of the plan. The format has no scale: it counts pixels of a drawing. Ten
/// millimetres keep a tenth of a pixel, which is more than any drawing means, and make whole plans
/// come out between a chamber hall and a stadium in size.
pub(super) const UNIT_MM: f64 = 10.0;

/// Space around the seats of a plan that states no size.
const MARGIN_MM: i32 = 250;

/// The seat map of a plan.
pub fn parse(json: &str) -> Result<SeatMap, PlanErrors> {
    parse_plan(json).map(|plan| plan.map)
}

/// The plan: its seat map, its name, and what was left out.
pub fn parse_plan(json: &str) -> Result<Plan, PlanErrors> {
    parse_with(json, None)
}

/// The plan with what its companion adds.
pub fn parse_with(json: &str, companion: Option<&Companion>) -> Result<Plan, PlanErrors> {
    if json.len() > JSON_BYTES_MAX {
        let what = format!("the plan takes {} bytes, and {JSON_BYTES_MAX} are allowed", json.len());
        return Err(PlanErrors::one("", what));
    }
    // The parser itself bounds the depth, and says line and column.
    let file: file::Plan = serde_json::from_str(json.trim_start_matches('\u{feff}'))
        .map_err(|error| PlanErrors::one("", format!("not a seating plan: {error}")))?;
    Reading::default().plan(file, companion)
}

/// A plan on its way to a map.
#[derive(Default)]
struct Reading {
    errors: PlanErrors,
    notes: Vec<String>,
    map: SeatMap,
    /// Index of each category by name.
    categories: BTreeMap<String, u8>,
    /// Index of each section by name.
    sections: BTreeMap<String, usize>,
    guids: Vec<String>,
    areas: usize,
    area_texts: Vec<String>,
    /// What is called a stage or the like, and where it is, in units of the plan.
    focuses: Vec<(String, (f64, f64))>,
    empty_rows: usize,
}

impl Reading {
    fn plan(mut self, file: file::Plan, companion: Option<&Companion>) -> Result<Plan, PlanErrors> {
        let seats: usize =
            file.zones.iter().flat_map(|zone| &zone.rows).map(|r| r.seats.len()).sum();
        if seats == 0 && !companion.is_some_and(Companion::has_areas) {
            return Err(PlanErrors::one("", "the plan has no seats"));
        }
        if seats > SEATS_MAX {
            let what = format!("the plan has {seats} seats, and {SEATS_MAX} are allowed");
            return Err(PlanErrors::one("", what));
        }
        self.categories(file.categories);
        for (index, zone) in file.zones.into_iter().enumerate() {
            self.zone(index, zone);
        }
        let guids = std::mem::take(&mut self.guids);
        labels::check_distinct(
            guids.iter().map(|g| format!("'{g}'")),
            "seat_guid",
            &mut self.errors,
        );
        labels::check_seat_labels(&self.map, &mut self.errors);
        if self.areas > 0 {
            self.note_areas();
        }
        if !companion.is_some_and(Companion::says_focus) {
            self.focus();
        }
        if let Some(companion) = companion {
            companion.apply(&mut self.map, &self.categories, &mut self.errors);
        }
        if self.empty_rows > 0 {
            self.notes.push(format!("{} row(s) without seats were left out", self.empty_rows));
        }
        let size = file.size.unwrap_or_default();
        let stated = |units: Option<f64>| {
            units.and_then(|units| to_mm(units * UNIT_MM)).and_then(|mm| u32::try_from(mm).ok())
        };
        let stated = stated(size.width)
            .zip(stated(size.height))
            .map(|(width_mm, height_mm)| StatedSize { width_mm, height_mm });
        if self.errors.is_empty() {
            frame(&mut self.map, stated, MARGIN_MM);
            // What is left is what no plan of ours should meet: the bytes' own bounds.
            if let Err(error) = self.map.encode() {
                self.errors.push("", error.to_string());
            }
        }
        let plan = Plan { name: file.name.unwrap_or_default(), map: self.map, notes: self.notes };
        self.errors.or(plan)
    }

    fn categories(&mut self, categories: Vec<file::Category>) {
        if categories.is_empty() || categories.len() > CATEGORIES_MAX {
            let what = format!(
                "the plan has {} categories; 1 to {CATEGORIES_MAX} are allowed",
                categories.len()
            );
            self.errors.push("categories", what);
            return;
        }
        for (index, category) in (0_u8..).zip(categories) {
            let place = format!("categories[{index}]");
            let Some(name) = category.name.filter(|name| !name.trim().is_empty()) else {
                self.errors.push(place, "the category has no name");
                continue;
            };
            labels::check_text(&name, "the category's name", &place, &mut self.errors);
            let colour = match category.color.as_deref() {
                None | Some("") => colour::default(index),
                Some(text) => colour::parse(text).unwrap_or_else(|| {
                    self.notes.push(format!(
                        "the colour {text:?} of category '{name}' is not of the form #RRGGBB; \
                         another was taken"
                    ));
                    colour::default(index)
                }),
            };
            if self.categories.insert(name.clone(), index).is_some() {
                self.errors.push(place, format!("the category '{name}' stands twice"));
            }
            self.map.categories.push(Category { name, colour });
        }
    }

    fn zone(&mut self, index: usize, zone: file::Zone) {
        let place = format!("zones[{index}]");
        let at = zone.position.unwrap_or_default().or_zero();
        self.areas += zone.areas.len();
        for area in &zone.areas {
            let text = area.text.as_ref().and_then(|text| text.text.as_deref());
            if let Some(text) = text.filter(|text| focus::is_focus(text)) {
                self.focuses.push((text.trim().to_owned(), focus::text_at(at, area)));
            }
        }
        let texts = zone.areas.into_iter().filter_map(|area| area.text?.text);
        self.area_texts.extend(texts.filter(|text| !text.trim().is_empty()));
        if zone.rows.iter().all(|row| row.seats.is_empty()) {
            self.empty_rows += zone.rows.len();
            return;
        }
        let named = [zone.name, zone.zone_id.map(|label| label.0)];
        let Some(name) = named.into_iter().flatten().find(|name| !name.trim().is_empty()) else {
            self.errors.push(place, "the zone has neither a name nor a zone_id");
            return;
        };
        labels::check_text(&name, "the zone's name", &place, &mut self.errors);
        let section = match self.sections.get(&name) {
            Some(&section) => {
                self.notes.push(format!("several zones are named '{name}'; they are one section"));
                section
            }
            None => {
                let section = self.map.sections.len();
                self.sections.insert(name.clone(), section);
                self.map.sections.push(Section { name, rows: Vec::new() });
                section
            }
        };
        for (row_index, row) in zone.rows.into_iter().enumerate() {
            if row.seats.is_empty() {
                self.empty_rows += 1;
                continue;
            }
            let row = self.row(&format!("{place}.rows[{row_index}]"), at, row);
            self.map.sections[section].rows.push(row);
        }
    }

    fn row(&mut self, place: &str, zone_at: (f64, f64), row: file::Row) -> Row {
        let label = match row.row_number {
            Some(label) => label.0,
            None => {
                self.errors.push(place, "row_number is missing");
                String::new()
            }
        };
        labels::check_text(&label, "row_number", place, &mut self.errors);
        let at = row.position.unwrap_or_default().or_zero();
        let origin = (zone_at.0 + at.0, zone_at.1 + at.1);
        let mut seats = Vec::with_capacity(row.seats.len());
        for (index, seat) in row.seats.into_iter().enumerate() {
            let place = || format!("{place}.seats[{index}]");
            seats.extend(self.seat(&place, origin, seat));
        }
        Row { label, shape: Shape::Line, seats }
    }

    /// `None` if the seat has a problem, which is then told.
    fn seat(
        &mut self,
        place: &dyn Fn() -> String,
        origin: (f64, f64),
        seat: file::Seat,
    ) -> Option<Seat> {
        let label = seat.seat_number.map(|label| label.0).unwrap_or_default();
        if label.is_empty() {
            self.errors.push(place(), "seat_number is missing");
        } else if label.len() > 8 {
            // Longer than almost every label: worth the place's text.
            labels::check_text(&label, "seat_number", &place(), &mut self.errors);
        }
        match seat.seat_guid.map(|guid| guid.0).filter(|guid| !guid.is_empty()) {
            Some(guid) => self.guids.push(guid),
            None => self.errors.push(place(), "seat_guid is missing"),
        }
        let category = match seat.category {
            None => {
                self.errors.push(place(), "category is missing");
                None
            }
            Some(name) => {
                let found = self.categories.get(&name).copied();
                if found.is_none() {
                    let what = format!("the category '{name}' is not among the plan's categories");
                    self.errors.push(place(), what);
                }
                found
            }
        };
        let at = match seat.position {
            Some(file::Position { x: Some(x), y: Some(y) }) => {
                let found = to_mm((origin.0 + x) * UNIT_MM).zip(to_mm((origin.1 + y) * UNIT_MM));
                if found.is_none() {
                    self.errors.push(place(), "the position is too far out");
                }
                found
            }
            _ => {
                self.errors.push(place(), "position with x and y is missing");
                None
            }
        };
        let (x_mm, y_mm) = at?;
        Some(Seat { label, x_mm, y_mm, category: category?, flags: 0 })
    }

    /// One area that is called a stage is what everybody looks at; of two nobody can say which.
    fn focus(&mut self) {
        match self.focuses.as_slice() {
            [] => {}
            [(text, (x, y))] => match to_mm(x * UNIT_MM).zip(to_mm(y * UNIT_MM)) {
                None => self.notes.push(format!("'{text}' is too far out to look at")),
                at => {
                    self.notes.push(format!("the best seats are those nearest to '{text}'"));
                    self.map.focus_mm = at;
                }
            },
            several => {
                let named: Vec<_> =
                    several.iter().take(5).map(|(text, _)| format!("'{text}'")).collect();
                self.notes.push(format!(
                    "{} could each be what everybody looks at; none was taken, and a companion's \
                     focus can say",
                    named.join(", ")
                ));
            }
        }
    }

    fn note_areas(&mut self) {
        let texts = match self.area_texts.as_slice() {
            [] => String::new(),
            texts => {
                let shown: Vec<_> = texts.iter().take(5).map(|text| format!("'{text}'")).collect();
                format!(" (among them {})", shown.join(", "))
            }
        };
        self.notes.push(format!(
            "{} area(s){texts} were left out: an area of this format is a drawing without a capacity",
            self.areas
        ));
    }
}

#[cfg(test)]
mod tests;
