//! Letters that show whose an address is: to verify it, and to set a password that was forgotten.
//!
//! Whoever asks for a letter learns nothing: the answer is there before anybody is looked up.

use rowlock_client::accounts::{LinkPurpose, PasswordProof};
use rowlock_client::types::UserEntry;
use rowlock_client::{Error, key};
use rowlock_proto::ErrorCode;

use super::accounts::check_password;
use super::secrets::{LetterToken, hash};
use crate::app::App;
use crate::http::idempotency::Request;
use crate::http::rate_limit::{self, Policy};
use crate::mail::Letter;
use crate::problem::Problem;

const RESET_MS: u64 = 60 * 60 * 1_000;
const VERIFY_MS: u64 = 3 * 24 * 60 * 60 * 1_000;
/// Letters that are being sent; beyond it, those who ask for one are told to come back.
pub(crate) const SENDING_MAX: usize = 64;

/// Sends a letter with which a forgotten password is set, if there is such an account.
pub(crate) fn send_reset(app: &App, email: &str) -> Result<(), Problem> {
    must_carry(app)?;
    let email = key::normal_email(email);
    rate_limit::of_account(app, Policy::MailAccount, &email)?;
    in_background(app, move |app| async move {
        let user = match app.inventory.user_by_email(&email).await {
            Ok(found) => found.value,
            Err(Error::Refused(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        send(&app, &user, LinkPurpose::Reset).await
    })
}

/// Asks the user to show that the address is theirs.
pub(crate) fn send_verification(app: &App, user: &UserEntry) {
    if !app.mailer.carries() {
        return;
    }
    let user = user.clone();
    // Who is not written to can ask for it.
    drop(in_background(
        app,
        move |app| async move { send(&app, &user, LinkPurpose::Verify).await },
    ));
}

/// The same, at the user's own wish.
pub(crate) async fn ask_verification(app: &App, user: &UserEntry) -> Result<(), Problem> {
    must_carry(app)?;
    rate_limit::of_account(app, Policy::MailAccount, &user.user.email)?;
    send(app, user, LinkPurpose::Verify).await
}

fn must_carry(app: &App) -> Result<(), Problem> {
    if app.mailer.carries() {
        return Ok(());
    }
    Err(Problem::new(ErrorCode::Unavailable, "letters are not sent here"))
}

fn in_background<F>(app: &App, job: impl FnOnce(App) -> F) -> Result<(), Problem>
where
    F: Future<Output = Result<(), Problem>> + Send + 'static,
{
    let place = std::sync::Arc::clone(&app.letters).try_acquire_owned();
    let place = place
        .map_err(|_| Problem::new(ErrorCode::Overloaded, "too many letters are being sent"))?;
    let job = job(app.clone());
    tokio::spawn(async move {
        if let Err(problem) = job.await {
            // Never to whom.
            tracing::warn!(code = problem.code().as_str(), "send a letter");
        }
        drop(place);
    });
    Ok(())
}

async fn send(app: &App, user: &UserEntry, purpose: LinkPurpose) -> Result<(), Problem> {
    let token = LetterToken { user: user.id, secret: rand::random() };
    let ttl_ms = match purpose {
        LinkPurpose::Verify => VERIFY_MS,
        LinkPurpose::Reset => RESET_MS,
    };
    app.inventory.issue_link(user.id, purpose, hash(&token.secret), ttl_ms).await?;
    let (base, token) = (&app.public_url, token.text());
    let (subject, text) = match purpose {
        LinkPurpose::Verify => (
            "Is this your address?",
            format!(
                "An account was opened with this address. If it is yours, say so here, within three \
                 days:\n\n{base}/verify-email?token={token}\n\nIf it is not, do nothing.\n"
            ),
        ),
        LinkPurpose::Reset => (
            "A new password",
            format!(
                "Somebody, you we hope, wants to set a new password for your account. It is done here, \
                 within an hour, once:\n\n{base}/reset-password?token={token}\n\nIf it was not you, do \
                 nothing: your password stays as it is.\n"
            ),
        ),
    };
    let letter = Letter { to: user.user.email.clone(), subject: subject.to_owned(), text };
    app.mailer.send(letter).await.map_err(|error| {
        tracing::warn!(%error, "hand a letter over");
        Problem::new(ErrorCode::Unavailable, "letters can't be sent now")
    })
}

fn used_up() -> Problem {
    Problem::new(
        ErrorCode::LinkUnknown,
        "the link is used, too old, or was replaced by a newer one",
    )
}

/// The address is known to be the user's from now on.
pub(crate) async fn verify(app: &App, token: &str) -> Result<(), Problem> {
    let token = LetterToken::parse(token.trim()).ok_or_else(used_up)?;
    match app.inventory.verify_email(token.user, hash(&token.secret)).await {
        Ok(_) => Ok(()),
        Err(Error::Refused(_)) => Err(used_up()),
        Err(error) => Err(error.into()),
    }
}

/// A new password by a letter. All sessions end.
pub(crate) async fn reset(
    app: &App,
    token: &str,
    password: String,
    request: &Request,
) -> Result<(), Problem> {
    check_password(&password)?;
    let token = LetterToken::parse(token.trim()).ok_or_else(used_up)?;
    let password_hash = app.passwords.hash(password, request.bytes(2)).await?;
    let proof = PasswordProof::Link(hash(&token.secret));
    match app.inventory.set_password(token.user, password_hash, proof).await {
        Ok(_) => Ok(()),
        Err(Error::Refused(_)) => Err(used_up()),
        Err(error) => Err(error.into()),
    }
}
