//! What came with collecting and the archive, for the golden file.

use rowlock_proto::ids::{EventId, UserId};
use rowlock_raft_store::inventory::{
    ARCHIVE_AFTER_MS, COLLECT_MAX, Change, ChangeKind, Command, CommandKind, EventState, KEPT_MS,
    LifeCommand,
};

use super::fixture::{World, map_bytes, map_hash, spec};
use super::goldens::{numbered_changes, numbered_commands};

pub(crate) fn commands() -> Vec<Command> {
    let event = EventId(0xe0);
    let kinds = [1, COLLECT_MAX].map(|max| LifeCommand::Collect { event, max });
    numbered_commands(kinds.map(CommandKind::Life))
}

pub(crate) fn changes() -> Vec<Change> {
    let state = EventState::Ended;
    numbered_changes([ChangeKind::EventChanged { event: EventId(0xe0), state }])
}

/// Of one event half is collected; the other is in the archive.
pub(crate) fn world() -> World {
    let (event, past) = (EventId(0x600d), EventId(0x700d));
    let mut world = World::on_sale(event, 8, |_| ());
    for seat in 0..4 {
        let booking = world.held(1, event, &[seat]);
        let release = CommandKind::ReleaseHold { booking };
        world.answer(UserId(1), 1, release).expect("it is a live hold");
    }
    let spec = spec(map_hash(&map_bytes(8)));
    let over_ms = spec.date_ms + ARCHIVE_AFTER_MS;
    world.done(CommandKind::CreateEvent { event: past, spec: Box::new(spec) });
    world.done(CommandKind::PublishEvent { event: past });
    world.now_ms = over_ms + KEPT_MS;
    let collect = |event, max| CommandKind::Life(LifeCommand::Collect { event, max });
    world.answer(UserId(0), 2, collect(event, 2)).expect("there is such an event");
    world.answer(UserId(0), 3, collect(past, 1)).expect("there is such an event");
    world
}
