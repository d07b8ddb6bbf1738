//! Signing keys from files: an Ed25519 seed, 32 bytes as hex.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
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

/// What names a key: the first bytes of its public half's SHA-256.
pub(crate) fn id(key: &SigningKey) -> [u8; 8] {
    let digest: [u8; 32] = Sha256::digest(key.verifying_key().as_bytes()).into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    [a, b, c, d, e, f, g, h]
}

/// The same in hexadecimal.
pub(crate) fn name(key: &SigningKey) -> String {
    hex::encode(id(key))
}

/// The public half of a key as RFC 7517 and RFC 8037 write it.
pub(crate) fn jwk(name: &str, public: &[u8; 32]) -> Value {
    json!({
        "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
        "kid": name, "x": URL_SAFE_NO_PAD.encode(public),
    })
}
