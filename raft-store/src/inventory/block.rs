//! Seats that are not for sale: kept for the house, broken, behind a camera.

use std::sync::Arc;

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::EventId;

use super::change::ChangeKind;
use super::hold::{event_no, judge_seats};
use super::record::RecordKey;
use super::reply::{Answer, Refusal, Reply};
use super::{State, refuse};

impl State {
    /// Blocks free seats, all or none. Seats that are blocked already take the new reason.
    pub(super) fn block_seats(&mut self, id: EventId, seats: &[u32], reason: &str) -> Answer {
        self.retire_due_owners(id, seats);
        let Some(event) = self.events.get_mut(&id) else {
            return refuse(ErrorCode::EventNotFound);
        };
        let fresh: Vec<u32> =
            seats.iter().copied().filter(|seat| !event.blocked.contains_key(seat)).collect();
        judge_seats(event, &fresh)?;
        let reason: Arc<str> = reason.into();
        let same = |seat: &u32| event.blocked.get(seat) == Some(&reason);
        if seats.iter().all(same) {
            return Ok(Reply::Done);
        }
        for &seat in seats {
            event.block(seat, Arc::clone(&reason));
        }
        self.log.touch(RecordKey::Blocked(event_no(event)));
        let (seats, reason) = (seats.to_vec(), reason.as_ref().to_owned());
        self.log.note(ChangeKind::SeatsBlocked { event: id, seats, reason });
        Ok(Reply::Done)
    }

    /// Puts blocked seats back on sale. Those that are free already were asked for before.
    pub(super) fn unblock_seats(&mut self, id: EventId, seats: &[u32]) -> Answer {
        self.retire_due_owners(id, seats);
        let Some(event) = self.events.get_mut(&id) else {
            return refuse(ErrorCode::EventNotFound);
        };
        let unknown: Vec<u32> =
            seats.iter().copied().filter(|&seat| event.owner(seat).is_none()).collect();
        if !unknown.is_empty() {
            return Err(Refusal { seats: unknown, ..Refusal::of(ErrorCode::SeatUnknown) });
        }
        let owned: Vec<u32> =
            seats.iter().copied().filter(|&seat| event.owner(seat) != Some(0)).collect();
        if !owned.is_empty() {
            return Err(Refusal { seats: owned, ..Refusal::of(ErrorCode::SeatNotBlocked) });
        }
        let freed: Vec<u32> = seats.iter().copied().filter(|&seat| event.unblock(seat)).collect();
        if !freed.is_empty() {
            self.log.touch(RecordKey::Blocked(event_no(event)));
            self.log.note(ChangeKind::SeatsUnblocked { event: id, seats: freed });
            self.stir(id);
        }
        Ok(Reply::Done)
    }
}
