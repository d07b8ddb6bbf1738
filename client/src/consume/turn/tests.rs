use super::*;

const PACE: Pace = Pace {
    lease: Duration::from_secs(30),
    acknowledge_every: Duration::from_secs(1),
    pause_min: Duration::from_millis(100),
    pause_max: Duration::from_secs(2),
};

/// A turn that has the first lease from the beginning on, everything up to 10 being done.
fn working() -> (Turn, Instant) {
    let start = Instant::now();
    let mut turn = Turn::new(PACE, start);
    assert_eq!(turn.next(start), Step::Lease);
    turn.leased(start, 1, 10);
    (turn, start)
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn who_has_no_lease_asks_again_in_a_while() {
    let start = Instant::now();
    let mut turn = Turn::new(PACE, start);
    turn.lost(start);
    assert_eq!(turn.next(start), Step::Wait(start + PACE.lease / 4));
    assert_eq!(turn.next(start + s(8)), Step::Lease);
    assert_eq!((turn.lease(), turn.done()), (None, None));
}

#[test]
fn what_is_handled_is_acknowledged_together() {
    let (mut turn, start) = working();
    assert_eq!(turn.next(start), Step::Work(start + s(10)), "nothing to acknowledge");
    turn.handled(12);
    turn.handled(15);
    assert_eq!(turn.next(start), Step::Work(start + s(1)));
    assert_eq!(turn.next(start + s(1)), Step::Acknowledge(15));
    turn.handled(17);
    turn.acknowledged(15, start + s(1));
    assert_eq!(turn.next(start + s(1)), Step::Work(start + s(2)));
    assert_eq!(turn.next(start + s(2)), Step::Acknowledge(17));
    turn.acknowledged(17, start + s(2));
    assert_eq!(turn.next(start + s(2)), Step::Work(start + s(10)));
}

#[test]
fn a_lease_is_renewed_early_and_counted_from_the_asking() {
    let (mut turn, start) = working();
    assert_eq!(turn.next(start + s(10)), Step::Lease);
    // The answer took two seconds.
    turn.leased(start + s(10), 1, 3);
    assert_eq!(turn.done(), Some(10), "an answer that was held up does not lead back");
    assert_eq!(turn.next(start + s(12)), Step::Work(start + s(20)));
    turn.unanswered(start + s(20));
    let again = start + s(20) + PACE.pause_min;
    assert_eq!(turn.next(start + s(20)), Step::Work(again), "what is left is still ours");
    assert_eq!(turn.next(again), Step::Lease);
}

#[test]
fn who_gets_no_answer_gives_up_before_another_begins() {
    let (mut turn, start) = working();
    turn.handled(12);
    let end = start + PACE.lease;
    let mut now = start + s(10);
    while now < end {
        match turn.next(now) {
            Step::Lease | Step::Acknowledge(_) => turn.unanswered(now),
            Step::Work(until) => {
                assert!(until <= end);
                now = until;
            }
            Step::Wait(_) => panic!("there is work"),
        }
    }
    assert_eq!(turn.next(now), Step::Lease);
    assert_eq!((turn.lease(), turn.done()), (None, None), "its work is over");
    // Another had it meanwhile, and did more.
    turn.leased(now, 3, 99);
    assert_eq!((turn.lease(), turn.done()), (Some(3), Some(99)));
}

#[test]
fn a_new_number_begins_where_the_cluster_says() {
    let (mut turn, start) = working();
    turn.handled(50);
    // Nobody took over, but the old lease is over: what was not acknowledged is read again.
    turn.leased(start + s(31), 2, 10);
    assert_eq!((turn.lease(), turn.done()), (Some(2), Some(10)));
}

#[test]
fn handling_that_fails_rests_longer_each_time_and_renews_meanwhile() {
    let (mut turn, start) = working();
    let mut rests = Vec::new();
    for _ in 0..7 {
        turn.failed(start);
        match turn.next(start) {
            Step::Wait(until) => rests.push((until - start).as_millis()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(rests, [100, 200, 400, 800, 1_600, 2_000, 2_000]);
    turn.handled(11);
    turn.acknowledged(11, start);
    turn.failed(start + s(9));
    assert_eq!(turn.next(start + s(10)), Step::Lease, "a rest is no reason to lose the lease");
}
