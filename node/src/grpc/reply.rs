//! Answers and changes onto the wire.

use bytes::Bytes;
use prost::Message as _;
use rowlock_proto::{VenueId, v1};
use rowlock_raft_store::feed;
use rowlock_raft_store::inventory::door::Void;
use rowlock_raft_store::inventory::{
    AreaCounts, AreaLine, BookingState, BookingView, Change, ChangeKind, DoorChange, DoorCounts,
    EventSpec, EventState, EventView, QueueReply, Refund, Refusal, Reply, Returned, ScanOutcome,
    Ticket, User, Venue,
};
use tonic::Status;

use super::{consumers, life};
use crate::group::{Answer, Body, FeedBatch, Found, Position, Retry};
use crate::meta::Map;

use super::{money, queue, user_lists, waitlist};

/// Name of the metadata that says from where on a compacted feed can be had.
const OLDEST_KEY: &str = "rowlock-oldest-revision";

fn raw(bytes: [u8; 16]) -> Bytes {
    Bytes::copy_from_slice(&bytes)
}

pub(super) fn answer(answer: Answer, map: &Map) -> v1::Answer {
    use v1::answer::Body as Wire;
    let body = match answer.body {
        Body::Reply(done) => Wire::Reply(reply(done)),
        Body::Found(found) => Wire::Result(found_reply(found)),
        Body::Refusal(refused) => Wire::Refusal(refusal(refused)),
        Body::Retry(again) => Wire::Retry(retry(again, map)),
    };
    v1::Answer { id: answer.id, at: answer.at.map(position), body: Some(body) }
}

fn position(at: Position) -> v1::Position {
    v1::Position {
        shard: at.shard.0,
        term: at.term,
        index: at.index,
        offset: at.offset,
        revision: at.revision,
        log_time_ms: at.log_time_ms,
        first_index: at.first_index,
    }
}

fn retry(retry: Retry, map: &Map) -> v1::Retry {
    use v1::retry::Kind;
    let (kind, leader, after_ms) = match retry {
        Retry::NotLeader { leader } => (Kind::NotLeader, Some(leader), 0),
        Retry::WrongNode => (Kind::WrongNode, None, 0),
        Retry::Overloaded { after_ms } => (Kind::Overloaded, None, after_ms),
        Retry::Unavailable { after_ms } => (Kind::Unavailable, None, after_ms),
        Retry::UnknownOutcome => (Kind::UnknownOutcome, None, 0),
    };
    v1::Retry {
        kind: kind.into(),
        leader_node: leader.map_or(0, |node| node.0),
        leader_addr: leader.and_then(|node| map.addr(node)).unwrap_or_default().to_owned(),
        map_epoch: map.epoch,
        retry_after_ms: after_ms,
    }
}

fn refusal(refusal: Refusal) -> v1::Refusal {
    v1::Refusal {
        code: refusal.code.number().into(),
        seats: refusal.seats,
        limit: refusal.limit,
        detail: refusal.detail,
    }
}

fn reply(reply: Reply) -> v1::Reply {
    use v1::reply::Kind;
    let kind = match reply {
        Reply::Done => Kind::Done(v1::Done {}),
        Reply::Booking(view) => Kind::Booking(booking(*view)),
        Reply::PaymentBegun { booking: view, attempt } => {
            Kind::PaymentBegun(v1::PaymentBegun { booking: Some(booking(*view)), attempt })
        }
        Reply::RefundDue(view) => Kind::RefundDue(v1::RefundDue { booking: Some(booking(*view)) }),
        Reply::Refund { booking: view, refund } => {
            Kind::Refund(v1::RefundDecided { booking: Some(booking(*view)), refund })
        }
        Reply::Queue(QueueReply::Place(view)) => Kind::QueuePlace(queue::place(*view)),
        // Only a leader's own step is answered so, and nobody reads it.
        Reply::Queue(QueueReply::Stepped { .. }) => Kind::Done(v1::Done {}),
        Reply::Tended { steps, more } => Kind::Tended(v1::Tended { steps, more }),
        Reply::Expired { retired, more } => Kind::Expired(v1::Expired { retired, more }),
        Reply::Consumer(view) => Kind::Consumer(consumers::view(*view)),
        Reply::Session { alive } => Kind::Session(v1::SessionAnswer { alive }),
        Reply::Waiter(view) => Kind::Waiter(waitlist::waiter(*view)),
        Reply::Scans(outcomes) => Kind::Scans(v1::ScanOutcomes {
            outcomes: outcomes.into_iter().map(scan_outcome).collect(),
        }),
    };
    v1::Reply { kind: Some(kind) }
}

