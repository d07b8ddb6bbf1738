//! The way to a node: a stream of its own, or a transport that somebody else brings.
//!
//! A simulation brings one, and so runs the client that production runs: its routing, its retries
//! and its reading of answers.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use rowlock_proto::v1;
use rowlock_proto::v1::inventory_client::InventoryClient;
use tokio::time::Instant;
use tonic::transport::Channel;

pub use crate::connection::Broken;
use crate::connection::Connection;

/// What a [`Transport`] hands out.
pub type Carried<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Carries calls to nodes. It may lose, delay and repeat them.
pub trait Transport: Debug + Send + Sync {
    /// One attempt of a call to the node at `addr`, which ends by `deadline`.
    fn call(
        &self,
        addr: &str,
        call: v1::Call,
        deadline: Instant,
    ) -> Carried<'_, Result<v1::Answer, Broken>>;
    /// The map, if the node at `addr` gives it.
    fn map(&self, addr: &str) -> Carried<'_, Option<v1::ClusterMap>>;
}

/// The way to one node.
#[derive(Debug)]
pub(crate) enum Link {
    Stream(Connection),
    Carried(Arc<dyn Transport>, String),
}

impl Link {
    /// One attempt of a call.
    pub(crate) async fn call(
        &self,
        call: v1::Call,
        deadline: Instant,
    ) -> Result<v1::Answer, Broken> {
        match self {
            Self::Stream(connection) => connection.call(call, deadline).await,
            Self::Carried(transport, addr) => transport.call(addr, call, deadline).await,
        }
    }

    /// For calls that have a stream of their own. `None`: the transport carries none.
    pub(crate) fn client(&self) -> Option<InventoryClient<Channel>> {
        match self {
            Self::Stream(connection) => Some(connection.client()),
            Self::Carried(..) => None,
        }
    }
}
