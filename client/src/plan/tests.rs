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
