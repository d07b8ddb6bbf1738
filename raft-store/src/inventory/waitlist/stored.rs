//! A waitlist as records, and back.

use super::{Kept, WAITERS_PER_BLOCK};
use crate::codec::{BlockOfWaiters, Error, WaitlistRecord};
use crate::inventory::State;
use crate::inventory::booking::BookingState;
use crate::inventory::event::Event;
use crate::inventory::hold::event_no;
use crate::inventory::record::{EventNo, RecordKey};

/// Keys of all records of an event's waitlist.
pub(in crate::inventory) fn waitlist_keys(event: &Event) -> impl Iterator<Item = RecordKey> {
    let no = event_no(event);
    let list = event.waitlist.as_deref();
    let blocks = list.map_or(0, |list| list.total().div_ceil(WAITERS_PER_BLOCK));
    let own = list.map(|_| RecordKey::Waitlist(no));
    own.into_iter().chain((0..blocks).map(move |block| RecordKey::Waiters(no, block)))
}

impl State {
    pub(in crate::inventory) fn encode_waitlist(&self, key: RecordKey) -> Option<Vec<u8>> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the keys of a list, and no others")]
        match key {
            RecordKey::Waitlist(no) => {
                Some(WaitlistRecord::encode(self.whole_at(no)?.waitlist.as_deref()?))
            }
            RecordKey::Waiters(no, block) => {
                let list = self.whole_at(no)?.waitlist.as_deref()?;
                let start = (block as usize).saturating_mul(WAITERS_PER_BLOCK as usize);
                let end = start.saturating_add(WAITERS_PER_BLOCK as usize).min(list.entries.len());
                let entries = list.entries.get(start..end).filter(|it| !it.is_empty())?;
                Some(BlockOfWaiters::encode(entries))
            }
            _ => None,
        }
    }

    pub(in crate::inventory) fn load_waitlist(
        &mut self,
        key: RecordKey,
        bytes: &[u8],
    ) -> Result<(), Error> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the keys of a list, and no others")]
        match key {
            RecordKey::Waitlist(no) => {
                let list = WaitlistRecord::decode(bytes)?;
                self.loading(no)?.waitlist = Some(Box::new(list));
            }
            RecordKey::Waiters(no, block) => {
                let list = self.loading(no)?.waitlist.as_deref_mut().ok_or(Error::Orphan)?;
                if list.entries.len() != block as usize * WAITERS_PER_BLOCK as usize {
                    return Err(Error::Orphan);
                }
                list.entries.extend(BlockOfWaiters::decode(bytes)?);
            }
            _ => return Err(Error::Meaning),
        }
        Ok(())
    }

    /// Rebuilds what is derived of an event's waitlist, once its bookings are there.
    pub(in crate::inventory) fn finish_waitlist(&mut self, no: EventNo) -> Result<(), Error> {
        let event = self.loading(no)?;
        let id = event.id;
        let Some(mut list) = event.waitlist.take() else { return Ok(()) };
        for waiter in &list.entries {
            if let Kept::Offered(seq) = waiter.kept {
                let booking = event.booking(seq).ok_or(Error::Orphan)?;
                if booking.user != waiter.user {
                    return Err(Error::Meaning);
                }
            }
        }
        list.rebuild(|seq| event.booking(seq).is_some_and(is_open));
        event.waitlist = Some(list);
        self.retime(id);
        Ok(())
    }
}

/// Whether an offer may still be paid, or let go.
pub(super) const fn is_open(booking: &crate::inventory::Booking) -> bool {
    match booking.state {
        BookingState::Held | BookingState::Paying | BookingState::Capturing => true,
        BookingState::Confirmed
        | BookingState::Released
        | BookingState::Expired
        | BookingState::RefundDue
        | BookingState::Refunded => false,
    }
}
