//! Which step of a payment follows which. Pure: what was seen goes in, the next step comes out.
//!
//! ```text
//! Create --> Attach --> Charge --> Record --> Paid
//!    |         |        | |  |        '--seats gone--> Refund --> Refunded
//!    |         |        | |  '--refused--> Cancel --> Fail --> Declined
//!    |         |        | '--authorised--> Commit --> Capture --> Record
//!    |         |        |                     '--fenced--> Cancel --> Fail
//!    |         |        '--3-D Secure--> Action (the customer's turn; goes on by `resume`,
//!    |         |                           with Charge where the customer only agrees first)
//!    |         '--fenced--> Overtaken (never charged)
//!    '--provider silent--> Fail (nothing in the log was charged)
//! ```
//!
//! Wherever cluster or provider are silent after the intent is attached, the payment stays *open*:
//! the booking keeps its seats, and whoever looks next goes on from what the provider then says.

use super::{Action, Intent, IntentState};

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
    /// Tell the cluster that the money is set aside: from here on the seats stay.
    Commit {
        intent: String,
    },
    /// Take the money that is set aside.
    Capture {
        intent: String,
    },
    /// Cancel it at the provider; `reason` is why the attempt then fails.
    Cancel {
        intent: String,
        reason: String,
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
    /// Its seats are the booking's for good.
    Committed,
    /// The attempt was overtaken.
    Fenced,
    /// The seats are sold to the booking.
    Sold,
    /// The charge came too late for its seats.
    SeatsGone,
    /// The attempt is over in the log; the booking is held, or has expired.
    LetGo,
    Refunded,
    /// The provider will not do it, for this reason.
    Refused(String),
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
    /// It is the customer's turn.
    Action {
        intent: String,
        action: Action,
    },
    /// Another attempt has taken this one's place; this one was not charged.
    Overtaken,
    /// Charged too late, and given back.
    Refunded,
    /// Not known yet. The reconciler will know.
    Open,
}

/// How somebody comes to look at a payment that another one began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// There may be news: what is not decided is left alone.
    News,
    /// Nobody works on it any more.
    Stale,
    /// The customer's time is over as well.
    Overdue,
}

/// Why an attempt failed whose server disappeared before the charge.
pub const ABANDONED: &str = "abandoned";
/// Why an attempt failed whose provider was silent before the charge.
pub const PROVIDER_DOWN: &str = "provider_down";
/// Why an attempt failed whose charge was cancelled before it was made.
pub const CANCELED: &str = "canceled";
/// Why an attempt failed whose customer did not authenticate it in time.
pub const NOT_AUTHENTICATED: &str = "authentication_required";
/// Why an attempt failed whose method the provider does not know.
pub const METHOD_UNKNOWN: &str = "payment_method_unknown";
/// Why an attempt failed whose amount the provider can't charge.
pub const NOT_CHARGEABLE: &str = "amount_not_chargeable";
/// Why an attempt failed whose authorised money found no attempt to pay.
pub const OVERTAKEN: &str = "overtaken";

