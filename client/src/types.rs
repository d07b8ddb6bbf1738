//! What callers of the client see: plain Rust, with ids as types. The wire's messages stop at
//! [`crate::wire`].
//!
//! Times are milliseconds since 1970 in a shard's replicated clock, amounts integers in the minor
//! unit of the event's currency, seats dense indexes into the event's seat map.

pub use crate::exchange::{ExchangeOrder, Exchanged};
pub use crate::life::{EventLife, RefundLine, RefundPage};
pub use crate::money::{
    BookingMoney, Chargeback, ChargebackOrder, DirectSale, EventMoney, MoneyChange, Receipt, Tender,
};
pub use rowlock_proto::{
    BookingId, BookingLocator, BookingReference, ErrorCode, EventId, NodeId, ReplicaId, RequestKey,
    SeatId, SeatMapHash, ShardId, Slot, TicketId, UserId, VenueId,
};

/// Where in a shard's history an answer was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub shard: u32,
    pub term: u64,
    pub index: u64,
    /// Place of the command in its log entry.
    pub offset: u32,
    pub revision: u64,
    pub log_time_ms: u64,
    /// Not 0: the answer repeats an earlier one of the same key, applied at that index.
    pub first_index: u64,
}

/// A value, and where in its shard's history it was true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered<T> {
    pub value: T,
    pub at: Position,
}

impl<T> Answered<T> {
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Answered<U> {
        Answered { value: f(self.value), at: self.at }
    }
}

/// What a venue is called and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Venue {
    pub name: String,
    pub city: String,
    pub country: String,
    pub address: String,
    /// Latitude and longitude in millionths of a degree.
    pub position_e6: Option<(i64, i64)>,
    pub map: SeatMapHash,
    pub capacity: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueEntry {
    pub id: VenueId,
    pub venue: Venue,
}

/// What an event is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSpec {
    pub name: String,
    pub description: String,
    pub category: String,
    pub venue: VenueId,
    /// Copied from the venue, as city, country and position are.
    pub venue_name: String,
    pub city: String,
    pub country: String,
    pub date_ms: u64,
    pub sale_start_ms: u64,
    /// ISO 4217: three capital letters.
    pub currency: String,
    /// One price for each category of the seat map, in its order.
    pub prices: Vec<u64>,
    pub image_url: String,
    pub hold_ttl_ms: u64,
    /// 0: no limit.
    pub max_seats_per_user: u32,
    pub map: SeatMapHash,
    pub position_e6: Option<(i64, i64)>,
}

/// What an update of an event sets; what is `None` (or no prices) stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPatch {
    pub name: Option<String>,
    pub description: Option<String>,
    pub category: Option<String>,
    pub date_ms: Option<u64>,
    pub sale_start_ms: Option<u64>,
    /// Empty: unchanged.
    pub prices: Vec<u64>,
    pub image_url: Option<String>,
    pub hold_ttl_ms: Option<u64>,
    pub max_seats_per_user: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventState {
    Draft,
    Published,
    Cancelled,
    /// No more holds, for now.
    Paused,
    /// No more holds, for good.
    Ended,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeatCounts {
    pub total: u32,
    pub available: u32,
    pub held: u32,
    pub sold: u32,
    pub blocked: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: EventId,
    pub spec: EventSpec,
    pub state: EventState,
    pub counts: SeatCounts,
    /// Number of the event in its slot; part of its bookings' ids.
    pub event_no: u32,
    pub created_ms: u64,
    /// Revision of the shard at the last change of the event itself (not of its seats).
    pub revision: u64,
    /// In the order of the map's areas.
    pub areas: Vec<AreaCounts>,
    pub life: EventLife,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AreaCounts {
    pub capacity: u32,
    pub held: u32,
    pub sold: u32,
}

impl AreaCounts {
    /// Places that nobody has.
    pub const fn available(&self) -> u32 {
        self.capacity.saturating_sub(self.held).saturating_sub(self.sold)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatState {
    Available,
    Held,
    Sold,
    Blocked,
}

/// The state of every seat of an event, and the event, at one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seats {
    /// In map order.
    pub states: Vec<SeatState>,
    pub event: Event,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookingState {
    Held,
    Paying,
    Confirmed,
    Released,
    Expired,
    /// The payment succeeded after the seats were gone: the money must go back.
    RefundDue,
    /// All of it was taken back.
    Refunded,
    /// Authorised, and not captured yet: the seats are its own, and no ticket is valid.
    Capturing,
}

/// A booking as its shard knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    pub id: BookingId,
    pub event: EventId,
    pub user: UserId,
    pub state: BookingState,
    pub seats: Vec<u32>,
    /// Price of each seat, as it was when held.
    pub prices: Vec<u64>,
    pub total: u64,
    pub currency: String,
    pub created_ms: u64,
    /// What the customer was told.
    pub expires_ms: u64,
    /// While paying: until then the seats are kept whatever happens.
    pub payment_deadline_ms: u64,
    /// Number of the last payment attempt; 0: none yet.
    pub attempt: u32,
    /// The provider's id of the last attached intent; empty: none.
    pub intent: String,
    pub confirmed_ms: u64,
    /// Why the last attempt failed; empty if it did not.
    pub decline_reason: String,
    pub extras: BookingExtras,
}

/// What only some bookings have. Places are numbered from 0: the seats of the grant in order, then the
/// places in areas, then what came by exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookingExtras {
    /// Places in areas without seats.
    pub areas: Vec<AreaLine>,
    /// Numbers of the places that were given back while the rest stayed.
    pub gone: Vec<u32>,
    /// Numbers of the places, first of the seats and then of those in areas, in their order here. Empty:
    /// they are counted from 0, past those that are gone.
    pub numbers: Vec<u32>,
    pub extended: bool,
    pub refunds: Vec<Refund>,
    /// Tickets that something happened to.
    pub tickets: Vec<Ticket>,
    /// Tickets that are dead for good.
    pub voids: Vec<VoidedTicket>,
    /// What happened to its money besides its one payment.
    pub money: Option<Box<BookingMoney>>,
    /// The entry of the waitlist that it was offered to.
    pub waiter: Option<u32>,
    /// What its promotion takes off, and what is paid on top of the places: both are in the total.
    pub discount: u64,
    pub fees: u64,
    /// Code of its promotion; empty: it has none.
    pub promotion: String,
    /// The channel that it was made through; empty: none.
    pub channel: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AreaLine {
    /// Index into the map's areas.
    pub area: u32,
    pub count: u32,
    /// Of one place.
    pub price: u64,
}

/// Money that goes back; owed while `reference` is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    pub amount: u64,
    pub decided_ms: u64,
    pub reason: String,
    /// The provider's name for it.
    pub reference: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub place: u32,
    /// Whose it is, if not the buyer's.
    pub holder: Option<UserId>,
    /// How often it changed hands.
    pub version: u32,
    /// When and at which door.
    pub redeemed: Option<(u64, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoidedTicket {
    pub place: u32,
    pub at_ms: u64,
    pub reason: String,
}

/// What one hold takes, all or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cart {
    pub seats: Vec<u32>,
    pub best: Option<Best>,
    /// Places in areas without seats: area and count.
    pub areas: Vec<(u32, u32)>,
}

/// The best seats that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Best {
    pub quantity: u32,
    /// Indexes into the map's categories; none: any.
    pub categories: Vec<u32>,
    /// Indexes into the map's sections; none: any.
    pub sections: Vec<u32>,
    pub price_max: Option<u64>,
    pub together: Together,
    /// At least one wheelchair place.
    pub accessible: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Together {
    /// Side by side, else in one row, else in groups as large as there are.
    #[default]
    Preferred,
    SameRow,
    Adjacent,
}

/// The outcome of [`crate::Client::refund_places`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundDecided {
    pub booking: Booking,
    /// Its place in `booking.extras.refunds`.
    pub refund: u32,
}

/// The outcome of [`crate::Client::confirm_payment`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmed {
    Sold(Booking),
    /// The seats are gone: the money must go back.
    RefundDue(Booking),
}

/// The outcome of [`crate::Client::begin_payment`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentBegun {
    /// `Paying`, or `Confirmed` if it was paid for before: then nothing may be charged again.
    pub booking: Booking,
    pub attempt: u32,
}

