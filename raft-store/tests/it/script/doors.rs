//! Doors, in scripts. Each scan of `merge` is `key,booking,place,version,door,time`.

use rowlock_proto::ids::RequestKey;
use rowlock_proto::shard::hash64;
use rowlock_raft_store::inventory::door::Scan;
use rowlock_raft_store::inventory::{DoorChange, ScanOutcome};

use super::{Script, name, seconds, small, time};

impl Script {
    pub(super) fn scan(&self, text: &str) -> Scan {
        let parts: Vec<&str> = text.split(',').collect();
        let [key, booking, place, version, door, seen] = parts.as_slice() else {
            panic!("{text} is no scan")
        };
        Scan {
            key: RequestKey(hash64(format!("key={key}").as_bytes()).into()),
            booking: self.booking(booking),
            place: small(place),
            version: small(version),
            door: (*door).to_owned(),
            seen_ms: seconds(seen),
        }
    }
}

pub(super) fn outcome(outcome: &ScanOutcome) -> String {
    match outcome {
        ScanOutcome::Taken => "taken".to_owned(),
        ScanOutcome::Repeat => "repeat".to_owned(),
        ScanOutcome::Conflict { door, at_ms } => format!("in at {} door {door}", time(*at_ms)),
        ScanOutcome::Replaced => "replaced".to_owned(),
        ScanOutcome::Void => "void".to_owned(),
        ScanOutcome::Unknown => "unknown".to_owned(),
    }
}

pub(super) fn change(change: &DoorChange) -> String {
    match change {
        DoorChange::TicketVoided { booking, place, reason } => {
            format!("ticket {place} of {} void: {reason}", name(*booking))
        }
        DoorChange::ScanConflict { booking, place, door, seen_ms, first_door, first_ms } => {
            let (seen, first, of) = (time(*seen_ms), time(*first_ms), name(*booking));
            format!("ticket {place} of {of} in twice: {first_door} {first}, {door} {seen}")
        }
    }
}
