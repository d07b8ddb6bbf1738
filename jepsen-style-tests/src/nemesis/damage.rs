//! Damage to the files of a stopped node: bits that are wrong, ends that are missing.
//!
//! A node that is damaged must refuse to start, or stop once it meets the damage. Its group goes on
//! without it. As no node can be replaced yet, the damage is then undone, and the node comes back.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Aim, Error};
use crate::faults::Kind;
use crate::supervisor::Cluster;

/// A damaged node has refused by then.
const REFUSE_MAX: Duration = Duration::from_secs(8);
/// A node has written enough to be damaged by then.
const WRITTEN_MAX: Duration = Duration::from_secs(12);
const POLL: Duration = Duration::from_millis(200);
/// Damage near the end of a write-ahead log can't be told from a torn write: what is damaged has
/// blocks of sound records behind it.
const WAL_BYTES_MIN: u64 = 192 << 10;
const SST_BYTES_MIN: u64 = 1 << 10;
const MANIFEST_BYTES_MIN: u64 = 256;

/// What undoes it.
struct Undo {
    path: PathBuf,
    at: u64,
    was: Vec<u8>,
}

fn least(kind: Kind) -> u64 {
    match kind {
        Kind::BitFlipWal => WAL_BYTES_MIN,
        Kind::BitFlipManifest => MANIFEST_BYTES_MIN,
        _ => SST_BYTES_MIN,
    }
}

fn is_target(name: &str, kind: Kind) -> bool {
    match kind {
        Kind::BitFlipWal => name.ends_with(".log"),
        Kind::BitFlipManifest => name.starts_with("MANIFEST-"),
        _ => name.ends_with(".sst"),
    }
}

/// Files that the kind is about and that are long enough, the newest last.
fn targets(dir: &Path, kind: Kind) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let Ok(about) = entry.metadata() else { continue };
            if about.is_dir() {
                dirs.push(entry.path());
            } else if is_target(&entry.file_name().to_string_lossy(), kind)
                && about.len() >= least(kind)
            {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Waits until there is something to damage. A node that was never restarted may have no table
/// files: a restart writes them.
async fn ready(cluster: &mut Cluster, node: u64, kind: Kind) -> Result<(), Error> {
    let dir = cluster.disk(node)?.data();
    if kind != Kind::BitFlipWal && targets(&dir, kind)?.is_empty() {
        cluster.kill(node).await?;
        cluster.restart(node)?;
    }
    let deadline = tokio::time::Instant::now() + WRITTEN_MAX;
    while targets(&dir, kind)?.is_empty() {
        if tokio::time::Instant::now() >= deadline {
            return Err(Error::Tool(format!("node {node} has written too little")));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

fn hurt(dir: &Path, kind: Kind, pick: u64) -> Result<Undo, Error> {
    let files = targets(dir, kind)?;
    let chosen = match kind {
        // Old ones may be of no use to anybody.
        Kind::BitFlipWal | Kind::BitFlipManifest => files.last(),
        _ => files.get(usize::try_from(pick % files.len().max(1) as u64).unwrap_or(0)),
    };
    let path = chosen.ok_or_else(|| Error::Tool("nothing to damage".to_owned()))?.clone();
    let file = OpenOptions::new().read(true).write(true).open(&path)?;
    let length = file.metadata()?.len();
    if kind == Kind::TruncateSst {
        let at = length - 1 - pick % (length / 2);
        let mut was = vec![0; usize::try_from(length - at).unwrap_or(0)];
        file.read_exact_at(&mut was, at)?;
        file.set_len(at)?;
        file.sync_all()?;
        return Ok(Undo { path, at, was });
    }
    // In the first half, past the first eighth.
    let at = length / 8 + pick % (length * 3 / 8);
    let mut was = vec![0];
    file.read_exact_at(&mut was, at)?;
    file.write_all_at(&[was[0] ^ (1 << (pick >> 32 & 7))], at)?;
    file.sync_all()?;
    Ok(Undo { path, at, was })
}

impl Undo {
    /// A file that is gone was replaced by sound ones: nothing reads a damaged block unnoticed.
    fn apply(&self) -> Result<(), Error> {
        if self.path.is_file() {
            let file = OpenOptions::new().write(true).open(&self.path)?;
            file.write_all_at(&self.was, self.at)?;
            file.sync_all()?;
        }
        Ok(())
    }
}

pub(super) async fn damage(
    cluster: &mut Cluster,
    aim: &Aim,
    kind: Kind,
) -> Result<Vec<u64>, Error> {
    let node = aim.at(0);
    ready(cluster, node, kind).await?;
    cluster.kill(node).await?;
    let undo = hurt(&cluster.disk(node)?.data(), kind, aim.pick)?;
    cluster.restart(node)?;
    let ended = cluster.ends(node, REFUSE_MAX).await?;
    cluster.kill(node).await?;
    let (file, at) = (undo.path.display(), undo.at);
    tracing::info!(node, %file, at, ?ended, "damaged");
    undo.apply()?;
    match ended {
        Some(status) if status.success() => {
            Err(Error::Found(format!("node {node} ended without a word over {file} at {at}")))
        }
        Some(_) => Ok(vec![node]),
        // Its damaged blocks were not asked for, or not yet; the checkers judge what it answered.
        None if kind == Kind::BitFlipSst => Ok(vec![node]),
        None => Err(Error::Found(format!("node {node} opened {file}, damaged at {at}"))),
    }
}
