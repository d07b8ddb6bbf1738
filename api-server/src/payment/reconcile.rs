//! Finishing what a server left behind: bookings in payment that nobody works on any more, and money
//! that has to go back.
//!
//! The change feed says when a payment begins and ends; what is open for too long is asked about at
//! the provider and brought to its end by the same saga. Any number of servers may do this at once:
//! the fence in the log lets one of them win, and every step can be repeated.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rowlock_client::Answered;
use rowlock_client::types::{
    Booking, BookingId, BookingState, Change, ChangeKind, EventId, MoneyChange,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::drive::{Attempt, drive, in_time};
use super::refunds;
use super::saga::{self, Look, Outcome, Step};
use crate::app::App;

const EVERY: Duration = Duration::from_secs(2);
/// A payment that is open for so long is taken as left behind.
const STALE_AFTER: Duration = Duration::from_secs(30);
/// After a look that could not end it.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// However late the log's clock says that it is, a customer has no longer than this to authenticate,
/// since a server first saw that it has to be done.
const AUTHENTICATE_TIME_MAX: Duration = Duration::from_secs(3_600);
/// Bookings that are settled in one round, and events that are looked through.
const SETTLED_MAX: usize = 50;
const EVENTS_MAX: usize = 20;
const PAGE_BOOKINGS: u32 = 500;

/// What is open, shared with the loops that read the feeds.
#[derive(Clone, Debug, Default)]
pub struct Reconciler(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    /// When each is due for a look.
    payments: BTreeMap<BookingId, Instant>,
    /// Until when their customers may authenticate, of those that wait for it.
    customers: BTreeMap<BookingId, Instant>,
    /// Events whose bookings were not seen from the first.
    events: VecDeque<EventId>,
}

impl Reconciler {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The event has bookings from before this server looked: some may be in payment.
    pub(crate) fn look_through(&self, event: EventId) {
        let mut open = self.open();
        if !open.events.contains(&event) {
            open.events.push_back(event);
        }
    }

    pub(crate) fn see(&self, change: &Change) {
        match &change.kind {
            ChangeKind::PaymentStarted { booking, .. } => self.look_at(*booking, STALE_AFTER),
            ChangeKind::Money { booking, change: MoneyChange::PaymentCommitted { .. } } => {
                self.look_at(*booking, STALE_AFTER);
            }
            ChangeKind::RefundOwed { booking, .. } | ChangeKind::PlacesRefunded { booking, .. } => {
                self.look_at(*booking, EVERY)
            }
            ChangeKind::PaymentFailed { booking, .. } | ChangeKind::SeatsSold { booking, .. } => {
                self.forget(*booking);
            }
            ChangeKind::EventChanged { .. }
            | ChangeKind::SeatsHeld { .. }
            | ChangeKind::SeatsReturned(_)
            | ChangeKind::HoldsExpired(_)
            | ChangeKind::IntentAttached { .. }
            | ChangeKind::VenuePut { .. }
            | ChangeKind::UserChanged { .. }
            | ChangeKind::SeatMapSealed { .. }
            | ChangeKind::PlacesChanged { .. }
            | ChangeKind::HoldExtended { .. }
            | ChangeKind::SeatsBlocked { .. }
            | ChangeKind::SeatsUnblocked { .. }
            | ChangeKind::RefundSettled { .. }
            | ChangeKind::TicketTransferred { .. }
            | ChangeKind::TicketRedeemed { .. }
            | ChangeKind::TicketUnredeemed { .. }
            | ChangeKind::Queue { .. }
            | ChangeKind::Money { .. }
            | ChangeKind::Waitlist { .. }
            | ChangeKind::Terms { .. }
            | ChangeKind::TicketVoided { .. }
            | ChangeKind::ScanConflict { .. }
            | ChangeKind::Consumer { .. }
            | ChangeKind::Other => {}
        }
    }

    fn look_at(&self, booking: BookingId, after: Duration) {
        self.open().payments.insert(booking, Instant::now() + after);
    }

    fn forget(&self, booking: BookingId) {
        let mut open = self.open();
        open.payments.remove(&booking);
        open.customers.remove(&booking);
    }

    /// Whether the time is over in which the booking's customer may authenticate. An idle shard's clock
    /// stands still, so what is left by it is measured here.
    fn is_overdue(&self, found: &Answered<Booking>, now: Instant) -> bool {
        let left = found.value.payment_deadline_ms.saturating_sub(found.at.log_time_ms);
        let left = Duration::from_millis(left).min(AUTHENTICATE_TIME_MAX);
        let mut open = self.open();
        left.is_zero() || *open.customers.entry(found.value.id).or_insert(now + left) <= now
    }

    /// The same for what may be waiting already: then its time stands.
    fn look_at_least(&self, booking: BookingId, after: Duration) {
        self.open().payments.entry(booking).or_insert_with(|| Instant::now() + after);
    }

    fn due(&self, now: Instant) -> Vec<BookingId> {
        let open = self.open();
        let due = open.payments.iter().filter(|(_, at)| **at <= now);
        due.map(|(&booking, _)| booking).take(SETTLED_MAX).collect()
    }

    /// Works until `stop`.
    pub(crate) async fn run(self, app: App, stop: CancellationToken) {
        let endless = async {
            loop {
                tokio::time::sleep(EVERY).await;
                self.round(&app, Instant::now()).await;
            }
        };
        if stop.run_until_cancelled(endless).await.is_none() {
            tracing::debug!("no longer reconciles payments");
        }
    }

    pub(super) async fn round(&self, app: &App, now: Instant) {
        for _ in 0..EVENTS_MAX {
            let Some(event) = self.open().events.pop_front() else { break };
            if let Err(error) = self.look_for_open(app, event).await {
                tracing::debug!(%event, %error, "look for open payments");
                self.look_through(event);
                break;
            }
        }
        for booking in self.due(now) {
            if app.running.has(booking) {
                continue;
            }
            let look = |found: &Answered<Booking>| match self.is_overdue(found, now) {
                true => Look::Overdue,
                false => Look::Stale,
            };
            if settle(app, booking, look).await {
                self.forget(booking);
            } else {
                self.look_at(booking, AGAIN_AFTER);
            }
        }
    }

    async fn look_for_open(&self, app: &App, event: EventId) -> Result<(), rowlock_client::Error> {
        let mut after = 0;
        loop {
            let page = app.inventory.bookings(event, after, PAGE_BOOKINGS).await?.value;
            for booking in &page.items {
                match booking.state {
                    BookingState::Paying | BookingState::Capturing => {
                        self.look_at_least(booking.id, STALE_AFTER)
                    }
                    BookingState::RefundDue => self.look_at_least(booking.id, EVERY),
                    BookingState::Confirmed | BookingState::Refunded => {
                        if refunds::owed(booking).next().is_some() {
                            self.look_at_least(booking.id, EVERY);
                        }
                    }
                    BookingState::Held | BookingState::Released | BookingState::Expired => {}
                }
            }
            match page.items.last() {
                Some(last) if page.more => after = last.id.locator().seq(),
                Some(_) | None => return Ok(()),
            }
        }
    }
}

/// Brings one booking's payment as far as it goes; whether that is its end.
pub(crate) async fn settle(
    app: &App,
    id: BookingId,
    look: impl FnOnce(&Answered<Booking>) -> Look + Send,
) -> bool {
    let found = match app.inventory.booking(id).await {
        Ok(found) => found,
        Err(rowlock_client::Error::Refused(_)) => return true,
        Err(_) => return false,
    };
    let step = match found.value.state {
        BookingState::Held | BookingState::Released | BookingState::Expired => return true,
        BookingState::Confirmed | BookingState::Refunded => {
            let _work = app.running.enter(id);
            return refunds::pay_owed(app, &found.value).await.is_some();
        }
        BookingState::RefundDue => Step::Refund { intent: found.value.intent.clone() },
        BookingState::Paying | BookingState::Capturing => {
            match go_on(app, &found.value, look(&found)).await {
                Some((step, _)) => step,
                None => return false,
            }
        }
    };
    if let Step::End(_) = step {
        return false;
    }
    tracing::info!(booking = %id, ?step, "goes on with a payment that another began");
    let _work = app.running.enter(id);
    let ended = drive(app, &Attempt::found(found.value), step).await;
    match ended.outcome {
        Outcome::Open | Outcome::Action { .. } => false,
        Outcome::Paid | Outcome::Declined { .. } | Outcome::Overtaken | Outcome::Refunded => true,
    }
}

/// Where to go on with a booking in payment, and with which method it is paid; `None` while the
/// provider is silent (its seats are kept, and this is an alarm).
pub(super) async fn go_on(app: &App, booking: &Booking, look: Look) -> Option<(Step, String)> {
    if booking.intent.is_empty() {
        return Some((saga::resume(None, look), String::new()));
    }
    // Whoever waits for ever here would finish nothing of anybody's any more.
    match in_time(app.provider.retrieve(&booking.intent)).await {
        Ok(intent) => {
            let method = intent.method.clone();
            Some((saga::resume(Some(intent), look), method))
        }
        Err(error) => {
            tracing::error!(booking = %booking.id, %error, "ask about a payment that is open");
            None
        }
    }
}

/// One round as of `ahead` from now, for tests: what would be done by then is done at once.
#[doc(hidden)]
pub async fn run_round_ahead(reconciler: &Reconciler, app: &App, ahead: Duration) {
    reconciler.round(app, Instant::now() + ahead).await;
}
