//! An inventory in memory: small and naive, just enough of the core's rules for routes to be seen at
//! work. Its clock stands still until a test moves it.

mod accounts;
mod calls;
mod charges;
mod desk;
mod doors;
mod exchange;
mod life;
mod places;
mod refunds;
mod terms;
mod waitlist;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rowlock_api_server::inventory::Call;
use rowlock_client::types::{
    Booking, BookingExtras, BookingId, BookingLocator, BookingState, Change, ChangeKind, Confirmed,
    ErrorCode, Event, EventId, EventState, PaymentBegun, Position, RequestKey, SeatsReturned, User,
    UserId, Venue, VenueId,
};
use rowlock_client::{Answered, Error, Refusal};
use tokio::sync::Notify;

use crate::gate::Gate;

/// Time over which a booking in payment keeps its seats past its hold.
const GRACE_MS: u64 = 300_000;

#[derive(Debug, Default)]
struct State {
    maps: BTreeMap<[u8; 32], Vec<u8>>,
    venues: BTreeMap<VenueId, Venue>,
    events: BTreeMap<EventId, Stored>,
    users: BTreeMap<UserId, User>,
    accounts: BTreeMap<UserId, accounts::Kept>,
    bookings: BTreeMap<BookingId, Booking>,
    refund_keys: BTreeMap<RequestKey, u32>,
    sale_keys: BTreeMap<RequestKey, BookingId>,
    exchange_keys: BTreeMap<RequestKey, Option<u32>>,
    /// The scan that let a place's ticket in.
    scans: BTreeMap<(BookingId, u32), RequestKey>,
    waitlists: BTreeMap<EventId, waitlist::List>,
    terms: BTreeMap<EventId, terms::Terms>,
    /// Through which a hold is being made.
    channel: String,
    changes: Vec<Change>,
}

#[derive(Debug)]
struct Stored {
    event: Event,
    categories: Vec<u8>,
    owners: Vec<Option<BookingId>>,
    /// Category of each area.
    area_categories: Vec<u8>,
    keys: BTreeMap<(UserId, RequestKey), (Wanted, BookingId)>,
}

/// Seats, and area and count.
type Wanted = (Vec<u32>, Vec<(u32, u32)>);

/// Cheap to clone; all clones are one inventory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fake {
    state: Arc<Mutex<State>>,
    now_ms: Arc<AtomicU64>,
    news: Arc<Notify>,
    /// How often events were listed: what an index does that has nothing.
    pub(crate) listed: Arc<AtomicU64>,
    /// While set, everything is unavailable.
    pub(crate) down: Arc<AtomicBool>,
    /// While set, an attachment is never answered.
    pub(crate) lose_attach: Arc<AtomicBool>,
    /// Where whoever has this handle dies.
    gate: Option<Arc<Gate>>,
}

fn refuse<T>(code: ErrorCode) -> Result<T, Error> {
    refuse_seats(code, Vec::new(), 0)
}

fn refuse_seats<T>(code: ErrorCode, seats: Vec<u32>, limit: u64) -> Result<T, Error> {
    Err(Error::Refused(Refusal { code, seats, limit, detail: String::new() }))
}

fn count(seats: &[u32]) -> u32 {
    u32::try_from(seats.len()).unwrap()
}

impl State {
    fn note(&mut self, now_ms: u64, kind: ChangeKind) {
        let revision = self.changes.len() as u64 + 1;
        self.changes.push(Change {
            revision,
            index: revision,
            time_ms: now_ms,
            principal: None,
            command: String::new(),
            key: None,
            digest: None,
            kind,
        });
    }

    fn expire(&mut self, now_ms: u64) {
        let due: Vec<BookingId> = self
            .bookings
            .values()
            .filter(|booking| booking.state == BookingState::Held && booking.expires_ms <= now_ms)
            .map(|booking| booking.id)
            .collect();
        for id in due {
            self.let_go(now_ms, id, BookingState::Expired);
        }
    }

