//! `rowctl workload`: load, measure, read back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rowlock_client::Client;
use rowlock_client::types::EventId;

use super::Context;
use crate::Usage;
use crate::output::Output;
use crate::playground::state;
use crate::token;
use crate::workload::ending::{self, Ending, Ends};
use crate::workload::path::{self, Caller};
use crate::workload::run::{self, After, Seen, Shared, Source};
use crate::workload::seats::{Cursor, InTurn, Order};
use crate::workload::{Kind, Summary, Via, audit, setup};

const ONSALE_SEATS: u32 = 20_000;
/// Events of an on-sale that can be sold out in a second, at most.
const ONSALE_EVENTS_PER_S: u64 = 9;
const ONSALE_EVENTS_MAX: u64 = 600;
const SPREAD_EVENTS: usize = 1_000;
const SPREAD_SEATS: u32 = 500;
const HOT_SEATS: u32 = 500;
const CLIENTS_MAX: u64 = 10_000;
const SECONDS_MAX: u64 = 24 * 3_600;
const TICK: Duration = Duration::from_millis(100);

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[arg(value_enum)]
    kind: Kind,
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=CLIENTS_MAX))]
    clients: u64,
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=SECONDS_MAX))]
    seconds: u64,
    #[arg(long, value_enum, default_value = "client")]
    via: Via,
    /// Hotseats: give seats back at once instead of paying.
    #[arg(long)]
    release: bool,
    /// Onsale: so many holds end together in the middle of the time, and the longest gap between
    /// answers is told.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    ending: Option<u32>,
}

pub async fn run(args: &Args, context: &Context) -> anyhow::Result<bool> {
    if args.release && args.kind != Kind::Hotseats {
        return Err(Usage("--release belongs to hotseats".to_owned()).into());
    }
    if args.ending.is_some() && args.kind != Kind::Onsale {
        return Err(Usage("--ending belongs to onsale".to_owned()).into());
    }
    let client = context.connect().await?;
    let (source, after, events) = prepare(args, &client).await?;
    let callers = callers(args, context, &client)?;
    let ends = match args.ending {
        Some(count) => Some(ending_holds(args, &client, &callers, count).await?),
        None => None,
    };
    let (mut seen, took) = drive(args, callers, source.clone(), after).await?;
    let touched = match &source {
        Source::Cursor(cursor) => cursor.touched().to_vec(),
        Source::Best(turn) => turn.touched().to_vec(),
        Source::Hot { .. } => events,
    };
    context.output.note("reading everything back");
    // Reading a sold-out event takes its time; nothing is measured here.
    let reader = client.with_call_timeout(Duration::from_secs(30));
    let found = audit::audit(&reader, &touched, &seen.kept).await?;
    let ending = ends.map(|ends| ends.look(std::mem::take(&mut seen.answers)));
    report(args, context, &seen, took, (found, ending))
}

/// Holds that end in the middle of the measured time.
async fn ending_holds(
    args: &Args,
    client: &Client,
    callers: &[Caller],
    count: u32,
) -> anyhow::Result<Ends> {
    let ttl_ms = ending::MAKING_MS + args.seconds * 500;
    let progress = Output::progress("making holds that end");
    let events = setup::events_holding(client, 1, ONSALE_SEATS, ttl_ms, &progress)
        .await
        .context("set up")?;
    let event = *events.first().context("no event was made")?;
    let ends = ending::hold(callers, event, count, Duration::from_millis(ttl_ms)).await?;
    progress.finish_and_clear();
    Ok(ends)
}

async fn prepare(args: &Args, client: &Client) -> anyhow::Result<(Source, After, Vec<EventId>)> {
    let progress = Output::progress("making events");
    let (count, seats) = match args.kind {
        Kind::Onsale | Kind::Besta => {
            let count = (args.seconds * ONSALE_EVENTS_PER_S + 2).min(ONSALE_EVENTS_MAX);
            (usize::try_from(count)?, ONSALE_SEATS)
        }
        Kind::Spread => (SPREAD_EVENTS, SPREAD_SEATS),
        Kind::Hotseats => (1, HOT_SEATS),
    };
    let events = setup::events(client, count, seats, &progress).await.context("set up")?;
    progress.finish_and_clear();
    let order = match args.kind {
        Kind::Hotseats => {
            let event = *events.first().context("no event was made")?;
            let after = if args.release { After::Release } else { After::Confirm };
            return Ok((Source::Hot { event, seats }, after, events));
        }
        Kind::Besta => {
            let turn = Arc::new(InTurn::new(events.clone()));
            return Ok((Source::Best(turn), After::Keep, events));
        }
        Kind::Onsale => Order::EventByEvent,
        Kind::Spread => Order::InTurn,
    };
    let cursor = Arc::new(Cursor::new(events.clone(), seats, order));
    Ok((Source::Cursor(cursor), After::Keep, events))
}

