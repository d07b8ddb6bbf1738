//! `rowctl audit`: what happened to an event, what it was at a moment, and whether all of that is there and
//! as it was.
//!
//! The cluster keeps a hash over all changes of an event. `show` and `verify` compute it again from the
//! feed, from the event's beginning or from a head that was kept by whoever does not trust the cluster.

mod as_of;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use rowlock_client::audit::{AuditHead, Chain};
use rowlock_client::types::{Change, EventId};
use rowlock_client::{Client, WatchError};
use serde::{Deserialize, Serialize};

use super::Context;
use crate::output::table;

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Verb {
    /// Show every change of an event that the feed still has, or what its seats and bookings were.
    Show {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        moment: as_of::Moment,
    },
    /// Compute the hash over an event's changes and compare it with the cluster's.
    Verify(Which),
}

#[derive(Clone, Debug, clap::Args)]
struct Which {
    event: EventId,
    /// Go on from the head that is kept in this file, instead of from the event's beginning.
    #[arg(long)]
    since: Option<PathBuf>,
    /// Keep the head that was come to in this file.
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// A head, as it is kept in a file.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    event: String,
    head: String,
    changes: u64,
    revision: u64,
}

#[derive(Debug, Serialize)]
struct Verified {
    #[serde(flatten)]
    head: Kept,
    /// Changes that were looked at.
    looked_at: u64,
    matches: bool,
    trail: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    revision: u64,
    index: u64,
    time_ms: u64,
    principal: String,
    command: String,
    key: String,
    change: String,
}

pub async fn run(args: Args, context: &Context) -> anyhow::Result<bool> {
    let (which, shown) = match args.command {
        Verb::Show { which, moment } => match moment.until() {
            Some(until) => return as_of::show(which.event, until, context).await,
            None => (which, true),
        },
        Verb::Verify(which) => (which, false),
    };
    let client = context.connect().await?;
    let verified = verify(&client, &which, shown).await?;
    if let Some(keep) = &which.keep {
        let text = serde_json::to_string(&verified.head).context("write a head")?;
        std::fs::write(keep, text).with_context(|| format!("write {}", keep.display()))?;
    }
    let matches = verified.matches;
    context.output.show(&verified, text);
    Ok(matches)
}

fn read_kept(file: &Path, event: EventId) -> anyhow::Result<AuditHead> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let kept: Kept = serde_json::from_str(&text).context("read a head")?;
    if kept.event != event.to_string() {
        bail!("the head in {} is of event {}", file.display(), kept.event);
    }
    let mut head = [0; 32];
    hex::decode_to_slice(&kept.head, &mut head).context("read a head")?;
    Ok(AuditHead { head, changes: kept.changes, revision: kept.revision })
}

/// Follows the feed up to the cluster's head.
async fn verify(client: &Client, which: &Which, shown: bool) -> anyhow::Result<Verified> {
    let event = which.event;
    let from = which.since.as_deref().map(|file| read_kept(file, event)).transpose()?;
    let (expected, event_no) = client.audit_head(event).await.context("ask for the head")?.value;
    let mut chain = Chain::from(event, event_no, from.unwrap_or_default());
    let begin = chain.head().revision;
    let mut trail = Vec::new();
    let mut feed = client.watch(client.shard_of(event.slot()), begin).with_digests();
    while chain.head().revision < expected.revision {
        let batch = match feed.next().await {
            Ok(batch) => batch,
            Err(WatchError::Compacted { oldest }) => bail!(
                "changes after revision {begin} are gone, the feed begins at {}: verify from a head \
                 that was kept since (--since)",
                oldest.unwrap_or(0)
            ),
            Err(error) => return Err(error).context("follow the feed"),
        };
        for change in &batch.changes {
            if change.revision > expected.revision {
                break;
            }
            if chain.take(change)? && shown {
                trail.push(line(change));
            }
        }
    }
    let AuditHead { head, changes, revision } = chain.head();
    let matches = (head, changes) == (expected.head, expected.changes);
    let head = Kept { event: event.to_string(), head: hex::encode(head), changes, revision };
    Ok(Verified { head, looked_at: revision.saturating_sub(begin), matches, trail })
}

fn line(change: &Change) -> Line {
    let key = change.key.map(|key| hex::encode(key.to_bytes()));
    Line {
        revision: change.revision,
        index: change.index,
        time_ms: change.time_ms,
        principal: change.principal.map(|user| user.to_string()).unwrap_or_default(),
        command: change.command.clone(),
        key: key.unwrap_or_default(),
        change: format!("{:?}", change.kind),
    }
}

fn text(verified: &Verified) -> String {
    let Verified { head, looked_at, matches, trail } = verified;
    let is = if *matches { "is the cluster's" } else { "IS NOT THE CLUSTER'S" };
    let told = format!(
        "head {} at revision {} over {} changes {is}; {looked_at} changes of the shard were looked at",
        head.head, head.revision, head.changes
    );
    if trail.is_empty() {
        return told;
    }
    let rows = trail.iter().map(|line| {
        vec![
            line.revision.to_string(),
            line.time_ms.to_string(),
            line.principal.clone(),
            line.command.clone(),
            line.change.clone(),
        ]
    });
    let head = ["REVISION", "TIME_MS", "PRINCIPAL", "COMMAND", "CHANGE"];
    format!("{}\n\n{told}", table(&head, rows))
}
