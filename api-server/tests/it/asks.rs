//! One good request for every endpoint, and who may send it. A route without a line here fails the
//! tests that go through them all: say of it who may call it.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Server, event_body, venue_body};

/// Whom a route is for. Everybody else gets 401 without a token, and with one 403 or, where it is a
/// secret that there is anything, 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// All, signed in or not.
    All,
    /// Whoever has a token: what it does, it does to the caller's own.
    SignedIn,
    /// Whom the booking or ticket belongs to.
    Owner,
    /// The same, and those who organise.
    OwnerOrOrganiser,
    /// Those who organise.
    Organiser,
    /// Those at the door, and those who organise.
    Door,
}

/// A request that is right in all but, perhaps, its sender.
pub(crate) struct Ask {
    pub(crate) method: Method,
    /// As the OpenAPI document names it.
    pub(crate) path: &'static str,
    pub(crate) whom: For,
    body: fn(&World) -> Value,
    /// How it ends for those who may.
    pub(crate) ends: &'static [u16],
}

/// What the requests are about. Alice has bookings and tickets, organiser made the event.
pub(crate) struct World {
    pub(crate) server: Server,
    venue: String,
    event: String,
    seats: Vec<String>,
    held: String,
    paid: String,
    ticket: String,
    code: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        let server = Server::new();
        let venue = server.venue().await;
        let event = server.event_with(&venue, json!({})).await;
        let seats = server.seats(&event).await;
        let mut bookings = Vec::new();
        for seat in &seats[..2] {
            let body = json!({"eventId": event, "seatIds": [seat]});
            let booked = server.post("/bookings", "alice", body).await;
            assert_eq!(booked.status, 201, "{}", booked.text);
            bookings.push(booked);
        }
        let paid = server.pay(&bookings[1], "alice").await;
        let base = format!("/events/{event}");
        let promotion = json!({"code": "HALF", "percent": 50});
        let made = server.post(&format!("{base}/promotions"), "organiser", promotion).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let path = format!("{base}/channels/Fans");
        let made = server.call(Method::PUT, &path, "organiser", "", Some(json!({}))).await;
        assert_eq!(made.status, 200, "{}", made.text);
        let codes = json!({"codes": ["fan-1"]});
        let made = server.post(&format!("{path}/codes"), "organiser", codes).await;
        assert_eq!(made.status, 204, "{}", made.text);
        Self {
            venue,
            event,
            seats,
            held: bookings[0].word("/bookingId").to_owned(),
            paid: paid.word("/bookingId").to_owned(),
            ticket: paid.word("/tickets/0/ticketId").to_owned(),
            code: paid.word("/tickets/0/code").to_owned(),
            server,
        }
    }

    /// What Alice's ticket says at the door.
    pub(crate) fn ticket_code(&self) -> &str {
        &self.code
    }
}

impl Ask {
    /// Its path with the world's ids in it.
    pub(crate) fn path_in(&self, world: &World) -> String {
        let sold = ["/refund", "/download"].iter().any(|end| self.path.ends_with(end));
        let booking = if sold { &world.paid } else { &world.held };
        let code = if self.path.contains("/promotions/") { "HALF" } else { "fan-1" };
        let path = self
            .path
            .replace("{eventId}", &world.event)
            .replace("{bookingId}", booking)
            .replace("{ticketId}", &world.ticket)
            .replace("{venueId}", &world.venue)
            .replace("{channel}", "Fans")
            .replace("{keyId}", "abc")
            .replace("{code}", code)
            .replace("{paymentId}", "pi_none")
            .replace("{number}", "0");
        // All but the first message is left out.
        let path = if path.ends_with("/stream") { format!("{path}?max=1") } else { path };
        let path =
            if path == "/reports/sales" { format!("{path}?events={}", world.event) } else { path };
        assert!(!path.contains('{'), "what stands for a part of {path}?");
        path
    }

    pub(crate) fn body_in(&self, world: &World) -> Option<Value> {
        Some((self.body)(world)).filter(|body| !body.is_null())
    }
}

