//! Places of a booking for other ones, in one command.
//!
//! The old places are given back for as long as the other ones are looked for, so that the two may
//! overlap, and taken again if the exchange is refused. No command comes between. What could go wrong,
//! and what answers it:
//! - The other places can't be had: nothing is changed, and the refusal says why (P2).
//! - They cost another price: what is left over is owed in the same command; what is missing is paid at
//!   the desk, or the exchange is refused.
//! - The command arrives twice: its key names the exchange that it led to (P4).
//! - An old place was let in, or its ticket is void: it is refused, as a refund of it is.
//! - The ticket of an old place was passed on: its holder has the ticket of the place that comes for it.
//! - A payment of the hold failed, and succeeds after all: its intent is forgotten, and it is given back.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, EventId, RequestKey, UserId};
use rowlock_proto::shard::hash64;

use super::{Back, DirectSale, ExchangeOrder, Exchanged, MoneyChange, Receipt, Tender};
use crate::inventory::booking::{AreaLine, Booking, BookingState, Place, Places, Ticket};
use crate::inventory::cart::{Buyer, When, cart_fingerprint};
use crate::inventory::change::ChangeKind;
use crate::inventory::command::{SEATS_PER_HOLD_MAX, invalid};
use crate::inventory::event::{Event, Taker};
use crate::inventory::hold::event_no;
use crate::inventory::planted::{Mistake, planted};
use crate::inventory::reply::{Answer, Refusal};
use crate::inventory::terms::Stays;
use crate::inventory::{SYSTEM, State, fingerprint, refuse};

/// Exchanges of one booking.
pub const EXCHANGES_MAX: usize = 32;
/// Places that one booking ever has: a ticket's id says the number of its place in eight bits.
pub const PLACES_EVER_MAX: u32 = 256;
const EXCHANGED_REASON: &str = "exchanged";

/// An exchange of which all is known but the places that come.
struct Swap {
    event: EventId,
    seq: u32,
    by: Taker,
    stays: Stays,
    when: When,
    /// Numbers of the places that go, and what they are.
    given: Vec<u32>,
    going: Places,
    /// By place that goes, to whom its ticket was passed on.
    holders: Vec<Option<UserId>>,
    /// Number of the first place that comes.
    next: u32,
}

/// What comes, and what it costs more or less.
struct Found {
    places: Places,
    added: Vec<(Place, u64)>,
    /// Owed to the customer.
    left_over: u64,
    /// Paid at the desk.
    paid: Option<Receipt>,
}

impl State {
    pub(super) fn exchange(
        &mut self,
        principal: UserId,
        key: RequestKey,
        id: BookingId,
        order: &ExchangeOrder,
    ) -> Answer {
        let Some((event, booking)) = self.owned_booking(principal, id) else {
            return refuse(ErrorCode::BookingNotFound);
        };
        let print = order_fingerprint(order);
        let mut done = booking.money.iter().flat_map(|money| &money.exchanges);
        if let Some(done) = done.find(|done| done.key == key)
            && !planted(Mistake::ExchangeRepeated)
        {
            return if done.fingerprint == print {
                self.exchange_answer(id, done.refund)
            } else {
                refuse(ErrorCode::IdempotencyKeyReused)
            };
        }
        order.check()?;
        let swap = self.judge_swap(principal, event, booking, order)?;
        self.serve_before(swap.event)?;
        let (of, seq) = (swap.event, swap.seq);
        if let Some(event) = self.events.get_mut(&of) {
            event.give_back(&swap.going, seq, swap.by);
        }
        let found = self
            .find_others(&swap, order)
            .and_then(|(seats, areas)| self.judge_price(&swap, key, order, &seats, &areas));
        match found {
            Ok(found) => {
                let done = Exchanged { key, fingerprint: print, refund: None };
                let refund = self.carry_out(id, swap, found, done);
                self.exchange_answer(id, refund)
            }
            Err(refusal) => {
                if let Some(event) = self.events.get_mut(&of)
                    && !planted(Mistake::RefusedGivesUp)
                {
                    event.take(&swap.going, seq, swap.by);
                }
                Err(refusal)
            }
        }
    }

    fn exchange_answer(&self, id: BookingId, refund: Option<u32>) -> Answer {
        match refund {
            Some(refund) => self.refund_answer(id, refund),
            None => self.booking_answer(id),
        }
    }

