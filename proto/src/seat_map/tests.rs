use proptest::prelude::*;

use super::*;

fn small_map() -> SeatMap {
    let seat =
        |label: &str, x_mm| Seat { label: label.to_owned(), x_mm, y_mm: -5, category: 0, flags: 0 };
    SeatMap {
        width_mm: 10_000,
        height_mm: 5_000,
        focus_mm: None,
        categories: vec![Category { name: "Stalls".to_owned(), colour: 0x00ff_8800 }],
        sections: vec![Section {
            name: "Parkett".to_owned(),
            rows: vec![Row {
                label: "A".to_owned(),
                shape: Shape::Line,
                seats: vec![seat("1", 0), seat("2", 500)],
            }],
        }],
        areas: vec![],
    }
}

#[test]
fn a_map_survives_its_bytes_and_they_are_golden() {
    let map = small_map();
    let bytes = map.encode().unwrap();
    assert_eq!(SeatMap::decode(&bytes), Ok(map));
    assert_eq!(bytes.len(), 1 + 8 + 4 + (2 + 6 + 3) + 4 + (2 + 7) + 4 + 3 + 4 + 2 * 13 + 4);
    assert_eq!(&bytes[..13], &[1, 0x10, 0x27, 0, 0, 0x88, 0x13, 0, 0, 1, 0, 0, 0]);
}

#[test]
fn every_cut_and_every_extra_byte_is_refused() {
    let bytes = small_map().encode().unwrap();
    for end in 0..bytes.len() {
        assert!(SeatMap::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(SeatMap::decode(&longer), Err(Error::TrailingBytes));
}

#[test]
fn a_repeated_seat_is_named() {
    let mut map = small_map();
    map.sections[0].rows[0].seats[1].label = "1".to_owned();
    let error = map.encode().unwrap_err();
    assert_eq!(error.to_string(), "seat \"1\" of row \"A\" in \"Parkett\" stands twice in the map");
}

#[test]
fn a_map_must_have_something_to_sell_and_known_categories() {
    assert_eq!(SeatMap::default().encode(), Err(Error::Empty));
    let mut map = small_map();
    map.sections[0].rows[0].seats[0].category = 1;
    assert!(matches!(map.encode(), Err(Error::UnknownCategory { .. })));
}

proptest! {
    #[test]
    fn no_bytes_make_decoding_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(SeatMap::decode(&bytes));
    }
}
