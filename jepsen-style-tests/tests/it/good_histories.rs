//! Histories that a correct cluster produces, and that must not be refused.

use rowlock_jepsen::faults::{Fault, Kind};
use rowlock_jepsen::history::{BookingState, Function};

use crate::script::{Script, calm, move_to};

#[test]
fn a_booking_from_hold_to_sale() {
    let mut h = Script::default();
    h.read("AA", 0, 10);
    h.hold("ann", &[0, 1], 20, 30);
    h.taken("bob", &[1], &[1], 40, 50);
    h.confirm("ann", 60, 70);
    h.end();
    h.read("SS", 80, 90);
    h.look("ann", &[0, 1], BookingState::Confirmed, 100, 110);
    h.accepted();
}

#[test]
fn a_released_seat_is_held_again() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.release("ann", 20, 30);
    h.hold("bob", &[0], 40, 50);
    h.accepted();
}

#[test]
fn concurrent_requests_in_either_order() {
    let mut h = Script::default();
    h.hold("ann", &[0, 1], 0, 100);
    h.taken("bob", &[1], &[1], 0, 100);
    move_to(h.read("AA", 50, 60), 0);
    h.accepted();
}

#[test]
fn an_unknown_hold_that_happened() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 0);
    h.read("A", 10, 20);
    h.taken("bob", &[0], &[0], 30, 40);
    h.look("ann", &[0], BookingState::Held, 50, 60);
    h.accepted();
}

#[test]
fn an_unknown_hold_that_never_happened() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 0);
    h.hold("bob", &[0], 30, 40);
    h.confirm("bob", 50, 60);
    h.accepted();
}

#[test]
fn an_unknown_release_that_happened_late() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.release("ann", 20, 0);
    h.taken("bob", &[0], &[0], 30, 40);
    h.hold("cat", &[0], 50, 60);
    h.accepted();
}

#[test]
fn p4_a_repetition_learns_what_was_decided() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 0);
    h.read("H", 10, 20);
    h.hold("ann", &[0], 30, 40);
    h.release("ann", 50, 60);
    h.hold("bob", &[0], 70, 80);
    // The answer is that of the first time, although the seat is bob's by now.
    h.hold("ann", &[0], 90, 100);
    h.accepted();
}

#[test]
fn p4_a_refusal_is_repeated_although_the_seat_is_free_again() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.hold("bob", &[0], 20, 0);
    h.release("ann", 40, 50);
    h.taken("bob", &[0], &[0], 60, 70);
    h.accepted();
}

#[test]
fn p5_a_hold_lapses_after_its_time() {
    let mut h = Script::default();
    h.hold("ann", &[0, 1], 0, 10).value.expires_ms = Some(6_010);
    h.hold("bob", &[1], 6_600, 6_610);
    h.look("ann", &[0, 1], BookingState::Expired, 6_700, 6_710);
    h.refused(Function::Confirm, "ann", "booking-expired", 6_800, 6_810);
    h.read("AH", 6_900, 6_910);
    h.accepted();
}

#[test]
fn p5_lateness_is_not_judged_during_a_fault() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.look("ann", &[0], BookingState::Held, 9_900, 9_910);
    let mut faults = calm();
    let fault = |start_ns, end_ns| Fault {
        kind: Kind::IsolateLeader,
        target: "1".to_owned(),
        start_ns,
        end_ns,
    };
    faults.faults = vec![fault(7_000_000_000, 8_000_000_000)];
    assert_eq!(h.violations_with(&faults), []);
    faults.faults = vec![fault(0, 500_000_000)];
    assert_eq!(h.violations_with(&faults).len(), 1);
}

#[test]
fn a_payment_that_got_stuck_keeps_the_seats() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.confirm("ann", 20, 0);
    h.refused(Function::Release, "ann", "booking-state-conflict", 100, 110);
    h.look("ann", &[0], BookingState::Paying, 9_500, 9_510);
    h.read("H", 9_600, 9_610);
    h.accepted();
}

#[test]
fn a_payment_sent_again_sells_once() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.confirm("ann", 20, 0);
    h.confirm("ann", 100, 110);
    h.confirm("ann", 200, 210);
    h.look("ann", &[0], BookingState::Confirmed, 300, 310);
    h.accepted();
}

#[test]
fn p2_a_read_beside_a_hold_sees_all_of_it_or_nothing() {
    for seen in ["AA", "HH"] {
        let mut h = Script::default();
        move_to(h.hold("ann", &[0, 1], 0, 90), 2);
        move_to(h.read(seen, 10, 90), if seen == "AA" { 1 } else { 2 });
        h.accepted();
    }
}

#[test]
fn p4_an_answer_that_was_lost_and_repeated_within_a_call() {
    let mut h = Script::default();
    h.read("AA", 0, 10);
    let hold = h.hold("ann", &[0, 1], 20, 3_000);
    move_to(hold, 9);
    hold.value.first_index = Some(2);
    h.read("HH", 100, 110);
    move_to(h.release("ann", 3_100, 5_000), 12);
    move_to(h.read("AA", 4_000, 4_010), 11);
    h.accepted();
}

#[test]
fn p5_the_promise_runs_from_the_first_call_of_a_request() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 0);
    let hold = h.hold("ann", &[0], 2_500, 2_510);
    hold.value.first_index = Some(1);
    h.look("ann", &[0], BookingState::Expired, 7_000, 7_010);
    h.accepted();
}
