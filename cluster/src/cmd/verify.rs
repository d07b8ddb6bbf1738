//! `rowctl verify`: replicas of each shard brought to one revision, compared, and audited.

use std::time::{Duration, Instant};

use rowlock_proto::v1;
use serde::Serialize;

use super::Context;
use crate::admin;
use crate::output::table;

/// How long the replicas of a shard may take to reach one revision.
const AGREE_WAIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(200);
/// How long one digest waits for its replica to catch up.
const DIGEST_WAIT_MS: u32 = 2_000;

#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    shards: Vec<Shard>,
    problems: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Shard {
    id: u32,
    revision: Option<u64>,
    digest: Option<String>,
    events: u64,
    bookings: u64,
    seats_held: u64,
    seats_sold: u64,
}

pub async fn run(context: &Context) -> anyhow::Result<bool> {
    let deadline = Instant::now() + AGREE_WAIT;
    let endpoints = context.endpoints()?;
    // Nodes that were just started listen before they have loaded what they store.
    let map = loop {
        match admin::map(&endpoints).await {
            Ok(map) => break map,
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(_) => tokio::time::sleep(POLL).await,
        }
    };
    let mut report = Report { ok: true, shards: Vec::new(), problems: Vec::new() };
    let checks = map.shards.iter().map(|shard| check(&map, shard, deadline));
    for (shard, problems) in futures_util::future::join_all(checks).await {
        report.shards.push(shard);
        report.problems.extend(problems);
    }
    report.ok = report.problems.is_empty();
    context.output.show(&report, text);
    Ok(report.ok)
}

struct Place {
    node: u64,
    addr: String,
}

async fn check(
    map: &v1::ClusterMap,
    entry: &v1::ShardEntry,
    deadline: Instant,
) -> (Shard, Vec<String>) {
    let mut shard = Shard {
        id: entry.shard,
        revision: None,
        digest: None,
        events: 0,
        bookings: 0,
        seats_held: 0,
        seats_sold: 0,
    };
    let places: Vec<Place> = entry
        .replicas
        .iter()
        .map(|replica| {
            let node = map.nodes.iter().find(|node| node.node == replica.node);
            let addr = node.map(|node| node.addr.clone()).unwrap_or_default();
            Place { node: replica.node, addr }
        })
        .collect();
    let mut problems = Vec::new();
    match agree(entry.shard, &places, deadline).await {
        Ok(digest) => {
            shard.revision = Some(digest.revision);
            shard.digest = Some(hex::encode(&digest.digest));
        }
        Err(found) => problems.extend(found),
    }
    for place in &places {
        match audit(&place.addr, entry.shard).await {
            Ok(reply) => {
                let at = format!("shard {} on node {}", entry.shard, place.node);
                problems.extend(reply.violations.iter().map(|what| format!("{at}: {what}")));
                shard.events = reply.events;
                shard.bookings = reply.bookings;
                shard.seats_held = reply.seats_held;
                shard.seats_sold = reply.seats_sold;
            }
            Err(error) => problems.push(unreachable(entry.shard, place, &error)),
        }
    }
    problems.dedup();
    (shard, problems)
}

fn unreachable(shard: u32, place: &Place, error: &anyhow::Error) -> String {
    format!("replica of shard {shard} on node {} ({}): {error:#}", place.node, place.addr)
}

/// One digest that every replica gives at one revision, or what is in the way when time is up.
async fn agree(
    shard: u32,
    places: &[Place],
    deadline: Instant,
) -> Result<v1::DigestReply, Vec<String>> {
    let mut min_index = 0;
    loop {
        let asked = places.iter().map(|place| digest(&place.addr, shard, min_index));
        let answers = futures_util::future::join_all(asked).await;
        let mut digests = Vec::new();
        let mut problems = Vec::new();
        for (place, answer) in places.iter().zip(answers) {
            match answer {
                Ok(digest) => digests.push((place.node, digest)),
                Err(error) => problems.push(unreachable(shard, place, &error)),
            }
        }
        if problems.is_empty()
            && let Some((_, first)) = digests.first()
        {
            let one_revision = digests.iter().all(|(_, digest)| digest.revision == first.revision);
            let one_index =
                digests.iter().all(|(_, digest)| digest.applied_index == first.applied_index);
            if one_revision && digests.iter().all(|(_, digest)| digest.digest == first.digest) {
                return Ok(first.clone());
            }
            let each = digests.iter().map(|(node, digest)| {
                let hash = hex::encode(digest.digest.get(..8).unwrap_or_default());
                format!("node {node}: revision {} digest {hash}", digest.revision)
            });
            let each = each.collect::<Vec<_>>().join(", ");
            problems.push(format!("replicas of shard {shard} differ: {each}"));
            // The same log applied to the same point is no matter of waiting.
            if one_revision && one_index {
                return Err(problems);
            }
        }
        if Instant::now() >= deadline {
            return Err(problems);
        }
        min_index = digests.iter().map(|(_, digest)| digest.applied_index).max().unwrap_or(0);
        tokio::time::sleep(POLL).await;
    }
}

async fn digest(addr: &str, shard: u32, min_index: u64) -> anyhow::Result<v1::DigestReply> {
    let request = v1::DigestRequest { shard, min_index, timeout_ms: DIGEST_WAIT_MS };
    Ok(admin::node(addr).await?.replica_digest(request).await?.into_inner())
}

async fn audit(addr: &str, shard: u32) -> anyhow::Result<v1::AuditReply> {
    Ok(admin::node(addr).await?.audit(v1::AuditRequest { shard }).await?.into_inner())
}

fn text(report: &Report) -> String {
    let shards = table(
        &["SHARD", "REVISION", "DIGEST", "EVENTS", "BOOKINGS", "HELD", "SOLD"],
        report.shards.iter().map(|shard| {
            let digest = shard.digest.as_deref().unwrap_or("-");
            vec![
                shard.id.to_string(),
                shard.revision.map_or_else(|| "-".to_owned(), |revision| revision.to_string()),
                digest.get(..16).unwrap_or(digest).to_owned(),
                shard.events.to_string(),
                shard.bookings.to_string(),
                shard.seats_held.to_string(),
                shard.seats_sold.to_string(),
            ]
        }),
    );
    let verdict = match report.ok {
        true => "All replicas agree and every invariant holds.".to_owned(),
        false => report.problems.join("\n"),
    };
    format!("{shards}\n\n{verdict}")
}
