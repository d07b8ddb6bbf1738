//! Events that are paused and ended, and lists of refunds.

use rowlock_api_server::inventory::{Call, LifeOrder, Lives};
use rowlock_client::life::{RefundLine, RefundPage};
use rowlock_client::types::{ChangeKind, ErrorCode, EventId, EventState, RequestKey, UserId};

use super::{Fake, refuse};

impl Lives for Fake {
    fn live_on(&self, id: EventId, order: LifeOrder, _: UserId, _: RequestKey) -> Call<'_, ()> {
        self.with(|state, now_ms| {
            let Some(stored) = state.events.get_mut(&id) else {
                return refuse(ErrorCode::EventNotFound);
            };
            let event = &mut stored.event;
            let (from, into) = match &order {
                LifeOrder::Pause { .. } => (EventState::Published, EventState::Paused),
                LifeOrder::Resume => (EventState::Paused, EventState::Published),
                LifeOrder::End => (EventState::Published, EventState::Ended),
                LifeOrder::EndAt(ms) => {
                    event.life.sale_ends_ms = *ms;
                    return Ok(());
                }
            };
            if event.state != from && event.state != into {
                return refuse(ErrorCode::EventStateConflict);
            }
            event.state = into;
            event.life.pause_reason = match order {
                LifeOrder::Pause { reason } => reason,
                LifeOrder::Resume | LifeOrder::End | LifeOrder::EndAt(_) => String::new(),
            };
            state.note(now_ms, ChangeKind::EventChanged { event: id, state: into });
            Ok(())
        })
    }

    fn refunds(
        &self,
        event: EventId,
        after_seq: u32,
        limit: u32,
        owed_only: bool,
    ) -> Call<'_, RefundPage> {
        self.with(|state, _| {
            let mut page = RefundPage { lines: Vec::new(), next_seq: None };
            for booking in state.bookings.values().filter(|it| it.event == event) {
                let seq = booking.id.locator().seq();
                if seq <= after_seq {
                    continue;
                }
                let desk = booking.extras.money.as_deref().map(|it| it.desk_refunds.clone());
                let desk = desk.unwrap_or_default();
                for (number, refund) in (0..).zip(&booking.extras.refunds) {
                    if owed_only && !refund.reference.is_empty() {
                        continue;
                    }
                    page.lines.push(RefundLine {
                        booking: booking.id,
                        user: booking.user,
                        refund: Some(number),
                        amount: refund.amount,
                        decided_ms: refund.decided_ms,
                        reason: refund.reason.clone(),
                        reference: refund.reference.clone(),
                        intent: if desk.contains(&number) {
                            String::new()
                        } else {
                            booking.intent.clone()
                        },
                    });
                }
                if page.lines.len() >= limit as usize {
                    page.next_seq = Some(seq);
                    break;
                }
            }
            Ok(page)
        })
    }
}
