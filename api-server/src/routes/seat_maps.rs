//! A venue's seat map, to look at (SVG) or to work with (JSON).

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rowlock_proto::seat_map::{Shape, flag};
use serde::Serialize;

use super::venues;
use crate::app::App;
use crate::http::cache::{self, Keep};
use crate::http::{Path, Query, reply};
use crate::layout::Layout;
use crate::problem::Problem;

const SEAT_RADIUS_MM: u32 = 90;

#[derive(Serialize)]
struct MapView<'a> {
    width: u32,
    height: u32,
    categories: Vec<CategoryView<'a>>,
    /// What everybody looks at.
    #[serde(skip_serializing_if = "Option::is_none")]
    focus: Option<FocusView>,
    sections: Vec<SectionView<'a>>,
    areas: Vec<AreaView<'a>>,
}

#[derive(Serialize)]
struct FocusView {
    x: i32,
    y: i32,
}

#[derive(Serialize)]
struct AreaView<'a> {
    name: &'a str,
    category: &'a str,
    capacity: u32,
    x: i32,
    y: i32,
    width: u32,
    height: u32,
}

#[derive(Serialize)]
struct CategoryView<'a> {
    name: &'a str,
    colour: String,
}

#[derive(Serialize)]
struct SectionView<'a> {
    name: &'a str,
    rows: Vec<RowView<'a>>,
}

#[derive(Serialize)]
struct RowView<'a> {
    label: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    table: bool,
    seats: Vec<SeatView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeatView<'a> {
    seat_number: &'a str,
    x: i32,
    y: i32,
    category: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    wheelchair: bool,
    /// For one who comes along with a wheelchair user.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    companion: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    restricted_view: bool,
}

/// A venue's seat map: JSON (positions in millimetres), or SVG with `?format=svg`.
#[utoipa::path(get, path = "/venues/{venueId}/seat-map", tag = "venues",
    params(("venueId" = String, Path), ("format" = Option<String>, Query, description = "json or svg"),
        ("map" = Option<String>, Query, description = "The map's hash: the reply then never changes"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of a reply that is at hand")),
    responses((status = 200, description = "The map"),
        (status = 304, description = "What the caller has still holds"), (status = 404, description = "venue-not-found")))]
pub(super) async fn get(
    State(app): State<App>,
    Path(id): Path<String>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let svg = match query.get("format") {
        Some("svg") => true,
        Some("json") => false,
        Some(_) => return Err(Problem::field("format", "must be json or svg")),
        None => accept.contains("image/svg+xml"),
    };
    let found = venues::find(&app, &id).await?;
    let map = found.value.venue.map;
    // The map's name is the hash of its content, so nothing need be drawn to know whether it changed.
    let tag = format!("\"{map}-{}\"", if svg { "svg" } else { "json" });
    let keep = match query.get("map") {
        None => Keep::Minutes,
        Some(hash) if hash == map.to_string() => Keep::Forever,
        Some(_) => return Err(Problem::field("map", "is not the venue's map")),
    };
    if cache::has(&headers, &tag) {
        return Ok(cache::keep(&headers, StatusCode::OK.into_response(), &tag, keep));
    }
    let slot = found.value.id.slot();
    let layout = app.layouts.get(&*app.inventory, slot, map).await?;
    let response = if svg {
        let mut response = drawing(&layout).into_response();
        let kind = HeaderValue::from_static("image/svg+xml");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    } else {
        reply::json(StatusCode::OK, &view(&layout))
    };
    Ok(cache::keep(&headers, response, &tag, keep))
}

fn view(layout: &Layout) -> MapView<'_> {
    let map = &layout.map;
    let category = |index: u8| {
        map.categories.get(usize::from(index)).map_or("", |category| category.name.as_str())
    };
    MapView {
        width: map.width_mm,
        height: map.height_mm,
        categories: map
            .categories
            .iter()
            .map(|category| CategoryView {
                name: &category.name,
                colour: format!("#{:06x}", category.colour),
            })
            .collect(),
        focus: map.focus_mm.map(|(x, y)| FocusView { x, y }),
        areas: map
            .areas
            .iter()
            .map(|area| AreaView {
                name: &area.name,
                category: category(area.category),
                capacity: area.capacity,
                x: area.x_mm,
                y: area.y_mm,
                width: area.width_mm,
                height: area.height_mm,
            })
            .collect(),
        sections: map
            .sections
            .iter()
            .map(|section| SectionView {
                name: &section.name,
                rows: section
                    .rows
                    .iter()
                    .map(|row| RowView {
                        label: &row.label,
                        table: row.shape == Shape::Table,
                        seats: row
                            .seats
                            .iter()
                            .map(|seat| SeatView {
                                seat_number: &seat.label,
                                x: seat.x_mm,
                                y: seat.y_mm,
                                category: category(seat.category),
                                wheelchair: seat.flags & flag::WHEELCHAIR != 0,
                                companion: seat.flags & flag::COMPANION != 0,
                                restricted_view: seat.flags & flag::RESTRICTED_VIEW != 0,
                            })
                            .collect(),
                    })
                    .collect(),
            })
            .collect(),
    }
}

/// Every seat a dot in the colour of its category, every area a rectangle.
fn drawing(layout: &Layout) -> String {
    let map = &layout.map;
    let (width, height) = (map.width_mm.max(1), map.height_mm.max(1));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"Seat map\">\n"
    );
    for area in &map.areas {
        let colour = map.categories.get(usize::from(area.category)).map_or(0, |it| it.colour);
        let drawn = writeln!(
            svg,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#{colour:06x}\" \
             fill-opacity=\"0.3\"/>",
            area.x_mm, area.y_mm, area.width_mm, area.height_mm
        );
        drawn.expect("a string takes all that is written to it");
    }
    for (index, category) in (0_u8..).zip(&map.categories) {
        let mut path = String::new();
        for (_, place) in layout.seats().filter(|(_, place)| place.seat.category == index) {
            // A dot is a line of no length with a round end: short, and quick to draw.
            let drawn = write!(path, "M{} {}h0", place.seat.x_mm, place.seat.y_mm);
            drawn.expect("a string takes all that is written to it");
        }
        let drawn = writeln!(
            svg,
            "<path d=\"{path}\" stroke=\"#{:06x}\" stroke-width=\"{}\" stroke-linecap=\"round\"/>",
            category.colour,
            SEAT_RADIUS_MM * 2
        );
        drawn.expect("a string takes all that is written to it");
    }
    svg.push_str("</svg>\n");
    svg
}