    fn let_go(&mut self, now_ms: u64, id: BookingId, into: BookingState) {
        let booking = self.bookings.get_mut(&id).unwrap();
        booking.state = into;
        let (event, seats) = (booking.event, booking.seats.clone());
        let stored = self.events.get_mut(&event).unwrap();
        for seat in &seats {
            stored.owners[*seat as usize] = None;
        }
        stored.event.counts.held -= count(&seats);
        stored.event.counts.available += count(&seats);
        for line in &self.bookings[&id].extras.areas {
            stored.event.areas[line.area as usize].held -= line.count;
        }
        let back = SeatsReturned { event, booking: id, seats, state: into };
        self.note(now_ms, ChangeKind::SeatsReturned(back));
    }

    fn owned(&mut self, id: BookingId, user: UserId) -> Result<&mut Booking, Error> {
        match self.bookings.get_mut(&id) {
            Some(booking) if booking.user == user => Ok(booking),
            _ => refuse(ErrorCode::BookingNotFound),
        }
    }

    fn hold(
        &mut self,
        now_ms: u64,
        id: EventId,
        (seats, areas): (&[u32], &[(u32, u32)]),
        user: UserId,
        key: RequestKey,
    ) -> Result<Booking, Error> {
        let Some(stored) = self.events.get_mut(&id) else {
            return refuse(ErrorCode::EventNotFound);
        };
        if let Some((before, booking)) = stored.keys.get(&(user, key)) {
            if before.0 != seats || before.1 != areas {
                return refuse(ErrorCode::IdempotencyKeyReused);
            }
            let mut granted = self.bookings[booking].clone();
            granted.state = BookingState::Held;
            return Ok(granted);
        }
        let spec = &stored.event.spec;
        match stored.event.state {
            EventState::Draft => return refuse(ErrorCode::EventStateConflict),
            EventState::Cancelled | EventState::Ended => return refuse(ErrorCode::SaleClosed),
            EventState::Paused => return refuse(ErrorCode::SalePaused),
            EventState::Published => {}
        }
        if now_ms < spec.sale_start_ms {
            return refuse_seats(ErrorCode::SaleNotOpen, Vec::new(), spec.sale_start_ms);
        }
        if now_ms >= spec.date_ms {
            return refuse_seats(ErrorCode::SaleClosed, Vec::new(), spec.date_ms);
        }
        let owners = &stored.owners;
        let pick = |bad: &dyn Fn(u32) -> bool| -> Vec<u32> {
            seats.iter().copied().filter(|&seat| bad(seat)).collect()
        };
        let unknown = pick(&|seat| seat as usize >= owners.len());
        if !unknown.is_empty() {
            return refuse_seats(ErrorCode::SeatUnknown, unknown, 0);
        }
        let taken = pick(&|seat| owners[seat as usize].is_some());
        if !taken.is_empty() {
            return refuse_seats(ErrorCode::SeatTaken, taken, 0);
        }
        let lines = places::judge_areas(stored, areas)?;
        let has = self.bookings.values().filter(|booking| {
            booking.user == user
                && booking.event == id
                && matches!(
                    booking.state,
                    BookingState::Held | BookingState::Paying | BookingState::Confirmed
                )
        });
        let has: u32 = has.map(|booking| count(&booking.seats)).sum();
        if spec.max_seats_per_user != 0 && has + count(seats) > spec.max_seats_per_user {
            let limit = u64::from(spec.max_seats_per_user);
            return refuse_seats(ErrorCode::LimitExceeded, Vec::new(), limit);
        }
        self.judge_terms(id, seats, &self.channel)?;
        let stored = self.events.get_mut(&id).unwrap();
        let spec = &stored.event.spec;
        let prices: Vec<u64> = seats
            .iter()
            .map(|&seat| spec.prices[usize::from(stored.categories[seat as usize])])
            .collect();
        let seq = u32::try_from(self.bookings.len()).unwrap() + 1;
        let locator = BookingLocator::new(id.slot(), 1, seq).unwrap();
        let booking = Booking {
            id: BookingId::new(locator, key.0),
            event: id,
            user,
            state: BookingState::Held,
            seats: seats.to_vec(),
            total: prices.iter().sum::<u64>() + places::total(&lines),
            prices,
            currency: spec.currency.clone(),
            created_ms: now_ms,
            expires_ms: now_ms + spec.hold_ttl_ms,
            payment_deadline_ms: 0,
            attempt: 0,
            intent: String::new(),
            confirmed_ms: 0,
            decline_reason: String::new(),
            extras: BookingExtras { areas: lines, ..BookingExtras::default() },
        };
        for (area, wanted) in areas {
            stored.event.areas[*area as usize].held += wanted;
        }
        for &seat in seats {
            stored.owners[seat as usize] = Some(booking.id);
        }
        stored.event.counts.available -= count(seats);
        stored.event.counts.held += count(seats);
        stored.keys.insert((user, key), ((seats.to_vec(), areas.to_vec()), booking.id));
        self.bookings.insert(booking.id, booking.clone());
        let booking = self.priced(booking.id);
        self.note(
            now_ms,
            ChangeKind::SeatsHeld {
                event: id,
                booking: booking.id,
                user,
                seats: seats.to_vec(),
                expires_ms: booking.expires_ms,
            },
        );
        Ok(booking)
    }

