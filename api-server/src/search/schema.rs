//! What tantivy keeps of an event: words to find it by, numbers to sift and sort by, and what a list
//! shows of it.

use rowlock_client::types::{Event, EventId, SeatCounts};
use serde::{Deserialize, Serialize};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::{TantivyDocument, Term};

use super::words::words;
use crate::money;
use crate::routes::events::price_range;

/// Grows with any change of what stands in the index: one of another version is made anew.
pub(super) const VERSION: u32 = 1;

/// Columns of numbers, by their names.
pub(super) mod number {
    pub(in crate::search) const ID_HIGH: &str = "id_high";
    pub(in crate::search) const ID_LOW: &str = "id_low";
    /// Documents of a segment stand in the order of this.
    pub(in crate::search) const DATE: &str = "date";
    /// Prices in thousandths of whatever the currency is.
    pub(in crate::search) const CHEAPEST: &str = "cheapest";
    pub(in crate::search) const DEAREST: &str = "dearest";
    /// See [`super::packed`].
    pub(in crate::search) const POSITION: &str = "position";
    /// Revision of the shard that the counts are of.
    pub(in crate::search) const REVISION: &str = "revision";
    pub(in crate::search) const TOTAL: &str = "total";
    pub(in crate::search) const AVAILABLE: &str = "available";
    pub(in crate::search) const HELD: &str = "held";
    pub(in crate::search) const SOLD: &str = "sold";

    pub(super) const ALL: [&str; 11] = [
        ID_HIGH, ID_LOW, DATE, CHEAPEST, DEAREST, POSITION, REVISION, TOTAL, AVAILABLE, HELD, SOLD,
    ];
}
pub(super) const CITY: &str = "city";
pub(super) const CATEGORY: &str = "category";

/// Fields of words, those that count most first.
pub(super) const TEXTS: usize = 3;

/// What a list shows of an event, beside the columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Card {
    pub(crate) name: String,
    pub(crate) venue: String,
    pub(crate) city: String,
    pub(crate) category: String,
    pub(crate) currency: String,
    pub(crate) image_url: String,
    pub(crate) date_ms: u64,
    /// The cheapest and the dearest place, in minor units.
    pub(crate) prices: (u64, u64),
}

#[derive(Clone, Debug)]
pub(super) struct Fields {
    id: Field,
    /// Name; place and category; all else.
    pub(super) texts: [Field; TEXTS],
    numbers: [Field; number::ALL.len()],
    city: Field,
    category: Field,
    card: Field,
}

impl Fields {
    pub(super) fn new() -> (Schema, Self) {
        let mut schema = Schema::builder();
        // Neither frequencies nor lengths: the score of a hit does not depend on other documents.
        let indexing = TextFieldIndexing::default()
            .set_tokenizer("whitespace")
            .set_index_option(IndexRecordOption::Basic)
            .set_fieldnorms(false);
        let text = TextOptions::default().set_indexing_options(indexing);
        let name = TextOptions::default().set_fast("raw");
        let fields = Self {
            id: schema.add_bytes_field("id", INDEXED),
            texts: ["name", "place", "about"]
                .map(|field| schema.add_text_field(field, text.clone())),
            numbers: number::ALL.map(|field| schema.add_u64_field(field, FAST)),
            city: schema.add_text_field(CITY, name.clone()),
            category: schema.add_text_field(CATEGORY, name),
            card: schema.add_bytes_field("card", STORED),
        };
        (schema.build(), fields)
    }

    /// What names the document of an event.
    pub(super) fn key(&self, event: EventId) -> Term {
        Term::from_field_bytes(self.id, &event.0.to_be_bytes())
    }

