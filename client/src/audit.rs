//! The audit chain of an event: computing it again from the feed, so that a cut or an edit shows.
//!
//! Whoever keeps a head of an event, and later has the changes that followed it, computes the next head
//! and compares it with the cluster's: [`Chain`] is that computation, without I/O. The proto file says
//! what is hashed (`AuditHead`).

mod as_of;

use rowlock_proto::v1::query::Kind as Query;
use rowlock_proto::v1::query_reply::Kind as Found;
use rowlock_proto::{BookingId, EventId, v1};
use sha2::{Digest as _, Sha256};

pub use self::as_of::{AsOfError, BookingAsOf, EventAsOf, SeatAsOf, Until};
use crate::client::Client;
use crate::error::Error;
use crate::types::{Answered, Change, ChangeKind};
use crate::wire::{self, Unreadable};

/// Where the chain of an event stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditHead {
    pub head: [u8; 32],
    /// Changes that are in it.
    pub changes: u64,
    /// Everything up to this revision of the shard is, as far as it is about the event.
    pub revision: u64,
}

/// Why a chain can't be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverifiable {
    /// It may be about the event or not.
    #[error("change {0} is of a kind that this program is too old to know")]
    Kind(u64),
    #[error("change {found} came after {after}: one is missing")]
    Gap { after: u64, found: u64 },
    #[error("change {0} came without its digest")]
    Digest(u64),
}

impl Client {
    /// Where the audit chain of an event stands now, and the number by which its bookings name it.
    pub async fn audit_head(&self, event: EventId) -> Result<Answered<(AuditHead, u32)>, Error> {
        let kind = Query::GetAuditHead(v1::GetAuditHead { event: wire::id(event.to_bytes()) });
        self.read(event.slot(), kind, |found| match found {
            Found::AuditHead(head) => Some(read(&head)),
            _ => None,
        })
        .await
    }
}

fn read(wire: &v1::AuditHead) -> Result<(AuditHead, u32), Unreadable> {
    let head = wire.head[..].try_into().map_err(|_| Unreadable("head of an audit chain"))?;
    let (changes, revision) = (wire.changes, wire.revision);
    Ok((AuditHead { head, changes, revision }, wire.event_no))
}

/// The chain of one event, as far as it was computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    event: EventId,
    event_no: u32,
    at: AuditHead,
}

impl Chain {
    /// Goes on from `head`; the default is that of an event that is not there yet.
    pub const fn from(event: EventId, event_no: u32, head: AuditHead) -> Self {
        Self { event, event_no, at: head }
    }

    /// From the beginning.
    const fn of(event: EventId, event_no: u32) -> Self {
        Self::from(event, event_no, AuditHead { head: [0; 32], changes: 0, revision: 0 })
    }

    pub const fn head(&self) -> AuditHead {
        self.at
    }

    /// Takes the shard's next change; whether it is about the event. Changes must come with their
    /// digests, all of them, in order.
    pub fn take(&mut self, change: &Change) -> Result<bool, Unverifiable> {
        let (after, found) = (self.at.revision, change.revision);
        if found != after + 1 {
            return Err(Unverifiable::Gap { after, found });
        }
        let is_its = self.is_about(&change.kind).ok_or(Unverifiable::Kind(found))?;
        if is_its {
            let digest = change.digest.ok_or(Unverifiable::Digest(found))?;
            let hash = Sha256::new().chain_update(self.at.head).chain_update(digest);
            self.at.head = hash.finalize().into();
            self.at.changes += 1;
        }
        self.at.revision = found;
        Ok(is_its)
    }

    /// `None`: can't be said.
    fn is_about(&self, kind: &ChangeKind) -> Option<bool> {
        let is_ours = |booking: &BookingId| {
            let locator = booking.locator();
            locator.slot() == self.event.slot() && locator.event_no() == self.event_no
        };
        Some(match kind {
            ChangeKind::EventChanged { event, .. }
            | ChangeKind::SeatsBlocked { event, .. }
            | ChangeKind::SeatsUnblocked { event, .. }
            | ChangeKind::Queue { event, .. }
            | ChangeKind::Terms { event, .. }
            | ChangeKind::Waitlist { event, .. } => *event == self.event,
            ChangeKind::SeatsHeld { booking, .. }
            | ChangeKind::PaymentStarted { booking, .. }
            | ChangeKind::IntentAttached { booking, .. }
            | ChangeKind::PaymentFailed { booking, .. }
            | ChangeKind::SeatsSold { booking, .. }
            | ChangeKind::RefundOwed { booking, .. }
            | ChangeKind::PlacesChanged { booking, .. }
            | ChangeKind::HoldExtended { booking, .. }
            | ChangeKind::PlacesRefunded { booking, .. }
            | ChangeKind::RefundSettled { booking, .. }
            | ChangeKind::TicketTransferred { booking, .. }
            | ChangeKind::TicketRedeemed { booking, .. }
            | ChangeKind::TicketUnredeemed { booking, .. }
            | ChangeKind::TicketVoided { booking, .. }
            | ChangeKind::ScanConflict { booking, .. }
            | ChangeKind::Money { booking, .. } => is_ours(booking),
            ChangeKind::SeatsReturned(back) => is_ours(&back.booking),
            ChangeKind::HoldsExpired(holds) => holds.iter().any(|hold| is_ours(&hold.booking)),
            ChangeKind::VenuePut { .. }
            | ChangeKind::UserChanged { .. }
            | ChangeKind::SeatMapSealed { .. }
            | ChangeKind::Consumer { .. } => false,
            ChangeKind::Other => return None,
        })
    }
}

#[cfg(test)]
mod tests;
