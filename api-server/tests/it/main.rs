//! The whole router, driven in this process over an inventory in memory.
#![cfg(test)]

mod access;
mod accounts;
mod areas;
mod asks;
mod bad_input;
mod bookings;
mod desk;
mod doors;
mod events;
mod exchanges;
mod fake;
mod harness;
mod logs;
mod pages;
mod payments;
mod protocol;
mod reconcile;
mod refunds;
mod terms;
mod user_bookings;
mod waitlist;