    /// Whether the booking may give these places up, and be asked about others.
    fn judge_swap(
        &self,
        principal: UserId,
        event: &Event,
        booking: &Booking,
        order: &ExchangeOrder,
    ) -> Result<Swap, Refusal> {
        let sold = self.judge_exchangeable(booking)?;
        let money = booking.money.as_deref();
        if money.is_some_and(|money| money.standing() > 0) {
            return Err(Refusal::of(ErrorCode::BookingDisputed));
        }
        if money.is_some_and(|money| money.exchanges.len() >= EXCHANGES_MAX) {
            let limit = EXCHANGES_MAX as u64;
            return Err(Refusal { limit, ..Refusal::of(ErrorCode::ExchangeLimitReached) });
        }
        if order.paid.is_some() {
            Self::judge_seller(principal)?;
        }
        let here = booking.all_places().filter(|(number, ..)| !booking.is_gone(*number));
        let here: Vec<(u32, Place)> = here.map(|(number, place, _)| (number, place)).collect();
        let going = judge_given(&here, order)?;
        let given: Vec<u32> = going.iter().map(|(number, _)| *number).collect();
        let seq = booking.id.locator().seq();
        let comes = order.take.count();
        let holders = judge_tickets(event, booking, &given, comes)?;
        let going = Places::of(going.into_iter().map(|(_, place)| place));
        let next = booking.place_count();
        if next.saturating_add(comes) > PLACES_EVER_MAX {
            let limit = PLACES_EVER_MAX.into();
            return Err(Refusal { limit, ..Refusal::of(ErrorCode::ExchangeLimitReached) });
        }
        let stays = count(here.len()).saturating_sub(count(given.len()));
        if u64::from(stays) + u64::from(comes) > SEATS_PER_HOLD_MAX as u64 {
            let limit = SEATS_PER_HOLD_MAX as u64;
            return Err(Refusal { limit, ..Refusal::of(ErrorCode::TooManySeats) });
        }
        // Who wants more than before is one more buyer.
        if count(given.len()) < comes && principal != SYSTEM {
            self.judge_pass(event, booking.user)?;
        }
        let organiser = sold && principal == SYSTEM;
        Ok(Swap {
            event: event.id,
            seq,
            by: Taker::of(booking, sold),
            stays: Stays { places: stays, sold },
            when: if organiser { When::UnlessCancelled } else { When::OnSale },
            given,
            going,
            holders,
            next,
        })
    }

    /// Whether the booking is a hold that lasts, or is paid. True: it is paid.
    fn judge_exchangeable(&self, booking: &Booking) -> Result<bool, Refusal> {
        let code = match booking.state {
            BookingState::Held if !self.is_due(booking) => return Ok(false),
            BookingState::Confirmed => return Ok(true),
            BookingState::Held | BookingState::Expired => ErrorCode::BookingExpired,
            BookingState::Paying | BookingState::Capturing => ErrorCode::PaymentInProgress,
            BookingState::Released | BookingState::RefundDue | BookingState::Refunded => {
                ErrorCode::BookingStateConflict
            }
        };
        Err(Refusal::of(code))
    }

    /// The places that come for those that were given back just now.
    fn find_others(
        &mut self,
        swap: &Swap,
        order: &ExchangeOrder,
    ) -> Result<(Vec<u32>, Vec<AreaLine>), Refusal> {
        let (user, under) = (swap.by.user, swap.by.terms);
        let buyer = Buyer::Owner { user, under, stays: swap.stays, when: swap.when };
        let (seats, areas, _) = self.find(swap.event, buyer, &order.take)?;
        Ok((seats, areas))
    }

    /// What the exchange costs, and whether that is paid.
    fn judge_price(
        &self,
        swap: &Swap,
        key: RequestKey,
        order: &ExchangeOrder,
        seats: &[u32],
        areas: &[AreaLine],
    ) -> Result<Found, Refusal> {
        let found = self.events.get(&swap.event).and_then(|it| Some((it, it.booking(swap.seq)?)));
        let Some((event, booking)) = found else {
            return Err(Refusal::of(ErrorCode::BookingNotFound));
        };
        let priced = seats.iter().map(|&seat| (Place::Seat(seat), event.price(seat).unwrap_or(0)));
        let open = areas.iter().flat_map(|line| {
            let count = usize::try_from(line.count).unwrap_or(usize::MAX);
            std::iter::repeat_n((Place::Area(line.area), line.price), count)
        });
        let added: Vec<(Place, u64)> = priced.chain(open).collect();
        let mut after = booking.clone();
        after.extras_mut().lose(&swap.given);
        after.money_mut().added.extend_from_slice(&added);
        let (was, is) = (event.total_of(booking), event.total_of(&after));
        let missing = if swap.stays.sold { is.saturating_sub(was) } else { 0 };
        let left_over = if swap.stays.sold { was.saturating_sub(is) } else { 0 };
        let paid = match &order.paid {
            None if missing == 0 || planted(Mistake::DearerForNothing) => None,
            None => {
                let limit = missing;
                return Err(Refusal { limit, ..Refusal::of(ErrorCode::ExchangeDearer) });
            }
            // Nothing at all is no receipt.
            Some(sale) if sale.amount != missing || missing == 0 => {
                let limit = missing;
                return Err(Refusal { limit, ..Refusal::of(ErrorCode::AmountMismatch) });
            }
            Some(sale) => {
                let DirectSale { tender, amount, reference, reason } = sale.as_ref().clone();
                let at_ms = self.log.clock_ms;
                Some(Receipt { key, tender, amount, reference, reason, at_ms })
            }
        };
        let places = Places::of(added.iter().map(|(place, _)| *place));
        Ok(Found { places, added, left_over, paid })
    }

