//! The typed calls of waitlists: who gets places that come back, before anybody can buy them.

use rowlock_proto::v1::command::Kind;
use rowlock_proto::v1::reply::Kind as Reply;
use rowlock_proto::v1::waitlist_command::Kind as Ask;
use rowlock_proto::{BookingId, EventId, RequestKey, UserId, v1};

use crate::calls::{booking, done};
use crate::client::Client;
use crate::error::Error;
use crate::types::{Answered, Booking};
use crate::wire::{self, Unreadable};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitlistRules {
    /// How long an offer lasts.
    pub offer_ms: u64,
    /// Takes no entries; those that are there stay.
    pub closed: bool,
}

/// What a user waits for: so many places together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    pub quantity: u32,
    /// Indexes into the map's categories; none: any.
    pub categories: Vec<u32>,
    /// Side by side, or in one area; otherwise as near as can be had.
    pub adjacent: bool,
    /// At least one wheelchair place.
    pub accessible: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitStanding {
    Waiting,
    /// Its booking is held, and may be paid.
    Offered,
    Bought,
    /// The offer was given back.
    Declined,
    /// The offer was not taken in time.
    RanOut,
    /// Its turn came, and its user may have no more places.
    PassedOver,
    Left,
    /// The event was over before its turn came.
    EventOver,
}

/// One entry of a waitlist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiter {
    pub event: EventId,
    pub user: UserId,
    /// Its number in the event.
    pub entry: u32,
    pub wish: Wish,
    pub joined_ms: u64,
    pub standing: WaitStanding,
    /// From 1; 0: does not wait.
    pub position: u32,
    /// What it was offered: a hold, to be paid like any other.
    pub booking: Option<BookingId>,
    /// Until when the offer is held; 0: there is none.
    pub until_ms: u64,
}

/// Entries by number, and the number to go on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaiterPage {
    pub items: Vec<Waiter>,
    pub next: Option<u32>,
}

/// A waitlist as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waitlist {
    pub event: EventId,
    pub rules: WaitlistRules,
    /// Entries that were ever made.
    pub entries: u32,
    pub waiting: u32,
    /// Offers that are neither paid nor over.
    pub offered: u32,
}

/// What happened to a waitlist. What became of an offer is told by its booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitlistChange {
    RulesSet(WaitlistRules),
    Joined { user: UserId, entry: u32, wish: Wish },
    Left { user: UserId, entry: u32 },
    Offered { user: UserId, entry: u32, booking: BookingId, until_ms: u64 },
    PassedOver { user: UserId, entry: u32 },
}

impl Client {
    async fn ask_waitlist<T>(
        &self,
        event: EventId,
        principal: UserId,
        key: RequestKey,
        kind: Ask,
        read: fn(Reply) -> Result<T, Unreadable>,
    ) -> Result<Answered<T>, Error> {
        let event_bytes = wire::id(event.to_bytes());
        let kind = Kind::Waitlist(v1::WaitlistCommand { event: event_bytes, kind: Some(kind) });
        self.write(event.slot(), principal, key, kind, read).await
    }

    /// Says how long offers last from now on, and whether entries are taken.
    pub async fn set_waitlist(
        &self,
        event: EventId,
        rules: WaitlistRules,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let WaitlistRules { offer_ms, closed } = rules;
        let kind = Ask::Set(v1::WaitlistRules { offer_ms, closed });
        self.ask_waitlist(event, principal, key, kind, done).await
    }

