//! The search for an order of operations that explains what was answered.
//!
//! Owns: Wing and Gong's search with Lowe's memoisation, over any [`Model`]. Must not: know what an
//! operation does.
//!
//! An operation with a known answer must take effect between its invocation and its return. One
//! whose outcome is unknown may take effect at any time after its invocation, or never. In
//! [`Order::Log`] the answered operations are tried in the order that the shard's log gives them;
//! the unknown ones float, and those whose answer may repeat an earlier one may come before it.
//!
//! An answer that is right as things stand, and changes nothing, is placed at once and nothing else
//! is tried instead: whatever order explains the rest with it later explains it with it here.
//!
//! Invariants:
//! - The verdict does not depend on the order in which operations are handed in.
//! - A search that runs out of its budget says so; it never guesses.

use std::collections::HashSet;

use crate::history::Place;

/// Which orders of the answered operations are tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Every order that real time allows.
    RealTime,
    /// That of [`Span::place`] alone.
    Log,
}

/// When an operation ran, and where the log says it took effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    pub invoke_ns: u64,
    /// `None`: the outcome is unknown.
    pub return_ns: Option<u64>,
    pub place: Place,
    /// The place is that of an answer which may repeat an earlier one: the effect came no later.
    pub early: bool,
}

/// A sequential specification.
pub trait Model {
    type State: Clone;

    fn spans(&self) -> &[Span];
    fn start(&self) -> Self::State;
    /// The state after operation `op`, if its answer can be explained in `state` by an effect that
    /// took place no later than `before_ns`.
    fn step(&self, state: &Self::State, op: usize, before_ns: u64) -> Option<Self::State>;
    /// Equal states have equal fingerprints, and different ones differ but for luck of 2^-128.
    fn fingerprint(&self, state: &Self::State) -> u128;
}

/// What the search found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// There is an order.
    Explained,
    /// There is none. At the furthest point, this many operations were placed and none of `stuck`
    /// could go next.
    Impossible { placed: usize, stuck: Vec<usize> },
    /// The budget ran out.
    Undecided,
}

struct Level<S> {
    state: S,
    /// Fingerprint of the set of placed operations.
    placed: u128,
    candidates: Vec<usize>,
    next: usize,
    /// The operation that led here.
    by: Option<usize>,
    before_ns: u64,
}

/// 128 mixed bits for a number, so that the bits of a set of numbers can be added by `^`.
pub fn scatter(number: u64) -> u128 {
    let low = rowlock_proto::shard::mix64(number.wrapping_add(0x9e37_79b9_7f4a_7c15));
    let high = rowlock_proto::shard::mix64(low ^ number.rotate_left(32) ^ 0xd1b5_4a32_d192_ed03);
    (u128::from(high) << 64) | u128::from(low)
}

