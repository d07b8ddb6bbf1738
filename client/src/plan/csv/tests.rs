use super::*;
use crate::plan::layout::Arrangement;

/// A hundred lines of a real list: see the file beside it for whose it is.
const STADIUM_CUT: &str = include_str!("testdata/stadium-cut.csv");

fn check_refused(text: &str, mapping: &ColumnMapping, expected: &str) {
    let error = parse(text.as_bytes(), mapping).expect_err("a bad list").to_string();
    assert!(error.contains(expected), "{error:?} does not say {expected:?}");
}

fn guess() -> ColumnMapping {
    ColumnMapping::default()
}

#[test]
fn a_real_list_is_taken_with_guessed_columns() {
    let plan = parse_plan(STADIUM_CUT.as_bytes(), &guess()).expect("a good list");
    assert_eq!(plan.map.seat_count(), 100);
    let names: Vec<_> = plan.map.sections.iter().map(|section| section.name.as_str()).collect();
    assert_eq!(names, ["西下A", "西下C", "東下R2"]);
    assert_eq!(plan.map.categories.len(), 1);
    assert_eq!(
        plan.notes,
        ["columns without a meaning were left out: 'field', 'name', 'spaceType', 'version'"]
    );
    // Rows go front to back and seats along the grid, whatever the order of the file.
    for section in &plan.map.sections {
        let fronts: Vec<_> = section.rows.iter().map(|row| row.seats[0].y_mm).collect();
        assert!(fronts.is_sorted(), "{fronts:?}");
        for row in &section.rows {
            assert!(row.seats.is_sorted_by_key(|seat| seat.x_mm));
        }
    }
}

#[test]
fn categories_come_by_rule() {
    let mut mapping = guess();
    for (rule, expected) in [
        ("section", vec!["西下A", "西下C", "東下R2"]),
        ("prefix:2", vec!["西下", "東下"]),
        ("single", vec!["Standard"]),
        ("column:zone", vec!["西下A", "西下C", "東下R2"]),
    ] {
        mapping.categories = rule.parse().expect("a rule");
        let map = parse(STADIUM_CUT.as_bytes(), &mapping).expect("a good list");
        let names: Vec<_> = map.categories.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, expected, "{rule}");
    }
    for wrong in ["prefix:0", "prefix:x", "zone", "column:"] {
        wrong.parse::<CategoryRule>().expect_err(wrong);
    }
}

#[test]
fn a_line_may_stand_for_a_run_of_seats() {
    let text = "zone;row;first seat;last seat;grid-column;grid-row;price category\n\
                North;2;1;3;1;2;Gold\nNorth;2;4;4;5;2;Gold\nNorth;1;10;11;1;1;Silver\n";
    let map = parse(text.as_bytes(), &guess()).expect("a good list");
    let rows = &map.sections[0].rows;
    let labels: Vec<Vec<_>> =
        rows.iter().map(|row| row.seats.iter().map(|s| s.label.as_str()).collect()).collect();
    assert_eq!(labels, [vec!["10", "11"], vec!["1", "2", "3", "4"]]);
    // The gap in the grid is a gap in the row.
    let gaps: Vec<_> = rows[1].seats.windows(2).map(|two| two[1].x_mm - two[0].x_mm).collect();
    assert_eq!(gaps, [500, 500, 1_000]);
    check_refused(
        &text.replace(";1;3;", ";3;1;"),
        &guess(),
        "line 2: '3' to '1' is not a rising run",
    );
    check_refused(
        &text.replace(";1;3;", ";1;x;"),
        &guess(),
        "line 2: '1' to 'x' is not a rising run",
    );
    check_refused(
        &text.replace(";1;3;", ";1;1001;"),
        &guess(),
        "is not a rising run of at most 1000",
    );
}

