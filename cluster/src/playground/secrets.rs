//! Keys of a playground: made once, readable by their owner only.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::Context as _;

use super::Directory;

/// Makes the keys that are not there yet.
pub fn ensure(directory: &Directory) -> anyhow::Result<()> {
    let secrets = directory.secrets();
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&secrets)
        .with_context(|| format!("make {}", secrets.display()))?;
    for path in [directory.token_key(), directory.ticket_key()] {
        ensure_key(&path).with_context(|| format!("make {}", path.display()))?;
    }
    Ok(())
}

fn ensure_key(path: &Path) -> std::io::Result<()> {
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(mut file) => {
            let seed: [u8; 32] = rand::random();
            writeln!(file, "{}", hex::encode(seed))
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
