//! The waiting room of an event: who may shop, and in which order.
//!
//! ```text
//! opened ──> entries for the draw ──> drawing ──────────────> admitting ──> closed
//!            from draw_opens_ms       from opens_ms, until    from then on
//!            to opens_ms              the seed is known
//! ```
//!
//! P8. Who enters before `opens_ms` has an entry in the draw, who enters later comes behind it, first
//! in, first out. Entries are numbered from 0 in the order of the log. The commitment to the secret is
//! in the feed before the first entry; the public value is fixed after the last one; `draw` says how
//! the two make an order. If the secret is not revealed in time, the seed is made of the commitment and
//! the public value: then who holds the secret had a choice of two orders, which the feed shows.
//!
//! What could go wrong, and what answers it:
//! - A user enters twice, or a message arrives twice: one place a user, the same answer.
//! - A user leaves and comes back: before the draw to the same entry, after it to the end of the line.
//! - The leader dies, or its clock goes back: admission goes by the replicated clock, and the rate by
//!   what was admitted, which is in the state.
//! - A million users: an entry is sixteen bytes and a bit; a place, and how many are ahead, is computed
//!   when asked for.
//!
//! Invariants (`audit`):
//! - Places are 0 to the number of entries; entries and places belong to one another one to one.
//! - Places before `head` were admitted, or left. Positions of those who wait are dense: 1, 2, 3, ...
//! - `passes` are of places before `head`; a user has at most one entry that waits or shops.

mod apply;
mod audit;
mod change;
mod command;
mod draw;
pub(in crate::inventory) mod holes;
mod stored;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use rowlock_proto::ids::UserId;

pub(in crate::inventory) use self::apply::queue_keys;
pub(in crate::inventory) use self::audit::audit_queue;
pub use self::change::{PassEnd, QueueChange};
pub use self::command::{
    ADMIT_MAX, Admission, BURST_MS, ENTRIES_MAX, ENTRIES_PER_USER_MAX, PLACE_MAX, QueueCommand,
    QueueRules,
};
use self::draw::Draw;
use self::holes::Holes;
pub use self::view::{PlaceView, QueueReply, QueueView, Standing};
use crate::inventory::planted::{Mistake, planted};

/// Entries of one record.
pub const ENTRIES_PER_BLOCK: u32 = 256;
/// Entries whose having left is one record.
pub const LEFT_PER_BLOCK: u32 = 8_192;
/// Places whose passes are one record.
pub const PASSES_PER_BLOCK: u32 = 256;

/// Where a queue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Those who enter are in the draw.
    Entering,
    /// The draw is not made yet.
    Drawing,
    Admitting,
    Closed,
}

/// What became known of a draw.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Drawn {
    /// Entries that were in it.
    pub entries: u32,
    /// Empty: not fixed yet.
    pub public_value: Vec<u8>,
    pub secret: Option<[u8; 32]>,
    pub seed: Option<[u8; 32]>,
}

/// A user who may shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    pub entry: u32,
    /// What the user was told; it ends twice the clock bound later.
    pub until_ms: u64,
}

/// What is written apart from entries and passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Entries of the draw that left before it and whose places are known.
    pub placed: u32,
    /// The first place that was not admitted yet.
    pub head: u32,
    /// Admissions that are due, in sixty thousandths: minutes of a rate in milliseconds.
    pub credit: u64,
    pub credited_ms: u64,
    /// Users that were ever admitted.
    pub admitted: u64,
}

/// A user's last entry, and how many there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latest {
    pub entry: u32,
    pub entries: u8,
}

#[derive(Clone, Debug)]
pub struct Queue {
    pub rules: QueueRules,
    pub phase: Phase,
    pub drawn: Drawn,
    pub counters: Counters,
    /// By entry number.
    pub entries: Vec<UserId>,
    /// Bits by entry number: gave up while waiting.
    pub left: Vec<u64>,
    /// By place.
    pub passes: BTreeMap<u32, Pass>,

    // Derived; rebuilt after a load.
    by_user: BTreeMap<UserId, Latest>,
    /// Places of those who left, as far as places are known.
    holes: Holes,
    /// Ends of passes, with their places.
    ends: BTreeSet<(u64, u32)>,
    /// How many wait.
    waiting: u32,
    draw: Option<Draw>,
}

