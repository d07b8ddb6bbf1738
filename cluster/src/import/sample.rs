//! The data that a playground starts with: a hall of our own, a real stadium, real programmes.
//!
//! Where each file comes from and under which licence stands in `assets/sample/ORIGIN.md`. Dates are
//! moved to lie ahead of the day it is loaded; ids don't depend on the day, so loading it again
//! changes nothing.

use std::collections::BTreeMap;

use anyhow::{Context as _, anyhow};
use indicatif::ProgressBar;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rowlock_client::Client;
use rowlock_client::plan::layout::Arrangement;
use rowlock_client::plan::{csv, pretix};
use rowlock_client::types::EventSpec;

use super::concerts::{self, Terms};
use super::draft::{EventDraft, VenueDetails, VenueDraft, event_id};
use super::load::{Loaded, load as load_drafts};
use super::nyphil::{self, Calendar, Concert};
use super::prices::{Currency, PriceRule};
use super::sale::SaleRule;
use super::target::ClusterTarget;
use super::venue_rule::VenueRule;

const HALL: &str = include_str!("../../assets/sample/concert-hall.json");
const STADIUM: &str = include_str!("../../assets/sample/baseball-stadium.csv");
const CONCERTS: &str = include_str!("../../assets/sample/concerts.json");

const DAY_MS: u64 = 24 * 3_600_000;
/// Days until the first concert.
const FIRST_CONCERT_DAYS: i64 = 14;
/// Concerts later than this are not on sale yet.
const ON_SALE_DAYS: u64 = 90;
/// So long before the load the sale began: a node's clock may be behind ours.
const SALE_BEGAN_MS: u64 = 60_000;
const HOLD_TTL_MS: u64 = 600_000;
/// The last game has a limit per user, to show one.
const GAME_SEATS_PER_USER_MAX: u32 = 4;

/// Puts the sample in place. It can be repeated.
pub async fn load(client: &Client, progress: &ProgressBar) -> anyhow::Result<Loaded> {
    let sample = drafts(Timestamp::now())?;
    let target = ClusterTarget::new(client);
    let loaded = load_drafts(&target, sample.venues.iter(), &sample.events, true, progress)
        .await
        .context("put the sample data in place")?;
    match loaded.refused.first() {
        None => Ok(loaded),
        Some(refused) => Err(anyhow!("{refused}").context("put the sample data in place")),
    }
}

#[derive(Debug)]
struct Sample {
    venues: Vec<VenueDraft>,
    events: Vec<EventDraft>,
}

fn drafts(now: Timestamp) -> anyhow::Result<Sample> {
    let now_ms = u64::try_from(now.as_millisecond()).context("read the clock")?;
    let (hall, stadium) = (hall()?, stadium()?);
    let mut events = hall_events(&hall, now, now_ms)?;
    events.extend(games(&stadium, now, now_ms)?);
    Ok(Sample { venues: vec![hall, stadium], events })
}

fn hall() -> anyhow::Result<VenueDraft> {
    let map = pretix::parse(HALL).context("read the sample hall")?;
    let details = VenueDetails {
        name: "Sample Concert Hall".to_owned(),
        city: "New York".to_owned(),
        country: "United States".to_owned(),
        ..VenueDetails::default()
    };
    VenueDraft::new(details, map).context("read the sample hall")
}

fn stadium() -> anyhow::Result<VenueDraft> {
    let mapping = csv::ColumnMapping {
        // West or east, lower or upper: the first two characters of a zone.
        categories: csv::CategoryRule::SectionPrefix(2),
        arrangement: Arrangement::Field,
        ..csv::ColumnMapping::default()
    };
    let map = csv::parse(STADIUM.as_bytes(), &mapping).context("read the sample stadium")?;
    let details = VenueDetails {
        name: "Rakuten Taoyuan Baseball Stadium".to_owned(),
        city: "Taoyuan".to_owned(),
        country: "Taiwan".to_owned(),
        position_e6: Some((25_000_500, 121_200_300)),
        ..VenueDetails::default()
    };
    VenueDraft::new(details, map).context("read the sample stadium")
}

