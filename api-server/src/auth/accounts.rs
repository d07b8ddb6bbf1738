//! Accounts: registering, signing in, refreshing. Routes and pages both come here.

use rowlock_client::types::{User, UserEntry};
use rowlock_client::{Error, key};
use rowlock_proto::{ErrorCode, UserId};

use super::Role;
use super::passwords::{BYTES_MAX, CHARS_MIN};
use super::tokens::{ACCESS_SECONDS, password_name};
use crate::app::App;
use crate::http::idempotency::Request;
use crate::problem::Problem;

const EMAIL_CHARS_MAX: usize = 254;
const NAME_CHARS_MAX: usize = 100;
const PHONE_CHARS_MAX: usize = 20;

/// What someone registers with.
#[derive(Clone)]
pub(crate) struct Registration {
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) phone: String,
}

/// The tokens of someone who has just shown who they are.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) user: UserEntry,
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) expires_in_s: u64,
}

impl Session {
    fn of(app: &App, user: UserEntry) -> Self {
        let subject = user.id.to_string();
        Self {
            access: app.tokens.access(&subject, Role::Customer),
            refresh: app.tokens.refresh(&subject, &user.user.password_hash),
            expires_in_s: ACCESS_SECONDS,
            user,
        }
    }
}

pub(crate) async fn register(
    app: &App,
    registration: Registration,
    request: &Request,
) -> Result<Session, Problem> {
    let Registration { email, password, first_name, last_name, phone } = registration;
    let email = key::normal_email(&email);
    check_email(&email)?;
    check_password(&password)?;
    check_name("firstName", &first_name)?;
    check_name("lastName", &last_name)?;
    check_phone(&phone)?;
    // The id and the salt come from the request, so that its repeat makes the same account.
    let id = UserId::new(key::email_slot(&email), request.id());
    let password_hash = app.passwords.hash(password, request.bytes(2)).await?;
    let doc = User {
        email: email.clone(),
        password_hash: password_hash.clone(),
        first_name,
        last_name,
        phone,
        created_ms: 0,
    };
    match app.inventory.register_user(id, doc.clone(), id, request.key()).await {
        Ok(_) => {}
        Err(Error::Refused(refusal)) if refusal.code == ErrorCode::EmailTaken => {
            let found = app.inventory.user_by_email(&email).await?.value;
            return Err(if found.id == id {
                Problem::key_reused()
            } else {
                Problem::new(ErrorCode::EmailTaken, "an account with this address exists")
            });
        }
        Err(error) => return Err(error.into()),
    }
    let user = app.inventory.user(id).await?.value;
    let same = user.user.first_name == doc.first_name
        && user.user.last_name == doc.last_name
        && user.user.phone == doc.phone;
    if !same {
        return Err(Problem::key_reused());
    }
    Ok(Session::of(app, user))
}

pub(crate) async fn sign_in(app: &App, email: &str, password: String) -> Result<Session, Problem> {
    let found = match app.inventory.user_by_email(email).await {
        Ok(found) => Some(found.value),
        Err(Error::Refused(_)) => None,
        Err(error) => return Err(error.into()),
    };
    if password.len() > BYTES_MAX {
        return Err(wrong());
    }
    let hash = found.as_ref().map(|entry| entry.user.password_hash.clone());
    match (app.passwords.verify(password, hash).await?, found) {
        (true, Some(user)) => Ok(Session::of(app, user)),
        (true | false, _) => Err(wrong()),
    }
}

/// New tokens for an old refresh token, as long as the account has the same password.
pub(crate) async fn refresh(app: &App, token: &str) -> Result<Session, Problem> {
    let refused = |words: &str| Problem::new(ErrorCode::NotSignedIn, words);
    let claims = app.tokens.verify_refresh(token).map_err(|invalid| refused(invalid.words()))?;
    let id: UserId = claims.sub.parse().map_err(|_| refused("the token is not valid here"))?;
    let user = match app.inventory.user(id).await {
        Ok(found) => found.value,
        Err(Error::Refused(_)) => return Err(refused("the account is no more")),
        Err(error) => return Err(error.into()),
    };
    if password_name(&user.user.password_hash) != claims.pwd {
        return Err(refused("the password was changed since"));
    }
    Ok(Session::of(app, user))
}

fn wrong() -> Problem {
    Problem::new(ErrorCode::WrongCredentials, "the address or the password is wrong")
}

fn check_email(email: &str) -> Result<(), Problem> {
    let parts = email.split_once('@').filter(|(local, domain)| {
        !local.is_empty()
            && domain.contains('.')
            && !domain.contains('@')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
    });
    let plain = !email.chars().any(|letter| letter.is_whitespace() || letter.is_control());
    if parts.is_some() && plain && email.len() <= EMAIL_CHARS_MAX {
        Ok(())
    } else {
        Err(Problem::field("email", "is not an e-mail address"))
    }
}

fn check_password(password: &str) -> Result<(), Problem> {
    if password.chars().count() < CHARS_MIN {
        return Err(Problem::field("password", format!("needs at least {CHARS_MIN} characters")));
    }
    if password.len() > BYTES_MAX {
        return Err(Problem::field("password", format!("may have {BYTES_MAX} bytes")));
    }
    Ok(())
}

pub(crate) fn check_name(field: &str, name: &str) -> Result<(), Problem> {
    if name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(Problem::field(field, format!("may have {NAME_CHARS_MAX} characters")));
    }
    Ok(())
}

pub(crate) fn check_phone(phone: &str) -> Result<(), Problem> {
    let allowed = |letter: char| letter.is_ascii_digit() || " +-()./".contains(letter);
    if phone.len() > PHONE_CHARS_MAX || !phone.chars().all(allowed) {
        return Err(Problem::field("phone", "is not a telephone number of at most 20 characters"));
    }
    Ok(())
}
