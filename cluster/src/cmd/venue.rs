//! `rowctl venue import`: a seating plan from a file becomes a venue; `rowctl venue export`: a venue's
//! seat map becomes such a file again.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use rowlock_client::plan::layout::Arrangement;
use rowlock_client::plan::{Plan, companion, csv, pretix};
use rowlock_client::types::VenueId;
use rowlock_proto::SeatMapHash;
use rowlock_proto::seat_map::SeatMap;
use serde::Serialize;

use super::Context;
use crate::import::draft::{VenueDetails, VenueDraft, degrees_e6};
use crate::import::load::load_venue;
use crate::import::target::ClusterTarget;

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Verb {
    /// Read a seating plan and put it in place as a venue. Can be repeated.
    Import(Box<ImportArgs>),
    /// Write a venue's seat map as a plan in pretix's format. What the format can't say is told, and
    /// goes to the companion.
    Export(ExportArgs),
}

#[derive(Clone, Debug, clap::Args)]
struct ExportArgs {
    /// The venue's id.
    venue: VenueId,
    /// Where the plan goes, instead of standard output.
    #[arg(long)]
    to: Option<PathBuf>,
    /// Where that goes which a plan can't say.
    #[arg(long)]
    companion: Option<PathBuf>,
}

#[derive(Clone, Debug, clap::Args)]
struct ImportArgs {
    /// A plan in pretix's seating-plan JSON, or a list of seats as CSV.
    file: PathBuf,
    /// What the file is; without it, its ending says so.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// JSON beside a pretix plan: areas with a capacity, accessible seats, tables, the focus.
    #[arg(long)]
    companion: Option<PathBuf>,
    /// The venue's name; without it, the plan's own.
    #[arg(long)]
    name: Option<String>,
    #[arg(long, default_value = "")]
    city: String,
    #[arg(long, default_value = "")]
    country: String,
    #[arg(long, default_value = "")]
    address: String,
    /// In degrees, north is positive.
    #[arg(long, requires = "longitude", allow_hyphen_values = true, value_parser = latitude)]
    latitude: Option<i64>,
    /// In degrees, east is positive.
    #[arg(long, requires = "latitude", allow_hyphen_values = true, value_parser = longitude)]
    longitude: Option<i64>,
    /// CSV: which column means what, as section=HEADER,row=HEADER,seat=HEADER and further last-seat,
    /// grid-row, grid-column, x, y, category. Known headers need not be named.
    #[arg(long)]
    columns: Option<csv::ColumnMapping>,
    /// CSV: price categories by section, prefix:N (of the section's name), column:HEADER, or single.
    #[arg(long)]
    category_by: Option<csv::CategoryRule>,
    /// CSV without coordinates: how the zones are arranged: field, grid or auto.
    #[arg(long, default_value = "auto")]
    arrange: Arrangement,
    /// Read and check, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Pretix,
    Csv,
}

fn latitude(text: &str) -> Result<i64, String> {
    degrees_e6(text, 90)
}

fn longitude(text: &str) -> Result<i64, String> {
    degrees_e6(text, 180)
}

/// What an import of a venue came to.
#[derive(Clone, Debug, Serialize)]
struct Report {
    id: String,
    outcome: Outcome,
    name: String,
    seats: usize,
    sections: usize,
    areas: usize,
    /// People that fit: seats, and places in areas.
    capacity: u32,
    categories: Vec<String>,
    /// SHA-256 of the seat map.
    map: String,
    map_bytes: usize,
    /// What the file says and the map does not.
    notes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Created,
    AlreadyThere,
    DryRun,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        let outcome = match self.outcome {
            Outcome::Created => "created",
            Outcome::AlreadyThere => "already there",
            Outcome::DryRun => "dry run, nothing changed",
        };
        write!(f, "{}: {} seats in {} sections", self.name, self.seats, self.sections)?;
        if self.areas > 0 {
            write!(f, ", {} areas, {} people", self.areas, self.capacity)?;
        }
        writeln!(f)?;
        writeln!(f, "categories: {}", self.categories.join(", "))?;
        write!(f, "{} ({outcome})", self.id)
    }
}

pub async fn run(args: Args, context: &Context) -> anyhow::Result<bool> {
    match args.command {
        Verb::Import(args) => import(&args, context).await,
        Verb::Export(args) => export(&args, context).await,
    }
}

async fn import(args: &ImportArgs, context: &Context) -> anyhow::Result<bool> {
    let (plan, draft) = read(args)?;
    let outcome = if args.dry_run {
        Outcome::DryRun
    } else {
        let client = context.connect().await?;
        let created = load_venue(&ClusterTarget::new(&client), &draft)
            .await
            .context("put the venue in place")?;
        if created { Outcome::Created } else { Outcome::AlreadyThere }
    };
    context.output.show(&report(plan.notes, &draft, outcome), Report::to_string);
    Ok(true)
}

