//! Registering and signing in.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::users::UserView;
use crate::app::App;
use crate::auth::accounts::{self, Registration, Session};
use crate::http::{IdempotencyKey, Json, reply};
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
    fn of(session: Session) -> Self {
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

/// Sign in.
#[utoipa::path(post, path = "/auth/login", tag = "accounts", request_body = Login,
    responses((status = 200, description = "Tokens", body = TokenView),
        (status = 401, description = "wrong-credentials")))]
pub(super) async fn login(State(app): State<App>, body: Json<Login>) -> Result<Response, Problem> {
    let session = accounts::sign_in(&app, &body.value.email, body.value.password).await?;
    Ok(reply::json(StatusCode::OK, &TokenView::of(session)))
}

/// New tokens for a refresh token.
#[utoipa::path(post, path = "/auth/refresh", tag = "accounts", request_body = Refresh,
    responses((status = 200, description = "Tokens", body = TokenView),
        (status = 401, description = "not-signed-in")))]
pub(super) async fn refresh(
    State(app): State<App>,
    body: Json<Refresh>,
) -> Result<Response, Problem> {
    let session = accounts::refresh(&app, &body.value.refresh_token).await?;
    Ok(reply::json(StatusCode::OK, &TokenView::of(session)))
}
