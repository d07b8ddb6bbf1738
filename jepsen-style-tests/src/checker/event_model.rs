//! What one event may answer: the sequential specification that histories are compared with.
//!
//! Owns: the meaning of hold, confirm, release, read and expire, written apart from the inventory
//! itself. Must not: share code with it.
//!
//! ```text
//! nothing --hold--> held --confirm--> sold
//!    |                |--release----> released
//!    '--refused       '--time-------> lapsed
//! ```
//!
//! Requests with one key are one *grant*: whichever of them takes effect first decides, the others
//! repeat its answer. Time is nondeterminism: a held grant may lapse at any moment from the end of
//! its promise on, so it is taken to have lapsed when an answer says so, and not before.
//!
//! Invariants:
//! - P1, P2: a grant is held only if every one of its seats is free, and all of them go together.
//! - P5: no grant lapses before its hold was asked for plus its time, nor, where the log's clock is
//!   known, before the log time that was told.

use std::collections::BTreeMap;

use super::search::{Model, Span, scatter};
use crate::history::{BookingState, Function, Observed, Operation, Outcome, Position, SeatState};

/// Refusals that an answer may carry; any other is a finding of its own.
pub const SEAT_TAKEN: &str = "seat-taken";
pub const BOOKING_EXPIRED: &str = "booking-expired";
pub const BOOKING_STATE_CONFLICT: &str = "booking-state-conflict";

const NANOS_PER_MILLI: u64 = 1_000_000;

/// One request key, or one booking, and all that was asked about it.
#[derive(Clone, Debug)]
struct Grant {
    owner: Option<String>,
    seats: Vec<usize>,
    booking: Option<String>,
    /// The earliest moment at which the hold may have lapsed.
    lapse_ns: u64,
    /// The same in log time, if the answer told it.
    lapse_log_ms: Option<u64>,
    /// When the first payment was asked for: from then on the hold may be in payment.
    payment_ns: Option<u64>,
    /// Key of the payment and of the release that were asked for.
    confirm_key: Option<String>,
    release_key: Option<String>,
    /// What a definite answer says of the hold: granted, or refused over these seats.
    answer: Option<Answer>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Answer {
    Granted,
    Taken(Vec<usize>),
}

#[derive(Clone, Debug)]
enum Action {
    Hold {
        grant: usize,
    },
    Confirm {
        grant: usize,
        repeats: bool,
    },
    Release {
        grant: usize,
        repeats: bool,
    },
    /// Confirm or release was refused since the time was over.
    TooLate {
        grant: usize,
    },
    /// Confirm or release was refused since the booking is past that, or in payment.
    Conflict {
        grant: usize,
    },
    ReadSeats(Vec<(usize, SeatState)>),
    ReadBooking {
        grant: usize,
        state: BookingState,
    },
    /// No state explains this answer.
    Never,
    /// Says nothing about seats.
    Nothing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Nothing,
    Refused,
    Held,
    Sold,
    Released,
    Lapsed,
}

/// Phases of all grants, and who has each seat.
#[derive(Clone, Debug)]
pub struct State {
    phases: Vec<Phase>,
    seats: Vec<Option<usize>>,
    fingerprint: u128,
}

/// The operations of one event, ready to be replayed.
#[derive(Debug)]
pub struct EventModel {
    grants: Vec<Grant>,
    actions: Vec<Action>,
    spans: Vec<Span>,
    at: Vec<Option<Position>>,
    seat_count: usize,
}

impl EventModel {
    /// From operations of one key. What decided nothing, and reads without an answer, are left out;
    /// `kept` says which operation each of the model's is.
    pub fn new(operations: &[&Operation]) -> (Self, Vec<usize>) {
        let mut grants = Grants::default();
        for operation in operations {
            grants.learn_hold(operation);
        }
        for operation in operations {
            grants.learn_payment(operation);
        }
        let mut model = Self {
            grants: Vec::new(),
            actions: Vec::new(),
            spans: Vec::new(),
            at: Vec::new(),
            seat_count: 0,
        };
        let mut kept = Vec::new();
        for (index, operation) in operations.iter().enumerate() {
            let unknown = operation.outcome == Outcome::Unknown;
            let looks = operation.looks();
            if operation.outcome == Outcome::Undecided || (unknown && looks) {
                continue;
            }
            let action = grants.action(operation);
            if unknown && matches!(action, Action::Never) {
                continue;
            }
            kept.push(index);
            model.actions.push(action);
            model.at.push(operation.at);
            model.spans.push(Span {
                invoke_ns: operation.invoke_ns,
                return_ns: operation.return_ns,
                place: operation.place().unwrap_or_default(),
                // A client repeats a command whose answer it lost. A repeated hold says where it
                // was applied first; the others are safe to repeat, and do not say.
                early: match operation.f {
                    Function::Hold => operation.value.first_index.is_some(),
                    Function::Confirm | Function::Release => true,
                    Function::Read | Function::Expire => false,
                },
            });
        }
        let named = operations.iter().flat_map(|op| op.value.seats.iter().chain(&op.value.taken));
        model.seat_count = named.max().map_or(0, |&seat| seat_index(seat) + 1);
        model.grants = grants.list;
        (model, kept)
    }

