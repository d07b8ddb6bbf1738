use super::*;

fn intent(state: IntentState) -> Intent {
    Intent {
        id: "pi_1".to_owned(),
        state,
        booking: String::new(),
        amount: 1,
        currency: "USD".to_owned(),
        method: "pm_card_visa".to_owned(),
        request: String::new(),
        fingerprint: String::new(),
    }
}

fn run(seen: Vec<Seen>) -> (Vec<Step>, Step) {
    let mut step = Step::Create;
    let mut steps = Vec::new();
    for seen in seen {
        steps.push(step.clone());
        step = next(step, seen);
    }
    (steps, step)
}

fn every_state() -> Vec<IntentState> {
    vec![
        IntentState::RequiresConfirmation,
        IntentState::RequiresAction(Action::default()),
        IntentState::Approved,
        IntentState::Processing,
        IntentState::Refused("x".to_owned()),
        IntentState::Authorized,
        IntentState::Succeeded,
        IntentState::Declined("x".to_owned()),
        IntentState::Canceled,
    ]
}

fn every_seen() -> Vec<Seen> {
    let mut all: Vec<Seen> =
        every_state().into_iter().map(|state| Seen::Intent(intent(state))).collect();
    all.extend([
        Seen::Attached,
        Seen::Committed,
        Seen::Fenced,
        Seen::Sold,
        Seen::SeatsGone,
        Seen::LetGo,
        Seen::Refunded,
        Seen::Refused("x".to_owned()),
        Seen::NoProvider,
        Seen::NoCluster,
    ]);
    all
}

const LOOKS: [Look; 3] = [Look::News, Look::Stale, Look::Overdue];

#[test]
fn the_straight_way_ends_paid() {
    let (_, end) = run(vec![
        Seen::Intent(intent(IntentState::RequiresConfirmation)),
        Seen::Attached,
        Seen::Intent(intent(IntentState::Succeeded)),
        Seen::Sold,
    ]);
    assert_eq!(end, Step::End(Outcome::Paid));
}

#[test]
fn what_is_authorised_is_captured_after_its_seats_are_committed() {
    let (steps, end) = run(vec![
        Seen::Intent(intent(IntentState::RequiresConfirmation)),
        Seen::Attached,
        Seen::Intent(intent(IntentState::Authorized)),
        Seen::Committed,
        Seen::Intent(intent(IntentState::Succeeded)),
        Seen::Sold,
    ]);
    assert_eq!(steps[3], Step::Commit { intent: "pi_1".to_owned() });
    assert_eq!(steps[4], Step::Capture { intent: "pi_1".to_owned() });
    assert_eq!(end, Step::End(Outcome::Paid));
}

/// What a walk through the saga has seen.
#[derive(Clone, Copy)]
struct Walk {
    attached: bool,
    committed: bool,
    /// Money may have moved, or may still.
    maybe_charged: bool,
}

/// Over all ways through six answers of every kind, from the beginning and from every look.
#[test]
fn p6_nothing_is_charged_before_it_is_in_the_log_nor_failed_while_it_may_be_charged() {
    fn walk(step: &Step, at: Walk, depth: u32) {
        match step {
            Step::Charge { .. } => assert!(at.attached, "charged without an intent in the log"),
            Step::Capture { .. } => assert!(at.committed, "captured without seats"),
            Step::Fail { .. } => assert!(!at.maybe_charged, "let go while the charge may stand"),
            Step::Create
            | Step::Attach { .. }
            | Step::Commit { .. }
            | Step::Cancel { .. }
            | Step::Record { .. }
            | Step::Refund { .. }
            | Step::End(_) => {}
        }
        if depth == 0 || matches!(step, Step::End(_)) {
            return;
        }
        for seen in every_seen() {
            let mut after = at;
            after.attached |= matches!(step, Step::Attach { .. }) && seen == Seen::Attached;
            after.committed |= matches!(step, Step::Commit { .. }) && seen == Seen::Committed;
            after.maybe_charged = match (&step, &seen) {
                (
                    Step::Charge { .. } | Step::Cancel { .. } | Step::Capture { .. },
                    Seen::Intent(now),
                ) => !matches!(now.state, IntentState::Declined(_) | IntentState::Canceled),
                (Step::Charge { .. }, _) => true,
                _ => at.maybe_charged,
            };
            walk(&next(step.clone(), seen), after, depth - 1);
        }
    }
    walk(&Step::Create, Walk { attached: false, committed: false, maybe_charged: false }, 6);
    for look in LOOKS {
        for state in every_state() {
            let final_word = matches!(state, IntentState::Declined(_) | IntentState::Canceled);
            let at = Walk { attached: true, committed: false, maybe_charged: !final_word };
            walk(&resume(Some(intent(state)), look), at, 5);
        }
    }
}

#[test]
fn p6_silence_after_the_charge_leaves_the_payment_open() {
    let (_, end) = run(vec![
        Seen::Intent(intent(IntentState::RequiresConfirmation)),
        Seen::Attached,
        Seen::NoProvider,
    ]);
    assert_eq!(end, Step::End(Outcome::Open));
}

#[test]
fn p6_a_charge_without_seats_goes_back() {
    let step = Step::Record { intent: "pi_1".to_owned() };
    assert_eq!(next(step, Seen::SeatsGone), Step::Refund { intent: "pi_1".to_owned() });
}

#[test]
fn p6_money_set_aside_for_nothing_is_let_go() {
    let step = next(Step::Commit { intent: "pi_1".to_owned() }, Seen::Fenced);
    let id = "pi_1".to_owned();
    assert_eq!(step, Step::Cancel { intent: id, reason: OVERTAKEN.to_owned() });
    let over = next(step, Seen::Intent(intent(IntentState::Canceled)));
    assert_eq!(next(over, Seen::Fenced), Step::End(Outcome::Overtaken));
}

#[test]
fn what_was_left_behind_is_asked_about_first() {
    let fail = |reason: &str| Step::Fail { reason: reason.to_owned() };
    assert_eq!(resume(None, Look::Stale), fail(ABANDONED));
    let at = |state| resume(Some(intent(state)), Look::Stale);
    let id = || "pi_1".to_owned();
    let cancel = |reason: &str| Step::Cancel { intent: id(), reason: reason.to_owned() };
    assert_eq!(at(IntentState::RequiresConfirmation), cancel(CANCELED));
    assert_eq!(at(IntentState::Succeeded), Step::Record { intent: id() });
    assert_eq!(at(IntentState::Declined("no".to_owned())), fail("no"));
    assert_eq!(at(IntentState::Refused("no".to_owned())), cancel("no"));
    assert_eq!(at(IntentState::Authorized), Step::Commit { intent: id() });
    assert_eq!(at(IntentState::Processing), Step::End(Outcome::Open));
}

#[test]
fn a_customer_may_take_the_time_there_is_to_authenticate() {
    let asked = || Some(intent(IntentState::RequiresAction(Action::default())));
    for look in [Look::News, Look::Stale] {
        assert!(matches!(resume(asked(), look), Step::End(Outcome::Action { .. })));
    }
    assert!(matches!(resume(asked(), Look::Overdue), Step::Cancel { .. }));
}

#[test]
fn news_of_what_is_not_decided_change_nothing() {
    let open = Step::End(Outcome::Open);
    assert_eq!(resume(None, Look::News), open);
    assert_eq!(resume(Some(intent(IntentState::RequiresConfirmation)), Look::News), open);
}
