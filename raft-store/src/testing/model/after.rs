//! What is done to bookings and seats after the hold.

use rowlock_proto::error_code::ErrorCode;

use super::{Model, PAYMENT_EXTRA_MS, Pass, Phase, Said, Standing, Where, no, unfree};

impl Model {
    pub(super) fn begin(
        &mut self,
        event: usize,
        number: u32,
        user: u64,
        key: u64,
        amount: u64,
    ) -> Said {
        let over = self.shows.get(event).map(|show| show.phase);
        let over = over.is_some_and(|it| matches!(it, Phase::Cancelled | Phase::Ended));
        let Some(sale) = self.find(event, number, user) else {
            return no(ErrorCode::BookingNotFound);
        };
        let total = sale.total();
        let said = match sale.standing {
            Standing::Confirmed => None,
            Standing::Paying | Standing::Capturing if sale.begun_key == key => Some(sale.attempt),
            Standing::Paying | Standing::Capturing => return no(ErrorCode::PaymentInProgress),
            Standing::Expired => return no(ErrorCode::BookingExpired),
            Standing::Released | Standing::RefundDue | Standing::Refunded => {
                return no(ErrorCode::BookingStateConflict);
            }
            Standing::Held if over => return no(ErrorCode::SaleClosed),
            Standing::Held if amount != total => {
                return Said::Refused(ErrorCode::AmountMismatch, Vec::new(), total);
            }
            Standing::Held => {
                sale.standing = Standing::Paying;
                sale.attempt += 1;
                sale.begun_key = key;
                sale.payment_until_ms = sale.expires_ms + PAYMENT_EXTRA_MS;
                sale.intent.clear();
                sale.till.asked = total;
                sale.declined.clear();
                Some(sale.attempt)
            }
        };
        let seen = self.seen(event, number);
        said.map_or(Said::Booking(seen.clone()), |attempt| Said::Begun(seen, attempt))
    }

