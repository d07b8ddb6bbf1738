//! Speed and size of the search index, as one line of JSON: half a million events, one thread, the reply's
//! JSON made each time, no HTTP.
//!
//! `--events N` and `--searches N` change the numbers, and `--each` prints a line for each kind of search too.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rowlock_api_server::search::{Identity, Index};
use rowlock_api_server::search_answer;
use rowlock_client::types::{
    Event, EventId, EventLife, EventSpec, EventState, SeatCounts, SeatMapHash, VenueId,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENTS: u64 = 500_000;
const SEARCHES: usize = 50_000;
/// Events that are put between two commits, as while shards are read.
const BATCH: u64 = 20_000;
const CITIES: u64 = 400;
const VENUES: u64 = 3_000;
const ARTISTS: u64 = 20_000;
const VOCABULARY: u64 = 8_000;
/// 2026-01-01, from when on events take place, for three years.
const START_MS: u64 = 1_767_225_600_000;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
const DAYS: u64 = 3 * 365;
/// Day from which searches look: a year has passed.
const TODAY: u64 = 365;

const CATEGORIES: [&str; 12] = [
    "music",
    "sports",
    "theatre",
    "comedy",
    "family",
    "opera",
    "dance",
    "festival",
    "classical",
    "film",
    "museum",
    "talks",
];
const KINDS: [&str; 8] =
    ["live", "tour", "in concert", "the musical", "night", "special", "unplugged", "gala"];

/// Numbers that are the same at every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        // splitmix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// The first are drawn more often, about as names and words are.
    fn skewed(&mut self, end: u64) -> u64 {
        let most = self.below(end) + 1;
        self.below(most)
    }
}

/// A word of two to four syllables that belongs to the number.
fn word(number: u64) -> String {
    const HEADS: [&str; 20] = [
        "b", "br", "c", "d", "f", "g", "gr", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t",
        "tr", "v", "w",
    ];
    const TAILS: [&str; 16] =
        ["a", "e", "i", "o", "u", "an", "en", "ar", "or", "il", "es", "on", "al", "er", "in", "um"];
    let mut dice = Dice(number.wrapping_mul(7_919));
    let mut word = String::new();
    for _ in 0..2 + dice.below(3) {
        for part in [pick(&HEADS, dice.next()), pick(&TAILS, dice.next())] {
            word.push_str(part);
        }
    }
    word
}

fn pick<'a>(from: &[&'a str], number: u64) -> &'a str {
    let index = number % from.len() as u64;
    from[usize::try_from(index).expect("less than the length")]
}

fn artist(number: u64) -> String {
    format!("{} {}", word(100_000 + number % 4_000), word(200_000 + number))
}

fn city(number: u64) -> (String, (i64, i64)) {
    let mut dice = Dice(number);
    let part = |dice: &mut Dice, width: u64| i64::try_from(dice.below(width)).expect("small");
    let latitude = part(&mut dice, 30_000_000) + 25_000_000;
    (
        format!("{} City", word(300_000 + number)),
        (latitude, part(&mut dice, 60_000_000) - 120_000_000),
    )
}

