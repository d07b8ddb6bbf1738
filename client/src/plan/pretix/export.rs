//! A map written as a plan that is that map again when it is read.
//!
//! What the format can't say goes to the companion. Whatever neither can say, such as a row without
//! seats, is a reason not to write: the result is read back and compared before it is given away.

use rowlock_proto::seat_map::{SeatMap, Shape, flag};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::super::companion::{Companion, Units, of_map};
use super::super::{PlanErrors, to_mm};
use super::{focus, parse_with};

/// Bytes of a seat's digest that make its guid.
const GUID_BYTES: usize = 12;

/// A map in two files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The plan in pretix's format.
    pub plan: String,
    /// What the plan can't say.
    pub companion: String,
    /// What is only in the companion, one phrase each.
    pub dropped: Vec<String>,
}

#[derive(Serialize)]
struct PlanOut<'a> {
    name: &'a str,
    size: Size,
    categories: Vec<CategoryOut<'a>>,
    zones: Vec<ZoneOut<'a>>,
}

#[derive(Serialize)]
struct Size {
    width: Units,
    height: Units,
}

#[derive(Serialize)]
struct CategoryOut<'a> {
    name: &'a str,
    color: String,
}

#[derive(Serialize)]
struct ZoneOut<'a> {
    name: &'a str,
    zone_id: String,
    position: Position,
    rows: Vec<RowOut<'a>>,
    areas: Vec<AreaOut<'a>>,
}

#[derive(Serialize)]
struct RowOut<'a> {
    row_number: &'a str,
    row_number_position: &'static str,
    position: Position,
    seats: Vec<SeatOut<'a>>,
}

#[derive(Serialize)]
struct SeatOut<'a> {
    seat_guid: String,
    seat_number: &'a str,
    position: Position,
    category: &'a str,
}

/// A drawing; what it stands for is in the companion.
#[derive(Serialize)]
struct AreaOut<'a> {
    shape: &'static str,
    position: Position,
    rotation: u8,
    color: String,
    border_color: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rectangle: Option<Size>,
    text: TextOut<'a>,
}

#[derive(Serialize)]
struct TextOut<'a> {
    position: Position,
    color: &'static str,
    text: &'a str,
}

#[derive(Clone, Copy, Serialize)]
struct Position {
    x: Units,
    y: Units,
}

impl Position {
    const ZERO: Self = Self { x: Units(0), y: Units(0) };

    const fn at(x_mm: i32, y_mm: i32) -> Self {
        Self { x: Units(x_mm), y: Units(y_mm) }
    }
}

/// The plan and the companion of a map.
pub fn export(name: &str, map: &SeatMap) -> Result<Export, PlanErrors> {
    let wrong = |error: serde_json::Error| PlanErrors::one("", error.to_string());
    let plan = serde_json::to_string(&plan_of(name, map)?).map_err(wrong)?;
    let companion = of_map(map).map_err(wrong)?;
    let again = parse_with(&plan, Some(&Companion::parse(&companion)?))?.map;
    if again != *map {
        return Err(PlanErrors::one("", difference(map, &again)));
    }
    Ok(Export { plan, companion, dropped: dropped(map) })
}

fn plan_of<'a>(name: &'a str, map: &'a SeatMap) -> Result<PlanOut<'a>, PlanErrors> {
    let category = |index: u8| {
        map.categories.get(usize::from(index)).map_or("", |category| category.name.as_str())
    };
    let side = |mm: u32| {
        let mm = to_mm(f64::from(mm));
        mm.map(Units).ok_or_else(|| PlanErrors::one("size", "the map is too large for a plan"))
    };
    let zones = (1..).zip(&map.sections).map(|(number, section): (u32, _)| ZoneOut {
        name: &section.name,
        zone_id: format!("zone-{number}"),
        position: Position::ZERO,
        rows: section
            .rows
            .iter()
            .map(|row| {
                let first = row.seats.first().map_or((0, 0), |seat| (seat.x_mm, seat.y_mm));
                let seats = row.seats.iter().map(|seat| SeatOut {
                    seat_guid: guid(&section.name, &row.label, &seat.label),
                    seat_number: &seat.label,
                    position: Position::at(
                        seat.x_mm.saturating_sub(first.0),
                        seat.y_mm.saturating_sub(first.1),
                    ),
                    category: category(seat.category),
                });
                RowOut {
                    row_number: &row.label,
                    row_number_position: "both",
                    position: Position::at(first.0, first.1),
                    seats: seats.collect(),
                }
            })
            .collect(),
        areas: Vec::new(),
    });
    let mut zones: Vec<_> = zones.collect();
    let areas = areas(map)?;
    if !areas.is_empty() {
        let zone_id = "drawings".to_owned();
        let name = "Drawings";
        zones.push(ZoneOut { name, zone_id, position: Position::ZERO, rows: Vec::new(), areas });
    }
    Ok(PlanOut {
        name,
        size: Size { width: side(map.width_mm)?, height: side(map.height_mm)? },
        categories: map
            .categories
            .iter()
            .map(|category| CategoryOut { name: &category.name, color: hex(category.colour) })
            .collect(),
        zones,
    })
}