    pub(super) fn fail(
        &mut self,
        event: usize,
        number: u32,
        user: u64,
        attempt: u32,
        reason: &str,
    ) -> Said {
        let (now, bound) = (self.clock_ms, self.bound_ms);
        let cancelled = self.shows.get(event).is_some_and(|show| show.phase == Phase::Cancelled);
        let Some(sale) = self.find(event, number, user) else {
            return no(ErrorCode::BookingNotFound);
        };
        let paid = matches!(sale.standing, Standing::Confirmed | Standing::Refunded);
        if attempt == 0 || sale.attempt != attempt || paid {
            return no(ErrorCode::PaymentFenced);
        }
        if matches!(sale.standing, Standing::Paying | Standing::Capturing) {
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

    pub(super) fn block(&mut self, event: usize, seats: &[u32]) -> Said {
        let Some(show) = self.shows.get_mut(event) else { return no(ErrorCode::EventNotFound) };
        let fresh: Vec<u32> =
            seats.iter().copied().filter(|seat| !show.blocked.contains(seat)).collect();
        if let Some(said) = unfree(show, &fresh) {
            return said;
        }
        show.blocked.extend(seats);
        Said::Done
    }

    pub(super) fn unblock(&mut self, event: usize, seats: &[u32]) -> Said {
        let Some(show) = self.shows.get_mut(event) else { return no(ErrorCode::EventNotFound) };
        let there = |seat: u32| (seat as usize) < show.seats.len();
        let unknown: Vec<u32> = seats.iter().copied().filter(|&seat| !there(seat)).collect();
        if !unknown.is_empty() {
            return Said::Refused(ErrorCode::SeatUnknown, unknown, 0);
        }
        let owned: Vec<u32> =
            seats.iter().copied().filter(|&seat| show.owner(seat).is_some()).collect();
        if !owned.is_empty() {
            return Said::Refused(ErrorCode::SeatNotBlocked, owned, 0);
        }
        show.blocked.retain(|seat| !seats.contains(seat));
        Said::Done
    }

    pub(super) fn extend(&mut self, event: usize, number: u32, user: u64) -> Said {
        let now = self.clock_ms;
        let Some((ttl_ms, phase)) = self.shows.get(event).map(|show| (show.ttl_ms, show.phase))
        else {
            return no(ErrorCode::BookingNotFound);
        };
        let Some(sale) = self.find(event, number, user) else {
            return no(ErrorCode::BookingNotFound);
        };
        match sale.standing {
            Standing::Held if phase == Phase::Ended => return no(ErrorCode::SaleClosed),
            Standing::Held if sale.extended_from_ms != 0 => {
                return no(ErrorCode::HoldAlreadyExtended);
            }
            Standing::Held => {
                sale.extended_from_ms = sale.expires_ms;
                sale.expires_ms = sale.expires_ms.max(now + ttl_ms);
            }
            Standing::Expired => return no(ErrorCode::BookingExpired),
            Standing::Paying
            | Standing::Capturing
            | Standing::Confirmed
            | Standing::Released
            | Standing::RefundDue
            | Standing::Refunded => return no(ErrorCode::BookingStateConflict),
        }
        Said::Booking(self.seen(event, number))
    }

    pub(super) fn let_go(&mut self, event: usize, number: u32, user: u64, places: &[u32]) -> Said {
        let Some(sale) = self.find(event, number, user) else {
            return no(ErrorCode::BookingNotFound);
        };
        match sale.standing {
            Standing::Held => {}
            Standing::Expired => return no(ErrorCode::BookingExpired),
            Standing::Paying
            | Standing::Capturing
            | Standing::Confirmed
            | Standing::Released
            | Standing::RefundDue
            | Standing::Refunded => return no(ErrorCode::BookingStateConflict),
        }
        let granted = sale.granted().len();
        if let Some(&odd) = places.iter().find(|&&place| place as usize >= granted) {
            return Said::Refused(ErrorCode::PlaceUnknown, Vec::new(), odd.into());
        }
        let fresh = places.iter().filter(|place| !sale.gone.contains(place)).count();
        if fresh == sale.here().len() {
            return no(ErrorCode::BookingStateConflict);
        }
        if fresh > 0 {
            sale.intent.clear();
        }
        sale.gone.extend(places);
        Said::Booking(self.seen(event, number))
    }

    pub(super) fn refund(
        &mut self,
        event: usize,
        number: u32,
        user: u64,
        key: u64,
        places: &[u32],
        block: bool,
    ) -> Said {
        let Some(sale) = self.find(event, number, user) else {
            return no(ErrorCode::BookingNotFound);
        };
        if let Some(before) = sale.back.iter().position(|(request, ..)| *request == key) {
            let seen = self.seen(event, number);
            return Said::Back(seen, u32::try_from(before).unwrap_or(u32::MAX));
        }
        if sale.standing != Standing::Confirmed {
            return no(ErrorCode::BookingStateConflict);
        }
        let here = sale.here();
        let all: Vec<u32> = here.iter().map(|(place, ..)| *place).collect();
        let wanted = if places.is_empty() { all.clone() } else { places.to_vec() };
        if let Some(&odd) = wanted.iter().find(|place| !all.contains(place)) {
            return Said::Refused(ErrorCode::PlaceUnknown, Vec::new(), odd.into());
        }
        let used = |place: &&u32| sale.passes.get(place).is_some_and(|pass| pass.2.is_some());
        if let Some(&odd) = wanted.iter().find(used) {
            return Said::Refused(ErrorCode::TicketRedeemed, Vec::new(), odd.into());
        }
        let going = here.iter().filter(|(place, ..)| wanted.contains(place));
        let refund = u32::try_from(sale.back.len()).unwrap_or(u32::MAX);
        let left = if wanted.len() == here.len() { 0 } else { sale.total_without(&wanted) };
        let amount = sale.total() - left;
        let seats: Vec<u32> = going
            .filter_map(|(_, place, _)| match place {
                Where::Seat(seat) => Some(*seat),
                Where::Area(_) => None,
            })
            .collect();
        if wanted.len() == here.len() {
            sale.standing = Standing::Refunded;
        } else {
            sale.gone.extend(&wanted);
        }
        sale.give_back(key, amount);
        if block {
            self.shows[event].blocked.extend(seats);
        }
        let seen = self.seen(event, number);
        Said::Back(seen, refund)
    }

    pub(super) fn settle(
        &mut self,
        event: usize,
        number: u32,
        user: u64,
        refund: u32,
        name: &str,
    ) -> Said {
        let Some(sale) = self.find(event, number, user) else {
            return no(ErrorCode::BookingNotFound);
        };
        let Some((_, _, known)) = sale.back.get_mut(refund as usize) else {
            return no(ErrorCode::RefundNotFound);
        };
        if !known.is_empty() && known != name {
            return no(ErrorCode::BookingStateConflict);
        }
        name.clone_into(known);
        Said::Booking(self.seen(event, number))
    }

    /// The ticket of a place, made if nothing has happened to it yet; and whose it is.
    pub(super) fn ticket(
        &mut self,
        event: usize,
        number: u32,
        place: u32,
    ) -> Result<(u64, Pass), ErrorCode> {
        let off = self.shows.get(event).is_some_and(|show| show.phase == Phase::Cancelled);
        let Some(sale) = self.find(event, number, 0) else {
            return Err(ErrorCode::BookingNotFound);
        };
        if place as usize >= sale.granted().len() {
            return Err(ErrorCode::TicketNotFound);
        }
        if !off && sale.standing == Standing::Capturing && !sale.gone.contains(&place) {
            return Err(ErrorCode::PaymentNotCaptured);
        }
        if off || sale.standing != Standing::Confirmed || sale.gone.contains(&place) {
            return Err(ErrorCode::TicketVoid);
        }
        if sale.doors.voids.contains_key(&place) || sale.till.voided() {
            return Err(ErrorCode::TicketVoid);
        }
        let pass = sale.passes.get(&place).cloned().unwrap_or_default();
        Ok((pass.0.unwrap_or(sale.user), pass))
    }

    pub(super) fn write_ticket(
        &mut self,
        event: usize,
        number: u32,
        place: u32,
        pass: Pass,
    ) -> Said {
        let sale = self.find(event, number, 0).expect("its ticket was found");
        sale.passes.insert(place, pass);
        Said::Booking(self.seen(event, number))
    }

    pub(super) fn pass(
        &mut self,
        event: usize,
        number: u32,
        user: u64,
        place: u32,
        version: u32,
        to: u64,
    ) -> Said {
        let (holder, pass) = match self.ticket(event, number, place) {
            Ok(found) => found,
            Err(code) => return no(code),
        };
        if holder == to && pass.1 == version + 1 {
            return Said::Booking(self.seen(event, number));
        }
        if user != holder && user != 0 {
            return no(ErrorCode::TicketNotFound);
        }
        if pass.1 != version {
            return no(ErrorCode::TicketReplaced);
        }
        if let Some((_, at_ms, _)) = pass.2 {
            return Said::Refused(ErrorCode::TicketRedeemed, Vec::new(), at_ms);
        }
        self.write_ticket(event, number, place, (Some(to), version + 1, None))
    }

    pub(super) fn scan(
        &mut self,
        event: usize,
        number: u32,
        key: u64,
        place: u32,
        version: u32,
        door: &str,
    ) -> Said {
        let (holder, known, used) = match self.ticket(event, number, place) {
            Ok((_, pass)) => pass,
            Err(code) => return no(code),
        };
        match used {
            Some((_, _, by)) if by == key => return Said::Booking(self.seen(event, number)),
            Some((_, at_ms, _)) => {
                return Said::Refused(ErrorCode::TicketRedeemed, Vec::new(), at_ms);
            }
            None if known != version => return no(ErrorCode::TicketReplaced),
            None => {}
        }
        let used = Some((door.to_owned(), self.clock_ms, key));
        self.write_ticket(event, number, place, (holder, known, used))
    }

    pub(super) fn unscan(&mut self, event: usize, number: u32, place: u32) -> Said {
        match self.ticket(event, number, place) {
            Err(code) => no(code),
            Ok((_, (_, _, None))) => no(ErrorCode::TicketNotRedeemed),
            Ok((_, (holder, version, Some(_)))) => {
                self.write_ticket(event, number, place, (holder, version, None))
            }
        }
    }
}
