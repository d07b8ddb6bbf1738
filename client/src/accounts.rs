//! The typed calls of accounts: sessions, letters, passwords, and the end of a user.

use bytes::Bytes;
use rowlock_proto::v1::account_command::Kind as Ask;
use rowlock_proto::v1::command::Kind;
use rowlock_proto::v1::query::Kind as Query;
use rowlock_proto::v1::query_reply::Kind as Found;
use rowlock_proto::v1::reply::Kind as Reply;
use rowlock_proto::{UserId, v1};

use crate::calls::done;
use crate::client::Client;
use crate::error::Error;
use crate::types::Answered;
use crate::wire::{self, Unreadable};

/// The name of a secret: its SHA-256. The secret itself never comes here.
pub type SecretHash = [u8; 32];

/// What is kept of a user besides who they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// How often the password was changed.
    pub passwords: u32,
    /// Since when the address is known to be the user's; 0: it is not.
    pub verified_ms: u64,
    /// The user is gone, and no other gets the id.
    pub deleted: bool,
    pub sessions: Vec<Session>,
    /// They may have ended.
    pub api_keys: Vec<(u128, ApiKey)>,
}

/// Leave for a program to act for a user. What roles and scopes mean is up to who asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub secret: SecretHash,
    pub name: String,
    pub role: String,
    pub scopes: Vec<String>,
    /// 0: it does not end by itself.
    pub until_ms: u64,
}

/// Somebody who is signed in, somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub session: u128,
    pub started_ms: u64,
    pub used_ms: u64,
    pub until_ms: u64,
}

/// The exchange of a session's secret for the next. The same exchange again has the same answer: for ten
/// seconds, or, if it is `keyed`, as long as the next secret is unused. Any other use of a secret that was
/// exchanged ends the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    pub from: SecretHash,
    pub to: SecretHash,
    pub ttl_ms: u64,
    /// It was asked for under a key that only its sender knows.
    pub keyed: bool,
}

/// What a letter to a user's address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPurpose {
    Verify,
    Reset,
}

/// Why a password may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordProof {
    /// The one before was shown, when it was the password of this number ([`Account::passwords`]).
    Passwords(u32),
    /// A letter was read.
    Link(SecretHash),
}

fn raw(hash: &SecretHash) -> Bytes {
    Bytes::copy_from_slice(hash)
}

fn id(session: u128) -> Bytes {
    Bytes::copy_from_slice(&session.to_be_bytes())
}

/// All of these are safe to repeat.
impl Client {
    /// A user of whom nothing is kept has an empty account.
    pub async fn account(&self, user: UserId) -> Result<Answered<Account>, Error> {
        let kind = Query::GetAccount(v1::GetAccount { user: wire::id(user.to_bytes()) });
        self.read(user.slot(), kind, |found| match found {
            Found::Account(view) => Some(account(view)),
            _ => None,
        })
        .await
    }

    /// For somebody who has just shown the password of number `passwords`. Refused with
    /// `credentials-changed` if it was changed since. One session too many ends the oldest.
    pub async fn start_session(
        &self,
        user: UserId,
        session: u128,
        secret: SecretHash,
        ttl_ms: u64,
        passwords: u32,
    ) -> Result<Answered<()>, Error> {
        let (session, secret) = (id(session), raw(&secret));
        let start = v1::StartSession { session, secret, ttl_ms, passwords };
        self.of_account(user, Ask::StartSession(start), done).await
    }

    /// Whether the session goes on.
    pub async fn rotate_session(
        &self,
        user: UserId,
        session: u128,
        rotation: Rotation,
    ) -> Result<Answered<bool>, Error> {
        let Rotation { from, to, ttl_ms, keyed } = rotation;
        let (session, from, to) = (id(session), raw(&from), raw(&to));
        let rotate = v1::RotateSession { session, from, to, ttl_ms, keyed };
        self.of_account(user, Ask::RotateSession(rotate), |reply| match reply {
            Reply::Session(v1::SessionAnswer { alive }) => Ok(alive),
            _ => Err(Unreadable("session")),
        })
        .await
    }

    /// One session, or all that the user has.
    pub async fn end_sessions(
        &self,
        user: UserId,
        session: Option<u128>,
    ) -> Result<Answered<()>, Error> {
        let ask = match session {
            Some(session) => Ask::EndSession(id(session)),
            None => Ask::EndSessions(v1::Done {}),
        };
        self.of_account(user, ask, done).await
    }

