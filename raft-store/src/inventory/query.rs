//! What readers see. A due hold reads as ended, whether or not it was swept (P5).

use std::collections::BTreeMap;
use std::ops::Bound;

use rowlock_proto::ids::{BookingId, BookingLocator, EventId, SeatMapHash, UserId, VenueId};

use super::State;
use super::booking::{AreaLine, Booking, BookingState, Extras, Place};
use super::command::{User, Venue};
use super::event::Event;
use super::money;
pub(super) use super::reply::BookingView;
use super::reply::{AreaCounts, EventView, LifeView, SeatCounts, Stats};

/// Items of one page.
pub(super) const PAGE_MAX: usize = 1_000;

/// One byte a seat in `State::seats`.
pub mod seat_state {
    pub const AVAILABLE: u8 = 0;
    pub const HELD: u8 = 1;
    pub const SOLD: u8 = 2;
    pub const BLOCKED: u8 = 3;
    /// Free, and kept for those who have an access code.
    pub const KEPT: u8 = 4;
}

/// The booking as it was granted: what a repeat of its request is answered with (P4).
pub(super) fn granted(event: &Event, booking: &Booking) -> BookingView {
    let price = event.first_price(booking);
    BookingView {
        booking: booking.id,
        event: event.id,
        user: booking.user,
        state: BookingState::Held,
        seats: booking.seats.to_vec(),
        prices: booking.prices.to_vec(),
        total: price.total(),
        currency: event.spec.currency,
        created_ms: booking.created_ms,
        expires_ms: first_expiry(booking),
        payment_deadline_ms: 0,
        attempt: 0,
        intent: String::new(),
        confirmed_ms: 0,
        decline_reason: String::new(),
        areas: booking.extras.as_ref().map(|extras| extras.areas.clone()).unwrap_or_default(),
        gone: Vec::new(),
        numbers: Vec::new(),
        extended: false,
        refunds: Vec::new(),
        tickets: Vec::new(),
        voids: Vec::new(),
        money: None,
        waiter: None,
        discount: price.discount,
        fees: price.fees,
        promotion: String::new(),
        channel: channel_of(event, booking),
    }
}

fn channel_of(event: &Event, booking: &Booking) -> String {
    let channel = event.terms.as_ref().and_then(|terms| terms.channel(booking.terms.channel));
    channel.map(|channel| channel.name.clone()).unwrap_or_default()
}

/// What was added to the booking since.
fn add_extras(view: &mut BookingView, booking: &Booking, extras: &Extras) {
    let here = |number: &u32| !booking.is_gone(*number);
    let mut areas: BTreeMap<(u16, u64), Vec<u32>> = BTreeMap::new();
    let (mut kept, mut numbers) = (Vec::new(), Vec::new());
    for (number, place, price) in booking.all_places().filter(|(number, ..)| here(number)) {
        match place {
            Place::Seat(seat) => {
                kept.push((seat, price));
                numbers.push(number);
            }
            Place::Area(area) => areas.entry((area, price)).or_default().push(number),
        }
    }
    (view.seats, view.prices) = kept.into_iter().unzip();
    let line = |(&(area, price), of): (&(u16, u64), &Vec<u32>)| {
        let count = u32::try_from(of.len()).unwrap_or(u32::MAX);
        AreaLine { area, count, price }
    };
    view.areas = areas.iter().map(line).collect();
    if booking.is_exchanged() {
        numbers.extend(areas.into_values().flatten());
        view.numbers = numbers;
    }
    view.gone.clone_from(&extras.gone);
    view.extended = extras.extended_from_ms != 0;
    view.expires_ms = booking.expires_ms;
    view.refunds.clone_from(&extras.refunds);
    view.tickets = extras.tickets.iter().map(|(&place, it)| (place, it.clone())).collect();
}

fn first_expiry(booking: &Booking) -> u64 {
    let extended = booking.extras.as_ref().map_or(0, |extras| extras.extended_from_ms);
    if extended == 0 { booking.expires_ms } else { extended }
}