/// An account.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    pub email: String,
    pub password_hash: String,
    pub first_name: String,
    pub last_name: String,
    pub phone: String,
    /// Set by the cluster.
    pub created_ms: u64,
}

// Accounts hold personal data, which belongs in no log.
impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("created_ms", &self.created_ms).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserEntry {
    pub id: UserId,
    pub user: User,
}

/// What an update of an account sets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UserPatch {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub phone: Option<String>,
    pub password_hash: Option<String>,
}

impl std::fmt::Debug for UserPatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserPatch").finish_non_exhaustive()
    }
}

/// A page of a list in the order of ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Whether there are more after these.
    pub more: bool,
}

/// What one shard holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardStats {
    pub events: u64,
    pub bookings: u64,
    pub holds_live: u64,
    pub holds_due: u64,
    /// 0: nothing falls due.
    pub next_deadline_ms: u64,
    pub users: u64,
    pub venues: u64,
    /// Events in the archive, which are not among `events`.
    pub archived: u64,
}

/// One applied command that changed something. A shard's revisions are dense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub revision: u64,
    pub index: u64,
    pub time_ms: u64,
    pub principal: Option<UserId>,
    /// What was asked, such as `hold-seats`; empty: not kept.
    pub command: String,
    /// Key of the request.
    pub key: Option<RequestKey>,
    /// SHA-256 of the change as it came, if the watch was told to compute it.
    pub digest: Option<[u8; 32]>,
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
    SeatsReturned(SeatsReturned),
    HoldsExpired(Vec<SeatsReturned>),
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
        areas: Vec<(u32, u32)>,
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
    /// Of a waiting room.
    Queue {
        event: EventId,
        change: crate::queue::QueueChange,
    },
    Waitlist {
        event: EventId,
        change: crate::waitlist::WaitlistChange,
    },
    Terms {
        event: EventId,
        change: crate::terms::TermsChange,
    },
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
        seen_ms: u64,
        first_door: String,
        first_ms: u64,
    },
    Money {
        booking: BookingId,
        change: MoneyChange,
    },
    /// A named consumer of the feed; `None`: the feed is no longer kept for it.
    Consumer {
        name: String,
        position: Option<u64>,
    },
    /// A kind that this client is too old to know.
    Other,
}

/// Seats that came back: released, expired, or of a payment that failed too late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatsReturned {
    pub event: EventId,
    pub booking: BookingId,
    pub seats: Vec<u32>,
    pub state: BookingState,
}

/// Changes that arrived together; none of them: a sign of life.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchBatch {
    pub changes: Vec<Change>,
    /// The shard's revision when this was sent.
    pub revision: u64,
    pub log_time_ms: u64,
}

/// The cluster as the client's cached map has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterMap {
    pub cluster: [u8; 16],
    pub epoch: u64,
    pub nodes: Vec<NodeEntry>,
    pub shards: Vec<ShardEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEntry {
    pub id: NodeId,
    pub addr: String,
    pub metrics_addr: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardEntry {
    pub id: ShardId,
    /// Each replica with the node that it is on.
    pub replicas: Vec<(ReplicaId, NodeId)>,
}
