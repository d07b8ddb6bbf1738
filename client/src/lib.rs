//! The client of a Rowlock cluster: routing, retries, batching, watch

pub mod plan;
