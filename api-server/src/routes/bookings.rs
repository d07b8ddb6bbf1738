//! Bookings: held, looked at, given back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rowlock_client::types::{Booking, BookingId, BookingState, Cart, EventId};
use rowlock_client::{Answered, Error, key};
use rowlock_proto::{BookingReference, ErrorCode, SeatId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::areas::{self, AreaWish, BookedAreaView};
use super::best_available::BestAvailable;
use super::desk::ReceiptView;
use super::events;
use super::promotions::CODE_BYTES_MAX;
use super::refunds::RefundView;
use super::tickets::{TicketView, ticket_views};
use super::venues::text;
use crate::app::App;
use crate::http::body::BOOKING_BYTES_MAX;
use crate::http::idempotency::Request;
use crate::http::{Caller, IdempotencyKey, Json, Path, reply};
use crate::layout::Layout;
use crate::metrics::BookingStatus;
use crate::money::Amount;
use crate::places::{PlaceKind, places};
use crate::problem::Problem;
use crate::time;

/// Seats of one booking.
pub(crate) const SEATS_MAX: usize = 100;
/// Bad ids that a problem repeats, and characters of each.
const NAMED_MAX: usize = 20;
const NAMED_CHARS_MAX: usize = 64;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewBooking {
    event_id: String,
    /// Seats of the event by id, each once. Needed unless something else is asked for.
    seat_ids: Option<Vec<String>>,
    /// Instead of seats by id, or besides them: at most 100 places in all.
    best_available: Option<BestAvailable>,
    /// Places in areas without seats, alone or besides seats.
    areas: Option<Vec<AreaWish>>,
    /// Lets into a channel of the event, with what is kept for it.
    access_code: Option<String>,
    /// If it is there it must be the caller.
    user_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BookingView {
    pub(crate) booking_id: String,
    pub(crate) booking_reference: String,
    event_id: String,
    user_id: String,
    pub(crate) status: &'static str,
    pub(crate) seats: Vec<BookedSeatView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    areas: Vec<BookedAreaView>,
    /// What a promotion takes off, and what is paid besides the places: both are in the total.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    discount: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    fees: Option<Amount>,
    #[schema(value_type = f64)]
    total_amount: Amount,
    currency: String,
    /// Code of the promotion.
    #[serde(skip_serializing_if = "Option::is_none")]
    promotion: Option<String>,
    /// The channel that it was made through.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    created_at: String,
    expires_at: String,
    /// Seconds that the seats are still held.
    pub(crate) time_remaining: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decline_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tickets: Option<Vec<TicketView>>,
    /// How it was sold without a payment provider.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    receipts: Vec<ReceiptView>,
    /// Money that went back, or is about to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refunds: Vec<RefundView>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BookedSeatView {
    id: String,
    /// Its number in the booking.
    place: u32,
    pub(crate) section: String,
    pub(crate) row: String,
    pub(crate) seat_number: String,
    #[schema(value_type = f64)]
    price: Amount,
}

/// Section, row and number of one booked seat.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeatLabel {
    pub(crate) section: String,
    pub(crate) row: String,
    pub(crate) seat_number: String,
}

impl SeatLabel {
    /// A place in an area has the area's name and nothing else.
    pub(crate) fn of_place(layout: &Layout, kind: PlaceKind) -> Self {
        match kind {
            PlaceKind::Seat(seat) => Self::of(layout, seat),
            PlaceKind::Area(area) => {
                let section = layout.area_name(area).to_owned();
                Self { section, row: String::new(), seat_number: String::new() }
            }
        }
    }

    /// For people: `row A, seat 1`, or an area's name.
    pub(crate) fn words(&self) -> String {
        if self.row.is_empty() {
            self.section.clone()
        } else {
            format!("row {}, seat {}", self.row, self.seat_number)
        }
    }

    pub(crate) fn of(layout: &Layout, seat: u32) -> Self {
        match layout.place(seat) {
            Some(place) => Self {
                section: place.section.name.clone(),
                row: place.row.label.clone(),
                seat_number: place.seat.label.clone(),
            },
            None => {
                Self { section: String::new(), row: String::new(), seat_number: seat.to_string() }
            }
        }
    }
}

pub(crate) const fn status(state: BookingState) -> &'static str {
    match state {
        BookingState::Held | BookingState::Paying | BookingState::Capturing => "PENDING",
        BookingState::Confirmed => "CONFIRMED",
        BookingState::Released => "CANCELLED",
        BookingState::Expired => "EXPIRED",
        BookingState::RefundDue | BookingState::Refunded => "REFUNDED",
    }
}

