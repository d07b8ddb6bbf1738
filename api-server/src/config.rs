//! What the server is started with.

use std::net::SocketAddr;
use std::path::PathBuf;

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
    /// File with the Ed25519 seed that tokens are signed with, in hexadecimal.
    #[arg(long)]
    pub token_key: PathBuf,
    /// File with the Ed25519 seed that tickets are signed with, in hexadecimal.
    #[arg(long)]
    pub ticket_key: PathBuf,
    /// Who moves the money. There is no default: play money is only taken when it is asked for.
    #[arg(long, value_enum)]
    pub payment: PaymentProvider,
    /// The sandbox's books, shared by all servers of a playground.
    #[arg(long, required_if_eq("payment", "sandbox"))]
    pub sandbox_ledger: Option<PathBuf>,
    /// Allow each user, and each address that is not signed in, 100 requests a minute.
    #[arg(long)]
    pub rate_limit: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PaymentProvider {
    /// Play money.
    Sandbox,
}
