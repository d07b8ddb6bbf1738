//! The OpenAPI document: what the routes say of themselves, and what holds for all of them.

use std::sync::OnceLock;

use axum::response::Response;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::{
    api_keys, auth, authentications, bookings, channels, desk, doors, events, exchanges, holds,
    imports, life, live, papers, payments, promotions, refunds, sales, scans, search, seat_maps,
    seats, terms, tickets, user_bookings, users, venues, waitlist, webhooks,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rowlock",
        description = "Seats, held and sold once. Errors are RFC 9457 problem documents.",
        license(name = "Apache-2.0")
    ),
    servers((url = "/api/v1")),
    paths(
        openapi_json,
        auth::register,
        auth::login,
        auth::refresh,
        auth::logout,
        auth::verify_email,
        auth::forgotten,
        auth::reset,
        users::me,
        users::update,
        users::delete,
        users::password,
        users::verification,
        api_keys::list,
        api_keys::create,
        api_keys::revoke,
        user_bookings::list,
        venues::create,
        venues::get,
        seat_maps::get,
        search::search,
        events::create,
        imports::import,
        events::get,
        events::update,
        events::publish,
        events::cancel,
        life::pause,
        life::resume,
        life::end,
        life::set_end,
        refunds::list,
        refunds::settle,
        seats::list,
        live::state,
        live::stream,
        live::socket,
        desk::money,
        terms::get,
        terms::set_limits,
        terms::set_fees,
        terms::reprice,
        promotions::add,
        promotions::close,
        channels::put,
        channels::release,
        channels::keep,
        channels::add_codes,
        channels::free,
        channels::revoke_codes,
        waitlist::join,
        waitlist::mine,
        waitlist::leave,
        waitlist::set,
        waitlist::accept,
        waitlist::entries,
        bookings::create,
        bookings::get,
        bookings::release,
        desk::confirm,
        exchanges::exchange,
        holds::extend,
        holds::release,
        payments::pay,
        promotions::apply,
        promotions::take_off,
        refunds::refund,
        authentications::authenticate,
        scans::admissions,
        scans::merge,
        scans::void,
        doors::redeem,
        tickets::get,
        papers::ticket,
        papers::booking,
        tickets::transfer,
        doors::unredeem,
        sales::report,
        webhooks::stripe,
        webhooks::paypal,
    ),
    components(schemas(ProblemDocument)),
    modifiers(&Bearer)
)]
struct Document;

/// An RFC 9457 problem document. Some codes bring more members, such as `seatIds`.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes what `Problem` writes")]
struct ProblemDocument {
    /// `urn:rowlock:problem:` and the code.
    r#type: String,
    title: String,
    status: u16,
    detail: String,
    /// Stable, for programs.
    code: String,
}

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
        let components = openapi.components.get_or_insert_default();
        components
            .add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// Requests that show how a body may look, by method and path.
const EXAMPLES: &str = include_str!("examples.json");

/// The OpenAPI document.
pub fn openapi() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        // What is derived can always be written.
        let mut document = serde_json::to_value(Document::openapi()).unwrap_or_default();
        let examples = serde_json::from_str(EXAMPLES).unwrap_or_default();
        complete(&mut document, &examples);
        say_unsigned(&mut document);
        document
    })
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "api",
    responses((status = 200, description = "The OpenAPI document", body = serde_json::Value)))]
pub(super) async fn openapi_json() -> Response {
    crate::http::reply::json(axum::http::StatusCode::OK, openapi())
}

/// Numbers without a sign reach further than those with one, which the derived formats name.
fn say_unsigned(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let is_unsigned = members.get("minimum").is_some_and(|it| *it == json!(0));
            let format = members.get("format").and_then(Value::as_str);
            if let (true, Some("int32")) = (is_unsigned, format) {
                members.insert("format".to_owned(), json!("uint32"));
                members.insert("maximum".to_owned(), json!(u32::MAX));
            } else if let (true, Some("int64")) = (is_unsigned, format) {
                members.insert("format".to_owned(), json!("uint64"));
                members.insert("maximum".to_owned(), json!(u64::MAX));
            }
            members.values_mut().for_each(say_unsigned);
        }
        Value::Array(items) => items.iter_mut().for_each(say_unsigned),
        _ => {}
    }
}

