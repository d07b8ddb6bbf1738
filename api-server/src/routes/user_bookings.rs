//! What the caller has over all events: bookings, and tickets that came from others.
//!
//! The list is kept in the caller's shard by a consumer of the bookings' feeds, a moment behind them. With
//! `details` each booking of the page is read again where it lives.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::stream::{self, StreamExt};
use rowlock_client::Error;
use rowlock_client::types::{Answered, Booking, BookingId};
use rowlock_client::user_lists::{Listing, ListingAge, listings};
use serde::Serialize;
use utoipa::ToSchema;

use super::bookings::{BookingView, layout_of, status};
use super::tickets::{TicketView, item, tickets_of};
use crate::app::App;
use crate::http::{Caller, Query, reply};
use crate::money::Amount;
use crate::problem::Problem;
use crate::time;

const LIMIT: u32 = 20;
const LIMIT_MAX: u32 = 100;
/// A page far behind the end of any list.
const PAGE_MAX: u32 = 1_000_000;
/// Bookings of a page that are read at a time.
const READS_MAX: usize = 16;

#[derive(Serialize, ToSchema)]
struct UserBookingsView {
    /// The newest first.
    bookings: Vec<ListedView>,
    pagination: CursorPagination,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CursorPagination {
    total: u64,
    /// Not there when a cursor was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    pages: u64,
    /// The next page begins behind this; not there on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ListedView {
    booking_id: String,
    booking_reference: String,
    event_id: String,
    status: &'static str,
    /// BUYER, or HOLDER of tickets that somebody else bought.
    role: &'static str,
    /// Places that the booking has.
    places: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    total_amount: Option<Amount>,
    currency: String,
    created_at: String,
    /// Those that are the caller's.
    ticket_ids: Vec<String>,
    /// The booking as `GET /bookings/{bookingId}` shows it, with `details`, for its buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<BookingView>,
    /// The caller's tickets, with `details`, of a booking that is another's.
    #[serde(skip_serializing_if = "Option::is_none")]
    tickets: Option<Vec<TicketView>>,
}

impl ListedView {
    fn of(listing: &Listing) -> Self {
        let Listing { booking, currency, .. } = listing;
        let tickets = listing.tickets.iter();
        Self {
            booking_id: booking.to_string(),
            booking_reference: booking.reference().to_string(),
            event_id: listing.event.to_string(),
            status: status(listing.state),
            role: if listing.buyer { "BUYER" } else { "HOLDER" },
            places: listing.places,
            total_amount: listing.buyer.then(|| Amount::new(listing.total, currency)),
            currency: currency.clone(),
            created_at: time::rfc3339(listing.created_ms),
            ticket_ids: tickets.map(|&place| booking.ticket(item(place)).to_string()).collect(),
            details: None,
            tickets: None,
        }
    }
}

/// Where a page begins, as its text.
fn cursor(age: ListingAge) -> String {
    format!("{}.{}", age.created_ms, age.booking)
}

fn read_cursor(text: &str) -> Result<ListingAge, Problem> {
    let read = || {
        let (created_ms, booking) = text.split_once('.')?;
        let booking: BookingId = booking.parse().ok()?;
        Some(ListingAge { created_ms: created_ms.parse().ok()?, booking })
    };
    read().ok_or_else(|| Problem::field("cursor", "is none that was given out"))
}

/// What is asked for.
struct Wanted {
    after: Option<ListingAge>,
    page: u32,
    limit: u32,
    details: bool,
}

impl Wanted {
    fn of(query: &Query) -> Result<Self, Problem> {
        let after = query.get("cursor").map(read_cursor).transpose()?;
        let page: Option<u32> = query.number("page")?;
        let limit = query.number("limit")?.unwrap_or(LIMIT);
        if after.is_some() && page.is_some() {
            return Err(Problem::field("page", "can't be given beside cursor"));
        }
        let page = page.unwrap_or(1);
        if !(1..=PAGE_MAX).contains(&page) {
            return Err(Problem::field("page", format!("must be 1 to {PAGE_MAX}")));
        }
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Problem::field("limit", format!("must be 1 to {LIMIT_MAX}")));
        }
        let details = query.flag("details")?;
        Ok(Self { after, page, limit, details })
    }
}

/// What I have: my bookings, and tickets that came to me.
#[utoipa::path(get, path = "/users/me/bookings", tag = "accounts", security(("bearer" = [])),
    params(
        ("page" = Option<u32>, Query, description = "From 1; not beside cursor"),
        ("limit" = Option<u32>, Query, description = "1 to 100; 20 unless said otherwise"),
        ("cursor" = Option<String>, Query, description = "nextCursor of the page before"),
        ("details" = Option<bool>, Query, description = "Read each booking of the page again, in full")),
    responses((status = 200, description = "One page, the newest first", body = UserBookingsView),
        (status = 401, description = "not-signed-in"),
        (status = 422, description = "invalid")))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    query: Query,
) -> Result<Response, Problem> {
    let Wanted { after, page, limit, details } = Wanted::of(&query)?;
    let skip = (page - 1).saturating_mul(limit);
    let found = app.inventory.user_list(caller.user, after, skip, limit).await?;
    let list = found.value;
    let last = list.items.last().filter(|_| list.more);
    let pagination = CursorPagination {
        total: list.total,
        page: after.is_none().then_some(page),
        pages: list.total.div_ceil(limit.into()),
        next_cursor: last.map(|last| cursor(last.age())),
    };
    let bookings = if details {
        let ids: Vec<BookingId> = list.items.iter().map(|listing| listing.booking).collect();
        let reads = ids.into_iter().map(|id| detailed(&app, &caller, id));
        let read: Vec<_> = stream::iter(reads).buffered(READS_MAX).collect().await;
        read.into_iter().filter_map(Result::transpose).collect::<Result<_, _>>()?
    } else {
        list.items.iter().map(ListedView::of).collect()
    };
    Ok(reply::at(StatusCode::OK, found.at, &UserBookingsView { bookings, pagination }))
}

/// The booking as it is now; `None` if nothing of it is the caller's any more. The list is behind, so it is
/// the booking itself that says what the caller may see.
async fn detailed(
    app: &App,
    caller: &Caller,
    id: BookingId,
) -> Result<Option<ListedView>, Problem> {
    let found = match app.inventory.booking(id).await {
        Err(Error::Refused(_)) => return Ok(None),
        found => found?,
    };
    let Some(now) = listing_of(&found, caller) else { return Ok(None) };
    let layout = layout_of(app, now.event).await?;
    let now_ms = found.at.log_time_ms.max(time::now_ms());
    let mut view = ListedView::of(&now);
    if now.buyer {
        view.details = Some(BookingView::of(app, caller, &found.value, &layout, now_ms));
    } else {
        view.tickets = Some(tickets_of(app, &found.value, &layout, caller.user));
    }
    Ok(Some(view))
}

/// What a booking is to the caller.
fn listing_of(found: &Answered<Booking>, caller: &Caller) -> Option<Listing> {
    let all = listings(&found.value, found.at.revision, &BTreeSet::new());
    let mine = all.into_iter().find(|listing| listing.user == caller.user);
    mine.filter(|listing| listing.buyer || !listing.tickets.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let age = ListingAge { created_ms: 1_800_000_000_000, booking: BookingId(77 << 90) };
        assert_eq!(read_cursor(&cursor(age)).unwrap(), age);
        for bad in ["", "1", "1.", ".x", "x.booking", &format!("{}x", cursor(age))] {
            assert_eq!(read_cursor(bad).unwrap_err().code, rowlock_proto::ErrorCode::Invalid);
        }
    }
}
