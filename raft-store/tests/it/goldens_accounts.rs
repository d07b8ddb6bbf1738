//! One of each kind that came with accounts, for the golden file.

use rowlock_proto::ids::{EventId, UserId};
use rowlock_raft_store::inventory::accounts::{AccountCommand, ApiKey, Proof, Purpose};
use rowlock_raft_store::inventory::{Change, ChangeKind, Command, CommandKind, User};

use super::fixture::World;
use super::goldens::{numbered_changes, numbered_commands};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

fn all(user: UserId) -> [AccountCommand; 10] {
    let (session, ttl_ms) = (0x5e55 << 96 | 7, 30 * DAY_MS);
    let link = |purpose, secret: u8| AccountCommand::IssueLink {
        user,
        purpose,
        secret: [secret; 32],
        ttl_ms: DAY_MS,
    };
    let password = |proof| AccountCommand::SetPassword {
        user,
        password_hash: "$argon2id$y".to_owned(),
        proof,
    };
    let key = ApiKey {
        secret: [5; 32],
        name: "till".to_owned(),
        role: "door".to_owned(),
        scopes: vec!["tickets:redeem".to_owned(), "events:read".to_owned()],
        until_ms: 1_900_000_000_000,
    };
    [
        AccountCommand::SetApiKey { user, key: 0xab << 100, grant: Some(Box::new(key)) },
        link(Purpose::Verify, 1),
        link(Purpose::Reset, 2),
        AccountCommand::VerifyEmail { user, secret: [1; 32] },
        password(Proof::Passwords(0)),
        password(Proof::Link([2; 32])),
        AccountCommand::StartSession { user, session, secret: [3; 32], ttl_ms, passwords: 2 },
        AccountCommand::RotateSession {
            user,
            session,
            from: [3; 32],
            to: [4; 32],
            ttl_ms,
            keyed: true,
        },
        AccountCommand::EndSessions { user, session: Some(session) },
        AccountCommand::DeleteUser { user },
    ]
}

pub(crate) fn commands() -> Vec<Command> {
    let every = AccountCommand::EndSessions { user: UserId(3), session: None };
    let revoke = AccountCommand::SetApiKey { user: UserId(3), key: 7, grant: None };
    let all = all(UserId(3)).into_iter().chain([every, revoke]);
    numbered_commands(all.map(CommandKind::Account))
}

pub(crate) fn changes() -> Vec<Change> {
    numbered_changes([ChangeKind::UserChanged { user: UserId(3) }])
}

/// One who has a session and letters, and one who left.
pub(crate) fn world() -> World {
    let mut world = World::on_sale(EventId(0x600d), 6, |_| ());
    for number in [3, 4] {
        let user = UserId(number);
        let doc = User {
            email: format!("{number}@example.org"),
            password_hash: "$argon2id$x".to_owned(),
            first_name: "Anna".to_owned(),
            last_name: "Ahn".to_owned(),
            phone: "+49".to_owned(),
            created_ms: 0,
        };
        world.done(CommandKind::RegisterUser { user, doc: Box::new(doc) });
        let last = if number == 3 { 8 } else { 10 };
        for command in &all(user)[..last] {
            let answer = world.answer(user, 0, CommandKind::Account(command.clone()));
            answer.expect("not refused");
        }
    }
    world
}
