//! What the commands do. Each first sees whether entries for the draw have closed by now.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{EventId, UserId};
use sha2::{Digest as _, Sha256};

use super::change::{PassEnd, QueueChange};
use super::command::PUBLIC_VALUE_BYTES_MAX;
use super::{
    ADMIT_MAX, Admission, ENTRIES_MAX, ENTRIES_PER_BLOCK, ENTRIES_PER_USER_MAX, LEFT_PER_BLOCK,
    PASSES_PER_BLOCK, PLACE_MAX, Pass, Phase, Queue, QueueCommand, QueueReply, QueueRules, draw,
};
use crate::inventory::change::ChangeKind;
use crate::inventory::event::Event;
use crate::inventory::hold::event_no;
use crate::inventory::planted::{Mistake, planted};
use crate::inventory::record::{EventNo, RecordKey};
use crate::inventory::reply::{Answer, EventState, Refusal, Reply};
use crate::inventory::{Outbox, SYSTEM, State, refuse};

impl Outbox {
    fn note_queue(&mut self, event: EventId, change: QueueChange) {
        self.note(ChangeKind::Queue { event, change });
    }
    fn touch_left(&mut self, no: EventNo, entry: u32) {
        if !planted(Mistake::LeftNotWritten) {
            self.touch(RecordKey::QueueLeft(no, entry / LEFT_PER_BLOCK));
        }
    }
    fn touch_pass(&mut self, no: EventNo, place: u32) {
        self.touch(RecordKey::QueuePasses(no, place / PASSES_PER_BLOCK));
    }
}

/// The event's queue, with the log: they are changed together.
struct Open<'a> {
    event: EventId,
    no: EventNo,
    queue: &'a mut Queue,
    log: &'a mut Outbox,
    /// How long after what it was told a pass ends.
    grace_ms: u64,
}

impl State {
    pub(in crate::inventory) fn queue_command(
        &mut self,
        principal: UserId,
        command: &QueueCommand,
    ) -> Answer {
        match command {
            QueueCommand::Open { event, rules } => self.open_queue(*event, rules),
            QueueCommand::SetAdmission { event, admission } => {
                self.in_queue(*event, |open| open.set_admission(*admission))
            }
            QueueCommand::Join { event } => self.join_queue(principal, *event),
            QueueCommand::Leave { event } => {
                self.in_queue(*event, |open| open.leave(principal))?;
                self.place_answer(*event, principal)
            }
            QueueCommand::FixPublicValue { event, value } => {
                self.in_queue(*event, |open| open.fix(value))
            }
            QueueCommand::Reveal { event, secret } => {
                self.in_queue(*event, |open| open.reveal(*secret))
            }
            QueueCommand::Step { event } => {
                let over = self.events.get(event).map(|event| event.spec.date_ms);
                if over.is_some_and(|over_ms| over_ms <= self.log.clock_ms) {
                    return self.close_queue(*event);
                }
                self.in_queue(*event, |open| open.step())
            }
            QueueCommand::Close { event } => self.close_queue(*event),
        }
    }

    fn open_queue(&mut self, id: EventId, rules: &QueueRules) -> Answer {
        let now_ms = self.log.clock_ms;
        let Some(event) = self.events.get_mut(&id) else {
            return refuse(ErrorCode::EventNotFound);
        };
        if let Some(queue) = &event.queue {
            // The admission may have changed since: it is no part of what the queue is.
            let admission = queue.rules.admission;
            if queue.rules == (QueueRules { admission, ..rules.clone() }) {
                return Ok(Reply::Done);
            }
            if queue.phase != Phase::Closed {
                return refuse(ErrorCode::QueueExists);
            }
        }
        if event.state == EventState::Cancelled || event.retention.is_archived() {
            return refuse(ErrorCode::EventStateConflict);
        }
        // P8: the commitment stands in the log before the first entry.
        if rules.draw_opens_ms < rules.opens_ms && rules.draw_opens_ms <= now_ms {
            let (limit, detail) = (now_ms, "the draw would be open already".to_owned());
            return Err(Refusal { limit, detail, ..Refusal::of(ErrorCode::QueueStateConflict) });
        }
        event.queue = Some(Box::new(Queue::new(rules.clone())));
        self.log.touch(RecordKey::Queue(event_no(event)));
        self.queues.insert(id);
        let rules = Box::new(rules.clone());
        self.log.note_queue(id, QueueChange::Opened { rules });
        Ok(Reply::Done)
    }

