//! The seat inventory: one deterministic state machine a shard.
//!
//! Owns: what a seat is and who has it. `apply(stamp, index, command) -> answer`, and the changes and
//! records that follow from it. Must not: do I/O, wait, read a clock, be random, use floats or
//! unordered maps, log, or fail: a refusal is an answer.
//!
//! Why a seat can't be sold twice (P1): [`event::Event::take`] is the only place that gives a
//! seat to a booking; it asserts that the seat has no owner; and all replicas run the same commands
//! in the order of one log. Why a group is granted whole (P2): [`hold`] judges every seat before it
//! takes the first.
//!
//! Invariants (checked in full by [`State::audit`]):
//! - The clock never goes back; it is the greatest stamp seen.
//! - Revisions are dense: every change has the next one.
//! - `deadlines` holds exactly the `Held` bookings. A hold whose deadline is not after the clock is
//!   *due*: it counts as ended for every reader, and for every command that touches its seats.
//! - What is derived (counts, indexes, deadlines) follows from the records alone.
//! - An event that is cold (`cold.rs`) is read back before a command or a reader wants it.

#![deny(clippy::float_arithmetic, clippy::indexing_slicing, clippy::wildcard_enum_match_arm)]

pub mod accounts;
mod best;
mod block;
pub mod booking;
mod cart;
pub mod change;
pub mod cold;
pub mod command;
mod command_code;
pub mod consumers;
mod deadlines;
pub mod door;
pub mod event;
mod expiry;
mod free;
mod hold;
mod invariants;
mod layout;
mod life;
pub mod money;
mod offer;
mod payment;
mod people;
pub(crate) mod planted;
mod query;
pub mod queue;
pub mod record;
mod refund;
pub mod reply;
pub mod retention;
mod seat_map;
mod stored;
pub mod terms;
mod ticket;
pub mod user_lists;
pub mod waitlist;

use std::collections::{BTreeMap, BTreeSet};

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, EventId, RequestKey, SeatMapHash, UserId, VenueId};
use rowlock_proto::shard::hash64;

pub use self::accounts::{AccountCommand, AccountView};
pub use self::booking::{
    AreaLine, Booking, BookingState, BookingTerms, Extras, Payment, Place, Places, Redeemed,
    Refund, Ticket,
};
pub use self::change::{Change, ChangeKind, ConsumerChange, DoorChange, Returned, TermsChange};
pub use self::command::{
    Batch, Cart, Command, CommandKind, EXPIRE_MAX, EventPatch, EventSpec, RefundOrder,
    SEATS_PER_HOLD_MAX, SYSTEM, Subject, Together, User, UserPatch, Venue, Wanted,
};
pub use self::command_code::CommandCode;
use self::consumers::Consumers;
pub use self::consumers::{ConsumerCommand, ConsumerView};
use self::deadlines::{Deadline, Deadlines};
use self::event::Event;
pub use self::life::{Life, LifeCommand, RefundLine, TEND_MAX};
pub use self::money::{MoneyChange, MoneyCommand, Takings, Tender};
use self::planted::{Mistake, planted};
pub use self::query::seat_state;
pub use self::queue::{QueueChange, QueueCommand, QueueReply};
pub use self::record::RecordKey;
pub use self::reply::{
    Answer, Applied, AreaCounts, BookingView, DoorCounts, EventState, EventView, LifeView,
    MoneyView, Refusal, Reply, ScanOutcome, SeatCounts, Stats,
};
pub use self::retention::{ARCHIVE_AFTER_MS, COLLECT_MAX, KEPT_MS, Retention};
use self::seat_map::StoredMap;
pub use self::terms::{Price, TermsCommand, TermsView};
pub use self::user_lists::{Listing, UserListCommand, UserListView};
pub use self::waitlist::{WaitlistChange, WaitlistCommand};

/// What does not change in the life of a shard, and must be the same on all its replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Greatest error of a node's clock against true time (P5).
    pub clock_bound_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { clock_bound_ms: 250 }
    }
}

/// All that one shard knows.
#[derive(Clone, Debug, Default)]
pub struct State {
    config: Config,
    log: Outbox,
    events: BTreeMap<EventId, Event>,
    /// Events by slot and number, as bookings name them.
    by_no: BTreeMap<record::EventNo, EventId>,
    /// Events created so far in each slot.
    events_created: BTreeMap<u16, u32>,
    /// Deadline, event and number of every `Held` booking.
    deadlines: Deadlines,
    /// What the seats and bookings in memory are reckoned to take.
    resident_bytes: u64,
    maps: BTreeMap<SeatMapHash, StoredMap>,
    venues: BTreeMap<VenueId, Venue>,
    users: BTreeMap<UserId, User>,
    by_email: BTreeMap<String, UserId>,
    accounts: BTreeMap<UserId, accounts::Account>,
    user_lists: BTreeMap<UserId, user_lists::UserList>,
    /// Events with a queue that is not closed.
    queues: BTreeSet<EventId>,
    /// When something is to be done for an event: see `life`.
    tending: BTreeSet<(u64, EventId)>,
    consumers: Consumers,
    /// When those who wait for places of an event are to be served: see `waitlist`.
    offers_due: BTreeSet<(u64, EventId)>,
    /// When something is to be collected of an event: see `retention`.
    collecting: BTreeSet<(u64, EventId)>,
    /// Events in the archive that are in memory, and those that are not.
    archived_here: BTreeSet<EventId>,
    archived: BTreeMap<EventId, record::EventNo>,
}

