//! Seats as they change: server-sent events and WebSocket.

use axum::http::Method;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::harness::Server;

/// An open stream of server-sent events.
struct Stream {
    response: reqwest::Response,
    text: String,
}

impl Stream {
    async fn open(url: &str, event: &str, last: &str) -> Self {
        let url = format!("{url}/api/v1/events/{event}/seats/stream");
        let mut request = reqwest::Client::new().get(url);
        if !last.is_empty() {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { response, text: String::new() }
    }

    /// The next message's kind, id and data; `None`: the stream ended.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    let lines = block.lines().filter_map(|line| line.split_once(": "));
                    lines.filter(|(it, _)| *it == name).map(|(_, value)| value).collect::<String>()
                };
                if field("event").is_empty() {
                    continue;
                }
                let data = serde_json::from_str(&field("data")).unwrap();
                return Some((field("event"), field("id"), data));
            }
            let chunk = self.response.chunk().await.unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn message(&mut self) -> (String, String, Value) {
        self.next().await.expect("a message")
    }
}

/// What `state` becomes by `change`.
fn apply(state: &mut Value, change: &Value) {
    let mut letters: Vec<char> = state["seats"].as_str().unwrap().chars().collect();
    for pair in change["seats"].as_array().unwrap() {
        let place = usize::try_from(pair[0].as_u64().unwrap()).unwrap();
        letters[place] = pair[1].as_str().unwrap().chars().next().unwrap();
    }
    state["seats"] = json!(letters.into_iter().collect::<String>());
    state["revision"] = change["revision"].clone();
    if let Some(status) = change.get("status") {
        state["status"] = status.clone();
    }
    for area in change["areas"].as_array().unwrap() {
        let areas = state["areas"].as_array_mut().unwrap();
        *areas.iter_mut().find(|known| known["id"] == area["id"]).unwrap() = area.clone();
    }
}

#[tokio::test]
async fn who_looks_sees_each_change_and_ends_with_what_is_there() {
    let server = Server::new();
    let url = server.serve().await;
    let (event, floor) = server.event_with_floor().await;
    let mut stream = Stream::open(&url, &event, "").await;
    let (kind, _, mut state) = stream.message().await;
    assert_eq!((kind.as_str(), state["type"].as_str()), ("state", Some("state")));
    assert_eq!(state["status"], "ON_SALE");
    assert!(state["seats"].as_str().unwrap().chars().all(|letter| letter == 'A'), "{state}");

    let seats = server.seats(&event).await;
    let body = json!({"eventId": event, "seatIds": seats[..2],
        "areas": [{"areaId": floor, "quantity": 3}]});
    let booked = server.post("/bookings", "alice", body).await;
    assert_eq!(booked.status, 201, "{}", booked.text);
    let path = format!("/events/{event}/seats/state");
    let mut follow = async |state: &mut Value| {
        let truth = server.get(&path, "").await.json;
        while state["seats"] != truth["seats"] || state["areas"] != truth["areas"] {
            let (kind, id, change) = stream.message().await;
            assert_eq!(
                (kind.as_str(), &json!(id.parse::<u64>().unwrap())),
                ("change", &change["revision"])
            );
            apply(state, &change);
        }
    };
    follow(&mut state).await;
    assert!(state["seats"].as_str().unwrap().starts_with("RRA"), "{state}");
    server.pay(&booked, "alice").await;
    follow(&mut state).await;
    assert!(state["seats"].as_str().unwrap().starts_with("SSA"), "{state}");
    let other = server.post("/bookings", "bob", json!({"eventId": event, "seatIds": [seats[2]]}));
    let path = format!("/bookings/{}", other.await.word("/bookingId"));
    follow(&mut state).await;
    assert_eq!(server.call(Method::DELETE, &path, "bob", "", None).await.status, 204);
    follow(&mut state).await;
    assert!(state["seats"].as_str().unwrap().starts_with("SSA"), "{state}");
}

#[tokio::test]
async fn who_comes_back_goes_on_where_it_was() {
    let server = Server::new();
    let url = server.serve().await;
    let event = server.event().await;
    let mut first = Stream::open(&url, &event, "").await;
    let (_, before, mut state) = first.message().await;
    let booked = server.book(&event, "alice").await;
    assert_eq!(booked.status, 201, "{}", booked.text);
    let (_, after, change) = first.message().await;
    apply(&mut state, &change);
    // With what was seen last there is the change alone.
    let mut back = Stream::open(&url, &event, &before).await;
    assert_eq!(back.message().await, ("change".to_owned(), after.clone(), change));
    // With what nobody has shown, or nothing, there is all of it; also if it is ahead of everything.
    let whole = server.get(&format!("/events/{event}/seats/state"), "").await.json;
    for unknown in ["", "0", "1000000", "x"] {
        let (kind, id, shown) = Stream::open(&url, &event, unknown).await.message().await;
        assert_eq!((kind.as_str(), &id), ("state", &after), "{unknown}");
        assert_eq!((&shown["seats"], &shown["seats"]), (&whole["seats"], &state["seats"]));
    }
}

#[tokio::test]
async fn an_event_that_is_hidden_shows_nothing() {
    let server = Server::new();
    let venue = server.venue().await;
    let draft = server.post("/events", "organiser", crate::harness::event_body(&venue)).await;
    for path in ["state", "stream", "socket"] {
        let path = format!("/events/{}/seats/{path}", draft.word("/id"));
        server.get(&path, "").await.problem(404, "event-not-found");
        server.get(&path, "alice").await.problem(404, "event-not-found");
        server.get("/events/evt-1/seats/stream", "").await.problem(404, "event-not-found");
    }
    let event = server.event().await;
    let path = format!("/events/{event}/seats/stream");
    server.get(&format!("{path}?after=x"), "").await.problem(400, "malformed");
    let once = server.get(&format!("{path}?max=1"), "").await;
    assert_eq!(once.text.matches("event: state").count(), 1, "{}", once.text);
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn said(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await.expect("a frame").unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Close(_) => return json!("closed"),
            Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => {}
        }
    }
}

#[tokio::test]
async fn a_socket_says_the_same_and_ends_when_the_server_stops() {
    let server = Server::new();
    let url = server.serve().await;
    let event = server.event().await;
    let mut stream = Stream::open(&url, &event, "").await;
    let address = format!("{}/api/v1/events/{event}/seats/socket", url.replace("http", "ws"));
    let (mut socket, _) = tokio_tungstenite::connect_async(&address).await.unwrap();
    assert_eq!(said(&mut socket).await, stream.message().await.2);
    let booked = server.book(&event, "alice").await;
    assert_eq!(booked.status, 201, "{}", booked.text);
    let change = said(&mut socket).await;
    assert_eq!(change, stream.message().await.2);
    assert_eq!(change["seats"], json!([[0, "R"], [1, "R"]]));
    // Whatever is said to it is not listened to.
    socket.send(Message::Text("hello".into())).await.unwrap();
    let again = format!("{address}?after={}", change["revision"]);
    let (mut late, _) = tokio_tungstenite::connect_async(&again).await.unwrap();
    server.app.stop();
    assert_eq!(said(&mut socket).await, json!("closed"));
    assert_eq!(said(&mut late).await, json!("closed"));
    assert_eq!(stream.next().await, None);
}