fn areas(map: &SeatMap) -> Result<Vec<AreaOut<'_>>, PlanErrors> {
    let mut drawn = Vec::new();
    for area in &map.areas {
        let side = |mm: u32| {
            let mm = i32::try_from(mm).ok().map(Units);
            mm.ok_or_else(|| PlanErrors::one("", format!("area '{}' is too large", area.name)))
        };
        let (width, height) = (side(area.width_mm)?, side(area.height_mm)?);
        let colour = map.categories.get(usize::from(area.category)).map_or(0, |it| it.colour);
        // A name that reads as a stage would become one.
        let text = if focus::is_focus(&area.name) { "" } else { area.name.as_str() };
        let middle = Position::at(width.0 / 2, height.0 / 2);
        drawn.push(AreaOut {
            shape: "rectangle",
            position: Position::at(area.x_mm, area.y_mm),
            rotation: 0,
            color: hex(colour),
            border_color: "#333333",
            rectangle: Some(Size { width, height }),
            text: TextOut { position: middle, color: "#333333", text },
        });
    }
    if let Some((x_mm, y_mm)) = map.focus_mm {
        drawn.push(AreaOut {
            shape: "text",
            position: Position::at(x_mm, y_mm),
            rotation: 0,
            color: hex(0xee_ee_ee),
            border_color: "#333333",
            rectangle: None,
            text: TextOut { position: Position::ZERO, color: "#333333", text: "Stage" },
        });
    }
    Ok(drawn)
}

fn hex(colour: u32) -> String {
    format!("#{colour:06x}")
}

/// The same seat has the same guid in every export.
fn guid(section: &str, row: &str, seat: &str) -> String {
    let mut digest = Sha256::new();
    for part in [section, row, seat] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let digest: [u8; 32] = digest.finalize().into();
    digest.iter().take(GUID_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

/// What the plan alone would lose.
fn dropped(map: &SeatMap) -> Vec<String> {
    let seats = |bit: u8| map.seats().filter(|(_, _, _, seat)| seat.flags & bit != 0).count();
    let places: u64 = map.areas.iter().map(|area| u64::from(area.capacity)).sum();
    let rows = map.sections.iter().flat_map(|section| &section.rows);
    let tables = rows.filter(|row| row.shape == Shape::Table).count();
    [
        (
            map.areas.len(),
            format!("{} area(s) for {places} people (drawn, not sold)", map.areas.len()),
        ),
        counted(seats(flag::WHEELCHAIR), "wheelchair place(s)"),
        counted(seats(flag::COMPANION), "seat(s) for those who come along with a wheelchair user"),
        counted(seats(flag::RESTRICTED_VIEW), "seat(s) with a restricted view"),
        counted(tables, "table(s) (written as rows)"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(_, what)| what)
    .collect()
}

fn counted(count: usize, what: &str) -> (usize, String) {
    (count, format!("{count} {what}"))
}

/// Where two maps first differ, for one who wants to know why a map can't be written.
fn difference(map: &SeatMap, again: &SeatMap) -> String {
    let empty = map.sections.iter().any(|it| it.rows.is_empty())
        || map.sections.iter().flat_map(|it| &it.rows).any(|row| row.seats.is_empty());
    let what = if empty {
        "it has sections or rows without seats"
    } else if map.sections.len() != again.sections.len() {
        "several of its sections have one name"
    } else if (map.width_mm, map.height_mm) != (again.width_mm, again.height_mm) {
        "seats or areas lie outside of it"
    } else {
        "of rows that share a label some are tables"
    };
    format!("the map can't be written in this format: {what}")
}
