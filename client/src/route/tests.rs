use super::*;

fn busy() -> Outcome {
    Outcome::Overloaded { after: Duration::ZERO }
}

#[test]
fn a_named_leader_is_gone_to_at_once_and_later_with_a_pause() {
    let mut route = Route::of_command();
    let hint = Outcome::NotLeader { leader: Some(NodeId(3)) };
    assert_eq!(route.next(&hint, 0), Step::Leader { node: NodeId(3), pause: Duration::ZERO });
    route.next(&hint, 0);
    let Step::Leader { pause, .. } = route.next(&hint, 0) else { panic!("a leader was named") };
    assert!(pause > Duration::ZERO);
}

#[test]
fn a_wrong_node_means_a_new_map() {
    let mut route = Route::of_query();
    assert_eq!(route.next(&Outcome::WrongNode, 9), Step::Refetch { pause: Duration::ZERO });
}

#[test]
fn pauses_grow_to_their_bound_and_follow_hints() {
    let mut route = Route::of_command();
    let mut last = Duration::ZERO;
    for _ in 0..12 {
        let Step::Same { pause } = route.next(&busy(), 255) else { panic!("stay and wait") };
        assert!(pause >= last && pause <= PAUSE_MAX);
        last = pause;
    }
    assert_eq!(last, PAUSE_MAX);
    let hint = Outcome::Overloaded { after: Duration::from_millis(900) };
    assert_eq!(route.next(&hint, 0), Step::Same { pause: Duration::from_millis(900) });
}

#[test]
fn jitter_spreads_over_half_the_pause() {
    let low = Route::of_command().next(&busy(), 0);
    let high = Route::of_command().next(&busy(), 255);
    assert_eq!(low, Step::Same { pause: PAUSE_FIRST / 2 });
    assert_eq!(high, Step::Same { pause: PAUSE_FIRST });
}

#[test]
fn unknown_is_said_only_of_commands_that_were_sent() {
    // Every way to end, and whether it leaves a doubt.
    let check = |outcomes: &[Outcome], cut_off_sent: bool, unknown: bool| {
        let mut route = Route::of_command();
        let mut query = Route::of_query();
        for outcome in outcomes {
            route.next(outcome, 0);
            query.next(outcome, 0);
        }
        assert_eq!(route.end(cut_off_sent) == Error::Unknown, unknown, "{outcomes:?}");
        assert!(matches!(query.end(cut_off_sent), Error::Unavailable { .. }), "{outcomes:?}");
    };
    check(&[], false, false);
    check(&[], true, true);
    check(&[busy(), Outcome::WrongNode, Outcome::NotLeader { leader: None }], false, false);
    check(&[Outcome::Lost { sent: false }], false, false);
    check(&[Outcome::Lost { sent: true }], false, true);
    // A later attempt that decided nothing does not settle the earlier one.
    check(&[Outcome::Lost { sent: true }, busy()], false, true);
    check(&[Outcome::FateUnknown], false, true);
}
