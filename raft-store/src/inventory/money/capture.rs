//! Payments that a provider authorises and captures apart.
//!
//! ```text
//! Paying --authorised: commit--> Capturing --captured: confirm--> Confirmed
//!                                    '--can't be captured: fail--> Held, or Expired
//! ```
//!
//! Authorised money is not charged. The seats are the booking's for good from the commit on, so that
//! nothing is captured for seats that are gone; no ticket is valid until the capture is in the log.
//! What could go wrong, and what answers it:
//! - The server dies between commit and capture: the booking stays `Capturing`, and whoever reconciles
//!   captures or gives up, as with any payment that was left behind.
//! - The event is cancelled: nothing more is committed; what is captured all the same is refunded.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, UserId};

use super::MoneyChange;
use crate::inventory::booking::BookingState;
use crate::inventory::change::ChangeKind;
use crate::inventory::reply::{Answer, EventState};
use crate::inventory::{State, refuse};

impl State {
    pub(super) fn commit_authorized(
        &mut self,
        principal: UserId,
        id: BookingId,
        attempt: u32,
        intent: &str,
    ) -> Answer {
        let Some((event, booking)) = self.owned_booking(principal, id) else {
            return refuse(ErrorCode::BookingNotFound);
        };
        let known = booking.payment.as_ref().is_some_and(|payment| {
            payment.attempt == attempt && !intent.is_empty() && payment.intent == intent
        });
        if !known {
            return refuse(ErrorCode::PaymentFenced);
        }
        match booking.state {
            BookingState::Paying => {}
            // The same request again, or what came after it.
            BookingState::Capturing | BookingState::Confirmed | BookingState::Refunded => {
                return self.booking_answer(id);
            }
            // It was given up: an authorisation that comes late is not captured.
            BookingState::Held
            | BookingState::Released
            | BookingState::Expired
            | BookingState::RefundDue => return refuse(ErrorCode::PaymentFenced),
        }
        if event.state == EventState::Cancelled {
            return refuse(ErrorCode::SaleClosed);
        }
        let (event, seq) = (event.id, booking.id.locator().seq());
        self.change_booking(event, seq, |booking| booking.state = BookingState::Capturing);
        let intent = intent.to_owned();
        let change = MoneyChange::PaymentCommitted { booking: id, attempt, intent };
        self.log.note(ChangeKind::Money(change));
        self.booking_answer(id)
    }
}
