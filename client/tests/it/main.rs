//! The client against nodes that do exactly what a test tells them.
#![cfg(test)]

mod calls;
mod consume;
mod fake;
mod user_lists;
mod watch;
