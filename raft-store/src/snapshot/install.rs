//! Installing: load the new generation, flip to it in one synced batch, then swap the memory.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Error, Received, SnapshotData, SnapshotReader, SnapshotReceiver};
use crate::applied::Applied;
use crate::audit::Chains;
use crate::engine::Batch;
use crate::failpoint::{self, Point};
use crate::fault::Fault;
use crate::feed::{Rows, Tail};
use crate::group::Group;
use crate::inventory::State;
use crate::keys::{self, Space};
use crate::residency::load_state;
use crate::state_machine::Progress;
use crate::teeth::{Tooth, planted};
use crate::types::{SnapshotMeta, StoredMembership};

/// Replaces the group's state by the snapshot's.
pub(crate) async fn install(
    group: &Arc<Group>,
    meta: &SnapshotMeta,
    data: SnapshotData,
) -> Result<(), Error> {
    let mut received = match data {
        SnapshotData::Received(received) => received,
        // Another replica's view, in the same process: the same way, without a wire.
        SnapshotData::Built(built) => copy(group, SnapshotReader::new(built))?,
    };
    if received.meta != *meta {
        let found = Box::new(received.meta.clone());
        return Err(Error::Meta { expected: Box::new(meta.clone()), found });
    }
    failpoint::pass(Point::SnapshotReceived);
    let (state, rows) = load(received).await?;
    received = rows;
    failpoint::pass(Point::SnapshotLoaded);
    group.behind().installing = true;
    let result = flip(group, &mut received, state).await;
    group.behind().installing = false;
    result
}

fn copy(group: &Arc<Group>, mut reader: SnapshotReader) -> Result<Received, Error> {
    let mut receiver = SnapshotReceiver::new(Arc::clone(group));
    while let Some(chunk) = reader.next_chunk()? {
        receiver.push(&chunk)?;
    }
    match receiver.finish()? {
        (_, SnapshotData::Received(received)) => Ok(received),
        (_, SnapshotData::Built(_)) => Err(Error::NotBuilt),
    }
}

/// Loads the state on a thread of its own: a large one takes longer than a heartbeat, and the
/// caller's thread serves every group of the node.
async fn load(received: Received) -> Result<(State, Received), Error> {
    type Loaded = (Result<State, Fault>, Received);
    if received.group.syncer.is_by_hand() {
        return Ok((load_here(&received)?, received));
    }
    let (done, is_done) = oneshot::channel::<Loaded>();
    std::thread::Builder::new()
        .name("snapshot-load".to_owned())
        .spawn(move || {
            let state = load_here(&received);
            // If nobody waits any more, the rows go with what is dropped here.
            done.send((state, received)).ok();
        })
        .map_err(Error::Thread)?;
    let (state, received) = is_done.await.map_err(|_| Error::ThreadGone)?;
    Ok((state?, received))
}

fn load_here(received: &Received) -> Result<State, Fault> {
    let Received { group, generation, revision, .. } = received;
    load_state(&group.disk, group.config, group.id, *generation, *revision, group.event_cache_bytes)
}

async fn flip(group: &Arc<Group>, received: &mut Received, state: State) -> Result<(), Error> {
    let applied = Applied {
        generation: received.generation,
        log_id: received.meta.last_log_id,
        membership: if planted(Tooth::MembersForgotten) {
            StoredMembership::default()
        } else {
            received.meta.last_membership.clone()
        },
        revision: received.revision,
        // The feed of what the snapshot jumped over is not here.
        feed_floor: received.revision,
    };
    let mut batch = Batch::default();
    applied.put(group.id, &mut batch);
    if let Some(upto) = &applied.log_id {
        group.log.purge_in_batch(upto, &mut batch);
    }
    for space in [Space::State, Space::Feed] {
        batch.delete_range(space, &keys::generations_before(group.id, applied.generation));
    }
    // From here on the rows are the state, whether or not this process sees the end of it.
    received.installed = true;
    group.disk.write("install a snapshot", &batch)?;
    failpoint::pass(Point::SnapshotFlipped);
    group.syncer.barrier().await?;
    failpoint::pass(Point::SnapshotSynced);
    swap(group, applied, state);
    Ok(())
}

fn swap(group: &Group, applied: Applied, state: State) {
    let mut behind = group.behind();
    let feed = Rows::at(group.retention, applied.revision);
    if let Some(upto) = applied.log_id {
        group.log.purged_in_batch(upto);
    }
    let progress = {
        let mut live = group.write();
        live.state = state;
        live.applied = applied.log_id;
        live.membership = applied.membership.clone();
        live.tail = Tail::at(applied.revision);
        live.feed = feed.kept();
        live.generation = applied.generation;
        live.dirty_bytes = 0;
        live.halted = None;
        Progress {
            applied: applied.log_id,
            revision: applied.revision,
            clock_ms: live.state.clock_ms(),
            halted: false,
        }
    };
    group.set_persisted(applied.log_id);
    behind.feed = feed;
    behind.chains = Chains::default();
    behind.applied = applied;
    behind.has_snapshot = true;
    group.progress.send_replace(progress);
}
