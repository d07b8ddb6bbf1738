//! The columns of one segment as plain arrays, read once: a search looks at them millions of times.
//!
//! A segment never changes, so neither do its columns; documents that were deleted since are in the
//! view (`view.rs`). Documents stand in the order of their dates, so a range of dates is a slice.

use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use rowlock_client::types::{EventId, SeatCounts};
use tantivy::SegmentReader;

use super::live::{Live, Names};
use super::schema::{CATEGORY, CITY, id_of, number, unpacked};

/// The number of an event that the index no longer knows: its document was deleted.
const GONE: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Columns {
    pub(super) dates: Vec<u64>,
    pub(super) ids: Vec<EventId>,
    /// Number of the event in [`Live`].
    pub(super) live: Vec<u32>,
    pub(super) cities: Vec<u32>,
    pub(super) categories: Vec<u32>,
    pub(super) cheapest: Vec<u64>,
    pub(super) dearest: Vec<u64>,
    pub(super) positions: Vec<Option<(i32, i32)>>,
}

impl Columns {
    /// Reads them; events that `live` does not know, as after a start from disk, are put there. What takes
    /// long is done before `live` is taken.
    pub(super) fn read(segment: &SegmentReader, live: &RwLock<Live>) -> tantivy::Result<Self> {
        let numbers = |name| numbers(segment, name);
        let ids = numbers(number::ID_HIGH)?.into_iter().zip(numbers(number::ID_LOW)?);
        let ids: Vec<EventId> = ids.map(|(high, low)| id_of(high, low)).collect();
        let (cities, categories) = (Column::read(segment, CITY)?, Column::read(segment, CATEGORY)?);
        let revisions = numbers(number::REVISION)?;
        let counts = [number::TOTAL, number::AVAILABLE, number::HELD, number::SOLD].map(numbers);
        let [total, available, held, sold] = counts;
        let (total, available, held, sold) = (total?, available?, held?, sold?);
        let positions = numbers(number::POSITION)?.into_iter().map(|position| {
            let (latitude, longitude) = unpacked(position)?;
            Some((i32::try_from(latitude).ok()?, i32::try_from(longitude).ok()?))
        });
        let mut columns = Self {
            dates: numbers(number::DATE)?,
            live: Vec::with_capacity(ids.len()),
            ids,
            cities: Vec::new(),
            categories: Vec::new(),
            cheapest: numbers(number::CHEAPEST)?,
            dearest: numbers(number::DEAREST)?,
            positions: positions.collect(),
        };
        let mut live = live.write().unwrap_or_else(PoisonError::into_inner);
        columns.cities = cities.numbered(&mut live.cities);
        columns.categories = categories.numbered(&mut live.categories);
        let at = |column: &[u64], doc: usize| {
            u32::try_from(column.get(doc).copied().unwrap_or(0)).unwrap_or(u32::MAX)
        };
        let places = columns.cities.iter().copied().zip(columns.categories.iter().copied());
        let documents = (0..).zip(columns.ids.iter().zip(revisions).zip(places)).enumerate();
        for (index, (doc, ((&id, revision), place))) in documents {
            let number = match live.number(id) {
                Some(number) => number,
                None if segment.is_deleted(doc) => GONE,
                None => {
                    let counts = SeatCounts {
                        total: at(&total, index),
                        available: at(&available, index),
                        held: at(&held, index),
                        sold: at(&sold, index),
                        blocked: 0,
                    };
                    live.restore(id, revision, counts, place)
                }
            };
            columns.live.push(number);
        }
        Ok(columns)
    }

    /// Documents whose dates lie between the two.
    pub(super) fn between(&self, from_ms: u64, to_ms: u64) -> Range<usize> {
        let start = self.dates.partition_point(|&date| date < from_ms);
        start..self.dates.partition_point(|&date| date <= to_ms).max(start)
    }
}

fn numbers(segment: &SegmentReader, name: &str) -> tantivy::Result<Vec<u64>> {
    let column = segment.fast_fields().u64(name)?.first_or_default_col(0);
    Ok((0..segment.max_doc()).map(|doc| column.get_val(doc)).collect())
}

/// A column of names: which there are, and of each document which it is.
struct Column {
    names: Vec<String>,
    documents: Vec<usize>,
}

impl Column {
    fn read(segment: &SegmentReader, field: &str) -> tantivy::Result<Self> {
        let size = segment.max_doc();
        let Some(column) = segment.fast_fields().str(field)? else {
            return Ok(Self { names: Vec::new(), documents: (0..size).map(|_| 0).collect() });
        };
        let mut names = Vec::with_capacity(column.num_terms());
        for (_, ord) in (0..column.num_terms()).zip(0..) {
            let mut name = String::new();
            column.ord_to_str(ord, &mut name)?;
            names.push(name);
        }
        let ord = |doc| column.ords().first(doc).and_then(|ord| usize::try_from(ord).ok());
        let documents = (0..size).map(|doc| ord(doc).unwrap_or(usize::MAX)).collect();
        Ok(Self { names, documents })
    }

    /// The documents' names by the numbers that `names` gives them.
    fn numbered(&self, names: &mut Names) -> Vec<u32> {
        let numbers: Vec<u32> = self.names.iter().map(|name| names.number(name)).collect();
        let nameless = names.number("");
        let number = |ord: &usize| numbers.get(*ord).copied().unwrap_or(nameless);
        self.documents.iter().map(number).collect()
    }
}
