//! What keeps a user's account theirs: sessions, links that were sent by mail, and its end.
//!
//! ```text
//!   Start --> session --Rotate--> session with the next secret --...--> ended: End, SetPassword,
//!                                                                       time, or a secret used twice
//!   IssueLink --> link --VerifyEmail | SetPassword--> used
//!   Delete: the user and all of this are gone; the id is never used again
//! ```
//!
//! Only names of secrets are here, as hashes; the secrets are with their users. What could go wrong, and
//! what answers it:
//! - A secret was stolen and used, and its owner uses it too, or the other way round: the second use of a
//!   secret that was already exchanged ends the session, for both.
//! - The answer to an exchange was lost, and its sender asks again: that is no theft. The next secret is
//!   made from the old one, so the same request asks for the same; it gets it within [`GRACE_MS`], or as
//!   long as the next one is unused if the request has a key, which a thief does not know.
//! - Somebody signs in with a password that is being changed: a session is only started for the password
//!   that was seen, by its number.
//! - A link is used twice: the same request again is answered as the first was, another is refused.
//! - A deleted id is registered again by a request that was held up: refused.
//!
//! Sessions leave no change when they start or go on; all that an owner should hear of does.
//!
//! Invariants:
//! - At most [`SESSIONS_MAX`] sessions of a user, [`LINKS_MAX`] links, [`API_KEYS_MAX`] keys of programs.
//! - A deleted account has none of these, and there is no such user. Sessions and links are a user's.

mod command;

use std::collections::BTreeMap;

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::UserId;

pub use self::command::{
    AccountCommand, ApiKey, LINK_MS_MAX, LINK_MS_MIN, Proof, Purpose, SESSION_MS_MAX,
    SESSION_MS_MIN,
};
use super::change::ChangeKind;
use super::planted::{Mistake, planted};
use super::record::RecordKey;
use super::reply::{Answer, Refusal, Reply};
use super::{SYSTEM, State, refuse};

/// Sessions of one user; one more ends the one that was not used for longest.
pub const SESSIONS_MAX: usize = 16;
/// Links of one user: one of each purpose.
pub const LINKS_MAX: usize = 2;
/// Keys of one user.
pub const API_KEYS_MAX: usize = 16;
/// How long an exchange may be asked for again without a key.
pub const GRACE_MS: u64 = 10_000;

/// The name of a secret: its SHA-256.
pub type SecretHash = [u8; 32];

/// What is kept of a user besides who they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// How often the password was changed. Sessions belong to the password they were started with.
    pub passwords: u32,
    /// Since when the address is known to be the user's; 0: it is not.
    pub verified_ms: u64,
    pub sessions: BTreeMap<u128, Session>,
    pub links: BTreeMap<Purpose, Link>,
    /// The user is gone, and no other gets the id.
    pub deleted: bool,
    /// Programs that may act for the user. Also users of other issuers have them, who are none here.
    pub api_keys: BTreeMap<u128, ApiKey>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub secret: SecretHash,
    /// The one before: whoever shows it again asks again, or stole it.
    pub before: Option<SecretHash>,
    pub started_ms: u64,
    pub used_ms: u64,
    pub until_ms: u64,
}

/// A secret that was sent to the user's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub secret: SecretHash,
    pub until_ms: u64,
    pub used: bool,
}

/// An account as readers see it: no names of secrets but those of keys, which servers compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountView {
    pub passwords: u32,
    pub verified_ms: u64,
    pub deleted: bool,
    /// Those that are alive, by number.
    pub sessions: Vec<SessionView>,
    /// By number; they may have ended.
    pub api_keys: Vec<(u128, ApiKey)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    pub session: u128,
    pub started_ms: u64,
    pub used_ms: u64,
    pub until_ms: u64,
}

impl Account {
    fn drop_old_sessions(&mut self, now_ms: u64) {
        self.sessions.retain(|_, session| session.until_ms > now_ms);
    }

    /// The session that was not used for longest.
    fn oldest(&self) -> Option<u128> {
        let by_use = |(id, session): &(&u128, &Session)| (session.used_ms, **id);
        self.sessions.iter().min_by_key(by_use).map(|(id, _)| *id)
    }
}

impl State {
    pub(super) fn account_command(
        &mut self,
        principal: UserId,
        command: &AccountCommand,
    ) -> Answer {
        let user = command.user();
        if principal != user && principal != SYSTEM {
            return refuse(ErrorCode::NotAllowed);
        }
        match command {
            AccountCommand::StartSession { session, secret, ttl_ms, passwords, .. } => {
                self.start_session(user, *session, *secret, *ttl_ms, *passwords)
            }
            AccountCommand::RotateSession { session, from, to, ttl_ms, keyed, .. } => {
                let alive = self.rotate_session(user, *session, [*from, *to], *ttl_ms, *keyed);
                Ok(Reply::Session { alive })
            }
            AccountCommand::EndSessions { session, .. } => {
                self.end_sessions(user, *session);
                Ok(Reply::Done)
            }
            AccountCommand::SetPassword { password_hash, proof, .. } => {
                self.set_password(user, password_hash, *proof)
            }
            AccountCommand::IssueLink { purpose, secret, ttl_ms, .. } => {
                self.issue_link(user, *purpose, *secret, *ttl_ms)
            }
            AccountCommand::VerifyEmail { secret, .. } => self.verify_email(user, secret),
            AccountCommand::DeleteUser { .. } => self.delete_user(user),
            AccountCommand::SetApiKey { key, grant, .. } => {
                self.set_api_key(user, *key, grant.as_deref())
            }
        }
    }

