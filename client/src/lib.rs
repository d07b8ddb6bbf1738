//! The client of a Rowlock cluster: routing, retries, batching, watch.
//!
//! Owns: the shard map's cache (`shard_map`), what to do after each answer (`route`, pure), one
//! stream per node that carries many calls at once (`connection`), the typed calls
//! (`calls`, `queries`), the change feed (`watch`) and named consumers of it ([`consume`]),
//! accounts ([`accounts`]), what users have over all events ([`user_lists`]),
//! the audit chain of an event ([`audit`]), reading of
//! seating plans ([`plan`]).
//! Must not: show a wire message to callers, or start a task for a call.
//!
//! Invariants:
//! - Done, refused and unknown are never mixed. `Unknown` is said only of a command that was sent.
//! - A command is repeated under its own key only.
//! - Every call ends by its deadline.

pub mod accounts;
pub mod audit;
mod calls;
mod client;
mod connection;
pub mod consume;
pub mod consumers;
pub mod doors;
mod error;
pub mod exchange;
pub mod key;
pub mod life;
pub mod money;
mod places;
pub mod plan;
mod queries;
pub mod queue;
mod route;
mod shard_map;
pub mod subject;
pub mod terms;
pub mod transport;
pub mod types;
pub mod user_lists;
pub mod waitlist;
mod watch;
mod wire;

pub use client::{Client, Config};
pub use error::{Error, Refusal};
pub use types::{Answered, Position};
pub use watch::{Watch, WatchError};
