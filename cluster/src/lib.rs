//! rowctl: playground, administration, import and load generation.
//!
//! Owns: the commands ([`cmd`], one file a verb), local clusters ([`playground`]), load generation
//! ([`workload`]), imports ([`import`]). Must not: print anywhere but in [`output`], or link a
//! storage engine.
//!
//! Invariants:
//! - Exit 0: done; 1: failed or not clean; 2: wrong usage.
//! - With `--output json`, standard output carries JSON only.

pub mod admin;
pub mod cmd;
pub mod import;
pub mod output;
pub mod playground;
pub mod token;
pub mod workload;

use std::io::IsTerminal as _;
use std::process::ExitCode;

/// The command line can't be followed; it is not that something failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Carries a command out.
pub fn run(cli: cmd::Cli) -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let output = cli.output;
    // One thread: clients that wake together put their next calls into one message. Measured beside
    // a cluster on two cores: a third more holds at 64 clients, a tenth at 256.
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(cmd::dispatch(cli)));
    match outcome {
        Ok(clean) if clean => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            output.error(&error);
            if error.is::<Usage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}
