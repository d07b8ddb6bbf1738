//! What a cancelled event owes: every paid booking gets its refund decided, a few at a time.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, EventId, RequestKey, UserId};

use crate::inventory::State;
use crate::inventory::booking::{Booking, BookingState};
use crate::inventory::change::ChangeKind;
use crate::inventory::event::Event;
use crate::inventory::hold::event_no;
use crate::inventory::money::Back;
use crate::inventory::query::PAGE_MAX;
use crate::inventory::record::RecordKey;

/// The request that a cancellation's refunds come from: there is one for each booking.
const CANCELLED_KEY: RequestKey = RequestKey(0);
const CANCELLED_REASON: &str = "event cancelled";
/// Bookings that one page of refunds looks through.
const SCAN_MAX: usize = 10_000;

/// Money that goes back, or has gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundLine {
    pub booking: BookingId,
    pub user: UserId,
    /// Its number in the booking; `None`: the payment came too late, and all of it goes back.
    pub refund: Option<u32>,
    pub amount: u64,
    pub decided_ms: u64,
    pub reason: String,
    /// The provider's name for it; empty: still owed.
    pub reference: String,
    /// The payment that it is taken from; empty: it is paid at the desk.
    pub intent: String,
}

impl State {
    /// Looks at bookings of a cancelled event, `max` at most, and owes those who paid. How many it
    /// looked at: one at least while any is left.
    pub(super) fn refund_some(&mut self, id: EventId, max: u32) -> u32 {
        let mut seen = 0;
        while seen < max {
            let Some(event) = self.events.get_mut(&id) else { break };
            let late = event.life.late.pop_first();
            let seq = late.unwrap_or(event.life.refunds_seen.saturating_add(1));
            let Some(booking) = event.booking_ever(seq) else { break };
            let paid = booking.state == BookingState::Confirmed;
            if late.is_none() {
                event.life.refunds_seen = seq;
                self.log.touch(RecordKey::Life(event_no(event)));
            }
            if paid {
                self.refund_all(id, seq);
            }
            seen += 1;
        }
        self.retend(id);
        // Progress, whatever the records say: who asks for more steps must come to an end.
        seen.max(1)
    }

    /// Owes all that is left of a sold booking, whatever was let in: the event is off.
    fn refund_all(&mut self, id: EventId, seq: u32) {
        let found = self.events.get(&id).and_then(|event| Some((event, event.booking(seq)?)));
        let Some((event, booking)) = found else { return };
        let (of, price) = (booking.id, event.total_of(booking));
        let numbers = booking.all_places().map(|(number, ..)| number);
        let places: Vec<u32> = numbers.filter(|&number| !booking.is_gone(number)).collect();
        let reason = CANCELLED_REASON.to_owned();
        let back = Back { key: CANCELLED_KEY, reason, price, final_if_nothing: true };
        let (returned, refund, amount) = self.owe(id, seq, &places, true, back);
        self.note_back(id, of, returned, BookingState::Refunded);
        self.log.note(ChangeKind::PlacesRefunded { booking: of, refund, places, amount });
    }

    /// Refunds of an event by booking, after number `after_seq`: only what is owed, or all. With the
    /// page comes the number to go on from; 0: that was the last.
    pub fn refunds_of(
        &self,
        id: EventId,
        after_seq: u32,
        limit: usize,
        owed_only: bool,
    ) -> Result<(Vec<RefundLine>, u32), ErrorCode> {
        let event = self.events.get(&id).ok_or(ErrorCode::EventNotFound)?;
        let from = usize::try_from(after_seq).unwrap_or(usize::MAX);
        let mut lines = Vec::new();
        let mut next = after_seq;
        for booking in event.bookings.iter().skip(from).take(SCAN_MAX) {
            if lines.len() >= limit.min(PAGE_MAX) {
                break;
            }
            next = next.saturating_add(1);
            lines.extend(lines_of(event, booking, owed_only));
        }
        let last = usize::try_from(next).is_ok_and(|next| next >= event.bookings.len());
        Ok((lines, if last { 0 } else { next }))
    }
}

fn lines_of(event: &Event, booking: &Booking, owed_only: bool) -> Vec<RefundLine> {
    let paid = booking.payment.as_ref().map(|payment| payment.intent.clone()).unwrap_or_default();
    let at_desk = booking.money.as_ref().map_or(&[][..], |money| &money.desk_refunds);
    let intent_of = |refund: Option<u32>| {
        let by_provider = refund.is_none_or(|refund| !at_desk.contains(&refund));
        if by_provider { paid.clone() } else { String::new() }
    };
    let line =
        |refund: Option<u32>, amount, decided_ms, reason: &str, reference: &str| RefundLine {
            booking: booking.id,
            user: booking.user,
            refund,
            amount,
            decided_ms,
            reason: reason.to_owned(),
            reference: reference.to_owned(),
            intent: intent_of(refund),
        };
    if booking.state == BookingState::RefundDue {
        return vec![line(None, event.total_of(booking), 0, "the seats are gone", "")];
    }
    let refunds = booking.extras.as_ref().map_or(&[][..], |extras| &extras.refunds);
    (0..)
        .zip(refunds)
        .filter(|(_, refund)| !owed_only || refund.reference.is_empty())
        .map(|(number, it)| line(Some(number), it.amount, it.decided_ms, &it.reason, &it.reference))
        .collect()
}
