//! One request to pay: begins an attempt, or joins the one that is running.

use std::time::Duration;

use rowlock_client::types::{Booking, BookingId, BookingState};
use rowlock_client::{Answered, Error, key};
use rowlock_proto::{ErrorCode, UserId};
use serde_json::json;
use tokio::time::Instant;

use super::drive::{Attempt, Ended, drive, in_time};
use super::reconcile::go_on;
use super::saga::{
    ABANDONED, CANCELED, Look, METHOD_UNKNOWN, NOT_AUTHENTICATED, OVERTAKEN, Outcome,
    PROVIDER_DOWN, Step,
};
use super::{Action, Intent, IntentState};
use crate::app::App;
use crate::http::idempotency::Request;
use crate::metrics::BookingStatus;
use crate::money::{self, Decimal};
use crate::problem::Problem;

/// How long a request waits for an attempt that another one began.
const JOIN_TIME_MAX: Duration = Duration::from_secs(15);
const JOIN_PAUSE_MIN: Duration = Duration::from_millis(20);
const JOIN_PAUSE_MAX: Duration = Duration::from_millis(250);
/// How often a request that waits asks the provider for news.
const NEWS_EVERY: Duration = Duration::from_secs(1);

/// Why an attempt ended that nobody has refused: another may begin.
const INTERRUPTED: [&str; 3] = [ABANDONED, CANCELED, OVERTAKEN];

/// What a customer wants to pay with.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) booking: BookingId,
    pub(crate) user: UserId,
    pub(crate) method: String,
    /// `None`: whatever the booking costs.
    pub(crate) amount: Option<Decimal>,
    pub(crate) request: Request,
    pub(crate) fingerprint: [u8; 32],
}

/// What a payment came to that was not refused.
#[derive(Debug)]
pub(crate) enum Paid {
    /// The booking is confirmed.
    Done(Answered<Booking>),
    /// It is the customer's turn; the booking stays in payment.
    Action { booking: Answered<Booking>, action: Action },
}

/// Pays, and answers with the booking. The work goes on if the caller goes away.
pub(crate) async fn pay(app: &App, payment: Payment) -> Result<Paid, Problem> {
    let app = app.clone();
    let work = tokio::spawn(async move { pay_here(&app, payment).await });
    work.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a payment stopped in the middle");
        Err(Problem::internal())
    })
}

pub(super) async fn pay_here(app: &App, payment: Payment) -> Result<Paid, Problem> {
    let found = own(app, payment.booking, payment.user).await?;
    if !app.provider.knows_method(&payment.method) {
        return Err(Problem::new(
            ErrorCode::PaymentMethodUnknown,
            "paymentMethodId names no payment method of this provider",
        )
        .with("field", json!("paymentMethodId")));
    }
    check_amount(&payment, &found.value)?;
    if payment.request.repeatable
        && let Some(earlier) = recall(app, &payment, &found.value).await?
        && let Some(reason) = how_it_ended(&earlier, &found.value)
    {
        return Err(declined(&reason, &found.value));
    }
    let deadline = Instant::now() + JOIN_TIME_MAX;
    let begin_key = key::request_key();
    let mut found = found;
    loop {
        let booking = &found.value;
        match booking.state {
            BookingState::Confirmed => return Ok(Paid::Done(found)),
            BookingState::Expired => return Err(expired(app)),
            BookingState::Released | BookingState::RefundDue | BookingState::Refunded => {
                let what = "the booking was given up and can't be paid";
                return Err(Problem::new(ErrorCode::BookingStateConflict, what));
            }
            BookingState::Paying | BookingState::Capturing => {
                match join(app, &payment, booking.attempt, deadline).await? {
                    Some(paid) => return Ok(paid),
                    None => {
                        found = own(app, payment.booking, payment.user).await?;
                        continue;
                    }
                }
            }
            BookingState::Held => {}
        }
        // Said before the hold is touched: its price and its time stay as they are.
        if let Some(wait) = app.provider.down_for() {
            return Err(provider_down(wait));
        }
        let _work = app.running.enter(booking.id);
        let (amount, previous) = (booking.total, booking.intent.clone());
        match app.inventory.begin_payment(booking.id, amount, payment.user, begin_key).await {
            // Another request was quicker, and has paid: nothing may be charged again.
            Ok(begun) if begun.value.booking.state == BookingState::Confirmed => {
                return Ok(Paid::Done(begun.map(|begun| begun.booking)));
            }
            Ok(begun) => {
                let attempt = Attempt {
                    booking: begun.value.booking,
                    number: begun.value.attempt,
                    method: payment.method.clone(),
                    request: request_name(&payment),
                    fingerprint: hex::encode(payment.fingerprint),
                    previous,
                };
                let ended = drive(app, &attempt, Step::Create).await;
                return finish(app, &payment, attempt, ended, deadline).await;
            }
            Err(Error::Refused(refusal)) if refusal.code == ErrorCode::PaymentInProgress => {}
            Err(Error::Refused(refusal)) if refusal.code == ErrorCode::BookingExpired => {
                return Err(expired(app));
            }
            // Whether it has begun will be seen; the same key finds the same attempt again.
            Err(Error::Unknown) if Instant::now() < deadline => {}
            Err(error) => return Err(error.into()),
        }
        if Instant::now() >= deadline {
            return Err(in_progress());
        }
        found = own(app, payment.booking, payment.user).await?;
        if found.value.state == BookingState::Held {
            tokio::time::sleep(JOIN_PAUSE_MIN).await;
        }
    }
}

