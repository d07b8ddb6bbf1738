//! Who looks at a page, and whether a form that comes back was ours.

use std::convert::Infallible;

use axum::extract::{Form, FromRequest, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use rowlock_proto::ErrorCode;

use crate::app::App;
use crate::auth::tokens::ACCESS_SECONDS;
use crate::http::caller::Presented;
use crate::http::{Caller, card_in_form};
use crate::problem::Problem;

const SESSION: &str = "rowlock_session";
const FORMS: &str = "rowlock_forms";
/// The hidden field that shows a form to be ours.
pub(super) const FORM_TOKEN: &str = "form_token";

/// Whoever looks, signed in or not.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) caller: Option<Caller>,
    forms: String,
    /// The cookie has to be set.
    fresh: bool,
    pub(super) form_token: String,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let session = cookie(&parts.headers, SESSION);
        let caller = session.and_then(|token| app.tokens.verify(token).ok()).map(Caller::of);
        let known = cookie(&parts.headers, FORMS).filter(|value| value.len() == 32);
        let fresh = known.is_none();
        let forms = known.map_or_else(|| hex::encode(rand::random::<[u8; 16]>()), str::to_owned);
        let form_token = app.tokens.form_token(&forms);
        Ok(Self { caller, forms, fresh, form_token })
    }
}

impl Visitor {
    /// `response` with the cookie that this visitor's forms will be known by.
    pub(super) fn remember(&self, mut response: Response) -> Response {
        if self.fresh {
            let cookie = format!("{FORMS}={}; Path=/; HttpOnly; SameSite=Lax", self.forms);
            set(&mut response, &cookie);
        }
        let private = HeaderValue::from_static("private, no-store");
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(private);
        response
    }
}

/// Tells the limits of rates who looks.
pub(super) async fn present(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let session = cookie(request.headers(), SESSION);
    let presented = match session.and_then(|token| app.tokens.verify(token).ok()) {
        Some(claims) => Presented::Valid(Caller::of(claims)),
        None => Presented::Nothing,
    };
    request.extensions_mut().insert(presented);
    next.run(request).await
}

pub(super) fn start_session(response: &mut Response, token: &str) {
    let cookie =
        format!("{SESSION}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={ACCESS_SECONDS}");
    set(response, &cookie);
}

pub(super) fn end_session(response: &mut Response) {
    set(response, &format!("{SESSION}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"));
}

fn set(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// A form that was ours, and who sent it.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) visitor: Visitor,
    fields: Vec<(String, String)>,
}

impl Sent {
    pub(super) fn get(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(key, _)| key == name);
        field.map_or("", |(_, value)| value.trim())
    }

    pub(super) fn all(&self, name: &str) -> Vec<String> {
        let fields = self.fields.iter().filter(|(key, _)| key == name);
        fields.map(|(_, value)| value.clone()).collect()
    }
}

impl FromRequest<App> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let visitor = match Visitor::from_request_parts(&mut parts, app).await {
            Ok(visitor) => visitor,
            Err(never) => match never {},
        };
        let request = Request::from_parts(parts, body);
        let Form(fields) = Form::<Vec<(String, String)>>::from_request(request, app)
            .await
            .map_err(|_| Problem::malformed("the form can't be read"))?;
        if card_in_form(&fields) {
            return Err(Problem::new(
                ErrorCode::CardNumberRefused,
                "the form has what looks like a card number",
            ));
        }
        let sent = Self { visitor, fields };
        if sent.get(FORM_TOKEN) != sent.visitor.form_token {
            return Err(Problem::new(
                ErrorCode::NotAllowed,
                "this form is not from this page, or too old; go back, reload, and send it again",
            ));
        }
        Ok(sent)
    }
}
