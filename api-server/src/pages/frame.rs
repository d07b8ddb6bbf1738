//! What every page has around it.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::visitor::{FORM_TOKEN, Visitor};

fn document(title: &str, header: &Markup, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Rowlock" }
                link rel="stylesheet" href="/assets/shop.css";
                link rel="icon" href="data:,";
                script src="/assets/shop.js" defer {}
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header.top {
                    a.brand href="/" { "Rowlock" }
                    nav aria-label="Account" { (header) }
                }
                main #main { (content) }
                footer { "Every seat is sold once. " a href="/reference" { "For programs" } }
            }
        }
    }
}

/// A page for `visitor`.
pub(super) fn page(
    visitor: &Visitor,
    status: StatusCode,
    title: &str,
    content: &Markup,
) -> Response {
    let account = html! {
        @match &visitor.caller {
            Some(_) => {
                form.inline method="post" action="/sign-out" {
                    (form_token(visitor))
                    button.plain type="submit" { "Sign out" }
                }
            }
            None => {
                a href="/sign-in" { "Sign in" }
                a href="/register" { "Register" }
            }
        }
    };
    visitor.remember((status, document(title, &account, content)).into_response())
}

pub(super) fn form_token(visitor: &Visitor) -> Markup {
    html! { input type="hidden" name=(FORM_TOKEN) value=(visitor.form_token); }
}

/// A page that says what went wrong.
pub(super) fn problem(title: &str, detail: &str) -> Markup {
    let content = html! {
        section.card.narrow {
            h1 { (title) }
            p { (sentence(detail)) }
            p { a.button href="/" { "All events" } }
        }
    };
    document(title, &html! { a href="/sign-in" { "Sign in" } }, &content)
}

/// Something to tell above a page's content.
pub(super) fn notice(text: &str) -> Markup {
    html! { p.notice role="alert" { (sentence(text)) } }
}

/// Details are written as parts of sentences; pages show them as whole ones.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{end}", first.unwrap_or_default(), letters.as_str())
}