    /// Does something with a queue that is not closed.
    fn in_queue(&mut self, id: EventId, work: impl FnOnce(&mut Open<'_>) -> Answer) -> Answer {
        let grace_ms = 2 * self.config.clock_bound_ms;
        let Some(event) = self.events.get_mut(&id) else {
            return refuse(ErrorCode::EventNotFound);
        };
        let no = event_no(event);
        let Some(queue) = event.queue.as_deref_mut() else {
            return refuse(ErrorCode::QueueNotFound);
        };
        if queue.phase == Phase::Closed {
            return refuse(ErrorCode::QueueClosed);
        }
        let mut open = Open { event: id, no, queue, log: &mut self.log, grace_ms };
        open.settle();
        work(&mut open)
    }

    fn join_queue(&mut self, user: UserId, id: EventId) -> Answer {
        let now_ms = self.log.clock_ms;
        if let Some(event) = self.events.get(&id)
            && (event.state == EventState::Cancelled || event.spec.date_ms <= now_ms)
        {
            return refuse(ErrorCode::SaleClosed);
        }
        self.in_queue(id, |open| open.join(user))?;
        self.place_answer(id, user)
    }

    pub(in crate::inventory) fn close_queue(&mut self, id: EventId) -> Answer {
        let Some(event) = self.events.get_mut(&id) else {
            return refuse(ErrorCode::EventNotFound);
        };
        let no = event_no(event);
        let Some(queue) = event.queue.as_deref_mut() else {
            return refuse(ErrorCode::QueueNotFound);
        };
        if queue.phase == Phase::Closed {
            return Ok(Reply::Done);
        }
        for key in queue_keys(no, queue) {
            self.log.touch(key);
        }
        let (rules, drawn, admitted) =
            (queue.rules.clone(), queue.drawn.clone(), queue.counters.admitted);
        // The feed has all of it; here nobody needs entries any more.
        *queue = Queue { phase: Phase::Closed, drawn, ..Queue::new(rules) };
        queue.counters.admitted = admitted;
        self.queues.remove(&id);
        self.log.note_queue(id, QueueChange::Closed);
        Ok(Reply::Done)
    }

    /// Whether `user` may hold in the event: a guarded one needs a pass. Staff need none.
    pub(in crate::inventory) fn judge_pass(
        &self,
        event: &Event,
        user: UserId,
    ) -> Result<(), Refusal> {
        let Some(queue) = event.queue.as_deref().filter(|queue| queue.phase != Phase::Closed)
        else {
            return Ok(());
        };
        let latest = queue.by_user.get(&user);
        let pass = latest.and_then(|latest| queue.pass_of(latest.entry));
        let good = pass.is_some_and(|(_, pass)| self.due_at(pass.until_ms) > self.log.clock_ms);
        if good || user == SYSTEM || planted(Mistake::PassUnchecked) {
            Ok(())
        } else {
            Err(Refusal::of(ErrorCode::QueuePassNeeded))
        }
    }

    /// A booking was paid: its user has shopped, and makes room for the next. Who wants more enters
    /// again; otherwise those who are in first could go on buying while others wait.
    pub(in crate::inventory) fn shopping_done(&mut self, id: EventId, user: UserId) {
        let grace_ms = 2 * self.config.clock_bound_ms;
        let Some(event) = self.events.get_mut(&id) else { return };
        let no = event_no(event);
        let Some(queue) = event.queue.as_deref_mut() else { return };
        let entry = queue.by_user.get(&user).map(|latest| latest.entry);
        let Some((place, _)) = entry.and_then(|entry| queue.pass_of(entry)) else { return };
        if planted(Mistake::PassKept) {
            return;
        }
        let mut open = Open { event: id, no, queue, log: &mut self.log, grace_ms };
        open.end_passes(&[place], PassEnd::Bought);
    }

    pub(in crate::inventory) fn place_answer(&self, id: EventId, user: UserId) -> Answer {
        match self.queue_place(id, user) {
            Some(view) => Ok(Reply::Queue(QueueReply::Place(Box::new(view)))),
            None => refuse(ErrorCode::QueueNotJoined),
        }
    }
}

/// Keys of all records of a queue.
pub(in crate::inventory) fn queue_keys(
    no: EventNo,
    queue: &Queue,
) -> impl Iterator<Item = RecordKey> {
    let total = queue.total();
    let passes: std::collections::BTreeSet<u32> =
        queue.passes.keys().map(|place| place / PASSES_PER_BLOCK).collect();
    std::iter::once(RecordKey::Queue(no))
        .chain(
            (0..total.div_ceil(ENTRIES_PER_BLOCK)).map(move |it| RecordKey::QueueEntries(no, it)),
        )
        .chain((0..total.div_ceil(LEFT_PER_BLOCK)).map(move |it| RecordKey::QueueLeft(no, it)))
        .chain(passes.into_iter().map(move |it| RecordKey::QueuePasses(no, it)))
}

impl Open<'_> {
    fn note(&mut self, change: QueueChange) {
        self.log.note_queue(self.event, change);
    }
    fn touch(&mut self) {
        self.log.touch(RecordKey::Queue(self.no));
    }

