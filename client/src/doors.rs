//! The typed calls of doors: voiding tickets, scans that were made without a network, and counts.

use rowlock_proto::v1::command::Kind;
use rowlock_proto::v1::reply::Kind as Reply;
use rowlock_proto::{BookingId, EventId, RequestKey, UserId, v1};

use crate::calls::booking;
use crate::client::Client;
use crate::error::Error;
use crate::types::{Answered, Booking};
use crate::wire::{self, Unreadable};

/// One scan, as the door saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Names the scan: the same however often it is sent, online or later.
    pub key: RequestKey,
    pub booking: BookingId,
    pub place: u32,
    pub version: u32,
    pub door: String,
    /// By the door's own clock; not 0.
    pub seen_ms: u64,
}

/// What became of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanOutcome {
    Taken,
    /// Known already; nothing changed.
    Repeat,
    /// The ticket had been let in: where and when.
    Conflict {
        door: String,
        at_ms: u64,
    },
    /// The ticket was passed on, and this is the code from before.
    Replaced,
    /// Not paid, given back, refunded, or voided.
    Void,
    /// There is no such ticket of this event.
    Unknown,
}

/// Tickets that were let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DoorCounts {
    pub total: u32,
    /// By door; the first thousand by name.
    pub doors: Vec<(String, u32)>,
}

impl Client {
    /// Makes a ticket worthless for good. Its place stays sold, and can be refunded.
    pub async fn void_ticket(
        &self,
        id: BookingId,
        place: u32,
        reason: &str,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Booking>, Error> {
        let (id_bytes, reason) = (wire::id(id.to_bytes()), reason.to_owned());
        let kind = Kind::VoidTicket(v1::VoidTicket { booking: id_bytes, place, reason });
        self.write(id.slot(), principal, key, kind, booking).await
    }

    /// Takes in scans that a door made without a network, at most 1000. The outcomes are in the order
    /// of the scans.
    pub async fn merge_scans(
        &self,
        event: EventId,
        scans: Vec<Scan>,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Vec<ScanOutcome>>, Error> {
        let scan = |scan: Scan| v1::Scan {
            key: wire::id(scan.key.to_bytes()),
            booking: wire::id(scan.booking.to_bytes()),
            place: scan.place,
            version: scan.version,
            door: scan.door,
            seen_ms: scan.seen_ms,
        };
        let scans = scans.into_iter().map(scan).collect();
        let kind = Kind::MergeScans(v1::MergeScans { event: wire::id(event.to_bytes()), scans });
        self.write(event.slot(), principal, key, kind, outcomes).await
    }
}

fn outcomes(reply: Reply) -> Result<Vec<ScanOutcome>, Unreadable> {
    match reply {
        Reply::Scans(scans) => scans.outcomes.into_iter().map(outcome).collect(),
        Reply::Booking(_)
        | Reply::PaymentBegun(_)
        | Reply::RefundDue(_)
        | Reply::Refund(_)
        | Reply::Done(_)
        | Reply::QueuePlace(_)
        | Reply::Tended(_)
        | Reply::Consumer(_)
        | Reply::Waiter(_)
        | Reply::Session(_)
        | Reply::Expired(_) => Err(Unreadable("reply to scans")),
    }
}

fn outcome(wire: v1::ScanOutcome) -> Result<ScanOutcome, Unreadable> {
    use v1::scan_outcome::Kind;
    match wire.kind() {
        Kind::Taken => Ok(ScanOutcome::Taken),
        Kind::Repeat => Ok(ScanOutcome::Repeat),
        Kind::Conflict => Ok(ScanOutcome::Conflict { door: wire.door, at_ms: wire.at_ms }),
        Kind::Replaced => Ok(ScanOutcome::Replaced),
        Kind::Void => Ok(ScanOutcome::Void),
        Kind::Unknown => Ok(ScanOutcome::Unknown),
        Kind::Unspecified => Err(Unreadable("outcome of a scan")),
    }
}
