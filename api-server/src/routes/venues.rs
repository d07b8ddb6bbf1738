//! Venues and their seating plans.

use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use rowlock_client::plan::PlanErrors;
use rowlock_client::plan::companion::Companion;
use rowlock_client::types::{Venue, VenueEntry, VenueId};
use rowlock_client::{Error, plan};
use rowlock_proto::ErrorCode;
use rowlock_proto::seat_map::SeatMap;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::body::VENUE_BYTES_MAX;
use crate::http::cache::Keep;
use crate::http::{Caller, IdempotencyKey, Json, Path, reply};
use crate::problem::Problem;

/// Bytes of a name, city, country; and of an address.
pub(super) const NAME_BYTES_MAX: usize = 255;
const ADDRESS_BYTES_MAX: usize = 1_024;
const PROBLEMS_SHOWN_MAX: usize = 20;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewVenue {
    name: String,
    city: String,
    country: String,
    address: Option<String>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    /// A seating plan in pretix's format.
    #[schema(value_type = Object)]
    seat_map: Box<RawValue>,
    /// What the plan can't say: areas with a capacity, accessible seats, tables, the focus.
    #[schema(value_type = Option<Object>)]
    seat_map_companion: Option<Box<RawValue>>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct VenueView {
    id: String,
    name: String,
    city: String,
    country: String,
    address: String,
    latitude: Option<f64>,
    longitude: Option<f64>,
    capacity: u32,
    seat_map_url: String,
}

impl VenueView {
    fn of(entry: &VenueEntry) -> Self {
        let VenueEntry { id, venue } = entry;
        #[expect(clippy::cast_precision_loss, reason = "degrees have nine digits here")]
        let degrees = |e6: i64| e6 as f64 / 1e6;
        Self {
            id: id.to_string(),
            name: venue.name.clone(),
            city: venue.city.clone(),
            country: venue.country.clone(),
            address: venue.address.clone(),
            latitude: venue.position_e6.map(|(latitude, _)| degrees(latitude)),
            longitude: venue.position_e6.map(|(_, longitude)| degrees(longitude)),
            capacity: venue.capacity,
            seat_map_url: seat_map_url(*id),
        }
    }
}

pub(super) fn seat_map_url(venue: VenueId) -> String {
    format!("{}/venues/{venue}/seat-map?format=svg", super::BASE)
}

/// A text that must be there, and not be longer than `max` bytes.
pub(super) fn text(field: &str, value: &str, max: usize) -> Result<(), Problem> {
    if value.trim().is_empty() {
        return Err(Problem::field(field, "must not be empty"));
    }
    if value.len() > max {
        return Err(Problem::field(field, format!("may have {max} bytes")));
    }
    Ok(())
}

fn degrees(field: &str, value: f64, limit: f64) -> Result<i64, Problem> {
    if !value.is_finite() || value.abs() > limit {
        return Err(Problem::field(field, format!("must lie between -{limit} and {limit}")));
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 180 million")]
    let e6 = (value * 1e6).round() as i64;
    Ok(e6)
}

fn position(new: &NewVenue) -> Result<Option<(i64, i64)>, Problem> {
    match (new.latitude, new.longitude) {
        (Some(latitude), Some(longitude)) => Ok(Some((
            degrees("latitude", latitude, 90.0)?,
            degrees("longitude", longitude, 180.0)?,
        ))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(Problem::field("longitude", "must come with latitude")),
        (None, Some(_)) => Err(Problem::field("latitude", "must come with longitude")),
    }
}

/// The plan's map and its bytes. Reading 200,000 seats takes a while: not on the loop.
async fn read_plan(
    plan: Box<RawValue>,
    companion: Option<Box<RawValue>>,
) -> Result<(SeatMap, Vec<u8>), Problem> {
    let read = tokio::task::spawn_blocking(move || {
        if !plan.get().trim_start().starts_with('{') {
            let what = "seatMap: a seating plan is a JSON object";
            return Err(Problem::malformed(what).with("field", json!("seatMap")));
        }
        let companion = match companion {
            Some(json) => {
                let read = Companion::parse(json.get());
                Some(read.map_err(|errors| refused("seatMapCompanion", &errors))?)
            }
            None => None,
        };
        let plan = plan::pretix::parse_with(plan.get(), companion.as_ref());
        let map = plan.map_err(|errors| refused("seatMap", &errors))?.map;
        let bytes = map
            .encode()
            .map_err(|error| Problem::new(ErrorCode::SeatMapInvalid, error.to_string()))?;
        Ok((map, bytes))
    });
    read.await.map_err(|_| Problem::internal())?
}

fn refused(field: &str, errors: &PlanErrors) -> Problem {
    let shown = errors.problems().iter().take(PROBLEMS_SHOWN_MAX);
    let problems: Vec<_> =
        shown.map(|problem| json!({ "place": problem.place, "what": problem.what })).collect();
    Problem::new(ErrorCode::SeatMapInvalid, errors.to_string())
        .with("field", json!(field))
        .with("problems", json!(problems))
        .with("problemCount", json!(errors.total()))
}

/// Add a venue with its seating plan.
#[utoipa::path(post, path = "/venues", tag = "venues", security(("bearer" = [])),
    request_body = NewVenue,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 201, description = "The venue", body = VenueView),
        (status = 403, description = "not-allowed"),
        (status = 422, description = "invalid, seat-map-invalid, idempotency-key-reused")))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    request: Request,
) -> Result<Response, Problem> {
    // Whether the caller may is known before 32 MiB are read.
    caller.must_organise()?;
    let body = Json::<NewVenue, VENUE_BYTES_MAX>::from_request(request, &()).await?;
    let request = key.request(&caller.subject, "POST /venues");
    app.recent.check(&request, body.fingerprint)?;
    let new = body.value;
    text("name", &new.name, NAME_BYTES_MAX)?;
    text("city", &new.city, NAME_BYTES_MAX)?;
    text("country", &new.country, NAME_BYTES_MAX)?;
    if new.address.as_ref().is_some_and(|address| address.len() > ADDRESS_BYTES_MAX) {
        return Err(Problem::field("address", format!("may have {ADDRESS_BYTES_MAX} bytes")));
    }
    let position_e6 = position(&new)?;
    let (map, bytes) = read_plan(new.seat_map, new.seat_map_companion).await?;
    let seats = u32::try_from(map.seat_count()).unwrap_or(u32::MAX);
    let capacity = map.areas.iter().fold(seats, |sum, area| sum.saturating_add(area.capacity));
    let id = VenueId(request.id());
    let hash = app.inventory.put_seat_map(id.slot(), &bytes, caller.user).await?;
    let venue = Venue {
        name: new.name,
        city: new.city,
        country: new.country,
        address: new.address.unwrap_or_default(),
        position_e6,
        map: hash,
        capacity,
    };
    let entry = VenueEntry { id, venue };
    // The id is the request's: a venue that is there and differs is another body's.
    let known = match app.inventory.venue(id).await {
        Ok(found) if found.value != entry => return Err(Problem::key_reused()),
        Ok(found) => Some(found.at),
        Err(Error::Refused(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let at = match known {
        Some(at) => at,
        None => {
            let doc = entry.venue.clone();
            app.inventory.put_venue(id, doc, caller.user, request.key()).await?.at
        }
    };
    Ok(reply::at(StatusCode::CREATED, at, &VenueView::of(&entry)))
}

/// A venue.
#[utoipa::path(get, path = "/venues/{venueId}", tag = "venues",
    params(("venueId" = String, Path),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of a reply that is at hand")),
    responses((status = 200, description = "The venue", body = VenueView),
        (status = 304, description = "What the caller has still holds"),
        (status = 404, description = "venue-not-found")))]
pub(super) async fn get(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = find(&app, &id).await?;
    let reply = reply::kept(&headers, &VenueView::of(&found.value), Keep::Minutes);
    Ok(reply::with_position(reply, found.at))
}

pub(super) async fn find(
    app: &App,
    id: &str,
) -> Result<rowlock_client::Answered<VenueEntry>, Problem> {
    let missing = || Problem::new(ErrorCode::VenueNotFound, "there is no venue with this id");
    let id: VenueId = id.parse().map_err(|_| missing())?;
    match app.inventory.venue(id).await {
        Ok(found) => Ok(found),
        Err(Error::Refused(_)) => Err(missing()),
        Err(error) => Err(error.into()),
    }
}
