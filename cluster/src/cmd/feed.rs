//! `rowctl feed`: who follows the change feeds, and how far they are.

use rowlock_client::types::ShardId;
use serde::Serialize;

use super::Context;
use crate::output::table;

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Verb {
    /// Show the named consumers of every shard: a shard keeps its feed for them.
    Consumers,
    /// Let go of a consumer that will not come back: its feed is no longer kept. Can be repeated.
    Unregister {
        /// The consumer's name, in all shards.
        name: String,
    },
}

#[derive(Debug, Serialize)]
struct Consumer {
    shard: u32,
    name: String,
    position: u64,
    /// Changes that it has not acknowledged.
    lag: u64,
    /// Since when its position has not moved.
    still_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_left_ms: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Unregistered {
    name: String,
    shards: u32,
}

pub async fn run(args: Args, context: &Context) -> anyhow::Result<bool> {
    match args.command {
        Verb::Consumers => consumers(context).await,
        Verb::Unregister { name } => unregister(name, context).await,
    }
}

async fn consumers(context: &Context) -> anyhow::Result<bool> {
    let client = context.connect().await?;
    let mut all = Vec::new();
    for shard in (0..client.shard_count()).map(ShardId) {
        let found = client.consumers(shard).await?;
        let (revision, now_ms) = (found.at.revision, found.at.log_time_ms);
        all.extend(found.value.into_iter().map(|consumer| {
            let live = consumer.lease.filter(|lease| lease.until_ms > now_ms);
            Consumer {
                shard: shard.0,
                name: consumer.name,
                position: consumer.position,
                lag: revision.saturating_sub(consumer.position),
                still_ms: now_ms.saturating_sub(consumer.moved_ms),
                lease_left_ms: live.as_ref().map(|lease| lease.until_ms - now_ms),
                holder: live.map(|lease| lease.holder),
            }
        }));
    }
    context.output.show(&all, |all| text(all));
    Ok(true)
}

async fn unregister(name: String, context: &Context) -> anyhow::Result<bool> {
    let client = context.connect().await?;
    let shards = client.shard_count();
    for shard in (0..shards).map(ShardId) {
        client.unregister_consumer(shard, &name).await?;
    }
    let done = Unregistered { name, shards };
    context.output.show(&done, |done| {
        format!("{} is no consumer of any of {} shards", done.name, done.shards)
    });
    Ok(true)
}

fn text(all: &[Consumer]) -> String {
    if all.is_empty() {
        return "no named consumers".to_owned();
    }
    let head = ["SHARD", "CONSUMER", "POSITION", "LAG", "STILL_MS", "HOLDER", "LEASE_LEFT_MS"];
    table(
        &head,
        all.iter().map(|consumer| {
            let none = || "-".to_owned();
            vec![
                consumer.shard.to_string(),
                consumer.name.clone(),
                consumer.position.to_string(),
                consumer.lag.to_string(),
                consumer.still_ms.to_string(),
                consumer.holder.clone().unwrap_or_else(none),
                consumer.lease_left_ms.map_or_else(none, |ms| ms.to_string()),
            ]
        }),
    )
}
