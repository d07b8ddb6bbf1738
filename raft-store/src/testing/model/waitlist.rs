//! Those who wait for places: a list that is gone through from its first, whenever anything happened.

use std::collections::{BTreeMap, BTreeSet};

use rowlock_proto::error_code::ErrorCode;

use super::{AtDoors, Model, Near, Party, Phase, Said, Sale, Show, Standing, Where, brute, no};

const TOGETHER_MAX: u32 = 32;
const TURNS_OF_A_USER: usize = 32;

/// So many places together, of some categories or of any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    pub size: u32,
    pub categories: Vec<usize>,
    pub side_by_side: bool,
    pub accessible: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Waits,
    /// The place of the sale that it was offered.
    Offered(usize),
    Left,
    Passed,
}

#[derive(Clone, Debug)]
pub struct Turn {
    user: u64,
    key: u64,
    want: Want,
    joined_ms: u64,
    outcome: Outcome,
}

#[derive(Clone, Debug)]
pub struct List {
    pub offer_ms: u64,
    pub shut: bool,
    pub turns: Vec<Turn>,
}

impl Default for List {
    fn default() -> Self {
        Self { offer_ms: 1_800_000, shut: false, turns: Vec::new() }
    }
}

#[derive(Clone, Debug)]
pub enum WaitAsk {
    Set { offer_ms: u64, shut: bool },
    Join { user: u64, key: u64, want: Want },
    Leave { user: u64, entry: u32 },
    Take { user: u64, entry: u32 },
}

