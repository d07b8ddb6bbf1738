//! Raft's own values as bytes: votes, log ids, memberships, entries.
//!
//! The format on disk and, for entries and snapshot metadata, on the wire. Ours, and not openraft's,
//! so that an update of openraft changes no format. Numbers are big endian.
//!
//! ```text
//! log id             term:8 replica:8 index:8
//! option             0, or 1 and the value
//! vote               term:8 replica:8 committed:1
//! membership         n:2 of voters (n:2 of replica:8), n:2 of (replica:8 node:8 n:2 address)
//! stored membership  option of log id, membership
//! entry              log id, kind:1, payload
//!                      0 blank     nothing
//!                      1 commands  count:4 and the encoded batch, to the end
//!                      2 members   membership
//! snapshot meta      option of log id, stored membership
//! ```
//!
//! A membership is a list of voter sets (two while it changes) and all members' places. There is no
//! version here: whoever stores or sends these bytes puts one in front.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use openraft::EntryPayload as Payload;

use crate::types::{
    Entry, EntryPayload, LeaderId, LogId, Membership, Place, SnapshotMeta, StoredMembership, Vote,
};

/// The bytes are not such a value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    #[error("{0} ends early")]
    Short(&'static str),
    #[error("{0} has bytes left over")]
    Long(&'static str),
    #[error("{what} has the unknown tag {tag}")]
    Tag { what: &'static str, tag: u8 },
    #[error("an address is not UTF-8")]
    Address,
    #[error("a membership contradicts itself: {0}")]
    Membership(String),
}

/// Reads values off the front of a slice.
struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(Error::Short(self.what))?;
        self.rest = rest;
        Ok(head)
    }
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(Error::Short(self.what))?;
        self.rest = rest;
        Ok(*head)
    }
    fn u8(&mut self) -> Result<u8, Error> {
        Ok(u8::from_be_bytes(self.array()?))
    }
    fn u16(&mut self) -> Result<u16, Error> {
        Ok(u16::from_be_bytes(self.array()?))
    }
    fn u64(&mut self) -> Result<u64, Error> {
        Ok(u64::from_be_bytes(self.array()?))
    }
    fn flag(&mut self) -> Result<bool, Error> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            tag => Err(Error::Tag { what: self.what, tag }),
        }
    }
    fn leader_id(&mut self) -> Result<LeaderId, Error> {
        Ok(LeaderId { term: self.u64()?, node_id: self.u64()? })
    }
    fn log_id(&mut self) -> Result<LogId, Error> {
        Ok(LogId { leader_id: self.leader_id()?, index: self.u64()? })
    }
    fn optional_log_id(&mut self) -> Result<Option<LogId>, Error> {
        if self.flag()? { Ok(Some(self.log_id()?)) } else { Ok(None) }
    }
    fn membership(&mut self) -> Result<Membership, Error> {
        let mut configs = Vec::new();
        for _ in 0..self.u16()? {
            let mut voters = BTreeSet::new();
            for _ in 0..self.u16()? {
                voters.insert(self.u64()?);
            }
            configs.push(voters);
        }
        let mut places = BTreeMap::new();
        for _ in 0..self.u16()? {
            let replica = self.u64()?;
            let node = self.u64()?;
            let len = usize::from(self.u16()?);
            let addr = std::str::from_utf8(self.take(len)?).map_err(|_| Error::Address)?;
            places.insert(replica, Place { node, addr: addr.to_owned() });
        }
        if configs.is_empty() && places.is_empty() {
            // A replica that knows no members yet; openraft would refuse to build this one.
            return Ok(Membership::default());
        }
        Membership::new(configs, places).map_err(|error| Error::Membership(error.to_string()))
    }
    fn stored_membership(&mut self) -> Result<StoredMembership, Error> {
        Ok(StoredMembership::new(self.optional_log_id()?, self.membership()?))
    }
    fn end<T>(self, value: T) -> Result<T, Error> {
        if self.rest.is_empty() { Ok(value) } else { Err(Error::Long(self.what)) }
    }
}

fn put_count(count: usize, out: &mut Vec<u8>) {
    let count = u16::try_from(count).expect("members are few and addresses short");
    out.extend_from_slice(&count.to_be_bytes());
}

pub fn put_log_id(id: &LogId, out: &mut Vec<u8>) {
    out.extend_from_slice(&id.leader_id.term.to_be_bytes());
    out.extend_from_slice(&id.leader_id.node_id.to_be_bytes());
    out.extend_from_slice(&id.index.to_be_bytes());
}

