//! What the server is started with: by flags, by the environment, or by a file.

mod file;

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::app::Network;
use crate::payment::paypal::PAYPAL_URL;
use crate::payment::stripe::STRIPE_URL;

/// The HTTP server of a Rowlock cluster.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "rowlock-api", version)]
pub struct Config {
    /// A TOML file with settings under the names of these flags. Flags count more than the environment,
    /// and that more than the file.
    #[arg(long, env = "ROWLOCK_API_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where to listen.
    #[arg(long, env = "ROWLOCK_API_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Addresses of some nodes; the others are learned.
    #[arg(long, env = "ROWLOCK_API_CLUSTER_ENDPOINTS", value_delimiter = ',', required = true)]
    pub cluster_endpoints: Vec<String>,
    /// File with the Ed25519 seed that tokens are signed with, in hexadecimal. Given more than once, the
    /// first signs and all are good for checking: so a key is replaced.
    #[arg(long, env = "ROWLOCK_API_TOKEN_KEY", value_delimiter = ',', required = true)]
    pub token_key: Vec<PathBuf>,
    /// Issuers of OpenID Connect whose tokens are good here too, for customers: the value of `iss`.
    #[arg(
        long,
        env = "ROWLOCK_API_OIDC_ISSUER",
        value_delimiter = ',',
        requires = "oidc_audience"
    )]
    pub oidc_issuer: Vec<String>,
    /// Whom their tokens must be for: the value of `aud`.
    #[arg(long, env = "ROWLOCK_API_OIDC_AUDIENCE", value_delimiter = ',')]
    pub oidc_audience: Vec<String>,
    /// File with the Ed25519 seed that tickets are signed with, in hexadecimal. Given more than once, the
    /// first signs and what any of them has signed is let in: so a key is replaced.
    #[arg(long, env = "ROWLOCK_API_TICKET_KEY", value_delimiter = ',', required = true)]
    pub ticket_key: Vec<PathBuf>,
    /// Who moves the money. There is no default: play money is only taken when it is asked for.
    #[arg(long, env = "ROWLOCK_API_PAYMENT", value_enum)]
    pub payment: PaymentProvider,
    /// The sandbox's books, shared by all servers of a playground.
    #[arg(long, env = "ROWLOCK_API_SANDBOX_LEDGER", required_if_eq("payment", "sandbox"))]
    pub sandbox_ledger: Option<PathBuf>,
    /// File with Stripe's secret key.
    #[arg(long, env = "ROWLOCK_API_STRIPE_KEY_FILE", required_if_eq("payment", "stripe"))]
    pub stripe_key_file: Option<PathBuf>,
    /// Where Stripe's API is.
    #[arg(long, env = "ROWLOCK_API_STRIPE_URL", default_value = STRIPE_URL)]
    pub stripe_url: String,
    /// Whether money is set aside first and taken once the seats are sure, or taken at once.
    #[arg(long, env = "ROWLOCK_API_STRIPE_CAPTURE", value_enum, default_value = "apart")]
    pub stripe_capture: StripeCapture,
    /// Where a customer's bank sends the customer back to. Without it Stripe's own scripts in the page
    /// do that.
    #[arg(long, env = "ROWLOCK_API_STRIPE_RETURN_URL", default_value = "")]
    pub stripe_return_url: String,
    /// File with the signing secrets of Stripe's webhook endpoint, one a line: the new one beside the
    /// old while they are changed. Without it webhooks are refused.
    #[arg(long, env = "ROWLOCK_API_STRIPE_WEBHOOK_SECRET_FILE")]
    pub stripe_webhook_secret_file: Option<PathBuf>,
    /// PayPal's name for this shop.
    #[arg(long, env = "ROWLOCK_API_PAYPAL_CLIENT_ID", required_if_eq("payment", "paypal"))]
    pub paypal_client_id: Option<String>,
    /// File with PayPal's secret for it.
    #[arg(long, env = "ROWLOCK_API_PAYPAL_SECRET_FILE", required_if_eq("payment", "paypal"))]
    pub paypal_secret_file: Option<PathBuf>,
    /// Where PayPal sends the customer back to.
    #[arg(long, env = "ROWLOCK_API_PAYPAL_RETURN_URL", required_if_eq("payment", "paypal"))]
    pub paypal_return_url: Option<String>,
    /// Where PayPal's API is.
    #[arg(long, env = "ROWLOCK_API_PAYPAL_URL", default_value = PAYPAL_URL)]
    pub paypal_url: String,
    /// Where to keep the search index, so that a restart need not read all events again. Without it the
    /// index is in memory. One directory for each server.
    #[arg(long, env = "ROWLOCK_API_DATA")]
    pub data: Option<PathBuf>,
    /// Allow each user, and each address that is not signed in, 100 requests a minute, and fewer where
    /// passwords are guessed.
    #[arg(long, env = "ROWLOCK_API_RATE_LIMIT")]
    pub rate_limit: bool,
    /// Proxies in front of this server, as addresses or networks: their X-Forwarded-For is believed.
    #[arg(long, env = "ROWLOCK_API_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<Network>,
    /// File with the key of the Google service account that signs links which save tickets in Google Wallet.
    /// Without it there are none.
    #[arg(long, env = "ROWLOCK_API_GOOGLE_WALLET_KEY_FILE", requires = "google_wallet_issuer")]
    pub google_wallet_key_file: Option<PathBuf>,
    /// The number that Google Wallet knows the organiser by.
    #[arg(long, env = "ROWLOCK_API_GOOGLE_WALLET_ISSUER")]
    pub google_wallet_issuer: Option<String>,
    /// Put letters to users into this directory, one file each; without it none are sent.
    #[arg(long, env = "ROWLOCK_API_MAIL_DIR")]
    pub mail_dir: Option<PathBuf>,
    /// Send letters by this mail server instead: smtps://host, smtp://host?tls=required, with a user before
    /// the host if it wants one (smtps://user@host).
    #[arg(long, env = "ROWLOCK_API_SMTP_URL", conflicts_with = "mail_dir")]
    pub smtp_url: Option<String>,
    /// File with the password of the mail server's user.
    #[arg(long, env = "ROWLOCK_API_SMTP_PASSWORD_FILE", requires = "smtp_url")]
    pub smtp_password_file: Option<PathBuf>,
    /// Who letters are from.
    #[arg(long, env = "ROWLOCK_API_MAIL_FROM", default_value = "Rowlock <noreply@localhost>")]
    pub mail_from: String,
    /// Where this server is seen from outside; links in letters go there. http:// and --listen unless
    /// it is told.
    #[arg(long, env = "ROWLOCK_API_PUBLIC_URL")]
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

impl Config {
    /// Of the process's arguments, its environment and the file that they name. Ends the process with a
    /// word of what is wrong.
    pub fn read() -> Self {
        match file::with_file(std::env::args_os().collect(), |name| std::env::var_os(name)) {
            Ok(arguments) => <Self as clap::Parser>::parse_from(arguments),
            Err(error) => {
                let source = std::error::Error::source(&error);
                let cause = source.map(|it| format!(": {it}")).unwrap_or_default();
                let kind = clap::error::ErrorKind::InvalidValue;
                <Self as clap::CommandFactory>::command()
                    .error(kind, format!("{error}{cause}"))
                    .exit()
            }
        }
    }
}
