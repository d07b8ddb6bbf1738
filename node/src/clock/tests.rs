use super::*;

const BOUND: Duration = Duration::from_millis(250);

fn sample(offset_ms: i64) -> Sample {
    Sample { offset_us: offset_ms * 1000, error_us: 100 }
}

fn offset_ms(samples: &[Sample], nodes: usize) -> Option<i64> {
    judge(samples, nodes, BOUND).map(|judgement| judgement.offset_us / 1000)
}

#[test]
fn one_node_is_a_majority_of_one() {
    assert_eq!(offset_ms(&[], 1), Some(0));
}

#[test]
fn a_node_alone_among_three_knows_nothing() {
    assert_eq!(offset_ms(&[], 3), None);
}

#[test]
fn a_clock_that_agrees_with_a_majority_is_left_alone() {
    assert_eq!(offset_ms(&[sample(100), sample(-100)], 3), Some(0));
    assert_eq!(offset_ms(&[sample(3_600_000), sample(10)], 3), Some(0));
}

#[test]
fn a_clock_that_is_off_is_moved_to_the_nearest_of_those_that_agree() {
    assert_eq!(offset_ms(&[sample(3_600_000), sample(3_600_040)], 3), Some(3_600_000));
    assert_eq!(offset_ms(&[sample(-9000), sample(-9100)], 3), Some(-9000));
}

#[test]
fn three_clocks_that_all_differ_are_no_majority() {
    assert_eq!(offset_ms(&[sample(2000), sample(-2000)], 3), None);
    assert_eq!(offset_ms(&[sample(2000)], 3), None);
}

#[test]
fn an_offset_is_taken_at_the_middle_of_the_round_trip() {
    let sample = Sample::of_round_trip(1_000_000, 1_000_700, Duration::from_micros(1000));
    assert_eq!(sample, Sample { offset_us: 200, error_us: 500 });
}

fn judged(offset_us: i64) -> Judgement {
    Judgement { offset_us, error_us: 0 }
}

#[test]
fn no_stamp_before_and_long_after_a_check() {
    let (clock, start) = (Clock::default(), Instant::now());
    assert_eq!(clock.stamp_ms(start), None);
    clock.adopt(start, 5_000_000, judged(0));
    assert_eq!(clock.stamp_ms(start + Duration::from_millis(20)), Some(5020));
    assert_eq!(clock.stamp_ms(start + CHECK_AGE_MAX), Some(15_000));
    assert_eq!(clock.stamp_ms(start + CHECK_AGE_MAX + Duration::from_millis(1)), None);
    assert!(!clock.reading(start + CHECK_AGE_MAX * 2).checked);
}

#[test]
fn a_wall_clock_that_goes_back_does_not_take_stamps_with_it() {
    let (clock, start) = (Clock::default(), Instant::now());
    clock.adopt(start, 5_000_000, judged(0));
    let later = start + Duration::from_secs(1);
    assert_eq!(clock.stamp_ms(later), Some(6000));
    // The wall clock lost two seconds; the majority says so, and moves it forward again.
    clock.adopt(later, 4_000_000, judged(2_000_000));
    assert_eq!(clock.stamp_ms(later), Some(6000));
    // Even if the majority itself went back, stamps wait for it.
    clock.adopt(later, 4_000_000, judged(0));
    assert_eq!(clock.stamp_ms(later + Duration::from_secs(1)), Some(6000));
    assert_eq!(clock.stamp_ms(later + Duration::from_millis(2500)), Some(6500));
}

#[test]
fn a_wall_clock_that_jumps_ahead_is_corrected_by_the_majority() {
    let (clock, start) = (Clock::default(), Instant::now());
    clock.adopt(start, 5_000_000, judged(0));
    let later = start + Duration::from_secs(1);
    clock.adopt(later, 3_606_000_000, judged(-3_600_000_000));
    assert_eq!(clock.stamp_ms(later), Some(6000));
}
