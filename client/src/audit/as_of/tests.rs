use super::*;

const EVENT: EventId = EventId(7);
const ANNA: UserId = UserId(1);
const BERT: UserId = UserId(2);
const ONE: BookingId = BookingId(11);
const TWO: BookingId = BookingId(12);

fn held(booking: BookingId, seats: &[u32]) -> ChangeKind {
    ChangeKind::SeatsHeld {
        event: EVENT,
        booking,
        user: ANNA,
        seats: seats.to_vec(),
        expires_ms: 9,
    }
}

fn back(booking: BookingId, seats: &[u32], state: BookingState) -> SeatsReturned {
    SeatsReturned { event: EVENT, booking, seats: seats.to_vec(), state }
}

fn sold(booking: BookingId, seats: &[u32]) -> ChangeKind {
    let (seats, intent) = (seats.to_vec(), "pi".to_owned());
    ChangeKind::SeatsSold { event: EVENT, booking, user: ANNA, seats, amount: 1, intent }
}

fn areas(booking: BookingId, count: u32, state: BookingState) -> ChangeKind {
    ChangeKind::PlacesChanged { event: EVENT, booking, areas: vec![(0, count)], state }
}

fn was(kinds: &[ChangeKind]) -> EventAsOf {
    let mut was = EventAsOf::default();
    kinds.iter().for_each(|kind| was.take(EVENT, kind));
    was
}

fn seats(was: &EventAsOf) -> Vec<(u32, SeatAsOf)> {
    was.seats().into_iter().collect()
}

#[test]
fn a_booking_is_followed_from_its_hold_to_its_refund() {
    use BookingState::{Confirmed, Held, Paying, Refunded};
    let pass = ChangeKind::TicketTransferred { booking: ONE, place: 1, to: BERT, version: 1 };
    let all = [
        held(ONE, &[1, 2, 3]),
        ChangeKind::SeatsReturned(back(ONE, &[3], BookingState::Released)),
        ChangeKind::PaymentStarted { booking: ONE, attempt: 1, amount: 2 },
        ChangeKind::PaymentFailed { booking: ONE, attempt: 1, reason: String::new() },
        ChangeKind::PaymentStarted { booking: ONE, attempt: 2, amount: 2 },
        sold(ONE, &[1, 2]),
        pass,
        ChangeKind::SeatsReturned(back(ONE, &[1], Refunded)),
        ChangeKind::SeatsReturned(back(ONE, &[2], Refunded)),
    ];
    let states = (1..=all.len()).map(|end| {
        let was = was(&all[..end]);
        (was.bookings[&ONE].state, was.bookings[&ONE].seats.len())
    });
    assert_eq!(
        states.collect::<Vec<_>>(),
        [
            (Held, 3),
            (Held, 2),
            (Paying, 2),
            (Held, 2),
            (Paying, 2),
            (Confirmed, 2),
            (Confirmed, 2),
            (Confirmed, 1),
            (Refunded, 0)
        ]
    );
    let passed = was(&all[..7]);
    assert_eq!(seats(&passed), [(1, SeatAsOf::Sold(ONE)), (2, SeatAsOf::Sold(ONE))]);
    assert_eq!(passed.bookings[&ONE].holders[&1], BERT);
    assert_eq!(seats(&was(&all)), []);
}

#[test]
fn places_in_areas_keep_a_booking_alive() {
    let all = [
        areas(ONE, 3, BookingState::Held),
        held(ONE, &[1]),
        ChangeKind::SeatsReturned(back(ONE, &[1], BookingState::Released)),
        areas(ONE, 2, BookingState::Released),
        areas(ONE, 1, BookingState::Expired),
    ];
    let before = was(&all[..4]);
    let booking = &before.bookings[&ONE];
    assert_eq!((booking.state, booking.areas[&0]), (BookingState::Held, 1));
    assert_eq!(was(&all).bookings[&ONE].state, BookingState::Expired);
}

#[test]
fn what_is_exchanged_comes_on_top_of_what_is_left() {
    use BookingState::{Confirmed, Held, Refunded};
    let mut all = vec![
        areas(ONE, 2, Held),
        held(ONE, &[1, 2]),
        areas(ONE, 2, Confirmed),
        sold(ONE, &[1, 2]),
        // A seat and a place for two others.
        areas(ONE, 1, Refunded),
        ChangeKind::SeatsReturned(back(ONE, &[2], Refunded)),
        areas(ONE, 1, Confirmed),
        sold(ONE, &[3]),
    ];
    let one = |was: &EventAsOf| was.bookings[&ONE].clone();
    let some = one(&was(&all));
    let seats = some.seats.into_iter().collect::<Vec<_>>();
    assert_eq!((some.state, seats, some.areas[&0]), (Confirmed, vec![1, 3], 2));
    // And all that is left, for other seats.
    all.push(areas(ONE, 2, Refunded));
    all.push(ChangeKind::SeatsReturned(back(ONE, &[1, 3], Refunded)));
    all.push(sold(ONE, &[4]));
    let other = one(&was(&all));
    let seats = other.seats.into_iter().collect::<Vec<_>>();
    assert_eq!((other.state, seats, other.areas.len()), (Confirmed, vec![4], 0));
}

#[test]
fn seats_are_taken_blocked_and_kept() {
    let (seats_of, reason) = (vec![4, 5], String::new());
    let kept = TermsChange::SeatsKept { channel: "fans".to_owned(), seats: vec![6, 7] };
    let foreign = SeatsReturned { event: EventId(8), ..back(TWO, &[1], BookingState::Expired) };
    let all = [
        ChangeKind::SeatsBlocked { event: EVENT, seats: seats_of, reason },
        ChangeKind::SeatsUnblocked { event: EVENT, seats: vec![4] },
        ChangeKind::Terms { event: EVENT, change: kept },
        ChangeKind::Terms { event: EVENT, change: TermsChange::SeatsFreed(vec![7]) },
        held(ONE, &[1, 6]),
        ChangeKind::HoldsExpired(vec![foreign.clone()]),
    ];
    let (one, blocked) = (SeatAsOf::Held(ONE), (5, SeatAsOf::Blocked));
    let before = was(&all);
    assert_eq!(seats(&before), [(1, one), blocked, (6, one)]);
    assert!(!before.bookings.contains_key(&TWO), "it is another event's");
    let mut after = before;
    let expired = vec![foreign, back(ONE, &[1, 6], BookingState::Expired)];
    after.take(EVENT, &ChangeKind::HoldsExpired(expired));
    assert_eq!(seats(&after), [blocked, (6, SeatAsOf::Kept)]);
    // Paid for too late, and taken again.
    after.take(EVENT, &sold(ONE, &[1, 6]));
    assert_eq!(seats(&after)[0], (1, SeatAsOf::Sold(ONE)));
}
