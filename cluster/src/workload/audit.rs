//! Every booking and seat read back: the count of what may never be, with seats sold twice first.

use std::collections::BTreeMap;

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rowlock_client::Client;
use rowlock_client::types::{Booking, BookingId, BookingState, EventId, SeatState};

const IN_FLIGHT_MAX: usize = 8;

/// What reading back found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Seats that more than one live booking has.
    pub double_sales: u64,
    /// Seats whose state and bookings tell different stories.
    pub mismatches: u64,
    /// Acknowledged bookings that are not there, or have other seats.
    pub lost: u64,
}

/// Reads `events` back; `kept` are the bookings that were acknowledged.
pub async fn audit(
    client: &Client,
    events: &[EventId],
    kept: &[(BookingId, Vec<u32>)],
) -> anyhow::Result<Found> {
    let read: Vec<(Found, BTreeMap<BookingId, Vec<u32>>)> = stream::iter(events)
        .map(|&event| async move {
            let bookings = client.all_bookings(event).await.context("read bookings back")?;
            let seats = client.seats(event).await.context("read seats back")?.value;
            let found = judge(&bookings, &seats.states);
            let live = bookings.into_iter().filter(is_live);
            Ok::<_, anyhow::Error>((found, live.map(|b| (b.id, b.seats)).collect()))
        })
        .buffer_unordered(IN_FLIGHT_MAX)
        .try_collect()
        .await?;
    let mut sum = Found::default();
    let mut all = BTreeMap::new();
    for (found, live) in read {
        sum.double_sales += found.double_sales;
        sum.mismatches += found.mismatches;
        all.extend(live);
    }
    let there = |(id, seats): &&(BookingId, Vec<u32>)| {
        all.get(id).is_some_and(|held| {
            held.len() == seats.len() && seats.iter().all(|seat| held.contains(seat))
        })
    };
    sum.lost = kept.iter().filter(|booking| !there(booking)).count() as u64;
    Ok(sum)
}

fn is_live(booking: &Booking) -> bool {
    match booking.state {
        BookingState::Held
        | BookingState::Paying
        | BookingState::Capturing
        | BookingState::Confirmed => true,
        BookingState::Released
        | BookingState::Expired
        | BookingState::RefundDue
        | BookingState::Refunded => false,
    }
}

fn judge(bookings: &[Booking], states: &[SeatState]) -> Found {
    let mut found = Found::default();
    let mut owners: Vec<Vec<BookingState>> = vec![Vec::new(); states.len()];
    for booking in bookings.iter().filter(|booking| is_live(booking)) {
        for &seat in &booking.seats {
            match owners.get_mut(seat as usize) {
                Some(owners) => owners.push(booking.state),
                None => found.mismatches += 1,
            }
        }
    }
    for (owners, state) in owners.iter().zip(states) {
        let fits = matches!(
            (owners.as_slice(), state),
            ([], SeatState::Available | SeatState::Blocked)
                | ([BookingState::Confirmed], SeatState::Sold)
                | (
                    [BookingState::Held | BookingState::Paying | BookingState::Capturing],
                    SeatState::Held
                )
        );
        found.double_sales += u64::from(owners.len() > 1);
        found.mismatches += u64::from(!fits);
    }
    found
}

#[cfg(test)]
mod tests {
    use rowlock_client::types::{BookingExtras, UserId};

    use super::*;

    fn booking(seats: &[u32], state: BookingState) -> Booking {
        Booking {
            id: BookingId(1),
            event: EventId(1),
            user: UserId(1),
            state,
            seats: seats.to_vec(),
            prices: vec![1; seats.len()],
            total: 0,
            currency: "USD".to_owned(),
            created_ms: 0,
            expires_ms: 0,
            payment_deadline_ms: 0,
            attempt: 0,
            intent: String::new(),
            confirmed_ms: 0,
            decline_reason: String::new(),
            extras: BookingExtras::default(),
        }
    }

    #[test]
    fn a_seat_sold_twice_is_found() {
        use BookingState::{Confirmed, Held, Released};
        use SeatState::{Available, Sold};
        let clean = [booking(&[0, 1], Confirmed), booking(&[1, 2], Released)];
        assert_eq!(judge(&clean, &[Sold, Sold, Available]), Found::default());
        let twice = [booking(&[0, 1], Confirmed), booking(&[1, 2], Held)];
        let found = judge(&twice, &[Sold, Sold, SeatState::Held]);
        assert_eq!((found.double_sales, found.mismatches), (1, 1));
        let free = judge(&[booking(&[0], Confirmed)], &[Available]);
        assert_eq!((free.double_sales, free.mismatches), (0, 1));
    }
}