/// Event, user, entry, want, when it joined, where it stands, position, number of the booking, until.
pub type Seat = (usize, u64, u32, Want, u64, &'static str, u32, Option<u32>, u64);

/// Area, count and price of one place.
type Lines = Vec<(u16, u32, u64)>;

impl Show {
    fn sells(&self, now_ms: u64) -> bool {
        self.phase == Phase::OnSale && (self.opens_ms..self.date_ms).contains(&now_ms)
    }

    fn is_past(&self, now_ms: u64) -> bool {
        matches!(self.phase, Phase::Cancelled | Phase::Ended) || self.date_ms <= now_ms
    }

    /// Free places for a want: seats, or else places in one area.
    fn places_for(&self, want: &Want) -> Option<(Vec<u32>, Lines)> {
        let near = if want.side_by_side { Near::SideBySide } else { Near::Somehow };
        let (categories, accessible) = (want.categories.clone(), want.accessible);
        let party = Party {
            size: want.size,
            categories,
            sections: Vec::new(),
            price_max: None,
            near,
            accessible,
        };
        let found = brute::best(self, &party, &[], "").ok();
        if let Some(seats) = found.filter(|seats| self.over_quota(seats, &[], "").is_none()) {
            return Some((seats, Vec::new()));
        }
        let will_do = |&(area, (category, _)): &(u16, &(usize, u32))| {
            !accessible
                && (want.categories.is_empty() || want.categories.contains(category))
                && self.is_free(Where::Area(area), want.size)
                && self.over_quota(&[], &[(area, want.size)], "").is_none()
        };
        let (area, (category, _)) = (0_u16..).zip(&self.areas).find(will_do)?;
        Some((Vec::new(), vec![(area, want.size, self.prices[*category])]))
    }

    pub(super) fn was_offered(&self, sale: usize) -> bool {
        self.wait.turns.iter().any(|turn| turn.outcome == Outcome::Offered(sale))
    }

    fn would_pass_limit(&self, user: u64, more: u32) -> bool {
        self.limit != 0 && self.owned_by(user) + more as usize > self.limit as usize
    }

    fn standing_of(&self, turn: &Turn, now_ms: u64) -> &'static str {
        match turn.outcome {
            Outcome::Waits if self.is_past(now_ms) => "closed",
            Outcome::Waits => "waits",
            Outcome::Left => "left",
            Outcome::Passed => "passed",
            Outcome::Offered(at) => match self.sales[at].standing {
                Standing::Held | Standing::Paying | Standing::Capturing => "offered",
                Standing::Confirmed | Standing::Refunded => "bought",
                Standing::Released => "declined",
                Standing::Expired | Standing::RefundDue => "ran out",
            },
        }
    }

    pub fn seat_of(&self, event: usize, entry: usize, now_ms: u64) -> Seat {
        let turn = &self.wait.turns[entry];
        let standing = self.standing_of(turn, now_ms);
        let before = &self.wait.turns[..entry];
        let ahead = before.iter().filter(|turn| turn.outcome == Outcome::Waits).count();
        let (number, until_ms) = match turn.outcome {
            Outcome::Offered(at) => (u32::try_from(at + 1).ok(), self.sales[at].expires_ms),
            Outcome::Waits | Outcome::Left | Outcome::Passed => (None, 0),
        };
        let position = if standing == "waits" { u32::try_from(ahead + 1).unwrap_or(0) } else { 0 };
        let (user, want, joined_ms) = (turn.user, turn.want.clone(), turn.joined_ms);
        let entry = u32::try_from(entry).unwrap_or(u32::MAX);
        (event, user, entry, want, joined_ms, standing, position, number, until_ms)
    }

    pub fn latest_turn(&self, user: u64) -> Option<usize> {
        self.wait.turns.iter().rposition(|turn| turn.user == user)
    }

    /// The next that anything can be done for is served.
    fn serve_next(&mut self, now_ms: u64) -> bool {
        let waits = |turn: &&Turn| turn.outcome == Outcome::Waits;
        if !self.sells(now_ms) || !self.wait.turns.iter().any(|turn| waits(&turn)) {
            return false;
        }
        let turns = self.wait.turns.iter().enumerate().filter(|(_, turn)| waits(turn));
        let found =
            turns.into_iter().find_map(|(at, turn)| Some((at, self.places_for(&turn.want)?)));
        let Some((at, (seats, areas))) = found else { return false };
        let turn = self.wait.turns[at].clone();
        if self.would_pass_limit(turn.user, turn.want.size) {
            self.wait.turns[at].outcome = Outcome::Passed;
            return true;
        }
        self.wait.turns[at].outcome = Outcome::Offered(self.sales.len());
        let open = areas.iter().flat_map(|&(area, count, _)| {
            std::iter::repeat_n(self.areas[usize::from(area)].0, count as usize)
        });
        let kinds = seats.iter().map(|&seat| self.seats[seat as usize]).chain(open).collect();
        let bill = super::Bill { kinds, fees: self.rules.fees.clone(), ..super::Bill::default() };
        self.sales.push(Sale {
            bill,
            user: turn.user,
            // No request of a user has it.
            key: u64::MAX - at as u64,
            standing: Standing::Held,
            prices: seats.iter().map(|&seat| self.prices[self.seats[seat as usize]]).collect(),
            seats,
            created_ms: now_ms,
            expires_ms: now_ms + self.wait.offer_ms,
            payment_until_ms: 0,
            attempt: 0,
            intent: String::new(),
            confirmed_ms: 0,
            declined: String::new(),
            areas,
            gone: BTreeSet::new(),
            extended_from_ms: 0,
            back: Vec::new(),
            passes: BTreeMap::new(),
            doors: AtDoors::default(),
            till: super::Till::default(),
            moves: super::Moves::default(),
            gone_for_good: false,
            basket: super::Basket {
                plain: true,
                seats: Vec::new(),
                party: None,
                areas: Vec::new(),
                word: String::new(),
            },
            begun_key: 0,
        });
        true
    }
}

impl Model {
    /// Whoever can be served is.
    pub(super) fn serve(&mut self) {
        let now_ms = self.clock_ms;
        for show in &mut self.shows {
            while show.serve_next(now_ms) {}
        }
    }

