//! The services of a node: decode, call, encode.
//!
//! Owns: the translation between wire messages and core types, and every check of what a message
//! may hold. Must not: decide anything about inventory or Raft. Wire types stop here.

mod accounts;
mod cluster;
mod command;
mod consumers;
mod inventory;
mod life;
mod money;
mod query;
mod queue;
mod reply;
mod terms;
mod user_lists;
mod waitlist;

pub(crate) use cluster::Service as Cluster;
pub(crate) use inventory::Service as Inventory;
pub(crate) use reply::change_bytes;
