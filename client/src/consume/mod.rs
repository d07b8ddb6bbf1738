//! Following a shard's feed under a name, so that of many processes one works at a time and another
//! takes over where it stopped.
//!
//! ```text
//!   register --> lease --> read after the position --> handle --> acknowledge
//!                  ^  (renewed while there is work)                   |
//!                  '---- another had it, or it ended ---- more <------'
//! ```
//!
//! Owns: the loop. What comes next is decided in `turn` alone. Invariants:
//! - A change is handled at least once: after a failure, a restart or a take-over those that were not
//!   acknowledged come again. Handling must be safe to repeat.
//! - While this process handles changes it holds the lease, by a clock that runs ahead of the cluster's.

mod turn;

use std::fmt::Display;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use rowlock_proto::{ErrorCode, ShardId};
use tokio::time::Instant;

use self::turn::{Pace, Step, Turn};
use crate::client::Client;
use crate::error::Error;
use crate::types::Change;
use crate::watch::{Watch, WatchError};

const ACKNOWLEDGE_EVERY: Duration = Duration::from_millis(500);
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Under which name, and as who, a feed is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// 1 to 64 of a-z, 0-9, '-', '.' and '_'.
    pub name: String,
    /// This process alone, in this life of it.
    pub holder: String,
    /// How long the cluster waits for a holder that says nothing: 1 s to 10 min.
    pub lease: Duration,
}

/// What is done with changes.
pub trait Handle: Send {
    type Error: Display + Send;

    /// Handles changes that follow one another. What fails comes again, and so may what was done.
    fn changes(
        &mut self,
        shard: ShardId,
        changes: &[Change],
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The changes that were next are gone. Reads the state itself, as of a revision that is not before
    /// `oldest`, and gives that revision: the feed goes on from there.
    fn read_anew(
        &mut self,
        shard: ShardId,
        oldest: Option<u64>,
    ) -> impl Future<Output = Result<u64, Self::Error>> + Send;
}

impl Client {
    /// Follows the feed of `shard` as a named consumer until `stop`, whenever nobody else does. A
    /// consumer that is not registered yet is, with all that the feed has.
    pub async fn consume<H: Handle>(
        &self,
        shard: ShardId,
        consumer: &Consumer,
        handler: &mut H,
        stop: impl Future<Output = ()> + Send,
    ) {
        let pace = Pace {
            lease: consumer.lease,
            acknowledge_every: ACKNOWLEDGE_EVERY,
            pause_min: PAUSE_MIN,
            pause_max: PAUSE_MAX,
        };
        // A call that takes longer than this is worth less than the lease that it wants to keep.
        let client = self.with_call_timeout(consumer.lease / 4);
        let turn = Turn::new(pace, Instant::now());
        let mut keeper = Keeper { client, shard, consumer, turn };
        tokio::select! {
            () = run(&mut keeper, handler) => {}
            () = stop => {}
        }
        keeper.leave().await;
    }
}

async fn run<H: Handle>(keeper: &mut Keeper<'_>, handler: &mut H) {
    let mut watch = None;
    loop {
        match keeper.turn.next(Instant::now()) {
            Step::Work(until) => work(keeper, handler, &mut watch, until).await,
            step @ (Step::Wait(_) | Step::Lease | Step::Acknowledge(_)) => keeper.step(step).await,
        }
        // A feed is followed from where its lease began, and from what is done after a failure.
        watch = watch.filter(|(lease, _)| keeper.turn.lease() == Some(*lease));
    }
}

/// Reads some changes and handles them, if any come before `until`.
async fn work<H: Handle>(
    keeper: &mut Keeper<'_>,
    handler: &mut H,
    watch: &mut Option<(u64, Watch)>,
    until: Instant,
) {
    let (Some(lease), Some(after)) = (keeper.turn.lease(), keeper.turn.done()) else { return };
    let shard = keeper.shard;
    let (_, feed) = watch.get_or_insert_with(|| (lease, keeper.client.watch(shard, after)));
    let outcome = match tokio::time::timeout_at(until, feed.next()).await {
        // Nothing came, which is no failure.
        Err(_) => return,
        Ok(Ok(batch)) => {
            let Some(last) = batch.changes.last() else { return };
            let changes = async {
                handler.changes(shard, &batch.changes).await?;
                Ok(last.revision)
            };
            keeper.alongside(changes).await
        }
        Ok(Err(WatchError::Compacted { oldest })) => {
            let consumer = &keeper.consumer.name;
            tracing::warn!(shard = shard.0, consumer, "changes are gone; the state is read anew");
            *watch = None;
            keeper.alongside(handler.read_anew(shard, oldest)).await
        }
        Ok(Err(error)) => {
            keeper.say("follow a feed", &error);
            *watch = None;
            return keeper.turn.failed(Instant::now());
        }
    };
    match outcome {
        // The lease is lost, and what was begun is the next holder's.
        None => *watch = None,
        Some(Ok(revision)) => keeper.turn.handled(revision),
        Some(Err(error)) => {
            keeper.say("handle changes", &error);
            *watch = None;
            keeper.turn.failed(Instant::now());
        }
    }
}

/// Whoever sees to the lease and the acknowledgements.
struct Keeper<'a> {
    client: Client,
    shard: ShardId,
    consumer: &'a Consumer,
    turn: Turn,
}

