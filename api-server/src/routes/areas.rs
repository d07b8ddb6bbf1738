//! Areas without seats: how they are asked for, and how many places they have.

use rowlock_client::types::{Booking, Event, EventId};
use rowlock_proto::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::bookings::SEATS_MAX;
use crate::layout::Layout;
use crate::money::Amount;
use crate::places::{AreaId, PlaceKind, places};
use crate::problem::Problem;

/// Characters of a bad id that a problem repeats.
const NAMED_CHARS_MAX: usize = 64;

/// Places in an area, as a request asks for them.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AreaWish {
    /// An area of the event, each once: see `areas` of its seats.
    area_id: String,
    /// 1 to 100.
    quantity: u32,
}

/// Areas by index with their counts, in the order of the map.
pub(super) fn read(event: EventId, wishes: &[AreaWish]) -> Result<Vec<(u32, u32)>, Problem> {
    if wishes.len() > SEATS_MAX {
        let what =
            format!("areas has {} areas; one booking may have {SEATS_MAX} places", wishes.len());
        return Err(Problem::new(ErrorCode::TooManySeats, what).with("maxSeats", json!(SEATS_MAX)));
    }
    let mut areas: Vec<(u32, u32)> = Vec::with_capacity(wishes.len());
    for wish in wishes {
        let area = wish.area_id.parse::<AreaId>().ok().and_then(|area| area.index_in(event));
        let Some(area) = area else {
            let named: String = wish.area_id.chars().take(NAMED_CHARS_MAX).collect();
            let what = "areas names one that the event does not have";
            return Err(Problem::new(ErrorCode::AreaUnknown, what).with("areaId", json!(named)));
        };
        if areas.iter().any(|(other, _)| *other == area) {
            return Err(Problem::field("areas", "names an area twice"));
        }
        if wish.quantity == 0 || wish.quantity as usize > SEATS_MAX {
            return Err(Problem::field("areas.quantity", format!("must be 1 to {SEATS_MAX}")));
        }
        areas.push((area, wish.quantity));
    }
    // The cluster numbers places in areas in the order of the request, and lists them in that of the
    // map: sorted, both are the same.
    areas.sort_unstable();
    Ok(areas)
}

/// An area of an event, as it is now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AreaView<'a> {
    id: String,
    name: &'a str,
    category: &'a str,
    #[schema(value_type = f64)]
    price: Amount,
    capacity: u32,
    held: u32,
    sold: u32,
    available: u32,
}

pub(super) fn of_event<'a>(event: &Event, layout: &'a Layout) -> Vec<AreaView<'a>> {
    let map = &layout.map;
    let areas = (0..).zip(map.areas.iter().zip(&event.areas));
    let view = |(index, (area, counts)): (u32, (&'a rowlock_proto::seat_map::Area, _))| {
        let counts: &rowlock_client::types::AreaCounts = counts;
        let category = usize::from(area.category);
        let price = event.spec.prices.get(category).copied().unwrap_or(0);
        AreaView {
            id: AreaId::new(event.id, index).to_string(),
            name: &area.name,
            category: map.categories.get(category).map_or("", |it| it.name.as_str()),
            price: Amount::new(price, &event.spec.currency),
            capacity: counts.capacity,
            held: counts.held,
            sold: counts.sold,
            available: counts.available(),
        }
    };
    areas.map(view).collect()
}

/// What a booking has of one area.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BookedAreaView {
    area_id: String,
    pub(crate) name: String,
    pub(crate) quantity: usize,
    /// Of one place.
    #[schema(value_type = f64)]
    price: Amount,
    /// Numbers of the places in the booking.
    places: Vec<u32>,
}

pub(crate) fn of_booking(booking: &Booking, layout: &Layout) -> Vec<BookedAreaView> {
    let mut views: Vec<(u32, u64, BookedAreaView)> = Vec::new();
    for place in places(booking) {
        let PlaceKind::Area(area) = place.kind else { continue };
        match views.last_mut() {
            Some((last, price, view)) if (*last, *price) == (area, place.price) => {
                view.quantity += 1;
                view.places.push(place.number);
            }
            Some(_) | None => {
                let view = BookedAreaView {
                    area_id: AreaId::new(booking.event, area).to_string(),
                    name: layout.area_name(area).to_owned(),
                    quantity: 1,
                    price: Amount::new(place.price, &booking.currency),
                    places: vec![place.number],
                };
                views.push((area, place.price, view));
            }
        }
    }
    views.into_iter().map(|(_, _, view)| view).collect()
}
