//! Signing keys from files: an Ed25519 seed, 32 bytes as hex.

use std::path::Path;

use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("read key file {path}")]
    Read { path: String, source: std::io::Error },
    #[error("{path} is not an Ed25519 seed of 64 hexadecimal digits")]
    Form { path: String },
}

pub fn load(path: &Path) -> Result<SigningKey, Error> {
    let shown = || path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|source| Error::Read { path: shown(), source })?;
    let mut seed = [0; 32];
    hex::decode_to_slice(text.trim(), &mut seed).map_err(|_| Error::Form { path: shown() })?;
    Ok(SigningKey::from_bytes(&seed))
}

/// A key's name: the first sixteen hexadecimal digits of its public half's SHA-256.
pub(crate) fn name(key: &SigningKey) -> String {
    let digest = Sha256::digest(key.verifying_key().as_bytes());
    hex::encode(&digest[..8])
}
