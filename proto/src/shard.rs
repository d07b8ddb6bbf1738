//! Slots and shards.
//!
//! Everything that is stored lives in one of [`SLOTS`] slots, found by hash; a slot belongs to one
//! shard, and the slot table of the cluster map says to which. The hash is part of the format: it
//! may never change.

use std::fmt;

/// Number of slots. A power of two, so that a slot is the low bits of a hash.
pub const SLOTS: u16 = 4096;

/// A slot: `0..SLOTS`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Slot(u16);

impl Slot {
    /// The slot with this number, if there is one.
    pub const fn new(number: u16) -> Option<Self> {
        if number < SLOTS { Some(Self(number)) } else { None }
    }

    /// The slot that `bytes` hash to: `hash64(bytes) mod 4096`.
    pub const fn of(bytes: &[u8]) -> Self {
        Self::from_low_bits(hash64(bytes))
    }

    /// The slot in the low twelve bits of `bits`.
    pub(crate) const fn from_low_bits(bits: u64) -> Self {
        // The mask leaves twelve bits, which fit.
        #[expect(clippy::cast_possible_truncation, reason = "masked to twelve bits")]
        Self((bits & (SLOTS as u64 - 1)) as u16)
    }

    pub const fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A shard: one Raft group, numbered from 0 in the order of bootstrap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ShardId(pub u32);

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The hash that slots, tags and fingerprints are made with: FNV-1a over 64 bits, then the
/// finaliser of MurmurHash3 (`fmix64`), since FNV alone mixes its low bits badly.
///
/// Not cryptographic. Part of the format: golden tests hold it in place.
pub const fn hash64(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut i = 0;
    while i < bytes.len() {
        hash ^= bytes[i] as u64;
        hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    mix64(hash)
}

/// `fmix64` of MurmurHash3: a bijection on 64 bits in which every bit depends on every other.
pub const fn mix64(mut bits: u64) -> u64 {
    bits ^= bits >> 33;
    bits = bits.wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits ^= bits >> 33;
    bits = bits.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ (bits >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_golden() {
        assert_eq!(hash64(b""), 0xefd0_1f60_ba99_2926);
        assert_eq!(Slot::of(b"evt").number(), u16::try_from(hash64(b"evt") % 4096).unwrap());
    }

    #[test]
    fn slots_spread_evenly() {
        let mut per_slot = vec![0_u32; usize::from(SLOTS)];
        for i in 0..409_600_u64 {
            per_slot[usize::from(Slot::of(&i.to_be_bytes()).number())] += 1;
        }
        let (min, max) = (per_slot.iter().min().unwrap(), per_slot.iter().max().unwrap());
        assert!(*min > 50 && *max < 160, "{min}..{max}");
    }

    #[test]
    fn there_are_no_slots_past_the_last() {
        assert!(Slot::new(4095).is_some());
        assert!(Slot::new(4096).is_none());
    }
}
