//! Where seats stand when the plan does not say: zones of grid positions become millimetres.
//!
//! All of it in integers, so that a plan comes out equal everywhere, and so does its hash. No two
//! seats of a layout stand closer than [`SEAT_PITCH_MM`]; zones keep [`AISLE_MM`] between them.
//!
//! ```text
//!  Field: a ring around a playing field          Grid: shelves in front of a stage
//!
//!            [ 4 ] [ 5 ]                             [ 0 ] [  1  ] [ 2 ]
//!       [ 3 ]           [ 6 ]                        [   3   ] [ 4 ]
//!       [ 2 ]           [ 7 ]                        [ 5 ] [ 6 ]
//!            [ 1 ] [ 0 ]
//! ```

use super::COORDINATE_MM_MAX;

/// Between two seats of a row.
pub const SEAT_PITCH_MM: i32 = 500;
/// Between two rows.
pub const ROW_PITCH_MM: i32 = 850;
/// Between two zones, at least.
pub const AISLE_MM: i32 = 1_200;
/// The smallest field.
const FIELD_RADIUS_MM_MIN: i64 = 15_000;
/// From this many zones on, [`Arrangement::Auto`] takes a ring.
const RING_ZONES_MIN: usize = 12;

/// How zones are arranged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrangement {
    /// A ring for twelve zones or more, else a grid.
    #[default]
    Auto,
    /// A ring around a field, in the order given, clockwise from the bottom.
    Field,
    /// Rows of zones in front of a stage at the top.
    Grid,
}

impl std::str::FromStr for Arrangement {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "field" => Ok(Self::Field),
            "grid" => Ok(Self::Grid),
            _ => Err(format!("'{text}' is not auto, field or grid")),
        }
    }
}

/// A zone's extent: how many places of a grid its seats need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    pub columns: u32,
    pub rows: u32,
}

/// Where a zone came to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Of the seat in column 0 of row 0.
    origin: Vector,
    /// From a seat to the next in its row, in 2^-20 mm.
    column_step: Vector,
    /// From a row to the next one back, in 2^-20 mm.
    row_step: Vector,
}

/// A step's fraction bits. Over ten kilometres of seats the error stays far below a millimetre.
const STEP_BITS: u32 = 20;
/// A unit vector's fraction bits.
const UNIT_BITS: u32 = 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Vector {
    x: i64,
    y: i64,
}

impl Placement {
    /// The seat's position. May be negative: the map is framed afterwards.
    pub fn seat(&self, column: u32, row: u32) -> (i32, i32) {
        let (column, row) = (i64::from(column), i64::from(row));
        let place = |origin: i64, column_step: i64, row_step: i64| {
            let offset = column * column_step + row * row_step;
            let mm = origin + ((offset + (1 << (STEP_BITS - 1))) >> STEP_BITS);
            i32::try_from(mm).expect("a placement is inside the bound of coordinates")
        };
        (
            place(self.origin.x, self.column_step.x, self.row_step.x),
            place(self.origin.y, self.column_step.y, self.row_step.y),
        )
    }
}

/// A placement for each zone, in order; `None` if they would reach past the bound of coordinates.
pub fn place(zones: &[Zone], arrangement: Arrangement) -> Option<Vec<Placement>> {
    // Half the bound for the widths leaves the other half for the depths.
    let reach: i64 = zones.iter().map(|zone| width_mm(*zone) + depth_mm(*zone)).sum();
    if reach > i64::from(COORDINATE_MM_MAX) / 2 {
        return None;
    }
    let ring = match arrangement {
        Arrangement::Auto => zones.len() >= RING_ZONES_MIN,
        Arrangement::Field => true,
        Arrangement::Grid => false,
    };
    Some(if ring { place_in_ring(zones) } else { place_in_grid(zones) })
}

/// A zone's width with its share of the aisles.
fn width_mm(zone: Zone) -> i64 {
    i64::from(zone.columns) * i64::from(SEAT_PITCH_MM) + i64::from(AISLE_MM)
}

fn depth_mm(zone: Zone) -> i64 {
    i64::from(zone.rows) * i64::from(ROW_PITCH_MM) + i64::from(AISLE_MM)
}

