//! What searches see: the segments of one commit, and their columns.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, RwLock};

use tantivy::index::SegmentId;
use tantivy::{DocAddress, DocId, IndexReader, Searcher, SegmentReader, TantivyDocument};

use super::columns::Columns;
use super::live::Live;
use super::schema::{Card, Fields};

pub(super) struct View {
    searcher: Searcher,
    segments: Vec<Part>,
}

/// One segment.
pub(super) struct Part {
    id: SegmentId,
    pub(super) columns: Arc<Columns>,
    /// Documents that are deleted, in their order.
    deleted: Vec<DocId>,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("segments", &self.segments.len()).finish_non_exhaustive()
    }
}

impl View {
    /// What `reader` shows now; columns of segments that `before` had are taken from there.
    pub(super) fn of(
        reader: &IndexReader,
        before: Option<&Self>,
        live: &RwLock<Live>,
    ) -> tantivy::Result<Self> {
        let searcher = reader.searcher();
        let known: HashMap<SegmentId, &Arc<Columns>> = before
            .map_or(&[][..], |before| &before.segments)
            .iter()
            .map(|part| (part.id, &part.columns))
            .collect();
        let segments = searcher.segment_readers().iter().map(|segment| {
            let id = segment.segment_id();
            let columns = match known.get(&id) {
                Some(&columns) => Arc::clone(columns),
                None => Arc::new(Columns::read(segment, live)?),
            };
            let deleted = match segment.alive_bitset() {
                Some(alive) => {
                    (0..segment.max_doc()).filter(|&doc| alive.is_deleted(doc)).collect()
                }
                None => Vec::new(),
            };
            Ok(Part { id, columns, deleted })
        });
        let segments = segments.collect::<tantivy::Result<_>>()?;
        Ok(Self { searcher, segments })
    }

    /// Every segment with its number.
    pub(super) fn parts(&self) -> impl Iterator<Item = (u32, &SegmentReader, &Part)> {
        let readers = self.searcher.segment_readers().iter();
        (0..)
            .zip(readers.zip(&self.segments))
            .map(|(number, (reader, part))| (number, reader, part))
    }

    pub(super) fn part(&self, number: u32) -> Option<&Part> {
        self.segments.get(usize::try_from(number).ok()?)
    }

    pub(super) fn documents(&self) -> u64 {
        self.searcher.num_docs()
    }

    /// What a list shows of a document.
    pub(super) fn card(&self, (part, doc): (u32, DocId), fields: &Fields) -> tantivy::Result<Card> {
        let document: TantivyDocument = self.searcher.doc(DocAddress::new(part, doc))?;
        fields.card(&document).ok_or_else(|| {
            tantivy::TantivyError::InternalError("a document without its card".to_owned())
        })
    }
}

impl Part {
    pub(super) fn has_deleted(&self) -> bool {
        !self.deleted.is_empty()
    }

    /// Documents of the range that are deleted.
    pub(super) fn deleted_in(&self, range: &Range<usize>) -> usize {
        let before = |end: usize| {
            self.deleted.partition_point(|&doc| usize::try_from(doc).is_ok_and(|doc| doc < end))
        };
        before(range.end).saturating_sub(before(range.start))
    }
}