/// Looks for an order, visiting at most `budget` states.
pub fn search<M: Model>(model: &M, order: Order, budget: usize) -> Verdict {
    let spans = model.spans();
    let mut known: Vec<usize> =
        (0..spans.len()).filter(|&op| spans[op].return_ns.is_some()).collect();
    let mut unknown: Vec<usize> =
        (0..spans.len()).filter(|&op| spans[op].return_ns.is_none()).collect();
    match order {
        Order::RealTime => known.sort_by_key(|&op| (spans[op].invoke_ns, op)),
        Order::Log => known.sort_by_key(|&op| (spans[op].place, op)),
    }
    unknown.sort_by_key(|&op| (spans[op].invoke_ns, op));
    let tracks = Tracks { spans, order, known, unknown };

    let mut done = vec![false; spans.len()];
    // `known` up to here is placed: candidates are looked for from here on.
    let mut placed_known = 0_usize;
    let mut seen: HashSet<u128> = HashSet::new();
    let mut furthest = (0, Vec::new());
    let (state, placed, by, next) = (model.start(), 0, None, 0);
    let print = model.fingerprint(&state);
    let (candidates, before_ns) = tracks.worth_trying(model, &done, &state, print);
    let mut levels = vec![Level { state, placed, candidates, next, by, before_ns }];
    let mut visited = 0_usize;
    loop {
        if placed_known == tracks.known.len() {
            return Verdict::Explained;
        }
        let depth = levels.len() - 1;
        let Some(level) = levels.last_mut() else {
            return Verdict::Impossible { placed: furthest.0, stuck: furthest.1 };
        };
        if depth >= furthest.0 && level.next == 0 {
            furthest = (depth, level.candidates.clone());
        }
        let Some(&op) = level.candidates.get(level.next) else {
            let Some(op) = level.by else {
                return Verdict::Impossible { placed: furthest.0, stuck: furthest.1 };
            };
            done[op] = false;
            placed_known -= usize::from(spans[op].return_ns.is_some());
            levels.pop();
            continue;
        };
        level.next += 1;
        let before_ns = match order {
            Order::RealTime => level.before_ns,
            // Real time is compared with the log apart; here each operation answers for itself.
            Order::Log => spans[op].return_ns.unwrap_or(level.before_ns),
        };
        let Some(state) = model.step(&level.state, op, before_ns) else { continue };
        let placed = level.placed ^ scatter(op as u64);
        let print = model.fingerprint(&state);
        if !seen.insert(placed ^ print.rotate_left(1)) {
            continue;
        }
        visited += 1;
        if visited > budget {
            return Verdict::Undecided;
        }
        done[op] = true;
        placed_known += usize::from(spans[op].return_ns.is_some());
        let (candidates, before_ns) = tracks.worth_trying(model, &done, &state, print);
        let (by, next) = (Some(op), 0);
        levels.push(Level { state, placed, candidates, next, by, before_ns });
    }
}

struct Tracks<'a> {
    spans: &'a [Span],
    order: Order,
    known: Vec<usize>,
    unknown: Vec<usize>,
}

impl Tracks<'_> {
    /// The candidates, or the one among them that only looks and sees what there is.
    fn worth_trying<M: Model>(
        &self,
        model: &M,
        done: &[bool],
        state: &M::State,
        print: u128,
    ) -> (Vec<usize>, u64) {
        let (candidates, before_ns) = self.candidates(done);
        let fits = |&&op: &&usize| {
            self.spans[op].return_ns.is_some()
                && model
                    .step(state, op, before_ns)
                    .is_some_and(|after| model.fingerprint(&after) == print)
        };
        match candidates.iter().find(fits).filter(|_| self.order == Order::RealTime) {
            Some(&op) => (vec![op], before_ns),
            None => (candidates, before_ns),
        }
    }

    /// What may go next, and the latest time at which it can have taken effect. Answered operations
    /// come first: an unknown one is only worth trying where they do not fit.
    fn candidates(&self, done: &[bool]) -> (Vec<usize>, u64) {
        let mut open = self.known.iter().copied().filter(|&op| !done[op]);
        let mut found = Vec::new();
        let mut before_ns = u64::MAX;
        let return_of = |op: usize| self.spans[op].return_ns.unwrap_or(u64::MAX);
        match self.order {
            Order::RealTime => {
                for op in open {
                    if self.spans[op].invoke_ns > before_ns {
                        break;
                    }
                    before_ns = before_ns.min(return_of(op));
                    found.push(op);
                }
                found.retain(|&op| self.spans[op].invoke_ns <= before_ns);
                found.sort_by_key(|&op| return_of(op));
            }
            Order::Log => {
                if let Some(op) = open.next() {
                    before_ns = return_of(op);
                    found.push(op);
                }
            }
        }
        let ahead = found.first().copied();
        let early =
            self.known.iter().copied().filter(|&op| {
                self.order == Order::Log && self.spans[op].early && Some(op) != ahead
            });
        let floating = self.unknown.iter().copied().chain(early);
        found.extend(floating.filter(|&op| self.spans[op].invoke_ns <= before_ns && !done[op]));
        (found, before_ns)
    }
}