/// Every entry is numbered by a u32, so the count fits.
fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

impl Queue {
    pub fn new(rules: QueueRules) -> Self {
        Self {
            rules,
            phase: Phase::Entering,
            drawn: Drawn::default(),
            counters: Counters { placed: 0, head: 0, credit: 0, credited_ms: 0, admitted: 0 },
            entries: Vec::new(),
            left: Vec::new(),
            passes: BTreeMap::new(),
            by_user: BTreeMap::new(),
            holes: Holes::default(),
            ends: BTreeSet::new(),
            waiting: 0,
            draw: None,
        }
    }

    pub fn total(&self) -> u32 {
        count(self.entries.len())
    }

    pub fn has_left(&self, entry: u32) -> bool {
        let word = self.left.get((entry / u64::BITS) as usize);
        word.is_some_and(|word| word >> (entry % u64::BITS) & 1 == 1)
    }

    fn set_left(&mut self, entry: u32, left: bool) {
        let word = (entry / u64::BITS) as usize;
        if word >= self.left.len() {
            self.left.resize(word + 1, 0);
        }
        if let Some(word) = self.left.get_mut(word) {
            let bit = 1 << (entry % u64::BITS);
            *word = if left { *word | bit } else { *word & !bit };
        }
    }

    /// The place of an entry, once it is known.
    pub fn place(&self, entry: u32) -> Option<u32> {
        if planted(Mistake::DrawSkipped) {
            return (self.phase == Phase::Admitting).then_some(entry);
        }
        match (self.phase, &self.draw) {
            (Phase::Entering | Phase::Closed, _) => None,
            _ if entry >= self.drawn.entries => Some(entry),
            (_, Some(draw)) => Some(draw.place(entry)),
            (_, None) => None,
        }
    }

    fn entry_at(&self, place: u32) -> u32 {
        if planted(Mistake::DrawSkipped) {
            return place;
        }
        match &self.draw {
            Some(draw) if place < self.drawn.entries => draw.entry(place),
            Some(_) | None => place,
        }
    }

    /// How many wait before `place`: a subtraction, however long the line is.
    fn ahead(&self, place: u32) -> u32 {
        let head = self.counters.head;
        let holes = self.holes.before(place) - self.holes.before(head);
        (place - head) - holes
    }

    /// The seed is known: places are, from now on.
    fn set_seed(&mut self, seed: [u8; 32]) {
        self.drawn.seed = Some(seed);
        self.draw = Some(Draw::new(seed, self.drawn.entries));
    }

    /// Entries close; without any there is nothing to draw.
    fn close_entries(&mut self, now_ms: u64) {
        self.drawn.entries = self.total();
        self.phase = Phase::Drawing;
        if self.drawn.entries == 0 {
            self.begin(now_ms);
        }
    }

    fn begin(&mut self, now_ms: u64) {
        self.phase = Phase::Admitting;
        self.counters.credited_ms = now_ms;
    }

    /// Looks up the places of those who left before the draw, so many at most; when all are known,
    /// admission begins.
    fn place_holes(&mut self, max: u32, now_ms: u64) {
        let mut budget = max;
        while self.counters.placed < self.drawn.entries && budget > 0 {
            let entry = self.counters.placed;
            self.counters.placed += 1;
            if self.has_left(entry) {
                budget -= 1;
                if let Some(place) = self.place(entry) {
                    self.holes.insert(place);
                }
            }
        }
        if self.counters.placed == self.drawn.entries {
            self.begin(now_ms);
        }
    }

    /// Adds an entry of `user`, who has none that waits or shops.
    fn enter(&mut self, user: UserId) -> u32 {
        let entry = self.total();
        self.entries.push(user);
        let latest = self.by_user.entry(user).or_insert(Latest { entry, entries: 0 });
        *latest = Latest { entry, entries: latest.entries.saturating_add(1) };
        self.waiting += 1;
        entry
    }

    /// An entry that left before the draw is back in it.
    fn revive(&mut self, entry: u32) {
        self.set_left(entry, false);
        self.waiting += 1;
    }

