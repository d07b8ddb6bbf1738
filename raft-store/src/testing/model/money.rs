//! What was taken for a sale, by whom, and what went back.

use std::collections::BTreeSet;

use rowlock_proto::error_code::ErrorCode;

use super::{Model, Phase, Said, Sale, Show, Standing, Swap, no};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coin {
    Nothing,
    Gift,
    Cash,
    Card,
    Invoice,
}

/// All money of a sale: written down as it moves.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Till {
    /// What the provider was asked for at the last attempt, and what it took in all.
    pub asked: u64,
    pub provider: u64,
    /// It was sold at the desk, by which request.
    pub direct: Option<u64>,
    /// What was taken at the desk: how, how much, and its name there.
    pub desk: Vec<(Coin, u64, String)>,
    /// Numbers of what goes back at the desk.
    pub back_at_desk: BTreeSet<u32>,
    /// What a bank took: its name for it, how much, whether no ticket is good, whether it came again.
    pub taken_back: Vec<(String, u64, bool, bool)>,
    /// How much of that was for places that are gone.
    pub held_against: u64,
}

impl Till {
    pub(super) fn standing(&self) -> u64 {
        self.taken_back.iter().filter(|it| !it.3).map(|it| it.1).sum()
    }

    pub(super) fn voided(&self) -> bool {
        self.taken_back.iter().any(|it| it.2 && !it.3)
    }
}

#[derive(Clone, Debug)]
pub enum MoneyAsk {
    Direct { event: usize, number: u32, user: u64, key: u64, coin: Coin, amount: u64, name: String },
    Commit { event: usize, number: u32, user: u64, attempt: u32, intent: String },
    TakeBack { event: usize, number: u32, user: u64, name: String, amount: u64, void: bool },
    ComeAgain { event: usize, number: u32, user: u64, key: u64, name: String },
    Exchange { event: usize, number: u32, user: u64, key: u64, swap: Box<Swap> },
}

impl Sale {
    pub fn is_gift(&self) -> bool {
        self.till.direct.is_some() && self.till.desk.first().is_some_and(|it| it.0 == Coin::Gift)
    }

    /// Money that goes back: as much of it as the provider has from there.
    pub(super) fn give_back(&mut self, key: u64, price: u64) {
        let free = self.till.standing() - self.till.held_against;
        let amount = price.saturating_sub(free);
        self.till.held_against += price - amount;
        let from_desk = &self.till.back_at_desk;
        let gone = (0_u32..).zip(&self.back).filter(|(number, _)| !from_desk.contains(number));
        let gone = gone.map(|(_, back)| back.1).sum::<u64>() + self.till.standing();
        let has = self.till.provider.saturating_sub(gone);
        let next = u32::try_from(self.back.len()).unwrap_or(u32::MAX);
        let direct = self.till.direct.is_some();
        let name = if amount == 0 && direct { "nothing to pay" } else { "" };
        let by_provider = amount.min(has);
        if by_provider > 0 || (amount == 0 && !direct) {
            self.back.push((key, by_provider, name.to_owned()));
        }
        if amount > by_provider || (amount == 0 && direct) {
            let number = u32::try_from(self.back.len()).unwrap_or(next);
            self.till.back_at_desk.insert(number);
            self.back.push((key, amount - by_provider, name.to_owned()));
        }
    }

    /// What came in is what went back and what is owned.
    pub fn adds_up(&self) -> bool {
        let owned = if self.standing == Standing::Confirmed { self.total() } else { 0 };
        let desk: u64 = self.till.desk.iter().map(|it| it.1).sum();
        let back: u64 = self.back.iter().map(|it| it.1).sum();
        match self.standing {
            Standing::Confirmed | Standing::Refunded => {
                self.till.provider + desk == owned + back + self.till.held_against
            }
            Standing::RefundDue => self.till.provider == self.total() && desk + back == 0,
            Standing::Held
            | Standing::Paying
            | Standing::Capturing
            | Standing::Released
            | Standing::Expired => self.till.provider + desk + back == 0,
        }
    }
}

