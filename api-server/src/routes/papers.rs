//! Tickets as documents: to print, to show on a phone, to put into a calendar.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rowlock_client::types::{Booking, BookingState, Event, EventState, TicketId, UserId};
use rowlock_proto::ErrorCode;
use serde_json::json;

use super::bookings::{SeatLabel, find_of_anyone, layout_of};
use super::tickets::{booking_of, is_void, item, missing, page, stub_of, usable};
use crate::app::App;
use crate::http::{Caller, Path, Query, reply};
use crate::layout::Layout;
use crate::places::{BookedPlace, places};
use crate::problem::Problem;
use crate::tickets::calendar::{self, Visit as Entry};
use crate::tickets::paper::{self, Paper};
use crate::tickets::printed::Printed;
use crate::tickets::wallet::Visit;
use crate::tickets::{self, Undrawn};
use crate::time;

/// A ticket to print or to show.
#[utoipa::path(get, path = "/tickets/{ticketId}/download", tag = "tickets",
    security(("bearer" = [])),
    params(("ticketId" = String, Path),
        ("format" = Option<String>, Query, description = "html (a page that needs nothing else; the \
            default), pdf, svg or png (the code alone), ics (a calendar entry), google-wallet (JSON whose \
            `saveUrl` saves the ticket on a phone, where a key was set up)"),
        ("paper" = Option<String>, Query, description = "of a PDF: a4 (the default) or phone")),
    responses((status = 200, description = "The ticket", content(
            (String = "text/html"), (Vec<u8> = "application/pdf"), (String = "image/svg+xml"),
            (Vec<u8> = "image/png"), (String = "text/calendar"),
            (serde_json::Value = "application/json"))),
        (status = 404, description = "ticket-not-found"),
        (status = 409, description = "ticket-void"),
        (status = 422, description = "invalid: a format or paper that there is not")))]
pub(super) async fn ticket(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Problem> {
    let wanted = query.get("format").unwrap_or("html");
    let paper = paper_of(&query)?;
    if wanted == "html" {
        return page(&app, &caller, &id).await;
    }
    let ticket: TicketId = id.parse().map_err(|_| missing())?;
    let booking = booking_of(&app, ticket).await?.value;
    let place = usable(&booking, ticket, caller.user)?;
    let event = app.inventory.event(booking.event).await?.value;
    let layout = layout_of(&app, booking.event).await?;
    let printed = printed(&app, &event, &booking, &layout, place);
    match wanted {
        "pdf" => {
            let title = format!("{} · {}", printed.event, printed.place());
            pdf(&[printed], &title, paper, &id)
        }
        "svg" => {
            let drawn = tickets::svg(&printed.code).map_err(undrawn)?;
            Ok(document("image/svg+xml", &format!("{id}.svg"), drawn.into_bytes()))
        }
        "png" => {
            let drawn = tickets::png(&printed.code).map_err(undrawn)?;
            Ok(document("image/png", &format!("{id}.png"), drawn))
        }
        "google-wallet" => {
            let wallet = app.wallet.as_ref().ok_or_else(|| {
                Problem::field("format", "can't be google-wallet here: no key was set up")
            })?;
            let visit = Visit {
                event: event.id.to_string(),
                starts: time::rfc3339(event.spec.date_ms),
                version: place.version(),
                printed: &printed,
            };
            let link = wallet.link(&visit, time::now_ms() / 1_000).map_err(|error| {
                tracing::error!(%error, "sign a wallet's link");
                Problem::internal()
            })?;
            let mut response = reply::json(StatusCode::OK, &json!({"saveUrl": link}));
            let never = HeaderValue::from_static("private, no-store");
            response.headers_mut().insert(header::CACHE_CONTROL, never);
            Ok(response)
        }
        "ics" => {
            let notes = vec![printed.place(), format!("Booking {}", printed.reference)];
            Ok(entry(&event, &booking, &id, notes))
        }
        _ => Err(Problem::field("format", "must be html, pdf, svg, png, ics or google-wallet")),
    }
}

/// All tickets of a booking that the caller has, in one document.
#[utoipa::path(get, path = "/bookings/{bookingId}/download", tag = "bookings",
    security(("bearer" = [])),
    params(("bookingId" = String, Path, description = "An id or a booking reference"),
        ("format" = Option<String>, Query, description = "pdf (the default), one page a ticket, or \
            ics, one calendar entry"),
        ("paper" = Option<String>, Query, description = "of a PDF: a4 (the default) or phone")),
    responses((status = 200, description = "The tickets", content(
            (Vec<u8> = "application/pdf"), (String = "text/calendar"))),
        (status = 404, description = "booking-not-found"),
        (status = 409, description = "booking-state-conflict: it has no tickets (yet)"),
        (status = 422, description = "invalid: a format or paper that there is not")))]
