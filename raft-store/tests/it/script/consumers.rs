//! Named consumers of the feed, in scripts: `consumer search from now`, `consumer search after 3`,
//! `consumer search leases anna 30`, `consumer search did anna 1 5` (holder, lease, revision),
//! `consumer search yields anna 1`, `consumer search ends`, and `consumer all` to look at them.

use rowlock_raft_store::inventory::{
    CommandKind, ConsumerChange, ConsumerCommand, ConsumerView, SYSTEM,
};

use super::{Script, number, seconds, time};

impl Script {
    pub(super) fn consumer(&mut self, words: &[&str]) {
        let own = |word: &str| word.to_owned();
        let command = match words {
            ["all"] => {
                return self.world.state.consumers().iter().for_each(|it| self.say(view(it)));
            }
            [name, "from", "now"] => ConsumerCommand::Register { name: own(name), after: None },
            [name, "after", revision] => {
                ConsumerCommand::Register { name: own(name), after: Some(number(revision)) }
            }
            [name, "leases", holder, ttl] => ConsumerCommand::Lease {
                name: own(name),
                holder: own(holder),
                ttl_ms: seconds(ttl),
            },
            [name, "did", holder, lease, revision] => ConsumerCommand::Acknowledge {
                name: own(name),
                holder: own(holder),
                lease: number(lease),
                revision: number(revision),
            },
            [name, "yields", holder, lease] => ConsumerCommand::Yield {
                name: own(name),
                holder: own(holder),
                lease: number(lease),
            },
            [name, "ends"] => ConsumerCommand::Unregister { name: own(name) },
            _ => panic!("consumer {words:?} is not understood"),
        };
        self.apply(SYSTEM, None, CommandKind::Consumer(command));
    }
}

pub(super) fn view(view: &ConsumerView) -> String {
    let lease = view.lease.as_ref().map_or("nobody works".to_owned(), |lease| {
        format!("lease {} of {} until {}", lease.number, lease.holder, time(lease.until_ms))
    });
    format!("{} is at {} since {}; {lease}", view.name, view.position, time(view.moved_ms))
}

pub(super) fn change(change: &ConsumerChange) -> String {
    match change {
        ConsumerChange::Registered { name, position } => {
            format!("{name} reads what follows {position}")
        }
        ConsumerChange::Unregistered { name } => format!("{name} reads no more"),
    }
}
