//! A second inventory, as naive as can be: lists and scans, no index, no count kept.
//!
//! It shares no code and no type with `inventory/`, only ids and error codes, so that a mistake has
//! to be made twice to go unseen. It ends holds the moment that the clock reaches them, while the
//! real one leaves them until something touches them: whatever can be observed must be the same.

use std::collections::{BTreeMap, BTreeSet};

use rowlock_proto::error_code::ErrorCode;

pub use self::brute::{Kind, Near, Party, Spot};
pub use self::door::{AtDoors, DoorAsk, Heard, Late};
pub use self::exchange::{Moves, Swap};
use self::granted::as_granted;
pub use self::life::Deed;
pub use self::money::{Coin, MoneyAsk, Till};
use self::places::Where;
use self::refusal::{no, unfree, why_not};
pub use self::terms::{Bill, Deal, Extra, Rules, Sum, TermsAsk, Way};

mod after;
mod brute;
mod door;
mod exchange;
mod granted;
pub mod keeping;
pub mod keys;
mod life;
pub mod line;
mod money;
mod places;
pub mod reader;
mod refusal;
pub mod shelf;
mod terms;
pub mod waitlist;

/// What was promised to last and for how long, as the promises are written (not as they are coded).
const REFUSAL_LIFE_MS: u64 = 600_000;
const REFUSALS_OF_A_USER: usize = 32;
const PAYMENT_EXTRA_MS: u64 = 300_000;
const SEATS_OF_A_HOLD: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Draft,
    OnSale,
    Cancelled,
    Paused,
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Held,
    Paying,
    Confirmed,
    Released,
    Expired,
    RefundDue,
    Refunded,
    Capturing,
}

/// An event. Its seats are numbered from 0.
#[derive(Clone, Debug)]
pub struct Show {
    pub phase: Phase,
    pub opens_ms: u64,
    pub date_ms: u64,
    pub ttl_ms: u64,
    /// 0: none.
    pub limit: u32,
    /// Price of each category, and the category of each seat.
    pub prices: Vec<u64>,
    pub seats: Vec<usize>,
    /// Where each seat stands, and what all look at.
    pub spots: Vec<Spot>,
    pub focus_mm: (i32, i32),
    /// Category and capacity of each area without seats.
    pub areas: Vec<(usize, u32)>,
    pub blocked: BTreeSet<u32>,
    pub sales: Vec<Sale>,
    /// Why it is paused, when it ends (0: never), and whether that was not told yet.
    pub why: String,
    pub ends_ms: u64,
    untold: bool,
    /// Sales that were looked at since it was cancelled.
    seen: usize,
    pub keep: keeping::Keeping,
    refusals: Vec<(u64, u64, Basket, u64, Said)>,
    pub line: Option<line::Line>,
    pub wait: waitlist::List,
    pub rules: Rules,
}

/// What one hold asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basket {
    /// Asked for by the command that knows of nothing but seats.
    pub plain: bool,
    pub seats: Vec<u32>,
    pub party: Option<Party>,
    /// Area and count.
    pub areas: Vec<(u16, u32)>,
    /// An access code; empty: none.
    pub word: String,
}

/// Money that goes back: request, amount, and the provider's name for it.
pub type Back = (u64, u64, String);

/// A ticket: holder, version, and the door, time and request of its use.
pub type Pass = (Option<u64>, u32, Option<(String, u64, u64)>);

/// A booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sale {
    pub user: u64,
    pub key: u64,
    pub standing: Standing,
    pub seats: Vec<u32>,
    pub prices: Vec<u64>,
    pub created_ms: u64,
    pub expires_ms: u64,
    pub payment_until_ms: u64,
    pub attempt: u32,
    pub intent: String,
    pub confirmed_ms: u64,
    pub declined: String,
    /// Area, count and price of one place, as granted.
    pub areas: Vec<(u16, u32, u64)>,
    /// Numbers of the places that went back alone: seats first, then places in areas.
    pub gone: BTreeSet<u32>,
    /// 0, or what was told before.
    pub extended_from_ms: u64,
    pub back: Vec<Back>,
    pub passes: BTreeMap<u32, Pass>,
    pub doors: AtDoors,
    pub till: Till,
    pub bill: Bill,
    pub moves: Moves,
    /// It came to nothing long ago, and is as if it had not been.
    pub gone_for_good: bool,
    basket: Basket,
    begun_key: u64,
}

