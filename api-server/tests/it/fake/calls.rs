//! The seam's calls, each one job on the state.

use std::collections::VecDeque;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use futures_util::future::BoxFuture;
use rowlock_api_server::inventory::{Call, Feed, Inventory, RefundOrder};
use rowlock_client::types::{
    AreaCounts, Booking, BookingId, BookingLocator, BookingState, Cart, Change, ChangeKind,
    Confirmed, ErrorCode, Event, EventId, EventLife, EventPatch, EventSpec, EventState,
    ExchangeOrder, Exchanged, Page, PaymentBegun, RefundDecided, RequestKey, SeatCounts,
    SeatMapHash, SeatState, Seats, ShardId, Slot, User, UserEntry, UserId, UserPatch, Venue,
    VenueEntry, VenueId, WatchBatch,
};
use rowlock_client::user_lists::{ListingAge, UserList, listings};
use rowlock_client::{Error, WatchError};
use rowlock_proto::seat_map::SeatMap;
use sha2::{Digest, Sha256};

use super::{Fake, Stored, refuse};

struct FakeFeed {
    fake: Fake,
    after: u64,
}

impl Feed for FakeFeed {
    fn next(&mut self) -> BoxFuture<'_, Result<WatchBatch, WatchError>> {
        Box::pin(async {
            loop {
                let news = self.fake.news.notified();
                let changes: Vec<Change> = {
                    let state = self.fake.state.lock().unwrap();
                    let changes = state.changes.iter();
                    changes.filter(|change| change.revision > self.after).cloned().collect()
                };
                if let Some(last) = changes.last() {
                    self.after = last.revision;
                    let revision = last.revision;
                    return Ok(WatchBatch { changes, revision, log_time_ms: 0 });
                }
                news.await;
            }
        })
    }
}

