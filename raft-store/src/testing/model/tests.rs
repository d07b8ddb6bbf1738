//! Random commands, to the inventory and to the model: nothing that can be observed may differ.
//! The inventory is also written out and read back as it goes, as a restart would.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngSeed, TestRunner};
use rowlock_proto::ids::{BookingId, EventId, RequestKey, SeatMapHash, UserId, VenueId};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::codec;
use crate::inventory::planted;
use crate::inventory::{
    Answer, Batch, BookingState, BookingView, Cart, Change, Command, CommandKind, Config,
    EventPatch, EventSpec, EventState, LifeCommand, RecordKey, RefundOrder, Reply, SYSTEM, State,
    Tender, TermsCommand, Ticket, Together, Wanted, seat_state,
};

mod doors;
mod exchanges;
mod hall;
mod histories;
mod keeping;
mod lines;
mod money;
mod readers;
mod shelves;
mod shown;
mod sleeper;
mod tenants;
mod terms;
mod waitlists;
mod wishes;

use self::hall::{FOCUS_MM, HALL, LAWN, SEATS, map};
use self::histories::runner;
use self::shown::{heard, plain, seen, told};
use self::sleeper::Sleeper;
use self::wishes::{By, Verb, Wish, next, plain_basket, steps};

const BOUND_MS: u64 = 250;

struct Pair {
    model: Model,
    state: State,
    /// What a restart finds.
    disk: BTreeMap<Vec<u8>, Vec<u8>>,
    index: u64,
    revision: u64,
    /// The same state again, with its events on disk.
    sleeper: Option<Sleeper>,
}

fn event_id(event: usize) -> EventId {
    EventId(0x1234_0000 + event as u128)
}

