//! Channels: other ways to buy, with what is kept for them and the access codes that let in.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rowlock_client::key;
use rowlock_client::terms::Channel;
use rowlock_proto::SeatId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bookings::seats_named;
use super::events::moment;
use super::promotions::CODE_BYTES_MAX;
use super::terms::{Subject, bound, nothing, shown_bound};
use super::venues::{NAME_BYTES_MAX, text};
use crate::app::App;
use crate::http::body::BOOKING_BYTES_MAX;
use crate::http::{Caller, IdempotencyKey, Json, Path, reply};
use crate::inventory::TermsOrder;
use crate::problem::Problem;
use crate::time;

/// Seats that are kept or freed at one time; the core has the same bound.
const SEATS_MAX: usize = 10_000;
/// Access codes that are added or revoked at one time; the core has the same bound.
const CODES_MAX: usize = 1_000;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewChannel {
    /// RFC 3339: from when it is sold through it; with the event's sale unless said otherwise.
    opens_at: Option<String>,
    /// RFC 3339: up to when.
    closes_at: Option<String>,
    /// Places that may go through it at one time; any number unless said otherwise.
    max_places: Option<u32>,
    /// Places that are kept for it: how many of each category.
    #[serde(default)]
    quotas: BTreeMap<String, u32>,
}

impl NewChannel {
    fn read(self, name: String, subject: &Subject) -> Result<Channel, Problem> {
        text("channel", &name, NAME_BYTES_MAX)?;
        let time = |field: &str, given: &Option<String>| match given {
            Some(given) => moment(field, given),
            None => Ok(0),
        };
        let (opens_ms, closes_ms) =
            (time("opensAt", &self.opens_at)?, time("closesAt", &self.closes_at)?);
        if closes_ms != 0 && closes_ms <= opens_ms {
            return Err(Problem::field("closesAt", "must be after opensAt"));
        }
        let (names, counts): (Vec<String>, Vec<u32>) = self.quotas.into_iter().unzip();
        if counts.contains(&0) {
            return Err(Problem::field("quotas", "must each be 1 or more"));
        }
        let categories = subject.categories("quotas", &names)?;
        let mut quotas: Vec<(u32, u32)> = categories.into_iter().zip(counts).collect();
        quotas.sort_unstable();
        let places_max = bound("maxPlaces", self.max_places)?;
        Ok(Channel { name, opens_ms, closes_ms, places_max, quotas, released: false })
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelView {
    name: String,
    opens_at: Option<String>,
    closes_at: Option<String>,
    max_places: Option<u32>,
    quotas: BTreeMap<String, u32>,
    /// What was kept for it went back to all, and it is closed.
    released: bool,
    /// Places that are held or sold through it.
    #[serde(skip_serializing_if = "Option::is_none")]
    places: Option<u32>,
    /// Seats that are kept for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_seat_ids: Option<Vec<String>>,
}

impl ChannelView {
    pub(super) fn of(channel: &Channel, subject: &Subject) -> Self {
        let time = |ms: u64| (ms != 0).then(|| time::rfc3339(ms));
        let quota = |&(category, count): &(u32, u32)| {
            (subject.layout.category_name(category).to_owned(), count)
        };
        Self {
            name: channel.name.clone(),
            opens_at: time(channel.opens_ms),
            closes_at: time(channel.closes_ms),
            max_places: shown_bound(channel.places_max),
            quotas: channel.quotas.iter().map(quota).collect(),
            released: channel.released,
            places: None,
            kept_seat_ids: None,
        }
    }

    pub(super) fn with_use(self, places: u32, kept: &[u32], subject: &Subject) -> Self {
        let id = |&seat: &u32| SeatId::new(subject.event.id, seat).to_string();
        let kept = kept.iter().map(id).collect();
        Self { places: Some(places), kept_seat_ids: Some(kept), ..self }
    }
}

/// Add a channel, or move the times of one. What it was promised, and what it may have, stays.
#[utoipa::path(put, path = "/events/{eventId}/channels/{channel}", tag = "terms",
    security(("bearer" = [])), request_body = NewChannel,
    params(("eventId" = String, Path), ("channel" = String, Path, description = "Its name")),
    responses((status = 200, description = "The channel", body = ChannelView),
        (status = 403, description = "not-allowed: needs the role organiser"),
        (status = 404, description = "event-not-found"),
        (status = 409, description = "channel-exists: with other promises, or released; \
            event-state-conflict, terms-full"),
        (status = 422, description = "invalid")))]
pub(super) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
    body: Json<NewChannel>,
) -> Result<Response, Problem> {
    let subject = Subject::find(&app, &id, &caller).await?;
    let channel = body.value.read(name, &subject)?;
    let view = ChannelView::of(&channel, &subject);
    let order = TermsOrder::PutChannel(channel);
    let at = subject.change(&app, order, &caller, key::request_key()).await?;
    Ok(reply::at(StatusCode::OK, at, &view))
}

/// Give back to all what is kept for a channel, and close it for good.
#[utoipa::path(delete, path = "/events/{eventId}/channels/{channel}", tag = "terms",
    security(("bearer" = [])), params(("eventId" = String, Path), ("channel" = String, Path)),
    responses((status = 204, description = "It is closed"),
        (status = 403, description = "not-allowed: needs the role organiser"),
        (status = 404, description = "event-not-found, channel-not-found"),
        (status = 409, description = "event-state-conflict")))]
