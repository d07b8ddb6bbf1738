//! Many events at once: a season, brought in from elsewhere.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::events::{NewEvent, make};
use crate::app::App;
use crate::http::body::IMPORT_BYTES_MAX;
use crate::http::{Caller, IdempotencyKey, Json, reply};
use crate::problem::Problem;

const EVENTS_MAX: usize = 500;
/// Events that are made at once.
const AT_ONCE: usize = 8;

#[derive(Deserialize, ToSchema)]
pub(super) struct Season {
    /// 1 to 500, as of `POST /events`.
    events: Vec<NewEvent>,
    /// Put each on sale once it is made.
    #[serde(default)]
    publish: bool,
}

#[derive(Serialize, ToSchema)]
struct Imported {
    created: usize,
    failed: usize,
    /// In the order of the request.
    results: Vec<ImportedEvent>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ImportedEvent {
    /// The event, if it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// A problem document, if it was not, or was made and not put on sale.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Value>,
}

/// Make many events. Each is made or not on its own, and the answer says of each which; sent again under
/// the same Idempotency-Key, what was made is not made twice.
#[utoipa::path(post, path = "/events/import", tag = "events", security(("bearer" = [])),
    request_body = Season,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeating safe")),
    responses((status = 200, description = "What became of each", body = Imported),
        (status = 403, description = "not-allowed"), (status = 413, description = "too-large"),
        (status = 422, description = "invalid, idempotency-key-reused")))]
pub(super) async fn import(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    body: Json<Season, IMPORT_BYTES_MAX>,
) -> Result<Response, Problem> {
    caller.must_organise()?;
    let request = key.request(&caller.subject, "POST /events/import");
    let repeated = request.repeatable && app.recent.knows(&request);
    app.recent.check(&request, body.fingerprint)?;
    let Season { events, publish } = body.value;
    if events.is_empty() || events.len() > EVENTS_MAX {
        return Err(Problem::field("events", format!("must be 1 to {EVENTS_MAX}")));
    }
    let work = (0_usize..).zip(events).map(|(number, new)| {
        let request = key.request(&caller.subject, &format!("POST /events/import/{number}"));
        let (app, caller) = (&app, &caller);
        async move {
            let id = match make(app, caller, &request, repeated, new).await {
                Ok(id) => id,
                Err(problem) => {
                    return ImportedEvent { id: None, problem: Some(problem.document()) };
                }
            };
            let problem = if publish {
                let key = rowlock_client::key::request_key();
                let told = app.inventory.publish_event(id, caller.user, key).await;
                told.err().map(|error| Problem::of_event(error, id).document())
            } else {
                None
            };
            ImportedEvent { id: Some(id.to_string()), problem }
        }
    });
    let results: Vec<ImportedEvent> = stream::iter(work).buffered(AT_ONCE).collect().await;
    let created = results.iter().filter(|it| it.id.is_some()).count();
    let failed = results.len() - created;
    let view = Imported { created, failed, results };
    Ok(reply::json(StatusCode::OK, &view))
}
