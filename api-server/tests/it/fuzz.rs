//! Ten thousand requests that are wrong in some way, over every route: none is answered with a failure of
//! the server's own, every refusal is a problem document, and what is refused changes nothing.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, header};
use rowlock_api_server::auth::Role;
use serde_json::{Value, json};

use crate::asks::{Ask, World, asks};
use crate::harness::Reply;

const REQUESTS: usize = 10_000;
const MEDIA_TYPE: &str = "application/problem+json";
const SEED: u64 = 20_261_201;

/// SplitMix64: the same run every time, whatever versions there are of anything.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }
    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Parts of a path or a query, written as they go over the wire.
const ODD_PARTS: &[&str] = &[
    "..",
    "%2e%2e",
    "%00",
    "%ff%fe",
    "-1",
    "0",
    "18446744073709551616",
    "null",
    "undefined",
    "a%2fb",
    "%27%20OR%201%3D1--",
    "%3Cscript%3E",
    "%F0%9F%8E%AB",
    "evt-",
    "bkg-0",
    "tkt-zzzz",
    "BKG-AAAA",
    "seat-1-1",
    "true",
    "1e9",
    "NaN",
    "%20",
    "2026-02-30",
    "9999-12-31T23%3A59%3A60Z",
];
const ODD_NAMES: &[&str] = &[
    "limit",
    "page",
    "after",
    "cursor",
    "section",
    "status",
    "q",
    "city",
    "date_from",
    "date_to",
    "min_price",
    "max_price",
    "lat",
    "lon",
    "radius_km",
    "sort",
    "format",
    "paper",
    "events",
    "by",
    "owed",
    "facets",
    "category",
];
const ODD_TYPES: &[&str] = &[
    "",
    "text/plain",
    "application/json; charset=utf-16",
    "multipart/form-data",
    "application/xml",
    "json",
    "application/x-www-form-urlencoded",
    ";;;",
];
const ODD_METHODS: &[&str] =
    &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"];
const ODD_HEADERS: &[(&str, &str)] = &[
    ("idempotency-key", " "),
    ("idempotency-key", "\u{e9}\u{e9}"),
    ("if-none-match", "\"\", W/\"x"),
    ("last-event-id", "-1"),
    ("range", "bytes=5-1"),
    ("x-request-id", "a b\tc"),
    ("accept", "\""),
    ("x-forwarded-for", "999.1.1.1, ::::"),
    ("content-length", "5"),
    ("cookie", "session=; ;=;"),
    ("stripe-signature", "t=x,v1=zz"),
    ("origin", "null"),
    ("content-encoding", "gzip"),
];

fn odd_value(dice: &mut Dice) -> Value {
    let long = "x".repeat(70_000);
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    match dice.below(18) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(0),
        4 => json!(u64::MAX),
        5 => json!(1e308),
        6 => json!(0.001),
        7 => json!(""),
        8 => json!(long),
        9 => deep,
        10 => json!("\u{0}\u{1f}\u{202e}\u{feff}"),
        11 => json!({}),
        12 => json!([]),
        13 => json!([null]),
        14 => json!("9999-12-31T23:59:60Z"),
        15 => json!("🎫".repeat(40)),
        16 => json!({"$ne": null}),
        _ => json!(" \t "),
    }
}

/// Puts something odd in place of a part of `value`, takes a part away, or adds one.
fn bend(dice: &mut Dice, value: &mut Value) {
    let here = dice.below(4) == 0;
    match value {
        Value::Object(members) if !here && !members.is_empty() => {
            let names: Vec<String> = members.keys().cloned().collect();
            let name = dice.one(&names).clone();
            match dice.below(4) {
                0 => drop(members.remove(&name)),
                1 => drop(members.insert(format!("{name}x"), odd_value(dice))),
                _ => bend(dice, &mut members[&name]),
            }
        }
        Value::Array(items) if !here && !items.is_empty() => {
            let place = dice.below(items.len());
            match dice.below(4) {
                0 => drop(items.remove(place)),
                1 => items.push(items[place].clone()),
                _ => bend(dice, &mut items[place]),
            }
        }
        other => *other = odd_value(dice),
    }
}

fn bend_bytes(dice: &mut Dice, bytes: &mut Vec<u8>) {
    let place = dice.below(bytes.len() + 1);
    match dice.below(6) {
        0 => bytes.truncate(place),
        1 => bytes.insert(place, 0xff),
        2 => bytes.insert(place, b'"'),
        3 => bytes.splice(0..0, [0xef, 0xbb, 0xbf]).for_each(drop),
        4 => bytes.extend(b"{}"),
        _ => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << dice.below(8);
            }
        }
    }
}

/// What is sent.
struct Bad {
    method: Method,
    path: String,
    token: String,
    kind: Option<String>,
    body: Vec<u8>,
    headers: Vec<(&'static str, &'static str)>,
}