/// All of them, as the OpenAPI document lists what is served.
pub(crate) fn asks() -> Vec<Ask> {
    use For::{All, Door, Organiser, Owner, OwnerOrOrganiser, SignedIn};
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const PUT: Method = Method::PUT;
    const PATCH: Method = Method::PATCH;
    const DELETE: Method = Method::DELETE;
    let ask = |method, path, whom, ends, body| Ask { method, path, whom, body, ends };
    let none: fn(&World) -> Value = |_| Value::Null;
    let free_seat: fn(&World) -> Value = |world| json!({"seatIds": [world.seats[2]]});
    let account = |_: &World| json!({"email": "ann@example.org", "password": "correct horse"});
    vec![
        ask(GET, "/openapi.json", All, &[200], none),
        ask(POST, "/auth/register", All, &[201], account),
        // There is no such account, whoever asks.
        ask(POST, "/auth/login", All, &[401], account),
        ask(POST, "/auth/refresh", All, &[401], |_| json!({"refreshToken": "x"})),
        ask(POST, "/auth/logout", SignedIn, &[204], none),
        ask(POST, "/auth/verify-email", All, &[422], |_| json!({"token": "x"})),
        ask(POST, "/auth/password-reset", All, &[202], |_| json!({"email": "ann@example.org"})),
        ask(
            POST,
            "/auth/password-reset/confirm",
            All,
            &[422],
            |_| json!({"token": "x", "password": "correct horse"}),
        ),
        ask(GET, "/users/me", SignedIn, &[200], none),
        // Users of tokens that were made by hand have no account.
        ask(PATCH, "/users/me", SignedIn, &[404], |_| json!({"firstName": "Ann"})),
        ask(DELETE, "/users/me", SignedIn, &[404], |_| json!({"password": "correct horse"})),
        ask(
            POST,
            "/users/me/password",
            SignedIn,
            &[404],
            |_| json!({"currentPassword": "correct horse", "password": "battery staple"}),
        ),
        ask(POST, "/users/me/verification", SignedIn, &[404], none),
        ask(GET, "/users/me/api-keys", SignedIn, &[200], none),
        ask(
            POST,
            "/users/me/api-keys",
            SignedIn,
            &[201],
            |_| json!({"name": "till", "scopes": ["bookings:read"]}),
        ),
        ask(DELETE, "/users/me/api-keys/{keyId}", SignedIn, &[404], none),
        ask(GET, "/users/me/bookings", SignedIn, &[200], none),
        ask(POST, "/venues", Organiser, &[201], |_| venue_body()),
        ask(GET, "/venues/{venueId}", All, &[200], none),
        ask(GET, "/venues/{venueId}/seat-map", All, &[200], none),
        ask(GET, "/events/search", All, &[200], none),
        ask(POST, "/events", Organiser, &[201], |world| event_body(&world.venue)),
        ask(
            POST,
            "/events/import",
            Organiser,
            &[200],
            |world| json!({"events": [event_body(&world.venue)]}),
        ),
        ask(GET, "/events/{eventId}", All, &[200], none),
        ask(PATCH, "/events/{eventId}", Organiser, &[200], |_| json!({"name": "Another"})),
        ask(POST, "/events/{eventId}/publish", Organiser, &[200], none),
        ask(POST, "/events/{eventId}/cancel", Organiser, &[200], none),
        ask(POST, "/events/{eventId}/pause", Organiser, &[200], |_| json!({"reason": "storm"})),
        // It is not paused; what is no draft and not over is on sale as it is.
        ask(POST, "/events/{eventId}/resume", Organiser, &[200], none),
        ask(POST, "/events/{eventId}/end", Organiser, &[200], none),
        ask(PUT, "/events/{eventId}/sale-end", Organiser, &[200], |_| json!({"saleEndDate": null})),
        ask(GET, "/events/{eventId}/refunds", Organiser, &[200], none),
        ask(GET, "/events/{eventId}/seats", All, &[200], none),
        ask(GET, "/events/{eventId}/seats/state", All, &[200], none),
        ask(GET, "/events/{eventId}/seats/stream", All, &[200], none),
        // What asks here is no socket.
        ask(GET, "/events/{eventId}/seats/socket", All, &[400], none),
        ask(GET, "/events/{eventId}/money", Organiser, &[200], none),
        ask(GET, "/events/{eventId}/admissions", Door, &[200], none),
        ask(POST, "/events/{eventId}/scans", Door, &[200], |world| {
            json!({"scans": [{"scanId": "s-1", "code": world.code, "door": "North",
                    "scannedAt": "2026-11-01T18:00:00Z"}]})
        }),
        ask(GET, "/events/{eventId}/terms", Organiser, &[200], none),
        ask(PUT, "/events/{eventId}/limits", Organiser, &[200], |_| json!({})),
        ask(PUT, "/events/{eventId}/fees", Organiser, &[200], |_| json!({"fees": []})),
        ask(
            PUT,
            "/events/{eventId}/prices",
            Organiser,
            &[200],
            |_| json!({"prices": {"Balcony": 1, "Floor": 2}}),
        ),
        ask(
            POST,
            "/events/{eventId}/promotions",
            Organiser,
            &[201],
            |_| json!({"code": "TENTH", "percent": 10}),
        ),
        ask(DELETE, "/events/{eventId}/promotions/{code}", Organiser, &[204], none),
        ask(PUT, "/events/{eventId}/channels/{channel}", Organiser, &[200], |_| json!({})),
        ask(DELETE, "/events/{eventId}/channels/{channel}", Organiser, &[204], none),
        ask(POST, "/events/{eventId}/channels/{channel}/seats", Organiser, &[204], free_seat),
        ask(
            POST,
            "/events/{eventId}/channels/{channel}/codes",
            Organiser,
            &[204],
            |_| json!({"codes": ["fan-2"]}),
        ),
        ask(POST, "/events/{eventId}/free-seats", Organiser, &[204], free_seat),
        ask(
            POST,
            "/events/{eventId}/revoke-codes",
            Organiser,
            &[204],
            |_| json!({"codes": ["fan-1"]}),
        ),
        // There are places: nobody needs to wait, and nobody does.
        ask(POST, "/events/{eventId}/waitlist", SignedIn, &[409], |_| json!({"quantity": 1})),
        ask(GET, "/events/{eventId}/waitlist", SignedIn, &[404], none),
        ask(DELETE, "/events/{eventId}/waitlist", SignedIn, &[404], none),
        ask(
            PUT,
            "/events/{eventId}/waitlist",
            Organiser,
            &[200],
            |_| json!({"open": true, "offerSeconds": 60}),
        ),
        ask(POST, "/events/{eventId}/waitlist/accept", SignedIn, &[404], none),
        ask(GET, "/events/{eventId}/waitlist/entries", Organiser, &[200], none),
        ask(
            POST,
            "/bookings",
            SignedIn,
            &[201],
            |world| json!({"eventId": world.event, "seatIds": [world.seats[2]]}),
        ),
        ask(GET, "/bookings/{bookingId}", Owner, &[200], none),
        ask(DELETE, "/bookings/{bookingId}", Owner, &[204], none),
        // It is not free: its owner may ask and is told so, an organiser may say otherwise.
        ask(
            POST,
            "/bookings/{bookingId}/confirm-direct",
            OwnerOrOrganiser,
            &[422],
            |_| json!({"tender": "free"}),
        ),
        ask(GET, "/bookings/{bookingId}/download", Owner, &[200], none),
        ask(POST, "/bookings/{bookingId}/exchange", OwnerOrOrganiser, &[200], free_seat),
        ask(POST, "/bookings/{bookingId}/extend", Owner, &[200], none),
        // One place at least has to stay.
        ask(POST, "/bookings/{bookingId}/release", Owner, &[409], |_| json!({"places": [0]})),
        ask(
            POST,
            "/bookings/{bookingId}/payment",
            Owner,
            &[200],
            |_| json!({"paymentMethodId": "pm_card_visa", "amount": 80}),
        ),
        ask(POST, "/bookings/{bookingId}/promotion", Owner, &[200], |_| json!({"code": "HALF"})),
        ask(DELETE, "/bookings/{bookingId}/promotion", Owner, &[200], none),
        ask(POST, "/bookings/{bookingId}/refund", Organiser, &[200], |_| json!({"reason": "rain"})),
        ask(
            POST,
            "/bookings/{bookingId}/refunds/{number}/settle",
            Organiser,
            &[404],
            |_| json!({"reference": "till-7"}),
        ),
        ask(
            POST,
            "/tickets/redeem",
            Door,
            &[200],
            |world| json!({"code": world.code, "door": "North"}),
        ),
        ask(GET, "/tickets/{ticketId}", Owner, &[200], none),
        ask(POST, "/tickets/{ticketId}/void", Organiser, &[200], |_| json!({"reason": "stolen"})),
        ask(GET, "/tickets/{ticketId}/download", Owner, &[200], none),
        ask(POST, "/tickets/{ticketId}/transfer", Owner, &[200], |_| json!({"userId": "zoe"})),
        // Nobody has used it yet.
        ask(POST, "/tickets/{ticketId}/unredeem", Organiser, &[409], none),
        // No payment waits for its customer.
        ask(
            POST,
            "/payments/{paymentId}/authenticate",
            SignedIn,
            &[404],
            |_| json!({"clientSecret": "guess", "success": true}),
        ),
        ask(GET, "/reports/sales", Organiser, &[200], none),
        // The sandbox tells nothing.
        ask(POST, "/webhooks/paypal", All, &[404], |_| json!({"event_type": "x"})),
        // The provider is known by its signature.
        ask(POST, "/webhooks/stripe", All, &[400], |_| json!({"type": "x"})),
    ]
}
