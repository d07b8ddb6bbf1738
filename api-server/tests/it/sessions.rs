//! Being signed in: tokens that are exchanged once, and what ends it.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Reply, Server};

const PASSWORD: &str = "correct horse";

async fn register(server: &Server) -> Reply {
    let body = json!({"email": "ann@example.org", "password": PASSWORD, "firstName": "Ann",
        "lastName": "Doe", "phone": "+49 30 1234567"});
    let made = server.post("/auth/register", "", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made
}

async fn login(server: &Server, password: &str) -> Reply {
    server.post("/auth/login", "", json!({"email": "ann@example.org", "password": password})).await
}

async fn refresh(server: &Server, token: &str, key: &str) -> Reply {
    let body = json!({"refreshToken": token});
    server.call(Method::POST, "/auth/refresh", "", key, Some(body)).await
}

/// With a token that came from signing in, not one that was made by hand.
async fn as_signed_in(
    server: &Server,
    session: &Reply,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Reply {
    server.call_with(method, path, session.word("/accessToken"), "", body).await
}

fn token(reply: &Reply) -> &str {
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.word("/refreshToken")
}

#[tokio::test]
async fn a_refresh_token_is_used_once() {
    let server = Server::new();
    let first = register(&server).await.word("/refreshToken").to_owned();
    let second = refresh(&server, &first, "").await;
    // The answer was lost: the same again, for a moment.
    let again = refresh(&server, &first, "").await;
    assert_eq!(token(&again), token(&second));
    let third = refresh(&server, token(&second), "").await;
    assert_ne!(token(&third), token(&second));
    // The first one again, by whoever found it: it is over for both.
    refresh(&server, &first, "").await.problem(401, "session-ended");
    refresh(&server, token(&third), "").await.problem(401, "session-ended");
    // Other sessions go on.
    assert_eq!(login(&server, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn who_asks_again_with_a_key_may_do_so_later() {
    let server = Server::new();
    let first = register(&server).await.word("/refreshToken").to_owned();
    let second = refresh(&server, &first, "k").await;
    server.fake.advance(60_000);
    let again = refresh(&server, &first, "k").await;
    assert_eq!(token(&again), token(&second));
    // A thief has the token, and not the key.
    refresh(&server, &first, "").await.problem(401, "session-ended");
    refresh(&server, token(&second), "").await.problem(401, "session-ended");
}

#[tokio::test]
async fn without_a_key_asking_again_is_over_soon() {
    let server = Server::new();
    let first = register(&server).await.word("/refreshToken").to_owned();
    let second = refresh(&server, &first, "").await;
    server.fake.advance(10_001);
    refresh(&server, &first, "").await.problem(401, "session-ended");
    refresh(&server, token(&second), "").await.problem(401, "session-ended");
}

#[tokio::test]
async fn who_signs_out_is_out() {
    let server = Server::new();
    register(&server).await;
    let (one, two, three) = (
        login(&server, PASSWORD).await,
        login(&server, PASSWORD).await,
        login(&server, PASSWORD).await,
    );
    for _ in 0..2 {
        let out = as_signed_in(&server, &one, Method::POST, "/auth/logout", None).await;
        assert_eq!(out.status, 204, "{}", out.text);
    }
    refresh(&server, token(&one), "").await.problem(401, "session-ended");
    let two = refresh(&server, token(&two), "").await;
    assert_eq!(two.status, 200);
    let everywhere = "/auth/logout?everywhere=true";
    let out = as_signed_in(&server, &three, Method::POST, everywhere, None).await;
    assert_eq!(out.status, 204);
    refresh(&server, token(&two), "").await.problem(401, "session-ended");
    refresh(&server, token(&three), "").await.problem(401, "session-ended");
    // A token that was made by hand belongs to no session.
    assert_eq!(server.call(Method::POST, "/auth/logout", "bob", "", None).await.status, 204);
}

#[tokio::test]
async fn a_login_that_is_sent_again_is_one() {
    let server = Server::new();
    register(&server).await;
    let body = json!({"email": "ann@example.org", "password": PASSWORD});
    let ask = || server.call(Method::POST, "/auth/login", "", "k", Some(body.clone()));
    let (one, two) = (ask().await, ask().await);
    assert_eq!(token(&one), token(&two));
    assert_ne!(token(&login(&server, PASSWORD).await), token(&one));
}

#[tokio::test]
async fn a_new_password_ends_all_sessions() {
    let server = Server::new();
    register(&server).await;
    let (here, there) = (login(&server, PASSWORD).await, login(&server, PASSWORD).await);
    let path = "/users/me/password";
    let change = |current: &str| json!({"currentPassword": current, "password": "battery staple"});
    let wrong = change("wrong horse");
    let wrong = as_signed_in(&server, &here, Method::POST, path, Some(wrong)).await;
    wrong.problem(403, "not-allowed");
    let mut weak = change(PASSWORD);
    weak["password"] = json!("short");
    let weak = as_signed_in(&server, &here, Method::POST, path, Some(weak)).await;
    weak.problem(422, "invalid");
    let bearer = here.word("/accessToken");
    let ask = || server.call_with(Method::POST, path, bearer, "k", Some(change(PASSWORD)));
    let changed = ask().await;
    assert_eq!(token(&ask().await), token(&changed), "P4: the same request again");
    for ended in [&here, &there] {
        refresh(&server, token(ended), "").await.problem(401, "session-ended");
    }
    assert_eq!(refresh(&server, token(&changed), "").await.status, 200);
    login(&server, PASSWORD).await.problem(401, "wrong-credentials");
    assert_eq!(login(&server, "battery staple").await.status, 200);
}

#[tokio::test]
async fn who_leaves_is_forgotten_and_what_they_bought_stays() {
    let server = Server::new();
    let made = register(&server).await;
    let id = made.word("/user/id").to_owned();
    let session = login(&server, PASSWORD).await;
    let event = server.event().await;
    let booked = server.book(&event, &id).await;
    server.pay(&booked, &id).await;
    let leave = |password: &str| {
        let body = Some(json!({"password": password}));
        as_signed_in(&server, &session, Method::DELETE, "/users/me", body)
    };
    leave("wrong horse").await.problem(403, "not-allowed");
    assert_eq!(as_signed_in(&server, &session, Method::GET, "/users/me", None).await.status, 200);
    for _ in 0..2 {
        let left = leave(PASSWORD).await;
        assert_eq!(left.status, 204, "{}", left.text);
    }
    let me = as_signed_in(&server, &session, Method::GET, "/users/me", None).await;
    me.problem(404, "user-not-found");
    login(&server, PASSWORD).await.problem(401, "wrong-credentials");
    refresh(&server, token(&session), "").await.problem(401, "session-ended");
    assert!(server.fake.list_is_forgotten(id.parse().unwrap()));
    let known = server.fake.picture();
    for personal in ["ann@example.org", "Ann", "Doe", "+49 30 1234567", "argon2"] {
        assert!(!known.contains(personal), "{personal} is still known");
    }
    // The seats are sold, and somebody else may have the address.
    let seats = server.get(&format!("/events/{event}/seats?status=SOLD"), "").await;
    assert_eq!(seats.at("/seats").as_array().unwrap().len(), 2);
    assert_ne!(register(&server).await.word("/user/id"), id);
}
