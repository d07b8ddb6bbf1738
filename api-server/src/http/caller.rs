//! Who calls. A layer reads the token once; routes ask for a [`Caller`] or a [`MaybeCaller`].

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rowlock_client::subject;
use rowlock_proto::{ErrorCode, UserId};

use super::scopes::{Need, Scope, needed};
use crate::app::App;
use crate::auth::api_keys;
use crate::auth::secrets::API_KEY_PREFIX;
use crate::auth::tokens::Invalid;
use crate::auth::{Claims, Role};
use crate::problem::Problem;

/// Someone with a valid token.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) subject: String,
    pub(crate) user: UserId,
    pub(crate) role: Role,
    /// The session that the token belongs to.
    pub(crate) session: Option<u128>,
    /// What a program may do for its user; people may do all that their role may.
    pub(crate) scopes: Option<Vec<Scope>>,
}

impl Caller {
    pub(crate) fn of(claims: Claims) -> Self {
        let user = subject::user_id(&claims.sub);
        let session = claims.session();
        Self { subject: claims.sub, user, role: claims.role, session, scopes: None }
    }

    /// A user of another issuer is a customer here, whatever they are there.
    fn from_outside(subject: String) -> Self {
        let user = subject::user_id(&subject);
        Self { subject, user, role: Role::Customer, session: None, scopes: None }
    }

    /// Events and venues are the organisers' business.
    pub(crate) fn may_organise(&self) -> bool {
        match self.role {
            Role::Organiser | Role::Admin => true,
            Role::Customer | Role::Door => false,
        }
    }

    pub(crate) fn must_organise(&self) -> Result<(), Problem> {
        if self.may_organise() {
            Ok(())
        } else {
            Err(Problem::new(ErrorCode::NotAllowed, "this needs the role organiser"))
        }
    }

    /// Tickets are let in by those at the door, and by those they work for.
    pub(crate) fn must_keep_doors(&self) -> Result<(), Problem> {
        match self.role {
            Role::Door | Role::Organiser | Role::Admin => Ok(()),
            Role::Customer => Err(Problem::new(ErrorCode::NotAllowed, "this needs the role door")),
        }
    }

    /// Whether `id`, as a body names a user, is this caller.
    pub(crate) fn is(&self, id: &str) -> bool {
        id == self.subject || id == self.user.to_string()
    }
}

/// A caller, or nobody: for what is public.
#[derive(Clone, Debug)]
pub(crate) struct MaybeCaller(pub(crate) Option<Caller>);

/// What the layer found in the request.
#[derive(Clone, Debug)]
pub(crate) enum Presented {
    Nothing,
    Invalid(&'static str),
    /// A key, and what it is not for.
    Outside(String),
    Valid(Caller),
}

/// Reads the bearer token.
pub(crate) async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let presented = match bearer(request.headers()) {
        None => Presented::Nothing,
        Some(token) if token.starts_with(API_KEY_PREFIX) => {
            match api_keys::caller(&app, token).await {
                Ok(Some(caller)) => within_scopes(caller, &request),
                Ok(None) => Presented::Invalid("the key is not valid here"),
                // Nothing can be said of it now.
                Err(problem) => return problem.into_response(),
            }
        }
        Some(token) => match (app.tokens.verify(token), &app.issuers) {
            (Ok(claims), _) => Presented::Valid(Caller::of(claims)),
            (Err(Invalid::Forged), Some(issuers)) => match issuers.verify(token).await {
                Ok(subject) => Presented::Valid(Caller::from_outside(subject)),
                Err(error) => Presented::Invalid(error.words()),
            },
            (Err(error), _) => Presented::Invalid(error.words()),
        },
    };
    request.extensions_mut().insert(presented);
    next.run(request).await
}

fn within_scopes(caller: Caller, request: &Request) -> Presented {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let route = path.strip_prefix(crate::routes::BASE).unwrap_or(path);
    let has = |scope| caller.scopes.as_ref().is_some_and(|scopes| scopes.contains(&scope));
    match needed(request.method(), route) {
        Need::Nothing => Presented::Valid(caller),
        Need::Scope(scope) if has(scope) => Presented::Valid(caller),
        Need::Scope(scope) => {
            Presented::Outside(format!("this needs a key with the scope {}", scope.as_str()))
        }
        Need::Person => Presented::Outside("this is not for keys of programs".to_owned()),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or("");
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    Some(if scheme.eq_ignore_ascii_case("bearer") { token.trim() } else { "" })
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let words = match parts.extensions.get::<Presented>() {
            Some(Presented::Valid(caller)) => return Ok(caller.clone()),
            Some(Presented::Outside(words)) => {
                return Err(Problem::new(ErrorCode::NotAllowed, words.clone()));
            }
            Some(Presented::Invalid(words)) => words,
            Some(Presented::Nothing) | None => "send a token as Authorization: Bearer",
        };
        Err(Problem::new(ErrorCode::NotSignedIn, words))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MaybeCaller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(match parts.extensions.get::<Presented>() {
            Some(Presented::Valid(caller)) => Some(caller.clone()),
            Some(Presented::Invalid(_) | Presented::Outside(_) | Presented::Nothing) | None => None,
        }))
    }
}
