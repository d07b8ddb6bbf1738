//! The seat inventory state machine and its Raft storage on RocksDB.
//!
//! ```text
//!              openraft (one task set per group)
//!        append, vote |                  | apply, snapshot
//!                  log.rs            state_machine.rs --- inventory/ (pure)
//!                     |                  |      \
//!               log_writer.rs        write_behind.rs  snapshot.rs
//!         (one sync for all groups)      |              |
//!                     '------ engine (RocksDB or memory), keys.rs
//! ```
//!
//! Invariants:
//! - `inventory/` is pure: what it does depends on the log alone.
//! - A reply leaves only after its entry was synced by a majority and applied here.
//! - The log is never purged past what the state on disk stands for.
//! - A failed write or sync is final: every later one fails too and the process must stop.

mod applied;
pub mod audit;
pub mod codec;
pub mod engine;
pub mod failpoint;
pub mod fault;
pub mod feed;
mod group;
pub mod inventory;
pub mod keys;
pub mod log;
pub mod log_writer;
pub mod raft_bytes;
pub mod residency;
pub mod runtime;
pub mod seal;
pub mod snapshot;
pub mod state_machine;
pub mod store;
pub mod teeth;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod types;
mod write_behind;
