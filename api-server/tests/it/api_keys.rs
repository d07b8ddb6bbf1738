//! Keys with which programs act for a user, within scopes.

use axum::http::Method;
use rowlock_api_server::auth::Role;
use serde_json::{Value, json};

use crate::asks::{Ask, For, World, asks};
use crate::harness::{Reply, Server};

const PATH: &str = "/users/me/api-keys";
const SCOPES: [&str; 6] = [
    "events:read",
    "events:write",
    "bookings:read",
    "bookings:write",
    "refunds:write",
    "tickets:redeem",
];

async fn make(server: &Server, who: &str, key: &str, body: Value) -> Reply {
    server.call(Method::POST, PATH, who, key, Some(body)).await
}

/// The text of a key with these scopes.
async fn key(server: &Server, who: &str, scopes: &[&str]) -> String {
    let made = make(server, who, "", json!({"name": "till", "scopes": scopes})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.word("/key").to_owned()
}

#[tokio::test]
async fn a_key_is_made_shown_once_and_taken_back() {
    let server = Server::new();
    let body = json!({"name": "till", "scopes": ["bookings:read", "bookings:read"],
        "expiresAt": "2099-01-01T00:00:00Z"});
    let made = make(&server, "alice", "k", body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(make(&server, "alice", "k", body).await.json, made.json, "P4");
    assert_eq!((made.word("/role"), made.at("/scopes")), ("customer", &json!(["bookings:read"])));
    let other = json!({"name": "desk", "scopes": ["bookings:read"]});
    make(&server, "alice", "k", other).await.problem(422, "idempotency-key-reused");
    let text = made.word("/key");
    assert!(text.starts_with("rwk1."));
    let all = server.get(PATH, "alice").await;
    assert_eq!(all.word("/apiKeys/0/id"), made.word("/id"));
    assert_eq!(all.at("/apiKeys").as_array().unwrap().len(), 1);
    assert!(!all.text.contains(text) && !all.text.contains("secret"), "{}", all.text);
    let mine = || server.call_with(Method::GET, "/users/me/bookings", text, "", None);
    assert_eq!(mine().await.status, 200);
    let path = format!("{PATH}/{}", made.word("/id"));
    let revoke = |who: &'static str| server.call(Method::DELETE, &path, who, "", None);
    revoke("bob").await.problem(404, "api-key-not-found");
    assert_eq!(mine().await.status, 200);
    assert_eq!(revoke("alice").await.status, 204);
    mine().await.problem(401, "not-signed-in");
    revoke("alice").await.problem(404, "api-key-not-found");
}

#[tokio::test]
async fn nobody_gives_away_more_than_they_have() {
    let server = Server::new();
    for (who, role, status) in [
        ("alice", "organiser", 403),
        ("alice", "door", 403),
        ("alice", "customer", 201),
        ("door", "organiser", 403),
        ("door", "door", 201),
        ("organiser", "admin", 403),
        ("organiser", "door", 201),
        ("admin", "admin", 201),
        ("admin", "king", 422),
    ] {
        let body = json!({"name": "till", "scopes": ["tickets:redeem"], "role": role});
        let made = make(&server, who, "", body).await;
        assert_eq!(made.status, status, "{who} gives {role}: {}", made.text);
    }
    for (body, field) in [
        (json!({"name": "", "scopes": ["events:read"]}), "name"),
        (json!({"name": "a", "scopes": []}), "scopes"),
        (json!({"name": "a", "scopes": ["everything"]}), "scopes"),
        (json!({"name": "a", "scopes": ["events:read"], "expiresAt": "soon"}), "expiresAt"),
    ] {
        let wrong = make(&server, "alice", "", body).await;
        wrong.problem(422, "invalid");
        assert_eq!(wrong.word("/field"), field);
    }
    for _ in 0..15 {
        key(&server, "alice", &["events:read"]).await;
    }
    let body = json!({"name": "one too many", "scopes": ["events:read"]});
    make(&server, "alice", "", body).await.problem(409, "api-key-limit-reached");
}

#[tokio::test]
async fn a_key_ends_when_it_was_told_to() {
    let server = Server::new();
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3_600);
    let body = json!({"name": "till", "scopes": ["bookings:read"], "expiresAt": at.to_string()});
    let made = make(&server, "alice", "", body).await;
    let text = made.word("/key");
    let mine = || server.call_with(Method::GET, "/users/me/bookings", text, "", None);
    assert_eq!(mine().await.status, 200);
    server.fake.advance(3_700_000);
    mine().await.problem(401, "not-signed-in");
}

async fn send(world: &World, ask: &Ask, token: &str) -> Reply {
    let (path, body) = (ask.path_in(world), ask.body_in(world));
    world.server.call_with(ask.method.clone(), &path, token, "", body).await
}

/// Of the routes that are not for all: exactly one scope opens each, or none does.
#[tokio::test]
async fn each_route_needs_its_scope() {
    for ask in asks().iter().filter(|ask| ask.whom != For::All) {
        let what = format!("{} {}", ask.method, ask.path);
        let who = match ask.whom {
            For::Organiser | For::Door => "organiser",
            For::All | For::SignedIn | For::Owner | For::OwnerOrOrganiser => "alice",
        };
        let (mut opened, mut passed) = (Vec::new(), World::new().await);
        for scope in SCOPES {
            let token = key(&passed.server, who, &[scope]).await;
            let reply = send(&passed, ask, &token).await;
            if ask.ends.contains(&reply.status.as_u16()) && reply.status != 403 {
                opened.push(scope);
                if ask.method != Method::GET {
                    passed = World::new().await;
                }
            } else {
                reply.problem(403, "not-allowed");
            }
        }
        let account = ask.path.starts_with("/auth/") || ask.path.starts_with("/users/me");
        let expected = match (account, ask.path) {
            (_, "/users/me/bookings") => 1,
            (_, "/users/me") if ask.method == Method::GET => SCOPES.len(),
            (true, _) => 0,
            (false, _) => 1,
        };
        assert_eq!(opened.len(), expected, "{what} is opened by {opened:?}");
    }
}

#[tokio::test]
async fn a_key_acts_for_its_user_and_within_its_role() {
    let world = World::new().await;
    let server = &world.server;
    let all = key(server, "alice", &SCOPES).await;
    let one = |path: &'static str, method: Method| {
        let asks = asks();
        asks.into_iter().find(|ask| ask.path == path && ask.method == method).unwrap()
    };
    let booking = one("/bookings/{bookingId}", Method::GET);
    assert_eq!(send(&world, &booking, &all).await.status, 200);
    // Scopes don't make an organiser of a customer, nor one user of another.
    send(&world, &one("/events", Method::POST), &all).await.problem(403, "not-allowed");
    let mallory = key(server, "mallory", &SCOPES).await;
    send(&world, &booking, &mallory).await.problem(404, "booking-not-found");
    // One letter off, and it is nobody's.
    let mut letters: Vec<char> = all.chars().collect();
    letters[40] = if letters[40] == 'A' { 'B' } else { 'A' };
    let forged: String = letters.into_iter().collect();
    send(&world, &booking, &forged).await.problem(401, "not-signed-in");
    assert!(!server.token("alice", Role::Customer).starts_with("rwk1."));
}