    fn may_lapse(&self, grant: usize, op: usize, before_ns: u64) -> bool {
        let grant = &self.grants[grant];
        let log = match (grant.lapse_log_ms, self.at[op]) {
            (Some(due), Some(at)) => at.log_time_ms >= due,
            _ => true,
        };
        before_ns >= grant.lapse_ns && log
    }

    /// Frees `seat` if it is free or its hold may be over; false if it is taken for sure.
    fn clear(&self, state: &mut State, seat: usize, op: usize, before_ns: u64) -> bool {
        match state.seats[seat] {
            None => true,
            Some(grant) => self.lapse(state, grant, op, before_ns),
        }
    }

    fn lapse(&self, state: &mut State, grant: usize, op: usize, before_ns: u64) -> bool {
        let lapses = state.phases[grant] == Phase::Held && self.may_lapse(grant, op, before_ns);
        if lapses {
            self.enter(state, grant, Phase::Lapsed);
        }
        lapses
    }

    /// Moves `grant` to `phase` and its seats with it.
    fn enter(&self, state: &mut State, grant: usize, phase: Phase) {
        let code = |phase: Phase| scatter(((grant as u64) << 8) | (1 << 40) | phase as u64);
        state.fingerprint ^= code(state.phases[grant]) ^ code(phase);
        state.phases[grant] = phase;
        let owner = matches!(phase, Phase::Held | Phase::Sold).then_some(grant);
        if phase != Phase::Refused {
            for &seat in &self.grants[grant].seats {
                state.seats[seat] = owner;
            }
        }
    }

    fn hold(&self, state: &mut State, grant: usize, op: usize, before_ns: u64) -> bool {
        let subject = &self.grants[grant];
        match (&subject.answer, state.phases[grant]) {
            // No answer to any of its requests: it can only matter if it was granted.
            (Some(Answer::Granted) | None, Phase::Nothing) => {
                let free = subject.seats.iter().all(|&seat| self.clear(state, seat, op, before_ns));
                if free {
                    self.enter(state, grant, Phase::Held);
                }
                free && !subject.seats.is_empty()
            }
            (Some(Answer::Taken(taken)), Phase::Nothing) => {
                let fits = !taken.is_empty()
                    && taken.iter().all(|&seat| {
                        subject.seats.contains(&seat) && state.seats[seat].is_some()
                    })
                    && subject.seats.iter().all(|seat| {
                        taken.contains(seat) || self.clear(state, *seat, op, before_ns)
                    })
                    // Clearing one seat of another hold clears all of that hold.
                    && taken.iter().all(|&seat| state.seats[seat].is_some());
                if fits {
                    self.enter(state, grant, Phase::Refused);
                }
                fits
            }
            // A repetition: decided before, the same answer again, no effect.
            (Some(Answer::Taken(_)), phase) => phase == Phase::Refused,
            (Some(Answer::Granted) | None, phase) => phase != Phase::Refused,
        }
    }

