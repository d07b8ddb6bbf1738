//! What changes thousands of times a second, beside the index: how many places each event has left.
//!
//! The documents say what an event is; the counts are joined when a search is answered, so that a hold
//! changes a number and not a document.

use std::collections::HashMap;

use rowlock_client::types::{EventId, SeatCounts};

use super::words::squeezed;

/// Events that count as hot: those whose seats changed last.
const HOT_MAX: usize = 100;
/// A share that is everything.
const WHOLE: u64 = 10_000;

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

/// An event whose seats are followed.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    id: EventId,
    pub(super) counts: SeatCounts,
    /// Revision of the shard that the counts are of.
    revision: u64,
    /// Grows with each change of any event's seats.
    touched: u64,
    /// Numbers of its city and category; `None`: not to be found.
    listed: Option<(u32, u32)>,
}

impl Entry {
    /// How much of an event is taken, in hundredths of a percent: what goes fast is what people want.
    pub(super) fn popularity(&self) -> u64 {
        let taken = u64::from(self.counts.held) + u64::from(self.counts.sold);
        (taken * WHOLE).checked_div(u64::from(self.counts.total)).unwrap_or(0).min(WHOLE)
    }
}

#[derive(Debug, Default)]
pub(super) struct Live {
    entries: Vec<Entry>,
    numbers: HashMap<EventId, u32>,
    touches: u64,
    pub(super) cities: Names,
    pub(super) categories: Names,
}

impl Live {
    pub(super) fn number(&self, event: EventId) -> Option<u32> {
        self.numbers.get(&event).copied()
    }

    pub(super) fn get(&self, number: u32) -> Option<&Entry> {
        self.entries.get(usize::try_from(number).ok()?)
    }

    /// Takes the event as it was at `revision`; `false` if something newer is known.
    pub(super) fn put(
        &mut self,
        event: EventId,
        revision: u64,
        counts: SeatCounts,
        listed: Option<(&str, &str)>,
    ) -> bool {
        let listed = listed
            .map(|(city, category)| (self.cities.number(city), self.categories.number(category)));
        let number = match self.numbers.get(&event) {
            Some(&number) => number,
            None => self.add(event),
        };
        let Some(entry) = self.entries.get_mut(index(number)) else { return false };
        if entry.revision > revision {
            return false;
        }
        let before = std::mem::replace(&mut entry.listed, listed);
        (entry.revision, entry.counts) = (revision, counts);
        self.list(before, listed);
        true
    }

    /// Counts the event as it was at `revision`; `false` if it is not known.
    pub(super) fn recount(&mut self, event: EventId, revision: u64, counts: SeatCounts) -> bool {
        let Some(number) = self.number(event) else { return false };
        let Some(entry) = self.entries.get_mut(index(number)) else { return false };
        if revision >= entry.revision {
            (entry.revision, entry.counts) = (revision, counts);
        }
        true
    }

    /// Takes an event of a document that was kept on disk.
    pub(super) fn restore(
        &mut self,
        event: EventId,
        revision: u64,
        counts: SeatCounts,
        listed: (u32, u32),
    ) -> u32 {
        let number = self.add(event);
        if let Some(entry) = self.entries.get_mut(index(number)) {
            (entry.revision, entry.counts, entry.listed) = (revision, counts, Some(listed));
        }
        self.list(None, Some(listed));
        number
    }

    fn add(&mut self, id: EventId) -> u32 {
        let number = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        let counts = SeatCounts::default();
        self.entries.push(Entry { id, counts, revision: 0, touched: 0, listed: None });
        self.numbers.insert(id, number);
        number
    }

    fn list(&mut self, before: Option<(u32, u32)>, after: Option<(u32, u32)>) {
        if let Some((city, category)) = after {
            self.cities.count(city, 1);
            self.categories.count(category, 1);
        }
        if let Some((city, category)) = before {
            self.cities.count(city, -1);
            self.categories.count(category, -1);
        }
    }

