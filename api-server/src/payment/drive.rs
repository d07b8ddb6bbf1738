//! The thin loop around the saga: carries a step out, shows what came of it, and goes on.

use std::time::Duration;

use rowlock_client::types::{Booking, Confirmed};
use rowlock_client::{Answered, Error as ClusterError, key};
use rowlock_proto::ErrorCode;

use super::saga::{self, Outcome, Seen, Step};
use super::{Error, NewIntent, NewRefund};
use crate::app::App;

/// How often a silent cluster is asked again, under the same key, before the payment is left open.
const TRIES_MAX: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// A provider that is silent for so long is taken as silent.
const PROVIDER_TIME_MAX: Duration = Duration::from_secs(8);

/// One attempt to pay a booking.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) booking: Booking,
    pub(super) number: u32,
    pub(super) method: String,
    pub(super) request: String,
    pub(super) fingerprint: String,
    /// The intent of the attempt before this one.
    pub(super) previous: String,
}

impl Attempt {
    /// The attempt that a booking is in, for whoever goes on with it.
    pub(super) fn found(booking: Booking) -> Self {
        Self {
            number: booking.attempt,
            booking,
            method: String::new(),
            request: String::new(),
            fingerprint: String::new(),
            previous: String::new(),
        }
    }
}

/// How an attempt ended, and the booking as the last answer showed it.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) booking: Option<Answered<Booking>>,
}

/// Carries out steps from `step` on until there are no more.
pub(super) async fn drive(app: &App, attempt: &Attempt, mut step: Step) -> Ended {
    let mut booking = None;
    loop {
        if let Step::End(outcome) = step {
            app.metrics.payment(match &outcome {
                Outcome::Paid => "paid",
                Outcome::Declined { .. } => "declined",
                Outcome::Action { .. } => "action_required",
                Outcome::Overtaken => "overtaken",
                Outcome::Refunded => "refunded",
                Outcome::Open => "open",
            });
            return Ended { outcome, booking };
        }
        let seen = carry_out(app, attempt, &step, &mut booking).await;
        if let (Step::Record { .. }, Seen::Fenced | Seen::SeatsGone) = (&step, &seen) {
            tracing::error!(booking = %attempt.booking.id, ?seen, "charged without seats; refunds");
        }
        step = saga::next(step, seen);
    }
}

async fn carry_out(
    app: &App,
    attempt: &Attempt,
    step: &Step,
    last: &mut Option<Answered<Booking>>,
) -> Seen {
    let provider = &app.provider;
    match step {
        Step::Create => {
            let new = NewIntent {
                key: format!("{}:{}", attempt.booking.id, attempt.number),
                booking: attempt.booking.id.to_string(),
                amount: attempt.booking.total,
                currency: attempt.booking.currency.clone(),
                method: attempt.method.clone(),
                request: attempt.request.clone(),
                fingerprint: attempt.fingerprint.clone(),
                previous: attempt.previous.clone(),
            };
            intent(attempt, provider.create(new)).await
        }
        Step::Charge { intent: id } => intent(attempt, provider.confirm(id)).await,
        Step::Capture { intent: id } => intent(attempt, provider.capture(id)).await,
        Step::Cancel { intent: id, .. } => intent(attempt, provider.cancel(id)).await,
        Step::Refund { intent: id } => {
            let key = format!("{}:{id}:late", attempt.booking.id);
            let new = NewRefund { key, intent: id.clone(), amount: None };
            match in_time(provider.refund(new)).await {
                Ok(_) => Seen::Refunded,
                Err(error) => silent(attempt, &error),
            }
        }
        Step::Attach { .. } | Step::Commit { .. } | Step::Record { .. } | Step::Fail { .. } => {
            let key = key::request_key();
            for _ in 1..TRIES_MAX {
                match tell(app, attempt, step, key, last).await {
                    Seen::NoCluster => tokio::time::sleep(PAUSE).await,
                    seen => return seen,
                }
            }
            tell(app, attempt, step, key, last).await
        }
        Step::End(_) => Seen::NoCluster,
    }
}

/// The steps that are commands to the cluster.
async fn tell(
    app: &App,
    attempt: &Attempt,
    step: &Step,
    key: rowlock_client::types::RequestKey,
    last: &mut Option<Answered<Booking>>,
) -> Seen {
    let (id, number, user) = (attempt.booking.id, attempt.number, attempt.booking.user);
    let told = match step {
        Step::Attach { intent } => {
            let attached = app.inventory.attach_intent(id, number, intent, user, key).await;
            attached.map(|_| Seen::Attached)
        }
        Step::Commit { intent } => {
            let committed = app.inventory.commit_authorized(id, number, intent, user, key).await;
            committed.map(|booking| {
                *last = Some(booking);
                Seen::Committed
            })
        }
        Step::Record { intent } => {
            let confirmed = app.inventory.confirm_payment(id, number, intent, user, key).await;
            confirmed.map(|answered| {
                let at = answered.at;
                let (seen, value) = match answered.value {
                    Confirmed::Sold(booking) => (Seen::Sold, booking),
                    Confirmed::RefundDue(booking) => (Seen::SeatsGone, booking),
                };
                *last = Some(Answered { value, at });
                seen
            })
        }
        Step::Fail { reason } => {
            let failed = app.inventory.fail_payment(id, number, reason, user, key).await;
            failed.map(|booking| {
                *last = Some(booking);
                Seen::LetGo
            })
        }
        Step::Create
        | Step::Charge { .. }
        | Step::Capture { .. }
        | Step::Cancel { .. }
        | Step::Refund { .. }
        | Step::End(_) => Ok(Seen::NoCluster),
    };
    told.unwrap_or_else(|error| match error {
        ClusterError::Refused(refusal) => {
            if refusal.code != ErrorCode::PaymentFenced {
                tracing::error!(booking = %id, %refusal, ?step, "a payment's step was refused");
            }
            Seen::Fenced
        }
        ClusterError::Unknown | ClusterError::Unavailable { .. } => Seen::NoCluster,
    })
}

async fn intent(attempt: &Attempt, answer: super::Answer<'_, super::Intent>) -> Seen {
    match in_time(answer).await {
        Ok(intent) => Seen::Intent(intent),
        Err(error) => silent(attempt, &error),
    }
}

pub(super) async fn in_time<T>(answer: super::Answer<'_, T>) -> Result<T, Error> {
    tokio::time::timeout(PROVIDER_TIME_MAX, answer)
        .await
        .unwrap_or_else(|_| Err(Error::Silent("no answer in time".to_owned())))
}

fn silent(attempt: &Attempt, error: &Error) -> Seen {
    match error {
        Error::Refused(reason) => {
            tracing::warn!(booking = %attempt.booking.id, reason, "the payment provider refuses");
            Seen::Refused(reason.clone())
        }
        Error::Silent(_) | Error::Down(_) | Error::NoIntent(_) => {
            tracing::error!(booking = %attempt.booking.id, %error, "ask the payment provider");
            Seen::NoProvider
        }
    }
}
