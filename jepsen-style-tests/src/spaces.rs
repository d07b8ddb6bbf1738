//! A network and mounts of the run's own, where root allows.
//!
//! Owns: leaving the machine's namespaces before any thread starts. Must not: change anything that
//! others on the machine see.
//!
//! Invariants:
//! - What is mounted and which packets are dropped is seen by this program and what it starts alone,
//!   and is gone when the last of them ends, however it ends.
//! - Where this can't be had, the machine's own loopback serves, and the faults that need more are
//!   named in `not_run`.

use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// Leaves the machine's network and mounts. Answers why not, if it can't.
pub fn enter() -> Result<(), String> {
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET)
        .map_err(|error| format!("no namespaces of our own: {error}"))?;
    // Mounts of ours must not travel back to where this one came from.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .map_err(|error| format!("mounts stay shared: {error}"))?;
    command("ip", &["link", "set", "lo", "up"])
}

/// Runs a tool to its end; an error says what it said.
pub(crate) fn command(program: &str, args: &[&str]) -> Result<(), String> {
    let output =
        Command::new(program).args(args).output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} {}: {} {}", args.join(" "), output.status, said.trim()))
}
