//! Seats to choose from. A seat is a check box at its place in the hall, so that choosing needs
//! neither script nor mouse. Big halls show their sections first.

use std::collections::BTreeMap;

use maud::{Markup, html};
use rowlock_client::types::{Event, SeatState};
use rowlock_proto::SeatId;

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
    let bounds = Bounds::of(layout.seats().map(|(_, place)| place).filter(inside), step);
    let width = (bounds.width / step * PITCH_PX).clamp(WIDTH_PX_MIN, WIDTH_PX_MAX);
    let height = width * bounds.height / bounds.width;
    let live = format!("/api/v1/events/{}/seats", event.id);
    let live = match section {
        Some(section) => format!("{live}?section={}", encode(section)),
        None => live,
    };
    html! {
        div.hall tabindex="-1" {
            fieldset.map data-live=(live) style={ "width:" (format!("{width:.0}")) "px;height:" (format!("{height:.0}")) "px" } {
                legend.hidden { "Seats" }
                @for ((index, place), &state) in layout.seats().zip(states).filter(|((_, place), _)| inside(place)) {
                    (seat(event, layout, index, place, state, bounds, section.is_none(), on_sale))
                }
            }
        }
    }
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
                data-price=(price) disabled[!on_sale || state != SeatState::Available];
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
    let link = |name: &str| format!("/events/{}?section={}", event.id, encode(name));
    html! {
        h2 { "Choose a section" }
        (drawing(layout, &left, &link))
        ul.sections {
            @for section in &layout.map.sections {
                @let here = left.get(section.name.as_str()).copied().unwrap_or_default();
                li { a href=(link(&section.name)) {
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

/// The hall from above: each section a box, the fuller the paler.
fn drawing(layout: &Layout, left: &BTreeMap<&str, Left>, link: &dyn Fn(&str) -> String) -> Markup {
    let step = pitch(layout, None);
    let all = Bounds::of(layout.seats().map(|(_, place)| place), step * 2.0);
    let view = format!("{:.0} {:.0} {:.0} {:.0}", all.left, all.top, all.width, all.height);
    let text = all.width.max(all.height) / 70.0;
    html! {
        svg.plan viewBox=(view) role="group" aria-label="Sections of the hall" {
            @for section in &layout.map.sections {
                @let here = left.get(section.name.as_str()).copied().unwrap_or_default();
                @let places = section.rows.iter().flat_map(|row| {
                    row.seats.iter().map(move |seat| Place { section, row, seat })
                });
                @let area = Bounds::of(places, step / 2.0);
                @let share = f64::from(here.available) / f64::from(here.total.max(1));
                a href=(link(&section.name)) aria-label={ (section.name) ", " (here.available) " seats left" } {
                    rect x=(format!("{:.0}", area.left)) y=(format!("{:.0}", area.top))
                        width=(format!("{:.0}", area.width)) height=(format!("{:.0}", area.height))
                        rx=(format!("{:.0}", step / 2.0))
                        fill={ "hsl(" (if here.available == 0 { 0 } else { 152 }) " 45% " (format!("{:.0}", 90.0 - share * 45.0)) "%)" } {
                        title { (section.name) ": " (here.available) " of " (here.total) " left" }
                    }
                    text x=(format!("{:.0}", area.left + area.width / 2.0)) y=(format!("{:.0}", area.top + area.height / 2.0))
                        font-size=(format!("{text:.0}")) text-anchor="middle" dominant-baseline="central" { (section.name) }
                }
            }
        }
    }
}
