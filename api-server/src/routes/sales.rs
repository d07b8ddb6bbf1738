//! Sales reports for organisers.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::events;
use crate::app::App;
use crate::http::{Caller, Query, reply};
use crate::money::Amount;
use crate::problem::Problem;
use crate::sales::{By, Counter, Report, Sums, csv};

/// Events of one report.
const EVENTS_MAX: usize = 100;
const PAGE_BOOKINGS: u32 = 1_000;

#[derive(Serialize, ToSchema)]
struct SalesView {
    events: Vec<EventSalesView>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EventSalesView {
    event_id: String,
    name: String,
    currency: String,
    total: SumsView,
    /// In order of their names; of a report by event there are none.
    rows: Vec<RowView>,
}

#[derive(Serialize, ToSchema)]
struct RowView {
    /// A day in UTC such as 2026-11-24, or a category.
    name: String,
    #[serde(flatten)]
    sums: SumsView,
}

#[derive(Serialize, ToSchema)]
struct SumsView {
    /// Bookings that were sold, whatever became of them; not by category, as are the next and refunds.
    #[serde(skip_serializing_if = "Option::is_none")]
    bookings: Option<u64>,
    /// Those of them that were given away.
    #[serde(skip_serializing_if = "Option::is_none")]
    complimentary: Option<u64>,
    /// Tickets that are good now.
    tickets: u64,
    /// What was taken; by category, the price of the places that are sold now.
    #[schema(value_type = f64)]
    gross: Amount,
    /// What was decided to go back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    refunded: Option<Amount>,
    /// Gross without what went back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    net: Option<Amount>,
}

impl SumsView {
    fn of(sums: &Sums, currency: &str, whole: bool) -> Self {
        Self {
            bookings: whole.then_some(sums.bookings),
            complimentary: whole.then_some(sums.complimentary),
            tickets: sums.tickets,
            gross: Amount::new(sums.gross, currency),
            refunded: whole.then(|| Amount::new(sums.refunded, currency)),
            net: whole.then(|| Amount::signed(sums.net(), currency)),
        }
    }
}

impl EventSalesView {
    fn of(report: Report, by: By) -> Self {
        let currency = report.currency;
        let row = |(name, sums): (String, Sums)| RowView {
            name,
            sums: SumsView::of(&sums, &currency, by != By::Category),
        };
        let rows = if by == By::Event { Vec::new() } else { report.rows };
        Self {
            rows: rows.into_iter().map(row).collect(),
            total: SumsView::of(&report.total, &currency, true),
            event_id: report.event,
            name: report.name,
            currency,
        }
    }
}

/// What was sold, by event, by day or by category, as JSON or as a table for a spreadsheet.
///
/// By day, a booking counts on the day on which it was sold and a refund on the day on which it was
/// decided, both in UTC.
#[utoipa::path(get, path = "/reports/sales", tag = "events", security(("bearer" = [])),
    params(("events" = String, Query, description = "Ids, with commas between them: 1 to 100"),
        ("by" = Option<String>, Query, description = "event (the default), day or category"),
        ("format" = Option<String>, Query, description = "json (the default) or csv")),
    responses((status = 200, description = "The report", content(
            (SalesView = "application/json"), (String = "text/csv"))),
        (status = 403, description = "not-allowed: needs the role organiser"),
        (status = 404, description = "event-not-found"),
        (status = 422, description = "invalid")))]
pub(super) async fn report(
    State(app): State<App>,
    caller: Caller,
    query: Query,
) -> Result<Response, Problem> {
    caller.must_organise()?;
    let by = match query.get("by") {
        None | Some("event") => By::Event,
        Some("day") => By::Day,
        Some("category") => By::Category,
        Some(_) => return Err(Problem::field("by", "must be event, day or category")),
    };
    let table = match query.get("format") {
        None | Some("json") => false,
        Some("csv") => true,
        Some(_) => return Err(Problem::field("format", "must be json or csv")),
    };
    let ids: Vec<&str> = query.get("events").unwrap_or("").split(',').map(str::trim).collect();
    let ids: Vec<&str> = ids.into_iter().filter(|id| !id.is_empty()).collect();
    if ids.is_empty() || ids.len() > EVENTS_MAX {
        return Err(Problem::field("events", format!("must name 1 to {EVENTS_MAX} events")));
    }
    let mut reports = Vec::with_capacity(ids.len());
    for id in ids {
        reports.push(of_event(&app, &caller, id, by).await?);
    }
    if table {
        return Ok(as_file(csv(&reports, by)));
    }
    let events = reports.into_iter().map(|report| EventSalesView::of(report, by)).collect();
    let mut response = reply::json(StatusCode::OK, &SalesView { events });
    let never = HeaderValue::from_static("private, no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, never);
    Ok(response)
}

async fn of_event(app: &App, caller: &Caller, id: &str, by: By) -> Result<Report, Problem> {
    let event = events::find(app, id, Some(caller)).await?.value;
    let layout = app.layouts.get(&*app.inventory, event.id.slot(), event.spec.map).await?;
    let mut counter = Counter::new(&event, &layout, by);
    let mut after = 0;
    loop {
        let page = app.inventory.bookings(event.id, after, PAGE_BOOKINGS).await?.value;
        for booking in &page.items {
            after = after.max(booking.id.locator().seq());
            counter.take(booking);
        }
        if !page.more || page.items.is_empty() {
            return Ok(counter.report());
        }
    }
}

fn as_file(text: String) -> Response {
    let mut response = (StatusCode::OK, text).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    headers.insert(header::CONTENT_TYPE, kind);
    let kept_as = HeaderValue::from_static("attachment; filename=\"sales.csv\"");
    headers.insert(header::CONTENT_DISPOSITION, kept_as);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}
