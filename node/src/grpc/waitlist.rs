//! Waitlists on the wire, both ways.

use bytes::Bytes;
use rowlock_proto::v1;
use rowlock_raft_store::inventory::waitlist::{
    WaitStanding, WaiterView, WaitlistRules, WaitlistView, Wish,
};
use rowlock_raft_store::inventory::{Refusal, WaitlistChange, WaitlistCommand};

use super::command::{event, malformed};

fn raw(bytes: [u8; 16]) -> Bytes {
    Bytes::copy_from_slice(&bytes)
}

fn rules(wire: v1::WaitlistRules) -> WaitlistRules {
    let v1::WaitlistRules { offer_ms, closed } = wire;
    WaitlistRules { offer_ms, closed }
}

const fn rules_out(rules: WaitlistRules) -> v1::WaitlistRules {
    let WaitlistRules { offer_ms, closed } = rules;
    v1::WaitlistRules { offer_ms, closed }
}

fn wish(wire: v1::Wish) -> Result<Wish, Refusal> {
    let category = |it: u32| u8::try_from(it).map_err(|_| malformed(format!("category {it}")));
    Ok(Wish {
        quantity: wire.quantity,
        categories: wire.categories.into_iter().map(category).collect::<Result<_, _>>()?,
        adjacent: wire.adjacent,
        accessible: wire.accessible,
    })
}

fn wish_out(wish: Wish) -> v1::Wish {
    let Wish { quantity, categories, adjacent, accessible } = wish;
    let categories = categories.into_iter().map(u32::from).collect();
    v1::Wish { quantity, categories, adjacent, accessible }
}

pub(super) fn command(wire: v1::WaitlistCommand) -> Result<WaitlistCommand, Refusal> {
    use v1::waitlist_command::Kind;
    let event = event(&wire.event)?;
    let kind = wire.kind.ok_or_else(|| malformed("a command of no kind to a waitlist"))?;
    Ok(match kind {
        Kind::Set(wire) => WaitlistCommand::Set { event, rules: rules(wire) },
        Kind::Join(wire) => WaitlistCommand::Join { event, wish: wish(wire)? },
        Kind::Leave(entry) => WaitlistCommand::Leave { event, entry },
        Kind::Accept(entry) => WaitlistCommand::Accept { event, entry },
    })
}

pub(super) fn waiter(view: WaiterView) -> v1::Waiter {
    let standing = match view.standing {
        WaitStanding::Waiting => v1::WaitStanding::StillWaiting,
        WaitStanding::Offered => v1::WaitStanding::Offered,
        WaitStanding::Bought => v1::WaitStanding::OfferBought,
        WaitStanding::Declined => v1::WaitStanding::OfferDeclined,
        WaitStanding::RanOut => v1::WaitStanding::OfferRanOut,
        WaitStanding::PassedOver => v1::WaitStanding::PassedOver,
        WaitStanding::Left => v1::WaitStanding::LeftWaitlist,
        WaitStanding::Closed => v1::WaitStanding::EventOver,
    };
    v1::Waiter {
        event: raw(view.event.to_bytes()),
        user: raw(view.user.to_bytes()),
        entry: view.entry,
        wish: Some(wish_out(view.wish)),
        joined_ms: view.joined_ms,
        standing: standing.into(),
        position: view.position,
        booking: view.booking.map_or_else(Bytes::new, |booking| raw(booking.to_bytes())),
        until_ms: view.until_ms,
    }
}

pub(super) fn waiters((waiters, next): (Vec<WaiterView>, Option<u32>)) -> v1::WaiterList {
    v1::WaiterList { waiters: waiters.into_iter().map(waiter).collect(), next }
}

pub(super) fn waitlist(view: WaitlistView) -> v1::Waitlist {
    let WaitlistView { event, rules, entries, waiting, offered } = view;
    let (event, rules) = (raw(event.to_bytes()), Some(rules_out(rules)));
    v1::Waitlist { event, rules, entries, waiting, offered }
}

pub(super) fn changed(change: WaitlistChange) -> v1::WaitlistChanged {
    use v1::waitlist_changed::Kind;
    let (event, user, entry, kind) = match change {
        WaitlistChange::RulesSet { event, rules } => {
            let event = raw(event.to_bytes());
            let (user, entry, kind) = (Bytes::new(), 0, Some(Kind::RulesSet(rules_out(rules))));
            return v1::WaitlistChanged { event, user, entry, kind };
        }
        WaitlistChange::Joined { event, user, entry, wish } => {
            (event, user, entry, Kind::Joined(wish_out(wish)))
        }
        WaitlistChange::Left { event, user, entry } => {
            (event, user, entry, Kind::Left(v1::Done {}))
        }
        WaitlistChange::Offered { event, user, entry, booking, until_ms } => {
            let booking = raw(booking.to_bytes());
            (event, user, entry, Kind::Offered(v1::WaitlistOffer { booking, until_ms }))
        }
        WaitlistChange::PassedOver { event, user, entry } => {
            (event, user, entry, Kind::PassedOver(v1::Done {}))
        }
    };
    let (event, user) = (raw(event.to_bytes()), raw(user.to_bytes()));
    v1::WaitlistChanged { event, user, entry, kind: Some(kind) }
}