impl Inventory for Fake {
    fn shard_count(&self) -> u32 {
        1
    }
    fn watch(&self, _shard: ShardId, after: u64) -> Box<dyn Feed> {
        Box::new(FakeFeed { fake: self.clone(), after })
    }
    fn event(&self, event: EventId) -> Call<'_, Event> {
        self.with(|state, _| match state.events.get(&event) {
            Some(stored) => Ok(stored.event.clone()),
            None => refuse(ErrorCode::EventNotFound),
        })
    }
    fn events_of(
        &self,
        _shard: ShardId,
        after: Option<EventId>,
        limit: u32,
    ) -> Call<'_, Page<Event>> {
        self.listed.fetch_add(1, Ordering::SeqCst);
        self.with(|state, _| {
            let rest: VecDeque<Event> = state
                .events
                .values()
                .filter(|stored| after.is_none_or(|after| stored.event.id > after))
                .map(|stored| stored.event.clone())
                .collect();
            let more = rest.len() > limit as usize;
            Ok(Page { items: rest.into_iter().take(limit as usize).collect(), more })
        })
    }
    fn seats(&self, event: EventId) -> Call<'_, Seats> {
        self.with(|state, _| {
            let Some(stored) = state.events.get(&event) else {
                return refuse(ErrorCode::EventNotFound);
            };
            let states = stored.owners.iter().map(|owner| match owner {
                None => SeatState::Available,
                Some(id) if state.bookings[id].state == BookingState::Confirmed => SeatState::Sold,
                Some(_) => SeatState::Held,
            });
            Ok(Seats { states: states.collect(), event: stored.event.clone() })
        })
    }
    fn seat_map(&self, _slot: Slot, map: SeatMapHash) -> BoxFuture<'_, Result<Vec<u8>, Error>> {
        let bytes = self.state.lock().unwrap().maps.get(&map.0).cloned();
        Box::pin(async { bytes.map_or_else(|| refuse(ErrorCode::SeatMapNotFound), Ok) })
    }
    fn venue(&self, id: VenueId) -> Call<'_, VenueEntry> {
        self.with(|state, _| match state.venues.get(&id) {
            Some(venue) => Ok(VenueEntry { id, venue: venue.clone() }),
            None => refuse(ErrorCode::VenueNotFound),
        })
    }
    fn booking(&self, id: BookingId) -> Call<'_, Booking> {
        self.with(|state, _| match state.bookings.get(&id) {
            Some(booking) => Ok(booking.clone()),
            None => refuse(ErrorCode::BookingNotFound),
        })
    }
    fn booking_by_locator(&self, locator: BookingLocator) -> Call<'_, Booking> {
        self.with(|state, _| {
            let found = state.bookings.values().find(|booking| booking.id.locator() == locator);
            found.cloned().map_or_else(|| refuse(ErrorCode::BookingNotFound), Ok)
        })
    }
    fn bookings(&self, event: EventId, after_seq: u32, limit: u32) -> Call<'_, Page<Booking>> {
        self.with(|state, _| {
            let mut all: Vec<Booking> = state
                .bookings
                .values()
                .filter(|booking| booking.event == event && booking.id.locator().seq() > after_seq)
                .cloned()
                .collect();
            let more = all.len() > limit as usize;
            all.truncate(limit as usize);
            Ok(Page { items: all, more })
        })
    }
    fn user(&self, id: UserId) -> Call<'_, UserEntry> {
        self.with(|state, _| match state.users.get(&id) {
            Some(user) => Ok(UserEntry { id, user: user.clone() }),
            None => refuse(ErrorCode::UserNotFound),
        })
    }
    /// Never behind, as if its consumer had just been there.
    fn user_list(
        &self,
        user: UserId,
        after: Option<ListingAge>,
        skip: u32,
        limit: u32,
    ) -> Call<'_, UserList> {
        let (skip, limit) = (skip as usize, limit as usize);
        self.with(move |state, _| {
            let all = state.bookings.values();
            let all = all.flat_map(|booking| listings(booking, 1, &BTreeSet::from([user])));
            let shown = all.filter(|it| it.user == user && (it.buyer || !it.tickets.is_empty()));
            let mut shown: Vec<_> = shown.collect();
            shown.sort_by_key(|listing| std::cmp::Reverse(listing.age()));
            let total = shown.len() as u64;
            shown.retain(|listing| after.is_none_or(|after| listing.age() < after));
            let more = shown.len() > skip.saturating_add(limit);
            let items = shown.into_iter().skip(skip).take(limit).collect();
            Ok(UserList { items, total, more })
        })
    }
    fn user_by_email<'a>(&'a self, email: &'a str) -> Call<'a, UserEntry> {
        let email = rowlock_client::key::normal_email(email);
        self.with(|state, _| match state.users.iter().find(|(_, user)| user.email == email) {
            Some((&id, user)) => Ok(UserEntry { id, user: user.clone() }),
            None => refuse(ErrorCode::UserNotFound),
        })
    }
    fn put_seat_map<'a>(
        &'a self,
        _slot: Slot,
        bytes: &'a [u8],
        _principal: UserId,
    ) -> BoxFuture<'a, Result<SeatMapHash, Error>> {
        let hash: [u8; 32] = Sha256::digest(bytes).into();
        self.state.lock().unwrap().maps.insert(hash, bytes.to_vec());
        Box::pin(async move { Ok(SeatMapHash(hash)) })
    }
    fn put_venue(&self, venue: VenueId, doc: Venue, _: UserId, _: RequestKey) -> Call<'_, ()> {
        self.with(|state, _| {
            state.venues.insert(venue, doc);
            Ok(())
        })
    }
    fn create_event(&self, id: EventId, spec: EventSpec, _: UserId, _: RequestKey) -> Call<'_, ()> {
        self.with(|state, now_ms| {
            if let Some(stored) = state.events.get(&id) {
                return if stored.event.spec == spec {
                    Ok(())
                } else {
                    refuse(ErrorCode::EventExists)
                };
            }
            let map = SeatMap::decode(&state.maps[&spec.map.0]).unwrap();
            let categories: Vec<u8> = map.seats().map(|(_, _, _, seat)| seat.category).collect();
            let total = u32::try_from(categories.len()).unwrap();
            let counts = SeatCounts { total, available: total, ..SeatCounts::default() };
            let event = Event {
                id,
                spec,
                state: EventState::Draft,
                counts,
                event_no: 1,
                created_ms: now_ms,
                revision: 0,
                areas: map
                    .areas
                    .iter()
                    .map(|area| AreaCounts { capacity: area.capacity, held: 0, sold: 0 })
                    .collect(),
                life: EventLife::default(),
            };
            let area_categories = map.areas.iter().map(|area| area.category).collect();
            let owners = vec![None; categories.len()];
            let stored =
                Stored { event, categories, owners, area_categories, keys: BTreeMap::new() };
            state.events.insert(id, stored);
            state.note(now_ms, ChangeKind::EventChanged { event: id, state: EventState::Draft });
            Ok(())
        })
    }
    fn update_event(
        &self,
        id: EventId,
        patch: EventPatch,
        _: UserId,
        _: RequestKey,
    ) -> Call<'_, ()> {
        self.with(|state, now_ms| {
            let Some(stored) = state.events.get_mut(&id) else {
                return refuse(ErrorCode::EventNotFound);
            };
            let counts = stored.event.counts;
            if !patch.prices.is_empty() && counts.held + counts.sold > 0 {
                return refuse(ErrorCode::PricesInUse);
            }
            let spec = &mut stored.event.spec;
            if let Some(name) = patch.name {
                spec.name = name;
            }
            if let Some(description) = patch.description {
                spec.description = description;
            }
            if let Some(date_ms) = patch.date_ms {
                spec.date_ms = date_ms;
            }
            if let Some(sale_start_ms) = patch.sale_start_ms {
                spec.sale_start_ms = sale_start_ms;
            }
            if !patch.prices.is_empty() {
                spec.prices = patch.prices;
            }
            let now = stored.event.state;
            state.note(now_ms, ChangeKind::EventChanged { event: id, state: now });
            Ok(())
        })
    }
    fn publish_event(&self, id: EventId, _: UserId, _: RequestKey) -> Call<'_, ()> {
        self.with(|state, now_ms| match state.events.get_mut(&id) {
            None => refuse(ErrorCode::EventNotFound),
            Some(stored) if stored.event.state == EventState::Cancelled => {
                refuse(ErrorCode::EventStateConflict)
            }
            Some(stored) => {
                stored.event.state = EventState::Published;
                let state_now = EventState::Published;
                state.note(now_ms, ChangeKind::EventChanged { event: id, state: state_now });
                Ok(())
            }
        })
    }
    fn cancel_event(&self, id: EventId, _: UserId, _: RequestKey) -> Call<'_, ()> {
        self.with(|state, now_ms| match state.events.get_mut(&id) {
            None => refuse(ErrorCode::EventNotFound),
            Some(stored) => {
                stored.event.state = EventState::Cancelled;
                let state_now = EventState::Cancelled;
                state.note(now_ms, ChangeKind::EventChanged { event: id, state: state_now });
                Ok(())
            }
        })
    }
    fn hold<'a>(
        &'a self,
        event: EventId,
        seats: &'a [u32],
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking> {
        self.with(|state, now_ms| state.hold(now_ms, event, (seats, &[]), principal, key))
    }
    fn hold_cart(
        &self,
        event: EventId,
        cart: Cart,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Booking> {
        self.with(|state, now_ms| state.hold_cart(now_ms, event, cart, principal, key))
    }
    fn release(&self, id: BookingId, principal: UserId, _: RequestKey) -> Call<'_, ()> {
        self.with(|state, now_ms| match state.owned(id, principal)?.state {
            BookingState::Held => {
                state.let_go(now_ms, id, BookingState::Released);
                Ok(())
            }
            BookingState::Released => Ok(()),
            BookingState::Expired => refuse(ErrorCode::BookingExpired),
            BookingState::Paying
            | BookingState::Capturing
            | BookingState::Confirmed
            | BookingState::RefundDue
            | BookingState::Refunded => refuse(ErrorCode::BookingStateConflict),
        })
    }
    fn extend_hold(&self, id: BookingId, principal: UserId, _: RequestKey) -> Call<'_, Booking> {
        self.with(|state, now_ms| state.extend_hold(now_ms, id, principal))
    }
    fn release_places<'a>(
        &'a self,
        id: BookingId,
        places: &'a [u32],
        principal: UserId,
        _: RequestKey,
    ) -> Call<'a, Booking> {
        self.with(|state, _| state.release_places(id, places, principal))
    }
    fn transfer_ticket(
        &self,
        id: BookingId,
        place: u32,
        version: u32,
        to: UserId,
        principal: UserId,
        _: RequestKey,
    ) -> Call<'_, Booking> {
        self.with(|state, _| state.transfer_ticket(id, (place, version), to, principal))
    }
    fn redeem_ticket<'a>(
        &'a self,
        id: BookingId,
        place: u32,
        version: u32,
        door: &'a str,
        _: UserId,
        key: RequestKey,
    ) -> Call<'a, Booking> {
        self.with(|state, now_ms| state.redeem_ticket(now_ms, id, (place, version), door, key))
    }
    fn unredeem_ticket(
        &self,
        id: BookingId,
        place: u32,
        _: UserId,
        _: RequestKey,
    ) -> Call<'_, Booking> {
        self.with(|state, _| state.unredeem_ticket(id, place))
    }
    fn begin_payment(
        &self,
        id: BookingId,
        amount: u64,
        principal: UserId,
        _: RequestKey,
    ) -> Call<'_, PaymentBegun> {
        self.step(move |state, now_ms| state.begin(now_ms, id, amount, principal))
    }
    fn attach_intent<'a>(
        &'a self,
        id: BookingId,
        attempt: u32,
        intent: &'a str,
        principal: UserId,
        _: RequestKey,
    ) -> Call<'a, ()> {
        let lost = self.lose_attach.load(Ordering::SeqCst);
        let attached = self.step(move |state, _| {
            let booking = state.owned(id, principal)?;
            let other = !booking.intent.is_empty() && booking.intent != intent;
            if booking.state != BookingState::Paying || booking.attempt != attempt || other {
                return refuse(ErrorCode::PaymentFenced);
            }
            intent.clone_into(&mut booking.intent);
            Ok(())
        });
        if lost { Box::pin(async { Err(Error::Unknown) }) } else { attached }
    }
    fn confirm_payment<'a>(
        &'a self,
        id: BookingId,
        attempt: u32,
        intent: &'a str,
        principal: UserId,
        _: RequestKey,
    ) -> Call<'a, Confirmed> {
        self.step(move |state, now_ms| state.confirm(now_ms, id, attempt, intent, principal))
    }
    fn fail_payment<'a>(
        &'a self,
        id: BookingId,
        attempt: u32,
        reason: &'a str,
        principal: UserId,
        _: RequestKey,
    ) -> Call<'a, Booking> {
        self.step(move |state, now_ms| state.fail(now_ms, id, attempt, reason, principal))
    }
    fn refund_places<'a>(
        &'a self,
        id: BookingId,
        order: RefundOrder<'a>,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'a, RefundDecided> {
        self.with(|state, now_ms| state.refund(now_ms, id, order, principal, key))
    }
    fn exchange_places(
        &self,
        id: BookingId,
        _: EventId,
        order: ExchangeOrder,
        principal: UserId,
        key: RequestKey,
    ) -> Call<'_, Exchanged> {
        self.with(|state, now_ms| state.exchange(now_ms, id, &order, principal, key))
    }
    fn settle_refund<'a>(
        &'a self,
        id: BookingId,
        refund: u32,
        reference: &'a str,
        principal: UserId,
        _: RequestKey,
    ) -> Call<'a, Booking> {
        self.with(|state, _| state.settle(id, refund, reference, principal))
    }
    fn register_user(&self, id: UserId, doc: User, _: UserId, _: RequestKey) -> Call<'_, ()> {
        self.with(|state, now_ms| {
            if let Some((owner, user)) =
                state.users.iter().find(|(_, user)| user.email == doc.email)
            {
                let same = *owner == id && user.password_hash == doc.password_hash;
                return if same { Ok(()) } else { refuse(ErrorCode::EmailTaken) };
            }
            state.users.insert(id, User { created_ms: now_ms, ..doc });
            Ok(())
        })
    }
    fn update_user(&self, id: UserId, patch: UserPatch, _: UserId, _: RequestKey) -> Call<'_, ()> {
        self.with(|state, _| {
            let Some(user) = state.users.get_mut(&id) else {
                return refuse(ErrorCode::UserNotFound);
            };
            let text = |old: &mut String, new: Option<String>| {
                if let Some(new) = new {
                    *old = new;
                }
            };
            text(&mut user.first_name, patch.first_name);
            text(&mut user.last_name, patch.last_name);
            text(&mut user.phone, patch.phone);
            Ok(())
        })
    }
}
