//! `rowctl status`: every node and every shard's replicas.

use std::collections::BTreeMap;

use rowlock_proto::v1;
use serde::Serialize;

use super::Context;
use crate::admin;
use crate::output::table;

#[derive(Debug, Serialize)]
struct Status {
    nodes: Vec<Node>,
    shards: Vec<Shard>,
}

#[derive(Debug, Serialize)]
struct Node {
    id: u64,
    addr: String,
    alive: bool,
    version: Option<String>,
    uptime_ms: Option<u64>,
    clock_offset_us: Option<i64>,
    clock_error_us: Option<u64>,
    clock_checked: Option<bool>,
    leads: usize,
}

#[derive(Debug, Serialize)]
struct Shard {
    id: u32,
    /// Node of the leader, if one is known.
    leader: Option<u64>,
    revision: Option<u64>,
    replicas: Vec<Replica>,
}

#[derive(Debug, Serialize)]
struct Replica {
    node: u64,
    replica: u64,
    role: String,
    term: Option<u64>,
    revision: Option<u64>,
    /// Revisions behind the most advanced replica.
    lag: Option<u64>,
    applied_index: Option<u64>,
    queue: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

pub async fn run(context: &Context) -> anyhow::Result<bool> {
    let map = admin::map(&context.endpoints()?).await?;
    let asked = map.nodes.iter().map(|node| async {
        let status = admin::status(&node.addr).await;
        (node.node, status.map_err(|error| tracing::debug!("{error:#}")).ok())
    });
    let known: BTreeMap<u64, Option<v1::StatusReply>> =
        futures_util::future::join_all(asked).await.into_iter().collect();
    let status = build(&map, &known);
    let clean = status.nodes.iter().all(|node| node.alive);
    context.output.show(&status, text);
    Ok(clean || context.output == crate::output::Output::Json)
}

fn build(map: &v1::ClusterMap, known: &BTreeMap<u64, Option<v1::StatusReply>>) -> Status {
    let of = |node: u64| known.get(&node).and_then(Option::as_ref);
    let nodes = map.nodes.iter().map(|entry| {
        let status = of(entry.node);
        Node {
            id: entry.node,
            addr: entry.addr.clone(),
            alive: status.is_some(),
            version: status.map(|status| status.version.clone()),
            uptime_ms: status.map(|status| status.uptime_ms),
            clock_offset_us: status.map(|status| status.clock_offset_us),
            clock_error_us: status.map(|status| status.clock_error_us),
            clock_checked: status.map(|status| status.clock_checked),
            leads: status.map_or(0, |status| {
                status.replicas.iter().filter(|replica| replica.role == "leader").count()
            }),
        }
    });
    let shards = map.shards.iter().map(|entry| {
        let replicas: Vec<_> = entry
            .replicas
            .iter()
            .map(|place| {
                let status = of(place.node);
                let own = status.and_then(|status| {
                    status.replicas.iter().find(|replica| replica.shard == entry.shard)
                });
                (place, own)
            })
            .collect();
        let revision = replicas.iter().filter_map(|(_, own)| Some((*own)?.revision)).max();
        // After a change of leader an old one may call itself so for a moment: the term decides.
        let leader = replicas
            .iter()
            .filter_map(|(place, own)| {
                own.filter(|own| own.role == "leader").map(|own| (own.term, place.node))
            })
            .max();
        Shard {
            id: entry.shard,
            leader: leader.map(|(_, node)| node),
            revision,
            replicas: replicas
                .into_iter()
                .map(|(place, own)| Replica {
                    node: place.node,
                    replica: place.replica,
                    role: own.map_or_else(|| "unreachable".to_owned(), |own| own.role.clone()),
                    term: own.map(|own| own.term),
                    revision: own.map(|own| own.revision),
                    lag: own.and_then(|own| revision.map(|most| most - own.revision)),
                    applied_index: own.map(|own| own.applied_index),
                    queue: own.map(|own| own.queue_len),
                    fault: own.filter(|own| !own.fault.is_empty()).map(|own| own.fault.clone()),
                })
                .collect(),
        }
    });
    Status { nodes: nodes.collect(), shards: shards.collect() }
}

fn text(status: &Status) -> String {
    let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let nodes = table(
        &["NODE", "ADDRESS", "ALIVE", "LEADS", "UPTIME_MS", "CLOCK_CHECKED"],
        status.nodes.iter().map(|node| {
            vec![
                node.id.to_string(),
                node.addr.clone(),
                node.alive.to_string(),
                node.leads.to_string(),
                number(node.uptime_ms),
                node.clock_checked.map_or_else(|| "-".to_owned(), |checked| checked.to_string()),
            ]
        }),
    );
    let shards = table(
        &["SHARD", "LEADER", "REVISION", "REPLICAS (node:role:lag)"],
        status.shards.iter().map(|shard| {
            let replicas = shard.replicas.iter().map(|replica| {
                format!("{}:{}:{}", replica.node, replica.role, number(replica.lag))
            });
            vec![
                shard.id.to_string(),
                number(shard.leader),
                number(shard.revision),
                replicas.collect::<Vec<_>>().join(" "),
            ]
        }),
    );
    format!("{nodes}\n\n{shards}")
}
