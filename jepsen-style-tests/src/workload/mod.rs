//! Clients that buy, give back and look, and write down what they are told.
//!
//! Owns: what is asked, and its record. Must not: judge answers.
//!
//! Invariants:
//! - Each hold has an owner and a key of its own, so a booking at the end names its request.
//! - A worker that gets no answer goes on under a new process number.

pub mod crowd;
pub mod final_read;
pub mod stage;
pub mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rowlock_client::types::{Booking, Confirmed, SeatState as ClientSeat};
use rowlock_client::{Answered, Client, Error};
use rowlock_proto::{BookingId, RequestKey, UserId};

use crate::history::{BookingState, Function, Kind, Observed, Position, SeatState, Value};
use crate::recorder::Recorder;
use stage::{HOLD_TTL_MS, Stage, Stages};

/// Seats of one hold.
const SEATS_MAX: u32 = 4;
/// Holds that one worker keeps at a time.
const HOLDS_MAX: usize = 6;
/// When a hold that is left to lapse is looked at, around its end.
const LOOK_BEFORE_MS: u64 = 1_000;
const LOOK_AFTER_MS: u64 = 6_000;
/// A hold that still has not ended so long after its end is looked at no more.
const GIVE_UP_MS: u64 = 12_000;
/// A request whose outcome is unknown is sent again after up to this long, if at all.
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(2);

/// What all workers share.
#[derive(Debug)]
pub struct Shared {
    pub recorder: Recorder,
    pub stages: Stages,
    /// The next process number that nobody has had.
    pub processes: AtomicU64,
    /// Pause of one worker between operations, on average.
    pub pace: Duration,
    pub until: Duration,
}

struct Hold {
    stage: Arc<Stage>,
    owner: UserId,
    key: RequestKey,
    seats: Vec<u32>,
    booking: BookingId,
    total: u64,
    /// When the promise ends, in run time.
    due_ns: u64,
    /// Left to lapse: looked at, and never touched.
    watched: bool,
}

/// Something to send again under the same key.
enum Again {
    Hold { stage: Arc<Stage>, owner: UserId, key: RequestKey, seats: Vec<u32> },
    Confirm(Hold),
    Release(Hold),
}

/// One worker: asks one thing at a time.
pub struct Worker {
    shared: Arc<Shared>,
    client: Client,
    random: StdRng,
    process: u64,
    holds: Vec<Hold>,
    again: Vec<(u64, Again)>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("process", &self.process).finish_non_exhaustive()
    }
}

/// How an operation went, for the worker.
enum Told<T> {
    Done(T),
    /// Refused, or nothing was decided.
    No,
    Unknown,
}

impl Worker {
    pub fn new(shared: Arc<Shared>, client: Client, seed: u64) -> Self {
        let process = shared.processes.fetch_add(1, Ordering::Relaxed);
        let random = StdRng::seed_from_u64(seed ^ (process << 32));
        Self { shared, client, random, process, holds: Vec::new(), again: Vec::new() }
    }

    /// Works until the run's time is over.
    pub async fn run(mut self) {
        let clock = self.shared.recorder.clock();
        while clock.elapsed() < self.shared.until {
            self.step().await;
            let pace = self.shared.pace.as_secs_f64() * self.random.random_range(0.2..1.8);
            tokio::time::sleep(Duration::from_secs_f64(pace)).await;
        }
    }

    async fn step(&mut self) {
        let now_ns = self.shared.recorder.clock().now_ns();
        if let Some(due) = self.again.iter().position(|(at_ns, _)| *at_ns <= now_ns) {
            let (_, again) = self.again.swap_remove(due);
            return self.repeat(again).await;
        }
        let window = |hold: &Hold| {
            let (from, to) = (millis(LOOK_BEFORE_MS), millis(LOOK_AFTER_MS));
            hold.watched && now_ns + from >= hold.due_ns && now_ns <= hold.due_ns + to
        };
        self.holds.retain(|hold| now_ns <= hold.due_ns + millis(GIVE_UP_MS));
        let near: Vec<usize> =
            (0..self.holds.len()).filter(|&index| window(&self.holds[index])).collect();
        let free: Vec<usize> =
            (0..self.holds.len()).filter(|&index| !self.holds[index].watched).collect();
        match self.random.random_range(0..100) {
            0..50 if self.holds.len() < HOLDS_MAX => self.hold().await,
            0..62 => self.read().await,
            62..70 => match free.choose(&mut self.random) {
                Some(&index) => self.confirm(index).await,
                None => self.read().await,
            },
            70..90 => match free.choose(&mut self.random) {
                Some(&index) => self.release(index).await,
                None => self.hold().await,
            },
            _ => match near.choose(&mut self.random) {
                Some(&index) => self.look(index).await,
                None => self.read().await,
            },
        }
    }

