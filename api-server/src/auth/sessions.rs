//! Sessions: who is signed in, somewhere, and for how long.
//!
//! An access token is believed for an hour without asking anybody. The refresh token is a secret that the
//! cluster knows by its hash: it is exchanged for the next one, once, and whoever shows it again later ends
//! the session, since one of two has it who should not.

use rowlock_client::Error;
use rowlock_client::accounts::Rotation;
use rowlock_client::types::UserEntry;
use rowlock_proto::ErrorCode;
use sha2::{Digest, Sha256};

use super::Role;
use super::secrets::{RefreshToken, hash};
use super::tokens::ACCESS_SECONDS;
use crate::app::App;
use crate::http::{Caller, IdempotencyKey};
use crate::problem::Problem;

/// How long a session goes on without being used.
const SESSION_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

/// The tokens of someone who has just shown who they are.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) user: UserEntry,
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) expires_in_s: u64,
}

impl Session {
    fn of(app: &App, user: UserEntry, refresh: &RefreshToken) -> Self {
        let subject = user.id.to_string();
        Self {
            access: app.tokens.access_in(&subject, Role::Customer, Some(refresh.session)),
            refresh: refresh.text(),
            expires_in_s: ACCESS_SECONDS,
            user,
        }
    }
}

/// A new session for one who has shown the password of number `passwords`. The same `seed` makes the same.
pub(super) async fn open(
    app: &App,
    user: UserEntry,
    passwords: u32,
    seed: [u8; 32],
) -> Result<Session, Problem> {
    let mut id = [0; 16];
    id.copy_from_slice(&Sha256::digest(seed)[..16]);
    let session = u128::from_be_bytes(id);
    let secret = app.tokens.derived("first refresh secret", &[&seed]);
    let token = RefreshToken { user: user.id, session, secret };
    app.inventory.start_session(user.id, session, hash(&secret), SESSION_MS, passwords).await?;
    Ok(Session::of(app, user, &token))
}

/// New tokens for a refresh token, which is used up by it. What comes next is made of it and of the key:
/// so asking again gets the same, for as long as the cluster believes that it is that.
pub(crate) async fn refresh(
    app: &App,
    text: &str,
    key: &IdempotencyKey,
) -> Result<Session, Problem> {
    let refused = |words: &str| Problem::new(ErrorCode::NotSignedIn, words);
    let shown = RefreshToken::parse(text).ok_or_else(|| refused("the token is not valid here"))?;
    let named = key.0.as_deref().unwrap_or("");
    let next = app.tokens.derived("next refresh secret", &[&shown.secret, named.as_bytes()]);
    let rotation = Rotation {
        from: hash(&shown.secret),
        to: hash(&next),
        ttl_ms: SESSION_MS,
        keyed: key.0.is_some(),
    };
    if !app.inventory.rotate_session(shown.user, shown.session, rotation).await?.value {
        let what = "the session has ended; sign in again";
        return Err(Problem::new(ErrorCode::SessionEnded, what));
    }
    match app.inventory.user(shown.user).await {
        Ok(found) => Ok(Session::of(app, found.value, &RefreshToken { secret: next, ..shown })),
        Err(Error::Refused(_)) => Err(refused("the account is no more")),
        Err(error) => Err(error.into()),
    }
}

/// Ends the session that the caller's token belongs to, or all that they have.
pub(crate) async fn end(app: &App, caller: &Caller, everywhere: bool) -> Result<(), Problem> {
    let which = if everywhere { Some(None) } else { caller.session.map(Some) };
    // A token that was made by hand belongs to none.
    if let Some(session) = which {
        app.inventory.end_sessions(caller.user, session).await?;
    }
    Ok(())
}
