//! The `rowlock-node` process: arguments in, exit code out.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use rowlock_node::config::{Args, Config};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is logged unless RUST_LOG says otherwise. A follower that is down is reported once by the
/// transport; openraft would repeat it with each heartbeat.
const LOG_DEFAULT: &str = "info,openraft=error";

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG_DEFAULT));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let config = match Config::try_from(args) {
        Ok(config) => config,
        Err(error) => {
            tracing::error!(%error, "bad arguments");
            return ExitCode::from(2);
        }
    };
    match rowlock_node::run::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "stopped by a fault");
            ExitCode::FAILURE
        }
    }
}
