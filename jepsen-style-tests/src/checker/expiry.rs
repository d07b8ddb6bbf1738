//! P5: a hold is not ended before its time, and ends soon after it while its shard has a quorum.
//!
//! The promise runs from the moment the hold was asked for at the earliest: an end that is known
//! before then plus its time is early, whatever clock anybody read. How late an end may come is
//! only judged where no fault reaches into the time between promise and look.

use std::collections::BTreeMap;

use super::event_model::BOOKING_EXPIRED;
use super::{Violation, describe};
use crate::faults::FaultLog;
use crate::history::{BookingState, Function, Observed, Operation, Outcome};

const CHECK: &str = "expiry";
/// Clock bound of a node.
const CLOCK_BOUND_NS: u64 = 250_000_000;
/// P5: holdable again within TTL + 4 × bound + 2 s.
pub const LATE_NS: u64 = 4 * CLOCK_BOUND_NS + 2_000_000_000;
/// After a fault ends, elections and catching up may take this long before lateness counts.
pub const SETTLE_NS: u64 = 5_000_000_000;
const NANOS_PER_MILLI: u64 = 1_000_000;

struct Hold<'a> {
    operation: &'a Operation,
    /// The first call of the request, answered or not.
    asked_ns: u64,
    ttl_ns: u64,
    /// The booking was, or may have been, in payment.
    paid: bool,
}

/// Ends that came too early, and holds that outlived their bound in fair weather.
pub fn check(operations: &[Operation], faults: &FaultLog) -> Vec<Violation> {
    let mut asked: BTreeMap<&str, u64> = BTreeMap::new();
    let mut holds: BTreeMap<&str, Hold<'_>> = BTreeMap::new();
    for operation in operations.iter().filter(|op| op.f == Function::Hold) {
        let value = &operation.value;
        // Operations come in the order of their calls: the first of a key is the earliest.
        let invoke_ns = operation.invoke_ns;
        let request = value.request_id.as_deref();
        let asked_ns =
            request.map_or(invoke_ns, |request| *asked.entry(request).or_insert(invoke_ns));
        let (Some(booking), Some(ttl_ms)) = (&value.booking, value.ttl_ms) else { continue };
        if operation.outcome == Outcome::Done {
            let ttl_ns = ttl_ms.saturating_mul(NANOS_PER_MILLI);
            holds.entry(booking).or_insert(Hold { operation, asked_ns, ttl_ns, paid: false });
        }
    }
    for operation in operations {
        let payment = operation.f == Function::Confirm && operation.outcome != Outcome::Undecided;
        let hold = operation.value.booking.as_deref().and_then(|booking| holds.get_mut(booking));
        if let Some(hold) = hold.filter(|_| payment) {
            hold.paid = true;
        }
    }
    operations.iter().filter_map(|operation| judge(operation, &holds, faults)).collect()
}

fn judge(
    operation: &Operation,
    holds: &BTreeMap<&str, Hold<'_>>,
    faults: &FaultLog,
) -> Option<Violation> {
    let hold = holds.get(operation.value.booking.as_deref()?)?;
    let return_ns = operation.return_ns?;
    let seen = match &operation.value.state {
        Some(Observed::Booking(state)) => Some(*state),
        Some(Observed::Seats(_)) | None => None,
    };
    let looks = operation.outcome == Outcome::Done
        && matches!(operation.f, Function::Read | Function::Expire);
    let ended = (looks && seen == Some(BookingState::Expired))
        || operation.value.refused.as_deref() == Some(BOOKING_EXPIRED);
    let told = |what: &str| {
        let what = format!("{what}: {}; held by {}", describe(operation), describe(hold.operation));
        Some(Violation::new(CHECK, what))
    };
    if ended && return_ns < hold.asked_ns.saturating_add(hold.ttl_ns) {
        return told("ended before its time");
    }
    let live = looks && seen == Some(BookingState::Held) && !hold.paid;
    let due_ns = hold.operation.return_ns?.saturating_add(hold.ttl_ns);
    let late = operation.invoke_ns > due_ns.saturating_add(LATE_NS);
    if live && late && faults.quiet(due_ns.saturating_sub(SETTLE_NS), operation.invoke_ns) {
        return told("still held past its bound");
    }
    None
}
