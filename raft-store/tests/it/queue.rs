//! P8: from the change feed alone, with code of its own, anybody can compute the order of a draw.

use std::collections::BTreeMap;

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{EventId, UserId};
use rowlock_raft_store::inventory::queue::{Admission, QueueRules, Standing};
use rowlock_raft_store::inventory::{
    Change, ChangeKind, CommandKind, QueueChange, QueueCommand, QueueReply, Reply, SYSTEM,
};
use sha2::{Digest as _, Sha256};

use super::fixture::{BOUND_MS, World};

const EVENT: EventId = EventId(0x600d);
const SECRET: [u8; 32] = [42; 32];

fn rules() -> QueueRules {
    QueueRules {
        draw_opens_ms: 1_000,
        opens_ms: 60_000,
        reveal_by_ms: 600_000,
        commitment: Sha256::digest(SECRET).into(),
        public_source: "beacon round 77".to_owned(),
        token_ms: 3_600_000,
        admission: Admission { rate_per_minute: 600, ..Admission::default() },
    }
}

fn ask(world: &mut World, user: u128, command: QueueCommand) -> Reply {
    world.answer(UserId(user), 0, CommandKind::Queue(command)).expect("not refused")
}

/// The change feed's reader: a watcher who trusts nobody.
#[derive(Default)]
struct Watcher {
    commitment: [u8; 32],
    source: String,
    /// User and whether the entry stands, by entry number.
    entries: BTreeMap<u32, (UserId, bool)>,
    drawn: Option<u32>,
    value: Vec<u8>,
    /// Who must be let in, in this order; filled when the draw is made.
    expected: Option<Vec<UserId>>,
    admitted: Vec<UserId>,
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// The places of all entries, as `draw.rs` describes them.
fn places(seed: [u8; 32], entries: u32) -> Vec<u32> {
    let wide = (2..).step_by(2).find(|wide| wide * wide >= entries).unwrap();
    let high = entries.div_ceil(wide).max(1);
    let mixed = |round: u8, value: u32, modulus: u32| {
        let hash = hash(&[&seed, &[round], &value.to_be_bytes()]);
        let head = u64::from_be_bytes(hash[..8].try_into().unwrap());
        u32::try_from(head % u64::from(modulus)).unwrap()
    };
    let rounds = |x: u32| {
        let (mut column, mut line) = (x % wide, x / wide);
        for round in 0..20 {
            match round % 2 {
                0 => column = (column + mixed(round, line, wide)) % wide,
                _ => line = (line + mixed(round, column, high)) % high,
            }
        }
        line * wide + column
    };
    let walk = |entry: u32| std::iter::successors(Some(rounds(entry)), |&x| Some(rounds(x)));
    (0..entries).map(|entry| walk(entry).find(|&place| place < entries).unwrap()).collect()
}

impl Watcher {
    fn see(&mut self, change: &Change) {
        let ChangeKind::Queue { change, .. } = &change.kind else { return };
        match change {
            QueueChange::Opened { rules } => {
                self.commitment = rules.commitment;
                self.source.clone_from(&rules.public_source);
            }
            QueueChange::Joined { user, entry } => {
                assert!(self.entries.get(entry).is_none_or(|(of, stands)| of == user && !stands));
                assert!(self.entries.len() >= *entry as usize, "numbers come in the log's order");
                self.entries.insert(*entry, (*user, true));
            }
            QueueChange::Left { entry, .. } => self.entries.get_mut(entry).unwrap().1 = false,
            QueueChange::EntriesClosed { entries } => {
                assert_eq!(*entries as usize, self.entries.len());
                self.drawn = Some(*entries);
            }
            QueueChange::PublicValueFixed { value } => {
                assert!(self.drawn.is_some(), "fixed after entries closed");
                self.value.clone_from(value);
            }
            QueueChange::Drawn { secret, seed, .. } => {
                let ours = match secret {
                    Some(secret) => {
                        assert_eq!(hash(&[secret]), self.commitment, "what was committed to");
                        hash(&[secret, &self.value])
                    }
                    None => hash(&[b"secret not revealed", &self.commitment, &self.value]),
                };
                assert_eq!(*seed, ours);
                let places = places(ours, self.drawn.unwrap());
                let mut order: Vec<u32> = (0..self.drawn.unwrap()).collect();
                order.sort_by_key(|&entry| places[entry as usize]);
                self.expected = Some(order.iter().map(|entry| self.entries[entry].0).collect());
            }
            QueueChange::Admitted { users, .. } => {
                for (user, entry) in users {
                    assert_eq!(self.entries[entry], (*user, true));
                    self.admitted.push(*user);
                }
            }
            QueueChange::AdmissionSet { .. }
            | QueueChange::PassesEnded { .. }
            | QueueChange::Closed => {}
        }
    }

