//! The change feed of one shard, across losses of nodes and changes of leader.

use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use rowlock_proto::v1;
use rowlock_proto::v1::change::Kind;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use tonic::{Code, Streaming};

use crate::client::Client;
use crate::transport::Link;
use crate::types::{Change, ChangeKind, RequestKey, SeatsReturned, ShardId, UserId, WatchBatch};
use crate::wire::{self, Unreadable};

/// A feed without a sign of life for so long is asked for elsewhere.
const SILENCE_MAX: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);
/// Name of the metadata that says from where on a compacted feed can be had.
const OLDEST_KEY: &str = "rowlock-oldest-revision";

/// Why a feed ended for good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// The changes after the revision are no longer kept: read the state, then go on from there.
    #[error("the feed is compacted; it begins at revision {oldest:?}")]
    Compacted { oldest: Option<u64> },
    #[error("there is no shard {0}")]
    NoShard(u32),
    #[error("{0}")]
    Unreadable(String),
}

/// A feed that goes on until it is dropped. Each change is seen once, in order.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    shard: ShardId,
    after: u64,
    turn: usize,
    /// Replicas in a row that no longer have what comes next, and from where on one of them has it.
    compacted: usize,
    oldest: Option<u64>,
    /// Whether changes get their digests.
    digests: bool,
    stream: Option<(Arc<Link>, Streaming<v1::WatchBatch>)>,
}

impl Client {
    /// Changes of `shard` with a greater revision than `after`.
    pub fn watch(&self, shard: ShardId, after: u64) -> Watch {
        let client = self.clone();
        Watch {
            client,
            shard,
            after,
            turn: 0,
            compacted: 0,
            oldest: None,
            digests: false,
            stream: None,
        }
    }
}

impl Watch {
    /// With the digest of each change, which costs its hashing.
    #[must_use]
    pub fn with_digests(mut self) -> Self {
        self.digests = true;
        self
    }

    /// The revision of the last change that was given out.
    pub fn after(&self) -> u64 {
        self.after
    }

    /// The next changes; waits for them, and through outages of the cluster. A batch without
    /// changes is a sign of life. Safe to cancel.
    pub async fn next(&mut self) -> Result<WatchBatch, WatchError> {
        loop {
            if self.stream.is_none() {
                self.open().await?;
            }
            let Some((_, stream)) = &mut self.stream else { continue };
            match tokio::time::timeout_at(Instant::now() + SILENCE_MAX, stream.message()).await {
                Ok(Ok(Some(batch))) => {
                    if let Some(batch) = self.take(batch)? {
                        return Ok(batch);
                    }
                    self.elsewhere().await;
                }
                Ok(Ok(None)) | Err(_) => self.elsewhere().await,
                Ok(Err(status)) => {
                    self.check_compacted(&status)?;
                    self.elsewhere().await;
                }
            }
        }
    }

    /// Drops what was seen before; `None` if the feed has a hole here and has to be opened again.
    fn take(&mut self, wire: v1::WatchBatch) -> Result<Option<WatchBatch>, WatchError> {
        let mut changes = Vec::with_capacity(wire.changes.len());
        for change in wire.changes {
            if change.revision <= self.after {
                continue;
            }
            if change.revision != self.after + 1 {
                self.stream = None;
                // Not the sender's revision: what is behind the hole has not been seen.
                let (revision, log_time_ms) = (self.after, wire.log_time_ms);
                let some = !changes.is_empty();
                return Ok(some.then_some(WatchBatch { changes, revision, log_time_ms }));
            }
            let digest = self.digests.then(|| Sha256::digest(change.encode_to_vec()).into());
            let read = read(change, digest)
                .map_err(|error: Unreadable| WatchError::Unreadable(error.to_string()))?;
            self.after = read.revision;
            (self.compacted, self.oldest) = (0, None);
            changes.push(read);
        }
        Ok(Some(WatchBatch { changes, revision: wire.revision, log_time_ms: wire.log_time_ms }))
    }

