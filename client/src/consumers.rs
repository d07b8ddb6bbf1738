//! The typed calls of named consumers of a shard's feed. Whoever only wants to follow one uses
//! [`crate::consume`], which makes these calls.

use std::time::Duration;

use rowlock_proto::v1::command::Kind;
use rowlock_proto::v1::consumer_command::Kind as Of;
use rowlock_proto::v1::query::Kind as Query;
use rowlock_proto::v1::query_reply::Kind as Found;
use rowlock_proto::v1::reply::Kind as Reply;
use rowlock_proto::{ShardId, UserId, v1};

use crate::calls::done;
use crate::client::Client;
use crate::error::Error;
use crate::types::Answered;
use crate::wire::Unreadable;

/// The cluster itself: consumers are nobody's.
const NOBODY: UserId = UserId(0);

/// A named consumer of one shard's feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    pub name: String,
    /// Everything up to this revision is done.
    pub position: u64,
    /// When the position last moved.
    pub moved_ms: u64,
    pub lease: Option<Lease>,
}

/// Who works for a consumer. It may have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Never the same twice in a shard.
    pub number: u64,
    pub holder: String,
    pub until_ms: u64,
}

impl Client {
    /// From then on the shard keeps its feed for the consumer. `after` `None`: it begins with the next
    /// change. If it is registered already, nothing changes.
    pub async fn register_consumer(
        &self,
        shard: ShardId,
        name: &str,
        after: Option<u64>,
    ) -> Result<Answered<Consumer>, Error> {
        let register = v1::RegisterConsumer { after };
        self.consumer_write(shard, name, Of::Register(register), consumer).await
    }

    /// Takes the lease, or renews one's own. `holder` is the caller's alone, in this life of it.
    pub async fn lease_consumer(
        &self,
        shard: ShardId,
        name: &str,
        holder: &str,
        ttl: Duration,
    ) -> Result<Answered<Consumer>, Error> {
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        let lease = v1::LeaseConsumer { holder: holder.to_owned(), ttl_ms };
        self.consumer_write(shard, name, Of::Lease(lease), consumer).await
    }

    /// Everything up to `revision` is done. Refused with `ConsumerFenced` once another has the lease.
    pub async fn acknowledge(
        &self,
        shard: ShardId,
        name: &str,
        holder: &str,
        lease: u64,
        revision: u64,
    ) -> Result<Answered<Consumer>, Error> {
        let holder = holder.to_owned();
        let acknowledge = v1::AcknowledgeChanges { holder, lease, revision };
        self.consumer_write(shard, name, Of::Acknowledge(acknowledge), consumer).await
    }

    /// Gives the lease back before its time, so that another need not wait.
    pub async fn yield_consumer(
        &self,
        shard: ShardId,
        name: &str,
        holder: &str,
        lease: u64,
    ) -> Result<Answered<()>, Error> {
        let back = v1::YieldConsumer { holder: holder.to_owned(), lease };
        self.consumer_write(shard, name, Of::Yield(back), done).await
    }

    /// The feed is no longer kept for it.
    pub async fn unregister_consumer(
        &self,
        shard: ShardId,
        name: &str,
    ) -> Result<Answered<()>, Error> {
        self.consumer_write(shard, name, Of::Unregister(v1::Done {}), done).await
    }

    /// Every consumer of the shard, by name.
    pub async fn consumers(&self, shard: ShardId) -> Result<Answered<Vec<Consumer>>, Error> {
        let kind = Query::ListConsumers(v1::ListConsumers {});
        self.read(self.slot_of(shard)?, kind, |found| match found {
            Found::Consumers(list) => Some(Ok(list.consumers.into_iter().map(read).collect())),
            _ => None,
        })
        .await
    }

    async fn consumer_write<T>(
        &self,
        shard: ShardId,
        name: &str,
        kind: Of,
        answer: fn(Reply) -> Result<T, Unreadable>,
    ) -> Result<Answered<T>, Error> {
        let command = v1::ConsumerCommand { name: name.to_owned(), kind: Some(kind) };
        let key = crate::key::request_key();
        self.write(self.slot_of(shard)?, NOBODY, key, Kind::Consumer(command), answer).await
    }
}

fn consumer(reply: Reply) -> Result<Consumer, Unreadable> {
    match reply {
        Reply::Consumer(wire) => Ok(read(wire)),
        Reply::Booking(_)
        | Reply::PaymentBegun(_)
        | Reply::RefundDue(_)
        | Reply::Refund(_)
        | Reply::Done(_)
        | Reply::QueuePlace(_)
        | Reply::Tended(_)
        | Reply::Waiter(_)
        | Reply::Session(_)
        | Reply::Scans(_)
        | Reply::Expired(_) => Err(Unreadable("reply to a consumer")),
    }
}

fn read(wire: v1::Consumer) -> Consumer {
    let v1::Consumer { name, position, moved_ms, lease: number, holder, until_ms } = wire;
    let lease = (number != 0).then_some(Lease { number, holder, until_ms });
    Consumer { name, position, moved_ms, lease }
}
