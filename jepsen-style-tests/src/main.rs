//! `rowlock-jepsen`: the arguments, and nothing else.

fn main() {}
