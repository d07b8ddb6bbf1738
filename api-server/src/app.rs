//! What all routes share.

use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::auth::Tokens;
use crate::auth::letters::SENDING_MAX;
use crate::auth::oidc::Issuers;
use crate::auth::passwords::Passwords;
pub use crate::http::address::Network;
use crate::http::idempotency::Recent;
use crate::http::rate_limit::Limiter;
use crate::inventory::Inventory;
use crate::known::KnownEvents;
use crate::layout::Layouts;
use crate::live::Boards;
use crate::mail::{Mailer, Nowhere};
use crate::metrics::Metrics;
use crate::payment::{Provider, Running};
use crate::search::Index;
use crate::tickets::Signer;
use crate::tickets::wallet::Wallet;

/// Requests that are worked on at once; beyond it the answer is 503, at once.
const IN_FLIGHT_MAX: usize = 4_096;

/// What a server may have or do without.
#[derive(Debug)]
pub struct Options {
    /// Rates are limited; the proxies that are believed whom they speak for.
    pub rate_limit: Option<Vec<Network>>,
    pub mailer: Arc<dyn Mailer>,
    pub public_url: String,
    /// Others whose tokens are good here.
    pub issuers: Option<Issuers>,
    /// Makes links that save tickets in Google Wallet.
    pub wallet: Option<Wallet>,
}

impl Default for Options {
    fn default() -> Self {
        let public_url = "http://localhost:8080".to_owned();
        Self {
            rate_limit: None,
            mailer: Arc::new(Nowhere),
            public_url,
            issuers: None,
            wallet: None,
        }
    }
}

/// A cheap handle; all clones are one server.
#[derive(Clone, Debug)]
pub struct App(Arc<Parts>);

#[derive(Debug)]
pub struct Parts {
    pub inventory: Arc<dyn Inventory>,
    pub provider: Arc<dyn Provider>,
    pub index: Index,
    pub(crate) events: KnownEvents,
    /// Searches that run at once: as many as there are cores.
    pub(crate) searches: Semaphore,
    pub(crate) tokens: Tokens,
    pub(crate) issuers: Option<Issuers>,
    pub(crate) tickets: Signer,
    pub(crate) wallet: Option<Wallet>,
    pub(crate) layouts: Layouts,
    pub(crate) boards: Boards,
    pub(crate) passwords: Passwords,
    pub(crate) recent: Recent,
    pub(crate) running: Running,
    pub(crate) limiter: Option<Limiter>,
    pub(crate) mailer: Arc<dyn Mailer>,
    /// Where links in letters go: an address without a slash at its end.
    pub(crate) public_url: String,
    /// One for each letter that is being sent.
    pub(crate) letters: Arc<Semaphore>,
    pub(crate) metrics: Metrics,
    pub(crate) in_flight: Semaphore,
    stopping: CancellationToken,
}

impl App {
    pub fn new(
        inventory: Arc<dyn Inventory>,
        provider: Arc<dyn Provider>,
        index: Index,
        tokens: Tokens,
        tickets: Signer,
        options: Options,
    ) -> Self {
        Self(Arc::new(Parts {
            inventory,
            provider,
            index,
            events: KnownEvents::default(),
            searches: Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)),
            tokens,
            issuers: options.issuers,
            tickets,
            wallet: options.wallet,
            layouts: Layouts::default(),
            boards: Boards::default(),
            passwords: Passwords::default(),
            recent: Recent::default(),
            running: Running::default(),
            limiter: options.rate_limit.map(Limiter::new),
            mailer: options.mailer,
            public_url: options.public_url,
            letters: Arc::new(Semaphore::new(SENDING_MAX)),
            metrics: Metrics::default(),
            in_flight: Semaphore::new(IN_FLIGHT_MAX),
            stopping: CancellationToken::new(),
        }))
    }

    /// From now on this server says that it is not ready for more.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Ends once the server is told to stop.
    pub(crate) async fn stopped(&self) {
        self.stopping.cancelled().await;
    }
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}
