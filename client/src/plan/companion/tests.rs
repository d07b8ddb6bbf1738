use super::*;
use crate::plan::pretix;
use rowlock_proto::seat_map::{Category, Row, Section};

/// Two rows of three and a row of two that is a table, in units of ten millimetres.
fn plan(areas: &str) -> String {
    let row = |label: &str, y: u32, seats: u32| {
        let seats: Vec<_> = (1..=seats)
            .map(|n| {
                format!(
                    r#"{{"seat_guid": "{label}-{n}", "seat_number": "{n}", "category": "Seated",
                    "position": {{"x": {}, "y": {y}}}}}"#,
                    n * 50
                )
            })
            .collect();
        format!(r#"{{"row_number": "{label}", "seats": [{}]}}"#, seats.join(","))
    };
    format!(
        r##"{{"name": "Club", "categories": [{{"name": "Seated", "color": "#112233"}},
        {{"name": "Standing", "color": "#445566"}}], "size": {{"width": 400, "height": 300}},
        "zones": [{{"name": "Stalls", "position": {{"x": 10, "y": 20}},
        "rows": [{}, {}, {}], "areas": [{areas}]}}]}}"##,
        row("A", 0, 3),
        row("B", 90, 3),
        row("T1", 180, 2)
    )
}

const FULL: &str = r#"{"version": 1, "focus": {"x": 100, "y": -5.5},
    "areas": [{"name": "Floor", "category": "Standing", "capacity": 400,
               "x": 200, "y": 20, "width": 150.5, "height": 100}],
    "wheelchair": [{"section": "Stalls", "row": "A", "seats": ["1"]}],
    "companions": [{"section": "Stalls", "row": "A", "seats": ["2"]}],
    "restrictedView": [{"section": "Stalls", "row": "B", "seats": ["1", "3"]}],
    "tables": [{"section": "Stalls", "row": "T1"}]}"#;

fn read(companion: &str) -> Result<SeatMap, PlanErrors> {
    let companion = Companion::parse(companion)?;
    pretix::parse_with(&plan(""), Some(&companion)).map(|plan| plan.map)
}

fn check_refused(companion: &str, expected: &str) {
    let error = read(companion).expect_err("a bad companion").to_string();
    assert!(error.contains(expected), "{error:?} does not say {expected:?}");
}

#[test]
fn everything_it_says_is_in_the_map() {
    let map = read(FULL).expect("a good companion");
    assert_eq!(map.focus_mm, Some((1_000, -55)));
    let [floor] = map.areas.as_slice() else { panic!("one area") };
    assert_eq!((floor.name.as_str(), floor.category, floor.capacity), ("Floor", 1, 400));
    assert_eq!(
        (floor.x_mm, floor.y_mm, floor.width_mm, floor.height_mm),
        (2_000, 200, 1_505, 1_000)
    );
    let flags: Vec<_> = map.seats().map(|(_, _, _, seat)| seat.flags).collect();
    assert_eq!(flags, [1, 2, 0, 4, 0, 4, 0, 0]);
    let shapes: Vec<_> = map.sections[0].rows.iter().map(|row| row.shape).collect();
    assert_eq!(shapes, [Shape::Line, Shape::Line, Shape::Table]);
}

