//! What is there when all is over: nothing acknowledged is missing, no seat is somebody's twice.
//!
//! A run ends with one read of each event's seats and one of each of its bookings, marked as the
//! last, after every other operation. Events without such reads are left to the other checks.

use std::collections::BTreeMap;

use super::{Violation, by_key, describe};
use crate::history::{BookingState, Function, Observed, Operation, Outcome, SeatState};

const CHECK: &str = "final";

/// What the last reads of an event say.
struct Last<'a> {
    seats: BTreeMap<u32, SeatState>,
    bookings: BTreeMap<&'a str, (&'a Operation, BookingState)>,
}

/// Compares the last reads of each event with what was acknowledged, and with one another.
pub fn check(operations: &[Operation]) -> Vec<Violation> {
    let mut found = Vec::new();
    for (key, operations) in by_key(operations) {
        if let Some(last) = last_reads(&operations) {
            acknowledged(key, &operations, &last, &mut found);
            owners(key, &last, &mut found);
        }
    }
    found
}

/// Events whose last reads are missing.
pub fn unread(operations: &[Operation]) -> Vec<String> {
    by_key(operations)
        .into_iter()
        .filter(|(_, operations)| last_reads(operations).is_none())
        .map(|(key, _)| key.to_owned())
        .collect()
}

fn last_reads<'a>(operations: &[&'a Operation]) -> Option<Last<'a>> {
    let reads = operations
        .iter()
        .copied()
        .filter(|op| op.f == Function::Read && op.outcome == Outcome::Done && op.value.last);
    let mut last = Last { seats: BTreeMap::new(), bookings: BTreeMap::new() };
    for operation in reads {
        match (&operation.value.state, operation.value.booking.as_deref()) {
            (Some(Observed::Seats(states)), _) => {
                last.seats =
                    operation.value.seats.iter().copied().zip(states.iter().copied()).collect();
            }
            (Some(Observed::Booking(state)), Some(booking)) => {
                last.bookings.insert(booking, (operation, *state));
            }
            (Some(Observed::Booking(_)) | None, _) => {}
        }
    }
    (!last.seats.is_empty()).then_some(last)
}

fn acknowledged(key: &str, operations: &[&Operation], last: &Last<'_>, found: &mut Vec<Violation>) {
    for operation in operations.iter().filter(|op| op.outcome == Outcome::Done) {
        let Some(booking) = operation.value.booking.as_deref() else { continue };
        let state = last.bookings.get(booking).map(|(_, state)| *state);
        let kept = match operation.f {
            Function::Hold => state.is_some(),
            Function::Confirm => state == Some(BookingState::Confirmed),
            Function::Release => state == Some(BookingState::Released),
            Function::Expire | Function::Read => true,
        };
        if !kept {
            let what = format!(
                "event {key}: acknowledged, and {state:?} at the end: {}",
                describe(operation)
            );
            found.push(Violation::new(CHECK, what));
        }
    }
}

fn owners(key: &str, last: &Last<'_>, found: &mut Vec<Violation>) {
    let mut owner: BTreeMap<u32, (&Operation, SeatState)> = BTreeMap::new();
    for (operation, state) in last.bookings.values() {
        let seat_state = match state {
            BookingState::Held | BookingState::Paying | BookingState::Capturing => SeatState::Held,
            BookingState::Confirmed => SeatState::Sold,
            BookingState::Released
            | BookingState::Expired
            | BookingState::RefundDue
            | BookingState::Refunded => continue,
        };
        for &seat in &operation.value.seats {
            if let Some((other, _)) = owner.insert(seat, (operation, seat_state)) {
                let what = format!(
                    "event {key}: seat {seat} has two owners: {} and {}",
                    describe(other),
                    describe(operation)
                );
                found.push(Violation::new(CHECK, what));
            }
        }
    }
    for (&seat, &state) in &last.seats {
        let expected = owner.get(&seat).map_or(SeatState::Available, |(_, state)| *state);
        if state != expected {
            let what =
                format!("event {key}: seat {seat} is {state:?}, its bookings say {expected:?}");
            found.push(Violation::new(CHECK, what));
        }
    }
}
