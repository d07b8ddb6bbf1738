//! In which order events are found, and cursors: places in that order.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rowlock_client::types::EventId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// What fits the words best; without words the same as by date.
    Relevance,
    Date,
    /// The cheapest place, whatever its currency.
    Price,
    /// What is taken most of.
    Popularity,
    Distance,
}

impl Sort {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Relevance, "relevance"),
        (Self::Date, "date"),
        (Self::Price, "price"),
        (Self::Popularity, "popularity"),
        (Self::Distance, "distance"),
    ];

    pub(crate) fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == word).map(|(sort, _)| *sort)
    }

    const fn number(self) -> u8 {
        match self {
            Self::Relevance => 0,
            Self::Date => 1,
            Self::Price => 2,
            Self::Popularity => 3,
            Self::Distance => 4,
        }
    }
}

/// The place of an event among all; what is less comes first. Ends in the id, so no two are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// What is sorted by.
    pub(super) first: u64,
    pub(super) date_ms: u64,
    pub(super) event: EventId,
}

/// Where a page begins: after an event that may be gone by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(super) sort: Sort,
    /// Whether the page before had to allow for typos.
    pub(super) typos: bool,
    pub(super) after: Key,
}

const BYTES: usize = 34;

impl Cursor {
    pub(super) fn text(&self) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend([self.sort.number(), u8::from(self.typos)]);
        bytes.extend(self.after.first.to_be_bytes());
        bytes.extend(self.after.date_ms.to_be_bytes());
        bytes.extend(self.after.event.0.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// `None`: it is none that was given out.
    pub(super) fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (head, rest) = bytes.split_first_chunk::<2>()?;
        let (first, rest) = rest.split_first_chunk::<8>()?;
        let (date_ms, event) = rest.split_first_chunk::<8>()?;
        let [sort, typos] = *head;
        let (sort, _) = Sort::ALL.into_iter().find(|(known, _)| known.number() == sort)?;
        Some(Self {
            sort,
            typos: match typos {
                0 => false,
                1 => true,
                _ => return None,
            },
            after: Key {
                first: u64::from_be_bytes(*first),
                date_ms: u64::from_be_bytes(*date_ms),
                event: EventId(u128::from_be_bytes(event.try_into().ok()?)),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        for (sort, word) in Sort::ALL {
            assert_eq!(Sort::of(word), Some(sort));
            let after = Key { first: u64::MAX, date_ms: 7, event: EventId(1 << 100) };
            let cursor = Cursor { sort, typos: sort == Sort::Price, after };
            let text = cursor.text();
            assert_eq!(Cursor::read(&text), Some(cursor));
            for bad in ["", "AA", &text[1..], &format!("{text}AA")] {
                assert_eq!(Cursor::read(bad), None);
            }
        }
    }
}
