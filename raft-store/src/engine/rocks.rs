//! RocksDB behind the seam: one database a node, shared by all groups.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    BottommostLevelCompaction, ColumnFamily, ColumnFamilyDescriptor, CompactOptions, DB,
    DBCompressionType, DBRawIterator, DBRecoveryMode, Options, ReadOptions, WriteBatch,
};

use super::{Batch, Engine, Error, Op, Rows, View};
use crate::keys::{KeyRange, Space};

/// One vote that nobody writes again would pin every write-ahead log file behind it: past this sum
/// RocksDB flushes the idle column families.
const WAL_BYTES_MAX: u64 = 64 << 20;
const WRITE_BUFFER_BYTES: usize = 32 << 20;
const LOG_FILES_KEPT: usize = 4;
const LIVE_BYTES: &str = "rocksdb.live-sst-files-size";

/// The database of one node.
pub struct RocksEngine {
    db: Arc<DB>,
}

impl fmt::Debug for RocksEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RocksEngine").field(&self.db.path()).finish()
    }
}

fn options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    // A write only fills a buffer; the log writer's sync hands it to the kernel and the disk.
    options.set_manual_wal_flush(true);
    options.set_max_total_wal_size(WAL_BYTES_MAX);
    // A record that is cut off at the end of the log was never synced, and goes. Damage before
    // sound records is an error: point-in-time recovery, the default, would open with a shorter
    // log, and this replica would vote without entries that it acknowledged. The tests in
    // `tests/it/storage/rocks.rs` hold that in place. The manifest's record of log files catches one
    // that ends early before the newest.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_paranoid_checks(true);
    options.set_keep_log_file_num(LOG_FILES_KEPT);
    options
}

fn space_options(space: Space) -> Options {
    let mut options = Options::default();
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_compression_type(match space {
        // Dead within minutes, and batches are dense already.
        Space::Log => DBCompressionType::None,
        Space::Meta | Space::State | Space::Feed => DBCompressionType::Lz4,
    });
    options
}

fn handle(db: &DB, space: Space) -> &ColumnFamily {
    db.cf_handle(space.name()).expect("every column family is opened with the database")
}

fn bounded(range: &KeyRange) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_iterate_upper_bound(range.to.clone());
    options
}

fn read_rows(
    mut cursor: DBRawIterator<'_>,
    range: &KeyRange,
    bytes_max: usize,
) -> Result<Rows, Error> {
    let mut found = Rows::default();
    let mut bytes = 0;
    cursor.seek(&range.from);
    while let Some((key, value)) = cursor.item() {
        if bytes >= bytes_max && !found.rows.is_empty() {
            found.next = Some(key.to_vec());
            break;
        }
        bytes += key.len() + value.len();
        found.rows.push((key.to_vec(), value.to_vec()));
        cursor.next();
    }
    cursor.status()?;
    Ok(found)
}

impl RocksEngine {
    /// Opens the database in `dir`, or creates it.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let spaces =
            Space::ALL.map(|space| ColumnFamilyDescriptor::new(space.name(), space_options(space)));
        Ok(Self { db: Arc::new(DB::open_cf_descriptors(&options(), dir, spaces)?) })
    }

    /// Bytes of a space's files once all of it is compacted to the bottom: what it takes on disk in
    /// the long run.
    pub fn compacted_bytes(&self, space: Space) -> Result<u64, Error> {
        let family = handle(&self.db, space);
        self.db.flush_cf(family)?;
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        self.db.compact_range_cf_opt(family, None::<&[u8]>, None::<&[u8]>, &options);
        let bytes = self.db.property_int_value_cf(family, LIVE_BYTES)?;
        Ok(bytes.unwrap_or_default())
    }
}

