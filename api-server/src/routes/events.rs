//! Events: made and changed by organisers, seen by all once they are published.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use rowlock_client::types::{Event, EventId, EventPatch, EventSpec, EventState};
use rowlock_client::{Answered, Error};
use rowlock_proto::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::venues::{self, NAME_BYTES_MAX, seat_map_url, text};
use crate::app::App;
use crate::http::cache::Keep;
use crate::http::caller::MaybeCaller;
use crate::http::idempotency::Request;
use crate::http::{Caller, IdempotencyKey, Json, Path, reply};
use crate::layout::Layout;
use crate::money::{self, Amount, Decimal};
use crate::problem::Problem;
use crate::search::{self, Availability};
use crate::time;

const DESCRIPTION_BYTES_MAX: usize = 16_384;
const URL_BYTES_MAX: usize = 1_024;
const HOLD_SECONDS: u64 = 600;
const HOLD_SECONDS_MAX: u64 = 2 * 60 * 60;
/// The dearest seat, in minor units.
const PRICE_MAX: u64 = 100_000_000_000;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewEvent {
    name: String,
    description: String,
    category: String,
    venue_id: String,
    /// RFC 3339.
    date: String,
    /// RFC 3339.
    sale_start_date: String,
    /// ISO 4217.
    currency: String,
    /// A price for each category of the seating plan.
    #[schema(value_type = BTreeMap<String, f64>)]
    prices: BTreeMap<String, Decimal>,
    image_url: Option<String>,
    /// How long seats are held; 600 unless said otherwise.
    hold_seconds: Option<u64>,
    /// No limit unless said otherwise.
    max_seats_per_user: Option<u32>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventChange {
    name: Option<String>,
    description: Option<String>,
    category: Option<String>,
    date: Option<String>,
    sale_start_date: Option<String>,
    #[schema(value_type = Option<BTreeMap<String, f64>>)]
    prices: Option<BTreeMap<String, Decimal>>,
    image_url: Option<String>,
    hold_seconds: Option<u64>,
    max_seats_per_user: Option<u32>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventView {
    id: String,
    name: String,
    description: String,
    category: String,
    venue: EventVenueView,
    city: String,
    country: String,
    date: String,
    sale_start_date: String,
    total_seats: u32,
    available_seats: u32,
    status: &'static str,
    /// Why it is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pause_reason: Option<String>,
    /// When the sale ends by itself, if that is before the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    sale_end_date: Option<String>,
    availability: &'static str,
    currency: String,
    price_range: PriceRange,
    image_url: Option<String>,
    hold_seconds: u64,
    max_seats_per_user: Option<u32>,
    /// Price of each category: only to those who may change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, f64>>)]
    prices: Option<BTreeMap<String, Amount>>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EventVenueView {
    id: String,
    name: String,
    capacity: u32,
    seat_map_url: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct PriceRange {
    #[schema(value_type = f64)]
    min: Amount,
    #[schema(value_type = f64)]
    max: Amount,
}

impl PriceRange {
    fn of(spec: &EventSpec) -> Self {
        Self::between(price_range(spec), &spec.currency)
    }

    pub(super) fn between((min, max): (u64, u64), currency: &str) -> Self {
        Self { min: Amount::new(min, currency), max: Amount::new(max, currency) }
    }
}

pub(crate) fn price_range(spec: &EventSpec) -> (u64, u64) {
    let prices = &spec.prices;
    let min = prices.iter().min().copied().unwrap_or(0);
    (min, prices.iter().max().copied().unwrap_or(0))
}

/// The word for what an event is now.
pub(crate) fn status(event: &Event, now_ms: u64) -> &'static str {
    match event.state {
        EventState::Draft => "DRAFT",
        EventState::Cancelled => "CANCELLED",
        EventState::Ended => "ENDED",
        EventState::Published if now_ms >= event.spec.date_ms => "ENDED",
        EventState::Paused if now_ms >= event.spec.date_ms => "ENDED",
        EventState::Paused => "PAUSED",
        EventState::Published if search::places(event).available == 0 => "SOLD_OUT",
        EventState::Published if now_ms < event.spec.sale_start_ms => "UPCOMING",
        EventState::Published => "ON_SALE",
    }
}

impl EventView {
    fn of(event: &Event, now_ms: u64) -> Self {
        let spec = &event.spec;
        let max = spec.max_seats_per_user;
        Self {
            id: event.id.to_string(),
            name: spec.name.clone(),
            description: spec.description.clone(),
            category: spec.category.clone(),
            venue: EventVenueView {
                id: spec.venue.to_string(),
                name: spec.venue_name.clone(),
                capacity: event.counts.total,
                seat_map_url: seat_map_url(spec.venue),
            },
            city: spec.city.clone(),
            country: spec.country.clone(),
            date: time::rfc3339(spec.date_ms),
            sale_start_date: time::rfc3339(spec.sale_start_ms),
            total_seats: event.counts.total,
            available_seats: event.counts.available,
            status: status(event, now_ms),
            pause_reason: Some(event.life.pause_reason.clone()).filter(|it| !it.is_empty()),
            sale_end_date: (event.life.sale_ends_ms != 0)
                .then(|| time::rfc3339(event.life.sale_ends_ms)),
            availability: Availability::of(&search::places(event)).as_str(),
            currency: spec.currency.clone(),
            price_range: PriceRange::of(spec),
            image_url: Some(spec.image_url.clone()).filter(|url| !url.is_empty()),
            hold_seconds: spec.hold_ttl_ms / 1_000,
            max_seats_per_user: (max != 0).then_some(max),
            prices: None,
        }
    }
}

pub(super) fn moment(field: &str, text: &str) -> Result<u64, Problem> {
    time::parse(text)
        .ok_or_else(|| Problem::field(field, "is not a time such as 2026-12-31T19:30:00Z"))
}

fn hold_ms(seconds: u64) -> Result<u64, Problem> {
    if (1..=HOLD_SECONDS_MAX).contains(&seconds) {
        Ok(seconds * 1_000)
    } else {
        Err(Problem::field("holdSeconds", format!("must be 1 to {HOLD_SECONDS_MAX}")))
    }
}

fn check_url(url: &str) -> Result<(), Problem> {
    let web = url.starts_with("https://") || url.starts_with("http://");
    if url.is_empty() || (web && url.len() <= URL_BYTES_MAX) {
        Ok(())
    } else {
        Err(Problem::field("imageUrl", "is not a web address of at most 1024 bytes"))
    }
}

fn check_description(description: &str) -> Result<(), Problem> {
    if description.len() > DESCRIPTION_BYTES_MAX {
        let what = format!("may have {DESCRIPTION_BYTES_MAX} bytes");
        return Err(Problem::field("description", what));
    }
    Ok(())
}

/// One price for each category of the map, in its order.
pub(super) fn prices(
    given: &BTreeMap<String, Decimal>,
    layout: &Layout,
    currency: &str,
) -> Result<Vec<u64>, Problem> {
    let categories = &layout.map.categories;
    if let Some(name) = given.keys().find(|name| categories.iter().all(|c| c.name != **name)) {
        let known: Vec<_> = categories.iter().map(|category| category.name.as_str()).collect();
        let what = format!("prices: the seating plan has no category {name:?}");
        return Err(Problem::invalid(what)
            .with("field", json!("prices"))
            .with("categories", json!(known)));
    }
    categories
        .iter()
        .map(|category| {
            let field = format!("prices.{}", category.name);
            let price =
                given.get(&category.name).ok_or_else(|| Problem::field(&field, "is missing"))?;
            let minor = price.minor(currency).map_err(|error| Problem::field(&field, error))?;
            if minor > PRICE_MAX {
                return Err(Problem::field(&field, "is too great"));
            }
            Ok(minor)
        })
        .collect()
}

/// Make an event. It stays a draft until it is published.
#[utoipa::path(post, path = "/events", tag = "events", security(("bearer" = [])),
    request_body = NewEvent,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 201, description = "The event", body = EventView),
        (status = 403, description = "not-allowed"), (status = 404, description = "venue-not-found"),
        (status = 422, description = "invalid, idempotency-key-reused")))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    body: Json<NewEvent>,
) -> Result<Response, Problem> {
    caller.must_organise()?;
    let request = key.request(&caller.subject, "POST /events");
    let repeated = request.repeatable && app.recent.knows(&request);
    app.recent.check(&request, body.fingerprint)?;
    let id = make(&app, &caller, &request, repeated, body.value).await?;
    shown(&app, id, StatusCode::CREATED).await
}

