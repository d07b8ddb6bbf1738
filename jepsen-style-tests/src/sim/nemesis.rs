//! Carries out the faults of a plan, and ends each at its time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use rowlock_proto::{NodeId, ShardId};
use rowlock_raft_store::engine::memory::{Kept, Trouble};
use tokio::time::Instant;

use super::money::Desk;
use super::network::Weather;
use super::plan::{Kind, Plan, Step};
use super::world::{SYNC_US_MAX, World};

/// A change of members that has not happened by then is given up, for now.
const CHANGE_MAX: Duration = Duration::from_secs(4);
/// The spare has joined every shard by then, once nothing is broken.
const REPLACED_MAX: Duration = Duration::from_secs(30);
const ASK_MAX: Duration = Duration::from_millis(50);
const JUMP_US_MAX: i64 = 120_000_000;
const RATE_PPM: std::ops::RangeInclusive<u64> = 900_000..=1_100_000;

/// How to undo a fault.
#[derive(Debug)]
enum Undo {
    Nothing,
    Start(Vec<(NodeId, Kept)>),
    Resume(NodeId),
    Disk(NodeId),
    /// The cuts, losses and delays of the plan are those of the weather again.
    Weather,
    Clock(NodeId),
    StartApi(usize),
    /// The spare takes the place of what is lost.
    Replace,
    /// The spare gives its vote back.
    Leave,
}

/// A fault that was carried out, in the time of the simulation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Done {
    pub kind: Kind,
    pub from: Duration,
    pub to: Duration,
}

struct Nemesis<'a> {
    world: &'a Arc<World>,
    desk: Option<&'a Desk>,
    calm: Weather,
    start: Instant,
}

/// Plays the plan to its end and leaves nothing broken.
pub async fn play(
    world: &Arc<World>,
    desk: Option<&Desk>,
    plan: &Plan,
    start: Instant,
) -> Vec<Done> {
    let nemesis = Nemesis { world, desk, calm: plan.weather.clone(), start };
    let mut done = Vec::new();
    // What is to be undone, by its time; faults that began together end in their order.
    let mut open: BTreeMap<(Duration, usize), (Kind, Duration, Undo)> = BTreeMap::new();
    let mut steps = plan.steps.iter().peekable();
    loop {
        let next_step = steps.peek().map(|step| step.at);
        let next_end = open.keys().next().map(|&(at, _)| at);
        match (next_step, next_end) {
            (Some(at), end) if end.is_none_or(|end| at <= end) => {
                tokio::time::sleep_until(start + at).await;
                let Some(step) = steps.next() else { continue };
                let from = start.elapsed();
                if let Some(undo) = nemesis.begin(step).await {
                    world.trace(&[step.number as u64]);
                    let end = (at + step.lasts).min(plan.length);
                    open.insert((end, step.number), (step.kind, from, undo));
                }
            }
            (_, Some(_)) => {
                let Some(((at, _), (kind, from, undo))) = open.pop_first() else { continue };
                tokio::time::sleep_until(start + at).await;
                nemesis.end(undo).await;
                done.push(Done { kind, from, to: start.elapsed() });
            }
            _ => break,
        }
    }
    tokio::time::sleep_until(start + plan.length).await;
    nemesis.heal().await;
    done
}