impl Engine for RocksEngine {
    fn write(&self, batch: &Batch) -> Result<(), Error> {
        let mut writes = WriteBatch::with_capacity_bytes(batch.size() + 64);
        for op in batch.ops() {
            match op {
                Op::Put { space, key, value } => {
                    writes.put_cf(handle(&self.db, space), key, value);
                }
                Op::Delete { space, key } => writes.delete_cf(handle(&self.db, space), key),
                Op::DeleteRange { space, from, to } => {
                    writes.delete_range_cf(handle(&self.db, space), from, to);
                }
            }
        }
        Ok(self.db.write(writes)?)
    }

    fn sync(&self) -> Result<(), Error> {
        Ok(self.db.flush_wal(true)?)
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.db.get_cf(handle(&self.db, space), key)?)
    }

    fn scan(
        &self,
        space: Space,
        range: &KeyRange,
        visit: &mut super::Visit<'_>,
    ) -> Result<(), Error> {
        let mut cursor = self.db.raw_iterator_cf_opt(handle(&self.db, space), bounded(range));
        cursor.seek(&range.from);
        while let Some((key, value)) = cursor.item() {
            if visit(key, value).is_break() {
                return Ok(());
            }
            cursor.next();
        }
        Ok(cursor.status()?)
    }

    fn view(&self) -> Result<Box<dyn View>, Error> {
        Ok(Box::new(RocksView::open(Arc::clone(&self.db))?))
    }

    fn checkpoint(&self, dir: &Path) -> Result<(), Error> {
        self.sync()?;
        Ok(Checkpoint::new(&self.db)?.create_checkpoint(dir)?)
    }
}

enum Ask {
    Get(Space, Vec<u8>, mpsc::Sender<Result<Option<Vec<u8>>, Error>>),
    Rows(Space, KeyRange, usize, mpsc::Sender<Result<Rows, Error>>),
}

/// A snapshot of the database borrows it, and a view outlives any borrow: so the snapshot lies on
/// the stack of a thread that owns the database, and the view asks it. Views are rare (a snapshot
/// to send), and the thread ends with the view.
#[derive(Debug)]
struct RocksView {
    /// Emptied when the view is dropped: that ends the thread.
    ask: Option<mpsc::Sender<Ask>>,
    thread: Option<JoinHandle<()>>,
}

impl RocksView {
    fn open(db: Arc<DB>) -> Result<Self, Error> {
        let (ask, asked) = mpsc::channel();
        let (ready, is_ready) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("view".to_owned())
            .spawn(move || {
                let snapshot = db.snapshot();
                // Who opens the view must see no later write in it.
                if ready.send(()).is_err() {
                    return;
                }
                for ask in asked {
                    match ask {
                        Ask::Get(space, key, answer) => {
                            let row = snapshot.get_cf(handle(&db, space), key);
                            answer.send(row.map_err(Error::from)).ok();
                        }
                        Ask::Rows(space, range, bytes_max, answer) => {
                            let cursor =
                                snapshot.raw_iterator_cf_opt(handle(&db, space), bounded(&range));
                            answer.send(read_rows(cursor, &range, bytes_max)).ok();
                        }
                    }
                }
            })
            .map_err(Error::Thread)?;
        is_ready.recv().map_err(|_| Error::ViewGone)?;
        Ok(Self { ask: Some(ask), thread: Some(thread) })
    }

    fn ask<T>(&self, question: impl FnOnce(mpsc::Sender<T>) -> Ask) -> Result<T, Error> {
        let (answer, answered) = mpsc::channel();
        let asked = self.ask.as_ref().is_some_and(|ask| ask.send(question(answer)).is_ok());
        if !asked {
            return Err(Error::ViewGone);
        }
        answered.recv().map_err(|_| Error::ViewGone)
    }
}

impl Drop for RocksView {
    /// Waits for the thread, since it owns the database: a store that was closed is closed.
    fn drop(&mut self) {
        self.ask = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl View for RocksView {
    fn get(&mut self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.ask(|answer| Ask::Get(space, key.to_vec(), answer))?
    }

    fn rows(&mut self, space: Space, range: &KeyRange, bytes_max: usize) -> Result<Rows, Error> {
        self.ask(|answer| Ask::Rows(space, range.clone(), bytes_max, answer))?
    }
}
