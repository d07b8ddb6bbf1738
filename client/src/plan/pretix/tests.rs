use super::*;

/// A plan of one zone with the given rows.
fn plan(rows: &str) -> String {
    format!(
        r##"{{"name": "Hall", "categories": [{{"name": "A", "color": "#F44336"}}, {{"name": "B"}}],
        "size": {{"width": 300, "height": 200}},
        "zones": [{{"name": "Stalls", "position": {{"x": 10, "y": 20}}, "rows": [{rows}]}}]}}"##
    )
}

fn seat(guid: &str, number: &str, x: &str, category: &str) -> String {
    format!(
        r#"{{"seat_guid": "{guid}", "seat_number": "{number}", "category": "{category}",
        "position": {{"x": {x}, "y": 0}}}}"#
    )
}

fn row(number: &str, seats: &[String]) -> String {
    format!(
        r#"{{"row_number": "{number}", "position": {{"x": 5, "y": 1.25}}, "seats": [{}]}}"#,
        seats.join(",")
    )
}

fn check_refused(json: &str, expected: &str) {
    let error = parse(json).expect_err("a bad plan").to_string();
    assert!(error.contains(expected), "{error:?} does not say {expected:?}");
}

#[test]
fn positions_add_up_and_become_millimetres() {
    let seats = [seat("g1", "1", "0", "A"), seat("g2", "2", "25.04", "B")];
    let plan = parse_plan(&plan(&row("A", &seats))).expect("a good plan");
    assert_eq!(plan.name, "Hall");
    let map = plan.map;
    assert_eq!((map.width_mm, map.height_mm), (3_000, 2_000));
    assert_eq!(map.categories[0], Category { name: "A".to_owned(), colour: 0xf4_43_36 });
    assert_eq!(map.sections.len(), 1);
    let row = &map.sections[0].rows[0];
    let places: Vec<_> = row.seats.iter().map(|s| (s.x_mm, s.y_mm, s.category)).collect();
    assert_eq!(places, [(150, 213, 0), (400, 213, 1)]);
    assert_eq!((row.label.as_str(), row.seats[1].label.as_str()), ("A", "2"));
}

#[test]
fn the_older_and_the_newer_form_are_taken() {
    // Older: no zone_id, no row position, no size; whole numbers. Newer: labels, radius, uuid,
    // areas with an object as text, a zone that only has an id, and a number as a label.
    let json = r##"{"name": "Mixed", "categories": [{"name": "A", "color": "red"}], "zones": [
        {"position": {"x": 0, "y": 0}, "zone_id": "Z-1", "displayed": true, "name": "",
         "rows": [{"row_number": 7, "row_label": "Row", "row_number_position": "both", "seats": [
            {"seat_guid": "a", "seat_number": 1, "seat_label": "Seat", "uuid": "u", "radius": 9.5,
             "position": {"x": -3.5, "y": 0.0}, "category": "A", "start_direction": "left"}]}],
         "areas": [{"shape": "text", "position": {"x": 0, "y": 0}, "color": "#000",
                    "text": {"position": {"x": 0, "y": 0}, "text": "Stage", "color": "#fff"}},
                   {"width": 5, "height": 5, "position": {"x": 1, "y": 1}, "text": "Bar"}]}]}"##;
    let plan = parse_plan(json).expect("a good plan");
    let section = &plan.map.sections[0];
    assert_eq!((section.name.as_str(), section.rows[0].label.as_str()), ("Z-1", "7"));
    // Moved into the frame: nothing is left of or above the origin.
    let seat = &section.rows[0].seats[0];
    assert_eq!((seat.x_mm, seat.y_mm), (250, 250));
    assert_eq!((plan.map.width_mm, plan.map.height_mm), (500, 500));
    assert_eq!(plan.map.focus_mm, Some((285, 250)));
    assert_eq!(plan.notes.len(), 3, "{:?}", plan.notes);
    assert!(plan.notes[0].contains("\"red\""), "{:?}", plan.notes);
    assert!(plan.notes[1].contains("2 area(s) (among them 'Stage', 'Bar')"), "{:?}", plan.notes);
    assert_eq!(plan.notes[2], "the best seats are those nearest to 'Stage'");
}

