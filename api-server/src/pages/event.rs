//! One event: what it is, its seats, and the form that holds them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use rowlock_client::types::{Cart, Event, Seats};
use rowlock_proto::ErrorCode;
use sha2::{Digest, Sha256};

use super::visitor::{Sent, Visitor};
use super::{frame, go_to, picker};
use crate::app::App;
use crate::http::query::encode;
use crate::http::{IdempotencyKey, Path, Query};
use crate::problem::Problem;
use crate::routes::{bookings, events};
use crate::time;

pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Problem> {
    let section = query.get("section").map(str::to_owned);
    render(&app, &visitor, &id, section.as_deref(), StatusCode::OK, None).await
}

async fn render(
    app: &App,
    visitor: &Visitor,
    id: &str,
    section: Option<&str>,
    status: StatusCode,
    notice: Option<&str>,
) -> Result<Response, Problem> {
    let seats = match app.inventory.seats(events::parse(id)?).await {
        Ok(found) => found.value,
        Err(rowlock_client::Error::Refused(_)) => return Err(Problem::event_not_found()),
        Err(error) => return Err(error.into()),
    };
    let event = &seats.event;
    events::may_see(event, visitor.caller.as_ref())?;
    let layout = app.layouts.get(&*app.inventory, event.id.slot(), event.spec.map).await?;
    let content = html! {
        @if let Some(text) = notice { (frame::notice(text)) }
        (head(event))
        @if events::status(event, time::now_ms()) == "ON_SALE" {
            (seat_form(visitor, &seats, &layout, section))
        } @else {
            (picker::view(event, &layout, &seats.states, section, false))
        }
    };
    Ok(frame::page(visitor, status, &event.spec.name, &content))
}

fn head(event: &Event) -> Markup {
    let spec = &event.spec;
    let state = events::status(event, time::now_ms());
    html! {
        header.event-head {
            p.when { (time::for_people(spec.date_ms)) }
            h1 { (spec.name) }
            p.place { (spec.venue_name) ", " (spec.city) ", " (spec.country) }
            p {
                @match state {
                    "ON_SALE" => { strong { (event.counts.available) } " of " (event.counts.total) " seats left" }
                    "UPCOMING" => { "The sale opens on " (time::for_people(spec.sale_start_ms)) }
                    "SOLD_OUT" => { strong { "Sold out" } }
                    "CANCELLED" => { strong { "Cancelled" } }
                    "DRAFT" => { strong { "Draft: only organisers see this" } }
                    _ => { "This event is over" }
                }
            }
            @if !spec.description.is_empty() { p.about { (spec.description) } }
        }
    }
}

fn seat_form(
    visitor: &Visitor,
    seats: &Seats,
    layout: &crate::layout::Layout,
    section: Option<&str>,
) -> Markup {
    let event = &seats.event;
    let nonce = hex::encode(rand::random::<[u8; 8]>());
    html! {
        form.seats method="post" action={ "/events/" (event.id) "/hold" } {
            (frame::form_token(visitor))
            input type="hidden" name="nonce" value=(nonce);
            @if let Some(section) = section { input type="hidden" name="section" value=(section); }
            (picker::view(event, layout, &seats.states, section, true))
            @if picker::shows_seats(layout, section) {
                div.bar {
                    output #chosen { "Choose your seats" }
                    button type="submit" {
                        @if visitor.caller.is_some() { "Hold these seats" } @else { "Sign in to hold seats" }
                    }
                }
            }
        }
    }
}

/// Holds what was chosen, and goes on to the checkout.
pub(super) async fn hold(
    State(app): State<App>,
    Path(id): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let visitor = &sent.visitor;
    let section = Some(sent.get("section")).filter(|section| !section.is_empty());
    let event = events::parse(&id)?;
    let back = match section {
        Some(section) => format!("/events/{event}?section={}", encode(section)),
        None => format!("/events/{event}"),
    };
    let Some(caller) = &visitor.caller else {
        return Ok(go_to(&format!("/sign-in?next={}", encode(&back))));
    };
    let held = async {
        let ids = sent.all("seat");
        let cart = Cart { seats: bookings::seats_of(event, &ids)?, ..Cart::default() };
        // Sent twice by an impatient hand, it is one booking; other seats are another.
        let chosen = hex::encode(&Sha256::digest(ids.join(" "))[..8]);
        let key = IdempotencyKey(Some(format!("page-{}-{chosen}", sent.get("nonce"))));
        let request = key.request(&caller.subject, "POST /bookings");
        bookings::hold(&app, caller, event, cart, None, &request).await
    };
    match held.await {
        Ok(booking) => Ok(go_to(&format!("/bookings/{}", booking.value.id))),
        Err(problem) => {
            let words = match problem.code {
                ErrorCode::SeatTaken => "Someone was quicker: at least one of those seats is taken",
                ErrorCode::NoSeats => "Choose at least one seat",
                _ => problem.detail.as_str(),
            };
            render(&app, visitor, &id, section, problem.status(), Some(words)).await
        }
    }
}
