//! Bearer tokens: JWTs signed with Ed25519. One algorithm, one key, one issuer, one audience a
//! kind; nothing that the token says chooses how it is checked.

use ed25519_dalek::SigningKey;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::keys;
use crate::time;

const ISSUER: &str = "rowlock";
/// Whom access tokens are for, and refresh tokens: neither passes for the other.
const AUDIENCE: &str = "rowlock-api";
const AUDIENCE_REFRESH: &str = "rowlock-refresh";
const TYPE: &str = "at+jwt";
const TYPE_REFRESH: &str = "rt+jwt";
/// Longer texts are not looked at.
const TOKEN_CHARS_MAX: usize = 4_096;
const SUBJECT_CHARS_MAX: usize = 255;
pub(crate) const ACCESS_SECONDS: u64 = 60 * 60;
const REFRESH_SECONDS: u64 = 30 * 24 * 60 * 60;
/// PKCS #8 v1 around an Ed25519 seed.
const PKCS8_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Customer,
    Organiser,
    Door,
    Admin,
}

impl Role {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Organiser => "organiser",
            Self::Door => "door",
            Self::Admin => "admin",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
    pub(crate) role: Role,
    iss: String,
    aud: String,
    iat: u64,
    exp: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RefreshClaims {
    pub(crate) sub: String,
    /// Short name of the password hash: a new password ends old refresh tokens.
    pub(crate) pwd: String,
    iss: String,
    aud: String,
    iat: u64,
    exp: u64,
}

/// Why a token is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invalid {
    Expired,
    Forged,
}

impl Invalid {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Expired => "the token has expired",
            Self::Forged => "the token is not valid here",
        }
    }
}

/// Issues and checks tokens.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    kid: String,
    secret: [u8; 32],
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl Tokens {
    pub fn new(key: &SigningKey) -> Self {
        let mut der = PKCS8_HEAD.to_vec();
        der.extend_from_slice(key.as_bytes());
        let secret = Sha256::new()
            .chain_update(b"rowlock form secret:")
            .chain_update(key.as_bytes())
            .finalize();
        Self {
            encoding: EncodingKey::from_ed_der(&der),
            decoding: DecodingKey::from_ed_der(key.verifying_key().as_bytes()),
            kid: keys::name(key),
            secret: secret.into(),
        }
    }

    /// A token for `subject`, good for an hour.
    pub fn access(&self, subject: &str, role: Role) -> String {
        let iat = time::now_ms() / 1_000;
        self.sign(
            TYPE,
            &Claims {
                sub: subject.to_owned(),
                role,
                iss: ISSUER.to_owned(),
                aud: AUDIENCE.to_owned(),
                iat,
                exp: iat + ACCESS_SECONDS,
            },
        )
    }

    pub(crate) fn refresh(&self, subject: &str, password_hash: &str) -> String {
        let iat = time::now_ms() / 1_000;
        self.sign(
            TYPE_REFRESH,
            &RefreshClaims {
                sub: subject.to_owned(),
                pwd: password_name(password_hash),
                iss: ISSUER.to_owned(),
                aud: AUDIENCE_REFRESH.to_owned(),
                iat,
                exp: iat + REFRESH_SECONDS,
            },
        )
    }

    fn sign(&self, kind: &str, claims: &impl Serialize) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(kind.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.encoding)
            .expect("a key from 32 bytes signs plain claims")
    }

    pub(crate) fn verify(&self, token: &str) -> Result<Claims, Invalid> {
        let claims: Claims = self.check(token, TYPE, AUDIENCE)?;
        if claims.sub.is_empty() || claims.sub.len() > SUBJECT_CHARS_MAX {
            return Err(Invalid::Forged);
        }
        Ok(claims)
    }

    pub(crate) fn verify_refresh(&self, token: &str) -> Result<RefreshClaims, Invalid> {
        self.check(token, TYPE_REFRESH, AUDIENCE_REFRESH)
    }

    fn check<T: DeserializeOwned + Clone>(
        &self,
        token: &str,
        kind: &str,
        audience: &str,
    ) -> Result<T, Invalid> {
        if token.len() > TOKEN_CHARS_MAX {
            return Err(Invalid::Forged);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Invalid::Forged)?;
        let typed = header.typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case(kind));
        if header.alg != Algorithm::EdDSA
            || header.kid.as_deref() != Some(&self.kid)
            || header.crit.is_some()
            || !typed
        {
            return Err(Invalid::Forged);
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        match jsonwebtoken::decode::<T>(token, &self.decoding, &validation) {
            Ok(data) => Ok(data.claims),
            Err(error) => Err(match error.kind() {
                ErrorKind::ExpiredSignature => Invalid::Expired,
                _ => Invalid::Forged,
            }),
        }
    }

    /// What a form must send back to show that it is ours.
    pub(crate) fn form_token(&self, cookie: &str) -> String {
        let digest = Sha256::new().chain_update(self.secret).chain_update(cookie).finalize();
        hex::encode(&digest[..16])
    }
}

pub(crate) fn password_name(password_hash: &str) -> String {
    hex::encode(&Sha256::digest(password_hash)[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(seed: u8) -> Tokens {
        Tokens::new(&SigningKey::from_bytes(&[seed; 32]))
    }

    #[test]
    fn own_tokens_pass_and_others_do_not() {
        let ours = tokens(1);
        let claims = ours.verify(&ours.access("alice", Role::Organiser)).unwrap();
        assert_eq!((claims.sub.as_str(), claims.role), ("alice", Role::Organiser));
        let foreign = tokens(2).access("alice", Role::Admin);
        assert_eq!(ours.verify(&foreign).unwrap_err(), Invalid::Forged);
        assert_eq!(ours.verify("a.b.c").unwrap_err(), Invalid::Forged);
        assert_eq!(ours.verify("").unwrap_err(), Invalid::Forged);
    }

    #[test]
    fn a_refresh_token_is_no_access_token() {
        let ours = tokens(1);
        let refresh = ours.refresh("alice", "hash");
        assert!(ours.verify(&refresh).is_err());
        assert!(ours.verify_refresh(&refresh).is_ok());
        assert!(ours.verify_refresh(&ours.access("alice", Role::Customer)).is_err());
    }

    #[test]
    fn expired_and_tampered_tokens_fail() {
        let ours = tokens(1);
        let old = Claims {
            sub: "alice".to_owned(),
            role: Role::Customer,
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            iat: 1,
            exp: 2,
        };
        assert_eq!(ours.verify(&ours.sign(TYPE, &old)).unwrap_err(), Invalid::Expired);
        let good = ours.access("alice", Role::Customer);
        let mut parts: Vec<_> = good.split('.').map(str::to_owned).collect();
        parts[1] = ours.access("bob", Role::Admin).split('.').nth(1).unwrap().to_owned();
        assert_eq!(ours.verify(&parts.join(".")).unwrap_err(), Invalid::Forged);
        let none = format!("eyJhbGciOiJub25lIn0.{}.", parts[1]);
        assert_eq!(ours.verify(&none).unwrap_err(), Invalid::Forged);
    }
}
