//! Accounts and tokens: who someone is, and how a server that keeps no state can tell.

pub(crate) mod accounts;
pub(crate) mod api_keys;
pub mod keys;
pub(crate) mod letters;
pub mod oidc;
pub(crate) mod passwords;
pub(crate) mod secrets;
pub(crate) mod sessions;
pub(crate) mod tokens;

pub(crate) use tokens::Claims;
pub use tokens::{Role, Tokens};
