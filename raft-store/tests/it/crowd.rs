//! A crowd that asks for the best seats at once.

use std::collections::BTreeSet;

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, EventId, UserId};
use rowlock_proto::seat_map::{Category, Row, Seat, SeatMap, Section, Shape};
use rowlock_raft_store::inventory::{Cart, CommandKind, Reply, Together, Wanted, seat_state};

use super::fixture::{World, booking, map_hash, spec};

const EVENT: EventId = EventId(9);
const ROWS: u32 = 25;
/// Rows with an odd number of seats: the last of each can't be sold to a pair.
const SEATS_A_ROW: u32 = 41;
const BEST: u8 = 0;

/// The nearer rows are the best category, the rest another.
fn hall() -> Vec<u8> {
    let seat = |row: u32, number: u32| Seat {
        label: number.to_string(),
        x_mm: i32::try_from(number * 500).unwrap(),
        y_mm: i32::try_from(row * 900).unwrap(),
        category: u8::from(row >= ROWS),
        flags: 0,
    };
    let row = |row: u32| Row {
        label: row.to_string(),
        shape: Shape::Line,
        seats: (1..=SEATS_A_ROW).map(|number| seat(row, number)).collect(),
    };
    SeatMap {
        categories: ["Best", "Rest"]
            .map(|name| Category { name: name.to_owned(), colour: 0 })
            .into(),
        sections: vec![Section { name: "Hall".to_owned(), rows: (0..2 * ROWS).map(row).collect() }],
        ..SeatMap::default()
    }
    .encode()
    .unwrap()
}

fn on_sale() -> World {
    let mut world = World::new();
    let bytes = hall();
    let map = map_hash(&bytes);
    world.done(CommandKind::PutSeatMapPart { map, part: 0, parts: 1, data: bytes });
    world.done(CommandKind::CreateEvent { event: EVENT, spec: Box::new(spec(map)) });
    world.done(CommandKind::PublishEvent { event: EVENT });
    world
}

fn party(quantity: u32, together: Together) -> CommandKind {
    let best = Wanted { quantity, categories: vec![BEST], together, ..Wanted::default() };
    let cart = Cart { best: Some(best), ..Cart::default() };
    CommandKind::HoldCart { event: EVENT, cart: Box::new(cart) }
}

/// Free seats of the best category without a free neighbour.
fn stranded(states: &[u8]) -> usize {
    let best = &states[..(ROWS * SEATS_A_ROW) as usize];
    let free = |state: Option<&u8>| state == Some(&seat_state::AVAILABLE);
    let rows = best.chunks(SEATS_A_ROW as usize);
    rows.map(|row| {
        let alone = |place: &usize| {
            free(row.get(*place))
                && !free(row.get(place.wrapping_sub(1)))
                && !free(row.get(place + 1))
        };
        (0..row.len()).filter(alone).count()
    })
    .sum()
}

/// Sells seats to parties and takes some back.
trait House {
    /// False: none are left together.
    fn hold(&mut self, size: u32) -> bool;
    /// Gives the seats of the nth party that got some back.
    fn release(&mut self, nth: usize);
    fn states(&self) -> Vec<u8>;
}

/// The first free neighbours, row by row.
struct FirstFit {
    states: Vec<u8>,
    parties: Vec<std::ops::Range<usize>>,
}

impl House for FirstFit {
    fn hold(&mut self, size: u32) -> bool {
        let row = SEATS_A_ROW as usize;
        let fits = |start: &usize| {
            let seats = *start..start + size as usize;
            seats.end <= self.states.len()
                && seats.start / row == (seats.end - 1) / row
                && self.states[seats].iter().all(|&state| state == seat_state::AVAILABLE)
        };
        let Some(start) = (0..self.states.len()).find(fits) else { return false };
        let seats = start..start + size as usize;
        self.states[seats.clone()].fill(seat_state::HELD);
        self.parties.push(seats);
        true
    }
    fn release(&mut self, nth: usize) {
        self.states[self.parties[nth].clone()].fill(seat_state::AVAILABLE);
    }
    fn states(&self) -> Vec<u8> {
        self.states.clone()
    }
}

struct Ours {
    world: World,
    parties: Vec<BookingId>,
}

impl House for Ours {
    fn hold(&mut self, size: u32) -> bool {
        let number = self.world.index.into();
        match self.world.answer(UserId(number), number, party(size, Together::Adjacent)) {
            Ok(Reply::Booking(view)) => {
                self.parties.push(view.booking);
                true
            }
            _ => false,
        }
    }
    fn release(&mut self, nth: usize) {
        let kind = CommandKind::ReleaseHold { booking: self.parties[nth] };
        self.world.done(kind);
    }
    fn states(&self) -> Vec<u8> {
        self.world.state.seats(EVENT).unwrap()
    }
}

/// Parties of one to five come, every third leaves again, and others come until no pair is left.
fn evening(house: &mut impl House) -> (usize, usize) {
    let size = |n: u32| [2, 3, 2, 4, 1, 2, 5, 2, 3, 2][(n * 7 % 10) as usize];
    for n in 0..330 {
        assert!(house.hold(size(n)), "the house is large enough");
    }
    for nth in (0..330).step_by(3) {
        house.release(nth);
    }
    for n in 0..60 {
        house.hold(size(n * 3 + 1));
    }
    while house.hold(2) {}
    let states = house.states();
    let best = &states[..(ROWS * SEATS_A_ROW) as usize];
    let sold = best.iter().filter(|&&state| state == seat_state::HELD).count();
    (sold, stranded(&states))
}

#[test]
fn p1_five_hundred_at_once_get_different_pairs_while_there_are_any() {
    let mut world = on_sale();
    let pairs = ROWS * (SEATS_A_ROW / 2);
    let mut given = BTreeSet::new();
    for user in 0..u128::from(pairs) {
        let view = booking(world.answer(UserId(user + 1), user, party(2, Together::Preferred)));
        assert_eq!(view.seats.len(), 2);
        assert_eq!(view.seats[0] + 1, view.seats[1], "side by side");
        assert!(view.seats.iter().all(|&seat| given.insert(seat)), "to nobody else");
    }
    assert!(pairs >= 500);
    // What is left are single seats, one a row: as few as there can be.
    let states = world.state.seats(EVENT).unwrap();
    assert_eq!(stranded(&states), ROWS as usize);
}

#[test]
fn mixed_parties_leave_fewer_single_seats_than_a_first_fit() {
    let ours = evening(&mut Ours { world: on_sale(), parties: Vec::new() });
    let states = vec![seat_state::AVAILABLE; (ROWS * SEATS_A_ROW) as usize];
    let theirs = evening(&mut FirstFit { states, parties: Vec::new() });
    println!("seats sold and single seats left over: {ours:?}, by a first fit: {theirs:?}");
    assert!(ours.1 < theirs.1, "{ours:?} {theirs:?}");
}

#[test]
fn a_refusal_says_how_many_there_are() {
    let mut world = on_sale();
    let seats = ROWS * SEATS_A_ROW;
    for user in 0..u128::from(seats / 25) {
        booking(world.answer(UserId(user + 1), user, party(25, Together::Preferred)));
    }
    let refused = world.answer(UserId(999), 999, party(2, Together::Preferred)).unwrap_err();
    assert_eq!((refused.code, refused.limit), (ErrorCode::NotEnoughSeats, 0));
}
