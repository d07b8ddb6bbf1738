//! Concerts of a catalogue as events of ours: whose seats, at which prices, on sale when.
//!
//! Pure: it is given the venues that are there, and says which have to be made.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use rowlock_client::types::EventSpec;
use rowlock_proto::VenueId;

use super::draft::{EventDraft, VenueDetails, VenueDraft, event_id};
use super::nyphil::Concert;
use super::prices::{Currency, PriceRule};
use super::sale::SaleRule;
use super::venue_rule::{Seating, VenueRule};
use super::{Refused, hall};

/// What an operator says about events that the catalogue does not.
#[derive(Clone, Debug)]
pub struct Terms {
    pub venues: VenueRule,
    pub prices: PriceRule,
    pub currency: Currency,
    pub sale_start: SaleRule,
    pub hold_ttl_ms: u64,
    /// 0: no limit.
    pub seats_per_user_max: u32,
    /// What the events are filed under in search.
    pub category: String,
}

/// What is to be put in place.
#[derive(Debug, Default)]
pub struct Drafts {
    /// Venues to make, by id.
    pub venues: BTreeMap<VenueId, VenueDraft>,
    pub events: Vec<EventDraft>,
    pub refused: Vec<Refused>,
}

/// The namespace of the ids of these events.
const CATALOGUE: &str = "nyphil";

/// Drafts of `concerts`. Err if a rule itself is wrong; what is wrong with one concert is among the
/// refused.
pub fn drafts(
    concerts: &[Concert],
    terms: &Terms,
    existing: &BTreeMap<VenueId, VenueDraft>,
    now_ms: u64,
) -> Result<Drafts, String> {
    let mut drafts = Drafts::default();
    let mut categories = BTreeSet::new();
    // Drawing a hall costs more than looking it up, and most concerts are in few of them.
    let mut drawn: BTreeMap<(&str, &str), VenueDraft> = BTreeMap::new();
    for concert in concerts {
        let place = (concert.venue.as_str(), concert.city.as_str());
        let venue = match terms.venues.seating(&concert.venue) {
            Some(Seating::Drawn { seats }) => match drawn.entry(place) {
                Entry::Occupied(entry) => Ok(&*entry.into_mut()),
                Entry::Vacant(entry) => draw(concert, seats).map(|venue| &*entry.insert(venue)),
            },
            Some(Seating::Existing(id)) => match existing.get(&id) {
                Some(venue) => Ok(venue),
                None => return Err(format!("there is no venue {id}")),
            },
            None => Err(format!("the rule has no seats for '{}'", concert.venue)),
        };
        let draft = venue.and_then(|venue| {
            categories.extend(venue.map.categories.iter().map(|category| category.name.clone()));
            event(concert, terms, venue, now_ms)
        });
        match draft {
            Ok(draft) => drafts.events.push(draft),
            Err(reason) => drafts.refused.push(Refused {
                what: format!("concert {} of programme {}", concert.number, concert.programme),
                reason,
            }),
        }
    }
    drafts.venues = drawn.into_values().map(|venue| (venue.id, venue)).collect();
    let unknown: Vec<_> = terms.prices.names().filter(|&name| !categories.contains(name)).collect();
    if !concerts.is_empty() && !unknown.is_empty() {
        return Err(format!(
            "no seat map has a category '{}'; there are {}",
            unknown.join("' or '"),
            categories.into_iter().collect::<Vec<_>>().join(", ")
        ));
    }
    Ok(drafts)
}

fn draw(concert: &Concert, seats: u32) -> Result<VenueDraft, String> {
    let map = hall::draw(seats).ok_or_else(|| format!("no hall has {seats} seats"))?;
    let details = VenueDetails {
        name: concert.venue.clone(),
        city: concert.city.clone(),
        country: concert.country.clone(),
        ..VenueDetails::default()
    };
    VenueDraft::new(details, map).map_err(|error| error.to_string())
}

fn event(
    concert: &Concert,
    terms: &Terms,
    venue: &VenueDraft,
    now_ms: u64,
) -> Result<EventDraft, String> {
    let date_ms = u64::try_from(concert.begins.as_millisecond())
        .map_err(|_| "concerts before 1970 can't be events: shift them".to_owned())?;
    let spec = EventSpec {
        name: concert.name.clone(),
        description: concert.description.clone(),
        category: terms.category.clone(),
        venue: venue.id,
        venue_name: venue.doc.name.clone(),
        city: venue.doc.city.clone(),
        country: venue.doc.country.clone(),
        date_ms,
        sale_start_ms: terms.sale_start.start_ms(date_ms, now_ms)?,
        currency: terms.currency.as_str().to_owned(),
        prices: terms.prices.prices(&venue.map.categories, &terms.currency)?,
        image_url: String::new(),
        hold_ttl_ms: terms.hold_ttl_ms,
        max_seats_per_user: terms.seats_per_user_max,
        map: venue.doc.map,
        position_e6: venue.doc.position_e6,
    };
    let id = event_id(CATALOGUE, &concert.programme, concert.number, venue.id);
    Ok(EventDraft { id, spec, map_bytes: venue.map_bytes.clone() })
}

#[cfg(test)]
mod tests;
