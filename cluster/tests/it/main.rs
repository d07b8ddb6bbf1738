//! `rowctl` as its users run it.
#![cfg(test)]

mod playground;
mod schema;
mod season;
mod story;
mod usage;
mod user_lists;

use std::path::Path;
use std::process::{Command, Output};

/// Runs `rowctl` to its end.
fn rowctl(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rowctl")).args(args).output().unwrap()
}

/// Whether the server binary was built beside `rowctl`, as a build of the workspace does.
fn has_node() -> bool {
    Path::new(env!("CARGO_BIN_EXE_rowctl")).with_file_name("rowlock-node").is_file()
}