fn scan_outcome(outcome: ScanOutcome) -> v1::ScanOutcome {
    use v1::scan_outcome::Kind;
    let (kind, door, at_ms) = match outcome {
        ScanOutcome::Taken => (Kind::Taken, String::new(), 0),
        ScanOutcome::Repeat => (Kind::Repeat, String::new(), 0),
        ScanOutcome::Conflict { door, at_ms } => (Kind::Conflict, door, at_ms),
        ScanOutcome::Replaced => (Kind::Replaced, String::new(), 0),
        ScanOutcome::Void => (Kind::Void, String::new(), 0),
        ScanOutcome::Unknown => (Kind::Unknown, String::new(), 0),
    };
    v1::ScanOutcome { kind: kind.into(), door, at_ms }
}

pub(super) fn booking_state(state: BookingState) -> i32 {
    let state = match state {
        BookingState::Held => v1::BookingState::Held,
        BookingState::Paying => v1::BookingState::Paying,
        BookingState::Confirmed => v1::BookingState::Confirmed,
        BookingState::Released => v1::BookingState::Released,
        BookingState::Expired => v1::BookingState::Expired,
        BookingState::RefundDue => v1::BookingState::RefundDue,
        BookingState::Refunded => v1::BookingState::Refunded,
        BookingState::Capturing => v1::BookingState::Capturing,
    };
    state.into()
}

fn event_state(state: EventState) -> i32 {
    let state = match state {
        EventState::Draft => v1::EventState::Draft,
        EventState::Published => v1::EventState::Published,
        EventState::Cancelled => v1::EventState::Cancelled,
        EventState::Paused => v1::EventState::Paused,
        EventState::Ended => v1::EventState::Ended,
    };
    state.into()
}

fn currency(currency: [u8; 3]) -> String {
    // The check at the rim lets only capital letters in.
    String::from_utf8_lossy(&currency).into_owned()
}

fn booking(view: BookingView) -> v1::Booking {
    v1::Booking {
        booking: raw(view.booking.to_bytes()),
        event: raw(view.event.to_bytes()),
        user: raw(view.user.to_bytes()),
        state: booking_state(view.state),
        seats: view.seats,
        prices: view.prices,
        total: view.total,
        currency: currency(view.currency),
        created_ms: view.created_ms,
        expires_ms: view.expires_ms,
        payment_deadline_ms: view.payment_deadline_ms,
        attempt: view.attempt,
        intent: view.intent,
        confirmed_ms: view.confirmed_ms,
        decline_reason: view.decline_reason,
        areas: view.areas.into_iter().map(area_line).collect(),
        gone: view.gone,
        numbers: view.numbers,
        extended: view.extended,
        refunds: view.refunds.into_iter().map(refund).collect(),
        tickets: view.tickets.into_iter().map(ticket).collect(),
        voids: view.voids.into_iter().map(voided).collect(),
        money: view.money.map(|view| money::booking(*view)),
        waiter: view.waiter,
        discount: view.discount,
        fees: view.fees,
        promotion: view.promotion,
        channel: view.channel,
    }
}

fn voided((place, void): (u32, Void)) -> v1::VoidedTicket {
    let Void { key: _, at_ms, reason } = void;
    v1::VoidedTicket { place, at_ms, reason }
}

fn area_line(AreaLine { area, count, price }: AreaLine) -> v1::AreaLine {
    v1::AreaLine { area: area.into(), count, price }
}

fn refund(refund: Refund) -> v1::Refund {
    let Refund { key: _, amount, decided_ms, reason, reference } = refund;
    v1::Refund { amount, decided_ms, reason, reference }
}

fn ticket((place, ticket): (u32, Ticket)) -> v1::Ticket {
    let (redeemed_ms, door) =
        ticket.redeemed.map_or((0, String::new()), |redeemed| (redeemed.at_ms, redeemed.door));
    let holder = ticket.holder.map_or_else(Bytes::new, |holder| raw(holder.to_bytes()));
    v1::Ticket { place, holder, version: ticket.version, redeemed_ms, door }
}

fn area_places(areas: Vec<(u16, u32)>) -> Vec<v1::AreaPlaces> {
    let places = |(area, count): (u16, u32)| v1::AreaPlaces { area: area.into(), count };
    areas.into_iter().map(places).collect()
}

