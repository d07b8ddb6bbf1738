//! A token bucket for each user, and for the address of those who are not signed in.

use std::net::IpAddr;
use std::num::NonZeroU32;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use rowlock_proto::{ErrorCode, UserId};

use super::caller::Presented;
use crate::app::App;
use crate::problem::Problem;

const REQUESTS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
/// Buckets that are kept before the full ones are let go.
const BUCKETS_MAX: usize = 100_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    User(UserId),
    Address(IpAddr),
    Unknown,
}

#[derive(Debug)]
pub(crate) struct Limiter(DefaultKeyedRateLimiter<Who>);

impl Default for Limiter {
    fn default() -> Self {
        Self(RateLimiter::keyed(Quota::per_minute(REQUESTS_PER_MINUTE)))
    }
}

impl Limiter {
    /// Seconds to wait, if `who` has used up what a minute gives.
    fn take(&self, who: &Who) -> Result<(), u64> {
        if self.0.len() > BUCKETS_MAX {
            self.0.retain_recent();
        }
        self.0.check_key(who).map_err(|not_until| {
            not_until.wait_time_from(DefaultClock::default().now()).as_secs() + 1
        })
    }
}

pub(crate) async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    // A provider has much to tell from one address, and is known by its signature.
    let told = request.uri().path().starts_with("/webhooks/");
    let Some(limiter) = app.limiter.as_ref().filter(|_| !told) else {
        return next.run(request).await;
    };
    let who = match request.extensions().get::<Presented>() {
        Some(Presented::Valid(caller)) => Who::User(caller.user),
        Some(Presented::Invalid(_) | Presented::Nothing) | None => {
            let address = request.extensions().get::<ConnectInfo<std::net::SocketAddr>>();
            address.map_or(Who::Unknown, |ConnectInfo(address)| Who::Address(address.ip()))
        }
    };
    match limiter.take(&who) {
        Ok(()) => next.run(request).await,
        Err(seconds) => {
            let what = format!("{REQUESTS_PER_MINUTE} requests a minute are allowed");
            Problem::new(ErrorCode::RateLimited, what).retry_after(seconds).into_response()
        }
    }
}