    /// Counts places that changed hands at `revision`; `false` if the event is not known.
    pub(super) fn adjust(
        &mut self,
        event: EventId,
        revision: u64,
        change: impl FnOnce(&mut SeatCounts),
    ) -> bool {
        self.touches += 1;
        let touched = self.touches;
        let Some(number) = self.number(event) else { return false };
        let Some(entry) = self.entries.get_mut(index(number)) else { return false };
        entry.touched = touched;
        if revision > entry.revision {
            entry.revision = revision;
            change(&mut entry.counts);
        }
        true
    }

    /// Events of which some seats are held.
    pub(super) fn held(&self) -> Vec<EventId> {
        self.entries.iter().filter(|entry| entry.counts.held > 0).map(|entry| entry.id).collect()
    }

    /// The events whose seats changed last, and how many are left.
    pub(super) fn hot(&self) -> Vec<(EventId, u32)> {
        let touched = self.entries.iter().filter(|entry| entry.touched > 0);
        let mut hot: Vec<_> = touched.collect();
        hot.sort_unstable_by_key(|entry| u64::MAX - entry.touched);
        hot.truncate(HOT_MAX);
        hot.into_iter().map(|entry| (entry.id, entry.counts.available)).collect()
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Names that are compared without accents, case and hyphens, by number. Bounded by what organisers
/// write; a number is never given twice.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_key: HashMap<String, u32>,
    /// As it was written first, and how many events have it.
    all: Vec<(String, u32)>,
}

impl Names {
    pub(super) fn number(&mut self, name: &str) -> u32 {
        let key = squeezed(name);
        if let Some(&number) = self.by_key.get(&key) {
            return number;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push((name.to_owned(), 0));
        self.by_key.insert(key, number);
        number
    }

    /// The number of a name that is squeezed already.
    pub(super) fn known(&self, key: &str) -> Option<u32> {
        self.by_key.get(key).copied()
    }

    pub(super) fn name(&self, number: u32) -> &str {
        self.all.get(index(number)).map_or("", |(name, _)| name)
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    fn count(&mut self, number: u32, change: i32) {
        if let Some((_, events)) = self.all.get_mut(index(number)) {
            *events = events.saturating_add_signed(change);
        }
    }

    /// Names that some event has.
    pub(super) fn in_use(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter(|(_, events)| *events > 0).map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: SeatCounts = SeatCounts { total: 10, available: 5, held: 2, sold: 3, blocked: 0 };

    #[test]
    fn older_news_changes_nothing() {
        let (mut live, event) = (Live::default(), EventId(7));
        assert!(live.put(event, 5, HALF, Some(("New York", "music"))));
        assert!(!live.put(event, 4, SeatCounts::default(), None));
        // Redelivered: known, and not counted again.
        assert!(live.adjust(event, 5, |counts| counts.available = 0));
        let entry = live.get(live.number(event).unwrap()).unwrap();
        assert_eq!((entry.counts, entry.popularity()), (HALF, 5_000));
        assert!(live.adjust(event, 6, |counts| counts.available = 0));
        assert_eq!(live.hot(), [(event, 0)]);
        assert!(!live.adjust(EventId(8), 9, |_| {}));
    }

    #[test]
    fn names_are_in_use_as_long_as_some_event_has_them() {
        let (mut live, event) = (Live::default(), EventId(7));
        live.put(event, 1, HALF, Some(("São Paulo", "music")));
        live.put(event, 2, HALF, Some(("sao-paulo", "Sports")));
        assert_eq!(live.cities.in_use().collect::<Vec<_>>(), ["São Paulo"]);
        assert_eq!(live.categories.in_use().collect::<Vec<_>>(), ["Sports"]);
        live.put(event, 3, HALF, None);
        assert_eq!(live.cities.in_use().count(), 0);
    }

    #[test]
    fn availability_has_four_words() {
        let word = |available| {
            Availability::of(&SeatCounts { total: 100, available, ..SeatCounts::default() })
        };
        assert_eq!(word(0), Availability::SoldOut);
        assert_eq!(word(9), Availability::Low);
        assert_eq!(word(10), Availability::Medium);
        assert_eq!(word(50), Availability::High);
    }
}
