//! Builds the server, runs it, and stops it in order.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rowlock_client::Client;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Options};
use crate::auth::oidc::Issuers;
use crate::auth::{Tokens, keys};
use crate::config::{Config, PaymentProvider, StripeCapture};
use crate::http::serve::{Limits, serve};
use crate::mail::smtp::Smtp;
use crate::mail::{Mailer, Nowhere, Spool};
use crate::outbound::Outbound;
use crate::payment::Provider;
use crate::payment::guarded::Guarded;
use crate::payment::paypal::{self, PayPal};
use crate::payment::reconcile::Reconciler;
use crate::payment::sandbox::Sandbox;
use crate::payment::stripe::signature::SECRETS_MAX;
use crate::payment::stripe::{self, Stripe};
use crate::routes::router;
use crate::search::{self, Identity, Index};
use crate::secret::Secret;
use crate::tickets::Signer;
use crate::tickets::wallet::Wallet;
use crate::user_lists;

/// Shorter than the time of a route, so that what is inside gives up first.
const CALL_TIME_MAX: Duration = Duration::from_secs(6);
const CONNECT_TIME_MAX: Duration = Duration::from_secs(30);

/// The search index, in the data directory.
const SEARCH_DIR: &str = "search";
const COMMIT_TIME_MAX: Duration = Duration::from_secs(5);

/// How long the leases of consumers may take to be given back.
const YIELD_TIME_MAX: Duration = Duration::from_secs(3);

