//! Commands to accounts, and their record.

use bincode::{Decode, Encode};
use rowlock_proto::ids::UserId;

use super::{Error, decode, encode};
use crate::inventory::accounts::{Account, AccountCommand, ApiKey, Link, Proof, Purpose, Session};

/// The order of the variants is the format.
#[derive(Encode, Decode)]
pub(super) enum AccountCommandV1 {
    StartSession([u8; 16], [u8; 16], [u8; 32], u64, u32),
    RotateSession([u8; 16], [u8; 16], [u8; 32], [u8; 32], u64, bool),
    EndSessions([u8; 16], Option<[u8; 16]>),
    SetPassword([u8; 16], String, ProofV1),
    IssueLink([u8; 16], PurposeV1, [u8; 32], u64),
    VerifyEmail([u8; 16], [u8; 32]),
    DeleteUser([u8; 16]),
    SetApiKey([u8; 16], [u8; 16], Option<ApiKeyV1>),
}

#[derive(Encode, Decode)]
pub(super) struct ApiKeyV1 {
    secret: [u8; 32],
    name: String,
    role: String,
    scopes: Vec<String>,
    until_ms: u64,
}

impl From<&ApiKey> for ApiKeyV1 {
    fn from(key: &ApiKey) -> Self {
        let ApiKey { secret, name, role, scopes, until_ms } = key.clone();
        Self { secret, name, role, scopes, until_ms }
    }
}

impl From<ApiKeyV1> for ApiKey {
    fn from(stored: ApiKeyV1) -> Self {
        let ApiKeyV1 { secret, name, role, scopes, until_ms } = stored;
        Self { secret, name, role, scopes, until_ms }
    }
}

/// The order of the variants is the format.
#[derive(Encode, Decode)]
pub(super) enum ProofV1 {
    Passwords(u32),
    Link([u8; 32]),
}

/// The order of the variants is the format.
#[derive(Encode, Decode)]
pub(super) enum PurposeV1 {
    Verify,
    Reset,
}

impl From<Purpose> for PurposeV1 {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Verify => Self::Verify,
            Purpose::Reset => Self::Reset,
        }
    }
}

impl From<PurposeV1> for Purpose {
    fn from(stored: PurposeV1) -> Self {
        match stored {
            PurposeV1::Verify => Self::Verify,
            PurposeV1::Reset => Self::Reset,
        }
    }
}

impl From<&AccountCommand> for AccountCommandV1 {
    fn from(command: &AccountCommand) -> Self {
        let by = command.user().to_bytes();
        match command {
            AccountCommand::StartSession { session, secret, ttl_ms, passwords, .. } => {
                Self::StartSession(by, session.to_be_bytes(), *secret, *ttl_ms, *passwords)
            }
            AccountCommand::RotateSession { session, from, to, ttl_ms, keyed, .. } => {
                Self::RotateSession(by, session.to_be_bytes(), *from, *to, *ttl_ms, *keyed)
            }
            AccountCommand::EndSessions { session, .. } => {
                Self::EndSessions(by, session.map(u128::to_be_bytes))
            }
            AccountCommand::SetPassword { password_hash, proof, .. } => {
                let proof = match proof {
                    Proof::Passwords(number) => ProofV1::Passwords(*number),
                    Proof::Link(secret) => ProofV1::Link(*secret),
                };
                Self::SetPassword(by, password_hash.clone(), proof)
            }
            AccountCommand::IssueLink { purpose, secret, ttl_ms, .. } => {
                Self::IssueLink(by, (*purpose).into(), *secret, *ttl_ms)
            }
            AccountCommand::VerifyEmail { secret, .. } => Self::VerifyEmail(by, *secret),
            AccountCommand::DeleteUser { .. } => Self::DeleteUser(by),
            AccountCommand::SetApiKey { key, grant, .. } => {
                Self::SetApiKey(by, key.to_be_bytes(), grant.as_deref().map(Into::into))
            }
        }
    }
}

