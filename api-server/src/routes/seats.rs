//! The seats of an event, as they are now.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use rowlock_client::types::{Event, SeatState, Seats};
use rowlock_client::{Answered, Error};
use rowlock_proto::SeatId;
use serde::Serialize;
use utoipa::ToSchema;

use super::areas::{self, AreaView};
use super::events;
use crate::app::App;
use crate::http::cache::{self, Keep};
use crate::http::{Caller, MaybeCaller, Path, Query, reply};
use crate::layout::Layout;
use crate::money::Amount;
use crate::problem::Problem;

#[derive(Serialize, ToSchema)]
struct SeatsView<'a> {
    seats: Vec<SeatView<'a>>,
    /// Areas without seats, in the order of the map; a filter leaves them out.
    areas: Vec<AreaView<'a>>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SeatView<'a> {
    id: String,
    section: &'a str,
    row: &'a str,
    seat_number: &'a str,
    #[schema(value_type = f64)]
    price: &'a Amount,
    status: &'static str,
}

pub(crate) const fn word(state: SeatState) -> &'static str {
    match state {
        SeatState::Available => "AVAILABLE",
        SeatState::Held => "RESERVED",
        SeatState::Sold => "SOLD",
        SeatState::Blocked => "BLOCKED",
    }
}

/// All seats of an event with their states, at one moment.
#[utoipa::path(get, path = "/events/{eventId}/seats", tag = "events",
    params(("eventId" = String, Path),
        ("section" = Option<String>, Query, description = "Only this section"),
        ("status" = Option<String>, Query, description = "AVAILABLE, RESERVED, SOLD or BLOCKED")),
    responses((status = 200, description = "The seats, in the order of the map", body = SeatsView<'_>),
        (status = 404, description = "event-not-found")))]
pub(super) async fn list(
    State(app): State<App>,
    MaybeCaller(caller): MaybeCaller,
    Path(id): Path<String>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wanted = query.get("status").map(wanted_state).transpose()?;
    let section = query.get("section");
    let found = find(&app, &id, caller.as_ref()).await?;
    let event = &found.value.event;
    let layout = app.layouts.get(&*app.inventory, event.id.slot(), event.spec.map).await?;
    let prices = prices(event, &layout);
    let states = found.value.states.iter();
    let seats = layout.seats().zip(states).filter_map(|((index, place), &state)| {
        if section.is_some_and(|section| section != place.section.name)
            || wanted.is_some_and(|wanted| wanted != state)
        {
            return None;
        }
        Some(SeatView {
            id: SeatId::new(event.id, index).to_string(),
            section: &place.section.name,
            row: &place.row.label,
            seat_number: &place.seat.label,
            price: prices.get(usize::from(place.seat.category))?,
            status: word(state),
        })
    });
    let filtered = section.is_some() || wanted.is_some();
    let areas = if filtered { Vec::new() } else { areas::of_event(event, &layout) };
    let view = SeatsView { seats: seats.collect(), areas };
    // Nobody may be shown a seat as free that somebody has taken since.
    let reply = cache::keep(&headers, reply::at(StatusCode::OK, found.at, &view), "", Keep::Never);
    Ok(reply)
}

/// The seats of an event, if `caller` may see it.
pub(super) async fn find(
    app: &App,
    id: &str,
    caller: Option<&Caller>,
) -> Result<Answered<Seats>, Problem> {
    let found = match app.inventory.seats(events::parse(id)?).await {
        Ok(found) => found,
        Err(Error::Refused(_)) => return Err(Problem::event_not_found()),
        Err(error) => return Err(error.into()),
    };
    events::may_see(&found.value.event, caller)?;
    Ok(found)
}

fn prices(event: &Event, layout: &Layout) -> Vec<Amount> {
    let of = |index: usize| event.spec.prices.get(index).copied().unwrap_or(0);
    let categories = 0..layout.map.categories.len();
    categories.map(|index| Amount::new(of(index), &event.spec.currency)).collect()
}

fn wanted_state(word: &str) -> Result<SeatState, Problem> {
    Ok(match word.to_ascii_uppercase().as_str() {
        "AVAILABLE" => SeatState::Available,
        "RESERVED" => SeatState::Held,
        "SOLD" => SeatState::Sold,
        "BLOCKED" => SeatState::Blocked,
        _ => return Err(Problem::field("status", "must be AVAILABLE, RESERVED, SOLD or BLOCKED")),
    })
}
