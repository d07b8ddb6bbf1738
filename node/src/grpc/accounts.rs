//! Accounts on the wire, both ways.

use bytes::Bytes;
use rowlock_proto::v1;
use rowlock_raft_store::inventory::accounts::{ApiKey, Proof, Purpose, SecretHash, SessionView};
use rowlock_raft_store::inventory::{AccountCommand, AccountView, Refusal};

use super::command::{malformed, user};

fn secret(bytes: &[u8]) -> Result<SecretHash, Refusal> {
    bytes.try_into().map_err(|_| malformed("the name of a secret has 32 bytes"))
}

fn session(bytes: &[u8]) -> Result<u128, Refusal> {
    let bytes =
        bytes.try_into().map_err(|_| malformed("the id of a session or a key has 16 bytes"))?;
    Ok(u128::from_be_bytes(bytes))
}

pub(super) fn command(wire: &v1::AccountCommand) -> Result<AccountCommand, Refusal> {
    use v1::account_command::Kind;
    let user = user(&wire.user)?;
    let kind = wire.kind.as_ref().ok_or_else(|| malformed("a command of no kind to an account"))?;
    Ok(match kind {
        Kind::StartSession(start) => AccountCommand::StartSession {
            user,
            session: session(&start.session)?,
            secret: secret(&start.secret)?,
            ttl_ms: start.ttl_ms,
            passwords: start.passwords,
        },
        Kind::RotateSession(rotate) => AccountCommand::RotateSession {
            user,
            session: session(&rotate.session)?,
            from: secret(&rotate.from)?,
            to: secret(&rotate.to)?,
            ttl_ms: rotate.ttl_ms,
            keyed: rotate.keyed,
        },
        Kind::EndSession(id) => AccountCommand::EndSessions { user, session: Some(session(id)?) },
        Kind::EndSessions(v1::Done {}) => AccountCommand::EndSessions { user, session: None },
        Kind::SetPassword(set) => AccountCommand::SetPassword {
            user,
            password_hash: set.password_hash.clone(),
            proof: match set.proof.as_ref() {
                Some(v1::set_password::Proof::Passwords(number)) => Proof::Passwords(*number),
                Some(v1::set_password::Proof::Link(link)) => Proof::Link(secret(link)?),
                None => return Err(malformed("a password is set without a proof")),
            },
        },
        Kind::IssueLink(link) => AccountCommand::IssueLink {
            user,
            purpose: match link.purpose() {
                v1::LinkPurpose::Verify => Purpose::Verify,
                v1::LinkPurpose::Reset => Purpose::Reset,
                v1::LinkPurpose::Unspecified => return Err(malformed("a link of no purpose")),
            },
            secret: secret(&link.secret)?,
            ttl_ms: link.ttl_ms,
        },
        Kind::VerifyEmail(link) => AccountCommand::VerifyEmail { user, secret: secret(link)? },
        Kind::DeleteUser(v1::Done {}) => AccountCommand::DeleteUser { user },
        Kind::SetApiKey(set) => AccountCommand::SetApiKey {
            user,
            key: session(&set.key)?,
            grant: set.grant.as_ref().map(api_key).transpose()?.map(Box::new),
        },
    })
}

fn api_key(wire: &v1::ApiKey) -> Result<ApiKey, Refusal> {
    Ok(ApiKey {
        secret: secret(&wire.secret)?,
        name: wire.name.clone(),
        role: wire.role.clone(),
        scopes: wire.scopes.clone(),
        until_ms: wire.until_ms,
    })
}

fn api_key_out((key, grant): (u128, ApiKey)) -> v1::ApiKeyEntry {
    let ApiKey { secret, name, role, scopes, until_ms } = grant;
    let secret = Bytes::copy_from_slice(&secret);
    let grant = Some(v1::ApiKey { secret, name, role, scopes, until_ms });
    v1::ApiKeyEntry { key: Bytes::copy_from_slice(&key.to_be_bytes()), grant }
}

pub(super) fn view(view: AccountView) -> v1::Account {
    let session = |it: SessionView| v1::Session {
        session: Bytes::copy_from_slice(&it.session.to_be_bytes()),
        started_ms: it.started_ms,
        used_ms: it.used_ms,
        until_ms: it.until_ms,
    };
    v1::Account {
        passwords: view.passwords,
        verified_ms: view.verified_ms,
        deleted: view.deleted,
        sessions: view.sessions.into_iter().map(session).collect(),
        api_keys: view.api_keys.into_iter().map(api_key_out).collect(),
    }
}
