//! The network between simulated machines: it loses, delays, repeats, reorders and is cut.
//!
//! A message is lost on its way, or its answer on the way back; a repeated one arrives a second
//! time, later, and its answer goes nowhere. Whoever asks hears nothing until its patience ends,
//! unless the other machine is off: then the refusal comes at once, now and then.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use rand::RngExt;
use rowlock_client::transport::{Broken, Carried, Transport};
use rowlock_node::simulated::{Carrier, Reply, Request};
use rowlock_proto::{NodeId, v1};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::plan::Sabotage;
use super::world::World;

/// How long a node waits for another's answer.
const PATIENCE: Duration = Duration::from_millis(800);
/// A snapshot is installed before it is answered.
const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(5);
/// A second copy comes up to this much later.
const REPEAT_AFTER_US_MAX: u64 = 300_000;

/// What the network does to everybody's messages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Weather {
    /// Of a thousand messages, how many are lost on the way.
    pub lost: u32,
    /// How many come twice.
    pub twice: u32,
    /// How many are late, which lets later ones overtake them.
    pub late: u32,
    pub delay_us_max: u64,
    pub late_us_max: u64,
    /// From one node to another, nothing comes through. A client is where its node is.
    pub cut: BTreeSet<(NodeId, NodeId)>,
    /// All messages to and from these take so much longer.
    pub slow: Option<(NodeId, Duration)>,
}

impl Weather {
    /// Cuts both ways between everybody in `left` and everybody in `right`.
    pub fn part(&mut self, left: &[NodeId], right: &[NodeId]) {
        for &one in left {
            for &other in right {
                self.cut.insert((one, other));
                self.cut.insert((other, one));
            }
        }
    }
}

/// What becomes of one message.
struct Fate {
    arrives: bool,
    delay: Duration,
    again: Option<Duration>,
}

