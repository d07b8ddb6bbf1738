//! A hall, an event in it, and short ways to apply commands.

use rowlock_proto::ids::{BookingId, EventId, RequestKey, SeatMapHash, UserId, VenueId};
use rowlock_proto::seat_map::{Area, Category, Row, Seat, SeatMap, Section, Shape, flag};
use rowlock_raft_store::inventory::{
    Answer, Applied, BookingView, Command, CommandKind, Config, EventSpec, Reply, SYSTEM, State,
};
use sha2::{Digest as _, Sha256};

pub(crate) const BOUND_MS: u64 = 250;

/// One row of `seats` seats; the odd ones are of the second category.
pub(crate) fn map_bytes(seats: u32) -> Vec<u8> {
    let seat = |number: u32| Seat {
        label: number.to_string(),
        x_mm: i32::try_from(number).unwrap() * 550,
        y_mm: 0,
        category: u8::from(number % 2 == 1),
        flags: 0,
    };
    let row =
        Row { label: "A".to_owned(), shape: Shape::Line, seats: (0..seats).map(seat).collect() };
    SeatMap {
        width_mm: 10_000,
        height_mm: 1_000,
        focus_mm: None,
        categories: ["Even", "Odd"]
            .map(|name| Category { name: name.to_owned(), colour: 1 })
            .into(),
        sections: vec![Section { name: "Hall".to_owned(), rows: vec![row] }],
        areas: Vec::new(),
    }
    .encode()
    .unwrap()
}

/// A small arena: 30 seats in two sections, and a lawn for five.
///
/// ```text
/// Floor    1   0 1 2 3 | 4 5 6        an aisle in the middle; near, dear
///          2   7 8 9 10 11 12 13
/// Balcony  1   14 .. 19               far, cheap
///          2   20 .. 23               behind a pillar
///          W   24w 25c 26w 27c        wheelchair places and companions
///          3   28 29
/// ```
pub(crate) fn arena_bytes() -> Vec<u8> {
    let row = |label: &str, y_mm: i32, category: u8, seats: &[(i32, u8)]| Row {
        label: label.to_owned(),
        shape: Shape::Line,
        seats: (1..)
            .zip(seats)
            .map(|(number, &(x_mm, flags))| Seat {
                label: number.to_string(),
                x_mm,
                y_mm,
                category,
                flags,
            })
            .collect(),
    };
    let line = |count: i32, flags: u8| (0..count).map(|n| (n * 500, flags)).collect::<Vec<_>>();
    let mut parted = line(4, 0);
    parted.extend([(3_000, 0), (3_500, 0), (4_000, 0)]);
    let (wheelchair, companion) = (flag::WHEELCHAIR, flag::COMPANION);
    let places = [(0, wheelchair), (500, companion), (1_000, wheelchair), (1_500, companion)];
    let floor = vec![row("1", 0, 0, &parted), row("2", 900, 0, &line(7, 0))];
    let balcony = vec![
        row("1", 9_000, 1, &line(6, 0)),
        row("2", 9_900, 1, &line(4, flag::RESTRICTED_VIEW)),
        row("W", 10_800, 1, &places),
        row("3", 11_700, 1, &line(2, 0)),
    ];
    SeatMap {
        width_mm: 10_000,
        height_mm: 12_000,
        focus_mm: Some((2_000, -5_000)),
        categories: ["Near", "Far"]
            .map(|name| Category { name: name.to_owned(), colour: 1 })
            .into(),
        sections: vec![
            Section { name: "Floor".to_owned(), rows: floor },
            Section { name: "Balcony".to_owned(), rows: balcony },
        ],
        areas: vec![Area {
            name: "Lawn".to_owned(),
            category: 1,
            capacity: 5,
            x_mm: 0,
            y_mm: 13_000,
            width_mm: 4_000,
            height_mm: 4_000,
        }],
    }
    .encode()
    .unwrap()
}

