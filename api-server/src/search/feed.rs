//! Keeping the index in step: each shard is read once, then its changes are followed.
//!
//! Most changes of seats are counted from the feed alone. What can't be (an event that changed, a
//! sale whose seats may have been taken back late) has the event read again, a few at a time. Whatever is
//! delivered twice is known by its revision.

use std::collections::BTreeSet;
use std::time::Duration;

use rowlock_client::WatchError;
use rowlock_client::types::{BookingState, Change, ChangeKind, EventId, SeatsReturned, ShardId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::pending::Pending;
use crate::app::App;
use crate::payment::reconcile::Reconciler;

const PAGE_EVENTS: u32 = 200;
const PAUSE: Duration = Duration::from_millis(500);
/// How often events that were sold are read again, and how many at a time.
const REFRESH_EVERY: Duration = Duration::from_secs(2);
const REFRESH_MAX: usize = 20;

/// Follows one shard until `stop`.
pub(super) async fn follow(
    app: App,
    shard: ShardId,
    reconciler: Reconciler,
    stop: CancellationToken,
) {
    let endless = async {
        // What was kept on disk is as of a revision of the feed.
        if let Some(revision) = app.index.position(shard) {
            tracing::debug!(shard = shard.0, revision, "goes on with the changes of a shard");
            app.index.shard_is_read(shard);
            follow_from(&app, shard, revision, &reconciler).await;
        }
        loop {
            match read_all(&app, shard, &reconciler).await {
                Ok(revision) => {
                    app.index.shard_is_read(shard);
                    app.index.is_at(shard, revision);
                    app.boards.touch_all();
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

/// Reads every event of the shard; the revision that the feed has to go on from.
async fn read_all(
    app: &App,
    shard: ShardId,
    reconciler: &Reconciler,
) -> Result<u64, rowlock_client::Error> {
    let mut after = None;
    let mut from = u64::MAX;
    loop {
        app.index.room().await;
        let page = app.inventory.events_of(shard, after, PAGE_EVENTS).await?;
        // The first page is the oldest: the feed goes on from there, and counts what is newer.
        from = from.min(page.at.revision);
        after = page.value.items.last().map(|event| event.id);
        for event in page.value.items {
            if event.counts.held > 0 {
                reconciler.look_through(event.id);
            }
            app.events.renew(&event);
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
    let mut pending = Pending::new(app.index.is_kept());
    let mut seen = revision;
    let mut next_refresh = Instant::now() + REFRESH_EVERY;
    loop {
        match tokio::time::timeout_at(next_refresh, feed.next()).await {
            Ok(Ok(batch)) => {
                app.index.heard(shard);
                let mut changed = BTreeSet::new();
                for change in &batch.changes {
                    take(app, change, &mut changed, &mut pending);
                    app.boards.see(&change.kind);
                    reconciler.see(change);
                    seen = seen.max(change.revision);
                }
                for event in changed {
                    read_one(app, event, &mut pending, Why::Changed).await;
                }
                let changes = batch.changes.iter();
                let events =
                    changes.filter(|it| matches!(it.kind, ChangeKind::EventChanged { .. }));
                events.for_each(|change| app.index.made(change.time_ms));
                app.index.is_at(shard, pending.position(seen));
            }
            Ok(Err(WatchError::Compacted { .. })) => {
                tracing::info!(shard = shard.0, "the feed was compacted; reads the shard again");
                return;
            }
            Ok(Err(error)) => {
                tracing::warn!(shard = shard.0, %error, "follow the changes of a shard");
                return;
            }
            Err(_) => {}
        }
        if Instant::now() >= next_refresh {
            for event in pending.next(REFRESH_MAX) {
                read_one(app, event, &mut pending, Why::Counts).await;
            }
            app.index.is_at(shard, pending.position(seen));
            next_refresh = Instant::now() + REFRESH_EVERY;
        }
    }
}

/// `changed` are read at once, what is stale when there is time.
fn take(app: &App, change: &Change, changed: &mut BTreeSet<EventId>, pending: &mut Pending) {
    let revision = change.revision;
    let returned = |back: &SeatsReturned, pending: &mut Pending| {
        let count = seats(&back.seats);
        let known = app.index.adjust(back.event, revision, |counts| {
            counts.held = counts.held.saturating_sub(count);
            counts.available = counts.available.saturating_add(count).min(counts.total);
        });
        pending.changed(back.event, revision);
        if !known {
            pending.stale(back.event);
        }
    };
    match &change.kind {
        ChangeKind::EventChanged { event, .. } => {
            pending.changed(*event, revision);
            changed.insert(*event);
        }
        ChangeKind::SeatsHeld { event, seats: held, .. } => {
            let count = seats(held);
            let known = app.index.adjust(*event, revision, |counts| {
                counts.available = counts.available.saturating_sub(count);
                counts.held = counts.held.saturating_add(count);
            });
            pending.changed(*event, revision);
            if !known {
                pending.stale(*event);
            }
        }
        ChangeKind::SeatsReturned(back) if back.state == BookingState::Refunded => {
            pending.changed(back.event, revision);
            pending.stale(back.event);
        }
        ChangeKind::SeatsReturned(back) => returned(back, pending),
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
                returned(back, pending);
            }
        }
        ChangeKind::SeatsSold { event, .. } => {
            // The seats were held, unless the payment came late: the event is read again to know.
            app.index.adjust(*event, 0, |_| {});
            pending.changed(*event, revision);
            pending.stale(*event);
        }
        // Sold seats came back, or free ones went: the event is read again to know.
        ChangeKind::SeatsBlocked { event, .. }
        | ChangeKind::SeatsUnblocked { event, .. }
        | ChangeKind::PlacesChanged { event, .. } => {
            app.index.adjust(*event, 0, |_| {});
            pending.changed(*event, revision);
            pending.stale(*event);
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

/// Why an event is read again.
#[derive(Clone, Copy)]
enum Why {
    /// It says something else than before.
    Changed,
    /// Only its seats have changed hands.
    Counts,
}

async fn read_one(app: &App, event: EventId, pending: &mut Pending, why: Why) {
    match app.inventory.event(event).await {
        Ok(found) => {
            app.events.renew(&found.value);
            match why {
                // On disk the counts of the document have to follow, or the position could not.
                Why::Counts if !app.index.is_kept() => {
                    app.index.count(found.value, found.at.revision)
                }
                Why::Changed | Why::Counts => app.index.put(found.value, found.at.revision),
            }
            pending.written(event);
        }
        Err(error) => {
            tracing::debug!(%event, %error, "read an event that changed");
            pending.stale(event);
        }
    }
}
