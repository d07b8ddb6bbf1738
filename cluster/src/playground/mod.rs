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
    /// A directory has one name here however the caller wrote it and wherever they stand:
    /// processes are known by their data directory.
    pub fn new(root: &Path) -> Self {
        let absolute = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        // What does not exist yet has no real path; what it will lie in does.
        for ancestor in absolute.ancestors() {
            if let Ok(real) = std::fs::canonicalize(ancestor)
                && let Ok(rest) = absolute.strip_prefix(ancestor)
            {
                return Self(real.components().chain(rest.components()).collect());
            }
        }
        Self(absolute)
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
    /// Letters to users, one file each.
    pub fn mail(&self) -> PathBuf {
        self.0.join("mail")
    }
    pub fn node(&self, id: u64) -> PathBuf {
        self.0.join(format!("node-{id}"))
    }
    pub fn node_log(&self, id: u64) -> PathBuf {
        self.0.join(format!("node-{id}.log"))
    }
    /// What API server `number` keeps: nothing that can't be made anew.
    pub fn api(&self, number: usize) -> PathBuf {
        self.0.join(format!("api-{number}"))
    }
    pub fn api_log(&self, number: usize) -> PathBuf {
        self.0.join(format!("api-{number}.log"))
    }
}

#[cfg(test)]
mod tests;
