//! Doors, to the inventory and to the model.

use super::wishes::{off_by, seats, timed};
use super::*;
use crate::inventory::ScanOutcome;
use crate::inventory::door::{DoorCommand, Scan};

/// What is asked, before it is known of which booking; scans are of the latest few.
#[derive(Clone, Debug)]
pub(super) enum DoorWish {
    Void {
        event: usize,
        pick: u8,
        key: u64,
        place: u32,
    },
    /// Key, pick, place, version on top, door, and how far the door's clock is behind.
    Merge {
        event: usize,
        scans: Vec<(u64, u8, u32, u32, bool, u64)>,
    },
}

pub(super) fn door_wish() -> impl Strategy<Value = DoorWish> {
    let scan = (0_u64..8, any::<u8>(), 0_u32..4, off_by(), any::<bool>(), 0_u64..9_000);
    prop_oneof![
        1 => (0_usize..2, any::<u8>(), 0_u64..3, 0_u32..3)
            .prop_map(|(event, pick, key, place)| DoorWish::Void { event, pick, key, place }),
        2 => (0_usize..2, prop::collection::vec(scan, 1..5))
            .prop_map(|(event, scans)| DoorWish::Merge { event, scans }),
    ]
}

/// One of the latest, now and then one that is not there.
fn picked(show: &Show, pick: u8) -> u32 {
    let back = usize::from(pick % 6);
    u32::try_from((show.sales.len() + 1).saturating_sub(back)).unwrap()
}

pub(super) fn resolve(model: &Model, wish: DoorWish) -> DoorAsk {
    match wish {
        DoorWish::Void { event, pick, key, place } => {
            DoorAsk::Void { event, number: picked(&model.shows[event], pick), key, place }
        }
        DoorWish::Merge { event, scans } => {
            let show = &model.shows[event];
            let scan = |(key, pick, place, off_by, south, behind_ms)| {
                let number = picked(show, pick);
                let sale = (number as usize).checked_sub(1).and_then(|at| show.sales.get(at));
                let pass = sale.and_then(|sale: &Sale| sale.passes.get(&place));
                let version = pass.map_or(0, |pass| pass.1) + off_by;
                let door = if south { "south" } else { "north" }.to_owned();
                // Some clocks are ahead.
                let seen_ms = (model.clock_ms + 2_000).saturating_sub(behind_ms).max(1);
                (key, number, place, version, door, seen_ms)
            };
            DoorAsk::Merge { event, scans: scans.into_iter().map(scan).collect() }
        }
    }
}

pub(super) fn command(pair: &Pair, ask: DoorAsk) -> (u64, CommandKind) {
    match ask {
        DoorAsk::Void { event, number, key, place } => {
            let (booking, reason) = (pair.id(event, number), "lost".to_owned());
            (key, CommandKind::Door(DoorCommand::Void { booking, place, reason }))
        }
        DoorAsk::Merge { event, scans } => {
            let scan = |(key, number, place, version, door, seen_ms): Late| Scan {
                key: RequestKey(u128::from(key)),
                booking: pair.id(event, number),
                place,
                version,
                door,
                seen_ms,
            };
            let scans = scans.into_iter().map(scan).collect();
            (0, CommandKind::Door(DoorCommand::Merge { event: event_id(event), scans }))
        }
    }
}

pub(super) fn heard(outcomes: Vec<ScanOutcome>) -> Said {
    let heard = |outcome| match outcome {
        ScanOutcome::Taken => Heard::Taken,
        ScanOutcome::Repeat => Heard::Repeat,
        ScanOutcome::Conflict { door, at_ms } => Heard::Conflict(door, at_ms),
        ScanOutcome::Replaced => Heard::Replaced,
        ScanOutcome::Void => Heard::Void,
        ScanOutcome::Unknown => Heard::Unknown,
    };
    Said::Scans(outcomes.into_iter().map(heard).collect())
}

pub(super) fn compare(state: &State, event: usize, show: &Show) {
    let counts = state.doors(event_id(event)).unwrap();
    let inside = show.inside();
    assert_eq!(counts.total, inside.values().sum::<u32>());
    assert_eq!(counts.doors, inside.into_iter().collect::<Vec<_>>());
}

/// Histories of few bookings that are paid, passed on and let in.
pub(super) fn door_steps() -> BoxedStrategy<Vec<(i64, Wish)>> {
    let hold = (1_u64..4, 0_u64..60, seats());
    let verb = || {
        prop_oneof![
            9 => (0_u8..8).prop_map(|dice| Verb::Next { dice }),
            1 => (0_u32..2).prop_map(|place| Verb::Unscan { place }),
            1 => (0_u64..4, 0_u32..2, off_by())
                .prop_map(|(key, place, version)| Verb::Scan { key, place, version }),
        ]
    };
    timed(prop_oneof![
        1 => Just(Wish::Ask(Ask::Publish { event: 0 })),
        2 => hold.prop_map(|(user, key, seats)| {
            Wish::Ask(Ask::Hold { event: 0, user, key, basket: plain_basket(seats) })
        }),
        12 => (0_u8..3, verb())
            .prop_map(|(pick, verb)| Wish::Of { event: 0, pick, by: By::Owner, verb }),
        3 => door_wish().prop_map(Wish::Door),
    ])
}
