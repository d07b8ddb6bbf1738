//! `rowctl playground`: start, stop, restart a node.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::Context;
use crate::Usage;
use crate::output::Output;
use crate::playground::start::{self, Request};
use crate::playground::{Directory, state, stop};

const NODES_MAX: u64 = 99;
const APIS_MAX: u64 = 99;
/// How often a playground looks whether its processes live.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=NODES_MAX))]
    nodes: u64,
    /// API servers.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=APIS_MAX))]
    apis: u64,
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=4096))]
    shards: u32,
    /// Replicas of each shard [default: 3, or as many as there are nodes].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=7))]
    replicas: Option<u32>,
    /// First port of the API servers.
    #[arg(long, default_value_t = 8080)]
    http_port: u16,
    /// First port of the nodes.
    #[arg(long, default_value_t = 7001)]
    grpc_port: u16,
    /// Load sample venues and events.
    #[arg(long)]
    sample: bool,
    /// Return when the cluster serves.
    #[arg(long)]
    detach: bool,
    /// Limit how often callers may ask.
    #[arg(long)]
    rate_limit: bool,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Action {
    /// End a playground.
    Stop,
    /// Start a node that died, on its old data.
    RestartNode {
        #[arg(long)]
        node: u64,
    },
}

#[derive(Serialize)]
struct Started {
    nodes: Vec<state::NodeProcess>,
    apis: Vec<state::ApiProcess>,
    page: Option<String>,
}

#[derive(Serialize)]
struct Stopped {
    stopped: bool,
}

pub async fn run(args: Args, context: &Context) -> anyhow::Result<bool> {
    if !context.endpoints.is_empty() {
        return Err(Usage("a playground is named by --data".to_owned()).into());
    }
    match args.action {
        None => up(args, context).await,
        Some(Action::Stop) => {
            let stopped = stop::stop(&context.directory()).await?.is_some();
            context.output.show(&Stopped { stopped }, |_| match stopped {
                true => "stopped".to_owned(),
                false => "nothing was running".to_owned(),
            });
            Ok(true)
        }
        Some(Action::RestartNode { node }) => {
            let node = start::restart_node(&context.directory(), node).await?;
            context.output.show(&node, |node| {
                format!("node {} listens on {} as process {}", node.id, node.grpc, node.pid)
            });
            Ok(true)
        }
    }
}

async fn up(args: Args, context: &Context) -> anyhow::Result<bool> {
    // Registered first: a Ctrl-C during the start must not leave processes behind.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let directory = context.directory();
    let fitting = u32::try_from(args.nodes).unwrap_or(u32::MAX).min(3);
    let replicas = args.replicas.unwrap_or(fitting);
    if u64::from(replicas) > args.nodes {
        let reason = format!("{replicas} replicas need as many nodes; there are {}", args.nodes);
        return Err(Usage(reason).into());
    }
    let request = Request {
        nodes: args.nodes,
        apis: args.apis,
        shards: args.shards,
        replicas,
        http_port: args.http_port,
        grpc_port: args.grpc_port,
        rate_limit: args.rate_limit,
    };
    context.output.note("starting the cluster");
    let started = tokio::select! {
        started = start::start(&directory, &request) => started?,
        _ = interrupt.recv() => return interrupted(context).await,
        _ = terminate.recv() => return interrupted(context).await,
    };
    if args.sample {
        let loaded = tokio::select! {
            loaded = sample(context) => loaded,
            _ = interrupt.recv() => return interrupted(context).await,
        };
        if let Err(error) = loaded {
            stop::stop(&directory).await?;
            return Err(error);
        }
    }
    let page = started.apis.first().map(|api| format!("http://{}/", api.http));
    let shown = Started { nodes: started.nodes, apis: started.apis, page };
    context.output.show(&shown, |shown| match &shown.page {
        Some(page) => format!("The cluster serves. Page: {page}"),
        None => "The cluster serves.".to_owned(),
    });
    if args.detach {
        return Ok(true);
    }
    context.output.note("Ctrl-C ends it");
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = tell_of_deaths(&directory, context.output) => {}
    }
    context.output.note("stopping");
    stop::stop(&directory).await?;
    Ok(true)
}

/// Says once of each process that it has ended by itself, and where to read why. Goes on: what is
/// left may serve, and a node can be started again.
async fn tell_of_deaths(directory: &Directory, output: Output) {
    let mut told = BTreeSet::new();
    loop {
        tokio::time::sleep(LOOK).await;
        let Ok(Some(running)) = state::read(directory) else { continue };
        for (pid, what) in stop::ended(directory, &running) {
            if told.insert(pid) {
                output.note(&what);
            }
        }
    }
}

async fn interrupted(context: &Context) -> anyhow::Result<bool> {
    stop::stop(&context.directory()).await?;
    Ok(false)
}

async fn sample(context: &Context) -> anyhow::Result<()> {
    let client = context.connect().await?;
    let progress = Output::progress("sample data");
    let loaded = crate::import::sample::load(&client, &progress).await?;
    progress.finish_and_clear();
    context.output.note(&format!(
        "sample data: {} venues, {} events",
        loaded.venues_created + loaded.venues_there,
        loaded.events_created + loaded.events_there,
    ));
    Ok(())
}
