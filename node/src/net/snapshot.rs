//! Snapshots, each on a stream of its own so that it holds up nothing.
//!
//! Memory is bounded on both sides: a chunk is read when the stream has room, and written before
//! the next is taken. Chunks carry their own checksums, so `SnapshotChunk.crc` stays empty.

use std::sync::Arc;
use std::time::Duration;

use openraft::raft::SnapshotResponse;
use rowlock_proto::v1;
use rowlock_raft_store::raft_bytes;
use rowlock_raft_store::snapshot::{self, SnapshotReader, SnapshotReceiver};
use rowlock_raft_store::types::{Snapshot, SnapshotMeta, TypeConfig, Vote};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::network::Route;
use super::peer::Peer;
use super::serve::Service;
use super::wire;
use crate::group::Group;

/// Chunks between the disk and the stream.
const CHUNKS_READY_MAX: usize = 2;
/// A stream on which nothing comes for this long is dead.
const CHUNK_WAIT_MAX: Duration = Duration::from_secs(10);
/// Installing loads the whole state before it is answered.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(120);

/// Why a snapshot did not get there. It is sent again later.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("read a snapshot")]
    Read(#[from] snapshot::Error),
    #[error("send a snapshot")]
    Send(#[source] Box<Status>),
    #[error("no answer to a snapshot in time")]
    Timeout,
    #[error("answer to a snapshot")]
    Answer(#[from] wire::Error),
}

/// Sends a snapshot and waits until it is installed.
pub(super) async fn send(
    peer: &Peer,
    route: Route,
    vote: Vote,
    snapshot: Snapshot,
) -> Result<SnapshotResponse<TypeConfig>, Error> {
    let mut meta = Vec::new();
    raft_bytes::put_snapshot_meta(&snapshot.meta, &mut meta);
    let head = v1::SnapshotHead {
        hello: Some(peer.ends().hello()),
        group: route.group,
        from_replica: route.from.0,
        to_replica: route.to.0,
        meta: meta.into(),
        vote: wire::encode_plain_vote(&vote),
    };
    let reader = snapshot.snapshot.into_reader()?;
    let (sender, chunks) = mpsc::channel(CHUNKS_READY_MAX);
    let reading = tokio::task::spawn_blocking(move || read(reader, head, &sender));
    let mut client = peer.client();
    let sent = tokio::time::timeout(ANSWER_WAIT_MAX, client.snapshot(ReceiverStream::new(chunks)));
    let answer = sent.await;
    // The reader ends with the stream; what it says comes first, since it is the cause.
    if let Ok(read) = reading.await {
        read?;
    }
    let ack =
        answer.map_err(|_| Error::Timeout)?.map_err(|status| Error::Send(Box::new(status)))?;
    Ok(wire::decode_installed(ack.into_inner().body)?)
}

/// Reads chunk after chunk for as long as somebody takes them.
fn read(
    mut reader: SnapshotReader,
    head: v1::SnapshotHead,
    chunks: &mpsc::Sender<v1::SnapshotChunk>,
) -> Result<(), snapshot::Error> {
    let first = v1::SnapshotChunk { head: Some(head), ..v1::SnapshotChunk::default() };
    if chunks.blocking_send(first).is_err() {
        return Ok(());
    }
    while let Some(data) = reader.next_chunk()? {
        let chunk = v1::SnapshotChunk { data, ..v1::SnapshotChunk::default() };
        if chunks.blocking_send(chunk).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Takes a snapshot and installs it.
pub(super) async fn receive(
    service: &Service,
    mut chunks: Streaming<v1::SnapshotChunk>,
) -> Result<v1::SnapshotAck, Status> {
    let first = next(&mut chunks).await?;
    let head = first
        .and_then(|chunk| chunk.head)
        .ok_or_else(|| Status::failed_precondition("a snapshot without its head"))?;
    let there = service.greet(head.hello.as_ref())?.there;
    let group = service
        .group(there, head.group, head.from_replica, head.to_replica)
        .map(Arc::clone)
        .ok_or_else(|| Status::failed_precondition("no such replica is here"))?;
    let vote =
        wire::decode_plain_vote(head.vote).map_err(|e| Status::invalid_argument(e.to_string()))?;
    let promised = raft_bytes::decode_snapshot_meta(&head.meta)
        .map_err(|error| Status::invalid_argument(error.to_string()))?;
    tracing::info!(shard = head.group, from = %there, "receiving a snapshot");
    let mut receiver = group.state().receive_snapshot();
    while let Some(chunk) = next(&mut chunks).await? {
        let pushed = tokio::task::spawn_blocking(move || {
            let result = receiver.push(&chunk.data);
            (receiver, result)
        });
        let (back, result) = pushed.await.map_err(|error| Status::internal(error.to_string()))?;
        receiver = back;
        if result.map_err(|error| Status::data_loss(error.to_string()))? {
            break;
        }
    }
    let ack = install(&group, receiver, &promised, vote).await?;
    tracing::info!(shard = head.group, from = %there, "installed a snapshot");
    Ok(ack)
}

/// Installs what was received, if it is what was promised.
pub(super) async fn install(
    group: &Group,
    receiver: SnapshotReceiver,
    promised: &SnapshotMeta,
    vote: Vote,
) -> Result<v1::SnapshotAck, Status> {
    let (meta, data) = receiver.finish().map_err(|error| Status::data_loss(error.to_string()))?;
    if meta != *promised {
        return Err(Status::data_loss("the snapshot is not the one that was promised"));
    }
    let snapshot = Snapshot { meta, snapshot: data };
    let installed = group.raft().install_full_snapshot(vote, snapshot).await;
    let answer = installed.map_err(|error| Status::unavailable(error.to_string()))?;
    Ok(v1::SnapshotAck { body: wire::encode_installed(&answer) })
}

async fn next(
    chunks: &mut Streaming<v1::SnapshotChunk>,
) -> Result<Option<v1::SnapshotChunk>, Status> {
    let next = tokio::time::timeout(CHUNK_WAIT_MAX, chunks.message()).await;
    next.map_err(|_| Status::deadline_exceeded("no chunk for too long"))?
}