impl From<AccountCommandV1> for AccountCommand {
    fn from(stored: AccountCommandV1) -> Self {
        let user = UserId::from_bytes;
        match stored {
            AccountCommandV1::StartSession(by, session, secret, ttl_ms, passwords) => {
                let session = u128::from_be_bytes(session);
                Self::StartSession { user: user(by), session, secret, ttl_ms, passwords }
            }
            AccountCommandV1::RotateSession(by, session, from, to, ttl_ms, keyed) => {
                let session = u128::from_be_bytes(session);
                Self::RotateSession { user: user(by), session, from, to, ttl_ms, keyed }
            }
            AccountCommandV1::EndSessions(by, session) => {
                Self::EndSessions { user: user(by), session: session.map(u128::from_be_bytes) }
            }
            AccountCommandV1::SetPassword(by, password_hash, proof) => {
                let proof = match proof {
                    ProofV1::Passwords(number) => Proof::Passwords(number),
                    ProofV1::Link(secret) => Proof::Link(secret),
                };
                Self::SetPassword { user: user(by), password_hash, proof }
            }
            AccountCommandV1::IssueLink(by, purpose, secret, ttl_ms) => {
                Self::IssueLink { user: user(by), purpose: purpose.into(), secret, ttl_ms }
            }
            AccountCommandV1::VerifyEmail(by, secret) => {
                Self::VerifyEmail { user: user(by), secret }
            }
            AccountCommandV1::DeleteUser(by) => Self::DeleteUser { user: user(by) },
            AccountCommandV1::SetApiKey(by, key, grant) => {
                let grant = grant.map(|grant| Box::new(grant.into()));
                Self::SetApiKey { user: user(by), key: u128::from_be_bytes(key), grant }
            }
        }
    }
}

#[derive(Encode, Decode)]
struct AccountV1 {
    passwords: u32,
    verified_ms: u64,
    sessions: Vec<SessionV1>,
    links: Vec<(PurposeV1, [u8; 32], u64, bool)>,
    deleted: bool,
    api_keys: Vec<([u8; 16], ApiKeyV1)>,
}

#[derive(Encode, Decode)]
struct SessionV1 {
    id: [u8; 16],
    secret: [u8; 32],
    before: Option<[u8; 32]>,
    started_ms: u64,
    used_ms: u64,
    until_ms: u64,
}

/// What is kept of a user besides who they are.
#[derive(Debug)]
pub struct AccountRecord;

impl AccountRecord {
    pub fn encode(account: &Account) -> Vec<u8> {
        let session = |(id, it): (&u128, &Session)| SessionV1 {
            id: id.to_be_bytes(),
            secret: it.secret,
            before: it.before,
            started_ms: it.started_ms,
            used_ms: it.used_ms,
            until_ms: it.until_ms,
        };
        let link = |(purpose, it): (&Purpose, &Link)| {
            (PurposeV1::from(*purpose), it.secret, it.until_ms, it.used)
        };
        let stored = AccountV1 {
            passwords: account.passwords,
            verified_ms: account.verified_ms,
            sessions: account.sessions.iter().map(session).collect(),
            links: account.links.iter().map(link).collect(),
            deleted: account.deleted,
            api_keys: account
                .api_keys
                .iter()
                .map(|(id, it)| (id.to_be_bytes(), it.into()))
                .collect(),
        };
        encode(stored, 256)
    }

    pub fn decode(bytes: &[u8]) -> Result<Account, Error> {
        let stored: AccountV1 = decode(bytes)?;
        let session = |it: SessionV1| {
            let SessionV1 { id, secret, before, started_ms, used_ms, until_ms } = it;
            let session = Session { secret, before, started_ms, used_ms, until_ms };
            (u128::from_be_bytes(id), session)
        };
        let link = |(purpose, secret, until_ms, used): (PurposeV1, [u8; 32], u64, bool)| {
            (purpose.into(), Link { secret, until_ms, used })
        };
        let api_key = |(id, it): ([u8; 16], ApiKeyV1)| (u128::from_be_bytes(id), it.into());
        Ok(Account {
            passwords: stored.passwords,
            verified_ms: stored.verified_ms,
            sessions: stored.sessions.into_iter().map(session).collect(),
            links: stored.links.into_iter().map(link).collect(),
            deleted: stored.deleted,
            api_keys: stored.api_keys.into_iter().map(api_key).collect(),
        })
    }
}