/// Where applying stands, and what it leaves behind: apart from the rest, so that an event can be
/// changed while a change is noted.
#[derive(Clone, Debug)]
struct Outbox {
    clock_ms: u64,
    revision: u64,
    /// Log index of the entry that is being applied.
    index: u64,
    principal: UserId,
    /// The command that is being applied, and its key.
    command: CommandCode,
    key: RequestKey,
    changes: Vec<Change>,
    dirty: BTreeSet<RecordKey>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            clock_ms: 0,
            revision: 0,
            index: 0,
            principal: SYSTEM,
            command: CommandCode::default(),
            key: RequestKey(0),
            changes: Vec::new(),
            dirty: BTreeSet::new(),
        }
    }
}

impl Outbox {
    fn note(&mut self, kind: ChangeKind) {
        self.revision += 1;
        self.changes.push(Change {
            revision: self.revision,
            index: self.index,
            time_ms: self.clock_ms,
            principal: self.principal,
            command: self.command,
            key: self.key,
            kind,
        });
    }
    fn touch(&mut self, key: RecordKey) {
        self.dirty.insert(key);
    }
    fn touch_seats(&mut self, no: record::EventNo, seats: &[u32]) {
        let mut last = None;
        for seat in seats {
            let block = seat / event::SEATS_PER_BLOCK;
            if last != Some(block) {
                self.touch(RecordKey::Seats(no, block));
                last = Some(block);
            }
        }
    }
    fn touch_booking(&mut self, no: record::EventNo, seq: u32) {
        self.touch(RecordKey::Bookings(no, (seq - 1) / event::BOOKINGS_PER_BLOCK));
    }
    fn touch_terms(&mut self, no: record::EventNo, seq: u32) {
        if !planted(Mistake::TermsNotWritten) {
            self.touch(RecordKey::BookingTerms(no, (seq - 1) / event::BOOKINGS_PER_BLOCK));
        }
    }
    fn touch_extras(&mut self, no: record::EventNo, seq: u32) {
        if !planted(Mistake::ExtrasNotWritten) {
            self.touch(RecordKey::Extras(no, (seq - 1) / event::BOOKINGS_PER_BLOCK));
        }
    }
}

fn refuse(code: ErrorCode) -> Answer {
    Err(Refusal::of(code))
}

impl State {
    pub fn new(config: Config) -> Self {
        Self { config, ..Self::default() }
    }

    pub const fn revision(&self) -> u64 {
        self.log.revision
    }
    /// The replicated clock, milliseconds since 1970.
    pub const fn clock_ms(&self) -> u64 {
        self.log.clock_ms
    }

    /// Applies one command of the entry at `index`, stamped `stamp_ms`. Can't fail.
    pub fn apply(&mut self, stamp_ms: u64, index: u64, command: &Command) -> Applied {
        // P5: the clock is the greatest stamp seen, so that a leader whose clock is behind can't
        // bring a hold back to life.
        self.log.clock_ms = self.log.clock_ms.max(stamp_ms);
        self.log.index = index;
        self.log.principal = command.principal;
        (self.log.command, self.log.key) = (command.kind.code(), command.key);
        self.log.touch(RecordKey::Shard);
        // Those who wait come before this command, and before the next.
        if !planted(Mistake::BuyerFirst) {
            self.settle();
        }
        let (answer, first_index) = self.decide(command);
        self.settle();
        Applied { answer, first_index, revision: self.log.revision }
    }