    fn begin(
        &mut self,
        now_ms: u64,
        id: BookingId,
        amount: u64,
        user: UserId,
    ) -> Result<PaymentBegun, Error> {
        let booking = self.owned(id, user)?;
        match booking.state {
            BookingState::Held => {}
            BookingState::Paying | BookingState::Capturing => {
                return refuse(ErrorCode::PaymentInProgress);
            }
            BookingState::Confirmed => {
                return Ok(PaymentBegun { attempt: booking.attempt, booking: booking.clone() });
            }
            BookingState::Expired => return refuse(ErrorCode::BookingExpired),
            BookingState::Released | BookingState::RefundDue | BookingState::Refunded => {
                return refuse(ErrorCode::BookingStateConflict);
            }
        }
        if amount != booking.total {
            return refuse_seats(ErrorCode::AmountMismatch, Vec::new(), booking.total);
        }
        booking.state = BookingState::Paying;
        booking.attempt += 1;
        booking.intent.clear();
        booking.decline_reason.clear();
        booking.payment_deadline_ms = booking.expires_ms + GRACE_MS;
        let (attempt, booking) = (booking.attempt, booking.clone());
        self.note(now_ms, ChangeKind::PaymentStarted { booking: id, attempt, amount });
        Ok(PaymentBegun { booking, attempt })
    }

    fn confirm(
        &mut self,
        now_ms: u64,
        id: BookingId,
        attempt: u32,
        intent: &str,
        user: UserId,
    ) -> Result<Confirmed, Error> {
        let booking = self.owned(id, user)?;
        if booking.attempt != attempt || booking.intent != intent {
            return refuse(ErrorCode::PaymentFenced);
        }
        if matches!(booking.state, BookingState::Expired | BookingState::Released) {
            booking.state = BookingState::RefundDue;
        }
        if booking.state == BookingState::RefundDue {
            return Ok(Confirmed::RefundDue(booking.clone()));
        }
        if matches!(
            booking.state,
            BookingState::Paying | BookingState::Capturing | BookingState::Held
        ) {
            booking.state = BookingState::Confirmed;
            booking.confirmed_ms = now_ms;
            let booking = booking.clone();
            let counts = &mut self.events.get_mut(&booking.event).unwrap().event.counts;
            counts.held -= count(&booking.seats);
            counts.sold += count(&booking.seats);
            for line in &booking.extras.areas {
                let areas = &mut self.events.get_mut(&booking.event).unwrap().event.areas;
                areas[line.area as usize].held -= line.count;
                areas[line.area as usize].sold += line.count;
            }
            self.note(
                now_ms,
                ChangeKind::SeatsSold {
                    event: booking.event,
                    booking: id,
                    user,
                    seats: booking.seats.clone(),
                    amount: booking.total,
                    intent: intent.to_owned(),
                },
            );
            return Ok(Confirmed::Sold(booking));
        }
        Ok(Confirmed::Sold(booking.clone()))
    }