/// A booking as one answer shows it: event, number from 1, and the booking.
pub type Seen = (usize, u32, Sale);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Done,
    Booking(Seen),
    Begun(Seen, u32),
    RefundDue(Seen),
    Back(Seen, u32),
    Spot(line::Spot),
    /// How many were let in.
    Stepped(u32),
    Tended(u32, bool),
    Scans(Vec<Heard>),
    Reader(reader::Reader),
    Turn(waitlist::Seat),
    Alive(bool),
    Refused(ErrorCode, Vec<u32>, u64),
}

/// A booking is named by its event and number, which may be wrong.
#[derive(Clone, Debug)]
pub enum Ask {
    Door(DoorAsk),
    Money(MoneyAsk),
    Terms { event: usize, ask: TermsAsk },
    Publish { event: usize },
    Cancel { event: usize },
    Life { event: usize, deed: Deed },
    Tend { max: u32 },
    Collect { event: usize, max: u32 },
    Reprice { event: usize, prices: Vec<u64> },
    Hold { event: usize, user: u64, key: u64, basket: Basket },
    Block { event: usize, seats: Vec<u32> },
    Unblock { event: usize, seats: Vec<u32> },
    Extend { event: usize, number: u32, user: u64 },
    Drop { event: usize, number: u32, user: u64, places: Vec<u32> },
    Refund { event: usize, number: u32, user: u64, key: u64, places: Vec<u32>, block: bool },
    Settle { event: usize, number: u32, user: u64, refund: u32, name: String },
    Pass { event: usize, number: u32, user: u64, place: u32, version: u32, to: u64 },
    Scan { event: usize, number: u32, key: u64, place: u32, version: u32, door: String },
    Unscan { event: usize, number: u32, place: u32 },
    Release { event: usize, number: u32, user: u64 },
    Begin { event: usize, number: u32, user: u64, key: u64, amount: u64 },
    Attach { event: usize, number: u32, user: u64, attempt: u32, intent: String },
    Confirm { event: usize, number: u32, user: u64, attempt: u32, intent: String },
    Fail { event: usize, number: u32, user: u64, attempt: u32, reason: String },
    Line { event: usize, ask: line::LineAsk },
    Reader(reader::ReaderAsk),
    Shelf(shelf::ShelfAsk),
    Keys(keys::KeyAsk),
    Wait { event: usize, ask: waitlist::WaitAsk },
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub clock_ms: u64,
    pub bound_ms: u64,
    pub shows: Vec<Show>,
    pub readers: reader::Readers,
    pub shelves: shelf::Shelves,
    pub tenants: Vec<keys::Tenant>,
    pub loans: Vec<keys::Loan>,
}

impl Show {
    pub fn draft(prices: Vec<u64>, seats: Vec<usize>, spots: Vec<Spot>) -> Self {
        Self {
            phase: Phase::Draft,
            opens_ms: 0,
            date_ms: u64::MAX,
            ttl_ms: 10_000,
            limit: 0,
            prices,
            seats,
            spots,
            focus_mm: (0, 0),
            areas: Vec::new(),
            blocked: BTreeSet::new(),
            sales: Vec::new(),
            why: String::new(),
            ends_ms: 0,
            untold: false,
            seen: 0,
            keep: keeping::Keeping::default(),
            refusals: Vec::new(),
            line: None,
            wait: waitlist::List::default(),
            rules: Rules::default(),
        }
    }

    /// Whose the seat is: the place of a booking.
    pub fn owner(&self, seat: u32) -> Option<usize> {
        self.sales.iter().position(|sale| {
            sale.owns() && sale.here().iter().any(|(_, place, _)| *place == Where::Seat(seat))
        })
    }

    fn owned_by(&self, user: u64) -> usize {
        let live = self.sales.iter().filter(|sale| sale.owns() && sale.user == user);
        live.map(|sale| sale.here().len()).sum()
    }

    /// Places of an area that somebody has.
    pub fn taken(&self, area: u16) -> u32 {
        let live = self.sales.iter().filter(|sale| sale.owns());
        let places = live.flat_map(Sale::here).filter(|(_, place, _)| *place == Where::Area(area));
        u32::try_from(places.count()).unwrap_or(u32::MAX)
    }

