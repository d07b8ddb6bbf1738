//! The clients of a workload, from the first call to the last.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rowlock_client::types::{BookingId, EventId};

use super::path::{Caller, Held, Won};
use super::seats::{Cursor, InTurn, Wanted};

/// Longest time that is told apart: a minute.
const LATENCY_US_MAX: u64 = 60_000_000;
/// After an answer that decided nothing, so that an outage is not made worse.
const UNAVAILABLE_PAUSE: Duration = Duration::from_millis(20);

/// Where clients find their next seats.
#[derive(Clone, Debug)]
pub enum Source {
    /// Each pair once.
    Cursor(Arc<Cursor>),
    /// All want the seats of one event.
    Hot { event: EventId, seats: u32 },
    /// All want the best pair of one event, and of the next when there is none.
    Best(Arc<InTurn>),
}

/// What one client, or all, saw.
#[derive(Debug)]
pub struct Seen {
    pub ok: u64,
    pub refused: u64,
    pub unknown: u64,
    pub unavailable: u64,
    /// What followed a win (payment or release) and failed.
    pub after_failed: u64,
    pub latency_us: Histogram<u64>,
    /// When the last call came back.
    pub ended: Instant,
    /// Bookings that were acknowledged and kept.
    pub kept: Vec<(BookingId, Vec<u32>)>,
    /// When holds were answered, if that is wanted.
    pub answers: Vec<Instant>,
}

impl Seen {
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            ok: 0,
            refused: 0,
            unknown: 0,
            unavailable: 0,
            after_failed: 0,
            latency_us: Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)?,
            ended: Instant::now(),
            kept: Vec::new(),
            answers: Vec::new(),
        })
    }

    pub fn add(&mut self, other: Self) -> anyhow::Result<()> {
        self.ok += other.ok;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.unavailable += other.unavailable;
        self.after_failed += other.after_failed;
        self.latency_us.add(&other.latency_us)?;
        self.ended = self.ended.max(other.ended);
        self.kept.extend(other.kept);
        self.answers.extend(other.answers);
        Ok(())
    }
}

/// What all clients share.
#[derive(Debug)]
pub struct Shared {
    pub stop: AtomicBool,
    /// For the progress bar.
    pub holds: AtomicU64,
    /// Whether each keeps when holds were answered: a day's load has billions.
    pub keeps_answers: bool,
}

/// What a client does with seats that it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    Keep,
    Confirm,
    Release,
}

/// One client until it is told to stop or nothing is left.
pub async fn client(
    caller: Caller,
    source: Source,
    after: After,
    shared: Arc<Shared>,
) -> anyhow::Result<Seen> {
    let mut seen = Seen::new()?;
    let mut wanted = match &source {
        Source::Hot { seats, .. } => Wanted::new(*seats),
        Source::Cursor(_) | Source::Best(_) => Wanted::new(0),
    };
    while !shared.stop.load(Ordering::Relaxed) {
        let next = match &source {
            Source::Cursor(cursor) => cursor.next().map(|(event, seats)| (event, Some(seats))),
            Source::Hot { event, .. } => wanted.pick().map(|seats| (*event, Some(seats))),
            Source::Best(events) => events.current().map(|event| (event, None)),
        };
        let Some((event, seats)) = next else { break };
        let began = Instant::now();
        let held = match seats {
            Some(seats) => caller.hold(event, seats).await,
            None => caller.hold_best(event, 2).await,
        };
        let answered = Instant::now();
        let took_us = u64::try_from((answered - began).as_micros()).unwrap_or(u64::MAX);
        if shared.keeps_answers {
            seen.answers.push(answered);
        }
        match held {
            Held::Yes(won) => {
                seen.ok += 1;
                seen.latency_us.saturating_record(took_us);
                shared.holds.fetch_add(1, Ordering::Relaxed);
                follow(&caller, after, &won, &mut seen).await;
                if after != After::Release {
                    wanted.gone(&won.seats);
                    seen.kept.push((won.booking, won.seats));
                }
            }
            Held::No(taken) => {
                if let Source::Best(events) = &source {
                    // No pair is left: that is how an event ends, and no refusal to count.
                    events.sold_out(event);
                    continue;
                }
                seen.refused += 1;
                seen.latency_us.saturating_record(took_us);
                if after != After::Release {
                    wanted.gone(&taken);
                }
            }
            Held::Unknown => seen.unknown += 1,
            Held::Unavailable => {
                seen.unavailable += 1;
                tokio::time::sleep(UNAVAILABLE_PAUSE).await;
            }
        }
    }
    seen.ended = Instant::now();
    Ok(seen)
}

async fn follow(caller: &Caller, after: After, won: &Won, seen: &mut Seen) {
    let followed = match after {
        After::Keep => Ok(()),
        After::Confirm => caller.confirm(won).await,
        After::Release => caller.release(won).await,
    };
    if let Err(error) = followed {
        tracing::warn!("after a hold: {error:#}");
        seen.after_failed += 1;
    }
}
