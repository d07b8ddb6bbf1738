//! Seats as they change: one message for the state, then one for each change. As server-sent events,
//! and the same over a WebSocket.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};

use super::{events, seats};
use crate::app::App;
use crate::http::cache::{self, Keep};
use crate::http::{MaybeCaller, Path, Query, reply};
use crate::live::{Looker, Message, Picture, look};
use crate::problem::Problem;
use crate::time;

/// So that proxies and browsers see that the stream lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// When a browser comes back after the connection broke.
const COME_BACK: Duration = Duration::from_secs(1);
/// What clients may say on a socket: nothing that needs more.
const SAID_BYTES_MAX: usize = 4 << 10;
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// All seats of an event in one short text, at one moment.
///
/// `seats` has a letter for each seat in the order of the map, as `GET …/seats` lists them: A is
/// AVAILABLE, R RESERVED, S SOLD, B BLOCKED.
#[utoipa::path(get, path = "/events/{eventId}/seats/state", tag = "events",
    params(("eventId" = String, Path)),
    responses((status = 200, description = "The state", body = serde_json::Value,
            example = json!({"type": "state", "eventId": "evt-…", "revision": 812,
                "status": "ON_SALE", "seats": "AARSB", "areas": [{"id": "area-…", "available": 40}]})),
        (status = 404, description = "event-not-found")))]
pub(super) async fn state(
    State(app): State<App>,
    MaybeCaller(caller): MaybeCaller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = seats::find(&app, &id, caller.as_ref()).await?;
    let now_ms = found.at.log_time_ms.max(time::now_ms());
    let view = Picture::of(&found.value, now_ms).whole(found.at.revision);
    Ok(cache::keep(&headers, reply::at(StatusCode::OK, found.at, &view), "", Keep::Never))
}

/// Seats as they change, as server-sent events.
///
/// First comes an event `state`, as of `GET …/seats/state`; then one `change` at most five times a
/// second, with `seats` as pairs of a seat's place in the order of the map and its new letter, `areas`
/// whose number of free places changed, and `status` if it did. The id of each is a revision: whoever
/// comes back with the last in `Last-Event-ID` gets the changes since, or `state` again.
#[utoipa::path(get, path = "/events/{eventId}/seats/stream", tag = "events",
    params(("eventId" = String, Path),
        ("after" = Option<u64>, Query, description = "The revision that is known, as Last-Event-ID says it"),
        ("max" = Option<u64>, Query, description = "End after so many messages"),
        ("Last-Event-ID" = Option<String>, Header, description = "Sent by browsers that come back")),
    responses((status = 200, description = "The messages", body = String,
            content_type = "text/event-stream"),
        (status = 400, description = "malformed"), (status = 404, description = "event-not-found"),
        (status = 503, description = "overloaded")))]
pub(super) async fn stream(
    State(app): State<App>,
    MaybeCaller(caller): MaybeCaller,
    Path(id): Path<String>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let event = events::find(&app, &id, caller.as_ref()).await?.value.id;
    let last = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    // What a browser sends of itself when it comes back is newer than the address it has.
    let seen = match last.and_then(|text| text.parse().ok()) {
        Some(seen) => Some(seen),
        None => query.number("after")?,
    };
    let max = query.number::<usize>("max")?.unwrap_or(usize::MAX);
    let looker = look(&app, event, seen)?;
    let messages = stream::unfold((app, looker), |(app, mut looker)| async move {
        let message = next(&app, &mut looker).await?;
        Some((message, (app, looker)))
    });
    let sent = messages.take(max).map(|message: Message| {
        let sent = Sent::default().event(message.kind).id(message.revision.to_string());
        Ok::<_, Infallible>(sent.retry(COME_BACK).data(&*message.text))
    });
    let mut response =
        Sse::new(sent).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy that gathers before it sends would make this useless.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// The same messages over a WebSocket, each one text frame.
#[utoipa::path(get, path = "/events/{eventId}/seats/socket", tag = "events",
    params(("eventId" = String, Path),
        ("after" = Option<u64>, Query, description = "The revision that is known")),
    responses((status = 101, description = "The messages follow"),
        (status = 400, description = "malformed: this is no WebSocket handshake"),
        (status = 404, description = "event-not-found"), (status = 503, description = "overloaded")))]
pub(super) async fn socket(
    State(app): State<App>,
    MaybeCaller(caller): MaybeCaller,
    Path(id): Path<String>,
    query: Query,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let event = events::find(&app, &id, caller.as_ref()).await?.value.id;
    let seen = query.number("after")?;
    let upgrade = upgrade.map_err(|_| Problem::malformed("open this address as a WebSocket"))?;
    let looker = look(&app, event, seen)?;
    let upgrade = upgrade.max_message_size(SAID_BYTES_MAX).max_frame_size(SAID_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| talk(app, looker, socket)))
}

async fn talk(app: App, mut looker: Looker, mut socket: WebSocket) {
    let mut life = tokio::time::interval(SIGN_OF_LIFE);
    loop {
        let frame = tokio::select! {
            message = next(&app, &mut looker) => match message {
                Some(message) => Frame::Text((&*message.text).into()),
                None => Frame::Close(Some(CloseFrame {
                    code: close_code::AWAY,
                    reason: "this server stops; come back".into(),
                })),
            },
            _ = life.tick() => Frame::Ping(Vec::new().into()),
            said = socket.recv() => match said {
                // Pings are answered below; nothing else is asked here.
                Some(Ok(Frame::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
        };
        let ends = matches!(frame, Frame::Close(_));
        if socket.send(frame).await.is_err() || ends {
            return;
        }
    }
}

/// Nothing more once the server stops: who looks shall look elsewhere.
async fn next(app: &App, looker: &mut Looker) -> Option<Message> {
    tokio::select! {
        message = looker.next() => message,
        () = app.stopped() => None,
    }
}
