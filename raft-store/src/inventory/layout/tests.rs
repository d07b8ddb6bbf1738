#![expect(clippy::indexing_slicing, reason = "a test that panics has found something")]

use rowlock_proto::seat_map::{Category, Row, Seat, SeatMap, Section, Shape, flag};

use super::*;

fn seat(x_mm: i32, y_mm: i32, category: u8, flags: u8) -> Seat {
    Seat { label: format!("{x_mm}/{y_mm}"), x_mm, y_mm, category, flags }
}

fn row(label: &str, seats: Vec<Seat>) -> Row {
    Row { label: label.to_owned(), shape: Shape::Line, seats }
}

fn map(rows: Vec<Row>) -> SeatMap {
    SeatMap {
        categories: ["A", "B"].map(|name| Category { name: name.to_owned(), colour: 0 }).into(),
        sections: vec![Section { name: "S".to_owned(), rows }],
        ..SeatMap::default()
    }
}

/// First seat and count of each stretch.
fn stretches(map: &SeatMap) -> Vec<(u32, u32)> {
    Layout::of(map).stretches.iter().map(|it| (it.first, it.count)).collect()
}

#[test]
fn an_aisle_parts_neighbours_and_a_wider_seat_does_not() {
    let at = |xs: &[i32]| row("1", xs.iter().map(|&x| seat(x, 0, 0, 0)).collect());
    assert_eq!(stretches(&map(vec![at(&[0, 500, 1000, 1500])])), [(0, 4)]);
    assert_eq!(stretches(&map(vec![at(&[0, 500, 1000, 1800, 2300])])), [(0, 5)]);
    assert_eq!(stretches(&map(vec![at(&[0, 500, 1000, 2000, 2500])])), [(0, 3), (3, 2)]);
}

#[test]
fn rows_categories_and_kinds_part_neighbours() {
    let kinds = vec![
        seat(0, 0, 0, 0),
        seat(500, 0, 0, 0),
        seat(1000, 0, 1, 0),
        seat(1500, 0, 1, flag::WHEELCHAIR),
        seat(2000, 0, 1, flag::COMPANION),
        seat(2500, 0, 1, flag::RESTRICTED_VIEW),
    ];
    let next = vec![seat(0, 900, 1, 0)];
    let map = map(vec![row("1", kinds), row("2", next)]);
    assert_eq!(stretches(&map), [(0, 2), (2, 1), (3, 2), (5, 1), (6, 1)]);
    let layout = Layout::of(&map);
    assert_eq!(layout.wheelchairs, [3]);
    assert_eq!(layout.zones.len(), 4, "B is one zone in both rows: {:?}", layout.zones);
}

#[test]
fn a_table_has_no_aisle() {
    let seats = [(0, 0), (900, 0), (900, 2_000), (0, 2_000), (0, 100)];
    let seats = seats.map(|(x, y)| seat(x, y, 0, 0)).into();
    let mut table = row("T", seats);
    table.shape = Shape::Table;
    assert_eq!(stretches(&map(vec![table])), [(0, 5)]);
}

#[test]
fn the_nearer_to_the_focus_the_better() {
    let line = |label: &str, y| row(label, (0..5).map(|x| seat(x * 500, y, 0, 0)).collect());
    let mut map = map(vec![line("1", 0), line("2", 900), line("3", 1_800)]);
    let order = |map: &SeatMap| Layout::of(map).zones[0].stretches.clone();
    assert_eq!(order(&map), [0, 1, 2], "without a focus the front is best");
    map.focus_mm = Some((1_000, 2_000));
    assert_eq!(order(&map), [2, 1, 0]);
    assert_eq!(Layout::of(&map).distance_mm(12), 200);
}

#[test]
fn every_seat_lies_in_one_stretch() {
    let line = |label: &str, y| row(label, (0..7).map(|x| seat(x * x * 500, y, 0, 0)).collect());
    let layout = Layout::of(&map(vec![line("1", 0), line("2", 900)]));
    for seat in 0..14 {
        let stretch = layout.stretches[layout.stretch_of(seat).unwrap()];
        assert!((stretch.first..stretch.end()).contains(&seat));
        let zone = &layout.zones[stretch.zone as usize];
        let listed = zone.stretches[stretch.place as usize];
        assert_eq!(layout.stretches[listed as usize], stretch);
    }
}