    async fn open(&mut self) -> Result<(), WatchError> {
        let map = self.client.shard_map();
        let nodes = map.replicas(self.shard.0).ok_or(WatchError::NoShard(self.shard.0))?;
        let node = nodes[self.turn % nodes.len()];
        let request = v1::WatchRequest { shard: self.shard.0, after: self.after };
        let connection = Arc::clone(&node.connection);
        let Some(mut inventory) = connection.client() else {
            return Err(WatchError::Unreadable("the transport carries no feeds".to_owned()));
        };
        match tokio::time::timeout(SILENCE_MAX, inventory.watch(request)).await {
            Ok(Ok(response)) => {
                self.stream = Some((connection, response.into_inner()));
                return Ok(());
            }
            Ok(Err(status)) => {
                self.check_compacted(&status)?;
                if status.code() == Code::NotFound {
                    self.client.refetch(&map).await;
                }
            }
            Err(_) => {}
        }
        self.elsewhere().await;
        Ok(())
    }

    /// A replica that got its state by a snapshot has none of the feed before it, and another may: what is
    /// next is gone only if each of them says so.
    fn check_compacted(&mut self, status: &tonic::Status) -> Result<(), WatchError> {
        if status.code() != Code::FailedPrecondition || status.message() != "compacted" {
            return Ok(());
        }
        let oldest = status.metadata().get(OLDEST_KEY);
        let oldest: Option<u64> = oldest.and_then(|value| value.to_str().ok()?.parse().ok());
        self.oldest = self.oldest.into_iter().chain(oldest).min();
        self.compacted += 1;
        let map = self.client.shard_map();
        let replicas = map.replicas(self.shard.0).map_or(0, |nodes| nodes.len());
        if self.compacted < replicas {
            return Ok(());
        }
        self.compacted = 0;
        Err(WatchError::Compacted { oldest: self.oldest.take() })
    }