impl Pair {
    fn new(sleeper: Option<Sleeper>) -> Self {
        let seats: Vec<usize> = HALL.iter().map(|&(_, _, _, category, ..)| category).collect();
        let spots = HALL.map(|(section, row, stretch, _, kind, wheelchair, x_mm, y_mm)| Spot {
            section,
            row,
            stretch,
            kind,
            wheelchair,
            x_mm,
            y_mm,
        });
        let free = Show {
            focus_mm: FOCUS_MM,
            areas: vec![(1, LAWN)],
            ..Show::draft(vec![10, 20], seats, spots.to_vec())
        };
        let strict = Show { limit: 5, opens_ms: 500, date_ms: 2_000_000, ..free.clone() };
        let shows = vec![free, strict];
        let mut pair = Self {
            model: Model::new(BOUND_MS, shows.clone()),
            state: State::new(Config { clock_bound_ms: BOUND_MS }),
            disk: BTreeMap::new(),
            index: 0,
            revision: 0,
            sleeper,
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
        if let Some(sleeper) = &mut self.sleeper {
            sleeper.follow((stamp_ms, self.index, &commands[0]), (&applied, &changes));
        }
        for change in &changes {
            self.revision += 1;
            assert_eq!((change.revision, change.index), (self.revision, self.index), "dense");
        }
        let mut row = Vec::new();
        codec::encode_row(changes.iter(), &mut row);
        assert_eq!(codec::decode_row(&row).unwrap(), changes);
        let (by, code) = ((principal, u128::from(key)), commands[0].kind.code());
        let named = |it: &Change| ((it.principal, it.key.0), it.command) == (by, code);
        assert!(changes.iter().all(named), "who asked, and for what");
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
        if let Some(sleeper) = &mut self.sleeper {
            sleeper.lose_power(&self.state);
        }
    }

    fn id(&self, event: usize, number: u32) -> BookingId {
        let after = number.wrapping_sub(1);
        let found = self.state.bookings_of(event_id(event), after, 1);
        let found = found.and_then(|(page, _)| Some(page.first()?.booking));
        found.filter(|it| it.locator().seq() == number).unwrap_or(BookingId(99))
    }

    /// One of the latest bookings, now and then one that is not there.
    fn resolve(&self, event: usize, pick: u8, by: By, verb: Verb) -> Ask {
        let sales = &self.model.shows[event].sales;
        let back = usize::from(pick % 6);
        let number = u32::try_from((sales.len() + 1).saturating_sub(back)).unwrap();
        let sale = (number as usize).checked_sub(1).and_then(|place| sales.get(place));
        let attempt = sale.map_or(0, |sale| sale.attempt);
        let user = by.user(sale);
        let verb = match verb {
            Verb::Next { dice } => next(sale, dice),
            Verb::Release
            | Verb::Begin { .. }
            | Verb::Attach { .. }
            | Verb::Confirm { .. }
            | Verb::Fail { .. }
            | Verb::Extend
            | Verb::Drop { .. }
            | Verb::Refund { .. }
            | Verb::Settle { .. }
            | Verb::Pass { .. }
            | Verb::Scan { .. }
            | Verb::Unscan { .. } => verb,
        };
        let version_of = |place: u32| {
            sale.and_then(|sale| sale.passes.get(&place)).map_or(0, |(_, version, _)| *version)
        };
        match verb {
            Verb::Next { .. } | Verb::Release => Ask::Release { event, number, user },
            Verb::Begin { key, off_by } => {
                let total: u64 = sale.map_or(0, Sale::total);
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
            Verb::Extend => Ask::Extend { event, number, user },
            Verb::Drop { places } => Ask::Drop { event, number, user, places },
            Verb::Refund { key, places, block } => {
                Ask::Refund { event, number, user, key, places, block }
            }
            Verb::Settle { refund, name } => {
                Ask::Settle { event, number, user, refund, name: format!("re_{name}") }
            }
            Verb::Pass { place, version, to } => {
                let version = version + version_of(place);
                Ask::Pass { event, number, user, place, version, to }
            }
            Verb::Scan { key, place, version } => {
                let (version, door) = (version + version_of(place), "north".to_owned());
                Ask::Scan { event, number, key, place, version, door }
            }
            Verb::Unscan { place } => Ask::Unscan { event, number, place },
        }
    }

    /// Time alone may make offers and revisions: what a wish names must be there already, as it is for
    /// whoever asks.
    fn tick(&mut self, stamp_ms: u64, wish: &Wish) {
        let names_revisions = match wish {
            Wish::Of { .. } | Wish::Door(_) | Wish::Money(_) => false,
            Wish::Reader(_) => true,
            _ => return,
        };
        let sales = |model: &Model| model.shows.iter().map(|show| show.sales.len()).sum::<usize>();
        let before = sales(&self.model);
        self.model.tick(stamp_ms);
        if names_revisions || sales(&self.model) != before {
            let tick = CommandKind::Checksum { nonce: 0 };
            assert_eq!(self.apply(stamp_ms, SYSTEM, 0, tick), Ok(Reply::Done));
        }
    }

    fn wish(&mut self, stamp_ms: u64, wish: Wish) {
        self.tick(stamp_ms, &wish);
        let ask = match wish {
            Wish::Ask(ask) => ask,
            Wish::Of { event, pick, by, verb } => self.resolve(event, pick, by, verb),
            Wish::Door(wish) => Ask::Door(doors::resolve(&self.model, wish)),
            Wish::Money(wish) => Ask::Money(money::resolve(&self.model, wish)),
            Wish::Wait { event, wish } => {
                Ask::Wait { event, ask: waitlists::resolve(&self.model, event, wish) }
            }
            Wish::Terms { event, wish } => {
                Ask::Terms { event, ask: terms::resolve(&self.model, event, wish) }
            }
            Wish::Sweep { max } => {
                self.model.tick(stamp_ms);
                let swept = self.apply(stamp_ms, SYSTEM, 0, CommandKind::ExpireDue { max });
                let Ok(Reply::Expired { retired, more }) = swept else {
                    panic!("a sweep is never refused: {swept:?}")
                };
                assert!(retired <= max && (!more || retired == max));
                return;
            }
            Wish::Reader(wish) => self.reader_ask(wish),
            Wish::Line { event, wish } => self.line_ask(event, stamp_ms, wish),
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
            Ask::Line { event, ask } => lines::line_command(event, ask),
            Ask::Money(ask) => money::command(self, ask),
            Ask::Reader(ask) => (SYSTEM, 0, readers::reader_command(ask)),
            Ask::Shelf(ask) => shelves::command(ask),
            Ask::Keys(ask) => tenants::command(ask),
            Ask::Wait { event, ask } => waitlists::command(event, ask),
            Ask::Terms { event, ask } => terms::command(self, event, ask),
            Ask::Door(ask) => {
                let (key, kind) = doors::command(self, ask);
                (SYSTEM, key, kind)
            }
            Ask::Publish { event } => {
                (SYSTEM, 0, CommandKind::PublishEvent { event: event_id(event) })
            }
            Ask::Cancel { event } => {
                (SYSTEM, 0, CommandKind::CancelEvent { event: event_id(event) })
            }
            Ask::Life { event, deed } => (SYSTEM, 0, CommandKind::Life(life(event, deed))),
            Ask::Tend { max } => (SYSTEM, 0, CommandKind::Life(LifeCommand::Tend { max })),
            Ask::Collect { event, max } => {
                let event = event_id(event);
                (SYSTEM, 0, CommandKind::Life(LifeCommand::Collect { event, max }))
            }
            Ask::Reprice { event, prices } => {
                let patch = Box::new(EventPatch { prices, ..EventPatch::default() });
                (SYSTEM, 0, CommandKind::UpdateEvent { event: event_id(event), patch })
            }
            Ask::Hold { event, user: by, key, basket } => {
                (user(by), key, hold(event_id(event), basket))
            }
            Ask::Block { event, seats } => {
                let reason = "house".to_owned();
                let event = event_id(event);
                (SYSTEM, 0, CommandKind::BlockSeats { event, seats, reason })
            }
            Ask::Unblock { event, seats } => {
                (SYSTEM, 0, CommandKind::UnblockSeats { event: event_id(event), seats })
            }
            Ask::Extend { event, number, user: by } => {
                (user(by), 0, CommandKind::ExtendHold { booking: self.id(event, number) })
            }
            Ask::Drop { event, number, user: by, places } => {
                let booking = self.id(event, number);
                (user(by), 0, CommandKind::ReleasePlaces { booking, places })
            }
            Ask::Refund { event, number, user: by, key, places, block } => {
                let booking = self.id(event, number);
                let refund = Box::new(RefundOrder { places, reason: "house".to_owned(), block });
                (user(by), key, CommandKind::RefundPlaces { booking, refund })
            }
            Ask::Settle { event, number, user: by, refund, name } => {
                let booking = self.id(event, number);
                (user(by), 0, CommandKind::SettleRefund { booking, refund, reference: name })
            }
            Ask::Pass { event, number, user: by, place, version, to } => {
                let (booking, to) = (self.id(event, number), user(to));
                (user(by), 0, CommandKind::TransferTicket { booking, place, version, to })
            }
            Ask::Scan { event, number, key, place, version, door } => {
                let booking = self.id(event, number);
                (SYSTEM, key, CommandKind::RedeemTicket { booking, place, version, door })
            }
            Ask::Unscan { event, number, place } => {
                let booking = self.id(event, number);
                (SYSTEM, 0, CommandKind::UnredeemTicket { booking, place })
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
            let sales = (1..).zip(&show.sales).filter(|(_, sale)| !sale.gone_for_good);
            let sales: Vec<Seen> =
                sales.map(|(number, sale)| (event, number, plain(sale))).collect();
            assert_eq!(seen, sales);
            let states = self.state.seats(id).unwrap();
            let owned = |seat| match show.owner(seat).map(|place| show.sales[place].standing) {
                None if show.blocked.contains(&seat) => seat_state::BLOCKED,
                None if show.is_kept(seat, "") => seat_state::KEPT,
                None => seat_state::AVAILABLE,
                Some(Standing::Confirmed) => seat_state::SOLD,
                Some(_) => seat_state::HELD,
            };
            assert_eq!(states, (0..SEATS).map(owned).collect::<Vec<u8>>());
            let view = self.state.event(id).unwrap();
            let count = |state| states.iter().filter(|&&other| other == state).count();
            let free = count(seat_state::AVAILABLE) + count(seat_state::KEPT);
            assert_eq!(view.counts.available as usize, free);
            assert_eq!(view.counts.held as usize, count(seat_state::HELD));
            assert_eq!(view.counts.sold as usize, count(seat_state::SOLD));
            assert_eq!(view.counts.blocked as usize, count(seat_state::BLOCKED));
            doors::compare(&self.state, event, show);
            money::compare(&self.state, event, show);
            waitlists::compare(&self.state, event, show, self.model.clock_ms);
            let taken: Vec<u32> =
                view.areas.iter().map(|area| area.capacity - area.available()).collect();
            assert_eq!(taken, [show.taken(0)]);
            let phase = match view.state {
                EventState::Draft => Phase::Draft,
                EventState::Published => Phase::OnSale,
                EventState::Cancelled => Phase::Cancelled,
                EventState::Paused => Phase::Paused,
                EventState::Ended => Phase::Ended,
            };
            assert_eq!((phase, &view.spec.prices), (show.phase, &show.prices));
            let all_gone = view.counts.available == 0 && show.taken(0) == LAWN;
            assert_eq!(view.life.sold_out, all_gone && phase == Phase::OnSale);
            assert_eq!(
                (view.life.refunding, view.life.sale_ends_ms),
                (show.refunding(), show.ends_ms)
            );
            let owed = self.state.refunds_of(id, 0, 1_000, true).unwrap().0;
            let owed: Vec<u64> = owed.into_iter().map(|line| line.amount).collect();
            assert_eq!(owed, owed_by(show));
            let listed = self.state.events_after(None, 10).0;
            let archived_ms = show.keep.archived_ms;
            assert_eq!(view.life.archived_ms, archived_ms);
            assert_eq!(listed.contains(&view), archived_ms == 0, "a list shows what a look shows");
        }
        assert_eq!(self.state.clock_ms(), self.model.clock_ms);
        self.compare_lines();
        self.compare_readers();
        shelves::compare(&self.model, &self.state);
        tenants::compare(&self.model, &self.state);
    }
}

fn life(event: usize, deed: Deed) -> LifeCommand {
    let event = event_id(event);
    match deed {
        Deed::Pause { why } => LifeCommand::Pause { event, reason: why },
        Deed::Resume => LifeCommand::Resume { event },
        Deed::End => LifeCommand::End { event },
        Deed::SetEnd { ends_ms } => LifeCommand::SetEnd { event, ends_ms },
    }
}

/// What must go back to buyers, and has not.
fn owed_by(show: &Show) -> Vec<u64> {
    let owed = |sale: &Sale| match sale.standing {
        Standing::RefundDue => vec![sale.total()],
        _ => {
            let back = sale.back.iter().filter(|(_, _, name)| name.is_empty());
            back.map(|(_, amount, _)| *amount).collect()
        }
    };
    show.sales.iter().flat_map(owed).collect()
}

fn hold(event: EventId, basket: Basket) -> CommandKind {
    if basket.plain {
        return CommandKind::HoldSeats { event, seats: basket.seats };
    }
    let (code, cart) = (basket.word.clone(), Box::new(cart(basket)));
    if code.is_empty() {
        return CommandKind::HoldCart { event, cart };
    }
    CommandKind::Terms(TermsCommand::Hold { event, cart, code })
}

fn cart(Basket { seats, party, areas, .. }: Basket) -> Cart {
    let best = party.map(|party| Wanted {
        quantity: party.size,
        categories: party.categories.iter().map(|&it| u8::try_from(it).unwrap()).collect(),
        sections: party.sections,
        price_max: party.price_max,
        together: match party.near {
            Near::Somehow => Together::Preferred,
            Near::OneRow => Together::SameRow,
            Near::SideBySide => Together::Adjacent,
        },
        accessible: party.accessible,
    });
    Cart { seats, best, areas }
}

/// How many commands there were, and the sleeper.
fn run(steps: Vec<(i64, Wish)>, sleeper: Option<Sleeper>) -> (u64, Option<Sleeper>) {
    let mut pair = Pair::new(sleeper);
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
    (pair.index, pair.sleeper)
}
