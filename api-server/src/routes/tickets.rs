//! Tickets of confirmed bookings.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use rowlock_client::Error;
use rowlock_client::types::{Booking, BookingState, TicketId};
use rowlock_proto::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::bookings::{SeatLabel, layout_of};
use crate::app::App;
use crate::http::Caller;
use crate::layout::Layout;
use crate::pages;
use crate::problem::Problem;
use crate::tickets::Stub;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TicketView {
    pub(crate) ticket_id: String,
    pub(crate) seat: SeatLabel,
    /// A PNG as a data URI.
    pub(crate) qr_code: String,
    pub(crate) download_url: String,
    /// Paid with play money: good for no door.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) test: bool,
}

/// One ticket a seat that was not given back, in the order of the booking.
pub(crate) fn ticket_views(app: &App, booking: &Booking, layout: &Layout) -> Vec<TicketView> {
    let gone = |item: u8| booking.extras.gone.contains(&u32::from(item));
    let seats = (0_u8..).zip(&booking.seats).filter(|&(item, _)| !gone(item));
    seats.map(|(item, &seat)| ticket_view(app, booking, layout, item, seat)).collect()
}

fn ticket_view(app: &App, booking: &Booking, layout: &Layout, item: u8, seat: u32) -> TicketView {
    let ticket = booking.id.ticket(item);
    let test = app.provider.is_test();
    let stub = Stub { ticket, event: booking.event, seat, test };
    TicketView {
        ticket_id: ticket.to_string(),
        seat: SeatLabel::of(layout, seat),
        qr_code: app.tickets.picture(&stub),
        download_url: format!("{}/tickets/{ticket}/download", super::BASE),
        test,
    }
}

/// A ticket to print or to show: one page of HTML that needs nothing else.
#[utoipa::path(get, path = "/tickets/{ticketId}/download", tag = "bookings",
    security(("bearer" = [])), params(("ticketId" = String, Path)),
    responses((status = 200, description = "The ticket", content_type = "text/html"),
        (status = 404, description = "not-found")))]
pub(super) async fn download(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    page(&app, &caller, &id).await
}

/// The ticket's page, for its owner.
pub(crate) async fn page(app: &App, caller: &Caller, id: &str) -> Result<Response, Problem> {
    let missing = || Problem::new(ErrorCode::NotFound, "there is no ticket of yours with this id");
    let ticket: TicketId = id.parse().map_err(|_| missing())?;
    let booking = match app.inventory.booking_by_locator(ticket.locator()).await {
        Ok(found) => found.value,
        Err(Error::Refused(_)) => return Err(missing()),
        Err(error) => return Err(error.into()),
    };
    let item = ticket.item();
    let seat = booking.seats.get(usize::from(item)).copied();
    let seat = seat.filter(|_| {
        booking.user == caller.user
            && booking.state == BookingState::Confirmed
            && !booking.extras.gone.contains(&u32::from(item))
            && booking.id.ticket(item) == ticket
    });
    let seat = seat.ok_or_else(missing)?;
    let event = app.inventory.event(booking.event).await?.value;
    let layout = layout_of(app, booking.event).await?;
    let view = ticket_view(app, &booking, &layout, item, seat);
    Ok(pages::ticket(&event, &booking, &view).into_response())
}
