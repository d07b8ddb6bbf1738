//! Places of a sale for others: done on a copy of the show, in which the old ones are gone.

use rowlock_proto::error_code::ErrorCode;

use super::places::Where;
use super::refusal::unfit;
use super::{Basket, Coin, Model, Phase, SEATS_OF_A_HOLD, Said, Sale, Show, Standing, brute, no};

const EXCHANGES_OF_A_SALE: usize = 32;
/// Ever.
const PLACES_OF_A_SALE: usize = 256;

/// What came to a sale by exchange.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Moves {
    pub(super) came: Vec<(Where, u64)>,
    /// Request, what was asked, and the number of what goes back.
    pub(super) done: Vec<(u64, Swap, Option<u32>)>,
    /// Numbers of the places in the order in which they are shown; of sales that are compared only.
    pub shown: Vec<u32>,
}

impl Moves {
    pub fn any(&self) -> bool {
        !self.came.is_empty()
    }
}

/// What goes, what comes, and what is paid at the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    pub give: Vec<u32>,
    pub give_seats: Vec<u32>,
    pub basket: Basket,
    pub paid: Option<(Coin, u64, String)>,
}

fn bound(code: ErrorCode, bound: u64) -> Said {
    Said::Refused(code, Vec::new(), bound)
}

fn refused<T>(code: ErrorCode, limit: u64) -> Result<T, Box<Said>> {
    Err(Box::new(bound(code, limit)))
}

impl Swap {
    fn wants(&self) -> usize {
        let areas: usize = self.basket.areas.iter().map(|&(_, count)| count as usize).sum();
        let party = self.basket.party.as_ref().map_or(0, |party| party.size as usize);
        self.basket.seats.len() + party + areas
    }

    /// What is wrong with it, whatever there is.
    fn malformed(&self) -> Option<Said> {
        if (1..self.give.len()).any(|at| self.give[..at].contains(&self.give[at])) {
            return Some(no(ErrorCode::Invalid));
        }
        if let Some(said) = repeated(&self.give_seats) {
            return Some(said);
        }
        if self.wants() == 0 {
            return Some(no(ErrorCode::NoSeats));
        }
        if self.wants() > SEATS_OF_A_HOLD {
            return Some(bound(ErrorCode::TooManySeats, SEATS_OF_A_HOLD as u64));
        }
        if let Some(said) = repeated(&self.basket.seats) {
            return Some(said);
        }
        let odd = |paid: &(Coin, u64, String)| matches!(paid.0, Coin::Nothing | Coin::Gift);
        self.paid.as_ref().is_some_and(odd).then(|| no(ErrorCode::Invalid))
    }
}

fn repeated(seats: &[u32]) -> Option<Said> {
    let mut twice = Vec::new();
    for seat in seats {
        if seats.iter().filter(|&other| other == seat).count() > 1 && !twice.contains(seat) {
            twice.push(*seat);
        }
    }
    (!twice.is_empty()).then_some(Said::Refused(ErrorCode::SeatRepeated, twice, 0))
}

impl Sale {
    /// Numbers of the places that go, or why they can't.
    fn gives(&self, swap: &Swap) -> Result<Vec<u32>, Box<Said>> {
        let here: Vec<u32> = self.here().iter().map(|(number, ..)| *number).collect();
        let all = swap.give.is_empty() && swap.give_seats.is_empty();
        let mut going = if all { here.clone() } else { swap.give.clone() };
        if let Some(&odd) = going.iter().find(|number| !here.contains(number)) {
            return refused(ErrorCode::PlaceUnknown, odd.into());
        }
        let mut unknown = Vec::new();
        for &seat in &swap.give_seats {
            match self.here().iter().find(|(_, place, _)| *place == Where::Seat(seat)) {
                Some((number, ..)) => going.push(*number),
                None => unknown.push(seat),
            }
        }
        if !unknown.is_empty() {
            return Err(Box::new(Said::Refused(ErrorCode::SeatUnknown, unknown, 0)));
        }
        if (1..going.len()).any(|at| going[..at].contains(&going[at])) {
            return refused(ErrorCode::Invalid, 0);
        }
        let pass = |number: &u32| self.passes.get(number).cloned().unwrap_or_default();
        if let Some(&used) = going.iter().find(|number| pass(number).2.is_some()) {
            return refused(ErrorCode::TicketRedeemed, used.into());
        }
        if let Some(&void) = going.iter().find(|number| self.doors.voids.contains_key(number)) {
            return refused(ErrorCode::TicketVoid, void.into());
        }
        let rest = going.iter().skip(swap.wants());
        let mut others = rest.filter(|number| pass(number).0.is_some_and(|it| it != self.user));
        match others.next() {
            Some(&number) => refused(ErrorCode::TicketPassedOn, number.into()),
            None if self.granted().len() + swap.wants() > PLACES_OF_A_SALE => {
                refused(ErrorCode::ExchangeLimitReached, PLACES_OF_A_SALE as u64)
            }
            None if here.len() - going.len() + swap.wants() > SEATS_OF_A_HOLD => {
                refused(ErrorCode::TooManySeats, SEATS_OF_A_HOLD as u64)
            }
            None => Ok(going),
        }
    }
}

