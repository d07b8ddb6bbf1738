//! Which documents of a segment have all the words, and how well they fit.
//!
//! A word fits a document if it begins one of the document's words; if typos are allowed, also if it nearly
//! does. The score of a document is the sum over the words of the best place in which each was found. It
//! depends on nothing but the document and the words: were it to weigh how rare a word is, as is usual, every
//! event that comes or goes would move all others past the cursors of those who turn pages.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use tantivy::postings::{BlockSegmentPostings, TermInfo};
use tantivy::query::{DfaWrapper, FuzzyTermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, InvertedIndexReader, SegmentReader, TERMINATED, Term};

use super::schema::{Fields, TEXTS};

/// What a whole word is worth in the name, in the place or category, and elsewhere; the beginning of a word
/// is worth one less, and one with a typo [`NEARLY`] whatever it is in.
const WHOLE: [u8; TEXTS] = [8, 5, 2];
const NEARLY: u8 = 1;

/// Shorter words begin nothing but themselves: half of all events have some word with an `s`.
const PREFIX_CHARS_MIN: usize = 2;
/// Shorter words have no typos, and none is in the first letter; from the other length on there may be two, and
/// the end may be missing.
const TYPO_CHARS_MIN: usize = 4;
const TYPOS_CHARS_MIN: usize = 8;
/// Terms that one word may stand for in a field of a segment.
const TERMS_MAX: usize = 5_000;
/// Documents whose worths are looked at together.
const BLOCK: usize = 64;
/// A look at one document costs as much as so many that are read in a row.
const SEEK_COST: u64 = 8;

/// One word of a search.
pub(super) struct Word {
    text: String,
    typos: Option<DfaWrapper>,
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Word").field("text", &self.text).finish_non_exhaustive()
    }
}

impl Word {
    pub(super) fn new(text: &str, typos: bool, fields: &Fields) -> tantivy::Result<Self> {
        let chars = text.chars().count();
        let typos = if typos && chars >= TYPO_CHARS_MIN {
            let [name, ..] = fields.texts;
            let term = Term::from_field_text(name, text);
            let query = if chars < TYPOS_CHARS_MIN {
                FuzzyTermQuery::new(term, 1, true)
            } else {
                FuzzyTermQuery::new_prefix(term, 2, true)
            };
            Some(query.automaton()?)
        } else {
            None
        };
        Ok(Self { text: text.to_owned(), typos })
    }

    /// Every term of the segment that the word stands for.
    fn terms(&self, fields: &[Arc<InvertedIndexReader>; TEXTS]) -> io::Result<Terms> {
        let mut found = Terms::default();
        for ((field, index), whole) in (0..).zip(fields).zip(WHOLE) {
            let dictionary = index.terms();
            if self.text.chars().count() < PREFIX_CHARS_MIN {
                if let Some(term) = dictionary.get(&self.text)? {
                    found.add(field, whole, term);
                }
            } else {
                let mut begun = dictionary.range().ge(&self.text).into_stream()?;
                let mut terms = 0;
                while begun.advance() && begun.key().starts_with(self.text.as_bytes()) {
                    let worth = whole - u8::from(begun.key().len() != self.text.len());
                    found.add(field, worth, begun.value().clone());
                    terms += 1;
                    if terms == TERMS_MAX {
                        break;
                    }
                }
            }
            if let Some(typos) = &self.typos {
                // The first letter is right: that leaves a twentieth of the dictionary to walk through.
                let first = self.text.bytes().next().unwrap_or(0);
                let near = dictionary.search(typos).ge([first]).lt([first.saturating_add(1)]);
                let mut near = near.into_stream()?;
                let mut terms = 0;
                while near.advance() && terms < TERMS_MAX {
                    found.add(field, NEARLY, near.value().clone());
                    terms += 1;
                }
            }
        }
        Ok(found)
    }
}

/// Terms that one word stands for.
#[derive(Default)]
struct Terms {
    /// Field, worth, where its documents are.
    all: Vec<(usize, u8, TermInfo)>,
    /// Documents of all of them together.
    documents: u64,
}

impl Terms {
    fn add(&mut self, field: usize, worth: u8, term: TermInfo) {
        self.documents += u64::from(term.doc_freq);
        self.all.push((field, worth, term));
    }
}

/// Documents in `range` that have all of `words`, in their order, with their scores.
pub(super) fn matches(
    segment: &SegmentReader,
    fields: &Fields,
    words: &[Word],
    range: Range<DocId>,
) -> tantivy::Result<Vec<(DocId, u16)>> {
    let [name, place, about] = fields.texts;
    let indexes = [
        segment.inverted_index(name)?,
        segment.inverted_index(place)?,
        segment.inverted_index(about)?,
    ];
    let mut all = Vec::with_capacity(words.len());
    for word in words {
        let terms = word.terms(&indexes)?;
        if terms.all.is_empty() {
            return Ok(Vec::new());
        }
        all.push(terms);
    }
    // The rarest first: what it does not have need not be looked for.
    all.sort_by_key(|terms| terms.documents);
    let mut postings = Postings { indexes, range, block: None };
    let mut rest = all.iter();
    let Some(rarest) = rest.next() else { return Ok(Vec::new()) };
    let mut found = postings.documents(rarest)?;
    for terms in rest {
        if found.is_empty() {
            break;
        }
        postings.sift(terms, &mut found)?;
    }
    Ok(found)
}

