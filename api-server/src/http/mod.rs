//! What every route shares: reading bodies, who calls, idempotency keys, replies, and the layers.

pub(crate) mod address;
pub(crate) mod body;
mod buckets;
pub(crate) mod cache;
pub(crate) mod caller;
mod cards;
pub(crate) mod idempotency;
pub(crate) mod layers;
mod numbers;
mod path;
pub(crate) mod query;
pub(crate) mod rate_limit;
pub(crate) mod reply;
mod scan;
pub(crate) mod scopes;
pub mod serve;

pub(crate) use body::{Json, read as read_body};
pub(crate) use caller::{Caller, MaybeCaller};
pub(crate) use cards::{in_form as card_in_form, within as card_in_text};
pub(crate) use idempotency::IdempotencyKey;
pub(crate) use path::Path;
pub(crate) use query::Query;
