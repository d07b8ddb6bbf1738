//! Speed and size of the bare inventory core, as one line of JSON: a map of 20,000 seats, two seats
//! a hold, one thread, no log and no disk.
//!
//! Bytes are those of the files of a RocksDB, under a node's options, once it is compacted: seats by their
//! column, bookings by their blocks, each kind in a database of its own. Requests and users are random
//! numbers, as real ones are, which nothing compresses.

use std::time::{Duration, Instant};

use rowlock_proto::ids::{EventId, RequestKey, SeatMapHash, UserId, VenueId};
use rowlock_proto::seat_map::{Category, Row, Seat, SeatMap, Section, Shape};
use rowlock_proto::shard::{ShardId, hash64, mix64};
use rowlock_raft_store::engine::rocks::RocksEngine;
use rowlock_raft_store::engine::{Batch, Engine as _};
use rowlock_raft_store::inventory::queue::{Admission, Phase, QueueRules};
use rowlock_raft_store::inventory::{
    Cart, Command, CommandKind, Config, EventSpec, QueueCommand, RecordKey, Reply, SYSTEM, State,
    Wanted,
};
use rowlock_raft_store::keys::{self, Generation, Space};
use sha2::{Digest as _, Sha256};

const ROWS: u32 = 200;
const SEATS_PER_ROW: u32 = 100;
const SEATS: u32 = ROWS * SEATS_PER_ROW;
/// Each is sold out once.
const EVENTS: u32 = 20;
/// Sold out by requests for the best two.
const BEST_EVENTS: u32 = 10;
/// Events of one map that nobody buys of.
const UNTOUCHED: u32 = 1_000;
/// Records that are written together.
const BATCH_BYTES: usize = 1 << 20;
/// Commands of one log entry, as a busy leader forms them.
const BATCH: usize = 64;
const STAMP_MS: u64 = 1_800_000_000_000;

fn hall() -> SeatMap {
    let seat = |row: u32, number: u32| Seat {
        label: number.to_string(),
        x_mm: i32::try_from(number * 550).expect("a hall is not that wide"),
        y_mm: i32::try_from(row * 900).expect("a hall is not that deep"),
        category: u8::from(row >= ROWS / 2),
        flags: 0,
    };
    let row = |row: u32| Row {
        label: row.to_string(),
        shape: Shape::Line,
        seats: (1..=SEATS_PER_ROW).map(|number| seat(row, number)).collect(),
    };
    SeatMap {
        width_mm: SEATS_PER_ROW * 550,
        height_mm: ROWS * 900,
        focus_mm: None,
        categories: [("Front", 0x0033_66cc), ("Back", 0x0099_ccff)]
            .map(|(name, colour)| Category { name: name.to_owned(), colour })
            .into(),
        sections: vec![Section { name: "Hall".to_owned(), rows: (1..=ROWS).map(row).collect() }],
        areas: Vec::new(),
    }
}

/// Entries of the waiting room that is measured.
const ENTRIES: u32 = 1_000_000;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

struct Core {
    state: State,
    index: u64,
}

impl Core {
    fn apply(&mut self, kind: CommandKind) -> Outcome<Reply> {
        self.index += 1;
        let command = Command { principal: SYSTEM, key: RequestKey(self.index.into()), kind };
        let applied = self.state.apply(STAMP_MS, self.index, &command);
        applied.answer.map_err(|refusal| format!("refused: {refusal}").into())
    }

    /// Applies commands that all must be granted, in batches; how long it took.
    fn sell(&mut self, commands: &[Command]) -> Duration {
        timed(|| {
            for batch in commands.chunks(BATCH) {
                self.index += 1;
                for command in batch {
                    let applied = self.state.apply(STAMP_MS, self.index, command);
                    assert!(applied.answer.is_ok(), "refused while there were seats");
                }
                drop(self.state.take_changes());
            }
        })
    }

    fn on_sale(&mut self, event: EventId, map: SeatMapHash) -> Outcome<()> {
        let spec = EventSpec {
            name: "On-sale".to_owned(),
            description: String::new(),
            category: "concert".to_owned(),
            venue: VenueId(1),
            venue_name: "Hall".to_owned(),
            city: "Town".to_owned(),
            country: "Land".to_owned(),
            position_e6: None,
            date_ms: STAMP_MS * 2,
            sale_start_ms: 0,
            currency: *b"EUR",
            prices: vec![8_000, 5_000],
            image_url: String::new(),
            hold_ttl_ms: 600_000,
            max_seats_per_user: 0,
            map,
        };
        self.apply(CommandKind::CreateEvent { event, spec: Box::new(spec) })?;
        self.apply(CommandKind::PublishEvent { event })?;
        Ok(())
    }
}

