//! The waitlist of an event: who gets places that come back, before anybody can buy them.
//!
//! ```text
//! join ──> waiting ──its wish fits what is free──> offered ──paid──> bought
//!             │                                       │──declined──> over, the next is served
//!             '──left, over the limit──> over         '──ran out───> over, the next is served
//! ```
//!
//! An offer *is* a hold: a booking of the waiting user, with a deadline of its own. So the places are
//! somebody's from the moment on at which they come back, and whatever holds of a hold (P1, P2, P5, P6,
//! limits) holds of an offer. What became of an offer is what became of its booking, and is kept there
//! alone.
//!
//! Who is served: of the entries whose wish fits what is free, the one with the least number. Entries
//! are numbered from 0 in the order of the log.
//!
//! Nobody overtakes those who wait: every command first serves them with what time gave back, and at
//! its end with what it gave back itself, `OFFERS_MAX` offers at most. If more could be offered, the
//! event is *pending*: its free places read as held, holds serve the list first and are refused if it
//! is still not through, and the sweeper proposes commands until it is.
//!
//! What could go wrong, and what answers it:
//! - A message arrives twice: a join is known by its key and its entry, the rest names the entry.
//! - A user leaves and comes back: a new entry, at the end. An entry never gains places.
//! - A hundred thousand wait and a seat comes back every millisecond: entries are kept by wish, so that
//!   finding the next costs the number of different wishes, which is bounded, and not that of entries.
//! - Ten thousand holds are due at once: each command retires and offers a bounded number.
//! - The first in line may have no more places: its entry is over, and does not stop the others.
//!
//! Invariants (`audit`):
//! - A user has at most one entry that waits or has an open offer: the latest.
//! - While the event is on sale and not pending, no wish that waits fits what is free.
//! - `lines`, `heads`, `gone` and `open` follow from the entries and their bookings.

mod apply;
mod audit;
mod change;
mod command;
mod serve;
mod stored;
mod view;
mod wish;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rowlock_proto::ids::{RequestKey, UserId};

pub(super) use self::audit::audit_waitlist;
pub use self::change::WaitlistChange;
pub use self::command::{
    ENTRIES_MAX, ENTRIES_PER_USER_MAX, OFFER_MS_MAX, OFFER_MS_MIN, OFFERS_MAX, WISHES_MAX,
    WaitlistCommand, WaitlistRules,
};
pub(super) use self::stored::waitlist_keys;
pub use self::view::{WaitStanding, WaiterView, WaitlistView};
pub use self::wish::{QUANTITY_MAX, Wish};
use super::queue::holes::Holes;

/// Entries of one record.
pub const WAITERS_PER_BLOCK: u32 = 128;

/// What is kept of where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Waiting,
    /// It was offered places: the number of the booking, which tells the rest.
    Offered(u32),
    /// Gave up while waiting.
    Left,
    /// Its turn came, and it could not have the places.
    PassedOver,
}

/// One user's turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiter {
    pub user: UserId,
    /// The request that made it, for its repeats (P4).
    pub key: RequestKey,
    pub wish: Arc<Wish>,
    pub joined_ms: u64,
    pub kept: Kept,
}

#[derive(Clone, Debug, Default)]
pub struct Waitlist {
    pub rules: WaitlistRules,
    /// Places may be free that fit somebody who waits.
    pub pending: bool,
    /// By entry number. They stay when they are over: at most `ENTRIES_MAX`.
    pub entries: Vec<Waiter>,

    // Derived; rebuilt after a load.
    by_user: BTreeSet<(UserId, u32)>,
    /// Those who wait, by what they want. No line is empty; at most `WISHES_MAX`.
    lines: BTreeMap<Arc<Wish>, BTreeSet<u32>>,
    /// The first of each line.
    heads: BTreeMap<u32, Arc<Wish>>,
    /// Entries that don't wait any more: positions are counted by them.
    gone: Holes,
    waiting: u32,
    /// Entries by the number of the booking that they were offered.
    offers: BTreeMap<u32, u32>,
    /// Bookings that are offers and neither paid nor over.
    open: BTreeSet<u32>,
    /// Where the event stands in `State::offers_due`.
    due_at: Option<u64>,
}

/// Every entry is numbered by a u32, so the count fits.
fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

