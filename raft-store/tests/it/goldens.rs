//! The bytes of format version 1, held in place by files.
//!
//! A file of a released version is never edited: it is the test that what that version wrote can
//! still be read. While a version is unreleased, `UPDATE=1` writes its file anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use rowlock_proto::ids::{BookingId, EventId, RequestKey, SeatMapHash, UserId, VenueId};
use rowlock_raft_store::codec;
use rowlock_raft_store::inventory::{
    Batch, BookingState, Cart, Change, ChangeKind, Command, CommandCode, CommandKind, DoorChange,
    EventPatch, EventState, LifeCommand, RecordKey, RefundOrder, Returned, State, Together, User,
    UserPatch, Venue, Wanted,
};

use rowlock_raft_store::inventory::door::{DoorCommand, Scan};

use super::fixture::{World, booking, map_hash, spec};
use super::{
    goldens_accounts, goldens_consumers, goldens_exchange, goldens_money, goldens_queue,
    goldens_retention, goldens_terms, goldens_user_lists, goldens_waitlist,
};

const DIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// `name = hex` on each line.
fn read_file(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let text = std::fs::read_to_string(path).expect("the golden file is there; UPDATE=1 makes one");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, bytes) = line.split_once(" = ").expect("name = hex");
            (name.to_owned(), unhex(bytes))
        })
        .collect()
}

fn venue() -> Venue {
    Venue {
        name: "Hall".to_owned(),
        city: "Town".to_owned(),
        country: "Land".to_owned(),
        address: "1 Road".to_owned(),
        position_e6: None,
        map: SeatMapHash([7; 32]),
        capacity: 12_345,
    }
}

fn user() -> User {
    User {
        email: "anna@example.org".to_owned(),
        password_hash: "$argon2id$x".to_owned(),
        first_name: "Anna".to_owned(),
        last_name: "Ahn".to_owned(),
        phone: "+49".to_owned(),
        created_ms: 0,
    }
}

pub(crate) fn numbered_commands(kinds: impl IntoIterator<Item = CommandKind>) -> Vec<Command> {
    let command = |(number, kind): (u32, CommandKind)| Command {
        principal: UserId(0xaa),
        key: RequestKey(number.into()),
        kind,
    };
    (1_u32..).zip(kinds).map(command).collect()
}

pub(crate) fn numbered_changes(kinds: impl IntoIterator<Item = ChangeKind>) -> Vec<Change> {
    let change = |(revision, kind): (u64, ChangeKind)| Change {
        revision,
        index: 1_000 + revision,
        time_ms: 1_800_000_000_000,
        principal: UserId(0xaa),
        command: CommandCode::default(),
        key: RequestKey(0),
        kind,
    };
    (1_u64..).zip(kinds).map(change).collect()
}

/// One of each kind.
fn commands() -> Vec<Command> {
    let event = EventId(0xe0);
    let booking = BookingId(0xb0 << 100);
    let map = SeatMapHash([9; 32]);
    let text = |text: &str| text.to_owned();
    let kinds = [
        CommandKind::HoldSeats { event, seats: vec![0, 250, 251, 65_536] },
        CommandKind::ReleaseHold { booking },
        CommandKind::BeginPayment { booking, amount: 16_000 },
        CommandKind::AttachIntent { booking, attempt: 1, intent: text("pi_1") },
        CommandKind::ConfirmPayment { booking, attempt: 1, intent: text("pi_1") },
        CommandKind::FailPayment { booking, attempt: 2, reason: text("declined") },
        CommandKind::ExpireDue { max: 1_000 },
        CommandKind::PutSeatMapPart { map, part: 1, parts: 2, data: vec![1, 2, 3] },
        CommandKind::PutVenue { venue: VenueId(5), doc: Box::new(venue()) },
        CommandKind::CreateEvent { event, spec: Box::new(spec(map)) },
        CommandKind::UpdateEvent {
            event,
            patch: Box::new(EventPatch {
                name: Some(text("New")),
                prices: vec![1, 2],
                max_seats_per_user: Some(4),
                ..EventPatch::default()
            }),
        },
        CommandKind::PublishEvent { event },
        CommandKind::CancelEvent { event },
        CommandKind::RegisterUser { user: UserId(3), doc: Box::new(user()) },
        CommandKind::UpdateUser {
            user: UserId(3),
            patch: Box::new(UserPatch { phone: Some(text("+1")), ..UserPatch::default() }),
        },
        CommandKind::Checksum { nonce: 77 },
    ];
    numbered_commands(kinds)
}

