//! The life of an event after it is published, and what is owed because of it.

use rowlock_client::Client;
use rowlock_client::life::RefundPage;
use rowlock_client::types::{EventId, RequestKey, UserId};

use super::Call;

/// One turn in the life of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LifeOrder {
    /// No more holds until it is resumed; whoever has one may pay it.
    Pause {
        reason: String,
    },
    Resume,
    /// No more holds, for good.
    End,
    /// The sale ends by itself then; 0: at no set time.
    EndAt(u64),
}

pub trait Lives {
    fn live_on(
        &self,
        event: EventId,
        order: LifeOrder,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, ()>;
    /// By booking, after number `after_seq` (0: from the first).
    fn refunds(
        &self,
        event: EventId,
        after_seq: u32,
        limit: u32,
        owed_only: bool,
    ) -> Call<'_, RefundPage>;
}

impl Lives for Client {
    fn live_on(
        &self,
        event: EventId,
        order: LifeOrder,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, ()> {
        Box::pin(async move {
            match order {
                LifeOrder::Pause { reason } => {
                    self.pause_sales(event, &reason, principal, key).await
                }
                LifeOrder::Resume => self.resume_sales(event, principal, key).await,
                LifeOrder::End => self.end_sales(event, principal, key).await,
                LifeOrder::EndAt(ms) => self.set_sale_end(event, ms, principal, key).await,
            }
        })
    }
    fn refunds(
        &self,
        event: EventId,
        after_seq: u32,
        limit: u32,
        owed_only: bool,
    ) -> Call<'_, RefundPage> {
        Box::pin(Self::refunds(self, event, after_seq, limit, owed_only))
    }
}
