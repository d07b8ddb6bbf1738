//! The consumer `user-lists` of one shard: looks at the bookings that changed, and brings what they are
//! to the shards of their users.
//!
//! Invariants:
//! - A listing says what a booking was at the revision of the look, so that the order in which listings
//!   arrive, and how often, does not matter: after a failure everything is simply done again.
//! - A bounded number of changes, bookings and listings is in memory at a time.
//! - It never works for more than a part of the time: when the cluster is busy and slow to answer, the
//!   lists fall behind, and sales do not.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use rowlock_proto::{BookingId, EventId, ShardId, UserId};
use tokio::time::Instant;

use super::{LISTINGS_MAX, Listing, listings, touched};
use crate::client::Client;
use crate::consume::{Consumer, Handle};
use crate::error::Error;
use crate::types::{Answered, Booking, Change};

/// Name of the consumer, in every shard.
pub const CONSUMER: &str = "user-lists";
/// How long the others wait for a process that is gone.
const LEASE: Duration = Duration::from_secs(20);
/// Rests so many times as long as the work took, up to a bound.
const REST_FACTOR: u32 = 2;
const REST_MAX: Duration = Duration::from_secs(1);
/// Events and bookings of one page when the state is read anew.
const PAGE_ITEMS: u32 = 200;

/// Keeps the lists of all users in step with the bookings of a shard.
#[derive(Debug)]
pub struct UserLists {
    client: Client,
}

impl Client {
    /// Keeps the lists up to date about the bookings of `shard` until `stop`, whenever no other process
    /// does. `holder` is the caller's alone, in this life of it.
    pub async fn keep_user_lists(
        &self,
        shard: ShardId,
        holder: &str,
        stop: impl Future<Output = ()> + Send,
    ) {
        let (name, holder) = (CONSUMER.to_owned(), holder.to_owned());
        let consumer = Consumer { name, holder, lease: LEASE };
        self.consume(shard, &consumer, &mut UserLists::new(self.clone()), stop).await;
    }
}

/// Bookings by event, since a query looks into one event.
fn by_event(ids: impl Iterator<Item = BookingId>) -> impl Iterator<Item = Vec<BookingId>> {
    let mut events: BTreeMap<(u16, u32), Vec<BookingId>> = BTreeMap::new();
    for id in ids {
        let event = (id.slot().number(), id.locator().event_no());
        events.entry(event).or_default().push(id);
    }
    let chunks = |ids: Vec<BookingId>| {
        ids.chunks(LISTINGS_MAX).map(<[BookingId]>::to_vec).collect::<Vec<_>>()
    };
    events.into_values().flat_map(chunks)
}

impl UserLists {
    pub const fn new(client: Client) -> Self {
        Self { client }
    }

    /// Looks at bookings, and tells their users and those who are named with them.
    async fn look(
        &self,
        source: ShardId,
        bookings: &BTreeMap<BookingId, BTreeSet<UserId>>,
    ) -> Result<(), Error> {
        for ids in by_event(bookings.keys().copied()) {
            let found = self.client.bookings_by_id(&ids).await?;
            self.tell(source, found, bookings).await?;
        }
        Ok(())
    }

    async fn tell(
        &self,
        source: ShardId,
        found: Answered<Vec<Booking>>,
        others: &BTreeMap<BookingId, BTreeSet<UserId>>,
    ) -> Result<(), Error> {
        let (revision, nobody) = (found.at.revision, BTreeSet::new());
        let mut by_shard: BTreeMap<ShardId, Vec<Listing>> = BTreeMap::new();
        for booking in &found.value {
            let others = others.get(&booking.id).unwrap_or(&nobody);
            for listing in listings(booking, revision, others) {
                by_shard
                    .entry(self.client.shard_of(listing.user.slot()))
                    .or_default()
                    .push(listing);
            }
        }
        for (to, listings) in by_shard {
            for some in listings.chunks(LISTINGS_MAX) {
                self.client.apply_listings(to, source, some).await?;
            }
        }
        Ok(())
    }

    /// Tells everybody about every booking of the shard.
    async fn tell_all(&self, shard: ShardId) -> Result<u64, Error> {
        let (mut after, mut revision) = (None, None);
        loop {
            let page = self.client.events_of(shard, after, PAGE_ITEMS).await?;
            // What changes from here on is in the feed behind it.
            revision = revision.or(Some(page.at.revision));
            after = page.value.items.last().map(|event| event.id);
            for event in page.value.items {
                self.tell_event(shard, event.id).await?;
            }
            if !page.value.more || after.is_none() {
                return Ok(revision.unwrap_or(0));
            }
        }
    }

    async fn tell_event(&self, shard: ShardId, event: EventId) -> Result<(), Error> {
        let mut after = 0;
        loop {
            let began = Instant::now();
            let page = self.client.bookings(event, after, PAGE_ITEMS).await?;
            let Some(last) = page.value.items.last() else { return Ok(()) };
            after = last.id.locator().seq();
            let more = page.value.more;
            self.tell(shard, page.map(|page| page.items), &BTreeMap::new()).await?;
            if !more {
                return Ok(());
            }
            rest(began).await;
        }
    }

    /// Looks again at what is listed and was not told: those gave a ticket away while nobody followed.
    async fn tell_the_rest(&self, source: ShardId, revision: u64) -> Result<(), Error> {
        for of in (0..self.client.shard_count()).map(ShardId) {
            let mut after = None;
            loop {
                let (found, next) =
                    self.client.old_listings(of, source, revision, after).await?.value;
                let mut bookings: BTreeMap<BookingId, BTreeSet<UserId>> = BTreeMap::new();
                for (user, booking) in found {
                    bookings.entry(booking).or_default().insert(user);
                }
                self.look(source, &bookings).await?;
                if next.is_none() {
                    break;
                }
                after = next;
            }
        }
        Ok(())
    }
}

impl Handle for UserLists {
    type Error = Error;

    async fn changes(&mut self, shard: ShardId, changes: &[Change]) -> Result<(), Error> {
        let began = Instant::now();
        let mut bookings = BTreeMap::new();
        changes.iter().for_each(|change| touched(change, &mut bookings));
        if bookings.is_empty() {
            return Ok(());
        }
        self.look(shard, &bookings).await?;
        rest(began).await;
        Ok(())
    }

    async fn read_anew(&mut self, shard: ShardId, _oldest: Option<u64>) -> Result<u64, Error> {
        let revision = self.tell_all(shard).await?;
        self.tell_the_rest(shard, revision).await?;
        Ok(revision)
    }
}

async fn rest(began: Instant) {
    tokio::time::sleep((began.elapsed() * REST_FACTOR).min(REST_MAX)).await;
}
