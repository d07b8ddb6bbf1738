//! What can be asked of the inventory, and the checks that need no state.
//!
//! Commands are verbs. Input is checked once, at the rim, by [`CommandKind::check`]; `apply` is
//! total all the same, since what is in a log stays there.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{
    BookingId, BookingLocator, EventId, RequestKey, SeatMapHash, UserId, VenueId,
};
use rowlock_proto::seat_map;

use super::accounts::AccountCommand;
pub use super::best::{Together, Wanted};
use super::consumers::ConsumerCommand;
use super::door::DoorCommand;
use super::life::LifeCommand;
use super::money::MoneyCommand;
use super::queue::QueueCommand;
use super::reply::Refusal;
use super::terms::TermsCommand;
use super::user_lists::UserListCommand;
use super::waitlist::WaitlistCommand;

/// Seats of one hold.
pub const SEATS_PER_HOLD_MAX: usize = 100;
/// Seats that one command blocks or unblocks.
pub const SEATS_PER_BLOCKING_MAX: usize = 10_000;
/// Bytes of a name, city or the like.
pub const NAME_BYTES_MAX: usize = 255;
/// Bytes of a description.
pub const DESCRIPTION_BYTES_MAX: usize = 16_384;
/// Bytes of an address on the web, an intent, a reason, a password hash.
pub const TEXT_BYTES_MAX: usize = 1_024;
/// The dearest seat, in minor units: a hundred of them still fit everywhere.
pub const PRICE_MAX: u64 = 100_000_000_000;
pub const HOLD_TTL_MS_MIN: u64 = 1_000;
pub const HOLD_TTL_MS_MAX: u64 = 2 * 60 * 60 * 1_000;
/// Bytes of one part of a seat map.
pub const MAP_PART_BYTES_MAX: usize = 1 << 20;
/// Parts of one seat map.
pub const MAP_PARTS_MAX: u32 = 64;
/// Holds that one `ExpireDue` retires: bounds how long it keeps the shard.
pub const EXPIRE_MAX: u32 = 1_000;

const _: () = assert!(seat_map::BYTES_MAX <= MAP_PART_BYTES_MAX * MAP_PARTS_MAX as usize);
const _: () = assert!(PRICE_MAX as u128 * (SEATS_PER_HOLD_MAX as u128) < u64::MAX as u128);

/// What one log entry carries: commands that one leader took together at one time.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Batch {
    /// The leader's checked clock, milliseconds since 1970.
    pub stamp_ms: u64,
    pub commands: Vec<Command>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Who asks. [`SYSTEM`] is the cluster itself.
    pub principal: UserId,
    /// Names the request, within its principal and event.
    pub key: RequestKey,
    pub kind: CommandKind,
}

