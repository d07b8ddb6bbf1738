//! A crowd that takes the best seats there are and places in an area, pays, and comes to the doors.
//!
//! Owns: what it asks for, and its record in `history.crowd.jsonl`. Must not: judge answers.
//!
//! Invariants:
//! - One event is sold at a time. The next is opened when there is little left to fight for.
//! - Each ticket is shown at two doors at once, once.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rowlock_client::types::{Best, Booking, BookingState, Cart, Confirmed};
use rowlock_client::{Client, Error};
use rowlock_proto::seat_map::{Area, Category, Row, Seat, SeatMap, Section, Shape};
use rowlock_proto::{EventId, RequestKey, UserId};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::stage::{self, HOLD_TTL_MS};
use crate::checker::crowd::{Function, Line, Outcome};
use crate::recorder::Clock;

/// Callers at once.
const CALLERS: u64 = 6;
/// Pause of one caller between what it does, on average.
const PACE: Duration = Duration::from_millis(120);
const ROWS: i32 = 3;
const SEATS_PER_ROW: i32 = 20;
/// What the area has room for.
const CAPACITY: u32 = 40;
const AREA: u32 = 0;
/// Refusals in a row after which an event counts as sold out.
const REFUSALS_MAX: u32 = 40;
const PAGE: u32 = 500;
const PAUSE: Duration = Duration::from_millis(50);
const DOORS: [&str; 2] = ["north", "south"];

