//! Load of the kinds that the speed table is made of, and the count of what may never happen.
//!
//! Owns: the events to load ([`setup`]), which seats are asked for next ([`seats`]), the two ways to
//! ask ([`path`]), the clients' loop ([`run`]), holds that end together meanwhile ([`ending`]) and reading
//! everything back ([`audit`]).
//!
//! Invariant: set-up and reading back lie outside the measured time.

pub mod audit;
pub mod ending;
pub mod path;
pub mod run;
pub mod seats;
pub mod setup;

use serde::Serialize;

use self::ending::Ending;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One event of 20,000 seats, the next when it is sold out.
    Onsale,
    /// 1,000 events of 500 seats.
    Spread,
    /// 500 seats that all clients want; wins are confirmed.
    Hotseats,
    /// Best-available pairs on the on-sale event.
    Besta,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    Client,
    Http,
}

/// What came of a workload: the last line of its JSON output.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub workload: Kind,
    pub via: Via,
    pub clients: usize,
    /// Measured, not asked for: a workload that is sold out ends early.
    pub seconds: f64,
    pub holds_ok: u64,
    pub holds_refused: u64,
    pub unknown: u64,
    pub holds_per_s: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub double_sales: u64,
    #[serde(flatten)]
    pub ending: Option<Ending>,
}
