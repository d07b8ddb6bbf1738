//! Passwords: Argon2id, on threads that may be busy, a few at a time.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use rowlock_proto::ErrorCode;
use tokio::sync::Semaphore;

use crate::problem::Problem;

/// Hashes at once: each takes 19 MiB and tens of milliseconds of a core.
const AT_ONCE: usize = 2;
/// Those who wait beyond this are told to come back.
const WAITING_MAX: usize = 64;
pub(crate) const CHARS_MIN: usize = 8;
pub(crate) const BYTES_MAX: usize = 256;

#[derive(Debug)]
pub(crate) struct Passwords {
    running: Semaphore,
    waiting: Semaphore,
    /// Checked when there is no such account, so that its absence takes as long.
    decoy: tokio::sync::OnceCell<String>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            running: Semaphore::new(AT_ONCE),
            waiting: Semaphore::new(WAITING_MAX),
            decoy: tokio::sync::OnceCell::new(),
        }
    }
}

impl Passwords {
    pub(crate) async fn hash(&self, password: String, salt: [u8; 16]) -> Result<String, Problem> {
        self.work(move || {
            let hash: Result<PasswordHash, _> =
                Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
            hash.ok().map(|hash| hash.to_string())
        })
        .await?
        .ok_or_else(Problem::internal)
    }

    pub(crate) async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, Problem> {
        let known = hash.is_some();
        let hash = match hash {
            Some(hash) => hash,
            None => {
                let fresh = || self.hash("decoy".to_owned(), rand::random());
                self.decoy.get_or_try_init(fresh).await?.clone()
            }
        };
        let right = self
            .work(move || {
                PasswordHash::new(&hash).is_ok_and(|parsed| {
                    Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok()
                })
            })
            .await?;
        Ok(right && known)
    }

    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let _place = self.waiting.try_acquire().map_err(|_| {
            Problem::new(ErrorCode::Overloaded, "too many are signing in at the moment")
        })?;
        let _running = self.running.acquire().await.map_err(|_| Problem::internal())?;
        tokio::task::spawn_blocking(job).await.map_err(|_| Problem::internal())
    }
}