    fn start_session(
        &mut self,
        user: UserId,
        id: u128,
        secret: SecretHash,
        ttl_ms: u64,
        passwords: u32,
    ) -> Answer {
        if !self.users.contains_key(&user) {
            return refuse(ErrorCode::UserNotFound);
        }
        let now_ms = self.log.clock_ms;
        let account = self.accounts.entry(user).or_default();
        if account.passwords != passwords && !planted(Mistake::OldPasswordSignsIn) {
            return refuse(ErrorCode::CredentialsChanged);
        }
        // The same request again, perhaps after the session went on.
        if account.sessions.contains_key(&id) {
            return Ok(Reply::Done);
        }
        account.drop_old_sessions(now_ms);
        if account.sessions.len() >= SESSIONS_MAX
            && let Some(oldest) = account.oldest()
        {
            account.sessions.remove(&oldest);
        }
        let until_ms = now_ms.saturating_add(ttl_ms);
        let session =
            Session { secret, before: None, started_ms: now_ms, used_ms: now_ms, until_ms };
        account.sessions.insert(id, session);
        self.account_touched(user);
        Ok(Reply::Done)
    }

    /// Whether the session goes on, with the secret `to`.
    fn rotate_session(
        &mut self,
        user: UserId,
        id: u128,
        [from, to]: [SecretHash; 2],
        ttl_ms: u64,
        keyed: bool,
    ) -> bool {
        let now_ms = self.log.clock_ms;
        let Some(account) = self.accounts.get_mut(&user) else { return false };
        let Some(session) = account.sessions.get_mut(&id) else { return false };
        if session.until_ms <= now_ms {
            account.sessions.remove(&id);
            self.account_touched(user);
            return false;
        }
        if session.secret == from {
            session.before = Some(from);
            session.secret = to;
            session.used_ms = now_ms;
            session.until_ms = now_ms.saturating_add(ttl_ms);
            self.account_touched(user);
            return true;
        }
        let asked_again = session.before == Some(from) && session.secret == to;
        if asked_again && (keyed || now_ms.saturating_sub(session.used_ms) <= GRACE_MS) {
            return true;
        }
        // A secret that was exchanged is used again, and not by asking again: one of two has it who
        // should not, and nobody can tell which.
        if !planted(Mistake::StolenSecretKept) {
            account.sessions.remove(&id);
            self.account_changed(user);
        }
        false
    }

    fn end_sessions(&mut self, user: UserId, session: Option<u128>) {
        let Some(account) = self.accounts.get_mut(&user) else { return };
        let before = account.sessions.len();
        match session {
            Some(session) => drop(account.sessions.remove(&session)),
            None => account.sessions.clear(),
        }
        if account.sessions.len() != before {
            self.account_changed(user);
        }
    }

    fn set_password(&mut self, user: UserId, password_hash: &str, proof: Proof) -> Answer {
        let now_ms = self.log.clock_ms;
        let Some(doc) = self.users.get_mut(&user) else {
            return refuse(ErrorCode::UserNotFound);
        };
        let account = self.accounts.entry(user).or_default();
        let same = doc.password_hash == password_hash;
        match proof {
            Proof::Passwords(seen) if seen == account.passwords => {}
            // The same request again.
            Proof::Passwords(seen) if seen.saturating_add(1) == account.passwords && same => {
                return Ok(Reply::Done);
            }
            Proof::Passwords(_) => return refuse(ErrorCode::CredentialsChanged),
            Proof::Link(secret) => {
                let link = account.links.get_mut(&Purpose::Reset);
                match link.filter(|link| link.secret == secret) {
                    Some(link) if link.used && same => return Ok(Reply::Done),
                    Some(link) if is_good(link, now_ms) => link.used = true,
                    Some(_) | None => return refuse(ErrorCode::LinkUnknown),
                }
                // Whoever read the letter has the address.
                if account.verified_ms == 0 {
                    account.verified_ms = now_ms;
                }
            }
        }
        password_hash.clone_into(&mut doc.password_hash);
        account.passwords = account.passwords.saturating_add(1);
        if !planted(Mistake::SessionsOutlivePassword) {
            account.sessions.clear();
        }
        self.log.touch(RecordKey::User(user));
        self.account_changed(user);
        Ok(Reply::Done)
    }

