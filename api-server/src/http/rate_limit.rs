//! How many requests are taken: by user, by address, and of what guesses at passwords by route and by
//! account. Replies say what is left, in the fields of draft-ietf-httpapi-ratelimit-headers.
//!
//! A request takes from all buckets that are meant for it, and is refused by the first that is empty.
//! Servers count for themselves: with N of them a caller has up to N times as much.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rowlock_proto::{ErrorCode, UserId};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::address::{self, Network};
use super::buckets::{Buckets, Quota, Taken};
use super::caller::Presented;
use crate::app::App;
use crate::problem::Problem;

pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// Buckets of one generation; two are kept. About ten megabytes in all.
const BUCKETS_MAX: usize = 100_000;

/// A quota by name. Each has buckets of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Policy {
    /// One user.
    User,
    /// One address, all users behind it together.
    Address,
    /// One address, without a token.
    Anonymous,
    /// Signing in from one address, and into one account.
    SignIn,
    SignInAccount,
    /// New accounts from one address.
    Register,
    /// Mail that one address asks for, and that goes to one account.
    Mail,
    MailAccount,
}

impl Policy {
    const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Address => "address",
            Self::Anonymous => "anonymous",
            Self::SignIn => "sign-in",
            Self::SignInAccount => "sign-in-account",
            Self::Register => "register",
            Self::Mail => "mail",
            Self::MailAccount => "mail-account",
        }
    }

    const fn quota(self) -> Quota {
        match self {
            // The reference's.
            Self::User | Self::Anonymous => Quota::new(100, 60),
            // A school or an office has one address.
            Self::Address => Quota::new(1_000, 60),
            Self::SignIn | Self::SignInAccount => Quota::new(20, 10 * 60),
            Self::Register | Self::Mail => Quota::new(20, 60 * 60),
            Self::MailAccount => Quota::new(5, 60 * 60),
        }
    }

    /// What stands for itself apart from how often it is called otherwise.
    fn of_route(method: &Method, route: &str) -> Option<Self> {
        if *method != Method::POST {
            return None;
        }
        match route.strip_prefix(crate::routes::BASE).unwrap_or(route) {
            "/auth/login" | "/sign-in" | "/users/me/password" => Some(Self::SignIn),
            // Each costs as much as a sign-in, whatever the link is worth.
            "/auth/password-reset/confirm" | "/reset-password" => Some(Self::SignIn),
            "/auth/register" | "/register" => Some(Self::Register),
            "/auth/password-reset" | "/forgotten-password" | "/users/me/verification" => {
                Some(Self::Mail)
            }
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    User(UserId),
    Household(u128),
    Account([u8; 16]),
    /// Nobody knows where from: tests only, which have no sockets.
    Unknown,
}

#[derive(Debug)]
pub(crate) struct Limiter {
    started: Instant,
    proxies: Vec<Network>,
    buckets: Mutex<Buckets<(Policy, Who)>>,
}

impl Limiter {
    pub(crate) fn new(proxies: Vec<Network>) -> Self {
        let buckets = Mutex::new(Buckets::new(BUCKETS_MAX));
        Self { started: Instant::now(), proxies, buckets }
    }

    fn take(&self, policy: Policy, who: Who) -> Taken {
        let now_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.take((policy, who), policy.quota(), now_us)
    }

    /// The buckets that a request takes from.
    fn meant(&self, request: &Request) -> Vec<(Policy, Who)> {
        let from = address::of(request, &self.proxies);
        let from = from.map_or(Who::Unknown, |from| Who::Household(address::household(from)));
        let mut meant = match request.extensions().get::<Presented>() {
            Some(Presented::Valid(caller)) => {
                vec![(Policy::User, Who::User(caller.user)), (Policy::Address, from.clone())]
            }
            Some(Presented::Invalid(_) | Presented::Outside(_) | Presented::Nothing) | None => {
                vec![(Policy::Anonymous, from.clone())]
            }
        };
        let route = request.extensions().get::<MatchedPath>();
        let special = route.and_then(|route| Policy::of_route(request.method(), route.as_str()));
        meant.extend(special.map(|policy| (policy, from)));
        meant
    }
}

/// Refuses what would be one guess too many at an account, or one letter too many to it, from wherever it
/// comes. Says nothing of whether there is such an account.
pub(crate) fn of_account(app: &App, policy: Policy, email: &str) -> Result<(), Problem> {
    let Some(limiter) = &app.limiter else { return Ok(()) };
    let digest = Sha256::digest(email);
    let mut name = [0; 16];
    name.copy_from_slice(&digest[..16]);
    match limiter.take(policy, Who::Account(name)).wait_s {
        Some(wait_s) => Err(refusal(policy, wait_s)),
        None => Ok(()),
    }
}

fn refusal(policy: Policy, wait_s: u64) -> Problem {
    let Quota { requests, window } = policy.quota();
    let what = match window {
        Duration::ZERO => String::new(),
        window => format!("{requests} such requests are allowed in {} seconds", window.as_secs()),
    };
    Problem::new(ErrorCode::RateLimited, what)
        .with("violatedPolicies", json!([policy.name()]))
        .retry_after(wait_s)
}

pub(crate) async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    // A provider has much to tell from one address, and is known by its signature.
    let told = request.uri().path().starts_with("/webhooks/");
    let Some(limiter) = app.limiter.as_ref().filter(|_| !told) else {
        return next.run(request).await;
    };
    let (mut taken, mut refused) = (Vec::new(), None);
    for (policy, who) in limiter.meant(&request) {
        let one = limiter.take(policy, who);
        taken.push((policy, one));
        if let Some(wait_s) = one.wait_s {
            refused = Some(refusal(policy, wait_s));
            break;
        }
    }
    let mut response = match refused {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    };
    tell(response.headers_mut(), &taken);
    response
}

/// `RateLimit-Policy: "user";q=100;w=60` and `RateLimit: "user";r=99;t=1`.
fn tell(headers: &mut HeaderMap, taken: &[(Policy, Taken)]) {
    let policies: Vec<_> = taken
        .iter()
        .map(|(policy, _)| {
            let Quota { requests, window } = policy.quota();
            format!("\"{}\";q={requests};w={}", policy.name(), window.as_secs())
        })
        .collect();
    let left: Vec<_> = taken
        .iter()
        .map(|(policy, taken)| {
            let t = taken.wait_s.unwrap_or(taken.full_in_s);
            format!("\"{}\";r={};t={t}", policy.name(), taken.left)
        })
        .collect();
    for (name, values) in [(RATE_LIMIT_POLICY, policies), (RATE_LIMIT, left)] {
        if let Ok(value) = HeaderValue::from_str(&values.join(", ")) {
            headers.insert(name, value);
        }
    }
}