    /// Gives the booking what was found, and owes what is left over. Returns the number of the refund.
    fn carry_out(
        &mut self,
        id: BookingId,
        swap: Swap,
        found: Found,
        done: Exchanged,
    ) -> Option<u32> {
        let Swap { event: of, seq, by, given, going, holders, next, .. } = swap;
        let Found { places, added, left_over, paid } = found;
        let before = self.tally(of, seq);
        let event = self.events.get_mut(&of)?;
        let booking = event.booking(seq)?;
        let was = event.total_of(booking);
        let left_at_provider = booking.left_at_provider(was);
        let by_provider = booking.by_provider(was);
        let (tried, expires_ms) = (booking.payment.is_some(), booking.expires_ms);
        event.take(&places, seq, by);
        let no = event_no(event);
        self.log.touch_seats(no, &going.seats);
        self.log.touch_seats(no, &places.seats);
        let came: Vec<u32> = (next..).take(added.len()).collect();
        let passed_on: Vec<(u32, UserId)> =
            came.iter().zip(holders).filter_map(|(&place, to)| Some((place, to?))).collect();
        self.change_extras(of, seq, |extras| {
            extras.lose(&given);
            for &(place, to) in &passed_on {
                let ticket = Ticket { holder: Some(to), version: 1, redeemed: None };
                extras.tickets.insert(place, ticket);
            }
        });
        let amount = paid.as_ref().map_or(0, |receipt| receipt.amount);
        self.change_money(of, seq, |money| {
            // From now on it does not follow from the price of what is there.
            if by.sold && !money.direct {
                money.charged = Some(by_provider);
            }
            money.added.extend(added);
            money.receipts.extend(paid);
            money.exchanges.push(done);
        });
        if tried && !by.sold && !planted(Mistake::ExchangeUnfenced) {
            self.change_booking(of, seq, Booking::fence_off);
        }
        let gone = if by.sold { BookingState::Refunded } else { BookingState::Released };
        self.note_back(of, id, going, gone);
        self.note_taken(of, id, places, by, (amount, expires_ms));
        for (place, to) in passed_on {
            self.log.note(ChangeKind::TicketTransferred { booking: id, place, to, version: 1 });
        }
        let change = MoneyChange::PlacesExchanged { booking: id, gone: given, came, amount };
        self.log.note(ChangeKind::Money(change));
        let refund = (left_over > 0 && !planted(Mistake::LeftOverKept)).then(|| {
            let (key, reason) = (done.key, EXCHANGED_REASON.to_owned());
            let back = Back { key, reason, price: left_over, final_if_nothing: false };
            let (refund, amount) = self.owe_money(of, seq, left_at_provider, back);
            let places = Vec::new();
            self.log.note(ChangeKind::PlacesRefunded { booking: id, refund, places, amount });
            refund
        });
        if refund.is_some() {
            self.change_money(of, seq, |money| {
                if let Some(done) = money.exchanges.last_mut() {
                    done.refund = refund;
                }
            });
        }
        self.rebook(of, seq, &before);
        self.stir(of);
        refund
    }

    /// Says that a booking has other places.
    fn note_taken(
        &mut self,
        event: EventId,
        booking: BookingId,
        Places { seats, areas }: Places,
        by: Taker,
        (amount, expires_ms): (u64, u64),
    ) {
        let user = by.user;
        if !areas.is_empty() {
            let state = if by.sold { BookingState::Confirmed } else { BookingState::Held };
            self.log.note(ChangeKind::PlacesChanged { event, booking, areas, state });
        }
        if seats.is_empty() {
            return;
        }
        self.log.note(if by.sold {
            // Only what was paid on top: the rest was told when it was sold.
            ChangeKind::SeatsSold { event, booking, user, seats, amount, intent: String::new() }
        } else {
            ChangeKind::SeatsHeld { event, booking, user, seats, expires_ms }
        });
    }
}

