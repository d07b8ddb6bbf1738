//! Registering, signing in and out, and what letters are for.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::users::UserView;
use crate::app::App;
use crate::auth::accounts::{self, Registration};
use crate::auth::letters;
use crate::auth::sessions::{self, Session};
use crate::http::{Caller, IdempotencyKey, Json, Query, reply};
use crate::problem::Problem;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Register {
    email: String,
    /// At least eight characters.
    password: String,
    #[serde(default)]
    first_name: Option<String>,
    #[serde(default)]
    last_name: Option<String>,
    #[serde(default)]
    phone: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Login {
    email: String,
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refresh {
    refresh_token: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenView {
    access_token: String,
    refresh_token: String,
    /// Seconds until the access token ends.
    expires_in: u64,
    /// Always `Bearer`.
    token_type: &'static str,
    user: UserView,
}

impl TokenView {
    pub(super) fn of(session: Session) -> Self {
        Self {
            user: UserView::of(&session.user),
            access_token: session.access,
            refresh_token: session.refresh,
            expires_in: session.expires_in_s,
            token_type: "Bearer",
        }
    }
}

/// Open an account.
#[utoipa::path(post, path = "/auth/register", tag = "accounts", request_body = Register,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 201, description = "The account and its tokens", body = TokenView),
        (status = 409, description = "email-taken"), (status = 422, description = "invalid")))]
pub(super) async fn register(
    State(app): State<App>,
    key: IdempotencyKey,
    body: Json<Register>,
) -> Result<Response, Problem> {
    let request = key.request("", "POST /auth/register");
    app.recent.check(&request, body.fingerprint)?;
    let Register { email, password, first_name, last_name, phone } = body.value;
    let registration = Registration {
        email,
        password,
        first_name: first_name.unwrap_or_default(),
        last_name: last_name.unwrap_or_default(),
        phone: phone.unwrap_or_default(),
    };
    let session = accounts::register(&app, registration, &request).await?;
    Ok(reply::json(StatusCode::CREATED, &TokenView::of(session)))
}

/// Sign in. A user has at most 16 sessions: one more ends the one that was not used for longest.
#[utoipa::path(post, path = "/auth/login", tag = "accounts", request_body = Login,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "Tokens", body = TokenView),
        (status = 401, description = "wrong-credentials"),
        (status = 429, description = "rate-limited")))]
pub(super) async fn login(
    State(app): State<App>,
    key: IdempotencyKey,
    body: Json<Login>,
) -> Result<Response, Problem> {
    let Login { email, password } = body.value;
    let session = accounts::sign_in(&app, &email, password, &key).await?;
    Ok(reply::json(StatusCode::OK, &TokenView::of(session)))
}

/// New tokens for a refresh token, which is used up by it: the answer has the next. The same again is
/// answered again for ten seconds, and with an Idempotency-Key as long as the next one is unused; whoever
/// shows a used one later than that ends the session.
#[utoipa::path(post, path = "/auth/refresh", tag = "accounts", request_body = Refresh,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "Tokens", body = TokenView),
        (status = 401, description = "not-signed-in, session-ended")))]
pub(super) async fn refresh(
    State(app): State<App>,
    key: IdempotencyKey,
    body: Json<Refresh>,
) -> Result<Response, Problem> {
    let session = sessions::refresh(&app, &body.value.refresh_token, &key).await?;
    Ok(reply::json(StatusCode::OK, &TokenView::of(session)))
}

/// Sign out: the session of this token ends, or all of them. Access tokens that were given out are good
/// to their end, an hour at most; no new ones come.
#[utoipa::path(post, path = "/auth/logout", tag = "accounts", security(("bearer" = [])),
    params(("everywhere" = Option<bool>, Query, description = "All sessions of the user")),
    responses((status = 204, description = "Signed out"),
        (status = 401, description = "not-signed-in")))]
pub(super) async fn logout(
    State(app): State<App>,
    caller: Caller,
    query: Query,
) -> Result<Response, Problem> {
    sessions::end(&app, &caller, query.flag("everywhere")?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Verification {
    /// From the letter.
    token: String,
}

/// Show that an address is one's own, by the letter that went there.
#[utoipa::path(post, path = "/auth/verify-email", tag = "accounts", request_body = Verification,
    responses((status = 204, description = "The address is verified"),
        (status = 422, description = "link-unknown")))]
pub(super) async fn verify_email(
    State(app): State<App>,
    body: Json<Verification>,
) -> Result<Response, Problem> {
    letters::verify(&app, &body.value.token).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Forgotten {
    email: String,
}

/// Ask for a letter with which a forgotten password is set. The answer is the same whether there is such
/// an account or not.
#[utoipa::path(post, path = "/auth/password-reset", tag = "accounts", request_body = Forgotten,
    responses((status = 202, description = "If there is such an account, a letter is on its way"),
        (status = 429, description = "rate-limited")))]
pub(super) async fn forgotten(
    State(app): State<App>,
    body: Json<Forgotten>,
) -> Result<Response, Problem> {
    letters::send_reset(&app, &body.value.email)?;
    Ok(StatusCode::ACCEPTED.into_response())
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Reset {
    /// From the letter.
    token: String,
    /// At least eight characters.
    password: String,
}

/// Set a new password, by a letter. All sessions end.
#[utoipa::path(post, path = "/auth/password-reset/confirm", tag = "accounts", request_body = Reset,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 204, description = "The password is the new one"),
        (status = 422, description = "link-unknown, invalid, idempotency-key-reused")))]
pub(super) async fn reset(
    State(app): State<App>,
    key: IdempotencyKey,
    body: Json<Reset>,
) -> Result<Response, Problem> {
    let request = key.request("", "POST /auth/password-reset/confirm");
    app.recent.check(&request, body.fingerprint)?;
    let Reset { token, password } = body.value;
    letters::reset(&app, &token, password, &request).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
