//! `rowctl event import`: the concerts of a catalogue become events.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rowlock_client::Client;
use rowlock_proto::VenueId;
use rowlock_proto::seat_map::SeatMap;
use serde::Serialize;

use super::Context;
use crate::import::Refused;
use crate::import::concerts::{self, Drafts, Terms};
use crate::import::draft::VenueDraft;
use crate::import::load::{Loaded, load};
use crate::import::nyphil::{self, Calendar, Concert};
use crate::import::prices::{Currency, PriceRule};
use crate::import::sale::SaleRule;
use crate::import::target::ClusterTarget;
use crate::import::venue_rule::VenueRule;

/// Refusals that a report shows as text.
const REFUSED_SHOWN_MAX: usize = 20;

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Verb {
    /// Read a catalogue of concerts and put them in place as events. Can be repeated: an event that is
    /// there is published if asked for, and is not changed otherwise.
    Import(Box<ImportArgs>),
}

#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("seats").required(true))]
struct ImportArgs {
    /// Programmes of the New York Philharmonic's performance history, as JSON.
    file: PathBuf,
    /// Sell every concert in this venue.
    #[arg(long, group = "seats")]
    venue: Option<VenueId>,
    /// Seats for each venue of the catalogue, as "NAME=SEATS;NAME=ID;*=SEATS": a number draws a hall
    /// of that size, an id is a venue that is there.
    #[arg(long, group = "seats", value_name = "RULE")]
    map_by_venue: Option<VenueRule>,
    /// As "Stalls=120,Balcony=60,*=40", or "base=80,step=-15" for the categories in their order.
    #[arg(long, value_name = "RULE")]
    prices: PriceRule,
    #[arg(long, default_value = "USD")]
    currency: Currency,
    /// As 90d-before, 12h-before, 2027-01-15, 2027-01-15T10:00:00Z or now.
    #[arg(long, value_name = "RULE", default_value = "90d-before")]
    sale_start: SaleRule,
    /// Years to move every date by. Concerts of the past can be imported, but not sold.
    #[arg(long, default_value_t = 0, allow_hyphen_values = true, value_parser = clap::value_parser!(i32).range(-1000..=1000))]
    shift_years: i32,
    /// Take concerts on or after this day (UTC, after the shift).
    #[arg(long)]
    from: Option<Date>,
    /// Take concerts on or before this day (UTC, after the shift).
    #[arg(long)]
    to: Option<Date>,
    /// Take so many concerts at most, in the file's order.
    #[arg(long)]
    limit: Option<usize>,
    /// The zone of places whose zone is not known, such as Europe/Vienna.
    #[arg(long, value_parser = zone)]
    time_zone: Option<TimeZone>,
    /// How long a hold lasts.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=7_200))]
    hold_seconds: u64,
    /// Seats that one user may have of an event; 0: no limit.
    #[arg(long, default_value_t = 0)]
    max_seats_per_user: u32,
    /// What the events are filed under in search.
    #[arg(long, default_value = "concert")]
    category: String,
    /// Publish the events, so that they are shown and sold.
    #[arg(long)]
    publish: bool,
    /// Read and check, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|error| error.to_string())
}

/// What an import of events came to.
#[derive(Clone, Debug, Serialize)]
struct Report {
    /// Concerts in the file.
    concerts: usize,
    /// Of these, left out by --from, --to and --limit.
    left_out: usize,
    venues_created: usize,
    venues_already_there: usize,
    events_created: usize,
    events_already_there: usize,
    published: usize,
    refused: Vec<String>,
    notes: Vec<String>,
    dry_run: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        for refused in self.refused.iter().take(REFUSED_SHOWN_MAX) {
            writeln!(f, "refused: {refused}")?;
        }
        if let more @ 1.. = self.refused.len().saturating_sub(REFUSED_SHOWN_MAX) {
            writeln!(f, "refused: and {more} more")?;
        }
        let done = if self.dry_run { "would be created" } else { "created" };
        writeln!(
            f,
            "venues: {} {done}, {} already there",
            self.venues_created, self.venues_already_there
        )?;
        write!(
            f,
            "events: {} of {} {done}, {} already there, {} published, {} refused, {} left out",
            self.events_created,
            self.concerts,
            self.events_already_there,
            self.published,
            self.refused.len(),
            self.left_out
        )
    }
}