/// Says of every operation what none of them says of itself.
fn complete(document: &mut Value, examples: &Map<String, Value>) {
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if let Some(operation) = operation.as_object_mut() {
                complete_operation(method, path, operation);
                let body = operation.get_mut("requestBody").and_then(|it| it.get_mut("content"));
                let json = body.and_then(|content| content.get_mut("application/json"));
                let example = examples.get(&format!("{} {path}", method.to_uppercase()));
                if let (Some(json), Some(example)) = (json, example) {
                    json["example"] = example.clone();
                }
            }
        }
    }
}

/// Statuses with what they mean, where a route says nothing of its own.
fn common(
    method: &str,
    path: &str,
    operation: &Map<String, Value>,
) -> Vec<(&'static str, &'static str)> {
    let has_body = operation.contains_key("requestBody");
    let secured = operation.contains_key("security");
    let mut common = vec![("400", "malformed: the request can't be read")];
    if secured {
        common.push(("401", "not-signed-in: there is no token, or it is not valid (any more)"));
        common.push(("403", "not-allowed: the caller may not do this"));
    }
    if path.contains('{') || has_body {
        common.push(("404", "what the request names is not there, or not for the caller"));
    }
    if has_body {
        common.push(("413", "too-large: the body has too many bytes"));
        common.push(("415", "unsupported-media-type: the body is not application/json"));
    }
    common.push(("422", "invalid: a value is not allowed"));
    common.push(("429", "rate-limited: too many requests; Retry-After says when to come back"));
    common.push((
        "503",
        "unavailable, overloaded: nothing was done; Retry-After says when to come back",
    ));
    if method != "get" {
        common.push(("504", "unknown-outcome: send it again under the same Idempotency-Key"));
    }
    common
}

fn complete_operation(method: &str, path: &str, operation: &mut Map<String, Value>) {
    let common = common(method, path, operation);
    let problem = json!({"schema": {"$ref": "#/components/schemas/ProblemDocument"}});
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    for (status, description) in common {
        if responses.get(status).is_none() {
            responses[status] = json!({"description": description});
        }
    }
    for (status, response) in responses.as_object_mut().into_iter().flatten() {
        if status.as_str() >= "400" {
            response["content"] = json!({"application/problem+json": problem});
        }
        if ["429", "503"].contains(&status.as_str()) {
            let seconds = json!({"description": "Seconds", "schema": {"type": "integer"}});
            response["headers"] = json!({"Retry-After": seconds});
        }
    }
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let kind = parameter["schema"]["type"].clone();
        let is_text = kind.as_str().or(kind[0].as_str()).is_none_or(|kind| kind == "string");
        if parameter["in"] == "query" && !is_text {
            // One that is empty counts as left out.
            let given = parameter["schema"].take();
            parameter["schema"] = json!({"anyOf": [given, {"type": "string", "maxLength": 0}]});
        }
        if parameter["name"] == "Idempotency-Key" {
            parameter["schema"] = json!({"type": "string", "minLength": 1, "maxLength": 255,
                "pattern": "^[!-~]([ -~]*[!-~])?$"});
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_a_problem_document_and_every_example_has_its_route() {
        let document = openapi();
        let mut shown = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                for (status, response) in operation["responses"].as_object().unwrap() {
                    let is_problem = response["content"].get("application/problem+json").is_some();
                    assert_eq!(is_problem, status.as_str() >= "400", "{method} {path} {status}");
                }
                let example = operation.pointer("/requestBody/content/application~1json/example");
                shown += usize::from(example.is_some());
            }
        }
        let examples: Map<String, Value> = serde_json::from_str(EXAMPLES).unwrap();
        assert_eq!(shown, examples.len());
    }
}
