//! Fault injection against real clusters and checkers for what they did
