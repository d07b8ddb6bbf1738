//! The checkout, what became of it, and the tickets.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use rowlock_client::key;
use rowlock_client::types::{Booking, BookingState, Event};

use super::visitor::{Sent, Visitor};
use super::{frame, go_to};
use crate::app::App;
use crate::http::query::encode;
use crate::http::{Caller, IdempotencyKey, Path, Query};
use crate::layout::Layout;
use crate::money;
use crate::payment::Action;
use crate::payment::pay::{self, Paid, Payment};
use crate::places::{PlaceKind, places};
use crate::problem::Problem;
use crate::routes::bookings;
use crate::routes::bookings::{SeatLabel, layout_of, remaining_s};
use crate::routes::papers;
use crate::routes::tickets::{TicketView, page as ticket_page, ticket_views};
use crate::tickets::paper::Paper;
use crate::time;

fn sign_in_first(path: &str) -> Response {
    go_to(&format!("/sign-in?next={}", encode(path)))
}

pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    match &visitor.caller {
        Some(caller) => render(&app, &visitor, caller, &id, StatusCode::OK, None).await,
        None => Ok(sign_in_first(&format!("/bookings/{id}"))),
    }
}

async fn render(
    app: &App,
    visitor: &Visitor,
    caller: &Caller,
    id: &str,
    status: StatusCode,
    notice: Option<&str>,
) -> Result<Response, Problem> {
    let found = bookings::find(app, id, caller).await?;
    let booking = &found.value;
    let event = app.inventory.event(booking.event).await?.value;
    let layout = layout_of(app, booking.event).await?;
    let (title, content) = match booking.state {
        BookingState::Held | BookingState::Paying | BookingState::Capturing => {
            ("Checkout", checkout(app, visitor, booking, &event, &layout))
        }
        BookingState::Confirmed => ("Your tickets", tickets(app, booking, &event, &layout)),
        BookingState::Released => ("Given back", gone("You gave these seats back.", &event)),
        BookingState::Expired => {
            ("Time is over", gone("The time for these seats is over; nothing was charged.", &event))
        }
        BookingState::RefundDue => {
            ("Refunded", gone("The payment came too late and is given back.", &event))
        }
        BookingState::Refunded => ("Refunded", gone("These tickets were refunded.", &event)),
    };
    let content = html! {
        @if let Some(text) = notice { (frame::notice(text)) }
        (content)
    };
    Ok(frame::page(visitor, status, title, &content))
}

fn what(booking: &Booking, event: &Event, layout: &Layout) -> Markup {
    html! {
        p.when { (time::for_people(event.spec.date_ms)) }
        h2 { a href={ "/events/" (event.id) } { (event.spec.name) } }
        p.place { (event.spec.venue_name) ", " (event.spec.city) }
        table.order {
            tbody {
                @for place in places(booking) {
                    tr {
                        td { (place_words(layout, place.kind)) }
                        td.amount { (money::for_people(place.price, &booking.currency)) }
                    }
                }
            }
            tfoot { tr {
                td { "Total" }
                td.amount { strong { (money::for_people(booking.total, &booking.currency)) } }
            } }
        }
    }
}

fn place_words(layout: &Layout, kind: PlaceKind) -> String {
    match kind {
        PlaceKind::Seat(seat) => {
            let label = SeatLabel::of(layout, seat);
            format!("{} · row {} · seat {}", label.section, label.row, label.seat_number)
        }
        PlaceKind::Area(area) => layout.area_name(area).to_owned(),
    }
}

fn checkout(
    app: &App,
    visitor: &Visitor,
    booking: &Booking,
    event: &Event,
    layout: &Layout,
) -> Markup {
    let left = remaining_s(booking, time::now_ms());
    html! {
        section.card.narrow {
            h1 { "Checkout" }
            p.clock {
                "These seats are yours for "
                strong #countdown data-until=(time::rfc3339(booking.expires_ms)) {
                    (left / 60) ":" (format!("{:02}", left % 60))
                }
                " more (until " (time::for_people(booking.expires_ms)) ")."
            }
            (what(booking, event, layout))
            form.pay method="post" action={ "/bookings/" (booking.id) "/pay" } {
                (frame::form_token(visitor))
                input type="hidden" name="nonce" value=(hex::encode(rand::random::<[u8; 8]>()));
                @if app.provider.is_test() {
                    p.test { "This shop takes play money: no card is charged, and the tickets are marked TEST." }
                }
                fieldset {
                    legend { "Pay with" }
                    @for (place, (method, name)) in app.provider.offered().iter().enumerate() {
                        label.choice {
                            input type="radio" name="method" value=(method) required checked[place == 0];
                            (name)
                        }
                    }
                }
                button type="submit" { "Pay " (money::for_people(booking.total, &booking.currency)) }
            }
            form.inline method="post" action={ "/bookings/" (booking.id) "/release" } {
                (frame::form_token(visitor))
                button.plain type="submit" { "Give the seats back" }
            }
        }
    }
}