#[test]
fn coordinates_are_taken_as_they_are() {
    let text = "section,row,seat,x,y\nA,1,1,-100.4,0\nA,1,2,400,0.5\n";
    let map = parse(text.as_bytes(), &guess()).expect("a good list");
    let at: Vec<_> = map.sections[0].rows[0].seats.iter().map(|s| (s.x_mm, s.y_mm)).collect();
    assert_eq!(at, [(2_000, 2_000), (2_500, 2_001)]);
    check_refused(&text.replace("400", "inf"), &guess(), "line 3: 'inf' is not a position");
    check_refused("section,row,seat,x\nA,1,1,0\n", &guess(), "one of x and y has a column");
}

#[test]
fn columns_are_never_guessed_between_two() {
    check_refused(
        "Zone,Block,Row,Seat\nA,B,1,1\n",
        &guess(),
        "'Zone' and 'Block' could each be the section",
    );
    check_refused(
        "Zone,Row,Row,Seat\nA,B,1,1\n",
        &guess(),
        "'Row' and 'Row' could each be the row",
    );
    check_refused(
        "Tribune,Reihe,Platz\nA,1,1\n",
        &guess(),
        "no column is known to be the section; say which with section=HEADER \
         (the columns are 'Tribune', 'Reihe', 'Platz')",
    );
    let mapping: ColumnMapping =
        "section=Tribune, row=Reihe ,seat=Platz".parse().expect("a mapping");
    let map = parse("Tribune,Reihe,Platz\nA,1,1\n".as_bytes(), &mapping).expect("a good list");
    assert_eq!(map.seat_count(), 1);
    check_refused("Tribune,Platz\nA,1\n", &mapping, "there is no column 'Reihe' for row");
    for wrong in ["section", "section=", "colour=x", "row=a,row=b"] {
        wrong.parse::<ColumnMapping>().expect_err(wrong);
    }
}

#[test]
fn repeats_and_gaps_in_the_list_are_named() {
    check_refused(
        "zone,row,seat\nA,1,1\nA,1,2\nA,1,1\n",
        &guess(),
        "2 distinct (section, row, seat) labels for 3 seats: 'A, row 1, seat 1' stands 2 times",
    );
    check_refused(
        "zone,row,seat,grid row,grid column\nA,1,1,1,1\nA,1,2,1,1\n",
        &guess(),
        "in 'A' both row 1, seat 1 and row 1, seat 2 stand at column 1, row 1 of the grid",
    );
    check_refused(
        "zone,row,seat\nA,,1\n,2,2\n",
        &guess(),
        "line 2: the row is empty; line 3: the section is empty",
    );
    check_refused("zone,row,seat\nA,1\n", &guess(), "found record with 2 fields");
    check_refused(
        "zone,row,seat,grid row\nA,1,1,-1\n",
        &guess(),
        "line 2: '-1' is not a place in a grid",
    );
    check_refused("zone,row,seat\n", &guess(), "the list has no seats");
    check_refused("", &guess(), "no column is known to be the section");
}

#[test]
fn text_and_size_are_bounded() {
    let error = parse(&b"zone,row,seat\nA,1,\xff\n"[..], &guess()).expect_err("not UTF-8");
    assert_eq!(error.to_string(), "line 2: the text is not UTF-8");
    let map = parse("\u{feff}zone,row,seat\nA,1,1\n".as_bytes(), &guess()).expect("a good list");
    assert_eq!(map.seat_count(), 1);
    let mut many = String::from("zone,row,first seat,last seat\n");
    for row in 0..201 {
        many.push_str(&format!("A,{row},1,1000\n"));
    }
    check_refused(&many, &guess(), "more seats than one map may have");
}

#[test]
fn an_arrangement_can_be_asked_for() {
    let mut mapping = guess();
    let grid = parse(STADIUM_CUT.as_bytes(), &mapping).expect("a good list");
    mapping.arrangement = Arrangement::Field;
    let field = parse(STADIUM_CUT.as_bytes(), &mapping).expect("a good list");
    assert_ne!(grid, field);
    let lowest = |map: &SeatMap| map.seats().map(|(_, _, _, seat)| seat.y_mm).min();
    assert_eq!(lowest(&grid), Some(2_000), "a grid begins at the margin");
    assert_eq!(lowest(&field), Some(2_000), "a ring is framed too");
}
