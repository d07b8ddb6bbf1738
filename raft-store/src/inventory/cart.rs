//! Holds of several kinds of places, and what can be done to a hold before it is paid.
//!
//! What could go wrong, and what answers it:
//! - One of the kinds can't be had: nothing of the cart is taken (P2). All is judged before the first
//!   seat is given.
//! - Two crowds ask for the best seats: each command searches what the ones before it have left.
//! - Due holds hide free places: they are retired first, oldest first, as many as one command may; and
//!   again as long as the cart can't be had and more are due.
//! - The command arrives twice: its key names the booking or the refusal it led to (P4).

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, EventId, UserId};
use rowlock_proto::shard::hash64;

use super::best::{Together, search};
use super::booking::{AreaLine, Booking, BookingState, BookingTerms};
use super::change::ChangeKind;
use super::command::{Cart, Command, EXPIRE_MAX, check_cart};
use super::event::{Event, seat_count};
use super::hold::{judge_limit, judge_sale, judge_seats, judge_state, judge_times};
use super::planted::{Mistake, planted};
use super::reply::{Answer, EventState, Refusal, Reply};
use super::terms::{Asked, Stays};
use super::{Deadline, State, fingerprint, refuse};

impl State {
    pub(super) fn hold_cart(
        &mut self,
        command: &Command,
        id: EventId,
        cart: &Cart,
    ) -> (Answer, u64) {
        self.hold_with_code(command, id, cart, "")
    }

    /// A hold by somebody with an access code, or with none.
    pub(super) fn hold_with_code(
        &mut self,
        command: &Command,
        id: EventId,
        cart: &Cart,
        code: &str,
    ) -> (Answer, u64) {
        let print = cart_fingerprint(cart, code);
        let Some(event) = self.events.get(&id) else {
            return (refuse(ErrorCode::EventNotFound), 0);
        };
        if let Some(repeated) = self.repeated(event, command, print) {
            return repeated;
        }
        if let Err(refusal) = check_cart(cart) {
            return (Err(refusal), 0);
        }
        if let Err(refusal) = self.judge_pass(event, command.principal) {
            return (Err(refusal), 0);
        }
        if let Err(refusal) = self.serve_before(id) {
            return (Err(refusal), 0);
        }
        let buyer = Buyer::New { user: command.principal, code };
        match self.find(id, buyer, cart) {
            Ok((seats, areas, under)) => (self.give(command, id, print, &seats, &areas, under), 0),
            Err(refusal) => (self.refuse_hold(command, id, print, refusal), 0),
        }
    }

    /// The places that the cart comes to, or why it can't be had. Retires due holds on the way.
    pub(super) fn find(
        &mut self,
        id: EventId,
        buyer: Buyer<'_>,
        cart: &Cart,
    ) -> Result<(Vec<u32>, Vec<AreaLine>, BookingTerms), Refusal> {
        self.retire_due_owners(id, &cart.seats);
        self.retire_due_over_limit(id, buyer.user(), cart.count());
        self.retire_for_terms(id);
        if cart.best.is_some() {
            self.retire_some_due();
        }
        loop {
            match self.find_now(id, buyer, cart) {
                Ok(found) => return Ok(found),
                // Due holds hide free places: only then may the answer be another without them.
                Err(refusal) => {
                    if !for_want_of_places(refusal.code) || !self.retire_some_due() {
                        return Err(refusal);
                    }
                }
            }
        }
    }

    /// Retires as many due holds as one command may. False: none was due.
    pub(super) fn retire_some_due(&mut self) -> bool {
        self.retire_due(EXPIRE_MAX) > 0
    }

    /// Retires due holds until the areas have room, or none is due any more.
    pub(super) fn make_room(&mut self, id: EventId, areas: &[(u16, u32)]) {
        let has_room = |state: &Self| {
            state
                .events
                .get(&id)
                .is_none_or(|event| areas.iter().all(|&(area, count)| event.has_room(area, count)))
        };
        while !has_room(self) && self.retire_some_due() {}
    }