    pub(super) fn wait(&mut self, event: usize, ask: &WaitAsk) -> Said {
        let now_ms = self.clock_ms;
        let Some(show) = self.shows.get_mut(event) else { return no(ErrorCode::EventNotFound) };
        match ask {
            WaitAsk::Set { offer_ms, shut } => {
                (show.wait.offer_ms, show.wait.shut) = (*offer_ms, *shut);
                Said::Done
            }
            WaitAsk::Join { user, key, want } => self.join(event, *user, *key, want),
            WaitAsk::Leave { user, entry } => {
                let Some(turn) = own(show, *user, *entry) else {
                    return no(ErrorCode::WaitlistNotJoined);
                };
                match turn.outcome {
                    Outcome::Waits => turn.outcome = Outcome::Left,
                    Outcome::Offered(at) => {
                        let sale = &mut show.sales[at];
                        if matches!(sale.standing, Standing::Paying | Standing::Capturing) {
                            return no(ErrorCode::BookingStateConflict);
                        }
                        if sale.standing == Standing::Held {
                            sale.standing = Standing::Released;
                        }
                    }
                    Outcome::Left | Outcome::Passed => {}
                }
                Said::Turn(show.seat_of(event, *entry as usize, now_ms))
            }
            WaitAsk::Take { user, entry } => {
                let Some(turn) = own(show, *user, *entry) else {
                    return no(ErrorCode::WaitlistNotJoined);
                };
                let Outcome::Offered(at) = turn.outcome else { return no(ErrorCode::NoOffer) };
                let number = u32::try_from(at + 1).unwrap_or(0);
                match show.sales[at].standing {
                    Standing::Held if show.sales[at].extended_from_ms == 0 => {
                        self.extend(event, number, 0)
                    }
                    Standing::Held
                    | Standing::Paying
                    | Standing::Capturing
                    | Standing::Confirmed => Said::Booking(self.seen(event, number)),
                    Standing::Released
                    | Standing::Expired
                    | Standing::RefundDue
                    | Standing::Refunded => no(ErrorCode::NoOffer),
                }
            }
        }
    }

    fn join(&mut self, event: usize, user: u64, key: u64, want: &Want) -> Said {
        let now_ms = self.clock_ms;
        let show = &mut self.shows[event];
        if want.size == 0 || want.size > TOGETHER_MAX {
            return no(ErrorCode::Invalid);
        }
        let categories: BTreeSet<usize> = want.categories.iter().copied().collect();
        if categories.iter().any(|&category| category >= show.prices.len()) {
            return no(ErrorCode::Invalid);
        }
        let any = categories.len() == show.prices.len();
        let categories = if any { Vec::new() } else { categories.into_iter().collect() };
        let want = Want { categories, ..want.clone() };
        let same = |entry: usize, other: ErrorCode| {
            let same = show.wait.turns[entry].want == want;
            if same { Said::Turn(show.seat_of(event, entry, now_ms)) } else { no(other) }
        };
        let repeats = |turn: &Turn| turn.user == user && turn.key == key;
        if let Some(entry) = show.wait.turns.iter().position(repeats) {
            return same(entry, ErrorCode::IdempotencyKeyReused);
        }
        if let Some(entry) = show.latest_turn(user) {
            let standing = show.standing_of(&show.wait.turns[entry], now_ms);
            if matches!(standing, "waits" | "offered") {
                return same(entry, ErrorCode::WaitlistJoined);
            }
        }
        let closed = Said::Refused(ErrorCode::SaleClosed, Vec::new(), show.date_ms);
        match show.phase {
            Phase::Draft => return no(ErrorCode::EventStateConflict),
            Phase::Cancelled | Phase::Ended => return no(ErrorCode::SaleClosed),
            Phase::OnSale | Phase::Paused if now_ms < show.opens_ms => {
                return Said::Refused(ErrorCode::SaleNotOpen, Vec::new(), show.opens_ms);
            }
            Phase::OnSale | Phase::Paused if show.date_ms <= now_ms => return closed,
            Phase::OnSale | Phase::Paused => {}
        }
        if show.wait.shut {
            return no(ErrorCode::WaitlistClosed);
        }
        let bound = |bound: u64| Said::Refused(ErrorCode::LimitExceeded, Vec::new(), bound);
        if show.wait.turns.iter().filter(|turn| turn.user == user).count() >= TURNS_OF_A_USER {
            return bound(TURNS_OF_A_USER as u64);
        }
        if show.would_pass_limit(user, want.size) {
            return bound(show.limit.into());
        }
        if show.places_for(&want).is_some() {
            return no(ErrorCode::WaitlistNotNeeded);
        }
        let turn = Turn { user, key, want, joined_ms: now_ms, outcome: Outcome::Waits };
        show.wait.turns.push(turn);
        Said::Turn(show.seat_of(event, show.wait.turns.len() - 1, now_ms))
    }
}

/// A turn, if it is the user's, or the cluster asks.
fn own(show: &mut Show, user: u64, entry: u32) -> Option<&mut Turn> {
    let turn = show.wait.turns.get_mut(entry as usize)?;
    (turn.user == user || user == 0).then_some(turn)
}