    /// `principal` waits for places of which there are not enough. Again: the same entry.
    pub async fn join_waitlist(
        &self,
        event: EventId,
        wish: Wish,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Waiter>, Error> {
        let Wish { quantity, categories, adjacent, accessible } = wish;
        let kind = Ask::Join(v1::Wish { quantity, categories, adjacent, accessible });
        self.ask_waitlist(event, principal, key, kind, joined).await
    }

    /// Gives up an entry of `principal`, or declines what it was offered.
    pub async fn leave_waitlist(
        &self,
        event: EventId,
        entry: u32,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Waiter>, Error> {
        self.ask_waitlist(event, principal, key, Ask::Leave(entry), joined).await
    }

    /// Gives an offer the time that a hold has, counted from now; once.
    pub async fn accept_offer(
        &self,
        event: EventId,
        entry: u32,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<Booking>, Error> {
        self.ask_waitlist(event, principal, key, Ask::Accept(entry), booking).await
    }

    pub async fn waitlist(&self, event: EventId) -> Result<Answered<Waitlist>, Error> {
        use rowlock_proto::v1::query::Kind;
        use rowlock_proto::v1::query_reply::Kind as Found;
        let kind = Kind::GetWaitlist(v1::GetWaitlist { event: wire::id(event.to_bytes()) });
        self.query(event.slot(), false, kind, |found| match found {
            Found::Waitlist(view) => Some(waitlist(view)),
            _ => None,
        })
        .await
    }

    /// A user's latest entry.
    pub async fn waiter(&self, event: EventId, user: UserId) -> Result<Answered<Waiter>, Error> {
        use rowlock_proto::v1::query::Kind;
        use rowlock_proto::v1::query_reply::Kind as Found;
        let (event_bytes, user) = (wire::id(event.to_bytes()), wire::id(user.to_bytes()));
        let kind = Kind::GetWaiter(v1::GetWaiter { event: event_bytes, user });
        self.query(event.slot(), false, kind, |found| match found {
            Found::Waiter(view) => Some(waiter(view)),
            _ => None,
        })
        .await
    }

    /// Entries of an event from number `from` on: those that wait or have an offer, or all.
    pub async fn waiters(
        &self,
        event: EventId,
        from: u32,
        limit: u32,
        live_only: bool,
    ) -> Result<Answered<WaiterPage>, Error> {
        use rowlock_proto::v1::query::Kind;
        use rowlock_proto::v1::query_reply::Kind as Found;
        let event_bytes = wire::id(event.to_bytes());
        let list = v1::ListWaiters { event: event_bytes, from, limit, live_only };
        self.query(event.slot(), false, Kind::ListWaiters(list), |found| match found {
            Found::Waiters(page) => Some(waiters(page)),
            _ => None,
        })
        .await
    }
}

const fn rules(wire: v1::WaitlistRules) -> WaitlistRules {
    WaitlistRules { offer_ms: wire.offer_ms, closed: wire.closed }
}

fn wish(wire: v1::Wish) -> Wish {
    let v1::Wish { quantity, categories, adjacent, accessible } = wire;
    Wish { quantity, categories, adjacent, accessible }
}

fn waiters(wire: v1::WaiterList) -> Result<WaiterPage, Unreadable> {
    let items = wire.waiters.into_iter().map(waiter).collect::<Result<_, _>>()?;
    Ok(WaiterPage { items, next: wire.next })
}

fn waitlist(wire: v1::Waitlist) -> Result<Waitlist, Unreadable> {
    Ok(Waitlist {
        event: wire::event_id(&wire.event)?,
        rules: rules(wire.rules.ok_or(Unreadable("waitlist without its rules"))?),
        entries: wire.entries,
        waiting: wire.waiting,
        offered: wire.offered,
    })
}

fn waiter(wire: v1::Waiter) -> Result<Waiter, Unreadable> {
    let standing = match wire.standing() {
        v1::WaitStanding::StillWaiting => WaitStanding::Waiting,
        v1::WaitStanding::Offered => WaitStanding::Offered,
        v1::WaitStanding::OfferBought => WaitStanding::Bought,
        v1::WaitStanding::OfferDeclined => WaitStanding::Declined,
        v1::WaitStanding::OfferRanOut => WaitStanding::RanOut,
        v1::WaitStanding::PassedOver => WaitStanding::PassedOver,
        v1::WaitStanding::LeftWaitlist => WaitStanding::Left,
        v1::WaitStanding::EventOver => WaitStanding::EventOver,
        v1::WaitStanding::Unspecified => return Err(Unreadable("standing on a waitlist")),
    };
    let booking = match wire.booking.is_empty() {
        true => None,
        false => Some(wire::booking_id(&wire.booking)?),
    };
    Ok(Waiter {
        event: wire::event_id(&wire.event)?,
        user: wire::user_id(&wire.user)?,
        entry: wire.entry,
        wish: wish(wire.wish.ok_or(Unreadable("entry without its wish"))?),
        joined_ms: wire.joined_ms,
        standing,
        position: wire.position,
        booking,
        until_ms: wire.until_ms,
    })
}

fn joined(reply: Reply) -> Result<Waiter, Unreadable> {
    match reply {
        Reply::Waiter(view) => waiter(view),
        Reply::QueuePlace(_)
        | Reply::Booking(_)
        | Reply::RefundDue(_)
        | Reply::PaymentBegun(_)
        | Reply::Refund(_)
        | Reply::Done(_)
        | Reply::Tended(_)
        | Reply::Scans(_)
        | Reply::Session(_)
        | Reply::Consumer(_)
        | Reply::Expired(_) => Err(Unreadable("reply without an entry of a waitlist")),
    }
}

/// The change, or `None` if it is of a kind that this client is too old to know.
pub(crate) fn change(
    wire: v1::WaitlistChanged,
) -> Result<Option<(EventId, WaitlistChange)>, Unreadable> {
    use v1::waitlist_changed::Kind;
    let (event, entry) = (wire::event_id(&wire.event)?, wire.entry);
    let user = || wire::user_id(&wire.user);
    let Some(kind) = wire.kind else { return Ok(None) };
    let change = match kind {
        Kind::RulesSet(wire) => WaitlistChange::RulesSet(rules(wire)),
        Kind::Joined(wanted) => WaitlistChange::Joined { user: user()?, entry, wish: wish(wanted) },
        Kind::Left(_) => WaitlistChange::Left { user: user()?, entry },
        Kind::Offered(offer) => WaitlistChange::Offered {
            user: user()?,
            entry,
            booking: wire::booking_id(&offer.booking)?,
            until_ms: offer.until_ms,
        },
        Kind::PassedOver(_) => WaitlistChange::PassedOver { user: user()?, entry },
    };
    Ok(Some((event, change)))
}
