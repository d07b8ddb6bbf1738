//! The audit chain of an event, from outside.

use prost::Message as _;
use rowlock_proto::v1::change::Kind;
use rowlock_proto::v1::inventory_client::InventoryClient;
use rowlock_proto::v1::{query, query_reply};
use rowlock_proto::{BookingId, EventId, v1};
use sha2::{Digest as _, Sha256};

use crate::cluster::{Client, Cluster, SHARDS, channel};

async fn head(client: &mut Client, event: EventId) -> v1::AuditHead {
    let id = bytes::Bytes::copy_from_slice(&event.to_bytes());
    let get = query::Kind::GetAuditHead(v1::GetAuditHead { event: id });
    match client.query(event.slot(), get).await {
        query_reply::Kind::AuditHead(head) => head,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anybody_can_compute_the_chain_of_an_event_from_the_feed() {
    let cluster = Cluster::start(3);
    let mut client = cluster.client();
    let event = client.event_on_sale(50, 600_000).await;
    let other = client.event_on_sale(51, 600_000).await;
    for seat in 0..10 {
        client.hold(event, &[seat]).await;
        client.hold(other, &[seat]).await;
    }
    let head = head(&mut client, event).await;
    let shard = u32::from(event.slot().number()) % SHARDS;
    // Of a follower, which has folded its own.
    let mut node = InventoryClient::new(channel(cluster.addr(3)));
    let mut feed = node.watch(v1::WatchRequest { shard, after: 0 }).await.unwrap().into_inner();
    let (mut computed, mut count, mut revision) = ([0; 32], 0, 0);
    while revision < head.revision {
        for change in feed.message().await.unwrap().unwrap().changes {
            revision = change.revision;
            assert!(!change.command.is_empty() && change.key.len() == 16, "{change:?}");
            let is_its = match change.kind.as_ref().unwrap() {
                Kind::EventChanged(it) => it.event[..] == event.to_bytes(),
                Kind::SeatsHeld(it) => {
                    assert_eq!(change.command, "hold-seats");
                    let booking = BookingId::from_slice(&it.booking).unwrap();
                    (booking.slot(), booking.locator().event_no()) == (event.slot(), head.event_no)
                }
                _ => false,
            };
            if is_its && revision <= head.revision {
                let digest = Sha256::digest(change.encode_to_vec());
                computed =
                    Sha256::new().chain_update(computed).chain_update(digest).finalize().into();
                count += 1;
            }
        }
    }
    assert_eq!((&computed[..], count), (&head.head[..], head.changes));
    assert_eq!(count, 12, "created, published, and ten holds");
}
