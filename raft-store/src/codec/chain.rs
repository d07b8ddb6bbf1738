//! The record of an event's audit chain.

use super::{Error, decode, encode};

/// How far the chain of an event is, and its hash there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ChainRecord {
    pub head: [u8; 32],
    /// Changes that are in it.
    pub changes: u64,
    /// Of the last of them.
    pub revision: u64,
}

impl ChainRecord {
    pub fn encode(&self) -> Vec<u8> {
        encode((self.head, self.changes, self.revision), 48)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let (head, changes, revision) = decode(bytes)?;
        Ok(Self { head, changes, revision })
    }
}