impl Waitlist {
    pub fn empty(rules: WaitlistRules, pending: bool) -> Self {
        Self { rules, pending, ..Self::default() }
    }

    pub fn total(&self) -> u32 {
        count(self.entries.len())
    }

    pub const fn waits(&self) -> bool {
        self.waiting > 0
    }

    /// Whether it must be looked after when a time comes.
    pub const fn has_a_time(&self) -> bool {
        self.due_at.is_some()
    }

    fn entry(&self, entry: u32) -> Option<&Waiter> {
        self.entries.get(entry as usize)
    }

    /// A user's entries, the latest first.
    fn entries_of(&self, user: UserId) -> impl Iterator<Item = (u32, &Waiter)> {
        let own = self.by_user.range((user, 0)..=(user, u32::MAX)).rev();
        own.filter_map(|&(_, entry)| Some((entry, self.entry(entry)?)))
    }

    /// How many wait before an entry.
    fn ahead(&self, entry: u32) -> u32 {
        entry - self.gone.before(entry)
    }

    /// The entry whose offer a booking is.
    pub fn offer(&self, seq: u32) -> Option<u32> {
        self.offers.get(&seq).copied()
    }

    /// The booking is paid, or over.
    pub fn offer_closed(&mut self, seq: u32) {
        self.open.remove(&seq);
    }

    /// Adds an entry that waits.
    fn enter(&mut self, user: UserId, key: RequestKey, wish: Wish, now_ms: u64) -> u32 {
        let entry = self.total();
        let known = self.lines.get_key_value(&wish).map(|(wish, _)| Arc::clone(wish));
        let wish = known.unwrap_or_else(|| Arc::new(wish));
        let waiter = Waiter { user, key, wish, joined_ms: now_ms, kept: Kept::Waiting };
        self.entries.push(waiter);
        self.by_user.insert((user, entry));
        self.wait(entry);
        entry
    }

    /// Takes an entry into its line. Entries come in their order, so it is the last.
    fn wait(&mut self, entry: u32) {
        let Some(wish) = self.entry(entry).map(|waiter| Arc::clone(&waiter.wish)) else { return };
        let line = self.lines.entry(Arc::clone(&wish)).or_default();
        if line.is_empty() {
            self.heads.insert(entry, wish);
        }
        line.insert(entry);
        self.waiting += 1;
    }

    /// An entry waits no more.
    fn end(&mut self, entry: u32, kept: Kept) {
        let Some(waiter) = self.entries.get_mut(entry as usize) else { return };
        waiter.kept = kept;
        let wish = Arc::clone(&waiter.wish);
        if let Kept::Offered(seq) = kept {
            self.offers.insert(seq, entry);
            self.open.insert(seq);
        }
        self.gone.insert(entry);
        self.waiting -= 1;
        let Some(line) = self.lines.get_mut(&wish) else { return };
        line.remove(&entry);
        let next = line.first().copied();
        if next.is_none() {
            self.lines.remove(&wish);
        }
        if self.heads.remove(&entry).is_some() {
            self.heads.extend(next.map(|next| (next, wish)));
        }
    }

    /// Rebuilds what is derived, after the records were loaded; `is_open` says of a booking's number
    /// whether it is still an open offer.
    fn rebuild(&mut self, is_open: impl Fn(u32) -> bool) {
        self.by_user = (0..).zip(&self.entries).map(|(entry, it)| (it.user, entry)).collect();
        self.lines.clear();
        self.heads.clear();
        self.offers.clear();
        self.open.clear();
        self.gone = Holes::default();
        self.waiting = 0;
        for entry in 0..self.total() {
            match self.entry(entry).map(|waiter| waiter.kept) {
                Some(Kept::Waiting) => {
                    self.wait(entry);
                    continue;
                }
                Some(Kept::Offered(seq)) => {
                    self.offers.insert(seq, entry);
                    if is_open(seq) {
                        self.open.insert(seq);
                    }
                }
                Some(Kept::Left | Kept::PassedOver) | None => {}
            }
            self.gone.insert(entry);
        }
        self.share_wishes();
    }

    /// Equal wishes of those who wait are kept once.
    fn share_wishes(&mut self) {
        for waiter in &mut self.entries {
            if let Some((wish, _)) = self.lines.get_key_value(&waiter.wish) {
                waiter.wish = Arc::clone(wish);
            }
        }
    }
}
