//! A cluster of real processes on this machine.
//!
//! Owns: the directory's layout ([`Directory`]), `playground.json` ([`state`]), starting and ending
//! processes ([`process`], [`start`], [`stop`]), keys ([`secrets`]).
//! Must not: touch a process that it did not start: every process id is checked against its command
//! line before it is signalled.

pub mod ports;
pub mod process;
pub mod secrets;
pub mod start;
pub mod state;
pub mod stop;

use std::path::{Path, PathBuf};

/// Where things lie in a playground's directory.
#[derive(Clone, Debug)]
pub struct Directory(PathBuf);

impl Directory {
    pub fn new(root: PathBuf) -> Self {
        Self(root)
    }
    pub fn root(&self) -> &Path {
        &self.0
    }
    pub fn state(&self) -> PathBuf {
        self.0.join("playground.json")
    }
    /// How the cluster was begun: what a node needs to start again.
    pub fn plan(&self) -> PathBuf {
        self.0.join("plan.json")
    }
    pub fn secrets(&self) -> PathBuf {
        self.0.join("secrets")
    }
    pub fn token_key(&self) -> PathBuf {
        self.secrets().join("token.key")
    }
    pub fn ticket_key(&self) -> PathBuf {
        self.secrets().join("ticket.key")
    }
    pub fn ledger(&self) -> PathBuf {
        self.0.join("sandbox-ledger.jsonl")
    }
    pub fn node(&self, id: u64) -> PathBuf {
        self.0.join(format!("node-{id}"))
    }
    pub fn node_log(&self, id: u64) -> PathBuf {
        self.0.join(format!("node-{id}.log"))
    }
    pub fn api_log(&self, number: usize) -> PathBuf {
        self.0.join(format!("api-{number}.log"))
    }
}
