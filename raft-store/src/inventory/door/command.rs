//! What is asked at doors, and the checks that need no state.

use std::collections::BTreeSet;

use rowlock_proto::ids::{BookingId, EventId, RequestKey};

use crate::inventory::command::{NAME_BYTES_MAX, invalid, required, text};
use crate::inventory::reply::Refusal;

/// Scans of one batch: bounds how long it keeps the shard.
pub const SCANS_MAX: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DoorCommand {
    /// Makes a ticket worthless. Its place stays sold.
    Void { booking: BookingId, place: u32, reason: String },
    /// Scans that a door made without a network.
    Merge { event: EventId, scans: Vec<Scan> },
}

/// One scan, as the door saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Names the scan, however often it is sent.
    pub key: RequestKey,
    pub booking: BookingId,
    pub place: u32,
    pub version: u32,
    pub door: String,
    /// By the door's own clock.
    pub seen_ms: u64,
}

impl DoorCommand {
    pub(in crate::inventory) fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::Void { reason, .. } => required("reason", reason),
            Self::Merge { scans, .. } => {
                if scans.is_empty() || scans.len() > SCANS_MAX {
                    return Err(invalid(format!("a batch has 1 to {SCANS_MAX} scans")));
                }
                for scan in scans {
                    text("door", &scan.door, NAME_BYTES_MAX)?;
                    if scan.seen_ms == 0 {
                        return Err(invalid("a scan without its time"));
                    }
                }
                let keys: BTreeSet<RequestKey> = scans.iter().map(|scan| scan.key).collect();
                if keys.len() < scans.len() {
                    return Err(invalid("two scans of a batch have the same key"));
                }
                Ok(())
            }
        }
    }
}