pub async fn run(args: Args, context: &Context) -> anyhow::Result<bool> {
    let Verb::Import(args) = args.command;
    let calendar = Calendar {
        shift_years: args.shift_years,
        fallback_zone: args.time_zone.clone(),
        ..Calendar::default()
    };
    let read = nyphil::concerts(&read_file(&args)?, &calendar)
        .map_err(|error| anyhow!("{error}"))
        .with_context(|| format!("read {}", args.file.display()))?;
    let total = read.len();
    let (concerts, refused) = choose(read, &args)?;
    let left_out = total - concerts.len() - refused.len();
    let terms = Terms {
        venues: match (args.venue, &args.map_by_venue) {
            (Some(venue), _) => VenueRule::all(venue),
            (None, Some(rule)) => rule.clone(),
            (None, None) => bail!("one of --venue and --map-by-venue is needed"),
        },
        prices: args.prices.clone(),
        currency: args.currency.clone(),
        sale_start: args.sale_start,
        hold_ttl_ms: args.hold_seconds * 1_000,
        seats_per_user_max: args.max_seats_per_user,
        category: args.category.clone(),
    };
    let needs_cluster = !args.dry_run || terms.venues.existing().next().is_some();
    let client = if needs_cluster { Some(context.connect().await?) } else { None };
    let existing = existing(client.as_ref(), &terms.venues).await?;
    let now_ms = u64::try_from(Timestamp::now().as_millisecond()).context("read the clock")?;
    let mut drafts = concerts::drafts(&concerts, &terms, &existing, now_ms)
        .map_err(|error| anyhow!("{error}"))
        .context("apply the rules, nothing changed")?;
    drafts.refused.splice(0..0, refused);
    let notes = notes(&concerts, now_ms);
    let loaded = match client.filter(|_| !args.dry_run) {
        Some(client) => put(&client, &drafts, args.publish).await?,
        None => Loaded {
            venues_created: drafts.venues.len(),
            events_created: drafts.events.len(),
            ..Loaded::default()
        },
    };
    let refused = drafts.refused.iter().chain(&loaded.refused).map(Refused::to_string).collect();
    let report = Report {
        concerts: total,
        left_out,
        venues_created: loaded.venues_created,
        venues_already_there: loaded.venues_there,
        events_created: loaded.events_created,
        events_already_there: loaded.events_there,
        published: loaded.published,
        refused,
        notes,
        dry_run: args.dry_run,
    };
    context.output.show(&report, Report::to_string);
    // What was refused stays refused when the import is run again: a person must look.
    Ok(report.refused.is_empty())
}

fn read_file(args: &ImportArgs) -> anyhow::Result<String> {
    let file = File::open(&args.file).with_context(|| format!("open {}", args.file.display()))?;
    let mut json = String::new();
    file.take(nyphil::FILE_BYTES_MAX + 1)
        .read_to_string(&mut json)
        .context("read the catalogue")?;
    if json.len() as u64 > nyphil::FILE_BYTES_MAX {
        bail!("{} is larger than {} bytes", args.file.display(), nyphil::FILE_BYTES_MAX);
    }
    Ok(json)
}

/// The concerts that the arguments ask for, and those that can't be taken.
fn choose(
    read: Vec<Result<Concert, Refused>>,
    args: &ImportArgs,
) -> anyhow::Result<(Vec<Concert>, Vec<Refused>)> {
    let start =
        |day: Date| TimeZone::UTC.to_timestamp(day.to_datetime(jiff::civil::Time::midnight()));
    let from = args.from.map(start).transpose()?;
    let until = args.to.map(|day| day.tomorrow().and_then(start)).transpose()?;
    let mut refused = Vec::new();
    let mut concerts = Vec::new();
    for concert in read {
        match concert {
            Ok(concert) => concerts.push(concert),
            Err(reason) => refused.push(reason),
        }
    }
    concerts.retain(|concert| {
        from.is_none_or(|from| concert.begins >= from)
            && until.is_none_or(|until| concert.begins < until)
    });
    concerts.truncate(args.limit.unwrap_or(usize::MAX));
    Ok((concerts, refused))
}

/// The venues that the rule takes as being there, with their maps.
async fn existing(
    client: Option<&Client>,
    rule: &VenueRule,
) -> anyhow::Result<BTreeMap<VenueId, VenueDraft>> {
    let mut venues = BTreeMap::new();
    let Some(client) = client else { return Ok(venues) };
    for id in rule.existing() {
        let doc = client.venue(id).await.with_context(|| format!("find venue {id}"))?.value.venue;
        let bytes = client
            .seat_map(id.slot(), doc.map)
            .await
            .with_context(|| format!("fetch the seat map of venue {id}"))?;
        let map = SeatMap::decode(&bytes).context("decode the seat map")?;
        venues.insert(id, VenueDraft { id, doc, map, map_bytes: bytes.into() });
    }
    Ok(venues)
}

fn notes(concerts: &[Concert], now_ms: u64) -> Vec<String> {
    let mut notes = Vec::new();
    let untimed = concerts.iter().filter(|concert| concert.time_unknown).count();
    if untimed > 0 {
        notes.push(format!("{untimed} concerts have no time in the catalogue; 19:30 was taken"));
    }
    let past =
        |concert: &&Concert| u64::try_from(concert.begins.as_millisecond()).unwrap_or(0) < now_ms;
    let past = concerts.iter().filter(past).count();
    if past > 0 {
        notes.push(format!(
            "{past} concerts lie in the past and can't be sold; --shift-years moves them"
        ));
    }
    notes
}

async fn put(client: &Client, drafts: &Drafts, publish: bool) -> anyhow::Result<Loaded> {
    let progress = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{wide_bar} {pos}/{len} {eta}")
            .context("draw the progress bar")?,
    );
    let target = ClusterTarget::new(client);
    let loaded = load(&target, drafts.venues.values(), &drafts.events, publish, &progress).await;
    progress.finish_and_clear();
    loaded.context("put the events in place; the import can be run again")
}
