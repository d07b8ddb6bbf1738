//! The paths between nodes, and between clients and nodes, through sockets of our own.
//!
//! Owns: a listener for each path, and what happens to the bytes on it. Must not: know what the
//! bytes mean, or which fault is meant.
//!
//! ```text
//! node 1 --dials--> listener of path 1→2 --dials--> node 2
//!          bytes 1→2 obey gate (1,2);  bytes 2→1 obey gate (2,1), whoever dialled
//! ```
//!
//! Invariants:
//! - A gate speaks for one direction. Cutting 1→2 leaves 2→1 open, on connections that either dialled.
//! - Cut bytes are held, not dropped: that is what TCP shows of a cut that heals. Senders notice as
//!   they would, by silence.
//! - Resetting ends the connections that are open; refusing also ends the new ones at once.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// One end of a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum End {
    Node(u64),
    /// All clients together.
    Clients,
}

/// What a direction does to its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Gate {
    #[default]
    Open,
    /// Bytes wait until the gate opens.
    Cut,
    /// Each chunk waits this long first.
    Slow(Duration),
    /// Each chunk waits for a time between none and this one, so that connections overtake one
    /// another. Within one the order stays: TCP sees to that.
    Uneven(Duration),
    /// Connections end, and new ones end at once.
    Refuse,
}

type Gates = Arc<Mutex<BTreeMap<(End, End), watch::Sender<Gate>>>>;

/// All paths of a cluster. Dropping it ends them.
#[derive(Debug)]
pub struct Network {
    gates: Gates,
    paths: JoinSet<()>,
    addresses: BTreeMap<(End, End), SocketAddr>,
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl Network {
    pub fn new() -> Self {
        Self { gates: Gates::default(), paths: JoinSet::new(), addresses: BTreeMap::new() }
    }

    /// Opens the path on which `from` dials `to`, who listens at `target`. The answer is the address
    /// to dial.
    pub async fn open(&mut self, from: End, to: End, target: SocketAddr) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let there = gate(&self.gates, from, to);
        let back = gate(&self.gates, to, from);
        self.paths.spawn(accept(listener, target, there, back));
        self.addresses.insert((from, to), address);
        Ok(address)
    }

    /// Where `from` dials to reach `to`.
    pub fn address(&self, from: End, to: End) -> Option<SocketAddr> {
        self.addresses.get(&(from, to)).copied()
    }

    /// Sets what happens to bytes that go from `from` to `to`.
    pub fn set(&self, from: End, to: End, value: Gate) {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.entry((from, to)).or_default().send_replace(value);
    }

    /// Sets both directions.
    pub fn set_both(&self, one: End, other: End, value: Gate) {
        self.set(one, other, value);
        self.set(other, one, value);
    }

    /// Opens every gate.
    pub fn heal(&self) {
        let gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        for gate in gates.values() {
            gate.send_if_modified(|value| std::mem::take(value) != Gate::Open);
        }
    }
}

fn gate(gates: &Gates, from: End, to: End) -> watch::Receiver<Gate> {
    let mut gates = gates.lock().unwrap_or_else(PoisonError::into_inner);
    gates.entry((from, to)).or_default().subscribe()
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    there: watch::Receiver<Gate>,
    back: watch::Receiver<Gate>,
) {
    // Dropping the set ends every connection of the path.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else { continue };
        connections.spawn(connect(stream, target, there.clone(), back.clone()));
    }
}

async fn connect(
    near: TcpStream,
    target: SocketAddr,
    mut there: watch::Receiver<Gate>,
    back: watch::Receiver<Gate>,
) {
    // A connection that meets a cut waits for it to heal, as a lost SYN is sent again.
    if !passes(&mut there).await {
        return;
    }
    let Ok(far) = TcpStream::connect(target).await else { return };
    if near.set_nodelay(true).is_err() || far.set_nodelay(true).is_err() {
        return;
    }
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    let mut watched = (there.clone(), back.clone());
    tokio::select! {
        () = async { tokio::join!(pump(near_in, far_out, there), pump(far_in, near_out, back)); } => {}
        () = refused(&mut watched.0) => {}
        () = refused(&mut watched.1) => {}
    }
}

/// Waits until the gate lets bytes by; false if it refuses, or is gone.
async fn passes(gate: &mut watch::Receiver<Gate>) -> bool {
    let state = gate.wait_for(|state| *state != Gate::Cut).await;
    match state.map(|state| *state) {
        Ok(Gate::Open | Gate::Cut) => true,
        Ok(Gate::Slow(delay)) => {
            tokio::time::sleep(delay).await;
            true
        }
        Ok(Gate::Uneven(most)) => {
            tokio::time::sleep(most.mul_f64(rand::random_range(0.0..1.0))).await;
            true
        }
        Ok(Gate::Refuse) | Err(_) => false,
    }
}

async fn refused(gate: &mut watch::Receiver<Gate>) {
    // An error says that the network is gone, which ends the connection as well.
    drop(gate.wait_for(|state| *state == Gate::Refuse).await);
}

/// Carries bytes until one side ends; the end is carried on.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut gate: watch::Receiver<Gate>) {
    let mut chunk = vec![0_u8; CHUNK_BYTES];
    loop {
        let read = match from.read(&mut chunk).await {
            Ok(0) | Err(_) => break,
            Ok(read) => read,
        };
        if !passes(&mut gate).await || to.write_all(&chunk[..read]).await.is_err() {
            return;
        }
    }
    if passes(&mut gate).await {
        // The other side may be gone already; there is nobody left to tell.
        drop(to.shutdown().await);
    }
}

#[cfg(test)]
mod tests;
