//! Finding events: an index that may be thrown away at any time, since the shards have all that is in it.
//!
//! Owns: the documents (tantivy: `schema`, `shelf`), the places that are left, beside them (`live`), what a
//! search asks (`wanted`) and how it is answered (`matcher`, `find`, [`index`]), and the loops that keep it all
//! in step with the shards (`feed`, `keeper`). Must not: be asked whether a seat is free; only the cluster
//! knows that.
//!
//! Invariants:
//! - Only events that were published are found.
//! - An event's counts are of its shard's revision that stands beside them; no change is counted
//!   twice, and one that can't be counted makes the event be read again.
//! - A position on disk is never past a change that no document has (`pending`).
//! - Pages by cursor neither repeat nor skip an event that was there from the first page to the last and
//!   whose place in the order did not change meanwhile.

mod columns;
mod feed;
mod find;
mod geo;
mod index;
mod keeper;
mod lag;
mod live;
mod matcher;
mod order;
mod pending;
mod schema;
mod shelf;
mod view;
mod wanted;
mod words;

use rowlock_client::types::ShardId;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::payment::reconcile::Reconciler;

pub(crate) use self::find::Facets;
pub use self::index::Index;
pub(crate) use self::index::{Found, Hit};
pub(crate) use self::lag::LagNow;
pub(crate) use self::live::Availability;
pub(crate) use self::order::Sort;
pub(crate) use self::schema::places;
pub use self::shelf::Identity;
pub(crate) use self::wanted::Wanted;

/// Follows every shard until `stop`; the handle ends when the last commit is done.
pub fn start(app: &App, reconciler: &Reconciler, stop: &CancellationToken) -> JoinHandle<()> {
    for event in app.index.held() {
        reconciler.look_through(event);
    }
    for shard in (0..app.inventory.shard_count()).map(ShardId) {
        tokio::spawn(feed::follow(app.clone(), shard, reconciler.clone(), stop.clone()));
    }
    tokio::spawn(keeper::keep(app.clone(), stop.clone()))
}
