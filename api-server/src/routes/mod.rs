//! The HTTP API, one file a resource, and the router around it.
//!
//! [`endpoints`] is the one list of what the API serves; the router is made from it, and a test holds
//! the OpenAPI document against it.

mod api_keys;
mod areas;
mod auth;
pub(crate) mod authentications;
mod best_available;
pub(crate) mod bookings;
mod channels;
mod desk;
mod document;
mod doors;
pub(crate) mod events;
mod exchanges;
mod health;
mod holds;
mod imports;
mod life;
mod live;
pub(crate) mod papers;
pub(crate) mod payments;
mod promotions;
mod refunds;
mod sales;
mod scans;
pub(crate) mod search;
pub(crate) mod seat_maps;
pub(crate) mod seats;
mod terms;
pub(crate) mod tickets;
mod user_bookings;
mod users;
mod venues;
mod waitlist;
mod webhooks;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use rowlock_proto::ErrorCode;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::http::{caller, layers, rate_limit};
use crate::pages;
use crate::problem::Problem;

pub use document::openapi;
pub use search::answer as search_answer;

/// Where the API lives.
pub(crate) const BASE: &str = "/api/v1";

/// One method of one path below [`BASE`].
struct Endpoint {
    #[cfg_attr(not(test), expect(dead_code, reason = "what the OpenAPI document is held against"))]
    method: Method,
    path: &'static str,
    route: MethodRouter<App>,
}

fn endpoints() -> Vec<Endpoint> {
    let at = |method: Method, path, route| Endpoint { method, path, route };
    vec![
        at(Method::GET, "/openapi.json", get(document::openapi_json)),
        at(Method::POST, "/auth/register", post(auth::register)),
        at(Method::POST, "/auth/login", post(auth::login)),
        at(Method::POST, "/auth/refresh", post(auth::refresh)),
        at(Method::POST, "/auth/logout", post(auth::logout)),
        at(Method::POST, "/auth/verify-email", post(auth::verify_email)),
        at(Method::POST, "/auth/password-reset", post(auth::forgotten)),
        at(Method::POST, "/auth/password-reset/confirm", post(auth::reset)),
        at(Method::GET, "/users/me", get(users::me)),
        at(Method::PATCH, "/users/me", patch(users::update)),
        at(Method::DELETE, "/users/me", delete(users::delete)),
        at(Method::POST, "/users/me/password", post(users::password)),
        at(Method::POST, "/users/me/verification", post(users::verification)),
        at(Method::GET, "/users/me/api-keys", get(api_keys::list)),
        at(Method::POST, "/users/me/api-keys", post(api_keys::create)),
        at(Method::DELETE, "/users/me/api-keys/{keyId}", delete(api_keys::revoke)),
        at(Method::GET, "/users/me/bookings", get(user_bookings::list)),
        at(Method::POST, "/venues", post(venues::create)),
        at(Method::GET, "/venues/{venueId}", get(venues::get)),
        at(Method::GET, "/venues/{venueId}/seat-map", get(seat_maps::get)),
        at(Method::GET, "/events/search", get(search::search)),
        at(Method::POST, "/events", post(events::create)),
        at(Method::POST, "/events/import", post(imports::import)),
        at(Method::GET, "/events/{eventId}", get(events::get)),
        at(Method::PATCH, "/events/{eventId}", patch(events::update)),
        at(Method::POST, "/events/{eventId}/publish", post(events::publish)),
        at(Method::POST, "/events/{eventId}/cancel", post(events::cancel)),
        at(Method::POST, "/events/{eventId}/pause", post(life::pause)),
        at(Method::POST, "/events/{eventId}/resume", post(life::resume)),
        at(Method::POST, "/events/{eventId}/end", post(life::end)),
        at(Method::PUT, "/events/{eventId}/sale-end", put(life::set_end)),
        at(Method::GET, "/events/{eventId}/refunds", get(refunds::list)),
        at(Method::GET, "/events/{eventId}/seats", get(seats::list)),
        at(Method::GET, "/events/{eventId}/seats/state", get(live::state)),
        at(Method::GET, "/events/{eventId}/seats/stream", get(live::stream)),
        at(Method::GET, "/events/{eventId}/seats/socket", get(live::socket)),
        at(Method::GET, "/events/{eventId}/money", get(desk::money)),
        at(Method::GET, "/events/{eventId}/admissions", get(scans::admissions)),
        at(Method::POST, "/events/{eventId}/scans", post(scans::merge)),
        at(Method::GET, "/events/{eventId}/terms", get(terms::get)),
        at(Method::PUT, "/events/{eventId}/limits", put(terms::set_limits)),
        at(Method::PUT, "/events/{eventId}/fees", put(terms::set_fees)),
        at(Method::PUT, "/events/{eventId}/prices", put(terms::reprice)),
        at(Method::POST, "/events/{eventId}/promotions", post(promotions::add)),
        at(Method::DELETE, "/events/{eventId}/promotions/{code}", delete(promotions::close)),
        at(Method::PUT, "/events/{eventId}/channels/{channel}", put(channels::put)),
        at(Method::DELETE, "/events/{eventId}/channels/{channel}", delete(channels::release)),
        at(Method::POST, "/events/{eventId}/channels/{channel}/seats", post(channels::keep)),
        at(Method::POST, "/events/{eventId}/channels/{channel}/codes", post(channels::add_codes)),
        at(Method::POST, "/events/{eventId}/free-seats", post(channels::free)),
        at(Method::POST, "/events/{eventId}/revoke-codes", post(channels::revoke_codes)),
        at(Method::POST, "/events/{eventId}/waitlist", post(waitlist::join)),
        at(Method::GET, "/events/{eventId}/waitlist", get(waitlist::mine)),
        at(Method::DELETE, "/events/{eventId}/waitlist", delete(waitlist::leave)),
        at(Method::PUT, "/events/{eventId}/waitlist", put(waitlist::set)),
        at(Method::POST, "/events/{eventId}/waitlist/accept", post(waitlist::accept)),
        at(Method::GET, "/events/{eventId}/waitlist/entries", get(waitlist::entries)),
        at(Method::POST, "/bookings", post(bookings::create)),
        at(Method::GET, "/bookings/{bookingId}", get(bookings::get)),
        at(Method::DELETE, "/bookings/{bookingId}", delete(bookings::release)),
        at(Method::GET, "/bookings/{bookingId}/download", get(papers::booking)),
        at(Method::POST, "/bookings/{bookingId}/confirm-direct", post(desk::confirm)),
        at(Method::POST, "/bookings/{bookingId}/exchange", post(exchanges::exchange)),
        at(Method::POST, "/bookings/{bookingId}/extend", post(holds::extend)),
        at(Method::POST, "/bookings/{bookingId}/release", post(holds::release)),
        at(Method::POST, "/bookings/{bookingId}/payment", post(payments::pay)),
        at(Method::POST, "/bookings/{bookingId}/promotion", post(promotions::apply)),
        at(Method::DELETE, "/bookings/{bookingId}/promotion", delete(promotions::take_off)),
        at(Method::POST, "/bookings/{bookingId}/refund", post(refunds::refund)),
        at(Method::POST, "/bookings/{bookingId}/refunds/{number}/settle", post(refunds::settle)),
        at(Method::POST, "/payments/{paymentId}/authenticate", post(authentications::authenticate)),
        at(Method::POST, "/tickets/redeem", post(doors::redeem)),
        at(Method::GET, "/tickets/{ticketId}", get(tickets::get)),
        at(Method::GET, "/tickets/{ticketId}/download", get(papers::ticket)),
        at(Method::POST, "/tickets/{ticketId}/transfer", post(tickets::transfer)),
        at(Method::POST, "/tickets/{ticketId}/void", post(scans::void)),
        at(Method::POST, "/tickets/{ticketId}/unredeem", post(doors::unredeem)),
        at(Method::GET, "/reports/sales", get(sales::report)),
        at(Method::POST, "/webhooks/stripe", post(webhooks::stripe)),
        at(Method::POST, "/webhooks/paypal", post(webhooks::paypal)),
    ]
}

