//! The client of a Rowlock cluster: routing, retries, batching, watch
