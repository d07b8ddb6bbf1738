//! The life of an event after it is published: paused, resumed, ended; and what a cancelled one owes.

use rowlock_proto::v1::command::Kind;
use rowlock_proto::v1::query::Kind as Query;
use rowlock_proto::v1::query_reply::Kind as Found;
use rowlock_proto::{BookingId, EventId, RequestKey, UserId, v1};

use crate::calls::done;
use crate::client::Client;
use crate::error::Error;
use crate::types::Answered;
use crate::wire::{self, Unreadable};

/// What an event's life says besides its state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventLife {
    /// Why it is paused; empty if it is not.
    pub pause_reason: String,
    /// 0: the sale ends at no set time.
    pub sale_ends_ms: u64,
    /// It is on sale, and nothing is free.
    pub sold_out: bool,
    /// It was cancelled, and not all refunds are decided yet.
    pub refunding: bool,
    /// When it went into the archive, out of all lists; 0: it did not.
    pub archived_ms: u64,
}

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

/// A page of refunds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundPage {
    /// May be empty on a page that is not the last.
    pub lines: Vec<RefundLine>,
    /// The booking number to go on from; `None`: that was the last page.
    pub next_seq: Option<u32>,
}

impl Client {
    /// No more holds until it is resumed; whoever has one may pay it.
    pub async fn pause_sales(
        &self,
        event: EventId,
        reason: &str,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let (id, reason) = (wire::id(event.to_bytes()), reason.to_owned());
        let kind = Kind::PauseSales(v1::PauseSales { event: id, reason });
        self.write(event.slot(), principal, key, kind, done).await
    }

    pub async fn resume_sales(
        &self,
        event: EventId,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let kind = Kind::ResumeSales(v1::ResumeSales { event: wire::id(event.to_bytes()) });
        self.write(event.slot(), principal, key, kind, done).await
    }

    /// Ends the sale for good; payments that were begun may finish.
    pub async fn end_sales(
        &self,
        event: EventId,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let kind = Kind::EndSales(v1::EndSales { event: wire::id(event.to_bytes()) });
        self.write(event.slot(), principal, key, kind, done).await
    }

    /// Lets the sale end by itself then; 0: at no set time.
    pub async fn set_sale_end(
        &self,
        event: EventId,
        ends_ms: u64,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let end = v1::SetSaleEnd { event: wire::id(event.to_bytes()), ends_ms };
        self.write(event.slot(), principal, key, Kind::SetSaleEnd(end), done).await
    }

    /// Refunds of an event by booking, after number `after_seq` (0: from the first): what is owed, or
    /// all.
    pub async fn refunds(
        &self,
        event: EventId,
        after_seq: u32,
        limit: u32,
        owed_only: bool,
    ) -> Result<Answered<RefundPage>, Error> {
        let id = wire::id(event.to_bytes());
        let kind = Query::ListRefunds(v1::ListRefunds { event: id, after_seq, limit, owed_only });
        self.read(event.slot(), kind, |found| match found {
            Found::Refunds(list) => Some(page(list)),
            _ => None,
        })
        .await
    }
}

pub(crate) fn event_life(wire: v1::EventLife) -> EventLife {
    let v1::EventLife { pause_reason, sale_ends_ms, sold_out, refunding, archived_ms } = wire;
    EventLife { pause_reason, sale_ends_ms, sold_out, refunding, archived_ms }
}

fn page(list: v1::RefundList) -> Result<RefundPage, Unreadable> {
    let line = |line: v1::RefundLine| {
        Ok(RefundLine {
            booking: wire::booking_id(&line.booking)?,
            user: wire::user_id(&line.user)?,
            refund: line.refund,
            amount: line.amount,
            decided_ms: line.decided_ms,
            reason: line.reason,
            reference: line.reference,
            intent: line.intent,
        })
    };
    Ok(RefundPage {
        lines: list.refunds.into_iter().map(line).collect::<Result<_, _>>()?,
        next_seq: (list.next_seq != 0).then_some(list.next_seq),
    })
}
