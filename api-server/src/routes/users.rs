//! The caller's own account.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rowlock_client::types::{UserEntry, UserPatch};
use rowlock_client::{Error, key};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::accounts::{check_name, check_phone};
use crate::http::{Caller, Json, reply};
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
            let view = UserView { role: Some(caller.role.as_str()), ..UserView::of(&found.value) };
            Ok(reply::at(StatusCode::OK, found.at, &view))
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
