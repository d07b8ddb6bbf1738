//! What the cluster looks like: which nodes there are, and where each shard's replicas live.
//!
//! Owns: the placement rule, the cluster map, and this node's identity on disk. Must not: know
//! Raft or gRPC. The map is fixed when the cluster begins; every node computes the same one.
//!
//! Invariants:
//! - Replica ids are never used twice: a new placement of a group on a node takes a new id.
//! - A data directory belongs to one node of one cluster for ever.

mod identity;
mod map;

pub(crate) use identity::claim;
pub(crate) use map::{Layout, Map, Shard};