fn changes() -> Vec<Change> {
    let event = EventId(0xe0);
    let booking = BookingId(0xb0 << 100);
    let user = UserId(3);
    let text = |text: &str| text.to_owned();
    let returned = |state| Returned { event, booking, seats: vec![1, 300], state };
    let kinds = [
        ChangeKind::EventChanged { event, state: EventState::Published },
        ChangeKind::SeatsHeld { event, booking, user, seats: vec![1, 300], expires_ms: 600_000 },
        ChangeKind::SeatsReturned(returned(BookingState::Released)),
        ChangeKind::HoldsExpired { holds: vec![returned(BookingState::Expired)] },
        ChangeKind::PaymentStarted { booking, attempt: 1, amount: 16_000 },
        ChangeKind::IntentAttached { booking, attempt: 1, intent: text("pi_1") },
        ChangeKind::PaymentFailed { booking, attempt: 1, reason: text("declined") },
        ChangeKind::SeatsSold {
            event,
            booking,
            user,
            seats: vec![1, 300],
            amount: 16_000,
            intent: text("pi_1"),
        },
        ChangeKind::RefundOwed { booking, intent: text("pi_1"), amount: 16_000 },
        ChangeKind::VenuePut { venue: VenueId(5) },
        ChangeKind::UserChanged { user },
        ChangeKind::SeatMapSealed { map: SeatMapHash([9; 32]), seats: 20_000 },
    ];
    numbered_changes(kinds)
}

/// A state with a record of each kind.
fn world() -> World {
    let gala = EventId(0x600d);
    let mut world = World::on_sale(gala, 6, |_| ());
    let map = map_hash(&super::fixture::map_bytes(6));
    let doc = Box::new(Venue { map, ..venue() });
    world.done(CommandKind::PutVenue { venue: VenueId(5), doc });
    world.done(CommandKind::RegisterUser { user: UserId(3), doc: Box::new(user()) });
    world.now_ms = 1_000;
    world.held(1, gala, &[0]);
    let paid = booking(world.hold(2, 0xbeef, gala, &[1, 2]));
    let id = paid.booking;
    let by = UserId(2);
    world.answer(by, 1, CommandKind::BeginPayment { booking: id, amount: paid.total }).unwrap();
    let intent = "pi_1".to_owned();
    world.done(CommandKind::AttachIntent { booking: id, attempt: 1, intent: intent.clone() });
    world.answer(by, 1, CommandKind::ConfirmPayment { booking: id, attempt: 1, intent }).unwrap();
    world.hold(4, 4, gala, &[2, 3]).expect_err("seat 2 is sold");
    world
}