    async fn repeat(&mut self, again: Again) {
        match again {
            Again::Hold { stage, owner, key, seats } => {
                self.ask_hold(stage, owner, key, seats).await
            }
            Again::Confirm(hold) => {
                self.holds.push(hold);
                self.confirm(self.holds.len() - 1).await;
            }
            Again::Release(hold) => {
                self.holds.push(hold);
                self.release(self.holds.len() - 1).await;
            }
        }
    }

    fn later(&mut self, again: Again) {
        let wait = Duration::from_secs_f64(self.random.random_range(0.0..1.0))
            .mul_f64(AGAIN_AFTER_MAX.as_secs_f64());
        let at_ns = self.shared.recorder.clock().now_ns() + nanos(wait);
        self.again.push((at_ns, again));
    }

    async fn pick(&mut self) -> Option<Arc<Stage>> {
        let (place, fresh) = (self.random.random_range(0..64), self.random.random());
        match self.shared.stages.pick(&self.client, place, fresh).await {
            Ok(stage) => Some(stage),
            Err(error) => {
                tracing::debug!(%error, "no event to ask for");
                None
            }
        }
    }

    async fn hold(&mut self) {
        let Some(stage) = self.pick().await else { return };
        let count = self.random.random_range(1..=SEATS_MAX);
        let mut seats: Vec<u32> = Vec::new();
        while seats.len() < usize::try_from(count).unwrap_or(1) {
            let seat = self.random.random_range(0..Stage::seats());
            if !seats.contains(&seat) {
                seats.push(seat);
            }
        }
        let (owner, key) = (UserId(self.random.random()), RequestKey(self.random.random()));
        self.ask_hold(stage, owner, key, seats).await;
    }

    async fn ask_hold(
        &mut self,
        stage: Arc<Stage>,
        owner: UserId,
        key: RequestKey,
        seats: Vec<u32>,
    ) {
        let value = Value {
            seats: seats.clone(),
            owner: Some(owner.to_string()),
            request_id: Some(key.to_string()),
            ttl_ms: Some(HOLD_TTL_MS),
            ..Value::default()
        };
        self.invoke(&stage, Function::Hold, &value);
        let answer = self.client.hold(stage.event, &seats, owner, key).await;
        let told = self.complete(&stage, Function::Hold, value, answer, booking_value);
        match told {
            Told::Done(booking) => {
                if self.random.random_bool(0.06) {
                    let seats = seats.clone();
                    self.later(Again::Hold { stage: Arc::clone(&stage), owner, key, seats });
                }
                if self.holds.iter().any(|hold| hold.booking == booking.id) {
                    return;
                }
                let watched = self.random.random_bool(0.3);
                let now_ns = self.shared.recorder.clock().now_ns();
                self.holds.push(Hold {
                    stage,
                    owner,
                    key,
                    seats,
                    booking: booking.id,
                    total: booking.total,
                    due_ns: now_ns + millis(HOLD_TTL_MS),
                    watched,
                });
            }
            Told::No if self.random.random_bool(0.05) => {
                self.later(Again::Hold { stage, owner, key, seats });
            }
            Told::Unknown if self.random.random_bool(0.7) => {
                self.later(Again::Hold { stage, owner, key, seats });
            }
            Told::No | Told::Unknown => {}
        }
    }

    async fn read(&mut self) {
        let Some(stage) = self.pick().await else { return };
        self.invoke(&stage, Function::Read, &Value::default());
        let answer = self.client.seats(stage.event).await;
        self.complete(&stage, Function::Read, Value::default(), answer, |seats, value| {
            seats_value(&seats.states, value);
        });
    }

    async fn look(&mut self, index: usize) {
        let hold = &self.holds[index];
        let (stage, booking) = (Arc::clone(&hold.stage), hold.booking);
        let value = Value {
            booking: Some(booking.to_string()),
            owner: Some(hold.owner.to_string()),
            ..Value::default()
        };
        self.invoke(&stage, Function::Expire, &value);
        let answer = self.client.booking(booking).await;
        if let Told::Done(booking) =
            self.complete(&stage, Function::Expire, value, answer, booking_value)
            && booking.state != rowlock_client::types::BookingState::Held
        {
            // Kept for a second look now and then: what ended stays ended.
            if self.random.random_bool(0.7) {
                self.holds.retain(|hold| hold.booking != booking.id);
            }
        }
    }

    async fn release(&mut self, index: usize) {
        let hold = self.holds.swap_remove(index);
        let value = change_value(&hold, "release");
        self.invoke(&hold.stage, Function::Release, &value);
        let key = RequestKey(hold.key.0 ^ 1);
        let answer = self.client.release(hold.booking, hold.owner, key).await;
        let told = self.complete(&hold.stage, Function::Release, value, answer, |_, value| {
            value.state = Some(Observed::Booking(BookingState::Released));
        });
        if matches!(told, Told::Unknown) && self.random.random_bool(0.7) {
            self.later(Again::Release(hold));
        }
    }

