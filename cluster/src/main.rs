//! `rowctl`: reads the command line and says how it went.

use std::process::ExitCode;

use clap::Parser as _;
use rowlock_cluster::cmd::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rowlock_cluster::run(Cli::parse())
}