impl Show {
    /// What the provider took, cash, card, invoices; what goes back, and what of it did not yet; and how
    /// many sales there are, and gifts. Last, what a bank took, and how often.
    pub fn sums(&self) -> ([u64; 7], [u64; 3]) {
        let mut sums = ([0; 7], [0; 3]);
        for sale in &self.sales {
            sums.0[0] += sale.till.provider;
            sums.0[6] += sale.till.standing();
            let standing = sale.till.taken_back.iter().filter(|it| !it.3);
            sums.1[2] += standing.count() as u64;
            for (coin, amount, _) in &sale.till.desk {
                match coin {
                    Coin::Nothing | Coin::Gift => {}
                    Coin::Cash => sums.0[1] += amount,
                    Coin::Card => sums.0[2] += amount,
                    Coin::Invoice => sums.0[3] += amount,
                }
            }
            match sale.standing {
                Standing::Confirmed | Standing::Refunded => {
                    sums.0[4] += sale.back.iter().map(|it| it.1).sum::<u64>();
                    let owed = sale.back.iter().filter(|it| it.2.is_empty());
                    sums.0[5] += owed.map(|it| it.1).sum::<u64>();
                    sums.1[0] += 1;
                    sums.1[1] += u64::from(sale.is_gift());
                }
                Standing::RefundDue => {
                    sums.0[4] += sale.till.provider;
                    sums.0[5] += sale.till.provider;
                }
                Standing::Held
                | Standing::Paying
                | Standing::Capturing
                | Standing::Released
                | Standing::Expired => {}
            }
        }
        sums
    }
}

impl Model {
    pub(super) fn money(&mut self, ask: &MoneyAsk) -> Said {
        match ask {
            MoneyAsk::Direct { event, number, user, key, coin, amount, name } => {
                self.direct(*event, *number, (*user, *key), (*coin, *amount, name))
            }
            MoneyAsk::Commit { event, number, user, attempt, intent } => {
                self.commit(*event, *number, *user, (*attempt, intent))
            }
            MoneyAsk::TakeBack { event, number, user, name, amount, void } => {
                self.take_back(*event, *number, *user, (name, *amount, *void))
            }
            MoneyAsk::ComeAgain { event, number, user, key, name } => {
                self.come_again(*event, *number, *user, (*key, name))
            }
            MoneyAsk::Exchange { event, number, user, key, swap } => {
                self.exchange((*event, *number), *user, *key, swap)
            }
        }
    }

    fn commit(
        &mut self,
        event: usize,
        number: u32,
        user: u64,
        (attempt, intent): (u32, &str),
    ) -> Said {
        let off = self.shows.get(event).is_some_and(|show| show.phase == Phase::Cancelled);
        let Some(sale) = self.find(event, number, user) else {
            return no(ErrorCode::BookingNotFound);
        };
        if attempt == 0 || sale.attempt != attempt || intent.is_empty() || sale.intent != intent {
            return no(ErrorCode::PaymentFenced);
        }
        match sale.standing {
            Standing::Paying if off => return no(ErrorCode::SaleClosed),
            Standing::Paying => sale.standing = Standing::Capturing,
            Standing::Capturing | Standing::Confirmed | Standing::Refunded => {}
            Standing::Held | Standing::Released | Standing::Expired | Standing::RefundDue => {
                return no(ErrorCode::PaymentFenced);
            }
        }
        Said::Booking(self.seen(event, number))
    }

