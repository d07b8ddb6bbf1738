//! Waitlists: who finds too few places waits for them, and is served before anybody can buy.
//!
//! An offer is a booking of the waiting user: it is looked at, paid and given back like any other.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rowlock_client::key;
use rowlock_client::types::{BookingId, Event, EventId};
use rowlock_client::waitlist::{WaitStanding, Waiter, Waitlist, WaitlistRules, Wish};
use rowlock_client::{Answered, Error, Refusal};
use rowlock_proto::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::best_available::numbers;
use super::bookings::{self, BookingView, layout_of};
use super::events;
use super::holds::NO_BODY;
use crate::app::App;
use crate::http::{Caller, IdempotencyKey, Json, Path, Query, reply};
use crate::layout::Layout;
use crate::problem::Problem;
use crate::time;

/// Places of one entry; the core has the same bound.
const QUANTITY_MAX: u32 = 32;
/// How long an offer may last; the core has the same bounds.
const OFFER_SECONDS_MIN: u64 = 10;
const OFFER_SECONDS_MAX: u64 = 7 * 24 * 60 * 60;
const LIMIT: u32 = 20;
const LIMIT_MAX: u32 = 100;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewWish {
    /// 1 to 32 places, all at once.
    quantity: u32,
    /// Names of categories; none: any.
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    together: Nearness,
    /// At least one wheelchair place, and companion seats for the others.
    #[serde(default)]
    accessible: bool,
}

#[derive(Clone, Copy, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Nearness {
    /// As near to one another as can be had.
    #[default]
    Preferred,
    /// Side by side, or in one area.
    Adjacent,
}

impl NewWish {
    fn read(self, layout: &Layout) -> Result<Wish, Problem> {
        if self.quantity == 0 || self.quantity > QUANTITY_MAX {
            return Err(Problem::field("quantity", format!("must be 1 to {QUANTITY_MAX}")));
        }
        let known = layout.map.categories.iter().map(|category| category.name.as_str());
        Ok(Wish {
            quantity: self.quantity,
            categories: numbers("categories", &self.categories, known)?,
            adjacent: match self.together {
                Nearness::Preferred => false,
                Nearness::Adjacent => true,
            },
            accessible: self.accessible,
        })
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WaiterView {
    event_id: String,
    /// Its number on the list.
    entry: u32,
    /// WAITING, OFFERED, BOUGHT, DECLINED, EXPIRED (the offer was not paid in time), PASSED_OVER (its
    /// user could not have more places), LEFT, CLOSED (the sale is over).
    status: &'static str,
    /// From 1, among all that wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u32>,
    quantity: u32,
    /// Any if there is none.
    categories: Vec<String>,
    together: Nearness,
    accessible: bool,
    joined_at: String,
    /// What came of it: there from the first offer on.
    #[serde(skip_serializing_if = "Option::is_none")]
    offer: Option<OfferView>,
    /// Only to organisers.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OfferView {
    /// A booking, to be paid like any other.
    booking_id: String,
    /// Until when its places are held.
    expires_at: String,
}

const fn status(standing: WaitStanding) -> &'static str {
    match standing {
        WaitStanding::Waiting => "WAITING",
        WaitStanding::Offered => "OFFERED",
        WaitStanding::Bought => "BOUGHT",
        WaitStanding::Declined => "DECLINED",
        WaitStanding::RanOut => "EXPIRED",
        WaitStanding::PassedOver => "PASSED_OVER",
        WaitStanding::Left => "LEFT",
        WaitStanding::EventOver => "CLOSED",
    }
}

impl WaiterView {
    fn of(waiter: &Waiter, layout: &Layout) -> Self {
        let Wish { quantity, categories, adjacent, accessible } = &waiter.wish;
        let name = |number: &u32| layout.category_name(*number).to_owned();
        let offer = |booking: BookingId| OfferView {
            booking_id: booking.to_string(),
            expires_at: time::rfc3339(waiter.until_ms),
        };
        Self {
            event_id: waiter.event.to_string(),
            entry: waiter.entry,
            status: status(waiter.standing),
            position: Some(waiter.position).filter(|position| *position != 0),
            quantity: *quantity,
            categories: categories.iter().map(name).collect(),
            together: if *adjacent { Nearness::Adjacent } else { Nearness::Preferred },
            accessible: *accessible,
            joined_at: time::rfc3339(waiter.joined_ms),
            offer: waiter.booking.map(offer),
            user_id: None,
        }
    }
}

/// Wait for places of which there are not enough. Who is on the list for the same already has that
/// entry; for something else, leave first. Places that come back are held for the first whom they fit.
#[utoipa::path(post, path = "/events/{eventId}/waitlist", tag = "waitlist",
    security(("bearer" = [])), request_body = NewWish,
    params(("eventId" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 201, description = "The caller's entry", body = WaiterView),
        (status = 404, description = "event-not-found"),
        (status = 409, description = "waitlist-not-needed, waitlist-joined, waitlist-closed, \
            waitlist-full, limit-exceeded, sale-closed"),
        (status = 422, description = "invalid, idempotency-key-reused")))]