/// Why the crowd could not begin or end.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error("record of the crowd")]
    Io(#[from] std::io::Error),
    #[error("events of the crowd: {0}")]
    Client(#[from] Error),
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    out: Mutex<(BufWriter<File>, Option<std::io::Error>)>,
    events: Mutex<Vec<EventId>>,
    refusals: AtomicU32,
}

/// The crowd at work.
#[derive(Debug)]
pub struct Crowd {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

fn map() -> SeatMap {
    let seat = |row: i32, number: i32| Seat {
        label: (number + 1).to_string(),
        x_mm: number * 500,
        y_mm: row * 800,
        category: 0,
        flags: 0,
    };
    let row = |row: i32| Row {
        label: (row + 1).to_string(),
        shape: Shape::Line,
        seats: (0..SEATS_PER_ROW).map(|number| seat(row, number)).collect(),
    };
    SeatMap {
        width_mm: 10_000,
        height_mm: 6_000,
        focus_mm: None,
        categories: vec![Category { name: "All".to_owned(), colour: 0x22_88_cc }],
        sections: vec![Section { name: "Stalls".to_owned(), rows: (0..ROWS).map(row).collect() }],
        areas: vec![Area {
            name: "Standing".to_owned(),
            category: 0,
            capacity: CAPACITY,
            x_mm: 0,
            y_mm: 3_000,
            width_mm: 10_000,
            height_mm: 3_000,
        }],
    }
}

impl Shared {
    fn line(&self, f: Function, event: EventId, booking: Option<String>) -> Line {
        let now_ns = self.clock.now_ns();
        Line {
            f,
            event: event.to_string(),
            booking,
            seats: Vec::new(),
            places: 0,
            ttl_ms: HOLD_TTL_MS,
            door: None,
            sold: false,
            outcome: Outcome::Done,
            refused: None,
            start_ns: now_ns,
            end_ns: now_ns,
        }
    }

    fn write(&self, mut line: Line) {
        line.end_ns = self.clock.now_ns();
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let written = serde_json::to_writer(&mut out.0, &line).map_err(std::io::Error::from);
        if let Err(error) = written.and_then(|()| out.0.write_all(b"\n")) {
            out.1.get_or_insert(error);
        }
    }

    /// Writes down how a call ended, and hands on what it gave.
    fn ended<T>(&self, mut line: Line, answer: Result<T, Error>) -> Option<T> {
        let (outcome, refused) = match &answer {
            Ok(_) => (Outcome::Done, None),
            Err(Error::Refused(refusal)) => {
                (Outcome::Refused, Some(refusal.code.as_str().to_owned()))
            }
            Err(Error::Unavailable { .. }) => (Outcome::Undecided, None),
            Err(Error::Unknown) => (Outcome::Unknown, None),
        };
        (line.outcome, line.refused) = (outcome, refused);
        self.write(line);
        answer.ok()
    }

    /// Counts refusals in a row.
    fn count(&self, refused: bool) {
        if refused {
            self.refusals.fetch_add(1, Ordering::Relaxed);
        } else {
            self.refusals.store(0, Ordering::Relaxed);
        }
    }

    /// True for one caller alone, once an event is sold out.
    fn is_full(&self) -> bool {
        let full = |refusals: u32| (refusals >= REFUSALS_MAX).then_some(0);
        self.refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, full).is_ok()
    }

    async fn open(&self, client: &Client, random: u128) -> Result<(), Error> {
        let event = stage::publish(client, &map(), random).await?;
        self.write(Line { places: CAPACITY, ..self.line(Function::Open, event, None) });
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        self.refusals.store(0, Ordering::Relaxed);
        Ok(())
    }
}

impl Crowd {
    /// Opens the first event and lets the crowd in until `until`.
    pub async fn start(
        clients: &[Client],
        seed: u64,
        path: &Path,
        clock: Clock,
        until: Duration,
    ) -> Result<Self, Failed> {
        let shared = Arc::new(Shared {
            clock,
            out: Mutex::new((BufWriter::new(File::create(path)?), None)),
            events: Mutex::default(),
            refusals: AtomicU32::new(0),
        });
        let mut random = StdRng::seed_from_u64(seed ^ 0x6372_6f77_6400_0000);
        if let Some(client) = clients.first() {
            shared.open(client, random.random()).await?;
        }
        let mut tasks = JoinSet::new();
        for (_, client) in (0..CALLERS).zip(clients.iter().cycle()) {
            let caller = Caller {
                shared: Arc::clone(&shared),
                client: client.clone(),
                random: StdRng::seed_from_u64(random.random()),
            };
            tasks.spawn(caller.run(until));
        }
        Ok(Self { shared, tasks })
    }

    /// Waits until all have gone.
    pub async fn leave(&mut self) -> Result<(), tokio::task::JoinError> {
        while let Some(ended) = self.tasks.join_next().await {
            ended?;
        }
        Ok(())
    }

    /// Reads every booking of every event, by `deadline`, and closes the record.
    pub async fn finish(self, client: &Client, deadline: Instant) -> Result<(), Failed> {
        let events = self.shared.events.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for event in events {
            let mut after = 0;
            loop {
                let page = loop {
                    match client.bookings(event, after, PAGE).await {
                        Ok(page) => break page.value,
                        Err(error) if Instant::now() >= deadline => return Err(error.into()),
                        Err(_) => tokio::time::sleep(PAUSE).await,
                    }
                };
                for booking in &page.items {
                    after = booking.id.locator().seq();
                    self.last(booking);
                }
                if !page.more || page.items.is_empty() {
                    break;
                }
            }
        }
        let mut out = self.shared.out.lock().unwrap_or_else(PoisonError::into_inner);
        match out.1.take() {
            Some(error) => Err(error.into()),
            None => Ok(out.0.flush()?),
        }
    }

    fn last(&self, booking: &Booking) {
        let line = self.shared.line(Function::Last, booking.event, Some(booking.id.to_string()));
        let redeemed = booking.extras.tickets.iter().find_map(|ticket| ticket.redeemed.as_ref());
        self.shared.write(Line {
            seats: booking.seats.clone(),
            places: places(booking),
            sold: booking.state == BookingState::Confirmed,
            door: redeemed.map(|(_, door)| door.clone()),
            ..line
        });
    }
}

fn places(booking: &Booking) -> u32 {
    booking.extras.areas.iter().map(|line| line.count).sum()
}

struct Caller {
    shared: Arc<Shared>,
    client: Client,
    random: StdRng,
}

impl Caller {
    async fn run(mut self, until: Duration) {
        while self.shared.clock.elapsed() < until {
            self.step().await;
            let pace = PACE.mul_f64(self.random.random_range(0.2..1.8));
            tokio::time::sleep(pace).await;
        }
    }

    async fn step(&mut self) {
        let last = {
            let events = self.shared.events.lock().unwrap_or_else(PoisonError::into_inner);
            events.last().copied()
        };
        let Some(event) = last else { return };
        // One caller sees that it is full, and opens the next.
        if self.shared.is_full() {
            let opened = self.shared.open(&self.client, self.random.random()).await;
            if let Err(error) = opened {
                tracing::debug!(%error, "no event for the crowd");
            }
            return;
        }
        let (owner, key) = (UserId(self.random.random()), RequestKey(self.random.random()));
        let count = self.random.random_range(1..=4);
        let cart = if self.random.random_bool(0.6) {
            let best = Best { quantity: count, ..Best::default() };
            Cart { best: Some(best), ..Cart::default() }
        } else {
            Cart { areas: vec![(AREA, count)], ..Cart::default() }
        };
        let line = self.shared.line(Function::Hold, event, None);
        let held = self.client.hold_cart(event, cart, owner, key).await;
        let full = matches!(held, Err(Error::Refused(_)));
        self.shared.count(full);
        let line = match &held {
            Ok(held) => Line {
                booking: Some(held.value.id.to_string()),
                seats: held.value.seats.clone(),
                places: places(&held.value),
                ..line
            },
            Err(_) => line,
        };
        let Some(held) = self.shared.ended(line, held) else { return };
        match self.random.random_range(0..100) {
            0..35 => self.buy(held.value, owner, key).await,
            35..75 => {
                let id = held.value.id;
                let line = self.shared.line(Function::Release, event, Some(id.to_string()));
                let released = self.client.release(id, owner, RequestKey(key.0 ^ 1)).await;
                self.shared.ended(line, released);
            }
            // Left to lapse.
            _ => {}
        }
    }

    async fn buy(&mut self, held: Booking, owner: UserId, key: RequestKey) {
        let line = self.shared.line(Function::Confirm, held.event, Some(held.id.to_string()));
        let paid = self.pay(&held, owner, key).await;
        // Told that its money goes back, it has no seats.
        if let Ok(Confirmed::RefundDue(_)) = &paid {
            let refused = Some("refund-due".to_owned());
            return self.shared.write(Line { outcome: Outcome::Refused, refused, ..line });
        }
        if self.shared.ended(line, paid).is_none() {
            return;
        }
        let scan = |door: &'static str, key: RequestKey| {
            let (shared, client) = (Arc::clone(&self.shared), self.client.clone());
            let (id, event) = (held.id, held.event);
            async move {
                let line = shared.line(Function::Redeem, event, Some(id.to_string()));
                let line = Line { door: Some(door.to_owned()), ..line };
                let let_in = client.redeem_ticket(id, 0, 0, door, owner, key).await;
                shared.ended(line, let_in);
            }
        };
        let [north, south] = DOORS;
        tokio::join!(scan(north, RequestKey(key.0 ^ 16)), scan(south, RequestKey(key.0 ^ 32)));
    }

    async fn pay(
        &self,
        held: &Booking,
        owner: UserId,
        key: RequestKey,
    ) -> Result<Confirmed, Error> {
        let step = |step: u128| RequestKey(key.0 ^ step);
        let intent = format!("intent-{key}");
        let begun = self.client.begin_payment(held.id, held.total, owner, step(2)).await?;
        let attempt = begun.value.attempt;
        self.client.attach_intent(held.id, attempt, &intent, owner, step(4)).await?;
        let confirmed =
            self.client.confirm_payment(held.id, attempt, &intent, owner, step(8)).await?;
        Ok(confirmed.value)
    }
}
