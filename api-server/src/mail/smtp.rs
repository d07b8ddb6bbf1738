//! Letters by SMTP.
//!
//! A letter is tried again while the server says "not now", as RFC 5321 wants it, and for a few minutes
//! only: a link in it is good for an hour, and whoever waits asks again.

use std::time::Duration;

use futures_util::future::BoxFuture;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use percent_encoding::percent_decode_str;

use super::{Letter, Mailer};
use crate::secret::Secret;

/// Of one try, with all that is said.
const TRY_TIME_MAX: Duration = Duration::from_secs(20);
/// Pauses between tries.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(120),
];

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0:?} is no sender such as `Shop <shop@example.org>`")]
    From(String),
    #[error("the address of the mail server can't be read")]
    Address(#[from] lettre::transport::smtp::Error),
    #[error("a password would go over the network as it is: use smtps:// or ?tls=required")]
    InTheOpen,
}

/// A mail server.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    pauses: &'static [Duration],
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").finish_non_exhaustive()
    }
}

impl Smtp {
    /// `url` is `smtps://host`, or `smtp://host?tls=required` for STARTTLS, or `smtp://host` for a server
    /// on this machine; with a user in it a password is needed.
    pub fn new(url: &str, password: Option<&Secret>, from: &str) -> Result<Self, Error> {
        let from = from.parse().map_err(|_| Error::From(from.to_owned()))?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?;
        if let Some(password) = password {
            if url.starts_with("smtp://") && !url.contains("tls=required") {
                return Err(Error::InTheOpen);
            }
            builder =
                builder.credentials(Credentials::new(user_of(url), password.reveal().to_owned()));
        }
        let transport = builder.timeout(Some(TRY_TIME_MAX)).build();
        Ok(Self { transport, from, pauses: &PAUSES })
    }

    /// Waits for nothing between tries.
    #[doc(hidden)]
    pub fn hasty(self) -> Self {
        Self { pauses: &[Duration::ZERO; 4], ..self }
    }

    fn message(&self, letter: &Letter) -> std::io::Result<Message> {
        let to: Mailbox = letter.to.parse().map_err(std::io::Error::other)?;
        let message = Message::builder().from(self.from.clone()).to(to).subject(&letter.subject);
        let message = message.header(ContentType::TEXT_PLAIN);
        message.body(letter.text.clone()).map_err(std::io::Error::other)
    }
}

/// The user that the address names, as it is told to the server.
fn user_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let user = rest.split_once('@').map_or("", |(user, _)| user);
    let user = user.split(':').next().unwrap_or("");
    percent_decode_str(user).decode_utf8_lossy().into_owned()
}

impl Mailer for Smtp {
    fn send(&self, letter: Letter) -> BoxFuture<'_, std::io::Result<()>> {
        Box::pin(async move {
            let message = self.message(&letter)?;
            let mut pauses = self.pauses.iter();
            loop {
                let error = match self.transport.send(message.clone()).await {
                    Ok(_) => return Ok(()),
                    Err(error) => error,
                };
                // "Never" is final; what was not answered at all may have been taken, and a letter that
                // comes twice does no harm.
                let pause = if error.is_permanent() { None } else { pauses.next() };
                let Some(pause) = pause else { return Err(std::io::Error::other(error)) };
                tracing::debug!(%error, "a letter is tried again");
                tokio::time::sleep(*pause).await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_goes_over_no_open_line() {
        let secret = Secret::new("hidden");
        let with = |url: &str| Smtp::new(url, Some(&secret), "Shop <shop@example.org>");
        assert!(matches!(with("smtp://shop@mail.example").unwrap_err(), Error::InTheOpen));
        assert!(with("smtps://shop@mail.example").is_ok());
        assert!(with("smtp://shop@mail.example?tls=required").is_ok());
        assert!(Smtp::new("smtp://127.0.0.1", None, "Shop <shop@example.org>").is_ok());
        assert!(matches!(Smtp::new("smtp://h", None, "nobody").unwrap_err(), Error::From(_)));
        assert!(matches!(
            Smtp::new("http://h", None, "a@b.example").unwrap_err(),
            Error::Address(_)
        ));
        assert_eq!(user_of("smtps://shop%40example.org@mail.example:465"), "shop@example.org");
        assert_eq!(user_of("smtps://shop+a=b@mail.example"), "shop+a=b");
        assert_eq!(user_of("smtps://mail.example"), "");
    }
}
