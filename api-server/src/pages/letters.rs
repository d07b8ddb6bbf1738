//! Where links in letters lead: an address that is verified, a password that is set anew.
//!
//! Opening a link changes nothing: programs that look into mail open links too. A button does.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::frame;
use super::visitor::{Sent, Visitor};
use crate::app::App;
use crate::auth::letters;
use crate::http::{IdempotencyKey, Query};
use crate::problem::Problem;

fn done(visitor: &Visitor, title: &str, words: &str) -> Response {
    let content = html! {
        section.card.narrow {
            h1 { (title) }
            p { (words) }
            p { a href="/sign-in" { "Sign in" } }
        }
    };
    frame::page(visitor, StatusCode::OK, title, &content)
}

fn refused(visitor: &Visitor, problem: &Problem, title: &str, form: &Markup) -> Response {
    let content = html! { (frame::notice(&problem.detail)) (form) };
    frame::page(visitor, problem.status(), title, &content)
}

fn verify_content(visitor: &Visitor, token: &str) -> Markup {
    html! {
        section.card.narrow {
            h1 { "Is this your address?" }
            form.stack method="post" action="/verify-email" {
                (frame::form_token(visitor))
                input type="hidden" name="token" value=(token);
                button type="submit" { "Yes, it is mine" }
            }
        }
    }
}

pub(super) async fn verify_form(visitor: Visitor, query: Query) -> Response {
    let content = verify_content(&visitor, query.get("token").unwrap_or(""));
    frame::page(&visitor, StatusCode::OK, "Your address", &content)
}

pub(super) async fn verify(State(app): State<App>, sent: Sent) -> Response {
    let token = sent.get("token");
    match letters::verify(&app, token).await {
        Ok(()) => done(&sent.visitor, "Your address", "Thank you. We know now that it is yours."),
        Err(problem) => {
            let content = verify_content(&sent.visitor, token);
            refused(&sent.visitor, &problem, "Your address", &content)
        }
    }
}

fn forgotten_content(visitor: &Visitor) -> Markup {
    html! {
        section.card.narrow {
            h1 { "Forgotten password" }
            form.stack method="post" action="/forgotten-password" {
                (frame::form_token(visitor))
                label { "E-mail" input type="email" name="email" required autocomplete="username"; }
                button type="submit" { "Send me a link" }
            }
        }
    }
}

pub(super) async fn forgotten_form(visitor: Visitor) -> Response {
    let content = forgotten_content(&visitor);
    frame::page(&visitor, StatusCode::OK, "Forgotten password", &content)
}

pub(super) async fn forgotten(State(app): State<App>, sent: Sent) -> Response {
    match letters::send_reset(&app, sent.get("email")) {
        Ok(()) => {
            let words = "If there is an account with this address, a link is on its way there.";
            done(&sent.visitor, "Forgotten password", words)
        }
        Err(problem) => {
            let content = forgotten_content(&sent.visitor);
            refused(&sent.visitor, &problem, "Forgotten password", &content)
        }
    }
}

fn reset_content(visitor: &Visitor, token: &str) -> Markup {
    html! {
        section.card.narrow {
            h1 { "A new password" }
            form.stack method="post" action="/reset-password" {
                (frame::form_token(visitor))
                input type="hidden" name="token" value=(token);
                label { "Password, at least eight characters"
                    input type="password" name="password" required minlength="8" autocomplete="new-password"; }
                button type="submit" { "Set it" }
            }
        }
    }
}

pub(super) async fn reset_form(visitor: Visitor, query: Query) -> Response {
    let content = reset_content(&visitor, query.get("token").unwrap_or(""));
    frame::page(&visitor, StatusCode::OK, "A new password", &content)
}

pub(super) async fn reset(State(app): State<App>, sent: Sent) -> Response {
    let token = sent.get("token");
    // As it was typed: spaces may belong to it.
    let password = sent.all("password").into_iter().next().unwrap_or_default();
    let request = IdempotencyKey(None).request("", "POST /reset-password");
    match letters::reset(&app, token, password, &request).await {
        Ok(()) => {
            done(&sent.visitor, "A new password", "It is set, and you are signed out everywhere.")
        }
        Err(problem) => {
            let content = reset_content(&sent.visitor, token);
            refused(&sent.visitor, &problem, "A new password", &content)
        }
    }
}