fn event(number: u64) -> Event {
    let mut dice = Dice(number.wrapping_mul(31));
    let venue = dice.skewed(VENUES);
    let (city, position) = city(venue % CITIES);
    let category = pick(&CATEGORIES, dice.skewed(12)).to_owned();
    let description: Vec<String> =
        (0..20 + dice.below(30)).map(|_| word(dice.skewed(VOCABULARY))).collect();
    let cheapest = 1_000 + dice.below(150) * 100;
    let total = 500 + u32::try_from(dice.below(20_000)).expect("small");
    let available = u32::try_from(dice.below(u64::from(total))).expect("small");
    let spec = EventSpec {
        name: format!("{} {}", artist(dice.skewed(ARTISTS)), pick(&KINDS, dice.next())),
        description: description.join(" "),
        category,
        venue: VenueId(u128::from(venue)),
        venue_name: format!("{} hall", word(400_000 + venue)),
        city,
        country: "US".to_owned(),
        date_ms: START_MS + dice.below(DAYS) * DAY_MS + dice.below(24 * 4) * 900_000,
        sale_start_ms: 0,
        currency: "USD".to_owned(),
        prices: vec![cheapest, cheapest * 2, cheapest * 4],
        image_url: format!("https://cdn.example.com/{number}.jpg"),
        hold_ttl_ms: 600_000,
        max_seats_per_user: 0,
        map: SeatMapHash([0; 32]),
        position_e6: Some(position),
    };
    Event {
        id: EventId(u128::from(dice.next()) << 64 | u128::from(number)),
        spec,
        state: EventState::Published,
        counts: SeatCounts { total, available, held: 0, sold: total - available, blocked: 0 },
        event_no: 0,
        created_ms: 0,
        revision: 1,
        areas: Vec::new(),
        life: EventLife::default(),
    }
}

fn day(number: u64) -> String {
    jiff::Timestamp::from_millisecond(i64::try_from(START_MS + number * DAY_MS).expect("a date"))
        .expect("a date")
        .strftime("%Y-%m-%d")
        .to_string()
}

/// Of a hundred searches, how many are of each kind.
fn search(dice: &mut Dice) -> (&'static str, String) {
    let name = artist(dice.skewed(ARTISTS)).replace(' ', "+");
    let from = TODAY + dice.below(300);
    let window = |days: u64| format!("date_from={}&date_to={}", day(from), day(from + days));
    let (city, position) = city(dice.skewed(VENUES) % CITIES);
    let city = city.replace(' ', "-").to_lowercase();
    let category = pick(&CATEGORIES, dice.skewed(12));
    match dice.below(100) {
        0..20 => ("two words", format!("q={name}&date_from={}", day(TODAY))),
        20..30 => {
            let common = word(dice.skewed(VOCABULARY));
            ("one word, common or not", format!("q={common}&date_from={}", day(TODAY)))
        }
        30..45 => {
            let chars = 3 + usize::try_from(dice.below(3)).expect("small");
            let begun: String = name.chars().take(chars).collect();
            ("the first letters", format!("q={begun}&date_from={}", day(TODAY)))
        }
        45..60 => ("a city, a month", format!("city={city}&{}", window(30))),
        60..70 => {
            let price = 20 + dice.below(100);
            let filter = format!("category={category}&price_max={price}&{}&sort=price", window(14));
            ("a category, a price, two weeks", filter)
        }
        70..80 => ("everything to come", format!("date_from={}", day(TODAY))),
        80..85 => ("a word in a city", format!("q={}&city={city}", word(dice.skewed(VOCABULARY)))),
        85..90 => {
            let mut letters: Vec<char> = name.chars().filter(|letter| *letter != '+').collect();
            letters.truncate(10);
            let place = 2 + usize::try_from(dice.below(3)).expect("small");
            letters.swap(place, place + 1);
            letters.insert(place, 'x');
            let typo: String = letters.into_iter().collect();
            ("a typo", format!("q={typo}"))
        }
        90..95 => {
            let filter = format!("category={category}&{}&facets=true", window(30));
            ("counted by city and category", filter)
        }
        _ => {
            #[expect(clippy::cast_precision_loss, reason = "nine digits")]
            let degrees = |e6: i64| e6 as f64 / 1e6;
            let near = format!("near={},{}", degrees(position.0), degrees(position.1));
            ("around a point", format!("{near}&radius_km=100&{}&sort=distance", window(30)))
        }
    }
}

fn milliseconds(sorted: &[Duration], permille: usize) -> f64 {
    let index = (sorted.len() * permille / 1_000).min(sorted.len().saturating_sub(1));
    sorted.get(index).map_or(0.0, |took| (took.as_secs_f64() * 1e6).round() / 1e3)
}