/// The principal of commands that no user gave.
pub const SYSTEM: UserId = UserId(0);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandKind {
    PutSeatMapPart {
        map: SeatMapHash,
        part: u32,
        parts: u32,
        data: Vec<u8>,
    },
    PutVenue {
        venue: VenueId,
        doc: Box<Venue>,
    },
    CreateEvent {
        event: EventId,
        spec: Box<EventSpec>,
    },
    UpdateEvent {
        event: EventId,
        patch: Box<EventPatch>,
    },
    PublishEvent {
        event: EventId,
    },
    CancelEvent {
        event: EventId,
    },
    HoldSeats {
        event: EventId,
        seats: Vec<u32>,
    },
    ReleaseHold {
        booking: BookingId,
    },
    BeginPayment {
        booking: BookingId,
        amount: u64,
    },
    AttachIntent {
        booking: BookingId,
        attempt: u32,
        intent: String,
    },
    ConfirmPayment {
        booking: BookingId,
        attempt: u32,
        intent: String,
    },
    FailPayment {
        booking: BookingId,
        attempt: u32,
        reason: String,
    },
    RegisterUser {
        user: UserId,
        doc: Box<User>,
    },
    UpdateUser {
        user: UserId,
        patch: Box<UserPatch>,
    },
    ExpireDue {
        max: u32,
    },
    Checksum {
        nonce: u64,
    },
    /// Several kinds of places at once, all or nothing.
    HoldCart {
        event: EventId,
        cart: Box<Cart>,
    },
    /// Gives the hold its whole time again, counted from now; once.
    ExtendHold {
        booking: BookingId,
    },
    /// Gives some places of a hold back, by their numbers in the booking.
    ReleasePlaces {
        booking: BookingId,
        places: Vec<u32>,
    },
    /// Takes free seats out of sale.
    BlockSeats {
        event: EventId,
        seats: Vec<u32>,
        reason: String,
    },
    UnblockSeats {
        event: EventId,
        seats: Vec<u32>,
    },
    /// Takes sold places back and owes their price; all that are left if `places` is empty.
    RefundPlaces {
        booking: BookingId,
        refund: Box<RefundOrder>,
    },
    /// The provider has paid refund number `refund`, counted from 0, of a booking.
    SettleRefund {
        booking: BookingId,
        refund: u32,
        reference: String,
    },
    /// Passes a ticket on to another user; codes printed before are dead.
    TransferTicket {
        booking: BookingId,
        place: u32,
        version: u32,
        to: UserId,
    },
    /// Lets a ticket in.
    RedeemTicket {
        booking: BookingId,
        place: u32,
        version: u32,
        door: String,
    },
    /// Undoes a redemption that was a mistake.
    UnredeemTicket {
        booking: BookingId,
        place: u32,
    },
    /// The waiting room of an event.
    Queue(QueueCommand),
    /// Pauses, ends and tends events.
    Life(LifeCommand),
    Door(DoorCommand),
    /// Sales without a provider, and what else happens to money.
    Money(MoneyCommand),
    /// Named consumers of the feed.
    Consumer(ConsumerCommand),
    /// Those who wait for places of an event.
    Waitlist(WaitlistCommand),
    /// On what terms an event is sold.
    Terms(TermsCommand),
    /// What bookings of all shards are to their users.
    UserList(UserListCommand),
    Account(AccountCommand),
}

/// What one hold takes.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Cart {
    /// These very seats.
    pub seats: Vec<u32>,
    /// The best that there are.
    pub best: Option<Wanted>,
    /// Places in areas without seats: area and count.
    pub areas: Vec<(u16, u32)>,
}

impl Cart {
    /// Places that are asked for.
    pub fn count(&self) -> u32 {
        let seats = u32::try_from(self.seats.len()).unwrap_or(u32::MAX);
        let best = self.best.as_ref().map_or(0, |best| best.quantity);
        let areas = self.areas.iter().fold(0_u32, |sum, (_, count)| sum.saturating_add(*count));
        seats.saturating_add(best).saturating_add(areas)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RefundOrder {
    /// Numbers of places in the booking; none: all that are left.
    pub places: Vec<u32>,
    pub reason: String,
    /// The seats don't go back on sale.
    pub block: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Venue {
    pub name: String,
    pub city: String,
    pub country: String,
    pub address: String,
    /// Millionths of a degree, latitude and longitude.
    pub position_e6: Option<(i64, i64)>,
    pub map: SeatMapHash,
    pub capacity: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSpec {
    pub name: String,
    pub description: String,
    pub category: String,
    pub venue: VenueId,
    /// These come from the venue, so that an event can be shown without a second look-up.
    pub venue_name: String,
    pub city: String,
    pub country: String,
    pub position_e6: Option<(i64, i64)>,
    pub date_ms: u64,
    pub sale_start_ms: u64,
    /// ISO 4217, three capitals.
    pub currency: [u8; 3],
    /// Minor units, one for each category of the seat map.
    pub prices: Vec<u64>,
    pub image_url: String,
    pub hold_ttl_ms: u64,
    /// 0: no limit.
    pub max_seats_per_user: u32,
    pub map: SeatMapHash,
}

/// What is `None` stays; empty `prices` stay too.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct EventPatch {
    pub name: Option<String>,
    pub description: Option<String>,
    pub category: Option<String>,
    pub date_ms: Option<u64>,
    pub sale_start_ms: Option<u64>,
    pub prices: Vec<u64>,
    pub image_url: Option<String>,
    pub hold_ttl_ms: Option<u64>,
    pub max_seats_per_user: Option<u32>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct User {
    pub email: String,
    pub password_hash: String,
    pub first_name: String,
    pub last_name: String,
    pub phone: String,
    /// Set by apply: the replicated clock at registration.
    pub created_ms: u64,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Personal data and password hashes stay out of logs.
        f.write_str("User { .. }")
    }
}

#[derive(Clone, PartialEq, Eq, Default)]
pub struct UserPatch {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub phone: Option<String>,
    pub password_hash: Option<String>,
}

impl std::fmt::Debug for UserPatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UserPatch { .. }")
    }
}

pub(super) fn invalid(detail: impl Into<String>) -> Refusal {
    Refusal { detail: detail.into(), ..Refusal::of(ErrorCode::Invalid) }
}

pub(super) fn text(what: &str, text: &str, bytes_max: usize) -> Result<(), Refusal> {
    if text.len() > bytes_max {
        return Err(invalid(format!("{what} is longer than {bytes_max} bytes")));
    }
    Ok(())
}

pub(super) fn required(what: &str, value: &str) -> Result<(), Refusal> {
    if value.trim().is_empty() {
        return Err(invalid(format!("{what} is empty")));
    }
    text(what, value, NAME_BYTES_MAX)
}

fn hold_ttl(ttl_ms: u64) -> Result<(), Refusal> {
    if !(HOLD_TTL_MS_MIN..=HOLD_TTL_MS_MAX).contains(&ttl_ms) {
        return Err(invalid(format!(
            "a hold lasts {} to {} seconds",
            HOLD_TTL_MS_MIN / 1_000,
            HOLD_TTL_MS_MAX / 1_000
        )));
    }
    Ok(())
}

pub(super) fn prices(prices: &[u64]) -> Result<(), Refusal> {
    match prices.iter().find(|&&price| price > PRICE_MAX) {
        Some(price) => Err(invalid(format!("price {price} is over {PRICE_MAX} minor units"))),
        None => Ok(()),
    }
}

/// Whose records a command or a reader looks into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// What is in memory of every event that is not in the archive.
    EventAlone(EventId),
    Event(EventId),
    /// The event that the booking belongs to.
    Booking(BookingLocator),
}