fn tickets(app: &App, booking: &Booking, event: &Event, layout: &Layout) -> Markup {
    html! {
        section.card.narrow {
            h1 { "Your tickets" }
            p { "Booking " strong { (booking.id.reference()) } " is confirmed." }
            (what(booking, event, layout))
            p {
                a href={ "/bookings/" (booking.id) "/tickets.pdf" } { "All tickets to print (PDF)" } " · "
                a href={ "/bookings/" (booking.id) "/tickets.pdf?paper=phone" } { "for a phone" } " · "
                a href={ "/bookings/" (booking.id) "/visit.ics" } { "Into the calendar" }
            }
        }
        ul.tickets {
            @for view in ticket_views(app, booking, layout) {
                li.ticket {
                    @if let Some(code) = &view.qr_code {
                        img src=(code) alt={ "Code of the ticket for " (view.seat.words()) } width="220" height="220";
                    }
                    div {
                        @if view.test { p.test { "TEST" } }
                        p { strong { (view.seat.section) } }
                        @if !view.seat.row.is_empty() {
                            p { "Row " (view.seat.row) " · Seat " (view.seat.seat_number) }
                        }
                        @if view.qr_code.is_some() {
                            p { a href={ "/tickets/" (view.ticket_id) } { "Open to print" } }
                        } @else {
                            p { "You passed this ticket on." }
                        }
                    }
                }
            }
        }
    }
}

fn gone(words: &str, event: &Event) -> Markup {
    html! {
        section.card.narrow {
            h1 { (event.spec.name) }
            p { (words) }
            p { a.button href={ "/events/" (event.id) } { "Choose other seats" } }
        }
    }
}

pub(super) async fn pay(
    State(app): State<App>,
    Path(id): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Some(caller) = &sent.visitor.caller else {
        return Ok(sign_in_first(&format!("/bookings/{id}")));
    };
    let booking = bookings::find(&app, &id, caller).await?.value.id;
    let method = sent.get("method").to_owned();
    let key = IdempotencyKey(Some(format!("page-{}-{method}", sent.get("nonce"))));
    let request = key.request(&caller.subject, &format!("POST /bookings/{booking}/payment"));
    let payment =
        Payment { booking, user: caller.user, method, amount: None, request, fingerprint: [0; 32] };
    match pay::pay(&app, payment).await {
        Ok(Paid::Done(_)) => Ok(go_to(&format!("/bookings/{booking}"))),
        Ok(Paid::Action { booking, action }) => {
            Ok(to_the_bank(&sent.visitor, &booking.value, &action))
        }
        Err(problem) => {
            let (status, words) = (problem.status(), problem.detail.clone());
            render(&app, &sent.visitor, caller, &id, status, Some(&words)).await
        }
    }
}

/// The way to the customer's bank. A link, since a form of ours may only lead to pages of ours.
fn to_the_bank(visitor: &Visitor, booking: &Booking, action: &Action) -> Response {
    if action.redirect_url.starts_with('/') {
        return go_to(&action.redirect_url);
    }
    let content = html! {
        section.card.narrow {
            h1 { "One more step" }
            p { "Your bank wants to hear from you before it pays. Your seats are kept meanwhile." }
            @if action.redirect_url.is_empty() {
                p { "Confirm the payment in your bank's app, then come back to this booking." }
            } @else {
                p { a.button href=(action.redirect_url) rel="noreferrer" { "Continue at your bank" } }
            }
            p { a href={ "/bookings/" (booking.id) } { "Back to the booking" } }
        }
    };
    frame::page(visitor, StatusCode::OK, "One more step", &content)
}

pub(super) async fn release(
    State(app): State<App>,
    Path(id): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Some(caller) = &sent.visitor.caller else {
        return Ok(sign_in_first(&format!("/bookings/{id}")));
    };
    let booking = bookings::find(&app, &id, caller).await?.value;
    app.inventory.release(booking.id, caller.user, key::request_key()).await?;
    Ok(go_to(&format!("/events/{}", booking.event)))
}

pub(super) async fn show_ticket(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    match &visitor.caller {
        Some(caller) => Ok(visitor.remember(ticket_page(&app, caller, &id).await?.into_response())),
        None => Ok(sign_in_first(&format!("/tickets/{id}"))),
    }
}

pub(super) async fn paper(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Problem> {
    let Some(caller) = &visitor.caller else {
        return Ok(sign_in_first(&format!("/bookings/{id}")));
    };
    let paper = papers::paper_of(&query)?;
    papers::whole(&app, caller, &id, "pdf", paper).await
}

pub(super) async fn visit(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    match &visitor.caller {
        Some(caller) => papers::whole(&app, caller, &id, "ics", Paper::A4).await,
        None => Ok(sign_in_first(&format!("/bookings/{id}"))),
    }
}

/// One ticket, on a page that needs nothing else and prints well.
pub(crate) fn ticket(event: &Event, booking: &Booking, view: &TicketView) -> Markup {
    let spec = &event.spec;
    let style = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:30rem;padding:0 1rem;color:#1c1b22}\
                 article{border:2px solid #1c1b22;border-radius:12px;padding:1.5rem}\
                 h1{font-size:1.4rem;margin:0 0 .25rem}img{display:block;margin:1rem auto;width:260px;height:260px}\
                 dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem;margin:1rem 0 0}dt{color:#666}dd{margin:0}\
                 .test{background:#b3261e;color:#fff;text-align:center;font-weight:700;letter-spacing:.3em;border-radius:6px}\
                 small{color:#666;word-break:break-all}";
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Ticket · " (spec.name) }
                style { (maud::PreEscaped(style)) }
            }
            body { article {
                @if view.test { p.test { "TEST" } }
                h1 { (spec.name) }
                div { (time::for_people(spec.date_ms)) }
                div { (spec.venue_name) ", " (spec.city) }
                @if let Some(code) = &view.qr_code { img src=(code) alt="The ticket's code"; }
                dl {
                    dt { "Section" } dd { (view.seat.section) }
                    @if !view.seat.row.is_empty() {
                        dt { "Row" } dd { (view.seat.row) }
                        dt { "Seat" } dd { (view.seat.seat_number) }
                    }
                    dt { "Booking" } dd { (booking.id.reference()) }
                }
                small { (view.ticket_id) }
            } }
        }
    }
}
