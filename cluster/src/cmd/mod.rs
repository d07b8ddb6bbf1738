//! The command line: one file a verb. Each gives whether all was clean.

pub mod audit;
pub mod event;
pub mod feed;
pub mod playground;
pub mod status;
pub mod token;
pub mod venue;
pub mod verify;
pub mod workload;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use rowlock_client::{Client, Config};

use crate::Usage;
use crate::output::Output;
use crate::playground::{Directory, state};

#[derive(Clone, Debug, clap::Parser)]
#[command(name = "rowctl", version, about = "Runs, checks and loads Rowlock clusters")]
pub struct Cli {
    #[arg(long, global = true, value_enum, default_value_t)]
    pub output: Output,
    /// Directory of a playground.
    #[arg(long, global = true)]
    pub data: Option<PathBuf>,
    /// Nodes of a cluster, instead of a playground's: host:port,host:port.
    #[arg(long, global = true, value_delimiter = ',')]
    pub endpoints: Vec<String>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Run a cluster on this machine.
    Playground(playground::Args),
    /// Make a bearer token for a playground's API servers.
    Token(token::Args),
    /// Show nodes, shards and replicas.
    Status,
    /// Compare replicas and check every invariant.
    Verify,
    /// Bring venues in, and their plans out.
    Venue(venue::Args),
    /// Bring events in.
    Event(event::Args),
    /// Show what happened to an event, and check that all of it is there.
    Audit(audit::Args),
    /// See who follows the change feeds.
    Feed(feed::Args),
    /// Load a cluster and measure it.
    Workload(workload::Args),
}

/// How long a cluster may take to answer: nodes that were just started load their data first.
const CONNECT_WAIT: Duration = Duration::from_secs(15);

/// Which cluster, and how to show results.
#[derive(Clone, Debug)]
pub struct Context {
    pub output: Output,
    pub data: Option<PathBuf>,
    pub endpoints: Vec<String>,
}

impl Context {
    /// The playground's directory, given or default.
    pub fn directory(&self) -> Directory {
        Directory::new(self.data.as_deref().unwrap_or(Path::new("data/playground")))
    }

    /// Addresses of the cluster's nodes.
    pub fn endpoints(&self) -> anyhow::Result<Vec<String>> {
        if !self.endpoints.is_empty() {
            return Ok(self.endpoints.clone());
        }
        let directory = self.directory();
        let running = state::read(&directory)?.with_context(|| {
            format!("no playground is in {}; say --data or --endpoints", directory.root().display())
        })?;
        Ok(running.nodes.into_iter().map(|node| node.grpc).collect())
    }

    pub async fn connect(&self) -> anyhow::Result<Client> {
        let endpoints = self.endpoints()?;
        let config = Config { endpoints, connect_timeout: CONNECT_WAIT, ..Config::default() };
        Client::connect(config).await.context("connect to the cluster")
    }
}

/// Carries a command out; `false`: it was done and something is not clean.
pub async fn dispatch(cli: Cli) -> anyhow::Result<bool> {
    let Cli { output, data, endpoints, command } = cli;
    if data.is_some() && !endpoints.is_empty() {
        return Err(Usage("--data and --endpoints name the cluster twice".to_owned()).into());
    }
    let context = Context { output, data, endpoints };
    match command {
        Command::Playground(args) => playground::run(args, &context).await,
        Command::Token(args) => token::run(&args, &context),
        Command::Status => status::run(&context).await,
        Command::Verify => verify::run(&context).await,
        Command::Venue(args) => venue::run(args, &context).await,
        Command::Event(args) => event::run(args, &context).await,
        Command::Audit(args) => audit::run(args, &context).await,
        Command::Feed(args) => feed::run(args, &context).await,
        Command::Workload(args) => workload::run(&args, &context).await,
    }
}
