//! Logs, state and snapshots, on engines that lose power.
//!
//! - `suite`: openraft's own tests of storage, on both engines
//! - `crash`: a replica's life, cut at every step
//! - `install`: a snapshot's arrival, cut at every step
//! - `fault`: failed writes and syncs, damaged rows, a halted group, another's directory
//! - `rocks`: what RocksDB leaves after a power cut
//! - `cold`: events that are left on disk, beside a replica that keeps all in memory
//! - `audit`: chains of changes, compared and computed again
//! - `cluster`: three replicas under openraft, losing power in turn and all at once

mod audit;
mod cluster;
mod cold;
mod crash;
mod fault;
mod install;
mod net;
mod replica;
mod rocks;
mod suite;
