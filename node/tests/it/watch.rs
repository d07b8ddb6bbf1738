//! The change feed.

use rowlock_proto::v1;
use rowlock_proto::v1::change::Kind;
use rowlock_proto::v1::inventory_client::InventoryClient;

use crate::cluster::{Cluster, channel};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_come_in_order_and_go_on_from_a_revision() {
    let cluster = Cluster::start(3);
    let mut client = cluster.client();
    let event = client.event_on_sale(30, 600_000).await;
    let shard = u32::from(event.slot().number()) % crate::cluster::SHARDS;
    let follow = async |after| {
        let mut node = InventoryClient::new(channel(cluster.addr(2)));
        node.watch(v1::WatchRequest { shard, after }).await.unwrap().into_inner()
    };
    let mut feed = follow(0).await;
    let booking = client.hold(event, &[1, 2]).await;
    let mut changes = Vec::new();
    while !changes.iter().any(|change: &v1::Change| matches!(change.kind, Some(Kind::SeatsHeld(_))))
    {
        changes.extend(feed.message().await.unwrap().unwrap().changes);
    }
    let revisions: Vec<u64> = changes.iter().map(|change| change.revision).collect();
    assert_eq!(revisions, (1..=revisions.len() as u64).collect::<Vec<_>>());
    let Some(Kind::SeatsHeld(held)) = &changes.last().unwrap().kind else { panic!() };
    assert_eq!((&held.booking, &held.seats[..]), (&booking.booking, &[1, 2][..]));

    let last = *revisions.last().unwrap();
    let mut feed = follow(last - 1).await;
    let batch = feed.message().await.unwrap().unwrap();
    assert_eq!(batch.changes[0].revision, last);
    assert_eq!(batch.revision, last);
}
