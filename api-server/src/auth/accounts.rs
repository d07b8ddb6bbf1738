//! Accounts: registering, signing in, new passwords, and their end. Routes and pages both come here.

use rowlock_client::accounts::PasswordProof;
use rowlock_client::types::{User, UserEntry};
use rowlock_client::{Error, key};
use rowlock_proto::{ErrorCode, UserId};

use super::letters;
use super::passwords::{BYTES_MAX, CHARS_MIN};
use super::sessions::{self, Session};
use crate::app::App;
use crate::http::IdempotencyKey;
use crate::http::idempotency::Request;
use crate::http::rate_limit::{self, Policy};
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
    letters::send_verification(app, &user);
    sessions::open(app, user, 0, seed_of(app, request)).await
}

pub(crate) async fn sign_in(
    app: &App,
    email: &str,
    password: String,
    key: &IdempotencyKey,
) -> Result<Session, Problem> {
    let email = key::normal_email(email);
    rate_limit::of_account(app, Policy::SignInAccount, &email)?;
    let known = match app.inventory.user_by_email(&email).await {
        Ok(found) => Some(found.value.id),
        Err(Error::Refused(_)) => None,
        Err(error) => return Err(error.into()),
    };
    if password.len() > BYTES_MAX {
        return Err(wrong());
    }
    // Nobody's is looked at all the same, so that an answer takes as long. The number of the password
    // before the password: were it changed between the two, the session would not start.
    let id = known.unwrap_or_else(|| UserId(rand::random()));
    let passwords = app.inventory.account(id).await?.value.passwords;
    let found = match app.inventory.user(id).await {
        Ok(found) => Some(found.value),
        Err(Error::Refused(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let hash = found.as_ref().map(|entry| entry.user.password_hash.clone());
    match (app.passwords.verify(password, hash).await?, found) {
        (true, Some(user)) => {
            let request = key.request(&email, "POST /auth/login");
            let opened = sessions::open(app, user, passwords, seed_of(app, &request)).await;
            opened.map_err(|problem| {
                let changed = problem.code() == ErrorCode::CredentialsChanged;
                if changed { wrong() } else { problem }
            })
        }
        (true | false, _) => Err(wrong()),
    }
}

/// Another password for one who shows the one before: it ends all sessions, and starts one.
pub(crate) async fn change_password(
    app: &App,
    user: UserId,
    current: String,
    new: String,
    request: &Request,
) -> Result<Session, Problem> {
    check_password(&new)?;
    let mut passwords = app.inventory.account(user).await?.value.passwords;
    let entry = app.inventory.user(user).await?.value;
    let hash = app.passwords.hash(new, request.bytes(2)).await?;
    // The salt comes from the request: with its hash in place it is this request that comes again.
    if entry.user.password_hash != hash {
        shown_password(app, &entry, current).await?;
        app.inventory.set_password(user, hash, PasswordProof::Passwords(passwords)).await?;
        passwords += 1;
    }
    sessions::open(app, entry, passwords, seed_of(app, request)).await
}

/// What a session is made of: the same for a request that comes again, and unknown to all but us.
fn seed_of(app: &App, request: &Request) -> [u8; 32] {
    app.tokens.derived("session", &[&request.bytes(3)])
}

/// Who the user was is forgotten; what they bought stays, under an id that says nothing.
pub(crate) async fn delete(app: &App, user: UserId, password: String) -> Result<(), Problem> {
    // Sent again, because the answer was lost or only half of it was done.
    if !app.inventory.account(user).await?.value.deleted {
        let entry = app.inventory.user(user).await?.value;
        shown_password(app, &entry, password).await?;
        app.inventory.delete_user(user).await?;
    }
    app.inventory.forget_user_list(user).await?;
    Ok(())
}

async fn shown_password(app: &App, entry: &UserEntry, password: String) -> Result<(), Problem> {
    rate_limit::of_account(app, Policy::SignInAccount, &entry.user.email)?;
    let hash = Some(entry.user.password_hash.clone());
    if password.len() <= BYTES_MAX && app.passwords.verify(password, hash).await? {
        return Ok(());
    }
    // Not 401: the token is good, and signing in again would not help.
    Err(Problem::new(ErrorCode::NotAllowed, "the password is wrong")
        .with("field", "password".into()))
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

pub(super) fn check_password(password: &str) -> Result<(), Problem> {
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
