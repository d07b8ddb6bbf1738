//! Where the documents are kept: in memory, or in a directory with the positions of the feeds that they are
//! as of. What can't be used as it is (damaged, of another version, of another cluster) is made anew.

use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tantivy::directory::MmapDirectory;
use tantivy::index::{IndexSettings, IndexSortByField, Order, SegmentMeta};
use tantivy::indexer::IndexWriterOptions;
use tantivy::merge_policy::LogMergePolicy;
use tantivy::schema::Schema;
use tantivy::{
    FutureResult, Index, IndexReader, IndexWriter, ReloadPolicy, TantivyDocument, TantivyError,
    Term,
};

use super::schema::{VERSION, number};

/// Documents that are gathered in memory before they are written as a segment.
const WRITER_BYTES: usize = 64 << 20;
/// Share of a segment's documents that may be deleted before it is written anew.
const DELETED_MAX: f32 = 0.3;
/// Lists show a few documents from all over the place: small blocks, many of them at hand.
const BLOCK_BYTES: usize = 2 << 10;
const BLOCKS_CACHED: usize = 4_096;

/// Whose documents these are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The cluster's id.
    pub cluster: [u8; 16],
    pub shards: u32,
}

/// What stands beside the documents of a commit.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Payload {
    version: u32,
    identity: Identity,
    /// Of each shard, the revision up to which the documents have everything; none: begin anew.
    positions: Vec<Option<u64>>,
}

pub(super) struct Shelf {
    index: Index,
    /// In memory it is made when something is to be written: it has threads of its own.
    writer: Option<IndexWriter>,
    pub(super) reader: IndexReader,
    identity: Identity,
    /// What the last commit was as of.
    pub(super) positions: Vec<Option<u64>>,
    pub(super) is_kept: bool,
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shelf").field("positions", &self.positions).finish_non_exhaustive()
    }
}

/// Why what is in a directory is not used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("its files are damaged: {0}")]
    Damaged(String),
    #[error("it is of another version, or of another cluster")]
    Foreign,
    #[error(transparent)]
    Tantivy(#[from] TantivyError),
}

impl Shelf {
    pub(super) fn in_memory(schema: Schema, identity: Identity) -> anyhow::Result<Self> {
        let index = Index::builder().schema(schema).settings(settings()).create_in_ram();
        Ok(Self::of(index.context("make an index in memory")?, identity, false)?)
    }

