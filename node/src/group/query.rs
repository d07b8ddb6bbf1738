//! What can be asked of a shard's state, and what is found.

use rowlock_proto::{BookingId, BookingLocator, ErrorCode, EventId, SeatMapHash, UserId, VenueId};
use rowlock_raft_store::audit;
use rowlock_raft_store::inventory::queue::{PlaceView, QueueView};
use rowlock_raft_store::inventory::user_lists::{Age, RowKey};
use rowlock_raft_store::inventory::waitlist::{WaiterView, WaitlistView};
use rowlock_raft_store::inventory::{
    AccountView, BookingView, ConsumerView, DoorCounts, EventView, RefundLine, State, Stats,
    Subject, Takings, TermsView, User, UserListView, Venue,
};

/// A question about the state of one shard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Query {
    Event(EventId),
    Events {
        after: Option<EventId>,
        limit: usize,
    },
    Seats(EventId),
    SeatMap {
        map: SeatMapHash,
        part: u32,
    },
    HasSeatMap(SeatMapHash),
    Booking(BookingId),
    BookingByLocator(BookingLocator),
    Bookings {
        event: EventId,
        after_seq: u32,
        limit: usize,
    },
    Venue(VenueId),
    Venues {
        after: Option<VenueId>,
        limit: usize,
    },
    User(UserId),
    UserByEmail(String),
    Account(UserId),
    Doors(EventId),
    Takings(EventId),
    Consumers,
    /// Answered from what is on disk: see `reads.rs`.
    AuditHead(EventId),
    Stats,
    Queue(EventId),
    QueuePlace {
        event: EventId,
        user: UserId,
    },
    Refunds {
        event: EventId,
        after_seq: u32,
        limit: usize,
        owed_only: bool,
    },
    Waitlist(EventId),
    Terms {
        event: EventId,
        after_code: u32,
        limit: usize,
    },
    Waiter {
        event: EventId,
        user: UserId,
    },
    Waiters {
        event: EventId,
        from: u32,
        limit: usize,
        live_only: bool,
    },
    /// All of one event, and not none.
    BookingsById(Vec<BookingId>),
    UserList {
        user: UserId,
        after: Option<Age>,
        skip: usize,
        limit: usize,
    },
    OldListings {
        source: u32,
        revision: u64,
        after: Option<RowKey>,
        limit: usize,
    },
}

/// What a query found.
#[derive(Debug)]
pub(crate) enum Found {
    Event(Box<EventView>),
    Events {
        events: Vec<EventView>,
        more: bool,
    },
    Seats {
        states: Vec<u8>,
        event: Box<EventView>,
    },
    SeatMap {
        data: Vec<u8>,
        part: u32,
        parts: u32,
    },
    Booking(Box<BookingView>),
    Bookings {
        bookings: Vec<BookingView>,
        more: bool,
    },
    Venue(VenueId, Box<Venue>),
    Venues {
        venues: Vec<(VenueId, Venue)>,
        more: bool,
    },
    User(UserId, Box<User>),
    Doors(DoorCounts),
    Takings(Box<Takings>),
    Consumers(Vec<ConsumerView>),
    /// And the number of the event in its slot.
    AuditHead(audit::Head, u32),
    Stats(Stats),
    Flag(bool),
    Queue(Box<QueueView>),
    QueuePlace(Box<PlaceView>),
    Refunds {
        lines: Vec<RefundLine>,
        next_seq: u32,
    },
    Waitlist(WaitlistView),
    Terms(Box<TermsView>),
    Waiter(Box<WaiterView>),
    Waiters((Vec<WaiterView>, Option<u32>)),
    Account(AccountView),
    UserList(UserListView),
    OldListings((Vec<RowKey>, Option<RowKey>)),
}

impl Query {
    /// The event whose seats or bookings are asked for: they may have to be read back from disk. What is
    /// shown of an event without them is always there.
    pub(super) const fn subject(&self) -> Option<Subject> {
        match self {
            Self::Seats(event)
            | Self::Bookings { event, .. }
            | Self::Refunds { event, .. }
            | Self::Doors(event)
            | Self::Waitlist(event)
            | Self::Terms { event, .. }
            | Self::Waiter { event, .. }
            | Self::Waiters { event, .. } => Some(Subject::Event(*event)),
            Self::Booking(booking) => Some(Subject::Booking(booking.locator())),
            Self::BookingByLocator(locator) => Some(Subject::Booking(*locator)),
            Self::BookingsById(ids) => match ids.as_slice() {
                [booking, ..] => Some(Subject::Booking(booking.locator())),
                [] => None,
            },
            // What they look at is in memory of an event whose seats are on disk, too.
            Self::Event(event)
            | Self::Takings(event)
            | Self::Queue(event)
            | Self::QueuePlace { event, .. } => Some(Subject::EventAlone(*event)),
            Self::Events { .. }
            | Self::SeatMap { .. }
            | Self::HasSeatMap(_)
            | Self::Venue(_)
            | Self::Venues { .. }
            | Self::User(_)
            | Self::UserByEmail(_)
            | Self::Consumers
            | Self::AuditHead(_)
            | Self::Account(_)
            | Self::UserList { .. }
            | Self::OldListings { .. }
            | Self::Stats => None,
        }
    }

