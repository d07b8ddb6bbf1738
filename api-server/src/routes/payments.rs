//! Paying for a booking.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use rowlock_client::types::Booking;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bookings::{self, layout_of};
use super::tickets::{TicketView, ticket_views};
use crate::app::App;
use crate::http::{Caller, IdempotencyKey, Json, reply};
use crate::money::{Amount, Decimal};
use crate::payment::pay::{self, Payment};
use crate::problem::Problem;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewPayment {
    /// The provider's id of a payment method. Never a card number.
    payment_method_id: String,
    /// Must be the booking's total.
    #[schema(value_type = f64)]
    amount: Decimal,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PaymentView {
    booking_id: String,
    booking_reference: String,
    status: &'static str,
    payment_id: String,
    #[schema(value_type = f64)]
    total_amount: Amount,
    currency: String,
    tickets: Vec<TicketView>,
}

/// Pay. The same payment again has the same answer; two at once charge once.
#[utoipa::path(post, path = "/bookings/{bookingId}/payment", tag = "bookings",
    security(("bearer" = [])), request_body = NewPayment,
    params(("bookingId" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "Paid; the tickets", body = PaymentView),
        (status = 402, description = "card-declined, payment-action-required: the hold stays"),
        (status = 404, description = "booking-not-found"),
        (status = 409, description = "booking-expired, booking-state-conflict, payment-in-progress"),
        (status = 422, description = "amount-mismatch, payment-method-unknown, card-number-refused, \
            idempotency-key-reused")))]
pub(super) async fn pay(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    body: Json<NewPayment>,
) -> Result<Response, Problem> {
    let booking = bookings::find(&app, &id, &caller).await?.value.id;
    let request = key.request(&caller.subject, &format!("POST /bookings/{booking}/payment"));
    app.recent.check(&request, body.fingerprint)?;
    let payment = Payment {
        booking,
        user: caller.user,
        method: body.value.payment_method_id,
        amount: Some(body.value.amount),
        request,
        fingerprint: body.fingerprint,
    };
    let paid = pay::pay(&app, payment).await?;
    let view = view(&app, &paid.value).await?;
    Ok(reply::at(StatusCode::OK, paid.at, &view))
}

async fn view(app: &App, booking: &Booking) -> Result<PaymentView, Problem> {
    let layout = layout_of(app, booking.event).await?;
    Ok(PaymentView {
        booking_id: booking.id.to_string(),
        booking_reference: booking.id.reference().to_string(),
        status: bookings::status(booking.state),
        payment_id: booking.intent.clone(),
        total_amount: Amount::new(booking.total, &booking.currency),
        currency: booking.currency.clone(),
        tickets: ticket_views(app, booking, &layout),
    })
}
