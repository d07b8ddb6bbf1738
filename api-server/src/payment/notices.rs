//! What a provider tells by itself. It says where to look, and is never believed: money is read from
//! the provider, and bookings from the cluster. So it may come twice, late, in any order, or not at
//! all; but for what only the provider knows, such as a chargeback, it is asked to come again until
//! the cluster has it.

use rowlock_client::key::request_key;
use rowlock_client::types::{Booking, BookingId, BookingState, ChargebackOrder};
use rowlock_client::{Answered, Error as ClusterError};
use rowlock_proto::ErrorCode;

use super::drive::{Attempt, drive, in_time};
use super::reconcile::settle;
use super::saga::{Look, Step};
use super::{Dispute, DisputeState, Error, Intent, IntentState, Notice};
use crate::app::App;
use crate::inventory::CLUSTER;
use crate::problem::Problem;

/// Acts on a notice. An error asks for it to be sent again.
pub(crate) async fn take(app: &App, notice: Notice) -> Result<(), Problem> {
    match notice {
        Notice::Intent(id) => match known(app, &id).await? {
            Some((intent, booking)) => look_at(app, intent, booking).await,
            None => Ok(()),
        },
        Notice::Dispute(id) => match told(in_time(app.provider.dispute(&id)).await)? {
            Some(dispute) => disputed(app, dispute).await,
            None => Ok(()),
        },
        Notice::PaidBack(id) => match known(app, &id).await? {
            Some((intent, booking)) => paid_back(app, &intent, &booking.value).await,
            None => Ok(()),
        },
        Notice::Other => Ok(()),
    }
}

/// The provider's word; `None` if it knows no such thing, which is then none of ours.
fn told<T>(answer: Result<T, Error>) -> Result<Option<T>, Problem> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(Error::NoIntent(_) | Error::Refused(_)) => Ok(None),
        Err(error @ (Error::Silent(_) | Error::Down(_))) => {
            tracing::warn!(%error, "look at what the payment provider told");
            let what = "the payment provider does not answer; send it again";
            Err(Problem::new(ErrorCode::PaymentProviderDown, what))
        }
    }
}

/// An intent and its booking, if it is one of ours.
async fn known(app: &App, id: &str) -> Result<Option<(Intent, Answered<Booking>)>, Problem> {
    let Some(intent) = told(in_time(app.provider.retrieve(id)).await)? else { return Ok(None) };
    let Ok(booking) = intent.booking.parse::<BookingId>() else { return Ok(None) };
    match app.inventory.booking(booking).await {
        Ok(found) => Ok(Some((intent, found))),
        // Another cluster shares the account.
        Err(ClusterError::Refused(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn look_at(app: &App, intent: Intent, found: Answered<Booking>) -> Result<(), Problem> {
    let booking = found.value;
    let its_own = booking.intent == intent.id;
    let (in_payment, paid) = match booking.state {
        BookingState::Paying | BookingState::Capturing => (true, false),
        BookingState::Confirmed | BookingState::Refunded | BookingState::RefundDue => (false, true),
        BookingState::Held | BookingState::Released | BookingState::Expired => (false, false),
    };
    if its_own && in_payment {
        if !app.running.has(booking.id) {
            settle(app, booking.id, |_| Look::News).await;
        }
        return Ok(());
    }
    match intent.state {
        // P6: nobody here asked for it. It takes the seats if it may and they are free, or goes back.
        IntentState::Succeeded if !(its_own && paid) => {
            tracing::error!(booking = %booking.id, intent = intent.id, "charged out of turn");
            let step = Step::Record { intent: intent.id };
            drive(app, &Attempt::found(booking), step).await;
        }
        IntentState::Authorized => {
            tracing::error!(booking = %booking.id, intent = intent.id, "authorised out of turn");
            told(in_time(app.provider.cancel(&intent.id)).await)?;
        }
        IntentState::Succeeded
        | IntentState::RequiresConfirmation
        | IntentState::RequiresAction(_)
        | IntentState::Approved
        | IntentState::Processing
        | IntentState::Refused(_)
        | IntentState::Declined(_)
        | IntentState::Canceled => {}
    }
    Ok(())
}

async fn disputed(app: &App, dispute: Dispute) -> Result<(), Problem> {
    let Some((_, found)) = known(app, &dispute.intent).await? else { return Ok(()) };
    let booking = found.value;
    if booking.intent != dispute.intent {
        tracing::error!(booking = %booking.id, dispute = dispute.id, "a dispute of another charge");
        return Ok(());
    }
    if dispute.state == DisputeState::Inquiry {
        return Ok(());
    }
    let mut order = ChargebackOrder {
        reference: dispute.id.clone(),
        amount: dispute.amount,
        reason: dispute.reason,
        void: false,
    };
    loop {
        let marked =
            app.inventory.mark_chargeback(booking.id, order.clone(), CLUSTER, request_key());
        match marked.await {
            Ok(_) => break,
            Err(ClusterError::Refused(refusal)) => match refusal.code {
                // Known by another amount: it was cut below.
                ErrorCode::IdempotencyKeyReused => break,
                // A part went back before; no more than the rest can be lost.
                ErrorCode::ChargebackTooMuch
                    if refusal.limit != 0 && refusal.limit < order.amount =>
                {
                    order.amount = refusal.limit;
                }
                _ => {
                    tracing::error!(booking = %booking.id, dispute = dispute.id, %refusal,
                        "a chargeback is not on record");
                    return Ok(());
                }
            },
            Err(error) => return Err(error.into()),
        }
    }
    app.metrics.payment("charged_back");
    if dispute.state == DisputeState::Won {
        let reversed =
            app.inventory.reverse_chargeback(booking.id, &dispute.id, CLUSTER, request_key());
        match reversed.await {
            Ok(_) => {}
            Err(ClusterError::Refused(refusal)) => {
                tracing::error!(booking = %booking.id, dispute = dispute.id, %refusal,
                    "a won chargeback is not on record");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Refunds that were made without us, and those that the provider could not carry out, need a person.
async fn paid_back(app: &App, intent: &Intent, booking: &Booking) -> Result<(), Problem> {
    let Some(back) = told(in_time(app.provider.paid_back(&intent.id)).await)? else {
        return Ok(());
    };
    let decided: u64 = match booking.state {
        // Charged too late: all of it goes back.
        BookingState::RefundDue => booking.total,
        BookingState::Held
        | BookingState::Paying
        | BookingState::Capturing
        | BookingState::Confirmed
        | BookingState::Released
        | BookingState::Expired
        | BookingState::Refunded => booking.extras.refunds.iter().map(|it| it.amount).sum(),
    };
    if back.amount > decided {
        let (amount, booking) = (back.amount, booking.id);
        tracing::error!(%booking, amount, decided, "more was refunded than was decided here");
        app.metrics.payment("refunded_elsewhere");
    }
    if !back.failed.is_empty() {
        tracing::error!(booking = %booking.id, refunds = ?back.failed, "refunds failed");
        app.metrics.payment("refund_failed");
    }
    Ok(())
}
