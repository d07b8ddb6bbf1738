//! Finding events: an index in memory that may be thrown away at any time.
//!
//! Owns: the documents and their words ([`index`]), what a search asks (`wanted`), and the loops that
//! keep it in step with the shards ([`feed`]). Must not: be asked whether a seat is free; only the
//! cluster knows that.
//!
//! Invariants:
//! - Only events that were published are found.
//! - An event's counts are of its shard's revision that stands beside them; no change is counted
//!   twice, and one that can't be counted makes the event be read again.

pub mod feed;
mod index;
mod wanted;
mod words;

pub use index::Index;
pub(crate) use index::{Availability, Entry};
pub(crate) use wanted::{Found, Wanted};