#[test]
fn repeated_guids_and_labels_are_named_and_counted() {
    let twice = |guid: &str| seat(guid, "1", "0", "A");
    let rows = [
        row("A", &[twice("g1"), seat("g2", "2", "9", "A")]),
        row("A", &[twice("g1"), seat("g2", "3", "9", "A")]),
        row("A", &[twice("g1")]),
    ];
    let error = parse(&plan(&rows.join(","))).expect_err("repeats").to_string();
    assert_eq!(
        error,
        "2 distinct seat_guid for 5 seats: 'g1' stands 3 times, 'g2' stands 2 times; \
         3 distinct (section, row, seat) labels for 5 seats: \
         'Stalls, row A, seat 1' stands 3 times"
    );
}

#[test]
fn zones_of_one_name_are_one_section_unless_their_labels_collide() {
    let zone = |row_number: &str, guid: &str| {
        format!(
            r#"{{"name": "Box", "position": {{"x": 0, "y": 0}}, "rows": [{}]}}"#,
            row(row_number, &[seat(guid, "1", "0", "A")])
        )
    };
    let json = |second: &str| {
        format!(
            r#"{{"name": "", "categories": [{{"name": "A"}}], "zones": [{}, {second}]}}"#,
            zone("1", "g1")
        )
    };
    let plan = parse_plan(&json(&zone("2", "g2"))).expect("a good plan");
    assert_eq!((plan.map.sections.len(), plan.map.seat_count()), (1, 2));
    assert!(plan.notes[0].contains("'Box'"), "{:?}", plan.notes);
    check_refused(&json(&zone("1", "g2")), "'Box, row 1, seat 1' stands 2 times");
}

#[test]
fn what_the_schema_cannot_say_is_refused_with_its_place() {
    let one = |seat: String| plan(&row("A", &[seat]));
    check_refused(
        &one(seat("g", "1", "0", "Gold")),
        "zones[0].rows[0].seats[0]: the category 'Gold' is not among the plan's categories",
    );
    check_refused(&one(seat("", "1", "0", "A")), "zones[0].rows[0].seats[0]: seat_guid is missing");
    check_refused(&one(seat("g", "", "0", "A")), "seat_number is missing");
    check_refused(&one(seat("g", "1", "1e30", "A")), "the position is too far out");
    check_refused(&one(seat("g", "1", "1e999", "A")), "number out of range");
    check_refused(&one(seat("g", "1", "\"12\"", "A")), "invalid type: string \"12\", expected f64");
    check_refused(&one(seat("g", &"9".repeat(256), "0", "A")), "seat_number is 256 bytes long");
    check_refused(&one(seat("g", "123456\\u0007890", "0", "A")), "control characters");
    check_refused(&plan(""), "the plan has no seats");
    check_refused("{}", "the plan has no seats");
    check_refused("[]", "not a seating plan: ");
    check_refused("{\"zones\": [", "not a seating plan: EOF while parsing");
    check_refused(&plan(r#"{"seats": [{}]}"#), "zones[0].rows[0]: row_number is missing");
}

#[test]
fn categories_are_named_once_and_are_there() {
    let with = |categories: &str| {
        plan(&row("A", &[seat("g", "1", "0", "A")])).replacen(
            r##"[{"name": "A", "color": "#F44336"}, {"name": "B"}]"##,
            categories,
            1,
        )
    };
    check_refused(
        &with(r#"[{"name": "A"}, {"name": "A"}]"#),
        "categories[1]: the category 'A' stands twice",
    );
    check_refused(
        &with(r#"[{"color": "blue"}, {"name": "A"}]"#),
        "categories[0]: the category has no name",
    );
    check_refused(&with("[]"), "the plan has 0 categories; 1 to 100 are allowed");
    let many: Vec<_> = (0..101).map(|i| format!(r#"{{"name": "{i}"}}"#)).collect();
    check_refused(&with(&format!("[{}]", many.join(","))), "the plan has 101 categories");
}

#[test]
fn depth_and_size_are_bounded() {
    check_refused(&format!("{}{}", r#"{"x":"#.repeat(100_000), "1"), "not a seating plan");
    check_refused(&format!(r#"{{"zones": {}"#, "[".repeat(100_000)), "not a seating plan");
    check_refused(&" ".repeat(JSON_BYTES_MAX + 1), "bytes, and 33554432 are allowed");
}

#[test]
fn colours_are_read_in_both_lengths() {
    assert_eq!(colour::parse("#F44336"), Some(0xf4_43_36));
    assert_eq!(colour::parse(" #fa0 "), Some(0xff_aa_00));
    for wrong in ["", "#", "#12345", "#+12345", "red", "#ggg", "#1234567"] {
        assert_eq!(colour::parse(wrong), None, "{wrong}");
    }
}
