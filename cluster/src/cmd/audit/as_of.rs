//! What an event's seats and bookings were at a revision or a time.

use anyhow::Context as _;
use rowlock_client::audit::{EventAsOf, SeatAsOf, Until};
use rowlock_client::types::{BookingId, EventId};
use serde::Serialize;

use crate::cmd::Context;
use crate::output::table;

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Moment {
    /// What the event was after this revision of its shard.
    #[arg(long, conflicts_with_all = ["at", "since", "keep"])]
    at_revision: Option<u64>,
    /// What it was then: an RFC 3339 time, by the shard's replicated clock.
    #[arg(long, conflicts_with_all = ["since", "keep"])]
    at: Option<jiff::Timestamp>,
}

impl Moment {
    pub(super) fn until(&self) -> Option<Until> {
        let at = self.at.map(|at| Until::Time(u64::try_from(at.as_millisecond()).unwrap_or(0)));
        self.at_revision.map(Until::Revision).or(at)
    }
}

#[derive(Debug, Serialize)]
struct Was {
    event: String,
    /// Of the last change of the shard that counts.
    revision: u64,
    time_ms: u64,
    /// Not there: there was no such event yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// Those that were not free.
    seats: Vec<Seat>,
    bookings: Vec<Booking>,
}

#[derive(Debug, Serialize)]
struct Seat {
    seat: u32,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    booking: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
}

#[derive(Debug, Serialize)]
struct Booking {
    booking: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    state: String,
    seats: Vec<u32>,
    /// Area and places.
    areas: Vec<(u32, u32)>,
}

impl Was {
    fn of(event: EventId, was: &EventAsOf) -> Self {
        let user = |id: &BookingId| Some(was.bookings.get(id)?.user?.to_string());
        let seat = |(seat, state): (u32, SeatAsOf)| {
            let (state, booking) = match state {
                SeatAsOf::Held(booking) => ("held", Some(booking)),
                SeatAsOf::Sold(booking) => ("sold", Some(booking)),
                SeatAsOf::Blocked => ("blocked", None),
                SeatAsOf::Kept => ("kept", None),
            };
            let user = booking.as_ref().and_then(user);
            Seat { seat, state, booking: booking.map(|id| id.to_string()), user }
        };
        let bookings = was.bookings.iter().map(|(id, booking)| Booking {
            booking: id.to_string(),
            user: user(id),
            state: format!("{:?}", booking.state),
            seats: booking.seats.iter().copied().collect(),
            areas: booking.areas.iter().map(|(&area, &count)| (area, count)).collect(),
        });
        Self {
            event: event.to_string(),
            revision: was.revision,
            time_ms: was.time_ms,
            state: was.state.map(|state| format!("{state:?}")),
            seats: was.seats().into_iter().map(seat).collect(),
            bookings: bookings.collect(),
        }
    }
}

pub(super) async fn show(event: EventId, until: Until, context: &Context) -> anyhow::Result<bool> {
    let client = context.connect().await?;
    let was = client.event_as_of(event, until).await.context("fold the event's changes")?;
    context.output.show(&Was::of(event, &was), text);
    Ok(true)
}

fn text(was: &Was) -> String {
    let Was { event, revision, time_ms, state, seats, bookings } = was;
    let state = state.as_deref().unwrap_or("not there yet");
    let told = format!(
        "event {event} at revision {revision}, time {time_ms}: {state}; {} bookings were ever made",
        bookings.len()
    );
    if seats.is_empty() {
        return told;
    }
    let none = || "-".to_owned();
    let rows = seats.iter().map(|seat| {
        vec![
            seat.seat.to_string(),
            seat.state.to_owned(),
            seat.booking.clone().unwrap_or_else(none),
            seat.user.clone().unwrap_or_else(none),
        ]
    });
    format!("{}\n\n{told}", table(&["SEAT", "STATE", "BOOKING", "USER"], rows))
}