    fn read_seat(
        &self,
        state: &mut State,
        op: usize,
        before_ns: u64,
        seen: (usize, SeatState),
    ) -> bool {
        let (seat, seen) = seen;
        let phase = state.seats[seat].map(|grant| state.phases[grant]);
        match seen {
            SeatState::Available => self.clear(state, seat, op, before_ns),
            SeatState::Held => phase == Some(Phase::Held),
            SeatState::Sold => phase == Some(Phase::Sold),
            SeatState::Blocked => false,
        }
    }

    fn apply(&self, state: &mut State, op: usize, before_ns: u64) -> bool {
        match self.actions[op] {
            Action::Hold { grant } => self.hold(state, grant, op, before_ns),
            Action::Confirm { grant, repeats } => match state.phases[grant] {
                Phase::Held => {
                    self.enter(state, grant, Phase::Sold);
                    true
                }
                Phase::Sold => repeats,
                Phase::Nothing | Phase::Refused | Phase::Released | Phase::Lapsed => false,
            },
            Action::Release { grant, repeats } => match state.phases[grant] {
                Phase::Held => {
                    self.enter(state, grant, Phase::Released);
                    true
                }
                Phase::Released => repeats,
                Phase::Nothing | Phase::Refused | Phase::Sold | Phase::Lapsed => false,
            },
            Action::TooLate { grant } => {
                state.phases[grant] == Phase::Lapsed || self.lapse(state, grant, op, before_ns)
            }
            Action::Conflict { grant } => match state.phases[grant] {
                Phase::Sold | Phase::Released | Phase::Lapsed => true,
                Phase::Held => self.in_payment(grant, before_ns),
                Phase::Nothing | Phase::Refused => false,
            },
            Action::ReadSeats(ref seen) => {
                seen.iter().all(|&seen| self.read_seat(state, op, before_ns, seen))
                    // A later seat of the read may have ended a hold that an earlier one showed.
                    && seen.iter().all(|&seen| self.read_seat(state, op, 0, seen))
            }
            Action::ReadBooking { grant, state: seen } => match seen {
                BookingState::Held => state.phases[grant] == Phase::Held,
                BookingState::Paying => {
                    state.phases[grant] == Phase::Held && self.in_payment(grant, before_ns)
                }
                BookingState::Confirmed => state.phases[grant] == Phase::Sold,
                BookingState::Released => state.phases[grant] == Phase::Released,
                BookingState::Expired => {
                    state.phases[grant] == Phase::Lapsed || self.lapse(state, grant, op, before_ns)
                }
                // No payment is captured here, so none is ever owed or given back.
                BookingState::RefundDue | BookingState::Refunded | BookingState::Capturing => false,
            },
            Action::Never => false,
            Action::Nothing => true,
        }
    }

    fn in_payment(&self, grant: usize, before_ns: u64) -> bool {
        self.grants[grant].payment_ns.is_some_and(|since| since <= before_ns)
    }
}

impl Model for EventModel {
    type State = State;

