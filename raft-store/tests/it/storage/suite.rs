//! openraft's own tests of log storage and state machine.

use std::sync::Arc;

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use rowlock_raft_store::engine::Engine;
use rowlock_raft_store::engine::memory::MemEngine;
use rowlock_raft_store::engine::rocks::RocksEngine;
use rowlock_raft_store::log::GroupLog;
use rowlock_raft_store::state_machine::StateMachine;
use rowlock_raft_store::store::Store;
use rowlock_raft_store::types::TypeConfig;
use tempfile::TempDir;

use super::replica::{Replica, run};

/// What must outlive a store under test.
struct Keep {
    _store: Store,
    _dir: Option<TempDir>,
}

fn open(engine: Arc<dyn Engine>, dir: Option<TempDir>) -> (Keep, GroupLog, StateMachine) {
    let Replica { log, machine, store, .. } = Replica::open(engine).unwrap();
    (Keep { _store: store, _dir: dir }, log, machine)
}

struct OnMemory;

impl StoreBuilder<TypeConfig, GroupLog, StateMachine, Keep> for OnMemory {
    async fn build(&self) -> Result<(Keep, GroupLog, StateMachine), StorageError<TypeConfig>> {
        Ok(open(Arc::new(MemEngine::new()), None))
    }
}

struct OnRocks;

impl StoreBuilder<TypeConfig, GroupLog, StateMachine, Keep> for OnRocks {
    async fn build(&self) -> Result<(Keep, GroupLog, StateMachine), StorageError<TypeConfig>> {
        let dir = TempDir::new().unwrap();
        let engine = RocksEngine::open(dir.path()).unwrap();
        Ok(open(Arc::new(engine), Some(dir)))
    }
}

#[test]
fn the_memory_engine_passes() {
    run(Suite::test_all(OnMemory)).unwrap();
}

#[test]
fn the_rocks_engine_passes() {
    run(Suite::test_all(OnRocks)).unwrap();
}
