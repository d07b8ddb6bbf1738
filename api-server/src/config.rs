//! What the server is started with.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::app::Network;
use crate::payment::paypal::PAYPAL_URL;
use crate::payment::stripe::STRIPE_URL;

/// The HTTP server of a Rowlock cluster.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "rowlock-api", version)]
pub struct Config {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Addresses of some nodes; the others are learned.
    #[arg(long, value_delimiter = ',', required = true)]
    pub cluster_endpoints: Vec<String>,
    /// File with the Ed25519 seed that tokens are signed with, in hexadecimal. Given more than once, the
    /// first signs and all are good for checking: so a key is replaced.
    #[arg(long, required = true)]
    pub token_key: Vec<PathBuf>,
    /// Issuers of OpenID Connect whose tokens are good here too, for customers: the value of `iss`.
    #[arg(long, value_delimiter = ',', requires = "oidc_audience")]
    pub oidc_issuer: Vec<String>,
    /// Whom their tokens must be for: the value of `aud`.
    #[arg(long, value_delimiter = ',')]
    pub oidc_audience: Vec<String>,
    /// File with the Ed25519 seed that tickets are signed with, in hexadecimal.
    #[arg(long)]
    pub ticket_key: PathBuf,
    /// Who moves the money. There is no default: play money is only taken when it is asked for.
    #[arg(long, value_enum)]
    pub payment: PaymentProvider,
    /// The sandbox's books, shared by all servers of a playground.
    #[arg(long, required_if_eq("payment", "sandbox"))]
    pub sandbox_ledger: Option<PathBuf>,
    /// File with Stripe's secret key.
    #[arg(long, required_if_eq("payment", "stripe"))]
    pub stripe_key_file: Option<PathBuf>,
    /// Where Stripe's API is.
    #[arg(long, default_value = STRIPE_URL)]
    pub stripe_url: String,
    /// Whether money is set aside first and taken once the seats are sure, or taken at once.
    #[arg(long, value_enum, default_value = "apart")]
    pub stripe_capture: StripeCapture,
    /// Where a customer's bank sends the customer back to. Without it Stripe's own scripts in the page
    /// do that.
    #[arg(long, default_value = "")]
    pub stripe_return_url: String,
    /// File with the signing secrets of Stripe's webhook endpoint, one a line: the new one beside the
    /// old while they are changed. Without it webhooks are refused.
    #[arg(long)]
    pub stripe_webhook_secret_file: Option<PathBuf>,
    /// PayPal's name for this shop.
    #[arg(long, required_if_eq("payment", "paypal"))]
    pub paypal_client_id: Option<String>,
    /// File with PayPal's secret for it.
    #[arg(long, required_if_eq("payment", "paypal"))]
    pub paypal_secret_file: Option<PathBuf>,
    /// Where PayPal sends the customer back to.
    #[arg(long, required_if_eq("payment", "paypal"))]
    pub paypal_return_url: Option<String>,
    /// Where PayPal's API is.
    #[arg(long, default_value = PAYPAL_URL)]
    pub paypal_url: String,
    /// Where to keep the search index, so that a restart need not read all events again. Without it the
    /// index is in memory. One directory for each server.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Allow each user, and each address that is not signed in, 100 requests a minute, and fewer where
    /// passwords are guessed.
    #[arg(long)]
    pub rate_limit: bool,
    /// Proxies in front of this server, as addresses or networks: their X-Forwarded-For is believed.
    #[arg(long, value_delimiter = ',')]
    pub trusted_proxies: Vec<Network>,
    /// Put letters to users into this directory, one file each; without it none are sent.
    #[arg(long)]
    pub mail_dir: Option<PathBuf>,
    /// Who letters are from.
    #[arg(long, default_value = "Rowlock <noreply@localhost>")]
    pub mail_from: String,
    /// Where this server is seen from outside; links in letters go there. http:// and --listen unless
    /// it is told.
    #[arg(long)]
    pub public_url: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PaymentProvider {
    /// Play money.
    Sandbox,
    Stripe,
    Paypal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum StripeCapture {
    /// Authorise, commit the seats, capture.
    Apart,
    /// Charge at once.
    AtOnce,
}
