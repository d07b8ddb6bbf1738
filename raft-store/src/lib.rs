//! The seat inventory state machine and its Raft storage on RocksDB