    fn fail(
        &mut self,
        now_ms: u64,
        id: BookingId,
        attempt: u32,
        reason: &str,
        user: UserId,
    ) -> Result<Booking, Error> {
        let booking = self.owned(id, user)?;
        if booking.attempt != attempt || booking.state == BookingState::Confirmed {
            return refuse(ErrorCode::PaymentFenced);
        }
        if matches!(booking.state, BookingState::Paying | BookingState::Capturing) {
            booking.state = BookingState::Held;
            booking.decline_reason = reason.to_owned();
            let reason = reason.to_owned();
            self.note(now_ms, ChangeKind::PaymentFailed { booking: id, attempt, reason });
            self.expire(now_ms);
        }
        Ok(self.bookings[&id].clone())
    }
}

impl Fake {
    pub(crate) fn new(now_ms: u64) -> Self {
        let fake = Self::default();
        fake.now_ms.store(now_ms, Ordering::SeqCst);
        fake
    }

    /// Returns once something may be another.
    pub(crate) async fn changed(&self) {
        // A change between a look and this is seen by the next look, in a moment.
        drop(tokio::time::timeout(Duration::from_millis(50), self.news.notified()).await);
    }

    /// The same inventory for a server that dies at `gate`.
    pub(crate) fn gated(&self, gate: &Arc<Gate>) -> Self {
        Self { gate: Some(Arc::clone(gate)), ..self.clone() }
    }

    /// A step of a payment.
    fn step<'a, T: Send + 'static>(
        &'a self,
        job: impl FnOnce(&mut State, u64) -> Result<T, Error> + Send + 'a,
    ) -> Call<'a, T> {
        let Some(gate) = self.gate.clone() else { return self.with(job) };
        Box::pin(async move {
            gate.pass().await;
            let answered = self.with(job).await;
            gate.pass().await;
            answered
        })
    }

    pub(crate) fn advance(&self, ms: u64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }

    pub(crate) fn booking_now(&self, id: BookingId) -> Booking {
        self.state.lock().unwrap().bookings[&id].clone()
    }

    /// Numbers of venues, events, users and bookings: what bad input must not change.
    pub(crate) fn sizes(&self) -> [usize; 4] {
        let state = self.state.lock().unwrap();
        [state.venues.len(), state.events.len(), state.users.len(), state.bookings.len()]
    }

    /// Whether nobody is told any more what this user has.
    pub(crate) fn list_is_forgotten(&self, user: UserId) -> bool {
        let state = self.state.lock().unwrap();
        state.accounts.get(&user).is_some_and(|kept| kept.list_forgotten)
    }

    /// The event is over for long, and goes into the archive.
    pub(crate) fn archive(&self, id: EventId) {
        let now_ms = self.now_ms.load(Ordering::SeqCst);
        let mut state = self.state.lock().unwrap();
        let event = &mut state.events.get_mut(&id).expect("there is such an event").event;
        (event.state, event.life.archived_ms) = (EventState::Ended, now_ms);
        state.note(now_ms, ChangeKind::EventChanged { event: id, state: EventState::Ended });
    }

    /// All that it knows: what is refused must not change it.
    pub(crate) fn picture(&self) -> String {
        format!("{:?}", self.state.lock().unwrap())
    }

    fn with<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut State, u64) -> Result<T, Error>,
    ) -> Call<'static, T> {
        if self.down.load(Ordering::SeqCst) {
            let reason = "the shard has no leader".to_owned();
            return Box::pin(async { Err(Error::Unavailable { reason }) });
        }
        let now_ms = self.now_ms.load(Ordering::SeqCst);
        let answered = {
            let mut state = self.state.lock().unwrap();
            state.expire(now_ms);
            state.serve(now_ms);
            let value = job(&mut state, now_ms);
            state.serve(now_ms);
            let revision = state.changes.len() as u64;
            let at = Position {
                shard: 0,
                term: 1,
                index: revision + 1,
                offset: 0,
                revision,
                log_time_ms: now_ms,
                first_index: 0,
            };
            value.map(|value| Answered { value, at })
        };
        self.news.notify_waiters();
        Box::pin(async { answered })
    }
}
