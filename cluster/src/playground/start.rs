//! Starting a playground, and starting again a node that died.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rowlock_client::types::ShardId;
use rowlock_client::{Client, Config};
use tokio::net::TcpStream;

use super::state::{self, ApiProcess, NodeProcess, Plan, Running};
use super::{Directory, ports, process, secrets, stop};
use crate::Usage;
use crate::workload::path::http_client;

/// How long a new cluster may take until every shard answers.
const SERVE_WAIT: Duration = Duration::from_secs(30);
/// How long a node may take until it listens.
const LISTEN_WAIT: Duration = Duration::from_secs(10);
/// For API servers to read what the cluster has.
const READY_WAIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// What to start.
#[derive(Clone, Debug)]
pub struct Request {
    pub nodes: u64,
    pub apis: u64,
    pub shards: u32,
    pub replicas: u32,
    pub http_port: u16,
    pub grpc_port: u16,
    pub rate_limit: bool,
}

/// Starts everything and waits until it serves. What was started is ended again if that fails.
pub async fn start(directory: &Directory, request: &Request) -> anyhow::Result<Running> {
    let root = directory.root();
    if let Some(running) = state::read(directory)?
        && stop::any_running(directory, &running)
    {
        return Err(Usage(format!("a playground is running in {} already", root.display())).into());
    }
    ports::check_free(request.grpc_port, request.nodes, "grpc")?;
    ports::check_free(request.http_port, request.apis, "http")?;
    process::beside("rowlock-node")?;
    std::fs::create_dir_all(root).with_context(|| format!("make {}", root.display()))?;
    secrets::ensure(directory)?;
    let plan = plan(directory, request)?;
    let mut running = Running::default();
    let started = start_all(directory, request, &plan, &mut running).await;
    if let Err(error) = started {
        // The first failure is the one to tell; what is left running is ended as far as possible.
        if let Err(second) = stop::stop(directory).await {
            tracing::warn!(error = %second, "ending what was started");
        }
        return Err(error);
    }
    Ok(running)
}

/// The plan of a cluster that was begun here earlier, or a new one.
fn plan(directory: &Directory, request: &Request) -> anyhow::Result<Plan> {
    if let Some(plan) = state::read_plan(directory)? {
        let same = (plan.nodes, plan.shards, plan.replicas, plan.grpc_port)
            == (request.nodes, request.shards, request.replicas, request.grpc_port);
        if !same {
            let reason = format!(
                "{} holds a cluster of {} nodes, {} shards, {} replicas on ports from {}; say the \
                 same, or choose another directory",
                directory.root().display(),
                plan.nodes,
                plan.shards,
                plan.replicas,
                plan.grpc_port,
            );
            return Err(Usage(reason).into());
        }
        return Ok(plan);
    }
    let plan = Plan {
        cluster: hex::encode(rand::random::<[u8; 16]>()),
        nodes: request.nodes,
        shards: request.shards,
        replicas: request.replicas,
        grpc_port: request.grpc_port,
    };
    state::write_plan(directory, &plan)?;
    Ok(plan)
}

async fn start_all(
    directory: &Directory,
    request: &Request,
    plan: &Plan,
    running: &mut Running,
) -> anyhow::Result<()> {
    for id in 1..=plan.nodes {
        let pid = spawn_node(directory, plan, id).await?;
        running.nodes.push(NodeProcess { id, pid, grpc: plan.grpc(id) });
        state::write(directory, running)?;
    }
    for node in &running.nodes {
        let (addr, log) = (node.grpc.clone(), directory.node_log(node.id));
        let target = stop::node_target(directory, node);
        listening(&addr, || target.is_running(), &log, LISTEN_WAIT).await?;
    }
    serving(plan).await?;
    for number in 0..request.apis {
        let port = u64::from(request.http_port) + number;
        let http = format!("127.0.0.1:{port}");
        let number = usize::try_from(number + 1).unwrap_or(usize::MAX);
        let pid = spawn_api(directory, plan, &http, number, request.rate_limit).await?;
        running.apis.push(ApiProcess { pid, http });
        state::write(directory, running)?;
    }
    for (number, api) in (1..).zip(&running.apis) {
        let target = stop::api_target(api);
        let log = directory.api_log(number);
        listening(&api.http, || target.is_running(), &log, LISTEN_WAIT).await?;
        ready(&api.http).await?;
    }
    Ok(())
}

