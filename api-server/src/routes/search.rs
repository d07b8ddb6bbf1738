//! Finding events.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::events::PriceRange;
use crate::app::App;
use crate::http::{Query, reply};
use crate::problem::Problem;
use crate::search::{Availability, Entry, Wanted};
use crate::time;

#[derive(Serialize, ToSchema)]
struct SearchView {
    events: Vec<HitView>,
    pagination: Pagination,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HitView {
    id: String,
    name: String,
    venue: String,
    city: String,
    category: String,
    date: String,
    price_range: PriceRange,
    currency: String,
    availability: &'static str,
    image_url: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Pagination {
    total: usize,
    page: usize,
    pages: usize,
}

impl HitView {
    fn of(entry: &Entry) -> Self {
        let spec = &entry.event.spec;
        Self {
            id: entry.event.id.to_string(),
            name: spec.name.clone(),
            venue: spec.venue_name.clone(),
            city: spec.city.clone(),
            category: spec.category.clone(),
            date: time::rfc3339(spec.date_ms),
            price_range: PriceRange::of(spec),
            currency: spec.currency.clone(),
            availability: Availability::of(&entry.counts).as_str(),
            image_url: Some(spec.image_url.clone()).filter(|url| !url.is_empty()),
        }
    }
}

/// Find published events, by date.
#[utoipa::path(get, path = "/events/search", tag = "events",
    params(
        ("q" = Option<String>, Query, description = "Words; each must begin a word of the event"),
        ("city" = Option<String>, Query, description = "Case, accents and hyphens don't matter"),
        ("date_from" = Option<String>, Query, description = "A day, or an RFC 3339 time"),
        ("date_to" = Option<String>, Query, description = "Inclusive"),
        ("category" = Option<String>, Query),
        ("price_min" = Option<f64>, Query, description = "Some seat costs at least this"),
        ("price_max" = Option<f64>, Query, description = "Some seat costs at most this"),
        ("page" = Option<usize>, Query, description = "From 1"),
        ("limit" = Option<usize>, Query, description = "1 to 100; 20 unless said otherwise")),
    responses((status = 200, description = "One page", body = SearchView),
        (status = 422, description = "invalid")))]
pub(super) async fn search(State(app): State<App>, query: Query) -> Result<Response, Problem> {
    let wanted = Wanted::of(&query)?;
    let found = app.index.search(&wanted);
    let view = SearchView {
        events: found.entries.iter().map(HitView::of).collect(),
        pagination: Pagination {
            total: found.total,
            page: wanted.page,
            pages: found.total.div_ceil(wanted.limit),
        },
    };
    Ok(reply::json(StatusCode::OK, &view))
}
