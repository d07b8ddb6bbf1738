//! Proposes what time brings: the retirement of holds that are due, the end of sales, the refunds of
//! cancelled events, the steps of waiting rooms, and the letting go of what nobody needs any more.
//!
//! No seat and no sale depends on it: a hold that is due and a sale whose time has come count as ended
//! for every reader and every command. It only bounds how long the records stay, when watchers hear of
//! it, and when the buyers of a cancelled event get to see their refund.

use std::sync::Arc;
use std::time::Duration;

use rowlock_proto::RequestKey;
use rowlock_raft_store::inventory::{
    COLLECT_MAX, Command, CommandKind, EXPIRE_MAX, LifeCommand, QueueCommand, SYSTEM, State,
    TEND_MAX,
};
use tokio_util::sync::CancellationToken;

use super::{AnswerTo, Call, Group, Groups};
use crate::clock::Clock;

/// P5: the latest that a due hold is looked at.
const INTERVAL: Duration = Duration::from_millis(200);
/// While more is due than one command does.
const BUSY_INTERVAL: Duration = Duration::from_millis(20);
const TIMEOUT: Duration = Duration::from_secs(2);
/// Waiting rooms of one group that are looked after at once; others are next.
const QUEUES_MAX: usize = 16;

/// The sweeper of all groups of a node.
#[derive(Debug)]
pub(crate) struct Sweeper {
    pub(crate) groups: Arc<Groups>,
    pub(crate) clock: Arc<Clock>,
}

impl Sweeper {
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut pause = INTERVAL;
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep(pause) => {}
                () = shutdown.cancelled() => return,
            }
            let swept = self.groups.iter().filter(|group| self.sweep(group)).count();
            pause = if swept > 0 { BUSY_INTERVAL } else { INTERVAL };
        }
    }

    /// Proposes if this node leads the group and something is due. Whether it did.
    fn sweep(&self, group: &Group) -> bool {
        if !group.is_leader() {
            return false;
        }
        let Some(now_ms) = self.clock.stamp_ms(self.clock.now()) else { return false };
        // P5: due by the time that the command will be stamped with.
        let look = |state: &State| {
            let queues = state.queue_steps_due(now_ms, QUEUES_MAX);
            (state.next_deadline_ms(), state.next_tend_ms(), state.next_collect(), queues)
        };
        let (deadline_ms, tend_ms, collect, queues) = group.state().read(look).unwrap_or_default();
        let is_due = |at_ms: Option<u64>| at_ms.is_some_and(|at_ms| at_ms <= now_ms);
        let mut kinds = Vec::new();
        if is_due(deadline_ms) {
            kinds.push(CommandKind::ExpireDue { max: EXPIRE_MAX });
        }
        if is_due(tend_ms) {
            kinds.push(CommandKind::Life(LifeCommand::Tend { max: TEND_MAX }));
        }
        if let Some((_, event)) = collect.filter(|&(at_ms, _)| at_ms <= now_ms) {
            // One event a round: nobody waits for it.
            let collect = LifeCommand::Collect { event, max: COLLECT_MAX };
            kinds.push(CommandKind::Life(collect));
        }
        let step = |event| CommandKind::Queue(QueueCommand::Step { event });
        kinds.extend(queues.into_iter().map(step));
        let busy = !kinds.is_empty();
        for kind in kinds {
            Self::propose(group, kind);
        }
        busy
    }

    fn propose(group: &Group, kind: CommandKind) {
        group.propose(Call {
            id: 0,
            body: Command { principal: SYSTEM, key: RequestKey(0), kind },
            deadline: tokio::time::Instant::now() + TIMEOUT,
            answer_to: AnswerTo::Nobody,
        });
    }
}