fn after<K: Copy>(key: Option<K>) -> (Bound<K>, Bound<K>) {
    (key.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
}

impl State {
    pub(super) fn view(&self, event: &Event, booking: &Booking) -> BookingView {
        let mut view = granted(event, booking);
        view.state = if self.is_due(booking) { BookingState::Expired } else { booking.state };
        if let Some(payment) = &booking.payment {
            view.payment_deadline_ms = payment.deadline_ms;
            view.attempt = payment.attempt;
            view.intent.clone_from(&payment.intent);
            view.confirmed_ms = payment.confirmed_ms;
            view.decline_reason.clone_from(&payment.decline_reason);
        }
        if let Some(extras) = &booking.extras {
            add_extras(&mut view, booking, extras);
        }
        view.money = money::view(booking);
        if let Some(sale) = booking.direct_sale() {
            view.confirmed_ms = sale.at_ms;
        }
        let is_another = booking.extras.is_some() || booking.money.is_some();
        if is_another || booking.terms.promotion != 0 {
            let price = event.price_of(booking);
            (view.total, view.discount, view.fees) = (price.total(), price.discount, price.fees);
        }
        let terms = event.terms.as_ref();
        let promotion = terms.and_then(|terms| terms.promotion(booking.terms.promotion));
        view.promotion = promotion.map(|promotion| promotion.code.clone()).unwrap_or_default();
        let voids = event.doors.voids_of(booking.id.locator().seq());
        view.voids = voids.map(|(place, void)| (place, void.clone())).collect();
        let seq = booking.id.locator().seq();
        view.waiter = event.waitlist.as_ref().and_then(|list| list.offer(seq));
        view
    }

    /// The event's counts as readers see them: what due holds own is available, unless it is for those
    /// who wait.
    pub(super) fn counts_now(&self, event: &Event) -> SeatCounts {
        let mut counts = event.counts;
        if event.keeps_for_waitlist(self.log.clock_ms) {
            if event.is_pending(self.log.clock_ms) {
                counts.held += std::mem::take(&mut counts.available);
            }
            return counts;
        }
        for deadline in self.due_of(event.id) {
            let seats = event.booking(deadline.seq).map_or(0, Booking::seats_here_count);
            counts.held -= seats;
            counts.available += seats;
        }
        counts
    }

    /// The areas as readers see them, likewise.
    pub(super) fn areas_now(&self, event: &Event) -> Vec<AreaCounts> {
        let mut areas = event.areas.clone();
        if areas.is_empty() {
            return areas;
        }
        if event.keeps_for_waitlist(self.log.clock_ms) {
            if event.is_pending(self.log.clock_ms) {
                areas.iter_mut().for_each(|area| area.held += area.available());
            }
            return areas;
        }
        for deadline in self.due_of(event.id) {
            let places = event.booking(deadline.seq).map(Booking::places).unwrap_or_default();
            for (area, count) in places.areas {
                if let Some(area) = areas.get_mut(usize::from(area)) {
                    area.held -= count;
                }
            }
        }
        areas
    }

    fn event_view(&self, event: &Event, counts: SeatCounts) -> EventView {
        let view = EventView {
            event: event.id,
            spec: event.spec.clone(),
            state: event.state,
            counts,
            areas: self.areas_now(event),
            event_no: event.event_no,
            created_ms: event.created_ms,
            revision: event.revision,
            life: LifeView::default(),
        };
        self.with_life(event, view)
    }

    pub fn event(&self, id: EventId) -> Option<EventView> {
        self.events.get(&id).map(|event| self.event_view(event, self.counts_now(event)))
    }

    /// A page of events by id, and whether there are more. Those in the archive are not listed.
    pub fn events_after(&self, from: Option<EventId>, limit: usize) -> (Vec<EventView>, bool) {
        let limit = limit.min(PAGE_MAX);
        let listed = |(_, event): &(&EventId, &Event)| !event.retention.is_archived();
        let mut rest = self.events.range(after(from)).filter(listed);
        let view = |(_, event): (&EventId, &Event)| self.event_view(event, self.counts_now(event));
        let page = rest.by_ref().take(limit).map(view).collect();
        (page, rest.next().is_some())
    }

    /// One byte a seat, in the order of the map.
    pub fn seats(&self, id: EventId) -> Option<Vec<u8>> {
        let event = self.events.get(&id)?;
        let (kept, pending) =
            (event.keeps_for_waitlist(self.log.clock_ms), event.is_pending(self.log.clock_ms));
        let state = |(seat, owner): (u32, u32)| match owner {
            0 if event.blocked.contains_key(&seat) => seat_state::BLOCKED,
            0 if pending => seat_state::HELD,
            0 if event.is_kept_from(seat, 0) => seat_state::KEPT,
            0 => seat_state::AVAILABLE,
            seq => match event.booking(seq) {
                Some(booking) if self.is_due(booking) && kept => seat_state::HELD,
                Some(booking) if self.is_due(booking) && event.is_kept_from(seat, 0) => {
                    seat_state::KEPT
                }
                Some(booking) if self.is_due(booking) => seat_state::AVAILABLE,
                Some(booking) if booking.state == BookingState::Confirmed => seat_state::SOLD,
                Some(_) | None => seat_state::HELD,
            },
        };
        Some((0..).zip(event.owners()).map(state).collect())
    }

    /// A part of a sealed map, and how many there are.
    pub fn seat_map_part(&self, map: SeatMapHash, part: u32) -> Option<(&[u8], u32)> {
        let map = self.maps.get(&map).filter(|map| map.sealed.is_some())?;
        Some((map.data.get(&part)?, map.parts))
    }

    pub fn has_seat_map(&self, map: SeatMapHash) -> bool {
        self.maps.get(&map).is_some_and(|map| map.sealed.is_some())
    }

    pub fn booking(&self, id: BookingId) -> Option<BookingView> {
        let (event, booking) = self.find_booking(id)?;
        Some(self.view(event, booking))
    }

    pub fn booking_by_locator(&self, locator: BookingLocator) -> Option<BookingView> {
        let event = self.by_no.get(&(locator.slot().number(), locator.event_no()))?;
        let event = self.events.get(event)?;
        Some(self.view(event, event.booking(locator.seq())?))
    }

    /// Bookings of an event by number, after `after_seq`.
    pub fn bookings_of(
        &self,
        id: EventId,
        after_seq: u32,
        limit: usize,
    ) -> Option<(Vec<BookingView>, bool)> {
        let event = self.events.get(&id)?;
        let from = usize::try_from(after_seq).ok()?;
        event.assert_whole();
        let rest = event.bookings.get(from..).unwrap_or(&[]);
        let mut rest = rest.iter().filter(|booking| !booking.is_collected());
        let page = rest.by_ref().take(limit.min(PAGE_MAX));
        let page = page.map(|booking| self.view(event, booking)).collect();
        Some((page, rest.next().is_some()))
    }

    pub fn venue(&self, id: VenueId) -> Option<&Venue> {
        self.venues.get(&id)
    }

    pub fn venues_after(
        &self,
        from: Option<VenueId>,
        limit: usize,
    ) -> (Vec<(VenueId, &Venue)>, bool) {
        let mut rest = self.venues.range(after(from));
        let page = rest.by_ref().take(limit.min(PAGE_MAX)).map(|(&id, doc)| (id, doc)).collect();
        (page, rest.next().is_some())
    }

    pub fn user(&self, id: UserId) -> Option<&User> {
        self.users.get(&id)
    }

    pub fn user_by_email(&self, email: &str) -> Option<(UserId, &User)> {
        let id = *self.by_email.get(email)?;
        Some((id, self.users.get(&id)?))
    }

    /// The earliest deadline of a hold, due or not.
    pub fn next_deadline_ms(&self) -> Option<u64> {
        self.deadlines.first_ms()
    }

    pub fn stats(&self) -> Stats {
        Stats {
            events: (self.events.len() - self.archived_here.len()) as u64,
            archived: (self.archived.len() + self.archived_here.len()) as u64,
            bookings: self
                .events
                .values()
                .filter(|event| !event.retention.is_archived())
                .map(|event| u64::from(event.booking_count()))
                .sum(),
            holds_live: self.deadlines.len() as u64,
            holds_due: self.due().count() as u64,
            next_deadline_ms: self.next_deadline_ms().unwrap_or(0),
            users: self.users.len() as u64,
            venues: self.venues.len() as u64,
        }
    }
}
