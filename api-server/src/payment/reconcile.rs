//! Finishing what a server left behind: bookings in payment that nobody works on any more, and money
//! that has to go back.
//!
//! The change feed says when a payment begins and ends; what is open for too long is asked about at
//! the provider and brought to its end by the same saga. Any number of servers may do this at once:
//! the fence in the log lets one of them win, and every step can be repeated.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rowlock_client::types::{
    Booking, BookingId, BookingState, Change, ChangeKind, EventId, MoneyChange,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::drive::{Attempt, drive, in_time};
use super::refunds;
use super::saga::{self, Step};
use crate::app::App;

const EVERY: Duration = Duration::from_secs(2);
/// A payment that is open for so long is taken as left behind.
const STALE_AFTER: Duration = Duration::from_secs(30);
/// After a look that could not end it.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
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
                self.open().payments.remove(booking);
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
            if settle(app, booking).await {
                self.open().payments.remove(&booking);
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

/// Brings one booking's payment to its end; whether it is there.
pub(super) async fn settle(app: &App, id: BookingId) -> bool {
    let booking = match app.inventory.booking(id).await {
        Ok(found) => found.value,
        Err(rowlock_client::Error::Refused(_)) => return true,
        Err(_) => return false,
    };
    let step = match booking.state {
        BookingState::Held | BookingState::Released | BookingState::Expired => return true,
        BookingState::Confirmed | BookingState::Refunded => {
            let _work = app.running.enter(id);
            return refunds::pay_owed(app, &booking).await.is_some();
        }
        BookingState::RefundDue => Step::Refund { intent: booking.intent.clone() },
        BookingState::Paying | BookingState::Capturing => match left_behind(app, &booking).await {
            Some(step) => step,
            None => return false,
        },
    };
    tracing::info!(booking = %id, ?step, "finishes a payment that was left behind");
    let _work = app.running.enter(id);
    let attempt = Attempt {
        number: booking.attempt,
        booking,
        method: String::new(),
        request: String::new(),
        fingerprint: String::new(),
    };
    drive(app, &attempt, step).await.outcome != saga::Outcome::Open
}

/// Where to go on; `None` while the provider is silent (its seats are kept, and this is an alarm).
async fn left_behind(app: &App, booking: &Booking) -> Option<Step> {
    if booking.intent.is_empty() {
        return Some(saga::resume(None));
    }
    // Whoever waits for ever here would finish nothing of anybody's any more.
    match in_time(app.provider.retrieve(&booking.intent)).await {
        Ok(intent) => Some(saga::resume(Some(intent))),
        Err(error) => {
            tracing::error!(booking = %booking.id, %error, "ask about a payment left behind");
            None
        }
    }
}

/// One round as of `ahead` from now, for tests: what would be done by then is done at once.
#[doc(hidden)]
pub async fn run_round_ahead(reconciler: &Reconciler, app: &App, ahead: Duration) {
    reconciler.round(app, Instant::now() + ahead).await;
}
