//! Commands, changes and notes of doors.

use bincode::{Decode, Encode};
use rowlock_proto::ids::{BookingId, EventId, RequestKey};

use super::{Error, decode, encode};
use crate::inventory::DoorChange;
use crate::inventory::door::{DoorCommand, Merged, Note, Noted, Scan, Void};

/// The order of the variants is the format.
#[derive(Encode, Decode)]
pub(super) enum DoorCommandV1 {
    Void { booking: [u8; 16], place: u32, reason: String },
    Merge { event: [u8; 16], scans: Vec<ScanV1> },
}

#[derive(Encode, Decode)]
pub(super) struct ScanV1 {
    key: [u8; 16],
    booking: [u8; 16],
    place: u32,
    version: u32,
    door: String,
    seen_ms: u64,
}

impl From<&DoorCommand> for DoorCommandV1 {
    fn from(command: &DoorCommand) -> Self {
        let scan = |scan: &Scan| ScanV1 {
            key: scan.key.to_bytes(),
            booking: scan.booking.to_bytes(),
            place: scan.place,
            version: scan.version,
            door: scan.door.clone(),
            seen_ms: scan.seen_ms,
        };
        match command {
            DoorCommand::Void { booking, place, reason } => {
                Self::Void { booking: booking.to_bytes(), place: *place, reason: reason.clone() }
            }
            DoorCommand::Merge { event, scans } => {
                Self::Merge { event: event.to_bytes(), scans: scans.iter().map(scan).collect() }
            }
        }
    }
}

impl From<DoorCommandV1> for DoorCommand {
    fn from(stored: DoorCommandV1) -> Self {
        let scan = |scan: ScanV1| Scan {
            key: RequestKey::from_bytes(scan.key),
            booking: BookingId::from_bytes(scan.booking),
            place: scan.place,
            version: scan.version,
            door: scan.door,
            seen_ms: scan.seen_ms,
        };
        match stored {
            DoorCommandV1::Void { booking, place, reason } => {
                Self::Void { booking: BookingId::from_bytes(booking), place, reason }
            }
            DoorCommandV1::Merge { event, scans } => Self::Merge {
                event: EventId::from_bytes(event),
                scans: scans.into_iter().map(scan).collect(),
            },
        }
    }
}

/// The order of the variants is the format.
#[derive(Encode, Decode)]
pub(super) enum DoorChangeV1 {
    TicketVoided {
        booking: [u8; 16],
        place: u32,
        reason: String,
    },
    ScanConflict {
        booking: [u8; 16],
        place: u32,
        door: String,
        seen_ms: u64,
        first_door: String,
        first_ms: u64,
    },
}

impl From<&DoorChange> for DoorChangeV1 {
    fn from(change: &DoorChange) -> Self {
        match change.clone() {
            DoorChange::TicketVoided { booking, place, reason } => {
                Self::TicketVoided { booking: booking.to_bytes(), place, reason }
            }
            DoorChange::ScanConflict { booking, place, door, seen_ms, first_door, first_ms } => {
                let booking = booking.to_bytes();
                Self::ScanConflict { booking, place, door, seen_ms, first_door, first_ms }
            }
        }
    }
}

impl From<DoorChangeV1> for DoorChange {
    fn from(stored: DoorChangeV1) -> Self {
        match stored {
            DoorChangeV1::TicketVoided { booking, place, reason } => {
                Self::TicketVoided { booking: BookingId::from_bytes(booking), place, reason }
            }
            DoorChangeV1::ScanConflict { booking, place, door, seen_ms, first_door, first_ms } => {
                let booking = BookingId::from_bytes(booking);
                Self::ScanConflict { booking, place, door, seen_ms, first_door, first_ms }
            }
        }
    }
}

#[derive(Encode, Decode)]
struct NoteV1 {
    seq: u32,
    place: u32,
    /// Key, time and reason.
    void: Option<([u8; 16], u64, String)>,
    /// Key, and the door's time.
    merged: Option<([u8; 16], u64)>,
    conflicts: Vec<[u8; 16]>,
}

/// The notes of one block of bookings.
#[derive(Debug)]
pub struct BlockOfNotes;

impl BlockOfNotes {
    pub fn encode<'a>(notes: impl Iterator<Item = (&'a (u32, u32), &'a Note)>) -> Vec<u8> {
        let stored = notes.map(|(&(seq, place), note)| NoteV1 {
            seq,
            place,
            void: note
                .void
                .as_ref()
                .map(|Void { key, at_ms, reason }| (key.to_bytes(), *at_ms, reason.clone())),
            merged: note.merged.as_ref().map(|Merged { key, seen_ms }| (key.to_bytes(), *seen_ms)),
            conflicts: note.conflicts.iter().map(|key| key.to_bytes()).collect(),
        });
        encode(stored.collect::<Vec<_>>(), 256)
    }

    pub fn decode(bytes: &[u8]) -> Result<Vec<Noted>, Error> {
        let stored: Vec<NoteV1> = decode(bytes)?;
        let note = |stored: NoteV1| {
            let void = stored.void.map(|(key, at_ms, reason)| Void {
                key: RequestKey::from_bytes(key),
                at_ms,
                reason,
            });
            let merged = stored
                .merged
                .map(|(key, seen_ms)| Merged { key: RequestKey::from_bytes(key), seen_ms });
            let conflicts = stored.conflicts.into_iter().map(RequestKey::from_bytes).collect();
            ((stored.seq, stored.place), Note { void, merged, conflicts })
        };
        Ok(stored.into_iter().map(note).collect())
    }
}