fn event(view: EventView) -> v1::Event {
    let counts = view.counts;
    v1::Event {
        event: raw(view.event.to_bytes()),
        spec: Some(event_spec(view.spec)),
        state: event_state(view.state),
        counts: Some(v1::SeatCounts {
            total: counts.total,
            available: counts.available,
            held: counts.held,
            sold: counts.sold,
            blocked: counts.blocked,
        }),
        event_no: view.event_no,
        created_ms: view.created_ms,
        revision: view.revision,
        areas: view.areas.into_iter().map(area_counts).collect(),
        life: Some(life::life(view.life)),
    }
}

fn area_counts(AreaCounts { capacity, held, sold }: AreaCounts) -> v1::AreaCounts {
    v1::AreaCounts { capacity, held, sold }
}

fn event_spec(spec: EventSpec) -> v1::EventSpec {
    v1::EventSpec {
        name: spec.name,
        description: spec.description,
        category: spec.category,
        venue: raw(spec.venue.to_bytes()),
        venue_name: spec.venue_name,
        city: spec.city,
        country: spec.country,
        date_ms: spec.date_ms,
        sale_start_ms: spec.sale_start_ms,
        currency: currency(spec.currency),
        prices: spec.prices,
        image_url: spec.image_url,
        hold_ttl_ms: spec.hold_ttl_ms,
        max_seats_per_user: spec.max_seats_per_user,
        map: Bytes::copy_from_slice(&spec.map.0),
        latitude_e6: spec.position_e6.map(|(latitude, _)| latitude),
        longitude_e6: spec.position_e6.map(|(_, longitude)| longitude),
    }
}

fn venue(doc: Venue) -> v1::Venue {
    v1::Venue {
        name: doc.name,
        city: doc.city,
        country: doc.country,
        address: doc.address,
        latitude_e6: doc.position_e6.map(|(latitude, _)| latitude),
        longitude_e6: doc.position_e6.map(|(_, longitude)| longitude),
        map: Bytes::copy_from_slice(&doc.map.0),
        capacity: doc.capacity,
    }
}

fn user(doc: User) -> v1::User {
    v1::User {
        email: doc.email,
        password_hash: doc.password_hash,
        first_name: doc.first_name,
        last_name: doc.last_name,
        phone: doc.phone,
        created_ms: doc.created_ms,
    }
}

pub(super) fn watch_batch(batch: FeedBatch) -> v1::WatchBatch {
    v1::WatchBatch {
        changes: batch.changes.into_iter().map(change).collect(),
        revision: batch.revision,
        log_time_ms: batch.log_time_ms,
    }
}

/// Why a feed ends: its beginning is not kept any more, or this node can't read its disk.
pub(super) fn feed_error(error: &feed::Error) -> Status {
    match error {
        feed::Error::Compacted(compacted) => {
            let mut status = Status::failed_precondition("compacted");
            status.metadata_mut().insert(OLDEST_KEY, compacted.oldest.into());
            status
        }
        feed::Error::Fault(_) => Status::unavailable("the node stops"),
    }
}

fn returned(returned: Returned) -> v1::SeatsReturned {
    v1::SeatsReturned {
        event: raw(returned.event.to_bytes()),
        booking: raw(returned.booking.to_bytes()),
        seats: returned.seats,
        state: booking_state(returned.state),
    }
}

/// What audit chains are made of: a change as watchers get it.
pub(crate) fn change_bytes(of: &Change) -> Vec<u8> {
    change(of.clone()).encode_to_vec()
}

fn change(change: Change) -> v1::Change {
    v1::Change {
        revision: change.revision,
        index: change.index,
        time_ms: change.time_ms,
        principal: raw(change.principal.to_bytes()),
        command: change.command.name().to_owned(),
        key: raw(change.key.to_bytes()),
        kind: Some(change_kind(change.kind)),
    }
}

