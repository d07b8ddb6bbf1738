//! Bearer tokens as a playground's API servers accept them: JSON Web Tokens signed with Ed25519.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// How long a token from the command line is good for.
const LIFETIME_S: u64 = 24 * 3600;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Customer,
    Organiser,
    Door,
    Admin,
}

#[derive(Serialize)]
struct Header {
    alg: &'static str,
    typ: &'static str,
    kid: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    role: Role,
    iss: &'static str,
    aud: &'static str,
    iat: u64,
    exp: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path}")]
    Read { path: String, source: std::io::Error },
    #[error("{0} is not a key: 64 hexadecimal digits are one")]
    Key(String),
    #[error("write the claims")]
    Claims(#[from] serde_json::Error),
}

/// The key that a playground's tokens are signed with.
#[derive(Clone, Debug)]
pub struct TokenKey(SigningKey);

/// Reads a key file: the seed of 32 bytes in hexadecimal.
pub fn read_key(path: &Path) -> Result<TokenKey, Error> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|source| Error::Read { path: name.clone(), source })?;
    let mut seed = [0; 32];
    hex::decode_to_slice(text.trim(), &mut seed).map_err(|_| Error::Key(name))?;
    Ok(TokenKey(SigningKey::from_bytes(&seed)))
}

impl TokenKey {
    pub fn sign(&self, role: Role, subject: &str) -> Result<String, Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        self.sign_at(role, subject, now)
    }

    fn sign_at(&self, role: Role, subject: &str, now: u64) -> Result<String, Error> {
        let public = Sha256::digest(self.0.verifying_key().as_bytes());
        let header = Header { alg: "EdDSA", typ: "at+jwt", kid: hex::encode(&public[..8]) };
        let claims = Claims {
            sub: subject,
            role,
            iss: "rowlock",
            aud: "rowlock-api",
            iat: now,
            exp: now + LIFETIME_S,
        };
        let mut token = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header)?);
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims)?));
        let signature = self.0.sign(token.as_bytes()).to_bytes();
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, Verifier as _};

    use super::*;

    #[test]
    fn a_token_carries_its_claims_and_verifies() {
        let key = TokenKey(SigningKey::from_bytes(&[7; 32]));
        let token = key.sign_at(Role::Organiser, "olga", 1_000).unwrap();
        let parts: Vec<_> = token.split('.').collect();
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&decode(parts[1])).unwrap();
        assert_eq!(claims["sub"], "olga");
        assert_eq!(claims["role"], "organiser");
        assert_eq!(claims["exp"], 1_000 + LIFETIME_S);
        let signed = format!("{}.{}", parts[0], parts[1]);
        let signature = Signature::from_slice(&decode(parts[2])).unwrap();
        key.0.verifying_key().verify(signed.as_bytes(), &signature).unwrap();
    }
}