impl CommandKind {
    /// The event that the command looks into. `None`: none, or such as have places on hold, which are
    /// always in memory.
    pub const fn subject(&self) -> Option<Subject> {
        match self {
            Self::CreateEvent { event, .. }
            | Self::UpdateEvent { event, .. }
            | Self::PublishEvent { event }
            | Self::CancelEvent { event }
            | Self::HoldSeats { event, .. }
            | Self::HoldCart { event, .. }
            | Self::BlockSeats { event, .. }
            | Self::UnblockSeats { event, .. } => Some(Subject::Event(*event)),
            Self::ReleaseHold { booking }
            | Self::BeginPayment { booking, .. }
            | Self::AttachIntent { booking, .. }
            | Self::ConfirmPayment { booking, .. }
            | Self::FailPayment { booking, .. }
            | Self::ExtendHold { booking }
            | Self::ReleasePlaces { booking, .. }
            | Self::RefundPlaces { booking, .. }
            | Self::SettleRefund { booking, .. }
            | Self::TransferTicket { booking, .. }
            | Self::RedeemTicket { booking, .. }
            | Self::UnredeemTicket { booking, .. } => Some(Subject::Booking(booking.locator())),
            Self::Door(DoorCommand::Void { booking, .. }) => {
                Some(Subject::Booking(booking.locator()))
            }
            Self::Door(DoorCommand::Merge { event, .. }) => Some(Subject::Event(*event)),
            Self::Money(money) => Some(Subject::Booking(money.booking().locator())),
            // Events that time does something to are whole, or lose nothing by it.
            Self::Life(LifeCommand::Tend { .. }) => None,
            Self::Life(
                LifeCommand::Pause { event, .. }
                | LifeCommand::Resume { event }
                | LifeCommand::End { event }
                | LifeCommand::SetEnd { event, .. }
                | LifeCommand::Collect { event, .. },
            ) => Some(Subject::Event(*event)),
            Self::Queue(queue) => Some(Subject::Event(queue.event())),
            Self::Waitlist(waitlist) => Some(Subject::Event(waitlist.event())),
            Self::Terms(terms) => Some(terms.subject()),
            Self::Consumer(_)
            | Self::UserList(_)
            | Self::Account(_)
            | Self::PutSeatMapPart { .. }
            | Self::PutVenue { .. }
            | Self::RegisterUser { .. }
            | Self::UpdateUser { .. }
            | Self::ExpireDue { .. }
            | Self::Checksum { .. } => None,
        }
    }

