//! What can be done to accounts, and the checks that need no state.

use rowlock_proto::ids::UserId;

use super::SecretHash;
use crate::inventory::command::invalid;
use crate::inventory::reply::Refusal;

/// How long a session may go on without being used.
pub const SESSION_MS_MIN: u64 = 60_000;
pub const SESSION_MS_MAX: u64 = 400 * 24 * 60 * 60 * 1_000;
/// How long a link may be good.
pub const LINK_MS_MIN: u64 = 60_000;
pub const LINK_MS_MAX: u64 = 30 * 24 * 60 * 60 * 1_000;
/// Bytes of a password's hash.
const PASSWORD_HASH_BYTES_MAX: usize = 512;
/// Bytes of the name, the role and a scope of a key, and how many scopes it has.
const WORD_BYTES_MAX: usize = 64;
const SCOPES_MAX: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountCommand {
    /// Somebody signed in, with the password of number `passwords`.
    StartSession {
        user: UserId,
        session: u128,
        secret: SecretHash,
        ttl_ms: u64,
        passwords: u32,
    },
    /// A secret is exchanged for the next. `keyed`: under a key that only its sender knows.
    RotateSession {
        user: UserId,
        session: u128,
        from: SecretHash,
        to: SecretHash,
        ttl_ms: u64,
        keyed: bool,
    },
    /// One, or all of them.
    EndSessions {
        user: UserId,
        session: Option<u128>,
    },
    /// All sessions end with the old password.
    SetPassword {
        user: UserId,
        password_hash: String,
        proof: Proof,
    },
    /// In place of the one that there was for this purpose.
    IssueLink {
        user: UserId,
        purpose: Purpose,
        secret: SecretHash,
        ttl_ms: u64,
    },
    VerifyEmail {
        user: UserId,
        secret: SecretHash,
    },
    /// What is known of a user goes, but for what they bought.
    DeleteUser {
        user: UserId,
    },
    /// Gives a program leave to act for the user, or takes it back.
    SetApiKey {
        user: UserId,
        key: u128,
        grant: Option<Box<ApiKey>>,
    },
}

/// Leave for a program to act for a user. What roles and scopes mean is the servers' business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub secret: SecretHash,
    pub name: String,
    pub role: String,
    pub scopes: Vec<String>,
    /// 0: it does not end by itself.
    pub until_ms: u64,
}

impl ApiKey {
    fn check(&self) -> Result<(), Refusal> {
        let word = |text: &String| !text.is_empty() && text.len() <= WORD_BYTES_MAX;
        if !word(&self.name) || !word(&self.role) || !self.scopes.iter().all(word) {
            return Err(invalid(format!(
                "names, roles and scopes have 1 to {WORD_BYTES_MAX} bytes"
            )));
        }
        if self.scopes.is_empty() || self.scopes.len() > SCOPES_MAX {
            return Err(invalid(format!("a key has 1 to {SCOPES_MAX} scopes")));
        }
        Ok(())
    }
}

/// What a letter to the user's address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    Verify,
    Reset,
}

/// Why a password may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The one before was shown: that of this number.
    Passwords(u32),
    /// A letter was read.
    Link(SecretHash),
}

fn within(what: &str, ms: u64, min_ms: u64, max_ms: u64) -> Result<(), Refusal> {
    if (min_ms..=max_ms).contains(&ms) {
        return Ok(());
    }
    Err(invalid(format!("{what} lasts {min_ms} to {max_ms} ms")))
}

impl AccountCommand {
    pub const fn user(&self) -> UserId {
        match self {
            Self::StartSession { user, .. }
            | Self::RotateSession { user, .. }
            | Self::EndSessions { user, .. }
            | Self::SetPassword { user, .. }
            | Self::IssueLink { user, .. }
            | Self::VerifyEmail { user, .. }
            | Self::SetApiKey { user, .. }
            | Self::DeleteUser { user } => *user,
        }
    }

    pub(in crate::inventory) fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::StartSession { ttl_ms, .. } => {
                within("a session", *ttl_ms, SESSION_MS_MIN, SESSION_MS_MAX)
            }
            Self::RotateSession { from, to, ttl_ms, .. } => {
                if from == to {
                    return Err(invalid("a secret is exchanged for itself"));
                }
                within("a session", *ttl_ms, SESSION_MS_MIN, SESSION_MS_MAX)
            }
            Self::SetPassword { password_hash, .. } => {
                if password_hash.is_empty() || password_hash.len() > PASSWORD_HASH_BYTES_MAX {
                    let what = format!("a password hash has 1 to {PASSWORD_HASH_BYTES_MAX} bytes");
                    return Err(invalid(what));
                }
                Ok(())
            }
            Self::IssueLink { ttl_ms, .. } => within("a link", *ttl_ms, LINK_MS_MIN, LINK_MS_MAX),
            Self::SetApiKey { grant, .. } => grant.as_ref().map_or(Ok(()), |grant| grant.check()),
            Self::EndSessions { .. } | Self::VerifyEmail { .. } | Self::DeleteUser { .. } => Ok(()),
        }
    }
}
