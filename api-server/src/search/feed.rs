//! Keeping the index in step: each shard is read once, then its changes are followed.
//!
//! Most changes of seats are counted from the feed alone. What can't be (an event that changed, a
//! sale whose seats may have been taken back late) has the event read again, a few at a time.

use std::collections::BTreeSet;
use std::time::Duration;

use rowlock_client::WatchError;
use rowlock_client::types::{BookingState, Change, ChangeKind, EventId, SeatsReturned, ShardId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::payment::reconcile::Reconciler;

const PAGE_EVENTS: u32 = 200;
const PAUSE: Duration = Duration::from_millis(500);
/// How often events that were sold are read again, and how many at a time.
const REFRESH_EVERY: Duration = Duration::from_secs(2);
const REFRESH_MAX: usize = 20;

/// Follows one shard until `stop`.
async fn follow(app: App, shard: ShardId, reconciler: Reconciler, stop: CancellationToken) {
    let endless = async {
        loop {
            match read_all(&app, shard, &reconciler).await {
                Ok(revision) => {
                    app.index.shard_is_read(shard.0);
                    follow_from(&app, shard, revision, &reconciler).await;
                }
                Err(error) => tracing::warn!(shard = shard.0, %error, "read events of a shard"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    if stop.run_until_cancelled(endless).await.is_none() {
        tracing::debug!(shard = shard.0, "no longer follows a shard");
    }
}

/// Starts one loop a shard.
pub fn start(app: &App, reconciler: &Reconciler, stop: &CancellationToken) {
    let shards = app.inventory.shard_count();
    app.index.expect_shards(shards);
    for shard in (0..shards).map(ShardId) {
        tokio::spawn(follow(app.clone(), shard, reconciler.clone(), stop.clone()));
    }
}

/// Reads every event of the shard; the revision that the feed has to go on from.
async fn read_all(
    app: &App,
    shard: ShardId,
    reconciler: &Reconciler,
) -> Result<u64, rowlock_client::Error> {
    let mut after = None;
    let mut from = u64::MAX;
    loop {
        let page = app.inventory.events_of(shard, after, PAGE_EVENTS).await?;
        // The first page is the oldest: the feed goes on from there, and counts what is newer.
        from = from.min(page.at.revision);
        after = page.value.items.last().map(|event| event.id);
        for event in page.value.items {
            if event.counts.held > 0 {
                reconciler.look_through(event.id);
            }
            app.index.put(event, page.at.revision);
        }
        if !page.value.more || after.is_none() {
            return Ok(from);
        }
    }
}

/// Follows the feed until it has a gap.
async fn follow_from(app: &App, shard: ShardId, revision: u64, reconciler: &Reconciler) {
    let mut feed = app.inventory.watch(shard, revision);
    let mut stale: BTreeSet<EventId> = BTreeSet::new();
    let mut next_refresh = Instant::now() + REFRESH_EVERY;
    loop {
        let batch = match tokio::time::timeout_at(next_refresh, feed.next()).await {
            Ok(Ok(batch)) => batch,
            Ok(Err(WatchError::Compacted { .. })) => {
                tracing::info!(shard = shard.0, "the feed was compacted; reads the shard again");
                return;
            }
            Ok(Err(error)) => {
                tracing::warn!(shard = shard.0, %error, "follow the changes of a shard");
                return;
            }
            Err(_) => {
                refresh(app, &mut stale).await;
                next_refresh = Instant::now() + REFRESH_EVERY;
                continue;
            }
        };
        let mut changed = BTreeSet::new();
        for change in &batch.changes {
            take(app, change, &mut changed, &mut stale);
            reconciler.see(change);
        }
        for event in changed {
            read_one(app, event).await;
        }
        if Instant::now() >= next_refresh {
            refresh(app, &mut stale).await;
            next_refresh = Instant::now() + REFRESH_EVERY;
        }
    }
}

/// `changed` are read at once, `stale` when there is time.
fn take(
    app: &App,
    change: &Change,
    changed: &mut BTreeSet<EventId>,
    stale: &mut BTreeSet<EventId>,
) {
    let revision = change.revision;
    let returned = |back: &SeatsReturned, stale: &mut BTreeSet<EventId>| {
        let count = seats(&back.seats);
        let known = app.index.adjust(back.event, revision, |counts| {
            counts.held = counts.held.saturating_sub(count);
            counts.available = counts.available.saturating_add(count).min(counts.total);
        });
        if !known {
            stale.insert(back.event);
        }
    };
    match &change.kind {
        ChangeKind::EventChanged { event, .. } => {
            changed.insert(*event);
        }
        ChangeKind::SeatsHeld { event, seats: held, .. } => {
            let count = seats(held);
            let known = app.index.adjust(*event, revision, |counts| {
                counts.available = counts.available.saturating_sub(count);
                counts.held = counts.held.saturating_add(count);
            });
            if !known {
                stale.insert(*event);
            }
        }
        ChangeKind::SeatsReturned(back) if back.state == BookingState::Refunded => {
            stale.insert(back.event);
        }
        ChangeKind::SeatsReturned(back) => returned(back, stale),
        ChangeKind::HoldsExpired(holds) => {
            // One change of many holds: counted as one an event, since each counts a revision once.
            let mut events: Vec<SeatsReturned> = Vec::new();
            for hold in holds {
                match events.iter_mut().find(|known| known.event == hold.event) {
                    Some(known) => known.seats.extend(&hold.seats),
                    None => events.push(hold.clone()),
                }
            }
            for back in &events {
                returned(back, stale);
            }
        }
        ChangeKind::SeatsSold { event, .. } => {
            // The seats were held, unless the payment came late: the event is read again to know.
            app.index.adjust(*event, 0, |_| {});
            stale.insert(*event);
        }
        // Sold seats came back, or free ones went: the event is read again to know.
        ChangeKind::SeatsBlocked { event, .. }
        | ChangeKind::SeatsUnblocked { event, .. }
        | ChangeKind::PlacesChanged { event, .. } => {
            app.index.adjust(*event, 0, |_| {});
            stale.insert(*event);
        }
        ChangeKind::PaymentStarted { .. }
        | ChangeKind::Terms { .. }
        | ChangeKind::IntentAttached { .. }
        | ChangeKind::PaymentFailed { .. }
        | ChangeKind::RefundOwed { .. }
        | ChangeKind::VenuePut { .. }
        | ChangeKind::UserChanged { .. }
        | ChangeKind::SeatMapSealed { .. }
        | ChangeKind::HoldExtended { .. }
        | ChangeKind::PlacesRefunded { .. }
        | ChangeKind::RefundSettled { .. }
        | ChangeKind::TicketTransferred { .. }
        | ChangeKind::TicketRedeemed { .. }
        | ChangeKind::TicketUnredeemed { .. }
        | ChangeKind::Queue { .. }
        | ChangeKind::Money { .. }
        | ChangeKind::Waitlist { .. }
        | ChangeKind::TicketVoided { .. }
        | ChangeKind::ScanConflict { .. }
        | ChangeKind::Consumer { .. }
        | ChangeKind::Other => {}
    }
}

fn seats(seats: &[u32]) -> u32 {
    u32::try_from(seats.len()).unwrap_or(u32::MAX)
}

async fn refresh(app: &App, stale: &mut BTreeSet<EventId>) {
    for _ in 0..REFRESH_MAX {
        let Some(event) = stale.pop_first() else { return };
        read_one(app, event).await;
    }
}

async fn read_one(app: &App, event: EventId) {
    match app.inventory.event(event).await {
        Ok(found) => app.index.put(found.value, found.at.revision),
        Err(error) => tracing::debug!(%event, %error, "read an event that changed"),
    }
}
