//! The client against nodes that do exactly what a test tells them.
#![cfg(test)]

mod calls;
mod fake;
mod watch;
