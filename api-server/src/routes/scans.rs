//! Doors without a network: what they scanned meanwhile comes in later, and every conflict is told.
//! And how many came in through which door.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::{StreamExt, TryStreamExt, stream};
use rowlock_client::doors::{Scan, ScanOutcome};
use rowlock_client::types::{Booking, EventId, TicketId};
use rowlock_proto::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::doors::{CODE_BYTES_MAX, DOOR_BYTES_MAX, REDEEM};
use super::events;
use super::tickets::{booking_of, place_of};
use super::venues::text;
use crate::app::App;
use crate::http::body::BOOKING_BYTES_MAX;
use crate::http::{Caller, IdempotencyKey, Json, Path, reply};
use crate::problem::Problem;
use crate::search;
use crate::tickets::Stub;
use crate::time;

/// Scans of one batch; the core has the same bound.
const SCANS_MAX: usize = 1_000;
const SCAN_ID_BYTES_MAX: usize = 128;
/// Bookings that are looked up at once.
const LOOKUPS_AT_ONCE: usize = 16;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Batch {
    /// 1 to 1000, in the order in which they were made.
    scans: Vec<OfflineScan>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OfflineScan {
    /// Names the scan, however often it is sent: the Idempotency-Key under which the door tried to
    /// redeem the ticket, if it did.
    scan_id: String,
    /// What the ticket's QR code says.
    code: String,
    /// Which door.
    door: String,
    /// When, by the door's own clock.
    scanned_at: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Merged {
    /// How many were let in by this batch.
    admitted: usize,
    /// How many should not have been let in.
    conflicts: usize,
    /// In the order of the batch.
    results: Vec<ScanResult>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ScanResult {
    scan_id: String,
    status: ScanStatus,
    /// Not there for codes that are none of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket_id: Option<String>,
    /// Of a conflict: the door that had let the ticket in.
    #[serde(skip_serializing_if = "Option::is_none")]
    door: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redeemed_at: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ScanStatus {
    /// The ticket counts as let in now.
    Admitted,
    /// This scan was known already; nothing changed.
    Repeated,
    /// Another scan had let the ticket in: two people came with one ticket.
    Conflict,
    /// The ticket was passed on or exchanged, and this was the code from before.
    Replaced,
    /// Not paid, refunded, voided, or paid with play money.
    Void,
    /// No ticket of this event.
    Unknown,
}

/// What is known of a scan before the cluster is asked.
enum Judged {
    Ask(Scan, TicketId),
    Told(ScanStatus, Option<TicketId>),
}

/// Send in what a door scanned while it had no network. Safe to repeat, whole or in part.
#[utoipa::path(post, path = "/events/{eventId}/scans", tag = "tickets",
    security(("bearer" = [])), request_body = Batch,
    params(("eventId" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe, as the scans' \
            own ids do")),
    responses((status = 200, description = "What became of each", body = Merged),
        (status = 403, description = "not-allowed: this needs the role door"),
        (status = 404, description = "event-not-found"),
        (status = 413, description = "too-large"),
        (status = 422, description = "invalid, idempotency-key-reused")))]
pub(super) async fn merge(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    body: Json<Batch, BOOKING_BYTES_MAX>,
) -> Result<Response, Problem> {
    caller.must_keep_doors()?;
    let event = events::find(&app, &id, Some(&caller)).await?.value.id;
    let request = key.request(&caller.subject, &format!("POST /events/{event}/scans"));
    app.recent.check(&request, body.fingerprint)?;
    let scans = body.value.scans;
    let read = read(&app, &scans)?;
    let bookings = bookings(&app, event, &read).await?;
    let judged: Vec<Judged> = scans
        .iter()
        .zip(read)
        .map(|(scan, (seen_ms, stub))| judge(&app, &caller, event, scan, seen_ms, stub, &bookings))
        .collect();
    let asked = judged.iter().filter_map(|it| match it {
        Judged::Ask(scan, _) => Some(scan.clone()),
        Judged::Told(..) => None,
    });
    let asked: Vec<Scan> = asked.collect();
    let (outcomes, at) = if asked.is_empty() {
        (Vec::new(), None)
    } else {
        let merged = app.inventory.merge_scans(event, asked, caller.user, request.key()).await;
        let merged = merged.map_err(|error| Problem::of_event(error, event))?;
        (merged.value, Some(merged.at))
    };
    let view = told(&scans, judged, outcomes);
    Ok(match at {
        Some(at) => reply::at(StatusCode::OK, at, &view),
        None => reply::json(StatusCode::OK, &view),
    })
}

/// When each was scanned, and what its code says: all, or what is wrong with one of them.
fn read(app: &App, scans: &[OfflineScan]) -> Result<Vec<(u64, Option<Stub>)>, Problem> {
    if scans.is_empty() || scans.len() > SCANS_MAX {
        return Err(Problem::field("scans", format!("must be 1 to {SCANS_MAX}")));
    }
    let mut ids = BTreeSet::new();
    let mut out = Vec::with_capacity(scans.len());
    for (number, scan) in scans.iter().enumerate() {
        let numbered = |problem: Problem| problem.with("scan", number.into());
        text("scanId", &scan.scan_id, SCAN_ID_BYTES_MAX).map_err(numbered)?;
        text("door", &scan.door, DOOR_BYTES_MAX).map_err(numbered)?;
        if !ids.insert(scan.scan_id.trim()) {
            return Err(numbered(Problem::field("scanId", "stands twice in the batch")));
        }
        let seen_ms = time::parse(&scan.scanned_at).filter(|ms| *ms > 0);
        let seen_ms = seen_ms.ok_or_else(|| {
            numbered(Problem::field("scannedAt", "must be a time as RFC 3339 writes it"))
        })?;
        let readable = scan.code.len() <= CODE_BYTES_MAX;
        out.push((seen_ms, readable.then(|| app.tickets.read(scan.code.trim())).flatten()));
    }
    Ok(out)
}

/// Every booking that the codes name, by ticket locator.
async fn bookings(
    app: &App,
    event: EventId,
    read: &[(u64, Option<Stub>)],
) -> Result<BTreeMap<TicketId, Booking>, Problem> {
    let ours = read.iter().filter_map(|(_, stub)| stub.filter(|stub| stub.event == event));
    let tickets: BTreeSet<TicketId> = ours.map(|stub| stub.ticket).collect();
    let looked_up = stream::iter(tickets).map(|ticket| async move {
        match booking_of(app, ticket).await {
            Ok(found) => Ok(Some((ticket, found.value))),
            Err(problem) if problem.code == ErrorCode::TicketNotFound => Ok(None),
            Err(problem) => Err(problem),
        }
    });
    let found: Vec<_> = looked_up.buffer_unordered(LOOKUPS_AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

fn judge(
    app: &App,
    caller: &Caller,
    event: EventId,
    scan: &OfflineScan,
    seen_ms: u64,
    stub: Option<Stub>,
    bookings: &BTreeMap<TicketId, Booking>,
) -> Judged {
    let Some(stub) = stub.filter(|stub| stub.event == event) else {
        return Judged::Told(ScanStatus::Unknown, None);
    };
    let Some(booking) = bookings.get(&stub.ticket) else {
        return Judged::Told(ScanStatus::Unknown, None);
    };
    if stub.test && !app.provider.is_test() {
        return Judged::Told(ScanStatus::Void, Some(stub.ticket));
    }
    // A place that changed its seat has a code of its own.
    let seat = place_of(booking, stub.ticket).map(|place| place.kind.seat_in_code());
    if seat.is_some_and(|seat| seat != stub.seat) {
        return Judged::Told(ScanStatus::Replaced, Some(stub.ticket));
    }
    // The same key as of the scan that was tried online.
    let key = IdempotencyKey(Some(scan.scan_id.trim().to_owned()));
    let scan = Scan {
        key: key.request(&caller.subject, REDEEM).key(),
        booking: booking.id,
        place: u32::from(stub.ticket.item()),
        version: stub.version,
        door: scan.door.clone(),
        seen_ms,
    };
    Judged::Ask(scan, stub.ticket)
}

fn told(scans: &[OfflineScan], judged: Vec<Judged>, outcomes: Vec<ScanOutcome>) -> Merged {
    let mut outcomes = outcomes.into_iter();
    let results: Vec<ScanResult> = scans
        .iter()
        .zip(judged)
        .map(|(scan, judged)| {
            let (status, ticket, before) = match judged {
                Judged::Told(status, ticket) => (status, ticket, None),
                Judged::Ask(_, ticket) => {
                    let (status, before) = status_of(outcomes.next());
                    (status, Some(ticket), before)
                }
            };
            let (door, at_ms) = before.unzip();
            ScanResult {
                scan_id: scan.scan_id.clone(),
                status,
                ticket_id: ticket.map(|ticket| ticket.to_string()),
                door,
                redeemed_at: at_ms.map(time::rfc3339),
            }
        })
        .collect();
    let of = |wanted: ScanStatus| results.iter().filter(|it| it.status == wanted).count();
    let admitted = of(ScanStatus::Admitted);
    let conflicts = results.len() - admitted - of(ScanStatus::Repeated);
    Merged { admitted, conflicts, results }
}

fn status_of(outcome: Option<ScanOutcome>) -> (ScanStatus, Option<(String, u64)>) {
    match outcome {
        Some(ScanOutcome::Taken) => (ScanStatus::Admitted, None),
        Some(ScanOutcome::Repeat) => (ScanStatus::Repeated, None),
        Some(ScanOutcome::Conflict { door, at_ms }) => (ScanStatus::Conflict, Some((door, at_ms))),
        Some(ScanOutcome::Replaced) => (ScanStatus::Replaced, None),
        Some(ScanOutcome::Void) => (ScanStatus::Void, None),
        Some(ScanOutcome::Unknown) | None => (ScanStatus::Unknown, None),
    }
}

/// Who came in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AdmissionsView {
    event_id: String,
    /// Tickets that are sold and in somebody's hands.
    sold: u32,
    admitted: u32,
    /// By door, the first thousand by name.
    doors: Vec<DoorView>,
}

#[derive(Serialize, ToSchema)]
struct DoorView {
    door: String,
    admitted: u32,
}

/// How many tickets were let in, by door.
#[utoipa::path(get, path = "/events/{eventId}/admissions", tag = "tickets",
    security(("bearer" = [])), params(("eventId" = String, Path)),
    responses((status = 200, description = "The counts", body = AdmissionsView),
        (status = 403, description = "not-allowed: this needs the role door"),
        (status = 404, description = "event-not-found")))]
pub(super) async fn admissions(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.must_keep_doors()?;
    let event = events::find(&app, &id, Some(&caller)).await?.value;
    let counts = app.inventory.door_counts(event.id).await?;
    let view = AdmissionsView {
        event_id: event.id.to_string(),
        sold: search::places(&event).sold,
        admitted: counts.value.total,
        doors: counts
            .value
            .doors
            .into_iter()
            .map(|(door, admitted)| DoorView { door, admitted })
            .collect(),
    };
    Ok(reply::at(StatusCode::OK, counts.at, &view))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Voiding {
    reason: String,
}

/// Make a ticket worthless for good, as after a theft. Its place stays sold until it is refunded.
#[utoipa::path(post, path = "/tickets/{ticketId}/void", tag = "tickets",
    security(("bearer" = [])), request_body = Voiding,
    params(("ticketId" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "It is void", body = serde_json::Value),
        (status = 403, description = "not-allowed: this needs the role organiser"),
        (status = 404, description = "ticket-not-found"),
        (status = 409, description = "ticket-redeemed (with door and redeemedAt), ticket-void"),
        (status = 422, description = "invalid, idempotency-key-reused")))]
pub(super) async fn void(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    body: Json<Voiding>,
) -> Result<Response, Problem> {
    caller.must_organise()?;
    let ticket: TicketId = id.parse().map_err(|_| super::tickets::missing())?;
    let request = key.request(&caller.subject, &format!("POST /tickets/{ticket}/void"));
    app.recent.check(&request, body.fingerprint)?;
    let reason = body.value.reason;
    text("reason", &reason, super::refunds::REASON_BYTES_MAX)?;
    let booking = booking_of(&app, ticket).await?.value.id;
    let place = u32::from(ticket.item());
    let done =
        app.inventory.void_ticket(booking, place, &reason, caller.user, request.key()).await?;
    let view = json!({"ticketId": ticket.to_string(), "status": "VOID", "reason": reason});
    Ok(reply::at(StatusCode::OK, done.at, &view))
}