fn place_in_grid(zones: &[Zone]) -> Vec<Placement> {
    let area: i64 = zones.iter().map(|&zone| width_mm(zone) * depth_mm(zone)).sum();
    let widest = zones.iter().map(|&zone| width_mm(zone)).max().unwrap_or(0);
    // Half as wide again as deep: the shape of a hall in front of its stage.
    let shelf_mm = (area * 3 / 2).isqrt().max(widest);
    let (mut x, mut y, mut deepest) = (0, 0, 0);
    let mut placements = Vec::with_capacity(zones.len());
    for &zone in zones {
        if x > 0 && x + width_mm(zone) > shelf_mm {
            (x, y, deepest) = (0, y + deepest, 0);
        }
        placements.push(Placement {
            origin: Vector { x, y },
            column_step: Vector { x: i64::from(SEAT_PITCH_MM) << STEP_BITS, y: 0 },
            row_step: Vector { x: 0, y: i64::from(ROW_PITCH_MM) << STEP_BITS },
        });
        x += width_mm(zone);
        deepest = deepest.max(depth_mm(zone));
    }
    placements
}

/// Each zone is a rectangle whose front edge touches a circle in its middle. Seen from the centre it
/// fills the angle of its front edge and no more, so zones don't overlap if their angles don't.
fn place_in_ring(zones: &[Zone]) -> Vec<Placement> {
    let radius = ring_radius(zones);
    // Straight down on the page is where the first zone's middle comes.
    let mut direction = Vector { x: 0, y: 1 << UNIT_BITS };
    let mut placements = Vec::with_capacity(zones.len());
    for (index, &zone) in zones.iter().enumerate() {
        let half = width_mm(zone) / 2;
        if index > 0 {
            direction = turn(direction, half, radius);
        }
        // Left to right for one who looks at the zone from behind it towards the field.
        let along = Vector { x: direction.y, y: -direction.x };
        let step = |unit: i64, mm: i32| (unit * i64::from(mm)) >> (UNIT_BITS - STEP_BITS);
        let first = (i64::from(zone.columns) - 1) * i64::from(SEAT_PITCH_MM) / 2;
        let origin = |direction: i64, along: i64| (direction * radius - along * first) >> UNIT_BITS;
        placements.push(Placement {
            origin: Vector { x: origin(direction.x, along.x), y: origin(direction.y, along.y) },
            column_step: Vector {
                x: step(along.x, SEAT_PITCH_MM),
                y: step(along.y, SEAT_PITCH_MM),
            },
            row_step: Vector {
                x: step(direction.x, ROW_PITCH_MM),
                y: step(direction.y, ROW_PITCH_MM),
            },
        });
        direction = turn(direction, half, radius);
    }
    placements
}

/// The smallest radius whose circle has room for every zone.
fn ring_radius(zones: &[Zone]) -> i64 {
    // An angle is less than its tangent: at this radius all zones take less than two radians.
    let mut enough = zones.iter().map(|&zone| width_mm(zone)).sum::<i64>().max(FIELD_RADIUS_MM_MIN);
    let mut floor = FIELD_RADIUS_MM_MIN;
    while floor < enough {
        let middle = floor.midpoint(enough);
        if fits(zones, middle) { enough = middle } else { floor = middle + 1 }
    }
    enough
}

fn fits(zones: &[Zone], radius: i64) -> bool {
    let mut direction = Vector { x: 0, y: 1 << UNIT_BITS };
    let mut quarters = 0;
    for &zone in zones {
        for _ in 0..2 {
            let next = turn(direction, width_mm(zone) / 2, radius);
            // A turn is less than a quarter, so it enters the next quarter or none.
            quarters += i32::from(quarter(next) != quarter(direction));
            direction = next;
        }
        if quarters > 3 {
            return false;
        }
    }
    true
}

/// Clockwise from straight down, each quarter with its beginning and without its end.
fn quarter(direction: Vector) -> u8 {
    match (direction.x.signum(), direction.y.signum()) {
        (0 | -1, 1) => 0,
        (-1, 0 | -1) => 1,
        (0 | 1, -1) => 2,
        _ => 3,
    }
}

/// `direction` turned clockwise on the page by the angle whose tangent is `along / radius`.
fn turn(direction: Vector, along: i64, radius: i64) -> Vector {
    let (x, y) = (i128::from(direction.x), i128::from(direction.y));
    let (along, radius) = (i128::from(along), i128::from(radius));
    let turned = (x * radius - y * along, x * along + y * radius);
    let length = (turned.0 * turned.0 + turned.1 * turned.1).isqrt();
    let unit = |part: i128| {
        i64::try_from((part << UNIT_BITS) / length).expect("a part is at most the whole")
    };
    Vector { x: unit(turned.0), y: unit(turned.1) }
}

#[cfg(test)]
mod tests;