    /// What can be wrong whatever the state is.
    pub fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::PutSeatMapPart { part, parts, data, .. } => {
                if *parts == 0 || *parts > MAP_PARTS_MAX || part >= parts {
                    return Err(invalid(format!("part {part} of {parts} is not allowed")));
                }
                if data.is_empty() || data.len() > MAP_PART_BYTES_MAX {
                    return Err(invalid(format!("a part has 1 to {MAP_PART_BYTES_MAX} bytes")));
                }
                Ok(())
            }
            Self::PutVenue { doc, .. } => {
                required("name", &doc.name)?;
                text("city", &doc.city, NAME_BYTES_MAX)?;
                text("country", &doc.country, NAME_BYTES_MAX)?;
                text("address", &doc.address, TEXT_BYTES_MAX)
            }
            Self::CreateEvent { spec, .. } => {
                required("name", &spec.name)?;
                text("description", &spec.description, DESCRIPTION_BYTES_MAX)?;
                text("category", &spec.category, NAME_BYTES_MAX)?;
                text("imageUrl", &spec.image_url, TEXT_BYTES_MAX)?;
                if !spec.currency.iter().all(u8::is_ascii_uppercase) {
                    return Err(invalid("currency is not three capital letters"));
                }
                prices(&spec.prices)?;
                hold_ttl(spec.hold_ttl_ms)
            }
            Self::UpdateEvent { patch, .. } => {
                if let Some(name) = &patch.name {
                    required("name", name)?;
                }
                text(
                    "description",
                    patch.description.as_deref().unwrap_or(""),
                    DESCRIPTION_BYTES_MAX,
                )?;
                text("category", patch.category.as_deref().unwrap_or(""), NAME_BYTES_MAX)?;
                text("imageUrl", patch.image_url.as_deref().unwrap_or(""), TEXT_BYTES_MAX)?;
                prices(&patch.prices)?;
                patch.hold_ttl_ms.map_or(Ok(()), hold_ttl)
            }
            Self::HoldSeats { seats, .. } => check_seats(seats),
            Self::AttachIntent { intent, .. } | Self::ConfirmPayment { intent, .. } => {
                required("intent", intent)
            }
            Self::FailPayment { reason, .. } => text("reason", reason, TEXT_BYTES_MAX),
            Self::RegisterUser { doc, .. } => {
                required("email", &doc.email)?;
                text("password hash", &doc.password_hash, TEXT_BYTES_MAX)?;
                text("first name", &doc.first_name, NAME_BYTES_MAX)?;
                text("last name", &doc.last_name, NAME_BYTES_MAX)?;
                text("phone", &doc.phone, NAME_BYTES_MAX)
            }
            Self::UpdateUser { patch, .. } => {
                text("first name", patch.first_name.as_deref().unwrap_or(""), NAME_BYTES_MAX)?;
                text("last name", patch.last_name.as_deref().unwrap_or(""), NAME_BYTES_MAX)?;
                text("phone", patch.phone.as_deref().unwrap_or(""), NAME_BYTES_MAX)?;
                text("password hash", patch.password_hash.as_deref().unwrap_or(""), TEXT_BYTES_MAX)
            }
            Self::ExpireDue { max } => {
                if *max == 0 || *max > EXPIRE_MAX {
                    return Err(invalid(format!("1 to {EXPIRE_MAX} holds are retired at once")));
                }
                Ok(())
            }
            Self::HoldCart { cart, .. } => check_cart(cart),
            Self::Life(life) => life.check(),
            Self::ReleasePlaces { places, .. } => check_places(places),
            Self::BlockSeats { seats, reason, .. } => {
                text("reason", reason, NAME_BYTES_MAX)?;
                check_seat_list(seats, SEATS_PER_BLOCKING_MAX)
            }
            Self::UnblockSeats { seats, .. } => check_seat_list(seats, SEATS_PER_BLOCKING_MAX),
            Self::RefundPlaces { refund, .. } => {
                text("reason", &refund.reason, NAME_BYTES_MAX)?;
                if refund.places.is_empty() { Ok(()) } else { check_places(&refund.places) }
            }
            Self::SettleRefund { reference, .. } => {
                required("reference", reference)?;
                text("reference", reference, NAME_BYTES_MAX)
            }
            Self::Queue(queue) => queue.check(),
            Self::Door(command) => command.check(),
            Self::Money(money) => money.check(),
            Self::Consumer(command) => command.check(),
            Self::Waitlist(waitlist) => waitlist.check(),
            Self::Terms(terms) => terms.check(),
            Self::UserList(list) => list.check(),
            Self::Account(account) => account.check(),
            Self::RedeemTicket { door, .. } => text("door", door, NAME_BYTES_MAX),
            Self::ExtendHold { .. }
            | Self::TransferTicket { .. }
            | Self::UnredeemTicket { .. }
            | Self::PublishEvent { .. }
            | Self::CancelEvent { .. }
            | Self::ReleaseHold { .. }
            | Self::BeginPayment { .. }
            | Self::Checksum { .. } => Ok(()),
        }
    }
}

