//! The whole router, driven in this process over an inventory in memory.
#![cfg(test)]

mod accounts;
mod bad_input;
mod bookings;
mod events;
mod fake;
mod harness;
mod pages;
mod payments;
mod protocol;
mod reconcile;
mod refunds;