pub(super) async fn booking(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Problem> {
    whole(&app, &caller, &id, query.get("format").unwrap_or("pdf"), paper_of(&query)?).await
}

/// The document of a booking, for who has tickets of it.
pub(crate) async fn whole(
    app: &App,
    caller: &Caller,
    id: &str,
    format: &str,
    paper: Paper,
) -> Result<Response, Problem> {
    let booking = find_of_anyone(app, id).await?.value;
    let its: Vec<_> = held_by(&booking, caller.user).collect();
    if its.is_empty() && booking.user != caller.user {
        return Err(Problem::booking_not_found());
    }
    if booking.state != BookingState::Confirmed || its.is_empty() {
        let what = "the booking has no tickets of yours";
        return Err(Problem::new(ErrorCode::BookingStateConflict, what));
    }
    let event = app.inventory.event(booking.event).await?.value;
    let layout = layout_of(app, booking.event).await?;
    let printed: Vec<_> =
        its.into_iter().map(|place| printed(app, &event, &booking, &layout, place)).collect();
    let reference = booking.id.reference().to_string();
    match format {
        "pdf" => pdf(&printed, &format!("{} · {reference}", event.spec.name), paper, &reference),
        "ics" => {
            let mut notes: Vec<_> = printed.iter().map(Printed::place).collect();
            notes.push(format!("Booking {reference}"));
            Ok(entry(&event, &booking, &reference, notes))
        }
        _ => Err(Problem::field("format", "must be pdf or ics")),
    }
}

/// Places whose tickets this user has.
fn held_by(booking: &Booking, user: UserId) -> impl Iterator<Item = BookedPlace<'_>> {
    let valid = booking.state == BookingState::Confirmed;
    places(booking).filter(move |place| {
        valid && place.holder(booking) == user && !is_void(booking, place.number)
    })
}

pub(crate) fn paper_of(query: &Query) -> Result<Paper, Problem> {
    Paper::parse(query.get("paper").unwrap_or("a4"))
        .ok_or_else(|| Problem::field("paper", "must be a4 or phone"))
}

fn printed(
    app: &App,
    event: &Event,
    booking: &Booking,
    layout: &Layout,
    place: BookedPlace<'_>,
) -> Printed {
    let stub = stub_of(app, booking, place);
    let seat = SeatLabel::of_place(layout, place.kind);
    Printed {
        event: event.spec.name.clone(),
        when: time::for_people(event.spec.date_ms),
        venue: event.spec.venue_name.clone(),
        city: event.spec.city.clone(),
        section: seat.section,
        row: seat.row,
        seat: seat.seat_number,
        reference: booking.id.reference().to_string(),
        ticket: booking.id.ticket(item(place.number)).to_string(),
        code: app.tickets.code(&stub),
        test: stub.test,
    }
}

fn pdf(printed: &[Printed], title: &str, paper: Paper, name: &str) -> Result<Response, Problem> {
    let bytes = paper::pdf(printed, title, paper).map_err(|error| undrawn(error.into()))?;
    Ok(document("application/pdf", &format!("{name}.pdf"), bytes))
}

fn entry(event: &Event, booking: &Booking, name: &str, notes: Vec<String>) -> Response {
    let visit = Entry {
        uid: format!("{name}@rowlock"),
        made_ms: booking.confirmed_ms,
        starts_ms: event.spec.date_ms,
        event: &event.spec.name,
        venue: &event.spec.venue_name,
        city: &event.spec.city,
        notes,
        cancelled: event.state == EventState::Cancelled,
    };
    let text = calendar::ics(&visit).into_bytes();
    document("text/calendar; charset=utf-8", &format!("{name}.ics"), text)
}

fn undrawn(error: Undrawn) -> Problem {
    tracing::error!(%error, "draw a ticket");
    Problem::internal()
}

/// A file to keep. `name` is made of our own ids.
fn document(kind: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    let mut response = (StatusCode::OK, bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(kept_as) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, kept_as);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}
