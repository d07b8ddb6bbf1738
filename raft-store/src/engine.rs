//! The storage seam: what this crate asks of a disk, and nothing more.
//!
//! Contract, for every engine:
//! - A [`Batch`] is written whole or not at all, is visible to reads at once, and after a crash the
//!   batches that are left are a *prefix* of those that were written.
//! - [`Engine::sync`] makes durable whatever was written before it was called. Writes go on during
//!   a sync.
//! - After an error nothing is promised any more. Nobody tries again: see [`crate::fault`].
//! - A [`View`] is consistent and does not hold up writers.

mod batch;
pub mod memory;
pub mod rocks;

use std::fmt::Debug;
use std::ops::ControlFlow;
use std::path::Path;

pub use batch::{Batch, Op};

use crate::keys::{KeyRange, Space};

/// What went wrong below us. It is a fault whatever it says; nobody branches on it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("storage engine")]
    Rocks(#[from] rocksdb::Error),
    #[error("start a thread for a view")]
    Thread(#[source] std::io::Error),
    #[error("the view's thread is gone")]
    ViewGone,
    /// The simulated machine is down or its disk failed, on a test's order.
    #[error("simulated {0}")]
    Simulated(&'static str),
}

/// Keys and values in key order, and where to go on.
#[derive(Debug, Default)]
pub struct Rows {
    pub rows: Vec<(Vec<u8>, Vec<u8>)>,
    /// The first key that was not read; `None` at the end of the range.
    pub next: Option<Vec<u8>>,
}

/// What a scan calls with each key and value, until it breaks.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// A store of ordered keys in four spaces. See the module.
pub trait Engine: Debug + Send + Sync + 'static {
    fn write(&self, batch: &Batch) -> Result<(), Error>;
    fn sync(&self) -> Result<(), Error>;
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;
    /// Shows the rows of `range` to `visit`, in order, until it breaks.
    fn scan(&self, space: Space, range: &KeyRange, visit: &mut Visit<'_>) -> Result<(), Error>;
    /// All spaces as they are now.
    fn view(&self) -> Result<Box<dyn View>, Error>;
    /// A copy of everything, openable as a store of its own, in a directory that does not exist.
    fn checkpoint(&self, dir: &Path) -> Result<(), Error>;
}

/// Everything as it was at one moment.
pub trait View: Debug + Send {
    fn get(&mut self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;
    /// At least one row of `range`, if it has any, and no more once they weigh `bytes_max`.
    fn rows(&mut self, space: Space, range: &KeyRange, bytes_max: usize) -> Result<Rows, Error>;
}