    /// Closes the entries for the draw if it is time.
    fn settle(&mut self) {
        let now_ms = self.log.clock_ms;
        if self.queue.phase == Phase::Entering && now_ms >= self.queue.rules.opens_ms {
            self.queue.close_entries(now_ms);
            self.touch();
            self.note(QueueChange::EntriesClosed { entries: self.queue.drawn.entries });
        }
    }

    fn set_admission(&mut self, admission: Admission) -> Answer {
        if self.queue.rules.admission != admission {
            if self.queue.phase == Phase::Admitting {
                // What the old rate made due stays due.
                self.queue.credit(self.log.clock_ms);
            }
            self.queue.rules.admission = admission;
            self.touch();
            self.note(QueueChange::AdmissionSet { admission });
        }
        Ok(Reply::Done)
    }

    fn join(&mut self, user: UserId) -> Answer {
        let now_ms = self.log.clock_ms;
        let opens_ms = self.queue.rules.draw_opens_ms;
        if now_ms < opens_ms {
            return Err(Refusal { limit: opens_ms, ..Refusal::of(ErrorCode::QueueNotOpen) });
        }
        if let Some(latest) = self.queue.by_user.get(&user).copied() {
            let (waits, left) = (self.waits(latest.entry), self.queue.has_left(latest.entry));
            let shops =
                self.queue.pass_of(latest.entry).is_some_and(|(_, pass)| !self.is_over(&pass));
            if waits || shops {
                return Ok(Reply::Done);
            }
            if left && self.queue.phase == Phase::Entering && !planted(Mistake::RejoinedTwice) {
                self.queue.revive(latest.entry);
                self.log.touch_left(self.no, latest.entry);
                self.note(QueueChange::Joined { user, entry: latest.entry });
                return Ok(Reply::Done);
            }
            if latest.entries >= ENTRIES_PER_USER_MAX {
                let limit = ENTRIES_PER_USER_MAX.into();
                return Err(Refusal { limit, ..Refusal::of(ErrorCode::LimitExceeded) });
            }
            // The pass that is over ends here, or it would be another entry's.
            if let Some((place, _)) = self.queue.pass_of(latest.entry) {
                self.end_passes(&[place], PassEnd::Over);
            }
        }
        if self.queue.total() >= ENTRIES_MAX {
            return refuse(ErrorCode::QueueFull);
        }
        let entry = self.queue.enter(user);
        self.log.touch(RecordKey::QueueEntries(self.no, entry / ENTRIES_PER_BLOCK));
        self.note(QueueChange::Joined { user, entry });
        Ok(Reply::Done)
    }

    /// Whether the entry is neither given up nor admitted.
    fn waits(&self, entry: u32) -> bool {
        self.queue.waits(entry)
    }

    fn is_over(&self, pass: &Pass) -> bool {
        pass.until_ms.saturating_add(self.grace_ms) <= self.log.clock_ms
    }

    fn leave(&mut self, user: UserId) -> Answer {
        let Some(entry) = self.queue.by_user.get(&user).map(|latest| latest.entry) else {
            return refuse(ErrorCode::QueueNotJoined);
        };
        if let Some((place, pass)) = self.queue.pass_of(entry) {
            let why = if self.is_over(&pass) { PassEnd::Over } else { PassEnd::Left };
            self.end_passes(&[place], why);
        } else if self.waits(entry) {
            self.queue.give_up(entry);
            self.log.touch_left(self.no, entry);
            self.note(QueueChange::Left { user, entry });
        }
        Ok(Reply::Done)
    }

