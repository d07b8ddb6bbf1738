//! Finding events.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::events::PriceRange;
use crate::app::App;
use crate::http::cache::Keep;
use crate::http::{Query, reply};
use crate::problem::Problem;
use crate::search::{Facets, Found, Hit, Index, Wanted};
use crate::time;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SearchView {
    events: Vec<HitView>,
    pagination: Pagination,
    #[serde(skip_serializing_if = "Option::is_none")]
    facets: Option<FacetsView>,
    /// Nothing had the words as they were written: these are events with words that are like them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    typos_allowed: bool,
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
    /// From the point that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    distance_km: Option<f64>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    total: usize,
    /// Not there when a cursor was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<usize>,
    pages: usize,
    /// Where the next page begins, as `cursor` of the same search.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// How many of all events that were found have each name, the most first.
#[derive(Serialize, ToSchema)]
struct FacetsView {
    cities: Vec<FacetView>,
    categories: Vec<FacetView>,
}

#[derive(Serialize, ToSchema)]
struct FacetView {
    name: String,
    count: usize,
}

impl SearchView {
    fn of(found: Found, wanted: &Wanted) -> Self {
        Self {
            events: found.hits.iter().map(HitView::of).collect(),
            pagination: Pagination {
                total: found.total,
                page: (!wanted.is_by_cursor()).then_some(wanted.page),
                pages: found.total.div_ceil(wanted.limit),
                next_cursor: found.next,
            },
            facets: found.facets.map(FacetsView::of),
            typos_allowed: found.typos,
        }
    }
}

impl HitView {
    fn of(hit: &Hit) -> Self {
        let card = &hit.card;
        #[expect(clippy::cast_precision_loss, reason = "at most 20 million metres")]
        let distance_km = hit.metres.map(|metres| (metres as f64 / 100.0).round() / 10.0);
        Self {
            id: hit.id.to_string(),
            name: card.name.clone(),
            venue: card.venue.clone(),
            city: card.city.clone(),
            category: card.category.clone(),
            date: time::rfc3339(card.date_ms),
            price_range: PriceRange::between(card.prices, &card.currency),
            currency: card.currency.clone(),
            availability: hit.availability.as_str(),
            image_url: Some(card.image_url.clone()).filter(|url| !url.is_empty()),
            distance_km,
        }
    }
}

impl FacetsView {
    fn of(facets: Facets) -> Self {
        let views = |facet: Vec<(String, usize)>| {
            facet.into_iter().map(|(name, count)| FacetView { name, count }).collect()
        };
        Self { cities: views(facets.cities), categories: views(facets.categories) }
    }
}

/// What `wanted` asks for. A search is work for a core: not on the loop, and no more at once than there are cores.
pub(crate) async fn found(app: &App, wanted: Wanted) -> Result<Found, Problem> {
    let index = app.clone();
    let _turn = app.searches.acquire().await.map_err(|_| Problem::internal())?;
    let searched = tokio::task::spawn_blocking(move || index.index.search(&wanted)).await;
    searched.map_err(|_| Problem::internal())?.map_err(|error| {
        tracing::error!(%error, "search");
        Problem::internal()
    })
}

/// Find published events.
#[utoipa::path(get, path = "/events/search", tag = "events",
    params(
        ("q" = Option<String>, Query, description = "Words; each must begin a word of the event. If nothing has \
            them all, words of four letters and more may have a typo, those of eight and more two; not in the first letter"),
        ("city" = Option<String>, Query, description = "Case, accents and hyphens don't matter"),
        ("date_from" = Option<String>, Query, description = "A day, or an RFC 3339 time"),
        ("date_to" = Option<String>, Query, description = "Inclusive"),
        ("category" = Option<String>, Query, description = "Case, accents and hyphens don't matter"),
        ("price_min" = Option<f64>, Query, description = "Some seat costs at least this"),
        ("price_max" = Option<f64>, Query, description = "Some seat costs at most this"),
        ("near" = Option<String>, Query, description = "latitude,longitude in degrees; hits then have distanceKm"),
        ("radius_km" = Option<f64>, Query, description = "Around near: what lies further away is left out"),
        ("sort" = Option<String>, Query, description = "relevance (the default; without q the same as date), date, \
            price (the cheapest seat, whatever the currency), popularity (the share that is held or sold) or \
            distance (from near; events of venues without coordinates are left out)"),
        ("facets" = Option<bool>, Query, description = "Count what was found by city and category"),
        ("page" = Option<usize>, Query, description = "From 1, to the 10,000th event; not beside cursor"),
        ("cursor" = Option<String>, Query, description = "nextCursor of the page before, with all else the same"),
        ("limit" = Option<usize>, Query, description = "1 to 100; 20 unless said otherwise"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of a reply that is at hand")),
    responses((status = 200, description = "One page", body = SearchView),
        (status = 304, description = "What the caller has still holds"),
        (status = 422, description = "invalid")))]
pub(super) async fn search(
    State(app): State<App>,
    headers: HeaderMap,
    query: Query,
) -> Result<Response, Problem> {
    let wanted = Wanted::of(&query)?;
    let found = found(&app, wanted.clone()).await?;
    Ok(reply::kept(&headers, &SearchView::of(found, &wanted), Keep::Moments))
}

/// What a search is answered with, without the HTTP around it: for measuring.
pub fn answer(index: &Index, query: &str) -> Result<Vec<u8>, Problem> {
    let wanted = Wanted::of(&Query::parse(query)?)?;
    let found = index.search(&wanted).map_err(|error| Problem::invalid(error.to_string()))?;
    serde_json::to_vec(&SearchView::of(found, &wanted)).map_err(|_| Problem::internal())
}
