//! Named consumers of the feed.

use rowlock_proto::v1::{consumer_command, query, query_reply, reply};
use rowlock_proto::{ErrorCode, EventId, Slot, v1};

use crate::cluster::{Client, Cluster, Decided, until};

async fn ask(
    client: &mut Client,
    slot: Slot,
    kind: consumer_command::Kind,
) -> Result<v1::Consumer, ErrorCode> {
    let command = v1::ConsumerCommand { name: "mail".to_owned(), kind: Some(kind) };
    let key = client.key();
    match client.command(slot, key, v1::command::Kind::Consumer(command)).await.1 {
        Decided::Reply(reply::Kind::Consumer(consumer)) => Ok(consumer),
        Decided::Refusal(refusal) => Err(ErrorCode::from_number(refusal.code).unwrap()),
        other => panic!("{other:?}"),
    }
}

fn lease(holder: &str) -> consumer_command::Kind {
    consumer_command::Kind::Lease(v1::LeaseConsumer { holder: holder.to_owned(), ttl_ms: 1_000 })
}

fn acknowledge(holder: &str, lease: u64, revision: u64) -> consumer_command::Kind {
    let holder = holder.to_owned();
    consumer_command::Kind::Acknowledge(v1::AcknowledgeChanges { holder, lease, revision })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_takes_over_and_the_position_outlives_every_node() {
    let mut cluster = Cluster::start(3);
    let mut client = cluster.client();
    let event: EventId = client.event_on_sale(40, 600_000).await;
    let slot = event.slot();
    assert_eq!(ask(&mut client, slot, lease("api-1")).await, Err(ErrorCode::ConsumerNotFound));
    let register = consumer_command::Kind::Register(v1::RegisterConsumer { after: Some(0) });
    assert_eq!(ask(&mut client, slot, register).await.unwrap().position, 0);
    let began = std::time::Instant::now();
    let first = ask(&mut client, slot, lease("api-1")).await.unwrap();
    assert_eq!(ask(&mut client, slot, lease("api-2")).await, Err(ErrorCode::ConsumerLeased));
    let done = ask(&mut client, slot, acknowledge("api-1", first.lease, 2)).await.unwrap();
    assert_eq!(done.position, 2);
    let mut second = None;
    until("the end of a lease", async || {
        second = ask(&mut client, slot, lease("api-2")).await.ok();
        second.is_some()
    })
    .await;
    assert!(began.elapsed().as_millis() >= 1_000, "its time was not over");
    let second = second.unwrap();
    assert!(second.lease > first.lease);
    let late = ask(&mut client, slot, acknowledge("api-1", first.lease, 3)).await;
    assert_eq!(late, Err(ErrorCode::ConsumerFenced));
    ask(&mut client, slot, acknowledge("api-2", second.lease, 3)).await.unwrap();

    for id in cluster.running() {
        cluster.stop(id);
    }
    for id in 1..=3 {
        cluster.start_again(id);
    }
    let mut client = cluster.client();
    let list = query::Kind::ListConsumers(v1::ListConsumers {});
    let query_reply::Kind::Consumers(found) = client.query(slot, list).await else { panic!() };
    let [consumer] = &found.consumers[..] else { panic!("{found:?}") };
    assert_eq!((consumer.position, consumer.lease), (3, second.lease));
}
