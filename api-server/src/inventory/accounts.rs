//! Accounts: sessions, letters, passwords, and the end of a user.

use rowlock_client::Client;
use rowlock_client::accounts::{Account, ApiKey, LinkPurpose, PasswordProof, Rotation, SecretHash};
use rowlock_client::types::UserId;

use super::Call;

/// All of these are safe to repeat.
pub trait Accounts {
    /// A user of whom nothing is kept has an empty account.
    fn account(&self, user: UserId) -> Call<'_, Account>;
    fn start_session(
        &self,
        user: UserId,
        session: u128,
        secret: SecretHash,
        ttl_ms: u64,
        passwords: u32,
    ) -> Call<'_, ()>;
    /// Whether the session goes on.
    fn rotate_session(&self, user: UserId, session: u128, rotation: Rotation) -> Call<'_, bool>;
    /// One session, or all that the user has.
    fn end_sessions(&self, user: UserId, session: Option<u128>) -> Call<'_, ()>;
    fn set_password(
        &self,
        user: UserId,
        password_hash: String,
        proof: PasswordProof,
    ) -> Call<'_, ()>;
    fn issue_link(
        &self,
        user: UserId,
        purpose: LinkPurpose,
        secret: SecretHash,
        ttl_ms: u64,
    ) -> Call<'_, ()>;
    fn verify_email(&self, user: UserId, secret: SecretHash) -> Call<'_, ()>;
    fn delete_user(&self, user: UserId) -> Call<'_, ()>;
    fn forget_user_list(&self, user: UserId) -> Call<'_, ()>;
    /// Gives a program leave to act for the user, or takes it back.
    fn set_api_key(&self, user: UserId, key: u128, grant: Option<ApiKey>) -> Call<'_, ()>;
}

impl Accounts for Client {
    fn account(&self, user: UserId) -> Call<'_, Account> {
        Box::pin(Self::account(self, user))
    }
    fn start_session(
        &self,
        user: UserId,
        session: u128,
        secret: SecretHash,
        ttl_ms: u64,
        passwords: u32,
    ) -> Call<'_, ()> {
        Box::pin(Self::start_session(self, user, session, secret, ttl_ms, passwords))
    }
    fn rotate_session(&self, user: UserId, session: u128, rotation: Rotation) -> Call<'_, bool> {
        Box::pin(Self::rotate_session(self, user, session, rotation))
    }
    fn end_sessions(&self, user: UserId, session: Option<u128>) -> Call<'_, ()> {
        Box::pin(Self::end_sessions(self, user, session))
    }
    fn set_password(
        &self,
        user: UserId,
        password_hash: String,
        proof: PasswordProof,
    ) -> Call<'_, ()> {
        Box::pin(Self::set_password(self, user, password_hash, proof))
    }
    fn issue_link(
        &self,
        user: UserId,
        purpose: LinkPurpose,
        secret: SecretHash,
        ttl_ms: u64,
    ) -> Call<'_, ()> {
        Box::pin(Self::issue_link(self, user, purpose, secret, ttl_ms))
    }
    fn verify_email(&self, user: UserId, secret: SecretHash) -> Call<'_, ()> {
        Box::pin(Self::verify_email(self, user, secret))
    }
    fn delete_user(&self, user: UserId) -> Call<'_, ()> {
        Box::pin(Self::delete_user(self, user))
    }
    fn forget_user_list(&self, user: UserId) -> Call<'_, ()> {
        Box::pin(Self::forget_user_list(self, user))
    }
    fn set_api_key(&self, user: UserId, key: u128, grant: Option<ApiKey>) -> Call<'_, ()> {
        Box::pin(Self::set_api_key(self, user, key, grant))
    }
}
