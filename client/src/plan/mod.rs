//! Seating plans from files: text in, a checked [`SeatMap`] out.
//!
//! Owns the formats ([`pretix`] JSON with its [`companion`], [`csv`] seat lists) and the [`layout`] of zones that come
//! without coordinates. It does no I/O beyond the reader it is given, and keeps nothing.
//!
//! Invariants:
//! - A plan is taken whole or refused whole, with every problem named ([`PlanErrors`]); what is left
//!   out of a plan that is taken is told in [`Plan::notes`].
//! - The same text gives the same map on every machine: positions become integer millimetres once,
//!   in [`to_mm`], and all geometry after that is in integers.

pub mod companion;
pub mod csv;
pub mod layout;
pub mod pretix;

mod errors;
mod labels;

pub use errors::{PlanErrors, Problem};

use rowlock_proto::seat_map::SeatMap;

/// A plan that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The plan's own name; empty if it has none.
    pub name: String,
    pub map: SeatMap,
    /// What the plan says and the map can't hold, one sentence each.
    pub notes: Vec<String>,
}

/// Farthest a seat may stand from the plan's origin: ten kilometres.
pub const COORDINATE_MM_MAX: i32 = 10_000_000;

/// Millimetres as a whole number, half away from zero. `None` if it is not a number or too far out.
///
/// The only place where a position of a plan is rounded: positions are added first.
fn to_mm(mm: f64) -> Option<i32> {
    let rounded = mm.round();
    #[expect(clippy::cast_possible_truncation, reason = "the bound is checked beside it")]
    (rounded.abs() <= f64::from(COORDINATE_MM_MAX)).then_some(rounded as i32)
}

/// The size that a plan states, in millimetres.
#[derive(Clone, Copy, Debug)]
struct StatedSize {
    width_mm: u32,
    height_mm: u32,
}

/// Sets the map's size. One that is stated holds, as far as all seats and areas are inside; without
/// one they move to have `margin_mm` around them.
fn frame(map: &mut SeatMap, stated: Option<StatedSize>, margin_mm: i32) {
    // Left and right, and top and bottom, of everything that is sold.
    let mut across = Extent::default();
    let mut down = Extent::default();
    for (_, _, _, seat) in map.seats() {
        across.take(seat.x_mm, 0);
        down.take(seat.y_mm, 0);
    }
    for area in &map.areas {
        across.take(area.x_mm, area.width_mm);
        down.take(area.y_mm, area.height_mm);
    }
    let (right, width_mm) = across.fit(stated.map(|size| size.width_mm), margin_mm);
    let (lower, height_mm) = down.fit(stated.map(|size| size.height_mm), margin_mm);
    (map.width_mm, map.height_mm) = (width_mm, height_mm);
    for seat in map.sections.iter_mut().flat_map(|s| &mut s.rows).flat_map(|row| &mut row.seats) {
        seat.x_mm += right;
        seat.y_mm += lower;
    }
    for area in &mut map.areas {
        area.x_mm += right;
        area.y_mm += lower;
    }
    map.focus_mm = map.focus_mm.map(|(x, y)| (x + right, y + lower));
}

/// From where to where something reaches in one direction.
#[derive(Clone, Copy, Debug, Default)]
struct Extent(Option<(i32, i32)>);

impl Extent {
    fn take(&mut self, from: i32, length: u32) {
        let to = from.saturating_add_unsigned(length);
        let (least, most) = self.0.unwrap_or((from, to));
        self.0 = Some((least.min(from), most.max(to)));
    }

    /// How far it moves, and the length that then holds it.
    fn fit(self, stated: Option<u32>, margin_mm: i32) -> (i32, u32) {
        let (least, most) = self.0.unwrap_or_default();
        let (shift, margin) = match stated {
            None => (margin_mm - least, margin_mm),
            Some(_) => ((-least).max(0), 0),
        };
        let edge = u32::try_from(most + shift + margin).unwrap_or(0);
        (shift, edge.max(stated.unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests;
