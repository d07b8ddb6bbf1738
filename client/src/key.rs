//! Fresh ids and keys.

use std::cell::RefCell;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rowlock_proto::{EventId, RequestKey, Slot, UserId, VenueId};

thread_local! {
    static SEEDED: RefCell<Option<StdRng>> = const { RefCell::new(None) };
}

/// From here on this thread's request keys are drawn from `seed`, or at random again. For
/// simulations, which have nobody else's keys to fear.
pub fn seed(seed: Option<u64>) {
    SEEDED.set(seed.map(StdRng::seed_from_u64));
}

/// A key that no other request has.
pub fn request_key() -> RequestKey {
    let seeded = SEEDED.with_borrow_mut(|rng| rng.as_mut().map(|rng| rng.random()));
    RequestKey(seeded.unwrap_or_else(rand::random))
}

/// An event id that no other event has.
pub fn event_id() -> EventId {
    EventId(rand::random())
}

/// A venue id that no other venue has.
pub fn venue_id() -> VenueId {
    VenueId(rand::random())
}

/// How an e-mail address is compared and stored: without outer space, in lower case.
pub fn normal_email(email: &str) -> String {
    email.trim().to_lowercase()
}

/// The slot in which an address is claimed.
pub fn email_slot(email: &str) -> Slot {
    Slot::of(normal_email(email).as_bytes())
}

/// A fresh user id in the slot of the address, so that one shard decides who has it.
pub fn user_id_for_email(email: &str) -> UserId {
    UserId::new(email_slot(email), rand::random())
}
