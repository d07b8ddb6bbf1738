//! Which step of a payment follows which. Pure: what was seen goes in, the next step comes out.
//!
//! ```text
//! Create --> Attach --> Charge --> Record --> Paid
//!    |         |          |          '--seats gone--> Refund --> Refunded
//!    |         |          '--declined--> Fail --> Declined
//!    |         '--fenced--> Overtaken (never charged)
//!    '--provider silent--> Fail (nothing in the log was charged)
//!
//! left behind:  no intent attached --> Fail        unconfirmed --> Cancel --> Fail, or Record
//! ```
//!
//! Wherever cluster or provider are silent after the intent is attached, the payment stays *open*:
//! the booking keeps its seats, and the reconciler goes on from what the provider then says.

use super::{Intent, IntentState};

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Create an unconfirmed intent at the provider.
    Create,
    /// Bring its id into the log.
    Attach {
        intent: String,
    },
    /// Confirm it at the provider: from here on money may move.
    Charge {
        intent: String,
    },
    /// Cancel it at the provider.
    Cancel {
        intent: String,
    },
    /// Tell the cluster that it was charged.
    Record {
        intent: String,
    },
    /// Tell the cluster that it was not and never will be.
    Fail {
        reason: String,
    },
    /// Give the money back.
    Refund {
        intent: String,
    },
    End(Outcome),
}

/// What a step led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The provider's word on the intent.
    Intent(Intent),
    /// The intent is in the log.
    Attached,
    /// The attempt was overtaken.
    Fenced,
    /// The seats are sold to the booking.
    Sold,
    /// The charge came too late for its seats.
    SeatsGone,
    /// The attempt is over in the log; the booking is held, or has expired.
    LetGo,
    Refunded,
    /// The provider is silent. What it was asked may have been done.
    NoProvider,
    /// The cluster is silent. What it was asked may have been done.
    NoCluster,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Paid,
    Declined {
        reason: String,
    },
    /// Another attempt has taken this one's place; this one was not charged.
    Overtaken,
    /// Charged too late, and given back.
    Refunded,
    /// Not known yet. The reconciler will know.
    Open,
}

/// Why an attempt failed whose server disappeared before the charge.
pub const ABANDONED: &str = "abandoned";
/// Why an attempt failed whose provider was silent before the charge.
pub const PROVIDER_DOWN: &str = "provider_down";
/// Why an attempt failed whose charge was cancelled before it was made.
pub const CANCELED: &str = "canceled";

/// The step after `step`, which led to `seen`.
pub fn next(step: Step, seen: Seen) -> Step {
    let fail = |reason: &str| Step::Fail { reason: reason.to_owned() };
    let open = Step::End(Outcome::Open);
    match (step, seen) {
        (Step::Create, Seen::Intent(made)) => match made.state {
            IntentState::RequiresConfirmation | IntentState::Succeeded => {
                Step::Attach { intent: made.id }
            }
            IntentState::Declined(reason) => Step::Fail { reason },
            IntentState::Canceled => fail(CANCELED),
        },
        // Whatever was created, its id is not in the log, so it is never confirmed.
        (Step::Create, Seen::NoProvider) => fail(PROVIDER_DOWN),

        (Step::Attach { intent }, Seen::Attached) => Step::Charge { intent },
        (Step::Attach { .. }, Seen::Fenced) => Step::End(Outcome::Overtaken),

        (Step::Charge { intent } | Step::Cancel { intent }, Seen::Intent(now)) => match now.state {
            IntentState::Succeeded => Step::Record { intent },
            IntentState::Declined(reason) => Step::Fail { reason },
            IntentState::Canceled => fail(CANCELED),
            IntentState::RequiresConfirmation => open,
        },

        (Step::Record { .. }, Seen::Sold) => Step::End(Outcome::Paid),
        (Step::Record { intent }, Seen::SeatsGone | Seen::Fenced) => Step::Refund { intent },

        (Step::Fail { reason }, Seen::LetGo) => Step::End(Outcome::Declined { reason }),
        (Step::Fail { .. }, Seen::Fenced) => Step::End(Outcome::Overtaken),

        (Step::Refund { .. }, Seen::Refunded) => Step::End(Outcome::Refunded),

        (Step::End(outcome), _) => Step::End(outcome),

        // Silence, or an answer to another question: nothing may be concluded.
        (
            Step::Create
            | Step::Attach { .. }
            | Step::Charge { .. }
            | Step::Cancel { .. }
            | Step::Record { .. }
            | Step::Fail { .. }
            | Step::Refund { .. },
            Seen::Intent(_)
            | Seen::Attached
            | Seen::Fenced
            | Seen::Sold
            | Seen::SeatsGone
            | Seen::LetGo
            | Seen::Refunded
            | Seen::NoProvider
            | Seen::NoCluster,
        ) => open,
    }
}