struct Postings {
    indexes: [Arc<InvertedIndexReader>; TEXTS],
    range: Range<DocId>,
    /// Kept for its buffers.
    block: Option<BlockSegmentPostings>,
}

impl Postings {
    fn open(
        &mut self,
        (field, _, term): &(usize, u8, TermInfo),
    ) -> io::Result<BlockSegmentPostings> {
        let Some(index) = self.indexes.get(*field) else {
            return Ok(BlockSegmentPostings::empty());
        };
        match self.block.take() {
            Some(mut block) => {
                index.reset_block_postings_from_terminfo(term, &mut block)?;
                Ok(block)
            }
            None => index.read_block_postings_from_terminfo(term, IndexRecordOption::Basic),
        }
    }

    /// Calls `see` with every document of the term that lies in the range.
    fn each(&mut self, term: &(usize, u8, TermInfo), mut see: impl FnMut(DocId)) -> io::Result<()> {
        let (start, end) = (self.range.start, self.range.end);
        let mut block = self.open(term)?;
        let first = block.seek(start);
        let mut docs = block.docs().get(first..).unwrap_or_default();
        loop {
            for &doc in docs {
                if doc >= end {
                    self.block = Some(block);
                    return Ok(());
                }
                see(doc);
            }
            block.advance();
            docs = block.docs();
            if docs.is_empty() {
                self.block = Some(block);
                return Ok(());
            }
        }
    }

    /// The worth of each document of the range by its place in it; 0: it has none of the terms.
    fn worths(&mut self, terms: &Terms) -> io::Result<Vec<u8>> {
        let start = self.range.start;
        let mut worths = vec![0_u8; self.range.len()];
        for term in &terms.all {
            let worth = term.1;
            self.each(term, |doc| {
                if let Some(best) = worths.get_mut(place(doc, start)) {
                    *best = worth.max(*best);
                }
            })?;
        }
        Ok(worths)
    }

    fn documents(&mut self, terms: &Terms) -> io::Result<Vec<(DocId, u16)>> {
        let mut found = Vec::new();
        if let [only] = terms.all.as_slice() {
            let worth = u16::from(only.1);
            self.each(only, |doc| found.push((doc, worth)))?;
        } else if terms.documents * SEEK_COST < self.range.len() as u64 {
            for term in &terms.all {
                self.each(term, |doc| found.push((doc, u16::from(term.1))))?;
            }
            // The best of each document first, and only that.
            found.sort_unstable_by_key(|&(doc, worth)| (doc, u16::MAX - worth));
            found.dedup_by_key(|(doc, _)| *doc);
        } else {
            let worths = self.worths(terms)?;
            let blocks = (self.range.start..).step_by(BLOCK).zip(worths.chunks(BLOCK));
            for (start, block) in blocks {
                // Most have nothing, and are looked at as a whole.
                if block.iter().fold(0, |all, worth| all | worth) == 0 {
                    continue;
                }
                let some = (start..).zip(block).filter(|(_, worth)| **worth > 0);
                found.extend(some.map(|(doc, worth)| (doc, u16::from(*worth))));
            }
        }
        Ok(found)
    }

    /// Keeps of `found` what has one of the terms too, and adds what that is worth.
    fn sift(&mut self, terms: &Terms, found: &mut Vec<(DocId, u16)>) -> io::Result<()> {
        let looks = found.len() as u64 * terms.all.len() as u64;
        let worths = if looks * SEEK_COST < terms.documents {
            let mut worths = vec![0_u8; found.len()];
            for term in &terms.all {
                let mut block = self.open(term)?;
                for (&(doc, _), best) in found.iter().zip(&mut worths) {
                    let at = block.seek(doc);
                    match block.doc(at) {
                        TERMINATED => break,
                        there if there == doc => *best = term.1.max(*best),
                        _ => {}
                    }
                }
                self.block = Some(block);
            }
            worths
        } else {
            let (start, all) = (self.range.start, self.worths(terms)?);
            let worth = |doc| all.get(place(doc, start)).copied().unwrap_or(0);
            found.iter().map(|&(doc, _)| worth(doc)).collect()
        };
        let mut worths = worths.into_iter();
        found.retain_mut(|(_, score)| {
            let worth = worths.next().unwrap_or(0);
            *score = score.saturating_add(u16::from(worth));
            worth > 0
        });
        Ok(())
    }
}

fn place(doc: DocId, start: DocId) -> usize {
    usize::try_from(doc.saturating_sub(start)).unwrap_or(usize::MAX)
}
