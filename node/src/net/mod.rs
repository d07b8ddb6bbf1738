//! Raft between nodes: one bidirectional stream for each ordered pair of nodes, for all groups.
//!
//! Owns: connections, frames, and Raft's network traits. Must not: know what an entry says.
//!
//! ```text
//!   Raft core of a group ──> network.rs ──> peer.rs ══ Raft.Frames ══> serve.rs ──> Raft core
//!        (leader)            exchange.rs   (one a peer)                                (follower)
//! ```
//!
//! Invariants:
//! - Frames reach only the replica that they name, on the node and in the cluster that the stream
//!   was opened for. A replica that lost its disk must never answer for its old id.
//! - Every exchange ends: by END, by REJECT, or with its connection.
//! - No group waits for another: handing a frame on never blocks.
//! - Queues are bounded. A full one ends the exchange, and Raft tries again later.

mod exchange;
mod network;
mod peer;
mod serve;
mod simulated;
mod snapshot;
mod wire;

pub(crate) use network::Factory;
pub(crate) use peer::{Ends, Peer, channel};
pub(crate) use serve::Service;
pub(crate) use simulated::{Simulated, carried};

use rowlock_proto::v1;

/// Version of what stands in frames.
const PROTOCOL_VERSION: u32 = 1;
/// Frames that wait for one connection.
const QUEUE_MAX: usize = 8192;
/// Frames of one message.
const FRAMES_PER_BATCH_MAX: usize = 256;
/// Bytes of one message of any of our services, both ways.
pub(crate) const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Flow-control window of a stream and of a connection: a whole catch-up batch in flight.
pub(crate) const WINDOW_BYTES: u32 = 16 << 20;

/// Everything that is ready, in one message. Ends when all senders are gone.
async fn next_batch(queue: &mut tokio::sync::mpsc::Receiver<v1::Frame>) -> Option<v1::FrameBatch> {
    let mut frames = Vec::with_capacity(16);
    let count = queue.recv_many(&mut frames, FRAMES_PER_BATCH_MAX).await;
    (count > 0).then_some(v1::FrameBatch { hello: None, frames })
}
