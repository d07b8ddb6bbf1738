//! On what terms a show is sold. A sale carries copies of what it was made under, not numbers.

use rowlock_proto::error_code::ErrorCode;

use super::{Basket, Model, Phase, Said, Sale, Show, Standing, Where, no};

/// Terms of a show.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Places of an order, places on hold, holds that end unpaid; 0: any number.
    pub order_max: u32,
    pub held_max: u32,
    pub lapsed_max: u32,
    pub no_singles: bool,
    pub fees: Vec<Extra>,
    pub deals: Vec<Deal>,
    pub ways: Vec<Way>,
    pub words: Vec<Word>,
    /// Seats that are kept, and for which way.
    pub kept: Vec<(u32, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    Each(u64),
    Once(u64),
    /// Hundredths of a percent.
    Share(u64),
}

/// A fee; of one category, or of all.
pub type Extra = (Sum, Option<usize>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deal {
    pub code: String,
    pub off: Sum,
    pub category: Option<usize>,
    pub uses: u32,
    pub uses_each: u32,
    pub least: u32,
    pub until_ms: u64,
    pub closed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    pub name: String,
    pub opens_ms: u64,
    pub most: u32,
    pub quotas: Vec<(usize, u32)>,
    pub over: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub word: String,
    pub way: String,
    pub uses: u32,
    pub void: bool,
}

/// What a sale was made under.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Bill {
    /// Category of each place that was granted.
    pub kinds: Vec<usize>,
    pub fees: Vec<Extra>,
    pub deal: Option<Deal>,
    pub way: String,
    pub word: String,
    /// Discount, fees and deal, as they are shown; of sales that are compared only.
    pub shown: (u64, u64, String),
}

#[derive(Clone, Debug)]
pub enum TermsAsk {
    Limits { order: u32, held: u32, lapsed: u32, no_singles: bool },
    Fees(Vec<Extra>),
    Prices(Vec<u64>),
    Way(Way),
    Keep { way: String, seats: Vec<u32> },
    Free { seats: Vec<u32> },
    Release { way: String },
    Words { way: String, uses: u32, words: Vec<String> },
    Revoke { word: String },
    Deal(Deal),
    CloseDeal { code: String },
    Apply { number: u32, user: u64, code: String },
}