#[test]
fn an_empty_companion_changes_nothing() {
    let alone = pretix::parse(&plan("")).expect("a good plan");
    assert_eq!(read(r#"{"version": 1}"#).expect("a good companion"), alone);
}

#[test]
fn what_is_not_known_is_refused() {
    check_refused(r#"{"version": 1, "wheelchairs": []}"#, "unknown field `wheelchairs`, expected");
    check_refused(
        r#"{"version": 1, "tables": [{"section": "Stalls", "row": "A", "seats": []}]}"#,
        "unknown field `seats`",
    );
    check_refused(r#"{"version": 2, "aisles": []}"#, "companion: version 2 is not known; 1 is");
    check_refused("{}", "companion: version is missing");
    check_refused("[", "companion: EOF");
    check_refused(
        r#"{"version": 1, "areas": [{"name": "Floor"}]}"#,
        "missing field `category` at line 1",
    );
    check_refused(r#"{"version": 1, "areas": [], "areas": []}"#, "duplicate field `areas`");
}

#[test]
fn what_the_plan_does_not_have_is_named() {
    let seats = |list: &str, section: &str, row: &str, seats: &str| {
        format!(
            r#"{{"version": 1, "{list}": [{{"section": "{section}", "row": "{row}", "seats": {seats}}}]}}"#
        )
    };
    check_refused(
        &seats("wheelchair", "Balcony", "A", r#"["1"]"#),
        "companion.wheelchair[0]: the plan has no section 'Balcony'",
    );
    check_refused(
        &seats("companions", "Stalls", "Z", r#"["1"]"#),
        "companion.companions[0]: the plan has no row 'Z' in 'Stalls'",
    );
    check_refused(
        &seats("restrictedView", "Stalls", "A", r#"["1", "9", "1"]"#),
        "companion.restrictedView[0]: the plan has no seat '9' in row 'A' of 'Stalls'; \
         companion.restrictedView[0]: seat '1' in row 'A' of 'Stalls' stands twice",
    );
    check_refused(&seats("wheelchair", "Stalls", "A", "[]"), "seats is empty");
    check_refused(
        r#"{"version": 1, "tables": [{"section": "Stalls", "row": "T9"}]}"#,
        "companion.tables[0]: the plan has no row 'T9' in 'Stalls'",
    );
}

#[test]
fn areas_are_checked() {
    let area = |name: &str, category: &str, capacity: &str, width: &str| {
        format!(
            r#"{{"name": "{name}", "category": "{category}", "capacity": {capacity},
                "x": 0, "y": 0, "width": {width}, "height": 1}}"#
        )
    };
    let with = |areas: &[String]| format!(r#"{{"version": 1, "areas": [{}]}}"#, areas.join(","));
    let good = area("Floor", "Standing", "5", "1");
    check_refused(
        &with(&[good.clone(), good]),
        "companion.areas[1]: the area 'Floor' stands twice",
    );
    check_refused(
        &with(&[area("F", "Gold", "5", "1")]),
        "companion.areas[0]: the category 'Gold' is not among the plan's categories",
    );
    check_refused(&with(&[area("F", "Standing", "0", "1")]), "the capacity is 0; 1 to 1000000");
    check_refused(&with(&[area("F", "Standing", "-1", "1")]), "invalid value: integer `-1`");
    check_refused(&with(&[area("F", "Standing", "1", "-1")]), "has a negative size");
    check_refused(&with(&[area(" ", "Standing", "1", "1")]), "the area has no name");
}

#[test]
fn the_focus_is_the_companions_before_it_is_the_plans() {
    let stage = r#"{"shape": "text", "position": {"x": 90, "y": -10},
        "text": {"position": {"x": 5, "y": 2}, "text": " STAGE "}}"#;
    let focus = |areas: &str, companion: &str| {
        let companion = Companion::parse(companion).expect("a good companion");
        let plan = pretix::parse_with(&plan(areas), Some(&companion)).expect("a good plan");
        (plan.map.focus_mm, plan.notes)
    };
    let silent = r#"{"version": 1}"#;
    assert_eq!(focus(stage, silent).0, Some((1_050, 120)));
    assert_eq!(focus(stage, r#"{"version": 1, "focus": {"x": 1, "y": 2}}"#).0, Some((10, 20)));
    assert_eq!(focus(stage, r#"{"version": 1, "focus": null}"#).0, None);
    // The older form: the text stands in the middle of the area.
    let older = r#"{"width": 40, "height": 10, "position": {"x": 0, "y": 0}, "text": "Bühne"}"#;
    assert_eq!(focus(older, silent).0, Some((300, 250)));
    let (none, notes) = focus(&format!("{stage},{older}"), silent);
    assert_eq!(none, None, "two stages");
    assert!(notes[1].starts_with("'STAGE', 'Bühne' could each be"), "{notes:?}");
    let other = r#"{"shape": "text", "position": "x", "text": {"text": "Backstage bar"}}"#;
    assert_eq!(focus(other, silent).0, None);
}

#[test]
fn a_plan_of_areas_alone_is_taken() {
    let plan = r#"{"name": "Yard", "categories": [{"name": "Standing"}], "zones": []}"#;
    pretix::parse(plan).expect_err("no seats and no areas");
    let companion = r#"{"version": 1, "areas": [{"name": "Yard", "category": "Standing",
        "capacity": 900, "x": -10, "y": 5, "width": 30, "height": 20}]}"#;
    let companion = Companion::parse(companion).expect("a good companion");
    let map = pretix::parse_with(plan, Some(&companion)).expect("a good plan").map;
    assert_eq!((map.seat_count(), map.width_mm, map.height_mm), (0, 800, 700));
    assert_eq!((map.areas[0].x_mm, map.areas[0].y_mm), (250, 250));
}

#[test]
fn an_export_is_the_same_map_again() {
    let map = read(FULL).expect("a good companion");
    let export = pretix::export("Club", &map).expect("a map that can be written");
    assert_eq!(
        export.dropped,
        [
            "1 area(s) for 400 people (drawn, not sold)",
            "1 wheelchair place(s)",
            "1 seat(s) for those who come along with a wheelchair user",
            "2 seat(s) with a restricted view",
            "1 table(s) (written as rows)",
        ]
    );
    let alone = pretix::parse_plan(&export.plan).expect("the plan alone");
    assert_eq!((alone.name.as_str(), alone.map.areas.len()), ("Club", 0));
    assert_eq!(alone.map.focus_mm, map.focus_mm, "a stage is drawn");
    // Nothing changes when it is exported once more.
    assert_eq!(pretix::export("Club", &map).expect("again"), export);
}

#[test]
fn a_map_that_cannot_be_written_says_why() {
    let seat = |label: &str, x_mm: i32| Seat {
        label: label.to_owned(),
        x_mm,
        y_mm: 0,
        category: 0,
        flags: 0,
    };
    let row = |seats: Vec<Seat>| Row { label: "1".to_owned(), shape: Shape::Line, seats };
    let map = |rows: Vec<Row>| SeatMap {
        width_mm: 100,
        height_mm: 100,
        categories: vec![Category { name: "A".to_owned(), colour: 0 }],
        sections: vec![Section { name: "S".to_owned(), rows }],
        ..SeatMap::default()
    };
    let check = |map: SeatMap, expected: &str| {
        let error = pretix::export("", &map).expect_err("a map of no plan").to_string();
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    };
    check(map(vec![row(vec![seat("1", 0)]), row(vec![])]), "sections or rows without seats");
    check(map(vec![row(vec![seat("1", 500)])]), "seats or areas lie outside of it");
    check(map(vec![row(vec![seat("", 50)])]), "seat_number is missing");
}

#[test]
fn the_schema_has_the_keys_that_are_read() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../../docs/plan-companion.schema.json"))
            .expect("the schema is JSON");
    let example = include_str!("../../../../docs/plan-companion.example.json");
    let Companion(file) = Companion::parse(example).expect("the example is a companion");
    let written = serde_json::to_value(&file).expect("a companion is JSON");
    let keys = |value: &serde_json::Value| -> BTreeSet<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    assert_eq!(keys(&written), keys(&schema["properties"]));
    for (list, definition) in [("areas", "area"), ("wheelchair", "seats"), ("tables", "row")] {
        let described = &schema["definitions"][definition];
        assert_eq!(keys(&written[list][0]), keys(&described["properties"]), "{list}");
        assert_eq!(described["additionalProperties"], false, "{list}");
    }
}