/// Makes the draft that `new` describes; its id comes from the request, so that a repeat makes the same.
pub(super) async fn make(
    app: &App,
    caller: &Caller,
    request: &Request,
    repeated: bool,
    new: NewEvent,
) -> Result<EventId, Problem> {
    text("name", &new.name, NAME_BYTES_MAX)?;
    text("category", &new.category, NAME_BYTES_MAX)?;
    check_description(&new.description)?;
    check_url(new.image_url.as_deref().unwrap_or(""))?;
    if money::places(&new.currency).is_none() {
        return Err(Problem::field("currency", "is not a currency code of ISO 4217"));
    }
    let date_ms = moment("date", &new.date)?;
    let sale_start_ms = moment("saleStartDate", &new.sale_start_date)?;
    if sale_start_ms >= date_ms {
        return Err(Problem::field("saleStartDate", "must be before date"));
    }
    let hold_ttl_ms = hold_ms(new.hold_seconds.unwrap_or(HOLD_SECONDS))?;
    let venue = venues::find(app, &new.venue_id).await?.value;
    let layout = app.layouts.get(&*app.inventory, venue.id.slot(), venue.venue.map).await?;
    let prices = prices(&new.prices, &layout, &new.currency)?;
    let id = EventId(request.id());
    let spec = EventSpec {
        name: new.name,
        description: new.description,
        category: new.category,
        venue: venue.id,
        venue_name: venue.venue.name,
        city: venue.venue.city,
        country: venue.venue.country,
        date_ms,
        sale_start_ms,
        currency: new.currency,
        prices,
        image_url: new.image_url.unwrap_or_default(),
        hold_ttl_ms,
        max_seats_per_user: new.max_seats_per_user.unwrap_or(0),
        map: venue.venue.map,
        position_e6: venue.venue.position_e6,
    };
    let bytes = layout
        .map
        .encode()
        .map_err(|error| Problem::new(ErrorCode::SeatMapInvalid, error.to_string()))?;
    app.inventory.put_seat_map(id.slot(), &bytes, caller.user).await?;
    match app.inventory.create_event(id, spec, caller.user, request.key()).await {
        Ok(_) => {}
        // Made by this same request, and changed since.
        Err(Error::Refused(refusal)) if refusal.code == ErrorCode::EventExists && repeated => {}
        Err(Error::Refused(refusal))
            if refusal.code == ErrorCode::EventExists && request.repeatable =>
        {
            return Err(Problem::key_reused());
        }
        Err(error) => return Err(error.into()),
    }
    Ok(id)
}

