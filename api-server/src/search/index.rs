//! The index: what the feed brings goes in at one end, searches come out at the other.
//!
//! ```text
//!  feed, routes ──put──> queue ──keeper: commit──> shelf (tantivy) ──> view <── searches
//!       └───────count──> live (places left) ───────────────────────────────────────┘
//! ```
//!
//! Locks are taken in this order, and held for moments: shelf (only the keeper), queue, live, view.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use anyhow::Context as _;
use rowlock_client::types::{Event, EventId, EventState, SeatCounts, ShardId};
use tokio::sync::Notify;

use super::find::{self, Facets, Sieve};
use super::lag::{Lag, LagNow};
use super::live::{Availability, Live};
use super::matcher::Word;
use super::order::{Cursor, Sort};
use super::schema::{Card, Fields, places};
use super::shelf::{Identity, Shelf};
use super::view::View;
use super::wanted::Wanted;

/// Documents that may wait for a commit; who reads a whole shard waits then.
const QUEUE_MAX: usize = 20_000;

/// An event on a page of what was found.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub(crate) id: EventId,
    pub(crate) card: Card,
    pub(crate) availability: Availability,
    pub(crate) metres: Option<u64>,
}

/// One page of what was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) hits: Vec<Hit>,
    pub(crate) total: usize,
    /// Where the next page begins; none if this is the last.
    pub(crate) next: Option<String>,
    pub(crate) facets: Option<Facets>,
    /// Nothing had the words as they were written, so typos were allowed for.
    pub(crate) typos: bool,
}

/// What waits to be committed.
#[derive(Debug, Default)]
struct Queue {
    /// The newest of each event, and as of which revision.
    events: BTreeMap<EventId, (Event, u64)>,
    /// When changes were made that wait here.
    made_ms: Vec<u64>,
    positions: Vec<Option<u64>>,
    /// Shards that were read.
    read: BTreeSet<u32>,
}

#[derive(Debug)]
pub struct Index {
    fields: Fields,
    is_kept: bool,
    shelf: Mutex<Shelf>,
    queue: Mutex<Queue>,
    live: RwLock<Live>,
    view: RwLock<Arc<View>>,
    lag: Lag,
    /// Shards that were read, and can be searched; and how many there are.
    ready: Mutex<(BTreeSet<u32>, u32)>,
    /// Something waits to be committed.
    pub(super) news: Notify,
    /// Somebody waits for a commit.
    pub(super) hurry: Notify,
    /// There is room in the queue.
    room: Notify,
    /// It can't be written any more, and falls behind.
    has_failed: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_public(event: &Event) -> bool {
    match event.state {
        // What is in the archive is in no list.
        EventState::Published | EventState::Paused | EventState::Ended => {
            event.life.archived_ms == 0
        }
        EventState::Draft | EventState::Cancelled => false,
    }
}

impl Index {
    /// An index that is gone with the process.
    pub fn in_memory(identity: Identity) -> anyhow::Result<Self> {
        let (schema, fields) = Fields::new();
        Self::of(fields, Shelf::in_memory(schema, identity)?)
    }

    /// An index that is kept in `dir`, and used again if it is one of this cluster.
    pub fn in_directory(dir: &Path, identity: Identity) -> anyhow::Result<Self> {
        let (schema, fields) = Fields::new();
        Self::of(fields, Shelf::in_directory(dir, &schema, identity)?)
    }

    fn of(fields: Fields, shelf: Shelf) -> anyhow::Result<Self> {
        let live = RwLock::default();
        let view = View::of(&shelf.reader, None, &live).context("read the columns of the index")?;
        let positions = shelf.positions.clone();
        let shards = u32::try_from(positions.len()).unwrap_or(u32::MAX);
        Ok(Self {
            fields,
            is_kept: shelf.is_kept,
            shelf: Mutex::new(shelf),
            queue: Mutex::new(Queue { positions, ..Queue::default() }),
            live,
            view: RwLock::new(Arc::new(view)),
            lag: Lag::default(),
            ready: Mutex::new((BTreeSet::new(), shards)),
            news: Notify::new(),
            hurry: Notify::new(),
            has_failed: AtomicBool::new(false),
            room: Notify::new(),
        })
    }

