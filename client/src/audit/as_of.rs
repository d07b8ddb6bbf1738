//! What an event was at a revision or at a time, folded from its changes.
//!
//! The feed says everything that happened to places and bookings, so what they were at any moment follows
//! from the changes up to there, as far back as the feed reaches. [`EventAsOf::take`] is that computation,
//! without I/O; [`Client::event_as_of`] is the loop around it. A hold counts as held until its end is in
//! the feed.

use std::collections::{BTreeMap, BTreeSet};

use rowlock_proto::{BookingId, EventId, UserId};

use super::{AuditHead, Chain};
use crate::client::Client;
use crate::error::Error;
use crate::money::MoneyChange;
use crate::terms::TermsChange;
use crate::types::{BookingState, ChangeKind, EventState, SeatsReturned};
use crate::watch::WatchError;

/// Up to where changes count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// This one of the shard, and all before it.
    Revision(u64),
    /// Those that were not made later, by the shard's replicated clock, in milliseconds.
    Time(u64),
}

/// What a seat was that was not simply free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatAsOf {
    Held(BookingId),
    Sold(BookingId),
    Blocked,
    /// Free, for those who have an access code.
    Kept,
}

/// What a booking was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookingAsOf {
    /// `None`: it never had seats, and the feed does not name the user of places in areas.
    pub user: Option<UserId>,
    pub state: BookingState,
    /// What it had then.
    pub seats: BTreeSet<u32>,
    pub areas: BTreeMap<u32, u32>,
    /// Who had tickets that were passed on, by the numbers of their places.
    pub holders: BTreeMap<u32, UserId>,
}

/// An event as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventAsOf {
    /// Of the last change of the shard that counts.
    pub revision: u64,
    pub time_ms: u64,
    /// `None`: it was not there yet.
    pub state: Option<EventState>,
    pub bookings: BTreeMap<BookingId, BookingAsOf>,
    pub blocked: BTreeSet<u32>,
    pub kept: BTreeSet<u32>,
}

/// Why it can't be said what an event was.
#[derive(Debug, thiserror::Error)]
pub enum AsOfError {
    #[error(
        "the changes up to revision {oldest} are gone, and some of them may be about the event"
    )]
    Compacted { oldest: u64 },
    #[error("the shard is only at revision {newest}")]
    Ahead { newest: u64 },
    #[error("change {0} is of a kind that this program is too old to know")]
    Kind(u64),
    #[error(transparent)]
    Feed(WatchError),
    #[error(transparent)]
    Cluster(#[from] Error),
}

const fn owns(state: BookingState) -> bool {
    match state {
        BookingState::Held
        | BookingState::Paying
        | BookingState::Capturing
        | BookingState::Confirmed => true,
        BookingState::Released
        | BookingState::Expired
        | BookingState::RefundDue
        | BookingState::Refunded => false,
    }
}

impl EventAsOf {
    /// Takes the next change that is about `event`.
    pub fn take(&mut self, event: EventId, kind: &ChangeKind) {
        match kind {
            ChangeKind::EventChanged { state, .. } => self.state = Some(*state),
            ChangeKind::SeatsHeld { booking, user, seats, .. } => {
                let held = self.booking(*booking);
                (held.user, held.state) = (Some(*user), BookingState::Held);
                held.seats.extend(seats);
            }
            ChangeKind::PaymentStarted { booking, .. } => {
                self.booking(*booking).state = BookingState::Paying;
            }
            // If its time is over, its places come back by a change of their own.
            ChangeKind::PaymentFailed { booking, .. } => {
                self.booking(*booking).state = BookingState::Held;
            }
            ChangeKind::SeatsSold { booking, user, seats, .. } => {
                let sold = self.booking(*booking);
                (sold.user, sold.state) = (Some(*user), BookingState::Confirmed);
                // Those that it held; or others, by exchange or again for a payment that came late.
                sold.seats.extend(seats);
            }
            ChangeKind::RefundOwed { booking, .. } => {
                self.booking(*booking).state = BookingState::RefundDue;
            }
            ChangeKind::PlacesChanged { booking, areas, state, .. } => {
                let its = self.booking(*booking);
                if owns(*state) {
                    // What was held is sold; everything else comes on top, by exchange.
                    if its.state != *state {
                        its.areas.clear();
                    }
                    for &(area, count) in areas {
                        *its.areas.entry(area).or_default() += count;
                    }
                    its.state = *state;
                } else {
                    its.give_back_places(areas, *state);
                }
            }
            ChangeKind::SeatsReturned(back) => self.returned(back),
            ChangeKind::HoldsExpired(holds) => {
                holds.iter().filter(|hold| hold.event == event).for_each(|it| self.returned(it));
            }
            ChangeKind::TicketTransferred { booking, place, to, .. } => {
                self.booking(*booking).holders.insert(*place, *to);
            }
            ChangeKind::Money { booking, change: MoneyChange::PaymentCommitted { .. } } => {
                self.booking(*booking).state = BookingState::Capturing;
            }
            ChangeKind::SeatsBlocked { seats, .. } => self.blocked.extend(seats),
            ChangeKind::SeatsUnblocked { seats, .. } => {
                self.blocked.retain(|seat| !seats.contains(seat));
            }
            ChangeKind::Terms { change: TermsChange::SeatsKept { seats, .. }, .. } => {
                self.kept.extend(seats);
            }
            ChangeKind::Terms { change: TermsChange::SeatsFreed(seats), .. } => {
                self.kept.retain(|seat| !seats.contains(seat));
            }
            ChangeKind::IntentAttached { .. }
            | ChangeKind::VenuePut { .. }
            | ChangeKind::UserChanged { .. }
            | ChangeKind::SeatMapSealed { .. }
            | ChangeKind::HoldExtended { .. }
            | ChangeKind::PlacesRefunded { .. }
            | ChangeKind::RefundSettled { .. }
            | ChangeKind::TicketRedeemed { .. }
            | ChangeKind::TicketUnredeemed { .. }
            | ChangeKind::TicketVoided { .. }
            | ChangeKind::ScanConflict { .. }
            | ChangeKind::Money { .. }
            | ChangeKind::Queue { .. }
            | ChangeKind::Consumer { .. }
            | ChangeKind::Waitlist { .. }
            | ChangeKind::Terms { .. }
            | ChangeKind::Other => {}
        }
    }