/// Holds of neighbouring pairs that sell the event out, in an order that looks random.
fn holds(event: EventId) -> Vec<Command> {
    let mut pairs: Vec<u32> = (0..SEATS / 2).collect();
    pairs.sort_by_key(|&pair| mix64(hash64(&event.to_bytes()) ^ u64::from(pair)));
    let wide = |salt: u64, pair: u32| {
        let high = mix64(hash64(&event.to_bytes()) ^ (salt << 32) ^ u64::from(pair));
        u128::from(high) << 64 | u128::from(mix64(high))
    };
    let hold = |pair: u32| Command {
        principal: UserId(wide(1, pair)),
        key: RequestKey(wide(2, pair)),
        kind: CommandKind::HoldSeats { event, seats: vec![pair * 2, pair * 2 + 1] },
    };
    pairs.into_iter().map(hold).collect()
}

/// Requests for the best two, until the event is sold out.
fn best_holds(event: EventId) -> Vec<Command> {
    let best = Wanted { quantity: 2, ..Wanted::default() };
    let cart = Cart { best: Some(best), ..Cart::default() };
    let hold = |mut hold: Command| {
        hold.kind = CommandKind::HoldCart { event, cart: Box::new(cart.clone()) };
        hold
    };
    holds(event).into_iter().map(hold).collect()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads a clock, not the core")]
fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn record_bytes(state: &State, wanted: impl Fn(RecordKey) -> bool) -> usize {
    let keys = state.record_keys().into_iter().filter(|&key| wanted(key));
    keys.filter_map(|key| Some(key.to_bytes().len() + state.encode_record(key)?.len())).sum()
}

/// What the files take that hold the records of the kinds that are wanted.
fn disk_bytes(state: &State, wanted: impl Fn(RecordKey) -> bool) -> Outcome<u64> {
    let dir = tempfile::tempdir()?;
    let engine = RocksEngine::open(dir.path())?;
    let prefix = keys::generation(ShardId(0), Generation::FIRST);
    let mut batch = Batch::default();
    for key in state.record_keys().into_iter().filter(|&key| wanted(key)) {
        let Some(bytes) = state.encode_record(key) else { continue };
        batch.put(Space::State, &[&prefix[..], &key.to_bytes()].concat(), &bytes);
        if batch.size() > BATCH_BYTES {
            engine.write(&std::mem::take(&mut batch))?;
        }
    }
    engine.write(&batch)?;
    Ok(engine.compacted_bytes(Space::State)?)
}

/// What events take that nobody has bought of, all of one map, which is counted too.
fn untouched_bytes(map: SeatMapHash) -> Outcome<u64> {
    let mut core = Core { state: State::new(Config::default()), index: 0 };
    let bytes = hall().encode()?;
    core.apply(CommandKind::PutSeatMapPart { map, part: 0, parts: 1, data: bytes })?;
    for number in 0..UNTOUCHED {
        core.on_sale(EventId(u128::from(mix64(number.into())) << 64 | 9), map)?;
        core.state.take_changes();
    }
    disk_bytes(&core.state, |_| true)
}

/// A waiting room with a million entries, of which every tenth leaves before the draw.
fn queue_report(map: SeatMapHash) -> Outcome<serde_json::Value> {
    let event = EventId(77);
    let mut core = Core { state: State::new(Config::default()), index: 0 };
    let bytes = hall().encode()?;
    core.apply(CommandKind::PutSeatMapPart { map, part: 0, parts: 1, data: bytes })?;
    core.on_sale(event, map)?;
    let secret = [9; 32];
    let rules = QueueRules {
        draw_opens_ms: STAMP_MS + 1,
        opens_ms: STAMP_MS + 2,
        reveal_by_ms: u64::MAX,
        commitment: Sha256::digest(secret).into(),
        public_source: String::new(),
        token_ms: 3_600_000,
        admission: Admission { rate_per_minute: 60_000, ..Admission::default() },
    };
    core.apply(CommandKind::Queue(QueueCommand::Open { event, rules: Box::new(rules) }))?;
    let mut at_ms = STAMP_MS + 1;
    let user = |entry: u32| UserId(u128::from(mix64(entry.into())) << 64 | u128::from(entry));
    let ask = |core: &mut Core, at_ms: u64, principal: UserId, command: QueueCommand| {
        core.index += 1;
        let command = Command { principal, key: RequestKey(0), kind: CommandKind::Queue(command) };
        let applied = core.state.apply(at_ms, core.index, &command);
        drop(core.state.take_changes());
        applied.answer.map_err(|refusal| format!("refused: {refusal}"))
    };
    let mut failed = Ok(Reply::Done);
    let joined = timed(|| {
        for entry in 0..ENTRIES {
            failed = ask(&mut core, at_ms, user(entry), QueueCommand::Join { event });
        }
    });
    failed?;
    for entry in (0..ENTRIES).step_by(10) {
        ask(&mut core, at_ms, user(entry), QueueCommand::Leave { event })?;
    }
    at_ms += 1;
    ask(&mut core, at_ms, SYSTEM, QueueCommand::FixPublicValue { event, value: vec![1] })?;
    let (mut longest, mut steps) = (Duration::ZERO, 0);
    let mut draw = Some(QueueCommand::Reveal { event, secret });
    while core.state.queue(event).is_some_and(|queue| queue.phase != Phase::Admitting) {
        let command = draw.take().unwrap_or(QueueCommand::Step { event });
        let mut answer = Ok(Reply::Done);
        longest = longest.max(timed(|| answer = ask(&mut core, at_ms, SYSTEM, command)));
        answer?;
        steps += 1;
    }
    let mut ahead = 0_u64;
    let looked = timed(|| {
        for entry in 0..ENTRIES {
            let place = core.state.queue_place(event, user(entry));
            ahead += place.map_or(0, |place| place.ahead.into());
        }
    });
    let bytes = record_bytes(&core.state, |key| {
        key.to_bytes().first().is_some_and(|tag| (16..=19).contains(tag))
    });
    at_ms += 1_000;
    let mut answer = Ok(Reply::Done);
    let step = QueueCommand::Step { event };
    let admitting = timed(|| answer = ask(&mut core, at_ms, SYSTEM, step));
    let waiting = core.state.queue(event).map_or(0, |queue| queue.waiting);
    assert_eq!(waiting, ENTRIES - ENTRIES / 10 - 1_000, "{answer:?}");
    let violations = core.state.audit();
    assert!(violations.is_empty(), "{violations:?}");
    let each = |spent: Duration| (spent.as_secs_f64() / f64::from(ENTRIES) * 1e9).round();
    let ms = |spent: Duration| (spent.as_secs_f64() * 1e5).round() / 1e2;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let bytes = (bytes as f64 / f64::from(ENTRIES) * 100.0).round() / 100.0;
    Ok(serde_json::json!({
        "entries": ENTRIES,
        "join_ns": each(joined),
        "position_ns": each(looked),
        "draw_commands": steps,
        "draw_longest_command_ms": ms(longest),
        "admit_1000_ms": ms(admitting),
        "bytes_per_entry": bytes,
        "mean_ahead": ahead / u64::from(waiting.max(1)),
    }))
}

#[expect(clippy::print_stdout, reason = "its one line of output")]
fn main() -> Outcome<()> {
    let mut core = Core { state: State::new(Config::default()), index: 0 };
    let bytes = hall().encode()?;
    let map = SeatMapHash(Sha256::digest(&bytes).into());
    core.apply(CommandKind::PutSeatMapPart { map, part: 0, parts: 1, data: bytes })?;
    let mut spent = Duration::ZERO;
    let untouched = untouched_bytes(map)?;
    for number in 0..EVENTS {
        let event = EventId(u128::from(number) << 64 | 7);
        core.on_sale(event, map)?;
        core.state.take_dirty();
        core.state.take_changes();
        spent += core.sell(&holds(event));
    }
    let sold = disk_bytes(&core.state, |key| matches!(key, RecordKey::Seats(..)))?;
    let booked = disk_bytes(&core.state, |key| matches!(key, RecordKey::Bookings(..)))?;
    let mut spent_best = Duration::ZERO;
    for number in EVENTS..EVENTS + BEST_EVENTS {
        let event = EventId(u128::from(number) << 64 | 7);
        core.on_sale(event, map)?;
        spent_best += core.sell(&best_holds(event));
    }
    let violations = core.state.audit();
    assert!(violations.is_empty(), "{violations:?}");
    let seats = f64::from(SEATS * EVENTS);
    let bookings = seats / 2.0;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let ratio = |bytes: u64, of: f64| (bytes as f64 / of * 1e4).round() / 1e4;
    let best = f64::from(SEATS * BEST_EVENTS) / 2.0;
    let report = serde_json::json!({
        "holds_per_s": (bookings / spent.as_secs_f64()).round(),
        "best_available_per_s": (best / spent_best.as_secs_f64()).round(),
        "bytes_per_seat_untouched": ratio(untouched, f64::from(SEATS) * f64::from(UNTOUCHED)),
        "bytes_per_seat_sold": ratio(sold, seats),
        "bytes_per_booking": ratio(booked, bookings),
        "queue": queue_report(map)?,
    });
    println!("{report}");
    Ok(())
}
