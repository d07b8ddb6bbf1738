//! Nodes asked one by one, for administration: what a client that routes must not do.

use std::time::Duration;

use anyhow::Context as _;
use rowlock_proto::v1;
use rowlock_proto::v1::cluster_client::ClusterClient;
use rowlock_proto::v1::inventory_client::InventoryClient;
use tonic::transport::{Channel, Endpoint};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// For what a node knows at once: one that is stopped in its tracks still takes connections.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);
/// For what reads a whole replica.
const WORK_TIMEOUT: Duration = Duration::from_secs(20);

async fn channel(addr: &str, timeout: Duration) -> anyhow::Result<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{addr}"))
        .with_context(|| format!("{addr} is no address"))?
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout);
    endpoint.connect().await.with_context(|| format!("reach {addr}"))
}

pub async fn node(addr: &str) -> anyhow::Result<ClusterClient<Channel>> {
    Ok(ClusterClient::new(channel(addr, WORK_TIMEOUT).await?))
}

/// The map, from the first node that gives it.
pub async fn map(endpoints: &[String]) -> anyhow::Result<v1::ClusterMap> {
    let mut last = anyhow::anyhow!("no endpoints");
    for addr in endpoints {
        let map = async {
            let mut client = InventoryClient::new(channel(addr, ASK_TIMEOUT).await?);
            let reply = client.get_map(v1::GetMapRequest {}).await;
            Ok(reply.with_context(|| format!("ask {addr} for the map"))?.into_inner())
        };
        match map.await {
            Ok(map) => return Ok(map),
            Err(error) => last = error,
        }
    }
    Err(last)
}

pub async fn status(addr: &str) -> anyhow::Result<v1::StatusReply> {
    let mut node = ClusterClient::new(channel(addr, ASK_TIMEOUT).await?);
    let reply = node.status(v1::StatusRequest {}).await;
    Ok(reply.with_context(|| format!("ask {addr} for its status"))?.into_inner())
}
