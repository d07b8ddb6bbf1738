//! The caller's own account.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rowlock_client::types::{UserEntry, UserPatch};
use rowlock_client::{Error, key};
use rowlock_proto::ErrorCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::TokenView;
use crate::app::App;
use crate::auth::accounts::{self, check_name, check_phone};
use crate::auth::letters;
use crate::http::{Caller, IdempotencyKey, Json, reply};
use crate::problem::Problem;
use crate::time;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserView {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    email: Option<String>,
    first_name: String,
    last_name: String,
    phone: String,
    created_at: Option<String>,
    /// Whether the address is known to be the user's.
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
}

impl UserView {
    pub(super) fn of(entry: &UserEntry) -> Self {
        Self {
            id: entry.id.to_string(),
            role: None,
            email: Some(entry.user.email.clone()),
            first_name: entry.user.first_name.clone(),
            last_name: entry.user.last_name.clone(),
            phone: entry.user.phone.clone(),
            created_at: Some(time::rfc3339(entry.user.created_ms)),
            email_verified: None,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserChange {
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
}

/// Who I am.
#[utoipa::path(get, path = "/users/me", tag = "accounts", security(("bearer" = [])),
    responses((status = 200, description = "The account", body = UserView),
        (status = 401, description = "not-signed-in")))]
pub(super) async fn me(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    match app.inventory.user(caller.user).await {
        Ok(found) => {
            let account = app.inventory.account(caller.user).await?.value;
            let view = UserView {
                role: Some(caller.role.as_str()),
                email_verified: Some(account.verified_ms != 0),
                ..UserView::of(&found.value)
            };
            Ok(reply::at(StatusCode::OK, found.at, &view))
        }
        Err(Error::Refused(_)) if app.inventory.account(caller.user).await?.value.deleted => {
            Err(Problem::new(ErrorCode::UserNotFound, "the account was deleted"))
        }
        // A user of an outside issuer has a token and no account here.
        Err(Error::Refused(_)) => {
            let view = UserView {
                id: caller.subject,
                role: Some(caller.role.as_str()),
                email: None,
                first_name: String::new(),
                last_name: String::new(),
                phone: String::new(),
                created_at: None,
                email_verified: None,
            };
            Ok(reply::json(StatusCode::OK, &view))
        }
        Err(error) => Err(error.into()),
    }
}

/// Change my account.
#[utoipa::path(patch, path = "/users/me", tag = "accounts", security(("bearer" = [])),
    request_body = UserChange,
    responses((status = 200, description = "The account as it is now", body = UserView),
        (status = 404, description = "user-not-found"), (status = 422, description = "invalid")))]
pub(super) async fn update(
    State(app): State<App>,
    caller: Caller,
    body: Json<UserChange>,
) -> Result<Response, Problem> {
    let UserChange { first_name, last_name, phone } = body.value;
    check_name("firstName", first_name.as_deref().unwrap_or(""))?;
    check_name("lastName", last_name.as_deref().unwrap_or(""))?;
    check_phone(phone.as_deref().unwrap_or(""))?;
    let patch = UserPatch { first_name, last_name, phone, password_hash: None };
    app.inventory.update_user(caller.user, patch, caller.user, key::request_key()).await?;
    me(State(app), caller).await
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewPassword {
    current_password: String,
    /// At least eight characters.
    password: String,
}

/// Set another password. All sessions end, and a new one begins here.
#[utoipa::path(post, path = "/users/me/password", tag = "accounts", security(("bearer" = [])),
    request_body = NewPassword,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "Tokens", body = TokenView),
        (status = 403, description = "not-allowed: the current password is wrong"),
        (status = 404, description = "user-not-found"),
        (status = 409, description = "credentials-changed"),
        (status = 422, description = "invalid, idempotency-key-reused")))]
pub(super) async fn password(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    body: Json<NewPassword>,
) -> Result<Response, Problem> {
    let request = key.request(&caller.subject, "POST /users/me/password");
    app.recent.check(&request, body.fingerprint)?;
    let NewPassword { current_password, password } = body.value;
    let session =
        accounts::change_password(&app, caller.user, current_password, password, &request).await?;
    Ok(reply::json(StatusCode::OK, &TokenView::of(session)))
}

/// Ask for a letter that shows whose the address is.
#[utoipa::path(post, path = "/users/me/verification", tag = "accounts",
    security(("bearer" = [])),
    responses((status = 202, description = "A letter is on its way"),
        (status = 404, description = "user-not-found"),
        (status = 429, description = "rate-limited")))]
pub(super) async fn verification(
    State(app): State<App>,
    caller: Caller,
) -> Result<Response, Problem> {
    let user = app.inventory.user(caller.user).await?.value;
    letters::ask_verification(&app, &user).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Farewell {
    password: String,
}

/// Delete my account: names, address, telephone number and password are gone, and the address is free.
/// What was booked stays, under an id that says nothing of whose it was. Sent again, it ends what was
/// begun.
#[utoipa::path(delete, path = "/users/me", tag = "accounts", security(("bearer" = [])),
    request_body = Farewell,
    responses((status = 204, description = "The account is gone"),
        (status = 403, description = "not-allowed: the password is wrong"),
        (status = 404, description = "user-not-found")))]
pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    body: Json<Farewell>,
) -> Result<Response, Problem> {
    accounts::delete(&app, caller.user, body.value.password).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