impl Nemesis<'_> {
    fn any(&self, random: &mut StdRng) -> NodeId {
        self.world.nodes().choose(random).copied().unwrap_or(NodeId(1))
    }

    /// A node that leads a shard, as it believes, or else any.
    fn leader(&self, random: &mut StdRng) -> NodeId {
        let leads = |id: &NodeId| {
            let running = self.world.running(*id);
            running.is_some_and(|(_, node)| node.standings().iter().any(|shard| shard.leads))
        };
        let leaders: Vec<NodeId> = self.world.nodes().into_iter().filter(leads).collect();
        leaders.choose(random).copied().unwrap_or_else(|| self.any(random))
    }

    fn kept(random: &mut StdRng) -> Kept {
        match random.random_range(0..4) {
            0 => Kept::Nothing,
            1 => Kept::AllButTheLastByte,
            2 => Kept::Everything,
            _ => Kept::Part(random.random_range(0..1_000)),
        }
    }

    /// `None`: there was nothing to break.
    async fn begin(&self, step: &Step) -> Option<Undo> {
        let mut random = StdRng::seed_from_u64(step.pick);
        let world = self.world;
        let nodes = world.nodes();
        Some(match step.kind {
            Kind::Kill => {
                let id = self.leader(&mut random);
                world.running(id)?;
                world.cut_power(id);
                Undo::Start(vec![(id, Kept::Everything)])
            }
            Kind::PowerCut => {
                let id = self.leader(&mut random);
                world.running(id)?;
                world.order(id, random.random_range(1..12), Trouble::PowerCut);
                Undo::Start(vec![(id, Self::kept(&mut random))])
            }
            Kind::PowerCutAll => {
                nodes.iter().for_each(|&id| world.cut_power(id));
                Undo::Start(nodes.iter().map(|&id| (id, Self::kept(&mut random))).collect())
            }
            Kind::DiskError => {
                let id = self.leader(&mut random);
                world.running(id)?;
                world.order(id, random.random_range(1..12), Trouble::Failure);
                Undo::Start(vec![(id, Self::kept(&mut random))])
            }
            Kind::SlowDisk => {
                let id = self.leader(&mut random);
                world.set_sync_us_max(id, random.random_range(20_000..500_000));
                Undo::Disk(id)
            }
            Kind::Pause => {
                let id = self.leader(&mut random);
                world.running(id)?.0.pause();
                Undo::Resume(id)
            }
            Kind::PartitionHalves => {
                let mut nodes = nodes;
                nodes.shuffle(&mut random);
                let middle = random.random_range(1..nodes.len());
                let (left, right) = nodes.split_at(middle);
                world.weather().part(left, right);
                Undo::Weather
            }
            Kind::IsolateLeader => {
                let id = self.leader(&mut random);
                let others: Vec<NodeId> = nodes.into_iter().filter(|&other| other != id).collect();
                world.weather().part(&[id], &others);
                Undo::Weather
            }
            Kind::PartitionOneWay => {
                let from = self.leader(&mut random);
                let to = self.any(&mut random);
                world.weather().cut.insert(if random.random() { (from, to) } else { (to, from) });
                Undo::Weather
            }
            Kind::PartitionBridge => {
                let mut nodes = nodes;
                nodes.shuffle(&mut random);
                world.weather().part(&nodes[..1], &nodes[1..2]);
                Undo::Weather
            }
            Kind::PartitionRing => {
                let count = nodes.len();
                let mut weather = world.weather();
                for (place, &one) in nodes.iter().enumerate() {
                    for (other_place, &other) in nodes.iter().enumerate() {
                        let apart = place.abs_diff(other_place);
                        if count > 3 && apart > 1 && apart < count - 1 {
                            weather.cut.insert((one, other));
                        }
                        // Of three, each reaches the next and hears the one before.
                        if count == 3 && (place + 2) % count == other_place {
                            weather.cut.insert((one, other));
                        }
                    }
                }
                Undo::Weather
            }
            Kind::PacketLoss => {
                world.weather().lost = random.random_range(20..=300);
                Undo::Weather
            }
            Kind::Reorder => {
                let mut weather = world.weather();
                weather.twice = random.random_range(0..=500);
                weather.late = random.random_range(100..=500);
                Undo::Weather
            }
            Kind::SlowLink => {
                let by = Duration::from_millis(random.random_range(20..150));
                world.weather().slow = Some((self.any(&mut random), by));
                Undo::Weather
            }
            Kind::ClockJump => {
                let id = self.clock_victim();
                world.time(id).jump(random.random_range(-JUMP_US_MAX..=JUMP_US_MAX));
                Undo::Clock(id)
            }
            Kind::ClockRate => {
                let id = self.clock_victim();
                world.time(id).run_at(random.random_range(RATE_PPM));
                Undo::Clock(id)
            }
            Kind::LeaderTransfer => {
                let id = self.leader(&mut random);
                let (_, node) = world.running(id)?;
                let others: Vec<NodeId> = nodes.into_iter().filter(|&other| other != id).collect();
                let to = *others.choose(&mut random)?;
                for shard in 0..world.shape().shards {
                    self.in_time(node.hand_over(ShardId(shard), to)).await;
                }
                Undo::Nothing
            }
            Kind::Snapshot => {
                let (_, node) = world.running(self.any(&mut random))?;
                for shard in 0..world.shape().shards {
                    self.in_time(node.compact(ShardId(shard))).await;
                }
                Undo::Nothing
            }
            Kind::LostDisk => {
                let spare = world.spare();
                let id = self.leader(&mut random);
                if world.lost().is_some() || id == spare || self.votes(spare) {
                    return None;
                }
                world.lose(id);
                Undo::Replace
            }
            Kind::MembershipChange => {
                let spare = world.spare();
                if world.lost().is_some() {
                    return None;
                }
                drop(tokio::spawn(change_all(Arc::clone(world), Some(spare), None)));
                Undo::Leave
            }
            Kind::KillApi => {
                let number = random.random_range(0..nodes.len());
                if !self.desk?.kill(number) {
                    return None;
                }
                Undo::StartApi(number)
            }
        })
    }

    /// Whether the node has a vote anywhere, or may have got one.
    fn votes(&self, id: NodeId) -> bool {
        let Some((_, node)) = self.world.running(id) else { return true };
        node.standings().iter().any(|standing| standing.last.is_some())
    }

    /// What is asked of a node that is paused is not waited for.
    async fn in_time(&self, asked: impl Future<Output = bool>) {
        tokio::time::timeout(ASK_MAX, asked).await.ok();
    }

    /// One machine has all the clocks that are wrong, so that a majority is always right.
    fn clock_victim(&self) -> NodeId {
        NodeId(1 + self.calm.delay_us_max % self.world.shape().nodes)
    }

    async fn end(&self, undo: Undo) {
        match undo {
            Undo::Nothing => {}
            Undo::Start(nodes) => {
                for (id, kept) in nodes {
                    // Where the order was not reached, the power goes now.
                    self.world.cut_power(id);
                    self.world.start(id, kept).await;
                }
            }
            Undo::Resume(id) => {
                if let Some((machine, _)) = self.world.running(id) {
                    machine.resume();
                }
            }
            Undo::Disk(id) => self.world.set_sync_us_max(id, SYNC_US_MAX),
            Undo::Weather => *self.world.weather() = self.calm.clone(),
            Undo::Clock(id) => self.world.repair_clock(id),
            Undo::Replace => drop(tokio::spawn(replace(Arc::clone(self.world)))),
            Undo::Leave => {
                if self.world.lost().is_none() {
                    let spare = self.world.spare();
                    drop(tokio::spawn(change_all(Arc::clone(self.world), None, Some(spare))));
                }
            }
            Undo::StartApi(number) => {
                if let Some(desk) = self.desk {
                    desk.start(number);
                }
            }
        }
    }

    /// Everything runs, reaches everything, and knows the time.
    async fn heal(&self) {
        *self.world.weather() = Weather { delay_us_max: 1_000, ..Weather::default() };
        for id in self.world.nodes() {
            self.world.set_sync_us_max(id, SYNC_US_MAX);
            if let Some((machine, _)) = self.world.running(id) {
                machine.resume();
            }
            self.world.start(id, Kept::Everything).await;
        }
        if let Some(desk) = self.desk {
            desk.start_all();
        }
        let deadline = Instant::now() + REPLACED_MAX;
        while !replace(Arc::clone(self.world)).await {
            if Instant::now() >= deadline {
                self.world.find(format!(
                    "the spare has not joined {REPLACED_MAX:?} after the last fault"
                ));
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        tracing::debug!(at = ?self.start.elapsed(), "healed");
    }
}

/// Asks every leader for the change of its members. Whether all of them made it.
async fn change_all(world: Arc<World>, join: Option<NodeId>, leave: Option<NodeId>) -> bool {
    let mut all = true;
    for shard in (0..world.shape().shards).map(ShardId) {
        let mut changed = false;
        for id in world.nodes() {
            let Some((_, node)) = world.running(id) else { continue };
            let asked = node.change_members(shard, join, leave);
            changed |= tokio::time::timeout(CHANGE_MAX, asked).await.unwrap_or(false);
        }
        all &= changed;
    }
    all
}

/// The spare takes the place of the machine that is lost. Whether it has it everywhere.
async fn replace(world: Arc<World>) -> bool {
    let Some(lost) = world.lost() else { return true };
    let spare = world.spare();
    change_all(world, Some(spare), Some(lost)).await
}