    fn take_back(
        &mut self,
        event: usize,
        number: u32,
        user: u64,
        (name, amount, void): (&str, u64, bool),
    ) -> Said {
        let Some(sale) = self.find(event, number, user) else {
            return no(ErrorCode::BookingNotFound);
        };
        if user != 0 {
            return no(ErrorCode::NotAllowed);
        }
        if let Some(known) = sale.till.taken_back.iter().find(|it| it.0 == name) {
            if (known.1, known.2) != (amount, void) {
                return no(ErrorCode::IdempotencyKeyReused);
            }
            return Said::Booking(self.seen(event, number));
        }
        if !matches!(sale.standing, Standing::Confirmed | Standing::Refunded) {
            return no(ErrorCode::BookingStateConflict);
        }
        if sale.till.taken_back.len() == 8 {
            return Said::Refused(ErrorCode::ChargebackLimitReached, Vec::new(), 8);
        }
        let came: u64 = sale.till.provider + sale.till.desk.iter().map(|it| it.1).sum::<u64>();
        let paid_back = sale.back.iter().filter(|it| !it.2.is_empty()).map(|it| it.1);
        let most = came - paid_back.sum::<u64>() - sale.till.standing();
        if amount > most {
            return Said::Refused(ErrorCode::ChargebackTooMuch, Vec::new(), most);
        }
        sale.till.taken_back.push((name.to_owned(), amount, void, false));
        let mut free = sale.till.standing() - sale.till.held_against;
        for (_, owed, paid) in sale.back.iter_mut().filter(|it| it.2.is_empty()) {
            let cut = free.min(*owed);
            free -= cut;
            *owed -= cut;
            sale.till.held_against += cut;
            if cut > 0 && *owed == 0 {
                "nothing to pay".clone_into(paid);
            }
        }
        Said::Booking(self.seen(event, number))
    }

    fn come_again(
        &mut self,
        event: usize,
        number: u32,
        user: u64,
        (key, name): (u64, &str),
    ) -> Said {
        let Some(sale) = self.find(event, number, user) else {
            return no(ErrorCode::BookingNotFound);
        };
        if user != 0 {
            return no(ErrorCode::NotAllowed);
        }
        let Some(known) = sale.till.taken_back.iter_mut().find(|it| it.0 == name) else {
            return no(ErrorCode::ChargebackNotFound);
        };
        if !known.3 {
            known.3 = true;
            let over = sale.till.held_against.saturating_sub(sale.till.standing());
            sale.till.held_against -= over;
            if over > 0 {
                sale.give_back(key, over);
            }
        }
        Said::Booking(self.seen(event, number))
    }

    fn direct(
        &mut self,
        event: usize,
        number: u32,
        (user, key): (u64, u64),
        (coin, amount, name): (Coin, u64, &str),
    ) -> Said {
        let now = self.clock_ms;
        let over = self.shows.get(event).map(|show| show.phase);
        let over = over.is_some_and(|it| matches!(it, Phase::Cancelled | Phase::Ended));
        let Some(sale) = self.find(event, number, user) else {
            return no(ErrorCode::BookingNotFound);
        };
        let taken = (coin, amount, name.to_owned());
        if sale.till.direct == Some(key) {
            if sale.till.desk.first() != Some(&taken) {
                return no(ErrorCode::IdempotencyKeyReused);
            }
            return Said::Booking(self.seen(event, number));
        }
        if user != 0 && coin != Coin::Nothing {
            return no(ErrorCode::NotAllowed);
        }
        match sale.standing {
            Standing::Held if over => return no(ErrorCode::SaleClosed),
            Standing::Held => {}
            Standing::Paying | Standing::Capturing => return no(ErrorCode::PaymentInProgress),
            Standing::Expired => return no(ErrorCode::BookingExpired),
            Standing::Confirmed | Standing::Released | Standing::RefundDue | Standing::Refunded => {
                return no(ErrorCode::BookingStateConflict);
            }
        }
        let price = if coin == Coin::Gift { 0 } else { sale.total() };
        if amount != price {
            return Said::Refused(ErrorCode::AmountMismatch, Vec::new(), price);
        }
        sale.standing = Standing::Confirmed;
        sale.confirmed_ms = now;
        sale.intent.clear();
        sale.till.direct = Some(key);
        sale.till.desk.push(taken);
        let buyer = sale.user;
        if let Some(show) = self.shows.get_mut(event) {
            show.has_shopped(buyer);
        }
        Said::Booking(self.seen(event, number))
    }
}
