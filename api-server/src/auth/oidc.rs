//! Tokens of outside issuers: OpenID Connect, by the keys that an issuer publishes.
//!
//! An issuer is believed because this server was told of it, never because a token says so. Its users are
//! customers here, under names that begin with the issuer's, so that no two issuers can mean one user,
//! nor any of ours.
//!
//! What a token may choose: which known issuer, and which of its keys. What it may not: how it is checked.
//! Symmetric algorithms and `none` are not on the list, so that a public key is never taken for a secret;
//! a key is good for the algorithms of its own kind only.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::http::{Request, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use crate::outbound::Outbound;

use super::tokens::{Invalid, SUBJECT_CHARS_MAX, TOKEN_CHARS_MAX};

const ALGORITHMS: [Algorithm; 7] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// Clocks of others are a little off.
const LEEWAY_S: u64 = 30;
/// After this the keys are asked for again, so that one that was withdrawn is forgotten.
const KEYS_AGE_MAX: Duration = Duration::from_secs(10 * 60);
/// Tokens with keys that nobody knows must not make us ask all the time.
const ASK_EVERY: Duration = Duration::from_secs(30);
const KEYS_MAX: usize = 64;
const ANSWER_TIME_MAX: Duration = Duration::from_secs(4);
const ISSUER_CHARS_MAX: usize = 128;

/// Who gets documents of issuers.
pub trait Documents: Send + Sync + std::fmt::Debug {
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>>;
}

impl Documents for Outbound {
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        Box::pin(async move {
            let request = Request::get(url).header(header::ACCEPT, "application/json");
            let request = request.body(Full::default()).map_err(|error| error.to_string())?;
            let answer = self.send(request, ANSWER_TIME_MAX).await;
            let (status, body) = answer.map_err(|error| error.to_string())?;
            if status.is_success() { Ok(body.to_vec()) } else { Err(format!("answered {status}")) }
        })
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "{0:?} is no address of an issuer: https:// and at most 128 characters, without a query"
    )]
    Address(String),
    #[error("issuers need an audience, which their tokens are for")]
    NoAudience,
}

/// The issuers that this server believes.
#[derive(Debug)]
pub struct Issuers {
    known: Vec<Known>,
    audiences: Vec<String>,
    documents: Arc<dyn Documents>,
}

#[derive(Debug)]
struct Known {
    issuer: String,
    keys: RwLock<Arc<Keys>>,
    /// Whoever has it asks; the others wait for what comes of it.
    asking: tokio::sync::Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Keys {
    by_kid: BTreeMap<String, (Option<Algorithm>, DecodingKey)>,
    read: Option<Instant>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.by_kid.keys()).finish()
    }
}

#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

#[derive(Clone, Deserialize)]
struct Named {
    iss: String,
}

#[derive(Clone, Deserialize)]
struct Subject {
    sub: String,
}

/// Letters in the clear are for tests on one machine.
fn is_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://127.0.0.1:"));
    rest.is_some_and(|rest| !rest.is_empty())
        && url.len() <= ISSUER_CHARS_MAX
        && url.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"\\".contains(&byte))
}

impl Issuers {
    pub fn new(
        issuers: &[String],
        audiences: Vec<String>,
        documents: Arc<dyn Documents>,
    ) -> Result<Self, Error> {
        if audiences.is_empty() {
            return Err(Error::NoAudience);
        }
        let known = issuers.iter().map(|issuer| {
            if !is_address(issuer) {
                return Err(Error::Address(issuer.clone()));
            }
            let keys = RwLock::new(Arc::new(Keys::default()));
            Ok(Known { issuer: issuer.clone(), keys, asking: tokio::sync::Mutex::new(None) })
        });
        Ok(Self { known: known.collect::<Result<_, _>>()?, audiences, documents })
    }

    /// The name of the user whose token this is.
    pub(crate) async fn verify(&self, token: &str) -> Result<String, Invalid> {
        if token.len() > TOKEN_CHARS_MAX {
            return Err(Invalid::Forged);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Invalid::Forged)?;
        let kid = header.kid.as_deref().ok_or(Invalid::Forged)?;
        if !ALGORITHMS.contains(&header.alg) || header.crit.is_some() {
            return Err(Invalid::Forged);
        }
        let named: Named = unchecked(token).ok_or(Invalid::Forged)?;
        let known = self.known.iter().find(|it| it.issuer == named.iss).ok_or(Invalid::Forged)?;
        let keys = self.keys_with(known, kid).await;
        let (only, key) = keys.by_kid.get(kid).ok_or(Invalid::Forged)?;
        if only.is_some_and(|only| only != header.alg) {
            return Err(Invalid::Forged);
        }
        let mut validation = Validation::new(header.alg);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        validation.set_issuer(&[&known.issuer]);
        validation.set_audience(&self.audiences);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let subject = match jsonwebtoken::decode::<Subject>(token, key, &validation) {
            Ok(data) => data.claims.sub,
            Err(error) => {
                return Err(match error.kind() {
                    ErrorKind::ExpiredSignature => Invalid::Expired,
                    _ => Invalid::Forged,
                });
            }
        };
        let name = format!("{}#{subject}", known.issuer);
        if subject.is_empty() || name.len() > SUBJECT_CHARS_MAX {
            return Err(Invalid::Forged);
        }
        Ok(name)
    }

