//! Waitlists: commands, changes and records.

use std::sync::Arc;

use bincode::{Decode, Encode};
use rowlock_proto::ids::{BookingId, EventId, RequestKey, UserId};

use super::{Error, decode, encode};
use crate::inventory::waitlist::{
    Kept, Waiter, Waitlist, WaitlistChange, WaitlistCommand, WaitlistRules, Wish,
};

#[derive(Encode, Decode)]
pub(super) struct RulesV1 {
    offer_ms: u64,
    closed: bool,
}

impl From<WaitlistRules> for RulesV1 {
    fn from(rules: WaitlistRules) -> Self {
        let WaitlistRules { offer_ms, closed } = rules;
        Self { offer_ms, closed }
    }
}

impl From<RulesV1> for WaitlistRules {
    fn from(stored: RulesV1) -> Self {
        let RulesV1 { offer_ms, closed } = stored;
        Self { offer_ms, closed }
    }
}

#[derive(Encode, Decode)]
pub(super) struct WishV1 {
    quantity: u32,
    categories: Vec<u8>,
    adjacent: bool,
    accessible: bool,
}

impl From<&Wish> for WishV1 {
    fn from(wish: &Wish) -> Self {
        let Wish { quantity, categories, adjacent, accessible } = wish.clone();
        Self { quantity, categories, adjacent, accessible }
    }
}

impl From<WishV1> for Wish {
    fn from(stored: WishV1) -> Self {
        let WishV1 { quantity, categories, adjacent, accessible } = stored;
        Self { quantity, categories, adjacent, accessible }
    }
}

/// The order of the variants is the format.
#[derive(Encode, Decode)]
pub(super) enum WaitlistCommandV1 {
    Set([u8; 16], RulesV1),
    Join([u8; 16], WishV1),
    Leave([u8; 16], u32),
    Accept([u8; 16], u32),
}

impl From<&WaitlistCommand> for WaitlistCommandV1 {
    fn from(command: &WaitlistCommand) -> Self {
        match command {
            WaitlistCommand::Set { event, rules } => Self::Set(event.to_bytes(), (*rules).into()),
            WaitlistCommand::Join { event, wish } => Self::Join(event.to_bytes(), wish.into()),
            WaitlistCommand::Leave { event, entry } => Self::Leave(event.to_bytes(), *entry),
            WaitlistCommand::Accept { event, entry } => Self::Accept(event.to_bytes(), *entry),
        }
    }
}

impl From<WaitlistCommandV1> for WaitlistCommand {
    fn from(stored: WaitlistCommandV1) -> Self {
        let id = EventId::from_bytes;
        match stored {
            WaitlistCommandV1::Set(event, rules) => {
                Self::Set { event: id(event), rules: rules.into() }
            }
            WaitlistCommandV1::Join(event, wish) => {
                Self::Join { event: id(event), wish: wish.into() }
            }
            WaitlistCommandV1::Leave(event, entry) => Self::Leave { event: id(event), entry },
            WaitlistCommandV1::Accept(event, entry) => Self::Accept { event: id(event), entry },
        }
    }
}

/// The order of the variants is the format.
#[derive(Encode, Decode)]
pub(super) enum WaitlistChangeV1 {
    RulesSet([u8; 16], RulesV1),
    Joined([u8; 16], [u8; 16], u32, WishV1),
    Left([u8; 16], [u8; 16], u32),
    Offered([u8; 16], [u8; 16], u32, [u8; 16], u64),
    PassedOver([u8; 16], [u8; 16], u32),
}

