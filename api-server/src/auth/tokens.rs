//! Bearer tokens: JWTs signed with Ed25519. One algorithm, one issuer, one audience, and keys that are
//! ours; nothing that the token says chooses how it is checked but which of our keys it is signed with.
//!
//! The first key signs, all of them verify, so that a key can be replaced while tokens of the old one
//! live. The public halves are published ([`Tokens::jwks`]).

use ed25519_dalek::SigningKey;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::keys;
use crate::time;

const ISSUER: &str = "rowlock";
/// Whom access tokens are for.
const AUDIENCE: &str = "rowlock-api";
const TYPE: &str = "at+jwt";
/// Longer texts are not looked at.
pub(super) const TOKEN_CHARS_MAX: usize = 4_096;
pub(super) const SUBJECT_CHARS_MAX: usize = 255;
pub(crate) const ACCESS_SECONDS: u64 = 60 * 60;
/// PKCS #8 v1 around an Ed25519 seed.
pub(super) const PKCS8_HEAD: [u8; 16] = [
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
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let all = [Self::Customer, Self::Organiser, Self::Door, Self::Admin];
        all.into_iter().find(|role| role.as_str() == text)
    }

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
    /// The session that it belongs to; tokens that were made by hand have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    iss: String,
    aud: String,
    iat: u64,
    exp: u64,
}

impl Claims {
    pub(crate) fn session(&self) -> Option<u128> {
        u128::from_str_radix(self.sid.as_deref()?, 16).ok()
    }
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

/// One of our keys, as far as others may know it.
struct Verifier {
    kid: String,
    public: [u8; 32],
    decoding: DecodingKey,
}

/// Issues and checks tokens.
pub struct Tokens {
    encoding: EncodingKey,
    kid: String,
    verifiers: Vec<Verifier>,
    secret: [u8; 32],
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl Tokens {
    pub fn new(key: &SigningKey) -> Self {
        Self::with_older(key, &[])
    }

    /// `key` signs; tokens that an `older` key has signed are good too.
    pub fn with_older(key: &SigningKey, older: &[SigningKey]) -> Self {
        let mut der = PKCS8_HEAD.to_vec();
        der.extend_from_slice(key.as_bytes());
        let secret = Sha256::new()
            .chain_update(b"rowlock form secret:")
            .chain_update(key.as_bytes())
            .finalize();
        let verifier = |key: &SigningKey| Verifier {
            kid: keys::name(key),
            public: key.verifying_key().to_bytes(),
            decoding: DecodingKey::from_ed_der(key.verifying_key().as_bytes()),
        };
        Self {
            encoding: EncodingKey::from_ed_der(&der),
            kid: keys::name(key),
            verifiers: std::iter::once(key).chain(older).map(verifier).collect(),
            secret: secret.into(),
        }
    }

    /// A token for `subject`, good for an hour.
    pub fn access(&self, subject: &str, role: Role) -> String {
        self.access_in(subject, role, None)
    }

    /// The same, of a session.
    pub(crate) fn access_in(&self, subject: &str, role: Role, session: Option<u128>) -> String {
        let iat = time::now_ms() / 1_000;
        self.sign(&Claims {
            sub: subject.to_owned(),
            role,
            sid: session.map(|session| format!("{session:032x}")),
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            iat,
            exp: iat + ACCESS_SECONDS,
        })
    }

    fn sign(&self, claims: &Claims) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.encoding)
            .expect("a key from 32 bytes signs plain claims")
    }

