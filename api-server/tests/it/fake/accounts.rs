//! Accounts: sessions, letters, passwords and goodbyes.

use rowlock_api_server::inventory::{Accounts, Call};
use rowlock_client::accounts::{
    Account, ApiKey, LinkPurpose, PasswordProof, Rotation, SecretHash, Session,
};
use rowlock_client::types::{ErrorCode, UserId};

use super::{Fake, State, refuse};

const GRACE_MS: u64 = 10_000;

#[derive(Debug, Default)]
pub(super) struct Kept {
    account: Account,
    /// Of each session, the secrets that it had.
    secrets: Vec<(u128, Vec<SecretHash>)>,
    links: Vec<(LinkPurpose, SecretHash, u64, bool)>,
    pub(super) list_forgotten: bool,
}

impl Kept {
    fn end(&mut self, session: Option<u128>) {
        let stays = |id: u128| session.is_some_and(|session| session != id);
        self.secrets.retain(|(id, _)| stays(*id));
        self.account.sessions.retain(|it| stays(it.session));
    }

    fn use_link(
        &mut self,
        now_ms: u64,
        purpose: LinkPurpose,
        secret: SecretHash,
    ) -> Result<(), ()> {
        let link = self.links.iter_mut().find(|it| (it.0, it.1) == (purpose, secret));
        match link.filter(|it| !it.3 && it.2 > now_ms) {
            Some(link) => link.3 = true,
            None => return Err(()),
        }
        self.account.verified_ms = now_ms;
        Ok(())
    }
}

impl State {
    fn kept(&mut self, user: UserId) -> Option<&mut Kept> {
        self.users.contains_key(&user).then(|| self.accounts.entry(user).or_default())
    }
}

impl Accounts for Fake {
    fn account(&self, user: UserId) -> Call<'_, Account> {
        self.with(move |state, _| {
            Ok(state.accounts.get(&user).map(|kept| kept.account.clone()).unwrap_or_default())
        })
    }

    fn start_session(
        &self,
        user: UserId,
        session: u128,
        secret: SecretHash,
        ttl_ms: u64,
        passwords: u32,
    ) -> Call<'_, ()> {
        self.with(move |state, now_ms| {
            let Some(kept) = state.kept(user) else { return refuse(ErrorCode::UserNotFound) };
            if kept.account.passwords != passwords {
                return refuse(ErrorCode::CredentialsChanged);
            }
            if kept.secrets.iter().any(|(id, _)| *id == session) {
                return Ok(());
            }
            kept.secrets.push((session, vec![secret]));
            let (started_ms, used_ms, until_ms) = (now_ms, now_ms, now_ms + ttl_ms);
            kept.account.sessions.push(Session { session, started_ms, used_ms, until_ms });
            Ok(())
        })
    }

    fn rotate_session(&self, user: UserId, session: u128, rotation: Rotation) -> Call<'_, bool> {
        self.with(move |state, now_ms| {
            let Some(kept) = state.kept(user) else { return Ok(false) };
            let Rotation { from, to, ttl_ms, keyed } = rotation;
            let view = kept.account.sessions.iter_mut().find(|it| it.session == session);
            let secrets = kept.secrets.iter_mut().find(|(id, _)| *id == session);
            let Some((view, (_, secrets))) = view.zip(secrets) else { return Ok(false) };
            if view.until_ms > now_ms && secrets.last() == Some(&from) {
                secrets.push(to);
                (view.used_ms, view.until_ms) = (now_ms, now_ms + ttl_ms);
                return Ok(true);
            }
            let again = secrets.ends_with(&[from, to]);
            if again && (keyed || now_ms - view.used_ms <= GRACE_MS) {
                return Ok(true);
            }
            kept.end(Some(session));
            Ok(false)
        })
    }

    fn end_sessions(&self, user: UserId, session: Option<u128>) -> Call<'_, ()> {
        self.with(move |state, _| {
            if let Some(kept) = state.kept(user) {
                kept.end(session);
            }
            Ok(())
        })
    }

    fn set_password(
        &self,
        user: UserId,
        password_hash: String,
        proof: PasswordProof,
    ) -> Call<'_, ()> {
        self.with(move |state, now_ms| {
            let Some(doc) = state.users.get(&user) else { return refuse(ErrorCode::UserNotFound) };
            let same = doc.password_hash == password_hash;
            let kept = state.accounts.entry(user).or_default();
            match proof {
                PasswordProof::Passwords(seen) if seen == kept.account.passwords => {}
                PasswordProof::Passwords(_) => return refuse(ErrorCode::CredentialsChanged),
                PasswordProof::Link(secret) => {
                    let used = (LinkPurpose::Reset, secret);
                    if same && kept.links.iter().any(|it| (it.0, it.1) == used && it.3) {
                        return Ok(());
                    }
                    if kept.use_link(now_ms, LinkPurpose::Reset, secret).is_err() {
                        return refuse(ErrorCode::LinkUnknown);
                    }
                }
            }
            kept.account.passwords += 1;
            kept.end(None);
            state.users.get_mut(&user).unwrap().password_hash = password_hash;
            Ok(())
        })
    }

    fn issue_link(
        &self,
        user: UserId,
        purpose: LinkPurpose,
        secret: SecretHash,
        ttl_ms: u64,
    ) -> Call<'_, ()> {
        self.with(move |state, now_ms| {
            let Some(kept) = state.kept(user) else { return refuse(ErrorCode::UserNotFound) };
            kept.links.retain(|it| it.0 != purpose);
            kept.links.push((purpose, secret, now_ms + ttl_ms, false));
            Ok(())
        })
    }

    fn verify_email(&self, user: UserId, secret: SecretHash) -> Call<'_, ()> {
        self.with(move |state, now_ms| {
            let Some(kept) = state.kept(user) else { return refuse(ErrorCode::LinkUnknown) };
            let used = (LinkPurpose::Verify, secret);
            let again = kept.links.iter().any(|it| (it.0, it.1) == used && it.3);
            match kept.use_link(now_ms, LinkPurpose::Verify, secret) {
                Err(()) if !again => refuse(ErrorCode::LinkUnknown),
                _ => Ok(()),
            }
        })
    }

    fn delete_user(&self, user: UserId) -> Call<'_, ()> {
        self.with(move |state, _| {
            if state.users.remove(&user).is_none() {
                return refuse(ErrorCode::UserNotFound);
            }
            let account = Account { deleted: true, ..Account::default() };
            state.accounts.insert(user, Kept { account, ..Kept::default() });
            Ok(())
        })
    }

    fn set_api_key(&self, user: UserId, key: u128, grant: Option<ApiKey>) -> Call<'_, ()> {
        self.with(move |state, _| {
            let keys = &mut state.accounts.entry(user).or_default().account.api_keys;
            let known = keys.iter().find(|(id, _)| *id == key).map(|(_, grant)| grant.clone());
            match (known, grant) {
                (None, Some(grant)) if keys.len() < 16 => keys.push((key, grant)),
                (None, Some(_)) => return refuse(ErrorCode::ApiKeyLimitReached),
                (Some(known), Some(grant)) if known != grant => {
                    return refuse(ErrorCode::IdempotencyKeyReused);
                }
                (_, None) => keys.retain(|(id, _)| *id != key),
                (Some(_), Some(_)) => {}
            }
            Ok(())
        })
    }

    fn forget_user_list(&self, user: UserId) -> Call<'_, ()> {
        self.with(move |state, _| {
            state.accounts.entry(user).or_default().list_forgotten = true;
            Ok(())
        })
    }
}
