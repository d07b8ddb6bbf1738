//! What bookings and tickets a user has, over all events: kept in the user's shard.
//!
//! A booking lives in the shard of its event. Whoever follows that shard's feed looks at the bookings
//! that changed and brings what they are to the shards of their users:
//!
//! ```text
//!   event's shard --feed--> consumer `user-lists` --Apply--> user's shard
//!        '------booking, at a revision------^
//! ```
//!
//! A list is not the truth about a booking, only about where to look. What could go wrong, and what
//! answers it:
//! - A listing arrives twice, or after a later one, or from a consumer whose lease is over: each row
//!   keeps the revision that it was looked at, and what is not newer changes nothing.
//! - A ticket is passed on: who gave it away is told so, and keeps a row that is not shown, or an old
//!   listing would bring the ticket back.
//! - Somebody holds and lets go without end: of the bookings that came to nothing only the newest are
//!   kept. What was older than one that was dropped and is not paid is not listed again.
//! - A user is forgotten: nothing is listed for them any more.
//!
//! Invariants:
//! - `order` is exactly the rows that are shown, `ended` those that came to nothing.
//! - At most [`ENDED_MAX`] rows of a user came to nothing. A user who is forgotten has no rows.

mod command;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, EventId, UserId};

pub use self::command::{LISTED_TICKETS_MAX, LISTINGS_MAX, Listing, UserListCommand};
use super::booking::BookingState;
use super::change::ChangeKind;
use super::planted::{Mistake, planted};
use super::query::PAGE_MAX;
use super::record::RecordKey;
use super::reply::{Answer, Reply};
use super::{SYSTEM, State, refuse};

/// Bookings of one user that ended unpaid and are still listed.
pub const ENDED_MAX: usize = 20;
/// Rows that one look for old ones goes through.
const SCAN_MAX: usize = 10_000;

/// A place in a list: lists are shown from the greatest down.
pub type Age = (u64, BookingId);
/// A row of somebody's list.
pub type RowKey = (UserId, BookingId);

/// What one user has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserList {
    pub rows: BTreeMap<BookingId, Row>,
    /// The newest booking that came to nothing and was dropped.
    pub dropped: Option<Age>,
    pub forgotten: bool,
    order: BTreeSet<Age>,
    ended: BTreeSet<Age>,
}

/// What a booking was to the user at a revision of its shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub source: u32,
    pub revision: u64,
    pub event: EventId,
    pub created_ms: u64,
    pub state: BookingState,
    pub buyer: bool,
    pub places: u32,
    pub total: u64,
    pub currency: [u8; 3],
    pub tickets: Box<[u32]>,
}

/// A page of a user's list.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct UserListView {
    /// The newest first.
    pub listings: Vec<Listing>,
    /// All that there are.
    pub total: u64,
    pub more: bool,
}

/// Whether money was taken for it: it stays listed for good.
const fn is_paid(state: BookingState) -> bool {
    match state {
        BookingState::Confirmed | BookingState::RefundDue | BookingState::Refunded => true,
        BookingState::Held
        | BookingState::Paying
        | BookingState::Capturing
        | BookingState::Released
        | BookingState::Expired => false,
    }
}

const fn came_to_nothing(state: BookingState) -> bool {
    match state {
        BookingState::Released | BookingState::Expired => true,
        BookingState::Held
        | BookingState::Paying
        | BookingState::Capturing
        | BookingState::Confirmed
        | BookingState::RefundDue
        | BookingState::Refunded => false,
    }
}

impl Row {
    fn of(source: u32, listing: &Listing) -> Self {
        Self {
            source,
            revision: listing.revision,
            event: listing.event,
            created_ms: listing.created_ms,
            state: listing.state,
            buyer: listing.buyer,
            places: listing.places,
            total: listing.total,
            currency: listing.currency,
            tickets: listing.tickets.as_slice().into(),
        }
    }

    fn is_shown(&self) -> bool {
        self.buyer || !self.tickets.is_empty()
    }

    fn has_ended(&self) -> bool {
        self.buyer && came_to_nothing(self.state)
    }

    fn listing(&self, user: UserId, booking: BookingId) -> Listing {
        Listing {
            user,
            booking,
            event: self.event,
            revision: self.revision,
            created_ms: self.created_ms,
            state: self.state,
            buyer: self.buyer,
            places: self.places,
            total: self.total,
            currency: self.currency,
            tickets: self.tickets.to_vec(),
        }
    }
}

impl UserList {
    /// Puts a row in, in place of the one that there was.
    pub(super) fn put(&mut self, booking: BookingId, row: Row) {
        self.take_out(booking);
        let age = (row.created_ms, booking);
        if row.is_shown() {
            self.order.insert(age);
        }
        if row.has_ended() {
            self.ended.insert(age);
        }
        self.rows.insert(booking, row);
    }

    fn take_out(&mut self, booking: BookingId) {
        if let Some(before) = self.rows.remove(&booking) {
            let age = (before.created_ms, booking);
            self.order.remove(&age);
            self.ended.remove(&age);
        }
    }

    /// Whether a listing says something that is not known yet.
    fn is_news(&self, source: u32, listing: &Listing) -> bool {
        if self.forgotten {
            return false;
        }
        match self.rows.get(&listing.booking) {
            // A booking never changes its shard, so revisions of two can't be told apart.
            Some(row) if row.source != source => false,
            Some(row) => listing.revision > row.revision || planted(Mistake::OldListingTaken),
            None => {
                let age = (listing.created_ms, listing.booking);
                let open = listing.buyer && !is_paid(listing.state);
                let dropped = self.dropped.is_some_and(|dropped| age <= dropped);
                !(open && dropped) || planted(Mistake::DroppedListedAgain)
            }
        }
    }

