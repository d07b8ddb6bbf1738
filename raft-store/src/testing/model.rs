//! A second inventory, as naive as can be: lists and scans, no index, no count kept.
//!
//! It shares no code and no type with `inventory/`, only ids and error codes, so that a mistake has
//! to be made twice to go unseen. It ends holds the moment that the clock reaches them, while the
//! real one leaves them until something touches them: whatever can be observed must be the same.

use rowlock_proto::error_code::ErrorCode;

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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Held,
    Paying,
    Confirmed,
    Released,
    Expired,
    RefundDue,
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
    pub sales: Vec<Sale>,
    refusals: Vec<(u64, u64, Vec<u32>, u64, Said)>,
}

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
    Refused(ErrorCode, Vec<u32>, u64),
}

/// A booking is named by its event and number, which may be wrong.
#[derive(Clone, Debug)]
pub enum Ask {
    Publish { event: usize },
    Cancel { event: usize },
    Reprice { event: usize, prices: Vec<u64> },
    Hold { event: usize, user: u64, key: u64, seats: Vec<u32> },
    Release { event: usize, number: u32, user: u64 },
    Begin { event: usize, number: u32, user: u64, key: u64, amount: u64 },
    Attach { event: usize, number: u32, user: u64, attempt: u32, intent: String },
    Confirm { event: usize, number: u32, user: u64, attempt: u32, intent: String },
    Fail { event: usize, number: u32, user: u64, attempt: u32, reason: String },
}

#[derive(Clone, Debug)]
pub struct Model {
    pub clock_ms: u64,
    pub bound_ms: u64,
    pub shows: Vec<Show>,
}

fn no(code: ErrorCode) -> Said {
    Said::Refused(code, Vec::new(), 0)
}