/// How long the seats are still held, as seen at `now_ms`.
pub(crate) fn remaining_s(booking: &Booking, now_ms: u64) -> u64 {
    match booking.state {
        BookingState::Held | BookingState::Paying => {
            booking.expires_ms.saturating_sub(now_ms).div_ceil(1_000)
        }
        BookingState::Capturing
        | BookingState::Confirmed
        | BookingState::Released
        | BookingState::Expired
        | BookingState::RefundDue
        | BookingState::Refunded => 0,
    }
}

impl BookingView {
    /// As it was granted: `now_ms` is then when it was made.
    pub(super) fn of(
        app: &App,
        caller: &Caller,
        booking: &Booking,
        layout: &Layout,
        now_ms: u64,
    ) -> Self {
        let confirmed = booking.state == BookingState::Confirmed;
        let seats = places(booking).filter_map(|place| {
            let PlaceKind::Seat(seat) = place.kind else { return None };
            let SeatLabel { section, row, seat_number } = SeatLabel::of(layout, seat);
            let id = SeatId::new(booking.event, seat).to_string();
            let price = Amount::new(place.price, &booking.currency);
            let place = place.number;
            Some(BookedSeatView { id, place, section, row, seat_number, price })
        });
        // As the token names its owner; the booking itself knows only what was made of it.
        let owner = || caller.subject.clone();
        let user_id = if caller.user == booking.user { owner() } else { booking.user.to_string() };
        let declined = booking.decline_reason.clone();
        let extras = &booking.extras;
        let amount = |minor| (minor != 0).then(|| Amount::new(minor, &booking.currency));
        let word = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let refunds = extras.refunds.iter();
        let refunds = refunds.map(|refund| RefundView::of(refund, &booking.currency));
        Self {
            booking_id: booking.id.to_string(),
            booking_reference: booking.id.reference().to_string(),
            event_id: booking.event.to_string(),
            user_id,
            status: status(booking.state),
            seats: seats.collect(),
            areas: areas::of_booking(booking, layout),
            discount: amount(extras.discount),
            fees: amount(extras.fees),
            total_amount: Amount::new(booking.total, &booking.currency),
            currency: booking.currency.clone(),
            promotion: word(&extras.promotion),
            channel: word(&extras.channel),
            created_at: time::rfc3339(booking.created_ms),
            expires_at: time::rfc3339(booking.expires_ms),
            time_remaining: remaining_s(booking, now_ms),
            payment_id: word(&booking.intent).filter(|_| confirmed),
            confirmed_at: confirmed.then(|| time::rfc3339(booking.confirmed_ms)),
            decline_reason: (!confirmed && !declined.is_empty()).then_some(declined),
            tickets: confirmed.then(|| ticket_views(app, booking, layout)),
            receipts: ReceiptView::all(booking, caller),
            refunds: refunds.collect(),
        }
    }
}

/// The layout that a booking's seats are of.
pub(crate) async fn layout_of(app: &App, event: EventId) -> Result<Arc<Layout>, Problem> {
    // The map of an event never changes, so an older reading says which it is.
    let map = app.events.get(&*app.inventory, event).await?.spec.map;
    Ok(app.layouts.get(&*app.inventory, event.slot(), map).await?)
}

/// Seat ids as indexes of `event`, or what is wrong with them. The core checks again.
pub(crate) fn seats_of(event: EventId, ids: &[String]) -> Result<Vec<u32>, Problem> {
    seats_named(event, ids, SEATS_MAX)
}

