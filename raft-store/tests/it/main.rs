#![cfg(test)]
//! What the inventory does, told from outside.
//!
//! - `script`: transcripts, readable by one who knows seats but not Rust
//! - `promises`: what Rowlock promises, each by its number
//! - `crowd`: many who ask for the best seats at once
//! - `queue`: the draw of a waiting room, computed from the feed alone
//! - `waitlist`: ten thousand who wait for places of a sold-out house
//! - `goldens`: the bytes of commands, changes and records
//! - `storage`: logs, state and snapshots, on engines that lose power

mod crowd;
mod fixture;
mod goldens;
mod goldens_accounts;
mod goldens_consumers;
mod goldens_exchange;
mod goldens_money;
mod goldens_queue;
mod goldens_retention;
mod goldens_terms;
mod goldens_user_lists;
mod goldens_waitlist;
mod promises;
mod queue;
mod script;
mod script_queue;
mod storage;
mod waitlist;
