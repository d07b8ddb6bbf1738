//! Tickets that are made worthless, scans that a door made without a network, and counts.

use rowlock_client::Client;
use rowlock_client::doors::{DoorCounts, Scan, ScanOutcome};
use rowlock_client::types::{Booking, BookingId, EventId, RequestKey, UserId};

use super::Call;

pub trait Doors {
    /// For good. The place stays sold.
    fn void_ticket<'a>(
        &'a self,
        booking: BookingId,
        place: u32,
        reason: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking>;
    /// The outcomes are in the order of the scans.
    fn merge_scans(
        &self,
        event: EventId,
        scans: Vec<Scan>,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Vec<ScanOutcome>>;
    fn door_counts(&self, event: EventId) -> Call<'_, DoorCounts>;
}

impl Doors for Client {
    fn void_ticket<'a>(
        &'a self,
        booking: BookingId,
        place: u32,
        reason: &'a str,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking> {
        Box::pin(Self::void_ticket(self, booking, place, reason, principal, key))
    }
    fn merge_scans(
        &self,
        event: EventId,
        scans: Vec<Scan>,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Vec<ScanOutcome>> {
        Box::pin(Self::merge_scans(self, event, scans, principal, key))
    }
    fn door_counts(&self, event: EventId) -> Call<'_, DoorCounts> {
        Box::pin(Self::doors(self, event))
    }
}
