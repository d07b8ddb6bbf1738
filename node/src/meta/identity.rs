//! Whose data directory this is.
//!
//! The first start writes who the node is and how the cluster was laid out; any later start with
//! other settings is refused. A replica under a wrong id, or over another's data, would vote with
//! a log that is not its own and could split its group.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::Config;

const FILE: &str = "node.json";
const FORMAT_VERSION: u32 = 1;

/// What may never change for a data directory. Addresses may: nodes move.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Identity {
    format: u32,
    cluster: String,
    node: u64,
    nodes: Vec<u64>,
    shards: u32,
    replicas: u32,
    /// Part of what commands do: it must be the same on all replicas, for ever.
    clock_bound_ms: u64,
}

impl Identity {
    fn of(config: &Config) -> Self {
        Self {
            format: FORMAT_VERSION,
            cluster: config.cluster.to_string(),
            node: config.node.0,
            nodes: config.peers.0.keys().map(|node| node.0).collect(),
            shards: config.shards,
            replicas: config.replicas,
            clock_bound_ms: config.clock_bound_ms(),
        }
    }
}

/// Why a node may not use a data directory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{path} belongs to another node or layout: {what} was {was} and is {is} now")]
    Differs { path: PathBuf, what: &'static str, was: String, is: String },
    #[error("{path} can't be read as an identity")]
    Unreadable { path: PathBuf, source: serde_json::Error },
    #[error("{path} has data but no identity file")]
    Orphaned { path: PathBuf },
    #[error("can't access {path}")]
    Io { path: PathBuf, source: std::io::Error },
}

/// Takes the data directory for this node, or says why not. Creates it on the first start.
pub(crate) fn claim(config: &Config) -> Result<(), Error> {
    let dir = &config.data;
    let path = dir.join(FILE);
    let io = |source| Error::Io { path: path.clone(), source };
    fs::create_dir_all(dir).map_err(io)?;
    let now = Identity::of(config);
    match fs::read(&path) {
        Ok(bytes) => {
            let was: Identity = serde_json::from_slice(&bytes)
                .map_err(|source| Error::Unreadable { path: path.clone(), source })?;
            compare(path, &was, &now)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // A store without its identity could be anybody's.
            if fs::read_dir(dir).map_err(io)?.any(|entry| entry.is_ok_and(|e| e.path().is_dir())) {
                return Err(Error::Orphaned { path: dir.clone() });
            }
            write_synced(dir, &path, &now).map_err(io)
        }
        Err(error) => Err(io(error)),
    }
}

fn compare(path: PathBuf, was: &Identity, now: &Identity) -> Result<(), Error> {
    let differs = |what, was: &dyn std::fmt::Debug, is: &dyn std::fmt::Debug| {
        Err(Error::Differs {
            path: path.clone(),
            what,
            was: format!("{was:?}"),
            is: format!("{is:?}"),
        })
    };
    if was.format != now.format {
        differs("format", &was.format, &now.format)
    } else if was.cluster != now.cluster {
        differs("cluster", &was.cluster, &now.cluster)
    } else if was.node != now.node {
        differs("node", &was.node, &now.node)
    } else if was.nodes != now.nodes {
        differs("nodes", &was.nodes, &now.nodes)
    } else if was.shards != now.shards {
        differs("shards", &was.shards, &now.shards)
    } else if was.replicas != now.replicas {
        differs("replicas", &was.replicas, &now.replicas)
    } else if was.clock_bound_ms != now.clock_bound_ms {
        differs("clock bound", &was.clock_bound_ms, &now.clock_bound_ms)
    } else {
        Ok(())
    }
}

/// The file appears whole or not at all, and is there after a power cut.
fn write_synced(dir: &Path, path: &Path, identity: &Identity) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    file.write_all(&serde_json::to_vec_pretty(identity)?)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rowlock_proto::NodeId;

    use super::*;
    use crate::config::{ClusterId, Peers};

    fn config(data: &Path) -> Config {
        Config {
            data: data.to_owned(),
            node: NodeId(1),
            cluster: ClusterId([7; 16]),
            listen: ([127, 0, 0, 1], 0).into(),
            metrics_listen: ([127, 0, 0, 1], 0).into(),
            peers: Peers([(NodeId(1), "h:1".to_owned())].into()),
            shards: 4,
            replicas: 1,
            bootstrap: true,
            clock_bound: Duration::from_millis(250),
            event_cache_mib: 64,
            feed_pinned_mib: 64,
        }
    }

    #[test]
    fn the_same_node_may_come_back_under_another_address() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(dir.path());
        claim(&config).unwrap();
        config.peers = Peers([(NodeId(1), "h:2".to_owned())].into());
        claim(&config).unwrap();
    }

    #[test]
    fn another_node_cluster_or_layout_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        claim(&config(dir.path())).unwrap();
        let refused = |change: fn(&mut Config)| {
            let mut config = config(dir.path());
            change(&mut config);
            claim(&config).unwrap_err().to_string()
        };
        assert!(refused(|c| c.node = NodeId(2)).contains("node was 1 and is 2 now"));
        assert!(refused(|c| c.cluster = ClusterId([8; 16])).contains("cluster"));
        assert!(refused(|c| c.shards = 5).contains("shards was 4"));
    }

    #[test]
    fn data_without_an_identity_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("db")).unwrap();
        assert!(matches!(claim(&config(dir.path())), Err(Error::Orphaned { .. })));
    }
}