/// One of each kind that came with places.
fn place_commands() -> Vec<Command> {
    let event = EventId(0xe0);
    let booking = BookingId(0xb0 << 100);
    let text = |text: &str| text.to_owned();
    let wanted = |together| Wanted {
        quantity: 4,
        categories: vec![0, 2],
        sections: vec![1],
        price_max: Some(9_000),
        together,
        accessible: true,
    };
    let cart = |best| Cart { seats: vec![7, 300], best, areas: vec![(0, 3)] };
    let refund = RefundOrder { places: vec![0, 2], reason: text("ill"), block: true };
    let kinds = [
        CommandKind::HoldCart { event, cart: Box::new(cart(None)) },
        CommandKind::HoldCart { event, cart: Box::new(cart(Some(wanted(Together::Preferred)))) },
        CommandKind::HoldCart { event, cart: Box::new(cart(Some(wanted(Together::SameRow)))) },
        CommandKind::HoldCart { event, cart: Box::new(cart(Some(wanted(Together::Adjacent)))) },
        CommandKind::ExtendHold { booking },
        CommandKind::ReleasePlaces { booking, places: vec![1, 2] },
        CommandKind::BlockSeats { event, seats: vec![4, 5], reason: text("camera") },
        CommandKind::UnblockSeats { event, seats: vec![4] },
        CommandKind::RefundPlaces { booking, refund: Box::new(refund) },
        CommandKind::SettleRefund { booking, refund: 0, reference: text("re_1") },
        CommandKind::TransferTicket { booking, place: 1, version: 0, to: UserId(4) },
        CommandKind::RedeemTicket { booking, place: 1, version: 1, door: text("north") },
        CommandKind::UnredeemTicket { booking, place: 1 },
    ];
    numbered_commands(kinds)
}

fn place_changes() -> Vec<Change> {
    let event = EventId(0xe0);
    let booking = BookingId(0xb0 << 100);
    let text = |text: &str| text.to_owned();
    let kinds = [
        ChangeKind::PlacesChanged {
            event,
            booking,
            areas: vec![(0, 3)],
            state: BookingState::Refunded,
        },
        ChangeKind::HoldExtended { booking, expires_ms: 1_200_000 },
        ChangeKind::SeatsBlocked { event, seats: vec![4, 5], reason: text("camera") },
        ChangeKind::SeatsUnblocked { event, seats: vec![4] },
        ChangeKind::PlacesRefunded { booking, refund: 1, places: vec![0, 2], amount: 13_000 },
        ChangeKind::RefundSettled { booking, refund: 1, reference: text("re_1") },
        ChangeKind::TicketTransferred { booking, place: 1, to: UserId(4), version: 1 },
        ChangeKind::TicketRedeemed { booking, place: 1, door: text("north") },
        ChangeKind::TicketUnredeemed { booking, place: 1 },
    ];
    numbered_changes(kinds)
}

/// A state with blocked seats, and a booking to which everything has happened.
fn place_world() -> World {
    let event = EventId(0xa7e4a);
    let mut world = World::new();
    let map = world.upload_bytes(super::fixture::arena_bytes());
    world.done(CommandKind::CreateEvent { event, spec: Box::new(spec(map)) });
    world.done(CommandKind::PublishEvent { event });
    world.now_ms = 1_000;
    let (seats, reason) = (vec![20, 21], "camera".to_owned());
    world.done(CommandKind::BlockSeats { event, seats, reason });
    let best = Some(Wanted { quantity: 3, ..Wanted::default() });
    let cart = Box::new(Cart { best, areas: vec![(0, 2)], ..Cart::default() });
    let by = UserId(2);
    let held = booking(world.answer(by, 1, CommandKind::HoldCart { event, cart }));
    let id = held.booking;
    let mut go = |key: u128, kind: CommandKind| booking(world.answer(by, key, kind));
    go(2, CommandKind::ExtendHold { booking: id });
    let left = go(3, CommandKind::ReleasePlaces { booking: id, places: vec![4] });
    go(4, CommandKind::BeginPayment { booking: id, amount: left.total });
    let intent = "pi_1".to_owned();
    world.done(CommandKind::AttachIntent { booking: id, attempt: 1, intent: intent.clone() });
    let mut go = |key: u128, kind: CommandKind| booking(world.answer(by, key, kind));
    go(5, CommandKind::ConfirmPayment { booking: id, attempt: 1, intent });
    let refund = RefundOrder { places: vec![0], reason: "ill".to_owned(), block: true };
    go(6, CommandKind::RefundPlaces { booking: id, refund: Box::new(refund) });
    go(7, CommandKind::SettleRefund { booking: id, refund: 0, reference: "re_1".to_owned() });
    let to = UserId(4);
    go(8, CommandKind::TransferTicket { booking: id, place: 1, version: 0, to });
    let door = "north".to_owned();
    go(9, CommandKind::RedeemTicket { booking: id, place: 1, version: 1, door });
    world
}

