//! How many requests are taken, and what replies say of it.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, header};
use rowlock_api_server::auth::Role;
use serde_json::json;

use crate::harness::{Reply, Server};

/// A request from an address, as somebody or nobody.
async fn ask(server: &Server, method: Method, path: &str, from: &str, token: &str) -> Reply {
    let address: SocketAddr = format!("{from}:4711").parse().unwrap();
    let mut request = Request::builder()
        .method(method.clone())
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json")
        .extension(ConnectInfo(address));
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let body = match method {
        Method::POST => Body::from(json!({"refreshToken": "x", "email": "a@b.c"}).to_string()),
        _ => Body::empty(),
    };
    server.raw(request.body(body).unwrap()).await
}

/// Asks until it is refused; how often it was not.
async fn exhaust(server: &Server, method: Method, path: &str, from: &str, token: &str) -> u32 {
    let mut taken = 0;
    // A slow machine leaves the bucket time to fill again, but never as fast as it is emptied.
    loop {
        let reply = ask(server, method.clone(), path, from, token).await;
        if reply.status == 429 {
            reply.problem(429, "rate-limited");
            let wait: u64 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=3_600).contains(&wait), "{wait}");
            assert_eq!(reply.at("/violatedPolicies").as_array().unwrap().len(), 1);
            let policy = reply.word("/violatedPolicies/0");
            // What is left to an account is told to nobody.
            if !policy.ends_with("-account") {
                assert_eq!(left(&reply, policy), 0, "{:?}", reply.headers);
            }
            return taken;
        }
        taken += 1;
        assert!(taken < 20_000, "nothing is limited");
    }
}

const SEARCH: &str = "/api/v1/events/search";

#[tokio::test]
async fn replies_say_what_is_left() {
    let server = Server::rate_limited();
    let token = server.token("alice", Role::Customer);
    let first = ask(&server, Method::GET, SEARCH, "198.51.100.1", &token).await;
    assert_eq!(first.headers["ratelimit-policy"], "\"user\";q=100;w=60, \"address\";q=1000;w=60");
    assert_eq!(first.headers["ratelimit"], "\"user\";r=99;t=1, \"address\";r=999;t=1");
    let nobody = ask(&server, Method::GET, SEARCH, "198.51.100.1", "").await;
    assert_eq!(nobody.headers["ratelimit-policy"], "\"anonymous\";q=100;w=60");
    let login = ask(&server, Method::POST, "/api/v1/auth/login", "198.51.100.1", "").await;
    let policy = login.headers["ratelimit-policy"].to_str().unwrap();
    assert_eq!(policy, "\"anonymous\";q=100;w=60, \"sign-in\";q=20;w=600");
    let unlimited = Server::new();
    let reply = ask(&unlimited, Method::GET, SEARCH, "198.51.100.1", "").await;
    assert!(!reply.headers.contains_key("ratelimit"));
}

/// What is left in a bucket, by its name. A slow machine lets it fill again meanwhile: there may be a
/// little more than there was, and never as much as in a fresh one.
fn left(reply: &Reply, policy: &str) -> u64 {
    let fields = reply.headers["ratelimit"].to_str().unwrap();
    let start = format!("\"{policy}\";r=");
    let (_, rest) = fields.split_once(&start).unwrap_or_else(|| panic!("no {policy} in {fields}"));
    rest.split(';').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn each_user_and_each_address_has_its_own() {
    let server = Server::rate_limited();
    let tokens = ["alice", "bob"].map(|name| server.token(name, Role::Customer));
    let from = "198.51.100.1";
    assert!(exhaust(&server, Method::GET, SEARCH, from, &tokens[0]).await >= 100);
    // Wherever she comes from.
    let moved = ask(&server, Method::GET, SEARCH, "198.51.100.2", &tokens[0]).await;
    assert!(left(&moved, "user") < 50, "{:?}", moved.headers);
    assert_eq!(left(&ask(&server, Method::GET, SEARCH, from, &tokens[1]).await, "user"), 99);
    assert!(exhaust(&server, Method::GET, SEARCH, from, "").await >= 100);
    let elsewhere = ask(&server, Method::GET, SEARCH, "198.51.100.2", "").await;
    assert_eq!(left(&elsewhere, "anonymous"), 99);
    // A token that is none does not buy another bucket.
    let forged = ask(&server, Method::GET, SEARCH, from, "x").await;
    assert!(left(&forged, "anonymous") < 50, "{:?}", forged.headers);
}

#[tokio::test]
async fn users_of_one_address_share_more() {
    let server = Server::rate_limited();
    let from = "198.51.100.1";
    let tokens = ["alice", "bob"].map(|name| server.token(name, Role::Customer));
    let alice = ask(&server, Method::GET, SEARCH, from, &tokens[0]).await;
    assert_eq!((left(&alice, "user"), left(&alice, "address")), (99, 999));
    // A burst, so that nothing to speak of flows in meanwhile.
    let burst = (0..50).map(|_| ask(&server, Method::GET, SEARCH, from, &tokens[0]));
    futures_util::future::join_all(burst).await;
    let bob = ask(&server, Method::GET, SEARCH, from, &tokens[1]).await;
    assert_eq!(left(&bob, "user"), 99);
    assert!(left(&bob, "address") < 999, "{:?}", bob.headers);
}

#[tokio::test]
async fn passwords_are_guessed_slowly() {
    let server = Server::rate_limited();
    let login = "/api/v1/auth/login";
    // What can't be read counts too, and costs nothing.
    let guesses = exhaust(&server, Method::POST, login, "198.51.100.1", "").await;
    assert!((20..100).contains(&guesses), "{guesses}");
    // The address is not shut out from the rest.
    assert_eq!(ask(&server, Method::GET, SEARCH, "198.51.100.1", "").await.status, 200);
    // Nor are others.
    let other = ask(&server, Method::POST, login, "198.51.100.3", "").await;
    assert_eq!(left(&other, "sign-in"), 19);
    let letters = "/api/v1/auth/password-reset";
    let asked = exhaust(&server, Method::POST, letters, "198.51.100.2", "").await;
    // One account gets five, from wherever they are asked for.
    assert_eq!(asked, 5);
    assert_eq!(exhaust_account(&server, letters).await, 0);
}

async fn exhaust_account(server: &Server, path: &str) -> u32 {
    let reply = ask(server, Method::POST, path, "198.51.100.77", "").await;
    u32::from(reply.status != 429)
}

#[tokio::test]
async fn behind_our_proxies_the_client_counts() {
    let server = Server::rate_limited();
    let ask = |client: &str| {
        let (server, client) = (&server, client.to_owned());
        async move {
            let request = Request::builder()
                .uri(SEARCH)
                .header("x-forwarded-for", client)
                .extension(ConnectInfo("10.1.2.3:80".parse::<SocketAddr>().unwrap()));
            server.raw(request.body(Body::empty()).unwrap()).await
        }
    };
    let left = |reply: Reply| left(&reply, "anonymous");
    let mut burst = [99; 10];
    for left_to in &mut burst {
        *left_to = left(ask("198.51.100.1").await);
    }
    assert_eq!(burst[0], 99);
    assert!(burst.iter().any(|it| *it < 99), "{burst:?}");
    assert_eq!(left(ask("198.51.100.2").await), 99);
    // What the client wrote itself is not believed: this is not another.
    let many: Vec<String> =
        (0..20).map(|number| format!("203.0.113.{number}, 198.51.100.3")).collect();
    let mut least = 99;
    for forwarded in &many {
        least = least.min(left(ask(forwarded).await));
    }
    assert!(least < 99, "each had a bucket of its own");
}
