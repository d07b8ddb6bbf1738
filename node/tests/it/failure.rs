//! Nodes that stop and come back.

use rowlock_proto::shard::SLOTS;
use rowlock_proto::v1::cluster_client::ClusterClient;
use rowlock_proto::{EventId, v1};

use crate::cluster::{Cluster, SHARDS, channel, until};

fn shard(event: EventId) -> u32 {
    const { assert!((SLOTS as u32).is_multiple_of(SHARDS)) };
    u32::from(event.slot().number()) % SHARDS
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_leads_when_the_leader_stops() {
    let mut cluster = Cluster::start(3);
    let mut client = cluster.client();
    let event = client.event_on_sale(10, 600_000).await;
    client.hold(event, &[1]).await;
    let leader = cluster.leader(shard(event)).await;
    cluster.stop(leader);
    let mut client = cluster.client();
    let began = std::time::Instant::now();
    client.hold(event, &[2]).await;
    assert!(began.elapsed().as_secs() < 3, "{:?}", began.elapsed());
    assert_eq!(client.seats(event).await[..4], [0, 1, 1, 0]);
    assert_ne!(cluster.leader(shard(event)).await, leader);

    // The one that was away catches up.
    cluster.start_again(leader);
    replicas_agree(&cluster, shard(event)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_stopped_whole_comes_back_with_everything() {
    let mut cluster = Cluster::start(3);
    let mut client = cluster.client();
    let mut events = Vec::new();
    for number in 20..24 {
        let event = client.event_on_sale(number, 600_000).await;
        client.hold(event, &[7, 8]).await;
        events.push(event);
    }
    for id in 1..=3 {
        cluster.stop(id);
    }
    for id in 1..=3 {
        cluster.start_again(id);
    }
    let mut client = cluster.client();
    for event in events {
        assert_eq!(client.seats(event).await[6..10], [0, 1, 1, 0]);
        replicas_agree(&cluster, shard(event)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leadership_goes_where_it_is_sent() {
    let cluster = Cluster::start(3);
    let leader = cluster.leader(0).await;
    let to_node = leader % 3 + 1;
    let mut admin = ClusterClient::new(channel(cluster.addr(leader)));
    let sent = admin.transfer_leader(v1::TransferLeaderRequest { shard: 0, to_node }).await;
    assert_eq!(sent.unwrap().into_inner().leader_node, to_node);
    until("the new leader", async || cluster.leader(0).await == to_node).await;
}

/// Every replica has the same state at the same index.
async fn replicas_agree(cluster: &Cluster, shard: u32) {
    until("replicas that agree", async || {
        let mut seen = Vec::new();
        for id in cluster.running() {
            let mut admin = ClusterClient::new(channel(cluster.addr(id)));
            let request = v1::DigestRequest { shard, min_index: 1, timeout_ms: 1000 };
            let Ok(digest) = admin.replica_digest(request).await else { return false };
            let digest = digest.into_inner();
            seen.push((digest.applied_index, digest.revision, digest.digest));
            let audit = admin.audit(v1::AuditRequest { shard }).await.unwrap().into_inner();
            assert!(audit.violations.is_empty(), "{:?}", audit.violations);
        }
        seen.windows(2).all(|pair| pair[0] == pair[1])
    })
    .await;
}
