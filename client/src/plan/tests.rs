use super::*;

#[test]
fn millimetres_are_rounded_half_away_from_zero_and_bounded() {
    assert_eq!(to_mm(2.5), Some(3));
    assert_eq!(to_mm(-2.5), Some(-3));
    assert_eq!(to_mm(f64::from(COORDINATE_MM_MAX)), Some(COORDINATE_MM_MAX));
    for out in [f64::from(COORDINATE_MM_MAX) + 1.0, f64::INFINITY, f64::NAN, -1e300] {
        assert_eq!(to_mm(out), None, "{out}");
    }
}

#[test]
fn errors_show_the_first_problems_and_count_the_rest() {
    let mut errors = PlanErrors::default();
    for line in 1..=150 {
        errors.push(format!("line {line}"), "wrong");
    }
    assert_eq!((errors.problems().len(), errors.total()), (100, 150));
    let text = errors.to_string();
    assert!(text.starts_with("line 1: wrong; line 2: wrong; "), "{text}");
    assert!(text.ends_with("line 8: wrong; and 142 more"), "{text}");
}

/// A stadium of `sections` sections, each of 50 rows of 40 seats, as a plan.
fn stadium(sections: u32) -> String {
    let mut zones = Vec::new();
    for section in 0..sections {
        let rows: Vec<_> = (0..50).map(|row| stadium_row(section, row)).collect();
        let (across, down) = (section % 10 * 2_200, section / 10 * 4_500);
        zones.push(format!(
            r#"{{"name": "Block {section}", "position": {{"x": {across}, "y": {down}}},
            "rows": [{}], "areas": []}}"#,
            rows.join(",")
        ));
    }
    format!(
        r#"{{"name": "Stadium", "categories": [{{"name": "Near"}}, {{"name": "Far"}}],
        "zones": [{}]}}"#,
        zones.join(",")
    )
}

fn stadium_row(section: u32, row: u32) -> String {
    let category = if row < 20 { "Near" } else { "Far" };
    let seats: Vec<_> = (1..=40)
        .map(|seat| {
            format!(
                r#"{{"seat_guid": "{section}-{row}-{seat}", "seat_number": "{seat}",
                "position": {{"x": {}, "y": 0}}, "category": "{category}"}}"#,
                seat * 50
            )
        })
        .collect();
    format!(
        r#"{{"row_number": "{}", "position": {{"x": 0, "y": {}}}, "seats": [{}]}}"#,
        row + 1,
        row * 85,
        seats.join(",")
    )
}

#[test]
fn a_hundred_thousand_seats_are_a_plan_like_any_other() {
    let json = stadium(50);
    assert!(json.len() < pretix::JSON_BYTES_MAX, "{} bytes", json.len());
    let plan = pretix::parse_plan(&json).expect("a good plan");
    assert_eq!((plan.map.seat_count(), plan.map.sections.len()), (100_000, 50));
    let bytes = plan.map.encode().expect("a map");
    // It travels in parts of a mebibyte, of which there may be sixteen.
    assert!(bytes.len() < 2 << 20, "{} bytes", bytes.len());
    assert_eq!(SeatMap::decode(&bytes).expect("its own bytes"), plan.map);
    let export = pretix::export(&plan.name, &plan.map).expect("a plan again");
    assert!(export.plan.len() < pretix::JSON_BYTES_MAX, "{} bytes", export.plan.len());
    assert_eq!(pretix::parse(&export.plan).expect("the export alone"), plan.map);
}

#[test]
fn the_largest_map_is_a_plan_too_and_one_seat_more_is_none() {
    let json = stadium(100);
    assert!(json.len() < pretix::JSON_BYTES_MAX, "{} bytes", json.len());
    let map = pretix::parse(&json).expect("a good plan");
    assert_eq!(map.seat_count(), rowlock_proto::seat_map::SEATS_MAX);
    let error = pretix::parse(&stadium(101)).expect_err("too many seats").to_string();
    assert_eq!(error, "the plan has 202000 seats, and 200000 are allowed");
}
