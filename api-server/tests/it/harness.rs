//! A server over the fake, and short ways to ask it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use ed25519_dalek::SigningKey;
use rowlock_api_server::app::{App, Options};
use rowlock_api_server::auth::{Role, Tokens};
use rowlock_api_server::mail::Spool;
use rowlock_api_server::payment::Provider;
use rowlock_api_server::payment::reconcile::Reconciler;
use rowlock_api_server::payment::sandbox::Sandbox;
use rowlock_api_server::search::{Identity, Index};
use rowlock_api_server::tickets::Signer;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::fake::Fake;

const TOKEN_SEED: [u8; 32] = [1; 32];
pub(crate) const TICKET_SEED: [u8; 32] = [2; 32];
pub(crate) const IDENTITY: Identity = Identity { cluster: [9; 16], shards: 1 };
/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    pub(crate) fake: Fake,
    pub(crate) app: App,
    pub(crate) reconciler: Reconciler,
    router: Router,
    tokens: Tokens,
    dir: tempfile::TempDir,
    stop: CancellationToken,
    keeper: JoinHandle<()>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Reply {
    pub(crate) fn at(&self, pointer: &str) -> &Value {
        self.json.pointer(pointer).unwrap_or(&Value::Null)
    }
    pub(crate) fn word(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or("")
    }
    /// Asserts a problem document of this status and code.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(self.word("/code"), code, "{}", self.text);
        assert_eq!(self.at("/status"), status);
        for member in ["/type", "/title", "/detail"] {
            assert!(!self.word(member).is_empty(), "{member} of {}", self.text);
        }
    }
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::build(false, fake_of_now(), Index::in_memory(IDENTITY).unwrap())
    }

    /// Another server of the same inventory, or the same one after a restart: its index is in `dir`.
    pub(crate) fn on_disk(fake: &Fake, dir: &Path) -> Self {
        Self::build(false, fake.clone(), Index::in_directory(dir, IDENTITY).unwrap())
    }

    /// Ends the server as a signal does.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        (&mut self.keeper).await.unwrap();
    }

    pub(crate) fn rate_limited() -> Self {
        Self::build(true, fake_of_now(), Index::in_memory(IDENTITY).unwrap())
    }

    /// One whose money another provider moves.
    pub(crate) fn with_provider(provider: Arc<dyn Provider>) -> Self {
        Self::over(fake_of_now(), provider)
    }

    /// Another server of the same inventory.
    pub(crate) fn over(fake: Fake, provider: Arc<dyn Provider>) -> Self {
        let index = Index::in_memory(IDENTITY).unwrap();
        Self::assemble(fake, index, provider, tempfile::tempdir().unwrap(), false)
    }

    fn build(rate_limit: bool, fake: Fake, index: Index) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let provider = Arc::new(Sandbox::open(&dir.path().join("ledger.jsonl")).unwrap());
        Self::assemble(fake, index, provider, dir, rate_limit)
    }

    fn assemble(
        fake: Fake,
        index: Index,
        provider: Arc<dyn Provider>,
        dir: tempfile::TempDir,
        rate_limit: bool,
    ) -> Self {
        let key = SigningKey::from_bytes(&TOKEN_SEED);
        let app = App::new(
            Arc::new(fake.clone()),
            provider,
            index,
            Tokens::new(&key),
            Signer::new(SigningKey::from_bytes(&TICKET_SEED)),
            Options {
                rate_limit: rate_limit.then(|| vec!["10.0.0.0/8".parse().unwrap()]),
                mailer: Arc::new(Spool::open(dir.path().join("mail"), "shop".to_owned()).unwrap()),
                public_url: "https://shop.example".to_owned(),
                issuers: Some(crate::outside::issuers()),
                wallet: None,
            },
        );
        let (stop, reconciler) = (CancellationToken::new(), Reconciler::default());
        let keeper = rowlock_api_server::search::start(&app, &reconciler, &stop);
        Self {
            router: rowlock_api_server::router(app.clone()),
            tokens: Tokens::new(&key),
            fake,
            app,
            reconciler,
            dir,
            stop,
            keeper,
        }
    }

    /// Serves over a real socket as well; its address.
    pub(crate) async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (router, stop) = (self.router.clone(), self.stop.clone());
        tokio::spawn(async move {
            let served = axum::serve(listener, router);
            served.with_graceful_shutdown(stop.cancelled_owned()).await.unwrap();
        });
        url
    }

    pub(crate) fn provider(&self) -> &dyn Provider {
        &*self.app.provider
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.dir.path().join("ledger.jsonl")
    }

    /// Letters that were handed over, in no order.
    pub(crate) fn letters(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.dir.path().join("mail")).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        let whole = paths.filter(|path| path.extension().is_some_and(|it| it == "eml"));
        whole.map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }

    /// Waits for so many letters.
    pub(crate) async fn until_letters(&self, count: usize) -> Vec<String> {
        let waiting = async {
            loop {
                let letters = self.letters();
                if letters.len() >= count {
                    return letters;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("letters")
    }

    /// Lines of the ledger that are of this kind.
    pub(crate) fn ledger_lines(&self, op: &str) -> usize {
        let text = std::fs::read_to_string(self.ledger()).unwrap();
        text.lines().filter(|line| line.contains(&format!("\"op\":\"{op}\""))).count()
    }

    pub(crate) fn token(&self, subject: &str, role: Role) -> String {
        self.tokens.access(subject, role)
    }

    pub(crate) async fn raw(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Reply { status: parts.status, headers: parts.headers, text, json }
    }

    /// A call as `who` (empty: nobody), with an idempotency key (empty: none).
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        who: &str,
        key: &str,
        body: Option<Value>,
    ) -> Reply {
        let role = match who {
            "organiser" => Role::Organiser,
            "admin" => Role::Admin,
            "door" => Role::Door,
            _ => Role::Customer,
        };
        let token = if who.is_empty() { String::new() } else { self.token(who, role) };
        self.call_with(method, path, &token, key, body).await
    }

    /// A call with a bearer token (empty: none).
    pub(crate) async fn call_with(
        &self,
        method: Method,
        path: &str,
        token: &str,
        key: &str,
        body: Option<Value>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if !key.is_empty() {
            request = request.header("idempotency-key", key);
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.raw(request.body(body).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str, who: &str) -> Reply {
        self.call(Method::GET, path, who, "", None).await
    }

    pub(crate) async fn post(&self, path: &str, who: &str, body: Value) -> Reply {
        self.call(Method::POST, path, who, "", Some(body)).await
    }

    pub(crate) async fn venue(&self) -> String {
        let reply = self.post("/venues", "organiser", venue_body()).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.word("/id").to_owned()
    }

    /// A published event on sale, in a hall with a floor to stand on; and the floor's id.
    pub(crate) async fn event_with_floor(&self) -> (String, String) {
        let venue = self.post("/venues", "organiser", venue_with_floor()).await;
        assert_eq!(venue.status, 201, "{}", venue.text);
        let event = self.event_with(venue.word("/id"), json!({})).await;
        let seats = self.get(&format!("/events/{event}/seats"), "").await;
        (event, seats.word("/areas/0/id").to_owned())
    }

    /// Pays for a booking in full.
    pub(crate) async fn pay(&self, booked: &Reply, who: &str) -> Reply {
        let path = format!("/bookings/{}/payment", booked.word("/bookingId"));
        let amount = booked.at("/totalAmount").clone();
        let body = json!({"paymentMethodId": "pm_card_visa", "amount": amount});
        let paid = self.post(&path, who, body).await;
        assert_eq!(paid.status, 200, "{}", paid.text);
        paid
    }

    /// A published event on sale.
    pub(crate) async fn event(&self) -> String {
        let venue = self.venue().await;
        self.event_with(&venue, json!({})).await
    }

    /// A published event that differs from the usual one in `changes`.
    pub(crate) async fn event_with(&self, venue: &str, changes: Value) -> String {
        let mut body = event_body(venue);
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        let made = self.post("/events", "organiser", body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let id = made.word("/id").to_owned();
        let published =
            self.call(Method::POST, &format!("/events/{id}/publish"), "organiser", "", None).await;
        assert_eq!(published.status, 200, "{}", published.text);
        id
    }

    /// Ids of the event's seats, in the order of the map.
    pub(crate) async fn seats(&self, event: &str) -> Vec<String> {
        let reply = self.get(&format!("/events/{event}/seats"), "").await;
        let seats = reply.at("/seats").as_array().unwrap().iter();
        seats.map(|seat| seat["id"].as_str().unwrap().to_owned()).collect()
    }

    /// A booking of the first two seats by `who`.
    pub(crate) async fn book(&self, event: &str, who: &str) -> Reply {
        let seats = self.seats(event).await;
        self.post("/bookings", who, json!({"eventId": event, "seatIds": &seats[..2]})).await
    }

    pub(crate) async fn until_ready(&self) {
        let waiting = async {
            loop {
                let request = Request::builder().uri("/readyz").body(Body::empty()).unwrap();
                if self.raw(request).await.status == 200 {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("a server that is ready");
    }

    /// Waits until `done` is true of what `path` answers.
    pub(crate) async fn until(&self, path: &str, done: impl Fn(&Reply) -> bool) -> Reply {
        let waiting = async {
            loop {
                let reply = self.get(path, "").await;
                if done(&reply) {
                    return reply;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("what was waited for")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// An empty inventory.
pub(crate) fn fake_of_now() -> Fake {
    let now_ms = jiff::Timestamp::now().as_millisecond();
    Fake::new(u64::try_from(now_ms).unwrap())
}

/// A venue whose hall has a floor for four people to stand on.
pub(crate) fn venue_with_floor() -> Value {
    let mut body = venue_body();
    body["seatMapCompanion"] = json!({
        "version": 1,
        "focus": {"x": 150, "y": 200},
        "areas": [{"name": "Pit", "category": "Floor", "capacity": 4,
            "x": 0, "y": 120, "width": 300, "height": 60}],
        "wheelchair": [{"section": "BALCONY", "row": "A", "seats": ["1"]}],
    });
    body
}

/// Two sections of one row each; three seats at 80.00, two at 250.00.
pub(crate) fn plan() -> Value {
    let seat = |number: u32, guid: &str, category: &str| {
        json!({
            "seat_number": number.to_string(),
            "seat_guid": guid,
            "position": {"x": number * 50, "y": 0},
            "category": category,
        })
    };
    json!({
        "name": "Small hall",
        "categories": [
            {"name": "Balcony", "color": "#2196F3"},
            {"name": "Floor", "color": "#F44336"},
        ],
        "zones": [
            {"name": "BALCONY", "position": {"x": 0, "y": 0}, "rows": [{
                "position": {"x": 0, "y": 0}, "row_number": "A", "row_number_position": "start",
                "seats": [seat(1, "b1", "Balcony"), seat(2, "b2", "Balcony"), seat(3, "b3", "Balcony")],
            }]},
            {"name": "FLOOR", "position": {"x": 0, "y": 100}, "rows": [{
                "position": {"x": 0, "y": 0}, "row_number": "B", "row_number_position": "start",
                "seats": [seat(1, "f1", "Floor"), seat(2, "f2", "Floor")],
            }]},
        ],
        "size": {"width": 300, "height": 200},
    })
}

pub(crate) fn venue_body() -> Value {
    json!({
        "name": "Town Hall", "city": "New York", "country": "US", "address": "1 Main Street",
        "latitude": 40.7505, "longitude": -73.9934, "seatMap": plan(),
    })
}

pub(crate) fn event_body(venue: &str) -> Value {
    json!({
        "name": "Dvořák: New World", "description": "A symphony", "category": "music",
        "venueId": venue, "date": "2099-12-15T19:00:00Z", "saleStartDate": "2020-01-01T00:00:00Z",
        "currency": "USD", "prices": {"Balcony": 80.00, "Floor": 250.00},
    })
}
