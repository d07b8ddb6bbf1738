//! Random commands, to the inventory and to the model: nothing that can be observed may differ.
//! The inventory is also written out and read back as it goes, as a restart would.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rowlock_proto::ids::{BookingId, EventId, RequestKey, SeatMapHash, UserId, VenueId};
use rowlock_proto::seat_map::{Category, Row, Seat, SeatMap, Section};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::codec;
use crate::inventory::{
    Answer, Batch, BookingState, BookingView, Command, CommandKind, Config, EventPatch, EventSpec,
    EventState, RecordKey, Reply, SYSTEM, State, seat_state,
};

const SEATS: u32 = 10;
const BOUND_MS: u64 = 250;

/// What is asked, before it is known what there is to ask about.
#[derive(Clone, Debug)]
enum Wish {
    Ask(Ask),
    Of { event: usize, pick: u8, by: By, verb: Verb },
    Sweep { max: u32 },
    Restart,
}

/// What is done to a booking that is there; mostly as it would be done right.
#[derive(Clone, Debug)]
enum Verb {
    /// Whatever brings it on: the deep states are rare otherwise.
    Next {
        dice: u8,
    },
    Release,
    Begin {
        key: u64,
        off_by: u32,
    },
    Attach {
        off_by: u32,
        intent: String,
    },
    Confirm {
        off_by: u32,
        intent: String,
    },
    Fail {
        off_by: u32,
    },
}

#[derive(Clone, Copy, Debug)]
enum By {
    Owner,
    Stranger,
    Cluster,
}

fn off_by() -> impl Strategy<Value = u32> {
    prop_oneof![8 => Just(0_u32), 1 => Just(1)]
}

fn intent() -> impl Strategy<Value = String> {
    prop_oneof![6 => Just("pi_1"), 2 => Just("pi_2")].prop_map(str::to_owned)
}

fn seats() -> impl Strategy<Value = Vec<u32>> {
    prop_oneof![
        24 => prop::collection::btree_set(0..SEATS, 1..4).prop_map(|set| set.into_iter().collect()),
        1 => prop::collection::vec(0..SEATS + 2, 0..5),
        // Too many.
        1 => Just((0..=100).collect::<Vec<u32>>()),
    ]
}

