//! Paying back what bookings owe.
//!
//! The log decides a refund first; from then on it is owed, and stands in its booking until it is
//! settled. What could go wrong, and what answers it:
//! - The server dies before the provider is asked: whoever reconciles sees the refund in the booking.
//! - It dies before the refund is settled: it is asked for again under the same key, and the provider
//!   answers with the same refund.
//! - Two servers pay at once: the same key, the same refund, and settling twice is settling once.
//! - The provider is silent or refuses: the refund stays owed, the alarm is raised, and it is tried
//!   again.

use rowlock_client::key::request_key;
use rowlock_client::types::{Booking, Refund};

use super::NewRefund;
use super::drive::in_time;
use crate::app::App;

/// What stands for the provider's name of a refund that needed none.
const NOTHING_TO_PAY: &str = "nothing to pay";

/// The refunds that a booking still owes and that a provider is to pay, with their numbers. What was
/// taken at the desk is paid there.
pub(super) fn owed(booking: &Booking) -> impl Iterator<Item = (u32, &Refund)> {
    let money = booking.extras.money.as_deref();
    let at_desk = move |number: &u32| money.is_some_and(|it| it.desk_refunds.contains(number));
    let owed = (0..).zip(&booking.extras.refunds);
    owed.filter(move |(number, refund)| refund.reference.is_empty() && !at_desk(number))
}

/// Pays what is owed. The booking without debts; `None` while some are left.
pub(crate) async fn pay_owed(app: &App, booking: &Booking) -> Option<Booking> {
    let mut settled = booking.clone();
    for (number, refund) in owed(booking) {
        let reference = if refund.amount == 0 {
            NOTHING_TO_PAY.to_owned()
        } else {
            let new = NewRefund {
                key: format!("{}:refund:{number}", booking.id),
                intent: booking.intent.clone(),
                amount: Some(refund.amount),
            };
            match in_time(app.provider.refund(new)).await {
                Ok(reference) => reference,
                Err(error) => {
                    tracing::error!(booking = %booking.id, number, %error, "pay a refund");
                    return None;
                }
            }
        };
        let told = app.inventory.settle_refund(
            booking.id,
            number,
            &reference,
            booking.user,
            request_key(),
        );
        match told.await {
            Ok(answered) => settled = answered.value,
            Err(error) => {
                tracing::warn!(booking = %booking.id, number, %error, "settle a refund");
                return None;
            }
        }
        app.metrics.payment("paid_back");
    }
    Some(settled)
}