    fn issue_link(
        &mut self,
        user: UserId,
        purpose: Purpose,
        secret: SecretHash,
        ttl_ms: u64,
    ) -> Answer {
        if !self.users.contains_key(&user) {
            return refuse(ErrorCode::UserNotFound);
        }
        let until_ms = self.log.clock_ms.saturating_add(ttl_ms);
        let account = self.accounts.entry(user).or_default();
        // The same request again must not make a link good again that was used, or longer than promised.
        if account.links.get(&purpose).is_none_or(|link| link.secret != secret) {
            account.links.insert(purpose, Link { secret, until_ms, used: false });
            self.account_touched(user);
        }
        Ok(Reply::Done)
    }

    fn verify_email(&mut self, user: UserId, secret: &SecretHash) -> Answer {
        let now_ms = self.log.clock_ms;
        let Some(account) = self.accounts.get_mut(&user) else {
            return refuse(ErrorCode::LinkUnknown);
        };
        let link = account.links.get_mut(&Purpose::Verify);
        match link.filter(|link| link.secret == *secret) {
            Some(link) if link.used => return Ok(Reply::Done),
            Some(link) if is_good(link, now_ms) => link.used = true,
            Some(_) | None => return refuse(ErrorCode::LinkUnknown),
        }
        if account.verified_ms == 0 {
            account.verified_ms = now_ms;
        }
        self.account_changed(user);
        Ok(Reply::Done)
    }

    /// Bookings stay, under an id that says nothing; the list of them is forgotten apart, as it can be
    /// only when nothing is brought to it any more.
    fn delete_user(&mut self, user: UserId) -> Answer {
        if self.accounts.get(&user).is_some_and(|account| account.deleted) {
            return Ok(Reply::Done);
        }
        let Some(doc) = self.users.remove(&user) else {
            return refuse(ErrorCode::UserNotFound);
        };
        self.by_email.remove(&doc.email);
        self.accounts.insert(user, Account { deleted: true, ..Account::default() });
        self.log.touch(RecordKey::User(user));
        self.account_changed(user);
        Ok(Reply::Done)
    }

    fn set_api_key(&mut self, user: UserId, key: u128, grant: Option<&ApiKey>) -> Answer {
        if self.is_deleted(user) {
            return refuse(ErrorCode::UserNotFound);
        }
        let account = self.accounts.entry(user).or_default();
        if account.api_keys.get(&key) == grant {
            return Ok(Reply::Done);
        }
        match grant {
            Some(_) if account.api_keys.contains_key(&key) => {
                return refuse(ErrorCode::IdempotencyKeyReused);
            }
            Some(_) if account.api_keys.len() >= API_KEYS_MAX => {
                let refusal = Refusal::of(ErrorCode::ApiKeyLimitReached);
                return Err(Refusal { limit: API_KEYS_MAX as u64, ..refusal });
            }
            Some(grant) => drop(account.api_keys.insert(key, grant.clone())),
            None => drop(account.api_keys.remove(&key)),
        }
        self.account_changed(user);
        Ok(Reply::Done)
    }

    /// Whether the id was a user's who is gone.
    pub(super) fn is_deleted(&self, user: UserId) -> bool {
        self.accounts.get(&user).is_some_and(|account| account.deleted)
    }

    fn account_changed(&mut self, user: UserId) {
        self.log.note(ChangeKind::UserChanged { user });
        self.account_touched(user);
    }

    fn account_touched(&mut self, user: UserId) {
        if !planted(Mistake::AccountNotWritten) {
            self.log.touch(RecordKey::Account(user));
        }
    }

    /// Nothing is kept of a user who never signed in: that reads like an account in which nothing happened.
    pub fn account(&self, user: UserId) -> AccountView {
        let Some(account) = self.accounts.get(&user) else { return AccountView::default() };
        let alive = |(_, session): &(&u128, &Session)| session.until_ms > self.log.clock_ms;
        let view = |(&session, it): (&u128, &Session)| SessionView {
            session,
            started_ms: it.started_ms,
            used_ms: it.used_ms,
            until_ms: it.until_ms,
        };
        AccountView {
            passwords: account.passwords,
            verified_ms: account.verified_ms,
            deleted: account.deleted,
            sessions: account.sessions.iter().filter(alive).map(view).collect(),
            api_keys: account.api_keys.iter().map(|(&key, it)| (key, it.clone())).collect(),
        }
    }

    pub(super) fn audit_accounts(&self, found: &mut Vec<String>) {
        for (user, account) in &self.accounts {
            let keys = account.api_keys.len();
            if account.sessions.len() > SESSIONS_MAX
                || account.links.len() > LINKS_MAX
                || keys > API_KEYS_MAX
            {
                found.push(format!("the account of {user}: has more than it may"));
            }
            let bare = account.sessions.is_empty() && account.links.is_empty();
            if account.deleted && !(bare && keys == 0 && !self.users.contains_key(user)) {
                found.push(format!("the account of {user}: is deleted, and something is left"));
            }
            if !account.deleted && !bare && !self.users.contains_key(user) {
                found.push(format!("the account of {user}: is nobody's"));
            }
        }
    }
}

fn is_good(link: &Link, now_ms: u64) -> bool {
    (!link.used || planted(Mistake::LinkUsedAgain)) && link.until_ms > now_ms
}
