#![cfg(test)]
//! Tests of the fault suite itself: its checkers know wrong from right, its processes run, and the
//! repository keeps its own rules.

mod bad_histories;
mod brute;
mod good_histories;
mod random_histories;
mod script;
mod sim;
mod smoke;
mod teeth;
mod tidy;
