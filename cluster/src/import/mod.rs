//! Venues and events from files.
//!
//! Owns: what a catalogue's words mean ([`nyphil`]), the rules by which an operator fills in what a
//! catalogue lacks ([`prices`], [`sale`], [`venue_rule`], [`hall`]), the drafts that come of both
//! ([`draft`], [`concerts`]), and bringing drafts into a cluster ([`load`]). Plans of seats are read
//! by `rowlock_client::plan`.
//!
//! Must not: print. Progress goes to a [`load::Progress`].
//!
//! Invariants:
//! - Ids are made from content, so an import that is repeated, or that was cut off and is run again,
//!   makes nothing twice.
//! - Nothing is written before every input has been read and found right.

pub mod concerts;
pub mod draft;
pub mod hall;
pub mod load;
pub mod nyphil;
pub mod prices;
pub mod sale;
pub mod sample;
pub mod target;
pub mod venue_rule;

/// Something of a file that can't be taken, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {reason}")]
pub struct Refused {
    pub what: String,
    pub reason: String,
}
