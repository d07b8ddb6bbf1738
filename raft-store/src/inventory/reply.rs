//! What the inventory answers: past facts, and refusals named after their reason.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, EventId, UserId};

use super::booking::{AreaLine, BookingState, Refund, Ticket};
use super::command::EventSpec;
use super::consumers::ConsumerView;
use super::door::Void;
use super::money::{Chargeback, Receipt};
use super::queue::QueueReply;
use super::waitlist::WaiterView;

/// The outcome of one applied command. A refusal is replicated like any other outcome.
pub type Answer = Result<Reply, Refusal>;

/// What applying one command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    pub answer: Answer,
    /// Log index at which this answer was first given, if it repeats an earlier one; else 0.
    pub first_index: u64,
    /// The shard's revision after the command.
    pub revision: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Done,
    Booking(Box<BookingView>),
    PaymentBegun {
        booking: Box<BookingView>,
        attempt: u32,
    },
    /// The payment succeeded and its seats are gone: the money must go back.
    RefundDue(Box<BookingView>),
    /// Money goes back to the customer: the booking, and the number of the refund.
    Refund {
        booking: Box<BookingView>,
        refund: u32,
    },
    Expired {
        retired: u32,
        more: bool,
    },
    Queue(QueueReply),
    /// What one `Tend` did, and whether more is to be done now.
    Tended {
        steps: u32,
        more: bool,
    },
    /// What became of each scan of a batch, in its order.
    Scans(Vec<ScanOutcome>),
    Consumer(Box<ConsumerView>),
    /// An entry of a waitlist.
    Waiter(Box<WaiterView>),
    /// Whether a session goes on.
    Session {
        alive: bool,
    },
}

/// What became of a scan that a door made on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanOutcome {
    Taken,
    /// It is known already, and changed nothing.
    Repeat,
    /// The ticket had been let in: where and when.
    Conflict {
        door: String,
        at_ms: u64,
    },
    /// The ticket was passed on, and this is the code from before.
    Replaced,
    /// Not paid, given back, refunded, or voided.
    Void,
    /// There is no such ticket of this event.
    Unknown,
}

/// Tickets that were let in.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct DoorCounts {
    pub total: u32,
    /// By door; the first thousand by name.
    pub doors: Vec<(String, u32)>,
}

/// The command itself changed nothing, for this reason. A due hold that it came across is retired all
/// the same, and a refused hold is remembered for its repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: ErrorCode,
    /// The seats that are the reason, where there are such.
    pub seats: Vec<u32>,
    /// The bound that was passed, where there is one.
    pub limit: u64,
    /// For people and logs; may be empty.
    pub detail: String,
}

impl Refusal {
    pub const fn of(code: ErrorCode) -> Self {
        Self { code, seats: Vec::new(), limit: 0, detail: String::new() }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.code.fmt(f)?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.detail) }
    }
}

/// A booking as readers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookingView {
    pub booking: BookingId,
    pub event: EventId,
    pub user: UserId,
    pub state: BookingState,
    pub seats: Vec<u32>,
    /// Minor units, as they were when the seats were held.
    pub prices: Vec<u64>,
    pub total: u64,
    pub currency: [u8; 3],
    pub created_ms: u64,
    /// What the customer was told.
    pub expires_ms: u64,
    pub payment_deadline_ms: u64,
    pub attempt: u32,
    pub intent: String,
    pub confirmed_ms: u64,
    pub decline_reason: String,
    /// Places in areas: those that are not gone.
    pub areas: Vec<AreaLine>,
    /// Numbers of the places that were given back while the rest stayed.
    pub gone: Vec<u32>,
    /// Numbers of the places, first of the seats and then of those in areas, in the order in which they
    /// stand here. Empty: they are counted from 0, past those that are gone.
    pub numbers: Vec<u32>,
    pub extended: bool,
    pub refunds: Vec<Refund>,
    /// Tickets that something happened to, by the number of their place.
    pub tickets: Vec<(u32, Ticket)>,
    /// Tickets that were voided, by the number of their place.
    pub voids: Vec<(u32, Void)>,
    /// Of few bookings.
    pub money: Option<Box<MoneyView>>,
    /// The waitlist's entry that it was offered to.
    pub waiter: Option<u32>,
    /// What the promotion takes off, and what is paid on top of the places: both are in `total`.
    pub discount: u64,
    pub fees: u64,
    /// Code of its promotion; empty: it has none.
    pub promotion: String,
    /// The channel that it was made through; empty: none.
    pub channel: String,
}

/// What there is to see of a booking's money besides its one payment.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MoneyView {
    /// It was sold without a payment provider: the first receipt says how.
    pub direct: bool,
    pub receipts: Vec<Receipt>,
    /// Numbers of the refunds that are paid at the desk.
    pub desk_refunds: Vec<u32>,
    pub chargebacks: Vec<Chargeback>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventState {
    Draft,
    Published,
    Cancelled,
    /// No more holds, for now.
    Paused,
    /// No more holds, for good.
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SeatCounts {
    pub total: u32,
    pub available: u32,
    pub held: u32,
    pub sold: u32,
    pub blocked: u32,
}

/// Places of one area without seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct AreaCounts {
    pub capacity: u32,
    pub held: u32,
    pub sold: u32,
}

impl AreaCounts {
    pub const fn available(&self) -> u32 {
        self.capacity.saturating_sub(self.held).saturating_sub(self.sold)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventView {
    pub event: EventId,
    pub spec: EventSpec,
    pub state: EventState,
    pub counts: SeatCounts,
    /// In the order of the map's areas.
    pub areas: Vec<AreaCounts>,
    pub event_no: u32,
    pub created_ms: u64,
    /// Revision at the last change of the event itself.
    pub revision: u64,
    pub life: LifeView,
}

/// What an event's life says besides its state.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct LifeView {
    /// Why it is paused; empty if it is not.
    pub pause_reason: String,
    /// 0: the sale ends at no set time.
    pub sale_ends_ms: u64,
    /// It is on sale, and nothing is free.
    pub sold_out: bool,
    /// It was cancelled, and not all refunds are decided yet.
    pub refunding: bool,
    /// When it went into the archive; 0: it did not.
    pub archived_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stats {
    /// Not counting those in the archive.
    pub events: u64,
    pub archived: u64,
    pub bookings: u64,
    pub holds_live: u64,
    pub holds_due: u64,
    /// 0: no hold is waiting.
    pub next_deadline_ms: u64,
    pub users: u64,
    pub venues: u64,
}
