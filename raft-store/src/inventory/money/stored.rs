//! A booking's money as records, and back.

use super::Money;
use crate::codec::{BlockOfMoney, Error};
use crate::inventory::State;
use crate::inventory::booking::Booking;
use crate::inventory::event::BOOKINGS_PER_BLOCK;
use crate::inventory::record::EventNo;

impl Money {
    /// The record that a booking's money is in.
    pub const fn block(seq: u32) -> u32 {
        seq.saturating_sub(1) / BOOKINGS_PER_BLOCK
    }
}

/// `None`: none of them has any.
pub(in crate::inventory) fn encode(bookings: &[Booking]) -> Option<Vec<u8>> {
    let money = bookings.iter().map(|booking| booking.money.as_deref());
    money.clone().any(|money| money.is_some()).then(|| BlockOfMoney::encode(money))
}

impl State {
    pub(in crate::inventory) fn load_money(
        &mut self,
        no: EventNo,
        block: u32,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let event = self.loading(no)?;
        let first = block as usize * BOOKINGS_PER_BLOCK as usize;
        for (place, money) in BlockOfMoney::decode(bytes)? {
            let at = first.checked_add(usize::from(place)).ok_or(Error::Meaning)?;
            let booking = event.bookings.get_mut(at).ok_or(Error::Orphan)?;
            booking.money = Some(Box::new(money));
        }
        Ok(())
    }
}
