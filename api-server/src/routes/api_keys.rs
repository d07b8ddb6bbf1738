//! Keys of the caller's, for programs.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rowlock_client::accounts::ApiKey;
use rowlock_proto::ErrorCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::events::moment;
use super::venues::text;
use crate::app::App;
use crate::auth::{Role, api_keys};
use crate::http::scopes::Scope;
use crate::http::{Caller, IdempotencyKey, Json, Path, reply};
use crate::problem::Problem;
use crate::time;

/// Bytes of a name; the core has the same bound.
const NAME_BYTES_MAX: usize = 64;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewApiKey {
    /// For people.
    name: String,
    /// `events:read`, `events:write`, `bookings:read`, `bookings:write`, `refunds:write`,
    /// `tickets:redeem`.
    scopes: Vec<String>,
    /// The caller's own unless it is told; never more than the caller may do.
    role: Option<String>,
    /// RFC 3339; it does not end by itself unless it is told.
    expires_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiKeyView {
    id: String,
    name: String,
    role: String,
    scopes: Vec<String>,
    expires_at: Option<String>,
    /// To be sent as `Authorization: Bearer`. Only in the answer to its making: nobody can read it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl ApiKeyView {
    fn of(id: u128, key: ApiKey, text: Option<String>) -> Self {
        Self {
            id: format!("{id:032x}"),
            name: key.name,
            role: key.role,
            scopes: key.scopes,
            expires_at: (key.until_ms != 0).then(|| time::rfc3339(key.until_ms)),
            key: text,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiKeysView {
    api_keys: Vec<ApiKeyView>,
}

/// Make a key with which a program acts for the caller, within its scopes. A user has at most 16.
#[utoipa::path(post, path = "/users/me/api-keys", tag = "accounts", security(("bearer" = [])),
    request_body = NewApiKey,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 201, description = "The key", body = ApiKeyView),
        (status = 403, description = "not-allowed: more than the caller may do"),
        (status = 409, description = "api-key-limit-reached"),
        (status = 422, description = "invalid, idempotency-key-reused")))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    body: Json<NewApiKey>,
) -> Result<Response, Problem> {
    let request = key.request(&caller.subject, "POST /users/me/api-keys");
    app.recent.check(&request, body.fingerprint)?;
    let NewApiKey { name, mut scopes, role, expires_at } = body.value;
    text("name", &name, NAME_BYTES_MAX)?;
    let role = match role.as_deref() {
        None => caller.role,
        Some(role) => Role::parse(role)
            .ok_or_else(|| Problem::field("role", "is none of customer, door, organiser, admin"))?,
    };
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() || scopes.iter().any(|scope| Scope::parse(scope).is_none()) {
        let known = Scope::ALL.map(Scope::as_str).join(", ");
        return Err(Problem::field("scopes", format!("needs one at least of {known}")));
    }
    let until_ms = expires_at.as_deref().map_or(Ok(0), |text| moment("expiresAt", text))?;
    let made = |secret| ApiKey { secret, name, role: role.as_str().to_owned(), scopes, until_ms };
    let mut grant = None;
    let key = api_keys::give(&app, &caller, request.id(), role, |secret| {
        let made = made(secret);
        grant = Some(made.clone());
        made
    })
    .await?;
    let view = grant.map(|grant| ApiKeyView::of(request.id(), grant, Some(key)));
    Ok(reply::json(StatusCode::CREATED, &view))
}

/// The caller's keys, without what they are sent as.
#[utoipa::path(get, path = "/users/me/api-keys", tag = "accounts", security(("bearer" = [])),
    responses((status = 200, description = "All of them", body = ApiKeysView)))]
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let all = api_keys::all(&app, caller.user).await?.into_iter();
    let api_keys = all.map(|(id, key)| ApiKeyView::of(id, key, None)).collect();
    Ok(reply::json(StatusCode::OK, &ApiKeysView { api_keys }))
}

/// Take a key back. It is good for nothing from now on.
#[utoipa::path(delete, path = "/users/me/api-keys/{keyId}", tag = "accounts",
    security(("bearer" = [])), params(("keyId" = String, Path)),
    responses((status = 204, description = "It is no key any more"),
        (status = 404, description = "api-key-not-found")))]
pub(super) async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let missing =
        || Problem::new(ErrorCode::ApiKeyNotFound, "there is no key of yours with this id");
    let id = u128::from_str_radix(&id, 16).map_err(|_| missing())?;
    if !api_keys::all(&app, caller.user).await?.iter().any(|(known, _)| *known == id) {
        return Err(missing());
    }
    app.inventory.set_api_key(caller.user, id, None).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