    /// Those who must have been let in: the draw's, then the late ones as they came.
    fn check(&self) {
        let drawn = self.drawn.unwrap();
        let late = self.entries.range(drawn..).map(|(_, &(user, _))| user);
        let stands: BTreeMap<UserId, bool> =
            self.entries.values().map(|&(user, stands)| (user, stands)).collect();
        let order = self.expected.clone().unwrap().into_iter().chain(late);
        let order: Vec<UserId> = order.filter(|user| stands[user]).collect();
        assert_eq!(self.admitted, order);
    }
}

fn check_draw(reveal: bool) {
    let mut world = World::on_sale(EVENT, 6, |_| ());
    let open = QueueCommand::Open { event: EVENT, rules: Box::new(rules()) };
    world.done(CommandKind::Queue(open));
    let mut watcher = Watcher::default();
    let mut see = |world: &mut World| {
        world.state.take_changes().iter().for_each(|change| watcher.see(change));
    };
    for user in 1..=60 {
        world.now_ms = 1_000 + u64::try_from(user).unwrap() * 100;
        ask(&mut world, user, QueueCommand::Join { event: EVENT });
        if user % 9 == 0 {
            ask(&mut world, user, QueueCommand::Leave { event: EVENT });
        }
        if user % 18 == 0 {
            ask(&mut world, user, QueueCommand::Join { event: EVENT });
        }
    }
    world.now_ms = 60_000;
    for user in 61..=70 {
        ask(&mut world, user, QueueCommand::Join { event: EVENT });
    }
    let value = b"value of round 77".to_vec();
    ask(&mut world, 0, QueueCommand::FixPublicValue { event: EVENT, value });
    if reveal {
        ask(&mut world, 0, QueueCommand::Reveal { event: EVENT, secret: SECRET });
    } else {
        world.now_ms = 600_000;
        ask(&mut world, 0, QueueCommand::Step { event: EVENT });
    }
    see(&mut world);
    // Two more give up while they wait.
    for user in [7, 65] {
        ask(&mut world, user, QueueCommand::Leave { event: EVENT });
    }
    for _ in 0..60 {
        world.now_ms += 500;
        ask(&mut world, 0, QueueCommand::Step { event: EVENT });
        see(&mut world);
    }
    watcher.check();
    assert_eq!(world.state.queue(EVENT).unwrap().waiting, 0);
}

#[test]
fn p8_the_order_follows_from_the_feed_alone() {
    check_draw(true);
}

#[test]
fn p8_the_order_of_a_secret_withheld_follows_from_the_feed_too() {
    check_draw(false);
}

#[test]
fn p8_nobody_gains_by_leaving_and_coming_back() {
    let mut world = World::on_sale(EVENT, 6, |_| ());
    let open = QueueCommand::Open { event: EVENT, rules: Box::new(rules()) };
    world.done(CommandKind::Queue(open));
    world.now_ms = 60_000;
    for user in 1..=5 {
        ask(&mut world, user, QueueCommand::Join { event: EVENT });
    }
    let position = |world: &World, user: u128| {
        world.state.queue_place(EVENT, UserId(user)).map(|view| view.position)
    };
    assert_eq!(position(&world, 3), Some(3));
    ask(&mut world, 3, QueueCommand::Leave { event: EVENT });
    ask(&mut world, 3, QueueCommand::Join { event: EVENT });
    assert_eq!(position(&world, 3), Some(5));
    assert_eq!(position(&world, 4), Some(3), "the others move up");
    for _ in 1..15 {
        ask(&mut world, 3, QueueCommand::Leave { event: EVENT });
        ask(&mut world, 3, QueueCommand::Join { event: EVENT });
    }
    ask(&mut world, 3, QueueCommand::Leave { event: EVENT });
    let join = CommandKind::Queue(QueueCommand::Join { event: EVENT });
    let refused = world.answer(UserId(3), 0, join).unwrap_err();
    assert_eq!((refused.code, refused.limit), (ErrorCode::LimitExceeded, 16));
}

/// The clock of a new leader may be behind, and a step may come twice: neither lets in more.
#[test]
fn admission_keeps_its_rate_whoever_leads() {
    let mut world = World::on_sale(EVENT, 6, |_| ());
    let rules = QueueRules { draw_opens_ms: 0, opens_ms: 0, ..rules() };
    world.done(CommandKind::Queue(QueueCommand::Open { event: EVENT, rules: Box::new(rules) }));
    for user in 1..=200 {
        ask(&mut world, user, QueueCommand::Join { event: EVENT });
    }
    let mut admitted = 0;
    for at_ms in [1_000, 1_000, 400, 1_000, 2_000, 900, 2_000, 40_000, 40_000] {
        world.now_ms = at_ms;
        let step = QueueCommand::Step { event: EVENT };
        match ask(&mut world, 0, step) {
            Reply::Queue(QueueReply::Stepped { admitted: more, .. }) => admitted += more,
            other => panic!("{other:?}"),
        }
    }
    // Ten a second for two seconds, and after the long gap five seconds' worth.
    assert_eq!(admitted, 10 + 10 + 50);
    let state = world.reloaded();
    assert_eq!(state.digest(), world.state.digest());
    assert_eq!(state.queue_place(EVENT, UserId(200)), world.state.queue_place(EVENT, UserId(200)));
}

#[test]
fn a_pass_lasts_as_long_as_was_told_and_not_much_longer() {
    let mut world = World::on_sale(EVENT, 6, |_| ());
    let rules = QueueRules { draw_opens_ms: 0, opens_ms: 0, ..rules() };
    world.done(CommandKind::Queue(QueueCommand::Open { event: EVENT, rules: Box::new(rules) }));
    assert_eq!(world.hold(1, 1, EVENT, &[1]).unwrap_err().code, ErrorCode::QueuePassNeeded);
    ask(&mut world, 1, QueueCommand::Join { event: EVENT });
    world.now_ms = 1_000;
    ask(&mut world, 0, QueueCommand::Step { event: EVENT });
    let until_ms = world.state.queue_place(EVENT, UserId(1)).unwrap().admitted_until_ms;
    assert_eq!(until_ms, 1_000 + 15 * 60 * 1_000);
    world.now_ms = until_ms + 2 * BOUND_MS - 1;
    world.hold(1, 1, EVENT, &[1]).expect("the same key, now that there is a pass");
    world.now_ms += 1;
    assert_eq!(world.hold(1, 2, EVENT, &[2]).unwrap_err().code, ErrorCode::QueuePassNeeded);
    let place = world.state.queue_place(EVENT, UserId(1)).unwrap();
    assert_eq!(place.standing, Standing::Over, "before any step was there");
    world.hold(SYSTEM.0, 3, EVENT, &[2]).expect("the desk needs no pass");
}