fn callers(args: &Args, context: &Context, client: &Client) -> anyhow::Result<Vec<Caller>> {
    let clients = 0..usize::try_from(args.clients)?;
    match args.via {
        Via::Client => Ok(clients.map(|number| Caller::client(client.clone(), number)).collect()),
        Via::Http => {
            let directory = context.directory();
            let running = state::read(&directory)?
                .ok_or_else(|| Usage("--via http needs a playground's --data".to_owned()))?;
            let apis: Vec<String> = running.apis.into_iter().map(|api| api.http).collect();
            anyhow::ensure!(!apis.is_empty(), "the playground has no API server");
            let key = token::read_key(&directory.token_key())?;
            let http = path::http_client()?;
            clients.map(|n| Caller::http(http.clone(), &apis[n % apis.len()], &key, n)).collect()
        }
    }
}

async fn drive(
    args: &Args,
    callers: Vec<Caller>,
    source: Source,
    after: After,
) -> anyhow::Result<(Seen, Duration)> {
    let shared = Arc::new(Shared {
        stop: AtomicBool::new(false),
        holds: AtomicU64::new(0),
        keeps_answers: args.ending.is_some(),
    });
    let progress = Output::progress("holds");
    progress.set_length(args.seconds);
    let began = Instant::now();
    let deadline = began + Duration::from_secs(args.seconds);
    let mut tasks: Vec<_> = callers
        .into_iter()
        .map(|caller| {
            let client = run::client(caller, source.clone(), after, Arc::clone(&shared));
            tokio::spawn(client)
        })
        .collect();
    // Ends early when every client has found nothing left.
    while Instant::now() < deadline && !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
        let left = deadline.saturating_duration_since(Instant::now());
        tokio::time::sleep(TICK.min(left)).await;
        progress.set_position(began.elapsed().as_secs());
        progress.set_message(format!("{} holds", shared.holds.load(Ordering::Relaxed)));
    }
    shared.stop.store(true, Ordering::Relaxed);
    let mut seen = Seen::new()?;
    let mut last = Duration::ZERO;
    for task in tasks.drain(..) {
        let one = task.await.context("a client failed")??;
        last = last.max(one.ended.saturating_duration_since(began));
        seen.add(one)?;
    }
    progress.finish_and_clear();
    Ok((seen, last))
}

fn report(
    args: &Args,
    context: &Context,
    seen: &Seen,
    took: Duration,
    (found, ending): (audit::Found, Option<Ending>),
) -> anyhow::Result<bool> {
    let seconds = took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let rate = if seconds > 0.0 { seen.ok as f64 / seconds } else { 0.0 };
    #[expect(clippy::cast_precision_loss, reason = "at most a minute in microseconds")]
    let quantile = |q| seen.latency_us.value_at_quantile(q) as f64 / 1_000.0;
    let round = |value: f64, places: f64| (value * places).round() / places;
    let summary = Summary {
        workload: args.kind,
        via: args.via,
        clients: usize::try_from(args.clients)?,
        seconds: round(seconds, 1_000.0),
        holds_ok: seen.ok,
        holds_refused: seen.refused,
        unknown: seen.unknown,
        holds_per_s: round(rate, 10.0),
        p50_ms: quantile(0.5),
        p99_ms: quantile(0.99),
        p999_ms: quantile(0.999),
        double_sales: found.double_sales,
        ending,
    };
    let mut clean = true;
    for (count, what) in [
        (found.double_sales, "seats were sold twice"),
        (found.mismatches, "seats and bookings tell different stories"),
        (found.lost, "acknowledged bookings are not there"),
    ] {
        if count > 0 {
            context.output.note(&format!("{count} {what}"));
            clean = false;
        }
    }
    for (count, what) in [
        (seen.unavailable, "calls found no node that could decide"),
        (seen.after_failed, "payments or releases failed"),
    ] {
        if count > 0 {
            context.output.note(&format!("{count} {what}"));
        }
    }
    context.output.show(&summary, |summary| {
        let ending = summary.ending.as_ref().map_or_else(String::new, |ending| {
            format!(
                "\n{} holds ended within {} ms; longest gap between answers {} ms then, {} ms else",
                ending.ending,
                ending.ending_within_ms,
                ending.longest_gap_ending_ms,
                ending.longest_gap_else_ms,
            )
        });
        format!(
            "{:.0} holds/s  p50 {} ms  p99 {} ms  p99.9 {} ms\n{} held, {} refused, {} unknown, \
             {} sold twice, in {} s{ending}",
            summary.holds_per_s,
            summary.p50_ms,
            summary.p99_ms,
            summary.p999_ms,
            summary.holds_ok,
            summary.holds_refused,
            summary.unknown,
            summary.double_sales,
            summary.seconds,
        )
    });
    Ok(clean)
}