/// At least one seat, none twice, no more than a booking may have.
pub(super) fn check_seats(seats: &[u32]) -> Result<(), Refusal> {
    check_seat_list(seats, SEATS_PER_HOLD_MAX)
}

pub(super) fn check_seat_list(seats: &[u32], most: usize) -> Result<(), Refusal> {
    if seats.is_empty() {
        return Err(Refusal::of(ErrorCode::NoSeats));
    }
    too_many(seats.len(), most)?;
    let repeated = repeated(seats);
    if repeated.is_empty() {
        Ok(())
    } else {
        Err(Refusal { seats: repeated, ..Refusal::of(ErrorCode::SeatRepeated) })
    }
}

fn too_many(count: usize, most: usize) -> Result<(), Refusal> {
    if count > most {
        return Err(Refusal { limit: most as u64, ..Refusal::of(ErrorCode::TooManySeats) });
    }
    Ok(())
}

/// What stands in a list more than once, in the order in which it comes up.
fn repeated(list: &[u32]) -> Vec<u32> {
    // A hold names a few seats: looking through them is quicker than sorting.
    if list.len() <= SEATS_PER_HOLD_MAX {
        let mut repeated: Vec<u32> = Vec::new();
        let mut rest = list;
        while let Some((item, tail)) = rest.split_first() {
            if tail.contains(item) && !repeated.contains(item) {
                repeated.push(*item);
            }
            rest = tail;
        }
        return repeated;
    }
    let mut sorted = list.to_vec();
    sorted.sort_unstable();
    let twice = sorted.chunk_by(|a, b| a == b).filter(|same| same.len() > 1);
    twice.filter_map(|same| same.first().copied()).collect()
}

/// Numbers of places in a booking: at least one, none twice.
pub(super) fn check_places(places: &[u32]) -> Result<(), Refusal> {
    if places.is_empty() {
        return Err(Refusal::of(ErrorCode::NoSeats));
    }
    too_many(places.len(), SEATS_PER_HOLD_MAX)?;
    match repeated(places).first() {
        None => Ok(()),
        Some(place) => Err(invalid(format!("place {place} is named twice"))),
    }
}

/// Something is asked for, nothing twice, and no more than a booking may have.
pub(super) fn check_cart(cart: &Cart) -> Result<(), Refusal> {
    let count = usize::try_from(cart.count()).unwrap_or(usize::MAX);
    if count == 0 {
        return Err(Refusal::of(ErrorCode::NoSeats));
    }
    too_many(count, SEATS_PER_HOLD_MAX)?;
    if !cart.seats.is_empty() {
        check_seats(&cart.seats)?;
    }
    if cart.best.as_ref().is_some_and(|best| best.quantity == 0) {
        return Err(invalid("the quantity of best available seats is 0"));
    }
    let areas: Vec<u32> = cart.areas.iter().map(|&(area, _)| area.into()).collect();
    if let Some(area) = repeated(&areas).first() {
        return Err(invalid(format!("area {area} is named twice")));
    }
    if let Some((area, _)) = cart.areas.iter().find(|(_, count)| *count == 0) {
        return Err(invalid(format!("no places are asked for in area {area}")));
    }
    Ok(())
}
