//! The blind checker against the brute one, on short random histories: some honest, some with one
//! answer changed.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use rowlock_jepsen::checker::{blind, witness};
use rowlock_jepsen::history::{BookingState, Function, Observed, Operation, SeatState};

use crate::brute;
use crate::script::Script;

/// One step of an honest event: what is asked, by whom, and how long before and after its effect
/// the caller waits.
#[derive(Clone, Debug)]
struct Step {
    what: u8,
    owner: usize,
    seats: Vec<u32>,
    before: u64,
    after: u64,
    pause: u64,
    unknown: bool,
    happens: bool,
}

const OWNERS: [&str; 4] = ["ann", "bob", "cat", "dan"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        0_u8..8,
        0_usize..4,
        prop::sample::subsequence(vec![0_u32, 1, 2], 1..3),
        0_u64..2_500,
        1_u64..2_500,
        1_u64..2_600,
        prop::bool::weighted(0.15),
        any::<bool>(),
    );
    let step = step.prop_map(|(what, owner, seats, before, after, pause, unknown, happens)| Step {
        what,
        owner,
        seats,
        before,
        after,
        pause,
        unknown,
        happens,
    });
    prop::collection::vec(step, 2..8)
}

/// What one owner's request came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Held { until: u64 },
    Sold,
    Released,
    Lapsed,
}

#[derive(Clone)]
struct Asked {
    seats: Vec<u32>,
    taken: Vec<u32>,
    fate: Option<Fate>,
}

/// Plays the steps on an honest event, with its answers.
fn play(steps: &[Step]) -> Script {
    let mut script = Script::default();
    let mut asked: Vec<Option<Asked>> = vec![None; OWNERS.len()];
    // A key names one request: repetitions ask for the same seats.
    let mut wants: [Option<Vec<u32>>; OWNERS.len()] = Default::default();
    let mut now = 10_000;
    for step in steps {
        now += step.pause;
        for asked in asked.iter_mut().flatten() {
            if matches!(asked.fate, Some(Fate::Held { until }) if until <= now) {
                asked.fate = Some(Fate::Lapsed);
            }
        }
        let (from, to) = (now - step.before, now + step.after);
        let to = if step.unknown { 0 } else { to };
        let happens = step.happens || !step.unknown;
        let owner = OWNERS[step.owner];
        let stands = |seat: u32, asked: &[Option<Asked>]| {
            asked.iter().flatten().find_map(|asked| match asked.fate {
                Some(fate @ (Fate::Held { .. } | Fate::Sold)) if asked.seats.contains(&seat) => {
                    Some(fate)
                }
                _ => None,
            })
        };
        match (step.what, asked[step.owner].clone()) {
            (0..=3, before) => {
                let wanted = wants[step.owner].get_or_insert_with(|| step.seats.clone()).clone();
                let entry = before.unwrap_or_else(|| {
                    let taken: Vec<u32> = wanted
                        .iter()
                        .copied()
                        .filter(|&seat| stands(seat, &asked).is_some())
                        .collect();
                    let until = from + crate::script::TTL_MS + 500;
                    let fate = taken.is_empty().then_some(Fate::Held { until: until.max(now + 1) });
                    Asked { seats: wanted, taken, fate }
                });
                if step.unknown || entry.taken.is_empty() {
                    script.hold(owner, &entry.seats, from, to);
                } else {
                    script.taken(owner, &entry.seats, &entry.taken, from, to);
                }
                if happens {
                    asked[step.owner] = Some(entry);
                }
            }
            (4, Some(Asked { fate: Some(fate), .. })) => {
                let held = matches!(fate, Fate::Held { .. });
                match fate {
                    Fate::Held { .. } | Fate::Sold => {
                        script.confirm(owner, from, to);
                    }
                    Fate::Lapsed if !step.unknown => {
                        script.refused(Function::Confirm, owner, "booking-expired", from, to);
                    }
                    Fate::Lapsed | Fate::Released => {}
                }
                if held
                    && happens
                    && let Some(asked) = &mut asked[step.owner]
                {
                    asked.fate = Some(Fate::Sold);
                }
            }
            (5, Some(Asked { fate: Some(Fate::Held { .. } | Fate::Released), .. })) => {
                script.release(owner, from, to);
                if happens && let Some(asked) = &mut asked[step.owner] {
                    asked.fate = Some(Fate::Released);
                }
            }
            (6, Some(Asked { fate: Some(fate), seats, .. })) if !step.unknown => {
                let state = match fate {
                    Fate::Held { .. } => BookingState::Held,
                    Fate::Sold => BookingState::Confirmed,
                    Fate::Released => BookingState::Released,
                    Fate::Lapsed => BookingState::Expired,
                };
                script.look(owner, &seats, state, from, to);
            }
            (7, _) if !step.unknown => {
                let letter = |seat| match stands(seat, &asked) {
                    None => 'A',
                    Some(Fate::Held { .. }) => 'H',
                    Some(Fate::Sold | Fate::Released | Fate::Lapsed) => 'S',
                };
                let letters: String = (0..3).map(letter).collect();
                script.read(&letters, from, to);
            }
            _ => {}
        }
    }
    script
}

