//! Letters: whose an address is, and passwords that were forgotten.

use axum::http::Method;
use serde_json::json;

use crate::harness::{Reply, Server};

async fn register(server: &Server) -> Reply {
    let body = json!({"email": "ann@example.org", "password": "correct horse"});
    let made = server.post("/auth/register", "", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made
}

/// The token of the letter whose link goes to `path`.
fn token(letters: &[String], path: &str) -> String {
    let start = format!("https://shop.example/{path}?token=");
    let found = letters.iter().filter_map(|letter| letter.split_once(&start)).next_back();
    let (_, rest) = found.unwrap_or_else(|| panic!("no letter about {path}"));
    rest.split_whitespace().next().unwrap().to_owned()
}

#[tokio::test]
async fn an_address_is_verified_by_what_was_sent_there() {
    let server = Server::new();
    let made = register(&server).await;
    let bearer = made.word("/accessToken");
    let me = || server.call_with(Method::GET, "/users/me", bearer, "", None);
    assert_eq!(me().await.at("/emailVerified"), &json!(false));
    let letters = server.until_letters(1).await;
    assert!(letters[0].contains("To: <ann@example.org>\r\n"), "{}", letters[0]);
    let first = token(&letters, "verify-email");
    // Another letter takes the place of the first.
    let path = "/users/me/verification";
    let asked = server.call_with(Method::POST, path, bearer, "", None).await;
    assert_eq!(asked.status, 202, "{}", asked.text);
    let letters = server.until_letters(2).await;
    let mut tokens = letters.iter().map(|it| token(std::slice::from_ref(it), "verify-email"));
    let second = tokens.find(|it| *it != first).unwrap();
    let verify = |token: String| server.post("/auth/verify-email", "", json!({"token": token}));
    verify(first).await.problem(422, "link-unknown");
    for wrong in ["", "rwl1.AAAA", &second[..second.len() - 2]] {
        verify(wrong.to_owned()).await.problem(422, "link-unknown");
    }
    for _ in 0..2 {
        assert_eq!(verify(second.clone()).await.status, 204);
    }
    assert_eq!(me().await.at("/emailVerified"), &json!(true));
}

#[tokio::test]
async fn a_forgotten_password_is_set_by_a_letter_once() {
    let server = Server::new();
    let made = register(&server).await;
    server.until_letters(1).await;
    let ask =
        |email: &'static str| server.post("/auth/password-reset", "", json!({"email": email}));
    let (known, unknown) = (ask("Ann@example.org").await, ask("nobody@example.org").await);
    assert_eq!((known.status.as_u16(), unknown.status.as_u16()), (202, 202));
    assert_eq!(known.text, unknown.text);
    let letters = server.until_letters(2).await;
    assert_eq!(letters.len(), 2, "nobody got a letter");
    let token = token(&letters, "reset-password");
    let reset = |key: &'static str, token: String, password: &'static str| {
        let body = json!({"token": token, "password": password});
        server.call(Method::POST, "/auth/password-reset/confirm", "", key, Some(body))
    };
    reset("", token.clone(), "short").await.problem(422, "invalid");
    let forged = format!("{}AA", &token[..token.len() - 2]);
    reset("", forged, "battery staple").await.problem(422, "link-unknown");
    for _ in 0..2 {
        let done = reset("k", token.clone(), "battery staple").await;
        assert_eq!(done.status, 204, "{}", done.text);
    }
    reset("", token.clone(), "another staple").await.problem(422, "link-unknown");
    let login = |password: &'static str| {
        let body = json!({"email": "ann@example.org", "password": password});
        server.post("/auth/login", "", body)
    };
    login("correct horse").await.problem(401, "wrong-credentials");
    assert_eq!(login("battery staple").await.status, 200);
    let refresh = json!({"refreshToken": made.word("/refreshToken")});
    server.post("/auth/refresh", "", refresh).await.problem(401, "session-ended");
}

#[tokio::test]
async fn a_letter_is_good_for_its_time_only() {
    let server = Server::new();
    register(&server).await;
    server.until_letters(1).await;
    let asked = server.post("/auth/password-reset", "", json!({"email": "ann@example.org"})).await;
    assert_eq!(asked.status, 202);
    let token = token(&server.until_letters(2).await, "reset-password");
    server.fake.advance(60 * 60 * 1_000);
    let body = json!({"token": token, "password": "battery staple"});
    server.post("/auth/password-reset/confirm", "", body).await.problem(422, "link-unknown");
}
