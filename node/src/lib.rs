//! One server process of a Rowlock cluster
