//! What tests of this crate and of others need, behind the feature `testing`.

pub mod model;