pub(super) async fn release(
    State(app): State<App>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let subject = Subject::find(&app, &id, &caller).await?;
    let order = TermsOrder::ReleaseChannel(name);
    Ok(nothing(subject.change(&app, order, &caller, key::request_key()).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NamedSeats {
    /// 1 to 10,000, each once.
    seat_ids: Vec<String>,
}

/// Keep free seats for a channel, all or none.
#[utoipa::path(post, path = "/events/{eventId}/channels/{channel}/seats", tag = "terms",
    security(("bearer" = [])), request_body = NamedSeats,
    params(("eventId" = String, Path), ("channel" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 204, description = "They are kept"),
        (status = 403, description = "not-allowed: needs the role organiser"),
        (status = 404, description = "event-not-found, channel-not-found"),
        (status = 409, description = "seat-taken, seat-kept, channel-closed, event-state-conflict"),
        (status = 422, description = "seat-unknown, seat-of-another-event, seat-repeated, no-seats, \
            too-many-seats, idempotency-key-reused")))]
pub(super) async fn keep(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path((id, channel)): Path<(String, String)>,
    body: Json<NamedSeats, BOOKING_BYTES_MAX>,
) -> Result<Response, Problem> {
    let subject = Subject::find(&app, &id, &caller).await?;
    let event = subject.event.id;
    let route = format!("POST /events/{event}/channels/{channel}/seats");
    let request = key.request(&caller.subject, &route);
    app.recent.check(&request, body.fingerprint)?;
    let seats = seats_named(event, &body.value.seat_ids, SEATS_MAX)?;
    let order = TermsOrder::KeepSeats { channel, seats };
    Ok(nothing(subject.change(&app, order, &caller, request.key()).await?))
}

/// Give kept seats back to all, whatever channel they were kept for.
#[utoipa::path(post, path = "/events/{eventId}/free-seats", tag = "terms",
    security(("bearer" = [])), request_body = NamedSeats,
    params(("eventId" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 204, description = "They are kept for nobody"),
        (status = 403, description = "not-allowed: needs the role organiser"),
        (status = 404, description = "event-not-found"),
        (status = 409, description = "event-state-conflict"),
        (status = 422, description = "seat-unknown, seat-of-another-event, seat-repeated, no-seats, \
            too-many-seats, idempotency-key-reused")))]
pub(super) async fn free(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    body: Json<NamedSeats, BOOKING_BYTES_MAX>,
) -> Result<Response, Problem> {
    let subject = Subject::find(&app, &id, &caller).await?;
    let event = subject.event.id;
    let request = key.request(&caller.subject, &format!("POST /events/{event}/free-seats"));
    app.recent.check(&request, body.fingerprint)?;
    let order = TermsOrder::FreeSeats(seats_named(event, &body.value.seat_ids, SEATS_MAX)?);
    Ok(nothing(subject.change(&app, order, &caller, request.key()).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewCodes {
    /// 1 to 1,000.
    codes: Vec<String>,
    /// Live bookings that may have each of them; any number unless said otherwise.
    max_uses: Option<u32>,
}

fn check_codes(codes: &[String]) -> Result<(), Problem> {
    if codes.is_empty() || codes.len() > CODES_MAX {
        return Err(Problem::field("codes", format!("must have 1 to {CODES_MAX}")));
    }
    codes.iter().try_for_each(|code| text("codes", code, CODE_BYTES_MAX))
}

/// Add access codes that let into a channel. Those that are there already stay as they are.
#[utoipa::path(post, path = "/events/{eventId}/channels/{channel}/codes", tag = "terms",
    security(("bearer" = [])), request_body = NewCodes,
    params(("eventId" = String, Path), ("channel" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 204, description = "They let in"),
        (status = 403, description = "not-allowed: needs the role organiser"),
        (status = 404, description = "event-not-found, channel-not-found"),
        (status = 409, description = "code-exists, channel-closed, event-state-conflict, terms-full"),
        (status = 422, description = "invalid, idempotency-key-reused")))]
pub(super) async fn add_codes(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path((id, channel)): Path<(String, String)>,
    body: Json<NewCodes, BOOKING_BYTES_MAX>,
) -> Result<Response, Problem> {
    let subject = Subject::find(&app, &id, &caller).await?;
    let route = format!("POST /events/{}/channels/{channel}/codes", subject.event.id);
    let request = key.request(&caller.subject, &route);
    app.recent.check(&request, body.fingerprint)?;
    let NewCodes { codes, max_uses } = body.value;
    check_codes(&codes)?;
    let uses_max = bound("maxUses", max_uses)?;
    let order = TermsOrder::AddCodes { channel, uses_max, codes };
    Ok(nothing(subject.change(&app, order, &caller, request.key()).await?))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct NamedCodes {
    /// 1 to 1,000.
    codes: Vec<String>,
}

/// Revoke access codes, of any channel: nothing more is held with them. What is held or sold stays.
#[utoipa::path(post, path = "/events/{eventId}/revoke-codes", tag = "terms",
    security(("bearer" = [])), request_body = NamedCodes,
    params(("eventId" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 204, description = "They let in no more"),
        (status = 403, description = "not-allowed: needs the role organiser; access-code-unknown"),
        (status = 404, description = "event-not-found"),
        (status = 409, description = "event-state-conflict"),
        (status = 422, description = "invalid, idempotency-key-reused")))]
pub(super) async fn revoke_codes(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    body: Json<NamedCodes, BOOKING_BYTES_MAX>,
) -> Result<Response, Problem> {
    let subject = Subject::find(&app, &id, &caller).await?;
    let route = format!("POST /events/{}/revoke-codes", subject.event.id);
    let request = key.request(&caller.subject, &route);
    app.recent.check(&request, body.fingerprint)?;
    check_codes(&body.value.codes)?;
    let order = TermsOrder::RevokeCodes(body.value.codes);
    Ok(nothing(subject.change(&app, order, &caller, request.key()).await?))
}
