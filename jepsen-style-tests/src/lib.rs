//! Fault injection against real clusters, and checkers for what they did.
//!
//! Owns: starting nodes as processes behind proxies of ours, faults by a seeded schedule, a workload
//! that records what it was told, and the judgement of that record; and [`sim`], whole clusters in
//! one thread under virtual time. Must not: reach into a process other than by its flags, signals,
//! network, disk and the calls it makes; and no checker may share code with the inventory.
//!
//! ```text
//! schedule --> nemesis --> processes, proxies
//!                              |
//! workload --> clients --> proxies --> nodes
//!     |
//!     '--> history file --> checkers --> verdict
//! ```
//!
//! Invariants:
//! - A seed decides the schedule and what clients ask for. Of processes, timing is the machine's own;
//!   of a simulation, a seed decides all.
//! - A fault that can't be caused here is named in `not_run`, never skipped in silence.
//! - A failure of coverage is told apart from one of safety.

pub mod admin;
pub mod availability;
pub mod checker;
pub mod cli;
pub mod disk;
pub mod faults;
pub mod history;
pub mod nemesis;
pub mod proxy;
pub mod recorder;
pub mod report;
pub mod run;
pub mod sim;
pub mod spaces;
pub mod supervisor;
pub mod tools;
pub mod workload;
