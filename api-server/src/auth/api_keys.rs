//! Keys with which programs act for a user, within scopes. They are looked up at every request, so that
//! one that is taken back is good for nothing at once.

use rowlock_client::accounts::ApiKey;
use rowlock_client::types::UserId;
use rowlock_client::{Answered, Error};
use rowlock_proto::ErrorCode;

use super::Role;
use super::secrets::{ApiKeyToken, hash};
use crate::app::App;
use crate::http::Caller;
use crate::http::scopes::Scope;
use crate::problem::Problem;
use crate::time;

/// Whoever has the key with this text, unless it is none.
pub(crate) async fn caller(app: &App, text: &str) -> Result<Option<Caller>, Problem> {
    let Some(token) = ApiKeyToken::parse(text) else { return Ok(None) };
    let Answered { value: account, at } = app.inventory.account(token.user).await?;
    let now_ms = at.log_time_ms.max(time::now_ms());
    let found = account.api_keys.into_iter().find(|(id, _)| *id == token.key);
    let Some((_, key)) = found.filter(|(_, key)| {
        key.secret == hash(&token.secret) && (key.until_ms == 0 || key.until_ms > now_ms)
    }) else {
        return Ok(None);
    };
    let Some(role) = Role::parse(&key.role) else { return Ok(None) };
    Ok(Some(Caller {
        subject: token.user.to_string(),
        user: token.user,
        role,
        session: None,
        scopes: Some(key.scopes.iter().filter_map(|scope| Scope::parse(scope)).collect()),
    }))
}

/// Whether one with `role` may give away `wanted`.
fn may_give(role: Role, wanted: Role) -> bool {
    match (role, wanted) {
        (Role::Admin, _) | (_, Role::Customer) => true,
        (Role::Organiser, Role::Organiser | Role::Door) | (Role::Door, Role::Door) => true,
        (Role::Customer | Role::Door | Role::Organiser, _) => false,
    }
}

/// A key of the caller's for a program, as it has to be shown once: nobody can read it again.
pub(crate) async fn give(
    app: &App,
    caller: &Caller,
    id: u128,
    wanted: Role,
    grant: impl FnOnce([u8; 32]) -> ApiKey,
) -> Result<String, Problem> {
    if !may_give(caller.role, wanted) {
        let what = "nobody gives away more than they may do themselves";
        return Err(Problem::new(ErrorCode::NotAllowed, what).with("field", "role".into()));
    }
    // The same request again has the same secret, which only we can make.
    let secret = app.tokens.derived("api key", &[&caller.user.to_bytes(), &id.to_be_bytes()]);
    let key = grant(hash(&secret));
    app.inventory.set_api_key(caller.user, id, Some(key)).await.map_err(|error| match error {
        Error::Refused(refusal) if refusal.code == ErrorCode::IdempotencyKeyReused => {
            Problem::key_reused()
        }
        error => error.into(),
    })?;
    Ok(ApiKeyToken { user: caller.user, key: id, secret }.text())
}

/// The keys that a user gave away.
pub(crate) async fn all(app: &App, user: UserId) -> Result<Vec<(u128, ApiKey)>, Problem> {
    Ok(app.inventory.account(user).await?.value.api_keys)
}
