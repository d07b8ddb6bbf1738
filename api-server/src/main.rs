//! `rowlock-api`: not built yet. It says so and ends, so that nobody takes silence for service.

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let said = writeln!(std::io::stderr(), "rowlock-api: the HTTP server is not built yet");
    if said.is_err() { ExitCode::FAILURE } else { ExitCode::from(2) }
}