fn count_of(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Sale {
    /// Discount and fees of what is left.
    pub fn on_top(&self) -> (u64, u64) {
        if self.is_gift() { (0, 0) } else { self.on_top_of(&[]) }
    }

    fn priced(&self, without: &[u32]) -> Vec<(usize, u64)> {
        let here = self.here().into_iter().filter(|(number, ..)| !without.contains(number));
        here.map(|(number, _, price)| (self.bill.kinds[number as usize], price)).collect()
    }

    fn on_top_of(&self, without: &[u32]) -> (u64, u64) {
        let places = self.priced(without);
        let of = |category: Option<usize>| -> Vec<u64> {
            let fit = |kind: usize| category.is_none_or(|wanted| wanted == kind);
            places.iter().filter(|(kind, _)| fit(*kind)).map(|(_, price)| *price).collect()
        };
        let all: u64 = of(None).iter().sum();
        let off = self.bill.deal.as_ref().map_or(0, |deal| {
            let prices = of(deal.category);
            match deal.off {
                Sum::Each(most) => prices.iter().map(|&price| price.min(most)).sum(),
                Sum::Once(most) => prices.iter().sum::<u64>().min(most),
                Sum::Share(share) => prices.iter().sum::<u64>() * share / 10_000,
            }
        });
        let fee = |&(sum, category): &Extra| {
            let prices = of(category);
            match sum {
                _ if prices.is_empty() => 0,
                Sum::Each(fee) => fee * prices.len() as u64,
                Sum::Once(fee) => fee,
                Sum::Share(share) => {
                    let base = prices.iter().sum::<u64>().min(all - off);
                    (base * share + 5_000) / 10_000
                }
            }
        };
        (off, self.bill.fees.iter().map(fee).sum())
    }

    /// What it would cost without some places.
    pub fn total_without(&self, without: &[u32]) -> u64 {
        if self.is_gift() {
            return 0;
        }
        let (off, fees) = self.on_top_of(without);
        self.priced(without).iter().map(|(_, price)| price).sum::<u64>() - off + fees
    }
}

impl Show {
    fn live(&self) -> impl Iterator<Item = &Sale> {
        self.sales.iter().filter(|sale| sale.owns())
    }

    /// Whether a seat is kept for others than those who come this way.
    pub(super) fn is_kept(&self, seat: u32, way: &str) -> bool {
        self.rules.kept.iter().any(|(of, by)| *of == seat && by != way)
    }

    pub(super) fn kind_of(&self, place: Where) -> usize {
        match place {
            Where::Seat(seat) => self.seats[seat as usize],
            Where::Area(area) => self.areas[usize::from(area)].0,
        }
    }

    fn is_named(&self, place: Where) -> bool {
        matches!(place, Where::Seat(seat) if self.rules.kept.iter().any(|(of, _)| *of == seat))
    }

    /// Places of a category that are there for this way; `None`: nobody is promised any.
    fn left_for(&self, kind: usize, way: &str) -> Option<u32> {
        let mut promised = 0;
        for other in self.rules.ways.iter().filter(|other| other.name != way) {
            let quota: u32 =
                other.quotas.iter().filter(|(of, _)| *of == kind).map(|(_, count)| count).sum();
            let through = self.live().filter(|sale| sale.bill.way == other.name);
            let used = through
                .flat_map(Sale::here)
                .filter(|&(_, place, _)| self.kind_of(place) == kind && !self.is_named(place));
            promised += quota.saturating_sub(count_of(used.count()));
        }
        if promised == 0 {
            return None;
        }
        let seats = (0..count_of(self.seats.len())).map(Where::Seat);
        let free = seats.filter(|&seat| {
            self.kind_of(seat) == kind && self.is_free(seat, 1) && !self.is_named(seat)
        });
        let mut free = count_of(free.count());
        for (area, &(of, room)) in (0_u16..).zip(&self.areas) {
            free += if of == kind { room - self.taken(area) } else { 0 };
        }
        Some(free.saturating_sub(promised))
    }

    /// Categories that a party of this size may not look into.
    pub(super) fn closed_kinds(&self, way: &str, size: u32) -> Vec<usize> {
        let closed = |kind: &usize| {
            let mut own = self.rules.kept.iter().filter(|(seat, by)| {
                let seat = Where::Seat(*seat);
                by == way && self.kind_of(seat) == *kind && self.is_free(seat, 1)
            });
            self.left_for(*kind, way).is_some_and(|left| left < size) && own.next().is_none()
        };
        (0..self.prices.len()).filter(closed).collect()
    }

    /// Places that would be more than this way may have.
    pub(super) fn over_quota(
        &self,
        seats: &[u32],
        areas: &[(u16, u32)],
        way: &str,
    ) -> Option<Said> {
        for kind in 0..self.prices.len() {
            let of = |place: Where| self.kind_of(place) == kind && !self.is_named(place);
            let named = seats.iter().filter(|&&seat| of(Where::Seat(seat))).count();
            let open = areas.iter().filter(|(area, _)| of(Where::Area(*area)));
            let wanted = count_of(named) + open.map(|(_, it)| it).sum::<u32>();
            if let Some(left) = self.left_for(kind, way).filter(|left| wanted > *left) {
                return Some(Said::Refused(ErrorCode::QuotaKept, Vec::new(), left.into()));
            }
        }
        None
    }

    /// The way of somebody who says this word.
    pub(super) fn way_of(&self, word: &str) -> Option<String> {
        if word.is_empty() {
            return Some(String::new());
        }
        let known = self.rules.words.iter().find(|known| known.word == word && !known.void);
        known.map(|known| known.way.clone())
    }

    pub(super) fn opening(&self, way: &str) -> u64 {
        let known = self.rules.ways.iter().find(|known| known.name == way);
        known.map(|known| known.opens_ms).filter(|&at| at != 0).unwrap_or(self.opens_ms)
    }

    /// A way or a word that has no more to give.
    fn used_up(&self, way: &str, word: &str, wants: u32) -> Option<Said> {
        let over = |code, most: u32| Some(Said::Refused(code, Vec::new(), most.into()));
        if let Some(known) = self.rules.words.iter().find(|known| known.word == word) {
            let uses = self.live().filter(|sale| sale.bill.word == word).count();
            if known.uses != 0 && uses >= known.uses as usize {
                return over(ErrorCode::AccessCodeUsedUp, known.uses);
            }
        }
        if let Some(known) = self.rules.ways.iter().find(|known| known.name == way) {
            let through = self.live().filter(|sale| sale.bill.way == way);
            let places: usize = through.map(|sale| sale.here().len()).sum();
            if known.most != 0 && places + wants as usize > known.most as usize {
                return over(ErrorCode::ChannelFull, known.most);
            }
        }
        None
    }

    fn deal_used_up(&self, deal: &Deal, user: u64) -> Option<u32> {
        let with = self
            .live()
            .filter(|sale| sale.bill.deal.as_ref().is_some_and(|its| its.code == deal.code));
        let users: Vec<u64> = with.map(|sale| sale.user).collect();
        let own = users.iter().filter(|&&of| of == user).count();
        if deal.uses != 0 && users.len() >= deal.uses as usize {
            return Some(deal.uses);
        }
        (deal.uses_each != 0 && own >= deal.uses_each as usize).then_some(deal.uses_each)
    }

    /// Why the terms forbid a hold; or more places of a sale: its way, the places that it keeps, and
    /// whether it is paid.
    pub(super) fn forbidden(
        &self,
        user: u64,
        basket: &Basket,
        wants: u32,
        old: Option<(&str, u32, bool)>,
    ) -> Option<Said> {
        let rules = &self.rules;
        let (way, keeps, paid) = match old {
            Some((way, keeps, paid)) => (way.to_owned(), keeps, paid),
            None => (self.way_of(&basket.word)?, 0, false),
        };
        let seats = &basket.seats;
        let kept: Vec<u32> =
            seats.iter().copied().filter(|&seat| self.is_kept(seat, &way)).collect();
        if !kept.is_empty() {
            return Some(Said::Refused(ErrorCode::SeatKept, kept, 0));
        }
        let over = |code, most: u32, count: u32| {
            (most != 0 && count > most).then(|| Said::Refused(code, Vec::new(), most.into()))
        };
        let own = || self.sales.iter().filter(|sale| sale.user == user);
        let held = own().filter(|sale| {
            matches!(sale.standing, Standing::Held | Standing::Paying | Standing::Capturing)
        });
        let held: usize = held.map(|sale| sale.here().len()).sum();
        let lapsed = own()
            .filter(|sale| matches!(sale.standing, Standing::Released | Standing::Expired))
            .filter(|sale| !sale.gone_for_good)
            .count();
        over(ErrorCode::OrderLimitExceeded, rules.order_max, keeps + wants)
            .or_else(|| {
                let held = if paid { 0 } else { count_of(held) + wants };
                over(ErrorCode::HeldLimitExceeded, rules.held_max, held)
            })
            .or_else(|| {
                let lapsed = if old.is_some() { 0 } else { count_of(lapsed) + 1 };
                over(ErrorCode::TooManyLapsedHolds, rules.lapsed_max, lapsed)
            })
            .or_else(|| self.used_up(&way, &basket.word, wants))
            .or_else(|| self.over_quota(seats, &basket.areas, &way))
            .or_else(|| {
                let singles = if rules.no_singles { self.singles(seats) } else { Vec::new() };
                let refused = Said::Refused(ErrorCode::SingleSeatLeft, singles.clone(), 0);
                (!singles.is_empty()).then_some(refused)
            })
    }

    /// Seats that a choice would leave alone where it could do without.
    fn singles(&self, seats: &[u32]) -> Vec<u32> {
        let all = 0..count_of(self.seats.len());
        let is_free = |seat: u32| self.is_free(Where::Seat(seat), 1);
        let side = |seat: u32, other: Option<u32>| {
            other.filter(|&other| {
                let same = |at: u32| self.spots.get(at as usize).map(|spot| spot.stretch);
                same(other).is_some() && same(other) == same(seat) && is_free(other)
            })
        };
        // All free neighbours of a seat, and their neighbours.
        let run = |seat: u32| {
            let mut run = vec![seat];
            while let Some(more) = run
                .iter()
                .flat_map(|&at| [side(at, at.checked_sub(1)), side(at, Some(at + 1))])
                .flatten()
                .find(|other| !run.contains(other))
            {
                run.push(more);
            }
            run
        };
        let alone = all.filter(|&seat| {
            let run = run(seat);
            let left = run.iter().filter(|at| !seats.contains(at)).count();
            let next = [side(seat, seat.checked_sub(1)), side(seat, Some(seat + 1))];
            is_free(seat)
                && !seats.contains(&seat)
                && run.len() > left
                && left > 1
                && next.into_iter().flatten().all(|other| seats.contains(&other))
        });
        alone.collect()
    }

    /// Whether a sale that was gone may come back.
    pub(super) fn may_come_back(&self, sale: &Sale) -> bool {
        let Bill { way, word, deal, .. } = &sale.bill;
        let (mut seats, mut areas) = (Vec::new(), Vec::new());
        for (_, place, _) in sale.here() {
            match place {
                Where::Seat(seat) => seats.push(seat),
                Where::Area(area) => areas.push((area, 1)),
            }
        }
        let wants = count_of(sale.here().len());
        !seats.iter().any(|&seat| self.is_kept(seat, way))
            && self.used_up(way, word, wants).is_none()
            && self.over_quota(&seats, &areas, way).is_none()
            && deal.as_ref().is_none_or(|deal| self.deal_used_up(deal, sale.user).is_none())
    }
}

impl Model {
    pub(super) fn terms(&mut self, event: usize, ask: &TermsAsk) -> Said {
        if let TermsAsk::Apply { number, user, code } = ask {
            return self.apply_deal(event, *number, *user, code);
        }
        let Some(show) = self.shows.get_mut(event) else { return no(ErrorCode::EventNotFound) };
        if matches!(show.phase, Phase::Cancelled | Phase::Ended) {
            return no(ErrorCode::EventStateConflict);
        }
        match show.set_terms(ask) {
            Ok(()) => Said::Done,
            Err(said) => *said,
        }
    }

    fn apply_deal(&mut self, event: usize, number: u32, user: u64, code: &str) -> Said {
        let now_ms = self.clock_ms;
        let Some(sale) = self.find(event, number, user).map(|sale| sale.clone()) else {
            return no(ErrorCode::BookingNotFound);
        };
        match sale.standing {
            Standing::Held => {}
            Standing::Expired => return no(ErrorCode::BookingExpired),
            _ => return no(ErrorCode::BookingStateConflict),
        }
        let show = &self.shows[event];
        let deal = show.rules.deals.iter().find(|deal| deal.code == code).cloned();
        let same = sale.bill.deal.as_ref().is_some_and(|its| its.code == code);
        match &deal {
            None if code.is_empty() => {}
            None => return no(ErrorCode::PromotionUnknown),
            Some(_) if same => {}
            Some(deal) => {
                if deal.closed || (deal.until_ms != 0 && deal.until_ms <= now_ms) {
                    return no(ErrorCode::PromotionNotNow);
                }
                let fits = |number: u32| {
                    let kind = sale.bill.kinds[number as usize];
                    deal.category.is_none_or(|wanted| wanted == kind)
                };
                let its = sale.here().iter().filter(|(number, ..)| fits(*number)).count();
                if its < deal.least.max(1) as usize {
                    let least = deal.least.max(1).into();
                    return Said::Refused(ErrorCode::PromotionDoesNotFit, Vec::new(), least);
                }
                if let Some(most) = show.deal_used_up(deal, sale.user) {
                    return Said::Refused(ErrorCode::PromotionUsedUp, Vec::new(), most.into());
                }
            }
        }
        let sale = self.find(event, number, user).expect("was found before");
        if !(same || code.is_empty() && sale.bill.deal.is_none()) {
            sale.intent.clear();
        }
        sale.bill.deal = deal;
        Said::Booking(self.seen(event, number))
    }
}

impl Show {
    fn set_terms(&mut self, ask: &TermsAsk) -> Result<(), Box<Said>> {
        let rules = &mut self.rules;
        let open = |rules: &Rules, name: &str| match rules.ways.iter().find(|it| it.name == name) {
            None => Err(Box::new(no(ErrorCode::ChannelNotFound))),
            Some(way) if way.over => Err(Box::new(no(ErrorCode::ChannelClosed))),
            Some(_) => Ok(()),
        };
        match ask.clone() {
            TermsAsk::Limits { order, held, lapsed, no_singles } => {
                (rules.order_max, rules.held_max) = (order, held);
                (rules.lapsed_max, rules.no_singles) = (lapsed, no_singles);
            }
            TermsAsk::Fees(fees) => rules.fees = fees,
            TermsAsk::Prices(prices) => self.prices = prices,
            TermsAsk::Way(way) => match rules.ways.iter_mut().find(|it| it.name == way.name) {
                None => rules.ways.push(way),
                Some(known) => {
                    let moved = Way { opens_ms: way.opens_ms, ..known.clone() };
                    if moved != way {
                        return Err(Box::new(no(ErrorCode::ChannelExists)));
                    }
                    *known = moved;
                }
            },
            TermsAsk::Keep { way, seats } => {
                open(rules, &way)?;
                let rest = |pick: &dyn Fn(u32) -> bool| -> Vec<u32> {
                    seats.iter().copied().filter(|&seat| pick(seat)).collect()
                };
                let unknown = rest(&|seat| self.seats.len() <= seat as usize);
                let others = rest(&|seat| self.is_kept(seat, &way));
                let taken =
                    rest(&|seat| !self.is_named(Where::Seat(seat)) && self.owner(seat).is_some());
                for (code, seats) in [
                    (ErrorCode::SeatUnknown, unknown),
                    (ErrorCode::SeatKept, others),
                    (ErrorCode::SeatTaken, taken),
                ] {
                    if !seats.is_empty() {
                        return Err(Box::new(Said::Refused(code, seats, 0)));
                    }
                }
                for seat in seats {
                    if !self.rules.kept.contains(&(seat, way.clone())) {
                        self.rules.kept.push((seat, way.clone()));
                    }
                }
            }
            TermsAsk::Free { seats } => {
                let there = self.seats.len();
                let unknown = seats.iter().copied().filter(|&seat| seat as usize >= there);
                let unknown: Vec<u32> = unknown.collect();
                if !unknown.is_empty() {
                    return Err(Box::new(Said::Refused(ErrorCode::SeatUnknown, unknown, 0)));
                }
                rules.kept.retain(|(seat, _)| !seats.contains(seat));
            }
            TermsAsk::Release { way: name } => {
                let Some(way) = rules.ways.iter_mut().find(|way| way.name == name) else {
                    return Err(Box::new(no(ErrorCode::ChannelNotFound)));
                };
                way.over = true;
                way.quotas.clear();
                rules.kept.retain(|(_, by)| *by != name);
            }
            TermsAsk::Words { way, uses, words } => {
                open(rules, &way)?;
                for word in &words {
                    let known = rules.words.iter().find(|known| known.word == *word);
                    if known.is_some_and(|it| it.way != way || it.uses != uses) {
                        return Err(Box::new(no(ErrorCode::CodeExists)));
                    }
                }
                for word in words {
                    if !rules.words.iter().any(|known| known.word == word) {
                        rules.words.push(Word { word, way: way.clone(), uses, void: false });
                    }
                }
            }
            TermsAsk::Revoke { word } => {
                match rules.words.iter_mut().find(|known| known.word == word) {
                    None => return Err(Box::new(no(ErrorCode::AccessCodeUnknown))),
                    Some(known) => known.void = true,
                }
            }
            TermsAsk::Deal(deal) => {
                match rules.deals.iter().find(|known| known.code == deal.code) {
                    None => rules.deals.push(deal),
                    Some(known) if Deal { closed: known.closed, ..deal.clone() } == *known => {}
                    Some(_) => return Err(Box::new(no(ErrorCode::CodeExists))),
                }
            }
            TermsAsk::CloseDeal { code } => {
                match rules.deals.iter_mut().find(|known| known.code == code) {
                    None => return Err(Box::new(no(ErrorCode::PromotionUnknown))),
                    Some(known) => known.closed = true,
                }
            }
            TermsAsk::Apply { .. } => {}
        }
        Ok(())
    }
}