    async fn confirm(&mut self, index: usize) {
        let hold = self.holds.swap_remove(index);
        let value = change_value(&hold, "confirm");
        self.invoke(&hold.stage, Function::Confirm, &value);
        let answer = self.pay(&hold).await;
        let told = self.complete(&hold.stage, Function::Confirm, value, answer, booking_value);
        if matches!(told, Told::Unknown) && self.random.random_bool(0.7) {
            self.later(Again::Confirm(hold));
        }
    }

    /// The fence from begin to confirm, as one operation.
    async fn pay(&self, hold: &Hold) -> Result<Answered<Booking>, Error> {
        let key = |step: u128| RequestKey(hold.key.0 ^ step);
        let (id, owner) = (hold.booking, hold.owner);
        let begun = self.client.begin_payment(id, hold.total, owner, key(2)).await?;
        if begun.value.booking.state == rowlock_client::types::BookingState::Confirmed {
            return Ok(begun.map(|begun| begun.booking));
        }
        let attempt = begun.value.attempt;
        let intent = format!("intent-{}", hold.key);
        // From here on the booking is in payment: what fails now has had an effect.
        let in_payment = |error| match error {
            Error::Unavailable { .. } => Error::Unknown,
            Error::Refused(_) | Error::Unknown => error,
        };
        let attached = self.client.attach_intent(id, attempt, &intent, owner, key(4)).await;
        attached.map_err(in_payment)?;
        let confirmed = self.client.confirm_payment(id, attempt, &intent, owner, key(8)).await;
        let confirmed = confirmed.map_err(in_payment)?;
        Ok(confirmed.map(|outcome| match outcome {
            Confirmed::Sold(booking) | Confirmed::RefundDue(booking) => booking,
        }))
    }

    fn invoke(&self, stage: &Stage, f: Function, value: &Value) {
        stage.begin();
        self.shared.recorder.record(self.process, Kind::Invoke, f, &stage.key, value.clone(), None);
    }

    fn complete<T>(
        &mut self,
        stage: &Stage,
        f: Function,
        mut value: Value,
        answer: Result<Answered<T>, Error>,
        show: impl FnOnce(&T, &mut Value),
    ) -> Told<T> {
        let process = self.process;
        let (kind, at, told) = match answer {
            Ok(answered) => {
                show(&answered.value, &mut value);
                (Kind::Ok, Some(position(&answered.at, &mut value)), Told::Done(answered.value))
            }
            Err(Error::Refused(refusal)) => {
                value.refused = Some(refusal.code.as_str().to_owned());
                value.taken = refusal.seats;
                (Kind::Fail, None, Told::No)
            }
            Err(Error::Unavailable { .. }) => (Kind::Fail, None, Told::No),
            Err(Error::Unknown) => {
                stage.lose();
                self.process = self.shared.processes.fetch_add(1, Ordering::Relaxed);
                (Kind::Info, None, Told::Unknown)
            }
        };
        self.shared.recorder.record(process, kind, f, &stage.key, value, at);
        told
    }
}

fn change_value(hold: &Hold, what: &str) -> Value {
    Value {
        seats: hold.seats.clone(),
        owner: Some(hold.owner.to_string()),
        booking: Some(hold.booking.to_string()),
        request_id: Some(format!("{}-{what}", hold.key)),
        ..Value::default()
    }
}

fn position(at: &rowlock_client::Position, value: &mut Value) -> Position {
    value.offset = Some(at.offset);
    value.first_index = (at.first_index != 0).then_some(at.first_index);
    Position {
        shard: at.shard,
        term: at.term,
        index: at.index,
        revision: at.revision,
        log_time_ms: at.log_time_ms,
    }
}

fn booking_value(booking: &Booking, value: &mut Value) {
    use rowlock_client::types::BookingState as Client;
    value.seats.clone_from(&booking.seats);
    value.owner = Some(booking.user.to_string());
    value.booking = Some(booking.id.to_string());
    value.expires_ms = Some(booking.expires_ms);
    value.state = Some(Observed::Booking(match booking.state {
        Client::Held => BookingState::Held,
        Client::Paying => BookingState::Paying,
        Client::Confirmed => BookingState::Confirmed,
        Client::Released => BookingState::Released,
        Client::Expired => BookingState::Expired,
        Client::RefundDue => BookingState::RefundDue,
        Client::Refunded => BookingState::Refunded,
        Client::Capturing => BookingState::Capturing,
    }));
}

fn seats_value(states: &[ClientSeat], value: &mut Value) {
    value.seats = (0..).take(states.len()).collect();
    let state = |state: &ClientSeat| match state {
        ClientSeat::Available => SeatState::Available,
        ClientSeat::Held => SeatState::Held,
        ClientSeat::Sold => SeatState::Sold,
        ClientSeat::Blocked => SeatState::Blocked,
    };
    value.state = Some(Observed::Seats(states.iter().map(state).collect()));
}

fn millis(ms: u64) -> u64 {
    ms * 1_000_000
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
