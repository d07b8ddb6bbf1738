//! What this server counts. Names are the reference's, so that its dashboards and alerts work.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use rowlock_client::types::EventId;

use crate::search::LagNow;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the labels are written as they are named here")]
pub(crate) enum BookingStatus {
    attempt,
    success,
    /// Seats taken, sale closed and the like: an answer, not a failure.
    refused,
    failed,
    expired,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BookingLabels {
    status: BookingStatus,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    event_id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProviderLabels {
    provider: &'static str,
}

#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    bookings: Family<BookingLabels, Counter>,
    booking_seconds: Histogram,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Histogram,
    available: Family<EventLabels, Gauge>,
    payments: Family<OutcomeLabels, Counter>,
    provider_up: Family<ProviderLabels, Gauge>,
    search: SearchMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let bookings = Family::default();
        let booking_seconds = Histogram::new(exponential_buckets(0.001, 2.0, 14));
        let requests = Family::default();
        let request_seconds = Histogram::new(exponential_buckets(0.001, 2.0, 14));
        let available = Family::default();
        let payments = Family::default();
        let provider_up = Family::default();
        registry.register("bookings", "Booking attempts by outcome", bookings.clone());
        registry.register(
            "booking_duration_seconds",
            "Time taken to hold seats",
            booking_seconds.clone(),
        );
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time taken to answer",
            request_seconds.clone(),
        );
        registry.register("available_seats", "Seats left of hot events", available.clone());
        registry.register("payments", "Payments by outcome", payments.clone());
        registry.register(
            "payment_provider_up",
            "0 while the payment provider is silent and not asked",
            provider_up.clone(),
        );
        let search = SearchMetrics::new(&mut registry);
        Self {
            registry,
            bookings,
            booking_seconds,
            requests,
            request_seconds,
            available,
            payments,
            provider_up,
            search,
        }
    }
}

impl Metrics {
    pub(crate) fn booking(&self, status: BookingStatus) {
        self.bookings.get_or_create(&BookingLabels { status }).inc();
    }

    pub(crate) fn booking_took(&self, took: Duration) {
        self.booking_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn payment(&self, outcome: &'static str) {
        self.payments.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    pub(crate) fn request(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let labels = RequestLabels { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        self.request_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn provider(&self, provider: &'static str, up: bool) {
        self.provider_up.get_or_create(&ProviderLabels { provider }).set(i64::from(up));
    }

    /// The text that a scrape gets; `hot` are the events to show.
    pub(crate) fn text(&self, hot: &[(EventId, u32)], search: &LagNow) -> String {
        self.search.set(search);
        self.available.clear();
        for &(event, available) in hot {
            let labels = EventLabels { event_id: event.to_string() };
            self.available.get_or_create(&labels).set(i64::from(available));
        }
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &self.registry) {
            tracing::error!(%error, "encode metrics");
        }
        text
    }
}

/// How far behind the cluster searches are.
#[derive(Debug)]
struct SearchMetrics {
    lag: Gauge<f64, AtomicU64>,
    silence: Gauge<f64, AtomicU64>,
    visible: Histogram,
    documents: Gauge,
}

impl SearchMetrics {
    fn new(registry: &mut Registry) -> Self {
        let (lag, silence): (Gauge<f64, AtomicU64>, Gauge<f64, AtomicU64>) = Default::default();
        let visible = Histogram::new(exponential_buckets(0.01, 2.0, 12));
        let documents = Gauge::default();
        let what = "Age of the oldest change of an event that searches don't show yet";
        registry.register("rowlock_search_lag_seconds", what, lag.clone());
        let what = "Time since the last sign of life from the most silent shard";
        registry.register("rowlock_search_silence_seconds", what, silence.clone());
        let what = "From a change of an event to the moment when searches showed it";
        registry.register("rowlock_search_visible_seconds", what, visible.clone());
        registry.register(
            "rowlock_search_documents",
            "Events that can be found",
            documents.clone(),
        );
        Self { lag, silence, visible, documents }
    }

    fn set(&self, now: &LagNow) {
        self.lag.set(now.behind.as_secs_f64());
        self.silence.set(now.silent.as_secs_f64());
        for took in &now.took {
            self.visible.observe(took.as_secs_f64());
        }
        self.documents.set(i64::try_from(now.documents).unwrap_or(i64::MAX));
    }
}
