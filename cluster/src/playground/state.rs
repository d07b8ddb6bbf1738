//! `playground.json` (what runs) and `plan.json` (how it was begun).

use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::Directory;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    pub nodes: Vec<NodeProcess>,
    pub apis: Vec<ApiProcess>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeProcess {
    pub id: u64,
    pub pid: u32,
    pub grpc: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiProcess {
    pub pid: u32,
    pub http: String,
}

/// Fixed when the cluster begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The cluster's id: 32 hexadecimal digits.
    pub cluster: String,
    pub nodes: u64,
    pub shards: u32,
    pub replicas: u32,
    pub grpc_port: u16,
}

impl Plan {
    pub fn grpc(&self, node: u64) -> String {
        format!("127.0.0.1:{}", u64::from(self.grpc_port) + node - 1)
    }

    /// As the nodes' `--peers` wants it.
    pub fn peers(&self) -> String {
        let peer = |node| format!("{node}={}", self.grpc(node));
        (1..=self.nodes).map(peer).collect::<Vec<_>>().join(",")
    }

    pub fn endpoints(&self) -> Vec<String> {
        (1..=self.nodes).map(|node| self.grpc(node)).collect()
    }
}

/// What runs, as far as the file knows; `None`: nothing.
pub fn read(directory: &Directory) -> anyhow::Result<Option<Running>> {
    read_json(&directory.state())
}

pub fn read_plan(directory: &Directory) -> anyhow::Result<Option<Plan>> {
    read_json(&directory.plan())
}

pub fn write(directory: &Directory, running: &Running) -> anyhow::Result<()> {
    write_json(&directory.state(), running)
}

pub fn write_plan(directory: &Directory, plan: &Plan) -> anyhow::Result<()> {
    write_json(&directory.plan(), plan)
}

fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> anyhow::Result<Option<T>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
    };
    serde_json::from_str(&text).with_context(|| format!("read {}", path.display())).map(Some)
}

/// A reader sees the old file or the new one, never half of one.
fn write_json<T: Serialize>(path: &Path, value: &T) -> anyhow::Result<()> {
    let beside = path.with_extension("json.new");
    std::fs::write(&beside, serde_json::to_vec(value)?)
        .and_then(|()| std::fs::rename(&beside, path))
        .with_context(|| format!("write {}", path.display()))
}