    fn decide(&mut self, command: &Command) -> (Answer, u64) {
        let principal = command.principal;
        let fresh = |answer: Answer| (answer, 0);
        match &command.kind {
            CommandKind::HoldSeats { event, seats } => self.hold(command, *event, seats),
            CommandKind::ReleaseHold { booking } => fresh(self.release(principal, *booking)),
            CommandKind::BeginPayment { booking, amount } => {
                self.begin_payment(principal, command.key, *booking, *amount)
            }
            CommandKind::AttachIntent { booking, attempt, intent } => {
                fresh(self.attach_intent(principal, *booking, *attempt, intent))
            }
            CommandKind::ConfirmPayment { booking, attempt, intent } => {
                fresh(self.confirm_payment(principal, *booking, *attempt, intent))
            }
            CommandKind::FailPayment { booking, attempt, reason } => {
                fresh(self.fail_payment(principal, *booking, *attempt, reason))
            }
            CommandKind::ExpireDue { max } => fresh(self.expire_due(*max)),
            CommandKind::PutSeatMapPart { map, part, parts, data } => {
                fresh(self.put_map_part(*map, *part, *parts, data))
            }
            CommandKind::PutVenue { venue, doc } => fresh(self.put_venue(*venue, doc)),
            CommandKind::CreateEvent { event, spec } => fresh(self.create_event(*event, spec)),
            CommandKind::UpdateEvent { event, patch } => fresh(self.update_event(*event, patch)),
            CommandKind::PublishEvent { event } => fresh(self.publish_event(*event)),
            CommandKind::CancelEvent { event } => fresh(self.cancel_event(*event)),
            CommandKind::RegisterUser { user, doc } => fresh(self.register_user(*user, doc)),
            CommandKind::UpdateUser { user, patch } => fresh(self.update_user(*user, patch)),
            CommandKind::HoldCart { event, cart } => self.hold_cart(command, *event, cart),
            CommandKind::ExtendHold { booking } => fresh(self.extend_hold(principal, *booking)),
            CommandKind::ReleasePlaces { booking, places } => {
                fresh(self.release_places(principal, *booking, places))
            }
            CommandKind::BlockSeats { event, seats, reason } => {
                fresh(self.block_seats(*event, seats, reason))
            }
            CommandKind::UnblockSeats { event, seats } => fresh(self.unblock_seats(*event, seats)),
            CommandKind::RefundPlaces { booking, refund } => {
                fresh(self.refund_places(principal, command.key, *booking, refund))
            }
            CommandKind::SettleRefund { booking, refund, reference } => {
                fresh(self.settle_refund(principal, *booking, *refund, reference))
            }
            CommandKind::TransferTicket { booking, place, version, to } => {
                fresh(self.transfer_ticket(principal, *booking, *place, *version, *to))
            }
            CommandKind::RedeemTicket { booking, place, version, door } => {
                fresh(self.redeem_ticket(command.key, *booking, *place, *version, door))
            }
            CommandKind::UnredeemTicket { booking, place } => {
                fresh(self.unredeem_ticket(*booking, *place))
            }
            CommandKind::Queue(queue) => fresh(self.queue_command(principal, queue)),
            CommandKind::Life(life) => fresh(self.life(life)),
            CommandKind::Door(door) => fresh(self.at_door(command.key, door)),
            CommandKind::Money(money) => fresh(self.money(command, money)),
            CommandKind::Consumer(command) => fresh(self.consumer_command(command)),
            CommandKind::Waitlist(waitlist) => {
                fresh(self.waitlist_command(principal, command.key, waitlist))
            }
            CommandKind::Terms(terms) => self.terms_command(command, terms),
            CommandKind::Account(account) => fresh(self.account_command(principal, account)),
            CommandKind::UserList(list) => fresh(self.user_list_command(principal, list)),
            // Replicas hash their state at this index; the state itself is not touched.
            CommandKind::Checksum { nonce: _ } => fresh(Ok(Reply::Done)),
        }
    }

    /// The changes since they were last taken, in the order of their revisions.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.log.changes)
    }

    /// The records that changed since they were last taken.
    pub fn take_dirty(&mut self) -> BTreeSet<RecordKey> {
        let dirty = std::mem::take(&mut self.log.dirty);
        self.reckon(&dirty);
        dirty
    }

    /// The event and number of a booking, if the id is one of ours to the last bit.
    fn find_booking(&self, id: BookingId) -> Option<(&Event, &Booking)> {
        let locator = id.locator();
        let event = self.by_no.get(&(locator.slot().number(), locator.event_no()))?;
        let event = self.events.get(event)?;
        let booking = event.booking(locator.seq())?;
        (booking.id == id).then_some((event, booking))
    }

    /// When the customer's time is over for good: what was promised, and twice the clock bound.
    fn due_at(&self, expires_ms: u64) -> u64 {
        if planted(Mistake::DueTooEarly) {
            return expires_ms;
        }
        expires_ms.saturating_add(2 * self.config.clock_bound_ms)
    }

    fn is_due(&self, booking: &Booking) -> bool {
        booking.state == BookingState::Held && self.due_at(booking.expires_ms) <= self.log.clock_ms
    }
}

/// A short name of a request's content, to tell a repeat from another request with the same key.
fn fingerprint(tag: u8, numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(hash64(&[tag]), |hash, number| {
        rowlock_proto::shard::mix64(hash ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    })
}