    fn find_now(
        &mut self,
        id: EventId,
        buyer: Buyer<'_>,
        cart: &Cart,
    ) -> Result<(Vec<u32>, Vec<AreaLine>, BookingTerms), Refusal> {
        let clock_ms = self.log.clock_ms;
        let Some(event) = self.events.get_mut(&id) else {
            return Err(Refusal::of(ErrorCode::EventNotFound));
        };
        let (user, under) = (buyer.user(), buyer.judge_sale(event, clock_ms)?);
        judge_seats(event, &cart.seats)?;
        let areas = judge_areas(event, &cart.areas)?;
        let areas_too = !planted(Mistake::AreasUncounted);
        let named = seat_count(&cart.seats);
        judge_limit(event, user, if areas_too { cart.count() } else { named })?;
        let (seats, count) = (&cart.seats[..], cart.count());
        let stays = buyer.stays();
        event.judge_terms(&Asked { user, under, seats, areas: &cart.areas, count, stays })?;
        let mut seats = cart.seats.clone();
        if let Some(wanted) = &cart.best {
            seats.extend(search(event, wanted, &cart.seats, under.channel)?);
            event.judge_quotas(&seats, &cart.areas, under.channel)?;
        }
        Ok((seats, areas, under))
    }

    /// Whether the booking is a hold that still lasts.
    pub(super) fn judge_live(&self, booking: &Booking) -> Result<(), Refusal> {
        match booking.state {
            BookingState::Held if !self.is_due(booking) => Ok(()),
            BookingState::Held | BookingState::Expired => {
                Err(Refusal::of(ErrorCode::BookingExpired))
            }
            BookingState::Paying
            | BookingState::Capturing
            | BookingState::Confirmed
            | BookingState::Released
            | BookingState::RefundDue
            | BookingState::Refunded => Err(Refusal::of(ErrorCode::BookingStateConflict)),
        }
    }

    pub(super) fn extend_hold(&mut self, principal: UserId, id: BookingId) -> Answer {
        let Some((event, booking)) = self.owned_booking(principal, id) else {
            return refuse(ErrorCode::BookingNotFound);
        };
        let ttl_ms = event.spec.hold_ttl_ms;
        self.judge_live(booking)?;
        if event.state_at(self.log.clock_ms) == EventState::Ended {
            return refuse(ErrorCode::SaleClosed);
        }
        let (event, seq) = (event.id, booking.id.locator().seq());
        if booking.extras.as_ref().is_some_and(|extras| extras.extended_from_ms != 0) {
            return refuse(ErrorCode::HoldAlreadyExtended);
        }
        let was_ms = booking.expires_ms;
        // Never shorter: an organiser may have shortened the holds of the event meanwhile.
        let expires_ms = self.log.clock_ms.saturating_add(ttl_ms).max(was_ms);
        let (from, to) = (self.due_at(was_ms), self.due_at(expires_ms));
        if planted(Mistake::DeadlineKept) {
            return self.booking_answer(id);
        }
        self.deadlines.remove(&Deadline { at_ms: from, event, seq });
        self.deadlines.insert(Deadline { at_ms: to, event, seq });
        self.change_booking(event, seq, |booking| booking.expires_ms = expires_ms);
        self.change_extras(event, seq, |extras| extras.extended_from_ms = was_ms);
        self.log.note(ChangeKind::HoldExtended { booking: id, expires_ms });
        self.booking_answer(id)
    }

    pub(super) fn release_places(
        &mut self,
        principal: UserId,
        id: BookingId,
        places: &[u32],
    ) -> Answer {
        let Some((event, booking)) = self.owned_booking(principal, id) else {
            return refuse(ErrorCode::BookingNotFound);
        };
        let (event, seq) = (event.id, booking.id.locator().seq());
        self.judge_live(booking)?;
        if let Some(place) = places.iter().find(|&&place| place >= booking.place_count()) {
            let limit = (*place).into();
            return Err(Refusal { limit, ..Refusal::of(ErrorCode::PlaceUnknown) });
        }
        // Those that are gone already were asked for before: the same request again.
        let fresh: Vec<u32> = places.iter().copied().filter(|&it| !booking.is_gone(it)).collect();
        let (left, tried) = (booking.places().count(), booking.payment.is_some());
        if seat_count(&fresh) >= left {
            return refuse(ErrorCode::BookingStateConflict);
        }
        if !fresh.is_empty() {
            let places = self.take_back(event, seq, &fresh, false);
            if tried {
                self.change_booking(event, seq, Booking::fence_off);
            }
            self.note_back(event, id, places, BookingState::Released);
        }
        self.booking_answer(id)
    }