fn scan(key: u128, booking: BookingId, place: u32) -> Scan {
    let door = "south".to_owned();
    Scan { key: RequestKey(key), booking, place, version: 0, door, seen_ms: 900 }
}

/// One of each kind that came with doors.
fn door_commands() -> Vec<Command> {
    let booking = BookingId(0xb0 << 100);
    let scans = vec![scan(5, booking, 1), scan(6, booking, 300)];
    let kinds = [
        DoorCommand::Void { booking, place: 1, reason: "lost".to_owned() },
        DoorCommand::Merge { event: EventId(0xe0), scans },
    ];
    numbered_commands(kinds.map(CommandKind::Door))
}

fn door_changes() -> Vec<Change> {
    let booking = BookingId(0xb0 << 100);
    let text = |text: &str| text.to_owned();
    let kinds = [
        DoorChange::TicketVoided { booking, place: 1, reason: text("lost") },
        DoorChange::ScanConflict {
            booking,
            place: 1,
            door: text("south"),
            seen_ms: 900,
            first_door: text("north"),
            first_ms: 1_000,
        },
    ];
    numbered_changes(kinds.map(ChangeKind::Door))
}

/// A state with a note of each kind.
fn door_world() -> World {
    let mut world = world();
    let id = world.state.bookings_of(EventId(0x600d), 1, 1).unwrap().0[0].booking;
    let merge = |scans| DoorCommand::Merge { event: EventId(0x600d), scans };
    world.answer(UserId(0), 20, CommandKind::Door(merge(vec![scan(1, id, 0)]))).unwrap();
    world.answer(UserId(0), 21, CommandKind::Door(merge(vec![scan(2, id, 0)]))).unwrap();
    let void = DoorCommand::Void { booking: id, place: 1, reason: "lost".to_owned() };
    world.answer(UserId(0), 22, CommandKind::Door(void)).unwrap();
    world
}

/// A golden file, and what it holds the bytes of. A file is never edited: what is new in a version gets
/// a file of its own.
struct Golden {
    file: &'static str,
    commands: fn() -> Vec<Command>,
    changes: fn() -> Vec<Change>,
    world: fn() -> World,
    /// Kinds of records that must be in it.
    kinds: &'static [u8],
}

/// One of each kind that came with the life of events.
fn life_commands() -> Vec<Command> {
    let event = EventId(0xe0);
    let kinds = [
        LifeCommand::Pause { event, reason: "rain".to_owned() },
        LifeCommand::Resume { event },
        LifeCommand::End { event },
        LifeCommand::SetEnd { event, ends_ms: 1_800_000_000_000 },
        LifeCommand::Tend { max: 256 },
    ];
    numbered_commands(kinds.map(CommandKind::Life))
}

fn life_changes() -> Vec<Change> {
    let event = EventId(0xe0);
    let states = [EventState::Paused, EventState::Ended];
    numbered_changes(states.map(|state| ChangeKind::EventChanged { event, state }))
}

/// A cancelled event whose refunds are half decided, and a paused one.
fn life_world() -> World {
    let mut world = world();
    let gala = EventId(0x600d);
    world.done(CommandKind::CancelEvent { event: gala });
    let tend = CommandKind::Life(LifeCommand::Tend { max: 1 });
    world.answer(UserId(0), 1, tend).unwrap();
    let (event, map) = (EventId(0x700d), map_hash(&super::fixture::map_bytes(6)));
    world.done(CommandKind::CreateEvent { event, spec: Box::new(spec(map)) });
    world.done(CommandKind::PublishEvent { event });
    let ends_ms = 900_000;
    world.done(CommandKind::Life(LifeCommand::SetEnd { event, ends_ms }));
    let reason = "rain".to_owned();
    world.done(CommandKind::Life(LifeCommand::Pause { event, reason }));
    world
}

