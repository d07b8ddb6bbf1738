//! One search: goes through the segments, sifts, counts, and keeps the best.

use std::collections::BinaryHeap;
use std::ops::Range;

use tantivy::{DocId, SegmentReader};

use super::columns::Columns;
use super::geo::Near;
use super::live::{Live, Names};
use super::matcher::{self, Word};
use super::order::{Key, Sort};
use super::schema::Fields;
use super::view::{Part, View};
use super::wanted::Wanted;

/// Names that a facet counts.
const FACET_MAX: usize = 50;

/// How many of the events that were found have each name, the most first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Facets {
    pub(crate) cities: Vec<(String, usize)>,
    pub(crate) categories: Vec<(String, usize)>,
}

/// Everything about a document but its words and its date.
#[derive(Debug)]
pub(super) struct Sieve {
    city: Option<u32>,
    category: Option<u32>,
    price_min: u64,
    price_max: u64,
    near: Option<Near>,
    /// Only what has a distance.
    placed: bool,
}

impl Sieve {
    /// `None` if nothing can pass: there is no such name.
    pub(super) fn of(wanted: &Wanted, live: &Live) -> Option<Self> {
        let number = |key: &str, names: &Names| match key {
            "" => Some(None),
            key => names.known(key).map(Some),
        };
        let near = wanted.near;
        Some(Self {
            city: number(&wanted.city, &live.cities)?,
            category: number(&wanted.category, &live.categories)?,
            price_min: wanted.price_min,
            price_max: wanted.price_max,
            near,
            placed: wanted.sort == Sort::Distance
                || near.is_some_and(|near| near.radius_m.is_some()),
        })
    }

    fn lets_all_through(&self) -> bool {
        self.city.is_none()
            && self.category.is_none()
            && self.price_min == 0
            && self.price_max == u64::MAX
            && !self.placed
    }

    /// Looks at as few columns as it can: documents that have a word lie far apart.
    fn takes(&self, columns: &Columns, index: usize) -> bool {
        self.city.is_none_or(|city| columns.cities.get(index) == Some(&city))
            && self.category.is_none_or(|category| columns.categories.get(index) == Some(&category))
            && (self.price_max == u64::MAX
                || columns.cheapest.get(index).is_some_and(|price| *price <= self.price_max))
            && (self.price_min == 0
                || columns.dearest.get(index).is_some_and(|price| *price >= self.price_min))
            && (!self.placed || self.is_near(columns, index))
    }

    /// The same of a document whose columns are at hand, but for its place.
    fn takes_these(&self, city: u32, category: u32, cheapest: u64, dearest: u64) -> bool {
        self.city.is_none_or(|wanted| wanted == city)
            && self.category.is_none_or(|wanted| wanted == category)
            && cheapest <= self.price_max
            && dearest >= self.price_min
    }

    fn is_near(&self, columns: &Columns, index: usize) -> bool {
        let place = columns.positions.get(index).copied().flatten();
        if place.zip(self.near).is_none_or(|(place, near)| near.is_out_of_reach(place)) {
            return false;
        }
        let metres = self.distance(columns, index);
        let radius = self.near.and_then(|near| near.radius_m).unwrap_or(u64::MAX);
        metres.is_some_and(|metres| metres <= radius)
    }

    pub(super) fn distance(&self, columns: &Columns, index: usize) -> Option<u64> {
        let place = columns.positions.get(index).copied().flatten()?;
        self.near.map(|near| near.metres_to(place))
    }
}

/// A document that may be on the page, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    pub(super) key: Key,
    pub(super) part: u32,
    pub(super) doc: DocId,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Catch {
    /// Of the page, in order.
    pub(super) page: Vec<Candidate>,
    /// Whether something comes after it.
    pub(super) more: bool,
    pub(super) total: usize,
    /// By the numbers of names.
    cities: Vec<usize>,
    categories: Vec<usize>,
}

