//! One of each kind that came with the lists of users, for the golden file.

use rowlock_proto::ids::{BookingId, EventId, UserId};
use rowlock_raft_store::inventory::user_lists::ENDED_MAX;
use rowlock_raft_store::inventory::{
    BookingState, Change, ChangeKind, Command, CommandKind, Listing, SYSTEM, UserListCommand,
};

use super::fixture::World;
use super::goldens::{numbered_changes, numbered_commands};

const STATES: [BookingState; 8] = [
    BookingState::Held,
    BookingState::Paying,
    BookingState::Confirmed,
    BookingState::Released,
    BookingState::Expired,
    BookingState::RefundDue,
    BookingState::Refunded,
    BookingState::Capturing,
];

fn listing(user: u128, number: u64, state: BookingState) -> Listing {
    let confirmed = state == BookingState::Confirmed;
    Listing {
        user: UserId(user),
        booking: BookingId(0xb0 << 100 | u128::from(number)),
        event: EventId(0xe0),
        revision: 70_000 + number,
        created_ms: 1_800_000_000_000 + number,
        state,
        buyer: true,
        places: 300,
        total: 70_000,
        currency: *b"EUR",
        tickets: if confirmed { vec![0, 1, 299] } else { Vec::new() },
    }
}

fn listings() -> Vec<Listing> {
    let all = (1..).zip(STATES).map(|(number, state)| listing(0xaa, number, state));
    let given = Listing { buyer: false, ..listing(0xbb, 3, BookingState::Confirmed) };
    all.chain([given]).collect()
}

pub(crate) fn commands() -> Vec<Command> {
    let kinds = [
        UserListCommand::Apply { source: 300, listings: listings() },
        UserListCommand::Forget { user: UserId(0xcc) },
    ];
    numbered_commands(kinds.map(CommandKind::UserList))
}

pub(crate) fn changes() -> Vec<Change> {
    numbered_changes([ChangeKind::UserChanged { user: UserId(0xcc) }])
}

/// Bookings in every state; one who has a ticket and one who gave it away; a list of which something was
/// dropped, and one that is forgotten.
pub(crate) fn world() -> World {
    let mut world = World::on_sale(EventId(0x600d), 6, |_| ());
    let mut all = listings();
    let given = Listing { tickets: Vec::new(), buyer: false, ..listing(0xdd, 3, STATES[2]) };
    let ended = (0..=ENDED_MAX as u64).map(|number| listing(0xee, number, STATES[4]));
    all.extend([given, listing(0xcc, 9, STATES[0])]);
    all.extend(ended);
    let mut ask = |command| {
        world.answer(SYSTEM, 0, CommandKind::UserList(command)).expect("not refused");
    };
    ask(UserListCommand::Apply { source: 300, listings: all });
    ask(UserListCommand::Forget { user: UserId(0xcc) });
    world
}