const GOLDENS: [Golden; 13] = [
    Golden { file: "v1.txt", commands, changes, world, kinds: &[0, 1, 2, 3, 4, 5, 6, 7] },
    Golden {
        file: "v1-places.txt",
        commands: place_commands,
        changes: place_changes,
        world: place_world,
        kinds: &[0, 1, 4, 5, 6, 8, 9],
    },
    Golden {
        file: "v1-queue.txt",
        commands: goldens_queue::commands,
        changes: goldens_queue::changes,
        world: goldens_queue::world,
        kinds: &[0, 1, 4, 16, 17, 18, 19],
    },
    Golden {
        file: "v1-life.txt",
        commands: life_commands,
        changes: life_changes,
        world: life_world,
        kinds: &[0, 1, 2, 3, 4, 5, 6, 7, 10],
    },
    Golden {
        file: "v1-doors.txt",
        commands: door_commands,
        changes: door_changes,
        world: door_world,
        kinds: &[0, 1, 2, 3, 4, 5, 6, 7, 9, 14],
    },
    Golden {
        file: "v1-money.txt",
        commands: goldens_money::commands,
        changes: goldens_money::changes,
        world: goldens_money::world,
        kinds: &[0, 1, 4, 5, 6, 9, 15],
    },
    Golden {
        file: "v1-consumers.txt",
        commands: goldens_consumers::commands,
        changes: goldens_consumers::changes,
        world: goldens_consumers::world,
        kinds: &[0, 1, 4, 22],
    },
    Golden {
        file: "v1-waitlist.txt",
        commands: goldens_waitlist::commands,
        changes: goldens_waitlist::changes,
        world: goldens_waitlist::world,
        kinds: &[0, 1, 4, 5, 6, 9, 20, 21],
    },
    Golden {
        file: "v1-terms.txt",
        commands: goldens_terms::commands,
        changes: goldens_terms::changes,
        world: goldens_terms::world,
        kinds: &[0, 1, 4, 5, 6, 11, 13],
    },
    Golden {
        file: "v1-user-lists.txt",
        commands: goldens_user_lists::commands,
        changes: goldens_user_lists::changes,
        world: goldens_user_lists::world,
        kinds: &[0, 1, 4, 24],
    },
    Golden {
        file: "v1-exchange.txt",
        commands: goldens_exchange::commands,
        changes: goldens_exchange::changes,
        world: goldens_exchange::world,
        kinds: &[0, 1, 4, 5, 6, 9, 15],
    },
    Golden {
        file: "v1-retention.txt",
        commands: goldens_retention::commands,
        changes: goldens_retention::changes,
        world: goldens_retention::world,
        kinds: &[0, 1, 4, 6, 25],
    },
    Golden {
        file: "v1-accounts.txt",
        commands: goldens_accounts::commands,
        changes: goldens_accounts::changes,
        world: goldens_accounts::world,
        kinds: &[0, 1, 3, 4, 12],
    },
];

fn records(state: &State) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let keys = state.record_keys().into_iter();
    keys.filter_map(|key| Some((key.to_bytes(), state.encode_record(key)?))).collect()
}

fn written(golden: &Golden) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    let all = (golden.commands)();
    for (number, command) in (1..).zip(&all) {
        let kind = format!("{:?}", command.kind);
        let name = kind.split([' ', '(']).next().unwrap();
        let bytes = codec::encode_batch(1_800_000_000_000, std::iter::once(command));
        // A kind that stands there more than once, in its variants, has its number too.
        let twin = all.iter().filter(|other| format!("{:?}", other.kind).starts_with(name)).count();
        let number = if twin > 1 { format!(" {number}") } else { String::new() };
        out.insert(format!("command {name}{number}"), bytes.to_vec());
    }
    out.insert("batch".to_owned(), codec::encode_batch(1_800_000_000_000, all.iter()).to_vec());
    for change in (golden.changes)() {
        let kind = format!("{:?}", change.kind);
        let name = kind.split([' ', '(']).next().unwrap();
        let bytes = codec::encode_changes(std::iter::once(&change));
        out.insert(format!("change {name}"), bytes);
    }
    out.insert("feed".to_owned(), codec::encode_changes((golden.changes)().iter()));
    let world = (golden.world)();
    for (key, bytes) in records(&world.state) {
        out.insert(format!("record {}", hex(&key)), bytes);
    }
    out.insert("digest".to_owned(), world.state.digest().to_vec());
    out
}

