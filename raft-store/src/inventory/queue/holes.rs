//! Which places of a line are empty, and how many before a given one: a bit a place, and sums of blocks
//! of bits in a Fenwick tree, so that counting costs a few words and the logarithm of the blocks.

const BITS_PER_WORD: u32 = u64::BITS;
const WORDS_PER_BLOCK: u32 = 16;
const PLACES_PER_BLOCK: u32 = BITS_PER_WORD * WORDS_PER_BLOCK;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::inventory) struct Holes {
    words: Vec<u64>,
    /// `sums[i - 1]` is the sum of the blocks after `i - lowbit(i)`, up to `i`.
    sums: Vec<u32>,
}

const fn low_bit(i: usize) -> usize {
    i & i.wrapping_neg()
}

impl Holes {
    /// Makes room for places up to and including `place`.
    fn reach(&mut self, place: u32) {
        let blocks = (place / PLACES_PER_BLOCK) as usize + 1;
        while self.sums.len() < blocks {
            let i = self.sums.len() + 1;
            let sum = self.blocks_before(i - 1) - self.blocks_before(i - low_bit(i));
            self.sums.push(sum);
        }
        self.words.resize(blocks * WORDS_PER_BLOCK as usize, 0);
    }

    /// Holes of the first `blocks` blocks.
    fn blocks_before(&self, blocks: usize) -> u32 {
        let (mut i, mut sum) = (blocks.min(self.sums.len()), 0);
        while i > 0 {
            sum += self.sums.get(i - 1).copied().unwrap_or(0);
            i -= low_bit(i);
        }
        sum
    }

    pub(in crate::inventory) fn contains(&self, place: u32) -> bool {
        let word = self.words.get((place / BITS_PER_WORD) as usize);
        word.is_some_and(|word| word >> (place % BITS_PER_WORD) & 1 == 1)
    }

    /// False: it was one.
    pub(in crate::inventory) fn insert(&mut self, place: u32) -> bool {
        if self.contains(place) {
            return false;
        }
        if (place / BITS_PER_WORD) as usize >= self.words.len() {
            self.reach(place);
        }
        if let Some(word) = self.words.get_mut((place / BITS_PER_WORD) as usize) {
            *word |= 1 << (place % BITS_PER_WORD);
        }
        let mut i = (place / PLACES_PER_BLOCK) as usize + 1;
        while let Some(sum) = self.sums.get_mut(i - 1) {
            *sum += 1;
            i += low_bit(i);
        }
        true
    }

    /// How many there are before `place`.
    pub(in crate::inventory) fn before(&self, place: u32) -> u32 {
        let block = (place / PLACES_PER_BLOCK) as usize;
        let first = block * WORDS_PER_BLOCK as usize;
        let last = (place / BITS_PER_WORD) as usize;
        let words = self.words.get(first.min(self.words.len())..last.min(self.words.len()));
        let whole: u32 = words.unwrap_or(&[]).iter().map(|word| word.count_ones()).sum();
        let part = self
            .words
            .get(last)
            .map_or(0, |word| (word & ((1_u64 << (place % BITS_PER_WORD)) - 1)).count_ones());
        self.blocks_before(block) + whole + part
    }
}

#[cfg(test)]
mod tests {
    use rowlock_proto::shard::mix64;

    use super::*;

    #[test]
    fn counts_are_those_of_a_list() {
        let mut holes = Holes::default();
        let mut list = std::collections::BTreeSet::new();
        for number in 0..3_000_u64 {
            // Grows as it goes, as a line does.
            let place = u32::try_from(mix64(number) % (1 + number * 7)).unwrap();
            assert_eq!(holes.insert(place), list.insert(place));
            let at = u32::try_from(mix64(number ^ 0xff) % 25_000).unwrap();
            assert_eq!(holes.before(at) as usize, list.range(..at).count(), "before {at}");
            assert_eq!(holes.contains(at), list.contains(&at));
        }
    }
}