    fn spans(&self) -> &[Span] {
        &self.spans
    }
    fn start(&self) -> State {
        State {
            phases: vec![Phase::Nothing; self.grants.len()],
            seats: vec![None; self.seat_count],
            fingerprint: 0,
        }
    }
    fn step(&self, state: &State, op: usize, before_ns: u64) -> Option<State> {
        let mut next = state.clone();
        self.apply(&mut next, op, before_ns).then_some(next)
    }
    fn fingerprint(&self, state: &State) -> u128 {
        state.fingerprint
    }
}

/// Grants by what names them: the key of their request, and their booking.
#[derive(Default)]
struct Grants {
    list: Vec<Grant>,
    by_request: BTreeMap<String, usize>,
    by_booking: BTreeMap<String, usize>,
}

impl Grants {
    fn learn_hold(&mut self, operation: &Operation) {
        if operation.f != Function::Hold || operation.outcome == Outcome::Undecided {
            return;
        }
        let value = &operation.value;
        // A request without a key can't be repeated: it is a grant of its own.
        let name = value.request_id.clone().unwrap_or_else(|| format!("#{}", self.list.len()));
        let lapse_ns = value.ttl_ms.map_or(u64::MAX, |ttl_ms| {
            operation.invoke_ns.saturating_add(ttl_ms.saturating_mul(NANOS_PER_MILLI))
        });
        let index = *self.by_request.entry(name).or_insert_with(|| {
            self.list.push(Grant {
                owner: value.owner.clone(),
                seats: value.seats.iter().map(|&seat| seat_index(seat)).collect(),
                booking: None,
                lapse_ns,
                lapse_log_ms: None,
                payment_ns: None,
                confirm_key: None,
                release_key: None,
                answer: None,
            });
            self.list.len() - 1
        });
        let grant = &mut self.list[index];
        grant.lapse_ns = grant.lapse_ns.min(lapse_ns);
        match operation.outcome {
            Outcome::Done => {
                grant.answer.get_or_insert(Answer::Granted);
                grant.lapse_log_ms = grant.lapse_log_ms.or(value.expires_ms);
                if let Some(booking) = &value.booking {
                    grant.booking.get_or_insert_with(|| booking.clone());
                    self.by_booking.entry(booking.clone()).or_insert(index);
                }
            }
            Outcome::Refused if value.refused.as_deref() == Some(SEAT_TAKEN) => {
                let taken = value.taken.iter().map(|&seat| seat_index(seat)).collect();
                grant.answer.get_or_insert(Answer::Taken(taken));
            }
            Outcome::Refused | Outcome::Undecided | Outcome::Unknown => {}
        }
    }

    /// Payments and releases, and bookings that only a look ever named.
    fn learn_payment(&mut self, operation: &Operation) {
        let value = &operation.value;
        let Some(grant) = self.of_booking(operation) else { return };
        if let Some(booking) = &value.booking {
            self.by_booking.entry(booking.clone()).or_insert(grant);
        }
        let grant = &mut self.list[grant];
        match operation.f {
            Function::Confirm if operation.outcome != Outcome::Undecided => {
                let since = grant.payment_ns.get_or_insert(operation.invoke_ns);
                *since = (*since).min(operation.invoke_ns);
                if grant.confirm_key.is_none() {
                    grant.confirm_key.clone_from(&value.request_id);
                }
            }
            Function::Release if grant.release_key.is_none() => {
                grant.release_key.clone_from(&value.request_id);
            }
            Function::Hold
            | Function::Confirm
            | Function::Release
            | Function::Read
            | Function::Expire => {}
        }
    }

    /// The grant that an operation about a booking means: by the booking's id, or else by owner and
    /// seats, for a hold whose answer never came.
    fn of_booking(&self, operation: &Operation) -> Option<usize> {
        let booking = operation.value.booking.as_ref()?;
        if let Some(&grant) = self.by_booking.get(booking) {
            return Some(grant);
        }
        let seats: Vec<usize> =
            operation.value.seats.iter().map(|&seat| seat_index(seat)).collect();
        self.list.iter().position(|grant| {
            grant.booking.is_none()
                && grant.answer.is_none()
                && grant.owner == operation.value.owner
                && (seats.is_empty() || grant.seats == seats)
        })
    }

    fn action(&self, operation: &Operation) -> Action {
        match operation.f {
            Function::Hold => self.hold(operation),
            Function::Confirm | Function::Release => self.change(operation),
            Function::Read | Function::Expire => self.look(operation),
        }
    }

