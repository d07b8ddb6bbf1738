//! One of each kind that came with waiting rooms, for the golden file.

use rowlock_proto::ids::{EventId, UserId};
use rowlock_raft_store::inventory::queue::{Admission, PassEnd, QueueRules};
use rowlock_raft_store::inventory::{
    Change, ChangeKind, Command, CommandKind, QueueChange, QueueCommand,
};
use sha2::{Digest as _, Sha256};

use super::fixture::World;
use super::goldens::{numbered_changes, numbered_commands};

const SECRET: [u8; 32] = [5; 32];

fn admission(paused: bool) -> Admission {
    Admission { rate_per_minute: 120, shopping_max: 2, pass_ms: 900_000, paused }
}

fn rules() -> QueueRules {
    QueueRules {
        draw_opens_ms: 1_000,
        opens_ms: 2_000,
        reveal_by_ms: 9_000,
        commitment: Sha256::digest(SECRET).into(),
        public_source: "beacon".to_owned(),
        token_ms: 3_600_000,
        admission: admission(false),
    }
}

pub(crate) fn commands() -> Vec<Command> {
    let event = EventId(0xe0);
    let kinds = [
        QueueCommand::Open { event, rules: Box::new(rules()) },
        QueueCommand::SetAdmission { event, admission: admission(true) },
        QueueCommand::Join { event },
        QueueCommand::Leave { event },
        QueueCommand::FixPublicValue { event, value: vec![7; 40] },
        QueueCommand::Reveal { event, secret: SECRET },
        QueueCommand::Step { event },
        QueueCommand::Close { event },
    ];
    numbered_commands(kinds.map(CommandKind::Queue))
}

pub(crate) fn changes() -> Vec<Change> {
    let user = UserId(3);
    let ended = |why| QueueChange::PassesEnded { users: vec![(user, 300)], why };
    let drawn = |secret| QueueChange::Drawn { secret, public_value: vec![7; 40], seed: [6; 32] };
    let kinds = [
        QueueChange::Opened { rules: Box::new(rules()) },
        QueueChange::AdmissionSet { admission: admission(true) },
        QueueChange::Joined { user, entry: 300 },
        QueueChange::Left { user, entry: 300 },
        QueueChange::EntriesClosed { entries: 301 },
        QueueChange::PublicValueFixed { value: vec![7; 40] },
        drawn(Some(SECRET)),
        drawn(None),
        QueueChange::Admitted { users: vec![(user, 300), (UserId(4), 0)], until_ms: 1_000_000 },
        ended(PassEnd::Over),
        ended(PassEnd::Left),
        ended(PassEnd::Bought),
        QueueChange::Closed,
    ];
    numbered_changes(kinds.map(|change| ChangeKind::Queue { event: EventId(0xe0), change }))
}

/// A state with entries, one of which left, and passes.
pub(crate) fn world() -> World {
    let event = EventId(0x600d);
    let mut world = World::on_sale(event, 6, |_| ());
    let mut ask = |now_ms: u64, user: u128, command: QueueCommand| {
        world.now_ms = now_ms;
        world.answer(UserId(user), 0, CommandKind::Queue(command)).expect("not refused");
    };
    ask(0, 0, QueueCommand::Open { event, rules: Box::new(rules()) });
    for user in 1..=6 {
        ask(1_000, user, QueueCommand::Join { event });
    }
    ask(1_500, 2, QueueCommand::Leave { event });
    ask(2_000, 0, QueueCommand::FixPublicValue { event, value: vec![7; 40] });
    ask(2_000, 0, QueueCommand::Reveal { event, secret: SECRET });
    ask(4_000, 0, QueueCommand::Step { event });
    world
}
