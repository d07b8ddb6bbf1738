use rowlock_proto::{BookingId, EventId, RequestKey, UserId};
use rowlock_raft_store::inventory::CommandCode;

use super::*;

fn bytes_of(kind: ChangeKind) -> String {
    let change = Change {
        revision: 70_000,
        index: 300,
        time_ms: 1_800_000_000_000,
        principal: UserId(0xaa),
        command: CommandCode(1),
        key: RequestKey(0xbb),
        kind,
    };
    change_bytes(&change).iter().map(|byte| format!("{byte:02x}")).collect()
}

const HEAD: &str = "08f0a20410ac021880a0f1c2b1342210000000000000000000000000000000aa\
    2a0a686f6c642d73656174733210000000000000000000000000000000bb";

/// Audit chains are made of these bytes: they never change.
#[test]
fn the_bytes_of_a_change_on_the_wire_are_what_they_were() {
    let (event, booking) = (EventId(1), BookingId(2));
    let ids = "0a1000000000000000000000000000000001121000000000000000000000000000000002";
    let held = bytes_of(ChangeKind::SeatsHeld {
        event,
        booking,
        user: UserId(3),
        seats: vec![1, 300],
        expires_ms: 5,
    });
    let user = "1a1000000000000000000000000000000003";
    assert_eq!(held, format!("{HEAD}5a3d{ids}{user}220301ac022805"));
    let hold = Returned { event, booking, seats: vec![7], state: BookingState::Expired };
    let expired = bytes_of(ChangeKind::HoldsExpired { holds: vec![hold] });
    assert_eq!(expired, format!("{HEAD}aa012b0a29{ids}1a01072005"));
}
