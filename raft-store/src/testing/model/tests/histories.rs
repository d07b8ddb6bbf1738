//! The random histories themselves, and whether they would find a mistake.

use super::*;

pub(super) fn runner(cases: u32, seed: u64) -> TestRunner {
    TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        ..ProptestConfig::default()
    })
}

/// The same histories at every run; another seed, other histories.
fn check(seed: u64, commands_min: u64, steps: impl Fn() -> BoxedStrategy<Vec<(i64, Wish)>>) {
    let mut commands = 0;
    for round in 0.. {
        let counted = Cell::new(0);
        let outcome = runner(CASES, seed + round).run(&steps(), |steps| {
            counted.set(counted.get() + run(steps, None).0);
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("seed {}: {error}", seed + round);
        }
        commands += counted.get();
        if commands >= commands_min {
            return;
        }
    }
}

/// Histories of one seed.
const CASES: u32 = 500;
/// Of one test; there are two, for two cores.
const COMMANDS_MIN: u64 = 500_000;

#[test]
fn p1_p2_p4_p5_p6_p7_half_a_million_random_commands_match_the_model() {
    check(0x5eed, COMMANDS_MIN, steps);
}

#[test]
fn p1_p2_p4_p5_p6_p7_another_half_million_match_the_model() {
    check(0xfeed_0000, COMMANDS_MIN, steps);
}

#[test]
fn p8_random_waiting_rooms_match_the_model() {
    check(0x11ee, 100_000, lines::line_steps);
}

#[test]
fn random_consumers_match_the_model() {
    check(0xc0_5e, 50_000, readers::reader_steps);
}

#[test]
fn random_lists_of_users_match_the_model() {
    check(0x115_7ed, 50_000, shelves::shelf_steps);
}

#[test]
fn random_accounts_match_the_model() {
    check(0xacc_0047, 50_000, tenants::key_steps);
}

#[test]
fn random_waitlists_match_the_model() {
    check(0x3a17, 100_000, waitlists::wait_steps);
}

#[test]
fn p1_p4_p6_random_terms_match_the_model() {
    check(0x7e45, 100_000, terms::terms_steps);
}

#[test]
fn p4_p6_random_collections_match_the_model() {
    check(0x0dd_ba11, 100_000, keeping::keep_steps);
}

/// The model would be of no use if it did not notice.
#[test]
fn every_planted_mistake_is_found() {
    for &mistake in planted::tests::ALL {
        planted::tests::plant(Some(mistake));
        let found = (0..100_u64).any(|seed| {
            // No shrinking: that it is found is enough.
            let mut random = runner(1, 0xbad_5eed + seed * 1_000);
            // What only some histories are about is looked for in those.
            let kinds = [
                steps,
                lines::line_steps,
                doors::door_steps,
                money::money_steps,
                waitlists::wait_steps,
                terms::terms_steps,
                keeping::keep_steps,
            ];
            let seen = (0..84).any(|round: usize| {
                let steps = kinds[round % kinds.len()]().new_tree(&mut random).unwrap().current();
                std::panic::catch_unwind(|| run(steps, Some(Sleeper::new()))).is_err()
            });
            // Consumers, lists of users and accounts have nothing to do with events.
            let mut random = runner(1, 0xc0_5e00 + seed);
            let apart = [readers::reader_steps, shelves::shelf_steps, tenants::key_steps];
            seen || (0..24).any(|round: usize| {
                let steps = apart[round % apart.len()]().new_tree(&mut random).unwrap().current();
                std::panic::catch_unwind(|| run(steps, Some(Sleeper::new()))).is_err()
            })
        });
        planted::tests::plant(None);
        assert!(found, "{mistake:?} is not found");
    }
}
