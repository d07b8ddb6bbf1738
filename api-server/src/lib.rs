//! The stateless HTTP server: search, booking, payment, tickets, pages.
//!
//! Owns: the HTTP API (`routes`), its problem documents ([`problem`]), accounts and tokens ([`auth`]),
//! letters to users ([`mail`]),
//! the payment saga and its providers ([`payment`]), the local search index ([`search`]), tickets
//! ([`tickets`]) and the shop's pages (`pages`). Must not: keep anything that another server would
//! need; the cluster and the payment provider are the only memory.
//!
//! Invariants:
//! - Every status of 400 and above carries an RFC 9457 problem document (pages: a page that says so).
//! - A request body is never logged, and a card number in it is refused before anything reads it.
//! - The charge is confirmed only after its intent is in the log (P6, see [`payment::saga`]).
//! - Routes reach the cluster through [`inventory::Inventory`] only, so that they can be tested
//!   without one.

pub mod app;
pub mod auth;
pub mod config;
mod http;
pub mod inventory;
mod known;
mod layout;
mod live;
pub mod mail;
mod metrics;
mod money;
mod outbound;
mod pages;
pub mod payment;
mod places;
pub mod problem;
mod routes;
pub mod run;
mod sales;
pub mod search;
pub mod secret;
pub mod tickets;
mod time;
mod user_lists;

pub use http::serve;
pub use routes::{openapi, router, search_answer};
