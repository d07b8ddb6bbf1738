//! The life of events, off the wire and onto it.

use bytes::Bytes;
use rowlock_proto::v1;
use rowlock_raft_store::inventory::{LifeCommand, LifeView, RefundLine, Refusal};

use super::command::{event, malformed};
use v1::command::Kind;

/// What an organiser asks of the life of an event.
pub(super) fn command(kind: Kind) -> Result<LifeCommand, Refusal> {
    match kind {
        Kind::PauseSales(v1::PauseSales { event: id, reason }) => {
            Ok(LifeCommand::Pause { event: event(&id)?, reason })
        }
        Kind::ResumeSales(wire) => Ok(LifeCommand::Resume { event: event(&wire.event)? }),
        Kind::EndSales(wire) => Ok(LifeCommand::End { event: event(&wire.event)? }),
        Kind::SetSaleEnd(v1::SetSaleEnd { event: id, ends_ms }) => {
            Ok(LifeCommand::SetEnd { event: event(&id)?, ends_ms })
        }
        _ => Err(malformed("a command about something else")),
    }
}

pub(super) fn life(life: LifeView) -> v1::EventLife {
    let LifeView { pause_reason, sale_ends_ms, sold_out, refunding, archived_ms } = life;
    v1::EventLife { pause_reason, sale_ends_ms, sold_out, refunding, archived_ms }
}

pub(super) fn refund_line(line: RefundLine) -> v1::RefundLine {
    v1::RefundLine {
        booking: Bytes::copy_from_slice(&line.booking.to_bytes()),
        user: Bytes::copy_from_slice(&line.user.to_bytes()),
        refund: line.refund,
        amount: line.amount,
        decided_ms: line.decided_ms,
        reason: line.reason,
        reference: line.reference,
        intent: line.intent,
    }
}