pub(super) async fn join(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    body: Json<NewWish>,
) -> Result<Response, Problem> {
    let known = seen(&app, &id, &caller).await?;
    let event = known.id;
    let request = key.request(&caller.subject, &format!("POST /events/{event}/waitlist"));
    app.recent.check(&request, body.fingerprint)?;
    let layout = layout_of(&app, event).await?;
    let wish = body.value.read(&layout)?;
    let joined = app.inventory.join_waitlist(event, wish, caller.user, request.key()).await;
    let joined = joined.map_err(|error| match error {
        // The same code says that a user may have no more places.
        Error::Refused(Refusal { code: ErrorCode::LimitExceeded, limit, .. })
            if limit != u64::from(known.spec.max_seats_per_user) =>
        {
            let what = format!("one user may join this waitlist {limit} times");
            Problem::new(ErrorCode::LimitExceeded, what).with("maxEntries", json!(limit))
        }
        error => refused(error, event, &caller),
    })?;
    let view = WaiterView::of(&joined.value, &layout);
    let mut response = reply::at(StatusCode::CREATED, joined.at, &view);
    if let Ok(location) = format!("{}/events/{event}/waitlist", super::BASE).parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// The caller's latest entry: where it stands, and what it was offered.
#[utoipa::path(get, path = "/events/{eventId}/waitlist", tag = "waitlist",
    security(("bearer" = [])), params(("eventId" = String, Path)),
    responses((status = 200, description = "The entry", body = WaiterView),
        (status = 404, description = "event-not-found, waitlist-not-joined")))]
pub(super) async fn mine(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let event = seen(&app, &id, &caller).await?.id;
    let found = app.inventory.waiter(event, caller.user).await?;
    shown(&app, &found).await
}

/// Give up waiting, or decline what was offered: it goes to the next. Repeating it changes nothing.
#[utoipa::path(delete, path = "/events/{eventId}/waitlist", tag = "waitlist",
    security(("bearer" = [])), params(("eventId" = String, Path)),
    responses((status = 204, description = "The caller waits no more"),
        (status = 404, description = "event-not-found, waitlist-not-joined"),
        (status = 409, description = "booking-state-conflict: the offer is being paid, or is paid")))]
pub(super) async fn leave(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let event = seen(&app, &id, &caller).await?.id;
    let entry = app.inventory.waiter(event, caller.user).await?.value.entry;
    let left = app.inventory.leave_waitlist(event, entry, caller.user, key::request_key()).await;
    let left = left.map_err(|error| refused(error, event, &caller))?;
    match left.value.standing {
        // It is a booking like any other now, and is given back as one.
        WaitStanding::Bought => Err(Problem::new(
            ErrorCode::BookingStateConflict,
            "what was offered is paid; there is nothing to decline",
        )),
        WaitStanding::Waiting
        | WaitStanding::Offered
        | WaitStanding::Declined
        | WaitStanding::RanOut
        | WaitStanding::PassedOver
        | WaitStanding::Left
        | WaitStanding::EventOver => {
            Ok(reply::with_position(StatusCode::NO_CONTENT.into_response(), left.at))
        }
    }
}

/// Give an offer the time that a hold has, counted from now, once: then it is paid in peace. It may
/// also be paid without this.
#[utoipa::path(post, path = "/events/{eventId}/waitlist/accept", tag = "waitlist",
    security(("bearer" = [])),
    params(("eventId" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "The booking that was offered", body = BookingView),
        (status = 404, description = "event-not-found, waitlist-not-joined"),
        (status = 409, description = "no-offer: none yet, or it is over")))]
pub(super) async fn accept(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let event = seen(&app, &id, &caller).await?.id;
    let request = key.request(&caller.subject, &format!("POST /events/{event}/waitlist/accept"));
    app.recent.check(&request, NO_BODY)?;
    let entry = app.inventory.waiter(event, caller.user).await?.value.entry;
    let accepted = app.inventory.accept_offer(event, entry, caller.user, request.key()).await;
    let accepted = accepted.map_err(|error| refused(error, event, &caller))?;
    bookings::shown(&app, &caller, accepted).await
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewRules {
    /// Whether it takes entries. Those that are there stay.
    open: bool,
    /// How long offers last from now on: 10 seconds to a week.
    offer_seconds: u64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WaitlistView {
    event_id: String,
    open: bool,
    offer_seconds: u64,
    /// Entries that wait.
    waiting: u32,
    /// Offers that are neither paid nor over.
    offered: u32,
    /// Entries that were ever made.
    entries: u32,
}

impl WaitlistView {
    fn of(list: &Waitlist) -> Self {
        Self {
            event_id: list.event.to_string(),
            open: !list.rules.closed,
            offer_seconds: list.rules.offer_ms / 1_000,
            waiting: list.waiting,
            offered: list.offered,
            entries: list.entries,
        }
    }
}

/// Say whether the waitlist takes entries, and how long offers last. Every event has one, open and with
/// half an hour, unless it is told otherwise.
#[utoipa::path(put, path = "/events/{eventId}/waitlist", tag = "waitlist",
    security(("bearer" = [])), request_body = NewRules, params(("eventId" = String, Path)),
    responses((status = 200, description = "The waitlist as it is now", body = WaitlistView),
        (status = 403, description = "not-allowed: needs the role organiser"),
        (status = 404, description = "event-not-found"),
        (status = 422, description = "invalid")))]