    pub(crate) fn verify(&self, token: &str) -> Result<Claims, Invalid> {
        if token.len() > TOKEN_CHARS_MAX {
            return Err(Invalid::Forged);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Invalid::Forged)?;
        let typed = header.typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case(TYPE));
        let kid = header.kid.as_deref().unwrap_or("");
        let verifier = self.verifiers.iter().find(|it| it.kid == kid);
        let Some(verifier) =
            verifier.filter(|_| header.alg == Algorithm::EdDSA && header.crit.is_none() && typed)
        else {
            return Err(Invalid::Forged);
        };
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let claims = match jsonwebtoken::decode::<Claims>(token, &verifier.decoding, &validation) {
            Ok(data) => data.claims,
            Err(error) => {
                return Err(match error.kind() {
                    ErrorKind::ExpiredSignature => Invalid::Expired,
                    _ => Invalid::Forged,
                });
            }
        };
        if claims.sub.is_empty() || claims.sub.len() > SUBJECT_CHARS_MAX {
            return Err(Invalid::Forged);
        }
        Ok(claims)
    }

    /// The public keys that tokens are checked with, as RFC 7517 and RFC 8037 write them.
    pub(crate) fn jwks(&self) -> Value {
        let key = |it: &Verifier| keys::jwk(&it.kid, &it.public);
        json!({"keys": self.verifiers.iter().map(key).collect::<Vec<_>>()})
    }

    /// What a form must send back to show that it is ours.
    pub(crate) fn form_token(&self, cookie: &str) -> String {
        let digest = Sha256::new().chain_update(self.secret).chain_update(cookie).finalize();
        hex::encode(&digest[..16])
    }

    /// A secret that only our servers can make of `parts`, and that all of them make alike.
    pub(crate) fn derived(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut inner = Sha256::new().chain_update(self.secret).chain_update(purpose);
        for part in parts {
            inner.update((part.len() as u64).to_be_bytes());
            inner.update(part);
        }
        // Twice, so that nobody can go on from what was made.
        Sha256::new().chain_update(self.secret).chain_update(inner.finalize()).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn tokens(seed: u8) -> Tokens {
        Tokens::new(&key(seed))
    }

    #[test]
    fn own_tokens_pass_and_others_do_not() {
        let ours = tokens(1);
        let claims = ours.verify(&ours.access("alice", Role::Organiser)).unwrap();
        assert_eq!((claims.sub.as_str(), claims.role), ("alice", Role::Organiser));
        assert_eq!(claims.session(), None);
        let signed_in = ours.access_in("alice", Role::Customer, Some(7));
        assert_eq!(ours.verify(&signed_in).unwrap().session(), Some(7));
        let foreign = tokens(2).access("alice", Role::Admin);
        assert_eq!(ours.verify(&foreign).unwrap_err(), Invalid::Forged);
        assert_eq!(ours.verify("a.b.c").unwrap_err(), Invalid::Forged);
        assert_eq!(ours.verify("").unwrap_err(), Invalid::Forged);
    }

    #[test]
    fn a_key_is_replaced_while_tokens_of_the_old_one_live() {
        let (old, both) = (tokens(1), Tokens::with_older(&key(2), &[key(1)]));
        let before = old.access("alice", Role::Customer);
        assert!(both.verify(&before).is_ok());
        let after = both.access("alice", Role::Customer);
        assert!(both.verify(&after).is_ok());
        assert!(tokens(2).verify(&after).is_ok(), "the first key signs");
        assert!(tokens(2).verify(&before).is_err(), "the old key was let go");
        let jwks = both.jwks();
        let published = jwks["keys"].as_array().unwrap();
        let kids: Vec<_> = published.iter().map(|key| key["kid"].as_str().unwrap()).collect();
        assert_eq!(kids, [keys::name(&key(2)), keys::name(&key(1))]);
        let x = URL_SAFE_NO_PAD.decode(published[1]["x"].as_str().unwrap()).unwrap();
        assert_eq!(x, key(1).verifying_key().to_bytes());
        for private in ["\"d\"", &hex::encode([1; 32]), &URL_SAFE_NO_PAD.encode([1; 32])] {
            assert!(!jwks.to_string().contains(private), "{jwks}");
        }
    }

    #[test]
    fn a_kid_of_ours_does_not_make_another_key_ours() {
        let ours = tokens(1);
        let mut theirs = tokens(2);
        theirs.kid = keys::name(&key(1));
        assert_eq!(ours.verify(&theirs.access("a", Role::Admin)).unwrap_err(), Invalid::Forged);
    }

    #[test]
    fn expired_and_tampered_tokens_fail() {
        let ours = tokens(1);
        let old = Claims {
            sub: "alice".to_owned(),
            role: Role::Customer,
            sid: None,
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            iat: 1,
            exp: 2,
        };
        assert_eq!(ours.verify(&ours.sign(&old)).unwrap_err(), Invalid::Expired);
        let good = ours.access("alice", Role::Customer);
        let mut parts: Vec<_> = good.split('.').map(str::to_owned).collect();
        parts[1] = ours.access("bob", Role::Admin).split('.').nth(1).unwrap().to_owned();
        assert_eq!(ours.verify(&parts.join(".")).unwrap_err(), Invalid::Forged);
        let none = format!("eyJhbGciOiJub25lIn0.{}.", parts[1]);
        assert_eq!(ours.verify(&none).unwrap_err(), Invalid::Forged);
    }

    #[test]
    fn derived_secrets_differ_by_all_that_they_are_made_of() {
        let ours = tokens(1);
        let one = ours.derived("a", &[b"bc", b"d"]);
        assert_eq!(one, ours.derived("a", &[b"bc", b"d"]));
        for other in [
            ours.derived("a", &[b"b", b"cd"]),
            ours.derived("b", &[b"bc", b"d"]),
            tokens(2).derived("a", &[b"bc", b"d"]),
        ] {
            assert_ne!(one, other);
        }
    }
}