    /// Leaves this replica for the next, with a pause: a node that is stopping ends every feed at
    /// once, and asking it again without rest would only keep it busy.
    async fn elsewhere(&mut self) {
        self.stream = None;
        self.turn += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

fn read(change: v1::Change, digest: Option<[u8; 32]>) -> Result<Change, Unreadable> {
    Ok(Change {
        revision: change.revision,
        index: change.index,
        time_ms: change.time_ms,
        principal: UserId::from_slice(&change.principal),
        command: change.command,
        key: RequestKey::from_slice(&change.key),
        digest,
        kind: change.kind.map_or(Ok(ChangeKind::Other), kind)?,
    })
}

fn kind(kind: Kind) -> Result<ChangeKind, Unreadable> {
    Ok(match kind {
        Kind::EventChanged(change) => ChangeKind::EventChanged {
            event: wire::event_id(&change.event)?,
            state: wire::event_state(change.state)?,
        },
        Kind::SeatsHeld(change) => ChangeKind::SeatsHeld {
            event: wire::event_id(&change.event)?,
            booking: wire::booking_id(&change.booking)?,
            user: wire::user_id(&change.user)?,
            seats: change.seats,
            expires_ms: change.expires_ms,
        },
        Kind::SeatsReturned(change) => ChangeKind::SeatsReturned(returned(change)?),
        Kind::HoldsExpired(change) => ChangeKind::HoldsExpired(
            change.holds.into_iter().map(returned).collect::<Result<_, _>>()?,
        ),
        Kind::PaymentStarted(change) => ChangeKind::PaymentStarted {
            booking: wire::booking_id(&change.booking)?,
            attempt: change.attempt,
            amount: change.amount,
        },
        Kind::IntentAttached(change) => ChangeKind::IntentAttached {
            booking: wire::booking_id(&change.booking)?,
            attempt: change.attempt,
            intent: change.intent,
        },
        Kind::PaymentFailed(change) => ChangeKind::PaymentFailed {
            booking: wire::booking_id(&change.booking)?,
            attempt: change.attempt,
            reason: change.reason,
        },
        Kind::SeatsSold(change) => ChangeKind::SeatsSold {
            event: wire::event_id(&change.event)?,
            booking: wire::booking_id(&change.booking)?,
            user: wire::user_id(&change.user)?,
            seats: change.seats,
            amount: change.amount,
            intent: change.intent,
        },
        Kind::RefundOwed(change) => ChangeKind::RefundOwed {
            booking: wire::booking_id(&change.booking)?,
            intent: change.intent,
            amount: change.amount,
        },
        Kind::VenuePut(change) => ChangeKind::VenuePut { venue: wire::venue_id(&change.venue)? },
        Kind::UserChanged(change) => ChangeKind::UserChanged { user: wire::user_id(&change.user)? },
        Kind::SeatMapSealed(change) => {
            ChangeKind::SeatMapSealed { map: wire::map_hash(&change.map)?, seats: change.seats }
        }
        Kind::PlacesChanged(change) => ChangeKind::PlacesChanged {
            event: wire::event_id(&change.event)?,
            booking: wire::booking_id(&change.booking)?,
            areas: change.areas.iter().map(|places| (places.area, places.count)).collect(),
            state: wire::booking_state(change.state)?,
        },
        Kind::HoldExtended(change) => ChangeKind::HoldExtended {
            booking: wire::booking_id(&change.booking)?,
            expires_ms: change.expires_ms,
        },
        Kind::SeatsBlocked(change) => ChangeKind::SeatsBlocked {
            event: wire::event_id(&change.event)?,
            seats: change.seats,
            reason: change.reason,
        },
        Kind::SeatsUnblocked(change) => ChangeKind::SeatsUnblocked {
            event: wire::event_id(&change.event)?,
            seats: change.seats,
        },
        Kind::PlacesRefunded(change) => ChangeKind::PlacesRefunded {
            booking: wire::booking_id(&change.booking)?,
            refund: change.refund,
            places: change.places,
            amount: change.amount,
        },
        Kind::RefundSettled(change) => ChangeKind::RefundSettled {
            booking: wire::booking_id(&change.booking)?,
            refund: change.refund,
            reference: change.reference,
        },
        Kind::TicketTransferred(change) => ChangeKind::TicketTransferred {
            booking: wire::booking_id(&change.booking)?,
            place: change.place,
            to: wire::user_id(&change.to)?,
            version: change.version,
        },
        Kind::TicketRedeemed(change) => ChangeKind::TicketRedeemed {
            booking: wire::booking_id(&change.booking)?,
            place: change.place,
            door: change.door,
        },
        Kind::QueueChanged(change) => match crate::queue::change(change)? {
            Some((event, change)) => ChangeKind::Queue { event, change },
            None => ChangeKind::Other,
        },
        Kind::MoneyChanged(change) => match crate::money::change(change)? {
            Some((booking, change)) => ChangeKind::Money { booking, change },
            None => ChangeKind::Other,
        },
        Kind::ConsumerChanged(v1::ConsumerChanged { name, position }) => {
            ChangeKind::Consumer { name, position }
        }
        Kind::WaitlistChanged(change) => match crate::waitlist::change(change)? {
            Some((event, change)) => ChangeKind::Waitlist { event, change },
            None => ChangeKind::Other,
        },
        Kind::TermsChanged(change) => match crate::terms::change(change)? {
            Some((event, change)) => ChangeKind::Terms { event, change },
            None => ChangeKind::Other,
        },
        Kind::TicketUnredeemed(change) => ChangeKind::TicketUnredeemed {
            booking: wire::booking_id(&change.booking)?,
            place: change.place,
        },
        Kind::TicketVoided(change) => ChangeKind::TicketVoided {
            booking: wire::booking_id(&change.booking)?,
            place: change.place,
            reason: change.reason,
        },
        Kind::ScanConflict(change) => ChangeKind::ScanConflict {
            booking: wire::booking_id(&change.booking)?,
            place: change.place,
            door: change.door,
            seen_ms: change.seen_ms,
            first_door: change.first_door,
            first_ms: change.first_ms,
        },
    })
}

fn returned(change: v1::SeatsReturned) -> Result<SeatsReturned, Unreadable> {
    Ok(SeatsReturned {
        event: wire::event_id(&change.event)?,
        booking: wire::booking_id(&change.booking)?,
        seats: change.seats,
        state: wire::booking_state(change.state)?,
    })
}
