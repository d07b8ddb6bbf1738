//! What happened: the change feed. Changes carry user ids, never personal data.

use rowlock_proto::ids::{BookingId, EventId, RequestKey, SeatMapHash, UserId, VenueId};

use super::booking::BookingState;
use super::command_code::CommandCode;
use super::money::MoneyChange;
use super::queue::QueueChange;
use super::reply::EventState;
use super::terms::Limits;
use super::waitlist::WaitlistChange;

/// One change. Revisions of a shard are dense: every change has the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub revision: u64,
    /// Log index of the entry that made it.
    pub index: u64,
    /// The replicated clock.
    pub time_ms: u64,
    pub principal: UserId,
    /// What was asked, and the key of the request.
    pub command: CommandCode,
    pub key: RequestKey,
    pub kind: ChangeKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    EventChanged {
        event: EventId,
        state: EventState,
    },
    SeatsHeld {
        event: EventId,
        booking: BookingId,
        user: UserId,
        seats: Vec<u32>,
        expires_ms: u64,
    },
    SeatsReturned(Returned),
    /// Several holds that fell due together.
    HoldsExpired {
        holds: Vec<Returned>,
    },
    PaymentStarted {
        booking: BookingId,
        attempt: u32,
        amount: u64,
    },
    IntentAttached {
        booking: BookingId,
        attempt: u32,
        intent: String,
    },
    PaymentFailed {
        booking: BookingId,
        attempt: u32,
        reason: String,
    },
    SeatsSold {
        event: EventId,
        booking: BookingId,
        user: UserId,
        seats: Vec<u32>,
        amount: u64,
        intent: String,
    },
    RefundOwed {
        booking: BookingId,
        intent: String,
        amount: u64,
    },
    VenuePut {
        venue: VenueId,
    },
    UserChanged {
        user: UserId,
    },
    SeatMapSealed {
        map: SeatMapHash,
        seats: u32,
    },
    /// Places in areas were held, sold or given back: `state` is what their booking became.
    PlacesChanged {
        event: EventId,
        booking: BookingId,
        areas: Vec<(u16, u32)>,
        state: BookingState,
    },
    HoldExtended {
        booking: BookingId,
        expires_ms: u64,
    },
    SeatsBlocked {
        event: EventId,
        seats: Vec<u32>,
        reason: String,
    },
    SeatsUnblocked {
        event: EventId,
        seats: Vec<u32>,
    },
    /// Sold places were taken back; the money is owed under `refund`.
    PlacesRefunded {
        booking: BookingId,
        refund: u32,
        places: Vec<u32>,
        amount: u64,
    },
    RefundSettled {
        booking: BookingId,
        refund: u32,
        reference: String,
    },
    TicketTransferred {
        booking: BookingId,
        place: u32,
        to: UserId,
        version: u32,
    },
    TicketRedeemed {
        booking: BookingId,
        place: u32,
        door: String,
    },
    TicketUnredeemed {
        booking: BookingId,
        place: u32,
    },
    Queue {
        event: EventId,
        change: QueueChange,
    },
    Door(DoorChange),
    Money(MoneyChange),
    Consumer(ConsumerChange),
    Waitlist(WaitlistChange),
    Terms {
        event: EventId,
        change: TermsChange,
    },
}

/// What happened to the terms of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TermsChange {
    LimitsSet {
        limits: Limits,
    },
    FeesSet {
        version: u16,
    },
    ChannelPut {
        channel: String,
    },
    SeatsKept {
        channel: String,
        seats: Vec<u32>,
    },
    SeatsFreed {
        seats: Vec<u32>,
    },
    ChannelReleased {
        channel: String,
    },
    CodesAdded {
        channel: String,
        count: u32,
    },
    CodesRevoked {
        count: u32,
    },
    PromotionAdded {
        code: String,
    },
    PromotionClosed {
        code: String,
    },
    /// Empty: it was taken off.
    PromotionApplied {
        booking: BookingId,
        code: String,
    },
}

/// Who the feed is kept for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerChange {
    Registered { name: String, position: u64 },
    Unregistered { name: String },
}

/// What happened at doors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DoorChange {
    TicketVoided {
        booking: BookingId,
        place: u32,
        reason: String,
    },
    /// A door let in, on its own, what had been let in at the first door.
    ScanConflict {
        booking: BookingId,
        place: u32,
        door: String,
        /// By the door's own clock.
        seen_ms: u64,
        first_door: String,
        first_ms: u64,
    },
}

/// Seats that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    pub event: EventId,
    pub booking: BookingId,
    pub seats: Vec<u32>,
    /// What the booking became.
    pub state: BookingState,
}

/// Which events a change is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About<'a> {
    /// The shard, a venue, a user, a map.
    Nothing,
    Event(EventId),
    /// The event of the booking.
    Booking(BookingId),
    /// Those of the holds.
    Holds(&'a [Returned]),
}

impl ChangeKind {
    pub fn about(&self) -> About<'_> {
        match self {
            Self::EventChanged { event, .. }
            | Self::SeatsBlocked { event, .. }
            | Self::SeatsUnblocked { event, .. }
            | Self::Queue { event, .. }
            | Self::Terms { event, .. } => About::Event(*event),
            Self::Waitlist(change) => About::Event(change.event()),
            Self::SeatsHeld { booking, .. }
            | Self::SeatsReturned(Returned { booking, .. })
            | Self::PaymentStarted { booking, .. }
            | Self::IntentAttached { booking, .. }
            | Self::PaymentFailed { booking, .. }
            | Self::SeatsSold { booking, .. }
            | Self::RefundOwed { booking, .. }
            | Self::PlacesChanged { booking, .. }
            | Self::HoldExtended { booking, .. }
            | Self::PlacesRefunded { booking, .. }
            | Self::RefundSettled { booking, .. }
            | Self::TicketTransferred { booking, .. }
            | Self::TicketRedeemed { booking, .. }
            | Self::TicketUnredeemed { booking, .. }
            | Self::Door(
                DoorChange::TicketVoided { booking, .. } | DoorChange::ScanConflict { booking, .. },
            )
            | Self::Money(
                MoneyChange::SoldDirect { booking, .. }
                | MoneyChange::DeskRefundOwed { booking, .. }
                | MoneyChange::PaymentCommitted { booking, .. }
                | MoneyChange::ChargedBack { booking, .. }
                | MoneyChange::ChargebackReversed { booking, .. }
                | MoneyChange::RefundCut { booking, .. }
                | MoneyChange::PlacesExchanged { booking, .. },
            ) => About::Booking(*booking),
            Self::HoldsExpired { holds } => About::Holds(holds),
            Self::VenuePut { .. }
            | Self::UserChanged { .. }
            | Self::SeatMapSealed { .. }
            | Self::Consumer(_) => About::Nothing,
        }
    }
}
