//! Named consumers, to the inventory and to the model.

use super::wishes::{timed, wish};
use super::*;
use crate::inventory::consumers::Lease;
use crate::inventory::{ConsumerCommand, ConsumerView};
use crate::testing::model::reader::{Reader, ReaderAsk};

/// What is asked, before it is known how far the feed is and which lease is the latest.
#[derive(Clone, Debug)]
pub(super) enum ReaderWish {
    /// How far back from the newest; `None`: from now on.
    Register {
        name: u8,
        back: Option<i64>,
    },
    Lease {
        name: u8,
        by: u8,
        ttl_ms: u64,
    },
    /// With the latest lease or, by the dice, another; by its holder or another.
    Done {
        name: u8,
        by: Option<u8>,
        off_by: u64,
        back: i64,
    },
    Yield {
        name: u8,
        by: Option<u8>,
        off_by: u64,
    },
    Unregister {
        name: u8,
    },
}

pub(super) fn reader_wish() -> impl Strategy<Value = ReaderWish> {
    let name = || 0_u8..3;
    let by = || prop_oneof![4 => Just(None), 1 => (0_u8..2).prop_map(Some)];
    let off_by = || prop_oneof![4 => Just(0_u64), 1 => Just(1)];
    prop_oneof![
        4 => (name(), prop_oneof![2 => Just(None), 1 => (-1_i64..5).prop_map(Some)])
            .prop_map(|(name, back)| ReaderWish::Register { name, back }),
        8 => (name(), 0_u8..2, prop_oneof![Just(1_000_u64), Just(3_000)])
            .prop_map(|(name, by, ttl_ms)| ReaderWish::Lease { name, by, ttl_ms }),
        8 => (name(), by(), off_by(), -1_i64..5)
            .prop_map(|(name, by, off_by, back)| ReaderWish::Done { name, by, off_by, back }),
        2 => (name(), by(), off_by())
            .prop_map(|(name, by, off_by)| ReaderWish::Yield { name, by, off_by }),
        1 => name().prop_map(|name| ReaderWish::Unregister { name }),
    ]
}

/// Histories of few consumers beside a little traffic.
pub(super) fn reader_steps() -> BoxedStrategy<Vec<(i64, Wish)>> {
    timed(prop_oneof![4 => reader_wish().prop_map(Wish::Reader), 1 => wish()])
}

impl Pair {
    pub(super) fn reader_ask(&self, wish: ReaderWish) -> Ask {
        let newest = self.revision;
        let turn_of = |name: u8, by: Option<u8>, off_by: u64| {
            let reader = self.model.readers.all.iter().find(|reader| reader.name == name);
            let (holder, number, _) = reader.and_then(|it| it.turn).unwrap_or((0, 1, 0));
            (by.unwrap_or(holder), number.saturating_sub(off_by))
        };
        Ask::Reader(match wish {
            ReaderWish::Register { name, back } => {
                let after = back.map(|back| newest.saturating_add_signed(-back));
                ReaderAsk::Register { name, after, newest }
            }
            ReaderWish::Lease { name, by, ttl_ms } => ReaderAsk::Lease { name, by, ttl_ms },
            ReaderWish::Done { name, by, off_by, back } => {
                let (by, turn) = turn_of(name, by, off_by);
                let revision = newest.saturating_add_signed(-back);
                ReaderAsk::Done { name, by, turn, revision, newest }
            }
            ReaderWish::Yield { name, by, off_by } => {
                let (by, turn) = turn_of(name, by, off_by);
                ReaderAsk::Yield { name, by, turn }
            }
            ReaderWish::Unregister { name } => ReaderAsk::Unregister { name },
        })
    }

    pub(super) fn compare_readers(&self) {
        let mut all = self.model.readers.all.clone();
        all.sort_by_key(|reader| reader.name);
        let seen: Vec<Reader> = self.state.consumers().iter().map(reader).collect();
        assert_eq!(seen, all);
    }
}

fn named(name: u8) -> String {
    format!("consumer-{name}")
}

fn holder(by: u8) -> String {
    format!("api-{by}")
}

fn digit(name: &str) -> u8 {
    name.rsplit('-').next().unwrap().parse().unwrap()
}

pub(super) fn reader(view: &ConsumerView) -> Reader {
    let turn = |lease: &Lease| (digit(&lease.holder), lease.number, lease.until_ms);
    let (done, turn) = (view.position, view.lease.as_ref().map(turn));
    Reader { name: digit(&view.name), done, turn }
}

pub(super) fn reader_command(ask: ReaderAsk) -> CommandKind {
    CommandKind::Consumer(match ask {
        ReaderAsk::Register { name, after, .. } => {
            ConsumerCommand::Register { name: named(name), after }
        }
        ReaderAsk::Lease { name, by, ttl_ms } => {
            ConsumerCommand::Lease { name: named(name), holder: holder(by), ttl_ms }
        }
        ReaderAsk::Done { name, by, turn: lease, revision, .. } => {
            ConsumerCommand::Acknowledge { name: named(name), holder: holder(by), lease, revision }
        }
        ReaderAsk::Yield { name, by, turn: lease } => {
            ConsumerCommand::Yield { name: named(name), holder: holder(by), lease }
        }
        ReaderAsk::Unregister { name } => ConsumerCommand::Unregister { name: named(name) },
    })
}