/// The concerts, all in our hall.
fn hall_events(hall: &VenueDraft, now: Timestamp, now_ms: u64) -> anyhow::Result<Vec<EventDraft>> {
    let concerts = shifted_concerts(now)?;
    let existing = BTreeMap::from([(hall.id, hall.clone())]);
    let (soon, later): (Vec<_>, Vec<_>) = concerts.into_iter().partition(|concert| {
        u64::try_from(concert.begins.as_millisecond())
            .is_ok_and(|begins_ms| begins_ms < now_ms + ON_SALE_DAYS * DAY_MS)
    });
    let began = SaleRule::At { ms: now_ms - SALE_BEGAN_MS };
    let mut events = Vec::new();
    for (concerts, sale_start) in [(soon, began), (later, SaleRule::Before { hours: 30 * 24 })] {
        let terms = Terms {
            venues: VenueRule::all(hall.id),
            prices: rule("Premium=145,Stalls=95,Circle=62,Boxes=110")?,
            currency: currency("USD")?,
            sale_start,
            hold_ttl_ms: HOLD_TTL_MS,
            seats_per_user_max: 0,
            category: "concert".to_owned(),
        };
        let drafts = concerts::drafts(&concerts, &terms, &existing, now_ms)
            .map_err(|error| anyhow!(error))?;
        if let Some(refused) = drafts.refused.into_iter().next() {
            return Err(refused).context("read the sample concerts");
        }
        events.extend(drafts.events);
    }
    Ok(events)
}

/// The concerts with their dates moved by whole weeks, so that the first one lies ahead and all
/// keep their weekday.
fn shifted_concerts(now: Timestamp) -> anyhow::Result<Vec<Concert>> {
    let read = |shift_weeks: i32| -> anyhow::Result<Vec<Concert>> {
        let calendar = Calendar { shift_weeks, ..Calendar::default() };
        let concerts = nyphil::concerts(CONCERTS, &calendar).map_err(|error| anyhow!(error))?;
        Ok(concerts.into_iter().collect::<Result<_, _>>()?)
    };
    let first = read(0)?
        .iter()
        .map(|concert| concert.begins)
        .min()
        .context("find a concert in the sample")?;
    let gap_days = now.duration_since(first).as_hours() / 24 + FIRST_CONCERT_DAYS;
    read(i32::try_from(gap_days.div_euclid(7) + 1).context("move the sample's dates")?)
}

/// Home games, which are invented: the next three Saturdays that are ten days away or more.
fn games(stadium: &VenueDraft, now: Timestamp, now_ms: u64) -> anyhow::Result<Vec<EventDraft>> {
    let zone = TimeZone::get("Asia/Taipei").context("find the stadium's time zone")?;
    let start = now.checked_add(SignedDuration::from_hours(10 * 24)).context("move the games")?;
    let saturdays = zone.to_datetime(start).date().nth_weekday(1, Weekday::Saturday)?;
    let currency = currency("TWD")?;
    let prices = rule("base=900,step=-150")?
        .prices(&stadium.map.categories, &currency)
        .map_err(|error| anyhow!(error))?;
    let mut events = Vec::new();
    for game in 0..3 {
        let day = saturdays.checked_add(jiff::Span::new().try_weeks(game)?)?;
        let begins = zone.to_timestamp(day.to_datetime(Time::constant(18, 35, 0, 0)))?;
        let number = usize::try_from(game).context("number the games")?;
        let spec = EventSpec {
            name: format!("Home game {} of the sample season", game + 1),
            description: "An invented baseball game in a real stadium's seats.".to_owned(),
            category: "sports".to_owned(),
            venue: stadium.id,
            venue_name: stadium.doc.name.clone(),
            city: stadium.doc.city.clone(),
            country: stadium.doc.country.clone(),
            date_ms: u64::try_from(begins.as_millisecond()).context("date the games")?,
            sale_start_ms: now_ms - SALE_BEGAN_MS,
            currency: currency.as_str().to_owned(),
            prices: prices.clone(),
            image_url: String::new(),
            hold_ttl_ms: HOLD_TTL_MS,
            max_seats_per_user: if game == 2 { GAME_SEATS_PER_USER_MAX } else { 0 },
            map: stadium.doc.map,
            position_e6: stadium.doc.position_e6,
        };
        let id = event_id("sample games", "home", number, stadium.id);
        events.push(EventDraft { id, spec, map_bytes: stadium.map_bytes.clone() });
    }
    Ok(events)
}