impl Catch {
    pub(super) fn facets(&self, live: &Live) -> Facets {
        Facets {
            cities: facet(&self.cities, &live.cities),
            categories: facet(&self.categories, &live.categories),
        }
    }
}

fn facet(counts: &[usize], names: &Names) -> Vec<(String, usize)> {
    let some = (0..).zip(counts).filter(|(_, count)| **count > 0);
    let mut facet: Vec<_> =
        some.map(|(number, &count)| (names.name(number).to_owned(), count)).collect();
    facet.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    facet.truncate(FACET_MAX);
    facet
}

/// The state of a search.
struct Search<'a> {
    wanted: &'a Wanted,
    sieve: &'a Sieve,
    /// Nothing but words and dates is asked for.
    takes_all: bool,
    /// Only for what is sorted by it, since holds wait for it.
    live: Option<&'a Live>,
    /// Candidates to keep: what comes before the page, and the page.
    keep: usize,
    after: Option<Key>,
    best: BinaryHeap<Candidate>,
    /// What comes after the cursor.
    behind: usize,
    catch: Catch,
}

/// Events that have all of `words` (none: all events) and pass.
pub(super) fn find(
    view: &View,
    fields: &Fields,
    wanted: &Wanted,
    sieve: &Sieve,
    words: &[Word],
    live: Option<&Live>,
    names: (usize, usize),
) -> tantivy::Result<Catch> {
    let keep = wanted.skip() + wanted.limit;
    let after = wanted.cursor.map(|cursor| cursor.after);
    let mut catch = Catch::default();
    if wanted.facets {
        (catch.cities, catch.categories) = (vec![0; names.0], vec![0; names.1]);
    }
    let best = BinaryHeap::new();
    let takes_all = sieve.lets_all_through();
    let mut search = Search { wanted, sieve, takes_all, live, keep, after, best, behind: 0, catch };
    for (number, segment, part) in view.parts() {
        let range = part.columns.between(wanted.date_from_ms, wanted.date_to_ms);
        if range.is_empty() {
            continue;
        }
        if !words.is_empty() {
            let bound = |index: usize| DocId::try_from(index).unwrap_or(DocId::MAX);
            let range = bound(range.start)..bound(range.end);
            for (doc, score) in matcher::matches(segment, fields, words, range)? {
                search.see(number, segment, part, doc, score);
            }
        } else if search.is_by_date_alone() {
            search.by_date(number, segment, part, range);
        } else {
            search.scan(number, segment, part, range);
        }
    }
    let mut catch = search.catch;
    catch.page = search.best.into_sorted_vec();
    catch.page.drain(..wanted.skip().min(catch.page.len()));
    catch.more = search.behind > keep;
    Ok(catch)
}

