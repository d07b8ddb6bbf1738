//! `rowlock-jepsen`: hands over to [`rowlock_jepsen::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    rowlock_jepsen::cli::main()
}
