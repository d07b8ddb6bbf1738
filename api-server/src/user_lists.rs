//! Keeping the lists of what users have: one consumer a shard, shared by all API servers, of which one
//! works at a time.

use rowlock_client::Client;
use rowlock_client::types::ShardId;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Starts one loop a shard; each gives its lease back once it is told to stop.
pub(crate) fn start(client: &Client, stop: &CancellationToken) -> JoinSet<()> {
    let mut loops = JoinSet::new();
    // This process alone, in this life of it.
    let holder = format!("api-{}-{:016x}", std::process::id(), rand::random::<u64>());
    for shard in (0..client.shard_count()).map(ShardId) {
        let (client, holder, stop) = (client.clone(), holder.clone(), stop.clone());
        loops.spawn(async move {
            Box::pin(client.keep_user_lists(shard, &holder, stop.cancelled())).await;
        });
    }
    loops
}