pub fn put_optional_log_id(id: Option<&LogId>, out: &mut Vec<u8>) {
    out.push(u8::from(id.is_some()));
    if let Some(id) = id {
        put_log_id(id, out);
    }
}

pub fn put_vote(vote: &Vote, out: &mut Vec<u8>) {
    out.extend_from_slice(&vote.leader_id.term.to_be_bytes());
    out.extend_from_slice(&vote.leader_id.node_id.to_be_bytes());
    out.push(u8::from(vote.committed));
}

pub fn put_membership(membership: &Membership, out: &mut Vec<u8>) {
    put_count(membership.get_joint_config().len(), out);
    for voters in membership.get_joint_config() {
        put_count(voters.len(), out);
        for voter in voters {
            out.extend_from_slice(&voter.to_be_bytes());
        }
    }
    put_count(membership.nodes().count(), out);
    for (replica, place) in membership.nodes() {
        out.extend_from_slice(&replica.to_be_bytes());
        out.extend_from_slice(&place.node.to_be_bytes());
        put_count(place.addr.len(), out);
        out.extend_from_slice(place.addr.as_bytes());
    }
}

pub fn put_stored_membership(membership: &StoredMembership, out: &mut Vec<u8>) {
    put_optional_log_id(membership.log_id().as_ref(), out);
    put_membership(membership.membership(), out);
}

pub fn put_entry(entry: &Entry, out: &mut Vec<u8>) {
    put_log_id(&entry.log_id, out);
    match &entry.payload {
        Payload::Blank => out.push(0),
        Payload::Normal(batch) => {
            out.push(1);
            out.extend_from_slice(&batch.count().to_be_bytes());
            out.extend_from_slice(batch.bytes());
        }
        Payload::Membership(membership) => {
            out.push(2);
            put_membership(membership, out);
        }
    }
}

pub fn put_snapshot_meta(meta: &SnapshotMeta, out: &mut Vec<u8>) {
    put_optional_log_id(meta.last_log_id.as_ref(), out);
    put_stored_membership(&meta.last_membership, out);
}

/// An entry as bytes of its own.
pub fn encode_entry(entry: &Entry) -> Bytes {
    let mut out = Vec::with_capacity(64 + payload_bytes(entry));
    put_entry(entry, &mut out);
    out.into()
}

/// What an entry's commands weigh.
pub(crate) fn payload_bytes(entry: &Entry) -> usize {
    match &entry.payload {
        Payload::Normal(batch) => batch.bytes().len(),
        Payload::Blank | Payload::Membership(_) => 0,
    }
}

pub fn decode_log_id(bytes: &[u8]) -> Result<LogId, Error> {
    let mut reader = Reader { rest: bytes, what: "log id" };
    let id = reader.log_id()?;
    reader.end(id)
}

pub fn decode_vote(bytes: &[u8]) -> Result<Vote, Error> {
    let mut reader = Reader { rest: bytes, what: "vote" };
    let vote = Vote { leader_id: reader.leader_id()?, committed: reader.flag()? };
    reader.end(vote)
}

pub fn decode_snapshot_meta(bytes: &[u8]) -> Result<SnapshotMeta, Error> {
    let mut reader = Reader { rest: bytes, what: "snapshot meta" };
    let meta = SnapshotMeta {
        last_log_id: reader.optional_log_id()?,
        last_membership: reader.stored_membership()?,
    };
    reader.end(meta)
}

/// The log id of an encoded entry.
pub fn entry_log_id(bytes: &[u8]) -> Result<LogId, Error> {
    Reader { rest: bytes, what: "entry" }.log_id()
}

/// An entry from bytes that it then shares.
pub fn decode_entry(bytes: &Bytes) -> Result<Entry, Error> {
    let mut reader = Reader { rest: bytes, what: "entry" };
    let log_id = reader.log_id()?;
    let payload = match reader.u8()? {
        0 => reader.end(Payload::Blank)?,
        1 => {
            let count = u32::from_be_bytes(reader.array()?);
            let batch = bytes.slice(bytes.len() - reader.rest.len()..);
            Payload::Normal(EntryPayload::new(count, batch))
        }
        2 => {
            let membership = reader.membership()?;
            reader.end(Payload::Membership(membership))?
        }
        tag => return Err(Error::Tag { what: "entry", tag }),
    };
    Ok(Entry { log_id, payload })
}

#[cfg(test)]
mod tests;
