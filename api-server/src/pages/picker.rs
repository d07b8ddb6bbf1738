//! Seats to choose from. A seat is a check box at its place in the hall, so that choosing needs
//! neither script nor mouse. Big halls show their sections first.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use maud::{Markup, html};
use rowlock_client::types::{Event, SeatState};
use rowlock_proto::SeatId;
use rowlock_proto::seat_map::{Row, Seat};

use crate::http::query::encode;
use crate::layout::{Layout, Place};
use crate::money;
use crate::routes::seats::word;

/// Halls with more seats show their sections first.
const SEATS_AT_ONCE_MAX: usize = 1_200;
/// Pixels from one seat to the next.
const PITCH_PX: f64 = 26.0;
const WIDTH_PX_MIN: f64 = 300.0;
const WIDTH_PX_MAX: f64 = 6_000.0;
/// Distance between seats when a plan says nothing usable.
const PITCH_MM: f64 = 500.0;

/// Whether single seats are shown, or sections.
pub(super) fn shows_seats(layout: &Layout, section: Option<&str>) -> bool {
    section.is_some() || layout.map.seat_count() <= SEATS_AT_ONCE_MAX
}

/// The seats of `section`, of the whole hall, or its sections.
pub(super) fn view(
    event: &Event,
    layout: &Layout,
    states: &[SeatState],
    section: Option<&str>,
    on_sale: bool,
) -> Markup {
    html! {
        @if shows_seats(layout, section) {
            @if let Some(section) = section {
                p.crumbs { a href={ "/events/" (event.id) } { "← All sections" } strong { (section) } }
            }
            (legend(event, layout, section))
            (hall(event, layout, states, section, on_sale))
        } @else {
            (sections(event, layout, states))
        }
    }
}

/// The box around some seats, in millimetres.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Bounds {
    fn of<'a>(places: impl Iterator<Item = Place<'a>>, margin: f64) -> Self {
        let (mut left, mut top) = (f64::MAX, f64::MAX);
        let (mut right, mut bottom) = (f64::MIN, f64::MIN);
        for place in places {
            let (x, y) = (f64::from(place.seat.x_mm), f64::from(place.seat.y_mm));
            (left, right) = (left.min(x), right.max(x));
            (top, bottom) = (top.min(y), bottom.max(y));
        }
        if left > right {
            return Self { left: 0.0, top: 0.0, width: 1.0, height: 1.0 };
        }
        Self {
            left: left - margin,
            top: top - margin,
            width: right - left + 2.0 * margin,
            height: bottom - top + 2.0 * margin,
        }
    }
}

/// The usual distance between neighbours in a row.
fn pitch(layout: &Layout, section: Option<&str>) -> f64 {
    let wanted = layout
        .map
        .sections
        .iter()
        .filter(|known| section.is_none_or(|section| known.name == section));
    let mut steps: Vec<f64> = wanted
        .flat_map(|section| &section.rows)
        .flat_map(|row| row.seats.windows(2))
        .map(|pair| {
            let (dx, dy) = (pair[1].x_mm - pair[0].x_mm, pair[1].y_mm - pair[0].y_mm);
            f64::from(dx).hypot(f64::from(dy))
        })
        .filter(|step| *step > 1.0)
        .collect();
    steps.sort_by(f64::total_cmp);
    // Not the least: one crowded pair must not blow up the hall.
    steps.get(steps.len() / 10).copied().unwrap_or(PITCH_MM)
}

fn legend(event: &Event, layout: &Layout, section: Option<&str>) -> Markup {
    let mut used = vec![false; layout.map.categories.len()];
    for (_, place) in layout.seats() {
        if section.is_none_or(|section| place.section.name == section)
            && let Some(used) = used.get_mut(usize::from(place.seat.category))
        {
            *used = true;
        }
    }
    let all = layout.map.categories.iter().zip(&event.spec.prices).zip(used);
    html! {
        ul.legend {
            @for ((category, &price), _) in all.filter(|(_, used)| *used) {
                li {
                    span.swatch style={ "background:#" (format!("{:06x}", category.colour)) } {}
                    (category.name) " · " (money::for_people(price, &event.spec.currency))
                }
            }
            li { span.swatch.gone {} "Taken" }
        }
    }
}