pub(super) async fn set(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Json<NewRules>,
) -> Result<Response, Problem> {
    caller.must_organise()?;
    let event = events::parse(&id)?;
    let NewRules { open, offer_seconds } = body.value;
    if !(OFFER_SECONDS_MIN..=OFFER_SECONDS_MAX).contains(&offer_seconds) {
        let what = format!("must be {OFFER_SECONDS_MIN} to {OFFER_SECONDS_MAX}");
        return Err(Problem::field("offerSeconds", what));
    }
    let rules = WaitlistRules { offer_ms: offer_seconds * 1_000, closed: !open };
    app.inventory.set_waitlist(event, rules, caller.user, key::request_key()).await?;
    let now = app.inventory.waitlist(event).await?;
    Ok(reply::at(StatusCode::OK, now.at, &WaitlistView::of(&now.value)))
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntriesView {
    waitlist: WaitlistView,
    /// In the order of their numbers.
    entries: Vec<WaiterView>,
    /// The next page begins behind this; not there on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Who waits or has an offer, the first first. A page may have fewer entries than `limit`, and more to
/// come: `nextCursor` says so.
#[utoipa::path(get, path = "/events/{eventId}/waitlist/entries", tag = "waitlist",
    security(("bearer" = [])),
    params(("eventId" = String, Path),
        ("limit" = Option<u32>, Query, description = "1 to 100; 20 unless said otherwise"),
        ("cursor" = Option<String>, Query, description = "nextCursor of the page before"),
        ("all" = Option<bool>, Query, description = "Also those that are over")),
    responses((status = 200, description = "One page", body = EntriesView),
        (status = 403, description = "not-allowed: needs the role organiser"),
        (status = 404, description = "event-not-found"),
        (status = 422, description = "invalid")))]
pub(super) async fn entries(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Problem> {
    caller.must_organise()?;
    let event = events::parse(&id)?;
    let limit = query.number("limit")?.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::field("limit", format!("must be 1 to {LIMIT_MAX}")));
    }
    let unknown = |_| Problem::field("cursor", "is none that was given out");
    let from = query.get("cursor").map(str::parse::<u32>).transpose().map_err(unknown)?;
    let all = query.flag("all")?;
    let list = app.inventory.waitlist(event).await?.value;
    let page = app.inventory.waiters(event, from.unwrap_or(0), limit, !all).await?;
    let layout = layout_of(&app, event).await?;
    let entry = |waiter: &Waiter| WaiterView {
        user_id: Some(waiter.user.to_string()),
        ..WaiterView::of(waiter, &layout)
    };
    let view = EntriesView {
        waitlist: WaitlistView::of(&list),
        entries: page.value.items.iter().map(entry).collect(),
        next_cursor: page.value.next.map(|next| next.to_string()),
    };
    Ok(reply::at(StatusCode::OK, page.at, &view))
}

async fn shown(app: &App, found: &Answered<Waiter>) -> Result<Response, Problem> {
    let layout = layout_of(app, found.value.event).await?;
    Ok(reply::at(StatusCode::OK, found.at, &WaiterView::of(&found.value, &layout)))
}

/// The event, if the caller may know of it. Those who wait ask often: what is known is not asked
/// for again.
async fn seen(app: &App, id: &str, caller: &Caller) -> Result<Arc<Event>, Problem> {
    let known = app.events.get(&*app.inventory, events::parse(id)?).await;
    match known.ok().filter(|event| events::may_see(event, Some(caller)).is_ok()) {
        Some(event) => Ok(event),
        None => Ok(Arc::new(events::find(app, id, Some(caller)).await?.value)),
    }
}

fn refused(error: Error, event: EventId, caller: &Caller) -> Problem {
    match error.code() {
        // A draft is nobody's business.
        Some(ErrorCode::EventStateConflict) if !caller.may_organise() => Problem::event_not_found(),
        Some(_) | None => Problem::of_event(error, event),
    }
}