/// The places that are to go, out of those that are here.
fn judge_given(here: &[(u32, Place)], order: &ExchangeOrder) -> Result<Vec<(u32, Place)>, Refusal> {
    let ExchangeOrder { give, give_seats, .. } = order;
    if give.is_empty() && give_seats.is_empty() {
        return Ok(here.to_vec());
    }
    let at = |number: u32| here.iter().find(|(its, _)| *its == number).copied();
    let on = |seat: u32| here.iter().find(|(_, place)| *place == Place::Seat(seat)).copied();
    if let Some(&number) = give.iter().find(|&&number| at(number).is_none()) {
        return Err(about(ErrorCode::PlaceUnknown, number));
    }
    let unknown = give_seats.iter().copied().filter(|&seat| on(seat).is_none());
    let seats: Vec<u32> = unknown.collect();
    if !seats.is_empty() {
        return Err(Refusal { seats, ..Refusal::of(ErrorCode::SeatUnknown) });
    }
    let named = give_seats.iter().filter_map(|&seat| on(seat));
    if let Some((number, _)) = named.clone().find(|(number, _)| give.contains(number)) {
        return Err(invalid(format!("place {number} is named twice")));
    }
    Ok(give.iter().filter_map(|&number| at(number)).chain(named).collect())
}

/// Whether the tickets of these places may be given up for so many others. By place, to whom its
/// ticket was passed on.
fn judge_tickets(
    event: &Event,
    booking: &Booking,
    given: &[u32],
    comes: u32,
) -> Result<Vec<Option<UserId>>, Refusal> {
    let seq = booking.id.locator().seq();
    let tickets = booking.extras.as_ref().map(|extras| &extras.tickets);
    let ticket = |place: &u32| tickets.and_then(|tickets| tickets.get(place));
    if let Some(&place) =
        given.iter().find(|&it| ticket(it).is_some_and(|it| it.redeemed.is_some()))
    {
        return Err(about(ErrorCode::TicketRedeemed, place));
    }
    if let Some(&place) = given.iter().find(|&&it| event.doors.void(seq, it).is_some()) {
        return Err(about(ErrorCode::TicketVoid, place));
    }
    let holder = |place| {
        let holder = ticket(place).and_then(|ticket| ticket.holder);
        holder.filter(|holder| *holder != booking.user)
    };
    let holders: Vec<Option<UserId>> = given.iter().map(holder).collect();
    let rest = given.iter().zip(&holders).skip(usize::try_from(comes).unwrap_or(usize::MAX));
    match rest.into_iter().find(|(_, holder)| holder.is_some()) {
        Some((&place, _)) => Err(about(ErrorCode::TicketPassedOn, place)),
        None => Ok(holders),
    }
}

/// What came by exchange and what went for it: places are numbered without gaps, each goes once, and
/// what is owed for an exchange is one of the booking's refunds.
pub(super) fn is_sound(booking: &Booking) -> bool {
    let gone = booking.extras.as_ref().map_or(&[][..], |extras| &extras.gone);
    let each_once = gone.is_sorted_by(|one, next| one < next);
    let known = gone.last().is_none_or(|&last| last < booking.place_count());
    let Some(money) = booking.money.as_deref() else { return each_once && known };
    let owed = money.exchanges.iter().filter_map(|it| it.refund);
    let refunds = count(booking.refunds().len());
    each_once
        && known
        && money.exchanges.len() <= EXCHANGES_MAX
        && money.exchanges.len() <= money.added.len()
        && booking.place_count() <= PLACES_EVER_MAX
        && money.exchanges.is_empty() == money.added.is_empty()
        && owed.into_iter().all(|refund| refund < refunds)
        && u64::from(booking.places().count()) <= SEATS_PER_HOLD_MAX as u64
}

fn about(code: ErrorCode, place: u32) -> Refusal {
    Refusal { limit: place.into(), ..Refusal::of(code) }
}

fn count(places: usize) -> u32 {
    u32::try_from(places).unwrap_or(u32::MAX)
}

fn order_fingerprint(order: &ExchangeOrder) -> u64 {
    let tender = |tender| match tender {
        Tender::Free => 0,
        Tender::Complimentary => 1,
        Tender::Cash => 2,
        Tender::Card => 3,
        Tender::Invoice => 4,
    };
    let paid = order.paid.iter().flat_map(|sale| {
        let words = [&sale.reference, &sale.reason].map(|word| hash64(word.as_bytes()));
        [tender(sale.tender), sale.amount].into_iter().chain(words)
    });
    let take = [cart_fingerprint(&order.take, ""), order.give.len() as u64];
    let give = order.give.iter().chain(&order.give_seats).map(|&it| u64::from(it));
    fingerprint(4, take.into_iter().chain(give).chain(paid))
}