    fn hold(&self, operation: &Operation) -> Action {
        let value = &operation.value;
        let found = match (&value.request_id, &value.booking) {
            (Some(request), _) => self.by_request.get(request),
            (None, Some(booking)) => self.by_booking.get(booking),
            (None, None) => None,
        };
        let keyless = || {
            self.list.iter().position(|grant| {
                grant.booking.is_none()
                    && grant.owner == value.owner
                    && grant.seats.iter().copied().eq(value.seats.iter().map(|&s| seat_index(s)))
            })
        };
        let Some(grant) = found.copied().or_else(keyless) else { return Action::Never };
        let subject = &self.list[grant];
        match operation.outcome {
            Outcome::Unknown => Action::Hold { grant },
            Outcome::Done => {
                let seats: Vec<usize> = value.seats.iter().map(|&seat| seat_index(seat)).collect();
                let same = subject.answer == Some(Answer::Granted)
                    && subject.booking == value.booking
                    && subject.seats == seats
                    && subject.owner == value.owner;
                if same { Action::Hold { grant } } else { Action::Never }
            }
            Outcome::Refused if value.refused.as_deref() == Some(SEAT_TAKEN) => {
                let taken = value.taken.iter().map(|&seat| seat_index(seat)).collect();
                if subject.answer == Some(Answer::Taken(taken)) {
                    Action::Hold { grant }
                } else {
                    Action::Never
                }
            }
            Outcome::Refused | Outcome::Undecided => Action::Nothing,
        }
    }

    fn change(&self, operation: &Operation) -> Action {
        let value = &operation.value;
        let Some(grant) = self.of_booking(operation) else { return Action::Never };
        let subject = &self.list[grant];
        let own = subject.owner == value.owner;
        match operation.outcome {
            // Somebody else's booking: it must be refused, and if no answer came, it was.
            Outcome::Done | Outcome::Unknown if !own => Action::Never,
            Outcome::Done | Outcome::Unknown => {
                let first = match operation.f {
                    Function::Confirm => &subject.confirm_key,
                    Function::Release | Function::Hold | Function::Read | Function::Expire => {
                        &subject.release_key
                    }
                };
                let repeats = value.request_id.is_some() && *first == value.request_id;
                if operation.f == Function::Confirm {
                    Action::Confirm { grant, repeats }
                } else {
                    Action::Release { grant, repeats }
                }
            }
            Outcome::Refused => match value.refused.as_deref() {
                Some(BOOKING_EXPIRED) => Action::TooLate { grant },
                Some(BOOKING_STATE_CONFLICT) => Action::Conflict { grant },
                Some(_) | None => Action::Nothing,
            },
            Outcome::Undecided => Action::Nothing,
        }
    }

    fn look(&self, operation: &Operation) -> Action {
        let value = &operation.value;
        match (&value.state, operation.outcome) {
            (Some(Observed::Seats(states)), Outcome::Done) => {
                if states.len() != value.seats.len() {
                    return Action::Never;
                }
                let seats = value.seats.iter().map(|&seat| seat_index(seat));
                Action::ReadSeats(seats.zip(states.iter().copied()).collect())
            }
            (Some(Observed::Booking(state)), Outcome::Done) => {
                let Some(grant) = self.of_booking(operation) else { return Action::Never };
                let subject = &self.list[grant];
                let seats: Vec<usize> = value.seats.iter().map(|&seat| seat_index(seat)).collect();
                let same = (value.seats.is_empty() || subject.seats == seats)
                    && (value.owner.is_none() || subject.owner == value.owner);
                if same { Action::ReadBooking { grant, state: *state } } else { Action::Never }
            }
            // An acknowledged booking can't be unknown to the event later.
            (_, Outcome::Refused) => Action::Never,
            (_, Outcome::Done | Outcome::Undecided | Outcome::Unknown) => Action::Nothing,
        }
    }
}

fn seat_index(seat: u32) -> usize {
    usize::try_from(seat).expect("a seat's index fits the memory of this machine")
}