    fn is_free(&self, place: Where, count: u32) -> bool {
        match place {
            Where::Seat(seat) => self.owner(seat).is_none() && !self.blocked.contains(&seat),
            Where::Area(area) => {
                let room = self.areas.get(usize::from(area)).map_or(0, |&(_, room)| room);
                self.taken(area) + count <= room
            }
        }
    }
}

impl Model {
    pub fn new(bound_ms: u64, shows: Vec<Show>) -> Self {
        Self { bound_ms, shows, ..Self::default() }
    }

    /// Time passes; every hold that it reaches is over.
    pub fn tick(&mut self, stamp_ms: u64) {
        self.clock_ms = self.clock_ms.max(stamp_ms);
        let (now, grace_ms) = (self.clock_ms, 2 * self.bound_ms);
        self.shows.iter_mut().for_each(|show| show.end_passes(now, grace_ms));
        self.shows.iter_mut().for_each(|show| show.end_by_time(now));
        for sale in self.shows.iter_mut().flat_map(|show| &mut show.sales) {
            if sale.standing == Standing::Held && sale.expires_ms + grace_ms <= now {
                sale.standing = Standing::Expired;
            }
        }
        self.serve();
    }

    pub fn ask(&mut self, stamp_ms: u64, ask: &Ask) -> Said {
        self.tick(stamp_ms);
        let said = self.answer(ask);
        self.serve();
        said
    }

    fn answer(&mut self, ask: &Ask) -> Said {
        match ask {
            Ask::Door(ask) => self.door(ask),
            Ask::Money(ask) => self.money(ask),
            Ask::Terms { event, ask } => self.terms(*event, ask),
            Ask::Publish { event } => match self.shows.get_mut(*event) {
                None => no(ErrorCode::EventNotFound),
                Some(show) if matches!(show.phase, Phase::Cancelled | Phase::Ended) => {
                    no(ErrorCode::EventStateConflict)
                }
                Some(show) if show.phase == Phase::Paused => Said::Done,
                Some(show) => {
                    show.phase = Phase::OnSale;
                    show.end_by_time(self.clock_ms);
                    Said::Done
                }
            },
            Ask::Cancel { event } => match self.shows.get_mut(*event) {
                None => no(ErrorCode::EventNotFound),
                Some(show) => {
                    if show.phase != Phase::Cancelled {
                        show.keep.archived_ms = 0;
                    }
                    show.phase = Phase::Cancelled;
                    show.untold = false;
                    for sale in &mut show.sales {
                        if sale.standing == Standing::Held {
                            sale.standing = Standing::Released;
                        }
                    }
                    show.close_line();
                    Said::Done
                }
            },
            Ask::Life { event, deed } => self.deed(*event, deed),
            Ask::Tend { max } => self.tend(*max),
            Ask::Collect { event, max } => self.collect(*event, *max),
            Ask::Reprice { event, prices } => self.reprice(*event, prices),
            Ask::Hold { event, user, key, basket } => self.hold(*event, *user, *key, basket),
            Ask::Block { event, seats } => self.block(*event, seats),
            Ask::Unblock { event, seats } => self.unblock(*event, seats),
            Ask::Extend { event, number, user } => self.extend(*event, *number, *user),
            Ask::Drop { event, number, user, places } => {
                self.let_go(*event, *number, *user, places)
            }
            Ask::Refund { event, number, user, key, places, block } => {
                self.refund(*event, *number, *user, *key, places, *block)
            }
            Ask::Settle { event, number, user, refund, name } => {
                self.settle(*event, *number, *user, *refund, name)
            }
            Ask::Pass { event, number, user, place, version, to } => {
                self.pass(*event, *number, *user, *place, *version, *to)
            }
            Ask::Scan { event, number, key, place, version, door } => {
                self.scan(*event, *number, *key, *place, *version, door)
            }
            Ask::Unscan { event, number, place } => self.unscan(*event, *number, *place),
            Ask::Release { event, number, user } => match self.find(*event, *number, *user) {
                None => no(ErrorCode::BookingNotFound),
                Some(sale) => match sale.standing {
                    Standing::Held | Standing::Released => {
                        sale.standing = Standing::Released;
                        Said::Done
                    }
                    Standing::Expired => no(ErrorCode::BookingExpired),
                    Standing::Paying
                    | Standing::Capturing
                    | Standing::Confirmed
                    | Standing::RefundDue
                    | Standing::Refunded => no(ErrorCode::BookingStateConflict),
                },
            },
            Ask::Begin { event, number, user, key, amount } => {
                self.begin(*event, *number, *user, *key, *amount)
            }
            Ask::Attach { event, number, user, attempt, intent } => {
                match self.find(*event, *number, *user) {
                    None => no(ErrorCode::BookingNotFound),
                    Some(sale)
                        if matches!(sale.standing, Standing::Paying | Standing::Capturing)
                            && sale.attempt == *attempt
                            && (sale.intent.is_empty() || sale.intent == *intent) =>
                    {
                        sale.intent.clone_from(intent);
                        Said::Done
                    }
                    Some(_) => no(ErrorCode::PaymentFenced),
                }
            }
            Ask::Confirm { event, number, user, attempt, intent } => {
                self.confirm(*event, *number, *user, *attempt, intent)
            }
            Ask::Line { event, ask } => self.line(*event, ask),
            Ask::Reader(ask) => self.reader(ask),
            Ask::Shelf(ask) => self.shelf(ask),
            Ask::Keys(ask) => self.keys(ask),
            Ask::Wait { event, ask } => self.wait(*event, ask),
            Ask::Fail { event, number, user, attempt, reason } => {
                self.fail(*event, *number, *user, *attempt, reason)
            }
        }
    }

