//! One of each kind that came with named consumers, for the golden file.

use rowlock_proto::ids::EventId;
use rowlock_raft_store::inventory::{
    Change, ChangeKind, Command, CommandKind, ConsumerChange, ConsumerCommand, SYSTEM,
};

use super::fixture::World;
use super::goldens::{numbered_changes, numbered_commands};

fn name() -> String {
    "search".to_owned()
}

fn holder() -> String {
    "api-1".to_owned()
}

pub(crate) fn commands() -> Vec<Command> {
    let (lease, revision) = (3, 70_000);
    let kinds = [
        ConsumerCommand::Register { name: name(), after: Some(300) },
        ConsumerCommand::Register { name: name(), after: None },
        ConsumerCommand::Lease { name: name(), holder: holder(), ttl_ms: 30_000 },
        ConsumerCommand::Acknowledge { name: name(), holder: holder(), lease, revision },
        ConsumerCommand::Yield { name: name(), holder: holder(), lease },
        ConsumerCommand::Unregister { name: name() },
    ];
    numbered_commands(kinds.map(CommandKind::Consumer))
}

pub(crate) fn changes() -> Vec<Change> {
    let kinds = [
        ConsumerChange::Registered { name: name(), position: 70_000 },
        ConsumerChange::Unregistered { name: name() },
    ];
    numbered_changes(kinds.map(ChangeKind::Consumer))
}

/// One consumer that somebody works for, one that nobody does, and one that is gone.
pub(crate) fn world() -> World {
    let mut world = World::on_sale(EventId(0x600d), 6, |_| ());
    world.now_ms = 1_000;
    let mut ask = |command| {
        world.answer(SYSTEM, 0, CommandKind::Consumer(command)).expect("not refused");
    };
    for name in ["gone", "idle", "search"] {
        ask(ConsumerCommand::Register { name: name.to_owned(), after: Some(1) });
        let (name, holder) = (name.to_owned(), holder());
        ask(ConsumerCommand::Lease { name, holder, ttl_ms: 30_000 });
    }
    let search =
        ConsumerCommand::Acknowledge { name: name(), holder: holder(), lease: 3, revision: 4 };
    ask(search);
    ask(ConsumerCommand::Yield { name: "idle".to_owned(), holder: holder(), lease: 2 });
    ask(ConsumerCommand::Unregister { name: "gone".to_owned() });
    world
}