    pub(super) fn in_directory(
        dir: &Path,
        schema: &Schema,
        identity: Identity,
    ) -> anyhow::Result<Self> {
        let make =
            || std::fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()));
        make()?;
        match Self::as_it_is(dir, schema, &identity) {
            Ok(Some(shelf)) => return Ok(shelf),
            Ok(None) => {}
            // Its owner lives: nothing is wrong with it, and nothing may be deleted.
            Err(Unusable::Tantivy(error @ TantivyError::LockFailure(..))) => {
                let what = format!("{} is used by another process", dir.display());
                return Err(anyhow::Error::from(error).context(what));
            }
            Err(error) => {
                tracing::warn!(dir = %dir.display(), %error, "the search index is made anew");
                let delete = std::fs::remove_dir_all(dir);
                delete.with_context(|| format!("delete {}", dir.display()))?;
                make()?;
            }
        }
        let directory = MmapDirectory::open(dir).context("open the directory of the index")?;
        let index = Index::builder().schema(schema.clone()).settings(settings());
        let index = index.open_or_create(directory).context("make an index on disk")?;
        Ok(Self::of(index, identity, true)?)
    }

    /// What is there already; `None` if there is nothing.
    fn as_it_is(
        dir: &Path,
        schema: &Schema,
        identity: &Identity,
    ) -> Result<Option<Self>, Unusable> {
        let directory = MmapDirectory::open(dir).map_err(TantivyError::from)?;
        if !Index::exists(&directory).map_err(TantivyError::from)? {
            return Ok(None);
        }
        let index = Index::open(directory)?;
        if index.schema() != *schema || *index.settings() != settings() {
            return Err(Unusable::Foreign);
        }
        // The writer's lock first: what another process is writing would look damaged.
        let payload = index.load_metas()?.payload;
        let shelf = Self::of(index, identity.clone(), true)?;
        let damaged = shelf.index.validate_checksum()?;
        if !damaged.is_empty() {
            return Err(Unusable::Damaged(format!("{damaged:?}")));
        }
        let payload: Option<Payload> = payload.and_then(|text| serde_json::from_str(&text).ok());
        let usable = payload.filter(|payload| {
            payload.version == VERSION
                && payload.identity == *identity
                && u32::try_from(payload.positions.len()) == Ok(identity.shards)
        });
        let payload = usable.ok_or(Unusable::Foreign)?;
        Ok(Some(Self { positions: payload.positions, ..shelf }))
    }

    fn of(index: Index, identity: Identity, is_kept: bool) -> tantivy::Result<Self> {
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(BLOCKS_CACHED)
            .try_into()?;
        let positions = (0..identity.shards).map(|_| None).collect();
        let mut shelf = Self { index, writer: None, reader, identity, positions, is_kept };
        if is_kept {
            // Also takes the lock of the directory.
            shelf.writer()?;
        }
        Ok(shelf)
    }

    fn writer(&mut self) -> tantivy::Result<&mut IndexWriter> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => {
                let options = IndexWriterOptions::builder()
                    .memory_budget_per_thread(WRITER_BYTES)
                    .num_worker_threads(1)
                    .num_merge_threads(1)
                    .build();
                let writer = self.index.writer_with_options(options)?;
                let mut merges = LogMergePolicy::default();
                merges.set_del_docs_ratio_before_merge(DELETED_MAX);
                writer.set_merge_policy(Box::new(merges));
                writer
            }
        };
        Ok(self.writer.insert(writer))
    }

    /// Puts `document` in the place of what `key` names, or deletes that.
    pub(super) fn replace(
        &mut self,
        key: Term,
        document: Option<TantivyDocument>,
    ) -> tantivy::Result<()> {
        let writer = self.writer()?;
        writer.delete_term(key);
        if let Some(document) = document {
            writer.add_document(document)?;
        }
        Ok(())
    }

    /// From now on searches see what was put, and a restart goes on from `positions`.
    pub(super) fn commit(&mut self, positions: Vec<Option<u64>>) -> tantivy::Result<()> {
        let payload = Payload { version: VERSION, identity: self.identity.clone(), positions };
        let text = serde_json::to_string(&payload).expect("numbers are JSON");
        let mut prepared = self.writer()?.prepare_commit()?;
        prepared.set_payload(&text);
        prepared.commit()?;
        self.positions = payload.positions;
        self.reader.reload()
    }

    /// Lets go of the directory.
    pub(super) fn close(&mut self) {
        self.writer = None;
    }

    /// Bytes on disk, or in memory if they are there.
    pub(super) fn bytes(&self) -> tantivy::Result<u64> {
        Ok(self.reader.searcher().space_usage()?.total().get_bytes())
    }

    /// Begins to merge all segments into one, if there are more. Merges that are under way may make it fail.
    pub(super) fn merge(&mut self) -> tantivy::Result<Option<FutureResult<Option<SegmentMeta>>>> {
        let ids = self.index.searchable_segment_ids()?;
        if ids.len() < 2 {
            return Ok(None);
        }
        // Without a writer nothing was written, or it was let go of.
        Ok(self.writer.as_mut().map(|writer| writer.merge(&ids)))
    }
}

fn settings() -> IndexSettings {
    IndexSettings {
        sort_by_field: Some(IndexSortByField { field: number::DATE.to_owned(), order: Order::Asc }),
        docstore_blocksize: BLOCK_BYTES,
        ..IndexSettings::default()
    }
}
