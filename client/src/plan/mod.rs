//! Seating plans from files: text in, a checked [`SeatMap`] out.
//!
//! Owns the formats ([`pretix`] JSON, [`csv`] seat lists) and the [`layout`] of zones that come
//! without coordinates. It does no I/O beyond the reader it is given, and keeps nothing.
//!
//! Invariants:
//! - A plan is taken whole or refused whole, with every problem named ([`PlanErrors`]); what is left
//!   out of a plan that is taken is told in [`Plan::notes`].
//! - The same text gives the same map on every machine: positions become integer millimetres once,
//!   in [`to_mm`], and all geometry after that is in integers.

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

/// Sets the map's size. One that is stated holds, as far as all seats are inside; without one the
/// seats move to have `margin_mm` around them.
fn frame(map: &mut SeatMap, stated: Option<StatedSize>, margin_mm: i32) {
    let points = || {
        let rows = map.sections.iter().flat_map(|section| &section.rows);
        rows.flat_map(|row| &row.seats).map(|seat| (seat.x_mm, seat.y_mm))
    };
    let shift = |least: Option<i32>| match (stated, least.unwrap_or(0)) {
        (None, least) => margin_mm - least,
        (Some(_), least) => (-least).max(0),
    };
    let right = shift(points().map(|(x, _)| x).min());
    let down = shift(points().map(|(_, y)| y).min());
    let far = |most: Option<i32>, shift: i32, stated: Option<u32>| {
        let edge = most.unwrap_or(0) + shift + stated.map_or(margin_mm, |_| 0);
        u32::try_from(edge).unwrap_or(0).max(stated.unwrap_or(0))
    };
    let width_mm = far(points().map(|(x, _)| x).max(), right, stated.map(|size| size.width_mm));
    let height_mm = far(points().map(|(_, y)| y).max(), down, stated.map(|size| size.height_mm));
    (map.width_mm, map.height_mm) = (width_mm, height_mm);
    for seat in map.sections.iter_mut().flat_map(|s| &mut s.rows).flat_map(|row| &mut row.seats) {
        seat.x_mm += right;
        seat.y_mm += down;
    }
}

#[cfg(test)]
mod tests;