fn rule(text: &str) -> anyhow::Result<PriceRule> {
    text.parse().map_err(|error: String| anyhow!(error))
}

fn currency(text: &str) -> anyhow::Result<Currency> {
    text.parse().map_err(|error: String| anyhow!(error))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::import::hall;

    fn sample(now: &str) -> Sample {
        drafts(now.parse().expect("a time")).expect("a right sample")
    }

    #[test]
    fn the_sample_is_ahead_of_the_day_it_is_loaded() {
        for now in ["2025-01-01T00:00:00Z", "2026-11-24T21:00:00Z", "2031-07-15T12:00:00Z"] {
            let sample = sample(now);
            let now_ms = now.parse::<Timestamp>().expect("a time").as_millisecond().cast_unsigned();
            assert_eq!(sample.venues[0].doc.capacity, 1_324);
            assert_eq!(sample.venues[1].doc.capacity, 12_851);
            assert_eq!(sample.events.len(), 37);
            let ahead = sample.events.iter().map(|event| event.spec.date_ms);
            assert!(ahead.min().expect("events") > now_ms + 10 * DAY_MS, "{now}");
            let on_sale = |venue: usize| {
                let id = sample.venues[venue].id;
                let at = sample.events.iter().filter(move |event| event.spec.venue == id);
                at.filter(|event| event.spec.sale_start_ms < now_ms).count()
            };
            assert!(on_sale(0) >= 20, "concerts on sale");
            assert!(on_sale(0) < 34, "concerts to come");
            assert_eq!(on_sale(1), 3, "games on sale");
        }
    }

    #[test]
    fn ids_do_not_depend_on_the_day() {
        let ids = |now: &str| -> BTreeSet<_> {
            sample(now).events.iter().map(|event| event.id).collect()
        };
        let first = ids("2026-01-01T00:00:00Z");
        assert_eq!(first.len(), 37);
        assert_eq!(first, ids("2029-06-01T00:00:00Z"));
    }

    #[test]
    fn every_shipped_plan_is_the_same_map_after_its_export() {
        let sample = sample("2026-11-24T21:00:00Z");
        let halls = [7, 800, 2_738].map(|seats| hall::draw(seats).expect("a hall"));
        let maps = sample.venues.iter().map(|venue| &venue.map).chain(&halls);
        for map in maps {
            let export = pretix::export("Hall", map).expect("a map that can be written");
            assert_eq!(export.dropped, [""; 0], "nothing that a plan can't say");
            let again = pretix::parse(&export.plan).expect("the plan alone");
            assert_eq!(again.encode(), map.encode(), "the bytes that the hash is of");
        }
        let stage = sample.venues[0].map.focus_mm;
        assert_eq!(stage, Some((22_140, 5_400)), "where the hall's plan says Stage");
    }

    #[test]
    fn concerts_keep_their_weekday_and_hour() {
        let zone = TimeZone::get("America/New_York").expect("a zone");
        let sample = sample("2026-11-24T21:00:00Z");
        let first = sample.events.iter().map(|event| event.spec.date_ms).min().expect("events");
        let first = Timestamp::from_millisecond(first.cast_signed()).expect("a time");
        let concerts = shifted_concerts("2026-11-24T21:00:00Z".parse().expect("a time"));
        let concerts = concerts.expect("concerts");
        assert!(concerts.iter().any(|concert| concert.begins >= first));
        // 12 September 2024, 7:30 in the evening, was a Thursday.
        let opening = zone.to_datetime(concerts[0].begins);
        assert_eq!(opening.weekday(), Weekday::Thursday);
        assert_eq!((opening.hour(), opening.minute()), (19, 30));
    }
}