fn change_kind(kind: ChangeKind) -> v1::change::Kind {
    use v1::change::Kind;
    match kind {
        ChangeKind::EventChanged { event, state } => Kind::EventChanged(v1::EventChanged {
            event: raw(event.to_bytes()),
            state: event_state(state),
        }),
        ChangeKind::SeatsHeld { event, booking, user, seats, expires_ms } => {
            Kind::SeatsHeld(v1::SeatsHeld {
                event: raw(event.to_bytes()),
                booking: raw(booking.to_bytes()),
                user: raw(user.to_bytes()),
                seats,
                expires_ms,
            })
        }
        ChangeKind::SeatsReturned(seats) => Kind::SeatsReturned(returned(seats)),
        ChangeKind::HoldsExpired { holds } => Kind::HoldsExpired(v1::HoldsExpired {
            holds: holds.into_iter().map(returned).collect(),
        }),
        ChangeKind::PaymentStarted { booking, attempt, amount } => {
            let booking = raw(booking.to_bytes());
            Kind::PaymentStarted(v1::PaymentStarted { booking, attempt, amount })
        }
        ChangeKind::IntentAttached { booking, attempt, intent } => {
            let booking = raw(booking.to_bytes());
            Kind::IntentAttached(v1::IntentAttached { booking, attempt, intent })
        }
        ChangeKind::PaymentFailed { booking, attempt, reason } => {
            let booking = raw(booking.to_bytes());
            Kind::PaymentFailed(v1::PaymentFailed { booking, attempt, reason })
        }
        ChangeKind::SeatsSold { event, booking, user, seats, amount, intent } => {
            Kind::SeatsSold(v1::SeatsSold {
                event: raw(event.to_bytes()),
                booking: raw(booking.to_bytes()),
                user: raw(user.to_bytes()),
                seats,
                amount,
                intent,
            })
        }
        ChangeKind::RefundOwed { booking, intent, amount } => {
            Kind::RefundOwed(v1::RefundOwed { booking: raw(booking.to_bytes()), intent, amount })
        }
        ChangeKind::VenuePut { venue } => {
            Kind::VenuePut(v1::VenuePut { venue: raw(venue.to_bytes()) })
        }
        ChangeKind::UserChanged { user } => {
            Kind::UserChanged(v1::UserChanged { user: raw(user.to_bytes()) })
        }
        ChangeKind::SeatMapSealed { map, seats } => {
            Kind::SeatMapSealed(v1::SeatMapSealed { map: Bytes::copy_from_slice(&map.0), seats })
        }
        ChangeKind::PlacesChanged { event, booking, areas, state } => {
            Kind::PlacesChanged(v1::PlacesChanged {
                event: raw(event.to_bytes()),
                booking: raw(booking.to_bytes()),
                areas: area_places(areas),
                state: booking_state(state),
            })
        }
        ChangeKind::HoldExtended { booking, expires_ms } => {
            Kind::HoldExtended(v1::HoldExtended { booking: raw(booking.to_bytes()), expires_ms })
        }
        ChangeKind::SeatsBlocked { event, seats, reason } => {
            Kind::SeatsBlocked(v1::SeatsBlocked { event: raw(event.to_bytes()), seats, reason })
        }
        ChangeKind::SeatsUnblocked { event, seats } => {
            Kind::SeatsUnblocked(v1::SeatsUnblocked { event: raw(event.to_bytes()), seats })
        }
        ChangeKind::PlacesRefunded { booking, refund, places, amount } => {
            let booking = raw(booking.to_bytes());
            Kind::PlacesRefunded(v1::PlacesRefunded { booking, refund, places, amount })
        }
        ChangeKind::RefundSettled { booking, refund, reference } => {
            let booking = raw(booking.to_bytes());
            Kind::RefundSettled(v1::RefundSettled { booking, refund, reference })
        }
        ChangeKind::TicketTransferred { booking, place, to, version } => {
            let (booking, to) = (raw(booking.to_bytes()), raw(to.to_bytes()));
            Kind::TicketTransferred(v1::TicketTransferred { booking, place, to, version })
        }
        ChangeKind::TicketRedeemed { booking, place, door } => {
            let booking = raw(booking.to_bytes());
            Kind::TicketRedeemed(v1::TicketRedeemed { booking, place, door })
        }
        ChangeKind::Queue { event, change } => Kind::QueueChanged(queue::changed(event, change)),
        ChangeKind::TicketUnredeemed { booking, place } => {
            Kind::TicketUnredeemed(v1::TicketUnredeemed { booking: raw(booking.to_bytes()), place })
        }
        ChangeKind::Door(change) => door_change(change),
        ChangeKind::Money(change) => Kind::MoneyChanged(money::changed(change)),
        ChangeKind::Consumer(change) => Kind::ConsumerChanged(consumers::changed(change)),
        ChangeKind::Terms { event, change } => {
            Kind::TermsChanged(super::terms::changed(raw(event.to_bytes()), change))
        }
        ChangeKind::Waitlist(change) => Kind::WaitlistChanged(waitlist::changed(change)),
    }
}

