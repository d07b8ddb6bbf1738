//! The whole router, driven in this process over an inventory in memory.
#![cfg(test)]

mod access;
mod accounts;
mod api_keys;
mod areas;
mod asks;
mod authentications;
mod bad_input;
mod bookings;
mod desk;
mod doors;
mod events;
mod exchanges;
mod fake;
mod gate;
mod harness;
mod letters;
mod localstripe;
mod logs;
mod outside;
mod pages;
mod payments;
mod paypal;
mod protocol;
mod psp;
mod rates;
mod reconcile;
mod refunds;
mod saga;
mod search;
mod sessions;
mod stripe;
mod terms;
mod user_bookings;
mod waitlist;
mod webhooks;
