//! rowctl: playground, administration, import and load generation

pub mod import;