    /// An entry that waits is given up.
    fn give_up(&mut self, entry: u32) {
        self.set_left(entry, true);
        self.waiting -= 1;
        // Those of the draw that are not looked up yet will be.
        let known = entry >= self.drawn.entries || entry < self.counters.placed;
        if let Some(place) = self.place(entry).filter(|_| known)
            && !planted(Mistake::HoleUncounted)
        {
            self.holes.insert(place);
        }
    }

    pub fn pass_of(&self, entry: u32) -> Option<(u32, Pass)> {
        if self.phase != Phase::Admitting {
            return None;
        }
        let place = self.place(entry)?;
        Some((place, *self.passes.get(&place)?))
    }

    fn end_pass(&mut self, place: u32) -> Option<Pass> {
        let pass = self.passes.remove(&place)?;
        self.ends.remove(&(pass.until_ms, place));
        Some(pass)
    }

    /// Time makes admissions due, up to a few seconds' worth.
    fn credit(&mut self, now_ms: u64) {
        self.counters.credit = self.credit_at(now_ms);
        self.counters.credited_ms = now_ms;
    }

    fn credit_at(&self, now_ms: u64) -> u64 {
        let rate = u64::from(self.rules.admission.rate_per_minute);
        let passed_ms = if self.rules.admission.paused {
            0
        } else {
            now_ms.saturating_sub(self.counters.credited_ms).min(BURST_MS)
        };
        let most = (rate * BURST_MS).max(MINUTE_MS);
        (self.counters.credit + rate * passed_ms).min(most)
    }

    /// How many may be let in now, by the rate and by how many are shopping.
    fn room(&self, credit: u64) -> u32 {
        let admission = self.rules.admission;
        if admission.paused {
            return 0;
        }
        let by_rate = match admission.rate_per_minute {
            0 => u32::MAX,
            _ => u32::try_from(credit / MINUTE_MS).unwrap_or(u32::MAX),
        };
        let by_shopping = match admission.shopping_max {
            0 => u32::MAX,
            most => most.saturating_sub(count(self.passes.len())),
        };
        by_rate.min(by_shopping)
    }

    /// Lets in the next `max` who wait, at most.
    fn admit(&mut self, max: u32, until_ms: u64) -> Vec<(UserId, u32)> {
        let mut admitted = Vec::new();
        while count(admitted.len()) < max && self.waiting > 0 && self.counters.head < self.total() {
            let place = self.counters.head;
            self.counters.head += 1;
            if self.holes.contains(place) {
                continue;
            }
            let entry = self.entry_at(place);
            let Some(&user) = self.entries.get(entry as usize) else { continue };
            self.passes.insert(place, Pass { entry, until_ms });
            self.ends.insert((until_ms, place));
            self.waiting -= 1;
            admitted.push((user, entry));
        }
        if self.rules.admission.rate_per_minute > 0 {
            let spent = u64::from(count(admitted.len())) * MINUTE_MS;
            self.counters.credit = self.counters.credit.saturating_sub(spent);
        }
        self.counters.admitted += u64::from(count(admitted.len()));
        admitted
    }

    /// Rebuilds what is derived, after the records were loaded. False: they do not belong together.
    pub fn rebuild(&mut self) -> bool {
        self.by_user.clear();
        for (entry, &user) in (0..).zip(&self.entries) {
            let latest = self.by_user.entry(user).or_insert(Latest { entry, entries: 0 });
            *latest = Latest { entry, entries: latest.entries.saturating_add(1) };
        }
        self.draw = self.drawn.seed.map(|seed| Draw::new(seed, self.drawn.entries));
        self.ends = self.passes.iter().map(|(&place, pass)| (pass.until_ms, place)).collect();
        self.holes = Holes::default();
        let left = (0..self.total()).filter(|&entry| self.has_left(entry)).collect::<Vec<u32>>();
        let gone = count(left.len());
        for entry in left {
            let known = entry >= self.drawn.entries || entry < self.counters.placed;
            if let Some(place) = self.place(entry).filter(|_| known) {
                self.holes.insert(place);
            }
        }
        let head = self.counters.head;
        // Of those that left, the ones before the head are not counted twice.
        let behind = (gone - self.holes.before(head)).checked_add(head);
        let waiting = behind.and_then(|behind| self.total().checked_sub(behind));
        self.waiting = waiting.unwrap_or(0);
        waiting.is_some()
    }
}

/// The unit of a rate.
const MINUTE_MS: u64 = 60_000;