/// The step after `step`, which led to `seen`.
pub fn next(step: Step, seen: Seen) -> Step {
    let open = Step::End(Outcome::Open);
    match (step, seen) {
        (Step::Create, Seen::Intent(made)) => match made.state {
            IntentState::RequiresConfirmation
            | IntentState::RequiresAction(_)
            | IntentState::Approved
            | IntentState::Processing
            | IntentState::Refused(_)
            | IntentState::Authorized
            | IntentState::Succeeded => Step::Attach { intent: made.id },
            IntentState::Declined(reason) => Step::Fail { reason },
            IntentState::Canceled => fail(CANCELED),
        },
        (Step::Create, Seen::Refused(reason)) => Step::Fail { reason },
        // Whatever was created, its id is not in the log, so it is never confirmed.
        (Step::Create, Seen::NoProvider) => fail(PROVIDER_DOWN),

        (Step::Attach { intent }, Seen::Attached) => Step::Charge { intent },
        (Step::Attach { .. }, Seen::Fenced) => Step::End(Outcome::Overtaken),

        (Step::Charge { .. }, Seen::Intent(now)) => match now.state {
            // What was asked was not done: whoever looks later cancels it.
            IntentState::RequiresConfirmation | IntentState::Approved => open,
            IntentState::RequiresAction(_)
            | IntentState::Processing
            | IntentState::Refused(_)
            | IntentState::Authorized
            | IntentState::Succeeded
            | IntentState::Declined(_)
            | IntentState::Canceled => resume(Some(now), Look::News),
        },

        (Step::Commit { intent }, Seen::Committed) => Step::Capture { intent },
        // Another attempt pays, or the event is cancelled: what is set aside is let go.
        (Step::Commit { intent }, Seen::Fenced) => {
            Step::Cancel { intent, reason: OVERTAKEN.to_owned() }
        }

        (Step::Capture { intent }, Seen::Intent(now)) => match now.state {
            IntentState::Succeeded => Step::Record { intent },
            IntentState::Refused(reason) => Step::Cancel { intent, reason },
            IntentState::Declined(reason) => Step::Fail { reason },
            IntentState::Canceled => fail(CANCELED),
            IntentState::RequiresConfirmation
            | IntentState::RequiresAction(_)
            | IntentState::Approved
            | IntentState::Processing
            | IntentState::Authorized => open,
        },

        (Step::Cancel { intent, reason }, Seen::Intent(now)) => match now.state {
            IntentState::Succeeded => Step::Record { intent },
            IntentState::Declined(reason) => Step::Fail { reason },
            IntentState::Canceled => Step::Fail { reason },
            IntentState::RequiresConfirmation
            | IntentState::RequiresAction(_)
            | IntentState::Approved
            | IntentState::Processing
            | IntentState::Refused(_)
            | IntentState::Authorized => open,
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
            | Step::Commit { .. }
            | Step::Capture { .. }
            | Step::Cancel { .. }
            | Step::Record { .. }
            | Step::Fail { .. }
            | Step::Refund { .. },
            Seen::Intent(_)
            | Seen::Attached
            | Seen::Committed
            | Seen::Fenced
            | Seen::Sold
            | Seen::SeatsGone
            | Seen::LetGo
            | Seen::Refunded
            | Seen::Refused(_)
            | Seen::NoProvider
            | Seen::NoCluster,
        ) => open,
    }
}

fn fail(reason: &str) -> Step {
    Step::Fail { reason: reason.to_owned() }
}

/// Where to go on with an attempt that another one began. `attached` is the provider's word on the
/// intent in the log, if there is one.
pub fn resume(attached: Option<Intent>, look: Look) -> Step {
    let open = Step::End(Outcome::Open);
    let Some(Intent { id: intent, state, .. }) = attached else {
        return match look {
            Look::News => open,
            // Not in the log: never charged, however long its server slept.
            Look::Stale | Look::Overdue => fail(ABANDONED),
        };
    };
    let cancel = |intent, reason: &str| Step::Cancel { intent, reason: reason.to_owned() };
    match (state, look) {
        (IntentState::RequiresConfirmation, Look::News) => open,
        (IntentState::RequiresConfirmation, Look::Stale | Look::Overdue) => {
            cancel(intent, CANCELED)
        }
        (IntentState::RequiresAction(action), Look::News | Look::Stale) => {
            Step::End(Outcome::Action { intent, action })
        }
        (IntentState::RequiresAction(_), Look::Overdue) => cancel(intent, NOT_AUTHENTICATED),
        // It is in the log, and its customer wants it.
        (IntentState::Approved, _) => Step::Charge { intent },
        // Nothing can be done but wait.
        (IntentState::Processing, _) => open,
        // It could still be confirmed again, by whoever comes late: not so once it is cancelled.
        (IntentState::Refused(reason), _) => Step::Cancel { intent, reason },
        (IntentState::Authorized, _) => Step::Commit { intent },
        (IntentState::Succeeded, _) => Step::Record { intent },
        (IntentState::Declined(reason), _) => Step::Fail { reason },
        (IntentState::Canceled, _) => fail(CANCELED),
    }
}

#[cfg(test)]
mod tests;