fn hall(
    event: &Event,
    layout: &Layout,
    states: &[SeatState],
    section: Option<&str>,
    on_sale: bool,
) -> Markup {
    let inside = |place: &Place<'_>| section.is_none_or(|section| place.section.name == section);
    let step = pitch(layout, section);
    let margin = step * 1.7;
    let bounds = Bounds::of(layout.seats().map(|(_, place)| place).filter(inside), margin);
    let width = (bounds.width / step * PITCH_PX).clamp(WIDTH_PX_MIN, WIDTH_PX_MAX);
    let height = width * bounds.height / bounds.width;
    let live = format!("/api/v1/events/{}/seats/stream", event.id);
    html! {
        div.hall tabindex="-1" {
            fieldset.map data-live=(live) style={ "width:" (format!("{width:.0}")) "px;height:" (format!("{height:.0}")) "px" } {
                legend.hidden { "Seats" }
                @for known in layout.map.sections.iter().filter(|known| section.is_none_or(|section| known.name == section)) {
                    @for row in &known.rows { (row_label(row, bounds, step)) }
                }
                @for ((index, place), &state) in layout.seats().zip(states).filter(|((_, place), _)| inside(place)) {
                    (seat(event, layout, index, place, state, bounds, section.is_none(), on_sale))
                }
            }
        }
    }
}

/// The row's label, one seat before its first.
fn row_label(row: &Row, bounds: Bounds, step: f64) -> Markup {
    let at = |seat: &Seat| (f64::from(seat.x_mm), f64::from(seat.y_mm));
    let Some((x, y)) = row.seats.first().map(at) else { return html! {} };
    let (dx, dy) = row.seats.get(1).map(at).map_or((step, 0.0), |(next_x, next_y)| {
        let length = (next_x - x).hypot(next_y - y).max(1.0);
        ((next_x - x) / length * step, (next_y - y) / length * step)
    });
    let left = (x - dx - bounds.left) / bounds.width * 100.0;
    let top = (y - dy - bounds.top) / bounds.height * 100.0;
    html! { span.row aria-hidden="true" style={ "left:" (format!("{left:.2}")) "%;top:" (format!("{top:.2}")) "%" } { (row.label) } }
}

#[expect(clippy::too_many_arguments, reason = "one seat, seen from all sides")]
fn seat(
    event: &Event,
    layout: &Layout,
    index: u32,
    place: Place<'_>,
    state: SeatState,
    bounds: Bounds,
    name_section: bool,
    on_sale: bool,
) -> Markup {
    let category = usize::from(place.seat.category);
    let price = event.spec.prices.get(category).copied().unwrap_or(0);
    let colour = layout.map.categories.get(category).map_or(0, |category| category.colour);
    let x = (f64::from(place.seat.x_mm) - bounds.left) / bounds.width * 100.0;
    let y = (f64::from(place.seat.y_mm) - bounds.top) / bounds.height * 100.0;
    let price_words = money::for_people(price, &event.spec.currency);
    let section = if name_section { format!("{}, ", place.section.name) } else { String::new() };
    let label =
        format!("{section}row {}, seat {}, {price_words}", place.row.label, place.seat.label);
    let style = format!("left:{x:.2}%;top:{y:.2}%;--c:#{colour:06x}");
    html! {
        label.seat data-status=(word(state)) title=(label) style=(style) {
            input type="checkbox" name="seat" value=(SeatId::new(event.id, index)) aria-label=(label)
                data-place=(index) data-price=(price) disabled[!on_sale || state != SeatState::Available];
            span { (place.seat.label) }
        }
    }
}

/// What is left of one section.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    total: u32,
    available: u32,
    min: u64,
    max: u64,
}