impl Search<'_> {
    fn is_by_date_alone(&self) -> bool {
        let sorted = matches!(self.wanted.sort, Sort::Date | Sort::Relevance);
        sorted && self.takes_all && !self.wanted.facets
    }

    /// All of a range: how many is known, and the first are first.
    fn by_date(&mut self, number: u32, segment: &SegmentReader, part: &Part, range: Range<usize>) {
        self.catch.total += range.len() - part.deleted_in(&range);
        let start = match self.after {
            Some(after) => part.columns.between(after.date_ms, u64::MAX).start.max(range.start),
            None => range.start,
        };
        let rest = start..range.end.max(start);
        let mut seen = 0;
        for index in rest.clone() {
            let worst = self.best.peek().filter(|_| self.best.len() >= self.keep);
            if let (Some(worst), Some(&date)) = (worst, part.columns.dates.get(index))
                && date > worst.key.date_ms
            {
                break;
            }
            seen += 1;
            let Ok(doc) = DocId::try_from(index) else { break };
            if !segment.is_deleted(doc) {
                self.weigh(number, &part.columns, index, doc, 0);
            }
        }
        let unseen = start + seen..rest.end;
        self.behind += unseen.len() - part.deleted_in(&unseen);
    }

    /// Every document of the range: column by column, in a row.
    fn scan(&mut self, number: u32, segment: &SegmentReader, part: &Part, range: Range<usize>) {
        let columns = &*part.columns;
        let Some(cities) = columns.cities.get(range.clone()) else { return };
        let Some(categories) = columns.categories.get(range.clone()) else { return };
        let Some(cheapest) = columns.cheapest.get(range.clone()) else { return };
        let Some(dearest) = columns.dearest.get(range.clone()) else { return };
        let names = cities.iter().zip(categories);
        let prices = cheapest.iter().zip(dearest);
        for (index, ((city, category), (cheapest, dearest))) in range.zip(names.zip(prices)) {
            if self.sieve.takes_these(*city, *category, *cheapest, *dearest)
                && (!self.sieve.placed || self.sieve.is_near(columns, index))
                && let Ok(doc) = DocId::try_from(index)
            {
                self.count(number, segment, part, doc, 0);
            }
        }
    }

    fn see(&mut self, number: u32, segment: &SegmentReader, part: &Part, doc: DocId, score: u16) {
        let passes = self.takes_all
            || usize::try_from(doc).is_ok_and(|index| self.sieve.takes(&part.columns, index));
        if passes {
            self.count(number, segment, part, doc, score);
        }
    }

    /// Counts a document that passes, unless it is deleted.
    fn count(&mut self, number: u32, segment: &SegmentReader, part: &Part, doc: DocId, score: u16) {
        let Ok(index) = usize::try_from(doc) else { return };
        if part.has_deleted() && segment.is_deleted(doc) {
            return;
        }
        let columns = &*part.columns;
        self.catch.total += 1;
        if self.wanted.facets {
            count(&mut self.catch.cities, columns.cities.get(index));
            count(&mut self.catch.categories, columns.categories.get(index));
        }
        self.weigh(number, columns, index, doc, score);
    }

    /// Takes the document if it is among the best.
    fn weigh(&mut self, part: u32, columns: &Columns, index: usize, doc: DocId, score: u16) {
        let at = |column: &[u64]| column.get(index).copied().unwrap_or(u64::MAX);
        let first = match self.wanted.sort {
            Sort::Relevance => u64::from(u16::MAX - score),
            Sort::Date => at(&columns.dates),
            Sort::Price => at(&columns.cheapest),
            Sort::Popularity => u64::MAX - self.popularity(columns, index),
            Sort::Distance => self.sieve.distance(columns, index).unwrap_or(u64::MAX),
        };
        let is_full = self.best.len() >= self.keep;
        let worst = self.best.peek().filter(|_| is_full && self.after.is_none());
        let worst = worst.map(|worst| worst.key);
        // Most are worse than all that are kept, and most of those can be told by this alone.
        if worst.is_some_and(|worst| first > worst.first) {
            self.behind += 1;
            return;
        }
        let date_ms = at(&columns.dates);
        if worst.is_some_and(|worst| (first, date_ms) > (worst.first, worst.date_ms)) {
            self.behind += 1;
            return;
        }
        let Some(&event) = columns.ids.get(index) else { return };
        let key = Key { first, date_ms, event };
        if self.after.is_some_and(|after| key <= after) {
            return;
        }
        self.behind += 1;
        let candidate = Candidate { key, part, doc };
        if !is_full {
            self.best.push(candidate);
        } else if let Some(mut worst) = self.best.peek_mut()
            && candidate < *worst
        {
            *worst = candidate;
        }
    }

    fn popularity(&self, columns: &Columns, index: usize) -> u64 {
        let entry = self.live.zip(columns.live.get(index)).and_then(|(live, &it)| live.get(it));
        entry.map_or(0, super::live::Entry::popularity)
    }
}

fn count(counts: &mut [usize], number: Option<&u32>) {
    let place = number.and_then(|&number| counts.get_mut(usize::try_from(number).ok()?));
    if let Some(count) = place {
        *count += 1;
    }
}
