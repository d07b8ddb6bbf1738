//! The API's reference: its OpenAPI document, for people. One page that needs no script.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::frame;
use super::visitor::Visitor;
use crate::app::App;
use crate::routes;

pub(super) async fn show(State(_): State<App>, visitor: Visitor) -> Response {
    frame::page(&visitor, StatusCode::OK, "API reference", &page(routes::openapi()))
}

/// Operations by tag, each in the order of the document.
fn by_tag(document: &Value) -> BTreeMap<String, Vec<(&str, &str, &Value)>> {
    let mut tags: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (path, item) in members(&document["paths"]) {
        for (method, operation) in members(item) {
            let tag = operation.pointer("/tags/0").and_then(Value::as_str).unwrap_or("other");
            tags.entry(tag.to_owned()).or_default().push((
                method.as_str(),
                path.as_str(),
                operation,
            ));
        }
    }
    tags
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or("")
}

fn page(document: &Value) -> Markup {
    let tags = by_tag(document);
    html! {
        section.card {
            h1 { "API reference" }
            p { (word(&document["info"], "description")) }
            p {
                "All paths lie below " code { (routes::BASE) } ". Programs read "
                a href={ (routes::BASE) "/openapi.json" } { "the OpenAPI document" }
                ". Where it says “token”, send one: " code { "Authorization: Bearer …" } "."
            }
            p.jumps {
                @for tag in tags.keys() { a href={ "#" (tag) } { (tag) } " " }
            }
        }
        @for (tag, operations) in &tags {
            section.card.reference id=(tag) {
                h2 { (tag) }
                @for (method, path, operation) in operations { (shown(method, path, operation)) }
            }
        }
        section.card.reference id="schemas" {
            h2 { "Bodies" }
            @for (name, schema) in members(&document["components"]["schemas"]) {
                details id={ "schema-" (name) } {
                    summary { code { (name) } }
                    p { (word(schema, "description")) }
                    (fields(schema))
                }
            }
        }
    }
}

fn shown(method: &str, path: &str, operation: &Value) -> Markup {
    let locked = operation.get("security").is_some();
    html! {
        details {
            summary {
                strong { (method.to_uppercase()) } " " code { (path) }
                @if locked { " " span.token { "token" } }
                " " (word(operation, "summary"))
            }
            @if !word(operation, "description").is_empty() { p { (word(operation, "description")) } }
            @if let Some(parameters) = operation["parameters"].as_array() {
                table {
                    thead { tr { th { "parameter" } th { "in" } th { "what it is" } } }
                    tbody { @for parameter in parameters { tr {
                        td { code { (word(parameter, "name")) } }
                        td { (word(parameter, "in")) }
                        td { (word(parameter, "description")) }
                    } } }
                }
            }
            @for (kind, body) in members(&operation["requestBody"]["content"]) {
                p { "Send " code { (kind) } ": " (schema_name(&body["schema"])) }
            }
            table {
                thead { tr { th { "status" } th { "when" } th { "body" } } }
                tbody { @for (status, response) in members(&operation["responses"]) { tr {
                    td { (status) }
                    td { (word(response, "description")) }
                    td { @for (kind, body) in members(&response["content"]) {
                        @if body["schema"].is_null() { code { (kind) } }
                        @else { (schema_name(&body["schema"])) " " }
                    } }
                } } }
            }
        }
    }
}

/// A link to the schema, or what is known of it.
fn schema_name(schema: &Value) -> Markup {
    let named = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    html! {
        @if let Some(name) = named {
            a href={ "#schema-" (name) } { code { (name) } }
        } @else if schema["type"] == "array" {
            "list of " (schema_name(&schema["items"]))
        } @else if let Some(choices) = schema["oneOf"].as_array() {
            @for (place, choice) in choices.iter().enumerate() {
                @if place > 0 { " or " } (schema_name(choice))
            }
        } @else if let Some(types) = schema["type"].as_array() {
            (types.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "))
        } @else {
            (word(schema, "type"))
        }
    }
}

fn fields(schema: &Value) -> Markup {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let values: Vec<&str> =
        schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    html! {
        @if !values.is_empty() { p { "One of " (values.join(", ")) "." } }
        @if schema.get("properties").is_some() {
            table {
                thead { tr { th { "name" } th { "kind" } th { "what it is" } } }
                tbody { @for (name, field) in members(&schema["properties"]) { tr {
                    td { code { (name) } @if !required.contains(&name.as_str()) { " (optional)" } }
                    td { (schema_name(field)) }
                    td { (word(field, "description")) }
                } } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_and_every_body_is_on_the_page() {
        let document = routes::openapi();
        let text = page(document).into_string();
        for (path, item) in members(&document["paths"]) {
            assert!(text.contains(&format!("<code>{path}</code>")), "{path}");
            assert!(members(item).next().is_some());
        }
        for (name, _) in members(&document["components"]["schemas"]) {
            assert!(text.contains(&format!("id=\"schema-{name}\"")), "{name}");
        }
        for target in text.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(text.contains(&format!("id=\"{target}\"")), "a link to {target} leads nowhere");
        }
    }
}
