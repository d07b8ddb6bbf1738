//! What commands cost on halls of 1,000, 10,000 and 100,000 seats, and how long ten thousand holds that
//! end in the same second keep a shard: one line of JSON each. One thread, no log and no disk.
//!
//! Times of commands are medians. A hall is made of sections of 500 seats, so a search that names a
//! section looks at as many seats in each of them.

use std::time::{Duration, Instant};

use rowlock_proto::ids::{BookingId, EventId, RequestKey, SeatMapHash, UserId, VenueId};
use rowlock_proto::seat_map::{Category, Row, Seat, SeatMap, Section, Shape};
use rowlock_proto::shard::mix64;
use rowlock_raft_store::inventory::{
    Answer, Cart, Command, CommandKind, Config, EXPIRE_MAX, EventSpec, EventView, Reply, SYSTEM,
    State, Wanted,
};
use sha2::{Digest as _, Sha256};

const SEATS_PER_ROW: u32 = 50;
const ROWS_PER_SECTION: u32 = 10;
const SEATS_PER_SECTION: u32 = SEATS_PER_ROW * ROWS_PER_SECTION;
/// Commands of each kind that are timed; of bookings on the smallest hall there can't be more.
const SAMPLES: u32 = 50;
const START_MS: u64 = 1_800_000_000_000;
const HOLD_TTL_MS: u64 = 600_000;
/// Holds that end together.
const CROWD: u32 = 10_000;
/// Commands of one log entry.
const BATCH: u32 = 64;
/// No entry may keep the shard longer.
const STALL_MAX: Duration = Duration::from_millis(50);

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn hall(seats: u32) -> Outcome<SeatMap> {
    let seat = |section: u32, row: u32, number: u32| {
        Ok(Seat {
            label: number.to_string(),
            x_mm: i32::try_from(number * 550)?,
            y_mm: i32::try_from((section * (ROWS_PER_SECTION + 2) + row) * 900)?,
            category: 0,
            flags: 0,
        })
    };
    let row = |section: u32, row: u32| {
        let seats = (0..SEATS_PER_ROW).map(|number| seat(section, row, number));
        Ok(Row {
            label: row.to_string(),
            shape: Shape::Line,
            seats: seats.collect::<Outcome<_>>()?,
        })
    };
    let section = |section: u32| {
        let rows = (0..ROWS_PER_SECTION).map(|number| row(section, number));
        Ok(Section { name: section.to_string(), rows: rows.collect::<Outcome<_>>()? })
    };
    let sections = (0..seats / SEATS_PER_SECTION).map(section).collect::<Outcome<Vec<_>>>()?;
    Ok(SeatMap {
        width_mm: SEATS_PER_ROW * 550,
        height_mm: seats / SEATS_PER_SECTION * (ROWS_PER_SECTION + 2) * 900,
        focus_mm: None,
        categories: vec![Category { name: "All".to_owned(), colour: 0 }],
        sections,
        areas: Vec::new(),
    })
}

struct Core {
    state: State,
    map: SeatMapHash,
    now_ms: u64,
    index: u64,
    requests: u64,
    events: u32,
}

impl Core {
    fn new(seats: u32) -> Outcome<Self> {
        let bytes = hall(seats)?.encode()?;
        let map = SeatMapHash(Sha256::digest(&bytes).into());
        let mut core = Self {
            state: State::new(Config::default()),
            map,
            now_ms: START_MS,
            index: 0,
            requests: 0,
            events: 0,
        };
        let chunks: Vec<&[u8]> = bytes.chunks(1 << 20).collect();
        for (part, data) in (0..).zip(&chunks) {
            let (parts, data) = (u32::try_from(chunks.len())?, data.to_vec());
            core.system(CommandKind::PutSeatMapPart { map, part, parts, data })?;
        }
        Ok(core)
    }

    fn on_sale(&mut self) -> Outcome<EventId> {
        self.events += 1;
        let event = EventId(u128::from(self.events) << 64 | 7);
        let spec = EventSpec {
            name: "On-sale".to_owned(),
            description: String::new(),
            category: "concert".to_owned(),
            venue: VenueId(1),
            venue_name: "Hall".to_owned(),
            city: "Town".to_owned(),
            country: "Land".to_owned(),
            position_e6: None,
            date_ms: START_MS * 2,
            sale_start_ms: 0,
            currency: *b"EUR",
            prices: vec![8_000],
            image_url: String::new(),
            hold_ttl_ms: HOLD_TTL_MS,
            max_seats_per_user: 0,
            map: self.map,
        };
        self.system(CommandKind::CreateEvent { event, spec: Box::new(spec) })?;
        self.system(CommandKind::PublishEvent { event })?;
        Ok(event)
    }

    fn apply(&mut self, principal: UserId, kind: CommandKind) -> Answer {
        self.requests += 1;
        let key = RequestKey(mix64(self.requests).into());
        let applied = self.state.apply(self.now_ms, self.index, &Command { principal, key, kind });
        applied.answer
    }

    fn system(&mut self, kind: CommandKind) -> Outcome<Reply> {
        self.index += 1;
        Ok(self.apply(SYSTEM, kind).map_err(|refusal| format!("refused: {refusal}"))?)
    }

    /// A hold by somebody new.
    fn hold(&mut self, kind: CommandKind) -> Outcome<BookingId> {
        let user = UserId(mix64(self.requests + 1).into());
        match self.apply(user, kind) {
            Ok(Reply::Booking(booking)) => Ok(booking.booking),
            other => Err(format!("{other:?} instead of a hold").into()),
        }
    }
}

