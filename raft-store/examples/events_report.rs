//! What half a million events would take: makes as many events of 10,000 seats as fit in a given time,
//! many untouched and some sold out, and reports memory and bytes of each as one line of JSON.
//!
//! `events_report [SECONDS]`, 600 unless it is told. Bytes are those of the files of a RocksDB once it is
//! compacted, untouched and sold-out events apart; memory is what the process has more of afterwards.
//! Sold-out events are left on disk as soon as they were looked at, as a node would do.

use std::time::{Duration, Instant};

use rowlock_proto::ids::{EventId, RequestKey, SeatMapHash, UserId, VenueId};
use rowlock_proto::seat_map::{Category, Row, Seat, SeatMap, Section, Shape};
use rowlock_proto::shard::{ShardId, mix64};
use rowlock_raft_store::engine::rocks::RocksEngine;
use rowlock_raft_store::engine::{Batch, Engine as _};
use rowlock_raft_store::inventory::{
    Command, CommandKind, Config, EventSpec, RecordKey, Reply, SYSTEM, State,
};
use rowlock_raft_store::keys::{self, Generation, Space};
use sha2::{Digest as _, Sha256};

const ROWS: u32 = 100;
const SEATS_PER_ROW: u32 = 100;
const SEATS: u32 = ROWS * SEATS_PER_ROW;
/// Sold-out events that are in memory together while it is measured.
const WHOLE: u32 = 20;
/// Untouched events that are made at most to use up free memory.
const FILL_MAX: u32 = 400_000;
/// Events that the memory of a cold one is measured by.
const COLD: u32 = 20_000;
/// What is asked about.
const EVENTS_WANTED: f64 = 500_000.0;
const SECONDS_DEFAULT: u64 = 600;
const STAMP_MS: u64 = 1_800_000_000_000;

/// Records that are written together.
const BATCH_BYTES: usize = 4 << 20;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn hall() -> Outcome<SeatMap> {
    let seat = |row: u32, number: u32| {
        let (x_mm, y_mm) = (i32::try_from(number * 550)?, i32::try_from(row * 900)?);
        Ok(Seat { label: number.to_string(), x_mm, y_mm, category: 0, flags: 0 })
    };
    let row = |row: u32| {
        let seats = (0..SEATS_PER_ROW).map(|number| seat(row, number));
        let seats = seats.collect::<Outcome<_>>()?;
        Ok(Row { label: row.to_string(), shape: Shape::Line, seats })
    };
    Ok(SeatMap {
        width_mm: SEATS_PER_ROW * 550,
        height_mm: ROWS * 900,
        focus_mm: None,
        categories: vec![Category { name: "All".to_owned(), colour: 0 }],
        sections: vec![Section {
            name: "Hall".to_owned(),
            rows: (0..ROWS).map(row).collect::<Outcome<_>>()?,
        }],
        areas: Vec::new(),
    })
}

/// Bytes of this process that are in memory.
fn resident() -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
    Ok(kib.parse::<f64>()? * 1024.0)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads a clock, not the core")]
fn now() -> Instant {
    Instant::now()
}

/// Events on disk.
struct Shelf {
    engine: RocksEngine,
    batch: Batch,
    events: u32,
    _dir: tempfile::TempDir,
}

impl Shelf {
    fn new() -> Outcome<Self> {
        let dir = tempfile::tempdir()?;
        let engine = RocksEngine::open(dir.path())?;
        Ok(Self { engine, batch: Batch::default(), events: 0, _dir: dir })
    }

    fn put(&mut self, events: u32, rows: &[(RecordKey, Vec<u8>)]) -> Outcome<()> {
        self.events += events;
        let prefix = keys::generation(ShardId(0), Generation::FIRST);
        for (key, bytes) in rows.iter().filter(|(key, _)| key.event().is_some()) {
            self.batch.put(Space::State, &[&prefix[..], &key.to_bytes()].concat(), bytes);
        }
        if self.batch.size() > BATCH_BYTES {
            self.engine.write(&std::mem::take(&mut self.batch))?;
        }
        Ok(())
    }

    /// Bytes of one event, once all are compacted.
    fn bytes_per_event(&mut self) -> Outcome<f64> {
        self.engine.write(&std::mem::take(&mut self.batch))?;
        let bytes = self.engine.compacted_bytes(Space::State)?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let bytes = bytes as f64;
        Ok((bytes / f64::from(self.events)).round())
    }
}

struct Core {
    state: State,
    map: SeatMapHash,
    index: u64,
    requests: u64,
    events: u32,
}

impl Core {
    fn new() -> Outcome<Self> {
        let data = hall()?.encode()?;
        let map = SeatMapHash(Sha256::digest(&data).into());
        let state = State::new(Config::default());
        let mut core = Self { state, map, index: 0, requests: 0, events: 0 };
        core.apply(SYSTEM, CommandKind::PutSeatMapPart { map, part: 0, parts: 1, data })?;
        Ok(core)
    }

    fn apply(&mut self, principal: UserId, kind: CommandKind) -> Outcome<Reply> {
        self.index += 1;
        self.requests += 1;
        let key = u128::from(mix64(self.requests)) << 64 | u128::from(self.requests);
        let command = Command { principal, key: RequestKey(key), kind };
        let applied = self.state.apply(STAMP_MS, self.index, &command);
        drop(self.state.take_changes());
        applied.answer.map_err(|refusal| format!("refused: {refusal}").into())
    }