fn flag(name: &str) -> Option<String> {
    let mut args = std::env::args();
    args.by_ref().find(|arg| arg == name)?;
    args.next()
}

fn main() -> anyhow::Result<()> {
    let number = |name: &str, usual: u64| flag(name).map_or(Ok(usual), |text| text.parse());
    let (events, searches) = (number("--events", EVENTS)?, number("--searches", SEARCHES as u64)?);
    let has = |name: &str| std::env::args().any(|arg| arg == name);
    let dir = tempfile::tempdir()?;
    let identity = Identity { cluster: [1; 16], shards: 1 };
    let index = Index::in_directory(dir.path(), identity.clone())?;
    let made: Vec<Event> = (0..events).map(event).collect();

    let began = Instant::now();
    for (number, event) in (1..).zip(made) {
        index.put(event, 1);
        if number % BATCH == 0 {
            index.commit()?;
        }
    }
    index.commit()?;
    let rebuilt = began.elapsed();
    // As servers do once they have read all shards; merges that are under way have to end first.
    let began = Instant::now();
    while index.tidy().is_err() {
        std::thread::yield_now();
    }
    let tidied = began.elapsed();
    let bytes = index.bytes()?;

    let mut dice = Dice(42);
    let asked: Vec<_> = (0..searches).map(|_| search(&mut dice)).collect();
    for (_, query) in asked.iter().take(1_000) {
        ask(&index, query)?;
    }
    let mut took: Vec<Duration> = Vec::with_capacity(asked.len());
    let mut kinds: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let began = Instant::now();
    for (kind, query) in &asked {
        let began = Instant::now();
        ask(&index, query)?;
        took.push(began.elapsed());
        kinds.entry(kind).or_default().push(began.elapsed());
    }
    let total = began.elapsed();
    took.sort_unstable();
    for (kind, took) in &mut kinds {
        took.sort_unstable();
        if has("--each") {
            let mean = took.iter().sum::<Duration>().as_secs_f64() * 1e3 / took.len() as f64;
            let (p50, p99) = (milliseconds(took, 500), milliseconds(took, 990));
            emit(&format!(
                "{kind}: {} searches, mean {mean:.3} ms, p50 {p50}, p99 {p99}",
                took.len()
            ));
        }
    }

    // A change of one event, until a search shows it.
    let mut changed = event(0);
    changed.spec.name = "zzyzx".to_owned();
    let began = Instant::now();
    index.put(changed, 2);
    index.commit()?;
    let visible = began.elapsed();
    anyhow::ensure!(ask(&index, "q=zzyzx")?.contains("\"total\":1"), "what was changed is found");
    drop(index);
    let began = Instant::now();
    let again = Index::in_directory(dir.path(), identity)?;
    let reopened = began.elapsed();
    anyhow::ensure!(ask(&again, "q=zzyzx")?.contains("\"total\":1"), "it is found after a restart");
    let report = serde_json::json!({
        "events": events,
        "rebuild_s": round(rebuilt.as_secs_f64()),
        "merge_s": round(tidied.as_secs_f64()),
        "reopen_s": round(reopened.as_secs_f64()),
        "index_bytes": bytes,
        "searches_per_s": (asked.len() as f64 / total.as_secs_f64()).round(),
        "p50_ms": milliseconds(&took, 500),
        "p99_ms": milliseconds(&took, 990),
        "p999_ms": milliseconds(&took, 999),
        "change_visible_ms": round(visible.as_secs_f64() * 1e3),
    });
    emit(&report.to_string());
    Ok(())
}

fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

fn ask(index: &Index, query: &str) -> anyhow::Result<String> {
    let answer = search_answer(index, query);
    let answer = answer.map_err(|problem| anyhow::anyhow!("{query}: {problem:?}"))?;
    Ok(String::from_utf8(answer)?)
}

#[expect(clippy::print_stdout, reason = "what this program is for")]
fn emit(line: &str) {
    println!("{line}");
}