    /// Ends all sessions. Refused with `credentials-changed` or `link-unknown`.
    pub async fn set_password(
        &self,
        user: UserId,
        password_hash: String,
        proof: PasswordProof,
    ) -> Result<Answered<()>, Error> {
        let proof = match proof {
            PasswordProof::Passwords(number) => v1::set_password::Proof::Passwords(number),
            PasswordProof::Link(secret) => v1::set_password::Proof::Link(raw(&secret)),
        };
        let set = v1::SetPassword { password_hash, proof: Some(proof) };
        self.of_account(user, Ask::SetPassword(set), done).await
    }

    /// The letter before it for the same purpose is good no more.
    pub async fn issue_link(
        &self,
        user: UserId,
        purpose: LinkPurpose,
        secret: SecretHash,
        ttl_ms: u64,
    ) -> Result<Answered<()>, Error> {
        let purpose = match purpose {
            LinkPurpose::Verify => v1::LinkPurpose::Verify,
            LinkPurpose::Reset => v1::LinkPurpose::Reset,
        };
        let link = v1::IssueLink { purpose: purpose.into(), secret: raw(&secret), ttl_ms };
        self.of_account(user, Ask::IssueLink(link), done).await
    }

    /// Refused with `link-unknown`.
    pub async fn verify_email(
        &self,
        user: UserId,
        secret: SecretHash,
    ) -> Result<Answered<()>, Error> {
        self.of_account(user, Ask::VerifyEmail(raw(&secret)), done).await
    }

    /// Who the user was is forgotten, and their address is free. What they bought stays, under an id that
    /// says nothing; see [`Client::forget_user_list`] for the list of it.
    pub async fn delete_user(&self, user: UserId) -> Result<Answered<()>, Error> {
        self.of_account(user, Ask::DeleteUser(v1::Done {}), done).await
    }

    /// Gives a program leave to act for the user, or takes it back; a key that is there is never changed.
    /// Refused with `api-key-limit-reached`.
    pub async fn set_api_key(
        &self,
        user: UserId,
        key: u128,
        grant: Option<ApiKey>,
    ) -> Result<Answered<()>, Error> {
        let grant = grant.map(|ApiKey { secret, name, role, scopes, until_ms }| v1::ApiKey {
            secret: raw(&secret),
            name,
            role,
            scopes,
            until_ms,
        });
        self.of_account(user, Ask::SetApiKey(v1::SetApiKey { key: id(key), grant }), done).await
    }

    async fn of_account<T>(
        &self,
        user: UserId,
        ask: Ask,
        read: fn(Reply) -> Result<T, Unreadable>,
    ) -> Result<Answered<T>, Error> {
        let command = v1::AccountCommand { user: wire::id(user.to_bytes()), kind: Some(ask) };
        let key = crate::key::request_key();
        self.write(user.slot(), user, key, Kind::Account(command), read).await
    }
}

fn account(view: v1::Account) -> Result<Account, Unreadable> {
    let session = |it: v1::Session| {
        let bytes = <[u8; 16]>::try_from(it.session.as_ref()).map_err(|_| Unreadable("session"))?;
        Ok(Session {
            session: u128::from_be_bytes(bytes),
            started_ms: it.started_ms,
            used_ms: it.used_ms,
            until_ms: it.until_ms,
        })
    };
    let api_key = |it: v1::ApiKeyEntry| {
        let bytes = <[u8; 16]>::try_from(it.key.as_ref()).map_err(|_| Unreadable("key"))?;
        let v1::ApiKey { secret, name, role, scopes, until_ms } =
            it.grant.ok_or(Unreadable("key without its grant"))?;
        let secret = secret.as_ref().try_into().map_err(|_| Unreadable("secret"))?;
        Ok((u128::from_be_bytes(bytes), ApiKey { secret, name, role, scopes, until_ms }))
    };
    Ok(Account {
        passwords: view.passwords,
        verified_ms: view.verified_ms,
        deleted: view.deleted,
        sessions: view.sessions.into_iter().map(session).collect::<Result<_, Unreadable>>()?,
        api_keys: view.api_keys.into_iter().map(api_key).collect::<Result<_, Unreadable>>()?,
    })
}