async fn finish(
    app: &App,
    payment: &Payment,
    attempt: Attempt,
    ended: Ended,
    deadline: Instant,
) -> Result<Paid, Problem> {
    match (ended.outcome, ended.booking) {
        (Outcome::Paid, Some(booking)) => Ok(Paid::Done(booking)),
        (Outcome::Action { action, .. }, _) => {
            let booking = own(app, payment.booking, payment.user).await?;
            Ok(Paid::Action { booking, action })
        }
        (Outcome::Declined { reason }, booking) => {
            let booking = booking.map_or(attempt.booking, |answered| answered.value);
            Err(declined(&reason, &booking))
        }
        (Outcome::Refunded, _) => Err(Problem::new(
            ErrorCode::BookingExpired,
            "the payment came too late for the seats and was given back",
        )),
        (Outcome::Overtaken | Outcome::Paid, _) => {
            match join(app, payment, attempt.number, deadline).await? {
                Some(paid) => Ok(paid),
                None => Err(interrupted()),
            }
        }
        (Outcome::Open, _) => Err(Problem::new(
            ErrorCode::UnknownOutcome,
            "the payment was begun and its outcome is not known yet; the seats are kept; \
             send the same request again to learn it",
        )),
    }
}

/// Waits for the end of an attempt that someone else is working on, and answers as they do; where
/// nobody does, it goes on itself with what the provider has decided since. `None` if nothing was
/// charged, and another attempt may begin.
async fn join(
    app: &App,
    payment: &Payment,
    attempt: u32,
    deadline: Instant,
) -> Result<Option<Paid>, Problem> {
    let mut pause = JOIN_PAUSE_MIN;
    let mut news_at = Instant::now();
    loop {
        let found = own(app, payment.booking, payment.user).await?;
        let booking = &found.value;
        match booking.state {
            BookingState::Confirmed => return Ok(Some(Paid::Done(found))),
            BookingState::Held
                if booking.attempt >= attempt
                    && INTERRUPTED.contains(&booking.decline_reason.as_str()) =>
            {
                return Ok(None);
            }
            BookingState::Held | BookingState::Expired
                if booking.attempt >= attempt && !booking.decline_reason.is_empty() =>
            {
                return Err(declined(&booking.decline_reason, booking));
            }
            BookingState::Expired => return Err(expired(app)),
            BookingState::Released | BookingState::RefundDue | BookingState::Refunded => {
                let what = "the booking was given up and can't be paid";
                return Err(Problem::new(ErrorCode::BookingStateConflict, what));
            }
            BookingState::Paying | BookingState::Capturing | BookingState::Held => {}
        }
        let in_payment = booking.state != BookingState::Held && !booking.intent.is_empty();
        if in_payment && !app.running.has(booking.id) && Instant::now() >= news_at {
            news_at = Instant::now() + NEWS_EVERY;
            match ask_for_news(app, payment, booking).await {
                News::None => {}
                News::Moved => continue,
                News::Action(action) => return Ok(Some(Paid::Action { booking: found, action })),
            }
        }
        if Instant::now() + pause >= deadline {
            return Err(in_progress());
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(JOIN_PAUSE_MAX);
    }
}

enum News {
    None,
    /// The booking is no longer where it was.
    Moved,
    Action(Action),
}

async fn ask_for_news(app: &App, payment: &Payment, booking: &Booking) -> News {
    let Some((step, method)) = go_on(app, booking, Look::News).await else { return News::None };
    let step = match step {
        Step::End(Outcome::Action { action, .. }) if method == payment.method => {
            return News::Action(action);
        }
        // The customer has turned to another method: the one that waits is given up.
        Step::End(Outcome::Action { intent, .. }) => {
            Step::Cancel { intent, reason: CANCELED.to_owned() }
        }
        Step::End(_) => return News::None,
        step => step,
    };
    let _work = app.running.enter(booking.id);
    match drive(app, &Attempt::found(booking.clone()), step).await.outcome {
        Outcome::Open | Outcome::Action { .. } => News::None,
        Outcome::Paid | Outcome::Declined { .. } | Outcome::Overtaken | Outcome::Refunded => {
            News::Moved
        }
    }
}

/// The booking, if it is the user's own.
pub(crate) async fn own(
    app: &App,
    id: BookingId,
    user: UserId,
) -> Result<Answered<Booking>, Problem> {
    let found = app.inventory.booking(id).await?;
    if found.value.user == user { Ok(found) } else { Err(Problem::booking_not_found()) }
}

fn check_amount(payment: &Payment, booking: &Booking) -> Result<(), Problem> {
    let Some(amount) = &payment.amount else { return Ok(()) };
    let minor = amount
        .minor(&booking.currency)
        .map_err(|error| Problem::field("amount", error).with("code", json!("amount-mismatch")))?;
    if minor == booking.total {
        return Ok(());
    }
    let total = money::decimal(booking.total, &booking.currency);
    let what = format!("the booking costs {total} {}", booking.currency);
    let expected = money::Amount::new(booking.total, &booking.currency);
    Err(Problem::new(ErrorCode::AmountMismatch, what)
        .with("totalAmount", serde_json::to_value(expected).unwrap_or_default())
        .with("currency", json!(booking.currency)))
}

/// The last intent that this same request led to before, on any server.
async fn recall(
    app: &App,
    payment: &Payment,
    booking: &Booking,
) -> Result<Option<Intent>, Problem> {
    let name = request_name(payment);
    let earlier = match in_time(app.provider.find(&name, &booking.intent)).await {
        Ok(earlier) => earlier,
        // What is paid needs no provider to be told.
        Err(_) if booking.state == BookingState::Confirmed => return Ok(None),
        Err(super::Error::Down(wait)) => return Err(provider_down(wait)),
        Err(error) => {
            tracing::error!(%error, "ask the payment provider about an earlier request");
            let what = "the payment provider does not answer; nothing was charged by this request";
            return Err(Problem::new(ErrorCode::PaymentProviderDown, what));
        }
    };
    let body = hex::encode(payment.fingerprint);
    if earlier.iter().any(|intent| intent.fingerprint != body) {
        return Err(Problem::key_reused());
    }
    Ok(earlier.into_iter().next_back())
}

/// Why an earlier attempt was declined, if it was: by the log, which knows the last one, or else by the
/// provider.
fn how_it_ended(earlier: &Intent, booking: &Booking) -> Option<String> {
    if booking.state == BookingState::Confirmed {
        return None;
    }
    let logged = booking.decline_reason.as_str();
    if booking.intent == earlier.id && !logged.is_empty() && !INTERRUPTED.contains(&logged) {
        return Some(logged.to_owned());
    }
    match &earlier.state {
        IntentState::Declined(reason) => Some(reason.clone()),
        IntentState::RequiresConfirmation
        | IntentState::RequiresAction(_)
        | IntentState::Approved
        | IntentState::Processing
        | IntentState::Refused(_)
        | IntentState::Authorized
        | IntentState::Succeeded
        | IntentState::Canceled => None,
    }
}

fn request_name(payment: &Payment) -> String {
    if payment.request.repeatable { payment.request.key().to_string() } else { String::new() }
}

fn declined(reason: &str, booking: &Booking) -> Problem {
    match reason {
        ABANDONED | CANCELED | OVERTAKEN => interrupted(),
        PROVIDER_DOWN => Problem::new(
            ErrorCode::PaymentProviderDown,
            "the payment provider did not answer; nothing was charged and the seats are still held",
        ),
        METHOD_UNKNOWN => Problem::new(
            ErrorCode::PaymentMethodUnknown,
            "the payment provider does not know this payment method; nothing was charged",
        )
        .with("field", json!("paymentMethodId")),
        NOT_AUTHENTICATED => Problem::new(
            ErrorCode::PaymentActionRequired,
            "the bank wants the customer to confirm this payment, and that was not done; \
             nothing was charged",
        )
        .with("declineCode", json!(reason)),
        reason => {
            let kept = match booking.state {
                BookingState::Expired => "the hold's time is over",
                _ => "the seats are still held for the rest of the time",
            };
            let words = reason.replace('_', " ");
            let what = format!("the card was declined ({words}); nothing was charged, and {kept}");
            Problem::new(ErrorCode::CardDeclined, what)
                .with("declineCode", json!(reason))
                .with("expiresAt", json!(crate::time::rfc3339(booking.expires_ms)))
        }
    }
}

fn provider_down(wait: Duration) -> Problem {
    Problem::new(
        ErrorCode::PaymentProviderDown,
        "the payment provider does not answer; nothing was charged and the seats are still held",
    )
    .retry_after(wait.as_secs() + 1)
}

fn expired(app: &App) -> Problem {
    app.metrics.booking(BookingStatus::expired);
    Problem::new(ErrorCode::BookingExpired, "the hold's time is over; nothing was charged")
}

fn interrupted() -> Problem {
    Problem::new(
        ErrorCode::Unavailable,
        "the payment was interrupted; nothing was charged and the seats are still held; send it again",
    )
}

fn in_progress() -> Problem {
    Problem::new(
        ErrorCode::PaymentInProgress,
        "a payment of this booking is running; ask again in a moment",
    )
    .retry_after(2)
}