    /// The issuer's keys, asked for again if they are old or lack this one.
    async fn keys_with(&self, known: &Known, kid: &str) -> Arc<Keys> {
        let now = || Arc::clone(&known.keys.read().unwrap_or_else(PoisonError::into_inner));
        let good = |keys: &Keys| {
            let fresh = keys.read.is_some_and(|read| read.elapsed() < KEYS_AGE_MAX);
            fresh && keys.by_kid.contains_key(kid)
        };
        if good(&now()) {
            return now();
        }
        let mut asked = known.asking.lock().await;
        if good(&now()) || asked.is_some_and(|asked| asked.elapsed() < ASK_EVERY) {
            return now();
        }
        *asked = Some(Instant::now());
        match self.read(&known.issuer).await {
            Ok(keys) => {
                let mut place = known.keys.write().unwrap_or_else(PoisonError::into_inner);
                *place = Arc::new(keys);
            }
            // What is known goes on to be believed: an issuer that is down must not shut its users out.
            Err(error) => tracing::warn!(issuer = known.issuer, error, "read an issuer's keys"),
        }
        now()
    }

    async fn read(&self, issuer: &str) -> Result<Keys, String> {
        let base = issuer.trim_end_matches('/');
        let url = format!("{base}/.well-known/openid-configuration");
        let document = self.documents.get(&url).await?;
        let configuration: Configuration =
            serde_json::from_slice(&document).map_err(|error| error.to_string())?;
        if configuration.issuer != issuer {
            return Err("the configuration is another issuer's".to_owned());
        }
        if !is_address(&configuration.jwks_uri) {
            return Err("the address of the keys is none".to_owned());
        }
        let document = self.documents.get(&configuration.jwks_uri).await?;
        let set: JwkSet = serde_json::from_slice(&document).map_err(|error| error.to_string())?;
        let mut by_kid = BTreeMap::new();
        for jwk in set.keys.iter().take(KEYS_MAX) {
            if let Some((kid, key)) = usable(jwk) {
                by_kid.insert(kid, key);
            }
        }
        Ok(Keys { by_kid, read: Some(Instant::now()) })
    }
}

/// A key that signs, of a kind that we know.
fn usable(jwk: &Jwk) -> Option<(String, (Option<Algorithm>, DecodingKey))> {
    let signs = jwk.common.public_key_use.as_ref().is_none_or(|of| *of == PublicKeyUse::Signature);
    let kid = jwk.common.key_id.clone().filter(|_| signs)?;
    let only = match jwk.common.key_algorithm {
        Some(named) => Some(named.to_string().parse().ok()?),
        None => None,
    };
    Some((kid, (only, DecodingKey::from_jwk(jwk).ok()?)))
}