async fn spawn_node(directory: &Directory, plan: &Plan, id: u64) -> anyhow::Result<u32> {
    let args = [
        ("--data", directory.node(id).display().to_string()),
        ("--node", id.to_string()),
        ("--cluster", plan.cluster.clone()),
        ("--listen", plan.grpc(id)),
        ("--metrics-listen", "127.0.0.1:0".to_owned()),
        ("--peers", plan.peers()),
        ("--shards", plan.shards.to_string()),
        ("--replicas", plan.replicas.to_string()),
    ];
    let mut args: Vec<String> =
        args.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect();
    // Safe at every start: a group that has begun is not begun again.
    args.push("--bootstrap".to_owned());
    process::spawn(&process::beside("rowlock-node")?, &args, &directory.node_log(id)).await
}

async fn spawn_api(
    directory: &Directory,
    plan: &Plan,
    http: &str,
    number: usize,
    rate_limit: bool,
) -> anyhow::Result<u32> {
    let args = [
        ("--listen", http.to_owned()),
        ("--cluster-endpoints", plan.endpoints().join(",")),
        ("--token-key", directory.token_key().display().to_string()),
        ("--ticket-key", directory.ticket_key().display().to_string()),
        ("--mail-dir", directory.mail().display().to_string()),
        ("--payment", "sandbox".to_owned()),
        ("--sandbox-ledger", directory.ledger().display().to_string()),
        ("--data", directory.api(number).display().to_string()),
    ];
    let mut args: Vec<String> =
        args.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect();
    if rate_limit {
        args.push("--rate-limit".to_owned());
    }
    process::spawn(&process::beside("rowlock-api")?, &args, &directory.api_log(number)).await
}

/// Waits until `addr` takes connections.
async fn listening(
    addr: &str,
    is_running: impl Fn() -> bool,
    log: &Path,
    wait: Duration,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + wait;
    loop {
        let answers = TcpStream::connect(addr).await.is_ok();
        // Not by the answer alone: it may come from another's process at the same port.
        if answers && is_running() {
            return Ok(());
        }
        anyhow::ensure!(is_running(), "a process ended at once; {}", process::last_lines(log));
        let late = Instant::now() >= deadline;
        anyhow::ensure!(!late, "{addr} is not served; {}", process::last_lines(log));
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until an API server has read every shard, so that searches find what is there. With very much
/// to read it serves before that.
async fn ready(addr: &str) -> anyhow::Result<()> {
    let (http, url) = (http_client()?, format!("http://{addr}/readyz"));
    let deadline = Instant::now() + READY_WAIT;
    while Instant::now() < deadline {
        if http.get(&url).send().await.is_ok_and(|reply| reply.status().is_success()) {
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Waits until every shard answers a linearizable query.
async fn serving(plan: &Plan) -> anyhow::Result<()> {
    let config = Config {
        endpoints: plan.endpoints(),
        call_timeout: SERVE_WAIT,
        connect_timeout: SERVE_WAIT,
    };
    let client = Client::connect(config).await.context("reach the new cluster")?;
    let shards = (0..client.shard_count()).map(ShardId).map(|shard| {
        let client = client.clone();
        async move {
            client.stats(shard).await.with_context(|| format!("wait for shard {shard}"))?;
            Ok::<_, anyhow::Error>(())
        }
    });
    futures_util::future::try_join_all(shards).await?;
    Ok(())
}

/// Starts node `id` on its old data; returns once it listens. Needs no quorum.
pub async fn restart_node(directory: &Directory, id: u64) -> anyhow::Result<NodeProcess> {
    let none = || Usage(format!("no playground is in {}", directory.root().display()));
    let plan = state::read_plan(directory)?.ok_or_else(none)?;
    let mut running = state::read(directory)?.ok_or_else(none)?;
    let node = running
        .nodes
        .iter_mut()
        .find(|node| node.id == id)
        .ok_or_else(|| Usage(format!("there is no node {id}")))?;
    let before = stop::node_target(directory, node);
    if before.is_running() {
        return Ok(node.clone());
    }
    // One that was killed this moment still has its port, and whoever asks whether the new one
    // listens would be answered by the old.
    before.gone().await;
    node.pid = spawn_node(directory, &plan, id).await?;
    let node = node.clone();
    state::write(directory, &running)?;
    let target = stop::node_target(directory, &node);
    listening(&node.grpc, || target.is_running(), &directory.node_log(id), LISTEN_WAIT).await?;
    Ok(node)
}
