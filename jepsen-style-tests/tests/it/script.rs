//! Short histories, written by hand.

use rowlock_jepsen::checker::{self, Violation};
use rowlock_jepsen::faults::FaultLog;
use rowlock_jepsen::history::{
    BookingState, Function, Observed, Operation, Outcome, Position, SeatState, Value,
};

pub(crate) const TTL_MS: u64 = 6_000;
/// Log time of the first answer; each later one is a millisecond on. Past the end of every hold here,
/// so that real time alone decides.
const LOG_TIME_MS: u64 = 1_000_000;
const NANOS_PER_MILLI: u64 = 1_000_000;

/// Operations of one event, each with the next log index unless told otherwise.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) operations: Vec<Operation>,
    ending: bool,
}

impl Script {
    /// The reads from here on are the last of the run.
    pub(crate) fn end(&mut self) {
        self.ending = true;
    }

    /// `owner` asks between `from` and `to` (milliseconds); `to` 0 leaves the outcome unknown.
    pub(crate) fn op(&mut self, f: Function, owner: &str, from: u64, to: u64) -> &mut Operation {
        let index = self.operations.len() as u64 + 1;
        let known = to > 0;
        self.operations.push(Operation {
            process: index,
            f,
            key: "evt-1".to_owned(),
            invoke_ns: from * NANOS_PER_MILLI,
            return_ns: known.then_some(to * NANOS_PER_MILLI),
            outcome: if known { Outcome::Done } else { Outcome::Unknown },
            value: Value {
                owner: Some(owner.to_owned()),
                last: self.ending && f == Function::Read,
                ..Value::default()
            },
            at: known.then_some(Position {
                shard: 1,
                term: 1,
                index,
                revision: index,
                log_time_ms: LOG_TIME_MS + index,
            }),
        });
        self.operations.last_mut().unwrap()
    }

    /// A hold that is granted, or unknown.
    pub(crate) fn hold(
        &mut self,
        owner: &str,
        seats: &[u32],
        from: u64,
        to: u64,
    ) -> &mut Operation {
        let op = self.op(Function::Hold, owner, from, to);
        op.value.seats = seats.to_vec();
        op.value.request_id = Some(format!("req-{owner}"));
        op.value.ttl_ms = Some(TTL_MS);
        if to > 0 {
            op.value.booking = Some(format!("bkg-{owner}"));
            op.value.state = Some(Observed::Booking(BookingState::Held));
        }
        op
    }

    pub(crate) fn taken(&mut self, owner: &str, seats: &[u32], taken: &[u32], from: u64, to: u64) {
        let op = self.hold(owner, seats, from, to);
        op.outcome = Outcome::Refused;
        op.value.booking = None;
        op.value.state = None;
        op.value.refused = Some("seat-taken".to_owned());
        op.value.taken = taken.to_vec();
    }

    /// Confirm or release of the booking that `owner` holds.
    pub(crate) fn change(
        &mut self,
        f: Function,
        owner: &str,
        from: u64,
        to: u64,
    ) -> &mut Operation {
        let op = self.op(f, owner, from, to);
        op.value.booking = Some(format!("bkg-{owner}"));
        op.value.request_id = Some(format!("req-{f:?}-{owner}"));
        op
    }

    pub(crate) fn confirm(&mut self, owner: &str, from: u64, to: u64) -> &mut Operation {
        self.change(Function::Confirm, owner, from, to)
    }

    pub(crate) fn release(&mut self, owner: &str, from: u64, to: u64) -> &mut Operation {
        self.change(Function::Release, owner, from, to)
    }

    pub(crate) fn refused(&mut self, f: Function, owner: &str, code: &str, from: u64, to: u64) {
        let op = self.change(f, owner, from, to);
        op.outcome = Outcome::Refused;
        op.value.refused = Some(code.to_owned());
    }

    /// A read of all seats from 0 on: one letter a seat, `A`, `H` or `S`.
    pub(crate) fn read(&mut self, letters: &str, from: u64, to: u64) -> &mut Operation {
        let op = self.op(Function::Read, "", from, to);
        op.value.owner = None;
        op.value.seats = (0..u32::try_from(letters.len()).unwrap()).collect();
        let state = |letter| match letter {
            'A' => SeatState::Available,
            'H' => SeatState::Held,
            'S' => SeatState::Sold,
            other => panic!("no seat state {other}"),
        };
        op.value.state = Some(Observed::Seats(letters.chars().map(state).collect()));
        op
    }

    /// A look at the booking of `owner`.
    pub(crate) fn look(
        &mut self,
        owner: &str,
        seats: &[u32],
        state: BookingState,
        from: u64,
        to: u64,
    ) -> &mut Operation {
        let op = self.op(Function::Read, owner, from, to);
        op.value.booking = Some(format!("bkg-{owner}"));
        op.value.seats = seats.to_vec();
        op.value.state = Some(Observed::Booking(state));
        op
    }

    pub(crate) fn violations(&self) -> Vec<Violation> {
        self.violations_with(&calm())
    }

    pub(crate) fn violations_with(&self, faults: &FaultLog) -> Vec<Violation> {
        let mut operations = self.operations.clone();
        operations.sort_by_key(|op| op.invoke_ns);
        checker::check(&operations, faults)
    }

    /// Each of `checks` must refuse the history.
    pub(crate) fn refused_by(&self, checks: &[&str]) {
        let found = self.violations();
        for check in checks {
            assert!(
                found.iter().any(|violation| violation.check == *check),
                "{check} accepts it; found: {found:#?}"
            );
        }
    }

    pub(crate) fn accepted(&self) {
        assert_eq!(self.violations(), []);
    }
}

/// Moves an answer to `index` of the log.
pub(crate) fn move_to(op: &mut Operation, index: u64) {
    let at = op.at.as_mut().expect("an operation with an answer");
    (at.index, at.revision, at.log_time_ms) = (index, index, LOG_TIME_MS + index);
}

/// A run in which nothing was broken.
pub(crate) fn calm() -> FaultLog {
    FaultLog { recorded: true, ..FaultLog::default() }
}
