//! The hall that both events are in.

use rowlock_proto::seat_map::{Area, Category, Row, Seat, SeatMap, Section, Shape, flag};

use super::Kind;

/// The hall: two sections, an aisle, a pillar, wheelchair places.
///
/// ```text
/// S  A   0 1 2 3 | 4 5
///    B   6 7 8 9           the last of another category
/// T  C   10 11 12 13 14    behind a pillar; then a wheelchair place and two companions
/// ```
///
/// Section, row, stretch, category, kind, wheelchair, x and y of each seat.
pub(super) const HALL: [HallSeat; 15] = [
    (0, 0, 0, 0, Kind::Plain, false, 0, 0),
    (0, 0, 0, 0, Kind::Plain, false, 500, 0),
    (0, 0, 0, 0, Kind::Plain, false, 1_000, 0),
    (0, 0, 0, 0, Kind::Plain, false, 1_500, 0),
    (0, 0, 1, 0, Kind::Plain, false, 3_000, 0),
    (0, 0, 1, 0, Kind::Plain, false, 3_500, 0),
    (0, 1, 2, 0, Kind::Plain, false, 0, 900),
    (0, 1, 2, 0, Kind::Plain, false, 500, 900),
    (0, 1, 2, 0, Kind::Plain, false, 1_000, 900),
    (0, 1, 3, 1, Kind::Plain, false, 1_500, 900),
    (1, 2, 4, 1, Kind::Pillar, false, 0, 2_000),
    (1, 2, 4, 1, Kind::Pillar, false, 500, 2_000),
    (1, 2, 5, 1, Kind::Accessible, true, 1_000, 2_000),
    (1, 2, 5, 1, Kind::Accessible, false, 1_500, 2_000),
    (1, 2, 5, 1, Kind::Accessible, false, 2_000, 2_000),
];
pub(super) type HallSeat = (u16, u32, u32, usize, Kind, bool, i32, i32);

pub(super) const FOCUS_MM: (i32, i32) = (1_000, -300);
pub(super) const LAWN: u32 = 4;
pub(super) const SEATS: u32 = 15;
pub(super) fn map() -> Vec<u8> {
    let seat = |&(_, _, _, category, kind, wheelchair, x_mm, y_mm): &HallSeat| Seat {
        label: x_mm.to_string(),
        x_mm,
        y_mm,
        category: u8::try_from(category).unwrap(),
        flags: match (kind, wheelchair) {
            (Kind::Plain, _) => 0,
            (Kind::Pillar, _) => flag::RESTRICTED_VIEW,
            (Kind::Accessible, true) => flag::WHEELCHAIR,
            (Kind::Accessible, false) => flag::COMPANION,
        },
    };
    let row = |label: &str, seats: &[HallSeat]| Row {
        label: label.to_owned(),
        shape: Shape::Line,
        seats: seats.iter().map(seat).collect(),
    };
    let sections = vec![
        Section { name: "S".to_owned(), rows: vec![row("A", &HALL[..6]), row("B", &HALL[6..10])] },
        Section { name: "T".to_owned(), rows: vec![row("C", &HALL[10..])] },
    ];
    let categories = ["even", "odd"].map(|name| Category { name: name.to_owned(), colour: 0 });
    SeatMap {
        width_mm: 1,
        height_mm: 1,
        focus_mm: Some(FOCUS_MM),
        categories: categories.into(),
        sections,
        areas: vec![Area {
            name: "Lawn".to_owned(),
            category: 1,
            capacity: LAWN,
            x_mm: 0,
            y_mm: 0,
            width_mm: 1,
            height_mm: 1,
        }],
    }
    .encode()
    .unwrap()
}
