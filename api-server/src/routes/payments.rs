//! Paying for a booking.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rowlock_client::types::Booking;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bookings::{self, layout_of};
use super::tickets::{TicketView, ticket_views};
use crate::app::App;
use crate::http::{Caller, IdempotencyKey, Json, Path, reply};
use crate::money::{Amount, Decimal};
use crate::payment::Action;
use crate::payment::pay::{self, Paid, Payment};
use crate::problem::Problem;
use crate::time;

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

/// What the customer has to do before the payment goes on.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ActionView {
    /// `redirect`: send the customer to `redirectUrl`. `client`: hand `clientSecret` to the provider's
    /// own scripts.
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PendingPaymentView {
    booking_id: String,
    booking_reference: String,
    /// PENDING: the seats are kept, and nothing is charged yet.
    status: &'static str,
    payment_id: String,
    #[schema(value_type = f64)]
    total_amount: Amount,
    currency: String,
    /// Until when the customer may do it.
    expires_at: String,
    action: ActionView,
}

/// Pay. The same payment again has the same answer; two at once charge once. Where the customer's bank
/// wants to hear from the customer (3-D Secure), the answer is 202 with what is to be done; the same
/// payment sent again after that has the end. Another payment method gives the first one up.
#[utoipa::path(post, path = "/bookings/{bookingId}/payment", tag = "bookings",
    security(("bearer" = [])), request_body = NewPayment,
    params(("bookingId" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "Paid; the tickets", body = PaymentView),
        (status = 202, description = "The customer has to authenticate", body = PendingPaymentView),
        (status = 402, description = "card-declined, payment-action-required: the hold stays"),
        (status = 404, description = "booking-not-found"),
        (status = 409, description = "booking-expired, booking-state-conflict, payment-in-progress"),
        (status = 503, description = "payment-provider-down, unknown-outcome; Retry-After says when"),
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
    match pay::pay(&app, payment).await? {
        Paid::Done(booking) => {
            let view = view(&app, &booking.value).await?;
            Ok(reply::at(StatusCode::OK, booking.at, &view))
        }
        Paid::Action { booking, action } => {
            let view = pending(&booking.value, action);
            Ok(reply::at(StatusCode::ACCEPTED, booking.at, &view))
        }
    }
}

fn pending(booking: &Booking, action: Action) -> PendingPaymentView {
    let Action { redirect_url, client_secret } = action;
    PendingPaymentView {
        booking_id: booking.id.to_string(),
        booking_reference: booking.id.reference().to_string(),
        status: bookings::status(booking.state),
        payment_id: booking.intent.clone(),
        total_amount: Amount::new(booking.total, &booking.currency),
        currency: booking.currency.clone(),
        expires_at: time::rfc3339(booking.payment_deadline_ms),
        action: ActionView {
            r#type: if redirect_url.is_empty() { "client" } else { "redirect" },
            redirect_url: Some(redirect_url).filter(|url| !url.is_empty()),
            client_secret: Some(client_secret.reveal().to_owned()).filter(|it| !it.is_empty()),
        },
    }
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
