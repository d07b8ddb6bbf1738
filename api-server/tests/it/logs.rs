//! What people send in confidence is in no log: not passwords, tokens, codes, card numbers or names.

use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Method, Request, header};
use rowlock_api_server::auth::Role;
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

use crate::asks::{World, asks};
use crate::harness::Server;

const PASSWORD: &str = "opensesame-4711-of-nobody-else";
const CARDS: [&str; 3] = ["4242424242424242", "4242 4242 4242 4242", "5555-5555-5555-4444"];

/// Everything that is logged on this thread, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    /// With a second one that hears nothing: of a single one the library remembers what the thread that
    /// came first at a line thought of it, and other tests run on other threads.
    fn keep(&self) -> (tracing::Dispatch, tracing::subscriber::DefaultGuard) {
        let other = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(std::io::sink)
            .finish();
        let other = tracing::Dispatch::new(other);
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(self.clone())
            .finish();
        (other, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// How many texts and numbers are in it.
fn leaves(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.values().map(leaves).sum(),
        Value::Array(items) => items.iter().map(leaves).sum(),
        Value::String(_) | Value::Number(_) => 1,
        Value::Null | Value::Bool(_) => 0,
    }
}

/// Puts `secret` in the place of one of them, by number.
fn plant(value: &mut Value, at: &mut usize, secret: &str) {
    match value {
        Value::Object(members) => members.values_mut().for_each(|it| plant(it, at, secret)),
        Value::Array(items) => items.iter_mut().for_each(|it| plant(it, at, secret)),
        Value::String(_) | Value::Number(_) => {
            if *at == 0 {
                *value = Value::String(secret.to_owned());
            }
            *at = at.wrapping_sub(1);
        }
        Value::Null | Value::Bool(_) => {}
    }
}

async fn send(server: &Server, method: Method, path: &str, token: &str, body: Option<Value>) {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header("idempotency-key", PASSWORD)
        .header("x-request-id", CARDS[0])
        .header(header::COOKIE, format!("rowlock_session={PASSWORD}"))
        .header(header::USER_AGENT, CARDS[1]);
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let body = match body {
        Some(body) => {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        }
        None => Body::empty(),
    };
    let reply = server.raw(request.body(body).unwrap()).await;
    // A problem may say which field is wrong, and never what was in it, if that is a secret.
    for secret in CARDS {
        assert!(!reply.text.contains(secret), "{path} answers {}", reply.text);
        let id = reply.headers["x-request-id"].to_str().unwrap();
        assert!(!id.contains(secret), "{path} has the id {id}");
    }
}

#[tokio::test]
async fn no_secret_and_no_card_number_is_ever_logged() {
    let log = Log::default();
    let _kept = log.keep();
    let world = World::new().await;
    let server = &world.server;
    let tokens = [server.token("alice", Role::Customer), server.token("admin", Role::Admin)];
    let secrets = || CARDS.into_iter().chain([PASSWORD]);
    for ask in asks() {
        let path = ask.path_in(&world);
        for token in &tokens {
            for secret in secrets() {
                let body = ask.body_in(&world);
                let count = body.as_ref().map_or(0, leaves);
                for at in (0..count).filter(|_| token == &tokens[0] || secret == PASSWORD) {
                    let mut body = body.clone().unwrap();
                    plant(&mut body, &mut at.clone(), secret);
                    send(server, ask.method.clone(), &path, token, Some(body)).await;
                }
                let in_path = secret.replace(' ', "%20");
                let bare = format!("{path}?q={in_path}&cursor={in_path}&{in_path}=1");
                send(server, ask.method.clone(), &bare, token, body.clone()).await;
                if let Some(id) = path.split('/').nth(2).filter(|id| id.contains('-')) {
                    let path = path.replace(id, &in_path);
                    send(server, ask.method.clone(), &path, token, body.clone()).await;
                }
                send(server, ask.method.clone(), &path, secret, body).await;
            }
        }
        // And once as it should be, so that what follows a good request is looked at too.
        send(server, ask.method.clone(), &path, &tokens[1], ask.body_in(&world)).await;
    }
    server.fake.down.store(true, Ordering::SeqCst);
    for ask in asks() {
        let path = ask.path_in(&world);
        send(server, ask.method.clone(), &path, &tokens[1], ask.body_in(&world)).await;
    }
    let logged = log.text();
    for known in ["request", "/api/v1/bookings/{bookingId}/payment", "the cluster can't answer"] {
        assert!(logged.contains(known), "the log has no {known}");
    }
    let signature = |token: &String| token.rsplit('.').next().unwrap().to_owned();
    let kept_secret = secrets()
        .map(str::to_owned)
        .chain(["correct horse", "ann@example.org", "fan-1", "fan-2"].map(str::to_owned))
        .chain(tokens.iter().map(signature))
        .chain([world.ticket_code().to_owned()]);
    for secret in kept_secret {
        let line = logged.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{secret} was logged");
    }
    let ledger = std::fs::read_to_string(server.ledger()).unwrap();
    for secret in secrets() {
        assert!(!ledger.contains(secret), "{secret} is in the provider's books");
    }
}