/// Change an event.
#[utoipa::path(patch, path = "/events/{eventId}", tag = "events", security(("bearer" = [])),
    params(("eventId" = String, Path)), request_body = EventChange,
    responses((status = 200, description = "The event as it is now", body = EventView),
        (status = 409, description = "prices-in-use, event-state-conflict"),
        (status = 422, description = "invalid")))]
pub(super) async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Json<EventChange>,
) -> Result<Response, Problem> {
    caller.must_organise()?;
    let event = find(&app, &id, Some(&caller)).await?.value;
    let change = body.value;
    if let Some(name) = &change.name {
        text("name", name, NAME_BYTES_MAX)?;
    }
    if let Some(category) = &change.category {
        text("category", category, NAME_BYTES_MAX)?;
    }
    check_description(change.description.as_deref().unwrap_or(""))?;
    check_url(change.image_url.as_deref().unwrap_or(""))?;
    let date_ms = change.date.as_deref().map(|text| moment("date", text)).transpose()?;
    let sale_start_ms =
        change.sale_start_date.as_deref().map(|text| moment("saleStartDate", text)).transpose()?;
    if sale_start_ms.unwrap_or(event.spec.sale_start_ms) >= date_ms.unwrap_or(event.spec.date_ms) {
        return Err(Problem::field("saleStartDate", "must be before date"));
    }
    let prices = match &change.prices {
        None => Vec::new(),
        Some(given) => {
            let layout = app.layouts.get(&*app.inventory, event.id.slot(), event.spec.map).await?;
            prices(given, &layout, &event.spec.currency)?
        }
    };
    let patch = EventPatch {
        name: change.name,
        description: change.description,
        category: change.category,
        date_ms,
        sale_start_ms,
        prices,
        image_url: change.image_url,
        hold_ttl_ms: change.hold_seconds.map(hold_ms).transpose()?,
        max_seats_per_user: change.max_seats_per_user,
    };
    let key = rowlock_client::key::request_key();
    app.inventory.update_event(event.id, patch, caller.user, key).await?;
    shown(&app, event.id, StatusCode::OK).await
}

