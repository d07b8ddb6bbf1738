//! `Idempotency-Key`: the same key and body is the same request, and has the effect of one (P4).
//!
//! The durable memory is elsewhere: the cluster remembers holds by the key that is made here, ids of
//! what is created are made from it, and a payment's key stands at its provider. What is remembered
//! here only catches, on this server, another body that those can't tell from the first.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use rowlock_proto::RequestKey;
use sha2::{Digest, Sha256};

use crate::problem::Problem;

const KEY_CHARS_MAX: usize = 255;
/// Requests whose bodies are remembered here.
const REMEMBERED_MAX: usize = 65_536;

/// The header's value, if it was sent.
#[derive(Clone, Debug)]
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

impl IdempotencyKey {
    /// A name for this request: the same for all its repeats, or one that nothing else has.
    pub(crate) fn request(&self, subject: &str, route: &str) -> Request {
        match &self.0 {
            Some(key) => Request { digest: digest(&[subject, route, key]), repeatable: true },
            None => Request { digest: rand::random(), repeatable: false },
        }
    }
}

/// A request by name: subject, route and key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    digest: [u8; 32],
    /// Whether its name came from the caller, so that it can be sent again.
    pub(crate) repeatable: bool,
}

impl Request {
    /// One that its caller gave a number.
    pub(crate) fn named(number: u128) -> Self {
        let mut digest = [0; 32];
        digest[..16].copy_from_slice(&number.to_be_bytes());
        Self { digest, repeatable: true }
    }

    pub(crate) fn key(&self) -> RequestKey {
        RequestKey(self.number(0))
    }

    /// The id of what this request creates.
    pub(crate) fn id(&self) -> u128 {
        self.number(1)
    }

    /// Sixteen bytes that only this request has, such as a salt.
    pub(crate) fn bytes(&self, purpose: u8) -> [u8; 16] {
        self.number(purpose).to_be_bytes()
    }

    fn number(&self, purpose: u8) -> u128 {
        let hash = Sha256::new().chain_update(self.digest).chain_update([purpose]).finalize();
        let mut head = [0; 16];
        head.copy_from_slice(&hash[..16]);
        u128::from_be_bytes(head)
    }
}

fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"rowlock request:");
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// Bodies of the latest requests by key.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    bodies: HashMap<[u8; 32], [u8; 32]>,
    order: VecDeque<[u8; 32]>,
}

impl Recent {
    /// Refuses a key that came with another body before.
    pub(crate) fn check(&self, request: &Request, body: [u8; 32]) -> Result<(), Problem> {
        if !request.repeatable {
            return Ok(());
        }
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match memory.bodies.get(&request.digest) {
            Some(before) if *before != body => return Err(Problem::key_reused()),
            Some(_) => return Ok(()),
            None => {}
        }
        if memory.order.len() >= REMEMBERED_MAX
            && let Some(oldest) = memory.order.pop_front()
        {
            memory.bodies.remove(&oldest);
        }
        memory.order.push_back(request.digest);
        memory.bodies.insert(request.digest, body);
        Ok(())
    }

    /// Whether the request was seen here before.
    pub(crate) fn knows(&self, request: &Request) -> bool {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.bodies.contains_key(&request.digest)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else {
            return Ok(Self(None));
        };
        let text = value.to_str().unwrap_or("").trim_matches(' ');
        // A tab is the one character that such a text may have and that can't be seen.
        if text.is_empty() || text.len() > KEY_CHARS_MAX || text.contains('\t') {
            return Err(Problem::malformed(format!(
                "Idempotency-Key must have 1 to {KEY_CHARS_MAX} visible ASCII characters"
            )));
        }
        Ok(Self(Some(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_scoped_to_subject_and_route() {
        let key = IdempotencyKey(Some("k".to_owned()));
        let name = |subject, route| key.request(subject, route).key();
        assert_eq!(name("a", "POST /x"), name("a", "POST /x"));
        assert_ne!(name("a", "POST /x"), name("b", "POST /x"));
        assert_ne!(name("a", "POST /x"), name("a", "POST /y"));
        let none = IdempotencyKey(None);
        assert_ne!(none.request("a", "r").key(), none.request("a", "r").key());
    }

    #[test]
    fn another_body_under_a_key_is_refused() {
        let recent = Recent::default();
        let request = IdempotencyKey(Some("k".to_owned())).request("a", "r");
        assert!(recent.check(&request, [1; 32]).is_ok());
        assert!(recent.check(&request, [1; 32]).is_ok());
        assert!(recent.check(&request, [2; 32]).is_err());
    }
}