/// Everything this server serves.
pub fn router(app: App) -> Router {
    let mut api = Router::new();
    for endpoint in endpoints() {
        api = api.route(endpoint.path, endpoint.route);
    }
    // Within `nest` a path that is none of the API's must not fall through to the pages.
    let api = api
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(app.clone(), rate_limit::layer))
        .layer(from_fn_with_state(app.clone(), caller::layer))
        .layer(layers::cors());
    Router::new()
        .nest(BASE, api)
        .merge(pages::router(&app))
        .route("/.well-known/jwks.json", get(jwks))
        .route("/.well-known/ticket-keys.json", get(ticket_keys))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .fallback(nothing_here)
        .method_not_allowed_fallback(no_such_method)
        .layer(CatchPanicLayer::custom(layers::panicked))
        .layer(from_fn(pages::problem_as_page))
        .layer(from_fn_with_state(app.clone(), layers::outer))
        .with_state(app)
}

/// The keys that tokens are checked with, for those who check them without asking.
async fn jwks(State(app): State<App>) -> Response {
    key_set(&app.tokens.jwks())
}

/// The keys that tickets are checked with, for doors that have no network.
async fn ticket_keys(State(app): State<App>) -> Response {
    key_set(&app.tickets.jwks())
}

fn key_set(keys: &serde_json::Value) -> Response {
    let mut response = crate::http::reply::json(axum::http::StatusCode::OK, keys);
    let shared = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, shared);
    response
}

async fn no_such_path() -> Problem {
    Problem::new(ErrorCode::NotFound, "the API has no such path")
}

async fn nothing_here(_headers: HeaderMap) -> Problem {
    Problem::new(ErrorCode::NotFound, "there is nothing at this address")
}

async fn no_such_method(method: Method, headers: HeaderMap) -> Response {
    let mut response =
        Problem::new(ErrorCode::MethodNotAllowed, format!("this path does not take {method}"))
            .into_response();
    if let Some(allowed) = headers.get(header::ALLOW) {
        response.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_endpoint_is_in_the_openapi_document() {
        let document = openapi();
        let mut described = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                if ["get", "post", "patch", "delete", "put"].contains(&method.as_str()) {
                    described.insert((method.to_uppercase(), path.clone()));
                }
            }
        }
        let served: BTreeSet<_> = endpoints()
            .iter()
            .map(|endpoint| (endpoint.method.to_string(), endpoint.path.to_owned()))
            .collect();
        assert_eq!(described, served);
    }
}
