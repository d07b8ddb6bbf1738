#![cfg(test)]
//! What the inventory does, told from outside.
//!
//! - `script`: transcripts, readable by one who knows seats but not Rust
//! - `promises`: what Rowlock promises, each by its number
//! - `crowd`: many who ask for the best seats at once
//! - `goldens`: the bytes of commands, changes and records
//! - `storage`: logs, state and snapshots, on engines that lose power

mod crowd;
mod fixture;
mod goldens;
mod promises;
mod script;
mod storage;
