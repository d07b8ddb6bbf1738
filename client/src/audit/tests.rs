use rowlock_proto::{BookingLocator, UserId};

use super::*;
use crate::types::EventState;

const EVENT: EventId = EventId(7);

fn booking(event_no: u32) -> BookingId {
    let locator = BookingLocator::new(EVENT.slot(), event_no, 3).unwrap();
    BookingId::new(locator, 1)
}

fn change(revision: u64, kind: ChangeKind) -> Change {
    Change {
        revision,
        index: revision,
        time_ms: 0,
        principal: Some(UserId(1)),
        command: "hold-seats".to_owned(),
        key: None,
        digest: Some([u8::try_from(revision).unwrap(); 32]),
        kind,
    }
}

fn fold(head: [u8; 32], digest: u8) -> [u8; 32] {
    Sha256::new().chain_update(head).chain_update([digest; 32]).finalize().into()
}

#[test]
fn what_is_about_the_event_is_folded_and_nothing_else() {
    let extended = |no| ChangeKind::HoldExtended { booking: booking(no), expires_ms: 1 };
    let state = EventState::Published;
    let mut chain = Chain::from(EVENT, 2, AuditHead { revision: 4, ..AuditHead::default() });
    let kinds = [
        (extended(2), true),
        (extended(3), false),
        (ChangeKind::EventChanged { event: EVENT, state }, true),
        (ChangeKind::EventChanged { event: EventId(8), state }, false),
        (ChangeKind::UserChanged { user: UserId(1) }, false),
    ];
    for (revision, (kind, is_its)) in (5..).zip(kinds) {
        assert_eq!(chain.take(&change(revision, kind)), Ok(is_its));
    }
    let head = fold(fold([0; 32], 5), 7);
    assert_eq!(chain.head(), AuditHead { head, changes: 2, revision: 9 });
}

#[test]
fn what_is_missing_or_not_known_is_said() {
    let mut chain = Chain::from(EVENT, 2, AuditHead::default());
    let gap = Unverifiable::Gap { after: 0, found: 2 };
    assert_eq!(chain.take(&change(2, ChangeKind::Other)), Err(gap));
    assert_eq!(chain.take(&change(1, ChangeKind::Other)), Err(Unverifiable::Kind(1)));
    let user = ChangeKind::UserChanged { user: UserId(1) };
    let blank = Change { digest: None, ..change(1, user) };
    assert_eq!(chain.take(&blank), Ok(false), "it is not about the event");
    let kind = ChangeKind::HoldExtended { booking: booking(2), expires_ms: 1 };
    let blank = Change { digest: None, ..change(2, kind) };
    assert_eq!(chain.take(&blank), Err(Unverifiable::Digest(2)));
}