    fn on_sale(&mut self) -> Outcome<EventId> {
        self.events += 1;
        let event = EventId(u128::from(mix64(self.events.into())) << 64 | 7);
        let spec = EventSpec {
            name: format!("Evening number {}", self.events),
            description: "An evening that is described in a sentence or two.".repeat(3),
            category: "concert".to_owned(),
            venue: VenueId(1),
            venue_name: "Hall".to_owned(),
            city: "Town".to_owned(),
            country: "Land".to_owned(),
            position_e6: None,
            date_ms: STAMP_MS * 2,
            sale_start_ms: 0,
            currency: *b"EUR",
            prices: vec![8_000],
            image_url: "https://example.org/picture.jpg".to_owned(),
            hold_ttl_ms: 600_000,
            max_seats_per_user: 0,
            map: self.map,
        };
        self.apply(SYSTEM, CommandKind::CreateEvent { event, spec: Box::new(spec) })?;
        self.apply(SYSTEM, CommandKind::PublishEvent { event })?;
        Ok(event)
    }

    /// Sells every seat, two a booking, as a customer with a card would buy them.
    fn sell_out(&mut self, event: EventId) -> Outcome<()> {
        for pair in 0..SEATS / 2 {
            let user = UserId(u128::from(mix64(self.requests)) << 64 | u128::from(pair));
            let seats = vec![pair * 2, pair * 2 + 1];
            let Reply::Booking(held) = self.apply(user, CommandKind::HoldSeats { event, seats })?
            else {
                return Err("a hold was answered otherwise".into());
            };
            let (booking, attempt) = (held.booking, 1);
            let intent = format!("pi_{:016x}", mix64(self.requests));
            self.apply(user, CommandKind::BeginPayment { booking, amount: held.total })?;
            let attach = CommandKind::AttachIntent { booking, attempt, intent: intent.clone() };
            self.apply(user, attach)?;
            self.apply(user, CommandKind::ConfirmPayment { booking, attempt, intent })?;
        }
        Ok(())
    }

    /// Puts events on sale that nobody buys of; their records.
    fn some_untouched(&mut self, count: u32) -> Outcome<Vec<(RecordKey, Vec<u8>)>> {
        for _ in 0..count {
            self.on_sale()?;
        }
        Ok(self.rows())
    }

    /// The records that are to be written.
    fn rows(&mut self) -> Vec<(RecordKey, Vec<u8>)> {
        let dirty = self.state.take_dirty().into_iter();
        dirty.filter_map(|key| Some((key, self.state.encode_record(key)?))).collect()
    }
}

#[expect(clippy::print_stdout, reason = "its one line of output")]
fn main() -> Outcome<()> {
    let seconds = std::env::args().nth(1).map_or(Ok(SECONDS_DEFAULT), |text| text.parse())?;
    let (began, time) = (now(), Duration::from_secs(seconds));
    let mut core = Core::new()?;
    core.rows();
    // Some that are whole, to see what they take; the first warms the allocator.
    let before = resident()?;
    let mut rows = Vec::new();
    for _ in 0..WHOLE {
        let event = core.on_sale()?;
        core.sell_out(event)?;
        rows = core.rows();
    }
    let whole_memory = (resident()? - before) / f64::from(WHOLE);
    let reckoned = core.state.resident_bytes() / u64::from(WHOLE);
    drop(core.state.evict_over(0));
    let back = now();
    let of_event = rows.iter().find_map(|(key, _)| key.event()).ok_or("no records")?;
    rows.retain(|(key, _)| key.event() == Some(of_event));
    core.state.wake(of_event, &rows).map_err(|error| error.to_string())?;
    let read_back = back.elapsed();
    drop(core.state.evict_over(0));
    drop(rows);
    // An untouched event takes what a cold one does. The memory that the first have given back is used
    // up before that is measured.
    let full = resident()?;
    let mut filled = 0;
    while resident()? <= full && filled < FILL_MAX {
        core.some_untouched(500)?;
        filled += 500;
    }
    let before = resident()?;
    core.some_untouched(COLD)?;
    let cold_memory = (resident()? - before) / f64::from(COLD);
    // Then as many as there is time for, one at a time in memory.
    let (mut untouched, mut sold) = (Shelf::new()?, Shelf::new()?);
    while began.elapsed() < time {
        untouched.put(50, &core.some_untouched(50)?)?;
        for _ in 0..10 {
            let event = core.on_sale()?;
            core.sell_out(event)?;
            let rows = core.rows();
            sold.put(1, &rows)?;
            drop(core.state.evict_over(0));
        }
    }
    let seconds = began.elapsed().as_secs();
    let (untouched_bytes, sold_bytes) = (untouched.bytes_per_event()?, sold.bytes_per_event()?);
    let gib = |bytes: f64| (bytes * EVENTS_WANTED / f64::from(1 << 30) * 100.0).round() / 100.0;
    let report = serde_json::json!({
        "events_made": core.events,
        "sold_out": sold.events,
        "seconds": seconds,
        "sold_out_event_memory_whole": whole_memory.round(),
        "sold_out_event_memory_reckoned": reckoned,
        "event_memory_cold": cold_memory.round(),
        "sold_out_event_bytes": sold_bytes,
        "untouched_event_bytes": untouched_bytes,
        "read_back_ms": (read_back.as_secs_f64() * 1e4).round() / 10.0,
        "half_a_million_gib": {
            "memory_all_cold": gib(cold_memory),
            "memory_all_whole_and_sold_out": gib(whole_memory),
            "disk_all_untouched": gib(untouched_bytes),
            "disk_all_sold_out": gib(sold_bytes),
        },
    });
    println!("{report}");
    Ok(())
}