pub(crate) fn map_hash(bytes: &[u8]) -> SeatMapHash {
    SeatMapHash(Sha256::digest(bytes).into())
}

pub(crate) fn spec(map: SeatMapHash) -> EventSpec {
    EventSpec {
        name: "Gala".to_owned(),
        description: "An evening".to_owned(),
        category: "concert".to_owned(),
        venue: VenueId(7),
        venue_name: "Hall".to_owned(),
        city: "Town".to_owned(),
        country: "Land".to_owned(),
        position_e6: Some((52_520_000, -13_405_000)),
        date_ms: 1_000_000_000,
        sale_start_ms: 0,
        currency: *b"EUR",
        prices: vec![8_000, 5_000],
        image_url: String::new(),
        hold_ttl_ms: 600_000,
        max_seats_per_user: 0,
        map,
    }
}

/// A state, the time, and the log's length.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) now_ms: u64,
    pub(crate) index: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        let state = State::new(Config { clock_bound_ms: BOUND_MS });
        Self { state, now_ms: 0, index: 0 }
    }

    /// With a published event of `seats` seats.
    pub(crate) fn on_sale(event: EventId, seats: u32, change: impl FnOnce(&mut EventSpec)) -> Self {
        let mut world = Self::new();
        let map = world.upload(seats);
        let mut spec = spec(map);
        change(&mut spec);
        world.done(CommandKind::CreateEvent { event, spec: Box::new(spec) });
        world.done(CommandKind::PublishEvent { event });
        world
    }

    pub(crate) fn upload(&mut self, seats: u32) -> SeatMapHash {
        self.upload_bytes(map_bytes(seats))
    }

    pub(crate) fn upload_bytes(&mut self, data: Vec<u8>) -> SeatMapHash {
        let map = map_hash(&data);
        self.done(CommandKind::PutSeatMapPart { map, part: 0, parts: 1, data });
        map
    }

    pub(crate) fn apply(&mut self, principal: UserId, key: u128, kind: CommandKind) -> Applied {
        self.index += 1;
        let command = Command { principal, key: RequestKey(key), kind };
        let applied = self.state.apply(self.now_ms, self.index, &command);
        assert_eq!(self.state.audit(), Vec::<String>::new());
        applied
    }

    pub(crate) fn answer(&mut self, principal: UserId, key: u128, kind: CommandKind) -> Answer {
        self.apply(principal, key, kind).answer
    }

    pub(crate) fn done(&mut self, kind: CommandKind) {
        let key = u128::from(self.index);
        assert_eq!(self.answer(SYSTEM, key, kind), Ok(Reply::Done));
    }

    pub(crate) fn hold(&mut self, user: u128, key: u128, event: EventId, seats: &[u32]) -> Answer {
        let seats = seats.to_vec();
        self.answer(UserId(user), key, CommandKind::HoldSeats { event, seats })
    }

    /// Holds seats that are free.
    pub(crate) fn held(&mut self, user: u128, event: EventId, seats: &[u32]) -> BookingId {
        let key = u128::from(self.index) << 64;
        booking(self.hold(user, key, event, seats)).booking
    }

    /// What a restart makes of what is on disk.
    pub(crate) fn reloaded(&self) -> State {
        let mut state = State::new(Config { clock_bound_ms: BOUND_MS });
        for key in self.state.record_keys() {
            if let Some(bytes) = self.state.encode_record(key) {
                state.load_record(key, &bytes).unwrap();
            }
        }
        state.finish_load().unwrap();
        state
    }
}

/// The booking that an answer shows.
pub(crate) fn booking(answer: Answer) -> BookingView {
    match answer {
        Ok(Reply::Booking(view) | Reply::RefundDue(view)) => *view,
        Ok(Reply::PaymentBegun { booking, .. } | Reply::Refund { booking, .. }) => *booking,
        other => panic!("an answer without a booking: {other:?}"),
    }
}
