//! Histories that no correct cluster produces, each refused by the checks that should see it.

use rowlock_jepsen::history::{BookingState, Function};

use crate::script::{Script, move_to};

#[test]
fn p1_double_hold() {
    let mut h = Script::default();
    h.hold("ann", &[1], 0, 10);
    h.hold("bob", &[1], 20, 30);
    h.refused_by(&["blind", "witness"]);
}

#[test]
fn p1_double_hold_of_concurrent_requests() {
    let mut h = Script::default();
    h.hold("ann", &[1, 2], 0, 30);
    h.hold("bob", &[2, 3], 0, 30);
    h.refused_by(&["blind", "witness"]);
}

#[test]
fn p3_lost_confirm_after_its_acknowledgement() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.confirm("ann", 20, 30);
    h.end();
    h.read("A", 40, 50);
    h.look("ann", &[0], BookingState::Expired, 60, 70);
    h.refused_by(&["blind", "witness", "final"]);
}

#[test]
fn p3_lost_hold_after_its_acknowledgement() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.end();
    h.read("A", 40, 50);
    h.refused_by(&["blind", "witness", "final"]);
}

#[test]
fn p9_stale_read() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.release("ann", 20, 30);
    h.read("H", 40, 50);
    h.refused_by(&["blind", "witness"]);
}

#[test]
fn p9_stale_read_that_admits_its_index() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.release("ann", 20, 30);
    // It says that it was made at the hold's index: right in the log's order, wrong in real time.
    move_to(h.read("H", 40, 50), 1);
    h.refused_by(&["blind", "witness"]);
}

#[test]
fn p2_torn_hold_of_several_seats() {
    let mut h = Script::default();
    h.hold("ann", &[0, 1], 0, 10);
    h.read("HA", 20, 30);
    h.refused_by(&["blind", "witness"]);
}

#[test]
fn p2_torn_expiry_of_several_seats() {
    let mut h = Script::default();
    h.hold("ann", &[0, 1], 0, 10);
    h.read("AH", 7_000, 7_010);
    h.refused_by(&["blind", "witness"]);
}

#[test]
fn p5_early_expiry_seen_on_the_booking() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.look("ann", &[0], BookingState::Expired, 5_900, 5_990);
    h.refused_by(&["expiry", "blind", "witness"]);
}

#[test]
fn p5_early_expiry_seen_by_a_refused_confirm() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.refused(Function::Confirm, "ann", "booking-expired", 3_000, 3_010);
    h.refused_by(&["expiry", "blind", "witness"]);
}

#[test]
fn p5_early_expiry_seen_by_another_hold() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.hold("bob", &[0], 5_000, 5_990);
    h.refused_by(&["blind", "witness"]);
}

#[test]
fn p5_early_expiry_in_log_time() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10).value.expires_ms = Some(2_000_000);
    h.look("ann", &[0], BookingState::Expired, 7_000, 7_010);
    h.refused_by(&["witness"]);
}

#[test]
fn p5_late_expiry_in_calm() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.look("ann", &[0], BookingState::Held, 9_100, 9_110);
    h.refused_by(&["expiry"]);
}

#[test]
fn resurrected_release() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.release("ann", 20, 30);
    h.end();
    h.read("H", 32, 36);
    h.look("ann", &[0], BookingState::Held, 40, 50);
    h.refused_by(&["blind", "witness", "final"]);
}

#[test]
fn p1_two_confirms_of_a_seat() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.hold("bob", &[0], 6_100, 6_200);
    h.confirm("bob", 6_300, 6_400);
    h.confirm("ann", 6_500, 6_600);
    h.refused_by(&["blind", "witness"]);
}

#[test]
fn p4_retry_with_two_effects() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 0);
    h.hold("ann", &[0], 100, 110);
    h.look("ann", &[0], BookingState::Held, 200, 210).value.booking = Some("bkg-ann2".to_owned());
    h.refused_by(&["retry", "blind"]);
}

#[test]
fn p4_retry_with_two_answers() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.taken("ann", &[0], &[0], 20, 30);
    h.refused_by(&["retry", "blind"]);
}

#[test]
fn p4_retry_that_names_another_origin() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.hold("ann", &[0], 20, 30).value.first_index = Some(7);
    h.refused_by(&["retry"]);
}

#[test]
fn reply_out_of_real_time_order() {
    let mut h = Script::default();
    move_to(h.hold("ann", &[0], 0, 10), 9);
    move_to(h.hold("bob", &[1], 20, 30), 3);
    let found = h.violations();
    assert!(found.iter().all(|violation| violation.check == "witness"), "{found:?}");
    h.refused_by(&["witness"]);
}

#[test]
fn log_time_that_falls() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10).at.as_mut().unwrap().log_time_ms = 5_000;
    h.hold("bob", &[1], 20, 30).at.as_mut().unwrap().log_time_ms = 4_000;
    h.refused_by(&["witness"]);
}

#[test]
fn two_commands_in_one_place() {
    let mut h = Script::default();
    move_to(h.hold("ann", &[0], 0, 50), 4);
    move_to(h.hold("bob", &[1], 0, 50), 4);
    h.refused_by(&["witness"]);
}

#[test]
fn unknown_hold_applied_twice() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 0);
    h.read("H", 20, 30);
    h.release("ann", 40, 50);
    h.read("A", 60, 70);
    h.read("H", 80, 90);
    h.refused_by(&["blind", "witness"]);
}

#[test]
fn read_of_an_owner_who_never_held() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.look("eve", &[0], BookingState::Held, 20, 30);
    h.refused_by(&["blind", "witness"]);
}

#[test]
fn confirm_by_another() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.confirm("ann", 20, 30).value.owner = Some("eve".to_owned());
    h.refused_by(&["blind", "witness"]);
}

#[test]
fn refusal_over_a_seat_that_is_free() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.release("ann", 20, 30);
    h.taken("bob", &[0, 1], &[0], 40, 50);
    h.refused_by(&["blind", "witness"]);
}

#[test]
fn refusal_that_hides_a_taken_seat() {
    let mut h = Script::default();
    h.hold("ann", &[0, 1], 0, 10);
    h.taken("bob", &[0, 1], &[0], 40, 50);
    h.refused_by(&["blind", "witness"]);
}

#[test]
fn p1_two_owners_at_the_end() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 0);
    h.hold("bob", &[0], 0, 0);
    h.end();
    h.read("H", 100, 110);
    h.look("ann", &[0], BookingState::Held, 120, 130);
    h.look("bob", &[0], BookingState::Held, 140, 150);
    h.refused_by(&["final", "blind", "witness"]);
}

#[test]
fn seats_that_do_not_add_up_at_the_end() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.confirm("ann", 20, 30);
    h.end();
    h.read("SS", 100, 110);
    h.look("ann", &[0], BookingState::Confirmed, 120, 130);
    h.refused_by(&["final", "blind", "witness"]);
}

#[test]
fn event_served_by_two_shards() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.hold("bob", &[1], 20, 30).at.as_mut().unwrap().shard = 2;
    h.refused_by(&["witness"]);
}

#[test]
fn release_of_what_was_sold() {
    let mut h = Script::default();
    h.hold("ann", &[0], 0, 10);
    h.confirm("ann", 20, 30);
    h.release("ann", 40, 50);
    h.refused_by(&["blind", "witness"]);
}
