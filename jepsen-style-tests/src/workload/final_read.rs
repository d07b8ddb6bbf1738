//! The reads that end a run: every event's seats, and every booking it ever had.

use std::time::Duration;

use rowlock_client::{Client, Error};
use tokio::time::Instant;

use super::stage::Stage;
use super::{booking_value, position, seats_value};
use crate::history::{Function, Kind, Value};
use crate::recorder::Recorder;

const PAGE: u32 = 500;
const PAUSE: Duration = Duration::from_millis(50);

/// Reads one event to its end, and again whatever gets no answer until `deadline`.
pub async fn read(
    client: &Client,
    recorder: &Recorder,
    process: u64,
    stage: &Stage,
    deadline: Instant,
) -> Result<(), Error> {
    let last = || Value { last: true, ..Value::default() };
    let invoke = || {
        recorder.record(process, Kind::Invoke, Function::Read, &stage.key, Value::default(), None);
    };
    invoke();
    let seats = loop {
        match client.seats(stage.event).await {
            Ok(seats) => break seats,
            Err(error) => pause(error, deadline).await?,
        }
    };
    let mut value = last();
    seats_value(&seats.value.states, &mut value);
    let at = position(&seats.at, &mut value);
    recorder.record(process, Kind::Ok, Function::Read, &stage.key, value, Some(at));
    let mut after = 0;
    loop {
        invoke();
        let page = loop {
            match client.bookings(stage.event, after, PAGE).await {
                Ok(page) => break page,
                Err(error) => pause(error, deadline).await?,
            }
        };
        // One answer names many bookings; each becomes a read of its own, over the same time.
        for (index, booking) in page.value.items.iter().enumerate() {
            if index > 0 {
                invoke();
            }
            let mut value = last();
            booking_value(booking, &mut value);
            let at = position(&page.at, &mut value);
            recorder.record(process, Kind::Ok, Function::Read, &stage.key, value, Some(at));
            after = booking.id.locator().seq();
        }
        if page.value.items.is_empty() {
            recorder.record(
                process,
                Kind::Fail,
                Function::Read,
                &stage.key,
                Value::default(),
                None,
            );
        }
        if !page.value.more || page.value.items.is_empty() {
            return Ok(());
        }
    }
}

async fn pause(error: Error, deadline: Instant) -> Result<(), Error> {
    if matches!(error, Error::Refused(_)) || Instant::now() >= deadline {
        return Err(error);
    }
    tokio::time::sleep(PAUSE).await;
    Ok(())
}
