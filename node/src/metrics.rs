//! What this node counts, and the port that tells it: /metrics, /healthz, /readyz.
//!
//! Owns: metric names and labels. Must not: be waited for by anything; whatever counts, counts
//! with an atomic.

use std::fmt::Write as _;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use rowlock_raft_store::feed;
use rowlock_raft_store::log_writer::Totals;
use rowlock_raft_store::residency::Residency;

use crate::clock::Reading;
use crate::group::{ConsumerLag, Groups, Retry};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ShardLabel {
    shard: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabel {
    shard: u32,
    what: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConsumerLabel {
    shard: u32,
    consumer: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    shard: u32,
    outcome: &'static str,
}

/// Every metric of the process.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    commands: Family<OutcomeLabel, Counter>,
    queries: Family<ShardLabel, Counter>,
    batch_commands: Histogram,
    entry_seconds: Histogram,
    queue_length: Family<ShardLabel, Gauge>,
    applied_index: Family<ShardLabel, Gauge>,
    persisted_index: Family<ShardLabel, Gauge>,
    leader: Family<ShardLabel, Gauge>,
    event_cache: Family<CacheLabel, Gauge>,
    feed: Family<CacheLabel, Gauge>,
    consumer_lag: Family<ConsumerLabel, Gauge>,
    consumer_lag_seconds: Family<ConsumerLabel, Gauge<f64, AtomicU64>>,
    clock_offset: Gauge<f64, AtomicU64>,
    clock_checked: Gauge,
    log_syncs: Gauge,
    log_sync_waiters: Gauge,
}

/// What one group counts. Handles, not look-ups: the hot path touches atomics alone.
#[derive(Clone, Debug)]
pub(crate) struct GroupMetrics {
    pub(crate) done: Counter,
    pub(crate) refused: Counter,
    pub(crate) not_leader: Counter,
    pub(crate) overloaded: Counter,
    pub(crate) unavailable: Counter,
    pub(crate) unknown: Counter,
    pub(crate) queries: Counter,
    pub(crate) batch_commands: Histogram,
    pub(crate) entry_seconds: Histogram,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("rowlock");
        let new = Self {
            commands: Family::default(),
            queries: Family::default(),
            batch_commands: Histogram::new(exponential_buckets(1.0, 2.0, 12)),
            entry_seconds: Histogram::new(exponential_buckets(0.000_25, 2.0, 14)),
            queue_length: Family::default(),
            applied_index: Family::default(),
            persisted_index: Family::default(),
            leader: Family::default(),
            event_cache: Family::default(),
            feed: Family::default(),
            consumer_lag: Family::default(),
            consumer_lag_seconds: Family::default(),
            clock_offset: Gauge::default(),
            clock_checked: Gauge::default(),
            log_syncs: Gauge::default(),
            log_sync_waiters: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register(
            "commands",
            "Commands by outcome: done, refused, or one of the retries",
            new.commands.clone(),
        );
        registry.register("queries", "Queries answered", new.queries.clone());
        registry.register(
            "batch_commands",
            "Commands in one log entry",
            new.batch_commands.clone(),
        );
        registry.register(
            "entry_seconds",
            "From proposing an entry to its answers: replication, fsync and apply",
            new.entry_seconds.clone(),
        );
        registry.register("queue_length", "Commands waiting", new.queue_length.clone());
        registry.register("applied_index", "Last applied log index", new.applied_index.clone());
        registry.register(
            "persisted_index",
            "Log index that the state on disk stands for",
            new.persisted_index.clone(),
        );
        registry.register("leader", "1 where this node leads the shard", new.leader.clone());
        registry.register(
            "event_cache",
            "Seats and bookings in memory: bytes, cold events, and since the start hits, loads, evictions",
            new.event_cache.clone(),
        );
        registry.register(
            "feed",
            "The change feed on disk: floor, bytes, pinned_bytes (kept for consumers that are behind), pins_broken (consumers left behind since the start)",
            new.feed.clone(),
        );
        registry.register(
            "consumer_lag",
            "Changes that a named consumer has not acknowledged, as the shard's leader knows it",
            new.consumer_lag.clone(),
        );
        registry.register(
            "consumer_lag_seconds",
            "Age of the oldest change that a named consumer has not acknowledged, by log time",
            new.consumer_lag_seconds.clone(),
        );
        registry.register(
            "clock_offset_seconds",
            "What a majority says is to be added to this node's clock",
            new.clock_offset.clone(),
        );
        registry.register(
            "clock_checked",
            "1 while a majority confirmed the clock lately",
            new.clock_checked.clone(),
        );
        registry.register("log_syncs", "Syncs of the log since the start", new.log_syncs.clone());
        registry.register(
            "log_sync_waiters",
            "Appends and votes that those syncs made durable",
            new.log_sync_waiters.clone(),
        );
        Self { registry, ..new }
    }

    pub(crate) fn for_group(&self, shard: u32) -> GroupMetrics {
        let commands =
            |outcome| self.commands.get_or_create(&OutcomeLabel { shard, outcome }).clone();
        GroupMetrics {
            done: commands("done"),
            refused: commands("refused"),
            not_leader: commands("not_leader"),
            overloaded: commands("overloaded"),
            unavailable: commands("unavailable"),
            unknown: commands("unknown"),
            queries: self.queries.get_or_create(&ShardLabel { shard }).clone(),
            batch_commands: self.batch_commands.clone(),
            entry_seconds: self.entry_seconds.clone(),
        }
    }

    fn set_event_cache(&self, shard: u32, residency: Residency) {
        let Residency { bytes, cold_events, hits, loads, evictions } = residency;
        for (what, value) in [
            ("bytes", bytes),
            ("cold_events", cold_events),
            ("hits", hits),
            ("loads", loads),
            ("evictions", evictions),
        ] {
            let gauge = self.event_cache.get_or_create(&CacheLabel { shard, what });
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
    }

    fn set_feed(&self, shard: u32, kept: feed::Kept) {
        let feed::Kept { floor, bytes, pinned_bytes, pins_broken } = kept;
        for (what, value) in [
            ("floor", floor),
            ("bytes", bytes),
            ("pinned_bytes", pinned_bytes),
            ("pins_broken", pins_broken),
        ] {
            let gauge = self.feed.get_or_create(&CacheLabel { shard, what });
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
    }

    fn set_consumer(&self, shard: u32, lag: ConsumerLag) {
        let label = ConsumerLabel { shard, consumer: lag.name };
        self.consumer_lag.get_or_create(&label).set(i64::try_from(lag.changes).unwrap_or(i64::MAX));
        #[expect(clippy::cast_precision_loss, reason = "a lag is far below 2^52 ms")]
        self.consumer_lag_seconds.get_or_create(&label).set(lag.ms as f64 / 1e3);
    }

    /// The text of /metrics. Gauges are read off the groups at this moment.
    pub(crate) fn render(&self, groups: &Groups, clock: Reading, syncs: Totals) -> String {
        // A consumer that is gone, or led elsewhere now, is not told of any more.
        self.consumer_lag.clear();
        self.consumer_lag_seconds.clear();
        for group in groups.iter() {
            let label = ShardLabel { shard: group.shard().id.0 };
            let set = |family: &Family<ShardLabel, Gauge>, value: u64| {
                family.get_or_create(&label).set(i64::try_from(value).unwrap_or(i64::MAX));
            };
            set(&self.queue_length, group.queue_len() as u64);
            set(&self.applied_index, group.state().applied_index().unwrap_or(0));
            set(&self.persisted_index, group.state().persisted_index().unwrap_or(0));
            set(&self.leader, u64::from(group.is_leader()));
            self.set_event_cache(label.shard, group.state().residency());
            self.set_feed(label.shard, group.state().feed_kept());
            for lag in group.consumer_lags() {
                self.set_consumer(label.shard, lag);
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "offsets are far below 2^52 us")]
        self.clock_offset.set(clock.offset_us as f64 / 1e6);
        self.clock_checked.set(i64::from(clock.checked));
        self.log_syncs.set(i64::try_from(syncs.syncs).unwrap_or(i64::MAX));
        self.log_sync_waiters.set(i64::try_from(syncs.waiters).unwrap_or(i64::MAX));
        let mut text = String::with_capacity(16 << 10);
        if prometheus_client::encoding::text::encode(&mut text, &self.registry).is_err() {
            // Writing to a string fails only if a metric's own encoding does.
            write!(text, "# metrics could not be encoded").expect("a string takes all");
        }
        text
    }
}

impl GroupMetrics {
    /// Counts commands that were answered by a retry.
    pub(crate) fn count(&self, retry: Retry, commands: u64) {
        let counter = match retry {
            Retry::NotLeader { .. } | Retry::WrongNode => &self.not_leader,
            Retry::Overloaded { .. } => &self.overloaded,
            Retry::Unavailable { .. } => &self.unavailable,
            Retry::UnknownOutcome => &self.unknown,
        };
        counter.inc_by(commands);
    }
}
