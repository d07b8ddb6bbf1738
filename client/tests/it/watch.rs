use rowlock_client::WatchError;
use rowlock_client::types::ShardId;
use rowlock_proto::v1;
use tonic::Status;

use crate::fake::{self, Do, Scripts};

fn batch(revisions: &[u64]) -> v1::WatchBatch {
    let change = |&revision| v1::Change { revision, ..v1::Change::default() };
    v1::WatchBatch { changes: revisions.iter().map(change).collect(), ..v1::WatchBatch::default() }
}

fn scripts(
    feed: impl FnMut(v1::WatchRequest) -> Result<Vec<v1::WatchBatch>, Status> + Send + 'static,
) -> Scripts {
    Scripts { feed: Box::new(feed), ..Scripts::calls(|_| Do::Drop) }
}

#[tokio::test]
async fn a_feed_goes_on_elsewhere_without_gap_or_repetition() {
    // Each stream ends after what it has; the second begins with changes seen before and has a hole.
    let mut streams =
        vec![vec![batch(&[1, 2])], vec![batch(&[2, 3]), batch(&[5])], vec![batch(&[4, 5])]];
    let client = fake::cluster(vec![scripts(move |_| Ok(streams.remove(0)))]).await;
    let mut watch = client.watch(ShardId(0), 0);
    let mut seen = Vec::new();
    while seen.len() < 5 {
        let batch = watch.next().await.unwrap();
        seen.extend(batch.changes.iter().map(|change| change.revision));
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    assert_eq!(watch.after(), 5);
}

#[tokio::test]
async fn a_compacted_feed_says_from_where_it_can_be_had() {
    let client = fake::cluster(vec![scripts(|_| {
        let mut status = Status::failed_precondition("compacted");
        status.metadata_mut().insert("rowlock-oldest-revision", 77_u64.into());
        Err(status)
    })])
    .await;
    let next = client.watch(ShardId(0), 3).next().await;
    assert_eq!(next, Err(WatchError::Compacted { oldest: Some(77) }));
}
