//! Events to sell: made when one is needed, retired before a checker would drown in it.
//!
//! Invariants:
//! - An event takes new requests until it has had as many operations or unknown outcomes as its
//!   [`Bounds`] say; what was begun on it is finished all the same.
//! - Every event that was made is read to its end when the run is over.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rowlock_client::types::EventSpec;
use rowlock_client::{Client, Error};
use rowlock_proto::seat_map::{Category, Row, Seat, SeatMap, Section, Shape};
use rowlock_proto::{EventId, RequestKey, UserId, VenueId};
use tokio::time::Instant;

/// How much of one event a search can decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Operations of one event. With its seats and its share of reads that is less than 250 a seat.
    pub operations: u32,
    /// Unknown outcomes of one event: each doubles what a search may have to try.
    pub unknowns: u32,
    /// Events that take requests at a time: how many callers meet at one.
    pub open: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { operations: 400, unknowns: 20, open: 12 }
    }
}

const SEATS: u32 = 80;
const PRICE: u64 = 2_500;
/// How long a hold lasts here: short, so that many end within a run.
pub const HOLD_TTL_MS: u64 = 6_000;
const YEAR_2100_MS: u64 = 4_102_444_800_000;
const MAKE_TIMEOUT: Duration = Duration::from_secs(40);
const MAKE_PAUSE: Duration = Duration::from_millis(50);

/// An event that is sold.
#[derive(Debug)]
pub struct Stage {
    pub event: EventId,
    pub key: String,
    bounds: Bounds,
    operations: AtomicU32,
    unknowns: AtomicU32,
    replaced: AtomicBool,
}

impl Stage {
    pub const fn seats() -> u32 {
        SEATS
    }

    /// Counts an operation.
    pub fn begin(&self) {
        self.operations.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an outcome that is unknown.
    pub fn lose(&self) {
        self.unknowns.fetch_add(1, Ordering::Relaxed);
    }

    fn open(&self) -> bool {
        self.operations.load(Ordering::Relaxed) < self.bounds.operations
            && self.unknowns.load(Ordering::Relaxed) < self.bounds.unknowns
    }
}

/// All events of a run.
#[derive(Debug, Default)]
pub struct Stages {
    bounds: Bounds,
    open: Mutex<Vec<Arc<Stage>>>,
    all: Mutex<Vec<Arc<Stage>>>,
}

impl Stages {
    /// Makes the first events.
    pub async fn prepare(
        client: &Client,
        bounds: Bounds,
        random: &mut impl FnMut() -> u128,
    ) -> Result<Self, Error> {
        let stages = Self { bounds, ..Self::default() };
        for _ in 0..bounds.open {
            stages.add(make(client, bounds, random()).await?, None);
        }
        Ok(stages)
    }

    /// Every event that was made.
    pub fn all(&self) -> Vec<Arc<Stage>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An event to ask for seats of. One that is used up is replaced first, by one caller, while
    /// the others go elsewhere.
    pub async fn pick(
        &self,
        client: &Client,
        place: usize,
        random: u128,
    ) -> Result<Arc<Stage>, Error> {
        let chosen = {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let from = place % open.len().max(1);
            let turned = open[from..].iter().chain(&open[..from]);
            let mut turned = turned.cloned();
            match turned
                .clone()
                .find(|stage| !stage.open() && !stage.replaced.load(Ordering::Relaxed))
            {
                Some(stage) => stage,
                None => turned.find(|stage| stage.open()).ok_or_else(|| Error::Unavailable {
                    reason: "every event is being replaced".to_owned(),
                })?,
            }
        };
        if chosen.open() || chosen.replaced.swap(true, Ordering::Relaxed) {
            return Ok(chosen);
        }
        match make(client, self.bounds, random).await {
            Ok(stage) => Ok(self.add(stage, Some(&chosen))),
            Err(error) => {
                chosen.replaced.store(false, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    fn add(&self, stage: Stage, instead: Option<&Arc<Stage>>) -> Arc<Stage> {
        let stage = Arc::new(stage);
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&stage));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|old| instead.is_none_or(|instead| !Arc::ptr_eq(old, instead)));
        open.push(Arc::clone(&stage));
        stage
    }
}

fn map() -> SeatMap {
    let seat = |number: u32| Seat {
        label: (number + 1).to_string(),
        x_mm: i32::try_from(number).unwrap_or(0) * 500,
        y_mm: 0,
        category: 0,
        flags: 0,
    };
    SeatMap {
        width_mm: SEATS * 500,
        height_mm: 1_000,
        focus_mm: None,
        categories: vec![Category { name: "Stalls".to_owned(), colour: 0x22_88_cc }],
        sections: vec![Section {
            name: "Stalls".to_owned(),
            rows: vec![Row {
                label: "A".to_owned(),
                shape: Shape::Line,
                seats: (0..SEATS).map(seat).collect(),
            }],
        }],
        areas: Vec::new(),
    }
}

fn spec(map: rowlock_proto::SeatMapHash) -> EventSpec {
    EventSpec {
        name: "Fault run".to_owned(),
        description: String::new(),
        category: "test".to_owned(),
        venue: VenueId(1),
        venue_name: "Proving ground".to_owned(),
        city: "Nowhere".to_owned(),
        country: "XX".to_owned(),
        // The sale has begun and lasts, whatever the shard's clock shows.
        date_ms: YEAR_2100_MS,
        sale_start_ms: 1,
        currency: "EUR".to_owned(),
        prices: vec![PRICE],
        image_url: String::new(),
        hold_ttl_ms: HOLD_TTL_MS,
        max_seats_per_user: 0,
        map,
        position_e6: None,
    }
}

/// Makes and opens an event, trying again through whatever is broken just then.
pub async fn make(client: &Client, bounds: Bounds, random: u128) -> Result<Stage, Error> {
    let event = publish(client, &map(), random).await?;
    Ok(Stage {
        event,
        key: event.to_string(),
        bounds,
        operations: AtomicU32::new(0),
        unknowns: AtomicU32::new(0),
        replaced: AtomicBool::new(false),
    })
}

/// The same of any map.
pub async fn publish(client: &Client, map: &SeatMap, random: u128) -> Result<EventId, Error> {
    let event = EventId(random);
    let owner = UserId(random ^ 1);
    let key = |number: u128| RequestKey(random.wrapping_add(number));
    let bytes = map.encode().map_err(|error| Error::Unavailable { reason: error.to_string() })?;
    let deadline = Instant::now() + MAKE_TIMEOUT;
    let spec = loop {
        match client.put_seat_map(event.slot(), &bytes, owner).await {
            Ok(map) => break spec(map),
            Err(error) => retry(error, deadline).await?,
        }
    };
    while let Err(error) = client.create_event(event, spec.clone(), owner, key(1)).await {
        retry(error, deadline).await?;
    }
    while let Err(error) = client.publish_event(event, owner, key(2)).await {
        retry(error, deadline).await?;
    }
    Ok(event)
}

/// Waits a little, unless the answer is final or time is up.
async fn retry(error: Error, deadline: Instant) -> Result<(), Error> {
    if matches!(error, Error::Refused(_)) || Instant::now() >= deadline {
        return Err(error);
    }
    tokio::time::sleep(MAKE_PAUSE).await;
    Ok(())
}
