//! Followers of the change feed: one that stays, and one that comes and goes, for each shard.
//!
//! Owns: what followers were shown, in `history.feed.jsonl`. Must not: judge it.
//!
//! Invariant: followers stay until they were shown the last revision there is, or their time is up.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rowlock_client::Client;
use rowlock_client::types::{BookingState, ChangeKind, ShardId};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::checker::feed::Line;

/// How far back one that comes again begins.
const BACK_MAX: u64 = 300;
/// How long one that comes and goes stays.
const STAY_MS: std::ops::Range<u64> = 1_500..6_000;
/// Before one whose feed ended asks again.
const PAUSE: Duration = Duration::from_millis(100);
const DIGEST_BYTES: usize = 8;

type Out = Arc<Mutex<(BufWriter<File>, Option<std::io::Error>)>>;

/// Followers at work.
#[derive(Debug)]
pub struct Followers {
    out: Out,
    tasks: JoinSet<()>,
    /// The revision of each shard that is the last; empty until it is known.
    ends: watch::Sender<Vec<(u32, u64)>>,
}

impl Followers {
    /// Starts two a shard, each on the side of another node.
    pub fn start(clients: &[Client], shards: u32, seed: u64, path: &Path) -> std::io::Result<Self> {
        let out: Out = Arc::new(Mutex::new((BufWriter::new(File::create(path)?), None)));
        let ends = watch::Sender::new(Vec::new());
        let mut tasks = JoinSet::new();
        let turns = clients.iter().cycle();
        let watchers = (0..shards).flat_map(|shard| [(shard, false), (shard, true)]);
        for (number, ((shard, leaves), client)) in (0..).zip(watchers.zip(turns)) {
            let follower = Follower {
                client: client.clone(),
                number,
                shard,
                leaves,
                random: StdRng::seed_from_u64(seed ^ (number << 40)),
                out: Arc::clone(&out),
                ends: ends.subscribe(),
            };
            tasks.spawn(follower.run());
        }
        Ok(Self { out, tasks, ends })
    }

    /// Waits until all were shown the last revisions, for `limit` at most.
    pub async fn finish(mut self, ends: Vec<(u32, u64)>, limit: Duration) -> std::io::Result<()> {
        self.ends.send_replace(ends);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // Who is still not there is told by the checker: the record ends early.
        let in_time = tokio::time::timeout(limit, all).await.is_ok();
        self.tasks.shutdown().await;
        tracing::debug!(in_time, "followers are done");
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        match out.1.take() {
            Some(error) => Err(error),
            None => out.0.flush(),
        }
    }
}

/// Puts away holds whose time was over: any command may, that meets them.
fn expires(change: &ChangeKind) -> bool {
    let into = match change {
        ChangeKind::HoldsExpired(_) => return true,
        ChangeKind::SeatsReturned(returned) => returned.state,
        ChangeKind::PlacesChanged { state, .. } => *state,
        _ => return false,
    };
    into == BookingState::Expired
}

struct Follower {
    client: Client,
    number: u64,
    shard: u32,
    /// Comes and goes.
    leaves: bool,
    random: StdRng,
    out: Out,
    ends: watch::Receiver<Vec<(u32, u64)>>,
}

impl Follower {
    fn end(&self) -> Option<u64> {
        let ends = self.ends.borrow();
        ends.iter().find(|(shard, _)| *shard == self.shard).map(|&(_, end)| end)
    }

    async fn run(mut self) {
        let mut after = 0;
        for session in 0.. {
            let from = if session == 0 { 0 } else { after - self.back(after) };
            after = after.max(self.follow(session, from).await);
            if self.end().is_some_and(|end| after >= end) {
                return;
            }
        }
    }

    fn back(&mut self, after: u64) -> u64 {
        self.random.random_range(0..=after.min(BACK_MAX))
    }

    /// One session. Returns the last revision that was shown.
    async fn follow(&mut self, session: u64, from: u64) -> u64 {
        let mut feed = self.client.watch(ShardId(self.shard), from).with_digests();
        let stay = Duration::from_millis(self.random.random_range(STAY_MS));
        let until = Instant::now() + stay;
        let mut last = from;
        loop {
            if self.end().is_some_and(|end| last >= end) || (self.leaves && Instant::now() >= until)
            {
                return last;
            }
            let next = tokio::select! {
                next = feed.next() => next,
                // The end became known: there may be nothing to wait for.
                changed = self.ends.changed() => {
                    if changed.is_err() { return last; }
                    continue;
                }
                () = tokio::time::sleep_until(until), if self.leaves => return last,
            };
            let batch = match next {
                Ok(batch) => batch,
                Err(error) => {
                    tracing::warn!(shard = self.shard, %error, "the feed ended");
                    tokio::time::sleep(PAUSE).await;
                    return last;
                }
            };
            for change in batch.changes {
                last = change.revision;
                let digest = change.digest.unwrap_or_default();
                self.write(&Line {
                    watcher: self.number,
                    session,
                    shard: self.shard,
                    after: from,
                    revision: change.revision,
                    index: change.index,
                    expired: expires(&change.kind),
                    key: change.key.map(|key| key.to_string()),
                    digest: hex::encode(&digest[..DIGEST_BYTES]),
                });
            }
        }
    }

    fn write(&self, line: &Line) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let written = serde_json::to_writer(&mut out.0, line).map_err(std::io::Error::from);
        if let Err(error) = written.and_then(|()| out.0.write_all(b"\n")) {
            out.1.get_or_insert(error);
        }
    }
}