fn verb() -> impl Strategy<Value = Verb> {
    prop_oneof![
        20 => (0_u8..8).prop_map(|dice| Verb::Next { dice }),
        2 => Just(Verb::Release),
        6 => (0_u64..3, off_by()).prop_map(|(key, off_by)| Verb::Begin { key, off_by }),
        6 => (off_by(), intent()).prop_map(|(off_by, intent)| Verb::Attach { off_by, intent }),
        4 => (off_by(), intent()).prop_map(|(off_by, intent)| Verb::Confirm { off_by, intent }),
        3 => off_by().prop_map(|off_by| Verb::Fail { off_by }),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    // Few users, keys and seats, so that they meet.
    let event = || 0_usize..2;
    let by = prop_oneof![8 => Just(By::Owner), 1 => Just(By::Stranger), 1 => Just(By::Cluster)];
    let prices = prop_oneof![Just(vec![10, 20]), Just(vec![11, 22])];
    prop_oneof![
        4 => event().prop_map(|event| Wish::Ask(Ask::Publish { event })),
        1 => (event(), 0_u8..5).prop_map(|(event, dice)| Wish::Ask(match dice {
            0 => Ask::Cancel { event },
            _ => Ask::Publish { event },
        })),
        1 => (event(), prices).prop_map(|(event, prices)| {
            Wish::Ask(Ask::Reprice { event, prices })
        }),
        16 => (event(), 1_u64..4, 0_u64..60, seats()).prop_map(|(event, user, key, seats)| {
            Wish::Ask(Ask::Hold { event, user, key, seats })
        }),
        40 => (event(), any::<u8>(), by, verb()).prop_map(|(event, pick, by, verb)| {
            Wish::Of { event, pick, by, verb }
        }),
        2 => (1_u32..4).prop_map(|max| Wish::Sweep { max }),
        1 => Just(Wish::Restart),
    ]
}

/// Mostly short steps; some that pass a hold, a payment, a memory; and some back in time.
fn steps() -> impl Strategy<Value = Vec<(i64, Wish)>> {
    let step = prop_oneof![
        60 => 0_i64..700,
        6 => 3_000_i64..11_000,
        1 => Just(311_000_i64),
        1 => Just(601_000_i64),
        4 => -2_000_i64..0,
    ];
    prop::collection::vec((step, wish()), 1..160)
}

/// The step of the fence that comes next, right or wrong by the dice.
fn next(sale: Option<&Sale>, dice: u8) -> Verb {
    let Some(sale) = sale else { return Verb::Release };
    let intent = || if sale.intent.is_empty() { "pi_1".to_owned() } else { sale.intent.clone() };
    match sale.standing {
        Standing::Held => Verb::Begin { key: dice.into(), off_by: 0 },
        Standing::Paying if sale.intent.is_empty() => Verb::Attach { off_by: 0, intent: intent() },
        Standing::Paying if dice < 5 => Verb::Fail { off_by: 0 },
        Standing::Paying
        | Standing::Confirmed
        | Standing::Released
        | Standing::Expired
        | Standing::RefundDue => Verb::Confirm { off_by: 0, intent: intent() },
    }
}

struct Pair {
    model: Model,
    state: State,
    /// What a restart finds.
    disk: BTreeMap<Vec<u8>, Vec<u8>>,
    index: u64,
    revision: u64,
}

fn event_id(event: usize) -> EventId {
    EventId(0x1234_0000 + event as u128)
}

fn map() -> Vec<u8> {
    let seat = |number: u32| Seat {
        label: number.to_string(),
        x_mm: 0,
        y_mm: 0,
        category: u8::from(number % 2 == 1),
        flags: 0,
    };
    let row = Row { label: "A".to_owned(), seats: (0..SEATS).map(seat).collect() };
    let categories = ["even", "odd"].map(|name| Category { name: name.to_owned(), colour: 0 });
    SeatMap {
        width_mm: 1,
        height_mm: 1,
        categories: categories.into(),
        sections: vec![Section { name: "S".to_owned(), rows: vec![row] }],
        areas: Vec::new(),
    }
    .encode()
    .unwrap()
}

impl Pair {
    fn new() -> Self {
        let seats: Vec<usize> = (0..SEATS).map(|seat| usize::from(seat % 2 == 1)).collect();
        let free = Show::draft(vec![10, 20], seats.clone());
        let strict = Show {
            limit: 4,
            opens_ms: 500,
            date_ms: 2_000_000,
            ..Show::draft(vec![10, 20], seats)
        };
        let shows = vec![free, strict];
        let mut pair = Self {
            model: Model::new(BOUND_MS, shows.clone()),
            state: State::new(Config { clock_bound_ms: BOUND_MS }),
            disk: BTreeMap::new(),
            index: 0,
            revision: 0,
        };
        let bytes = map();
        let map = SeatMapHash(Sha256::digest(&bytes).into());
        let put = CommandKind::PutSeatMapPart { map, part: 0, parts: 1, data: bytes };
        assert_eq!(pair.apply(0, SYSTEM, 0, put), Ok(Reply::Done));
        for (event, show) in shows.iter().enumerate() {
            let spec = EventSpec {
                name: "event".to_owned(),
                description: String::new(),
                category: String::new(),
                venue: VenueId(1),
                venue_name: String::new(),
                city: String::new(),
                country: String::new(),
                position_e6: None,
                date_ms: show.date_ms,
                sale_start_ms: show.opens_ms,
                currency: *b"EUR",
                prices: show.prices.clone(),
                image_url: String::new(),
                hold_ttl_ms: show.ttl_ms,
                max_seats_per_user: show.limit,
                map,
            };
            let create = CommandKind::CreateEvent { event: event_id(event), spec: Box::new(spec) };
            assert_eq!(pair.apply(0, SYSTEM, 0, create), Ok(Reply::Done));
        }
        pair
    }

    /// Through the bytes of a log entry, as every command goes.
    fn apply(&mut self, stamp_ms: u64, principal: UserId, key: u64, kind: CommandKind) -> Answer {
        self.index += 1;
        let command = Command { principal, key: RequestKey(key.into()), kind };
        let bytes = codec::encode_batch(stamp_ms, std::iter::once(&command));
        let Batch { stamp_ms, commands } = codec::decode_batch(&bytes).unwrap();
        assert_eq!(commands, [command]);
        let applied = self.state.apply(stamp_ms, self.index, &commands[0]);
        assert!(applied.first_index < self.index);
        let changes = self.state.take_changes();
        for change in &changes {
            self.revision += 1;
            assert_eq!((change.revision, change.index), (self.revision, self.index), "dense");
        }
        assert_eq!(codec::decode_changes(&codec::encode_changes(changes.iter())).unwrap(), changes);
        assert_eq!(applied.revision, self.revision);
        assert_eq!(self.state.audit(), Vec::<String>::new());
        applied.answer
    }

    fn flush(&mut self) {
        for key in self.state.take_dirty() {
            let row = key.to_bytes();
            assert_eq!(RecordKey::from_bytes(&row), Some(key));
            match self.state.encode_record(key) {
                Some(bytes) => self.disk.insert(row, bytes),
                None => self.disk.remove(&row),
            };
        }
    }

    fn restart(&mut self) {
        self.flush();
        let mut state = State::new(Config { clock_bound_ms: BOUND_MS });
        for (row, bytes) in &self.disk {
            state.load_record(RecordKey::from_bytes(row).unwrap(), bytes).unwrap();
        }
        state.finish_load().unwrap();
        assert_eq!(state.digest(), self.state.digest(), "a restart changes nothing");
        assert_eq!(state.audit(), Vec::<String>::new());
        self.state = state;
    }

    fn id(&self, event: usize, number: u32) -> BookingId {
        let after = number.wrapping_sub(1);
        let found = self.state.bookings_of(event_id(event), after, 1);
        found.and_then(|(page, _)| Some(page.first()?.booking)).unwrap_or(BookingId(99))
    }

    /// One of the latest bookings, now and then one that is not there.
    fn resolve(&self, event: usize, pick: u8, by: By, verb: Verb) -> Ask {
        let sales = &self.model.shows[event].sales;
        let back = usize::from(pick % 6);
        let number = u32::try_from((sales.len() + 1).saturating_sub(back)).unwrap();
        let sale = (number as usize).checked_sub(1).and_then(|place| sales.get(place));
        let attempt = sale.map_or(0, |sale| sale.attempt);
        let user = match by {
            By::Owner => sale.map_or(1, |sale| sale.user),
            By::Stranger => 77,
            By::Cluster => 0,
        };
        let verb = match verb {
            Verb::Next { dice } => next(sale, dice),
            Verb::Release
            | Verb::Begin { .. }
            | Verb::Attach { .. }
            | Verb::Confirm { .. }
            | Verb::Fail { .. } => verb,
        };
        match verb {
            Verb::Next { .. } | Verb::Release => Ask::Release { event, number, user },
            Verb::Begin { key, off_by } => {
                let total: u64 = sale.map_or(0, |sale| sale.prices.iter().sum());
                Ask::Begin { event, number, user, key, amount: total + u64::from(off_by) }
            }
            Verb::Attach { off_by, intent } => {
                Ask::Attach { event, number, user, attempt: attempt + off_by, intent }
            }
            Verb::Confirm { off_by, intent } => {
                Ask::Confirm { event, number, user, attempt: attempt + off_by, intent }
            }
            Verb::Fail { off_by } => {
                let reason = "declined".to_owned();
                Ask::Fail { event, number, user, attempt: attempt + off_by, reason }
            }
        }
    }

    fn wish(&mut self, stamp_ms: u64, wish: Wish) {
        let ask = match wish {
            Wish::Ask(ask) => ask,
            Wish::Of { event, pick, by, verb } => self.resolve(event, pick, by, verb),
            Wish::Sweep { max } => {
                self.model.tick(stamp_ms);
                let swept = self.apply(stamp_ms, SYSTEM, 0, CommandKind::ExpireDue { max });
                let Ok(Reply::Expired { retired, more }) = swept else {
                    panic!("a sweep is never refused: {swept:?}")
                };
                assert!(retired <= max && (!more || retired == max));
                return;
            }
            Wish::Restart => return self.restart(),
        };
        let (principal, key, kind) = self.command(&ask);
        let said = self.model.ask(stamp_ms, &ask);
        let answer = self.apply(stamp_ms, principal, key, kind);
        assert_eq!(heard(answer), told(said), "{ask:?}");
    }

    fn command(&self, ask: &Ask) -> (UserId, u64, CommandKind) {
        let user = |user: u64| UserId(user.into());
        match ask.clone() {
            Ask::Publish { event } => {
                (SYSTEM, 0, CommandKind::PublishEvent { event: event_id(event) })
            }
            Ask::Cancel { event } => {
                (SYSTEM, 0, CommandKind::CancelEvent { event: event_id(event) })
            }
            Ask::Reprice { event, prices } => {
                let patch = Box::new(EventPatch { prices, ..EventPatch::default() });
                (SYSTEM, 0, CommandKind::UpdateEvent { event: event_id(event), patch })
            }
            Ask::Hold { event, user: by, key, seats } => {
                (user(by), key, CommandKind::HoldSeats { event: event_id(event), seats })
            }
            Ask::Release { event, number, user: by } => {
                (user(by), 0, CommandKind::ReleaseHold { booking: self.id(event, number) })
            }
            Ask::Begin { event, number, user: by, key, amount } => {
                let booking = self.id(event, number);
                (user(by), key, CommandKind::BeginPayment { booking, amount })
            }
            Ask::Attach { event, number, user: by, attempt, intent } => {
                let booking = self.id(event, number);
                (user(by), 0, CommandKind::AttachIntent { booking, attempt, intent })
            }
            Ask::Confirm { event, number, user: by, attempt, intent } => {
                let booking = self.id(event, number);
                (user(by), 0, CommandKind::ConfirmPayment { booking, attempt, intent })
            }
            Ask::Fail { event, number, user: by, attempt, reason } => {
                let booking = self.id(event, number);
                (user(by), 0, CommandKind::FailPayment { booking, attempt, reason })
            }
        }
    }

    /// All that a reader can see.
    fn compare(&self) {
        for (event, show) in self.model.shows.iter().enumerate() {
            let id = event_id(event);
            let (page, more) = self.state.bookings_of(id, 0, 1_000).unwrap();
            assert!(!more);
            let seen: Vec<Seen> = page.into_iter().map(seen).collect();
            let sales: Vec<Seen> =
                (1..).zip(&show.sales).map(|(number, sale)| (event, number, plain(sale))).collect();
            assert_eq!(seen, sales);
            let states = self.state.seats(id).unwrap();
            let owned = |seat| match show.owner(seat).map(|place| show.sales[place].standing) {
                None => seat_state::AVAILABLE,
                Some(Standing::Confirmed) => seat_state::SOLD,
                Some(_) => seat_state::HELD,
            };
            assert_eq!(states, (0..SEATS).map(owned).collect::<Vec<u8>>());
            let view = self.state.event(id).unwrap();
            let count = |state| states.iter().filter(|&&other| other == state).count();
            assert_eq!(view.counts.available as usize, count(seat_state::AVAILABLE));
            assert_eq!(view.counts.held as usize, count(seat_state::HELD));
            assert_eq!(view.counts.sold as usize, count(seat_state::SOLD));
            let phase = match view.state {
                EventState::Draft => Phase::Draft,
                EventState::Published => Phase::OnSale,
                EventState::Cancelled => Phase::Cancelled,
            };
            assert_eq!((phase, &view.spec.prices), (show.phase, &show.prices));
            let listed = self.state.events_after(None, 10).0;
            assert!(listed.contains(&view), "a list shows what a look shows");
        }
        assert_eq!(self.state.clock_ms(), self.model.clock_ms);
    }
}

/// What the keys were is not shown.
fn plain(sale: &Sale) -> Sale {
    Sale { key: 0, begun_key: 0, ..sale.clone() }
}

fn told(said: Said) -> Said {
    let plain = |(event, number, sale): Seen| (event, number, plain(&sale));
    match said {
        Said::Booking(seen) => Said::Booking(plain(seen)),
        Said::Begun(seen, attempt) => Said::Begun(plain(seen), attempt),
        Said::RefundDue(seen) => Said::RefundDue(plain(seen)),
        Said::Done | Said::Refused(..) => said,
    }
}

fn seen(view: BookingView) -> Seen {
    let standing = match view.state {
        BookingState::Held => Standing::Held,
        BookingState::Paying => Standing::Paying,
        BookingState::Confirmed => Standing::Confirmed,
        BookingState::Released => Standing::Released,
        BookingState::Expired => Standing::Expired,
        BookingState::RefundDue => Standing::RefundDue,
    };
    assert_eq!(view.total, view.prices.iter().sum::<u64>());
    let event = usize::try_from(view.event.0 - event_id(0).0).unwrap();
    let sale = Sale {
        user: u64::try_from(view.user.0).unwrap(),
        key: 0,
        standing,
        seats: view.seats,
        prices: view.prices,
        created_ms: view.created_ms,
        expires_ms: view.expires_ms,
        payment_until_ms: view.payment_deadline_ms,
        attempt: view.attempt,
        intent: view.intent,
        confirmed_ms: view.confirmed_ms,
        declined: view.decline_reason,
        begun_key: 0,
    };
    (event, view.booking.locator().seq(), sale)
}

fn heard(answer: Answer) -> Said {
    match answer {
        Ok(Reply::Done) => Said::Done,
        Ok(Reply::Booking(view)) => Said::Booking(seen(*view)),
        Ok(Reply::PaymentBegun { booking, attempt }) => Said::Begun(seen(*booking), attempt),
        Ok(Reply::RefundDue(view)) => Said::RefundDue(seen(*view)),
        Ok(Reply::Expired { .. }) => panic!("only a sweep is answered so"),
        Err(refusal) => Said::Refused(refusal.code, refusal.seats, refusal.limit),
    }
}

fn run(steps: Vec<(i64, Wish)>) {
    let mut pair = Pair::new();
    let mut now_ms = 0_u64;
    pair.wish(now_ms, Wish::Ask(Ask::Publish { event: 0 }));
    for (step, wish) in steps {
        now_ms = now_ms.saturating_add_signed(step);
        pair.wish(now_ms, wish);
        pair.compare();
        if pair.index.is_multiple_of(7) {
            pair.flush();
        }
    }
    pair.restart();
    pair.compare();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        // The same commands at every run; another seed here, another 400 histories.
        rng_seed: RngSeed::Fixed(0x5eed),
        ..ProptestConfig::default()
    })]

    #[test]
    fn p1_p2_p4_p5_p6_random_commands_match_the_model(steps in steps()) {
        run(steps);
    }
}