impl Keeper<'_> {
    /// Everything but the work itself.
    async fn step(&mut self, step: Step) {
        match step {
            Step::Wait(until) | Step::Work(until) => tokio::time::sleep_until(until).await,
            Step::Lease => self.lease().await,
            Step::Acknowledge(revision) => self.acknowledge(revision).await,
        }
    }

    /// Lets `work` go on while the lease is kept alive; `None` once the lease is lost.
    async fn alongside<T>(&mut self, work: impl Future<Output = T> + Send) -> Option<T> {
        let lease = self.turn.lease();
        let mut work = pin!(work);
        loop {
            let step = self.turn.next(Instant::now());
            if self.turn.lease() != lease {
                return None;
            }
            // Both at once: a cluster that is slow to answer must not stop the work.
            tokio::select! {
                done = &mut work => return Some(done),
                () = self.step(step) => {}
            }
        }
    }

    async fn lease(&mut self) {
        let (asked, before) = (Instant::now(), self.turn.lease());
        let Consumer { name, holder, lease } = self.consumer;
        match self.client.lease_consumer(self.shard, name, holder, *lease).await {
            Ok(granted) => {
                let number = granted.value.lease.map_or(0, |lease| lease.number);
                let after = granted.value.position;
                self.turn.leased(asked, number, after);
                if before != Some(number) {
                    tracing::info!(shard = self.shard.0, consumer = name, after, "follows a feed");
                }
            }
            Err(Error::Refused(refusal)) if refusal.code == ErrorCode::ConsumerNotFound => {
                // It begins with what there is; what is gone by then is read anew.
                let registered = self.client.register_consumer(self.shard, name, Some(0)).await;
                if let Err(error) = registered {
                    self.say("register a consumer", &error);
                    self.turn.unanswered(Instant::now());
                }
            }
            Err(Error::Refused(refusal)) if refusal.code == ErrorCode::ConsumerLeased => {
                self.turn.lost(Instant::now());
            }
            Err(error) => {
                self.say("ask for the lease of a consumer", &error);
                self.turn.unanswered(Instant::now());
            }
        }
    }

    async fn acknowledge(&mut self, revision: u64) {
        let Some(lease) = self.turn.lease() else { return };
        let Consumer { name, holder, .. } = self.consumer;
        match self.client.acknowledge(self.shard, name, holder, lease, revision).await {
            Ok(_) => self.turn.acknowledged(revision, Instant::now()),
            Err(Error::Refused(refusal)) => {
                let (shard, code) = (self.shard.0, refusal.code.as_str());
                tracing::info!(shard, consumer = name, code, "no longer follows a feed");
                self.turn.lost(Instant::now());
            }
            Err(error) => {
                self.say("acknowledge changes", &error);
                self.turn.unanswered(Instant::now());
            }
        }
    }

    /// Gives the lease back, after telling how far it came, so that another need not wait.
    async fn leave(&mut self) {
        if let Some(done) = self.turn.done() {
            self.acknowledge(done).await;
        }
        let Some(lease) = self.turn.lease() else { return };
        let Consumer { name, holder, .. } = self.consumer;
        let back = self.client.yield_consumer(self.shard, name, holder, lease).await;
        if let Err(error) = back {
            self.say("give the lease of a consumer back", &error);
        }
    }

    fn say(&self, what: &str, error: &dyn Display) {
        tracing::warn!(shard = self.shard.0, consumer = self.consumer.name, %error, "{what}");
    }
}