/// The same, of at most `most`.
pub(super) fn seats_named(
    event: EventId,
    ids: &[String],
    most: usize,
) -> Result<Vec<u32>, Problem> {
    if ids.is_empty() {
        return Err(Problem::new(ErrorCode::NoSeats, "seatIds is empty"));
    }
    if ids.len() > most {
        let what = format!("seatIds has {} seats; {most} are allowed", ids.len());
        return Err(Problem::new(ErrorCode::TooManySeats, what).with("maxSeats", json!(most)));
    }
    let named = |bad: Vec<&String>| -> Vec<String> {
        let short = bad.into_iter().take(NAMED_MAX);
        short.map(|id| id.chars().take(NAMED_CHARS_MAX).collect()).collect()
    };
    let (mut unknown, mut foreign, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    let (mut seats, mut seen) = (Vec::with_capacity(ids.len()), BTreeSet::new());
    for id in ids {
        match id.parse::<SeatId>().map(|seat| seat.index_in(event)) {
            Err(_) => unknown.push(id),
            Ok(None) => foreign.push(id),
            Ok(Some(seat)) if !seen.insert(seat) => repeated.push(id),
            Ok(Some(seat)) => seats.push(seat),
        }
    }
    let refuse =
        |code, what: &str, bad| Err(Problem::new(code, what).with("seatIds", json!(named(bad))));
    if !unknown.is_empty() {
        return refuse(ErrorCode::SeatUnknown, "the ids in seatIds name no seats", unknown);
    }
    if !foreign.is_empty() {
        let what = "the seats in seatIds belong to another event";
        return refuse(ErrorCode::SeatOfAnotherEvent, what, foreign);
    }
    if !repeated.is_empty() {
        return refuse(ErrorCode::SeatRepeated, "the seats in seatIds are named twice", repeated);
    }
    Ok(seats)
}

/// The places that a request asks for, or what is wrong with it.
pub(super) async fn cart_of(
    app: &App,
    event: EventId,
    seat_ids: Option<&[String]>,
    best: Option<BestAvailable>,
    areas: Option<&[AreaWish]>,
) -> Result<Cart, Problem> {
    let mut cart = Cart::default();
    if let Some(ids) = seat_ids {
        cart.seats = seats_of(event, ids)?;
    } else if best.is_none() && areas.is_none() {
        let what = "one of seatIds, bestAvailable and areas is needed";
        return Err(Problem::new(ErrorCode::Malformed, what));
    }
    cart.areas = areas::read(event, areas.unwrap_or_default())?;
    if let Some(best) = best {
        cart.best = Some(best.read(app, event).await?);
    }
    let best = cart.best.as_ref().map_or(0, |best| best.quantity as usize);
    let areas: usize = cart.areas.iter().map(|(_, count)| *count as usize).sum();
    match cart.seats.len() + best + areas {
        0 => Err(Problem::new(ErrorCode::NoSeats, "areas is empty")),
        count if count > SEATS_MAX => {
            let what = format!("{count} places are asked for; one booking may have {SEATS_MAX}");
            let problem = Problem::new(ErrorCode::TooManySeats, what);
            Err(problem.with("maxSeats", json!(SEATS_MAX)))
        }
        _ => Ok(cart),
    }
}

/// Holds all of the seats or none.
pub(crate) async fn hold(
    app: &App,
    caller: &Caller,
    event: EventId,
    cart: Cart,
    code: Option<&str>,
    request: &Request,
) -> Result<Answered<Booking>, Problem> {
    let started = Instant::now();
    app.metrics.booking(BookingStatus::attempt);
    let held = if let Some(code) = code {
        app.inventory.hold_with_code(event, cart, code, caller.user, request.key()).await
    } else if cart.best.is_none() && cart.areas.is_empty() {
        app.inventory.hold(event, &cart.seats, caller.user, request.key()).await
    } else {
        app.inventory.hold_cart(event, cart, caller.user, request.key()).await
    };
    app.metrics.booking_took(started.elapsed());
    app.metrics.booking(match &held {
        Ok(_) => BookingStatus::success,
        Err(Error::Refused(_)) => BookingStatus::refused,
        Err(Error::Unknown | Error::Unavailable { .. }) => BookingStatus::failed,
    });
    held.map_err(|error| match error.code() {
        // A draft is nobody's business.
        Some(ErrorCode::EventStateConflict) if !caller.may_organise() => Problem::event_not_found(),
        Some(ErrorCode::EventNotFound) => Problem::event_not_found(),
        Some(_) | None => Problem::of_event(error, event),
    })
}

/// Hold seats: all of them or none.
#[utoipa::path(post, path = "/bookings", tag = "bookings", security(("bearer" = [])),
    request_body = NewBooking,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 201, description = "The seats are held", body = BookingView),
        (status = 403, description = "not-allowed: userId is not the caller; access-code-unknown, \
            queue-pass-needed"),
        (status = 409, description = "seat-taken, not-enough-seats, not-together, sale-not-open, \
            sale-closed, limit-exceeded, order-limit-exceeded, held-limit-exceeded, \
            too-many-lapsed-holds, single-seat-left, seat-kept, quota-kept, channel-full, \
            access-code-used-up, waitlist-first"),
        (status = 422, description = "seat-unknown, seat-of-another-event, seat-repeated, no-seats, \
            area-unknown, too-many-seats, idempotency-key-reused")))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    body: Json<NewBooking, BOOKING_BYTES_MAX>,
) -> Result<Response, Problem> {
    let request = key.request(&caller.subject, "POST /bookings");
    let new = body.value;
    if new.user_id.as_deref().is_some_and(|user| !caller.is(user)) {
        let what = "userId is another user than the token's";
        return Err(Problem::new(ErrorCode::NotAllowed, what).with("field", json!("userId")));
    }
    app.recent.check(&request, body.fingerprint)?;
    let event = events::parse(&new.event_id)?;
    let (seats, areas) = (new.seat_ids.as_deref(), new.areas.as_deref());
    let cart = cart_of(&app, event, seats, new.best_available, areas).await?;
    let code = new.access_code.as_deref();
    code.map_or(Ok(()), |code| text("accessCode", code, CODE_BYTES_MAX))?;
    let held = hold(&app, &caller, event, cart, code, &request).await?;
    let layout = layout_of(&app, event).await?;
    // As of its making, so that a repeat gets the same answer.
    let view = BookingView::of(&app, &caller, &held.value, &layout, held.value.created_ms);
    let mut response = reply::at(StatusCode::CREATED, held.at, &view);
    let location = format!("{}/bookings/{}", super::BASE, held.value.id);
    if let Ok(location) = location.parse() {
        response.headers_mut().insert(axum::http::header::LOCATION, location);
    }
    Ok(response)
}