/// Changes one answer, or one time.
fn spoil(script: &mut Script, which: usize, how: u8) {
    let count = script.operations.len();
    let Some(op) = script.operations.get_mut(which % count.max(1)) else { return };
    match how {
        0 => {
            if let Some(return_ns) = op.return_ns.filter(|&ns| ns > op.invoke_ns + 2) {
                op.invoke_ns = return_ns - 1;
            }
        }
        1 => op.return_ns = op.return_ns.map(|_| op.invoke_ns + 1),
        _ => match &mut op.value.state {
            Some(Observed::Seats(states)) => {
                let place = usize::from(how) % states.len();
                states[place] = match states[place] {
                    SeatState::Available => SeatState::Held,
                    SeatState::Held => SeatState::Sold,
                    SeatState::Sold | SeatState::Blocked => SeatState::Available,
                };
            }
            Some(Observed::Booking(state)) if op.f == Function::Read => {
                *state = match state {
                    BookingState::Held => BookingState::Expired,
                    BookingState::Expired => BookingState::Released,
                    BookingState::Released => BookingState::Confirmed,
                    _ => BookingState::Held,
                };
            }
            Some(Observed::Booking(_)) | None => {}
        },
    }
}

fn by_invocation(script: &Script) -> Vec<Operation> {
    let mut operations = script.operations.clone();
    operations.sort_by_key(|op| op.invoke_ns);
    operations
}

fn deterministic(cases: u32) -> TestRunner {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn honest_histories_are_accepted() {
    let judged = deterministic(3_000).run(&steps(), |steps| {
        let operations = by_invocation(&play(&steps));
        prop_assert!(brute::explained(&operations), "brute: {operations:#?}");
        prop_assert_eq!(blind::check(&operations), []);
        prop_assert_eq!(witness::check(&operations), []);
        Ok(())
    });
    judged.unwrap();
}

#[test]
fn spoiled_histories_are_judged_alike() {
    let cases = 6_000;
    let refused = Cell::new(0);
    let judged =
        deterministic(cases).run(&(steps(), 0_usize..8, 0_u8..5), |(steps, which, how)| {
            let mut script = play(&steps);
            spoil(&mut script, which, how);
            let operations = by_invocation(&script);
            let brute = brute::explained(&operations);
            let blind = blind::check(&operations);
            prop_assert_eq!(brute, blind.is_empty(), "{:#?} {:#?}", blind, operations);
            refused.set(refused.get() + u32::from(!brute));
            Ok(())
        });
    judged.unwrap();
    // Agreement means little unless both verdicts are met often.
    assert!((cases / 20..cases * 19 / 20).contains(&refused.get()), "{} refused", refused.get());
}
