//! The list of events, and the search above it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::frame;
use super::visitor::Visitor;
use crate::app::App;
use crate::http::Query;
use crate::money;
use crate::problem::Problem;
use crate::routes::search;
use crate::search::{Availability, Found, Hit, Sort, Wanted};
use crate::time;

pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    query: Query,
) -> Result<Response, Problem> {
    let mut wanted = Wanted::of(&query)?;
    // What is over is shown only to those who ask for it.
    let past = query.get("past").is_some();
    if !past {
        wanted.date_from_ms = wanted.date_from_ms.max(time::now_ms());
    }
    if query.get("sort").is_none() {
        wanted.sort = Sort::Date;
    }
    let found = search::found(&app, wanted.clone()).await?;
    let content = html! {
        h1 { "Events" }
        (search_form(&app, &query, past))
        (hits(&found, past))
        (pagination(&query, &wanted, found.total))
    };
    Ok(frame::page(&visitor, StatusCode::OK, "Events", &content))
}

fn search_form(app: &App, query: &Query, past: bool) -> Markup {
    let (cities, categories) = app.index.choices();
    let chosen = |name: &str| query.get(name).unwrap_or("").to_owned();
    html! {
        form.search method="get" action="/" role="search" {
            label.wide { "Search" input type="search" name="q" value=(chosen("q")) placeholder="Artist, work, venue…"; }
            label { "City" select name="city" {
                option value="" { "Anywhere" }
                @for city in &cities { option value=(city) selected[*city == chosen("city")] { (city) } }
            } }
            label { "Category" select name="category" {
                option value="" { "All" }
                @for category in &categories {
                    option value=(category) selected[*category == chosen("category")] { (category) }
                }
            } }
            label { "From" input type="date" name="date_from" value=(chosen("date_from")); }
            label { "To" input type="date" name="date_to" value=(chosen("date_to")); }
            label { "Price up to" input type="number" name="price_max" min="0" step="any" value=(chosen("price_max")); }
            label.check { input type="checkbox" name="past" value="yes" checked[past]; "Past events too" }
            button type="submit" { "Search" }
        }
    }
}

fn hits(found: &Found, past: bool) -> Markup {
    html! {
        @if found.hits.is_empty() {
            p.empty { @if past { "Nothing was found." } @else { "Nothing to come was found." } }
        }
        ul.events {
            @for found in &found.hits { li { (hit(found)) } }
        }
    }
}

fn hit(hit: &Hit) -> Markup {
    let card = &hit.card;
    let (min, max) = card.prices;
    let (word, class) = match hit.availability {
        Availability::High => ("Available", "high"),
        Availability::Medium => ("Selling fast", "medium"),
        Availability::Low => ("Few left", "low"),
        Availability::SoldOut => ("Sold out", "out"),
    };
    html! {
        a.event href={ "/events/" (hit.id) } {
            span.when { (time::for_people(card.date_ms)) }
            span.what { (card.name) }
            span.place { (card.venue) ", " (card.city) }
            span.price {
                (money::decimal(min, &card.currency))
                @if max > min { "–" (money::decimal(max, &card.currency)) }
                " " (card.currency)
            }
            span class={ "left " (class) } { (word) }
        }
    }
}

fn pagination(query: &Query, wanted: &Wanted, total: usize) -> Markup {
    let pages = total.div_ceil(wanted.limit);
    let link = |page: usize| format!("/?{}", query.with("page", &page.to_string()));
    html! {
        @if pages > 1 {
            nav.pages aria-label="Pages" {
                @if wanted.page > 1 { a href=(link(wanted.page - 1)) { "← Earlier" } }
                span { "Page " (wanted.page) " of " (pages) }
                @if wanted.page < pages { a href=(link(wanted.page + 1)) { "Later →" } }
            }
        }
    }
}
