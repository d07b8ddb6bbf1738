//! Registering, signing in, and one's own account.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::Server;

fn registration() -> Value {
    json!({"email": "Ann@Example.org", "password": "correct horse", "firstName": "Ann"})
}

#[tokio::test]
async fn one_registers_signs_in_and_refreshes() {
    let server = Server::new();
    let made = server.post("/auth/register", "", registration()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.word("/user/email"), "ann@example.org");
    let login = json!({"email": "ann@example.org", "password": "correct horse"});
    let session = server.post("/auth/login", "", login).await;
    assert_eq!((session.status.as_u16(), session.at("/expiresIn")), (200, &json!(3600)));
    assert!(!session.word("/accessToken").is_empty());
    assert!(session.word("/refreshToken").starts_with("rwr1."));
    let refresh = json!({"refreshToken": session.word("/refreshToken")});
    assert_eq!(server.post("/auth/refresh", "", refresh).await.status, 200);
    let wrong = json!({"refreshToken": session.word("/accessToken")});
    server.post("/auth/refresh", "", wrong).await.problem(401, "not-signed-in");
    let id = made.word("/user/id");
    let me = server.get("/users/me", id).await;
    assert_eq!((me.word("/firstName"), me.word("/role")), ("Ann", "customer"));
    let change = json!({"lastName": "Doe", "phone": "+49 30 1234567"});
    let changed = server.call(Method::PATCH, "/users/me", id, "", Some(change)).await;
    assert_eq!((changed.word("/firstName"), changed.word("/lastName")), ("Ann", "Doe"));
    for reply in [&made, &me, &changed] {
        assert!(!reply.text.contains("argon2"), "{}", reply.text);
    }
}

#[tokio::test]
async fn an_address_is_taken_once() {
    let server = Server::new();
    let register =
        |key: &'static str, body| server.call(Method::POST, "/auth/register", "", key, Some(body));
    let one = register("k", registration()).await;
    let two = register("k", registration()).await;
    assert_eq!((two.status.as_u16(), two.word("/user/id")), (201, one.word("/user/id")));
    register("", registration()).await.problem(409, "email-taken");
    let mut other = registration();
    other["firstName"] = json!("Bob");
    register("k", other).await.problem(422, "idempotency-key-reused");
    assert_eq!(server.fake.sizes()[2], 1);
}

#[tokio::test]
async fn wrong_credentials_look_alike() {
    let server = Server::new();
    server.post("/auth/register", "", registration()).await;
    let known = json!({"email": "ann@example.org", "password": "wrong horse"});
    let unknown = json!({"email": "nobody@example.org", "password": "wrong horse"});
    let (known, unknown) = (
        server.post("/auth/login", "", known).await,
        server.post("/auth/login", "", unknown).await,
    );
    known.problem(401, "wrong-credentials");
    assert_eq!(known.json, unknown.json);
}

#[tokio::test]
async fn bad_registrations_change_nothing() {
    let server = Server::new();
    for (change, field) in [
        (json!({"email": "ann"}), "email"),
        (json!({"email": "a b@example.org"}), "email"),
        (json!({"password": "short"}), "password"),
        (json!({"password": "x".repeat(300)}), "password"),
        (json!({"phone": "call me"}), "phone"),
        (json!({"firstName": "x".repeat(101)}), "firstName"),
    ] {
        let mut body = registration();
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let reply = server.post("/auth/register", "", body).await;
        reply.problem(422, "invalid");
        assert_eq!(reply.word("/field"), field);
    }
    assert_eq!(server.fake.sizes()[2], 0);
    server
        .call(Method::PATCH, "/users/me", "alice", "", Some(json!({"firstName": "A"})))
        .await
        .problem(404, "user-not-found");
    assert_eq!(server.get("/users/me", "alice").await.word("/id"), "alice");
}