impl Bad {
    fn of(dice: &mut Dice, ask: &Ask, world: &World) -> Self {
        let role = *dice.one(&[Role::Admin, Role::Admin, Role::Customer, Role::Door]);
        let body = ask.body_in(world);
        let mut bad = Self {
            method: ask.method.clone(),
            path: ask.path_in(world),
            token: world.server.token("alice", role),
            kind: body.is_some().then(|| "application/json".to_owned()),
            body: body.as_ref().map_or_else(Vec::new, |body| body.to_string().into_bytes()),
            headers: Vec::new(),
        };
        for _ in 0..=dice.below(2) {
            bad.distort(dice, body.clone());
        }
        bad
    }

    fn distort(&mut self, dice: &mut Dice, body: Option<Value>) {
        match dice.below(12) {
            0 => {
                self.token =
                    ["", "x", "rwk1.AAAA", "eyJhbGciOiJub25lIn0.e30."][dice.below(4)].to_owned()
            }
            1 => self.token.truncate(self.token.len() / 2),
            2 => {
                let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
                let mut parts: Vec<String> = path.split('/').map(str::to_owned).collect();
                let place = dice.below(parts.len());
                parts[place] = dice.one(ODD_PARTS).to_string();
                self.path = format!("/{}?{query}", parts.join("/").trim_start_matches('/'));
            }
            3 => self.path.push_str(&"a".repeat(dice.below(4_000))),
            // A stream that is told to go on does.
            4 | 5 if !self.path.contains("/stream") => {
                let joint = if self.path.contains('?') { '&' } else { '?' };
                let (name, value) = (dice.one(ODD_NAMES), dice.one(ODD_PARTS));
                self.path.push_str(&format!("{joint}{name}={value}"));
            }
            6 => self.kind = Some(dice.one(ODD_TYPES).to_string()),
            7 => {
                let method = dice.one(ODD_METHODS);
                self.method = Method::from_bytes(method.as_bytes()).unwrap();
            }
            8 => self.headers.push(*dice.one(ODD_HEADERS)),
            9 => bend_bytes(dice, &mut self.body),
            _ => {
                let mut value = body.unwrap_or(Value::Null);
                bend(dice, &mut value);
                self.body = value.to_string().into_bytes();
                self.kind = Some("application/json".to_owned());
            }
        }
    }

    fn request(&self) -> Option<Request<Body>> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(format!("/api/v1{}", self.path))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        if let Some(kind) = &self.kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        for (name, value) in &self.headers {
            let value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
            request = request.header(HeaderName::from_static(name), value);
        }
        // What is no request at all can't be sent.
        request.body(Body::from(self.body.clone())).ok()
    }
}

/// What is wrong about an answer.
fn complaint(bad: &Bad, reply: &Reply, changed: bool) -> Option<&'static str> {
    let status = reply.status.as_u16();
    let is_problem = reply.headers.get(header::CONTENT_TYPE).is_some_and(|it| it == MEDIA_TYPE);
    match status {
        ..400 => None,
        500.. => Some("the server failed"),
        _ if !is_problem => Some("it is no problem document"),
        _ if bad.method != Method::HEAD && reply.at("/status") != status => {
            Some("the document has another status")
        }
        // A card that was declined is on record.
        402 => None,
        _ => changed.then_some("it was refused, and changed something"),
    }
}

#[tokio::test]
async fn ten_thousand_bad_requests_break_nothing_and_change_nothing() {
    let (mut dice, asks) = (Dice(SEED), asks());
    let (mut sent, mut refused, mut complaints) = (0, 0, Vec::new());
    let mut world = World::new().await;
    while sent < REQUESTS {
        let ask = dice.one(&asks);
        let bad = Bad::of(&mut dice, ask, &world);
        let Some(request) = bad.request() else { continue };
        let before = world.server.fake.picture();
        let reply = world.server.raw(request).await;
        let changed = world.server.fake.picture() != before;
        (sent, refused) = (sent + 1, refused + usize::from(reply.status.as_u16() >= 400));
        if let Some(complaint) = complaint(&bad, &reply, changed) {
            let body = String::from_utf8_lossy(&bad.body);
            let what =
                format!("{} {} {body} -> {} {}", bad.method, bad.path, reply.status, reply.text);
            complaints.push(format!("{complaint}: {what:.600}"));
        }
        let reads = bad.method == Method::GET || bad.method == Method::HEAD;
        // What is begun by one that passes may go on in the background, and end during another.
        if !reads && reply.status.as_u16() < 403 {
            world = World::new().await;
        }
    }
    assert!(complaints.is_empty(), "{} of {sent}:\n{}", complaints.len(), complaints.join("\n"));
    assert!(refused > REQUESTS / 2, "only {refused} of {sent} were refused");
}