impl Show {
    /// The places that come to a sale, once those are gone that go.
    fn comes(
        &self,
        now: u64,
        old: &Sale,
        swap: &Swap,
        by_house: bool,
    ) -> Result<Vec<(Where, u64)>, Box<Said>> {
        let paid = old.standing == Standing::Confirmed;
        let way = old.bill.way.as_str();
        let opens_ms = self.opening(way);
        match self.phase {
            Phase::Cancelled => return refused(ErrorCode::SaleClosed, 0),
            _ if paid && by_house => {}
            Phase::Draft => return refused(ErrorCode::EventStateConflict, 0),
            Phase::Ended => return refused(ErrorCode::SaleClosed, 0),
            Phase::Paused => return refused(ErrorCode::SalePaused, 0),
            Phase::OnSale if now < opens_ms => return refused(ErrorCode::SaleNotOpen, opens_ms),
            Phase::OnSale if now >= self.date_ms => {
                return refused(ErrorCode::SaleClosed, self.date_ms);
            }
            Phase::OnSale => {}
        }
        let Swap { basket, .. } = swap;
        if let Some(said) = unfit(self, old.user, basket, swap.wants()) {
            return Err(Box::new(said));
        }
        let keeps = u32::try_from(old.here().len()).unwrap_or(u32::MAX);
        let wants = u32::try_from(swap.wants()).unwrap_or(u32::MAX);
        let plain = Basket { word: String::new(), ..basket.clone() };
        if let Some(said) = self.forbidden(old.user, &plain, wants, Some((way, keeps, paid))) {
            return Err(Box::new(said));
        }
        let mut seats = basket.seats.clone();
        if let Some(party) = &basket.party {
            let best = brute::best(self, party, &basket.seats, way);
            seats.extend(best.map_err(|(code, most)| Box::new(bound(code, most)))?);
            if let Some(said) = self.over_quota(&seats, &basket.areas, way) {
                return Err(Box::new(said));
            }
        }
        let seats = seats.into_iter().map(Where::Seat);
        let open = basket
            .areas
            .iter()
            .flat_map(|&(area, count)| std::iter::repeat_n(Where::Area(area), count as usize));
        let price = |place| self.prices[self.kind_of(place)];
        Ok(seats.chain(open).map(|place| (place, price(place))).collect())
    }
}

impl Model {
    pub(super) fn exchange(
        &mut self,
        (event, number): (usize, u32),
        user: u64,
        key: u64,
        swap: &Swap,
    ) -> Said {
        let now = self.clock_ms;
        let Some(sale) = self.find(event, number, user).map(|sale| sale.clone()) else {
            return no(ErrorCode::BookingNotFound);
        };
        if let Some((_, asked, back)) = sale.moves.done.iter().find(|done| done.0 == key) {
            if asked != swap {
                return no(ErrorCode::IdempotencyKeyReused);
            }
            let seen = self.seen(event, number);
            return back.map_or(Said::Booking(seen.clone()), |back| Said::Back(seen, back));
        }
        if let Some(said) = swap.malformed() {
            return said;
        }
        match sale.standing {
            Standing::Held | Standing::Confirmed => {}
            Standing::Expired => return no(ErrorCode::BookingExpired),
            Standing::Paying | Standing::Capturing => return no(ErrorCode::PaymentInProgress),
            Standing::Released | Standing::RefundDue | Standing::Refunded => {
                return no(ErrorCode::BookingStateConflict);
            }
        }
        if sale.till.standing() > 0 {
            return no(ErrorCode::BookingDisputed);
        }
        if sale.moves.done.len() == EXCHANGES_OF_A_SALE {
            return bound(ErrorCode::ExchangeLimitReached, EXCHANGES_OF_A_SALE as u64);
        }
        if swap.paid.is_some() && user != 0 {
            return no(ErrorCode::NotAllowed);
        }
        let going = match sale.gives(swap) {
            Ok(going) => going,
            Err(said) => return *said,
        };
        let more = swap.wants() > going.len() && user != 0;
        if more && self.shows[event].is_kept_out(sale.user) {
            return no(ErrorCode::QueuePassNeeded);
        }
        let at = number as usize - 1;
        let mut show = self.shows[event].clone();
        show.sales[at].gone.extend(&going);
        let came = match show.comes(now, &show.sales[at], swap, user == 0) {
            Ok(came) => came,
            Err(said) => return *said,
        };
        let mut after = show.sales[at].clone();
        after.bill.kinds.extend(came.iter().map(|&(place, _)| show.kind_of(place)));
        after.moves.came.extend(&came);
        let (was, is) = (sale.total(), after.total());
        let paid = sale.standing == Standing::Confirmed;
        let missing = if paid { is.saturating_sub(was) } else { 0 };
        match &swap.paid {
            None if missing > 0 => return bound(ErrorCode::ExchangeDearer, missing),
            Some((_, amount, _)) if *amount != missing || missing == 0 => {
                return bound(ErrorCode::AmountMismatch, missing);
            }
            None | Some(_) => after.till.desk.extend(swap.paid.clone()),
        }
        let first = sale.granted().len();
        for (number, place) in (first..).take(came.len()).zip(&going) {
            let holder = sale.passes.get(place).and_then(|pass| pass.0);
            if let Some(holder) = holder.filter(|&holder| holder != sale.user) {
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                after.passes.insert(number, (Some(holder), 1, None));
            }
        }
        let mut back = None;
        if paid && was > is {
            back = u32::try_from(after.back.len()).ok();
            after.give_back(key, was - is);
        }
        if !paid {
            after.intent.clear();
        }
        after.moves.done.push((key, swap.clone(), back));
        self.shows[event].sales[at] = after;
        let seen = self.seen(event, number);
        back.map_or(Said::Booking(seen.clone()), |back| Said::Back(seen, back))
    }
}
