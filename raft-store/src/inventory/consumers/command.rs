//! What is asked about named consumers of the feed, and the checks that need no state.

use crate::inventory::command::{invalid, required};
use crate::inventory::reply::Refusal;

/// Bytes of a consumer's name: it is a label of metrics too.
pub const CONSUMER_NAME_BYTES_MAX: usize = 64;
/// Bytes of the name that a holder gives itself.
pub const HOLDER_BYTES_MAX: usize = 128;
pub const LEASE_MS_MIN: u64 = 1_000;
pub const LEASE_MS_MAX: u64 = 10 * 60 * 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerCommand {
    /// From then on the feed is kept for it. `None`: it begins with the next change.
    Register { name: String, after: Option<u64> },
    /// Takes the lease, or renews one's own.
    Lease { name: String, holder: String, ttl_ms: u64 },
    /// Everything up to `revision` is done.
    Acknowledge { name: String, holder: String, lease: u64, revision: u64 },
    /// Gives the lease back before its time.
    Yield { name: String, holder: String, lease: u64 },
    /// The feed is no longer kept for it.
    Unregister { name: String },
}

fn name(name: &str) -> Result<(), Refusal> {
    let allowed = |byte: &u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'_')
    };
    if name.is_empty()
        || name.len() > CONSUMER_NAME_BYTES_MAX
        || !name.as_bytes().iter().all(allowed)
    {
        return Err(invalid(format!(
            "a consumer is named by 1 to {CONSUMER_NAME_BYTES_MAX} of a-z, 0-9, '-', '.' and '_'"
        )));
    }
    Ok(())
}

fn holder(holder: &str) -> Result<(), Refusal> {
    required("holder", holder)?;
    if holder.len() > HOLDER_BYTES_MAX {
        return Err(invalid(format!("holder is longer than {HOLDER_BYTES_MAX} bytes")));
    }
    Ok(())
}

impl ConsumerCommand {
    pub(in crate::inventory) fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::Register { name: its, .. } | Self::Unregister { name: its } => name(its),
            Self::Lease { name: its, holder: by, ttl_ms } => {
                name(its)?;
                holder(by)?;
                if !(LEASE_MS_MIN..=LEASE_MS_MAX).contains(ttl_ms) {
                    return Err(invalid(format!(
                        "a lease lasts {} to {} seconds",
                        LEASE_MS_MIN / 1_000,
                        LEASE_MS_MAX / 1_000
                    )));
                }
                Ok(())
            }
            Self::Acknowledge { name: its, holder: by, .. }
            | Self::Yield { name: its, holder: by, .. } => {
                name(its)?;
                holder(by)
            }
        }
    }
}