/// Where to go on with an attempt that its server left behind. `attached` is the provider's word on
/// the intent in the log, if there is one.
pub fn resume(attached: Option<Intent>) -> Step {
    match attached {
        // Not in the log: never charged, however long its server slept.
        None => Step::Fail { reason: ABANDONED.to_owned() },
        Some(intent) => match intent.state {
            IntentState::RequiresConfirmation => Step::Cancel { intent: intent.id },
            IntentState::Succeeded => Step::Record { intent: intent.id },
            IntentState::Declined(reason) => Step::Fail { reason },
            IntentState::Canceled => Step::Fail { reason: CANCELED.to_owned() },
        },
    }
}

#[cfg(test)]
mod tests {
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

    fn every_seen() -> Vec<Seen> {
        vec![
            Seen::Intent(intent(IntentState::RequiresConfirmation)),
            Seen::Intent(intent(IntentState::Succeeded)),
            Seen::Intent(intent(IntentState::Declined("x".to_owned()))),
            Seen::Intent(intent(IntentState::Canceled)),
            Seen::Attached,
            Seen::Fenced,
            Seen::Sold,
            Seen::SeatsGone,
            Seen::LetGo,
            Seen::Refunded,
            Seen::NoProvider,
            Seen::NoCluster,
        ]
    }

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

    /// Over all ways through five answers of every kind.
    #[test]
    fn p6_nothing_is_charged_before_it_is_in_the_log_nor_failed_while_it_may_be_charged() {
        fn walk(step: &Step, attached: bool, maybe_charged: bool, depth: u32) {
            if let Step::Charge { .. } = step {
                assert!(attached, "charged without an intent in the log");
            }
            if let Step::Fail { .. } = step {
                assert!(!maybe_charged, "let go while the charge may stand");
            }
            if depth == 0 {
                return;
            }
            for seen in every_seen() {
                let after = next(step.clone(), seen.clone());
                let attached =
                    attached || (matches!(step, Step::Attach { .. }) && seen == Seen::Attached);
                let charged = match (&step, &seen) {
                    (Step::Charge { .. } | Step::Cancel { .. }, Seen::Intent(now)) => {
                        matches!(
                            now.state,
                            IntentState::Succeeded | IntentState::RequiresConfirmation
                        )
                    }
                    (Step::Charge { .. }, _) => true,
                    _ => maybe_charged,
                };
                walk(&after, attached, charged, depth - 1);
            }
        }
        walk(&Step::Create, false, false, 5);
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
    fn what_was_left_behind_is_asked_about_first() {
        let fail = |reason: &str| Step::Fail { reason: reason.to_owned() };
        assert_eq!(resume(None), fail(ABANDONED));
        let at = |state| resume(Some(intent(state)));
        let id = || "pi_1".to_owned();
        assert_eq!(at(IntentState::RequiresConfirmation), Step::Cancel { intent: id() });
        assert_eq!(at(IntentState::Succeeded), Step::Record { intent: id() });
        assert_eq!(at(IntentState::Declined("no".to_owned())), fail("no"));
    }
}