    fn booking(&mut self, id: BookingId) -> &mut BookingAsOf {
        self.bookings.entry(id).or_insert_with(|| BookingAsOf {
            user: None,
            state: BookingState::Held,
            seats: BTreeSet::new(),
            areas: BTreeMap::new(),
            holders: BTreeMap::new(),
        })
    }

    fn returned(&mut self, back: &SeatsReturned) {
        self.booking(back.booking).give_back_seats(&back.seats, back.state);
    }

    /// Every seat that was not simply free.
    pub fn seats(&self) -> BTreeMap<u32, SeatAsOf> {
        let kept = self.kept.iter().map(|&seat| (seat, SeatAsOf::Kept));
        let blocked = self.blocked.iter().map(|&seat| (seat, SeatAsOf::Blocked));
        let owned = self.bookings.iter().filter(|(_, booking)| owns(booking.state));
        let owned = owned.flat_map(|(&id, booking)| {
            let sold = booking.state == BookingState::Confirmed;
            let state = if sold { SeatAsOf::Sold(id) } else { SeatAsOf::Held(id) };
            booking.seats.iter().map(move |&seat| (seat, state))
        });
        // A seat that is kept may be held by one who has a code: the last word counts.
        kept.chain(blocked).chain(owned).collect()
    }
}

impl BookingAsOf {
    fn give_back_seats(&mut self, seats: &[u32], into: BookingState) {
        self.seats.retain(|seat| !seats.contains(seat));
        self.end_if_empty(into);
    }

    fn give_back_places(&mut self, areas: &[(u32, u32)], into: BookingState) {
        for (area, count) in areas {
            if let Some(left) = self.areas.get_mut(area) {
                *left = left.saturating_sub(*count);
            }
        }
        self.areas.retain(|_, left| *left > 0);
        self.end_if_empty(into);
    }

    /// What came back of a booking that keeps some of its places does not end it.
    fn end_if_empty(&mut self, into: BookingState) {
        if self.seats.is_empty() && self.areas.is_empty() {
            self.state = into;
        }
    }
}

impl Client {
    /// What an event was. The feed must reach back to the event's beginning: see [`AsOfError::Compacted`].
    pub async fn event_as_of(&self, event: EventId, until: Until) -> Result<EventAsOf, AsOfError> {
        let (AuditHead { revision: newest, .. }, event_no) = self.audit_head(event).await?.value;
        let end = match until {
            Until::Revision(revision) if revision > newest => {
                return Err(AsOfError::Ahead { newest });
            }
            Until::Revision(revision) => revision,
            Until::Time(_) => newest,
        };
        let (shard, chain) = (self.shard_of(event.slot()), Chain::of(event, event_no));
        let (mut was, mut floor) = (EventAsOf::default(), 0);
        let mut feed = self.watch(shard, 0);
        while was.revision < end {
            let batch = match feed.next().await {
                Ok(batch) => batch,
                // What is left may still have all of the event.
                Err(WatchError::Compacted { oldest: Some(oldest) }) if oldest > floor => {
                    (was, floor) = (EventAsOf { revision: oldest, ..was }, oldest);
                    feed = self.watch(shard, oldest);
                    continue;
                }
                Err(error) => return Err(AsOfError::Feed(error)),
            };
            for change in &batch.changes {
                let late = matches!(until, Until::Time(at_ms) if change.time_ms > at_ms);
                if late || change.revision > end {
                    return was.reaching_back_to(floor);
                }
                let is_its = chain.is_about(&change.kind);
                if is_its.ok_or(AsOfError::Kind(change.revision))? {
                    let begins = matches!(
                        change.kind,
                        ChangeKind::EventChanged { state: EventState::Draft, .. }
                    );
                    if floor > 0 && was.state.is_none() && !begins {
                        return Err(AsOfError::Compacted { oldest: floor });
                    }
                    was.take(event, &change.kind);
                }
                (was.revision, was.time_ms) = (change.revision, change.time_ms);
            }
        }
        was.reaching_back_to(floor)
    }
}

impl EventAsOf {
    /// If changes are gone and the event's beginning was not seen, it may be among them.
    fn reaching_back_to(self, floor: u64) -> Result<Self, AsOfError> {
        if floor > 0 && self.state.is_none() {
            return Err(AsOfError::Compacted { oldest: floor });
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