fn door_change(change: DoorChange) -> v1::change::Kind {
    use v1::change::Kind;
    match change {
        DoorChange::TicketVoided { booking, place, reason } => {
            let booking = raw(booking.to_bytes());
            Kind::TicketVoided(v1::TicketVoided { booking, place, reason })
        }
        DoorChange::ScanConflict { booking, place, door, seen_ms, first_door, first_ms } => {
            let booking = raw(booking.to_bytes());
            Kind::ScanConflict(v1::ScanConflict {
                booking,
                place,
                door,
                seen_ms,
                first_door,
                first_ms,
            })
        }
    }
}

fn door_counts(counts: DoorCounts) -> v1::DoorCounts {
    let count = |(door, count): (String, u32)| v1::DoorCount { door, count };
    v1::DoorCounts { total: counts.total, doors: counts.doors.into_iter().map(count).collect() }
}

fn found_reply(found: Found) -> v1::QueryReply {
    use v1::query_reply::Kind;
    let kind = match found {
        Found::Event(view) => Kind::Event(event(*view)),
        Found::Events { events, more } => {
            Kind::Events(v1::EventList { events: events.into_iter().map(event).collect(), more })
        }
        Found::Seats { states, event: view } => {
            Kind::Seats(v1::Seats { states: states.into(), event: Some(event(*view)) })
        }
        Found::SeatMap { data, part, parts } => {
            Kind::SeatMap(v1::SeatMapPart { data: data.into(), part, parts })
        }
        Found::Booking(view) => Kind::Booking(booking(*view)),
        Found::Bookings { bookings, more } => Kind::Bookings(v1::BookingList {
            bookings: bookings.into_iter().map(booking).collect(),
            more,
        }),
        Found::Venue(id, doc) => Kind::Venue(venue_entry(id, *doc)),
        Found::Venues { venues, more } => Kind::Venues(v1::VenueList {
            venues: venues.into_iter().map(|(id, doc)| venue_entry(id, doc)).collect(),
            more,
        }),
        Found::User(id, doc) => {
            Kind::User(v1::UserEntry { user: raw(id.to_bytes()), doc: Some(user(*doc)) })
        }
        Found::Stats(stats) => Kind::Stats(v1::ShardStatsReply {
            events: stats.events,
            bookings: stats.bookings,
            holds_live: stats.holds_live,
            holds_due: stats.holds_due,
            next_deadline_ms: stats.next_deadline_ms,
            users: stats.users,
            venues: stats.venues,
            archived: stats.archived,
        }),
        Found::Refunds { lines, next_seq } => Kind::Refunds(v1::RefundList {
            refunds: lines.into_iter().map(life::refund_line).collect(),
            next_seq,
        }),
        Found::AuditHead(head, event_no) => Kind::AuditHead(v1::AuditHead {
            head: Bytes::copy_from_slice(&head.head),
            changes: head.changes,
            revision: head.revision,
            event_no,
        }),
        Found::Consumers(all) => Kind::Consumers(consumers::list(all)),
        Found::Doors(counts) => Kind::Doors(door_counts(counts)),
        Found::Takings(sums) => Kind::EventMoney(money::takings(&sums)),
        Found::Flag(value) => Kind::Flag(v1::Flag { value }),
        Found::Queue(view) => Kind::Queue(queue::queue(*view)),
        Found::QueuePlace(view) => Kind::QueuePlace(queue::place(*view)),
        Found::Terms(view) => Kind::EventTerms(super::terms::view(*view)),
        Found::Waitlist(view) => Kind::Waitlist(waitlist::waitlist(view)),
        Found::Waiter(view) => Kind::Waiter(waitlist::waiter(*view)),
        Found::Waiters(page) => Kind::Waiters(waitlist::waiters(page)),
        Found::Account(view) => Kind::Account(super::accounts::view(view)),
        Found::UserList(view) => Kind::UserList(user_lists::list(view)),
        Found::OldListings(page) => Kind::OldListings(user_lists::old(page)),
    };
    v1::QueryReply { kind: Some(kind) }
}

fn venue_entry(id: VenueId, doc: Venue) -> v1::VenueEntry {
    v1::VenueEntry { venue: raw(id.to_bytes()), doc: Some(venue(doc)) }
}

#[cfg(test)]
mod tests;
