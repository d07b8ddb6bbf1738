//! The order that a draw puts its entries in: a keyed shuffle that is never written down.
//!
//! ```text
//! seed            SHA-256(secret, 32 bytes, then the public value)
//! A               the least even number with A * A >= entries; B = entries / A, rounded up
//! an entry x      stands in column x mod A and line x / A of a table of B lines
//! round i of 20   i even: column += f(i, line) mod A;  i odd: line += f(i, column) mod B
//! f(i, v)         the first 8 bytes, big-endian, of SHA-256(seed, i as 1 byte, v as 4 bytes big-endian)
//! place of x      line * A + column after the rounds; if that is no entry (the table has up to A - 1
//!                 places more than there are entries), go on with all rounds from there
//! ```
//!
//! Every round can be undone, so this is a permutation, and either direction costs twenty hashes
//! whatever the number of entries: nothing is sorted, and nothing stalls a shard with a million of them.
//!
//! Why it is fair: each round adds a number that nobody can predict without the seed, for each line
//! or column another one; after twenty every order of few entries comes up as often as any other (a
//! test counts; after ten it did not), and for many entries no way is known to tell it from a shuffle by dice short of
//! breaking SHA-256. Who knows entry numbers but not the seed knows nothing of the order. Why it can be
//! checked: the feed has the secret's hash before the first entry, the entries in their order, the
//! public value and the secret; the lines above are all that is needed to compute the rest.

use sha2::{Digest as _, Sha256};

const ROUNDS: u8 = 20;

/// The order of `count` entries under a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draw {
    seed: [u8; 32],
    count: u32,
    columns: u32,
    lines: u32,
}

/// The least even number whose square is not below `count`.
fn even_root(count: u32) -> u32 {
    let root = count.isqrt();
    let root = if u64::from(root) * u64::from(root) < u64::from(count) { root + 1 } else { root };
    (root + root % 2).max(2)
}

impl Draw {
    pub(super) fn new(seed: [u8; 32], count: u32) -> Self {
        let columns = even_root(count);
        Self { seed, count, columns, lines: count.div_ceil(columns).max(1) }
    }

    fn f(&self, round: u8, value: u32, modulus: u32) -> u32 {
        let hash = Sha256::new().chain_update(self.seed).chain_update([round]);
        let hash: [u8; 32] = hash.chain_update(value.to_be_bytes()).finalize().into();
        let head = hash.first_chunk::<8>().copied().unwrap_or_default();
        u32::try_from(u64::from_be_bytes(head) % u64::from(modulus)).unwrap_or(0)
    }

    fn shuffle(&self, x: u32) -> u32 {
        let (mut column, mut line) = (x % self.columns, x / self.columns);
        for round in 0..ROUNDS {
            if round % 2 == 0 {
                column = (column + self.f(round, line, self.columns)) % self.columns;
            } else {
                line = (line + self.f(round, column, self.lines)) % self.lines;
            }
        }
        line * self.columns + column
    }

    fn unshuffle(&self, x: u32) -> u32 {
        let (mut column, mut line) = (x % self.columns, x / self.columns);
        for round in (0..ROUNDS).rev() {
            if round % 2 == 0 {
                let back = self.columns - self.f(round, line, self.columns);
                column = (column + back) % self.columns;
            } else {
                line = (line + self.lines - self.f(round, column, self.lines)) % self.lines;
            }
        }
        line * self.columns + column
    }

    /// The place of an entry, both counted from 0. `entry` is below the count.
    pub(super) fn place(&self, entry: u32) -> u32 {
        let mut x = self.shuffle(entry);
        // Ends: the shuffle is a permutation of the table, so its walk from an entry comes back to
        // that entry, at the latest.
        while x >= self.count {
            x = self.shuffle(x);
        }
        x
    }

    /// The entry in a place.
    pub(super) fn entry(&self, place: u32) -> u32 {
        let mut x = self.unshuffle(place);
        while x >= self.count {
            x = self.unshuffle(x);
        }
        x
    }
}

/// The seed of a draw whose secret was revealed.
pub(super) fn seed(secret: &[u8; 32], public_value: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(secret).chain_update(public_value).finalize().into()
}

/// The seed of a draw whose secret was not revealed in time.
pub(super) fn fallback_seed(commitment: &[u8; 32], public_value: &[u8]) -> [u8; 32] {
    let hash = Sha256::new().chain_update(b"secret not revealed").chain_update(commitment);
    hash.chain_update(public_value).finalize().into()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn a_place_and_its_entry_lead_to_one_another() {
        for count in (1..200).chain([1_000, 4_095, 4_096, 4_097, 65_537]) {
            let draw = Draw::new(seed(&[7; 32], &[1, 2]), count);
            let mut seen = BTreeSet::new();
            for entry in 0..count {
                let place = draw.place(entry);
                assert_eq!(draw.entry(place), entry);
                assert!(place < count && seen.insert(place), "of {count}");
            }
        }
        let million = Draw::new([9; 32], 1_000_000);
        for entry in (0..1_000_000).step_by(9_973) {
            assert_eq!(million.entry(million.place(entry)), entry);
        }
    }

    /// Chi square over all orders of few entries: none is favoured.
    #[test]
    fn p8_every_order_comes_up_as_often_as_any_other() {
        for (count, orders, bound) in [(3_u32, 6_usize, 25), (4, 24, 60), (5, 120, 190)] {
            let draws = orders * 100;
            let mut times = BTreeMap::<Vec<u32>, usize>::new();
            for number in 0..draws as u64 {
                let draw = Draw::new(seed(&[3; 32], &number.to_be_bytes()), count);
                let order = (0..count).map(|entry| draw.place(entry)).collect();
                *times.entry(order).or_default() += 1;
            }
            assert_eq!(times.len(), orders, "every order of {count} comes up");
            let off = times.values().map(|&times| times.abs_diff(100).pow(2)).sum::<usize>() / 100;
            assert!(off < bound, "{count} entries: chi square {off}");
        }
    }

    /// Each entry comes to each tenth of the line as often as any other.
    #[test]
    fn p8_no_entry_number_is_favoured() {
        let mut tenths = BTreeMap::<(u32, u32), usize>::new();
        for number in 0..1_000_u64 {
            let draw = Draw::new(seed(&[4; 32], &number.to_be_bytes()), 1_000);
            for tenth in 0..10_u32 {
                let place = draw.place(tenth * 100) / 100;
                *tenths.entry((tenth, place)).or_default() += 1;
            }
        }
        for tenth in 0..10 {
            let times = (0..10).map(|place| tenths.get(&(tenth, place)).copied().unwrap_or(0));
            let off = times.map(|times| times.abs_diff(100).pow(2)).sum::<usize>() / 100;
            assert!(off < 30, "chi square {off} of tenth {tenth}");
        }
    }
}