/// What a token says of itself, before anything of it is believed.
fn unchecked<T: serde::de::DeserializeOwned>(token: &str) -> Option<T> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use ed25519_dalek::SigningKey;
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::{Value, json};

    use super::super::tokens::PKCS8_HEAD;
    use super::*;

    const ISSUER: &str = "https://id.example/realm";

    #[derive(Debug, Default)]
    struct Web {
        documents: Mutex<BTreeMap<String, Value>>,
        asked: AtomicU32,
    }

    impl Documents for Web {
        fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let found = self.documents.lock().unwrap().get(url).map(ToString::to_string);
            Box::pin(async move { found.map(String::into_bytes).ok_or("404".to_owned()) })
        }
    }

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn jwk(kid: &str, seed: u8) -> Value {
        let x = URL_SAFE_NO_PAD.encode(key(seed).verifying_key().as_bytes());
        json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x})
    }

    fn web(keys: &Value) -> Arc<Web> {
        let web = Web::default();
        let configuration = format!("{ISSUER}/.well-known/openid-configuration");
        let jwks = "https://id.example/keys";
        web.documents
            .lock()
            .unwrap()
            .insert(configuration, json!({"issuer": ISSUER, "jwks_uri": jwks}));
        web.documents.lock().unwrap().insert(jwks.to_owned(), json!({"keys": keys}));
        Arc::new(web)
    }

    fn issuers(web: &Arc<Web>) -> Issuers {
        let documents: Arc<dyn Documents> = Arc::<Web>::clone(web);
        Issuers::new(&[ISSUER.to_owned()], vec!["shop".to_owned()], documents).unwrap()
    }

    fn token(kid: &str, seed: u8, changes: &Value) -> String {
        let now = crate::time::now_ms() / 1_000;
        let mut claims = json!({"iss": ISSUER, "aud": "shop", "sub": "ann", "exp": now + 60});
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(kid.to_owned());
        let mut der = PKCS8_HEAD.to_vec();
        der.extend_from_slice(key(seed).as_bytes());
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ed_der(&der)).unwrap()
    }

    #[tokio::test]
    async fn a_token_of_a_known_issuer_names_its_user() {
        let web = web(&json!([jwk("a", 1)]));
        let issuers = issuers(&web);
        for _ in 0..3 {
            let name = issuers.verify(&token("a", 1, &json!({}))).await.unwrap();
            assert_eq!(name, "https://id.example/realm#ann");
        }
        assert_eq!(web.asked.load(Ordering::Relaxed), 2, "keys are kept");
    }

    #[tokio::test]
    async fn what_is_not_for_us_is_no_token() {
        let web = web(&json!([jwk("a", 1), {"kty": "oct", "k": "c2VjcmV0", "kid": "s"}]));
        let issuers = issuers(&web);
        let now = crate::time::now_ms() / 1_000;
        let long = "x".repeat(300);
        for changes in [
            json!({"aud": "another"}),
            json!({"aud": null}),
            json!({"iss": "https://evil.example"}),
            json!({"iss": format!("{ISSUER}/")}),
            json!({"sub": ""}),
            json!({"sub": long}),
            json!({"sub": null}),
            json!({"exp": null}),
            json!({"nbf": now + 600}),
        ] {
            let verdict = issuers.verify(&token("a", 1, &changes)).await;
            assert_eq!(verdict, Err(Invalid::Forged), "{changes}");
        }
        let expired = issuers.verify(&token("a", 1, &json!({"exp": now - 60}))).await;
        assert_eq!(expired, Err(Invalid::Expired));
        assert_eq!(issuers.verify(&token("a", 2, &json!({}))).await, Err(Invalid::Forged));
        assert_eq!(issuers.verify(&token("b", 1, &json!({}))).await, Err(Invalid::Forged));
    }

    /// A public key must not pass for a secret, nor no signature for a signature.
    #[tokio::test]
    async fn a_token_does_not_choose_how_it_is_checked() {
        let issuers =
            issuers(&web(&json!([jwk("a", 1), {"kty": "oct", "k": "c2VjcmV0", "kid": "s"}])));
        let good = token("a", 1, &json!({}));
        let payload = good.split('.').nth(1).unwrap();
        let claims: Value = unchecked(&good).unwrap();
        let public = key(1).verifying_key().to_bytes();
        for (kid, secret) in [("a", public.as_slice()), ("s", b"secret")] {
            let mut header = Header::new(Algorithm::HS256);
            header.kid = Some(kid.to_owned());
            let forged = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret));
            assert_eq!(issuers.verify(&forged.unwrap()).await, Err(Invalid::Forged), "{kid}");
        }
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"a"}"#);
        let verdict = issuers.verify(&format!("{none}.{payload}.")).await;
        assert_eq!(verdict, Err(Invalid::Forged));
        let critical = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"a","crit":["b64"]}"#);
        let signature = good.rsplit('.').next().unwrap();
        let verdict = issuers.verify(&format!("{critical}.{payload}.{signature}")).await;
        assert_eq!(verdict, Err(Invalid::Forged));
    }

    #[tokio::test]
    async fn keys_that_nobody_knows_are_asked_for_seldom() {
        let web = web(&json!([jwk("a", 1)]));
        let issuers = issuers(&web);
        for number in 0..50 {
            let strange = token(&format!("k{number}"), 1, &json!({}));
            assert_eq!(issuers.verify(&strange).await, Err(Invalid::Forged));
        }
        assert_eq!(web.asked.load(Ordering::Relaxed), 2);
        // An issuer that is down is asked seldom too, and its known keys go on to be good.
        web.documents.lock().unwrap().clear();
        assert!(issuers.verify(&token("a", 1, &json!({}))).await.is_ok());
    }

    #[test]
    fn issuers_have_addresses_and_an_audience() {
        let documents: Arc<dyn Documents> = Arc::new(Web::default());
        let make = |issuer: &str, audiences: Vec<String>| {
            Issuers::new(&[issuer.to_owned()], audiences, Arc::clone(&documents))
        };
        let shop = || vec!["shop".to_owned()];
        assert!(make("https://id.example", shop()).is_ok());
        assert!(make("http://127.0.0.1:9000/realm", shop()).is_ok());
        assert!(matches!(make("https://id.example", Vec::new()), Err(Error::NoAudience)));
        for wrong in ["", "id.example", "http://id.example", "https://", "https://id.example?x"] {
            assert!(matches!(make(wrong, shop()), Err(Error::Address(_))), "{wrong}");
        }
    }
}