async fn export(args: &ExportArgs, context: &Context) -> anyhow::Result<bool> {
    let client = context.connect().await?;
    let venue = client.venue(args.venue).await.context("find the venue")?.value.venue;
    let bytes =
        client.seat_map(args.venue.slot(), venue.map).await.context("fetch the seat map")?;
    let map = SeatMap::decode(&bytes).context("read the seat map")?;
    let pretix::Export { plan, companion, dropped } = pretix::export(&venue.name, &map)
        .map_err(|errors| anyhow!("{errors}").context("nothing is written"))?;
    // The companion first: a plan that is there without it would look complete.
    if let Some(file) = &args.companion {
        std::fs::write(file, companion).with_context(|| format!("write {}", file.display()))?;
    }
    match &args.to {
        Some(file) => {
            std::fs::write(file, plan).with_context(|| format!("write {}", file.display()))?;
        }
        None => context.output.line(&plan),
    }
    let kept = match &args.companion {
        Some(file) => format!("kept in {}", file.display()),
        None => "lost without --companion".to_owned(),
    };
    for what in dropped {
        context.output.note(&format!("not in the plan: {what}; {kept}"));
    }
    Ok(true)
}

fn report(notes: Vec<String>, draft: &VenueDraft, outcome: Outcome) -> Report {
    let SeatMapHash(hash) = draft.doc.map;
    Report {
        id: draft.id.to_string(),
        outcome,
        name: draft.doc.name.clone(),
        seats: draft.map.seat_count(),
        sections: draft.map.sections.len(),
        areas: draft.map.areas.len(),
        capacity: draft.doc.capacity,
        categories: draft.map.categories.iter().map(|category| category.name.clone()).collect(),
        map: hex::encode(hash),
        map_bytes: draft.map_bytes.len(),
        notes,
    }
}

fn read(args: &ImportArgs) -> anyhow::Result<(Plan, VenueDraft)> {
    let plan = match format(args)? {
        Format::Pretix => {
            if args.columns.is_some() || args.category_by.is_some() {
                bail!("--columns and --category-by are for CSV");
            }
            let json = text(&args.file, pretix::JSON_BYTES_MAX)?;
            match &args.companion {
                None => pretix::parse_plan(&json),
                Some(file) => {
                    let companion = text(file, companion::JSON_BYTES_MAX)?;
                    companion::Companion::parse(&companion)
                        .and_then(|companion| pretix::parse_with(&json, Some(&companion)))
                }
            }
        }
        Format::Csv => {
            if args.companion.is_some() {
                bail!("--companion is for a pretix plan");
            }
            let mut mapping = args.columns.clone().unwrap_or_default();
            if let Some(rule) = &args.category_by {
                mapping.categories = rule.clone();
            }
            mapping.arrangement = args.arrange;
            csv::parse_plan(open(&args.file)?, &mapping)
        }
    };
    let plan = plan.map_err(|errors| {
        anyhow!("{errors}").context(format!("{} is refused, nothing changed", args.file.display()))
    })?;
    let name = args.name.clone().unwrap_or_else(|| plan.name.clone());
    if name.trim().is_empty() {
        bail!("the plan has no name; give the venue one with --name");
    }
    let details = VenueDetails {
        name,
        city: args.city.clone(),
        country: args.country.clone(),
        address: args.address.clone(),
        position_e6: args.latitude.zip(args.longitude),
    };
    let draft = VenueDraft::new(details, plan.map.clone()).context("encode the seat map")?;
    Ok((plan, draft))
}

fn open(file: &Path) -> anyhow::Result<File> {
    File::open(file).with_context(|| format!("open {}", file.display()))
}

/// A file's text, and a byte more than is allowed at most.
fn text(file: &Path, bytes_max: usize) -> anyhow::Result<String> {
    let mut text = String::new();
    let bound = bytes_max as u64 + 1;
    open(file)?
        .take(bound)
        .read_to_string(&mut text)
        .with_context(|| format!("read {}", file.display()))?;
    Ok(text)
}

fn format(args: &ImportArgs) -> anyhow::Result<Format> {
    if let Some(format) = args.format {
        return Ok(format);
    }
    let ending = args.file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "json" => Ok(Format::Pretix),
        "csv" | "tsv" => Ok(Format::Csv),
        _ => Err(unknown_format(&args.file)),
    }
}

fn unknown_format(file: &Path) -> anyhow::Error {
    anyhow!("{} ends in neither .json nor .csv; say what it is with --format", file.display())
}