fn check_written(golden: &Golden) {
    let written = written(golden);
    let path = Path::new(DIR).join(golden.file);
    if std::env::var_os("UPDATE").is_some() {
        let mut text = String::from("# Format version 1. See tests/it/goldens.rs.\n");
        for (name, bytes) in &written {
            writeln!(text, "{name} = {}", hex(bytes)).unwrap();
        }
        std::fs::create_dir_all(DIR).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let golden = read_file(&path);
    for (name, bytes) in &written {
        let expected = golden.get(name).unwrap_or_else(|| panic!("{name} is not in the file"));
        assert_eq!(hex(bytes), hex(expected), "{name}");
    }
    assert_eq!(golden.len(), written.len(), "the file has more than is written");
}

#[test]
fn bytes_are_those_of_the_golden_files() {
    GOLDENS.iter().for_each(check_written);
}

fn check_read(golden: &Golden) {
    let lines = read_file(&Path::new(DIR).join(golden.file));
    let read = codec::decode_batch(&lines["batch"]).unwrap();
    let commands = (golden.commands)();
    assert_eq!(read, Batch { stamp_ms: 1_800_000_000_000, commands });
    assert_eq!(codec::decode_changes(&lines["feed"]).unwrap(), (golden.changes)());
    let mut state = State::new(rowlock_raft_store::inventory::Config::default());
    let mut kinds = std::collections::BTreeSet::new();
    for (name, bytes) in &lines {
        if let Some(key) = name.strip_prefix("record ") {
            let key = RecordKey::from_bytes(&unhex(key)).unwrap();
            kinds.insert(unhex(&name["record ".len()..])[0]);
            state.load_record(key, bytes).unwrap();
        }
    }
    state.finish_load().unwrap();
    assert_eq!(kinds.into_iter().collect::<Vec<u8>>(), golden.kinds);
    assert_eq!(state.digest().to_vec(), lines["digest"]);
    assert_eq!(state.audit(), Vec::<String>::new());
}

#[test]
fn golden_bytes_are_read_as_what_was_written() {
    GOLDENS.iter().for_each(check_read);
}

#[test]
fn damaged_bytes_are_an_error_and_never_a_panic() {
    let all: Vec<Command> = GOLDENS.iter().flat_map(|golden| (golden.commands)()).collect();
    let bytes = codec::encode_batch(1, all.iter()).to_vec();
    for end in 1..bytes.len() {
        codec::decode_batch(&bytes[..end]).expect_err("cut short");
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut bent = bytes.clone();
            bent[at] ^= 1 << bit;
            codec::decode_batch(&bent).ok();
        }
    }
    let mut longer = bytes.clone();
    longer.push(0);
    codec::decode_batch(&longer).expect_err("more than a batch");
    let mut newer = bytes;
    newer[0] = 2;
    assert!(matches!(codec::decode_batch(&newer), Err(codec::Error::Version(2))));
}

#[test]
fn records_that_do_not_belong_together_are_refused() {
    let world = world();
    let records = records(&world.state);
    let load = |skip: u8| {
        let mut state = State::new(rowlock_raft_store::inventory::Config::default());
        for (key, bytes) in records.iter().filter(|(key, _)| key[0] != skip) {
            state.load_record(RecordKey::from_bytes(key).unwrap(), bytes)?;
        }
        state.finish_load()
    };
    load(99).expect("all of them are a state");
    for (skip, what) in [(1, "maps"), (4, "events"), (5, "seats"), (6, "bookings")] {
        assert!(load(skip).is_err(), "without {what}");
    }
}