/// Serves until `stop`; then takes no more, and ends what was begun.
pub async fn run(config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    let token_keys =
        config.token_key.iter().map(|path| keys::load(path)).collect::<Result<Vec<_>, _>>()?;
    let (first, older) = token_keys.split_first().context("read --token-key")?;
    let tokens = Tokens::with_older(first, older);
    let ticket_keys =
        config.ticket_key.iter().map(|path| keys::load(path)).collect::<Result<Vec<_>, _>>()?;
    let (first, older) = ticket_keys.split_first().context("read --ticket-key")?;
    let tickets = Signer::with_older(first.clone(), older);
    let provider = provider(&config)?;
    let mailer = mailer(&config)?;
    let public_url = config.public_url.unwrap_or_else(|| format!("http://{}", config.listen));
    let issuers = if config.oidc_issuer.is_empty() {
        None
    } else {
        let documents = Outbound::new(true).context("read the machine's TLS roots")?;
        let (issuers, audiences) = (&config.oidc_issuer, config.oidc_audience);
        Some(Issuers::new(issuers, audiences, Arc::new(documents)).context("read --oidc-issuer")?)
    };
    let public_url = public_url.trim_end_matches('/').to_owned();
    let wallet = match (&config.google_wallet_key_file, &config.google_wallet_issuer) {
        (Some(file), Some(issuer)) => {
            let wallet = Wallet::open(file, issuer, &public_url);
            Some(wallet.context("read --google-wallet-key-file")?)
        }
        _ => None,
    };
    let options = Options {
        rate_limit: config.rate_limit.then_some(config.trusted_proxies),
        mailer,
        public_url,
        issuers,
        wallet,
    };
    // The socket first: whoever waits for it sees that the process lives, and waits in line.
    let listener = tokio::net::TcpListener::bind(config.listen).await.context("listen")?;
    let client = Client::connect(rowlock_client::Config {
        endpoints: config.cluster_endpoints,
        call_timeout: CALL_TIME_MAX,
        connect_timeout: CONNECT_TIME_MAX,
    })
    .await
    .context("connect to the cluster")?;
    let lists = client.clone();
    let identity = Identity { cluster: client.map().cluster, shards: client.shard_count() };
    let index = match &config.data {
        Some(dir) => Index::in_directory(&dir.join(SEARCH_DIR), identity)?,
        None => Index::in_memory(identity)?,
    };
    let app = App::new(Arc::new(client), provider, index, tokens, tickets, options);

    let background = stop.child_token();
    let reconciler = Reconciler::default();
    let searches = search::start(&app, &reconciler, &background);
    tokio::spawn(reconciler.run(app.clone(), background.clone()));
    let lists = user_lists::start(&lists, &background);

    tracing::info!(
        listen = %listener.local_addr().context("read the address")?,
        payment = app.provider.name(),
        "serves"
    );
    let told = {
        let (app, stop) = (app.clone(), stop.clone());
        async move {
            stop.cancelled().await;
            app.stop();
        }
    };
    let serving = serve(listener, router(app.clone()), Limits::default(), stop.clone());
    tokio::join!(serving, told);
    background.cancel();
    // So that another server need not wait for the leases to end.
    if tokio::time::timeout(YIELD_TIME_MAX, lists.join_all()).await.is_err() {
        tracing::warn!("leases are not given back");
    }
    if tokio::time::timeout(COMMIT_TIME_MAX, searches).await.is_err() {
        tracing::warn!("what the search index had last is not written");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Who carries letters.
fn mailer(config: &Config) -> anyhow::Result<Arc<dyn Mailer>> {
    let from = &config.mail_from;
    if let Some(url) = &config.smtp_url {
        let password = match &config.smtp_password_file {
            Some(file) => {
                let text = std::fs::read_to_string(file).context("read --smtp-password-file")?;
                Some(Secret::new(text.trim()))
            }
            None => None,
        };
        return Ok(Arc::new(Smtp::new(url, password.as_ref(), from).context("read --smtp-url")?));
    }
    Ok(match &config.mail_dir {
        Some(directory) => {
            Arc::new(Spool::open(directory.clone(), from.clone()).context("open --mail-dir")?)
        }
        None => Arc::new(Nowhere),
    })
}

/// Who moves the money.
fn provider(config: &Config) -> anyhow::Result<Arc<dyn Provider>> {
    Ok(match config.payment {
        PaymentProvider::Sandbox => {
            let ledger = config.sandbox_ledger.as_ref().context("read --sandbox-ledger")?;
            Arc::new(Sandbox::open(ledger).context("open the sandbox ledger")?)
        }
        PaymentProvider::Stripe => {
            let file = config.stripe_key_file.as_ref().context("read --stripe-key-file")?;
            let key = std::fs::read_to_string(file).context("read Stripe's key")?;
            let key = Secret::new(key.trim());
            anyhow::ensure!(!key.is_empty(), "{} has no key", file.display());
            let stripe = stripe::Config {
                url: config.stripe_url.clone(),
                key,
                capture_apart: config.stripe_capture == StripeCapture::Apart,
                return_url: config.stripe_return_url.clone(),
                call_time_max: stripe::CALL_TIME_MAX,
                webhook_secrets: webhook_secrets(config)?,
            };
            let stripe = Stripe::new(stripe).context("prepare calls to Stripe")?;
            Arc::new(Guarded::new(Arc::new(stripe)))
        }
        PaymentProvider::Paypal => {
            let file = config.paypal_secret_file.as_ref().context("read --paypal-secret-file")?;
            let secret = std::fs::read_to_string(file).context("read PayPal's secret")?;
            let secret = Secret::new(secret.trim());
            anyhow::ensure!(!secret.is_empty(), "{} has no secret", file.display());
            let paypal = paypal::Config {
                url: config.paypal_url.clone(),
                client_id: config.paypal_client_id.clone().context("read --paypal-client-id")?,
                secret,
                return_url: config.paypal_return_url.clone().context("read --paypal-return-url")?,
                call_time_max: paypal::CALL_TIME_MAX,
            };
            let paypal = PayPal::new(paypal).context("prepare calls to PayPal")?;
            Arc::new(Guarded::new(Arc::new(paypal)))
        }
    })
}

fn webhook_secrets(config: &Config) -> anyhow::Result<Vec<Secret>> {
    let Some(file) = &config.stripe_webhook_secret_file else { return Ok(Vec::new()) };
    let text = std::fs::read_to_string(file).context("read the webhook secrets")?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let secrets: Vec<_> = lines.map(Secret::new).collect();
    let fits = (1..=SECRETS_MAX).contains(&secrets.len());
    anyhow::ensure!(fits, "{} must have 1 to {SECRETS_MAX} secrets", file.display());
    Ok(secrets)
}
