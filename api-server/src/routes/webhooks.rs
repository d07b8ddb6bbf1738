//! What payment providers tell by themselves.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use rowlock_proto::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::{read_body, reply};
use crate::payment::{NoticeRefused, notices};
use crate::problem::Problem;
use crate::time;

const NOTICE_BYTES_MAX: usize = 256 << 10;

#[derive(Serialize, ToSchema)]
struct Received {
    received: bool,
}

/// Webhooks of Stripe. Signed by Stripe (`Stripe-Signature`, five minutes of tolerance); an event is
/// only taken as a hint where to look, so it may come twice, late and in any order.
#[utoipa::path(post, path = "/webhooks/stripe", tag = "providers",
    request_body(content = String, content_type = "application/json"),
    params(("Stripe-Signature" = String, Header, description = "`t=…,v1=…`")),
    responses((status = 200, description = "Seen; nothing more is needed", body = Received),
        (status = 400, description = "malformed: no event, or no readable signature"),
        (status = 403, description = "not-allowed: not signed by Stripe, or not of now"),
        (status = 404, description = "not-found: this server takes no webhooks of Stripe"),
        (status = 413, description = "too-large"),
        (status = 503, description = "Not now: to be sent again")))]
pub(super) async fn stripe(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let signature = headers.get("stripe-signature").and_then(|value| value.to_str().ok());
    let signature = signature.ok_or_else(|| Problem::malformed("Stripe-Signature is missing"))?;
    taken(&app, "stripe", signature, body).await
}

/// Webhooks of PayPal. What they say is not believed: an event is only taken as a hint at which order to
/// look, and PayPal is asked about it.
#[utoipa::path(post, path = "/webhooks/paypal", tag = "providers",
    request_body(content = String, content_type = "application/json"),
    responses((status = 200, description = "Seen; nothing more is needed", body = Received),
        (status = 400, description = "malformed: no event"),
        (status = 404, description = "not-found: this server takes no webhooks of PayPal"),
        (status = 413, description = "too-large"),
        (status = 503, description = "Not now: to be sent again")))]
pub(super) async fn paypal(State(app): State<App>, body: Body) -> Result<Response, Problem> {
    taken(&app, "paypal", "", body).await
}

async fn taken(
    app: &App,
    of: &'static str,
    signature: &str,
    body: Body,
) -> Result<Response, Problem> {
    let body = read_body(body, NOTICE_BYTES_MAX).await?;
    let now_s = time::now_ms() / 1_000;
    let notice = app.provider.notice(of, signature, &body, now_s);
    let notice = notice.map_err(|refused| match refused {
        NoticeRefused::NotTaken => {
            Problem::new(ErrorCode::NotFound, format!("this server takes no webhooks of {of}"))
        }
        NoticeRefused::Unreadable(what) => Problem::malformed(what),
        NoticeRefused::NotSigned(what) => {
            tracing::warn!(what, "a webhook is refused");
            Problem::new(ErrorCode::NotAllowed, what)
        }
    })?;
    notices::take(app, notice).await?;
    Ok(reply::json(StatusCode::OK, &Received { received: true }))
}