    fn fix(&mut self, value: &[u8]) -> Answer {
        if self.queue.drawn.public_value == value {
            return Ok(Reply::Done);
        }
        // P8: fixed once, after the last entry of the draw and before anybody knows the secret.
        if self.queue.phase != Phase::Drawing
            || !self.queue.drawn.public_value.is_empty()
            || self.queue.drawn.seed.is_some()
            || value.is_empty()
            || value.len() > PUBLIC_VALUE_BYTES_MAX
        {
            return refuse(ErrorCode::QueueStateConflict);
        }
        self.queue.drawn.public_value = value.to_vec();
        self.touch();
        self.note(QueueChange::PublicValueFixed { value: value.to_vec() });
        Ok(Reply::Done)
    }

    fn reveal(&mut self, secret: [u8; 32]) -> Answer {
        if self.queue.drawn.secret == Some(secret) {
            return Ok(Reply::Done);
        }
        let drawn = &self.queue.drawn;
        let ready = self.queue.phase == Phase::Drawing
            && !drawn.public_value.is_empty()
            && drawn.seed.is_none();
        if !ready {
            return refuse(ErrorCode::QueueStateConflict);
        }
        if <[u8; 32]>::from(Sha256::digest(secret)) != self.queue.rules.commitment {
            return refuse(ErrorCode::QueueSecretWrong);
        }
        self.queue.drawn.secret = Some(secret);
        let seed = draw::seed(&secret, &self.queue.drawn.public_value);
        self.draw(seed);
        Ok(Reply::Done)
    }

    fn draw(&mut self, seed: [u8; 32]) {
        self.queue.set_seed(seed);
        self.touch();
        let secret = self.queue.drawn.secret;
        let public_value = self.queue.drawn.public_value.clone();
        self.note(QueueChange::Drawn { secret, public_value, seed });
        self.queue.place_holes(PLACE_MAX, self.log.clock_ms);
    }

    /// Whatever time has made due, so much at most that the shard is not kept.
    fn step(&mut self) -> Answer {
        let now_ms = self.log.clock_ms;
        let drawing = self.queue.phase == Phase::Drawing;
        if drawing && self.queue.drawn.seed.is_some() {
            self.queue.place_holes(PLACE_MAX, now_ms);
            self.touch();
        } else if drawing && now_ms >= self.queue.rules.reveal_by_ms {
            let value = &self.queue.drawn.public_value;
            let seed = draw::fallback_seed(&self.queue.rules.commitment, value);
            self.draw(seed);
        }
        let due: Vec<u32> = self
            .queue
            .ends
            .iter()
            .take_while(|(until_ms, _)| until_ms.saturating_add(self.grace_ms) <= now_ms)
            .take(ADMIT_MAX as usize)
            .map(|&(_, place)| place)
            .collect();
        self.end_passes(&due, PassEnd::Over);
        let mut admitted = Vec::new();
        if self.queue.phase == Phase::Admitting {
            self.queue.credit(now_ms);
            self.touch();
            let until_ms = now_ms.saturating_add(self.queue.rules.admission.pass_ms);
            let from = self.queue.counters.head;
            let room = self.queue.room(self.queue.counters.credit).min(ADMIT_MAX);
            admitted = self.queue.admit(room, until_ms);
            for block in from / PASSES_PER_BLOCK..=self.queue.counters.head / PASSES_PER_BLOCK {
                if !admitted.is_empty() {
                    self.log.touch(RecordKey::QueuePasses(self.no, block));
                }
            }
            if !admitted.is_empty() {
                let users = admitted.clone();
                self.note(QueueChange::Admitted { users, until_ms });
            }
        }
        let (admitted, ended) = (super::count(admitted.len()), super::count(due.len()));
        let more = self.queue.is_step_due(now_ms, self.grace_ms);
        Ok(Reply::Queue(QueueReply::Stepped { admitted, ended, more }))
    }

    fn end_passes(&mut self, places: &[u32], why: PassEnd) {
        let mut users = Vec::new();
        for &place in places {
            let Some(pass) = self.queue.end_pass(place) else { continue };
            self.log.touch_pass(self.no, place);
            let user = self.queue.entries.get(pass.entry as usize).copied();
            users.extend(user.map(|user| (user, pass.entry)));
        }
        if !users.is_empty() {
            self.note(QueueChange::PassesEnded { users, why });
        }
    }
}