    pub(super) fn document(&self, event: &Event, revision: u64) -> TantivyDocument {
        let spec = &event.spec;
        let counts = places(event);
        let (min, max) = price_range(spec);
        let [high, low] = halves(event.id);
        let numbers = [
            high,
            low,
            spec.date_ms,
            thousandths(min, &spec.currency),
            thousandths(max, &spec.currency),
            packed(spec.position_e6),
            revision,
            u64::from(counts.total),
            u64::from(counts.available),
            u64::from(counts.held),
            u64::from(counts.sold),
        ];
        let place = [&spec.venue_name, &spec.city, &spec.country, &spec.category];
        let texts = [
            words(&spec.name).join(" "),
            place.map(|text| words(text).join(" ")).join(" "),
            words(&spec.description).join(" "),
        ];
        let card = Card {
            name: spec.name.clone(),
            venue: spec.venue_name.clone(),
            city: spec.city.clone(),
            category: spec.category.clone(),
            currency: spec.currency.clone(),
            image_url: spec.image_url.clone(),
            date_ms: spec.date_ms,
            prices: (min, max),
        };
        let mut document = TantivyDocument::new();
        document.add_bytes(self.id, &event.id.0.to_be_bytes());
        for (field, text) in self.texts.into_iter().zip(&texts) {
            document.add_text(field, text);
        }
        for (field, number) in self.numbers.into_iter().zip(numbers) {
            document.add_u64(field, number);
        }
        document.add_text(self.city, &spec.city);
        document.add_text(self.category, &spec.category);
        let card = serde_json::to_vec(&card).expect("texts and numbers are JSON");
        document.add_bytes(self.card, &card);
        document
    }

    /// `None` if the document is none that [`Self::document`] made.
    pub(super) fn card(&self, document: &TantivyDocument) -> Option<Card> {
        use tantivy::schema::Value as _;
        serde_json::from_slice(document.get_first(self.card)?.as_bytes()?).ok()
    }
}

pub(super) fn halves(event: EventId) -> [u64; 2] {
    let [high, low] = [event.0 >> 64, event.0 & u128::from(u64::MAX)];
    [high, low].map(|half| u64::try_from(half).unwrap_or(u64::MAX))
}

pub(super) fn id_of(high: u64, low: u64) -> EventId {
    EventId(u128::from(high) << 64 | u128::from(low))
}

/// Seats and places in areas together.
pub(crate) fn places(event: &Event) -> SeatCounts {
    let mut counts = event.counts;
    for area in &event.areas {
        counts.total = counts.total.saturating_add(area.capacity);
        counts.held = counts.held.saturating_add(area.held);
        counts.sold = counts.sold.saturating_add(area.sold);
        counts.available = counts.available.saturating_add(area.available());
    }
    counts
}

/// Three decimal places are the most that a currency has.
fn thousandths(minor: u64, currency: &str) -> u64 {
    match money::places(currency).unwrap_or(2) {
        0 => minor.saturating_mul(1_000),
        2 => minor.saturating_mul(10),
        _ => minor,
    }
}

const LATITUDE_MAX_E6: i64 = 90_000_000;
const LONGITUDE_MAX_E6: i64 = 180_000_000;
const NOWHERE: u64 = u64::MAX;

/// Latitude and longitude in one number; [`NOWHERE`] if there are none.
fn packed(position_e6: Option<(i64, i64)>) -> u64 {
    let from_zero = |e6: i64, max: i64| u32::try_from(e6.saturating_add(max)).ok();
    let both = position_e6.and_then(|(latitude, longitude)| {
        let latitude = from_zero(latitude, LATITUDE_MAX_E6)?;
        Some((latitude, from_zero(longitude, LONGITUDE_MAX_E6)?))
    });
    both.map_or(NOWHERE, |(latitude, longitude)| u64::from(latitude) << 32 | u64::from(longitude))
}

/// The opposite of [`packed`].
pub(super) fn unpacked(position: u64) -> Option<(i64, i64)> {
    if position == NOWHERE {
        return None;
    }
    let part = |part: u64, max: i64| i64::try_from(part).ok().map(|part| part - max);
    let latitude = part(position >> 32, LATITUDE_MAX_E6)?;
    Some((latitude, part(position & u64::from(u32::MAX), LONGITUDE_MAX_E6)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_come_back_as_they_went_in() {
        for position in
            [None, Some((0, 0)), Some((-90_000_000, 180_000_000)), Some((40_750_500, -73_993_400))]
        {
            assert_eq!(unpacked(packed(position)), position);
        }
        assert_eq!(packed(Some((-90_000_001, 0))), NOWHERE);
    }

    #[test]
    fn an_id_is_two_halves() {
        let event = EventId(0x0123_4567_89ab_cdef_0011_2233_4455_6677);
        let [high, low] = halves(event);
        assert_eq!(id_of(high, low), event);
    }

    #[test]
    fn prices_are_compared_in_thousandths() {
        assert_eq!(thousandths(5, "JPY"), 5_000);
        assert_eq!(thousandths(5, "EUR"), 50);
        assert_eq!(thousandths(5, "KWD"), 5);
    }
}