impl World {
    fn fate(&self, from: NodeId, to: NodeId, client: bool) -> Fate {
        let weather = self.weather();
        let mut random = self.random();
        let mut chance = |of_1000: u32| random.random_range(0..1_000) < of_1000;
        // A client reaches the node beside it whatever is cut between nodes.
        let cut = weather.cut.contains(&(from, to)) && !(client && from == to);
        let lost = chance(weather.lost) || cut;
        let (twice, late) = (chance(weather.twice), chance(weather.late));
        let mut delay_us = random.random_range(20..=weather.delay_us_max.max(21));
        if late {
            delay_us += random.random_range(0..=weather.late_us_max);
        }
        let again_us = random.random_range(0..REPEAT_AFTER_US_MAX);
        let slow = weather.slow.filter(|(node, _)| from == *node || to == *node);
        let delay = Duration::from_micros(delay_us) + slow.map_or(Duration::ZERO, |(_, by)| by);
        let again = (twice && !cut).then(|| Duration::from_micros(again_us));
        Fate { arrives: !lost, delay, again }
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
struct Asker {
    /// The node, or the one beside a client.
    at: NodeId,
    client: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Silence {
    /// The other machine is off and said so.
    Refused,
    Nothing,
}

fn tag(request: &Request) -> u8 {
    match request {
        Request::Frame(frame) => u8::try_from(frame.kind).unwrap_or(u8::MAX),
        Request::Snapshot { .. } => 100,
        Request::WallTime => 101,
        Request::Call(_) => 102,
        Request::Map => 103,
    }
}

/// One question and its answer, by `until`.
async fn ask(
    world: Arc<World>,
    asker: Asker,
    to: NodeId,
    request: Request,
    until: Instant,
) -> Result<Reply, Silence> {
    let way = world.fate(asker.at, to, asker.client);
    world.trace(&[asker.at.0, to.0, u64::from(tag(&request)), u64::from(way.arrives)]);
    let exchange = async {
        tokio::time::sleep(way.delay).await;
        if !way.arrives {
            return std::future::pending().await;
        }
        let Some(answer) = deliver(&world, asker, to, request.clone()) else {
            let refused = world.random().random_bool(0.5);
            return if refused { Err(Silence::Refused) } else { std::future::pending().await };
        };
        if let Some(after) = way.again {
            let world = Arc::clone(&world);
            drop(tokio::spawn(async move {
                tokio::time::sleep(after).await;
                if let Some(answer) = deliver(&world, asker, to, request) {
                    drop(answer.await);
                }
            }));
        }
        let Ok(Some(reply)) = answer.await else { return std::future::pending().await };
        let back = world.fate(to, asker.at, asker.client);
        tokio::time::sleep(back.delay).await;
        if !back.arrives {
            return std::future::pending().await;
        }
        Ok(reply)
    };
    let answer = tokio::time::timeout_at(until, exchange).await.unwrap_or(Err(Silence::Nothing));
    world.trace(&[to.0, asker.at.0, u64::from(answer.is_ok())]);
    answer
}

/// Hands a request to a node; the answer comes by the channel. `None`: its machine is off.
fn deliver(
    world: &Arc<World>,
    asker: Asker,
    to: NodeId,
    request: Request,
) -> Option<oneshot::Receiver<Option<Reply>>> {
    let (machine, node) = world.running(to)?;
    let from = (!asker.client).then_some(asker.at);
    let (sender, answer) = oneshot::channel();
    drop(tokio::spawn(machine.run(async move {
        // Who asked may have stopped waiting.
        drop(sender.send(node.serve(from, request).await));
    })));
    Some(answer)
}

/// The network as a node sees it.
#[derive(Clone, Debug)]
pub struct NodeNet {
    pub world: Weak<World>,
    pub here: NodeId,
}

impl Carrier for NodeNet {
    async fn ask(&self, to: NodeId, request: Request) -> Option<Reply> {
        let world = self.world.upgrade()?;
        let patience =
            if matches!(request, Request::Snapshot { .. }) { SNAPSHOT_PATIENCE } else { PATIENCE };
        let asker = Asker { at: self.here, client: false };
        ask(world, asker, to, request, Instant::now() + patience).await.ok()
    }
}

/// The network as a client beside a node sees it.
#[derive(Clone, Debug)]
pub struct ClientNet {
    pub world: Arc<World>,
    pub beside: NodeId,
}

fn node_of(addr: &str) -> Option<NodeId> {
    addr.strip_prefix("node-")?.split(':').next()?.parse().ok().map(NodeId)
}

impl Transport for ClientNet {
    fn call(
        &self,
        addr: &str,
        mut call: v1::Call,
        deadline: Instant,
    ) -> Carried<'_, Result<v1::Answer, Broken>> {
        let to = node_of(addr);
        if self.world.sabotage == Some(Sabotage::StaleReads)
            && let Some(v1::call::Body::Query(query)) = &mut call.body
        {
            query.stale = true;
        }
        Box::pin(async move {
            let to = to.ok_or(Broken::Unsent)?;
            let asker = Asker { at: self.beside, client: true };
            let world = Arc::clone(&self.world);
            match ask(world, asker, to, Request::Call(Box::new(call)), deadline).await {
                Ok(Reply::Answer(answer)) => Ok(*answer),
                Err(Silence::Nothing)
                    if self.world.sabotage == Some(Sabotage::LostCalledUnsent) =>
                {
                    Err(Broken::Unsent)
                }
                Ok(_) | Err(Silence::Nothing) => Err(Broken::Sent),
                Err(Silence::Refused) => Err(Broken::Unsent),
            }
        })
    }

    fn map(&self, addr: &str) -> Carried<'_, Option<v1::ClusterMap>> {
        let to = node_of(addr);
        Box::pin(async move {
            let asker = Asker { at: self.beside, client: true };
            let world = Arc::clone(&self.world);
            match ask(world, asker, to?, Request::Map, Instant::now() + PATIENCE).await {
                Ok(Reply::Map(map)) => Some(map),
                _ => None,
            }
        })
    }
}
