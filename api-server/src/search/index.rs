//! The documents, by id, by day and by word.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rowlock_client::types::{Event, EventId, EventState, SeatCounts};

use super::wanted::{Found, Wanted};
use super::words::{squeezed, words};

/// Events that count as hot: those whose seats changed last.
const HOT_MAX: usize = 100;

/// How much of an event is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    High,
    Medium,
    Low,
    SoldOut,
}

impl Availability {
    /// Under a tenth is low, under a half medium.
    pub(crate) fn of(counts: &SeatCounts) -> Self {
        let (available, total) = (u64::from(counts.available), u64::from(counts.total));
        if available == 0 {
            Self::SoldOut
        } else if available * 10 < total {
            Self::Low
        } else if available * 2 < total {
            Self::Medium
        } else {
            Self::High
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::High => "HIGH",
            Self::Medium => "MEDIUM",
            Self::Low => "LOW",
            Self::SoldOut => "SOLD_OUT",
        }
    }
}

/// An event as the index has it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) event: Arc<Event>,
    pub(crate) counts: SeatCounts,
    /// Revision of the shard that the counts are of.
    pub(crate) revision: u64,
    pub(super) city: String,
    pub(super) category: String,
    words: Vec<String>,
    /// Grows with each change of any event's seats.
    touched: u64,
}

#[derive(Debug, Default)]
struct Inner {
    entries: HashMap<EventId, Entry>,
    by_date: BTreeSet<(u64, EventId)>,
    by_word: BTreeMap<String, BTreeSet<EventId>>,
    touches: u64,
    ready_shards: BTreeSet<u32>,
    /// Shards to read before the index is whole; 0: not known yet.
    shards: u32,
}

#[derive(Debug, Default)]
pub struct Index(RwLock<Inner>);

impl Index {
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the event as it was at `revision` of its shard, unless something newer is known.
    pub fn put(&self, event: Event, revision: u64) {
        self.write().put(event, revision);
    }

    /// Counts seats of an event that changed hands at `revision`. `false` if the event is not known
    /// here and has to be read.
    pub(super) fn adjust(
        &self,
        event: EventId,
        revision: u64,
        change: impl FnOnce(&mut SeatCounts),
    ) -> bool {
        let mut inner = self.write();
        inner.touches += 1;
        let touched = inner.touches;
        match inner.entries.get_mut(&event) {
            Some(entry) => {
                entry.touched = touched;
                if revision > entry.revision {
                    entry.revision = revision;
                    change(&mut entry.counts);
                }
                true
            }
            None => false,
        }
    }

    pub(super) fn expect_shards(&self, shards: u32) {
        self.write().shards = shards;
    }
    pub(super) fn shard_is_read(&self, shard: u32) {
        self.write().ready_shards.insert(shard);
    }
    /// Whether every shard was read once.
    pub(crate) fn is_whole(&self) -> bool {
        let inner = self.read();
        inner.shards != 0 && inner.ready_shards.len() >= inner.shards as usize
    }

    /// The event as it was last seen: good for what never changes, and for lists.
    pub(crate) fn get(&self, event: EventId) -> Option<Arc<Event>> {
        self.read().entries.get(&event).map(|entry| Arc::clone(&entry.event))
    }

    /// The events whose seats changed last, and how many are left.
    pub(crate) fn hot(&self) -> Vec<(EventId, u32)> {
        let inner = self.read();
        let mut hot: Vec<_> = inner
            .entries
            .values()
            .filter(|entry| entry.touched > 0)
            .map(|entry| (entry.touched, entry.event.id, entry.counts.available))
            .collect();
        hot.sort_unstable_by(|a, b| b.cmp(a));
        hot.truncate(HOT_MAX);
        hot.into_iter().map(|(_, event, available)| (event, available)).collect()
    }

    pub(crate) fn search(&self, wanted: &Wanted) -> Found {
        self.read().search(wanted)
    }

    /// Names that are in use, for the choices that pages offer: cities, then categories.
    pub(crate) fn choices(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let inner = self.read();
        let public = inner.entries.values().filter(|entry| is_public(&entry.event));
        let (mut cities, mut categories) = (BTreeSet::new(), BTreeSet::new());
        for entry in public {
            cities.insert(entry.event.spec.city.clone());
            categories.insert(entry.event.spec.category.clone());
        }
        (cities, categories)
    }
}

fn is_public(event: &Event) -> bool {
    match event.state {
        EventState::Published | EventState::Paused | EventState::Ended => true,
        EventState::Draft | EventState::Cancelled => false,
    }
}

impl Inner {
    fn put(&mut self, event: Event, revision: u64) {
        let id = event.id;
        let touched = match self.entries.get(&id) {
            Some(known) if known.revision > revision => return,
            Some(known) => known.touched,
            None => 0,
        };
        self.remove(id);
        let spec = &event.spec;
        let texts = [
            &spec.name,
            &spec.description,
            &spec.venue_name,
            &spec.city,
            &spec.country,
            &spec.category,
        ];
        let mut all: Vec<String> = texts.iter().flat_map(|text| words(text)).collect();
        all.sort_unstable();
        all.dedup();
        for word in &all {
            self.by_word.entry(word.clone()).or_default().insert(id);
        }
        self.by_date.insert((spec.date_ms, id));
        let entry = Entry {
            city: squeezed(&spec.city),
            category: squeezed(&spec.category),
            counts: event.counts,
            event: Arc::new(event),
            revision,
            words: all,
            touched,
        };
        self.entries.insert(id, entry);
    }

    fn remove(&mut self, id: EventId) {
        let Some(entry) = self.entries.remove(&id) else { return };
        self.by_date.remove(&(entry.event.spec.date_ms, id));
        for word in &entry.words {
            if let Some(events) = self.by_word.get_mut(word) {
                events.remove(&id);
                if events.is_empty() {
                    self.by_word.remove(word);
                }
            }
        }
    }

    fn search(&self, wanted: &Wanted) -> Found {
        let range = (wanted.date_from_ms, EventId(0))..=(wanted.date_to_ms, EventId(u128::MAX));
        let matches = |id: &EventId| {
            let entry = self.entries.get(id)?;
            (is_public(&entry.event) && wanted.takes(entry)).then_some(entry)
        };
        let found: Vec<&Entry> = match self.with_words(&words(&wanted.text)) {
            None => self.by_date.range(range).filter_map(|(_, id)| matches(id)).collect(),
            Some(ids) => {
                let mut dated: Vec<_> = ids
                    .iter()
                    .filter_map(matches)
                    .filter(|entry| range.contains(&(entry.event.spec.date_ms, entry.event.id)))
                    .collect();
                dated.sort_unstable_by_key(|entry| (entry.event.spec.date_ms, entry.event.id));
                dated
            }
        };
        let total = found.len();
        let skip = wanted.page.saturating_sub(1).saturating_mul(wanted.limit);
        let page = found.into_iter().skip(skip).take(wanted.limit).cloned().collect();
        Found { entries: page, total }
    }

    /// Events in which each of `words` begins some word; `None` if there are no words.
    fn with_words(&self, words: &[String]) -> Option<BTreeSet<EventId>> {
        let mut all: Option<BTreeSet<EventId>> = None;
        for word in words {
            let begins = self
                .by_word
                .range(word.clone()..)
                .take_while(|(known, _)| known.starts_with(word.as_str()));
            let mut these: BTreeSet<EventId> = begins.flat_map(|(_, ids)| ids).copied().collect();
            if let Some(before) = &all {
                these.retain(|id| before.contains(id));
            }
            if these.is_empty() {
                return Some(these);
            }
            all = Some(these);
        }
        all
    }
}
