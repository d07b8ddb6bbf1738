//! One server process of a Rowlock cluster.
//!
//! Owns: the hosting of many Raft groups over shared connections, one log writer and one store;
//! the services that clients, other nodes and administrators call; this node's clock. Must not:
//! decide what a command does (that is the state machine's), or keep anything durable of its own
//! beside the identity of its data directory.
//!
//! ```text
//!  clients ══ Inventory ══> grpc/ ──> group/ ──> Raft ──> raft-store (log, state machine)
//!  nodes   ══ Raft ══════> net/ ─────────────────^ │
//!  nodes   <═ Raft ═══════ net/ <──────────────────'
//!  rowctl  ══ Cluster ═══> grpc/        Prometheus ══ http.rs
//! ```
//!
//! Invariants:
//! - Everything of Raft, proposers, transport and client streams runs on one thread: a command
//!   costs no hand-over between threads but the one to the log writer.
//! - Every queue has a bound; what does not fit is answered at once.
//! - A node that can't trust its disk stops; it never answers.

pub mod clock;
pub mod config;
mod group;
mod grpc;
pub mod host;
mod http;
mod meta;
mod metrics;
mod net;
pub mod run;
pub mod simulated;