    fn find(&mut self, event: usize, number: u32, user: u64) -> Option<&mut Sale> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        // User 0 is the cluster itself and may act for anyone.
        let sale = self.shows.get_mut(event)?.sales.get_mut(place)?;
        (!sale.gone_for_good && (sale.user == user || user == 0)).then_some(sale)
    }

    fn seen(&mut self, event: usize, number: u32) -> Seen {
        let sale = self.find(event, number, 0).expect("was found before").clone();
        (event, number, sale)
    }

    fn hold(&mut self, event: usize, user: u64, key: u64, basket: &Basket) -> Said {
        let now = self.clock_ms;
        let Some(show) = self.shows.get_mut(event) else {
            return no(ErrorCode::EventNotFound);
        };
        // The grant again, as it was on the day.
        let granted = (1_u32..).zip(&show.sales).find(|(_, sale)| sale.is(user, key));
        if let Some((number, sale)) = granted {
            if sale.basket != *basket {
                return no(ErrorCode::IdempotencyKeyReused);
            }
            return Said::Booking((event, number, as_granted(sale)));
        }
        let refused = show.refusals.iter().rev().find(|(of, with, _, at, _)| {
            *of == user && *with == key && at + REFUSAL_LIFE_MS >= now
        });
        if let Some((_, _, asked, _, said)) = refused {
            return if asked == basket {
                said.clone()
            } else {
                no(ErrorCode::IdempotencyKeyReused)
            };
        }
        // What needs no state is not remembered.
        let seats = &basket.seats;
        let wants = seats.len()
            + basket.party.as_ref().map_or(0, |party| party.size as usize)
            + basket.areas.iter().map(|&(_, count)| count as usize).sum::<usize>();
        if wants == 0 {
            return no(ErrorCode::NoSeats);
        }
        if wants > SEATS_OF_A_HOLD {
            return Said::Refused(ErrorCode::TooManySeats, Vec::new(), 100);
        }
        let mut twice = Vec::new();
        for seat in seats {
            if seats.iter().filter(|&other| other == seat).count() > 1 && !twice.contains(seat) {
                twice.push(*seat);
            }
        }
        if !twice.is_empty() {
            return Said::Refused(ErrorCode::SeatRepeated, twice, 0);
        }
        if show.is_kept_out(user) {
            return no(ErrorCode::QueuePassNeeded);
        }
        let way = show.way_of(&basket.word).unwrap_or_default();
        let found = match why_not(show, now, user, basket, wants) {
            Some(said) => Err(Box::new(said)),
            None => match &basket.party {
                Some(party) => brute::best(show, party, seats, &way)
                    .map_err(|(code, bound)| Box::new(Said::Refused(code, Vec::new(), bound)))
                    .and_then(|best| {
                        let all: Vec<u32> = seats.iter().chain(&best).copied().collect();
                        let over = show.over_quota(&all, &basket.areas, &way);
                        over.map_or(Ok(best), |said| Err(Box::new(said)))
                    }),
                None => Ok(Vec::new()),
            },
        };
        let seats: Vec<u32> = match found {
            Ok(best) => seats.iter().copied().chain(best).collect(),
            Err(said) => {
                show.refusals.retain(|(_, _, _, at, _)| at + REFUSAL_LIFE_MS >= now);
                let many = show.refusals.iter().filter(|(of, ..)| *of == user).count();
                if many < REFUSALS_OF_A_USER {
                    show.refusals.push((user, key, basket.clone(), now, (*said).clone()));
                }
                return *said;
            }
        };
        let price = |&seat: &u32| {
            let category = show.seats.get(usize::try_from(seat).ok()?)?;
            show.prices.get(*category).copied()
        };
        let open = basket.areas.iter().flat_map(|&(area, count)| {
            std::iter::repeat_n(show.areas[usize::from(area)].0, count as usize)
        });
        let kinds = seats.iter().map(|&seat| show.seats[seat as usize]).chain(open).collect();
        let (fees, word) = (show.rules.fees.clone(), basket.word.clone());
        let bill = Bill { kinds, fees, way, word, ..Bill::default() };
        let sale = Sale {
            bill,
            user,
            key,
            standing: Standing::Held,
            prices: seats.iter().filter_map(price).collect(),
            seats,
            created_ms: now,
            expires_ms: now + show.ttl_ms,
            payment_until_ms: 0,
            attempt: 0,
            intent: String::new(),
            confirmed_ms: 0,
            declined: String::new(),
            areas: basket
                .areas
                .iter()
                .map(|&(area, count)| (area, count, show.prices[show.areas[usize::from(area)].0]))
                .collect(),
            gone: BTreeSet::new(),
            extended_from_ms: 0,
            back: Vec::new(),
            passes: BTreeMap::new(),
            doors: AtDoors::default(),
            till: Till::default(),
            moves: Moves::default(),
            gone_for_good: false,
            basket: basket.clone(),
            begun_key: 0,
        };
        show.sales.push(sale.clone());
        let number = u32::try_from(show.sales.len()).unwrap_or(u32::MAX);
        Said::Booking((event, number, sale))
    }

    fn confirm(
        &mut self,
        event: usize,
        number: u32,
        user: u64,
        attempt: u32,
        intent: &str,
    ) -> Said {
        let now = self.clock_ms;
        let Some(sale) = self.find(event, number, user).map(|sale| sale.clone()) else {
            return no(ErrorCode::BookingNotFound);
        };
        if attempt == 0 || sale.attempt != attempt || intent.is_empty() || sale.intent != intent {
            return no(ErrorCode::PaymentFenced);
        }
        let show = self.shows.get(event).expect("its booking was found");
        let places = sale.here();
        let as_many = |of: Where| {
            let same = places.iter().filter(|(_, place, _)| *place == of).count();
            u32::try_from(same).unwrap_or(u32::MAX)
        };
        let free = show.phase != Phase::Cancelled
            && show.may_come_back(&sale)
            && places.iter().all(|&(_, place, _)| show.is_free(place, as_many(place)));
        let standing = match sale.standing {
            Standing::Confirmed => Standing::Confirmed,
            Standing::Refunded => Standing::Refunded,
            Standing::Held | Standing::Paying | Standing::Capturing => Standing::Confirmed,
            Standing::Released | Standing::Expired if free => Standing::Confirmed,
            Standing::Released | Standing::Expired | Standing::RefundDue => Standing::RefundDue,
        };
        let fresh = sale.standing != standing;
        let sale = self.find(event, number, user).expect("was found");
        sale.standing = standing;
        if fresh {
            sale.till.provider += sale.till.asked;
        }
        if fresh && standing == Standing::Confirmed {
            sale.confirmed_ms = now;
            let buyer = sale.user;
            self.shows[event].has_shopped(buyer);
        }
        let seen = self.seen(event, number);
        if standing == Standing::RefundDue { Said::RefundDue(seen) } else { Said::Booking(seen) }
    }
}

#[cfg(test)]
mod tests;
