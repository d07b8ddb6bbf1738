//! rowctl: playground, administration, import and load generation