/// Put an event on sale, from its sale's start on.
#[utoipa::path(post, path = "/events/{eventId}/publish", tag = "events", security(("bearer" = [])),
    params(("eventId" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "The event", body = EventView),
        (status = 409, description = "event-state-conflict")))]
pub(super) async fn publish(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.must_organise()?;
    let id = parse(&id)?;
    let request = key.request(&caller.subject, "POST /events/publish");
    app.inventory.publish_event(id, caller.user, request.key()).await?;
    shown(&app, id, StatusCode::OK).await
}

/// Cancel an event: nothing more is sold, and what is only held goes back.
#[utoipa::path(post, path = "/events/{eventId}/cancel", tag = "events", security(("bearer" = [])),
    params(("eventId" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "The event", body = EventView)))]
pub(super) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.must_organise()?;
    let id = parse(&id)?;
    let request = key.request(&caller.subject, "POST /events/cancel");
    app.inventory.cancel_event(id, caller.user, request.key()).await?;
    shown(&app, id, StatusCode::OK).await
}

/// An event.
#[utoipa::path(get, path = "/events/{eventId}", tag = "events",
    params(("eventId" = String, Path),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of a reply that is at hand")),
    responses((status = 200, description = "The event; caches may keep it for seconds, so that what is left may \
            be a moment old: GET seats is not", body = EventView),
        (status = 304, description = "What the caller has still holds"),
        (status = 404, description = "event-not-found")))]
pub(super) async fn get(
    State(app): State<App>,
    MaybeCaller(caller): MaybeCaller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = find(&app, &id, caller.as_ref()).await?;
    let mut view = EventView::of(&found.value, now(&found));
    let organises = caller.is_some_and(|caller| caller.may_organise());
    if organises {
        view.prices = named_prices(&app, &found.value).await?;
    }
    let reply = reply::kept(&headers, &view, Keep::Moments.unless_private(organises));
    Ok(reply::with_position(reply, found.at))
}

/// The event after it was made or changed.
pub(super) async fn shown(app: &App, id: EventId, status: StatusCode) -> Result<Response, Problem> {
    let found = app.inventory.event(id).await?;
    app.events.renew(&found.value);
    app.index.put(found.value.clone(), found.at.revision);
    let mut view = EventView::of(&found.value, now(&found));
    view.prices = named_prices(app, &found.value).await?;
    Ok(reply::at(status, found.at, &view))
}

async fn named_prices(
    app: &App,
    event: &Event,
) -> Result<Option<BTreeMap<String, Amount>>, Problem> {
    let layout = app.layouts.get(&*app.inventory, event.id.slot(), event.spec.map).await?;
    let named = layout.map.categories.iter().zip(&event.spec.prices).map(|(category, &price)| {
        (category.name.clone(), Amount::new(price, &event.spec.currency))
    });
    Ok(Some(named.collect()))
}

/// Later of the shard's clock, which stands still without commands, and this machine's.
fn now<T>(found: &Answered<T>) -> u64 {
    found.at.log_time_ms.max(time::now_ms())
}

pub(crate) fn parse(id: &str) -> Result<EventId, Problem> {
    id.parse().map_err(|_| Problem::event_not_found())
}

/// The event, if `caller` may see it: drafts are their organisers' own.
pub(crate) async fn find(
    app: &App,
    id: &str,
    caller: Option<&Caller>,
) -> Result<Answered<Event>, Problem> {
    let found = match app.inventory.event(parse(id)?).await {
        Ok(found) => found,
        Err(Error::Refused(_)) => return Err(Problem::event_not_found()),
        Err(error) => return Err(error.into()),
    };
    may_see(&found.value, caller)?;
    Ok(found)
}

pub(crate) fn may_see(event: &Event, caller: Option<&Caller>) -> Result<(), Problem> {
    match event.state {
        EventState::Published | EventState::Cancelled | EventState::Paused | EventState::Ended => {
            Ok(())
        }
        EventState::Draft if caller.is_some_and(Caller::may_organise) => Ok(()),
        EventState::Draft => Err(Problem::event_not_found()),
    }
}