impl Show {
    pub fn draft(prices: Vec<u64>, seats: Vec<usize>) -> Self {
        Self {
            phase: Phase::Draft,
            opens_ms: 0,
            date_ms: u64::MAX,
            ttl_ms: 10_000,
            limit: 0,
            prices,
            seats,
            sales: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// Whose the seat is: the place of a booking.
    pub fn owner(&self, seat: u32) -> Option<usize> {
        self.sales.iter().position(|sale| {
            let owns = match sale.standing {
                Standing::Held | Standing::Paying | Standing::Confirmed => true,
                Standing::Released | Standing::Expired | Standing::RefundDue => false,
            };
            owns && sale.seats.contains(&seat)
        })
    }

    fn owned_by(&self, user: u64) -> usize {
        let seats = (0_u32..).zip(&self.seats).map(|(seat, _)| seat);
        seats
            .filter_map(|seat| self.owner(seat))
            .filter(|&place| self.sales.get(place).is_some_and(|sale| sale.user == user))
            .count()
    }
}

impl Model {
    pub const fn new(bound_ms: u64, shows: Vec<Show>) -> Self {
        Self { clock_ms: 0, bound_ms, shows }
    }

    /// Time passes; every hold that it reaches is over.
    pub fn tick(&mut self, stamp_ms: u64) {
        self.clock_ms = self.clock_ms.max(stamp_ms);
        for sale in self.shows.iter_mut().flat_map(|show| &mut show.sales) {
            let over = sale.expires_ms + 2 * self.bound_ms <= self.clock_ms;
            if sale.standing == Standing::Held && over {
                sale.standing = Standing::Expired;
            }
        }
    }

    pub fn ask(&mut self, stamp_ms: u64, ask: &Ask) -> Said {
        self.tick(stamp_ms);
        match ask {
            Ask::Publish { event } => match self.shows.get_mut(*event) {
                None => no(ErrorCode::EventNotFound),
                Some(show) if show.phase == Phase::Cancelled => no(ErrorCode::EventStateConflict),
                Some(show) => {
                    show.phase = Phase::OnSale;
                    Said::Done
                }
            },
            Ask::Cancel { event } => match self.shows.get_mut(*event) {
                None => no(ErrorCode::EventNotFound),
                Some(show) => {
                    show.phase = Phase::Cancelled;
                    for sale in &mut show.sales {
                        if sale.standing == Standing::Held {
                            sale.standing = Standing::Released;
                        }
                    }
                    Said::Done
                }
            },
            Ask::Reprice { event, prices } => self.reprice(*event, prices),
            Ask::Hold { event, user, key, seats } => self.hold(*event, *user, *key, seats),
            Ask::Release { event, number, user } => match self.find(*event, *number, *user) {
                None => no(ErrorCode::BookingNotFound),
                Some(sale) => match sale.standing {
                    Standing::Held | Standing::Released => {
                        sale.standing = Standing::Released;
                        Said::Done
                    }
                    Standing::Expired => no(ErrorCode::BookingExpired),
                    Standing::Paying | Standing::Confirmed | Standing::RefundDue => {
                        no(ErrorCode::BookingStateConflict)
                    }
                },
            },
            Ask::Begin { event, number, user, key, amount } => {
                self.begin(*event, *number, *user, *key, *amount)
            }
            Ask::Attach { event, number, user, attempt, intent } => {
                match self.find(*event, *number, *user) {
                    None => no(ErrorCode::BookingNotFound),
                    Some(sale)
                        if sale.standing == Standing::Paying
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
            Ask::Fail { event, number, user, attempt, reason } => {
                self.fail(*event, *number, *user, *attempt, reason)
            }
        }
    }

    fn find(&mut self, event: usize, number: u32, user: u64) -> Option<&mut Sale> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        // User 0 is the cluster itself and may act for anyone.
        let sale = self.shows.get_mut(event)?.sales.get_mut(place)?;
        (sale.user == user || user == 0).then_some(sale)
    }

    fn seen(&mut self, event: usize, number: u32) -> Seen {
        let sale = self.find(event, number, 0).expect("was found before").clone();
        (event, number, sale)
    }

    fn reprice(&mut self, event: usize, prices: &[u64]) -> Said {
        let Some(show) = self.shows.get_mut(event) else {
            return no(ErrorCode::EventNotFound);
        };
        if show.phase == Phase::Cancelled {
            return no(ErrorCode::EventStateConflict);
        }
        let seats = 0..u32::try_from(show.seats.len()).unwrap_or(u32::MAX);
        if prices != show.prices && seats.into_iter().any(|seat| show.owner(seat).is_some()) {
            return no(ErrorCode::PricesInUse);
        }
        show.prices = prices.to_vec();
        Said::Done
    }

    fn hold(&mut self, event: usize, user: u64, key: u64, seats: &[u32]) -> Said {
        let now = self.clock_ms;
        let Some(show) = self.shows.get_mut(event) else {
            return no(ErrorCode::EventNotFound);
        };
        // The grant again, as it was on the day.
        let granted =
            (1_u32..).zip(&show.sales).find(|(_, sale)| sale.key == key && sale.user == user);
        if let Some((number, sale)) = granted {
            if sale.seats != seats {
                return no(ErrorCode::IdempotencyKeyReused);
            }
            return Said::Booking((event, number, as_granted(sale)));
        }
        let refused = show.refusals.iter().rev().find(|(of, with, _, at, _)| {
            *of == user && *with == key && at + REFUSAL_LIFE_MS >= now
        });
        if let Some((_, _, asked, _, said)) = refused {
            return if asked == seats { said.clone() } else { no(ErrorCode::IdempotencyKeyReused) };
        }
        // What needs no state is not remembered.
        if seats.is_empty() {
            return no(ErrorCode::NoSeats);
        }
        if seats.len() > SEATS_OF_A_HOLD {
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
        if let Some(said) = why_not(show, now, user, seats) {
            show.refusals.retain(|(_, _, _, at, _)| at + REFUSAL_LIFE_MS >= now);
            if show.refusals.iter().filter(|(of, ..)| *of == user).count() < REFUSALS_OF_A_USER {
                show.refusals.push((user, key, seats.to_vec(), now, said.clone()));
            }
            return said;
        }
        let price = |&seat: &u32| {
            let category = show.seats.get(usize::try_from(seat).ok()?)?;
            show.prices.get(*category).copied()
        };
        let sale = Sale {
            user,
            key,
            standing: Standing::Held,
            seats: seats.to_vec(),
            prices: seats.iter().filter_map(price).collect(),
            created_ms: now,
            expires_ms: now + show.ttl_ms,
            payment_until_ms: 0,
            attempt: 0,
            intent: String::new(),
            confirmed_ms: 0,
            declined: String::new(),
            begun_key: 0,
        };
        show.sales.push(sale.clone());
        let number = u32::try_from(show.sales.len()).unwrap_or(u32::MAX);
        Said::Booking((event, number, sale))
    }

    fn begin(&mut self, event: usize, number: u32, user: u64, key: u64, amount: u64) -> Said {
        let cancelled = self.shows.get(event).is_some_and(|show| show.phase == Phase::Cancelled);
        let Some(sale) = self.find(event, number, user) else {
            return no(ErrorCode::BookingNotFound);
        };
        let total: u64 = sale.prices.iter().sum();
        let said = match sale.standing {
            Standing::Confirmed => None,
            Standing::Paying if sale.begun_key == key => Some(sale.attempt),
            Standing::Paying => return no(ErrorCode::PaymentInProgress),
            Standing::Expired => return no(ErrorCode::BookingExpired),
            Standing::Released | Standing::RefundDue => return no(ErrorCode::BookingStateConflict),
            Standing::Held if cancelled => return no(ErrorCode::SaleClosed),
            Standing::Held if amount != total => {
                return Said::Refused(ErrorCode::AmountMismatch, Vec::new(), total);
            }
            Standing::Held => {
                sale.standing = Standing::Paying;
                sale.attempt += 1;
                sale.begun_key = key;
                sale.payment_until_ms = sale.expires_ms + PAYMENT_EXTRA_MS;
                sale.intent.clear();
                sale.declined.clear();
                Some(sale.attempt)
            }
        };
        let seen = self.seen(event, number);
        said.map_or(Said::Booking(seen.clone()), |attempt| Said::Begun(seen, attempt))
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
        let free = show.phase != Phase::Cancelled
            && sale.seats.iter().all(|&seat| show.owner(seat).is_none());
        let standing = match sale.standing {
            Standing::Confirmed => Standing::Confirmed,
            Standing::Held | Standing::Paying => Standing::Confirmed,
            Standing::Released | Standing::Expired if free => Standing::Confirmed,
            Standing::Released | Standing::Expired | Standing::RefundDue => Standing::RefundDue,
        };
        let fresh = sale.standing != standing;
        let sale = self.find(event, number, user).expect("was found");
        sale.standing = standing;
        if fresh && standing == Standing::Confirmed {
            sale.confirmed_ms = now;
        }
        let seen = self.seen(event, number);
        if standing == Standing::Confirmed { Said::Booking(seen) } else { Said::RefundDue(seen) }
    }

    fn fail(&mut self, event: usize, number: u32, user: u64, attempt: u32, reason: &str) -> Said {
        let (now, bound) = (self.clock_ms, self.bound_ms);
        let cancelled = self.shows.get(event).is_some_and(|show| show.phase == Phase::Cancelled);
        let Some(sale) = self.find(event, number, user) else {
            return no(ErrorCode::BookingNotFound);
        };
        if attempt == 0 || sale.attempt != attempt || sale.standing == Standing::Confirmed {
            return no(ErrorCode::PaymentFenced);
        }
        if sale.standing == Standing::Paying {
            reason.clone_into(&mut sale.declined);
            sale.standing = if sale.expires_ms + 2 * bound <= now {
                Standing::Expired
            } else if cancelled {
                Standing::Released
            } else {
                Standing::Held
            };
        }
        Said::Booking(self.seen(event, number))
    }
}

fn as_granted(sale: &Sale) -> Sale {
    Sale {
        standing: Standing::Held,
        payment_until_ms: 0,
        attempt: 0,
        intent: String::new(),
        confirmed_ms: 0,
        declined: String::new(),
        begun_key: 0,
        ..sale.clone()
    }
}

fn why_not(show: &Show, now: u64, user: u64, seats: &[u32]) -> Option<Said> {
    match show.phase {
        Phase::OnSale => {}
        Phase::Draft => return Some(no(ErrorCode::EventStateConflict)),
        Phase::Cancelled => return Some(no(ErrorCode::SaleClosed)),
    }
    if now < show.opens_ms {
        return Some(Said::Refused(ErrorCode::SaleNotOpen, Vec::new(), show.opens_ms));
    }
    if now >= show.date_ms {
        return Some(Said::Refused(ErrorCode::SaleClosed, Vec::new(), show.date_ms));
    }
    let there = |seat: u32| usize::try_from(seat).is_ok_and(|seat| seat < show.seats.len());
    let unknown: Vec<u32> = seats.iter().copied().filter(|&seat| !there(seat)).collect();
    if !unknown.is_empty() {
        return Some(Said::Refused(ErrorCode::SeatUnknown, unknown, 0));
    }
    let taken: Vec<u32> =
        seats.iter().copied().filter(|&seat| show.owner(seat).is_some()).collect();
    if !taken.is_empty() {
        return Some(Said::Refused(ErrorCode::SeatTaken, taken, 0));
    }
    let limit = show.limit;
    let wants = show.owned_by(user) + seats.len();
    if limit != 0 && u32::try_from(wants).unwrap_or(u32::MAX) > limit {
        return Some(Said::Refused(ErrorCode::LimitExceeded, Vec::new(), limit.into()));
    }
    None
}

#[cfg(test)]
mod tests;
