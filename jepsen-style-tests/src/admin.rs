//! Asks nodes about themselves, past all proxies.
//!
//! Owns: status, digests and audits, and the comparison of replicas. Must not: be used by the
//! workload.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rowlock_proto::v1;
use rowlock_proto::v1::cluster_client::ClusterClient;

/// How long one question may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// A digest waits at the node for the index that it is asked for.
const DIGEST_TIMEOUT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(100);

/// Why a node did not answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

async fn within<T, E: std::fmt::Display>(
    timeout: Duration,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, Error> {
    match tokio::time::timeout(timeout, answer).await {
        Ok(answer) => answer.map_err(|error| Error(error.to_string())),
        Err(_) => Err(Error("no answer in time".to_owned())),
    }
}

/// What a node knows of itself.
pub async fn status(address: SocketAddr) -> Result<v1::StatusReply, Error> {
    let ask = async {
        let mut client = ClusterClient::connect(format!("http://{address}"))
            .await
            .map_err(|error| error.to_string())?;
        let answer = client.status(v1::StatusRequest {}).await;
        answer.map(|answer| answer.into_inner()).map_err(|status| status.to_string())
    };
    within(ANSWER_TIMEOUT, ask).await
}

/// Hands a shard over to another node, as an operator would.
pub async fn transfer(address: SocketAddr, shard: u32, to_node: u64) -> Result<(), Error> {
    let ask = async {
        let mut client = ClusterClient::connect(format!("http://{address}"))
            .await
            .map_err(|error| error.to_string())?;
        let answer = client.transfer_leader(v1::TransferLeaderRequest { shard, to_node }).await;
        answer.map(drop).map_err(|status| status.to_string())
    };
    within(DIGEST_TIMEOUT, ask).await
}

async fn digest(address: SocketAddr, shard: u32, min_index: u64) -> Result<v1::DigestReply, Error> {
    let timeout_ms = 10_000;
    let ask = async {
        let mut client = ClusterClient::connect(format!("http://{address}"))
            .await
            .map_err(|error| error.to_string())?;
        let answer =
            client.replica_digest(v1::DigestRequest { shard, min_index, timeout_ms }).await;
        answer.map(|answer| answer.into_inner()).map_err(|status| status.to_string())
    };
    within(DIGEST_TIMEOUT, ask).await
}

async fn audit(address: SocketAddr, shard: u32) -> Result<v1::AuditReply, Error> {
    let ask = async {
        let mut client = ClusterClient::connect(format!("http://{address}"))
            .await
            .map_err(|error| error.to_string())?;
        let answer = client.audit(v1::AuditRequest { shard }).await;
        answer.map(|answer| answer.into_inner()).map_err(|status| status.to_string())
    };
    within(DIGEST_TIMEOUT, ask).await
}

/// Waits until every shard has one leader that all of its replicas name; otherwise says which has
/// not.
pub async fn settled(
    nodes: &BTreeMap<u64, SocketAddr>,
    shards: u32,
    limit: Duration,
) -> Result<(), Error> {
    let deadline = Instant::now() + limit;
    loop {
        let mut leaders: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
        let mut silent = Vec::new();
        for (&node, &address) in nodes {
            match status(address).await {
                Ok(status) => {
                    for replica in status.replicas {
                        leaders.entry(replica.shard).or_default().insert(replica.leader_node);
                    }
                }
                Err(error) => silent.push(format!("node {node}: {error}")),
            }
        }
        let led = |shard: &u32| {
            leaders.get(shard).is_some_and(|named| named.len() == 1 && !named.contains(&0))
        };
        let missing: Vec<u32> = (0..shards).filter(|shard| !led(shard)).collect();
        if silent.is_empty() && missing.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let what =
                format!("after {limit:?} shards {missing:?} have no agreed leader; {silent:?}");
            return Err(Error(what));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The last revision of each shard that any of its replicas has.
pub async fn revisions(nodes: &BTreeMap<u64, SocketAddr>) -> BTreeMap<u32, u64> {
    let mut found = BTreeMap::new();
    for &address in nodes.values() {
        let Ok(status) = status(address).await else { continue };
        for replica in status.replicas {
            let last = found.entry(replica.shard).or_insert(0);
            *last = replica.revision.max(*last);
        }
    }
    found
}

/// Waits until the replicas of each shard stand at one index, and compares their digests there and
/// their invariants. Returns what is wrong.
pub async fn compare(
    nodes: &BTreeMap<u64, SocketAddr>,
    shards: u32,
    limit: Duration,
) -> Vec<String> {
    let mut found = Vec::new();
    let mut hosts: BTreeMap<u32, BTreeMap<u64, SocketAddr>> = BTreeMap::new();
    for (&node, &address) in nodes {
        match status(address).await {
            Ok(status) => {
                for replica in status.replicas {
                    hosts.entry(replica.shard).or_default().insert(node, address);
                }
            }
            Err(error) => found.push(format!("status of node {node}: {error}")),
        }
    }
    for shard in 0..shards {
        let Some(nodes) = hosts.get(&shard) else {
            found.push(format!("shard {shard} is nowhere"));
            continue;
        };
        if let Err(what) = compare_shard(nodes, shard, limit).await {
            found.push(format!("shard {shard}: {what}"));
        }
        for (&node, &address) in nodes {
            match audit(address, shard).await {
                Ok(audit) if audit.violations.is_empty() => {}
                Ok(audit) => {
                    found.push(format!("shard {shard} on node {node}: {:?}", audit.violations));
                }
                Err(error) => found.push(format!("audit of shard {shard} on node {node}: {error}")),
            }
        }
    }
    found
}

async fn compare_shard(
    nodes: &BTreeMap<u64, SocketAddr>,
    shard: u32,
    limit: Duration,
) -> Result<(), String> {
    let deadline = Instant::now() + limit;
    let mut min_index = 0;
    loop {
        let mut digests = BTreeMap::new();
        let mut failed = None;
        for (&node, &address) in nodes {
            match digest(address, shard, min_index).await {
                Ok(digest) => {
                    min_index = min_index.max(digest.applied_index);
                    digests.insert(node, digest);
                }
                Err(error) => failed = Some(format!("digest of node {node}: {error}")),
            }
        }
        let indexes: BTreeSet<u64> = digests.values().map(|digest| digest.applied_index).collect();
        if failed.is_none() && indexes.len() == 1 {
            let same: BTreeSet<&[u8]> = digests.values().map(|digest| &digest.digest[..]).collect();
            return if same.len() == 1 {
                Ok(())
            } else {
                Err(format!("replicas differ at index {indexes:?}: {digests:?}"))
            };
        }
        if Instant::now() >= deadline {
            return Err(failed.unwrap_or_else(|| format!("replicas stand at {indexes:?}")));
        }
    }
}