    /// The oldest of those that came to nothing, if there are too many.
    fn drop_ended(&mut self) -> Option<BookingId> {
        if self.ended.len() <= ENDED_MAX {
            return None;
        }
        let (created_ms, booking) = *self.ended.first()?;
        self.take_out(booking);
        self.dropped = self.dropped.max(Some((created_ms, booking)));
        Some(booking)
    }
}

impl State {
    pub(super) fn user_list_command(
        &mut self,
        principal: UserId,
        command: &UserListCommand,
    ) -> Answer {
        if principal != SYSTEM {
            return refuse(ErrorCode::NotAllowed);
        }
        match command {
            UserListCommand::Apply { source, listings } => {
                listings.iter().for_each(|listing| self.list(*source, listing));
            }
            UserListCommand::Forget { user } => self.forget_list(*user),
        }
        Ok(Reply::Done)
    }

    /// Leaves no change: a consumer that brings listings would be fed by its own work.
    fn list(&mut self, source: u32, listing: &Listing) {
        let (user, booking) = (listing.user, listing.booking);
        let list = self.user_lists.entry(user).or_default();
        if !list.is_news(source, listing) {
            return;
        }
        list.put(booking, Row::of(source, listing));
        if !planted(Mistake::ListingNotWritten) {
            self.log.touch(RecordKey::UserList(user, Some(booking)));
        }
        if let Some(dropped) = list.drop_ended() {
            self.log.touch(RecordKey::UserList(user, Some(dropped)));
            self.log.touch(RecordKey::UserList(user, None));
        }
    }

    fn forget_list(&mut self, user: UserId) {
        let list = self.user_lists.entry(user).or_default();
        if list.forgotten {
            return;
        }
        let rows = std::mem::take(list).rows;
        list.forgotten = true;
        for booking in rows.into_keys() {
            self.log.touch(RecordKey::UserList(user, Some(booking)));
        }
        self.log.touch(RecordKey::UserList(user, None));
        self.log.note(ChangeKind::UserChanged { user });
    }

    /// A page of a user's list, the newest first: what is older than `after`, without the first `skip`.
    pub fn user_list(
        &self,
        user: UserId,
        after: Option<Age>,
        skip: usize,
        limit: usize,
    ) -> UserListView {
        let Some(list) = self.user_lists.get(&user) else { return UserListView::default() };
        let end = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = list.order.range((Bound::Unbounded, end)).rev().skip(skip);
        let shown = |(_, booking): &Age| Some(list.rows.get(booking)?.listing(user, *booking));
        let listings = rest.by_ref().take(limit.min(PAGE_MAX)).filter_map(shown).collect();
        UserListView { listings, total: list.order.len() as u64, more: rest.next().is_some() }
    }

    /// Rows about bookings of the shard `source` that were last looked at before `revision`, by user and
    /// booking after `after`; and from where to go on, if there may be more.
    pub fn old_listings(
        &self,
        source: u32,
        revision: u64,
        after: Option<RowKey>,
        limit: usize,
    ) -> (Vec<RowKey>, Option<RowKey>) {
        let from = after.map_or(Bound::Unbounded, |(user, _)| Bound::Included(user));
        let rows = self.user_lists.range((from, Bound::Unbounded)).flat_map(|(&user, list)| {
            let begin = match after {
                Some((of, booking)) if of == user => Bound::Excluded(booking),
                Some(_) | None => Bound::Unbounded,
            };
            let rows = list.rows.range((begin, Bound::Unbounded));
            rows.map(move |(&booking, row)| ((user, booking), row))
        });
        let (mut found, mut last) = (Vec::new(), None);
        for (looked, (key, row)) in rows.enumerate() {
            if looked >= SCAN_MAX || found.len() >= limit.min(PAGE_MAX) {
                return (found, last);
            }
            last = Some(key);
            if row.source == source && row.revision < revision {
                found.push(key);
            }
        }
        (found, None)
    }

    pub(super) fn audit_user_lists(&self, found: &mut Vec<String>) {
        for (user, list) in &self.user_lists {
            let ages = |wanted: fn(&Row) -> bool| -> BTreeSet<Age> {
                let rows = list.rows.iter().filter(|(_, row)| wanted(row));
                rows.map(|(&booking, row)| (row.created_ms, booking)).collect()
            };
            if ages(Row::is_shown) != list.order || ages(Row::has_ended) != list.ended {
                found.push(format!("the list of {user}: its order is not that of its rows"));
            }
            if list.ended.len() > ENDED_MAX {
                found.push(format!("the list of {user}: keeps too much that came to nothing"));
            }
            if list.forgotten && !list.rows.is_empty() {
                found.push(format!("the list of {user}: has rows, and is forgotten"));
            }
        }
    }

    pub(super) fn user_list_keys(&self) -> impl Iterator<Item = RecordKey> {
        self.user_lists.iter().flat_map(|(&user, list)| {
            let rows = list.rows.keys().map(move |&booking| Some(booking));
            std::iter::once(None).chain(rows).map(move |row| RecordKey::UserList(user, row))
        })
    }
}
