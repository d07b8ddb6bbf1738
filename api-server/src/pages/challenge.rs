//! The page of a bank that is none: where the money is play money, it asks what a bank would ask.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;

use super::visitor::{Sent, Visitor};
use super::{frame, go_to};
use crate::app::App;
use crate::http::{Path, Query};
use crate::money;
use crate::payment::IntentState;
use crate::problem::Problem;
use crate::routes::authentications::{answered, not_found};

pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Problem> {
    let intent = app.provider.retrieve(&id).await.map_err(|_| not_found())?;
    let IntentState::RequiresAction(action) = &intent.state else {
        return Ok(go_to(&format!("/bookings/{}", intent.booking)));
    };
    if !app.provider.is_test() || action.client_secret.reveal() != query.get("secret").unwrap_or("")
    {
        return Err(not_found());
    }
    let amount = money::for_people(intent.amount, &intent.currency);
    let content = html! {
        section.card.narrow {
            h1 { "Your bank asks" }
            p.test { "This is a test: there is no bank, and no money." }
            p { "Do you confirm a payment of " strong { (amount) } "?" }
            @for (answer, words) in [("yes", "Confirm the payment"), ("no", "Refuse it")] {
                form.inline method="post" action={ "/sandbox/challenges/" (intent.id) } {
                    (frame::form_token(&visitor))
                    input type="hidden" name="secret" value=(query.get("secret").unwrap_or(""));
                    input type="hidden" name="answer" value=(answer);
                    button type="submit" { (words) }
                }
            }
        }
    };
    Ok(frame::page(&visitor, StatusCode::OK, "Your bank asks", &content))
}

pub(super) async fn answer(
    State(app): State<App>,
    Path(id): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let done = sent.get("answer") == "yes";
    let (_, booking) = answered(&app, &id, sent.get("secret"), done).await?;
    Ok(go_to(&format!("/bookings/{booking}")))
}
