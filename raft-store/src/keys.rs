//! Every column family, prefix and key, byte by byte.
//!
//! A group's rows begin with its number in big endian, so a group is one range of each column
//! family, and no operation on a group can touch its neighbour. There is never a column family a
//! group: creating one syncs the manifest.
//!
//! ```text
//! family  key                                             value
//! log     group:4  index:8                                sealed entry (raft_bytes::put_entry)
//! meta    group:4  1                                      sealed vote
//!         group:4  2                                      sealed log id: all up to it is purged
//!         group:4  3                                      sealed applied record (applied.rs)
//!         ffffffff 1                                      sealed identity of the store (store.rs)
//! state   group:4  generation:4  record key               record (codec: State::encode_record)
//! feed    group:4  generation:4  last revision:8          sealed changes (codec::encode_changes)
//! ```
//!
//! *Sealed* is `crc:4 version:1 body`, the CRC-32 over version and body (seal.rs). Numbers in keys
//! are big endian so that bytes sort as numbers do. A generation is one life of a group's state: an
//! installed snapshot begins the next one, and the applied record says which is current.

use rowlock_proto::shard::ShardId;

/// A column family.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Space {
    Log,
    Meta,
    State,
    Feed,
}

impl Space {
    pub const ALL: [Self; 4] = [Self::Log, Self::Meta, Self::State, Self::Feed];

    /// The column family's name on disk.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Meta => "meta",
            Self::State => "state",
            Self::Feed => "feed",
        }
    }

    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Log => 0,
            Self::Meta => 1,
            Self::State => 2,
            Self::Feed => 3,
        }
    }
}

/// No shard has this number: it marks what belongs to the whole store.
pub const STORE: ShardId = ShardId(u32::MAX);

/// What a row of `meta` holds about its group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Meta {
    Vote = 1,
    Purged = 2,
    Applied = 3,
}

/// Life of a group's state, counted from 1. See the module's table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Generation(pub u32);

impl Generation {
    pub const FIRST: Self = Self(1);
}

/// Keys from `from` up to, not including, `to`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRange {
    pub from: Vec<u8>,
    pub to: Vec<u8>,
}

impl KeyRange {
    /// All keys that begin with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Self {
        let mut to = prefix.to_vec();
        while let Some(last) = to.pop() {
            if last < u8::MAX {
                to.push(last + 1);
                return Self { from: prefix.to_vec(), to };
            }
        }
        // All 0xff: no key of ours is longer than this bound.
        Self { from: prefix.to_vec(), to: vec![u8::MAX; prefix.len() + 64] }
    }
}

pub fn log(group: ShardId, index: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&group.0.to_be_bytes());
    key[4..].copy_from_slice(&index.to_be_bytes());
    key
}

/// The index in a key of the log, if it is one of `group`.
pub fn log_index(group: ShardId, key: &[u8]) -> Option<u64> {
    let index = key.strip_prefix(&group.0.to_be_bytes()[..])?;
    Some(u64::from_be_bytes(index.try_into().ok()?))
}

/// Entries from `from` up to, not including, `to`. Never leaves the group.
pub fn log_range(group: ShardId, from: u64, to: u64) -> KeyRange {
    KeyRange { from: log(group, from).to_vec(), to: log(group, to).to_vec() }
}

pub fn meta(group: ShardId, what: Meta) -> [u8; 5] {
    meta_row(group, what as u8)
}

/// The one row that says whose store this is.
pub fn identity() -> [u8; 5] {
    meta_row(STORE, 1)
}

fn meta_row(group: ShardId, what: u8) -> [u8; 5] {
    let mut key = [0; 5];
    key[..4].copy_from_slice(&group.0.to_be_bytes());
    key[4] = what;
    key
}

/// What precedes the record key in a row of `state` and the revision in one of `feed`.
pub fn generation(group: ShardId, generation: Generation) -> [u8; 8] {
    let mut key = [0; 8];
    key[..4].copy_from_slice(&group.0.to_be_bytes());
    key[4..].copy_from_slice(&generation.0.to_be_bytes());
    key
}

/// Rows of `state` or `feed` of every generation before `generation`.
pub fn generations_before(group: ShardId, before: Generation) -> KeyRange {
    KeyRange { from: group.0.to_be_bytes().to_vec(), to: generation(group, before).to_vec() }
}

/// Rows of `state` or `feed` of every generation after `generation`.
pub fn generations_after(group: ShardId, after: Generation) -> KeyRange {
    KeyRange {
        from: generation(group, Generation(after.0.saturating_add(1))).to_vec(),
        to: KeyRange::prefix(&group.0.to_be_bytes()).to,
    }
}

pub fn feed(group: ShardId, generation: Generation, last_revision: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&self::generation(group, generation));
    key[8..].copy_from_slice(&last_revision.to_be_bytes());
    key
}

/// The last revision that a row of the feed covers.
pub fn feed_revision(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(8..)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groups_keys_stay_in_its_range() {
        let group = ShardId(7);
        let range = KeyRange::prefix(&group.0.to_be_bytes());
        for key in [log(group, 0).to_vec(), log(group, u64::MAX).to_vec()] {
            assert!(key >= range.from && key < range.to);
        }
        assert!(log(ShardId(8), 0).to_vec() >= range.to);
        assert!(log(ShardId(6), u64::MAX).to_vec() < range.from);
        assert_eq!(log_index(group, &log(group, 9)), Some(9));
        assert_eq!(log_index(ShardId(8), &log(group, 9)), None);
    }

    #[test]
    fn the_current_generation_is_in_neither_side() {
        let group = ShardId(1);
        let row = feed(group, Generation(5), 3).to_vec();
        let before = generations_before(group, Generation(5));
        let after = generations_after(group, Generation(5));
        assert!(row >= before.to && row < after.from);
        let next = feed(group, Generation(6), 0).to_vec();
        assert!(next >= after.from && next < after.to);
    }

    #[test]
    fn a_prefix_of_all_ones_has_a_range() {
        let range = KeyRange::prefix(&STORE.0.to_be_bytes());
        assert!(identity().to_vec() >= range.from && identity().to_vec() < range.to);
    }
}
