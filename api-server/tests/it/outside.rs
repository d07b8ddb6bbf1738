//! Users of an OpenID Connect issuer.

use std::sync::Arc;

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use futures_util::future::BoxFuture;
use rowlock_api_server::auth::Role;
use rowlock_api_server::auth::oidc::{Documents, Issuers};
use serde_json::{Value, json};

use crate::asks::{For, World, asks};
use crate::harness::{Server, event_body};

const ISSUER: &str = "https://id.example";
const SEED: [u8; 32] = [3; 32];

#[derive(Debug)]
struct Web;

impl Documents for Web {
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        let x = URL_SAFE_NO_PAD.encode(SigningKey::from_bytes(&SEED).verifying_key().as_bytes());
        let document = match url {
            "https://id.example/.well-known/openid-configuration" => {
                json!({"issuer": ISSUER, "jwks_uri": "https://id.example/keys"})
            }
            "https://id.example/keys" => {
                json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": x}]})
            }
            _ => return Box::pin(async { Err("404".to_owned()) }),
        };
        Box::pin(async move { Ok(document.to_string().into_bytes()) })
    }
}

pub(crate) fn issuers() -> Issuers {
    Issuers::new(&[ISSUER.to_owned()], vec!["shop".to_owned()], Arc::new(Web)).unwrap()
}

fn token(subject: &str, changes: &Value) -> String {
    let now = jiff::Timestamp::now().as_second();
    let mut claims = json!({"iss": ISSUER, "aud": ["shop"], "sub": subject, "exp": now + 600,
        "role": "admin"});
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(json!({"alg": "EdDSA", "kid": "k1"})), part(claims));
    let signature = SigningKey::from_bytes(&SEED).sign(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

#[tokio::test]
async fn a_user_of_another_issuer_is_a_customer() {
    let server = Server::new();
    let ann = token("ann", &json!({}));
    let me = server.call_with(Method::GET, "/users/me", &ann, "", None).await;
    assert_eq!(me.status, 200, "{}", me.text);
    assert_eq!((me.word("/id"), me.word("/role")), ("https://id.example#ann", "customer"));
    let event = server.event().await;
    let seats = server.seats(&event).await;
    let body = json!({"eventId": event, "seatIds": [seats[0]]});
    let booked = server.call_with(Method::POST, "/bookings", &ann, "", Some(body)).await;
    assert_eq!(booked.status, 201, "{}", booked.text);
    let path = format!("/bookings/{}", booked.word("/bookingId"));
    assert_eq!(server.call_with(Method::GET, &path, &ann, "", None).await.status, 200);
    // Others of that name are others.
    server.get(&path, "ann").await.problem(404, "booking-not-found");
    let bert = token("bert", &json!({}));
    server.call_with(Method::GET, &path, &bert, "", None).await.problem(404, "booking-not-found");
    // Whatever they are there.
    let venue = server.venue().await;
    let made = server.call_with(Method::POST, "/events", &ann, "", Some(event_body(&venue))).await;
    made.problem(403, "not-allowed");
    for changes in [json!({"aud": "other"}), json!({"iss": "https://evil.example"})] {
        let bad = token("ann", &changes);
        let refused = server.call_with(Method::GET, "/users/me", &bad, "", None).await;
        refused.problem(401, "not-signed-in");
    }
}

#[tokio::test]
async fn nobody_from_outside_is_one_of_ours() {
    let world = World::new().await;
    let server = &world.server;
    // Not even under the very id of a user here.
    let alice = server.call(Method::GET, "/users/me", "alice", "", None).await;
    let mine = server.token("alice", Role::Customer);
    for subject in ["alice", alice.word("/id"), "#alice"] {
        let token = token(subject, &json!({}));
        for ask in asks().iter().filter(|ask| ask.whom == For::Owner) {
            let (path, body) = (ask.path_in(&world), ask.body_in(&world));
            let reply = server.call_with(ask.method.clone(), &path, &token, "", body).await;
            assert_eq!(reply.status, 404, "{subject} {path}: {}", reply.text);
        }
    }
    let bookings = server.call_with(Method::GET, "/users/me/bookings", &mine, "", None).await;
    assert_eq!(bookings.at("/bookings").as_array().unwrap().len(), 2);
}