impl From<&WaitlistChange> for WaitlistChangeV1 {
    fn from(change: &WaitlistChange) -> Self {
        match change {
            WaitlistChange::RulesSet { event, rules } => {
                Self::RulesSet(event.to_bytes(), (*rules).into())
            }
            WaitlistChange::Joined { event, user, entry, wish } => {
                Self::Joined(event.to_bytes(), user.to_bytes(), *entry, wish.into())
            }
            WaitlistChange::Left { event, user, entry } => {
                Self::Left(event.to_bytes(), user.to_bytes(), *entry)
            }
            WaitlistChange::Offered { event, user, entry, booking, until_ms } => Self::Offered(
                event.to_bytes(),
                user.to_bytes(),
                *entry,
                booking.to_bytes(),
                *until_ms,
            ),
            WaitlistChange::PassedOver { event, user, entry } => {
                Self::PassedOver(event.to_bytes(), user.to_bytes(), *entry)
            }
        }
    }
}

impl From<WaitlistChangeV1> for WaitlistChange {
    fn from(stored: WaitlistChangeV1) -> Self {
        let (id, by) = (EventId::from_bytes, UserId::from_bytes);
        match stored {
            WaitlistChangeV1::RulesSet(event, rules) => {
                Self::RulesSet { event: id(event), rules: rules.into() }
            }
            WaitlistChangeV1::Joined(event, user, entry, wish) => {
                Self::Joined { event: id(event), user: by(user), entry, wish: wish.into() }
            }
            WaitlistChangeV1::Left(event, user, entry) => {
                Self::Left { event: id(event), user: by(user), entry }
            }
            WaitlistChangeV1::Offered(event, user, entry, booking, until_ms) => {
                let booking = BookingId::from_bytes(booking);
                Self::Offered { event: id(event), user: by(user), entry, booking, until_ms }
            }
            WaitlistChangeV1::PassedOver(event, user, entry) => {
                Self::PassedOver { event: id(event), user: by(user), entry }
            }
        }
    }
}

/// A waitlist without its entries.
#[derive(Debug)]
pub struct WaitlistRecord;

impl WaitlistRecord {
    pub fn encode(list: &Waitlist) -> Vec<u8> {
        encode((RulesV1::from(list.rules), list.pending), 16)
    }
    pub fn decode(bytes: &[u8]) -> Result<Waitlist, Error> {
        let (rules, pending): (RulesV1, bool) = decode(bytes)?;
        Ok(Waitlist::empty(rules.into(), pending))
    }
}

#[derive(Encode, Decode)]
struct WaiterV1 {
    user: [u8; 16],
    key: [u8; 16],
    wish: WishV1,
    joined_ms: u64,
    kept: KeptV1,
}

/// The order of the variants is the format.
#[derive(Encode, Decode)]
enum KeptV1 {
    Waiting,
    Offered(u32),
    Left,
    PassedOver,
}

/// Entries with neighbouring numbers.
#[derive(Debug)]
pub struct BlockOfWaiters;

impl BlockOfWaiters {
    pub fn encode(waiters: &[Waiter]) -> Vec<u8> {
        let store = |waiter: &Waiter| WaiterV1 {
            user: waiter.user.to_bytes(),
            key: waiter.key.to_bytes(),
            wish: waiter.wish.as_ref().into(),
            joined_ms: waiter.joined_ms,
            kept: match waiter.kept {
                Kept::Waiting => KeptV1::Waiting,
                Kept::Offered(seq) => KeptV1::Offered(seq),
                Kept::Left => KeptV1::Left,
                Kept::PassedOver => KeptV1::PassedOver,
            },
        };
        encode(waiters.iter().map(store).collect::<Vec<WaiterV1>>(), waiters.len() * 48 + 8)
    }
    pub fn decode(bytes: &[u8]) -> Result<Vec<Waiter>, Error> {
        let read = |stored: WaiterV1| Waiter {
            user: UserId::from_bytes(stored.user),
            key: RequestKey::from_bytes(stored.key),
            wish: Arc::new(stored.wish.into()),
            joined_ms: stored.joined_ms,
            kept: match stored.kept {
                KeptV1::Waiting => Kept::Waiting,
                KeptV1::Offered(seq) => Kept::Offered(seq),
                KeptV1::Left => Kept::Left,
                KeptV1::PassedOver => Kept::PassedOver,
            },
        };
        Ok(decode::<Vec<WaiterV1>>(bytes)?.into_iter().map(read).collect())
    }
}
