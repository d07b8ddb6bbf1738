//! What readers see of a queue. A pass that is over reads as ended, whether or not a step was there.

use rowlock_proto::ids::{EventId, UserId};

use super::{Drawn, MINUTE_MS, Phase, Queue, QueueRules};
use crate::inventory::State;

/// Where a user's entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In the draw, which is not made yet, or behind it.
    InDraw,
    Waiting,
    /// May hold.
    Admitted,
    /// Had a pass: its time is over, something was bought, or it was given back.
    Over,
    /// Gave up while waiting.
    Left,
}

/// A user's place in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceView {
    pub event: EventId,
    pub user: UserId,
    pub entry: u32,
    pub standing: Standing,
    /// From 1; 0: not known, or not waiting.
    pub position: u32,
    /// How many wait before.
    pub ahead: u32,
    /// How long it is going to take, if all goes on as it does; `None`: can't be said.
    pub wait_ms: Option<u64>,
    /// What the user was told; 0: not admitted.
    pub admitted_until_ms: u64,
}

/// A queue as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueView {
    pub event: EventId,
    pub rules: QueueRules,
    pub phase: Phase,
    pub drawn: Drawn,
    /// Entries that were ever made, those that left too.
    pub entries: u32,
    pub waiting: u32,
    pub shopping: u32,
    pub admitted: u64,
}

/// What commands to a queue are answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueReply {
    Place(Box<PlaceView>),
    /// What a step did, and whether more is due.
    Stepped {
        admitted: u32,
        ended: u32,
        more: bool,
    },
}

impl Queue {
    /// Whether the entry is neither given up nor admitted.
    pub(super) fn waits(&self, entry: u32) -> bool {
        let passed = || {
            let place = self.place(entry).filter(|_| self.phase == Phase::Admitting);
            place.is_some_and(|place| place < self.counters.head)
        };
        !self.has_left(entry) && !passed()
    }

    fn phase_at(&self, now_ms: u64) -> Phase {
        match self.phase {
            Phase::Entering if now_ms < self.rules.opens_ms => Phase::Entering,
            Phase::Entering if self.entries.is_empty() => Phase::Admitting,
            Phase::Entering => Phase::Drawing,
            Phase::Drawing | Phase::Admitting | Phase::Closed => self.phase,
        }
    }

    /// How many shop whose passes are not over.
    fn shopping(&self, now_ms: u64, grace_ms: u64) -> u32 {
        let over = self.ends.iter();
        let over = over.take_while(|(until_ms, _)| until_ms.saturating_add(grace_ms) <= now_ms);
        super::count(self.passes.len() - over.count())
    }

    /// A guess: at the rate, or as the shoppers' passes run out, whichever is slower.
    fn wait_ms(&self, ahead: u32) -> Option<u64> {
        let admission = self.rules.admission;
        if admission.paused {
            return None;
        }
        let before = u64::from(ahead) + 1;
        let by_rate = before * MINUTE_MS / u64::from(admission.rate_per_minute.max(1));
        let turns = u64::from(ahead) / u64::from(admission.shopping_max.max(1));
        let by_turns = turns * admission.pass_ms;
        Some(match (admission.rate_per_minute, admission.shopping_max) {
            (0, _) => by_turns,
            (_, 0) => by_rate,
            _ => by_rate.max(by_turns),
        })
    }

    /// Whether a step would do something.
    pub(super) fn is_step_due(&self, now_ms: u64, grace_ms: u64) -> bool {
        let over = self.ends.first();
        if over.is_some_and(|(until_ms, _)| until_ms.saturating_add(grace_ms) <= now_ms) {
            return true;
        }
        match self.phase {
            Phase::Entering => now_ms >= self.rules.opens_ms,
            Phase::Drawing => self.drawn.seed.is_some() || now_ms >= self.rules.reveal_by_ms,
            Phase::Admitting => self.waiting > 0 && self.room(self.credit_at(now_ms)) > 0,
            Phase::Closed => false,
        }
    }

    fn place_view(
        &self,
        event: EventId,
        user: UserId,
        now_ms: u64,
        grace_ms: u64,
    ) -> Option<PlaceView> {
        let entry = self.by_user.get(&user)?.entry;
        let mut view = PlaceView {
            event,
            user,
            entry,
            standing: Standing::InDraw,
            position: 0,
            ahead: 0,
            wait_ms: None,
            admitted_until_ms: 0,
        };
        let pass = self.pass_of(entry).map(|(_, pass)| pass);
        let pass = pass.filter(|pass| pass.until_ms.saturating_add(grace_ms) > now_ms);
        if let Some(pass) = pass {
            view.standing = Standing::Admitted;
            view.admitted_until_ms = pass.until_ms;
        } else if self.has_left(entry) {
            view.standing = Standing::Left;
        } else if !self.waits(entry) {
            view.standing = Standing::Over;
        } else if self.phase == Phase::Admitting {
            view.standing = Standing::Waiting;
            view.ahead = self.ahead(self.place(entry)?);
            view.position = view.ahead + 1;
            view.wait_ms = self.wait_ms(view.ahead);
        }
        Some(view)
    }
}

impl State {
    /// A user's place in the queue of an event.
    pub fn queue_place(&self, id: EventId, user: UserId) -> Option<PlaceView> {
        let queue = self.events.get(&id)?.queue.as_deref()?;
        queue.place_view(id, user, self.log.clock_ms, 2 * self.config.clock_bound_ms)
    }

    pub fn queue(&self, id: EventId) -> Option<QueueView> {
        let queue = self.events.get(&id)?.queue.as_deref()?;
        let now_ms = self.log.clock_ms;
        let phase = queue.phase_at(now_ms);
        let mut drawn = queue.drawn.clone();
        if queue.phase == Phase::Entering && phase != Phase::Entering {
            drawn.entries = queue.total();
        }
        Some(QueueView {
            event: id,
            rules: queue.rules.clone(),
            phase,
            drawn,
            entries: queue.total(),
            waiting: queue.waiting,
            shopping: queue.shopping(now_ms, 2 * self.config.clock_bound_ms),
            admitted: queue.counters.admitted,
        })
    }

    /// Events whose queue has something to do at `now_ms`, at most `max`.
    pub fn queue_steps_due(&self, now_ms: u64, max: usize) -> Vec<EventId> {
        let now_ms = now_ms.max(self.log.clock_ms);
        let grace_ms = 2 * self.config.clock_bound_ms;
        let due = self.queues.iter().filter(|&id| {
            let Some(event) = self.events.get(id) else { return false };
            let over = event.spec.date_ms <= now_ms;
            over || event.queue.as_ref().is_some_and(|queue| queue.is_step_due(now_ms, grace_ms))
        });
        due.take(max).copied().collect()
    }
}
