//! Signing in and out, and registering.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::visitor::{Sent, Visitor, end_session, start_session};
use super::{frame, go_to};
use crate::app::App;
use crate::auth::accounts::{self, Registration};
use crate::auth::sessions::{self, Session};
use crate::http::query::encode;
use crate::http::{IdempotencyKey, Query};
use crate::problem::Problem;

/// Where to go after signing in: only ever a path of ours.
fn next_path(wanted: &str) -> &str {
    let ours = wanted.starts_with('/')
        && !wanted.starts_with("//")
        && wanted.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if ours { wanted } else { "/" }
}

pub(super) async fn sign_in_form(visitor: Visitor, query: Query) -> Response {
    let next = next_path(query.get("next").unwrap_or("/"));
    let content = sign_in_content(&visitor, next, "");
    frame::page(&visitor, StatusCode::OK, "Sign in", &content)
}

fn sign_in_content(visitor: &Visitor, next: &str, email: &str) -> Markup {
    html! {
        section.card.narrow {
            h1 { "Sign in" }
            form.stack method="post" action="/sign-in" {
                (frame::form_token(visitor))
                input type="hidden" name="next" value=(next);
                label { "E-mail" input type="email" name="email" required autocomplete="username" value=(email); }
                label { "Password" input type="password" name="password" required autocomplete="current-password"; }
                button type="submit" { "Sign in" }
            }
            p { a href="/forgotten-password" { "Forgotten your password?" } }
            p { "New here? " a href={ "/register?next=" (encode(next)) } { "Register" } }
        }
    }
}

pub(super) async fn sign_in(State(app): State<App>, sent: Sent) -> Response {
    let next = next_path(sent.get("next"));
    let email = sent.get("email");
    match accounts::sign_in(&app, email, password(&sent), &IdempotencyKey(None)).await {
        Ok(session) => signed_in(&session, next),
        Err(problem) => refused(
            &sent.visitor,
            &problem,
            "Sign in",
            &sign_in_content(&sent.visitor, next, email),
        ),
    }
}

/// As it was typed: spaces may belong to it.
fn password(sent: &Sent) -> String {
    sent.all("password").into_iter().next().unwrap_or_default()
}

pub(super) async fn register_form(visitor: Visitor, query: Query) -> Response {
    let next = next_path(query.get("next").unwrap_or("/"));
    let content = register_content(&visitor, next, ["", "", ""]);
    frame::page(&visitor, StatusCode::OK, "Register", &content)
}

fn register_content(visitor: &Visitor, next: &str, [first, last, email]: [&str; 3]) -> Markup {
    html! {
        section.card.narrow {
            h1 { "Register" }
            form.stack method="post" action="/register" {
                (frame::form_token(visitor))
                input type="hidden" name="next" value=(next);
                label { "First name" input name="first_name" autocomplete="given-name" value=(first); }
                label { "Last name" input name="last_name" autocomplete="family-name" value=(last); }
                label { "E-mail" input type="email" name="email" required autocomplete="username" value=(email); }
                label { "Password, at least eight characters"
                    input type="password" name="password" required minlength="8" autocomplete="new-password"; }
                button type="submit" { "Register" }
            }
            p { "Have an account? " a href={ "/sign-in?next=" (encode(next)) } { "Sign in" } }
        }
    }
}

pub(super) async fn register(State(app): State<App>, sent: Sent) -> Response {
    let next = next_path(sent.get("next"));
    let (first, last, email) = (sent.get("first_name"), sent.get("last_name"), sent.get("email"));
    let registration = Registration {
        email: email.to_owned(),
        password: password(&sent),
        first_name: first.to_owned(),
        last_name: last.to_owned(),
        phone: String::new(),
    };
    let request = IdempotencyKey(None).request("", "POST /auth/register");
    match accounts::register(&app, registration, &request).await {
        Ok(session) => signed_in(&session, next),
        Err(problem) => {
            let content = register_content(&sent.visitor, next, [first, last, email]);
            refused(&sent.visitor, &problem, "Register", &content)
        }
    }
}

fn signed_in(session: &Session, next: &str) -> Response {
    let mut response = go_to(next);
    start_session(&mut response, &session.access);
    response
}

fn refused(visitor: &Visitor, problem: &Problem, title: &str, form: &Markup) -> Response {
    let content = html! { (frame::notice(&problem.detail)) (form) };
    frame::page(visitor, problem.status(), title, &content)
}

pub(super) async fn sign_out(State(app): State<App>, sent: Sent) -> Response {
    if let Some(caller) = &sent.visitor.caller
        && let Err(problem) = sessions::end(&app, caller, false).await
    {
        tracing::warn!(code = problem.code().as_str(), "end a session");
    }
    let mut response = sent.visitor.remember(go_to("/"));
    end_session(&mut response);
    response
}
