//! Sales without a payment provider: what costs nothing, what is given away, and money at the desk.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rowlock_client::types::{Booking, DirectSale, Event, EventMoney, Receipt, Tender};
use rowlock_proto::ErrorCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bookings::{BookingView, find, find_of_anyone, shown};
use super::events;
use super::venues::{NAME_BYTES_MAX, text};
use crate::app::App;
use crate::http::{Caller, IdempotencyKey, Json, Path, reply};
use crate::inventory::CLUSTER;
use crate::money::{Amount, Decimal};
use crate::problem::Problem;
use crate::time;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Paid {
    /// It costs nothing.
    Free,
    /// Given away, whatever the price.
    Complimentary,
    Cash,
    Card,
    Invoice,
}

impl Paid {
    const fn of(tender: Tender) -> Self {
        match tender {
            Tender::Free => Self::Free,
            Tender::Complimentary => Self::Complimentary,
            Tender::Cash => Self::Cash,
            Tender::Card => Self::Card,
            Tender::Invoice => Self::Invoice,
        }
    }

    const fn tender(self) -> Tender {
        match self {
            Self::Free => Tender::Free,
            Self::Complimentary => Tender::Complimentary,
            Self::Cash => Tender::Cash,
            Self::Card => Tender::Card,
            Self::Invoice => Tender::Invoice,
        }
    }
}

#[derive(Deserialize, ToSchema)]
pub(super) struct NewSale {
    tender: Paid,
    /// The booking's total: needed with cash, card and invoice.
    #[schema(value_type = Option<f64>)]
    amount: Option<Decimal>,
    /// What the seller's own books call it: needed with cash, card and invoice.
    reference: Option<String>,
    /// Why it is given away: needed with complimentary.
    reason: Option<String>,
}

impl NewSale {
    fn read(self, booking: &Booking) -> Result<DirectSale, Problem> {
        let amount = self.amount.map(|amount| amount.minor(&booking.currency)).transpose();
        let amount = amount.map_err(|error| Problem::field("amount", error))?;
        let (reference, reason) =
            (self.reference.unwrap_or_default(), self.reason.unwrap_or_default());
        let none = |field: &str, given: bool| match given {
            true => Err(Problem::field(field, "is not for this tender")),
            false => Ok(()),
        };
        let amount = match self.tender {
            Paid::Free | Paid::Complimentary => {
                none("amount", amount.is_some_and(|amount| amount != 0))?;
                none("reference", !reference.is_empty())?;
                0
            }
            Paid::Cash | Paid::Card | Paid::Invoice => {
                text("reference", &reference, NAME_BYTES_MAX)?;
                amount.ok_or_else(|| Problem::field("amount", "is missing"))?
            }
        };
        if self.tender == Paid::Complimentary {
            text("reason", &reason, NAME_BYTES_MAX)?;
        } else {
            none("reason", !reason.is_empty())?;
        }
        Ok(DirectSale { tender: self.tender.tender(), amount, reference, reason })
    }
}

/// What was taken without a payment provider, or that nothing was.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptView {
    tender: Paid,
    #[schema(value_type = f64)]
    amount: Amount,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// Only to organisers.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl ReceiptView {
    pub(super) fn all(booking: &Booking, caller: &Caller) -> Vec<Self> {
        let word = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let view = |it: &Receipt| Self {
            tender: Paid::of(it.tender),
            amount: Amount::new(it.amount, &booking.currency),
            at: time::rfc3339(it.at_ms),
            reference: word(&it.reference),
            reason: word(&it.reason).filter(|_| caller.may_organise()),
        };
        let money = booking.extras.money.as_deref();
        money.map_or_else(Vec::new, |money| money.receipts.iter().map(view).collect())
    }
}

/// Sell a hold without a payment provider. Who holds it may take what costs nothing; organisers also
/// give away, and sell for money at the desk, whoever holds it.
#[utoipa::path(post, path = "/bookings/{bookingId}/confirm-direct", tag = "bookings",
    security(("bearer" = [])), request_body = NewSale,
    params(("bookingId" = String, Path, description = "An id or a booking reference"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "The booking with its tickets", body = BookingView),
        (status = 403, description = "not-allowed: needs the role organiser"),
        (status = 404, description = "booking-not-found"),
        (status = 409, description = "booking-expired, booking-state-conflict, \
            payment-in-progress, sale-closed"),
        (status = 422, description = "amount-mismatch, invalid, idempotency-key-reused")))]
pub(super) async fn confirm(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    body: Json<NewSale>,
) -> Result<Response, Problem> {
    let organises = caller.may_organise();
    let found =
        if organises { find_of_anyone(&app, &id).await } else { find(&app, &id, &caller).await };
    let booking = found?.value;
    let route = format!("POST /bookings/{}/confirm-direct", booking.id);
    let request = key.request(&caller.subject, &route);
    app.recent.check(&request, body.fingerprint)?;
    if body.value.tender != Paid::Free {
        caller.must_organise()?;
    }
    let sale = body.value.read(&booking)?;
    let principal = if organises { CLUSTER } else { caller.user };
    let sold = app.inventory.confirm_direct(booking.id, sale, principal, request.key()).await;
    let sold = sold.map_err(|error| match error.code() {
        Some(ErrorCode::BookingNotFound) => Problem::booking_not_found(),
        Some(_) | None => Problem::of_booking(error, &booking),
    })?;
    shown(&app, &caller, sold).await
}

/// The sums of an event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MoneyView {
    event_id: String,
    currency: String,
    /// What payment providers charged.
    #[schema(value_type = f64)]
    provider: Amount,
    #[schema(value_type = f64)]
    cash: Amount,
    #[schema(value_type = f64)]
    card: Amount,
    #[schema(value_type = f64)]
    invoice: Amount,
    /// Refunds that were decided, paid or not.
    #[schema(value_type = f64)]
    refunded: Amount,
    /// Those of them that are not paid yet.
    #[schema(value_type = f64)]
    owed: Amount,
    /// Chargebacks that stand.
    #[schema(value_type = f64)]
    charged_back: Amount,
    /// How many.
    chargebacks: u64,
    /// Bookings that were sold, whatever became of them.
    bookings_sold: u64,
    /// Those of them that were given away.
    complimentary: u64,
}

impl MoneyView {
    fn of(event: &Event, sums: &EventMoney) -> Self {
        let amount = |minor| Amount::new(minor, &event.spec.currency);
        Self {
            event_id: event.id.to_string(),
            currency: event.spec.currency.clone(),
            provider: amount(sums.provider),
            cash: amount(sums.cash),
            card: amount(sums.card),
            invoice: amount(sums.invoice),
            refunded: amount(sums.refunded),
            owed: amount(sums.owed),
            charged_back: amount(sums.charged_back),
            chargebacks: sums.chargebacks,
            bookings_sold: sums.sold,
            complimentary: sums.complimentary,
        }
    }
}

/// What came in for an event, and what went back.
#[utoipa::path(get, path = "/events/{eventId}/money", tag = "events", security(("bearer" = [])),
    params(("eventId" = String, Path)),
    responses((status = 200, description = "The sums", body = MoneyView),
        (status = 403, description = "not-allowed: needs the role organiser"),
        (status = 404, description = "event-not-found")))]
pub(super) async fn money(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.must_organise()?;
    let event = events::find(&app, &id, Some(&caller)).await?.value;
    let found = app.inventory.event_money(event.id).await?;
    Ok(reply::at(StatusCode::OK, found.at, &MoneyView::of(&event, &found.value)))
}