    /// What the state says, or the code of what is not there.
    pub(super) fn find(self, state: &State) -> Result<Found, ErrorCode> {
        match self {
            Self::Event(id) => {
                let event = state.event(id).ok_or(ErrorCode::EventNotFound)?;
                Ok(Found::Event(Box::new(event)))
            }
            Self::Events { after, limit } => {
                let (events, more) = state.events_after(after, limit);
                Ok(Found::Events { events, more })
            }
            Self::Seats(id) => {
                let event = state.event(id).ok_or(ErrorCode::EventNotFound)?;
                let states = state.seats(id).ok_or(ErrorCode::EventNotFound)?;
                Ok(Found::Seats { states, event: Box::new(event) })
            }
            Self::SeatMap { map, part } => {
                let found = state.seat_map_part(map, part).ok_or(ErrorCode::SeatMapNotFound)?;
                Ok(Found::SeatMap { data: found.0.to_vec(), part, parts: found.1 })
            }
            Self::HasSeatMap(map) => Ok(Found::Flag(state.has_seat_map(map))),
            Self::Booking(id) => booking(state.booking(id)),
            Self::BookingByLocator(locator) => booking(state.booking_by_locator(locator)),
            Self::Bookings { event, after_seq, limit } => {
                let found = state.bookings_of(event, after_seq, limit);
                let (bookings, more) = found.ok_or(ErrorCode::EventNotFound)?;
                Ok(Found::Bookings { bookings, more })
            }
            Self::BookingsById(ids) => {
                let bookings = ids.iter().filter_map(|&id| state.booking(id)).collect();
                Ok(Found::Bookings { bookings, more: false })
            }
            Self::Account(user) => Ok(Found::Account(state.account(user))),
            Self::UserList { user, after, skip, limit } => {
                Ok(Found::UserList(state.user_list(user, after, skip, limit)))
            }
            Self::OldListings { source, revision, after, limit } => {
                Ok(Found::OldListings(state.old_listings(source, revision, after, limit)))
            }
            Self::Venue(id) => {
                let venue = state.venue(id).ok_or(ErrorCode::VenueNotFound)?;
                Ok(Found::Venue(id, Box::new(venue.clone())))
            }
            Self::Venues { after, limit } => {
                let (venues, more) = state.venues_after(after, limit);
                let venues = venues.into_iter().map(|(id, venue)| (id, venue.clone())).collect();
                Ok(Found::Venues { venues, more })
            }
            Self::User(id) => {
                let user = state.user(id).ok_or(ErrorCode::UserNotFound)?;
                Ok(Found::User(id, Box::new(user.clone())))
            }
            Self::UserByEmail(email) => {
                let (id, user) = state.user_by_email(&email).ok_or(ErrorCode::UserNotFound)?;
                Ok(Found::User(id, Box::new(user.clone())))
            }
            Self::Refunds { event, after_seq, limit, owed_only } => {
                let (lines, next_seq) = state.refunds_of(event, after_seq, limit, owed_only)?;
                Ok(Found::Refunds { lines, next_seq })
            }
            Self::Doors(id) => Ok(Found::Doors(state.doors(id).ok_or(ErrorCode::EventNotFound)?)),
            Self::Terms { event, after_code, limit } => {
                let view = state.terms_of(event, after_code, limit);
                let view = view.ok_or(ErrorCode::EventNotFound)?;
                Ok(Found::Terms(Box::new(view)))
            }
            Self::Takings(id) => {
                let sums = state.takings(id).ok_or(ErrorCode::EventNotFound)?;
                Ok(Found::Takings(Box::new(sums)))
            }
            // The chain stands beside the state.
            Self::AuditHead(_) => Err(ErrorCode::Unavailable),
            Self::Consumers => Ok(Found::Consumers(state.consumers())),
            Self::Waitlist(id) => {
                Ok(Found::Waitlist(state.waitlist(id).ok_or(ErrorCode::EventNotFound)?))
            }
            Self::Waiter { event, user } => {
                let waiter = state.waiter_of(event, user).ok_or(ErrorCode::WaitlistNotJoined)?;
                Ok(Found::Waiter(Box::new(waiter)))
            }
            Self::Waiters { event, from, limit, live_only } => {
                let page = state.waiters_of(event, from, limit, live_only);
                Ok(Found::Waiters(page.ok_or(ErrorCode::EventNotFound)?))
            }
            Self::Stats => Ok(Found::Stats(state.stats())),
            Self::Queue(id) => {
                let queue = state.queue(id).ok_or(ErrorCode::QueueNotFound)?;
                Ok(Found::Queue(Box::new(queue)))
            }
            Self::QueuePlace { event, user } => {
                let place = state.queue_place(event, user).ok_or(ErrorCode::QueueNotJoined)?;
                Ok(Found::QueuePlace(Box::new(place)))
            }
        }
    }
}

fn booking(found: Option<BookingView>) -> Result<Found, ErrorCode> {
    Ok(Found::Booking(Box::new(found.ok_or(ErrorCode::BookingNotFound)?)))
}
