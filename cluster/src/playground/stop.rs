//! Ending a playground. Safe to repeat, and safe on one that died by itself.

use std::path::PathBuf;

use super::Directory;
use super::process::{self, Target};
use super::state::{self, ApiProcess, NodeProcess, Running};

pub fn node_target(directory: &Directory, node: &NodeProcess) -> Target {
    let data = directory.node(node.id).display().to_string();
    Target { pid: node.pid, marks: vec!["rowlock-node".to_owned(), data] }
}

pub fn api_target(api: &ApiProcess) -> Target {
    Target { pid: api.pid, marks: vec!["rowlock-api".to_owned(), api.http.clone()] }
}

/// Ends API servers first, so that none of them meets a cluster that is gone.
pub async fn stop(directory: &Directory) -> anyhow::Result<Option<Running>> {
    let Some(running) = state::read(directory)? else { return Ok(None) };
    let apis: Vec<_> = running.apis.iter().map(api_target).collect();
    process::end(&apis).await?;
    let nodes: Vec<_> = running.nodes.iter().map(|node| node_target(directory, node)).collect();
    process::end(&nodes).await?;
    std::fs::remove_file(directory.state())?;
    Ok(Some(running))
}

/// The processes that no longer run, each with a sentence about it.
pub fn ended(directory: &Directory, running: &Running) -> Vec<(u32, String)> {
    let sentence = |name: String, log: PathBuf| format!("{name} has ended; see {}", log.display());
    let nodes = running.nodes.iter().map(|node| {
        let log = directory.node_log(node.id);
        (node_target(directory, node), sentence(format!("node {}", node.id), log))
    });
    let apis = (1..).zip(&running.apis).map(|(number, api)| {
        let log = directory.api_log(number);
        (api_target(api), sentence(format!("the API server on {}", api.http), log))
    });
    let all = nodes.chain(apis).filter(|(target, _)| !target.is_running());
    all.map(|(target, what)| (target.pid, what)).collect()
}

/// Whether any process of the playground runs.
pub fn any_running(directory: &Directory, running: &Running) -> bool {
    running.apis.iter().any(|api| api_target(api).is_running())
        || running.nodes.iter().any(|node| node_target(directory, node).is_running())
}
