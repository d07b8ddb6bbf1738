//! Doors: voided tickets, scans that come in later, and counts.

use rowlock_api_server::inventory::{Call, Doors};
use rowlock_client::Error;
use rowlock_client::doors::{DoorCounts, Scan, ScanOutcome};
use rowlock_client::types::{
    Booking, BookingId, BookingState, ErrorCode, EventId, RequestKey, UserId, VoidedTicket,
};

use super::{Fake, State, refuse};

impl State {
    fn void(
        &mut self,
        now_ms: u64,
        id: BookingId,
        place: u32,
        why: &str,
    ) -> Result<Booking, Error> {
        let (_, ticket) = self.ticket(id, place)?;
        super::places::judge_unused(ticket)?;
        let voids = &mut self.bookings.get_mut(&id).unwrap().extras.voids;
        if voids.iter().any(|void| void.place == place) {
            return refuse(ErrorCode::TicketVoid);
        }
        voids.push(VoidedTicket { place, at_ms: now_ms, reason: why.to_owned() });
        Ok(self.bookings[&id].clone())
    }

    fn merge(&mut self, now_ms: u64, event: EventId, scan: &Scan) -> ScanOutcome {
        let Some(booking) = self.bookings.get(&scan.booking).filter(|it| it.event == event) else {
            return ScanOutcome::Unknown;
        };
        let voided = booking.extras.voids.iter().any(|void| void.place == scan.place);
        if booking.state != BookingState::Confirmed || voided {
            return ScanOutcome::Void;
        }
        if self.scans.get(&(scan.booking, scan.place)) == Some(&scan.key) {
            return ScanOutcome::Repeat;
        }
        let (_, ticket) = self.ticket(scan.booking, scan.place).unwrap();
        if let Some((at_ms, door)) = ticket.redeemed.clone() {
            return ScanOutcome::Conflict { door, at_ms };
        }
        if ticket.version != scan.version {
            return ScanOutcome::Replaced;
        }
        ticket.redeemed = Some((scan.seen_ms.min(now_ms), scan.door.clone()));
        self.scans.insert((scan.booking, scan.place), scan.key);
        ScanOutcome::Taken
    }

    fn door_counts(&self, event: EventId) -> DoorCounts {
        let mut counts = DoorCounts::default();
        for booking in self.bookings.values().filter(|it| it.event == event) {
            for (_, door) in booking.extras.tickets.iter().filter_map(|it| it.redeemed.as_ref()) {
                counts.total += 1;
                match counts.doors.iter_mut().find(|(name, _)| name == door) {
                    Some((_, count)) => *count += 1,
                    None => counts.doors.push((door.clone(), 1)),
                }
            }
        }
        counts.doors.sort();
        counts
    }
}

impl Doors for Fake {
    fn void_ticket<'a>(
        &'a self,
        booking: BookingId,
        place: u32,
        reason: &'a str,
        _principal: UserId,
        _key: RequestKey,
    ) -> Call<'a, Booking> {
        self.with(|state, now_ms| state.void(now_ms, booking, place, reason))
    }
    fn merge_scans(
        &self,
        event: EventId,
        scans: Vec<Scan>,
        _principal: UserId,
        _key: RequestKey,
    ) -> Call<'_, Vec<ScanOutcome>> {
        self.with(|state, now_ms| {
            Ok(scans.iter().map(|scan| state.merge(now_ms, event, scan)).collect())
        })
    }
    fn door_counts(&self, event: EventId) -> Call<'_, DoorCounts> {
        self.with(|state, _| Ok(state.door_counts(event)))
    }
}