fn named(event: EventId, pair: u32) -> CommandKind {
    CommandKind::HoldSeats { event, seats: vec![pair * 2, pair * 2 + 1] }
}

fn best(event: EventId, sections: Vec<u16>) -> CommandKind {
    let best = Some(Wanted { quantity: 2, sections, ..Wanted::default() });
    CommandKind::HoldCart { event, cart: Box::new(Cart { best, ..Cart::default() }) }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads a clock, not the core")]
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let done = work();
    (began.elapsed(), done)
}

/// Microseconds, to a tenth.
fn us(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e7).round() / 10.0
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    us(times.get(times.len() / 2).copied().unwrap_or_default())
}

/// Median cost of each command on a hall of so many seats.
fn by_size(seats: u32) -> Outcome<serde_json::Value> {
    let mut core = Core::new(seats)?;
    let event = core.on_sale()?;
    // Memory of the event is taken before anything is timed.
    core.hold(named(event, 0))?;
    core.hold(best(event, vec![0]))?;
    core.hold(best(event, Vec::new()))?;
    let mut holds = Vec::new();
    let mut time_of = |core: &mut Core, kind: &dyn Fn(u32) -> CommandKind| -> Outcome<f64> {
        let mut times = Vec::new();
        for sample in 0..SAMPLES {
            core.index += 1;
            let kind = kind(sample);
            let (time, booking) = timed(|| core.hold(kind));
            times.push(time);
            holds.push(booking?);
        }
        Ok(median(times))
    };
    let pairs = seats / 2;
    let hold_named = time_of(&mut core, &|sample| named(event, pairs - 1 - sample))?;
    let hold_best_in_section = time_of(&mut core, &|_| best(event, vec![0]))?;
    let hold_best = time_of(&mut core, &|_| best(event, Vec::new()))?;
    let mut times = Vec::new();
    for booking in holds.drain(..holds.len() / 2) {
        core.index += 1;
        let (time, answer) = timed(|| core.system(CommandKind::ReleaseHold { booking }));
        answer?;
        times.push(time);
    }
    let release = median(times);
    let (read, _) = timed(|| core.state.event(event));
    core.now_ms += 2 * HOLD_TTL_MS;
    core.index += 1;
    let (expire, answer) = timed(|| core.system(CommandKind::ExpireDue { max: EXPIRE_MAX }));
    let Reply::Expired { retired, more: false } = answer? else {
        return Err("not every hold was retired".into());
    };
    let fresh = core.on_sale()?;
    let (first_in_section, answer) = timed(|| core.hold(best(fresh, vec![1])));
    answer?;
    let violations = core.state.audit();
    assert!(violations.is_empty(), "{violations:?}");
    Ok(serde_json::json!({
        "seats": seats,
        "hold_named_us": hold_named,
        "hold_best_in_section_us": hold_best_in_section,
        "hold_best_us": hold_best,
        "release_us": release,
        "expire_us_per_hold": us(expire / retired.max(1)),
        "read_event_us": us(read),
        "first_search_of_a_section_us": us(first_in_section),
    }))
}

/// Ten thousand holds of one event end in the same second while another is on sale. The sweeper's
/// command stands in every entry, beside the holds of the on-sale.
fn stall() -> Outcome<serde_json::Value> {
    let mut core = Core::new(50_000)?;
    let (ending, running) = (core.on_sale()?, core.on_sale()?);
    for pair in 0..CROWD {
        core.index += 1;
        core.hold(named(ending, pair))?;
    }
    core.state.take_changes();
    core.now_ms += 2 * HOLD_TTL_MS;
    let (mut longest, mut longest_read, mut entries) = (Duration::ZERO, Duration::ZERO, 0);
    let mut pair = 0;
    loop {
        core.index += 1;
        entries += 1;
        // A seat of the backlog that is swept last is to be had at once, whoever held it.
        let due_pair = CROWD - entries;
        let (time, more) = timed(|| -> Outcome<bool> {
            for _ in 0..BATCH {
                core.hold(named(running, pair))?;
                pair += 1;
            }
            core.hold(named(ending, due_pair))?;
            let swept = core.apply(SYSTEM, CommandKind::ExpireDue { max: EXPIRE_MAX });
            Ok(matches!(swept, Ok(Reply::Expired { more: true, .. })))
        });
        longest = longest.max(time);
        let (time, views) = timed(|| (core.state.event(ending), core.state.event(running)));
        longest_read = longest_read.max(time);
        let held = |view: &Option<_>, held| view_held(view) == Some(held);
        assert!(held(&views.0, 2 * entries) && held(&views.1, 2 * pair), "due holds read as free");
        drop(core.state.take_changes());
        if !more? {
            break;
        }
    }
    let violations = core.state.audit();
    assert!(violations.is_empty(), "{violations:?}");
    assert!(longest < STALL_MAX, "an entry kept the shard for {longest:?}");
    Ok(serde_json::json!({
        "holds_due": CROWD,
        "entries": entries,
        "longest_apply_ms": us(longest) / 1_000.0,
        "longest_read_ms": us(longest_read) / 1_000.0,
    }))
}

fn view_held(view: &Option<EventView>) -> Option<u32> {
    view.as_ref().map(|view| view.counts.held)
}

#[expect(clippy::print_stdout, reason = "its output")]
fn main() -> Outcome<()> {
    for seats in [1_000, 10_000, 100_000] {
        println!("{}", by_size(seats)?);
    }
    println!("{}", stall()?);
    Ok(())
}
