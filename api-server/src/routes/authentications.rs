//! What a customer's bank would ask the customer, where the money is play money.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rowlock_proto::ErrorCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::http::{Caller, Json, Path, reply};
use crate::payment::saga::Look;
use crate::payment::{Error, IntentState, reconcile};
use crate::problem::Problem;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Authentication {
    /// As the payment's answer gave it.
    client_secret: String,
    /// Whether the customer confirms.
    success: bool,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AuthenticationView {
    payment_id: String,
    /// SUCCEEDED, DECLINED or CANCELED.
    status: &'static str,
}

/// Answer for the customer's bank whether the customer confirms a payment. Only the sandbox takes
/// this: at a real provider the bank does it. The payment goes on at once; sent again, it has the end.
#[utoipa::path(post, path = "/payments/{paymentId}/authenticate", tag = "bookings",
    security(("bearer" = [])), request_body = Authentication,
    params(("paymentId" = String, Path)),
    responses((status = 200, description = "What became of it", body = AuthenticationView),
        (status = 404, description = "not-found: no such payment waits for its customer, \
            or the provider is not the sandbox")))]
pub(super) async fn authenticate(
    State(app): State<App>,
    _caller: Caller,
    Path(id): Path<String>,
    body: Json<Authentication>,
) -> Result<Response, Problem> {
    let Authentication { client_secret, success } = body.value;
    let (state, _) = answered(&app, &id, &client_secret, success).await?;
    let status = match state {
        IntentState::Succeeded => "SUCCEEDED",
        IntentState::Declined(_) | IntentState::Refused(_) => "DECLINED",
        IntentState::Canceled => "CANCELED",
        IntentState::RequiresConfirmation
        | IntentState::RequiresAction(_)
        | IntentState::Approved
        | IntentState::Processing
        | IntentState::Authorized => "PROCESSING",
    };
    Ok(reply::json(StatusCode::OK, &AuthenticationView { payment_id: id, status }))
}

/// Tells the provider, and lets the booking go on from there. The booking's id.
pub(crate) async fn answered(
    app: &App,
    intent: &str,
    secret: &str,
    done: bool,
) -> Result<(IntentState, String), Problem> {
    let intent =
        app.provider.authenticate(intent, secret, done).await.map_err(|error| match error {
            Error::Silent(_) | Error::Down(_) => Problem::new(
                ErrorCode::PaymentProviderDown,
                "the payment provider does not answer; send it again",
            ),
            Error::NoIntent(_) | Error::Refused(_) => not_found(),
        })?;
    if let Ok(booking) = intent.booking.parse() {
        // Whoever reconciles does it otherwise.
        reconcile::settle(app, booking, |_| Look::News).await;
    }
    Ok((intent.state, intent.booking))
}

pub(crate) fn not_found() -> Problem {
    Problem::new(ErrorCode::NotFound, "no such payment waits for its customer here")
}