/// A booking of one's own, by id or reference.
#[utoipa::path(get, path = "/bookings/{bookingId}", tag = "bookings", security(("bearer" = [])),
    params(("bookingId" = String, Path, description = "An id or a booking reference")),
    responses((status = 200, description = "The booking", body = BookingView),
        (status = 404, description = "booking-not-found")))]
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let found = find(&app, &id, &caller).await?;
    shown(&app, &caller, found).await
}

/// The booking as it is now.
pub(super) async fn shown(
    app: &App,
    caller: &Caller,
    booking: Answered<Booking>,
) -> Result<Response, Problem> {
    let layout = layout_of(app, booking.value.event).await?;
    let now_ms = booking.at.log_time_ms.max(time::now_ms());
    let view = BookingView::of(app, caller, &booking.value, &layout, now_ms);
    Ok(reply::at(StatusCode::OK, booking.at, &view))
}

/// Give the seats back.
#[utoipa::path(delete, path = "/bookings/{bookingId}", tag = "bookings", security(("bearer" = [])),
    params(("bookingId" = String, Path)),
    responses((status = 204, description = "The seats are free again"),
        (status = 404, description = "booking-not-found"),
        (status = 409, description = "booking-expired, booking-state-conflict")))]
pub(super) async fn release(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = find(&app, &id, &caller).await?.value.id;
    let released = app.inventory.release(id, caller.user, key::request_key()).await?;
    Ok(reply::with_position(StatusCode::NO_CONTENT.into_response(), released.at))
}

/// The caller's booking with this id or reference. Those of others look like none.
pub(crate) async fn find(
    app: &App,
    id: &str,
    caller: &Caller,
) -> Result<Answered<Booking>, Problem> {
    match find_of_anyone(app, id).await {
        Ok(found) if found.value.user != caller.user => Err(Problem::booking_not_found()),
        found => found,
    }
}

/// The booking with this id or reference, whosever it is.
pub(super) async fn find_of_anyone(app: &App, id: &str) -> Result<Answered<Booking>, Problem> {
    let found = if let Ok(id) = id.parse::<BookingId>() {
        app.inventory.booking(id).await
    } else if let Ok(BookingReference(locator)) = id.parse() {
        app.inventory.booking_by_locator(locator).await
    } else {
        return Err(Problem::booking_not_found());
    };
    match found {
        Err(Error::Refused(_)) => Err(Problem::booking_not_found()),
        found => Ok(found?),
    }
}
