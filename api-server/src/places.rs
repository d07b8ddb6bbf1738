//! The places of a booking by number, and areas as the API names them.
//!
//! Numbers are the cluster's: the seats of the grant in order, then the places in areas in the order
//! of the map; a place that was given back keeps its number. Of a booking that was exchanged the cluster
//! says each number, since seats may have come after places in areas. A ticket is named by its place.

use std::fmt;
use std::str::FromStr;

use rowlock_client::types::{Booking, EventId, Ticket, UserId};
use rowlock_proto::SeatId;

use crate::tickets::NO_SEAT;

/// Stands before a seat's id to make an area's: the same event, another kind of number.
const AREA_PREFIX: &str = "area-";

/// An area without seats, as the API names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AreaId(SeatId);

impl AreaId {
    pub(crate) const fn new(event: EventId, index: u32) -> Self {
        Self(SeatId::new(event, index))
    }

    /// The area's index in the event's map, if it is one of `event`.
    pub(crate) const fn index_in(self, event: EventId) -> Option<u32> {
        self.0.index_in(event)
    }
}

impl fmt::Display for AreaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seat = self.0.to_string();
        let (_, number) = seat.split_once('-').unwrap_or(("", &seat));
        write!(f, "{AREA_PREFIX}{number}")
    }
}

impl FromStr for AreaId {
    type Err = rowlock_proto::ids::ParseIdError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_prefix(AREA_PREFIX).unwrap_or("");
        format!("seat-{number}").parse().map(Self)
    }
}

/// What a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlaceKind {
    Seat(u32),
    /// Index of the area.
    Area(u32),
}

impl PlaceKind {
    /// The seat, as a ticket's code says it.
    pub(crate) const fn seat_in_code(self) -> u32 {
        match self {
            Self::Seat(seat) => seat,
            Self::Area(_) => NO_SEAT,
        }
    }
}

/// One place that the booking still has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BookedPlace<'a> {
    pub(crate) number: u32,
    pub(crate) kind: PlaceKind,
    pub(crate) price: u64,
    /// What happened to its ticket; nothing yet if there is none.
    pub(crate) ticket: Option<&'a Ticket>,
}

impl BookedPlace<'_> {
    /// Whose ticket it is.
    pub(crate) fn holder(&self, booking: &Booking) -> UserId {
        self.ticket.and_then(|ticket| ticket.holder).unwrap_or(booking.user)
    }

    /// How often the ticket changed hands.
    pub(crate) fn version(&self) -> u32 {
        self.ticket.map_or(0, |ticket| ticket.version)
    }
}

/// Every place that the booking still has, seats first.
pub(crate) fn places(booking: &Booking) -> impl Iterator<Item = BookedPlace<'_>> {
    let extras = &booking.extras;
    let counted = (0..).filter(|number| !extras.gone.contains(number));
    let counted = counted.take(if extras.numbers.is_empty() { usize::MAX } else { 0 });
    let numbers = extras.numbers.iter().copied().chain(counted);
    let seats = booking.seats.iter().zip(&booking.prices);
    let seats = seats.map(|(&seat, &price)| (PlaceKind::Seat(seat), price));
    let areas = extras.areas.iter().flat_map(|line| {
        std::iter::repeat_n((PlaceKind::Area(line.area), line.price), line.count as usize)
    });
    numbers.zip(seats.chain(areas)).map(|(number, (kind, price))| BookedPlace {
        number,
        kind,
        price,
        ticket: extras.tickets.iter().find(|ticket| ticket.place == number),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_came_by_exchange_have_the_numbers_that_the_cluster_says() {
        let mut booking = Booking {
            id: rowlock_client::types::BookingId(1),
            event: EventId(7),
            user: UserId(1),
            state: rowlock_client::types::BookingState::Confirmed,
            seats: vec![4, 9],
            prices: vec![10, 20],
            total: 35,
            currency: "EUR".to_owned(),
            created_ms: 0,
            expires_ms: 0,
            payment_deadline_ms: 0,
            attempt: 0,
            intent: String::new(),
            confirmed_ms: 0,
            decline_reason: String::new(),
            extras: rowlock_client::types::BookingExtras::default(),
        };
        booking.extras.areas =
            vec![rowlock_client::types::AreaLine { area: 0, count: 1, price: 5 }];
        booking.extras.gone = vec![1];
        let numbers = |booking: &Booking| -> Vec<(u32, PlaceKind)> {
            places(booking).map(|place| (place.number, place.kind)).collect()
        };
        let (four, nine, lawn) = (PlaceKind::Seat(4), PlaceKind::Seat(9), PlaceKind::Area(0));
        assert_eq!(numbers(&booking), [(0, four), (2, nine), (3, lawn)]);
        // Seat 9 came for a place in the area.
        booking.extras.gone = vec![1, 2];
        booking.extras.numbers = vec![0, 4, 3];
        assert_eq!(numbers(&booking), [(0, four), (4, nine), (3, lawn)]);
    }

    #[test]
    fn an_area_is_named_with_its_event() {
        let (event, other) = (EventId(7), EventId(9));
        let id = AreaId::new(event, 3);
        let text = id.to_string();
        assert!(text.starts_with("area-"), "{text}");
        assert_eq!(text.parse::<AreaId>().unwrap(), id);
        assert_eq!((id.index_in(event), id.index_in(other)), (Some(3), None));
        text.parse::<SeatId>().unwrap_err();
        SeatId::new(event, 3).to_string().parse::<AreaId>().unwrap_err();
        "".parse::<AreaId>().unwrap_err();
    }
}