    fn live(&self) -> RwLockReadGuard<'_, Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner)
    }
    fn live_mut(&self) -> RwLockWriteGuard<'_, Live> {
        self.live.write().unwrap_or_else(PoisonError::into_inner)
    }
    fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it is on disk.
    pub(super) const fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Takes the event as it was at `revision` of its shard, unless something newer is known.
    pub fn put(&self, event: Event, revision: u64) {
        let mut queue = lock(&self.queue);
        let listed =
            is_public(&event).then_some((event.spec.city.as_str(), event.spec.category.as_str()));
        // Within the queue's lock, so that what is newest there is what is newest here.
        if !self.live_mut().put(event.id, revision, places(&event), listed) {
            return;
        }
        queue.events.insert(event.id, (event, revision));
        drop(queue);
        self.news.notify_one();
    }

    /// The same of an event of which only the seats have changed: no document is written, unless it is
    /// one that is not known.
    pub(super) fn count(&self, event: Event, revision: u64) {
        if !self.live_mut().recount(event.id, revision, places(&event)) {
            self.put(event, revision);
        }
    }

    /// A change that was made at `made_ms` is in what was put last.
    pub(super) fn made(&self, made_ms: u64) {
        self.lag.waits(made_ms);
        lock(&self.queue).made_ms.push(made_ms);
        self.news.notify_one();
    }

    /// Waits until not too much waits to be committed.
    pub(super) async fn room(&self) {
        loop {
            let room = self.room.notified();
            if lock(&self.queue).events.len() < QUEUE_MAX {
                return;
            }
            self.hurry.notify_one();
            room.await;
        }
    }

    /// Counts seats of an event that changed hands at `revision`. `false` if the event is not known
    /// here and has to be read.
    pub(super) fn adjust(
        &self,
        event: EventId,
        revision: u64,
        change: impl FnOnce(&mut SeatCounts),
    ) -> bool {
        self.live_mut().adjust(event, revision, change)
    }

    /// Where the feed of a shard has to go on from; `None`: the shard has to be read.
    pub(super) fn position(&self, shard: ShardId) -> Option<u64> {
        let index = usize::try_from(shard.0).ok()?;
        lock(&self.queue).positions.get(index).copied().flatten()
    }

    /// What was put has all changes of the shard up to `revision`.
    pub(super) fn is_at(&self, shard: ShardId, revision: u64) {
        let mut queue = lock(&self.queue);
        let index = usize::try_from(shard.0).ok();
        if let Some(position) = index.and_then(|index| queue.positions.get_mut(index)) {
            *position = Some(revision);
        }
    }

    pub(super) fn heard(&self, shard: ShardId) {
        self.lag.heard(shard.0);
    }

    pub(super) fn shard_is_read(&self, shard: ShardId) {
        lock(&self.queue).read.insert(shard.0);
        self.hurry_if_all_are_read();
        self.news.notify_one();
    }

    /// Nobody waits for more: the next commit makes the index whole.
    fn hurry_if_all_are_read(&self) {
        let read = lock(&self.queue).read.len();
        let ready = lock(&self.ready);
        let all = usize::try_from(ready.1).unwrap_or(usize::MAX);
        if read > 0 && read + ready.0.len() >= all {
            self.hurry.notify_one();
        }
    }

    /// Whether every shard was read once, and can be searched.
    pub(crate) fn is_whole(&self) -> bool {
        let ready = lock(&self.ready);
        !self.has_failed.load(Ordering::Relaxed)
            && ready.0.len() >= usize::try_from(ready.1).unwrap_or(usize::MAX)
    }

    /// Searches go on with what they have; this server is no longer ready.
    pub(super) fn fail(&self) {
        self.has_failed.store(true, Ordering::Relaxed);
    }

    /// Lets go of the directory, for who comes next; searches go on.
    pub(super) fn close(&self) {
        lock(&self.shelf).close();
    }

    /// Events with seats on hold, as they were on disk.
    pub(super) fn held(&self) -> Vec<EventId> {
        self.live().held()
    }

    /// Makes everything that was put visible. Takes a while: not on a thread that serves.
    pub fn commit(&self) -> tantivy::Result<()> {
        let mut shelf = lock(&self.shelf);
        let (events, made_ms, positions, read) = {
            let mut queue = lock(&self.queue);
            self.lag.begins();
            let events = std::mem::take(&mut queue.events);
            let (made_ms, read) =
                (std::mem::take(&mut queue.made_ms), std::mem::take(&mut queue.read));
            (events, made_ms, queue.positions.clone(), read)
        };
        self.room.notify_waiters();
        for (id, (event, revision)) in &events {
            let document = is_public(event).then(|| self.fields.document(event, *revision));
            shelf.replace(self.fields.key(*id), document)?;
        }
        // Positions alone are nothing that a search could see.
        if !events.is_empty() || (self.is_kept && positions != shelf.positions) {
            shelf.commit(positions)?;
            self.show(&shelf)?;
        }
        self.lag.shown(&made_ms);
        lock(&self.ready).0.extend(read);
        // Shards that were read during this commit could not be counted with those that it shows.
        self.hurry_if_all_are_read();
        Ok(())
    }

    /// Merges all segments into one: a search then looks into one dictionary. Commits go on meanwhile. Takes seconds.
    pub fn tidy(&self) -> tantivy::Result<()> {
        let merge = lock(&self.shelf).merge()?;
        if let Some(merge) = merge {
            merge.wait()?;
            let shelf = lock(&self.shelf);
            shelf.reader.reload()?;
            self.show(&shelf)?;
        }
        Ok(())
    }

    /// Bytes of all segments.
    pub fn bytes(&self) -> tantivy::Result<u64> {
        lock(&self.shelf).bytes()
    }

    /// Shows what the shelf has, merged segments among it.
    fn show(&self, shelf: &Shelf) -> tantivy::Result<()> {
        let view = View::of(&shelf.reader, Some(&self.view()), &self.live)?;
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
        Ok(())
    }

    /// The events whose seats changed last, and how many are left.
    pub(crate) fn hot(&self) -> Vec<(EventId, u32)> {
        self.live().hot()
    }

    pub(crate) fn lag(&self) -> LagNow {
        self.lag.now(self.view().documents())
    }

    /// Names that are in use, for the choices that pages offer: cities, then categories.
    pub(crate) fn choices(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let live = self.live();
        let set = |names: &super::live::Names| names.in_use().map(str::to_owned).collect();
        (set(&live.cities), set(&live.categories))
    }

    /// Up to milliseconds of work, without waiting for anything.
    pub(crate) fn search(&self, wanted: &Wanted) -> tantivy::Result<Found> {
        let typos = wanted.cursor.is_some_and(|cursor| cursor.typos);
        let found = self.search_with(wanted, typos)?;
        if found.total > 0 || typos || wanted.words.is_empty() {
            return Ok(found);
        }
        self.search_with(wanted, true)
    }

    fn search_with(&self, wanted: &Wanted, typos: bool) -> tantivy::Result<Found> {
        let view = self.view();
        let (sieve, names) = {
            let live = self.live();
            let names = (live.cities.len(), live.categories.len());
            (Sieve::of(wanted, &live), names)
        };
        let Some(sieve) = sieve else {
            let none = || Facets { cities: Vec::new(), categories: Vec::new() };
            return Ok(Found { facets: wanted.facets.then(none), ..Found::default() });
        };
        let words = wanted.words.iter().map(|word| Word::new(word, typos, &self.fields));
        let words = words.collect::<tantivy::Result<Vec<_>>>()?;
        let catch = {
            let live = (wanted.sort == Sort::Popularity).then(|| self.live());
            find::find(&view, &self.fields, wanted, &sieve, &words, live.as_deref(), names)?
        };
        let mut hits = Vec::with_capacity(catch.page.len());
        for candidate in &catch.page {
            let Some(part) = view.part(candidate.part) else { continue };
            let Ok(index) = usize::try_from(candidate.doc) else { continue };
            hits.push((
                part.columns.live.get(index).copied(),
                Hit {
                    id: candidate.key.event,
                    card: view.card((candidate.part, candidate.doc), &self.fields)?,
                    availability: Availability::SoldOut,
                    metres: sieve.distance(&part.columns, index),
                },
            ));
        }
        let next = catch
            .page
            .last()
            .filter(|_| catch.more)
            .map(|last| Cursor { sort: wanted.sort, typos, after: last.key }.text());
        let live = self.live();
        let hits = hits.into_iter().map(|(number, hit)| {
            let entry = number.and_then(|number| live.get(number));
            let availability =
                entry.map_or(hit.availability, |entry| Availability::of(&entry.counts));
            Hit { availability, ..hit }
        });
        Ok(Found {
            hits: hits.collect(),
            total: catch.total,
            next,
            facets: wanted.facets.then(|| catch.facets(&live)),
            typos: typos && catch.total > 0,
        })
    }
}
