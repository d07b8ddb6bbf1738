#![cfg(test)]
//! Whole nodes in one process, over real sockets and real disks, driven by a bare gRPC client.

mod accounts;
mod audit;
mod cluster;
mod consumers;
mod failure;
mod holds;
mod transport;
mod user_lists;
mod watch;
