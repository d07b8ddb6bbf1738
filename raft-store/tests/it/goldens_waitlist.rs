//! One of each kind that came with waitlists, for the golden file.

use rowlock_proto::ids::{BookingId, EventId, UserId};
use rowlock_raft_store::inventory::waitlist::{
    WaitlistChange, WaitlistCommand, WaitlistRules, Wish,
};
use rowlock_raft_store::inventory::{Change, ChangeKind, Command, CommandKind};

use super::fixture::World;
use super::goldens::{numbered_changes, numbered_commands};

const RULES: WaitlistRules = WaitlistRules { offer_ms: 60_000, closed: true };

fn wish() -> Wish {
    Wish { quantity: 3, categories: vec![1, 4], adjacent: true, accessible: false }
}

pub(crate) fn commands() -> Vec<Command> {
    let event = EventId(0xe0);
    let kinds = [
        WaitlistCommand::Set { event, rules: RULES },
        WaitlistCommand::Join { event, wish: wish() },
        WaitlistCommand::Leave { event, entry: 300 },
        WaitlistCommand::Accept { event, entry: 300 },
    ];
    numbered_commands(kinds.map(CommandKind::Waitlist))
}

pub(crate) fn changes() -> Vec<Change> {
    let (event, user, entry) = (EventId(0xe0), UserId(3), 300);
    let booking = BookingId(0xb0 << 100);
    let kinds = [
        WaitlistChange::RulesSet { event, rules: RULES },
        WaitlistChange::Joined { event, user, entry, wish: wish() },
        WaitlistChange::Left { event, user, entry },
        WaitlistChange::Offered { event, user, entry, booking, until_ms: 1_000_000 },
        WaitlistChange::PassedOver { event, user, entry },
    ];
    numbered_changes(kinds.map(ChangeKind::Waitlist))
}

/// A state with an entry of each kind, of an event that is paused and has something to offer.
pub(crate) fn world() -> World {
    let event = EventId(0x0a17);
    let mut world = World::on_sale(event, 4, |spec| spec.max_seats_per_user = 2);
    let first = world.held(1, event, &[0, 1]);
    let second = world.held(2, event, &[2, 3]);
    let mut ask = |user: u128, kind: CommandKind| {
        world.now_ms += 1_000;
        world.answer(UserId(user), user << 8, kind).expect("not refused");
    };
    let waitlist = CommandKind::Waitlist;
    ask(
        0,
        waitlist(WaitlistCommand::Set { event, rules: WaitlistRules { closed: false, ..RULES } }),
    );
    let want =
        |quantity| Wish { quantity, categories: Vec::new(), adjacent: false, accessible: false };
    for (user, quantity) in [(3, 2), (4, 1), (5, 2), (6, 1), (7, 2)] {
        ask(user, waitlist(WaitlistCommand::Join { event, wish: want(quantity) }));
    }
    ask(6, waitlist(WaitlistCommand::Leave { event, entry: 3 }));
    // One seat for user 4; then user 3, who has one, is passed over.
    ask(2, CommandKind::ReleasePlaces { booking: second, places: vec![0] });
    world.now_ms = 70_000;
    let mut ask = |user: u128, kind: CommandKind| {
        world.now_ms += 1_000;
        world.answer(UserId(user), user << 9, kind).expect("not refused");
    };
    ask(3, CommandKind::HoldSeats { event, seats: vec![2] });
    ask(1, CommandKind::ReleaseHold { booking: first });
    ask(
        0,
        CommandKind::Life(rowlock_raft_store::inventory::LifeCommand::Pause {
            event,
            reason: String::new(),
        }),
    );
    ask(5, waitlist(WaitlistCommand::Leave { event, entry: 2 }));
    world
}
