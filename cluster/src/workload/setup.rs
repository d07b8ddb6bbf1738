//! Events to load, on sale and untouched.

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::ProgressBar;
use rowlock_client::types::{EventId, EventSpec, Venue};
use rowlock_client::{Client, key, subject};

use crate::import::hall;

/// Events that are made at once.
const IN_FLIGHT_MAX: usize = 32;
/// The sale began so long ago: nodes' clocks may be behind ours.
const SALE_BEGAN_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * 3_600_000;
const PRICE: u64 = 8_000;
/// Nothing expires while it is measured or read back.
const HOLD_TTL_MS: u64 = 3_600_000;
const SUBJECT: &str = "workload";

/// Makes `count` events of `seats` seats each.
pub async fn events(
    client: &Client,
    count: usize,
    seats: u32,
    progress: &ProgressBar,
) -> anyhow::Result<Vec<EventId>> {
    events_holding(client, count, seats, HOLD_TTL_MS, progress).await
}

/// Makes them with holds of so long.
pub async fn events_holding(
    client: &Client,
    count: usize,
    seats: u32,
    hold_ttl_ms: u64,
    progress: &ProgressBar,
) -> anyhow::Result<Vec<EventId>> {
    let map = hall::draw(seats).with_context(|| format!("no hall has {seats} seats"))?;
    let (bytes, categories) = (map.encode()?, map.categories.len());
    let principal = subject::user_id(SUBJECT);
    let venue = key::venue_id();
    let hash = client.put_seat_map(venue.slot(), &bytes, principal).await?;
    let name = format!("Workload hall of {seats}");
    let doc = Venue {
        name: name.clone(),
        city: "Loadville".to_owned(),
        country: "XX".to_owned(),
        address: String::new(),
        position_e6: None,
        map: hash,
        capacity: seats,
    };
    client.put_venue(venue, doc, principal, key::request_key()).await?;
    let now_ms = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0);
    let spec = EventSpec {
        name: "Workload".to_owned(),
        description: String::new(),
        category: "Workload".to_owned(),
        venue,
        venue_name: name,
        city: "Loadville".to_owned(),
        country: "XX".to_owned(),
        date_ms: now_ms + 30 * DAY_MS,
        sale_start_ms: now_ms - SALE_BEGAN_MS,
        currency: "USD".to_owned(),
        prices: vec![PRICE; categories],
        image_url: String::new(),
        hold_ttl_ms,
        max_seats_per_user: 0,
        map: hash,
        position_e6: None,
    };
    progress.set_length(count as u64);
    stream::iter(0..count)
        .map(|_| one(client, &bytes, &spec, progress))
        .buffered(IN_FLIGHT_MAX)
        .try_collect()
        .await
}

async fn one(
    client: &Client,
    bytes: &[u8],
    spec: &EventSpec,
    progress: &ProgressBar,
) -> anyhow::Result<EventId> {
    let (event, principal) = (key::event_id(), subject::user_id(SUBJECT));
    client.put_seat_map(event.slot(), bytes, principal).await.context("bring the seat map")?;
    let made = client.create_event(event, spec.clone(), principal, key::request_key()).await;
    made.context("make an event")?;
    let published = client.publish_event(event, principal, key::request_key()).await;
    published.context("publish an event")?;
    progress.inc(1);
    Ok(event)
}
