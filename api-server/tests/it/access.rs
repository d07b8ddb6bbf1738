//! Who may do what: every route by every role, by another user of the same role, and by nobody.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request, header};
use ed25519_dalek::SigningKey;
use rowlock_api_server::auth::{Role, Tokens};

use crate::asks::{Ask, For, World, asks};
use crate::harness::Reply;

/// Alice and organiser made what is asked about; the others have no part in it.
const CALLERS: [(&str, Role); 7] = [
    ("alice", Role::Customer),
    ("mallory", Role::Customer),
    ("organiser", Role::Organiser),
    ("another-organiser", Role::Organiser),
    ("door", Role::Door),
    ("another-door", Role::Door),
    ("admin", Role::Admin),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Passes,
    /// What there is, is no secret; that it may be done is.
    Forbidden,
    /// Looks as if there was nothing.
    Hidden,
}

fn verdict(whom: For, subject: &str, role: Role) -> Verdict {
    let owns = subject == "alice";
    let organises = matches!(role, Role::Organiser | Role::Admin);
    match whom {
        For::All | For::SignedIn => Verdict::Passes,
        For::Owner if owns => Verdict::Passes,
        For::OwnerOrOrganiser if owns || organises => Verdict::Passes,
        For::Owner | For::OwnerOrOrganiser => Verdict::Hidden,
        For::Organiser if organises => Verdict::Passes,
        For::Door if organises || role == Role::Door => Verdict::Passes,
        For::Organiser | For::Door => Verdict::Forbidden,
    }
}

async fn send(world: &World, ask: &Ask, authorization: Option<&str>) -> Reply {
    let path = format!("/api/v1{}", ask.path_in(world));
    let mut request = Request::builder().method(ask.method.clone()).uri(path);
    if let Some(value) = authorization {
        request = request.header(header::AUTHORIZATION, value);
    }
    let body = match ask.body_in(world) {
        Some(body) => {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        }
        None => Body::empty(),
    };
    world.server.raw(request.body(body).unwrap()).await
}

#[test]
fn every_endpoint_says_whom_it_is_for() {
    let document = rowlock_api_server::openapi();
    let mut served = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            if ["get", "post", "patch", "delete", "put"].contains(&method.as_str()) {
                served.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    let asks = asks();
    let told: BTreeSet<_> =
        asks.iter().map(|ask| (ask.method.to_string(), ask.path.to_owned())).collect();
    assert_eq!(served, told, "asks.rs needs one line for each route");
    assert_eq!(asks.len(), told.len(), "one line each");
    // What needs a token says so in the document.
    for ask in &asks {
        let method = ask.method.as_str().to_lowercase();
        let secured = document["paths"][ask.path][&method].get("security").is_some();
        assert_eq!(secured, ask.whom != For::All, "security of {method} {}", ask.path);
    }
}

#[tokio::test]
async fn nobody_passes_without_a_token_that_is_good() {
    let world = World::new().await;
    let before = world.server.fake.picture();
    let foreign = Tokens::new(&SigningKey::from_bytes(&[9; 32])).access("alice", Role::Admin);
    let good = world.server.token("alice", Role::Admin);
    let (head, signature) = good.rsplit_once('.').unwrap();
    let unsigned = format!("{head}.");
    let altered = format!("{head}x.{signature}");
    let wrong = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer x".to_owned(),
        "Basic YWxpY2U6YWxpY2U=".to_owned(),
        format!("Bearer {foreign}"),
        format!("Bearer {unsigned}"),
        format!("Bearer {altered}"),
        format!("Token {good}"),
    ];
    for ask in asks().iter().filter(|ask| ask.whom != For::All) {
        let what = format!("{} {}", ask.method, ask.path);
        for authorization in std::iter::once(None).chain(wrong.iter().map(|it| Some(it.as_str()))) {
            let reply = send(&world, ask, authorization).await;
            assert_eq!(reply.status, 401, "{what} with {authorization:?}: {}", reply.text);
            reply.problem(401, "not-signed-in");
            assert!(reply.headers.contains_key(header::WWW_AUTHENTICATE), "{what}");
        }
    }
    assert_eq!(world.server.fake.picture(), before, "a refused call left a trace");
}

#[tokio::test]
async fn every_route_answers_those_that_it_is_for_and_nobody_else() {
    // Refusals leave no trace and neither do looks, so all of them are had in one world.
    let shared = World::new().await;
    let before = shared.server.fake.picture();
    for ask in asks() {
        for (subject, role) in CALLERS {
            let what = format!("{} {} as {subject}", ask.method, ask.path);
            let expected = verdict(ask.whom, subject, role);
            let fresh = match expected {
                Verdict::Passes if ask.method != Method::GET => Some(World::new().await),
                Verdict::Passes | Verdict::Forbidden | Verdict::Hidden => None,
            };
            let world = fresh.as_ref().unwrap_or(&shared);
            let token = world.server.token(subject, role);
            let reply = send(world, &ask, Some(&format!("Bearer {token}"))).await;
            match expected {
                Verdict::Passes => {
                    let status = reply.status.as_u16();
                    assert!(ask.ends.contains(&status), "{what}: {status} {}", reply.text);
                }
                Verdict::Forbidden => {
                    assert_eq!(reply.status, 403, "{what}: {}", reply.text);
                    reply.problem(403, "not-allowed");
                }
                Verdict::Hidden => assert_eq!(reply.status, 404, "{what}: {}", reply.text),
            }
        }
    }
    assert_eq!(shared.server.fake.picture(), before, "a call without effect left a trace");
}

#[tokio::test]
async fn what_is_hidden_looks_like_what_is_not_there() {
    let world = World::new().await;
    let bearer = format!("Bearer {}", world.server.token("mallory", Role::Customer));
    for ask in asks().iter().filter(|ask| ask.whom == For::Owner) {
        let path = ask.path_in(&world);
        let hidden = send(&world, ask, Some(&bearer)).await;
        let id = path.split('/').nth(2).unwrap();
        let mut letters: Vec<_> = id.chars().collect();
        let last = letters.last_mut().unwrap();
        *last = if *last == '0' { '1' } else { '0' };
        let absent = path.replace(id, &letters.into_iter().collect::<String>());
        let absent = world
            .server
            .call(ask.method.clone(), &absent, "mallory", "", ask.body_in(&world))
            .await;
        assert_eq!((hidden.status, &hidden.json), (absent.status, &absent.json), "{path}");
    }
}
