//! Ports are tried before anything is started, so that a collision is a clear message and not a
//! process that died.

use std::net::TcpListener;

use crate::Usage;

/// `count` ports from `first` on, all free right now.
pub fn check_free(first: u16, count: u64, what: &str) -> anyhow::Result<()> {
    for offset in 0..count {
        let port = u64::from(first) + offset;
        let port =
            u16::try_from(port).map_err(|_| Usage(format!("{what} port {port} is no port")))?;
        TcpListener::bind(("127.0.0.1", port)).map_err(|error| {
            anyhow::anyhow!(
                "{what} port {port} can't be used ({error}); choose another by --{what}-port"
            )
        })?;
    }
    Ok(())
}
