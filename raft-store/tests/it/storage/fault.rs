//! What a node can't survive, and what only one group can't.

use std::sync::Arc;

use openraft::storage::{RaftLogStorage, RaftStateMachine};
use rowlock_proto::ids::ReplicaId;
use rowlock_raft_store::engine::memory::{Kept, MemEngine, Trouble};
use rowlock_raft_store::keys::{self, Meta, Space};
use rowlock_raft_store::store::{self, Store};
use rowlock_raft_store::types::Vote;

use super::replica::{Replica, SHARD, by_hand, entry, identity, replica_id, run};

async fn lived(engine: &MemEngine, to: u64) -> Replica {
    let mut replica = Replica::open(Arc::new(engine.clone())).unwrap();
    for index in 0..to {
        replica.append(vec![entry(index)]).await.unwrap();
        replica.apply(vec![entry(index)]).await.unwrap();
    }
    replica
}

#[test]
fn the_first_fault_is_final() {
    run(async {
        let engine = MemEngine::new();
        let mut replica = lived(&engine, 5).await;
        let faults = replica.store.faults();
        assert!(faults.borrow().is_none());
        // The next write goes well, its sync does not.
        engine.order(engine.step() + 2, Trouble::Failure);
        replica.append(vec![entry(5)]).await.unwrap_err();
        let fault = faults.borrow().clone().unwrap();
        assert_eq!(fault.what, "sync the write-ahead log");
        // The disk works again. Nobody may find out.
        replica.append(vec![entry(6)]).await.unwrap_err();
        replica.log.save_vote(&Vote::new(9, 1)).await.unwrap_err();
        replica.apply(vec![entry(5)]).await.unwrap();
        replica.state.flush().unwrap_err();
        replica.store.close().unwrap_err();
        assert_eq!(faults.borrow().clone().unwrap().what, fault.what);
        let left = Replica::open(Arc::new(engine.after_power_cut(Kept::Nothing))).unwrap();
        assert_eq!(left.log.last().unwrap().index, 4);
    });
}

#[test]
fn a_damaged_row_of_the_log_or_the_state_does_not_open() {
    run(async {
        let damaged = |space, key: Vec<u8>| async move {
            let engine = MemEngine::new();
            let replica = lived(&engine, 9).await;
            replica.store.close().unwrap();
            drop(replica);
            engine.damage(space, &key, |value| value[6] ^= 0x10);
            Replica::open(Arc::new(engine)).unwrap_err()
        };
        for key in [
            (Space::Log, keys::log(SHARD, 4).to_vec()),
            (Space::Meta, keys::meta(SHARD, Meta::Applied).to_vec()),
            (Space::Meta, keys::identity().to_vec()),
        ] {
            let error = damaged(key.0, key.1.clone()).await;
            let known = matches!(error, store::Error::Fault(_) | store::Error::Seal(_));
            assert!(known, "{key:?}: {error:?}");
        }
    });
}

#[test]
fn a_log_with_a_hole_does_not_open_and_none_can_be_made() {
    run(async {
        let engine = MemEngine::new();
        let mut replica = lived(&engine, 5).await;
        replica.append(vec![entry(7)]).await.unwrap_err();
        drop(replica);

        let engine = MemEngine::new();
        drop(lived(&engine, 5).await);
        let mut batch = rowlock_raft_store::engine::Batch::default();
        batch.delete(Space::Log, &keys::log(SHARD, 2));
        rowlock_raft_store::engine::Engine::write(&engine, &batch).unwrap();
        let error = Replica::open(Arc::new(engine)).unwrap_err();
        assert!(matches!(error, store::Error::Fault(_)), "{error:?}");
    });
}

#[test]
fn a_panic_in_apply_halts_its_group_alone() {
    run(async {
        let engine = MemEngine::new();
        let mut replica = lived(&engine, 10).await;
        replica.state.flush().unwrap();
        replica.append(vec![entry(10), entry(11)]).await.unwrap();
        replica.apply(vec![entry(10)]).await.unwrap();
        // An entry that goes back trips an assertion in apply.
        let error = replica.apply(vec![entry(9)]).await.unwrap_err();
        assert!(error.to_string().contains("entries are applied in order"), "{error}");
        let halted = replica.state.halted().unwrap();
        assert_eq!(halted.index, 9);
        assert_eq!(replica.state.read(|_| ()).unwrap_err(), halted);
        assert!(replica.state.progress().halted);
        replica.apply(vec![entry(11)]).await.unwrap_err();
        // Nothing of it is written any more, and the node has no fault.
        replica.state.flush().unwrap();
        assert_eq!(replica.state.persisted_index(), Some(9));
        assert!(replica.store.faults().borrow().is_none());
        replica.log.save_vote(&Vote::new(4, 1)).await.unwrap();
        drop(replica);
        let mut again = Replica::open(Arc::new(engine)).unwrap();
        assert_eq!(again.state.applied_index(), Some(9));
        assert_eq!(again.machine.applied_state().await.unwrap().0, Some(entry(9).log_id));
    });
}

#[test]
fn another_nodes_data_is_not_opened() {
    let engine = MemEngine::new();
    drop(Replica::open(Arc::new(engine.clone())).unwrap());
    let refused = |identity| {
        let engine = Arc::new(engine.clone());
        matches!(Store::open_on(engine, identity, by_hand()), Err(store::Error::Foreign { .. }))
    };
    assert!(refused(identity(2)));
    let mut other = identity(1);
    other.cluster = [8; 16];
    assert!(refused(other));
    let mut other = identity(1);
    other.replicas.insert(SHARD, ReplicaId(99));
    assert!(refused(other));

    let store = Store::open_on(Arc::new(engine.clone()), identity(1), by_hand()).unwrap();
    assert!(matches!(store.group(SHARD, replica_id(2)), Err(store::Error::NoReplica(..))));
    let group = store.group(SHARD, replica_id(1)).unwrap();
    assert!(matches!(store.group(SHARD, replica_id(1)), Err(store::Error::AlreadyOpen(SHARD))));
    drop(group);
}