fn sections(event: &Event, layout: &Layout, states: &[SeatState]) -> Markup {
    let mut left: BTreeMap<&str, Left> = BTreeMap::new();
    for ((_, place), &state) in layout.seats().zip(states) {
        let price = event.spec.prices.get(usize::from(place.seat.category)).copied().unwrap_or(0);
        let entry = left.entry(&place.section.name).or_insert(Left {
            min: price,
            max: price,
            ..Left::default()
        });
        entry.total += 1;
        entry.available += u32::from(state == SeatState::Available);
        entry.min = entry.min.min(price);
        entry.max = entry.max.max(price);
    }
    html! {
        h2 { "Choose a section" }
        (legend(event, layout, None))
        (drawing(event, layout, states, &left))
        ul.sections {
            @for section in &layout.map.sections {
                @let here = left.get(section.name.as_str()).copied().unwrap_or_default();
                li { a href=(section_link(event, &section.name)) {
                    strong { (section.name) }
                    span { (here.available) " of " (here.total) " left" }
                    span {
                        (money::decimal(here.min, &event.spec.currency))
                        @if here.max > here.min { "–" (money::decimal(here.max, &event.spec.currency)) }
                        " " (event.spec.currency)
                    }
                } }
            }
        }
    }
}

/// The hall from above: every seat a dot, in the colour of its category while it is free. Each
/// section is one link.
fn drawing(
    event: &Event,
    layout: &Layout,
    states: &[SeatState],
    left: &BTreeMap<&str, Left>,
) -> Markup {
    let step = pitch(layout, None);
    let all = Bounds::of(layout.seats().map(|(_, place)| place), step * 2.0);
    let view = format!("{:.0} {:.0} {:.0} {:.0}", all.left, all.top, all.width, all.height);
    let text = format!("{:.0}", all.width.max(all.height) / 65.0);
    let dot = format!("{:.0}", step * 0.8);
    let dots = dots(layout, states);
    html! {
        svg.plan viewBox=(view) role="group" aria-label="Sections of the hall" {
            @for section in &layout.map.sections {
                @let name = section.name.as_str();
                @let here = left.get(name).copied().unwrap_or_default();
                @let drawn = dots.get(name);
                a href=(section_link(event, name)) aria-label={ (name) ", " (here.available) " seats left" } {
                    title { (name) ": " (here.available) " of " (here.total) " left" }
                    @if let Some(drawn) = drawn {
                        @for (category, path) in &drawn.paths {
                            @match category.and_then(|category| layout.map.categories.get(usize::from(category))) {
                                Some(category) => {
                                    path d=(path) stroke-width=(dot) style={ "stroke:#" (format!("{:06x}", category.colour)) } {}
                                }
                                None => { path.gone d=(path) stroke-width=(dot) {} }
                            }
                        }
                        text x=(format!("{:.0}", drawn.x)) y=(format!("{:.0}", drawn.y)) font-size=(text) { (name) }
                    }
                }
            }
        }
    }
}

/// The dots of one section: a path for each category of what is free, one for what is taken.
#[derive(Debug, Default)]
struct Dots {
    paths: BTreeMap<Option<u8>, String>,
    /// The middle of its seats.
    x: f64,
    y: f64,
    count: f64,
}

fn dots<'a>(layout: &'a Layout, states: &[SeatState]) -> BTreeMap<&'a str, Dots> {
    let mut dots: BTreeMap<&str, Dots> = BTreeMap::new();
    for ((_, place), &state) in layout.seats().zip(states) {
        let here = dots.entry(&place.section.name).or_default();
        let free = state == SeatState::Available;
        let path = here.paths.entry(free.then_some(place.seat.category)).or_default();
        // A dot is a line of no length with round ends: short, and quick to draw.
        let drawn = write!(path, "M{} {}h0", place.seat.x_mm, place.seat.y_mm);
        drawn.expect("a string takes all that is written to it");
        here.count += 1.0;
        here.x += (f64::from(place.seat.x_mm) - here.x) / here.count;
        here.y += (f64::from(place.seat.y_mm) - here.y) / here.count;
    }
    dots
}

fn section_link(event: &Event, name: &str) -> String {
    format!("/events/{}?section={}", event.id, encode(name))
}