    /// The booking as it is now.
    pub(super) fn booking_answer(&self, id: BookingId) -> Answer {
        match self.view_of(id) {
            Some(view) => Ok(Reply::Booking(view)),
            None => refuse(ErrorCode::BookingNotFound),
        }
    }
}

/// Who takes the places of a cart.
#[derive(Clone, Copy, Debug)]
pub(super) enum Buyer<'a> {
    /// Somebody with an access code, or with none.
    New { user: UserId, code: &'a str },
    /// Who has a booking already, which keeps its terms.
    Owner { user: UserId, under: BookingTerms, stays: Stays, when: When },
}

/// When an owner may take other places.
#[derive(Clone, Copy, Debug)]
pub(super) enum When {
    OnSale,
    /// Whatever is sold: the organiser moves those who have paid.
    UnlessCancelled,
}

impl Buyer<'_> {
    const fn user(self) -> UserId {
        match self {
            Self::New { user, .. } | Self::Owner { user, .. } => user,
        }
    }

    const fn stays(self) -> Option<Stays> {
        match self {
            Self::New { .. } => None,
            Self::Owner { stays, .. } => Some(stays),
        }
    }

    fn judge_sale(self, event: &Event, clock_ms: u64) -> Result<BookingTerms, Refusal> {
        match self {
            Self::New { code, .. } => judge_sale(event, clock_ms, code),
            Self::Owner { under, when: When::OnSale, .. } => {
                judge_state(event, clock_ms)?;
                judge_times(event, clock_ms, under)
            }
            Self::Owner { under, when: When::UnlessCancelled, .. } => match event.state {
                EventState::Cancelled => Err(Refusal::of(ErrorCode::SaleClosed)),
                EventState::Draft
                | EventState::Published
                | EventState::Paused
                | EventState::Ended => Ok(under),
            },
        }
    }
}

fn for_want_of_places(code: ErrorCode) -> bool {
    code == ErrorCode::NotEnoughSeats || code == ErrorCode::NotTogether
}

/// Places in areas, with their prices, if there is room for all.
pub(super) fn judge_areas(event: &Event, wanted: &[(u16, u32)]) -> Result<Vec<AreaLine>, Refusal> {
    let line = |&(area, count): &(u16, u32)| {
        let known =
            event.layout.areas.get(usize::from(area)).zip(event.areas.get(usize::from(area)));
        let Some((&(category, _), counts)) = known else {
            let limit = area.into();
            return Err(Refusal { limit, ..Refusal::of(ErrorCode::AreaUnknown) });
        };
        if counts.available() < count {
            let limit = counts.available().into();
            return Err(Refusal { limit, ..Refusal::of(ErrorCode::NotEnoughSeats) });
        }
        let price = event.spec.prices.get(usize::from(category)).copied().unwrap_or(0);
        Ok(AreaLine { area, count, price })
    };
    wanted.iter().map(line).collect()
}

pub(super) fn cart_fingerprint(cart: &Cart, code: &str) -> u64 {
    let count = |len: usize| len as u64;
    let seats = cart.seats.iter().map(|&seat| u64::from(seat));
    let areas = cart.areas.iter().flat_map(|&(area, places)| [area.into(), u64::from(places)]);
    let best = cart.best.iter().flat_map(|best| {
        let together = match best.together {
            Together::Preferred => 0,
            Together::SameRow => 1,
            Together::Adjacent => 2,
        };
        let price = best.price_max.map_or([0, 0], |price| [1, price]);
        [u64::from(best.quantity), together, best.accessible.into(), count(best.categories.len())]
            .into_iter()
            .chain(price)
            .chain(best.categories.iter().map(|&category| category.into()))
            .chain(best.sections.iter().map(|&section| section.into()))
    });
    let lengths = [count(cart.seats.len()), count(cart.areas.len())];
    let plain = lengths.into_iter().chain(seats).chain(areas).chain(best);
    if code.is_empty() {
        fingerprint(2, plain)
    } else {
        fingerprint(3, plain.chain([hash64(code.as_bytes())]))
    }
}
