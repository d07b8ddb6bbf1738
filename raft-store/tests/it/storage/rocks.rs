//! What RocksDB leaves when the machine loses power: the synced bytes of its write-ahead log, and
//! any part of the others.

use std::fs;
use std::path::{Path, PathBuf};

use rowlock_raft_store::engine::Engine;
use rowlock_raft_store::keys::Space;
use tempfile::TempDir;

use super::replica::{Replica, STORY, digests, entry, run};

/// Copies the files as the kernel has them: what RocksDB still buffers is not in them.
fn copy(from: &Path) -> TempDir {
    let to = TempDir::new().unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.path().join(file.file_name())).unwrap();
    }
    to
}

/// The newest write-ahead log.
fn log_file(dir: &Path) -> PathBuf {
    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|end| end == "log")).max().unwrap()
}

fn log_bytes(dir: &Path) -> u64 {
    fs::metadata(log_file(dir)).unwrap().len()
}

/// Lives through the story in `dir`. Returns the replica and the bytes of the write-ahead log when
/// each entry was acknowledged.
async fn lived(dir: &Path) -> (Replica, Vec<u64>) {
    let mut replica = Replica::open_dir(dir).unwrap();
    let mut bytes = Vec::new();
    for index in 0..STORY {
        replica.append(vec![entry(index)]).await.unwrap();
        bytes.push(log_bytes(dir));
        replica.apply(vec![entry(index)]).await.unwrap();
        if index % 5 == 0 {
            replica.state.flush().unwrap();
        }
    }
    (replica, bytes)
}

fn check(dir: &Path, acknowledged: u64, digests: &[[u8; 32]], context: &str) {
    let replica = Replica::open_dir(dir).unwrap_or_else(|error| panic!("{context}: {error:?}"));
    let last = replica.log.last().map_or(0, |last| last.index);
    assert!(last >= acknowledged, "{context}: the log ends at {last}, not at {acknowledged}");
    if let Some(persisted) = replica.state.persisted_index() {
        assert_eq!(replica.digest(), digests[usize::try_from(persisted).unwrap()], "{context}");
    }
}

#[test]
fn p3_a_log_cut_anywhere_after_the_last_sync_opens_with_all_that_was_acknowledged() {
    run(async {
        let digests =
            digests(std::sync::Arc::new(rowlock_raft_store::engine::memory::MemEngine::new()))
                .await;
        let dir = TempDir::new().unwrap();
        let (_replica, bytes) = lived(dir.path()).await;
        for (index, pair) in (0..).zip(bytes.windows(2)) {
            let (synced, next) = (pair[0], pair[1]);
            let mut cuts = vec![synced, synced + 1, (synced + next) / 2, next - 1];
            cuts.dedup();
            for cut in cuts {
                let left = copy(dir.path());
                let file = fs::OpenOptions::new().write(true).open(log_file(left.path())).unwrap();
                file.set_len(cut).unwrap();
                check(left.path(), index, &digests, &format!("cut at byte {cut} after {index}"));
            }
        }
    });
}

#[test]
fn p3_damage_below_the_last_sync_is_never_opened_as_a_shorter_log() {
    run(async {
        let dir = TempDir::new().unwrap();
        let (_replica, bytes) = lived(dir.path()).await;
        let synced = usize::try_from(*bytes.last().unwrap()).unwrap();
        let mut refused = 0;
        for at in (40..synced).step_by(synced / 30) {
            let left = copy(dir.path());
            let path = log_file(left.path());
            let mut log = fs::read(&path).unwrap();
            log[at] ^= 0x40;
            fs::write(&path, log).unwrap();
            match Replica::open_dir(left.path()) {
                Err(_) => refused += 1,
                Ok(replica) => {
                    let last = replica.log.last().map(|last| last.index);
                    assert_eq!(last, Some(STORY - 1), "byte {at} of {synced}");
                }
            }
        }
        assert!(refused > 0, "some damage was seen");
    });
}

/// The kernel may have written the pages of what was not synced in any order.
#[test]
fn p3_a_tail_of_any_content_loses_nothing_that_was_acknowledged() {
    run(async {
        let dir = TempDir::new().unwrap();
        let (_replica, bytes) = lived(dir.path()).await;
        let whole = fs::read(log_file(dir.path())).unwrap();
        for index in [3, 11, 20, 37] {
            let synced = usize::try_from(bytes[index]).unwrap();
            let middle = usize::midpoint(synced, whole.len());
            let mut tails = vec![whole.clone(); 4];
            tails[0][synced..].fill(0);
            tails[1][synced..middle].fill(0);
            tails[2][middle..].fill(0);
            tails[3][middle] ^= 1;
            for (nth, tail) in tails.iter().enumerate() {
                let left = copy(dir.path());
                fs::write(log_file(left.path()), tail).unwrap();
                // Damage with sound records behind it can't be told from damage to what was
                // synced: then not to open is right, and the node is replaced under another id.
                match Replica::open_dir(left.path()) {
                    Ok(replica) => {
                        let last = replica.log.last().map(|last| last.index);
                        assert!(last >= Some(index as u64), "tail {nth} after {index}: {last:?}");
                    }
                    Err(error) => assert_ne!(nth, 0, "zeros to the end open: {error}"),
                }
            }
        }
    });
}

#[test]
fn a_flush_that_was_not_synced_is_lost_whole_or_kept_whole() {
    run(async {
        let dir = TempDir::new().unwrap();
        let (replica, _) = lived(dir.path()).await;
        replica.state.flush().unwrap();
        let left = copy(dir.path());
        let again = Replica::open_dir(left.path()).unwrap();
        assert_eq!(again.log.last(), replica.log.last());
        assert!(again.state.persisted_index() < replica.state.persisted_index());
        drop(again);
        replica.store.close().unwrap();
        let left = copy(dir.path());
        let again = Replica::open_dir(left.path()).unwrap();
        assert_eq!(again.state.persisted_index(), Some(STORY - 1));
        assert_eq!(again.digest(), replica.digest());
    });
}

#[test]
fn a_checkpoint_opens_as_the_store_it_was_taken_of() {
    run(async {
        let dir = TempDir::new().unwrap();
        let (replica, _) = lived(dir.path()).await;
        replica.store.close().unwrap();
        let copy = TempDir::new().unwrap();
        let copy = copy.path().join("checkpoint");
        replica.store.engine().checkpoint(&copy).unwrap();
        let again = Replica::open_dir(&copy).unwrap();
        assert_eq!(again.digest(), replica.digest());
        assert_eq!(again.log.last(), replica.log.last());
    });
}

#[test]
fn a_view_sees_no_later_write_and_holds_up_none() {
    let dir = TempDir::new().unwrap();
    let engine = rowlock_raft_store::engine::rocks::RocksEngine::open(dir.path()).unwrap();
    let put = |value: &[u8]| {
        let mut batch = rowlock_raft_store::engine::Batch::default();
        batch.put(Space::State, b"key", value);
        engine.write(&batch).unwrap();
    };
    put(b"old");
    let mut view = engine.view().unwrap();
    put(b"new");
    assert_eq!(view.get(Space::State, b"key").unwrap().unwrap(), b"old");
    assert_eq!(engine.get(Space::State, b"key").unwrap().unwrap(), b"new");
}
